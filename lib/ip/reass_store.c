// SPDX-License-Identifier: BSD-3-Clause
// Where the fragments of a datagram wait: an ordered list of mbufs, or a flat buffer when there are
// many; and how they become one chain. Called by reass.c.
#include <string.h>

#include "ip/reass_private.h"

static uint32_t truesize(const struct rte_mbuf *m)
{
	uint32_t n = 0;

	for (; m != NULL; m = m->next)
		n += m->buf_len + (uint32_t)sizeof(*m);
	return n;
}

// Where in the list a fragment lies; the list has at most LEAT_REASS_CHAIN.
static uint32_t list_offset(struct rte_mbuf *m)
{
	return leat_meta(m)->seq;
}

static void insert(struct leat_datagram *d, struct rte_mbuf *m, uint32_t off)
{
	struct rte_mbuf *after = NULL, *next = d->head;

	leat_meta(m)->seq = off;
	if (d->tail != NULL && list_offset(d->tail) < off) { // in order, as most are
		after = d->tail;
		next = NULL;
	}
	while (next != NULL && list_offset(next) < off) {
		after = next;
		next = leat_meta(next)->next;
	}
	leat_meta(m)->next = next;
	if (after != NULL)
		leat_meta(after)->next = m;
	else
		d->head = m;
	if (next == NULL)
		d->tail = m;
	d->n_segs += m->nb_segs;
}

static void copy_payload(
	struct leat_datagram *d, const struct rte_mbuf *m, const struct leat_reass_span *s)
{
	const void *p = rte_pktmbuf_read(m, s->hdr, s->len, d->flat + s->off);

	if (p != d->flat + s->off)
		memcpy(d->flat + s->off, p, s->len);
}

// The bytes of m are in the flat buffer; it is still counted as held.
static void absorb(struct rte_mbuf *m)
{
	leat_pkt_unpoison(m);
	rte_pktmbuf_free(m);
}

// Put a fragment into the flat buffer. The first one stays: it has the headers, and the bytes that
// an ICMP error would quote.
static void copy_in(struct leat_datagram *d, struct rte_mbuf *m, const struct leat_reass_span *s)
{
	copy_payload(d, m, s);
	if (s->off == 0)
		d->first = m;
	else
		absorb(m);
}

static bool go_flat(struct leat_lcore *lc, struct leat_datagram *d)
{
	struct leat_reass *r = lc->ip->reass;
	uint32_t first = 0;

	if (!leat_reass_make_room(lc, LEAT_REASS_FLAT, d))
		return false;
	d->flat = leat_slab_alloc(r->flats);
	if (d->flat == NULL)
		return false;
	for (struct rte_mbuf *m = d->head, *next; m != NULL; m = next) {
		struct leat_reass_span s = leat_reass_span_of(m);

		next = leat_meta(m)->next;
		if (s.off == 0)
			first = truesize(m);
		copy_in(d, m, &s);
	}
	d->head = d->tail = NULL;
	d->n_segs = 0;
	r->bytes += sizeof(*d) + LEAT_REASS_FLAT + first - d->charged;
	d->charged = (uint32_t)sizeof(*d) + LEAT_REASS_FLAT + first;
	return true;
}

bool leat_reass_store(struct leat_lcore *lc, struct leat_datagram *d, struct rte_mbuf *m,
	const struct leat_reass_span *s)
{
	uint32_t bytes = truesize(m);

	if (d->flat == NULL && d->n_segs + m->nb_segs > LEAT_REASS_CHAIN && !go_flat(lc, d))
		return false;
	if (d->flat != NULL && s->off != 0)
		bytes = 0; // is copied
	if (!leat_reass_make_room(lc, bytes, d))
		return false;
	d->charged += bytes;
	lc->ip->reass->bytes += bytes;
	d->n_frags++;
	lc->count.held++;
	if (d->flat != NULL)
		copy_in(d, m, s);
	else
		insert(d, m, s->off);
	return true;
}

// ---- completion ----

// Append segments of t behind *last, leaving out empty ones.
static void append_segments(struct rte_mbuf *m, struct rte_mbuf **last, struct rte_mbuf *t)
{
	for (struct rte_mbuf *next; t != NULL; t = next) {
		next = t->next;
		if (t->data_len == 0) {
			t->next = NULL;
			t->nb_segs = 1;
			leat_pkt_unpoison_seg(t);
			rte_pktmbuf_free_seg(t);
			continue;
		}
		(*last)->next = t;
		*last = t;
		t->nb_segs = 1;
		m->nb_segs++;
		m->pkt_len += t->data_len;
	}
	(*last)->next = NULL;
}

static struct rte_mbuf *chain_list(struct leat_datagram *d)
{
	struct rte_mbuf *m = d->head, *t = leat_meta(m)->next, *last = rte_pktmbuf_lastseg(m);

	for (struct rte_mbuf *next; t != NULL; t = next) {
		uint16_t hdr = t->l2_len + t->l3_len;

		next = leat_meta(t)->next;
		rte_pktmbuf_adj(t, hdr); // headers are in one segment: ip4_input saw to it
		append_segments(m, &last, t);
	}
	d->head = d->tail = NULL;
	return m;
}

// The first fragment and fresh buffers with the rest. NULL without buffers.
static struct rte_mbuf *chain_flat(struct leat_lcore *lc, struct leat_datagram *d)
{
	struct rte_mbuf *m = d->first, *last = rte_pktmbuf_lastseg(m), *new = NULL, **at = &new;
	struct leat_reass_span s = leat_reass_span_of(m);

	for (uint32_t off = s.len, part; off < d->total; off += part) {
		struct rte_mbuf *t = rte_pktmbuf_alloc(lc->pool);

		if (t == NULL) {
			rte_pktmbuf_free(new);
			return NULL;
		}
		part = RTE_MIN(d->total - off, (uint32_t)rte_pktmbuf_tailroom(t));
		memcpy(rte_pktmbuf_mtod(t, void *), d->flat + off, part);
		t->data_len = (uint16_t)part;
		*at = t;
		at = &t->next;
	}
	append_segments(m, &last, new);
	d->first = NULL;
	return m;
}

// The first fragment's header becomes that of the datagram (RFC 791, 3.2; fragments may have come
// with DF set, the whole is none and may be cut again).
static void whole_header(struct rte_mbuf *m, uint32_t total)
{
	struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);

	ip->total_length = rte_cpu_to_be_16((uint16_t)(m->l3_len + total));
	ip->fragment_offset = 0;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	leat_meta(m)->next = NULL;
	leat_meta(m)->seq = 0;
	leat_meta(m)->flags |= LEAT_META_REASSEMBLED;
	leat_meta(m)->flags &= (uint16_t)~LEAT_META_L4_GOOD;
	m->ol_flags &= ~(RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_IP_CKSUM_MASK);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
}

struct rte_mbuf *leat_reass_chain(struct leat_lcore *lc, struct leat_datagram *d)
{
	struct rte_mbuf *m = d->flat != NULL ? chain_flat(lc, d) : chain_list(d);

	if (m != NULL)
		whole_header(m, d->total);
	return m;
}
