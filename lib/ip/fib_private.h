// SPDX-License-Identifier: BSD-3-Clause
// Between rib.c and fib.c: what a stack knows of routes.
#pragma once

#include "ip/ip_private.h"

struct rte_fib;
struct rte_hash;

struct rib_key {
	union leat_ip ip; // bits after len are zero
	uint8_t len;
	uint8_t zero[7];
};

struct rib_route {
	struct rib_route *next;
	uint32_t table;
	uint32_t metric;
	uint32_t nh;  // index of the record
	uint32_t gen; // of the resync in which it was last set
};

struct rib_prefix {
	struct rib_key key;
	struct rib_route *first;  // the one that workers see; the others by preference
	struct rib_prefix *empty; // next of a list of those without routes
};

struct leat_fib {
	struct rte_fib *lookup;
	struct rte_hash *rib;
	struct leat_nh_table *nh;
	const struct leat_nexthop *const *records;
	uint32_t top[33];     // by length: records of the prefixes that are all ones, 0 without
	uint32_t by_ones[33]; // by an address's leading ones: the longest of those that holds it
	uint32_t max, count;
	uint32_t epoch;
	uint32_t gen;
	uint64_t refused;
};

// rib.c
int leat_rib_init(struct leat_stack *s, struct leat_fib *f);
void leat_rib_fini(struct leat_fib *f);
// fib_table.c
// A value of the table is the index of a record and the prefix's length; 31 bits: 33 million
// records.
#define LEAT_FIB_LEN_BITS 6
// Leading one-bits of an address in host order, 0..32.
static inline unsigned leat_fib_ones(uint32_t ip)
{
	return ip == UINT32_MAX ? 32 : (unsigned)__builtin_clz(~ip);
}
struct rte_fib *leat_fib_table_create(const struct leat_stack *s, uint32_t max);
// Have the workers see the first route of a prefix. Returns 0 or -errno with the old one still
// seen.
int leat_fib_publish(struct leat_fib *f, const struct rib_prefix *p);
