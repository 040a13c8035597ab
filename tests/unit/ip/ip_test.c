// SPDX-License-Identifier: BSD-3-Clause
// Addresses with their routes, and the way to a destination.
#include <errno.h>
#include <string.h>

#include "ip/ip_private.h"
#include "ip/net.h"
#include "unit.h"

static uint8_t type_of(struct net *n, const char *ip)
{
	return leat_fib_lookup4(n->r.s, net_be(ip))->type;
}

static struct leat_prefix prefix(const char *text)
{
	struct leat_prefix p;

	CU_ASSERT_EQUAL(leat_prefix_parse(text, &p), 0);
	return p;
}

static void an_address_brings_its_routes_and_takes_them_along(void)
{
	struct leat_prefix p = prefix("10.1.2.3/20"), q = prefix("10.1.2.4/20");
	struct net n;
	uint32_t count;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	count = leat_fib_count(n.r.s);
	CU_ASSERT_EQUAL(leat_ip_addr_add(n.r.s, n.r.iface, &p), 0);
	CU_ASSERT_EQUAL(leat_ip_addr_add(n.r.s, n.r.iface, &p), -EEXIST);
	CU_ASSERT_EQUAL(type_of(&n, "10.1.2.3"), LEAT_ROUTE_LOCAL);
	CU_ASSERT_EQUAL(type_of(&n, "10.1.2.4"), LEAT_ROUTE_UNICAST);
	CU_ASSERT_EQUAL(type_of(&n, "10.1.15.255"), LEAT_ROUTE_BROADCAST);
	CU_ASSERT_EQUAL(type_of(&n, "10.1.0.0"), LEAT_ROUTE_BROADCAST);
	CU_ASSERT_EQUAL(type_of(&n, "10.1.16.0"), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(leat_ip_addr_add(n.r.s, n.r.iface, &q), 0);
	CU_ASSERT_EQUAL(leat_ip_addr_del(n.r.s, n.r.iface, &p), 0);
	CU_ASSERT_EQUAL(leat_ip_addr_del(n.r.s, n.r.iface, &p), -ENOENT);
	CU_ASSERT_EQUAL(type_of(&n, "10.1.2.3"), LEAT_ROUTE_UNICAST);
	CU_ASSERT_EQUAL(type_of(&n, "10.1.2.4"), LEAT_ROUTE_LOCAL);
	CU_ASSERT_EQUAL(type_of(&n, "10.1.15.255"), LEAT_ROUTE_BROADCAST); // the other's too
	CU_ASSERT_EQUAL(leat_ip_addr_del(n.r.s, n.r.iface, &q), 0);
	CU_ASSERT_EQUAL(type_of(&n, "10.1.2.4"), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(leat_fib_count(n.r.s), count);
	net_close(&n);
}

static void small_nets_have_no_broadcast(void)
{
	struct leat_prefix p31 = prefix("10.0.0.2/31"), p32 = prefix("10.0.1.1/32");
	struct leat_prefix p6 = prefix("2001:db8::1/64"), wrong = {net_ip("10.0.0.1"), 33};
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	CU_ASSERT_EQUAL(leat_ip_addr_add(n.r.s, n.r.iface, &p31), 0);
	CU_ASSERT_EQUAL(type_of(&n, "10.0.0.2"), LEAT_ROUTE_LOCAL);
	CU_ASSERT_EQUAL(type_of(&n, "10.0.0.3"), LEAT_ROUTE_UNICAST);
	CU_ASSERT_EQUAL(leat_ip_addr_add(n.r.s, n.r.iface, &p32), 0);
	CU_ASSERT_EQUAL(type_of(&n, "10.0.1.1"), LEAT_ROUTE_LOCAL);
	CU_ASSERT_EQUAL(type_of(&n, "10.0.1.0"), LEAT_ROUTE_NONE);
	CU_ASSERT_EQUAL(leat_ip_addr_add(n.r.s, n.r.iface, &p6), 0);
	CU_ASSERT_EQUAL(leat_ip_addr_del(n.r.s, n.r.iface, &p6), 0);
	CU_ASSERT_EQUAL(leat_ip_addr_add(n.r.s, n.r.iface, &wrong), -EINVAL);
	net_close(&n);
}

// When the table is full, nothing of the address stays.
static void an_address_without_room_leaves_nothing(void)
{
	struct leat_prefix p = prefix("10.1.2.3/20");
	uint32_t count, i = 0;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	for (; leat_fib_count(n.r.s) < 254; i++) {
		struct leat_route r = {.prefix = {leat_ip_from_be32(htobe32(0x0b000000 + i)), 32},
			.table = 254,
			.type = LEAT_ROUTE_BLACKHOLE};

		CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), 0);
	}
	count = n.r.iface->addrs->n;
	CU_ASSERT_EQUAL(leat_ip_addr_add(n.r.s, n.r.iface, &p), -ENOSPC);
	CU_ASSERT_EQUAL(n.r.iface->addrs->n, count);
	CU_ASSERT_EQUAL(leat_fib_count(n.r.s), 254);
	CU_ASSERT_EQUAL(type_of(&n, "10.1.2.3"), LEAT_ROUTE_NONE);
	net_close(&n);
}

static int route(struct net *n, const char *to, struct leat_dst *d, union leat_ip *src)
{
	union leat_ip ip = net_ip(to);

	*src = (union leat_ip){0};
	return leat_ip_route(n->r.lc, &ip, 0, d, src);
}

static void the_way_says_next_hop_mtu_and_source(void)
{
	struct leat_route r = {.prefix = prefix("203.0.113.0/24"),
		.table = 254,
		.type = LEAT_ROUTE_UNICAST,
		.mtu = 1400,
		.src = net_ip("192.0.2.1"),
		.n_paths = 1,
		.paths = {{.via = net_ip("198.51.100.2"), .weight = 1}}};
	struct leat_dst d;
	union leat_ip src;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	CU_ASSERT_EQUAL(route(&n, "198.51.100.9", &d, &src), 0);
	CU_ASSERT(leat_ip_equal(d.next_hop, net_ip("198.51.100.9")));
	CU_ASSERT(leat_ip_equal(src, net_ip("198.51.100.1")));
	CU_ASSERT_EQUAL(d.iface, n.second->idx);
	CU_ASSERT_EQUAL(d.mtu, 1500);
	CU_ASSERT_FALSE(leat_dst_stale(n.r.lc, &d));
	r.paths[0].iface = n.second->idx;
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), 0);
	CU_ASSERT(leat_dst_stale(n.r.lc, &d));
	CU_ASSERT_EQUAL(route(&n, "203.0.113.7", &d, &src), 0);
	CU_ASSERT(leat_ip_equal(d.next_hop, net_ip("198.51.100.2")));
	CU_ASSERT(leat_ip_equal(src, net_ip("192.0.2.1"))); // the route's hint
	CU_ASSERT_EQUAL(d.mtu, 1400);
	r.mtu = 9000;
	r.src = (union leat_ip){0};
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), 0);
	CU_ASSERT_EQUAL(route(&n, "203.0.113.7", &d, &src), 0);
	CU_ASSERT(leat_ip_equal(src, net_ip("198.51.100.1")));
	CU_ASSERT_EQUAL(d.mtu, 1500);
	src = net_ip("192.0.2.1"); // chosen by the caller
	CU_ASSERT_EQUAL(leat_ip_route(n.r.lc, &r.prefix.ip, 0, &d, &src), 0);
	CU_ASSERT(leat_ip_equal(src, net_ip("192.0.2.1")));
	net_close(&n);
}

static void no_way_has_its_error(void)
{
	struct leat_dst d;
	union leat_ip src;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	CU_ASSERT_EQUAL(route(&n, "203.0.113.1", &d, &src), -ENETUNREACH);
	CU_ASSERT_EQUAL(route(&n, "192.0.2.1", &d, &src), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(route(&n, "192.0.2.255", &d, &src), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(route(&n, "255.255.255.255", &d, &src), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(route(&n, "224.0.0.5", &d, &src), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(route(&n, "2001:db8::1", &d, &src), -ENETUNREACH);
	net_route(&n, "203.0.113.0/24", LEAT_ROUTE_PROHIBIT, NULL, NULL);
	CU_ASSERT_EQUAL(route(&n, "203.0.113.1", &d, &src), -EACCES);
	net_route(&n, "203.0.113.0/24", LEAT_ROUTE_UNREACHABLE, NULL, NULL);
	CU_ASSERT_EQUAL(route(&n, "203.0.113.1", &d, &src), -EHOSTUNREACH);
	net_route(&n, "203.0.113.0/24", LEAT_ROUTE_BLACKHOLE, NULL, NULL);
	CU_ASSERT_EQUAL(route(&n, "203.0.113.1", &d, &src), -EINVAL);
	net_route(&n, "203.0.113.0/24", LEAT_ROUTE_KERNEL, NULL, NULL);
	CU_ASSERT_EQUAL(route(&n, "203.0.113.1", &d, &src), -EXDEV);
	n.r.iface->up = false;
	CU_ASSERT_EQUAL(route(&n, "192.0.2.2", &d, &src), -ENETUNREACH);
	net_close(&n);
}

static const struct unit_case cases[] = {
	UNIT_CASE(an_address_brings_its_routes_and_takes_them_along),
	UNIT_CASE(small_nets_have_no_broadcast),
	UNIT_CASE(an_address_without_room_leaves_nothing),
	UNIT_CASE(the_way_says_next_hop_mtu_and_source),
	UNIT_CASE(no_way_has_its_error),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("ip", cases) != 0;
}
