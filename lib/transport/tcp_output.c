// SPDX-License-Identifier: BSD-3-Clause
// What a connection sends, decided once a turn for all that came in since: so text and
// acknowledgements share packets. The LEAT_POLL_OUTPUT hook serves the connections that asked for
// it by leat_tcp_output_later(); where the port is short of room they stay on the list.
#include "link/port.h"
#include "transport/tcp_private.h"

#define IP_MAX 65535u
#define IP4_HDR 20u

void leat_tcp_output_later(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	if (c->flags & (TF_ON_OUT | TF_DEAD))
		return;
	c->flags |= TF_ON_OUT;
	TAILQ_INSERT_TAIL(&lc->tcp->out, c, link);
	lc->tcp->n_out++;
}

uint32_t leat_tcp_rcv_edge(const struct leat_lcore *lc, const struct leat_tcp_conn *c)
{
	uint32_t space = c->rcv_queued < c->rcv_buf ? c->rcv_buf - c->rcv_queued : 0;
	uint32_t edge = c->rcv_nxt + space;
	uint32_t step = RTE_MIN(c->rcv_buf / 2, (uint32_t)c->mss);

	if (lc->tcp->rx_held >= lc->tcp->rx_soft && c->rcv_queued != 0)
		return c->rcv_adv;
	if (c->flags & TF_FIN_RCVD || c->rcv_n >= TCP_RCVQ_MAX)
		return c->rcv_adv;
	if (seq_leq(edge, c->rcv_adv) || edge - c->rcv_adv < step)
		return c->rcv_adv;
	return edge;
}

// ---- what there is to send ----

static uint32_t unsent(const struct leat_tcp_conn *c)
{
	return seq_lt(c->snd_nxt, c->snd_end) ? c->snd_end - c->snd_nxt : 0;
}

static bool fin_due(const struct leat_tcp_conn *c)
{
	return c->flags & TF_FIN_QUEUED && seq_leq(c->snd_nxt, c->snd_end);
}

// Bytes that the congestion window still allows. RFC 3042: with the first two duplicate ACKs a new
// segment each.
static uint32_t cwnd_left(const struct leat_tcp_conn *c)
{
	uint32_t flight = c->snd_nxt - c->snd_una, wnd = c->cwnd;

	if (!(c->flags & TF_RECOVERY) && c->snd_nxt == c->snd_max)
		wnd += RTE_MIN(c->dupacks, 2u) * c->mss;
	return wnd > flight ? wnd - flight : 0;
}

static uint32_t rwnd_left(const struct leat_tcp_conn *c)
{
	uint32_t flight = c->snd_nxt - c->snd_una;

	return c->snd_wnd > flight ? c->snd_wnd - flight : 0;
}

// The highest number that the peer will take a bare ACK with.
static uint32_t bare_seq(const struct leat_tcp_conn *c)
{
	uint32_t edge = c->snd_una + c->snd_wnd;

	return seq_gt(c->snd_max, edge) ? edge : c->snd_max;
}

// Sender's silly window avoidance (RFC 9293, 3.8.6.2.1) and Nagle's rule (3.7.4). Of Nagle's rule
// Minshall's reading is taken: a segment that is not full waits for an earlier one that was not,
// so that the end of a long answer does not wait for a delayed ACK.
static bool worth_sending(const struct leat_tcp_conn *c, uint32_t len, bool fin)
{
	bool small_in_flight = seq_gt(c->snd_sml, c->snd_una) && seq_leq(c->snd_sml, c->snd_nxt);

	if (len >= c->mss || fin || c->flags & TF_PROBE)
		return true;
	if (seq_lt(c->snd_nxt, c->snd_max) && len >= c->snd_max - c->snd_nxt) // sent before
		return len != 0;
	if (len == unsent(c) && (!small_in_flight || c->flags & TF_NODELAY))
		return true;
	return len != 0 && len >= c->max_wnd / 2;
}

// ---- sending ----

static void advance(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_cursor at,
	uint32_t len, bool fin)
{
	bool fresh = seq_geq(c->snd_nxt, c->snd_max);

	c->cur = at.m;
	c->cur_off = (uint16_t)at.off;
	c->snd_nxt += len + fin;
	if (len != 0 && len % c->mss != 0)
		c->snd_sml = c->snd_nxt;
	if (seq_gt(c->snd_nxt, c->snd_max))
		c->snd_max = c->snd_nxt;
	if (fresh && !(c->flags & TF_TIMING)) {
		c->flags |= TF_TIMING;
		c->rtt_seq = c->snd_nxt;
		c->rtt_start_us = tcp_now_us(lc);
	}
}

// The next segment's text, at most: by the windows and by what one packet takes.
static uint32_t next_len(const struct leat_tcp_conn *c, const struct leat_port *port)
{
	uint32_t all = unsent(c), len = RTE_MIN(all, RTE_MIN(cwnd_left(c), rwnd_left(c)));
	uint32_t most = c->mss;

	if (leat_port_has_tso(port) && len > most) {
		most = IP_MAX - IP4_HDR - TCP_HDR_MAX;
		most -= most % c->mss;
	}
	len = RTE_MIN(len, most);
	// Full segments only, unless it is all.
	if (len > c->mss && len < all)
		len -= len % c->mss;
	return len;
}

// One segment of new text (or text to be sent again after a timeout). Returns false when there is
// no more to do; *again when it has to be tried in a later turn.
static bool send_next(struct leat_lcore *lc, struct leat_tcp_burst *b, bool *again)
{
	struct leat_tcp_conn *c = b->c;
	struct leat_tcp_cursor at = {c->cur, c->cur_off};
	uint32_t len = next_len(c, b->port);
	uint8_t flags = TH_ACK;
	bool copy = false, fin;

	if (len != 0)
		len = leat_tcp_plan(lc, b, at, len, &copy);
	fin = fin_due(c) && c->snd_nxt + len == c->snd_end && len < rwnd_left(c);
	if ((len == 0 && !fin) || !worth_sending(c, len, fin))
		return false;
	if (b->room == 0) {
		*again = true;
		return false;
	}
	if (fin)
		flags |= TH_FIN;
	if (len != 0 && c->snd_nxt + len == c->snd_end)
		flags |= TH_PSH; // RFC 9293, 3.9.1.2: the buffer's last
	if (!leat_tcp_emit(lc, b, c->snd_nxt, flags, &at, len, copy)) {
		*again = true;
		return false;
	}
	advance(lc, c, at, len, fin);
	c->flags &= ~TF_PROBE;
	return true;
}

// The window is closed: one byte beyond it, or the FIN (RFC 9293, 3.8.6.1). snd_nxt stays where it
// is, so the byte is sent again whatever becomes of it.
static void send_probe(struct leat_lcore *lc, struct leat_tcp_burst *b)
{
	struct leat_tcp_conn *c = b->c;
	struct leat_tcp_cursor at = {c->cur, c->cur_off};
	uint32_t len = unsent(c) != 0;

	if (!(c->flags & TF_PROBE))
		return;
	c->flags &= ~TF_PROBE;
	if ((len == 0 && !fin_due(c)) || b->room == 0)
		return;
	if (!leat_tcp_emit(lc, b, c->snd_nxt, TH_ACK | (len == 0 ? TH_FIN : 0), &at, len, len != 0))
		return;
	lc->tcp->stats.probes++;
	if (c->snd_max == c->snd_nxt)
		c->snd_max++;
}

// The first segment again: fast retransmit, or the hole that a partial ACK has shown.
static bool send_first_again(struct leat_lcore *lc, struct leat_tcp_burst *b)
{
	struct leat_tcp_conn *c = b->c;
	struct leat_tcp_cursor at = tcp_head(c);
	uint32_t end = seq_lt(c->snd_max, c->snd_end) ? c->snd_max : c->snd_end;
	uint32_t len = RTE_MIN(end - c->snd_una, (uint32_t)c->mss);
	uint8_t flags = TH_ACK;
	bool copy = false;

	if (!(c->flags & TF_REXMIT))
		return true;
	if (b->room == 0)
		return false;
	if (len != 0)
		len = leat_tcp_plan(lc, b, at, len, &copy);
	if (c->snd_una + len == c->snd_end && c->flags & TF_FIN_QUEUED && c->snd_max != c->snd_end)
		flags |= TH_FIN;
	if (!leat_tcp_emit(lc, b, c->snd_una, flags, &at, len, copy))
		return false;
	c->flags &= ~(TF_REXMIT | TF_TIMING); // Karn
	return true;
}

// Duplicate ACKs, one for each segment that came out of order; one more where the first of them
// is new to the peer.
static bool send_dupacks(struct leat_lcore *lc, struct leat_tcp_burst *b)
{
	struct leat_tcp_conn *c = b->c;

	if (c->dup_owed != 0 && c->rcv_nxt != c->last_ack)
		c->dup_owed++;
	for (; c->dup_owed != 0; c->dup_owed--)
		if (b->room == 0 || !leat_tcp_emit(lc, b, bare_seq(c), TH_ACK, NULL, 0, false))
			return false;
	return true;
}

static void note_cwnd_limited(struct leat_tcp_conn *c)
{
	uint32_t left = cwnd_left(c);

	if (left < unsent(c) && left < rwnd_left(c))
		c->flags |= TF_CWND_LIMITED;
	else
		c->flags &= ~TF_CWND_LIMITED;
}

// RFC 5681, 4.1: after an idle time of an RTO the window says nothing about the path any more.
static void restart_after_idle(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	if (c->snd_una != c->snd_max || unsent(c) == 0 || c->last_send_ms == 0)
		return;
	if (tcp_now_ms(lc) - c->last_send_ms > c->rto_us / 1000)
		c->cwnd = RTE_MIN(c->cwnd, leat_tcp_initial_window(c));
}

// In flight: the retransmission timer runs (RFC 6298, 5.1). Nothing in flight, and yet it can't be
// sent: a window probe.
static void arm(struct leat_lcore *lc, struct leat_tcp_conn *c, bool blocked)
{
	if (c->snd_nxt != c->snd_una) {
		if (c->flags & TF_PERSIST) {
			c->flags &= ~TF_PERSIST;
			c->rexmt_ns = 0;
			c->retries = c->backoff = 0;
		}
		if (c->rexmt_ns == 0)
			leat_tcp_deadline(lc, c, &c->rexmt_ns, lc->now_ns + tcp_rto_ns(c));
	} else if (!blocked && (unsent(c) != 0 || fin_due(c))) {
		c->flags |= TF_PERSIST;
		if (c->rexmt_ns == 0)
			leat_tcp_deadline(lc, c, &c->rexmt_ns, lc->now_ns + tcp_rto_ns(c));
		if (c->flags & TF_ORPHAN && c->life_ns == 0)
			leat_tcp_deadline(lc, c, &c->life_ns, lc->now_ns + TCP_ORPHAN_NS);
	}
}

// ESTABLISHED and beyond. Returns whether it has to be tried again in a later turn.
static bool serve_data(struct leat_lcore *lc, struct leat_tcp_burst *b)
{
	struct leat_tcp_conn *c = b->c;
	bool again = false;

	if (!send_dupacks(lc, b) || !send_first_again(lc, b))
		return true;
	restart_after_idle(lc, c);
	while (send_next(lc, b, &again))
		;
	if (!again)
		send_probe(lc, b);
	note_cwnd_limited(c);
	arm(lc, c, again);
	if (c->flags & TF_ACK_NOW &&
		(b->room == 0 || !leat_tcp_emit(lc, b, bare_seq(c), TH_ACK, NULL, 0, false)))
		again = true;
	return again;
}

// SYN, or SYN,ACK of a simultaneous open.
static bool serve_syn(struct leat_lcore *lc, struct leat_tcp_burst *b)
{
	struct leat_tcp_conn *c = b->c;
	uint8_t ack = c->state == TS_SYN_RCVD ? TH_ACK : 0;

	if (c->flags & TF_SYN_NOW) {
		if (!leat_tcp_emit(lc, b, c->iss, TH_SYN | ack, NULL, 0, false))
			return true;
		c->flags &= ~TF_SYN_NOW;
		if (c->snd_max == c->iss) { // the first
			c->snd_nxt = c->snd_max = c->iss + 1;
			c->flags |= TF_TIMING;
			c->rtt_seq = c->snd_max;
			c->rtt_start_us = tcp_now_us(lc);
		} else {
			c->retransmits++;
			lc->tcp->stats.retransmits++;
		}
		if (c->rexmt_ns == 0)
			leat_tcp_deadline(lc, c, &c->rexmt_ns, lc->now_ns + tcp_rto_ns(c));
	}
	if (ack != 0 && c->flags & TF_ACK_NOW && b->room != 0)
		return !leat_tcp_emit(lc, b, c->snd_max, TH_ACK, NULL, 0, false);
	return false;
}

// No way to the peer: a soft error. The timer tries again (RFC 9293, 3.9.2.2).
static void wait_for_way(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	bool waits = c->flags & TF_SYN_NOW || unsent(c) != 0 || fin_due(c);

	if (waits && c->rexmt_ns == 0)
		leat_tcp_deadline(lc, c, &c->rexmt_ns, lc->now_ns + tcp_rto_ns(c));
}

static uint16_t serve(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	const struct leat_iface *i;
	struct leat_tcp_burst b;
	bool again;

	i = leat_tcp_way(lc, c) ? leat_iface_at(lc->stack, c->dst.iface) : NULL;
	if (unlikely(i == NULL)) {
		wait_for_way(lc, c);
		return 0;
	}
	b.c = c;
	b.port = i->port;
	b.n = b.sent = 0;
	b.room = RTE_MIN(leat_port_tx_room(lc, i->port), LEAT_BURST);
	if (b.room == 0)
		again = true;
	else if (c->state == TS_SYN_SENT || c->state == TS_SYN_RCVD)
		again = serve_syn(lc, &b);
	else
		again = serve_data(lc, &b);
	leat_tcp_burst_flush(lc, &b);
	if (again)
		leat_tcp_output_later(lc, c);
	return b.sent;
}

uint16_t leat_tcp_output(struct leat_lcore *lc, void *ctx)
{
	struct leat_tcp_lcore *t = lc->tcp;
	struct leat_stage_frame f;
	uint32_t n = t->n_out, sent = 0;

	(void)ctx;
	if (likely(n == 0))
		return 0;
	f = leat_stage_enter(lc, LEAT_STAGE_TCP_OUTPUT, 0);
	while (n-- > 0) {
		struct leat_tcp_conn *c = TAILQ_FIRST(&t->out);

		TAILQ_REMOVE(&t->out, c, link);
		t->n_out--;
		c->flags &= ~TF_ON_OUT;
		sent += serve(lc, c);
	}
	lc->stages[LEAT_STAGE_TCP_OUTPUT].packets += sent;
	f.n = sent;
	leat_stage_leave(lc, LEAT_STAGE_TCP_OUTPUT, f);
	return (uint16_t)RTE_MIN(sent, (uint32_t)UINT16_MAX);
}
