// SPDX-License-Identifier: BSD-3-Clause
// How routes get into rte_fib, and around what is wrong with it in 22.11. Called by fib.c at the
// start and by rib.c for each change. The test against a naive lookup (fib_test.c) shows each of
// these:
//
//   - A prefix that reaches the end of the address space (0/0, 128/1, 192/2 ...), when all in front
//   of another
//     such within it is covered by yet others, is written over the whole table: 0/0 over 0/1 and
//     128/1, as VPN clients have it. These 33 prefixes stand beside the table. Whatever holds one
//     of them is one of them itself, so what the table finds is always longer and wins.
//   - A prefix with its parent's value is added without reserving its second-level table, which is
//   given back
//     all the same when it goes; below zero, every long prefix is refused. A value holds the
//     prefix's length, so that it is never its parent's.
//   - There is no RCU for second-level tables. A worker between its two loads, while main deletes
//   the last long
//     prefix of a /24 and gives its table to another, may send that one packet by the other's
//     route. What it finds is always the index of a live record. The tree (small_fib) does not even
//     promise that: it is for stacks that are driven by hand.
#include <stdio.h>
#include <rte_byteorder.h>
#include <rte_fib.h>
#include <rte_ring.h>

#include "core/rcu.h"
#include "ip/fib_private.h"

struct rte_fib *leat_fib_table_create(const struct leat_stack *s, uint32_t max)
{
	struct rte_fib_conf conf = {
		.type = s->conf.small_fib ? RTE_FIB_DUMMY : RTE_FIB_DIR24_8,
		.default_nh = 0,
		.max_routes = (int)RTE_MAX(max, 64u),
	};
	char name[RTE_RING_NAMESIZE];

	if (!s->conf.small_fib) {
		conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
		// 1 KiB for each /24 that has longer prefixes in it: one in four routes may want
		// one
		conf.dir24_8.num_tbl8 = RTE_MAX(256u, RTE_MIN(max / 4, 1u << 20));
	}
	snprintf(name, sizeof(name), "%s_fib", s->conf.name);
	return rte_fib_create(name, s->lcores[0]->node, &conf);
}

// Have the prefix of len one-bits say nh (0: none), and each number of leading ones what is best
// for it.
static void publish_top(struct leat_fib *f, uint8_t len, uint32_t nh)
{
	uint32_t best = 0;

	f->top[len] = nh;
	for (uint8_t ones = 0; ones <= 32; ones++) {
		if (f->top[ones] != 0)
			best = f->top[ones];
		leat_rcu_assign(f->by_ones[ones], best);
	}
}

int leat_fib_publish(struct leat_fib *f, const struct rib_prefix *p)
{
	uint32_t ip, nh = p->first != NULL ? p->first->nh : 0;
	uint8_t len = p->key.len;

	if (!leat_ip_is4(p->key.ip))
		return 0;
	ip = rte_be_to_cpu_32(leat_ip_be32(p->key.ip));
	if (leat_fib_ones(ip) >= len) {
		publish_top(f, len, nh);
		return 0;
	}
	if (nh == 0)
		return rte_fib_delete(f->lookup, ip, len);
	return rte_fib_add(f->lookup, ip, len, (uint64_t)nh << LEAT_FIB_LEN_BITS | len);
}
