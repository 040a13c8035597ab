// SPDX-License-Identifier: BSD-3-Clause
// Text and FIN of a segment: RFC 9293, 3.10.7.4, seventh and eighth. Called by tcp_state.c when the
// segment has passed the checks before. Urgent data (sixth) is in the stream as any other.
#include <errno.h>

#include "pkt/cut.h"
#include "pkt/poison.h"
#include "transport/tcp_private.h"

static void ack_now(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	c->flags |= TF_ACK_NOW;
	leat_tcp_output_later(lc, c);
}

// RFC 5681, 4.2: at once for every second full segment, else delayed.
static void ack_in_order(struct leat_lcore *lc, struct leat_tcp_conn *c, bool at_once)
{
	if (at_once || c->rcv_nxt - c->last_ack >= 2u * c->rcv_mss)
		ack_now(lc, c);
	else if (c->delack_ns == 0)
		leat_tcp_deadline(lc, c, &c->delack_ns, lc->now_ns + TCP_DELACK_NS);
}

// rcv_nxt has reached the FIN. RFC 9293, 3.10.7.4, eighth. Returns false when c is gone.
static bool fin_reached(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	c->rcv_nxt++;
	if (seq_lt(c->rcv_adv, c->rcv_nxt))
		c->rcv_adv = c->rcv_nxt; // a FIN needs no buffer: it may stand behind the window
	c->flags |= TF_FIN_RCVD;
	leat_tcp_ooo_free(lc->tcp, c); // text behind a FIN is none
	c->dup_owed = 0;
	ack_now(lc, c);
	switch (c->state) {
	case TS_ESTABLISHED:
		c->state = TS_CLOSE_WAIT;
		break;
	case TS_FIN_WAIT1:
		// Had our FIN been acknowledged by this segment, it would be FIN_WAIT2 already.
		c->state = TS_CLOSING;
		break;
	case TS_FIN_WAIT2:
		leat_tcp_event(lc, c, LEAT_EV_IN | LEAT_EV_RDHUP, 0);
		leat_tcp_time_wait(lc, c);
		return false;
	default:
		break;
	}
	leat_tcp_event(lc, c, LEAT_EV_IN | LEAT_EV_RDHUP, 0);
	return true;
}

// The text that starts at rcv_nxt. m is taken.
static void in_order(struct leat_lcore *lc, struct leat_tcp_conn *c, struct rte_mbuf *m)
{
	bool filled = c->ooo_head != NULL; // (part of) a gap: acknowledged at once

	if (m->pkt_len > c->rcv_mss)
		// Of a superframe no more than a segment, lest every second superframe be waited
		// for.
		c->rcv_mss = (uint16_t)RTE_MIN(m->pkt_len, (uint32_t)c->mss);
	c->rcv_nxt += m->pkt_len;
	c->dup_owed = 0; // they would tell of the new rcv_nxt, and mean nothing
	lc->count.consumed++;
	leat_tcp_rcvq_append(lc->tcp, c, m);
	if (filled)
		leat_tcp_ooo_deliver(lc->tcp, c);
	ack_in_order(lc, c, filled);
	leat_tcp_event(lc, c, LEAT_EV_IN, 0);
}

static void out_of_order(
	struct leat_lcore *lc, struct leat_tcp_conn *c, struct rte_mbuf *m, uint32_t seq)
{
	enum leat_drop why = leat_tcp_ooo_insert(lc->tcp, c, m, seq);

	// RFC 5681, 4.2: an immediate duplicate ACK for each
	if (c->dup_owed < 16)
		c->dup_owed++;
	leat_tcp_output_later(lc, c);
	if (why == LEAT_DROP_NONE)
		lc->count.consumed++;
	else
		leat_drop(lc, m, why);
}

// Take the headers off, and what is not new: received before, or beyond the window or the FIN. NULL
// when nothing is left; the packet then has been dropped.
static struct rte_mbuf *trim(
	struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg, uint32_t edge)
{
	uint32_t old = seq_lt(seg->seq, c->rcv_nxt) ? c->rcv_nxt - seg->seq : 0;
	uint32_t end = seg->seq + seg->len;
	struct rte_mbuf *m = seg->m;

	if (old >= seg->len) {
		leat_drop(lc, m, LEAT_DROP_TCP_OLD_DATA);
		return NULL;
	}
	if (seq_leq(edge, seg->seq + old)) {
		leat_drop(lc, m, LEAT_DROP_TCP_RCVBUF);
		return NULL;
	}
	leat_pkt_unpoison(m); // it will be read, written behind and freed by others
	m = leat_tcp_trim_head(m, seg->payload + old);
	if (seq_gt(end, edge))
		leat_pkt_cut(m, m->pkt_len - (end - edge));
	seg->seq += old;
	return m;
}

// Text for a connection whose owner has closed: nobody will read it (RFC 9293, 3.6.1; RFC
// 1122, 4.2.2.13).
static __rte_noinline void after_close(
	struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	leat_drop(lc, seg->m, LEAT_DROP_TCP_RCVBUF);
	leat_tcp_reset_peer(lc, c);
	leat_tcp_conn_end(lc, c, false, 0, 0);
}

// The receive queues hold more of the pool than they may: nothing is taken but what a reader waits
// for. The peer sends the rest again.
static bool no_memory(
	const struct leat_lcore *lc, const struct leat_tcp_conn *c, const struct leat_tcp_seg *seg)
{
	return lc->tcp->rx_held >= lc->tcp->rx_hard &&
	       (c->rcv_queued != 0 || seq_gt(seg->seq, c->rcv_nxt));
}

static void text(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	uint32_t edge = c->rcv_adv;
	struct rte_mbuf *m;

	if (c->flags & TF_HAVE_FIN && seq_lt(c->fin_seq, edge))
		edge = c->fin_seq;
	if (unlikely(c->rcv_n >= TCP_RCVQ_MAX || no_memory(lc, c, seg)))
		edge = c->rcv_nxt;
	m = trim(lc, c, seg, edge);
	if (m == NULL) {
		ack_now(lc, c);
		return;
	}
	lc->tcp->stats.bytes_in += m->pkt_len;
	if (likely(seg->seq == c->rcv_nxt))
		in_order(lc, c, m);
	else
		out_of_order(lc, c, m, seg->seq);
}

void leat_tcp_data_input(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg)
{
	uint32_t end = seg->seq + seg->len;
	bool fin = seg->flags & TH_FIN && seq_leq(end, c->rcv_adv);

	if (seg->len == 0 && !(seg->flags & TH_FIN)) {
		leat_consume(lc, seg->m);
		return;
	}
	if (c->flags & TF_FIN_RCVD) { // CLOSE_WAIT, CLOSING, LAST_ACK: should not occur
		leat_drop(lc, seg->m, LEAT_DROP_TCP_RCVBUF);
		return;
	}
	if (c->flags & TF_ORPHAN && seg->len != 0 && seq_gt(end, c->rcv_nxt)) {
		after_close(lc, c, seg);
		return;
	}
	if (fin && !(c->flags & TF_HAVE_FIN) && seq_geq(end, c->rcv_nxt)) {
		c->flags |= TF_HAVE_FIN;
		c->fin_seq = end;
	}
	if (seg->len != 0)
		text(lc, c, seg);
	else
		leat_consume(lc, seg->m);
	if (!(c->flags & TF_HAVE_FIN))
		return;
	if (c->rcv_nxt == c->fin_seq)
		fin_reached(lc, c);
	else if (seg->len == 0)
		ack_now(lc, c); // out of order
}
