// SPDX-License-Identifier: BSD-3-Clause
// The receive queue, in order, and the queue of what came out of order. Called by tcp_data.c;
// tcp_user.c takes from the front.
//
// What a small segment holds is copied behind the one before, where that is possible: a peer that
// sends single bytes would else take a buffer of 2 KB for each of them.
#include <rte_memcpy.h>

#include "pkt/cut.h"
#include "pkt/poison.h"
#include "transport/tcp_private.h"

static void free_one(struct rte_mbuf *m)
{
	m->next = NULL;
	m->nb_segs = 1;
	rte_pktmbuf_free_seg(m);
}

struct rte_mbuf *leat_tcp_trim_head(struct rte_mbuf *m, uint32_t n)
{
	uint32_t len = m->pkt_len - n;
	uint16_t segs = m->nb_segs;
	struct rte_mbuf *next;

	while (n >= m->data_len && (next = m->next) != NULL) {
		n -= m->data_len;
		*leat_meta(next) = *leat_meta(m);
		free_one(m);
		m = next;
		segs--;
	}
	m->data_off += n;
	m->data_len -= n;
	m->pkt_len = len;
	m->nb_segs = segs;
	return m;
}

// ---- in order ----

static bool coalesce(struct leat_tcp_conn *c, const struct rte_mbuf *m)
{
	struct rte_mbuf *tail = c->rcv_tail;

	if (tail == NULL || !RTE_MBUF_DIRECT(tail) || rte_mbuf_refcnt_read(tail) != 1 ||
		rte_pktmbuf_tailroom(tail) < m->data_len)
		return false;
	// A copy of much only when the queue's buffers are half empty on average.
	if (m->data_len > TCP_COALESCE && c->rcv_queued >= c->rcv_n * 1024)
		return false;
	rte_memcpy(rte_pktmbuf_mtod_offset(tail, void *, tail->data_len),
		rte_pktmbuf_mtod(m, const void *), m->data_len);
	tail->data_len += m->data_len;
	return true;
}

static void append_one(struct leat_tcp_lcore *t, struct leat_tcp_conn *c, struct rte_mbuf *m)
{
	bool gone = m->data_len == 0 || coalesce(c, m);

	c->rcv_queued += m->data_len;
	if (gone) {
		free_one(m);
		return;
	}
	m->next = NULL;
	if (c->rcv_tail == NULL)
		c->rcv_head = m;
	else
		c->rcv_tail->next = m;
	c->rcv_tail = m;
	c->rcv_n++;
	t->rx_held++;
}

void leat_tcp_rcvq_append(struct leat_tcp_lcore *t, struct leat_tcp_conn *c, struct rte_mbuf *m)
{
	struct rte_mbuf *next;

	for (; m != NULL; m = next) {
		next = m->next;
		append_one(t, c, m);
	}
}

// The first `want` bytes of the queue's first mbuf as an mbuf of their own, which refers to it.
static struct rte_mbuf *split_first(struct leat_lcore *lc, struct leat_tcp_conn *c, uint32_t want)
{
	struct rte_mbuf *m = c->rcv_head, *part = rte_pktmbuf_alloc(lc->indirect_pool);

	if (part == NULL)
		return NULL;
	rte_pktmbuf_attach(part, m);
	part->data_len = (uint16_t)want;
	m->data_off += want;
	m->data_len -= want;
	c->rcv_queued -= want;
	return part;
}

struct rte_mbuf *leat_tcp_rcvq_take(struct leat_lcore *lc, struct leat_tcp_conn *c, uint32_t max)
{
	struct rte_mbuf *head = NULL, **link = &head, *m;
	uint32_t taken = 0, n = 0;

	if (max == 0 || max > c->rcv_queued)
		max = c->rcv_queued;
	while (taken < max && n < UINT16_MAX) {
		m = c->rcv_head;
		if (m->data_len > max - taken) {
			m = split_first(lc, c, max - taken);
			if (m == NULL)
				break;
		} else {
			c->rcv_head = m->next;
			c->rcv_queued -= m->data_len;
			c->rcv_n--;
			lc->tcp->rx_held--;
		}
		m->next = NULL;
		*link = m;
		link = &m->next;
		taken += m->data_len;
		n++;
	}
	if (c->rcv_head == NULL)
		c->rcv_tail = NULL;
	if (head != NULL) {
		head->pkt_len = taken;
		head->nb_segs = (uint16_t)n;
	}
	return head;
}

void leat_tcp_rcvq_free(struct leat_tcp_lcore *t, struct leat_tcp_conn *c)
{
	struct rte_mbuf *m;

	while ((m = c->rcv_head) != NULL) {
		c->rcv_head = m->next;
		free_one(m);
	}
	c->rcv_tail = NULL;
	t->rx_held -= c->rcv_n;
	c->rcv_queued = c->rcv_n = 0;
}

// ---- out of order ----

static uint32_t end_of(struct rte_mbuf *m)
{
	return leat_meta(m)->seq + m->pkt_len;
}

// Take the segments away that m, of seq to end, covers from *at on; cut m where one goes on beyond.
static void uncover(struct leat_tcp_lcore *t, struct leat_tcp_conn *c, struct rte_mbuf **at,
	struct rte_mbuf *m, uint32_t end)
{
	struct rte_mbuf *x;

	while ((x = *at) != NULL && seq_lt(leat_meta(x)->seq, end)) {
		if (seq_gt(end_of(x), end)) {
			leat_pkt_cut(m, m->pkt_len - (end - leat_meta(x)->seq));
			return;
		}
		*at = leat_meta(x)->next;
		c->ooo_n--;
		t->rx_held -= x->nb_segs;
		rte_pktmbuf_free(x);
	}
}

enum leat_drop leat_tcp_ooo_insert(
	struct leat_tcp_lcore *t, struct leat_tcp_conn *c, struct rte_mbuf *m, uint32_t seq)
{
	struct rte_mbuf *at = c->ooo_head, *prev = NULL;
	uint32_t end = seq + m->pkt_len, from = seq;

	while (at != NULL && seq_leq(leat_meta(at)->seq, seq)) {
		prev = at;
		at = leat_meta(at)->next;
	}
	if (prev != NULL && seq_gt(end_of(prev), from))
		from = end_of(prev);
	if (seq_geq(from, end) ||
		(at != NULL && leat_meta(at)->seq == from && seq_geq(end_of(at), end)))
		return LEAT_DROP_TCP_OLD_DATA;
	if (c->ooo_n >= TCP_OOO_MAX)
		return LEAT_DROP_TCP_OOO_FULL;
	if (from != seq)
		m = leat_tcp_trim_head(m, from - seq);
	uncover(t, c, &at, m, end);
	leat_meta(m)->seq = from;
	leat_meta(m)->next = at;
	if (prev == NULL)
		c->ooo_head = m;
	else
		leat_meta(prev)->next = m;
	c->ooo_n++;
	t->rx_held += m->nb_segs;
	return LEAT_DROP_NONE;
}

void leat_tcp_ooo_deliver(struct leat_tcp_lcore *t, struct leat_tcp_conn *c)
{
	struct rte_mbuf *m;

	while ((m = c->ooo_head) != NULL && seq_leq(leat_meta(m)->seq, c->rcv_nxt)) {
		uint32_t end = end_of(m), old = c->rcv_nxt - leat_meta(m)->seq;

		c->ooo_head = leat_meta(m)->next;
		c->ooo_n--;
		t->rx_held -= m->nb_segs;
		if (seq_leq(end, c->rcv_nxt)) {
			rte_pktmbuf_free(m);
			continue;
		}
		if (old != 0)
			m = leat_tcp_trim_head(m, old);
		c->rcv_nxt = end;
		leat_tcp_rcvq_append(t, c, m);
	}
}

void leat_tcp_ooo_free(struct leat_tcp_lcore *t, struct leat_tcp_conn *c)
{
	struct rte_mbuf *m;

	while ((m = c->ooo_head) != NULL) {
		c->ooo_head = leat_meta(m)->next;
		t->rx_held -= m->nb_segs;
		rte_pktmbuf_free(m);
	}
	c->ooo_n = 0;
}
