// SPDX-License-Identifier: BSD-3-Clause
// SYN_RCVD of a passive open: 64 bytes until the third segment of the handshake, which makes it a
// connection. RFC 9293, 3.10.7.4. Called by tcp_input.c, tcp_listen.c and the wheel.
#include <errno.h>

#include "transport/tcp_private.h"

enum { USER_RETRIES, USER_SECOND, USER_COUNT }; // of the timer's spare bytes

static const struct leat_flow_key *key_of(const struct leat_lcore *lc, const struct leat_tcp_syn *y)
{
	return leat_demux_key(lc->tcp->demux, y->pos);
}

// RFC 7323, 2.2: the window of a SYN is not scaled.
static uint16_t window(const struct leat_lcore *lc)
{
	return (uint16_t)RTE_MIN(lc->tcp->rcvbuf, (uint32_t)UINT16_MAX);
}

void leat_tcp_syn_reply(struct leat_lcore *lc, struct leat_tcp_syn *y)
{
	const struct leat_flow_key *k = key_of(lc, y);
	union leat_ip src = k->local;
	struct leat_dst dst = {0};
	struct leat_tcp_bare b = {
		.seq = y->iss,
		.ack = y->irs + 1,
		.wnd = window(lc),
		.flags = TH_SYN | TH_ACK,
		.opt =
			{
				.ts = y->flags & SYN_TS,
				.ws = y->flags & SYN_WS,
				.wscale = lc->tcp->rcv_wscale,
				.tsval = tcp_now_ms(lc) + y->ts_offset,
				.tsecr = y->ts_recent,
			},
	};

	if (leat_ip_route(lc, &k->remote, 0, &dst, &src) != 0)
		return; // the timer tries again
	b.opt.mss = leat_tcp_mss_of(dst.mtu);
	y->sent_us = tcp_now_us(lc);
	leat_tcp_bare_send(lc, k, &dst, &b);
}

void leat_tcp_syn_free(struct leat_lcore *lc, struct leat_tcp_syn *y, bool replaced)
{
	struct leat_flow_key k;

	leat_timer_disarm(&lc->wheel, &y->timer);
	if (!replaced) {
		k = *key_of(lc, y);
		leat_demux_del(lc->tcp->demux, &k);
	}
	leat_slab_free(lc->tcp->syns, y);
}

void leat_tcp_timer_syn(void *ctx, struct leat_timer *t)
{
	struct leat_tcp_syn *y = RTE_PTR_SUB(t, offsetof(struct leat_tcp_syn, timer));
	uint8_t *retries = &y->timer.user[USER_RETRIES];
	struct leat_lcore *lc = ctx;

	lc->tcp->stats.timeouts++;
	if (*retries >= TCP_SYNACK_RETRIES) {
		lc->tcp->stats.failed_opens++;
		leat_tcp_syn_free(lc, y, false);
		return;
	}
	(*retries)++;
	lc->tcp->stats.retransmits++;
	leat_tcp_syn_reply(lc, y);
	leat_timer_arm(
		&lc->wheel, &y->timer, lc->now_ns + (TCP_RTO_INIT_US * UINT64_C(1000) << *retries));
}

static void challenge(struct leat_lcore *lc, struct leat_tcp_syn *y)
{
	struct leat_tcp_bare b = {
		.seq = y->iss + 1,
		.ack = y->irs + 1,
		.wnd = window(lc) >> (y->flags & SYN_WS ? lc->tcp->rcv_wscale : 0),
		.flags = TH_ACK,
		.opt =
			{
				.ts = y->flags & SYN_TS,
				.tsval = tcp_now_ms(lc) + y->ts_offset,
				.tsecr = y->ts_recent,
			},
	};

	if (leat_tcp_challenge_ok(lc, &y->timer.user[USER_SECOND], &y->timer.user[USER_COUNT]))
		leat_tcp_bare_send(lc, key_of(lc, y), NULL, &b);
}

static void fill_conn(struct leat_lcore *lc, struct leat_tcp_conn *c, const struct leat_tcp_syn *y,
	const struct leat_tcp_seg *seg)
{
	c->pos = y->pos;
	c->iss = y->iss;
	c->rcv_nxt = y->irs + 1;
	c->last_ack = c->rcv_nxt;
	c->rcv_adv = c->rcv_nxt + window(lc);
	c->peer_mss = y->peer_mss;
	c->ts_offset = y->ts_offset;
	if (y->flags & SYN_TS) {
		c->flags |= TF_TS;
		c->ts_recent = seg->tsval;
		c->ts_recent_ms = tcp_now_ms(lc);
	}
	if (y->flags & SYN_WS) {
		c->flags |= TF_WS;
		c->snd_wscale = y->snd_wscale;
		c->rcv_wscale = lc->tcp->rcv_wscale;
	}
	c->snd_una = c->snd_nxt = c->snd_max = c->snd_end = y->iss + 1;
	c->snd_wnd = (uint32_t)seg->wnd << c->snd_wscale;
	c->max_wnd = RTE_MAX(c->snd_wnd, (uint32_t)y->wnd);
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	c->retries = y->timer.user[USER_RETRIES];
	if (c->retries == 0) // RFC 6298, 3
		leat_tcp_rtt_sample(c, tcp_now_us(lc) - y->sent_us);
	else if (y->flags & SYN_TS && seg->tsecr != 0)
		leat_tcp_rtt_sample(c, (tcp_now_ms(lc) + y->ts_offset - seg->tsecr) % 60000 * 1000);
}

// The handshake is complete. The segment goes on as one of the new connection.
static void promote(struct leat_lcore *lc, struct leat_tcp_syn *y, struct leat_tcp_seg *seg)
{
	struct leat_tcp_listener *l = leat_slab_at(lc->tcp->listeners, y->listener);
	struct leat_tcp_conn *c;

	// Full: forget this ACK. The SYN,ACK or the peer's text comes again.
	if (l->n_accept >= l->backlog) {
		leat_drop(lc, seg->m, LEAT_DROP_TCP_BACKLOG_FULL);
		return;
	}
	c = leat_tcp_conn_new(lc, &seg->key);
	if (c == NULL) {
		leat_drop(lc, seg->m, LEAT_DROP_TCP_TABLE_FULL);
		return;
	}
	fill_conn(lc, c, y, seg);
	leat_demux_replace(lc->tcp->demux, &c->key, c);
	leat_tcp_syn_free(lc, y, true);
	leat_tcp_established(lc, c, c->retries != 0);
	c->pending = LEAT_EV_OUT;
	leat_tcp_accept_push(lc, l, c);
	leat_tcp_data_input(lc, c, seg);
}

// PAWS and first check: a sequence number within the window. Else the reason why not.
static enum leat_drop check_seq(
	const struct leat_lcore *lc, const struct leat_tcp_syn *y, const struct leat_tcp_seg *seg)
{
	uint32_t rcv_nxt = y->irs + 1;
	uint32_t len = seg->len + !!(seg->flags & TH_SYN) + !!(seg->flags & TH_FIN);

	if (y->flags & SYN_TS && !(seg->flags & TH_RST) &&
		(!seg->has_ts || seq_lt(seg->tsval, y->ts_recent)))
		return LEAT_DROP_TCP_PAWS;
	if (seg->seq == rcv_nxt || (seq_lt(seg->seq, rcv_nxt + window(lc)) &&
					   seq_gt(seg->seq + RTE_MAX(len, 1u), rcv_nxt)))
		return LEAT_DROP_NONE;
	return LEAT_DROP_TCP_SEQ;
}

// A reset ends it only when it is exact (RFC 5961, 3.2).
static void reset_input(struct leat_lcore *lc, struct leat_tcp_syn *y, struct leat_tcp_seg *seg)
{
	if (seg->seq != y->irs + 1) {
		challenge(lc, y);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_RST);
		return;
	}
	lc->tcp->stats.resets_received++;
	lc->tcp->stats.failed_opens++;
	leat_tcp_syn_free(lc, y, false);
	leat_consume(lc, seg->m);
}

void leat_tcp_syn_input(struct leat_lcore *lc, struct leat_tcp_syn *y, struct leat_tcp_seg *seg)
{
	enum leat_drop why;

	// The same SYN once more: our answer was lost.
	if ((seg->flags & (TH_SYN | TH_ACK | TH_RST)) == TH_SYN && seg->seq == y->irs) {
		if (leat_tcp_challenge_ok(
			    lc, &y->timer.user[USER_SECOND], &y->timer.user[USER_COUNT]))
			leat_tcp_syn_reply(lc, y);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_SYN);
		return;
	}
	why = check_seq(lc, y, seg);
	if (why != LEAT_DROP_NONE) { // first
		if (!(seg->flags & TH_RST))
			challenge(lc, y);
		leat_drop(lc, seg->m, why);
	} else if (seg->flags & TH_RST) { // second
		reset_input(lc, y, seg);
	} else if (seg->flags & TH_SYN) { // fourth: RFC 5961, 4.2
		challenge(lc, y);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_SYN);
	} else if (!(seg->flags & TH_ACK)) { // fifth
		leat_drop(lc, seg->m, LEAT_DROP_TCP_FLAGS);
	} else if (seg->ack != y->iss + 1) {
		leat_tcp_reset_sender(lc, seg);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_ACK);
	} else {
		promote(lc, y, seg);
	}
}
