// SPDX-License-Identifier: BSD-3-Clause
// Addresses and routes: `ip` changes the namespace, and the stack's tables are compared with what
// is then in the kernel's. Topology: nsrig.h.
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "kni/mirror_private.h"
#include "kni/nsview.h"
#include "unit.h"

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
	CU_ASSERT(ns_has_addr(&r, "10.9.0.1/24"));
	CU_ASSERT(ns_has_addr(&r, "10.9.0.8/32"));
	CU_ASSERT(ns_has_addr(&r, "2001:db8::1/64"));
	CU_ASSERT_FALSE(ns_has_addr(&r, "10.7.0.1/24"));
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.9.0.1/32", TABLE_LOCAL), LEAT_ROUTE_LOCAL);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.9.0.255/32", TABLE_LOCAL), LEAT_ROUTE_BROADCAST);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.9.0.0/24", TABLE_MAIN), LEAT_ROUTE_UNICAST);
	CU_ASSERT_EQUAL(
		ns_type_of(&r, "10.7.0.1/32", TABLE_LOCAL), LEAT_ROUTE_LOCAL); // on lo, but ours
	CU_ASSERT_EQUAL(ns_type_of(&r, "127.0.0.1/32", TABLE_LOCAL), LEAT_ROUTE_NONE);
	CU_ASSERT(leat_ip_be32(ns_route(&r, "10.9.0.0/24", TABLE_MAIN, 0)->src) ==
		  inet_addr("10.9.0.1"));
	CU_ASSERT(ns_as_many_routes(&r));

	ns_run("ip addr del 10.9.0.1/24 dev t0");
	ns_run("ip addr del 10.7.0.1/24 dev lo");
	ns_mirror(&r);
	CU_ASSERT_FALSE(ns_has_addr(&r, "10.9.0.1/24"));
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.9.0.1/32", TABLE_LOCAL), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.9.0.0/24", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT(ns_as_many_routes(&r));
	ns_close(&r);
}

static void routes_of_every_type(void)
{
	const struct leat_route *f;
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	ns_other_link();
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

	f = ns_route(&r, "0.0.0.0/0", TABLE_MAIN, 50);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->type, LEAT_ROUTE_UNICAST);
	CU_ASSERT_EQUAL(f->mtu, 1280);
	CU_ASSERT_EQUAL(f->n_paths, 1);
	CU_ASSERT(ns_via_is(&f->paths[0], "10.9.0.2"));
	CU_ASSERT_EQUAL(f->paths[0].iface, r.iface->idx);
	CU_ASSERT_PTR_NOT_NULL(ns_route(&r, "0.0.0.0/0", TABLE_MAIN, 10));
	CU_ASSERT(ns_via_is(&leat_fib_lookup4(r.s, inet_addr("8.8.8.8"))->paths[0], "10.9.0.3"));
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.20.0.0/16", TABLE_MAIN), LEAT_ROUTE_UNICAST);
	CU_ASSERT(leat_ip_is_any(ns_route(&r, "10.20.0.0/16", TABLE_MAIN, 0)->paths[0].via));
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.21.0.0/16", TABLE_MAIN), LEAT_ROUTE_BLACKHOLE);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.22.0.0/16", TABLE_MAIN), LEAT_ROUTE_UNREACHABLE);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.23.0.0/16", TABLE_MAIN), LEAT_ROUTE_PROHIBIT);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.24.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.25.0.0/16", TABLE_MAIN), LEAT_ROUTE_KERNEL);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.26.0.0/16", 77), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.27.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.28.0.0/16", TABLE_LOCAL), LEAT_ROUTE_LOCAL);
	CU_ASSERT_EQUAL(ns_type_of(&r, "172.16.0.1/32", TABLE_LOCAL), LEAT_ROUTE_LOCAL);
	CU_ASSERT_EQUAL(ns_type_of(&r, "172.16.0.255/32", TABLE_LOCAL), LEAT_ROUTE_KERNEL);
	CU_ASSERT_EQUAL(ns_type_of(&r, "172.16.0.0/24", TABLE_MAIN), LEAT_ROUTE_KERNEL);
	CU_ASSERT(r.s->kni->mirror->routes_ignored >= 2);

	ns_run("ip route replace blackhole 10.22.0.0/16");
	ns_run("ip route del default metric 10");
	ns_run("ip route del 10.21.0.0/16");
	ns_mirror(&r);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.22.0.0/16", TABLE_MAIN), LEAT_ROUTE_BLACKHOLE);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.21.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT(ns_via_is(&leat_fib_lookup4(r.s, inet_addr("8.8.8.8"))->paths[0], "10.9.0.2"));
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
	ns_other_link();
	ns_run("ip route add 10.30.0.0/16 nexthop via 10.9.0.2 weight 3 nexthop via 10.9.0.3 "
	       "weight 256");
	ns_run("ip route add 10.31.0.0/16 nexthop via 10.9.0.2 nexthop via 172.16.0.2");
	ns_run("ip route add 10.32.0.0/16 nexthop via 172.16.0.3 nexthop via 172.16.0.2");
	ns_run("ip nexthop add id 5 via 10.9.0.4 dev t0");
	ns_run("ip route add 10.33.0.0/16 nhid 5");
	ns_mirror(&r);
	f = ns_route(&r, "10.30.0.0/16", TABLE_MAIN, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->n_paths, 2);
	CU_ASSERT(ns_via_is(&f->paths[0], "10.9.0.2") && ns_via_is(&f->paths[1], "10.9.0.3"));
	CU_ASSERT(f->paths[0].weight == 3 && f->paths[1].weight == 256);
	f = ns_route(&r, "10.31.0.0/16", TABLE_MAIN, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT(f->type == LEAT_ROUTE_UNICAST && f->n_paths == 1);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.32.0.0/16", TABLE_MAIN), LEAT_ROUTE_KERNEL);
	f = ns_route(&r, "10.33.0.0/16", TABLE_MAIN, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT(f->type == LEAT_ROUTE_UNICAST && ns_via_is(&f->paths[0], "10.9.0.4"));
	CU_ASSERT(ns_as_many_routes(&r));
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
	CU_ASSERT(ns_via_is(&ns_route(&r, "10.40.0.0/16", TABLE_MAIN, 0)->paths[0], "10.9.0.2"));
	ns_run("ip route del 10.40.0.0/16 via 10.9.0.2");
	ns_mirror(&r);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.40.0.0/16", TABLE_MAIN), LEAT_ROUTE_UNICAST);
	CU_ASSERT(ns_via_is(&ns_route(&r, "10.40.0.0/16", TABLE_MAIN, 0)->paths[0], "10.9.0.3"));
	ns_close(&r);
}

// What the kernel drops without a word.
static void routes_of_a_link_that_goes_down_go(void)
{
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	ns_run("ip route add 10.50.0.0/16 via 10.9.0.2");
	ns_other_link();
	ns_run("ip route add 10.51.0.0/16 via 172.16.0.2");
	ns_run("ip route add 10.52.0.0/16 nexthop via 10.9.0.2 nexthop via 10.9.0.3");
	ns_mirror(&r);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.50.0.0/16", TABLE_MAIN), LEAT_ROUTE_UNICAST);

	ns_run("ip link set t0 down");
	ns_mirror(&r);
	CU_ASSERT_FALSE(r.iface->up);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.50.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.52.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.51.0.0/16", TABLE_MAIN), LEAT_ROUTE_KERNEL);
	CU_ASSERT(ns_as_many_routes(&r));

	ns_run("ip link set other0 down");
	ns_run("ip link set t0 up");
	ns_mirror(&r);
	CU_ASSERT_TRUE(r.iface->up);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.51.0.0/16", TABLE_MAIN), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(ns_type_of(&r, "10.9.0.0/24", TABLE_MAIN), LEAT_ROUTE_UNICAST);
	CU_ASSERT(ns_as_many_routes(&r));
	ns_run("ip link del other0");
	ns_close(&r);
}

static const struct unit_case cases[] = {
	UNIT_CASE(addresses_come_and_go),
	UNIT_CASE(routes_of_every_type),
	UNIT_CASE(multipath_keeps_weights),
	UNIT_CASE(appended_routes_wait_their_turn),
	UNIT_CASE(routes_of_a_link_that_goes_down_go),
};

int main(void)
{
	return ns_enter() != 0 || unit_eal_init() != 0 || UNIT_RUN("mirror_route", cases) != 0;
}
