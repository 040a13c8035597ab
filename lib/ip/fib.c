// SPDX-License-Identifier: BSD-3-Clause
// The lookup structure of workers: rte_fib, DIR-24-8, whose value is the index of a next-hop
// record. Looked up by ip4_input.c and whoever sends; filled by rib.c. IPv6 prefixes are not in it
// yet.
//
// A worker that is between its two loads in DIR-24-8 while main deletes the last long prefix of a
// /24 and gives its second-level group to another may send that one packet by the other's
// route. 22.11 has no RCU there; an index is always of a live record, so no more than that happens.
// The tree (small_fib) has no such guarantee: it is for stacks driven by hand.
#include "ip/fib.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <rte_byteorder.h>
#include <rte_fib.h>
#include <rte_ring.h>

#include "ip/fib_private.h"

const char *leat_route_type_name(enum leat_route_type t)
{
	static const char *const names[LEAT_ROUTE_TYPE_MAX] = {"none", "unicast", "local",
		"broadcast", "blackhole", "unreachable", "prohibit", "kernel"};

	return (unsigned)t < LEAT_ROUTE_TYPE_MAX ? names[t] : "?";
}

// ---- start and end ----

static struct rte_fib *make_lookup(const struct leat_stack *s, uint32_t max)
{
	struct rte_fib_conf conf = {
		.type = s->conf.small_fib ? RTE_FIB_DUMMY : RTE_FIB_DIR24_8,
		.default_nh = 0,
		.max_routes = (int)max,
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

int leat_fib_init(struct leat_stack *s)
{
	struct leat_fib *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	s->ip->fib = f;
	f->max = s->conf.limits.routes;
	f->epoch = 1;
	f->nh = leat_nh_create(s, f->max);
	f->lookup = make_lookup(s, RTE_MAX(f->max, 64u));
	if (leat_rib_init(s, f) != 0 || f->nh == NULL || f->lookup == NULL) {
		leat_fib_fini(s);
		return -ENOMEM;
	}
	f->records = leat_nh_records(f->nh);
	return 0;
}

void leat_fib_fini(struct leat_stack *s)
{
	struct leat_fib *f = s->ip->fib;

	if (f == NULL)
		return;
	leat_rib_fini(f);
	rte_fib_free(f->lookup);
	leat_nh_destroy(f->nh);
	free(f);
	s->ip->fib = NULL;
}

int leat_fib_publish(struct leat_fib *f, const struct rib_prefix *p)
{
	uint32_t ip;

	if (!leat_ip_is4(p->key.ip))
		return 0;
	ip = rte_be_to_cpu_32(leat_ip_be32(p->key.ip));
	if (p->first == NULL)
		return rte_fib_delete(f->lookup, ip, p->key.len);
	return rte_fib_add(f->lookup, ip, p->key.len, p->first->nh);
}

// ---- lookup ----

const struct leat_nexthop *leat_fib_lookup4(const struct leat_stack *s, uint32_t dst_be)
{
	const struct leat_nexthop *nh;

	leat_fib_lookup4_bulk(s, &dst_be, &nh, 1);
	return nh;
}

void leat_fib_lookup4_bulk(const struct leat_stack *s, const uint32_t *dst_be,
	const struct leat_nexthop **out, uint16_t n)
{
	const struct leat_fib *f = s->ip->fib;
	uint32_t ip[LEAT_BURST];
	uint64_t idx[LEAT_BURST];

	for (uint16_t from = 0; from < n; from += LEAT_BURST) {
		uint16_t k = RTE_MIN(n - from, LEAT_BURST);

		for (uint16_t i = 0; i < k; i++)
			ip[i] = rte_be_to_cpu_32(dst_be[from + i]);
		rte_fib_lookup_bulk(f->lookup, ip, idx, k);
		for (uint16_t i = 0; i < k; i++)
			out[from + i] = f->records[idx[i]];
	}
}

// RFC 2992, hash-threshold: each path has a region of the hash space as large as its weight. The
// hash is mixed again, since the worker was chosen by the same one's upper bits.
const struct leat_path *leat_nexthop_path(const struct leat_nexthop *nh, uint32_t flow_hash)
{
	uint32_t at;

	if (likely(nh->n_paths <= 1))
		return nh->paths;
	at = (uint32_t)(((leat_ip_mix(flow_hash) >> 32) * nh->total_weight) >> 32);
	for (uint8_t i = 0; i < nh->n_paths - 1; i++) {
		if (at < nh->paths[i].weight)
			return &nh->paths[i];
		at -= nh->paths[i].weight;
	}
	return &nh->paths[nh->n_paths - 1];
}

uint32_t leat_fib_epoch(const struct leat_stack *s)
{
	return __atomic_load_n(&s->ip->fib->epoch, __ATOMIC_ACQUIRE);
}
