// SPDX-License-Identifier: BSD-3-Clause
// Segmentation, checked from the outside: the frames are read as bytes, their checksums filled in
// software and verified by DPDK, their payloads put together again.

#include "pkt/gso.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "pkt/cksum.h"
#include "pktbuf.h"
#include "unit.h"

#define MAX_OUT 2048

static struct rte_mempool *pkt_pool, *hdr_pool, *ind_pool;
static uint8_t bytes[LEAT_PKT_FRAME_MAX];
static uint8_t frame[LEAT_PKT_FRAME_MAX];
static struct rte_mbuf *out[MAX_OUT];

// A superframe in exact-size external buffers, cut in the payload.
static struct rte_mbuf *superframe(
	const struct leat_pkt_spec *spec, const uint32_t *payload_cuts, uint32_t ncuts)
{
	struct rte_mbuf at = {.tx_offload = 0};
	uint32_t len = leat_pkt_frame(bytes, spec, &at);
	uint32_t hdr_len = at.l2_len + at.l3_len + at.l4_len;
	uint32_t cuts[8];
	struct rte_mbuf *m;

	for (uint32_t i = 0; i < ncuts; i++)
		cuts[i] = hdr_len + payload_cuts[i];
	m = leat_pkt_from_bytes_exact(pkt_pool, bytes, len, cuts, ncuts);
	m->tx_offload = at.tx_offload;
	m->tso_segsz = 1234;
	m->port = 7;
	m->vlan_tci = 99;
	m->hash.rss = 0xabcd;
	m->ol_flags |=
		RTE_MBUF_F_TX_VLAN | (spec->udp ? RTE_MBUF_F_TX_UDP_SEG : RTE_MBUF_F_TX_TCP_SEG);
	return m;
}

static bool nothing_held(void)
{
	return rte_mempool_in_use_count(pkt_pool) + rte_mempool_in_use_count(hdr_pool) +
		       rte_mempool_in_use_count(ind_pool) ==
	       0;
}

static uint32_t check_metadata(const struct rte_mbuf *m, const struct leat_pkt_spec *spec)
{
	uint64_t want = RTE_MBUF_F_TX_VLAN;

	want |= spec->v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	want |= spec->udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM;
	return (m->ol_flags != want) + (m->port != 7) + (m->vlan_tci != 99) +
	       (m->hash.rss != 0xabcd) + (m->tso_segsz != 0) +
	       (rte_pktmbuf_headroom(m) < RTE_PKTMBUF_HEADROOM);
}

static uint32_t check_ip(const struct leat_pkt_spec *spec, const uint8_t *l3, uint32_t l3_len,
	uint32_t l4_len, uint32_t i)
{
	const struct rte_ipv4_hdr *ip4 = (const void *)l3;
	const struct rte_ipv6_hdr *ip6 = (const void *)l3;
	const uint8_t *l4 = l3 + l3_len;
	uint32_t errors = 0;

	if (spec->v6) {
		errors += rte_be_to_cpu_16(ip6->payload_len) != l3_len - 40 + l4_len;
		if (l3_len == 40)
			errors += rte_ipv6_udptcp_cksum_verify(ip6, l4) != 0;
		return errors;
	}
	errors += rte_be_to_cpu_16(ip4->total_length) != l3_len + l4_len;
	errors += rte_be_to_cpu_16(ip4->packet_id) != (uint16_t)(spec->ip_id + i);
	errors += rte_raw_cksum(ip4, l3_len) != 0xffff;
	errors += rte_ipv4_udptcp_cksum_verify(ip4, l4) != 0;
	return errors;
}

static uint8_t flags_in(const struct leat_pkt_spec *spec, uint32_t i, uint32_t n)
{
	uint8_t flags = spec->tcp_flags;

	if (i > 0)
		flags &= (uint8_t)~RTE_TCP_CWR_FLAG;
	if (i + 1 < n)
		flags &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	return flags;
}

// Check frame i of n, whose payload begins at off of the superframe's. Returns the number of
// errors.
static uint32_t check_frame(const struct leat_pkt_spec *spec, struct rte_mbuf *m, uint32_t i,
	uint32_t n, uint32_t off, uint32_t seg_size)
{
	uint32_t l4_off = m->l2_len + m->l3_len;
	uint32_t hdr_len = l4_off + m->l4_len;
	uint32_t len = RTE_MIN(seg_size, spec->payload - off);
	uint32_t errors = check_metadata(m, spec);
	const struct rte_tcp_hdr *tcp;
	const struct rte_udp_hdr *udp;

	if (m->pkt_len != hdr_len + len)
		return 1000;
	errors += leat_pkt_fill_cksum(m, m->ol_flags) != 0;
	leat_pkt_to_bytes(m, frame);
	errors += memcmp(frame, bytes, m->l2_len) != 0;
	errors += check_ip(spec, frame + m->l2_len, m->l3_len, m->l4_len + len, i);
	errors += spec->v6 && !leat_pkt_l4_cksum_ok6(m, l4_off, m->l4_len + len,
				      (const void *)(frame + m->l2_len), spec->udp ? 17 : 6);
	tcp = (const void *)(frame + l4_off);
	udp = (const void *)(frame + l4_off);
	if (spec->udp) {
		errors += rte_be_to_cpu_16(udp->dgram_len) != 8 + len;
	} else {
		errors += rte_be_to_cpu_32(tcp->sent_seq) != (uint32_t)(spec->seq + off);
		errors += tcp->tcp_flags != flags_in(spec, i, n);
		errors += memcmp(tcp + 1, bytes + l4_off + sizeof(*tcp), 12) != 0;
	}
	for (uint32_t k = 0; k < len; k++)
		errors += frame[hdr_len + k] != leat_pkt_pattern(off + k);
	return errors;
}

static uint32_t cut_and_check(
	const struct leat_pkt_spec *spec, uint16_t seg_size, const uint32_t *cuts, uint32_t ncuts)
{
	struct rte_mbuf *m = superframe(spec, cuts, ncuts);
	uint32_t want = RTE_MAX(1u, (spec->payload + seg_size - 1) / seg_size);
	uint32_t errors = 0;
	int n = leat_pkt_gso(m, seg_size, hdr_pool, ind_pool, out, MAX_OUT);

	if (n != (int)want)
		return 100000;
	for (uint32_t i = 0; i < want; i++)
		errors += check_frame(spec, out[i], i, want, i * seg_size, seg_size);
	// In any order: the last piece to go gives the payload back.
	for (uint32_t i = want; i > 0; i--)
		rte_pktmbuf_free(out[i - 1]);
	return errors + !nothing_held();
}

static void every_kind(void)
{
	static const uint32_t payloads[] = {0, 1, 999, 1000, 1001, 1999, 2000, 5003, 64000};
	static const uint32_t cuts[] = {0, 1, 1, 500, 998};

	for (uint32_t kind = 0; kind < 8; kind++) {
		for (size_t p = 0; p < RTE_DIM(payloads); p++) {
			struct leat_pkt_spec spec = {.v6 = kind & 1,
				.udp = kind & 2,
				.v6_options = kind == 5 ? 2 : 0,
				.vlans = kind >> 2,
				.tcp_flags = 0xff,
				.ip_id = 65534,
				.seq = UINT32_MAX - 3000,
				.payload = payloads[p]};

			CU_ASSERT_EQUAL(cut_and_check(&spec, 1000, NULL, 0), 0);
			if (spec.payload >= 999)
				CU_ASSERT_EQUAL(cut_and_check(&spec, 1000, cuts, 5), 0);
		}
	}
}

static int ascending(const void *a, const void *b)
{
	return *(const uint32_t *)a < *(const uint32_t *)b
		       ? -1
		       : *(const uint32_t *)a > *(const uint32_t *)b;
}

static void random_chains(void)
{
	uint64_t rnd = 3;
	uint32_t errors = 0;

	for (int round = 0; round < 500; round++) {
		struct leat_pkt_spec spec = {.v6 = unit_random(&rnd) & 1,
			.udp = unit_random(&rnd) & 1,
			.vlans = unit_random(&rnd) % 3,
			.tcp_flags = (uint8_t)unit_random(&rnd),
			.ip_id = (uint16_t)unit_random(&rnd),
			.seq = (uint32_t)unit_random(&rnd),
			.payload = unit_random(&rnd) % 8000};
		uint32_t ncuts = unit_random(&rnd) % 7;
		uint32_t cuts[6];

		for (uint32_t i = 0; i < ncuts; i++)
			cuts[i] = unit_random(&rnd) % (spec.payload + 1);
		qsort(cuts, ncuts, sizeof(cuts[0]), ascending);
		errors += cut_and_check(&spec, 20 + unit_random(&rnd) % 1500, cuts, ncuts);
	}
	CU_ASSERT_EQUAL(errors, 0);
}

// A frame in a pool's own buffers, of which another holds a clone: neither sees the other.
static void direct_and_shared(void)
{
	struct leat_pkt_spec spec = {.payload = 1500, .tcp_flags = RTE_TCP_FIN_FLAG};
	struct rte_mbuf at = {.tx_offload = 0};
	uint32_t len = leat_pkt_frame(bytes, &spec, &at);
	struct rte_mbuf *m = rte_pktmbuf_alloc(hdr_pool);
	struct rte_mbuf *clone;
	int n;

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
	m->tx_offload = at.tx_offload;
	clone = rte_pktmbuf_clone(m, ind_pool);
	n = leat_pkt_gso(clone, 700, hdr_pool, ind_pool, out, MAX_OUT);
	CU_ASSERT_EQUAL_FATAL(n, 3);
	CU_ASSERT_EQUAL(out[2]->pkt_len, 66 + 100);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), bytes, len), 0);
	rte_pktmbuf_free(m);
	leat_pkt_to_bytes(out[1], frame);
	CU_ASSERT_EQUAL(memcmp(frame + 66, bytes + 66 + 700, 700), 0);
	rte_pktmbuf_free_bulk(out, 3);
	CU_ASSERT_TRUE(nothing_held());
}

// Take mbufs from a pool until `left` remain, run, and give them back.
static int run_with(struct rte_mempool *pool, uint32_t left, struct rte_mbuf *m)
{
	static struct rte_mbuf *taken[8192];
	uint32_t n = rte_mempool_avail_count(pool) - left;
	int rc;

	CU_ASSERT_EQUAL_FATAL(rte_pktmbuf_alloc_bulk(pool, taken, n), 0);
	rc = leat_pkt_gso(m, 1000, hdr_pool, ind_pool, out, MAX_OUT);
	rte_pktmbuf_free_bulk(taken, n);
	return rc;
}

static void an_empty_pool_leaves_all_as_it_was(void)
{
	static const uint32_t cuts[] = {500, 2500};
	struct leat_pkt_spec spec = {.payload = 4000}; // 4 headers and 6 pieces
	struct rte_mbuf *m = superframe(&spec, cuts, 2);
	uint32_t len = m->pkt_len;
	uint64_t ol_flags = m->ol_flags;

	for (uint32_t left = 0; left < 4; left++)
		CU_ASSERT_EQUAL(run_with(hdr_pool, left, m), -ENOMEM);
	for (uint32_t left = 0; left < 6; left++)
		CU_ASSERT_EQUAL(run_with(ind_pool, left, m), -ENOMEM);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(hdr_pool), 0);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(ind_pool), 0);
	CU_ASSERT_EQUAL(rte_mbuf_ext_refcnt_read(m->shinfo), 1);
	CU_ASSERT_EQUAL(m->ol_flags, ol_flags);
	leat_pkt_to_bytes(m, frame);
	CU_ASSERT_EQUAL(memcmp(frame, bytes, len), 0);
	CU_ASSERT_EQUAL(run_with(ind_pool, 6, m), 4);
	rte_pktmbuf_free_bulk(out, 4);
	CU_ASSERT_TRUE(nothing_held());
}

static int refused(uint32_t at, uint8_t value, bool v6, uint64_t flags, uint16_t seg_size)
{
	struct leat_pkt_spec spec = {.payload = 3000, .v6 = v6, .v6_options = v6};
	struct rte_mbuf *m = superframe(&spec, NULL, 0);
	int rc;

	*rte_pktmbuf_mtod_offset(m, uint8_t *, at) = value;
	m->ol_flags |= flags;
	rc = leat_pkt_gso(m, seg_size, hdr_pool, ind_pool, out, 3);
	if (rc < 0)
		rte_pktmbuf_free(m);
	else
		rte_pktmbuf_free_bulk(out, (unsigned int)rc);
	CU_ASSERT_TRUE(nothing_held());
	return rc;
}

static void refuses_what_it_cannot_cut(void)
{
	CU_ASSERT_EQUAL(refused(0, 2, false, 0, 1000), 3);
	CU_ASSERT_EQUAL(refused(0, 2, true, 0, 1000), 3);
	CU_ASSERT_EQUAL(refused(0, 2, false, 0, 999), -E2BIG);
	CU_ASSERT_EQUAL(refused(0, 2, false, 0, 0), -EINVAL);
	CU_ASSERT_EQUAL(refused(14, 0x46, false, 0, 1000), -EINVAL); // header length
	CU_ASSERT_EQUAL(refused(14, 0x55, false, 0, 1000), -EINVAL); // version
	CU_ASSERT_EQUAL(refused(20, 0x20, false, 0, 1000), -EINVAL); // fragment
	CU_ASSERT_EQUAL(refused(23, 47, false, 0, 1000), -EINVAL);   // GRE
	CU_ASSERT_EQUAL(refused(46, 0x50, false, 0, 1000), -EINVAL); // TCP header length
	CU_ASSERT_EQUAL(refused(20, 44, true, 0, 1000), -EINVAL);    // IPv6 fragment header
	CU_ASSERT_EQUAL(refused(55, 1, true, 0, 1000), -EINVAL);     // options longer than l3_len
	CU_ASSERT_EQUAL(refused(0, 2, false, RTE_MBUF_F_TX_TUNNEL_VXLAN, 1000), -EINVAL);
}

static void headers_cut_in_two_are_refused(void)
{
	struct leat_pkt_spec spec = {.payload = 3000};
	struct rte_mbuf at = {.tx_offload = 0};
	uint32_t len = leat_pkt_frame(bytes, &spec, &at);
	uint32_t cut = 65;
	struct rte_mbuf *m = leat_pkt_from_bytes_exact(pkt_pool, bytes, len, &cut, 1);

	m->tx_offload = at.tx_offload;
	CU_ASSERT_EQUAL(leat_pkt_gso(m, 1000, hdr_pool, ind_pool, out, MAX_OUT), -EINVAL);
	m->l4_len = 0;
	CU_ASSERT_EQUAL(leat_pkt_gso(m, 1000, hdr_pool, ind_pool, out, MAX_OUT), -EINVAL);
	m->l3_len = 0;
	CU_ASSERT_EQUAL(leat_pkt_gso(m, 1000, hdr_pool, ind_pool, out, MAX_OUT), -EINVAL);
	rte_pktmbuf_free(m);

	// Lengths that leave no room for a header are seen before it is read.
	m = leat_pkt_from_bytes_exact(pkt_pool, bytes, 15, NULL, 0);
	m->l2_len = 13;
	m->l3_len = 1;
	m->l4_len = 1;
	*rte_pktmbuf_mtod_offset(m, uint8_t *, 13) = 0x45;
	CU_ASSERT_EQUAL(leat_pkt_gso(m, 1000, hdr_pool, ind_pool, out, MAX_OUT), -EINVAL);
	rte_pktmbuf_free(m);

	m = leat_pkt_from_bytes_exact(pkt_pool, bytes, len, NULL, 0);
	m->tx_offload = at.tx_offload;
	// Headers from a pool that has no room for them.
	CU_ASSERT_EQUAL(leat_pkt_gso(m, 1000, ind_pool, ind_pool, out, MAX_OUT), -EINVAL);
	rte_pktmbuf_free(m);
	CU_ASSERT_TRUE(nothing_held());
}

static const struct unit_case cases[] = {
	UNIT_CASE(every_kind),
	UNIT_CASE(random_chains),
	UNIT_CASE(direct_and_shared),
	UNIT_CASE(an_empty_pool_leaves_all_as_it_was),
	UNIT_CASE(refuses_what_it_cannot_cut),
	UNIT_CASE(headers_cut_in_two_are_refused),
};

int main(void)
{
	if (unit_eal_init() != 0)
		return 1;
	pkt_pool = rte_pktmbuf_pool_create("pkt", 63, 0, 0, 0, SOCKET_ID_ANY);
	hdr_pool = rte_pktmbuf_pool_create(
		"hdr", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	ind_pool = rte_pktmbuf_pool_create("ind", 2047, 0, 0, 0, SOCKET_ID_ANY);
	if (pkt_pool == NULL || hdr_pool == NULL || ind_pool == NULL)
		return 1;
	return UNIT_RUN("gso", cases);
}
