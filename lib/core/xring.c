// SPDX-License-Identifier: BSD-3-Clause
// Worker-to-worker rings. Called by link (transmit queues that are another's) and ip (flow
// affinity).
#include "core/xring.h"

#include <rte_ring.h>

#include "core/lcore.h"

void leat_xring_set(struct leat_stack *s, enum leat_xop op, leat_xop_fn fn)
{
	s->xop[op] = fn;
}

void leat_xring_send(struct leat_lcore *lc, uint16_t to, struct rte_mbuf *m, enum leat_xop op)
{
	struct rte_ring *r = lc->stack->lcores[to]->xrings[lc->id];

	leat_meta(m)->xop = op;
	if (unlikely(rte_ring_sp_enqueue(r, m) != 0)) {
		leat_drop(lc, m, LEAT_DROP_XRING_FULL);
		return;
	}
	lc->count.held++; // the receiver takes it off its own count
}

// Group neighbouring packets of one operation, so that a handler sees batches.
static void dispatch(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0, j; i < n; i = j) {
		uint16_t op = leat_meta(pkts[i])->xop;

		for (j = i + 1; j < n && leat_meta(pkts[j])->xop == op; j++)
			;
		lc->stack->xop[op](lc, &pkts[i], j - i);
	}
}

uint16_t leat_xring_poll(struct leat_lcore *lc)
{
	struct rte_mbuf *pkts[LEAT_BURST];
	uint16_t all = 0;

	for (uint16_t from = 0; from < lc->stack->n_lcores; from++) {
		struct rte_ring *r = lc->xrings[from];
		struct leat_stage_frame f;
		unsigned n;

		if (r == NULL || rte_ring_empty(r))
			continue;
		n = rte_ring_sc_dequeue_burst(r, (void **)pkts, LEAT_BURST, NULL);
		lc->count.held -= n;
		f = leat_stage_enter(lc, LEAT_STAGE_XRING_INPUT, n);
		dispatch(lc, pkts, n);
		leat_stage_leave(lc, LEAT_STAGE_XRING_INPUT, f);
		all += n;
	}
	return all;
}
