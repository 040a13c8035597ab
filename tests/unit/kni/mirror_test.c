// SPDX-License-Identifier: BSD-3-Clause
// Links, neighbours, and what is made good after notifications were lost. Topology: nsrig.h.
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "kni/mirror_private.h"
#include "kni/nsview.h"
#include "unit.h"

// ---- links ----

static void link_follows_the_tap(void)
{
	struct rte_ether_addr mac;
	struct rig r;

	ns_open(&r, NULL, NULL);
	mac = r.iface->mac;
	ns_run("ip link set t0 mtu 1400");
	ns_mirror(&r);
	CU_ASSERT_EQUAL(r.iface->mtu, 1400);
	ns_run("ip link set t0 mtu 20000"); // no port has that
	ns_mirror(&r);
	CU_ASSERT_EQUAL(r.iface->mtu, 1400);
	CU_ASSERT(ns_try("ip -o link show t0 | grep -q 'mtu 1400'"));
	ns_run("ip link set t0 address 02:11:22:33:44:55"); // a ring's cannot be changed
	ns_mirror(&r);
	CU_ASSERT(rte_is_same_ether_addr(&mac, &r.iface->mac));
	CU_ASSERT_FALSE(ns_try("ip -o link show t0 | grep -q 02:11:22:33:44:55"));
	ns_close(&r);
}

static void forwarding_follows_the_sysctl(void)
{
	struct rig r;

	ns_open(&r, NULL, NULL);
	CU_ASSERT_FALSE(r.iface->forwarding);
	ns_run("echo 1 > /proc/sys/net/ipv4/conf/t0/forwarding");
	ns_mirror(&r);
	CU_ASSERT_TRUE(r.iface->forwarding);
	ns_run("echo 1 > /proc/sys/net/ipv4/ip_forward");
	ns_run("echo 0 > /proc/sys/net/ipv4/ip_forward"); // all links'
	ns_mirror(&r);
	CU_ASSERT_FALSE(r.iface->forwarding);
	ns_run("echo 1 > /proc/sys/net/ipv4/ip_forward");
	ns_close(&r);

	ns_open(&r, NULL, NULL); // known from the start
	CU_ASSERT_TRUE(r.iface->forwarding);
	ns_run("echo 0 > /proc/sys/net/ipv4/ip_forward");
	ns_close(&r);
}

// ---- neighbours ----

static void neighbours_come_and_go(void)
{
	const struct leat_neigh *e;
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	ns_run("ip neigh add 10.9.0.7 lladdr 02:00:00:00:00:07 dev t0 nud reachable");
	ns_mirror(&r);
	e = ns_neighbour(&r, NS_PEER);
	CU_ASSERT(e != NULL && e->state == LEAT_NEIGH_PERMANENT && e->mac.addr_bytes[5] == 2);
	e = ns_neighbour(&r, "10.9.0.7");
	CU_ASSERT(e != NULL && e->state == LEAT_NEIGH_STALE && e->mac.addr_bytes[5] == 7);
	ns_run("ip neigh replace 10.9.0.7 lladdr 02:00:00:00:00:77 dev t0 nud stale");
	ns_run("ip neigh del " NS_PEER " dev t0");
	ns_mirror(&r);
	e = ns_neighbour(&r, "10.9.0.7");
	CU_ASSERT(e != NULL && e->mac.addr_bytes[5] == 0x77);
	CU_ASSERT_PTR_NULL(ns_neighbour(&r, NS_PEER));
	ns_run("ip neigh flush all");
	ns_mirror(&r);
	CU_ASSERT_PTR_NULL(ns_neighbour(&r, "10.9.0.7"));
	ns_close(&r);
}

static void used_neighbours_are_confirmed(void)
{
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 9}};
	union leat_ip known, fresh, idle;
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	ns_run("ip neigh add 10.9.0.9 lladdr 02:00:00:00:00:09 dev t0 nud stale");
	ns_run("ip neigh add 10.9.0.11 lladdr 02:00:00:00:00:09 dev t0 nud stale");
	ns_mirror(&r);
	CU_ASSERT_EQUAL(leat_ip_parse("10.9.0.9", &known), 0);
	CU_ASSERT_EQUAL(leat_ip_parse("10.9.0.10", &fresh), 0);
	CU_ASSERT_EQUAL(leat_ip_parse("10.9.0.11", &idle), 0);
	leat_neigh_learn(r.lc, r.iface->idx, &idle, &mac, true, true);
	rig_run(&r, 15000000000ull);
	leat_neigh_learn(r.lc, r.iface->idx, &idle, &mac, true, true); // alive, but nobody asks
	leat_neigh_learn(r.lc, r.iface->idx, &known, &mac, true, true);
	leat_neigh_learn(r.lc, r.iface->idx, &fresh, &mac, true, true);
	for (int i = 0; i < 2; i++) { // .9 is used: its entry's time of use is set by output alone
		struct rte_mbuf *m = leat_create(r.lc);

		memset(rte_pktmbuf_append(m, 60), 0, 60);
		leat_neigh_output(r.lc, r.iface, i == 0 ? &known : &fresh, NULL, m, 0x0800);
	}
	leat_lcore_poll(r.lc);
	leat_kni_housekeep(r.s);
	CU_ASSERT(ns_try("ip neigh show 10.9.0.9 | grep -q REACHABLE"));
	CU_ASSERT(ns_try("ip neigh show 10.9.0.10 | grep -q '02:00:00:00:00:09 REACHABLE'"));
	CU_ASSERT(ns_try("ip neigh show 10.9.0.11 | grep -q STALE"));

	// What we told the kernel comes back as news, and must not count as a sign of life.
	rig_run(&r, 60000000000ull);
	ns_mirror(&r);
	CU_ASSERT_EQUAL(ns_neighbour(&r, "10.9.0.10")->state, LEAT_NEIGH_STALE);
	ns_close(&r);
}

// ---- lost notifications ----

static bool count_ours(void *ctx, const struct leat_route *r)
{
	unsigned *n = ctx;

	n[0] += r->prefix.len == 24 && r->prefix.ip.b[12] == 11;
	n[1] += r->prefix.len == 24 && r->prefix.ip.b[12] == 12;
	return true;
}

static void batch(const char *verb, int net, int from, int to)
{
	FILE *f = popen("ip -batch -", "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = from; i < to; i++)
		fprintf(f, "route %s %d.%d.%d.0/24 via 10.9.0.2\n", verb, net, i / 256, i % 256);
	CU_ASSERT_EQUAL(pclose(f), 0);
}

static void lost_notifications_are_made_good(void)
{
	int small = 4096, fd;
	struct leat_stack_conf conf;
	struct leat_kni_counts c;
	unsigned n[2] = {0, 0};
	struct rig r;

	rig_conf(&conf);
	conf.limits.routes = 8192;
	ns_open(&r, &conf, NULL);
	ns_address(&r);
	ns_run("ip addr add 10.9.3.1/24 dev t0");
	batch("add", 11, 0, 500);
	ns_mirror(&r);
	CU_ASSERT(ns_has_addr(&r, "10.9.3.1/24"));
	leat_fib_walk(r.s, count_ours, n);
	CU_ASSERT_EQUAL(n[0], 500);
	leat_kni_counts(r.s, &c);
	CU_ASSERT_EQUAL(c.enobufs, 0);

	fd = mnl_socket_get_fd(r.s->kni->mirror->events);
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &small, sizeof(small)), 0);
	ns_run("ip route add 10.60.0.0/16 via 10.9.0.2");
	batch("add", 12, 0, 2000);
	batch("del", 11, 0, 250);
	ns_run("ip route del 10.60.0.0/16"); // its addition is in the queue, its end is lost
	ns_run("ip addr add 10.9.1.1/24 dev t0");
	ns_run("ip addr del 10.9.1.1/24 dev t0"); // its addition may be in the queue, its end is
						  // lost
	ns_run("ip addr add 10.9.2.1/24 dev t0");
	ns_run("ip addr del 10.9.3.1/24 dev t0");
	ns_run("ip neigh del " NS_PEER " dev t0");
	ns_run("ip link set t0 mtu 1300");
	ns_mirror(&r);
	leat_kni_counts(r.s, &c);
	CU_ASSERT(c.enobufs >= 1);
	CU_ASSERT(c.resyncs >= 1);
	n[0] = n[1] = 0;
	leat_fib_walk(r.s, count_ours, n);
	CU_ASSERT_EQUAL(n[0], 250);
	CU_ASSERT_EQUAL(n[1], 2000);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.60.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT(ns_as_many_routes(&r));
	CU_ASSERT(ns_has_addr(&r, "10.9.0.1/24") && ns_has_addr(&r, "10.9.2.1/24"));
	CU_ASSERT_FALSE(ns_has_addr(&r, "10.9.1.1/24") || ns_has_addr(&r, "10.9.3.1/24"));
	CU_ASSERT_PTR_NULL(ns_neighbour(&r, NS_PEER));
	CU_ASSERT_EQUAL(r.iface->mtu, 1300);
	ns_close(&r);
}

// A table that is full is said so, and the mirror goes on.
static void full_table_is_survived(void)
{
	struct leat_stack_conf conf;
	struct rig r;

	rig_conf(&conf);
	conf.limits.routes = 64;
	ns_open(&r, &conf, NULL);
	ns_address(&r);
	batch("add", 11, 0, 200);
	ns_mirror(&r);
	CU_ASSERT_EQUAL(leat_fib_count(r.s), 64);
	CU_ASSERT(r.s->kni->mirror->routes_refused > 100);
	batch("del", 11, 0, 200);
	ns_mirror(&r);
	CU_ASSERT(ns_as_many_routes(&r));
	ns_close(&r);
}

static const struct unit_case cases[] = {
	UNIT_CASE(link_follows_the_tap),
	UNIT_CASE(forwarding_follows_the_sysctl),
	UNIT_CASE(neighbours_come_and_go),
	UNIT_CASE(used_neighbours_are_confirmed),
	UNIT_CASE(lost_notifications_are_made_good),
	UNIT_CASE(full_table_is_survived),
};

int main(void)
{
	return ns_enter() != 0 || unit_eal_init() != 0 || UNIT_RUN("mirror", cases) != 0;
}
