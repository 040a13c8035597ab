// SPDX-License-Identifier: BSD-3-Clause
// The send queue: the payload mbufs of the application from snd_una on, linked by ->next. Every
// transmission refers to them (tcp_segment.c), so they stay as they are until they are
// acknowledged; where snd_nxt stands is remembered, so nothing is searched from the front.
#include <rte_memcpy.h>

#include "pkt/poison.h"
#include "transport/tcp_private.h"

static void free_one(struct rte_mbuf *m)
{
	m->next = NULL;
	m->nb_segs = 1;
	rte_pktmbuf_free_seg(m);
}

// Copy a small payload behind the last one, so that small writes don't take a buffer each. Only
// where nobody refers to the buffer: what is being sent is not written to.
static bool coalesce(struct leat_tcp_conn *c, const struct rte_mbuf *m)
{
	struct rte_mbuf *tail = c->snd_tail;

	if (tail == NULL || m->data_len > TCP_COALESCE || !RTE_MBUF_DIRECT(tail) ||
		rte_mbuf_refcnt_read(tail) != 1 || rte_pktmbuf_tailroom(tail) < m->data_len)
		return false;
	rte_memcpy(rte_pktmbuf_mtod_offset(tail, void *, tail->data_len),
		rte_pktmbuf_mtod(m, const void *), m->data_len);
	tail->data_len += m->data_len;
	return true;
}

static void append_one(struct leat_tcp_conn *c, struct rte_mbuf *m)
{
	c->snd_end += m->data_len;
	if (m->data_len == 0 || coalesce(c, m)) {
		free_one(m);
		return;
	}
	m->next = NULL;
	if (c->snd_tail == NULL) {
		c->snd_head = m;
		c->head_off = 0;
		c->cur = m;
		c->cur_off = 0;
	} else {
		c->snd_tail->next = m;
	}
	c->snd_tail = m;
}

void leat_tcp_sndq_append(struct leat_tcp_conn *c, struct rte_mbuf *chain)
{
	struct rte_mbuf *next;

	leat_pkt_unpoison(chain);
	for (; chain != NULL; chain = next) {
		next = chain->next;
		append_one(c, chain);
	}
}

void leat_tcp_sndq_acked(struct leat_tcp_conn *c, uint32_t bytes)
{
	uint32_t off = c->head_off + bytes;
	struct rte_mbuf *m;

	while ((m = c->snd_head) != NULL && off >= m->data_len) {
		off -= m->data_len;
		c->snd_head = m->next;
		if (c->cur == m) {
			c->cur = m->next;
			c->cur_off = 0;
		}
		free_one(m);
	}
	if (c->snd_head == NULL) {
		c->snd_tail = NULL;
		off = 0;
	}
	c->head_off = (uint16_t)off;
}

void leat_tcp_sndq_rewind(struct leat_tcp_conn *c)
{
	c->snd_nxt = c->snd_una;
	c->cur = c->snd_head;
	c->cur_off = c->head_off;
}

void leat_tcp_sndq_free(struct leat_tcp_conn *c)
{
	struct rte_mbuf *m;

	while ((m = c->snd_head) != NULL) {
		c->snd_head = m->next;
		free_one(m);
	}
	c->snd_tail = c->cur = NULL;
	c->head_off = c->cur_off = 0;
}
