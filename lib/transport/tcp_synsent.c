// SPDX-License-Identifier: BSD-3-Clause
// A segment in SYN_SENT: RFC 9293, 3.10.7.3. Called by tcp_state.c.
#include <errno.h>

#include "transport/tcp_private.h"

// What the peer's SYN says of itself; all that it has not, we do without.
static void learn_options(
	struct leat_lcore *lc, struct leat_tcp_conn *c, const struct leat_tcp_seg *seg)
{
	if (seg->mss != 0)
		c->peer_mss = RTE_MAX(seg->mss, (uint16_t)TCP_MSS_MIN);
	if (seg->has_ts) { // RFC 7323, 3.2
		c->ts_recent = seg->tsval;
		c->ts_recent_ms = tcp_now_ms(lc);
	} else {
		c->flags &= ~TF_TS;
	}
	if (seg->has_wscale) { // RFC 7323, 2.2: both or none
		c->snd_wscale = seg->wscale;
	} else {
		c->flags &= ~TF_WS;
		c->rcv_wscale = 0;
	}
}

static void learn_syn(
	struct leat_lcore *lc, struct leat_tcp_conn *c, const struct leat_tcp_seg *seg)
{
	c->rcv_nxt = seg->seq + 1;
	c->last_ack = c->rcv_nxt;
	c->rcv_adv = c->rcv_nxt + RTE_MIN(c->rcv_buf, (uint32_t)UINT16_MAX);
	learn_options(lc, c, seg);
	c->snd_wnd = seg->wnd; // RFC 7323, 2.2: a SYN's is not scaled
	c->max_wnd = seg->wnd;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
}

// Our SYN is acknowledged by theirs.
static void opened(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	c->snd_una = c->snd_nxt = seg->ack;
	if (c->flags & TF_TIMING)
		leat_tcp_rtt_sample(c, tcp_now_us(lc) - c->rtt_start_us);
	else if (c->flags & TF_TS && seg->tsecr != 0)
		leat_tcp_rtt_sample(c, (tcp_now_ms(lc) + c->ts_offset - seg->tsecr) % 60000 * 1000);
	c->rexmt_ns = 0;
	c->flags &= ~(TF_SYN_NOW | TF_TIMING);
	leat_tcp_established(lc, c, c->retries != 0);
	leat_neigh_confirm(lc, &c->dst.neigh);
	c->flags |= TF_ACK_NOW;
	leat_tcp_output_later(lc, c);
	leat_tcp_event(lc, c, LEAT_EV_CONNECTED | LEAT_EV_OUT, 0);
	// What stands behind the SYN comes next (sixth check and on).
	seg->seq++;
	seg->flags &= ~TH_SYN;
	leat_tcp_data_input(lc, c, seg);
}

void leat_tcp_synsent_input(
	struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	bool acks = seg->flags & TH_ACK;

	if (acks && (seq_leq(seg->ack, c->iss) || seq_gt(seg->ack, c->snd_max))) { // first
		leat_tcp_reset_sender(lc, seg);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_ACK);
		return;
	}
	if (seg->flags & TH_RST) { // second
		if (!acks) {
			leat_drop(lc, seg->m, LEAT_DROP_TCP_RST);
			return;
		}
		lc->tcp->stats.resets_received++;
		lc->tcp->stats.failed_opens++;
		leat_consume(lc, seg->m);
		leat_tcp_conn_end(lc, c, false, LEAT_EV_ERR | LEAT_EV_HUP, ECONNREFUSED);
		return;
	}
	if (!(seg->flags & TH_SYN)) { // fifth
		leat_drop(lc, seg->m, LEAT_DROP_TCP_FLAGS);
		return;
	}
	learn_syn(lc, c, seg); // fourth
	if (acks) {
		opened(lc, c, seg);
		return;
	}
	// Both open at once (RFC 9293, 3.5, figure 8). Text waits: the peer sends it again.
	c->state = TS_SYN_RCVD;
	c->flags |= TF_SYN_NOW;
	c->flags &= ~TF_TIMING;
	leat_tcp_output_later(lc, c);
	leat_consume(lc, seg->m);
}
