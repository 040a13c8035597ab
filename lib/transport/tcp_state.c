// SPDX-License-Identifier: BSD-3-Clause
// A segment for a connection in SYN_RCVD or beyond: the checks of RFC 9293, 3.10.7.4, in their
// order, each taking the segment or letting it on. Called by tcp_input.c.
#include <errno.h>

#include "transport/tcp_private.h"

bool leat_tcp_challenge_ok(struct leat_lcore *lc, uint8_t *second, uint8_t *count)
{
	uint8_t now = (uint8_t)(lc->now_ns / ONE_S);

	if (*second != now) {
		*second = now;
		*count = 0;
	}
	if (*count >= TCP_CHALLENGES)
		return false;
	(*count)++;
	lc->tcp->stats.challenge_acks++;
	return true;
}

void leat_tcp_challenge(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	if (!leat_tcp_challenge_ok(lc, &c->challenge_s, &c->challenge_n))
		return;
	c->flags |= TF_ACK_NOW;
	leat_tcp_output_later(lc, c);
}

// RFC 7323, 5.3, R1: older than the last in order. TS.Recent of long ago is void (5.5).
static bool paws_rejects(
	const struct leat_lcore *lc, const struct leat_tcp_conn *c, const struct leat_tcp_seg *seg)
{
	return seq_lt(seg->tsval, c->ts_recent) &&
	       tcp_now_ms(lc) - c->ts_recent_ms < TCP_PAWS_IDLE_MS;
}

// First check: the sequence number (table of RFC 9293, 3.4), by overlap with the window.
static bool seq_acceptable(const struct leat_tcp_conn *c, const struct leat_tcp_seg *seg)
{
	uint32_t len = seg->len + !!(seg->flags & TH_SYN) + !!(seg->flags & TH_FIN);

	// Also with no window, ACKs, URGs and RSTs are to be taken; their text is cut off.
	if (seg->seq == c->rcv_nxt)
		return true;
	if (len == 0) // at the edge: bare ACKs of a peer that has filled the window
		return seq_geq(seg->seq, c->rcv_nxt) && seq_leq(seg->seq, c->rcv_adv);
	return seq_lt(seg->seq, c->rcv_adv) && seq_gt(seg->seq + len, c->rcv_nxt);
}

static void not_acceptable(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg,
	enum leat_drop why)
{
	// Text comes from a sender who lacks our ACK and needs it; without, it might be the echo
	// of our own ACK, so that is limited.
	if (seg->flags & TH_RST) {
		leat_drop(lc, seg->m, why);
		return;
	}
	if (seg->len != 0 || seg->flags & TH_FIN) {
		c->flags |= TF_ACK_NOW;
		leat_tcp_output_later(lc, c);
	} else {
		leat_tcp_challenge(lc, c);
	}
	leat_drop(lc, seg->m, why);
}

static bool check_seq(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	if (c->flags & TF_TS && !(seg->flags & TH_RST)) {
		// RFC 7323, 3.2: agreed on, so every segment has it.
		if (unlikely(!seg->has_ts)) {
			leat_drop(lc, seg->m, LEAT_DROP_TCP_PAWS);
			return false;
		}
		if (unlikely(paws_rejects(lc, c, seg))) {
			not_acceptable(lc, c, seg, LEAT_DROP_TCP_PAWS);
			return false;
		}
	}
	if (unlikely(!seq_acceptable(c, seg))) {
		bool old = seg->len != 0 && seq_lt(seg->seq, c->rcv_nxt);

		not_acceptable(lc, c, seg, old ? LEAT_DROP_TCP_OLD_DATA : LEAT_DROP_TCP_SEQ);
		return false;
	}
	// RFC 7323, 4.3 (2) and 5.3, R3: the echo is of the segment that the last ACK awaited.
	// One that is older has passed because TS.Recent is void; it begins anew.
	if (c->flags & TF_TS && seg->has_ts && !(seg->flags & TH_RST) &&
		seq_leq(seg->seq, c->last_ack)) {
		c->ts_recent = seg->tsval;
		c->ts_recent_ms = tcp_now_ms(lc);
	}
	return true;
}

// Second check, a reset, of which RFC 5961, 3.2, takes only the exact one.
static __rte_noinline void reset_input(
	struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	int error = ECONNRESET;

	if (seg->seq != c->rcv_nxt) {
		leat_tcp_challenge(lc, c);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_RST);
		return;
	}
	lc->tcp->stats.resets_received++;
	if (c->state == TS_SYN_RCVD) {
		error = ECONNREFUSED;
		lc->tcp->stats.failed_opens++;
	} else if (c->state == TS_ESTABLISHED || c->state == TS_CLOSE_WAIT) {
		lc->tcp->stats.established_resets++;
	}
	leat_consume(lc, seg->m);
	leat_tcp_conn_end(lc, c, false, LEAT_EV_ERR | LEAT_EV_HUP, error);
}

// In a simultaneous open the peer's SYN,ACK repeats its SYN, which we have. What stands behind the
// SYN is looked at (RFC 9293, 3.5, figure 8); a bare SYN asks for ours again.
static bool syn_of_simultaneous_open(
	struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	if (c->state != TS_SYN_RCVD || !(seg->flags & TH_SYN) || seg->seq != c->rcv_nxt - 1)
		return true;
	if (!(seg->flags & TH_ACK)) {
		c->flags |= TF_SYN_NOW;
		leat_tcp_output_later(lc, c);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_SYN);
		return false;
	}
	seg->flags &= ~TH_SYN;
	seg->seq++;
	// RFC 7323, 2.2: the window of a segment with SYN is not scaled.
	seg->wnd = (uint16_t)((seg->wnd + (1u << c->snd_wscale) - 1) >> c->snd_wscale);
	return true;
}

void leat_tcp_conn_input(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	if (unlikely(c->state == TS_SYN_SENT)) {
		leat_tcp_synsent_input(lc, c, seg);
		return;
	}
	if (unlikely(!syn_of_simultaneous_open(lc, c, seg)))
		return;
	if (!check_seq(lc, c, seg)) // first
		return;
	if (unlikely(seg->flags & TH_RST)) { // second
		reset_input(lc, c, seg);
		return;
	}
	if (unlikely(seg->flags & TH_SYN)) { // fourth: RFC 5961, 4.2, whatever its number
		leat_tcp_challenge(lc, c);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_SYN);
		return;
	}
	if (unlikely(!(seg->flags & TH_ACK))) { // fifth
		leat_drop(lc, seg->m, LEAT_DROP_TCP_FLAGS);
		return;
	}
	if (!leat_tcp_ack_input(lc, c, seg))
		return;
	leat_tcp_data_input(lc, c, seg);
}
