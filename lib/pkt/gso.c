// SPDX-License-Identifier: BSD-3-Clause
// Segmentation in software: look at the headers once, then for each frame copy them, correct them
// and hang pieces of the payload behind them.

#include "pkt/gso.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <netinet/in.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "pkt/cksum.h"
#include "pkt/poison.h"

// Flags of the large frame that are not for the small ones.
#define NOT_INHERITED \
	(RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_L4_MASK | \
		RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | \
		RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)

#define TUNNELLED (RTE_MBUF_F_TX_TUNNEL_MASK | RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6)

// What all frames of one superframe have in common; lengths and offsets in bytes.
struct super {
	const struct rte_mbuf *m;
	uint32_t l4_off;
	uint32_t hdr_len;
	uint32_t payload;
	uint32_t frames;
	uint16_t seg_size;
	uint8_t proto;
	bool is4;
	uint64_t ol_flags;
};

// Where the next payload comes from.
struct cursor {
	struct rte_mbuf *seg;
	uint32_t off;
};

// The protocol behind IPv6 extension headers that end at l3_len; IPPROTO_NONE if it can't be told.
static uint8_t upper_proto(const struct rte_ipv6_hdr *ip, uint32_t l3_len)
{
	const uint8_t *p = (const uint8_t *)ip;
	uint8_t proto = ip->proto;
	uint32_t off = sizeof(*ip);

	while (proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS) {
		if (off + 8 > l3_len)
			return IPPROTO_NONE;
		proto = p[off];
		off += 8 + p[off + 1] * 8u;
	}
	return off == l3_len ? proto : IPPROTO_NONE;
}

static int read_l3(struct super *s)
{
	uint32_t l3_len = s->m->l3_len;
	const void *l3 = rte_pktmbuf_mtod_offset(s->m, const void *, s->m->l2_len);
	const struct rte_ipv4_hdr *ip4 = l3;
	const struct rte_ipv6_hdr *ip6 = l3;
	rte_be16_t fragment = rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
	uint8_t version = *(const uint8_t *)l3 >> 4;

	s->is4 = version == 4;
	if (l3_len < (s->is4 ? sizeof(*ip4) : sizeof(*ip6)))
		return -EINVAL;
	if (s->is4) {
		s->proto = ip4->next_proto_id;
		s->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
		if (rte_ipv4_hdr_len(ip4) != l3_len || (ip4->fragment_offset & fragment) != 0)
			return -EINVAL;
		return 0;
	}
	if (version != 6)
		return -EINVAL;
	s->proto = upper_proto(ip6, l3_len);
	s->ol_flags |= RTE_MBUF_F_TX_IPV6;
	return 0;
}

static int read_l4(struct super *s)
{
	uint32_t l4_len = s->m->l4_len;
	const struct rte_tcp_hdr *tcp;

	if (s->proto == IPPROTO_TCP) {
		tcp = rte_pktmbuf_mtod_offset(s->m, const struct rte_tcp_hdr *, s->l4_off);
		s->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
		return l4_len >= sizeof(*tcp) && l4_len == (tcp->data_off >> 4) * 4u ? 0 : -EINVAL;
	}
	s->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	return s->proto == IPPROTO_UDP && l4_len == sizeof(struct rte_udp_hdr) ? 0 : -EINVAL;
}

static int read_headers(struct super *s, const struct rte_mbuf *m, uint16_t seg_size)
{
	*s = (struct super){.m = m,
		.l4_off = m->l2_len + m->l3_len,
		.hdr_len = m->l2_len + m->l3_len + m->l4_len,
		.seg_size = seg_size,
		.ol_flags = m->ol_flags & ~NOT_INHERITED};
	if (seg_size == 0 || (m->ol_flags & TUNNELLED) || m->l3_len == 0 || m->l4_len == 0 ||
		s->hdr_len > m->data_len || read_l3(s) != 0 || read_l4(s) != 0)
		return -EINVAL;
	s->payload = m->pkt_len - s->hdr_len;
	if (m->l3_len + m->l4_len + RTE_MIN(s->payload, seg_size) > UINT16_MAX)
		return -EINVAL;
	s->frames = s->payload == 0 ? 1 : (s->payload + seg_size - 1) / seg_size;
	return 0;
}

// A copy of the headers with m's metadata, or NULL.
static struct rte_mbuf *copy_headers(const struct super *s, struct rte_mempool *pool)
{
	const struct rte_mbuf *m = s->m;
	struct rte_mbuf *h = rte_pktmbuf_alloc(pool);
	char *p;

	if (h == NULL)
		return NULL;
	p = rte_pktmbuf_append(h, (uint16_t)s->hdr_len);
	if (p == NULL) {
		rte_pktmbuf_free(h);
		return NULL;
	}
	memcpy(p, rte_pktmbuf_mtod(m, const char *), s->hdr_len);
	h->port = m->port;
	h->ol_flags |= s->ol_flags;
	h->packet_type = m->packet_type;
	h->hash = m->hash;
	h->vlan_tci = m->vlan_tci;
	h->vlan_tci_outer = m->vlan_tci_outer;
	h->tx_offload = m->tx_offload;
	h->tso_segsz = 0;
	rte_mbuf_dynfield_copy(h, m);
	return h;
}

// Make the headers those of frame i with len bytes of payload.
static void fix_headers(const struct super *s, struct rte_mbuf *h, uint32_t i, uint32_t len)
{
	struct rte_ipv4_hdr *ip4 = rte_pktmbuf_mtod_offset(h, struct rte_ipv4_hdr *, h->l2_len);
	struct rte_ipv6_hdr *ip6 = rte_pktmbuf_mtod_offset(h, struct rte_ipv6_hdr *, h->l2_len);
	struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(h, struct rte_tcp_hdr *, s->l4_off);
	struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(h, struct rte_udp_hdr *, s->l4_off);
	uint32_t l4_len = h->l4_len + len;
	uint16_t pseudo;

	if (s->is4) {
		uint16_t id = rte_be_to_cpu_16(ip4->packet_id);

		ip4->total_length = rte_cpu_to_be_16((uint16_t)(h->l3_len + l4_len));
		ip4->packet_id = rte_cpu_to_be_16((uint16_t)(id + i));
		ip4->hdr_checksum = 0;
		pseudo = leat_pkt_pseudo4(ip4, s->proto, l4_len);
	} else {
		ip6->payload_len = rte_cpu_to_be_16((uint16_t)(h->l3_len - sizeof(*ip6) + l4_len));
		pseudo = leat_pkt_pseudo6(ip6, s->proto, l4_len);
	}
	if (s->proto == IPPROTO_UDP) {
		udp->dgram_len = rte_cpu_to_be_16((uint16_t)l4_len);
		udp->dgram_cksum = pseudo;
		return;
	}
	tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + i * s->seg_size);
	if (i > 0)
		tcp->tcp_flags &= (uint8_t)~RTE_TCP_CWR_FLAG;
	if (i + 1 < s->frames)
		tcp->tcp_flags &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	tcp->cksum = pseudo;
}

// Hang len bytes of payload behind the headers and move the cursor past them.
static int attach_payload(
	struct rte_mbuf *h, struct cursor *at, uint32_t len, struct rte_mempool *pool)
{
	struct rte_mbuf *last = h;
	struct rte_mbuf *piece;
	uint16_t n;

	while (len > 0) {
		if (at->off == at->seg->data_len) {
			at->seg = at->seg->next;
			at->off = 0;
			continue;
		}
		piece = rte_pktmbuf_alloc(pool);
		if (unlikely(piece == NULL))
			return -ENOMEM;
		n = (uint16_t)RTE_MIN(len, at->seg->data_len - at->off);
		rte_pktmbuf_attach(piece, at->seg);
		piece->data_off += (uint16_t)at->off;
		piece->data_len = n;
		piece->pkt_len = n;
		last->next = piece;
		last = piece;
		h->nb_segs++;
		h->pkt_len += n;
		at->off += n;
		len -= n;
	}
	return 0;
}

int leat_pkt_gso(struct rte_mbuf *m, uint16_t seg_size, struct rte_mempool *hdr_pool,
	struct rte_mempool *ind_pool, struct rte_mbuf **out, uint16_t max_out)
{
	struct super s;
	struct cursor at;
	uint32_t done = 0;
	uint32_t len, i;

	if (read_headers(&s, m, seg_size) != 0 ||
		rte_pktmbuf_data_room_size(hdr_pool) < RTE_PKTMBUF_HEADROOM + s.hdr_len)
		return -EINVAL;
	if (s.frames > max_out)
		return -E2BIG;
	at = (struct cursor){.seg = m, .off = s.hdr_len};
	for (i = 0; i < s.frames; i++, done += len) {
		len = RTE_MIN(s.payload - done, (uint32_t)seg_size);
		out[i] = copy_headers(&s, hdr_pool);
		if (unlikely(out[i] == NULL))
			goto fail;
		fix_headers(&s, out[i], i, len);
		if (unlikely(attach_payload(out[i], &at, len, ind_pool) != 0)) {
			i++;
			goto fail;
		}
	}
	leat_pkt_unpoison(m);
	rte_pktmbuf_free(m);
	return (int)s.frames;

fail:
	while (i-- > 0)
		rte_pktmbuf_free(out[i]);
	return -ENOMEM;
}
