// SPDX-License-Identifier: BSD-3-Clause
// Routes. Control keeps every route by {prefix, table, metric} as the kernel has them; of those of
// one prefix the lowest (table rank, metric) is put into the lookup structure (rte_fib), whose
// value is an index of immutable next-hop records. Workers look up without a lock; records are
// freed by RCU. Thread-safety: changes by main only; lookups by workers at any time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/stack.h"
#include "pkt/addr.h"

enum leat_route_type {
	LEAT_ROUTE_NONE, // no route
	LEAT_ROUTE_UNICAST,
	LEAT_ROUTE_LOCAL,
	LEAT_ROUTE_BROADCAST,
	LEAT_ROUTE_BLACKHOLE,
	LEAT_ROUTE_UNREACHABLE,
	LEAT_ROUTE_PROHIBIT,
	LEAT_ROUTE_KERNEL, // out of an interface that Leat does not own: punted
	LEAT_ROUTE_TYPE_MAX
};
const char *leat_route_type_name(enum leat_route_type t);

#define LEAT_MAX_PATHS 16

struct leat_path {
	union leat_ip via; // any: the destination is on the link
	uint16_t iface;
	uint16_t weight; // 1..256
	uint32_t zero;   // no padding: next-hop records are compared whole
};

struct leat_route {
	struct leat_prefix prefix;
	uint32_t table; // as the kernel's: 255 local before 254 main before others
	uint32_t metric;
	uint8_t type; // enum leat_route_type
	uint8_t n_paths;
	union leat_ip src; // source hint; any: none
	uint32_t mtu;      // 0: the interface's
	struct leat_path paths[LEAT_MAX_PATHS];
};

// What a lookup gives. Immutable; good until the worker's turn ends.
struct leat_nexthop {
	uint8_t type;
	uint8_t n_paths;
	uint16_t total_weight;
	uint32_t mtu;
	union leat_ip src;
	struct leat_path paths[LEAT_MAX_PATHS];
};

// Add a route, or replace the one with the same prefix, table and metric. 0, -EINVAL, -ENOSPC,
// -ENOMEM.
int leat_fib_set(struct leat_stack *s, const struct leat_route *r);
// Remove the route with this prefix, table and metric. 0, -ENOENT.
int leat_fib_del(
	struct leat_stack *s, const struct leat_prefix *p, uint32_t table, uint32_t metric);
// Every route, in no order; fn returns false to stop. Main only.
void leat_fib_walk(
	struct leat_stack *s, bool (*fn)(void *ctx, const struct leat_route *r), void *ctx);
uint32_t leat_fib_count(const struct leat_stack *s);
// Routes that were refused, for want of room or as invalid. Any context.
uint64_t leat_fib_refused(const struct leat_stack *s);

// Mark and sweep after the kernel's notifications were lost: routes that are not set between begin
// and end go.
void leat_fib_resync_begin(struct leat_stack *s);
void leat_fib_resync_end(struct leat_stack *s);

// Look up; never NULL (type LEAT_ROUTE_NONE without a route). Datapath.
const struct leat_nexthop *leat_fib_lookup4(const struct leat_stack *s, uint32_t dst_be);
void leat_fib_lookup4_bulk(const struct leat_stack *s, const uint32_t *dst_be,
	const struct leat_nexthop **out, uint16_t n);
_Static_assert(sizeof(struct leat_nexthop) == 24 + LEAT_MAX_PATHS * sizeof(struct leat_path) &&
		       sizeof(struct leat_path) == 24,
	"no padding");

// One path of several by weight; the same flow always gets the same (RFC 2992).
const struct leat_path *leat_nexthop_path(const struct leat_nexthop *nh, uint32_t flow_hash);
// Changes with every change of a route; never 0.
uint32_t leat_fib_epoch(const struct leat_stack *s);
