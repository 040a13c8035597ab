// SPDX-License-Identifier: BSD-3-Clause
// The mirror against the kernel itself: `ip` changes the namespace, and the stack's tables are
// compared with what is then in the kernel's. Topology: nsrig.h.
#include <errno.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>

#include <rte_errno.h>

#include "ip/fib.h"
#include "kni/mirror_private.h"
#include "kni/nsrig.h"
#include "link/neigh.h"
#include "link/port.h"
#include "unit.h"

#define TABLE_MAIN 254
#define TABLE_LOCAL 255

// ---- what the stack has ----

struct search {
	struct leat_prefix prefix;
	uint32_t table, metric;
	bool any_metric, found;
	struct leat_route route;
};

static bool match(void *ctx, const struct leat_route *r)
{
	struct search *s = ctx;

	if (r->table != s->table || r->prefix.len != s->prefix.len ||
		!leat_ip_equal(r->prefix.ip, s->prefix.ip) ||
		(!s->any_metric && r->metric != s->metric))
		return true;
	s->route = *r;
	s->found = true;
	return false;
}

// The route with this prefix, NULL without. Of the last call.
static const struct leat_route *route(
	struct rig *r, const char *prefix, uint32_t table, uint32_t metric)
{
	static struct search s;

	memset(&s, 0, sizeof(s));
	CU_ASSERT_EQUAL(leat_prefix_parse(prefix, &s.prefix), 0);
	s.table = table;
	s.metric = metric;
	leat_fib_walk(r->s, match, &s);
	return s.found ? &s.route : NULL;
}

static int type_of(struct rig *r, const char *prefix, uint32_t table)
{
	const struct leat_route *f = route(r, prefix, table, 0);

	return f != NULL ? f->type : LEAT_ROUTE_NONE;
}

static bool via_is(const struct leat_path *p, const char *text)
{
	return leat_ip_be32(p->via) == inet_addr(text);
}

// Routes of both tables in the stack and in the kernel, without 127/8: as many?
static bool as_many_routes(struct rig *r)
{
	FILE *f = popen("ip -4 -o route show table main | wc -l; "
			"ip -4 -o route show table local | grep -vc ' 127\\.'",
		"r");
	unsigned a = 0, b = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fscanf(f, "%u %u", &a, &b), 2);
	pclose(f);
	if (a + b != leat_fib_count(r->s))
		printf("    kernel %u + %u, stack %u\n", a, b, leat_fib_count(r->s));
	return a + b == leat_fib_count(r->s);
}

static bool has_addr(const struct rig *r, const char *text)
{
	struct leat_prefix p;

	CU_ASSERT_EQUAL(leat_prefix_parse(text, &p), 0);
	for (uint16_t i = 0; i < r->iface->addrs->n; i++)
		if (leat_ip_equal(r->iface->addrs->a[i].ip, p.ip) &&
			r->iface->addrs->a[i].len == p.len)
			return true;
	return false;
}

static const struct leat_neigh *neighbour(struct rig *r, const char *text)
{
	static struct leat_neigh e[64];
	uint32_t cursor = 0, n = leat_neigh_dump(r->lc, &cursor, e, 64);
	union leat_ip ip;

	CU_ASSERT_EQUAL(leat_ip_parse(text, &ip), 0);
	for (uint32_t i = 0; i < n; i++)
		if (leat_ip_equal(e[i].ip, ip))
			return &e[i];
	return NULL;
}

// Another link of the namespace, which the stack does not own.
static void other_link(void)
{
	ns_run("ip link add other0 type veth peer name other1");
	ns_run("ip link set other0 up; ip link set other1 up");
	ns_run("ip addr add 172.16.0.1/24 dev other0");
}

// ---- addresses and routes ----

static void addresses_come_and_go(void)
{
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_run("ip addr add 10.9.0.1/24 dev t0");
	ns_run("ip addr add 10.9.0.8 peer 10.8.0.9/32 dev t0");
	ns_run("echo 0 > /proc/sys/net/ipv6/conf/t0/disable_ipv6");
	ns_run("ip addr add 2001:db8::1/64 dev t0 nodad");
	ns_run("ip addr add 10.7.0.1/24 dev lo");
	ns_mirror(&r);
	CU_ASSERT(has_addr(&r, "10.9.0.1/24"));
	CU_ASSERT(has_addr(&r, "10.9.0.8/32"));
	CU_ASSERT(has_addr(&r, "2001:db8::1/64"));
	CU_ASSERT_FALSE(has_addr(&r, "10.7.0.1/24"));
	CU_ASSERT_EQUAL(type_of(&r, "10.9.0.1/32", TABLE_LOCAL), LEAT_ROUTE_LOCAL);
	CU_ASSERT_EQUAL(type_of(&r, "10.9.0.255/32", TABLE_LOCAL), LEAT_ROUTE_BROADCAST);
	CU_ASSERT_EQUAL(type_of(&r, "10.9.0.0/24", TABLE_MAIN), LEAT_ROUTE_UNICAST);
	CU_ASSERT_EQUAL(
		type_of(&r, "10.7.0.1/32", TABLE_LOCAL), LEAT_ROUTE_LOCAL); // on lo, but ours
	CU_ASSERT_EQUAL(type_of(&r, "127.0.0.1/32", TABLE_LOCAL), LEAT_ROUTE_NONE);
	CU_ASSERT(leat_ip_be32(route(&r, "10.9.0.0/24", TABLE_MAIN, 0)->src) ==
		  inet_addr("10.9.0.1"));
	CU_ASSERT(as_many_routes(&r));

	ns_run("ip addr del 10.9.0.1/24 dev t0");
	ns_run("ip addr del 10.7.0.1/24 dev lo");
	ns_mirror(&r);
	CU_ASSERT_FALSE(has_addr(&r, "10.9.0.1/24"));
	CU_ASSERT_EQUAL(type_of(&r, "10.9.0.1/32", TABLE_LOCAL), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(type_of(&r, "10.9.0.0/24", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT(as_many_routes(&r));
	ns_close(&r);
}

static void routes_of_every_type(void)
{
	const struct leat_route *f;
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	other_link();
	ns_run("ip route add default via 10.9.0.2 metric 50 mtu 1280");
	ns_run("ip route add default via 10.9.0.3 metric 10");
	ns_run("ip route add 10.20.0.0/16 dev t0");
	ns_run("ip route add blackhole 10.21.0.0/16");
	ns_run("ip route add unreachable 10.22.0.0/16");
	ns_run("ip route add prohibit 10.23.0.0/16");
	ns_run("ip route add throw 10.24.0.0/16");
	ns_run("ip route add 10.25.0.0/16 via 172.16.0.2");
	ns_run("ip route add 10.26.0.0/16 via 10.9.0.2 table 77");
	ns_run("ip route add 10.27.0.0/16 via 10.9.0.2 tos 0x10");
	ns_run("ip route add local 10.28.0.0/16 dev lo");
	ns_mirror(&r);

	f = route(&r, "0.0.0.0/0", TABLE_MAIN, 50);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->type, LEAT_ROUTE_UNICAST);
	CU_ASSERT_EQUAL(f->mtu, 1280);
	CU_ASSERT_EQUAL(f->n_paths, 1);
	CU_ASSERT(via_is(&f->paths[0], "10.9.0.2"));
	CU_ASSERT_EQUAL(f->paths[0].iface, r.iface->idx);
	CU_ASSERT_PTR_NOT_NULL(route(&r, "0.0.0.0/0", TABLE_MAIN, 10));
	CU_ASSERT(via_is(&leat_fib_lookup4(r.s, inet_addr("8.8.8.8"))->paths[0], "10.9.0.3"));
	CU_ASSERT_EQUAL(type_of(&r, "10.20.0.0/16", TABLE_MAIN), LEAT_ROUTE_UNICAST);
	CU_ASSERT(leat_ip_is_any(route(&r, "10.20.0.0/16", TABLE_MAIN, 0)->paths[0].via));
	CU_ASSERT_EQUAL(type_of(&r, "10.21.0.0/16", TABLE_MAIN), LEAT_ROUTE_BLACKHOLE);
	CU_ASSERT_EQUAL(type_of(&r, "10.22.0.0/16", TABLE_MAIN), LEAT_ROUTE_UNREACHABLE);
	CU_ASSERT_EQUAL(type_of(&r, "10.23.0.0/16", TABLE_MAIN), LEAT_ROUTE_PROHIBIT);
	CU_ASSERT_EQUAL(type_of(&r, "10.24.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(type_of(&r, "10.25.0.0/16", TABLE_MAIN), LEAT_ROUTE_KERNEL);
	CU_ASSERT_EQUAL(type_of(&r, "10.26.0.0/16", 77), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(type_of(&r, "10.27.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(type_of(&r, "10.28.0.0/16", TABLE_LOCAL), LEAT_ROUTE_LOCAL);
	CU_ASSERT_EQUAL(type_of(&r, "172.16.0.1/32", TABLE_LOCAL), LEAT_ROUTE_LOCAL);
	CU_ASSERT_EQUAL(type_of(&r, "172.16.0.255/32", TABLE_LOCAL), LEAT_ROUTE_KERNEL);
	CU_ASSERT_EQUAL(type_of(&r, "172.16.0.0/24", TABLE_MAIN), LEAT_ROUTE_KERNEL);
	CU_ASSERT(r.s->kni->mirror->routes_ignored >= 2);

	ns_run("ip route replace blackhole 10.22.0.0/16");
	ns_run("ip route del default metric 10");
	ns_run("ip route del 10.21.0.0/16");
	ns_mirror(&r);
	CU_ASSERT_EQUAL(type_of(&r, "10.22.0.0/16", TABLE_MAIN), LEAT_ROUTE_BLACKHOLE);
	CU_ASSERT_EQUAL(type_of(&r, "10.21.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT(via_is(&leat_fib_lookup4(r.s, inet_addr("8.8.8.8"))->paths[0], "10.9.0.2"));
	ns_run("ip link del other0");
	ns_run("ip route del local 10.28.0.0/16");
	for (int net = 22; net <= 24; net++)
		ns_run("ip route flush root 10.%d.0.0/16", net);
	ns_close(&r);
}

static void multipath_keeps_weights(void)
{
	const struct leat_route *f;
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	other_link();
	ns_run("ip route add 10.30.0.0/16 nexthop via 10.9.0.2 weight 3 nexthop via 10.9.0.3 "
	       "weight 256");
	ns_run("ip route add 10.31.0.0/16 nexthop via 10.9.0.2 nexthop via 172.16.0.2");
	ns_run("ip route add 10.32.0.0/16 nexthop via 172.16.0.3 nexthop via 172.16.0.2");
	ns_run("ip nexthop add id 5 via 10.9.0.4 dev t0");
	ns_run("ip route add 10.33.0.0/16 nhid 5");
	ns_mirror(&r);
	f = route(&r, "10.30.0.0/16", TABLE_MAIN, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->n_paths, 2);
	CU_ASSERT(via_is(&f->paths[0], "10.9.0.2") && via_is(&f->paths[1], "10.9.0.3"));
	CU_ASSERT(f->paths[0].weight == 3 && f->paths[1].weight == 256);
	f = route(&r, "10.31.0.0/16", TABLE_MAIN, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT(f->type == LEAT_ROUTE_UNICAST && f->n_paths == 1);
	CU_ASSERT_EQUAL(type_of(&r, "10.32.0.0/16", TABLE_MAIN), LEAT_ROUTE_KERNEL);
	f = route(&r, "10.33.0.0/16", TABLE_MAIN, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT(f->type == LEAT_ROUTE_UNICAST && via_is(&f->paths[0], "10.9.0.4"));
	CU_ASSERT(as_many_routes(&r));
	ns_run("ip link del other0");
	ns_close(&r);
}

// Routes with one prefix and metric: the kernel uses the first of them.
static void appended_routes_wait_their_turn(void)
{
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	ns_run("ip route add 10.40.0.0/16 via 10.9.0.2");
	ns_run("ip route append 10.40.0.0/16 via 10.9.0.3");
	ns_mirror(&r);
	CU_ASSERT(via_is(&route(&r, "10.40.0.0/16", TABLE_MAIN, 0)->paths[0], "10.9.0.2"));
	ns_run("ip route del 10.40.0.0/16 via 10.9.0.2");
	ns_mirror(&r);
	CU_ASSERT_EQUAL(type_of(&r, "10.40.0.0/16", TABLE_MAIN), LEAT_ROUTE_UNICAST);
	CU_ASSERT(via_is(&route(&r, "10.40.0.0/16", TABLE_MAIN, 0)->paths[0], "10.9.0.3"));
	ns_close(&r);
}

// What the kernel drops without a word.
static void routes_of_a_link_that_goes_down_go(void)
{
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	ns_run("ip route add 10.50.0.0/16 via 10.9.0.2");
	other_link();
	ns_run("ip route add 10.51.0.0/16 via 172.16.0.2");
	ns_run("ip route add 10.52.0.0/16 nexthop via 10.9.0.2 nexthop via 10.9.0.3");
	ns_mirror(&r);
	CU_ASSERT_EQUAL(type_of(&r, "10.50.0.0/16", TABLE_MAIN), LEAT_ROUTE_UNICAST);

	ns_run("ip link set t0 down");
	ns_mirror(&r);
	CU_ASSERT_FALSE(r.iface->up);
	CU_ASSERT_EQUAL(type_of(&r, "10.50.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(type_of(&r, "10.52.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(type_of(&r, "10.51.0.0/16", TABLE_MAIN), LEAT_ROUTE_KERNEL);
	CU_ASSERT(as_many_routes(&r));

	ns_run("ip link set other0 down");
	ns_run("ip link set t0 up");
	ns_mirror(&r);
	CU_ASSERT_TRUE(r.iface->up);
	CU_ASSERT_EQUAL(type_of(&r, "10.51.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(type_of(&r, "10.9.0.0/24", TABLE_MAIN), LEAT_ROUTE_UNICAST);
	CU_ASSERT(as_many_routes(&r));
	ns_run("ip link del other0");
	ns_close(&r);
}

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
	e = neighbour(&r, NS_PEER);
	CU_ASSERT(e != NULL && e->state == LEAT_NEIGH_PERMANENT && e->mac.addr_bytes[5] == 2);
	e = neighbour(&r, "10.9.0.7");
	CU_ASSERT(e != NULL && e->state == LEAT_NEIGH_STALE && e->mac.addr_bytes[5] == 7);
	ns_run("ip neigh replace 10.9.0.7 lladdr 02:00:00:00:00:77 dev t0 nud stale");
	ns_run("ip neigh del " NS_PEER " dev t0");
	ns_mirror(&r);
	e = neighbour(&r, "10.9.0.7");
	CU_ASSERT(e != NULL && e->mac.addr_bytes[5] == 0x77);
	CU_ASSERT_PTR_NULL(neighbour(&r, NS_PEER));
	ns_run("ip neigh flush all");
	ns_mirror(&r);
	CU_ASSERT_PTR_NULL(neighbour(&r, "10.9.0.7"));
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
	CU_ASSERT_EQUAL(neighbour(&r, "10.9.0.10")->state, LEAT_NEIGH_STALE);
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
	batch("add", 11, 0, 500);
	ns_mirror(&r);
	leat_fib_walk(r.s, count_ours, n);
	CU_ASSERT_EQUAL(n[0], 500);
	leat_kni_counts(r.s, &c);
	CU_ASSERT_EQUAL(c.enobufs, 0);

	fd = mnl_socket_get_fd(r.s->kni->mirror->events);
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &small, sizeof(small)), 0);
	batch("add", 12, 0, 2000);
	batch("del", 11, 0, 250);
	ns_run("ip addr add 10.9.1.1/24 dev t0");
	ns_run("ip addr del 10.9.1.1/24 dev t0"); // its addition may be in the queue, its end is
						  // lost
	ns_run("ip addr add 10.9.2.1/24 dev t0");
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
	CU_ASSERT(as_many_routes(&r));
	CU_ASSERT(has_addr(&r, "10.9.0.1/24") && has_addr(&r, "10.9.2.1/24"));
	CU_ASSERT_FALSE(has_addr(&r, "10.9.1.1/24"));
	CU_ASSERT_PTR_NULL(neighbour(&r, NS_PEER));
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
	CU_ASSERT(as_many_routes(&r));
	ns_close(&r);
}

static const struct unit_case cases[] = {
	UNIT_CASE(addresses_come_and_go),
	UNIT_CASE(routes_of_every_type),
	UNIT_CASE(multipath_keeps_weights),
	UNIT_CASE(appended_routes_wait_their_turn),
	UNIT_CASE(routes_of_a_link_that_goes_down_go),
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
