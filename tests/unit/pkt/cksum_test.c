// SPDX-License-Identifier: BSD-3-Clause
// Checksums over chains cut at random, against sums over the same bytes in one piece: DPDK's where
// it has them, else by the letter of the RFCs.

#include "pkt/cksum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_tcp.h>
#include <rte_udp.h>

#include "pktbuf.h"
#include "unit.h"

static struct rte_mempool *pool;
static uint8_t bytes[LEAT_PKT_FRAME_MAX];
static uint8_t got[LEAT_PKT_FRAME_MAX];

static int ascending(const void *a, const void *b)
{
	return *(const uint32_t *)a < *(const uint32_t *)b
		       ? -1
		       : *(const uint32_t *)a > *(const uint32_t *)b;
}

// `bytes` cut at up to 6 random places from `min` on, empty segments included.
static struct rte_mbuf *random_chain(uint64_t *rnd, uint32_t len, uint32_t min)
{
	uint32_t cuts[6];
	uint32_t n = unit_random(rnd) % 7;

	for (uint32_t i = 0; i < n; i++)
		cuts[i] = min + unit_random(rnd) % (len - min + 1);
	qsort(cuts, n, sizeof(cuts[0]), ascending);
	return leat_pkt_from_bytes_exact(pool, bytes, len, cuts, n);
}

static uint32_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

// RFC 1071, in host byte order.
static uint32_t plain_sum(const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum = fold(sum + (i % 2 ? p[i] : (uint32_t)p[i] << 8));
	return sum;
}

static void sums_of_chains(void)
{
	uint64_t rnd = 1;
	uint32_t errors = 0;

	for (int round = 0; round < 3000; round++) {
		uint32_t len = 1 + unit_random(&rnd) % 3000;
		uint32_t off = unit_random(&rnd) % (len + 1);
		uint32_t n = unit_random(&rnd) % (len - off + 1);
		struct rte_mbuf *m;
		uint16_t sum;

		for (uint32_t i = 0; i < len; i++)
			bytes[i] = round % 3 ? (uint8_t)unit_random(&rnd) : 0xff;
		m = random_chain(&rnd, len, 0);
		errors += leat_pkt_sum(m, off, n, &sum) != 0;
		errors += rte_be_to_cpu_16(sum) != plain_sum(bytes + off, n);
		errors += leat_pkt_sum(m, off, len - off + 1, &sum) != -EINVAL;
		errors += leat_pkt_sum(m, len + 1, 0, &sum) != -EINVAL;
		errors += leat_pkt_sum(m, 1, UINT32_MAX, &sum) != -EINVAL;
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(errors, 0);
}

// The transport checksum of the frame in buf by the RFCs: the pseudo-header is written out.
static bool frame_is_right(
	const uint8_t *buf, const struct rte_mbuf *at, const struct leat_pkt_spec *spec)
{
	const uint8_t *l3 = buf + at->l2_len;
	const uint8_t *l4 = l3 + at->l3_len;
	uint32_t l4_len = at->l4_len + spec->payload;
	uint32_t addrs = spec->v6 ? 32 : 8;
	uint32_t sum = plain_sum(l3 + (spec->v6 ? 8 : 12), addrs);

	sum += (spec->udp ? 17 : 6) + (l4_len >> 16) + (l4_len & 0xffff) + plain_sum(l4, l4_len);
	return fold(sum) == 0xffff;
}

static uint64_t flags_of(const struct leat_pkt_spec *spec)
{
	return (spec->v6 ? 0 : RTE_MBUF_F_TX_IP_CKSUM) |
	       (spec->udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM);
}

static struct leat_pkt_spec random_spec(uint64_t *rnd)
{
	uint64_t r = unit_random(rnd);
	struct leat_pkt_spec spec = {.v6 = r & 1,
		.udp = r & 2,
		.vlans = (r >> 2) % 3,
		.ip_id = (uint16_t)(r >> 8),
		.seq = (uint32_t)(r >> 32),
		.tcp_flags = RTE_TCP_ACK_FLAG,
		.payload = (r >> 24) % 2000};

	if (spec.v6)
		spec.v6_options = (r >> 4) % 3;
	return spec;
}

static void check_filled(uint64_t *rnd, const struct leat_pkt_spec *spec, uint32_t *errors)
{
	struct rte_mbuf at = {.tx_offload = 0};
	uint32_t len = leat_pkt_frame(bytes, spec, &at);
	uint32_t l4_off = at.l2_len + at.l3_len;
	uint32_t hdr_len = l4_off + at.l4_len;
	uint32_t pad = unit_random(rnd) % 2 * 5;
	uint64_t ol = flags_of(spec);
	uint8_t proto = spec->udp ? 17 : 6;
	struct rte_mbuf *m;
	uint8_t *l3;
	bool ok;

	memset(bytes + len, 0xee, pad); // Ethernet padding is not part of it
	m = random_chain(rnd, len + pad, hdr_len);
	m->tx_offload = at.tx_offload;
	m->ol_flags |= ol | RTE_MBUF_F_TX_VLAN;
	*errors += leat_pkt_fill_cksum(m, ol) != 0;
	*errors += m->ol_flags != (RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_EXTERNAL);
	leat_pkt_to_bytes(m, got);
	*errors += !frame_is_right(got, &at, spec);
	l3 = got + at.l2_len;
	if (!spec->v6) {
		*errors += plain_sum(l3, at.l3_len) != 0xffff;
		*errors += rte_ipv4_udptcp_cksum_verify((void *)l3, got + l4_off) != 0;
	} else if (spec->v6_options == 0) {
		*errors += rte_ipv6_udptcp_cksum_verify((void *)l3, got + l4_off) != 0;
	}
	for (int round = 0; round < 2; round++) {
		ok = spec->v6 ? leat_pkt_l4_cksum_ok6(m, l4_off, len - l4_off, (void *)l3, proto)
			      : leat_pkt_l4_cksum_ok4(m, l4_off, len - l4_off, (void *)l3);
		*errors += ok != (round == 0);
		*rte_pktmbuf_mtod_offset(m, uint8_t *, l4_off + 1) ^= 0x10; // then a wrong port
	}
	rte_pktmbuf_free(m);
}

static void filled_as_the_rfcs_say(void)
{
	uint64_t rnd = 2;
	uint32_t errors = 0;

	for (int round = 0; round < 3000; round++) {
		struct leat_pkt_spec spec = random_spec(&rnd);

		check_filled(&rnd, &spec, &errors);
	}
	CU_ASSERT_EQUAL(errors, 0);
}

// Choose the payload so that a UDP checksum comes out as 0.
static void udp_zero_is_sent_as_ffff(void)
{
	struct leat_pkt_spec spec = {.udp = true, .payload = 2};
	struct rte_mbuf at = {.tx_offload = 0};
	uint32_t len = leat_pkt_frame(bytes, &spec, &at);
	struct rte_mbuf *m = leat_pkt_from_bytes_exact(pool, bytes, len, NULL, 0);
	struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, 34);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	uint16_t word = 0;

	memcpy(udp + 1, &word, 2);
	m->tx_offload = at.tx_offload;
	CU_ASSERT_EQUAL(leat_pkt_fill_cksum(m, RTE_MBUF_F_TX_UDP_CKSUM), 0);
	word = udp->dgram_cksum;
	memcpy(udp + 1, &word, 2);
	CU_ASSERT_EQUAL(leat_pkt_fill_cksum(m, RTE_MBUF_F_TX_UDP_CKSUM), 0);
	CU_ASSERT_EQUAL(udp->dgram_cksum, 0xffff);
	CU_ASSERT_TRUE(leat_pkt_l4_cksum_ok4(m, 34, 10, ip));
	// None at all is right over IPv4 and wrong over IPv6.
	udp->dgram_cksum = 0;
	word = 1;
	memcpy(udp + 1, &word, 2);
	CU_ASSERT_TRUE(leat_pkt_l4_cksum_ok4(m, 34, 10, ip));
	rte_pktmbuf_free(m);

	spec.v6 = true;
	len = leat_pkt_frame(bytes, &spec, &at);
	m = leat_pkt_from_bytes_exact(pool, bytes, len, NULL, 0);
	CU_ASSERT_FALSE(leat_pkt_l4_cksum_ok6(
		m, 54, 10, rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, 14), 17));
	rte_pktmbuf_free(m);
}

static void sctp_by_its_crc(void)
{
	// A COOKIE-ACK chunk; its CRC32c is computed here bit by bit.
	static const uint8_t sctp[16] = {
		0x13, 0x88, 0x13, 0x89, 1, 2, 3, 4, 0, 0, 0, 0, 11, 0, 0, 4};
	uint32_t cuts[2] = {46, 49};
	uint32_t crc = UINT32_MAX;
	struct leat_pkt_spec spec = {.payload = 0};
	struct rte_mbuf at = {.tx_offload = 0};
	struct rte_mbuf *m;

	leat_pkt_frame(bytes, &spec, &at);
	memcpy(bytes + 34, sctp, sizeof(sctp));
	bytes[17] = 20 + sizeof(sctp);
	bytes[23] = IPPROTO_SCTP;
	for (uint32_t i = 0; i < sizeof(sctp) * 8; i++) {
		crc ^= (uint32_t)(sctp[i / 8] >> (i % 8)) & 1;
		crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	crc = ~crc;
	m = leat_pkt_from_bytes_exact(pool, bytes, 34 + sizeof(sctp), cuts, 2);
	m->tx_offload = at.tx_offload;
	CU_ASSERT_EQUAL(leat_pkt_fill_cksum(m, RTE_MBUF_F_TX_SCTP_CKSUM), 0);
	leat_pkt_to_bytes(m, got);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(got[42 + i], (crc >> (8 * i)) & 0xff);
	rte_pktmbuf_free(m);
}

static void inner_of_a_tunnel(void)
{
	struct leat_pkt_spec spec = {.payload = 100};
	struct rte_mbuf at = {.tx_offload = 0};
	uint32_t len = leat_pkt_frame(bytes, &spec, &at);
	struct rte_mbuf *m;

	memmove(bytes + 50, bytes, len);
	memset(bytes, 0xcc, 50);
	m = leat_pkt_from_bytes_exact(pool, bytes, len + 50, NULL, 0);
	m->tx_offload = at.tx_offload;
	m->outer_l2_len = 14;
	m->outer_l3_len = 20;
	m->l2_len = 16 + 14; // UDP, VXLAN and the inner Ethernet
	m->ol_flags |= RTE_MBUF_F_TX_OUTER_IPV4;
	CU_ASSERT_EQUAL(leat_pkt_fill_cksum(m, flags_of(&spec)), 0);
	leat_pkt_to_bytes(m, got);
	CU_ASSERT_TRUE(frame_is_right(got + 50, &at, &spec));
	CU_ASSERT_EQUAL(got[49], 0xcc);
	rte_pktmbuf_free(m);
}

// One byte of a good frame changed, or a length, and it must be refused and left alone.
static int refused(uint32_t at, uint8_t value, uint32_t len, uint32_t l3_len, uint64_t ol)
{
	struct leat_pkt_spec spec = {.payload = 10};
	struct rte_mbuf layout = {.tx_offload = 0};
	struct rte_mbuf *m;
	int rc;

	leat_pkt_frame(bytes, &spec, &layout);
	bytes[at] = value;
	m = leat_pkt_from_bytes_exact(pool, bytes, len, NULL, 0);
	m->tx_offload = layout.tx_offload;
	m->l3_len = l3_len & 0x1ff;
	rc = leat_pkt_fill_cksum(m, ol);
	if (rc != 0) {
		leat_pkt_to_bytes(m, got);
		CU_ASSERT_EQUAL(memcmp(got, bytes, len), 0);
	}
	rte_pktmbuf_free(m);
	return rc;
}

static void impossible_lengths(void)
{
	uint64_t tcp = RTE_MBUF_F_TX_TCP_CKSUM;
	uint64_t both = tcp | RTE_MBUF_F_TX_IP_CKSUM;

	CU_ASSERT_EQUAL(refused(0, 2, 76, 20, both), 0);
	CU_ASSERT_EQUAL(refused(0, 2, 75, 20, both), -EINVAL);     // cut off
	CU_ASSERT_EQUAL(refused(14, 0x46, 76, 20, both), -EINVAL); // header length
	CU_ASSERT_EQUAL(refused(14, 0x75, 76, 20, both), -EINVAL); // version
	CU_ASSERT_EQUAL(refused(14, 0x65, 76, 40, both), -EINVAL); // an IPv4 checksum for IPv6
	CU_ASSERT_EQUAL(refused(17, 39, 76, 20, both), -EINVAL);   // no room for TCP
	CU_ASSERT_EQUAL(refused(17, 63, 76, 20, both), -EINVAL);   // longer than the packet
	CU_ASSERT_EQUAL(refused(20, 0x20, 76, 20, both), -EINVAL); // more fragments
	CU_ASSERT_EQUAL(refused(21, 3, 76, 20, tcp), -EINVAL);     // a later fragment
	CU_ASSERT_EQUAL(refused(0, 2, 76, 0, both), -EINVAL);      // l3_len not set
	CU_ASSERT_EQUAL(refused(0, 2, 30, 20, RTE_MBUF_F_TX_IP_CKSUM), -EINVAL);
	CU_ASSERT_EQUAL(refused(0, 2, 34, 20, RTE_MBUF_F_TX_IP_CKSUM), 0);
	CU_ASSERT_EQUAL(refused(0, 2, 3, 0, RTE_MBUF_F_TX_VLAN), 0); // nothing asked
}

// As the kernel leaves it: the field holds the pseudo-header's sum. The chain is cut anywhere.
static void partial_is_completed(void)
{
	uint64_t rnd = 4;
	uint32_t errors = 0;

	for (int round = 0; round < 3000; round++) {
		struct leat_pkt_spec spec = random_spec(&rnd);
		struct rte_mbuf at = {.tx_offload = 0};
		uint32_t len = leat_pkt_frame(bytes, &spec, &at);
		uint32_t start = at.l2_len + at.l3_len;
		uint32_t field = spec.udp ? 6 : 16;
		void *l3 = bytes + at.l2_len;
		uint8_t proto = spec.udp ? 17 : 6;
		uint16_t sum = spec.v6 ? leat_pkt_pseudo6(l3, proto, len - start)
				       : leat_pkt_pseudo4(l3, proto, len - start);
		struct rte_mbuf *m;

		memcpy(bytes + start + field, &sum, 2);
		m = random_chain(&rnd, len, 0);
		errors += leat_pkt_fill_partial(m, start, field) != 0;
		leat_pkt_to_bytes(m, got);
		errors += !frame_is_right(got, &at, &spec);
		got[start + field] = bytes[start + field];
		got[start + field + 1] = bytes[start + field + 1];
		errors += memcmp(got, bytes, len) != 0;
		errors += leat_pkt_fill_partial(m, start, field + 1) != -EINVAL;
		errors += leat_pkt_fill_partial(m, len - 1, 0) != -EINVAL;
		errors += leat_pkt_fill_partial(m, len + 1, 0) != -EINVAL;
		errors += leat_pkt_fill_partial(m, start, (len - start) & ~1u) != -EINVAL;
		errors += leat_pkt_fill_partial(m, start, UINT32_MAX - 1) != -EINVAL;
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(errors, 0);
}

static void all_mbufs_are_back(void)
{
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static const struct unit_case cases[] = {
	UNIT_CASE(sums_of_chains),
	UNIT_CASE(filled_as_the_rfcs_say),
	UNIT_CASE(udp_zero_is_sent_as_ffff),
	UNIT_CASE(sctp_by_its_crc),
	UNIT_CASE(inner_of_a_tunnel),
	UNIT_CASE(impossible_lengths),
	UNIT_CASE(partial_is_completed),
	UNIT_CASE(all_mbufs_are_back),
};

int main(void)
{
	if (unit_eal_init() != 0)
		return 1;
	pool = rte_pktmbuf_pool_create("pkt", 63, 0, 0, 0, SOCKET_ID_ANY);
	return pool == NULL || UNIT_RUN("cksum", cases) != 0;
}
