// SPDX-License-Identifier: BSD-3-Clause
// Fragmentation (RFC 791, 3.2), of our own datagrams and of those on their way. Called by
// ip4_output.c and ip4_forward.c. A fragment is a fresh header mbuf with references to the payload:
// nothing is copied.
#include <string.h>

#include "ip/ip_private.h"
#include "pkt/cksum.h"

#define OPT_END 0
#define OPT_NOP 1
#define OPT_COPIED 0x80

// What is being cut, and how far.
struct cutter {
	struct rte_mbuf *m;
	const struct rte_ipv4_hdr *ip;
	struct rte_mbuf *seg; // the next byte of payload is at `at` of this segment
	uint32_t at;
	uint32_t left; // bytes of payload
	uint32_t off;  // of the next byte in the whole datagram
	bool more;     // m itself is a fragment, and not the last
	uint16_t later_hdr_len;
	uint8_t later_hdr[60]; // of fragments but the first
};

// The header of later fragments: only options with the copied bit go into each.
static void make_later_header(struct cutter *c)
{
	const uint8_t *p = (const uint8_t *)(c->ip + 1);
	const uint8_t *end = (const uint8_t *)c->ip + rte_ipv4_hdr_len(c->ip);
	uint8_t *to = c->later_hdr + sizeof(*c->ip);

	memset(c->later_hdr, OPT_END, sizeof(c->later_hdr));
	memcpy(c->later_hdr, c->ip, sizeof(*c->ip));
	while (p < end && *p != OPT_END) { // well-formed: ip4_input saw to it
		uint8_t len = *p == OPT_NOP ? 1 : p[1];

		if ((*p & OPT_COPIED) != 0) {
			memcpy(to, p, len);
			to += len;
		}
		p += len;
	}
	c->later_hdr_len = (uint16_t)RTE_ALIGN_CEIL(to - c->later_hdr, 4);
	c->later_hdr[0] = (uint8_t)(0x40 | c->later_hdr_len / 4);
}

static void cutter_init(struct cutter *c, struct rte_mbuf *m)
{
	uint16_t f;

	c->m = m;
	c->ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	c->seg = m;
	c->at = m->l3_len;
	c->left = m->pkt_len - m->l3_len;
	f = rte_be_to_cpu_16(c->ip->fragment_offset);
	c->off = (uint32_t)(f & RTE_IPV4_HDR_OFFSET_MASK) * 8;
	c->more = (f & RTE_IPV4_HDR_MF_FLAG) != 0;
	make_later_header(c);
}

// Reference the next len bytes of payload behind f. Returns false without mbufs.
static bool reference(struct leat_lcore *lc, struct cutter *c, struct rte_mbuf *f, uint32_t len)
{
	struct rte_mbuf *last = f;

	while (len != 0) {
		uint32_t part = RTE_MIN(len, c->seg->data_len - c->at);
		struct rte_mbuf *r;

		if (part == 0) {
			c->seg = c->seg->next;
			c->at = 0;
			continue;
		}
		r = rte_pktmbuf_alloc(lc->indirect_pool);
		if (r == NULL)
			return false;
		rte_pktmbuf_attach(r, c->seg);
		r->data_off += (uint16_t)c->at;
		r->data_len = (uint16_t)part;
		r->pkt_len = part;
		r->nb_segs = 1;
		r->next = NULL;
		last->next = r;
		last = r;
		f->nb_segs++;
		f->pkt_len += part;
		c->at += part;
		c->left -= part;
		len -= part;
	}
	return true;
}

static void write_header(struct cutter *c, struct rte_mbuf *f, bool first, uint32_t len)
{
	uint16_t hdr_len = first ? c->m->l3_len : c->later_hdr_len;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_append(f, hdr_len);
	bool more = c->more || len < c->left;

	if (first)
		memcpy(ip, c->ip, hdr_len);
	else
		memcpy(ip, c->later_hdr, hdr_len);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(hdr_len + len));
	ip->fragment_offset =
		rte_cpu_to_be_16((uint16_t)(c->off / 8 | (more ? RTE_IPV4_HDR_MF_FLAG : 0)));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	f->l3_len = hdr_len;
}

// The next fragment; NULL without buffers.
static struct rte_mbuf *cut(struct leat_lcore *lc, struct cutter *c, bool first, uint16_t mtu)
{
	uint16_t hdr_len = first ? c->m->l3_len : c->later_hdr_len;
	uint32_t len = RTE_MIN(c->left, (uint32_t)(mtu - hdr_len) & ~7u);
	struct rte_mbuf *f = rte_pktmbuf_alloc(lc->pool);

	if (f == NULL)
		return NULL;
	*leat_meta(f) = *leat_meta(c->m);
	leat_meta(f)->next = NULL;
	f->port = c->m->port;
	write_header(c, f, first, len);
	if (!reference(lc, c, f, len)) {
		rte_pktmbuf_free(f);
		return NULL;
	}
	c->off += len;
	return f;
}

static void free_list(struct rte_mbuf *f)
{
	for (struct rte_mbuf *next; f != NULL; f = next) {
		next = leat_meta(f)->next;
		rte_pktmbuf_free(f);
	}
}

// Cut all, linked by meta.next, before any is sent: half a datagram is of no use to anyone. Returns
// how many, 0 without buffers.
static uint32_t cut_all(
	struct leat_lcore *lc, struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf **list)
{
	struct rte_mbuf *last = NULL;
	struct cutter c;
	uint32_t n = 0;

	*list = NULL;
	cutter_init(&c, m);
	while (c.left != 0) {
		struct rte_mbuf *f = cut(lc, &c, n == 0, mtu);

		if (f == NULL) {
			free_list(*list);
			return 0;
		}
		if (last == NULL)
			*list = f;
		else
			leat_meta(last)->next = f;
		last = f;
		n++;
	}
	return n;
}

void leat_ip4_fragment(struct leat_lcore *lc, const struct leat_iface *i,
	const union leat_ip *next_hop, struct leat_neigh_hint *hint, struct rte_mbuf *m,
	uint16_t mtu)
{
	struct rte_mbuf *f, *next;
	uint32_t n;

	if (unlikely(mtu < m->l3_len + 8)) {
		leat_drop(lc, m, LEAT_DROP_IP4_TOO_BIG);
		return;
	}
	// A port could not sum what is spread over fragments.
	if ((m->ol_flags & LEAT_PKT_CKSUM_MASK) && leat_pkt_fill_cksum(m, m->ol_flags) != 0) {
		leat_drop(lc, m, LEAT_DROP_TX_REFUSED);
		return;
	}
	n = cut_all(lc, m, mtu, &f);
	if (unlikely(n == 0)) {
		leat_drop(lc, m, LEAT_DROP_NO_MBUF);
		return;
	}
	lc->count.created += n - 1; // m lives on in the fragments
	leat_pkt_unpoison(m);
	rte_pktmbuf_free(m);
	for (; f != NULL; f = next) {
		next = leat_meta(f)->next;
		leat_meta(f)->next = NULL;
		leat_neigh_output(lc, i, next_hop, hint, f, RTE_ETHER_TYPE_IPV4);
	}
}
