// SPDX-License-Identifier: BSD-3-Clause
// A connection's one timer: its deadlines are fields, and the timer is armed for the earliest of
// them at most. A deadline that moves away leaves it armed; it then fires for nothing and is armed
// anew. Called by the wheel. Also the estimate of the round-trip time (RFC 6298).
#include <errno.h>
#include <rte_common.h>

#include "transport/tcp_private.h"

#define CLOCK_G_US 1049u // a tick of the wheel

void leat_tcp_deadline(
	struct leat_lcore *lc, struct leat_tcp_conn *c, uint64_t *which, uint64_t at_ns)
{
	*which = at_ns;
	if (c->timer_ns != 0 && c->timer_ns <= at_ns)
		return;
	c->timer_ns = at_ns;
	leat_timer_arm(&lc->wheel, &c->timer, at_ns);
}

static void rearm(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	const uint64_t at[] = {c->rexmt_ns, c->delack_ns, c->life_ns};
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < RTE_DIM(at); i++)
		if (at[i] != 0 && at[i] < next)
			next = at[i];
	if (next == UINT64_MAX || (c->timer_ns != 0 && c->timer_ns <= next))
		return;
	c->timer_ns = next;
	leat_timer_arm(&lc->wheel, &c->timer, next);
}

void leat_tcp_rtt_sample(struct leat_tcp_conn *c, uint32_t us)
{
	us = RTE_MAX(us, 1u);
	if (c->srtt_us == 0) { // RFC 6298, 2.2
		c->srtt_us = us;
		c->rttvar_us = us / 2;
	} else { // 2.3
		uint32_t diff = c->srtt_us > us ? c->srtt_us - us : us - c->srtt_us;

		c->rttvar_us = (uint32_t)((3ull * c->rttvar_us + diff) / 4);
		c->srtt_us = (uint32_t)((7ull * c->srtt_us + us) / 8);
		c->srtt_us = RTE_MAX(c->srtt_us, 1u);
	}
	c->rto_us = c->srtt_us + RTE_MAX(RTE_MAX(4 * c->rttvar_us, CLOCK_G_US), TCP_RTO_MARGIN_US);
	c->rto_us = RTE_MIN(c->rto_us, TCP_RTO_MAX_US);
	c->backoff = 0; // 5.7: a backed-off RTO lasts until the next sample
}

static void back_off(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	if (c->backoff < 16)
		c->backoff++;                                               // RFC 6298, 5.5
	leat_tcp_deadline(lc, c, &c->rexmt_ns, lc->now_ns + tcp_rto_ns(c)); // 5.6
	leat_tcp_output_later(lc, c);
}

static void give_up(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	bool opening = c->state == TS_SYN_SENT || c->state == TS_SYN_RCVD;

	lc->tcp->stats.failed_opens += opening;
	leat_tcp_conn_end(lc, c, false, LEAT_EV_ERR | LEAT_EV_HUP,
		c->soft_error != 0 ? c->soft_error : ETIMEDOUT);
}

// The peer's window has been closed for an RTO, or too small to be worth sending into.
// RFC 9293, 3.8.6.1. Returns false when the connection is gone.
static bool persist_expired(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	// An orphan can't wait for ever for a peer that answers but reads nothing.
	if (c->retries >= TCP_RETRIES ||
		(c->flags & TF_ORPHAN && c->retries >= TCP_ORPHAN_RETRIES)) {
		give_up(lc, c);
		return false;
	}
	c->retries++;
	c->flags |= TF_PROBE;
	back_off(lc, c);
	return true;
}

static bool rexmt_expired(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	bool opening = c->state == TS_SYN_SENT || c->state == TS_SYN_RCVD;
	uint8_t limit = opening                ? TCP_SYN_RETRIES
			: c->flags & TF_ORPHAN ? TCP_ORPHAN_RETRIES
					       : TCP_RETRIES;

	if (c->flags & TF_PERSIST)
		return persist_expired(lc, c);
	if (c->retries >= limit) { // RFC 9293, 3.8.3: R2
		give_up(lc, c);
		return false;
	}
	c->timeouts++;
	lc->tcp->stats.timeouts++;
	if (opening) {
		c->flags = (c->flags | TF_SYN_NOW) & ~TF_TIMING;
	} else {
		// RFC 9293, 3.8.3: tell IP after R1; a new look at the routes
		if (c->retries == 3)
			c->dst.epoch = 0;
		leat_tcp_loss_timeout(c);
	}
	c->retries++;
	back_off(lc, c);
	return true;
}

// After close: FIN_WAIT2 without a FIN, or a window that stays shut.
static bool life_expired(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	if (!(c->flags & TF_ORPHAN))
		return true;
	if (c->state == TS_FIN_WAIT2) {
		leat_tcp_conn_end(lc, c, false, 0, 0);
		return false;
	}
	if (!(c->flags & TF_PERSIST))
		return true;
	leat_tcp_reset_peer(lc, c);
	leat_tcp_conn_end(lc, c, false, 0, 0);
	return false;
}

void leat_tcp_timer_conn(void *ctx, struct leat_timer *t)
{
	struct leat_tcp_conn *c = RTE_PTR_SUB(t, offsetof(struct leat_tcp_conn, timer));
	struct leat_lcore *lc = ctx;

	c->timer_ns = 0;
	if (c->delack_ns != 0 && c->delack_ns <= lc->now_ns) {
		c->delack_ns = 0;
		c->flags |= TF_ACK_NOW;
		leat_tcp_output_later(lc, c);
	}
	if (c->life_ns != 0 && c->life_ns <= lc->now_ns) {
		c->life_ns = 0;
		if (!life_expired(lc, c))
			return;
	}
	if (c->rexmt_ns != 0 && c->rexmt_ns <= lc->now_ns) {
		c->rexmt_ns = 0;
		if (!rexmt_expired(lc, c))
			return;
	}
	rearm(lc, c);
}
