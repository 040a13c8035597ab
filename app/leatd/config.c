// SPDX-License-Identifier: BSD-3-Clause
// The schema of leat.yaml, and what a table can't say: names that clash, CPUs that are not there.
// Called by main.c and leatctl purge.
#include "app/leatd/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/leatd/errors.h"
#include "app/leatd/schema.h"
#include "app/leatd/yaml.h"

static const char *const idle_names[] = {"spin", "sleep", NULL};
static const char *const type_names[] = {"http", "echo", "discard", NULL};
static const char *const protocol_names[] = {"", "tcp", "udp", NULL};

#define NAME_CHARS "[a-z0-9_-]"
#define PORT_CHARS "[A-Za-z0-9_-]"

#define C(field) offsetof(struct leatd_conf, field)
#define P(field) offsetof(struct leatd_port_conf, field)
#define V(field) offsetof(struct leatd_vlan_conf, field)
#define S(field) offsetof(struct leatd_service_conf, field)
#define STRING(path, lo, hi, fallback, offset, ...) \
	{ \
		path, SCHEMA_STRING, lo, hi, fallback, offset, __VA_ARGS__ \
	}
#define UINT(path, lo, hi, fallback, offset, ...) \
	{ \
		path, SCHEMA_UINT, lo, hi, fallback, offset, __VA_ARGS__ \
	}
#define BOOL(path, fallback, offset) \
	{ \
		path, SCHEMA_BOOL, 0, 0, fallback, offset \
	}
#define ENUM(path, list, fallback, offset, ...) \
	{ \
		path, SCHEMA_ENUM, 0, 0, fallback, offset, .names = list, __VA_ARGS__ \
	}
#define LIST(path, lo, hi, array, number, size, ...) \
	{ \
		path, SCHEMA_LIST, lo, hi, NULL, array, .count = number, .stride = size, \
							__VA_ARGS__ \
	}
#define REQUIRED .required = true

// clang-format off
static const struct schema_row rows[] = {
	STRING("stack.name", 1, 15, "leat0", C(stack.name), .chars = NAME_CHARS),
	STRING("control.socket", 1, LEATD_SOCKET_PATH - 1, NULL, C(control.socket)),
	LIST("workers.cpus", 1, LEATD_MAX_WORKERS, C(workers.cpus), C(workers.n_cpus), sizeof(uint32_t)),
	UINT("workers.cpus[]", 0, 1023, NULL, 0),
	ENUM("workers.idle", idle_names, "spin", C(workers.idle)),
	UINT("housekeeping.cpu", 0, 1023, "0", C(housekeeping.cpu)),
	BOOL("memory.hugepages", "false", C(memory.hugepages)),
	UINT("memory.megabytes", 64, 1048576, "512", C(memory.megabytes)),
	UINT("memory.mbufs", 1024, 16777215, "16384", C(memory.mbufs)),
	UINT("memory.mbuf_size", 2048, 65280, "2048", C(memory.mbuf_size)),
	UINT("limits.connections", 16, 16777216, "16384", C(limits.connections)),
	UINT("limits.half_open", 16, 16777216, "4096", C(limits.half_open)),
	UINT("limits.time_wait", 16, 16777216, "16384", C(limits.time_wait)),
	UINT("limits.neighbours", 16, 1048576, "1024", C(limits.neighbours)),
	UINT("limits.routes", 64, 16777216, "65536", C(limits.routes)),
	UINT("limits.reassembly_kib", 128, 1048576, "4096", C(limits.reassembly_kib)),
	UINT("limits.send_buffer_kib", 16, 1048576, "512", C(limits.send_buffer_kib)),
	UINT("limits.receive_buffer_kib", 16, 1048576, "512", C(limits.receive_buffer_kib)),
	LIST("ports", 1, LEATD_MAX_PORTS, C(ports), C(n_ports), sizeof(struct leatd_port_conf), REQUIRED),
	STRING("ports[].name", 1, 11, NULL, P(name), REQUIRED, .chars = PORT_CHARS),
	STRING("ports[].device", 1, 127, NULL, P(device), REQUIRED),
	STRING("ports[].netns", 1, LEATD_TEXT - 1, NULL, P(netns)),
	UINT("ports[].mtu", 576, 9000, "1500", P(mtu)),
	LIST("ports[].addresses", 0, LEATD_MAX_ADDRESSES, P(addresses), P(n_addresses), sizeof(struct leat_prefix)),
	{"ports[].addresses[]", SCHEMA_PREFIX},
	LIST("ports[].vlans", 0, LEATD_MAX_VLANS, P(vlans), P(n_vlans), sizeof(struct leatd_vlan_conf)),
	UINT("ports[].vlans[].id", 1, 4094, NULL, V(id), REQUIRED),
	LIST("ports[].vlans[].addresses", 0, LEATD_MAX_ADDRESSES, V(addresses), V(n_addresses), sizeof(struct leat_prefix)),
	{"ports[].vlans[].addresses[]", SCHEMA_PREFIX},
	BOOL("exception.enabled", "true", C(exception.enabled)),
	STRING("exception.netns", 1, LEATD_TEXT - 1, NULL, C(exception.netns)),
	BOOL("exception.persist", "false", C(exception.persist)),
	BOOL("icmp.echo", "true", C(icmp.echo)),
	LIST("services", 0, LEATD_MAX_SERVICES, C(services), C(n_services), sizeof(struct leatd_service_conf)),
	STRING("services[].name", 1, 15, NULL, S(name), REQUIRED, .chars = NAME_CHARS),
	ENUM("services[].type", type_names, NULL, S(type), REQUIRED),
	ENUM("services[].protocol", protocol_names, NULL, S(protocol)),
	UINT("services[].port", 1, 65535, NULL, S(port), REQUIRED),
	{"services[].address", SCHEMA_ADDRESS, .fallback = "0.0.0.0", .offset = S(address)},
};
// clang-format on

static const struct schema schema = {rows, sizeof(rows) / sizeof(rows[0])};

struct checker {
	struct leatd_conf *conf;
	const struct yaml_node *root;
	struct leatd_errors *errors;
};

// An error of a key, given by its path with indices, at its place in the file or its map's.
__attribute__((format(printf, 3, 4))) static void wrong(
	struct checker *k, const char *path, const char *fmt, ...)
{
	const struct yaml_node *n = schema_place(k->root, path);
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	leatd_error(k->errors, n->line, n->column, path, "%s", what);
}

#define AT(buf, ...) (snprintf(buf, sizeof(buf), __VA_ARGS__), (buf))

char *leatd_vlan_name(const struct leatd_port_conf *p, uint32_t id, char *buf)
{
	if (snprintf(buf, LEATD_IFACE_NAME, "%s.%" PRIu32, p->name, id) >= LEATD_IFACE_NAME)
		buf[0] = '\0';
	return buf;
}

const char *leatd_service_type_name(uint32_t type)
{
	return type <= LEATD_DISCARD ? type_names[type] : "?";
}

// ---- CPUs ----

static bool cpu_exists(uint32_t cpu)
{
	char path[64];

	// EAL looks here too.
	return access(AT(path, "/sys/devices/system/cpu/cpu%" PRIu32 "/topology", cpu), F_OK) == 0;
}

static void check_cpus(struct checker *k)
{
	struct leatd_conf *c = k->conf;
	char at[64];

	if (!cpu_exists(c->housekeeping.cpu))
		wrong(k, "housekeeping.cpu", "this machine has no CPU %" PRIu32,
			c->housekeeping.cpu);
	for (uint32_t i = 0; i < c->workers.n_cpus; i++) {
		uint32_t cpu = c->workers.cpus[i];

		AT(at, "workers.cpus[%" PRIu32 "]", i);
		if (!cpu_exists(cpu))
			wrong(k, at, "this machine has no CPU %" PRIu32, cpu);
		for (uint32_t j = 0; j < i; j++) {
			if (c->workers.cpus[j] == cpu)
				wrong(k, at, "CPU %" PRIu32 " has a worker already", cpu);
		}
		if (cpu == c->housekeeping.cpu && c->workers.idle == LEATD_IDLE_SPIN)
			wrong(k, at,
				"CPU %" PRIu32
				" is the housekeeping CPU (a worker may share it only "
				"with workers.idle: sleep)",
				cpu);
	}
}

// ---- ports ----

static void check_addresses(
	struct checker *k, const char *owner, const struct leat_prefix *a, uint32_t n)
{
	char at[96], text[LEAT_PREFIX_STRLEN];

	for (uint32_t i = 0; i < n; i++) {
		uint8_t first = leat_ip_is4(a[i].ip) ? a[i].ip.b[12] : a[i].ip.b[0];
		bool group = leat_ip_is4(a[i].ip) ? first >= 224 : first == 0xff;

		AT(at, "%s.addresses[%" PRIu32 "]", owner, i);
		leat_prefix_format(&a[i], text, sizeof(text));
		if (group || leat_ip_is_any(a[i].ip) || (leat_ip_is4(a[i].ip) && first == 127))
			wrong(k, at, "%s is not an address that a host can have", text);
		if (!leat_ip_is4(a[i].ip) && !k->conf->exception.enabled)
			wrong(k, at, "%s: IPv6 is the kernel's, and there is no exception path",
				text);
		for (uint32_t j = 0; j < i; j++) {
			if (leat_ip_equal(a[i].ip, a[j].ip))
				wrong(k, at, "%s stands here a second time", text);
		}
	}
}

static void check_vlans(struct checker *k, uint32_t port)
{
	const struct leatd_port_conf *p = &k->conf->ports[port];
	char at[64], owner[48], name[LEATD_IFACE_NAME];

	for (uint32_t i = 0; i < p->n_vlans; i++) {
		AT(owner, "ports[%" PRIu32 "].vlans[%" PRIu32 "]", port, i);
		AT(at, "%s.id", owner);
		for (uint32_t j = 0; j < i; j++) {
			if (p->vlans[i].id == p->vlans[j].id)
				wrong(k, at, "VLAN %" PRIu32 " stands here a second time",
					p->vlans[i].id);
		}
		if (leatd_vlan_name(p, p->vlans[i].id, name)[0] == '\0')
			wrong(k, at,
				"the interface's name, %s.%" PRIu32
				", is longer than 15 characters",
				p->name, p->vlans[i].id);
		check_addresses(k, owner, p->vlans[i].addresses, p->vlans[i].n_addresses);
	}
}

static void check_ports(struct checker *k)
{
	const struct leatd_conf *c = k->conf;
	uint32_t interfaces = c->n_ports;
	char at[64];

	for (uint32_t i = 0; i < c->n_ports; i++) {
		const struct leatd_port_conf *p = &c->ports[i];

		for (uint32_t j = 0; j < i; j++) {
			if (strcmp(p->name, c->ports[j].name) == 0)
				wrong(k, AT(at, "ports[%" PRIu32 "].name", i),
					"%s is the name of ports[%" PRIu32 "] already", p->name, j);
			if (strcmp(p->device, c->ports[j].device) == 0)
				wrong(k, AT(at, "ports[%" PRIu32 "].device", i),
					"is the device of ports[%" PRIu32 "] already", j);
		}
		check_addresses(k, AT(at, "ports[%" PRIu32 "]", i), p->addresses, p->n_addresses);
		check_vlans(k, i);
		interfaces += p->n_vlans;
	}
	if (interfaces > LEATD_MAX_INTERFACES)
		wrong(k, "ports", "%" PRIu32 " interfaces, ports and VLANs (expected at most %d)",
			interfaces, LEATD_MAX_INTERFACES);
}

// ---- services ----

static void check_service(struct checker *k, uint32_t i)
{
	struct leatd_service_conf *v = &k->conf->services[i];
	char at[64];

	if (v->type == LEATD_HTTP && v->protocol == LEATD_UDP)
		wrong(k, AT(at, "services[%" PRIu32 "].protocol", i),
			"http is served over tcp alone");
	else if (v->type == LEATD_HTTP)
		v->protocol = LEATD_TCP;
	else if (v->protocol == LEATD_PROTOCOL_UNSET)
		wrong(k, AT(at, "services[%" PRIu32 "]", i),
			"protocol is missing (expected tcp or udp, with type %s)",
			leatd_service_type_name(v->type));
	if (!leat_ip_is4(v->address))
		wrong(k, AT(at, "services[%" PRIu32 "].address", i),
			"services listen at IPv4 addresses in this version");
	else if (v->address.b[12] >= 224)
		wrong(k, AT(at, "services[%" PRIu32 "].address", i),
			"is not an address that a host can have");
	for (uint32_t j = 0; j < i; j++) {
		const struct leatd_service_conf *o = &k->conf->services[j];

		if (strcmp(v->name, o->name) == 0)
			wrong(k, AT(at, "services[%" PRIu32 "].name", i),
				"%s is the name of services[%" PRIu32 "] already", v->name, j);
		if (v->port == o->port && v->protocol == o->protocol &&
			leat_ip_equal(v->address, o->address))
			wrong(k, AT(at, "services[%" PRIu32 "].port", i),
				"services[%" PRIu32 "] has this protocol, address and port already",
				j);
	}
}

// Defaults that depend on the machine or on other keys.
static void settle(struct leatd_conf *c)
{
	if (c->workers.n_cpus == 0) {
		c->workers.n_cpus = 1;
		c->workers.cpus[0] = cpu_exists(1) ? 1 : 0;
	}
	if (c->control.socket[0] == '\0')
		snprintf(c->control.socket, sizeof(c->control.socket), "/run/leat/%s.sock",
			c->stack.name);
}

int leatd_conf_load(const char *file, struct leatd_conf *conf, FILE *err)
{
	struct leatd_errors errors = {.out = err, .file = file};
	struct checker k = {.conf = conf, .errors = &errors};
	struct yaml_node *root;

	memset(conf, 0, sizeof(*conf));
	root = yaml_load(file, &errors);
	if (root == NULL)
		return -EINVAL;
	k.root = root;
	schema_read(&schema, root, conf, &errors);
	// Values that were refused would only be found wrong again.
	if (errors.n == 0) {
		settle(conf);
		check_cpus(&k);
		check_ports(&k);
		for (uint32_t i = 0; i < conf->n_services; i++)
			check_service(&k, i);
		if (conf->control.socket[0] != '/')
			wrong(&k, "control.socket", "is not an absolute path");
	}
	yaml_free(root);
	return errors.n == 0 ? 0 : -EINVAL;
}
