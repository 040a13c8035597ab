// SPDX-License-Identifier: BSD-3-Clause
// Routes: the lookup against a naive one under random changes, preference, resync, limits, ECMP.
#include "ip/fib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ip/net.h"
#include "unit.h"

#define ROUTES 400
#define STEPS 6000

// The oracle: routes in no order; what is looked for is found by trying all.
struct naive {
	bool used, set_again;
	uint32_t ip; // host order, masked
	uint8_t len;
	uint32_t table, metric;
	uint32_t mark; // stands as the MTU of the route
};

static struct naive routes[ROUTES];

static uint32_t mask(uint8_t len)
{
	return len == 0 ? 0 : UINT32_MAX << (32 - len);
}

static uint64_t order(const struct naive *r)
{
	uint64_t rank = r->table == 255 ? 0 : r->table == 254 ? 1 : r->table == 253 ? 2 : 3;

	return rank << 40 | (uint64_t)r->metric << 8 | (r->table & 0xff);
}

static uint32_t naive_lookup(uint32_t ip)
{
	const struct naive *best = NULL;

	for (int i = 0; i < ROUTES; i++) {
		const struct naive *r = &routes[i];

		if (!r->used || (ip & mask(r->len)) != r->ip)
			continue;
		if (best == NULL || r->len > best->len ||
			(r->len == best->len && order(r) < order(best)))
			best = r;
	}
	return best != NULL ? best->mark : 0;
}

static struct leat_prefix prefix_of(const struct naive *r)
{
	return (struct leat_prefix){leat_ip_from_be32(htobe32(r->ip)), r->len};
}

static int set(struct net *n, const struct naive *r)
{
	struct leat_route x = {
		.prefix = prefix_of(r),
		.table = r->table,
		.metric = r->metric,
		.type = LEAT_ROUTE_UNICAST,
		.mtu = r->mark,
		.n_paths = 1,
		.paths = {{.iface = 1, .weight = 1}},
	};

	return leat_fib_set(n->r.s, &x);
}

// Prefixes of all lengths that lie within one another, few enough to meet often.
static void randomise(struct naive *r, uint64_t *seed)
{
	static const uint32_t tables[] = {255, 254, 254, 254, 253, 100};
	static const uint32_t places[] = {0, 0x0a000000, 0x8a000000, UINT32_MAX};
	uint64_t x = unit_random(seed);

	r->len = (uint8_t)(x % 33);
	r->ip = (uint32_t)((x >> 8) & 0x030303) ^ places[(x >> 40) % RTE_DIM(places)];
	r->ip &= mask(r->len);
	r->table = tables[(x >> 48) % RTE_DIM(tables)];
	r->metric = (uint32_t)(x >> 56) % 3;
	r->mark = 1 + (uint32_t)(x >> 32) % 50; // so that records are shared
}

static struct naive *same_key(const struct naive *x)
{
	for (int i = 0; i < ROUTES; i++)
		if (routes[i].used && routes[i].ip == x->ip && routes[i].len == x->len &&
			routes[i].table == x->table && routes[i].metric == x->metric)
			return &routes[i];
	return NULL;
}

static void turn(struct net *n)
{
	for (int i = 0; i < 4; i++)
		leat_lcore_poll(n->r.lc);
	leat_stack_housekeep(n->r.s);
}

static void compare(struct net *n, uint64_t *seed)
{
	const struct leat_nexthop *nh[150];
	uint32_t be[150];

	for (int i = 0; i < 150; i++) {
		struct naive r;

		randomise(&r, seed);
		be[i] = htobe32(r.ip | (uint32_t)(unit_random(seed) & 3));
	}
	leat_fib_lookup4_bulk(n->r.s, be, nh, 150);
	for (int i = 0; i < 150; i++) {
		uint32_t want = naive_lookup(be32toh(be[i]));

		CU_ASSERT_EQUAL(nh[i]->mtu, want);
		CU_ASSERT_EQUAL(nh[i]->type, want != 0 ? LEAT_ROUTE_UNICAST : LEAT_ROUTE_NONE);
	}
}

static void change(struct net *n, uint64_t *seed, uint32_t *count)
{
	struct naive x = {.used = true}, *old, *at = &routes[unit_random(seed) % ROUTES];
	uint32_t epoch = leat_fib_epoch(n->r.s);
	struct leat_prefix p;

	if (at->used) {
		p = prefix_of(at);
		CU_ASSERT_EQUAL(leat_fib_del(n->r.s, &p, at->table, at->metric), 0);
		CU_ASSERT_EQUAL(leat_fib_del(n->r.s, &p, at->table, at->metric), -ENOENT);
		CU_ASSERT_NOT_EQUAL(leat_fib_epoch(n->r.s), epoch);
		at->used = false;
		(*count)--;
		return;
	}
	randomise(&x, seed);
	CU_ASSERT_EQUAL(set(n, &x), 0);
	old = same_key(&x);
	if (old == NULL)
		(*count)++;
	*(old != NULL ? old : at) = x;
}

static void random_changes(bool small)
{
	struct leat_stack_conf conf;
	uint64_t seed = 42;
	uint32_t count = 0, base;
	struct net n;

	rig_conf(&conf);
	conf.small_fib = small;
	conf.limits.routes = 1024;
	memset(routes, 0, sizeof(routes));
	CU_ASSERT_EQUAL_FATAL(net_open(&n, &conf), 0);
	base = leat_fib_count(n.r.s);
	for (int step = 0; step < STEPS; step++) {
		change(&n, &seed, &count);
		CU_ASSERT_EQUAL(leat_fib_count(n.r.s), base + count);
		if (step % 20 == 0) {
			compare(&n, &seed);
			turn(&n);
		}
	}
	CU_ASSERT_EQUAL(leat_fib_refused(n.r.s), 0);
	net_close(&n);
}

static void the_tree_is_as_the_naive_lookup(void)
{
	random_changes(true);
}

static void dir24_8_is_as_the_naive_lookup(void)
{
	random_changes(false);
}

// Adding and deleting a long prefix that goes the way of the one it lies in costs no second-level
// table for ever.
static void a_long_prefix_by_its_parents_way_leaves_nothing(void)
{
	struct naive r = {.ip = 0x0a000000, .len = 8, .table = 254, .mark = 70};
	struct leat_stack_conf conf;
	struct leat_prefix p;
	struct net n;

	rig_conf(&conf);
	conf.small_fib = false;
	CU_ASSERT_EQUAL_FATAL(net_open(&n, &conf), 0);
	CU_ASSERT_EQUAL(set(&n, &r), 0);
	r.ip = 0x0a010101;
	r.len = 32;
	for (int i = 0; i < 1000; i++) {
		p = prefix_of(&r);
		CU_ASSERT_EQUAL(set(&n, &r), 0);
		CU_ASSERT_EQUAL(leat_fib_del(n.r.s, &p, 254, 0), 0);
	}
	net_close(&n);
}

static void tables_and_metrics_have_their_rank(void)
{
	struct naive r = {.ip = 0x0a010000, .len = 16};
	static const uint32_t keys[][2] = {
		{7, 0}, {253, 5}, {253, 1}, {254, 100}, {254, 7}, {255, 9}, {255, 0}};
	struct leat_prefix p;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	for (uint32_t i = 0; i < RTE_DIM(keys); i++) { // each is better than all before
		r.table = keys[i][0];
		r.metric = keys[i][1];
		r.mark = 100 + i;
		CU_ASSERT_EQUAL(set(&n, &r), 0);
		CU_ASSERT_EQUAL(leat_fib_lookup4(n.r.s, net_be("10.1.2.3"))->mtu, 100 + i);
	}
	p = prefix_of(&r);
	for (uint32_t i = RTE_DIM(keys) - 1; i > 0; i--) {
		CU_ASSERT_EQUAL(leat_fib_del(n.r.s, &p, keys[i][0], keys[i][1]), 0);
		CU_ASSERT_EQUAL(leat_fib_lookup4(n.r.s, net_be("10.1.2.3"))->mtu, 100 + i - 1);
	}
	net_close(&n);
}

static bool count_marks(void *ctx, const struct leat_route *r)
{
	uint32_t *seen = ctx;

	if (r->mtu >= 1000 && r->mtu < 1200)
		seen[r->mtu - 1000]++;
	return true;
}

static void a_resync_sweeps_what_is_not_set_again(void)
{
	uint32_t seen[200] = {0}, base, epoch;
	struct naive r = {.len = 32, .table = 254};
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	base = leat_fib_count(n.r.s);
	for (uint32_t i = 0; i < 200; i++) {
		r.ip = 0x0a000000 + i;
		r.mark = 1000 + i;
		CU_ASSERT_EQUAL(set(&n, &r), 0);
	}
	leat_fib_resync_begin(n.r.s);
	epoch = leat_fib_epoch(n.r.s);
	for (uint32_t i = 0; i < 200; i += 3) {
		r.ip = 0x0a000000 + i;
		r.mark = 1000 + i;
		CU_ASSERT_EQUAL(set(&n, &r), 0);
	}
	CU_ASSERT_EQUAL(leat_fib_epoch(n.r.s), epoch); // nothing has changed for anyone
	leat_fib_resync_end(n.r.s);
	leat_fib_walk(n.r.s, count_marks, seen);
	for (uint32_t i = 0; i < 200; i++) {
		bool stays = i % 3 == 0;

		CU_ASSERT_EQUAL(seen[i], stays);
		CU_ASSERT_EQUAL(leat_fib_lookup4(n.r.s, htobe32(0x0a000000 + i))->type,
			stays ? LEAT_ROUTE_UNICAST : LEAT_ROUTE_NONE);
	}
	CU_ASSERT_EQUAL(leat_fib_count(n.r.s), 67); // the addresses' own went too
	CU_ASSERT_EQUAL(base, 8);
	net_close(&n);
}

static void growth_ends_at_the_limit(void)
{
	struct naive r = {.len = 32, .table = 254, .mark = 1};
	uint32_t free_routes;
	struct leat_prefix p;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	free_routes = 256 - leat_fib_count(n.r.s);
	for (uint32_t i = 0; i < free_routes; i++) {
		r.ip = 0x0a000000 + i;
		r.mark = 70 + i;
		CU_ASSERT_EQUAL(set(&n, &r), 0);
	}
	r.ip = 0x0b000000;
	CU_ASSERT_EQUAL(set(&n, &r), -ENOSPC);
	CU_ASSERT_EQUAL(leat_fib_refused(n.r.s), 1);
	CU_ASSERT_EQUAL(leat_fib_lookup4(n.r.s, htobe32(r.ip))->type, LEAT_ROUTE_NONE);
	r.ip = 0x0a000000;
	r.mark = 5000; // replacing still works
	CU_ASSERT_EQUAL(set(&n, &r), 0);
	CU_ASSERT_EQUAL(leat_fib_lookup4(n.r.s, htobe32(r.ip))->mtu, 5000);
	p = prefix_of(&r);
	CU_ASSERT_EQUAL(leat_fib_del(n.r.s, &p, 254, 0), 0);
	r.ip = 0x0b000000;
	CU_ASSERT_EQUAL(set(&n, &r), 0);
	net_close(&n);
}

// DIR-24-8 has fewer second-level tables than routes: the refusal leaves no trace.
static void second_level_tables_run_out_cleanly(void)
{
	struct naive r = {.len = 32, .table = 254, .mark = 70};
	struct leat_stack_conf conf;
	uint32_t done = 0, count;
	struct net n;

	rig_conf(&conf);
	conf.small_fib = false;
	conf.limits.routes = 1024;
	CU_ASSERT_EQUAL_FATAL(net_open(&n, &conf), 0);
	for (uint32_t i = 0; i < 400; i++) {
		r.ip = 0x0a000001 + i * 256;
		count = leat_fib_count(n.r.s);
		if (set(&n, &r) == 0) {
			done++;
			continue;
		}
		CU_ASSERT_EQUAL(leat_fib_count(n.r.s), count);
		CU_ASSERT_EQUAL(leat_fib_lookup4(n.r.s, htobe32(r.ip))->type, LEAT_ROUTE_NONE);
	}
	CU_ASSERT(done > 200 && done < 400);
	CU_ASSERT_EQUAL(leat_fib_refused(n.r.s), 400 - done);
	net_close(&n);
}

static void wrong_routes_are_refused(void)
{
	struct leat_route good = {.prefix = {net_ip("10.0.0.0"), 8},
		.table = 254,
		.type = LEAT_ROUTE_UNICAST,
		.n_paths = 1,
		.paths = {{.iface = 1, .weight = 1}}};
	struct leat_route r;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	r = good;
	r.prefix.len = 33;
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), -EINVAL);
	r = good;
	r.type = LEAT_ROUTE_NONE;
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), -EINVAL);
	r = good;
	r.n_paths = 0;
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), -EINVAL);
	r = good;
	r.n_paths = LEAT_MAX_PATHS + 1;
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), -EINVAL);
	r = good;
	r.paths[0].weight = 0;
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), -EINVAL);
	r = good;
	r.paths[0].iface = LEAT_MAX_IFACES;
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), -EINVAL);
	r = good;
	r.paths[0].via = net_ip("2001:db8::1");
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), -EINVAL);
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &good), 0);
	net_close(&n);
}

static bool find6(void *ctx, const struct leat_route *r)
{
	if (!leat_ip_is4(r->prefix.ip))
		*(struct leat_route *)ctx = *r;
	return true;
}

static void ipv6_routes_are_kept_and_shown(void)
{
	struct leat_route r = {.prefix = {net_ip("2001:db8:1:2::77"), 64},
				  .table = 254,
				  .metric = 1024,
				  .type = LEAT_ROUTE_UNICAST,
				  .n_paths = 1,
				  .paths = {{.via = net_ip("fe80::1"), .iface = 1, .weight = 3}}},
			  got = {0};
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), 0);
	leat_fib_walk(n.r.s, find6, &got);
	CU_ASSERT(leat_ip_equal(got.prefix.ip, net_ip("2001:db8:1:2::")));
	CU_ASSERT_EQUAL(got.prefix.len, 64);
	CU_ASSERT_EQUAL(got.metric, 1024);
	CU_ASSERT(leat_ip_equal(got.paths[0].via, net_ip("fe80::1")));
	CU_ASSERT_EQUAL(got.paths[0].weight, 3);
	CU_ASSERT_EQUAL(leat_fib_del(n.r.s, &r.prefix, 254, 1024), 0);
	net_close(&n);
}

static void flows_spread_by_weight(void)
{
	struct leat_nexthop nh = {.type = LEAT_ROUTE_UNICAST,
		.n_paths = 4,
		.total_weight = 10,
		.paths = {{.iface = 1, .weight = 1}, {.iface = 2, .weight = 2},
			{.iface = 3, .weight = 3}, {.iface = 4, .weight = 4}}};
	uint32_t n[5] = {0};

	for (uint32_t i = 0; i < 100000; i++) {
		union leat_ip a = leat_ip_from_be32(htobe32(0x0a000000 + i % 1000));
		union leat_ip b = leat_ip_from_be32(htobe32(0x0b000001));
		uint32_t h = leat_flow_hash(&a, &b, (uint16_t)(1024 + i / 10), 80, 6);
		const struct leat_path *p = leat_nexthop_path(&nh, h);

		CU_ASSERT_PTR_EQUAL(p, leat_nexthop_path(&nh, h));
		CU_ASSERT_EQUAL(h, leat_flow_hash(&b, &a, 80, (uint16_t)(1024 + i / 10), 6));
		n[p->iface]++;
	}
	for (uint32_t i = 1; i <= 4; i++) // within 5 % of the share
		CU_ASSERT(n[i] > i * 9500 && n[i] < i * 10500);
}

static const struct unit_case cases[] = {
	UNIT_CASE(the_tree_is_as_the_naive_lookup),
	UNIT_CASE(dir24_8_is_as_the_naive_lookup),
	UNIT_CASE(a_long_prefix_by_its_parents_way_leaves_nothing),
	UNIT_CASE(tables_and_metrics_have_their_rank),
	UNIT_CASE(a_resync_sweeps_what_is_not_set_again),
	UNIT_CASE(growth_ends_at_the_limit),
	UNIT_CASE(second_level_tables_run_out_cleanly),
	UNIT_CASE(wrong_routes_are_refused),
	UNIT_CASE(ipv6_routes_are_kept_and_shown),
	UNIT_CASE(flows_spread_by_weight),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("fib", cases) != 0;
}
