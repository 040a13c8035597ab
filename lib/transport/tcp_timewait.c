// SPDX-License-Identifier: BSD-3-Clause
// TIME_WAIT in 48 bytes (RFC 9293, 3.6, 3.10.7.4): it answers a FIN that comes again, and lets a
// new connection of the same endpoints begin early where that is safe (RFC 6191). Called by
// tcp_input.c, tcp_ack.c, tcp_data.c and the wheel.
#include "transport/tcp_private.h"

enum { USER_SECOND, USER_COUNT }; // of the timer's spare bytes

static const struct leat_flow_key *key_of(const struct leat_lcore *lc, const struct leat_tcp_tw *w)
{
	return leat_demux_key(lc->tcp->demux, w->pos);
}

static void fill(struct leat_tcp_tw *w, const struct leat_tcp_conn *c)
{
	w->kind = LEAT_TCP_TW;
	w->has_ts = !!(c->flags & TF_TS);
	w->wnd =
		(uint16_t)RTE_MIN((c->rcv_adv - c->rcv_nxt) >> c->rcv_wscale, (uint32_t)UINT16_MAX);
	w->pos = c->pos;
	leat_timer_init(&w->timer, LEAT_TIMER_TCP_TW);
	w->timer.user[USER_SECOND] = w->timer.user[USER_COUNT] = 0;
	w->snd_nxt = c->snd_max;
	w->rcv_nxt = c->rcv_nxt;
	w->ts_recent = c->ts_recent;
	w->ts_offset = c->ts_offset;
}

static void send_ack(struct leat_lcore *lc, const struct leat_tcp_tw *w)
{
	struct leat_tcp_bare b = {
		.seq = w->snd_nxt,
		.ack = w->rcv_nxt,
		.wnd = w->wnd,
		.flags = TH_ACK,
		.opt =
			{
				.ts = w->has_ts,
				.tsval = tcp_now_ms(lc) + w->ts_offset,
				.tsecr = w->ts_recent,
			},
	};

	leat_tcp_bare_send(lc, key_of(lc, w), NULL, &b);
}

void leat_tcp_time_wait(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	struct leat_tcp_tw *w = leat_slab_alloc(lc->tcp->tws);
	bool owes_ack = c->flags & TF_ACK_NOW;

	// No room: the connection ends at once. The slab has counted it.
	if (w == NULL) {
		if (owes_ack) {
			struct leat_tcp_tw now;

			fill(&now, c);
			send_ack(lc, &now);
		}
		leat_tcp_conn_end(lc, c, false, LEAT_EV_HUP, 0);
		return;
	}
	fill(w, c);
	lc->tcp->stats.time_waits++;
	leat_demux_replace(lc->tcp->demux, &c->key, w);
	leat_timer_arm(&lc->wheel, &w->timer, lc->now_ns + TCP_TIME_WAIT_NS);
	if (owes_ack)
		send_ack(lc, w);
	leat_tcp_conn_end(lc, c, true, LEAT_EV_HUP, 0);
}

static void free_tw(struct leat_lcore *lc, struct leat_tcp_tw *w)
{
	struct leat_flow_key k = *key_of(lc, w);

	leat_timer_disarm(&lc->wheel, &w->timer);
	leat_demux_del(lc->tcp->demux, &k);
	leat_slab_free(lc->tcp->tws, w);
}

void leat_tcp_timer_tw(void *ctx, struct leat_timer *t)
{
	free_tw(ctx, RTE_PTR_SUB(t, offsetof(struct leat_tcp_tw, timer)));
}

static void challenge(struct leat_lcore *lc, struct leat_tcp_tw *w)
{
	if (leat_tcp_challenge_ok(lc, &w->timer.user[USER_SECOND], &w->timer.user[USER_COUNT]))
		send_ack(lc, w);
}

// RFC 6191, 2, and RFC 9293, 3.6.1: a SYN that can't be an old duplicate.
static bool is_new(const struct leat_tcp_tw *w, const struct leat_tcp_seg *seg)
{
	if (w->has_ts && seg->has_ts && seg->tsval != w->ts_recent)
		return seq_gt(seg->tsval, w->ts_recent);
	return seq_gt(seg->seq, w->rcv_nxt);
}

static void syn_input(struct leat_lcore *lc, struct leat_tcp_tw *w, struct leat_tcp_seg *seg)
{
	struct leat_tcp_listener *l = leat_demux_find_listener(lc->tcp->demux, &seg->key);
	uint32_t least_iss = w->snd_nxt + 65536;

	if (l == NULL || seg->flags & (TH_ACK | TH_FIN) || !is_new(w, seg)) {
		challenge(lc, w);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_SYN);
		return;
	}
	free_tw(lc, w);
	leat_tcp_listen_input(lc, l, seg, &least_iss);
}

static void reset_input(struct leat_lcore *lc, struct leat_tcp_tw *w, struct leat_tcp_seg *seg)
{
	if (seg->seq != w->rcv_nxt) {
		leat_drop(lc, seg->m, LEAT_DROP_TCP_RST);
		return;
	}
	lc->tcp->stats.resets_received++;
	leat_consume(lc, seg->m);
	free_tw(lc, w);
}

void leat_tcp_tw_input(struct leat_lcore *lc, struct leat_tcp_tw *w, struct leat_tcp_seg *seg)
{
	uint32_t end = seg->seq + seg->len + !!(seg->flags & TH_FIN);

	if (seg->flags & TH_RST) {
		reset_input(lc, w, seg);
	} else if (seg->flags & TH_SYN) {
		syn_input(lc, w, seg);
	} else if (w->has_ts && (!seg->has_ts || seq_lt(seg->tsval, w->ts_recent))) {
		challenge(lc, w); // RFC 7323, 5.3, R1
		leat_drop(lc, seg->m, LEAT_DROP_TCP_PAWS);
	} else if (!(seg->flags & TH_ACK)) {
		leat_drop(lc, seg->m, LEAT_DROP_TCP_FLAGS);
	} else if (seg->flags & TH_FIN && end == w->rcv_nxt) {
		// Our ACK of it was lost: again, and 2 MSL anew.
		if (w->has_ts)
			w->ts_recent = seg->tsval;
		send_ack(lc, w);
		leat_timer_arm(&lc->wheel, &w->timer, lc->now_ns + TCP_TIME_WAIT_NS);
		leat_consume(lc, seg->m);
	} else if (end == seg->seq && seg->seq == w->rcv_nxt) {
		leat_consume(lc, seg->m); // a bare ACK
	} else {
		challenge(lc, w);
		leat_drop(lc, seg->m,
			seg->len != 0 && seq_leq(end, w->rcv_nxt) ? LEAT_DROP_TCP_OLD_DATA
								  : LEAT_DROP_TCP_SEQ);
	}
}
