// SPDX-License-Identifier: BSD-3-Clause
// Between neigh.c (table) and neigh_timer.c (states over time).
#pragma once

#include "core/lcore.h"
#include "link/neigh.h"

#define NEIGH_TIMER 0 // kind on the worker's wheel

struct neigh_key { // no padding bytes: hashed whole
	union leat_ip ip;
	uint64_t iface;
};
_Static_assert(sizeof(struct neigh_key) == 24, "no padding");

struct leat_neigh_table {
	struct rte_hash *hash; // key to slot
	uint32_t size;
	uint32_t used;
	uint32_t hand; // where the search for a free slot goes on
	uint32_t next_gen;
	struct leat_neigh slots[];
};

// neigh.c
void leat_neigh_drop_held(struct leat_lcore *lc, struct leat_neigh *e, enum leat_drop why);

// neigh_timer.c
void leat_neigh_timer(void *ctx, struct leat_timer *t);
void leat_neigh_solicit(struct leat_lcore *lc, const struct leat_iface *i, struct leat_neigh *e);
void leat_neigh_delay_probe(struct leat_lcore *lc, struct leat_neigh *e);
void leat_neigh_reachable(struct leat_lcore *lc, struct leat_neigh *e);
void leat_neigh_stale(struct leat_lcore *lc, struct leat_neigh *e);
