// SPDX-License-Identifier: BSD-3-Clause
// What is lost, and when it is sent again: duplicate acknowledgements, fast retransmit and fast
// recovery of NewReno (RFC 5681, 3.2; RFC 6582), and the retransmission timeout (RFC 6298, 5.4).
// Called by tcp_ack.c and tcp_timer.c; tcp_output.c obeys TF_REXMIT, snd_nxt and cwnd. Another kind
// of loss detection has the same three entries.
#include "transport/tcp_private.h"

static void enter_recovery(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	c->ssthresh = c->cc->ssthresh(c);
	c->recover = c->snd_max;
	c->cwnd = c->ssthresh + 3u * c->mss; // RFC 5681, 3.2, steps 2 and 3
	c->flags |= TF_RECOVERY | TF_REXMIT;
	c->flags &= ~TF_PARTIAL;
	lc->tcp->stats.fast_retransmits++;
}

void leat_tcp_loss_dupack(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	lc->tcp->stats.dup_acks++;
	if (c->dupacks < UINT8_MAX)
		c->dupacks++;
	if (c->flags & TF_RECOVERY) {
		if (c->cwnd < (UINT32_MAX >> 2))
			c->cwnd += c->mss; // RFC 5681, 3.2, step 4: a segment has left the network
		return;
	}
	// RFC 6582, 3.2, step 2: not for what may be echoes of an earlier retransmission.
	if (c->dupacks == 3 && seq_gt(c->snd_una, c->recover))
		enter_recovery(lc, c);
}

// RFC 6582, 3.2, step 3, full acknowledgement, its option (1).
static void leave_recovery(struct leat_tcp_conn *c)
{
	uint32_t flight = c->snd_max - c->snd_una;

	c->cwnd = RTE_MIN(c->ssthresh, RTE_MAX(flight, (uint32_t)c->mss) + c->mss);
	c->flags &= ~(TF_RECOVERY | TF_REXMIT | TF_PARTIAL);
	c->dupacks = 0;
}

// RFC 6582, 3.2, step 3, partial acknowledgement: the next hole is sent again; cwnd is deflated by
// what was acknowledged. Returns whether it is the first, which alone restarts the timer.
static bool partial_ack(struct leat_tcp_conn *c, uint32_t bytes)
{
	bool first = !(c->flags & TF_PARTIAL);

	c->flags |= TF_REXMIT | TF_PARTIAL;
	c->cwnd -= RTE_MIN(bytes, c->cwnd);
	if (bytes >= c->mss)
		c->cwnd += c->mss;
	c->cwnd = RTE_MAX(c->cwnd, (uint32_t)c->mss);
	return first;
}

bool leat_tcp_loss_acked(struct leat_lcore *lc, struct leat_tcp_conn *c, uint32_t bytes)
{
	(void)lc;
	if (c->flags & TF_RECOVERY) {
		if (seq_lt(c->snd_una, c->recover))
			return partial_ack(c, bytes);
		leave_recovery(c);
		return true;
	}
	c->dupacks = 0;
	c->cc->acked(c, bytes);
	if (seq_geq(c->snd_una, c->recover))
		c->flags &= ~TF_AFTER_RTO;
	// Keep recover near, lest it seem to be ahead after half of the sequence space.
	if (seq_gt(c->snd_una, c->recover))
		c->recover = c->snd_una - 1;
	return true;
}

void leat_tcp_loss_timeout(struct leat_tcp_conn *c)
{
	// RFC 5681, 3.1: held constant when the segment had been sent again by timeout already.
	if (c->retries == 0)
		c->ssthresh = c->cc->ssthresh(c);
	c->cwnd = c->mss; // the loss window
	c->ca_acked = 0;
	c->recover = c->snd_max; // RFC 6582, 4
	c->dupacks = 0;
	c->flags &= ~(TF_RECOVERY | TF_REXMIT | TF_PARTIAL | TF_TIMING);
	c->flags |= TF_AFTER_RTO;
	leat_tcp_sndq_rewind(c);
}
