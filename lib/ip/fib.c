// SPDX-License-Identifier: BSD-3-Clause
// The lookup structure of workers: rte_fib, DIR-24-8, whose value is the index of a next-hop
// record. Looked up by ip4_input.c and whoever sends; filled by rib.c through fib_table.c. IPv6
// prefixes are not in it yet.
#include "ip/fib.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_byteorder.h>
#include <rte_fib.h>

#include "core/rcu.h"
#include "ip/fib_private.h"

const char *leat_route_type_name(enum leat_route_type t)
{
	static const char *const names[LEAT_ROUTE_TYPE_MAX] = {"none", "unicast", "local",
		"broadcast", "blackhole", "unreachable", "prohibit", "kernel"};

	return (unsigned)t < LEAT_ROUTE_TYPE_MAX ? names[t] : "?";
}

// ---- start and end ----

int leat_fib_init(struct leat_stack *s)
{
	struct leat_fib *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	s->ip->fib = f;
	f->max = s->conf.limits.routes;
	f->epoch = 1;
	f->nh = leat_nh_create(s, f->max);
	f->lookup = leat_fib_table_create(s, f->max);
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
	uint64_t value[LEAT_BURST];

	for (uint16_t from = 0; from < n; from += LEAT_BURST) {
		uint16_t k = RTE_MIN(n - from, LEAT_BURST);

		for (uint16_t i = 0; i < k; i++)
			ip[i] = rte_be_to_cpu_32(dst_be[from + i]);
		rte_fib_lookup_bulk(f->lookup, ip, value, k);
		for (uint16_t i = 0; i < k; i++) {
			if (likely(value[i] != 0))
				value[i] >>= LEAT_FIB_LEN_BITS;
			else
				value[i] = leat_rcu_get(f->by_ones[leat_fib_ones(ip[i])]);
			out[from + i] = f->records[value[i]];
		}
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
