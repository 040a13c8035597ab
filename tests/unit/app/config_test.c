// SPDX-License-Identifier: BSD-3-Clause
// The configuration: the example of docs/configuration.md with every key, defaults, and each kind
// of error with its exact place.
#include "app/leatd/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define PORT "ports: [{name: p, device: d}]\n"

static char said[8192]; // what the last load wrote
static struct leatd_conf conf;

// Load text as a file named t.yaml in a directory of its own; the name is cut out of the messages.
static int load(const char *text)
{
	char dir[] = "/tmp/leat-config.XXXXXX", path[64];
	FILE *f, *err;
	int rc;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/t.yaml", dir);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	memset(said, 0, sizeof(said));
	err = fmemopen(said, sizeof(said) - 1, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(err);
	rc = leatd_conf_load(path, &conf, err);
	fclose(err);
	unlink(path);
	rmdir(dir);
	for (char *at; (at = strstr(said, dir)) != NULL;)
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
	return rc;
}

// The text is refused with exactly these lines (and no other).
static void refused(const char *text, const char *lines)
{
	CU_ASSERT_NOT_EQUAL(load(text), 0);
	CU_ASSERT_STRING_EQUAL(said, lines);
	if (strcmp(said, lines) != 0)
		printf("\n--- text\n%s--- said\n%s--- expected\n%s", text, said, lines);
}

static void accepted(const char *text)
{
	CU_ASSERT_EQUAL(load(text), 0);
	CU_ASSERT_STRING_EQUAL(said, "");
	if (said[0] != '\0')
		printf("\n--- text\n%s--- said\n%s", text, said);
}

// The first fenced YAML block of docs/configuration.md. CPU 1 may be missing here: idle: sleep and
// CPU 0 instead.
static char *example(void)
{
	FILE *f = fopen(LEAT_DOCS "/configuration.md", "r");
	char line[512], *text = calloc(1, 16384);
	int inside = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "```", 3) == 0) {
			if (inside)
				break;
			inside = strncmp(line, "```yaml", 7) == 0;
			continue;
		}
		if (!inside)
			continue;
		if (strncmp(line, "  cpus: [1]", 11) == 0)
			strcat(text, "  cpus: [0]\n");
		else if (strncmp(line, "  idle: spin", 12) == 0)
			strcat(text, "  idle: sleep\n");
		else
			strcat(text, line);
	}
	fclose(f);
	return text;
}

static void documented_example(void)
{
	char *text = example();
	const struct leatd_port_conf *p = &conf.ports[0];

	accepted(text);
	free(text);
	CU_ASSERT_STRING_EQUAL(conf.stack.name, "leat0");
	CU_ASSERT_STRING_EQUAL(conf.control.socket, "/run/leat/leat0.sock");
	CU_ASSERT_EQUAL(conf.workers.n_cpus, 1);
	CU_ASSERT_EQUAL(conf.workers.idle, LEATD_IDLE_SLEEP);
	CU_ASSERT_EQUAL(conf.memory.megabytes, 512);
	CU_ASSERT_EQUAL(conf.memory.mbufs, 16384);
	CU_ASSERT_EQUAL(conf.memory.mbuf_size, 2048);
	CU_ASSERT_EQUAL(conf.limits.connections, 16384);
	CU_ASSERT_EQUAL(conf.limits.half_open, 4096);
	CU_ASSERT_EQUAL(conf.limits.reassembly_kib, 4096);
	CU_ASSERT_EQUAL(conf.n_ports, 1);
	CU_ASSERT_STRING_EQUAL(p->name, "wire0");
	CU_ASSERT_STRING_EQUAL(p->device, "net_af_packet0,iface=wire0");
	CU_ASSERT_STRING_EQUAL(p->netns, "wire");
	CU_ASSERT_EQUAL(p->mtu, 1500);
	CU_ASSERT_EQUAL(p->n_addresses, 1);
	CU_ASSERT_EQUAL(p->addresses[0].len, 24);
	CU_ASSERT_EQUAL(leat_ip_be32(p->addresses[0].ip), inet_addr("192.0.2.1"));
	CU_ASSERT_EQUAL(p->n_vlans, 1);
	CU_ASSERT_EQUAL(p->vlans[0].id, 10);
	CU_ASSERT_EQUAL(leat_ip_be32(p->vlans[0].addresses[0].ip), inet_addr("198.51.100.1"));
	CU_ASSERT_TRUE(conf.exception.enabled);
	CU_ASSERT_STRING_EQUAL(conf.exception.netns, "host");
	CU_ASSERT_FALSE(conf.exception.persist);
	CU_ASSERT_TRUE(conf.icmp.echo);
	CU_ASSERT_EQUAL(conf.n_services, 4);
	CU_ASSERT_EQUAL(conf.services[0].type, LEATD_HTTP);
	CU_ASSERT_EQUAL(conf.services[0].protocol, LEATD_TCP);
	CU_ASSERT_EQUAL(conf.services[2].protocol, LEATD_UDP);
	CU_ASSERT_EQUAL(conf.services[2].port, 7);
	CU_ASSERT_EQUAL(leat_ip_be32(conf.services[2].address), inet_addr("192.0.2.1"));
	CU_ASSERT_TRUE(leat_ip_is_any(conf.services[3].address));
	CU_ASSERT_EQUAL(conf.services[3].type, LEATD_DISCARD);
}

// The example gives nearly every key its default: without them the result is the same.
static void defaults(void)
{
	char *text = example();
	struct leatd_conf full;

	accepted(text);
	free(text);
	full = conf;
	accepted("workers: {cpus: [0], idle: sleep}\n"
		 "exception: {netns: host}\n"
		 "ports:\n"
		 "  - name: wire0\n"
		 "    device: net_af_packet0,iface=wire0\n"
		 "    netns: wire\n"
		 "    addresses: [192.0.2.1/24]\n"
		 "    vlans: [{id: 10, addresses: [198.51.100.1/24]}]\n"
		 "services:\n"
		 "  - {name: web, type: http, port: 80}\n"
		 "  - {name: echo, type: echo, protocol: tcp, port: 7}\n"
		 "  - {name: uecho, type: echo, protocol: udp, port: 7, address: 192.0.2.1}\n"
		 "  - {name: sink, type: discard, protocol: tcp, port: 9}\n");
	CU_ASSERT_EQUAL(memcmp(&full, &conf, sizeof(conf)), 0);
	accepted("stack: {name: x-1}\nworkers: {idle: sleep}\n" PORT);
	CU_ASSERT_STRING_EQUAL(conf.control.socket, "/run/leat/x-1.sock");
}

static void syntax(void)
{
	refused("ports: [{name: p\n", "t.yaml:2:1: not YAML: missing comma in flow mapping\n");
	refused("a: b: c\n",
		"t.yaml:1:5: not YAML: invalid nested block mapping on the same line\n");
	refused("", "t.yaml: empty (expected a map)\n");
	refused("- 1\n", "t.yaml:1:1: is a list (expected a map)\n");
	refused("a: 1\n---\nb: 1\n", "t.yaml:2:1: a second document in the file\n");
	refused("stack: &x {name: a}\n", "t.yaml:1:11: tags and anchors are not understood here\n");
	refused("stack: *x\n", "t.yaml:1:8: aliases are not understood here\n");
	refused("? [a]\n: 1\n", "t.yaml:1:3: a key is a word, not a map or a list\n");
	CU_ASSERT_NOT_EQUAL(leatd_conf_load("/nonexistent/t.yaml", &conf, stdout), 0);
}

static void keys(void)
{
	refused(PORT "wrkers:\n  idle: sleep\n",
		"t.yaml:2:1: wrkers: unknown key (expected one of stack, control, workers, "
		"housekeeping, "
		"memory, limits, ports, exception, icmp, services)\n");
	refused(PORT "icmp:\n  echo: true\n  ecco: true\n",
		"t.yaml:4:3: icmp.ecco: unknown key (expected one of echo)\n");
	refused("ports:\n  - name: p\n    device: d\n    vlans:\n      - {id: 1}\n      - {di: 2, "
		"id: 2}\n",
		"t.yaml:6:10: ports[0].vlans[1].di: unknown key (expected one of id, addresses)\n");
	refused(PORT "stack:\n  name: a\n  name: b\n",
		"t.yaml:4:3: stack.name: stands here a second time, first in line 3\n");
	refused("stack: {name: a}\n",
		"t.yaml:1:1: ports is missing (expected a list of 1 to 16)\n");
	refused("ports:\n  - name: p\n    mtu: 1500\n",
		"t.yaml:2:5: ports[0]: device is missing (expected 1 to 127 characters)\n");
	refused(PORT "services:\n  - {name: a, type: echo, port: 1}\n",
		"t.yaml:3:5: services[0]: protocol is missing (expected tcp or udp, with type "
		"echo)\n");
	// A key that begins like one that is known.
	refused(PORT "exception:\n  enable: true\n", "t.yaml:3:3: exception.enable: unknown key "
						     "(expected one of enabled, netns, persist)\n");
}

static void types(void)
{
	refused(PORT "memory:\n  mbufs: many\n", "t.yaml:3:10: memory.mbufs: \"many\" is not a "
						 "number (expected a number from 1024 to "
						 "16777215)\n");
	refused(PORT "memory:\n  mbufs: \"2048\"\n",
		"t.yaml:3:10: memory.mbufs: \"2048\" is a string (expected a number from 1024 to "
		"16777215)\n");
	refused(PORT "memory:\n  mbufs: [2048]\n",
		"t.yaml:3:10: memory.mbufs: is a list (expected a number from 1024 to 16777215)\n");
	refused(PORT "memory:\n  mbufs: -2048\n", "t.yaml:3:10: memory.mbufs: \"-2048\" is not a "
						  "number (expected a number from 1024 to "
						  "16777215)\n");
	refused(PORT "memory: 5\n", "t.yaml:2:9: memory: is a single value (expected a map)\n");
	refused(PORT "memory:\n", "t.yaml:2:1: memory: is empty (expected a map)\n");
	refused(PORT "icmp: {echo: yes}\n",
		"t.yaml:2:14: icmp.echo: \"yes\" is not a truth value (expected true or false)\n");
	refused(PORT "icmp: {echo: \"true\"}\n",
		"t.yaml:2:14: icmp.echo: \"true\" is a string (expected true or false)\n");
	refused(PORT "workers: {idle: nap}\n",
		"t.yaml:2:17: workers.idle: \"nap\" is unknown (expected spin or sleep)\n");
	refused(PORT "workers: {cpus: 1}\n",
		"t.yaml:2:17: workers.cpus: \"1\" is not a list (expected a list of 1 to 64)\n");
	refused(PORT "workers: {cpus: []}\n",
		"t.yaml:2:17: workers.cpus: has 0 elements (expected a list of 1 to 64)\n");
	refused(PORT "workers: {cpus: [0, x]}\n", "t.yaml:2:21: workers.cpus[1]: \"x\" is not a "
						  "number (expected a number from 0 to 1023)\n");
	refused("ports: {name: p}\n", "t.yaml:1:8: ports: is a map (expected a list of 1 to 16)\n");
	refused("ports: [p]\n", "t.yaml:1:9: ports[0]: is a single value (expected a map)\n");
	refused("ports: [{name: 7, device: d}]\n",
		"t.yaml:1:16: ports[0].name: \"7\" is not a string (put it into quotes if it is "
		"meant) "
		"(expected 1 to 11 characters of [A-Za-z0-9_-])\n");
	refused("ports: [{name: p, device: null}]\n",
		"t.yaml:1:27: ports[0].device: \"null\" is not a string (put it into quotes if it "
		"is meant) "
		"(expected 1 to 127 characters)\n");
}

static void ranges(void)
{
	refused(PORT "memory: {megabytes: 63}\n", "t.yaml:2:21: memory.megabytes: \"63\" is out of "
						  "range (expected a number from 64 to "
						  "1048576)\n");
	refused(PORT "memory: {megabytes: 18446744073709551617}\n",
		"t.yaml:2:21: memory.megabytes: \"18446744073709551617\" is out of range (expected "
		"a "
		"number from 64 to 1048576)\n");
	accepted("workers: {idle: sleep}\nmemory: {megabytes: 64}\n" PORT);
	accepted("workers: {idle: sleep}\nmemory: {megabytes: 1048576}\n" PORT);
	refused(PORT "memory: {megabytes: 1048577}\n",
		"t.yaml:2:21: memory.megabytes: \"1048577\" is out of range (expected a number "
		"from 64 to "
		"1048576)\n");
	refused(PORT "stack: {name: Leat}\n", "t.yaml:2:15: stack.name: \"Leat\" has a character "
					      "that is not allowed (expected 1 to 15 "
					      "characters of [a-z0-9_-])\n");
	refused(PORT "stack: {name: abcdefghijklmnop}\n",
		"t.yaml:2:15: stack.name: \"abcdefghijklmnop\" has the wrong length (expected 1 to "
		"15 "
		"characters of [a-z0-9_-])\n");
	refused("ports: [{name: p, device: d, addresses: [192.0.2.1]}]\n",
		"t.yaml:1:42: ports[0].addresses[0]: \"192.0.2.1\" has no prefix length (expected "
		"an IP "
		"address with its prefix length, as 192.0.2.1/24)\n");
	refused("ports: [{name: p, device: d, addresses: [192.0.2.1/33]}]\n",
		"t.yaml:1:42: ports[0].addresses[0]: \"192.0.2.1/33\" is not an address (expected "
		"an IP "
		"address with its prefix length, as 192.0.2.1/24)\n");
	refused(PORT "services: [{name: a, type: http, port: 80, address: 300.1.1.1}]\n",
		"t.yaml:2:53: services[0].address: \"300.1.1.1\" is not an address (expected an IP "
		"address)\n");
}

#define SLEEP "workers: {cpus: [0], idle: sleep}\n"

static void clashes(void)
{
	refused("workers: {cpus: [0], idle: spin}\n" PORT,
		"t.yaml:1:18: workers.cpus[0]: CPU 0 is the housekeeping CPU (a worker may share "
		"it only "
		"with workers.idle: sleep)\n");
	refused("workers: {cpus: [0, 0], idle: sleep}\n" PORT,
		"t.yaml:1:21: workers.cpus[1]: CPU 0 has a worker already\n");
	refused(SLEEP PORT "housekeeping: {cpu: 1023}\n",
		"t.yaml:3:21: housekeeping.cpu: this machine has no CPU 1023\n");
	refused(SLEEP "ports:\n- {name: p, device: d}\n- {name: p, device: e}\n",
		"t.yaml:4:10: ports[1].name: p is the name of ports[0] already\n");
	refused(SLEEP "ports:\n- {name: p, device: d}\n- {name: q, device: d}\n",
		"t.yaml:4:21: ports[1].device: is the device of ports[0] already\n");
	refused(SLEEP "ports:\n- {name: p, device: d, vlans: [{id: 5}, {id: 5}]}\n",
		"t.yaml:3:46: ports[0].vlans[1].id: VLAN 5 stands here a second time\n");
	refused(SLEEP "ports:\n- {name: elevenchars, device: d, vlans: [{id: 4094}]}\n",
		"t.yaml:3:47: ports[0].vlans[0].id: the interface's name, elevenchars.4094, is "
		"longer than "
		"15 characters\n");
	refused(SLEEP "ports:\n- {name: p, device: d, addresses: [224.0.0.1/4]}\n",
		"t.yaml:3:36: ports[0].addresses[0]: 224.0.0.1/4 is not an address that a host can "
		"have\n");
	refused(SLEEP "exception: {enabled: false}\nports:\n- {name: p, device: d, addresses: "
		      "[2001:db8::1/64]}\n",
		"t.yaml:4:36: ports[0].addresses[0]: 2001:db8::1/64: IPv6 is the kernel's, and "
		"there is no "
		"exception path\n");
	refused(SLEEP PORT "services:\n"
			   "- {name: a, type: echo, protocol: tcp, port: 7}\n"
			   "- {name: a, type: echo, protocol: udp, port: 7}\n"
			   "- {name: b, type: http, port: 7}\n"
			   "- {name: c, type: http, port: 7, address: 192.0.2.1}\n"
			   "- {name: d, type: http, protocol: udp, port: 8}\n",
		"t.yaml:5:10: services[1].name: a is the name of services[0] already\n"
		"t.yaml:6:31: services[2].port: services[0] has this protocol, address and port "
		"already\n"
		"t.yaml:8:35: services[4].protocol: http is served over tcp alone\n");
	refused(SLEEP PORT "control: {socket: here}\n",
		"t.yaml:3:19: control.socket: is not an absolute path\n");
}

// Several errors at once; and no more than a screenful.
static void many(void)
{
	char text[4096] = "ports: [{name: p, device: d, mtu: 1}]\nicmp: {echo: 1}\n";

	refused(text,
		"t.yaml:1:35: ports[0].mtu: \"1\" is out of range (expected a number from 576 to "
		"9000)\n"
		"t.yaml:2:14: icmp.echo: \"1\" is not a truth value (expected true or false)\n");
	for (int i = 0; i < 30; i++)
		sprintf(text + strlen(text), "x%d: 1\n", i);
	CU_ASSERT_NOT_EQUAL(load(text), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "t.yaml: too many errors, the rest is left out\n"));
	CU_ASSERT_PTR_NULL(strstr(said, "x25"));
}

// Whatever is cut off or changed, it is told of or taken, and nothing is read beyond what is there.
static void mutations(void)
{
	uint64_t seed = 1;
	char *text = example(), *copy = strdup(text);
	size_t n = strlen(text);
	unsigned good = 0;

	for (unsigned i = 0; i < 300; i++) {
		size_t at = unit_random(&seed) % n;

		memcpy(copy, text, n + 1);
		if (i % 2 == 0)
			copy[at] = (char)(1 + unit_random(&seed) % 127);
		else
			copy[at] = '\0';
		if (load(copy) == 0)
			good++;
		else
			CU_ASSERT_PTR_NOT_NULL(strstr(said, "t.yaml"));
	}
	CU_ASSERT_TRUE(good > 0 && good < 300);
	free(text);
	free(copy);
}

static const struct unit_case cases[] = {
	UNIT_CASE(documented_example),
	UNIT_CASE(defaults),
	UNIT_CASE(syntax),
	UNIT_CASE(keys),
	UNIT_CASE(types),
	UNIT_CASE(ranges),
	UNIT_CASE(clashes),
	UNIT_CASE(many),
	UNIT_CASE(mutations),
};

int main(void)
{
	return UNIT_RUN("config", cases);
}
