// SPDX-License-Identifier: BSD-3-Clause
// The ACK field of a segment: RFC 9293, 3.10.7.4, fifth check. Called by tcp_state.c.
#include "transport/tcp_private.h"

// RFC 6298, 3 (Karn): what was sent again is not timed; by the timestamp it may be (RFC 7323, 4).
static void take_rtt(struct leat_lcore *lc, struct leat_tcp_conn *c, const struct leat_tcp_seg *seg)
{
	uint32_t ms;

	if (c->flags & TF_TIMING) {
		if (seq_lt(seg->ack, c->rtt_seq))
			return;
		c->flags &= ~TF_TIMING;
		leat_tcp_rtt_sample(c, tcp_now_us(lc) - c->rtt_start_us);
		return;
	}
	// Its clock is coarse: only where the other way is closed.
	if (!(c->flags & (TF_RECOVERY | TF_AFTER_RTO)) && c->backoff == 0)
		return;
	if (!(c->flags & TF_TS) || !seg->has_ts || seg->tsecr == 0)
		return;
	// An echo of what we never sent is worth nothing.
	ms = tcp_now_ms(lc) + c->ts_offset - seg->tsecr;
	if (ms < TCP_RTO_MAX_US / 1000 * 4)
		leat_tcp_rtt_sample(c, ms * 1000);
}

void leat_tcp_window_update(struct leat_tcp_conn *c, const struct leat_tcp_seg *seg)
{
	uint32_t wnd = (uint32_t)seg->wnd << (seg->flags & TH_SYN ? 0 : c->snd_wscale);

	// RFC 9293, 3.10.7.4: not from a segment older than the last that did
	if (!(seq_lt(c->snd_wl1, seg->seq) ||
		    (c->snd_wl1 == seg->seq && seq_leq(c->snd_wl2, seg->ack))))
		return;
	c->snd_wnd = wnd;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	c->max_wnd = RTE_MAX(c->max_wnd, wnd);
}

// A third of the buffer is free again.
static void tell_room(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	if (!(c->flags & TF_OUT_SHORT) || leat_tcp_send_space(c) < c->snd_buf / 3)
		return;
	c->flags &= ~TF_OUT_SHORT;
	leat_tcp_event(lc, c, LEAT_EV_OUT, 0);
}

// SND.UNA < SEG.ACK =< SND.NXT. Returns whether our FIN is acknowledged by it.
static bool new_ack(struct leat_lcore *lc, struct leat_tcp_conn *c, const struct leat_tcp_seg *seg)
{
	uint32_t bytes = seg->ack - c->snd_una;
	bool fin = c->flags & TF_FIN_QUEUED && seg->ack == c->snd_end + 1;

	if (c->flags & TF_PERSIST) { // what backed off were probes: no sign of congestion
		c->flags &= ~TF_PERSIST;
		c->backoff = 0;
		c->rexmt_ns = 0;
	}
	take_rtt(lc, c, seg);
	leat_tcp_sndq_acked(c, bytes - fin);
	c->snd_una = seg->ack;
	if (seq_lt(c->snd_nxt, c->snd_una))
		leat_tcp_sndq_rewind(c); // after a timeout; the peer had the rest already
	if (seq_lt(c->snd_sml, c->snd_una))
		c->snd_sml = c->snd_una;
	if (leat_tcp_loss_acked(lc, c, bytes) || c->snd_una == c->snd_max) {
		c->rexmt_ns = 0;              // RFC 6298, 5.2
		if (c->snd_una != c->snd_max) // 5.3
			leat_tcp_deadline(lc, c, &c->rexmt_ns, lc->now_ns + tcp_rto_ns(c));
	}
	c->retries = 0;
	if (c->state != TS_FIN_WAIT2)
		c->life_ns = 0;
	leat_neigh_confirm(lc, &c->dst.neigh); // RFC 4861, 7.3.1
	tell_room(lc, c);
	return fin;
}

// RFC 5681, 2: outstanding data, no text, no SYN or FIN, the same ACK and the same window.
static bool is_dupack(const struct leat_tcp_conn *c, const struct leat_tcp_seg *seg, uint32_t wnd)
{
	return seg->ack == c->snd_una && c->snd_max != c->snd_una && seg->len == 0 &&
	       !(seg->flags & (TH_SYN | TH_FIN)) && wnd == c->snd_wnd && !(c->flags & TF_PERSIST);
}

// RFC 9293, 3.10.7.4, SYN-RECEIVED of a simultaneous open.
static bool ack_syn_rcvd(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	if (!seq_gt(seg->ack, c->snd_una) || seq_gt(seg->ack, c->snd_max)) {
		leat_tcp_reset_sender(lc, seg);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_ACK);
		return false;
	}
	take_rtt(lc, c, seg);
	c->snd_una = c->snd_nxt = c->iss + 1;
	c->rexmt_ns = 0;
	c->flags &= ~(TF_SYN_NOW | TF_TIMING);
	c->snd_wnd = (uint32_t)seg->wnd << c->snd_wscale;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	c->max_wnd = RTE_MAX(c->max_wnd, c->snd_wnd);
	leat_tcp_established(lc, c, c->retries != 0);
	leat_tcp_event(lc, c, LEAT_EV_CONNECTED | LEAT_EV_OUT, 0);
	leat_tcp_output_later(lc, c);
	return true;
}

// Our FIN has arrived. Returns false when that was all: the segment has been taken.
static bool fin_acked(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	switch (c->state) {
	case TS_FIN_WAIT1:
		c->state = TS_FIN_WAIT2;
		if (c->flags & TF_ORPHAN)
			leat_tcp_deadline(lc, c, &c->life_ns, lc->now_ns + TCP_ORPHAN_NS);
		return true;
	case TS_CLOSING:
		leat_consume(lc, seg->m);
		leat_tcp_time_wait(lc, c);
		return false;
	case TS_LAST_ACK:
		leat_consume(lc, seg->m);
		leat_tcp_conn_end(lc, c, false, LEAT_EV_HUP, 0);
		return false;
	default:
		return true;
	}
}

bool leat_tcp_ack_input(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	uint32_t wnd = (uint32_t)seg->wnd << c->snd_wscale;
	bool fin = false;

	if (unlikely(c->state == TS_SYN_RCVD))
		return ack_syn_rcvd(lc, c, seg);
	// RFC 5961, 5.2: neither what we have not sent nor what is older than any window
	if (unlikely(seq_gt(seg->ack, c->snd_max) || seq_lt(seg->ack, c->snd_una - c->max_wnd))) {
		leat_tcp_challenge(lc, c);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_ACK);
		return false;
	}
	if (seq_gt(seg->ack, c->snd_una)) {
		fin = new_ack(lc, c, seg);
		leat_tcp_output_later(lc, c);
	} else if (c->flags & TF_PERSIST) {
		c->retries = 0; // the peer lives: RFC 9293, 3.8.6.1, MUST-37
	} else if (is_dupack(c, seg, wnd)) {
		leat_tcp_loss_dupack(lc, c);
		leat_tcp_output_later(lc, c);
	}
	if (seq_geq(seg->ack, c->snd_una)) {
		uint32_t before = c->snd_wnd;

		leat_tcp_window_update(c, seg);
		if (c->snd_wnd != before)
			leat_tcp_output_later(lc, c);
	}
	return !fin || fin_acked(lc, c, seg);
}
