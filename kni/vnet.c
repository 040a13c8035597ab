// SPDX-License-Identifier: BSD-3-Clause
// Conversion between virtio_net_hdr frames and mbufs, see vnet.h. Called by exception.c for each
// frame.
#include "kni/vnet.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "pkt/cksum.h"

#define TX_SEG (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)
#define TX_PENDING (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM | TX_SEG)
#define TAG_LEN 4
#define TAG_AT 12 // behind both MAC addresses

// ---- to the kernel ----

static void put_iov(struct leat_vnet_frame *f, const void *p, size_t len)
{
	f->iov[f->n_iov++] = (struct iovec){(void *)(uintptr_t)p, len};
}

// The rest of the frame from offset skip: its segments as they are, or a copy where they are too
// many.
static int put_rest(const struct rte_mbuf *m, uint32_t skip, struct leat_vnet_frame *f)
{
	const uint32_t rest = m->pkt_len - skip;

	if (rest == 0)
		return 0;
	if (m->nb_segs > LEAT_VNET_IOV - 2) {
		const void *p =
			rest <= sizeof(f->copy) ? rte_pktmbuf_read(m, skip, rest, f->copy) : NULL;

		if (p == NULL)
			return -EMSGSIZE;
		put_iov(f, p, rest);
		return 0;
	}
	for (; m != NULL && f->n_iov < LEAT_VNET_IOV; m = m->next) {
		if (m->data_len <= skip) {
			skip -= m->data_len;
			continue;
		}
		put_iov(f, rte_pktmbuf_mtod_offset(m, const uint8_t *, skip), m->data_len - skip);
		skip = 0;
	}
	return 0;
}

// Sum of the pseudo-header; len 0 is how DPDK wants it in a superframe.
static uint16_t pseudo(const uint8_t *l3, bool is4, uint8_t proto, uint32_t len)
{
	return is4 ? leat_pkt_pseudo4((const struct rte_ipv4_hdr *)l3, proto, len)
		   : leat_pkt_pseudo6((const struct rte_ipv6_hdr *)l3, proto, len);
}

// virtio has no word for a pending IPv4 header checksum: it is filled here.
static int fill_ip4(uint8_t *l3, uint16_t l3_len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;

	if (l3_len < sizeof(*ip) || ip->version_ihl >> 4 != 4 || rte_ipv4_hdr_len(ip) != l3_len)
		return -EINVAL;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	return 0;
}

// What stands behind the transmit flags: protocol, and bytes of its header that are needed.
struct pending {
	uint8_t proto; // 0: no transport checksum
	uint16_t l4_len;
	uint16_t csum_offset;
};

static int classify(const struct rte_mbuf *m, struct pending *p)
{
	const uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
	const bool seg = (m->ol_flags & TX_SEG) != 0;

	*p = (struct pending){0};
	if (l4 == RTE_MBUF_F_TX_TCP_CKSUM || m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		*p = (struct pending){IPPROTO_TCP, sizeof(struct rte_tcp_hdr),
			offsetof(struct rte_tcp_hdr, cksum)};
		if (seg && m->l4_len < p->l4_len)
			return -EINVAL;
		if (seg)
			p->l4_len = m->l4_len;
	} else if (l4 == RTE_MBUF_F_TX_UDP_CKSUM || m->ol_flags & RTE_MBUF_F_TX_UDP_SEG) {
		*p = (struct pending){IPPROTO_UDP, sizeof(struct rte_udp_hdr),
			offsetof(struct rte_udp_hdr, dgram_cksum)};
	} else if (l4 != 0) {
		return -EINVAL; // SCTP's CRC is not a checksum that can be left to the kernel
	}
	return seg && m->tso_segsz == 0 ? -EINVAL : 0;
}

static uint8_t gso_type(uint64_t ol)
{
	if (ol & RTE_MBUF_F_TX_UDP_SEG)
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	return ol & RTE_MBUF_F_TX_IPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
}

// Copy the headers into f->head, where they are completed: the mbuf may be shared. Returns their
// length.
static int describe(const struct rte_mbuf *m, struct leat_vnet_frame *f)
{
	const uint64_t ol = m->ol_flags;
	const bool is4 = (ol & RTE_MBUF_F_TX_IPV4) != 0;
	const uint32_t l4_off = m->l2_len + m->l3_len;
	uint32_t len;
	struct pending p;
	uint16_t sum;

	if (classify(m, &p) != 0)
		return -EINVAL;
	len = l4_off + p.l4_len;
	if (m->l2_len < RTE_ETHER_HDR_LEN || m->l3_len < sizeof(struct rte_ipv4_hdr) ||
		(!is4 && m->l3_len < sizeof(struct rte_ipv6_hdr)) || len > m->pkt_len ||
		len > sizeof(f->head) - TAG_LEN)
		return -EINVAL;
	if (rte_pktmbuf_read(m, 0, len, f->head) != f->head)
		memcpy(f->head, rte_pktmbuf_mtod(m, void *), len);
	if (is4 && ol & (RTE_MBUF_F_TX_IP_CKSUM | TX_SEG) &&
		fill_ip4(f->head + m->l2_len, m->l3_len) != 0)
		return -EINVAL;
	if (p.proto == 0)
		return (int)len;

	f->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f->hdr.csum_start = (uint16_t)l4_off;
	f->hdr.csum_offset = p.csum_offset;
	if ((ol & TX_SEG) && m->pkt_len - len > m->tso_segsz) {
		f->hdr.gso_type = gso_type(ol);
		f->hdr.gso_size = m->tso_segsz;
		f->hdr.hdr_len = (uint16_t)len;
	}
	if (ol & TX_SEG) {
		sum = pseudo(f->head + m->l2_len, is4, p.proto, m->pkt_len - l4_off);
		memcpy(f->head + l4_off + p.csum_offset, &sum, sizeof(sum));
	}
	return (int)len;
}

// Open a gap behind the MAC addresses for the tag. len bytes of the frame stand in f->head.
static void insert_tag(const struct rte_mbuf *m, struct leat_vnet_frame *f, uint32_t len)
{
	const uint16_t tag[2] = {RTE_BE16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(m->vlan_tci)};

	memmove(f->head + TAG_AT + TAG_LEN, f->head + TAG_AT, len - TAG_AT);
	memcpy(f->head + TAG_AT, tag, sizeof(tag));
	if (f->hdr.flags != 0)
		f->hdr.csum_start += TAG_LEN;
	if (f->hdr.gso_type != 0)
		f->hdr.hdr_len += TAG_LEN;
}

int leat_vnet_encode(const struct rte_mbuf *m, bool restore_tag, struct leat_vnet_frame *f)
{
	int len = 0;

	if (m->pkt_len < RTE_ETHER_HDR_LEN)
		return -EINVAL;
	f->hdr = (struct virtio_net_hdr){0};
	f->n_iov = 0;
	put_iov(f, &f->hdr, sizeof(f->hdr));
	if (m->ol_flags & TX_PENDING)
		len = describe(m, f);
	if (len < 0)
		return len;
	if (restore_tag) {
		if (len == 0) {
			const void *p = rte_pktmbuf_read(m, 0, TAG_AT, f->head);

			if (p != f->head)
				memcpy(f->head, p, TAG_AT);
			len = TAG_AT;
		}
		insert_tag(m, f, (uint32_t)len);
	}
	if (len != 0)
		put_iov(f, f->head, (size_t)len + (restore_tag ? TAG_LEN : 0));
	return put_rest(m, (uint32_t)len, f);
}

// ---- from the kernel ----

struct layers {
	uint32_t l2_len, l3_len;
	uint8_t proto;
	bool is4;
	bool plain; // no IPv6 extension headers, which not every device counts right
};

static uint32_t ether_len(const struct rte_mbuf *m, uint16_t *type_be)
{
	uint32_t off = TAG_AT;

	for (;;) {
		memcpy(type_be, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), 2);
		if (*type_be != RTE_BE16(RTE_ETHER_TYPE_VLAN) &&
			*type_be != RTE_BE16(RTE_ETHER_TYPE_QINQ))
			return off + 2;
		if (off + TAG_LEN + 2 > m->data_len || off >= TAG_AT + 2 * TAG_LEN)
			return off + 2;
		off += TAG_LEN;
	}
}

static bool parse_ip4(const struct rte_mbuf *m, struct layers *l)
{
	const struct rte_ipv4_hdr *ip;

	if (l->l2_len + sizeof(*ip) > m->data_len)
		return false;
	ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, l->l2_len);
	l->l3_len = rte_ipv4_hdr_len(ip);
	if (ip->version_ihl >> 4 != 4 || l->l3_len < sizeof(*ip) ||
		l->l2_len + l->l3_len > m->data_len)
		return false;
	if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	l->proto = ip->next_proto_id;
	l->is4 = true;
	l->plain = true;
	return true;
}

// Walk the headers that have the common form up to the transport.
static bool parse_ip6(const struct rte_mbuf *m, struct layers *l)
{
	const struct rte_ipv6_hdr *ip;
	const uint8_t *ext;

	if (l->l2_len + sizeof(*ip) > m->data_len)
		return false;
	ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, l->l2_len);
	l->l3_len = sizeof(*ip);
	l->proto = ip->proto;
	l->plain = true;
	while (l->proto == IPPROTO_HOPOPTS || l->proto == IPPROTO_ROUTING ||
		l->proto == IPPROTO_DSTOPTS) {
		if (l->l2_len + l->l3_len + 8 > m->data_len)
			return false;
		ext = rte_pktmbuf_mtod_offset(m, const uint8_t *, l->l2_len + l->l3_len);
		l->proto = ext[0];
		l->l3_len += 8u * (ext[1] + 1u);
		l->plain = false;
	}
	return l->l2_len + l->l3_len <= m->data_len;
}

// Find the transport header. False where there is none that the device could be told of.
static bool parse(const struct rte_mbuf *m, struct layers *l)
{
	uint16_t type_be;

	*l = (struct layers){0};
	l->l2_len = ether_len(m, &type_be);
	if (type_be == RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return parse_ip4(m, l);
	if (type_be == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		return parse_ip6(m, l);
	return false;
}

// Does what the kernel says of the checksum fit the headers? Returns the flag of the protocol, or
// 0.
static uint64_t cksum_flag(const struct layers *l, const struct virtio_net_hdr *h)
{
	if (h->csum_start != l->l2_len + l->l3_len)
		return 0;
	if (l->proto == IPPROTO_TCP && h->csum_offset == offsetof(struct rte_tcp_hdr, cksum))
		return RTE_MBUF_F_TX_TCP_CKSUM;
	if (l->proto == IPPROTO_UDP && h->csum_offset == offsetof(struct rte_udp_hdr, dgram_cksum))
		return RTE_MBUF_F_TX_UDP_CKSUM;
	return 0;
}

static bool gso_fits(const struct layers *l, const struct virtio_net_hdr *h, uint64_t ck)
{
	if (h->gso_size == 0)
		return false;
	switch (h->gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return l->is4 && ck == RTE_MBUF_F_TX_TCP_CKSUM;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return !l->is4 && ck == RTE_MBUF_F_TX_TCP_CKSUM;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return ck == RTE_MBUF_F_TX_UDP_CKSUM;
	default: // UFO and ECN are not negotiated
		return false;
	}
}

// Length that the IP header tells against that of the frame: a device cuts by the first.
static bool length_fits(const struct rte_mbuf *m, const struct layers *l)
{
	const uint32_t l3 = m->pkt_len - l->l2_len;

	if (l->is4)
		return rte_be_to_cpu_16(
			       rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, l->l2_len)
				       ->total_length) == l3;
	return rte_be_to_cpu_16(rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, l->l2_len)
					->payload_len) +
		       sizeof(struct rte_ipv6_hdr) ==
	       l3;
}

static void set_lengths(struct rte_mbuf *m, const struct layers *l, uint32_t l4_len)
{
	m->l2_len = l->l2_len;
	m->l3_len = l->l3_len;
	m->l4_len = l4_len;
	m->ol_flags |= l->is4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
}

// Bytes of the transport header, 0 when it does not hold what it says.
static uint32_t l4_header(const struct rte_mbuf *m, const struct layers *l, uint64_t ck)
{
	const uint32_t off = l->l2_len + l->l3_len;
	uint32_t len = sizeof(struct rte_udp_hdr);

	if (ck == RTE_MBUF_F_TX_TCP_CKSUM) {
		if (off + sizeof(struct rte_tcp_hdr) > m->data_len)
			return 0;
		len = 4u *
		      (rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, off)->data_off >> 4);
		if (len < sizeof(struct rte_tcp_hdr))
			return 0;
	}
	return off + len <= m->data_len ? len : 0;
}

static int decode_gso(
	struct rte_mbuf *m, const struct virtio_net_hdr *h, const struct layers *l, uint64_t ck)
{
	const uint32_t off = l->l2_len + l->l3_len;
	const uint32_t l4_len = l4_header(m, l, ck);
	uint16_t sum;

	if (!gso_fits(l, h, ck) || l4_len == 0 || !length_fits(m, l))
		return -EINVAL;
	set_lengths(m, l, l4_len);
	m->ol_flags |= ck;
	if (m->pkt_len - off - l4_len <= h->gso_size)
		return 0; // one segment: no device need be asked to cut it
	m->tso_segsz = h->gso_size;
	m->ol_flags |= l->proto == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_SEG : RTE_MBUF_F_TX_UDP_SEG;
	if (l->is4) {
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
		rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, l->l2_len)->hdr_checksum = 0;
	}
	sum = pseudo(rte_pktmbuf_mtod_offset(m, const uint8_t *, l->l2_len), l->is4, l->proto, 0);
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, off + h->csum_offset), &sum, sizeof(sum));
	return 0;
}

int leat_vnet_decode(struct rte_mbuf *m, const struct virtio_net_hdr *h)
{
	struct layers l;
	uint64_t ck;
	bool found;

	if (m->data_len < RTE_ETHER_HDR_LEN)
		return -EINVAL;
	found = parse(m, &l);
	m->l2_len = l.l2_len;
	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return h->gso_type == VIRTIO_NET_HDR_GSO_NONE ? 0 : -EINVAL;
	if ((uint32_t)h->csum_start + h->csum_offset + 2 > m->pkt_len || h->csum_start < l.l2_len)
		return -EINVAL;
	ck = found ? cksum_flag(&l, h) : 0;
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return decode_gso(m, h, &l, ck);
	if (ck != 0 && l.plain && l4_header(m, &l, ck) != 0) {
		set_lengths(m, &l, l4_header(m, &l, ck));
		m->ol_flags |= ck;
		return 0;
	}
	return leat_pkt_fill_partial(m, h->csum_start, h->csum_offset);
}
