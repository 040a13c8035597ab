// SPDX-License-Identifier: BSD-3-Clause
// Messages and calls. Called by control code and, between workers, by the neighbour table.
#include "core/msg.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "core/lcore.h"
#include "core/stack_private.h"

struct leat_msg *leat_msg_alloc(struct leat_stack *s)
{
	void *m;

	return rte_mempool_get(s->msg_pool, &m) == 0 ? m : NULL;
}

int leat_msg_to_lcore(struct leat_lcore *lc, struct leat_msg *m)
{
	if (rte_ring_mp_enqueue(lc->inbox, m) == 0)
		return 0;
	rte_mempool_put(lc->stack->msg_pool, m);
	__atomic_fetch_add(&lc->msg_lost, 1, __ATOMIC_RELAXED);
	return -ENOBUFS;
}

int leat_msg_to_main(struct leat_stack *s, struct leat_msg *m)
{
	if (rte_ring_mp_enqueue(s->main_inbox, m) == 0)
		return 0;
	rte_mempool_put(s->msg_pool, m);
	__atomic_fetch_add(&s->msg_lost, 1, __ATOMIC_RELAXED);
	return -ENOBUFS;
}

unsigned leat_msg_drain_lcore(struct leat_lcore *lc)
{
	struct leat_msg *m;
	unsigned n = 0;

	while (n < LEAT_BURST && rte_ring_sc_dequeue(lc->inbox, (void **)&m) == 0) {
		m->on_lcore(lc, m);
		rte_mempool_put(lc->stack->msg_pool, m);
		n++;
	}
	return n;
}

unsigned leat_msg_drain_main(struct leat_stack *s)
{
	struct leat_msg *m;
	unsigned n = 0;

	while (n < 1024 && rte_ring_sc_dequeue(s->main_inbox, (void **)&m) == 0) {
		m->on_main(s, m);
		rte_mempool_put(s->msg_pool, m);
		n++;
	}
	return n;
}

struct leat_call {
	struct leat_call *next;
	void (*fn)(struct leat_lcore *lc, void *ctx);
	void (*free_ctx)(void *ctx);
	void *ctx;
	uint32_t done; // set by the worker
};

static void run_call(struct leat_lcore *lc, struct leat_msg *m)
{
	struct leat_call *c = m->ptr[0];

	c->fn(lc, c->ctx);
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
}

static bool wait_call(struct leat_call *c, unsigned timeout_ms)
{
	struct timespec start, now, nap = {0, 50000};

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!__atomic_load_n(&c->done, __ATOMIC_ACQUIRE)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 >=
			(long)timeout_ms)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

int leat_msg_call(struct leat_lcore *lc, void (*fn)(struct leat_lcore *lc, void *ctx), void *ctx,
	void (*free_ctx)(void *ctx), unsigned timeout_ms)
{
	struct leat_stack *s = lc->stack;
	struct leat_call *c;
	struct leat_msg *m;

	if (s->conf.by_hand || !s->running) {
		fn(lc, ctx);
		return 0;
	}
	c = calloc(1, sizeof(*c));
	m = c != NULL ? leat_msg_alloc(s) : NULL;
	if (m == NULL) {
		free(c);
		return -ENOBUFS;
	}
	*c = (struct leat_call){.fn = fn, .ctx = ctx, .free_ctx = free_ctx};
	m->on_lcore = run_call;
	m->ptr[0] = c;
	if (leat_msg_to_lcore(lc, m) != 0) {
		free(c);
		return -ENOBUFS;
	}
	if (!wait_call(c, timeout_ms)) {
		c->next = s->calls;
		s->calls = c;
		return -ETIMEDOUT;
	}
	free(c);
	return 0;
}

void leat_msg_reap_calls(struct leat_stack *s, bool all)
{
	struct leat_call **p = &s->calls;

	while (*p != NULL) {
		struct leat_call *c = *p;

		if (!all && !__atomic_load_n(&c->done, __ATOMIC_ACQUIRE)) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		if (c->free_ctx != NULL)
			c->free_ctx(c->ctx);
		free(c);
	}
}
