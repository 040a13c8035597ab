// SPDX-License-Identifier: BSD-3-Clause
// Life of a TAP, reserved ports and namespaces, in a namespace of its own. Topology: nsrig.h.
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_ether.h>

#include "frames.h"
#include "kni/nsrig.h"
#include "unit.h"

static void tap_is_set_up_for_the_port(void)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	struct rig r;

	ns_open(&r, NULL, NULL);
	rte_ether_format_addr(mac, sizeof(mac), &r.iface->mac);
	CU_ASSERT(ns_try("ip -o link show t0 | grep -i %s | grep -q 'mtu 1500'", mac));
	CU_ASSERT(ns_try("ip -o link show t0 | grep -q 'LOWER_UP'"));
	CU_ASSERT(ns_try("grep -qx 2 /proc/sys/net/ipv4/conf/t0/rp_filter"));
	CU_ASSERT(ns_try("grep -qx 1 /proc/sys/net/ipv6/conf/t0/keep_addr_on_down"));
	CU_ASSERT(ns_try(
		"ip -d link show t0 | grep -q 'tun type tap pi off vnet_hdr on persist on'"));
	CU_ASSERT_TRUE(r.iface->has_tap);
	CU_ASSERT_EQUAL(r.iface->kernel_ifindex, if_nametoindex("t0"));
	CU_ASSERT_STRING_EQUAL(leat_kni_tap_name(r.s, r.iface), "t0");
	ns_close(&r);
	CU_ASSERT_EQUAL(if_nametoindex("t0"), 0);
}

static void killed_run_is_adopted(void)
{
	const struct leat_kni_conf keep = {.cpu = -1, .persist = true};
	struct rig r;
	uint32_t ifindex;

	ns_open(&r, NULL, &keep); // all descriptors closed without removal is what a SIGKILL does
	ns_address(&r);
	ns_close(&r);
	ifindex = if_nametoindex("t0");
	CU_ASSERT_NOT_EQUAL(ifindex, 0);
	CU_ASSERT(ns_try("ip -o link show t0 | grep -q NO-CARRIER"));

	ns_open(&r, NULL, NULL);
	CU_ASSERT_TRUE(r.s->kni->any_adopted);
	CU_ASSERT_EQUAL(r.iface->kernel_ifindex, ifindex);
	CU_ASSERT_EQUAL(r.iface->addrs->n, 1);
	CU_ASSERT_EQUAL(leat_ip_be32(r.iface->addrs->a[0].ip), inet_addr(NS_ADDR));
	ns_close(&r);
	CU_ASSERT_EQUAL(if_nametoindex("t0"), 0);
}

static void name_of_something_else_is_refused(void)
{
	const struct leat_kni_conf kc = {.cpu = -1};
	char err[256];
	struct rig r;

	ns_run("ip link add t0 type veth peer name other0");
	CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL, 1500), 0);
	CU_ASSERT(leat_kni_init(r.s, &kc, err, sizeof(err)) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "t0"));
	CU_ASSERT_PTR_NULL(r.s->kni);
	CU_ASSERT_PTR_NULL(r.s->punt);
	rig_close(&r);
	ns_run("ip link del t0");
}

static void carrier_follows_the_port(void)
{
	struct rig r;

	ns_open(&r, NULL, NULL);
	leat_kni_housekeep(r.s);
	CU_ASSERT(ns_try("ip -o link show t0 | grep -q LOWER_UP"));
	leat_port_stop(r.s, r.port);
	leat_kni_housekeep(r.s);
	CU_ASSERT(ns_try("ip -o link show t0 | grep -q NO-CARRIER"));
	CU_ASSERT_EQUAL(leat_port_start(r.s, r.port), 0);
	leat_kni_housekeep(r.s);
	CU_ASSERT(ns_try("ip -o link show t0 | grep -q LOWER_UP"));
	ns_close(&r);
}

static void purge_removes_only_taps_left_behind(void)
{
	const char *const names[] = {"t0", "dummy0", "nosuch"};
	const struct leat_kni_conf keep = {.cpu = -1, .persist = true};
	struct rig r;

	ns_run("ip link add dummy0 type veth peer name other0");
	ns_open(&r, NULL, &keep);
	CU_ASSERT_EQUAL(leat_kni_purge(NULL, names, 1), -EBUSY);
	ns_close(&r);
	CU_ASSERT_EQUAL(leat_kni_purge(NULL, &names[2], 1), 0);
	CU_ASSERT_EQUAL(leat_kni_purge(NULL, &names[1], 2), -EINVAL);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("t0"), 0);
	CU_ASSERT_EQUAL(leat_kni_purge(NULL, names, 1), 0);
	CU_ASSERT_EQUAL(if_nametoindex("t0"), 0);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("dummy0"), 0);
	ns_run("ip link del dummy0");
}

static void deleted_tap_does_no_harm(void)
{
	struct frame f;
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_run("ip link del t0");
	frame_eth(&f, &r.iface->mac, &frame_peer, -1, 0x88b5);
	frame_fill(&f, 50, 1);
	rig_send(&r, f.b, f.len);
	ns_settle(&r);
	CU_ASSERT_EQUAL(r.s->kni->ex.write_failed, 1);
	CU_ASSERT_EQUAL(leat_exception_turn(r.s->kni), 0);
	CU_ASSERT_TRUE(r.s->kni->taps[1]->gone);
	ns_mirror(&r);
	CU_ASSERT_FALSE(r.iface->up);
	ns_close(&r);
}

// ---- reserved ports ----

#define RESERVED "/proc/sys/net/ipv4/ip_local_reserved_ports"

static bool reserved_is(const char *text)
{
	char line[128] = "";
	FILE *f = fopen(RESERVED, "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), f));
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, text) != 0)
		printf("    reserved are \"%s\", not \"%s\"\n", line, text);
	return strcmp(line, text) == 0;
}

static void ports_are_reserved_and_given_back(void)
{
	struct leat_kni_conf kc = {.cpu = -1, .reserved_first = 49152, .reserved_last = 65535};
	struct rig r;

	ns_run("echo 8080,50000-50009 > " RESERVED);
	ns_open(&r, NULL, &kc);
	CU_ASSERT(reserved_is("8080,49152-65535"));
	ns_run("echo 9090,49152-65535 > " RESERVED); // the operator changes it meanwhile
	ns_close(&r);
	CU_ASSERT(reserved_is("9090,50000-50009"));

	// After a SIGKILL our range is still there, and not the operator's.
	kc.persist = true;
	ns_run("echo 9090 > " RESERVED);
	ns_open(&r, NULL, &kc);
	ns_close(&r);
	ns_run("echo 9090,49152-65535 > " RESERVED);
	kc.persist = false;
	ns_open(&r, NULL, &kc);
	ns_close(&r);
	CU_ASSERT(reserved_is("9090"));

	ns_run("echo 9090,49152-65535 > " RESERVED);
	CU_ASSERT_EQUAL(leat_kni_unreserve(NULL, 49152, 65535), 0);
	CU_ASSERT(reserved_is("9090"));
	ns_run("echo > " RESERVED);
}

// ---- namespaces ----

struct other {
	pthread_barrier_t there, done;
	char path[64];
};

// Holds a namespace of its own as long as it lives.
static void *hold_netns(void *arg)
{
	struct other *o = arg;

	CU_ASSERT_EQUAL(unshare(CLONE_NEWNET), 0);
	snprintf(o->path, sizeof(o->path), "/proc/self/task/%d/ns/net", (int)syscall(SYS_gettid));
	pthread_barrier_wait(&o->there);
	pthread_barrier_wait(&o->done);
	return NULL;
}

static int own_netns(void *ctx)
{
	struct stat st;

	CU_ASSERT_EQUAL(stat("/proc/thread-self/ns/net", &st), 0);
	*(ino_t *)ctx = st.st_ino;
	return 7;
}

static int has_t0(void *ctx)
{
	(void)ctx;
	return if_nametoindex("t0") != 0;
}

static void taps_live_in_the_namespace_asked_for(void)
{
	struct leat_kni_conf kc = {.cpu = -1};
	ino_t before = 0, inside = 0, after = 0;
	struct leat_prefix p;
	struct other o;
	pthread_t t;
	struct rig r;

	pthread_barrier_init(&o.there, NULL, 2);
	pthread_barrier_init(&o.done, NULL, 2);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, hold_netns, &o), 0);
	pthread_barrier_wait(&o.there);

	CU_ASSERT_EQUAL(leat_netns_run(NULL, own_netns, &before), 7);
	CU_ASSERT_EQUAL(leat_netns_run(o.path, own_netns, &inside), 7);
	CU_ASSERT_EQUAL(leat_netns_run(NULL, own_netns, &after), 7);
	CU_ASSERT(before == after && before != inside);
	CU_ASSERT_EQUAL(leat_netns_run("no-such-namespace-here", own_netns, &inside), -ENOENT);

	kc.netns = o.path;
	ns_open(&r, NULL, &kc);
	CU_ASSERT_EQUAL(if_nametoindex("t0"), 0);
	CU_ASSERT_EQUAL(leat_netns_run(o.path, has_t0, NULL), 1);
	CU_ASSERT_EQUAL(leat_prefix_parse(NS_ADDR "/24", &p), 0);
	CU_ASSERT_EQUAL(leat_kni_addr_add(r.s, r.iface, &p), 0);
	CU_ASSERT_EQUAL(leat_kni_addr_add(r.s, r.iface, &p), 0);
	CU_ASSERT_EQUAL(r.iface->addrs->n, 1);
	ns_close(&r);
	CU_ASSERT_EQUAL(leat_netns_run(o.path, has_t0, NULL), 0);
	pthread_barrier_wait(&o.done);
	pthread_join(t, NULL);
}

static const struct unit_case cases[] = {
	UNIT_CASE(tap_is_set_up_for_the_port),
	UNIT_CASE(killed_run_is_adopted),
	UNIT_CASE(name_of_something_else_is_refused),
	UNIT_CASE(carrier_follows_the_port),
	UNIT_CASE(purge_removes_only_taps_left_behind),
	UNIT_CASE(deleted_tap_does_no_harm),
	UNIT_CASE(ports_are_reserved_and_given_back),
	UNIT_CASE(taps_live_in_the_namespace_asked_for),
};

int main(void)
{
	return ns_enter() != 0 || unit_eal_init() != 0 || UNIT_RUN("tap", cases) != 0;
}
