// SPDX-License-Identifier: BSD-3-Clause
// Software checksums: sum over the chain first, then what asks for it: filling on transmit,
// completing a partial one, checking on receive.

#include "pkt/cksum.h"

#include <errno.h>
#include <string.h>
#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_hash_crc.h>
#include <rte_sctp.h>
#include <rte_tcp.h>
#include <rte_udp.h>

// Where the headers of a packet to transmit are, in bytes.
struct layout {
	uint32_t l3_off;
	uint32_t l4_off;
	uint32_t l4_len; // transport header and payload
	bool is4;
};

static uint16_t add(uint16_t a, uint16_t b)
{
	uint32_t sum = (uint32_t)a + b;

	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

// The segment that holds offset *off, which becomes the offset within it. The packet is longer.
static const struct rte_mbuf *segment_at(const struct rte_mbuf *m, uint32_t *off)
{
	for (; *off >= m->data_len; m = m->next)
		*off -= m->data_len;
	return m;
}

int leat_pkt_sum(const struct rte_mbuf *m, uint32_t off, uint32_t len, uint16_t *sum)
{
	uint32_t done = 0;
	uint16_t part;

	*sum = 0;
	if (off > m->pkt_len || len > m->pkt_len - off)
		return -EINVAL;
	if (len == 0)
		return 0;
	for (m = segment_at(m, &off); done < len; m = m->next, off = 0) {
		uint32_t n = RTE_MIN(m->data_len - off, len - done);

		part = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const void *, off), n);
		// What begins at an odd offset has its bytes in the other halves of the words.
		*sum = add(*sum, done & 1 ? rte_bswap16(part) : part);
		done += n;
	}
	return 0;
}

uint16_t leat_pkt_pseudo4(const struct rte_ipv4_hdr *ip, uint8_t proto, uint32_t l4_len)
{
	struct {
		rte_be32_t src, dst, proto, len;
	} h = {ip->src_addr, ip->dst_addr, rte_cpu_to_be_32(proto), rte_cpu_to_be_32(l4_len)};

	return rte_raw_cksum(&h, sizeof(h));
}

uint16_t leat_pkt_pseudo6(const struct rte_ipv6_hdr *ip, uint8_t proto, uint32_t l4_len)
{
	rte_be32_t tail[2] = {rte_cpu_to_be_32(l4_len), rte_cpu_to_be_32(proto)};

	return add(rte_raw_cksum(&ip->src_addr, 32), rte_raw_cksum(tail, sizeof(tail)));
}

static int layout_l4(const struct rte_mbuf *m, struct layout *at, uint32_t min_l4)
{
	const struct rte_ipv6_hdr *ip6;
	const struct rte_ipv4_hdr *ip4;
	uint32_t ip_len;

	if (at->is4) {
		ip4 = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, at->l3_off);
		ip_len = rte_be_to_cpu_16(ip4->total_length);
		if (ip4->fragment_offset &
			rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
			return -EINVAL;
	} else {
		ip6 = rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, at->l3_off);
		ip_len = sizeof(*ip6) + rte_be_to_cpu_16(ip6->payload_len);
		if (m->l3_len > sizeof(*ip6) && ip6->proto == IPPROTO_FRAGMENT)
			return -EINVAL;
	}
	if (at->l3_off + ip_len > m->pkt_len || ip_len < m->l3_len + min_l4 ||
		at->l4_off + min_l4 > m->data_len)
		return -EINVAL;
	at->l4_len = ip_len - m->l3_len;
	return 0;
}

static int layout_l3(const struct rte_mbuf *m, struct layout *at)
{
	const uint8_t *ip;

	at->l3_off = m->l2_len;
	if (m->ol_flags & (RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6))
		at->l3_off += m->outer_l2_len + m->outer_l3_len;
	at->l4_off = at->l3_off + m->l3_len;
	if (m->l3_len < sizeof(struct rte_ipv4_hdr) || at->l4_off > m->data_len)
		return -EINVAL;
	ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, at->l3_off);
	at->is4 = ip[0] >> 4 == 4;
	if (at->is4)
		return (ip[0] & 0xf) * 4 == m->l3_len ? 0 : -EINVAL;
	return ip[0] >> 4 == 6 && m->l3_len >= sizeof(struct rte_ipv6_hdr) ? 0 : -EINVAL;
}

// The transport's checksum, its field being 0.
static uint16_t l4_cksum(const struct rte_mbuf *m, const struct layout *at, uint8_t proto)
{
	const void *ip = rte_pktmbuf_mtod_offset(m, const void *, at->l3_off);
	uint16_t sum;

	leat_pkt_sum(m, at->l4_off, at->l4_len, &sum);
	sum = add(sum, at->is4 ? leat_pkt_pseudo4(ip, proto, at->l4_len)
			       : leat_pkt_pseudo6(ip, proto, at->l4_len));
	return (uint16_t)~sum;
}

// CRC32c of SCTP, as it lies in memory (RFC 9260, 6.8 and appendix A).
static rte_le32_t sctp_crc(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint32_t crc = UINT32_MAX;

	for (m = segment_at(m, &off); len > 0; m = m->next, off = 0) {
		const char *p = rte_pktmbuf_mtod_offset(m, const char *, off);
		uint32_t n = RTE_MIN(m->data_len - off, len);
		uint64_t word;

		len -= n;
		// rte_hash_crc() itself wants aligned data.
		for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
			memcpy(&word, p, sizeof(word));
			crc = rte_hash_crc_8byte(word, crc);
		}
		for (; n > 0; n--, p++)
			crc = rte_hash_crc_1byte((uint8_t)*p, crc);
	}
	return rte_cpu_to_le_32(~crc);
}

static void fill_l4(struct rte_mbuf *m, const struct layout *at, uint64_t l4)
{
	void *hdr = rte_pktmbuf_mtod_offset(m, void *, at->l4_off);
	struct rte_sctp_hdr *sctp = hdr;
	struct rte_tcp_hdr *tcp = hdr;
	struct rte_udp_hdr *udp = hdr;

	if (l4 == RTE_MBUF_F_TX_TCP_CKSUM) {
		tcp->cksum = 0;
		tcp->cksum = l4_cksum(m, at, IPPROTO_TCP);
	} else if (l4 == RTE_MBUF_F_TX_UDP_CKSUM) {
		udp->dgram_cksum = 0;
		udp->dgram_cksum = l4_cksum(m, at, IPPROTO_UDP);
		// 0 means none (RFC 768).
		if (udp->dgram_cksum == 0)
			udp->dgram_cksum = 0xffff;
	} else {
		sctp->cksum = 0;
		sctp->cksum = sctp_crc(m, at->l4_off, at->l4_len);
	}
}

int leat_pkt_fill_cksum(struct rte_mbuf *m, uint64_t ol)
{
	uint64_t l4 = ol & RTE_MBUF_F_TX_L4_MASK;
	struct rte_ipv4_hdr *ip4;
	struct layout at;
	uint32_t min_l4;

	if ((ol & LEAT_PKT_CKSUM_MASK) == 0)
		return 0;
	if (layout_l3(m, &at) != 0 || ((ol & RTE_MBUF_F_TX_IP_CKSUM) && !at.is4))
		return -EINVAL;
	if (l4 != 0) {
		min_l4 = l4 == RTE_MBUF_F_TX_TCP_CKSUM   ? sizeof(struct rte_tcp_hdr)
			 : l4 == RTE_MBUF_F_TX_UDP_CKSUM ? sizeof(struct rte_udp_hdr)
							 : sizeof(struct rte_sctp_hdr);
		if (layout_l4(m, &at, min_l4) != 0)
			return -EINVAL;
		fill_l4(m, &at, l4);
		m->ol_flags &= ~RTE_MBUF_F_TX_L4_MASK;
	}
	if (ol & RTE_MBUF_F_TX_IP_CKSUM) {
		ip4 = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, at.l3_off);
		ip4->hdr_checksum = 0;
		ip4->hdr_checksum = rte_ipv4_cksum(ip4);
		m->ol_flags &= ~RTE_MBUF_F_TX_IP_CKSUM;
	}
	return 0;
}

int leat_pkt_fill_partial(struct rte_mbuf *m, uint32_t csum_start, uint32_t csum_offset)
{
	uint32_t len, off;
	uint8_t byte[2];
	uint16_t sum;

	if (csum_start > m->pkt_len || csum_offset % 2 != 0)
		return -EINVAL;
	len = m->pkt_len - csum_start;
	if (len < sizeof(sum) || csum_offset > len - sizeof(sum))
		return -EINVAL;
	leat_pkt_sum(m, csum_start, len, &sum);
	sum = (uint16_t)~sum;
	if (sum == 0)
		sum = 0xffff;
	memcpy(byte, &sum, sizeof(sum));
	for (uint32_t i = 0; i < sizeof(sum); i++) {
		const struct rte_mbuf *seg;

		off = csum_start + csum_offset + i;
		seg = segment_at(m, &off);
		*rte_pktmbuf_mtod_offset(seg, uint8_t *, off) = byte[i];
	}
	return 0;
}

// Check by proto, the pseudo-header's sum being known.
static bool l4_ok(const struct rte_mbuf *m, uint32_t l4_off, uint32_t l4_len, uint8_t proto,
	uint16_t pseudo, bool may_be_none)
{
	uint32_t min =
		proto == IPPROTO_TCP ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr);
	struct rte_udp_hdr copy;
	const struct rte_udp_hdr *udp;
	uint16_t sum;

	if ((proto != IPPROTO_TCP && proto != IPPROTO_UDP) || l4_len < min ||
		leat_pkt_sum(m, l4_off, l4_len, &sum) != 0)
		return false;
	if (proto == IPPROTO_UDP) {
		udp = rte_pktmbuf_read(m, l4_off, sizeof(copy), &copy);
		if (udp->dgram_cksum == 0)
			return may_be_none;
	}
	return add(sum, pseudo) == 0xffff;
}

bool leat_pkt_l4_cksum_ok4(
	const struct rte_mbuf *m, uint32_t l4_off, uint32_t l4_len, const struct rte_ipv4_hdr *ip)
{
	return l4_ok(m, l4_off, l4_len, ip->next_proto_id,
		leat_pkt_pseudo4(ip, ip->next_proto_id, l4_len), true);
}

bool leat_pkt_l4_cksum_ok6(const struct rte_mbuf *m, uint32_t l4_off, uint32_t l4_len,
	const struct rte_ipv6_hdr *ip, uint8_t proto)
{
	return l4_ok(m, l4_off, l4_len, proto, leat_pkt_pseudo6(ip, proto, l4_len), false);
}
