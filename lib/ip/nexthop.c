// SPDX-License-Identifier: BSD-3-Clause
// Next-hop records, shared by every route that goes the same way, so that a full table needs a
// handful. Called by fib.c. Workers read records by index without a lock: a record and its index
// are given back only after RCU.
#include "ip/ip_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <rte_jhash.h>

#include "core/rcu.h"

struct nh_record {
	struct leat_nexthop nh;
	struct leat_nh_table *table;
	struct nh_record *next; // of its bucket
	uint32_t idx;
	uint32_t refs;
	uint32_t hash;
};

struct leat_nh_table {
	struct leat_stack *stack;
	const struct leat_nexthop **records; // by index; what is free reads as "no route"
	uint32_t *free_idx;
	uint32_t n_free;
	uint32_t n_retiring; // given to RCU
	bool dying;          // the last of them frees the table
	uint32_t mask;
	struct nh_record **buckets;
};

static const struct leat_nexthop no_route = {.type = LEAT_ROUTE_NONE};

static void free_table(struct leat_nh_table *t)
{
	free(t->records);
	free(t->free_idx);
	free(t->buckets);
	free(t);
}

struct leat_nh_table *leat_nh_create(struct leat_stack *s, uint32_t routes)
{
	// Twice the routes: what is retiring still holds its index.
	uint32_t n = 2 * routes + 64, n_buckets = rte_align32pow2(routes / 4 + 16);
	struct leat_nh_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->stack = s;
	t->mask = n_buckets - 1;
	t->records = calloc(n, sizeof(*t->records));
	t->free_idx = calloc(n, sizeof(*t->free_idx));
	t->buckets = calloc(n_buckets, sizeof(*t->buckets));
	if (t->records == NULL || t->free_idx == NULL || t->buckets == NULL) {
		free_table(t);
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++)
		t->records[i] = &no_route;
	for (uint32_t i = n - 1; i > 0; i--) // 0 is "no route" for ever
		t->free_idx[t->n_free++] = i;
	return t;
}

void leat_nh_destroy(struct leat_nh_table *t)
{
	if (t == NULL)
		return;
	for (uint32_t b = 0; b <= t->mask; b++) {
		while (t->buckets[b] != NULL) {
			struct nh_record *r = t->buckets[b];

			t->buckets[b] = r->next;
			free(r);
		}
	}
	t->dying = true;
	if (t->n_retiring == 0)
		free_table(t);
}

const struct leat_nexthop *const *leat_nh_records(const struct leat_nh_table *t)
{
	return t->records;
}

static struct nh_record *record_of(const struct leat_nh_table *t, uint32_t idx)
{
	return (struct nh_record *)(uintptr_t)t->records[idx]; // nh stands first
}

// RCU: no worker knows the index any more.
static void retire(void *obj)
{
	struct nh_record *r = obj;
	struct leat_nh_table *t = r->table;

	leat_rcu_assign(t->records[r->idx], &no_route);
	t->free_idx[t->n_free++] = r->idx;
	free(r);
	if (--t->n_retiring == 0 && t->dying)
		free_table(t);
}

static struct nh_record *make(struct leat_nh_table *t, const struct leat_nexthop *nh, uint32_t hash)
{
	struct nh_record *r = malloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	memcpy(&r->nh, nh, sizeof(r->nh));
	r->table = t;
	r->idx = t->free_idx[--t->n_free];
	r->refs = 0;
	r->hash = hash;
	r->next = t->buckets[hash & t->mask];
	t->buckets[hash & t->mask] = r;
	leat_rcu_assign(t->records[r->idx], &r->nh);
	return r;
}

int leat_nh_get(struct leat_nh_table *t, const struct leat_nexthop *nh, uint32_t *idx)
{
	uint32_t hash = rte_jhash(nh, sizeof(*nh), 0);
	struct nh_record *r = t->buckets[hash & t->mask];

	while (r != NULL && (r->hash != hash || memcmp(&r->nh, nh, sizeof(*nh)) != 0))
		r = r->next;
	if (r == NULL) {
		if (t->n_free == 0)
			leat_rcu_reclaim(t->stack);
		if (t->n_free == 0)
			return -ENOSPC;
		r = make(t, nh, hash);
		if (r == NULL)
			return -ENOMEM;
	}
	r->refs++;
	*idx = r->idx;
	return 0;
}

void leat_nh_put(struct leat_nh_table *t, uint32_t idx)
{
	struct nh_record *r = record_of(t, idx);
	struct nh_record **p = &t->buckets[r->hash & t->mask];

	if (--r->refs != 0)
		return;
	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	t->n_retiring++;
	leat_rcu_defer(t->stack, retire, r);
}
