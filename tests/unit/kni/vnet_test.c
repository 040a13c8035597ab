// SPDX-License-Identifier: BSD-3-Clause
// The conversion between the kernel's frames and mbufs, checked from the outside: what a header
// asks for is done in software and the bytes verified; and both directions must agree with each
// other.

#include "kni/vnet.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "pkt/cksum.h"
#include "pkt/gso.h"
#include "pktbuf.h"
#include "unit.h"

#define TX_ALL \
	(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG | \
		RTE_MBUF_F_TX_UDP_SEG)

static struct rte_mempool *pool, *ind_pool;
static uint8_t bytes[LEAT_PKT_FRAME_MAX], got[LEAT_PKT_FRAME_MAX];
static struct leat_vnet_frame out;
static struct rte_mbuf *segs[256];

// A frame as the kernel gives it: IPv4 checksum right, the pseudo-header's sum in the transport's
// field.
struct given {
	struct rte_mbuf layout;
	struct virtio_net_hdr hdr;
	uint32_t len, l4;
	uint16_t field; // offset of the transport's checksum
};

static struct rte_ipv4_hdr *ip4_of(uint8_t *b, const struct given *g)
{
	return (struct rte_ipv4_hdr *)(b + g->layout.l2_len);
}

static uint16_t pseudo_of(
	const uint8_t *b, const struct given *g, bool v6, uint8_t proto, uint32_t len)
{
	const void *l3 = b + g->layout.l2_len;

	return v6 ? leat_pkt_pseudo6(l3, proto, len) : leat_pkt_pseudo4(l3, proto, len);
}

static void give(struct given *g, const struct leat_pkt_spec *spec, uint16_t gso_size)
{
	const uint8_t proto = spec->udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint16_t sum;

	memset(g, 0, sizeof(*g));
	g->len = leat_pkt_frame(bytes, spec, &g->layout);
	g->l4 = g->layout.l2_len + g->layout.l3_len;
	g->field = (uint16_t)(g->l4 + (spec->udp ? 6 : 16));
	if (!spec->v6)
		ip4_of(bytes, g)->hdr_checksum = rte_ipv4_cksum(ip4_of(bytes, g));
	sum = pseudo_of(bytes, g, spec->v6, proto, g->len - g->l4);
	memcpy(bytes + g->field, &sum, sizeof(sum));
	g->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	g->hdr.csum_start = (uint16_t)g->l4;
	g->hdr.csum_offset = spec->udp ? 6 : 16;
	if (gso_size != 0) {
		g->hdr.gso_size = gso_size;
		g->hdr.hdr_len = (uint16_t)(g->l4 + g->layout.l4_len);
		g->hdr.gso_type = spec->udp  ? VIRTIO_NET_HDR_GSO_UDP_L4
				  : spec->v6 ? VIRTIO_NET_HDR_GSO_TCPV6
					     : VIRTIO_NET_HDR_GSO_TCPV4;
	}
}

static struct rte_mbuf *packet(const struct given *g)
{
	return leat_pkt_from_bytes_exact(pool, bytes, g->len, NULL, 0);
}

// What writev() would give to the kernel, behind the virtio_net_hdr. Returns its length.
static uint32_t written(uint8_t *to)
{
	uint32_t n = 0;

	CU_ASSERT_PTR_EQUAL(out.iov[0].iov_base, &out.hdr);
	CU_ASSERT_EQUAL(out.iov[0].iov_len, 10);
	CU_ASSERT(out.n_iov <= LEAT_VNET_IOV);
	for (int i = 1; i < out.n_iov; i++) {
		memcpy(to + n, out.iov[i].iov_base, out.iov[i].iov_len);
		n += (uint32_t)out.iov[i].iov_len;
	}
	return n;
}

static bool l4_right(const struct rte_mbuf *m, const struct given *g, bool v6, uint8_t proto)
{
	const void *ip = rte_pktmbuf_mtod_offset(m, const void *, g->layout.l2_len);
	const uint32_t len = m->pkt_len - g->l4;

	return v6 ? leat_pkt_l4_cksum_ok6(m, g->l4, len, ip, proto)
		  : leat_pkt_l4_cksum_ok4(m, g->l4, len, ip);
}

static const struct leat_pkt_spec specs[] = {
	{.payload = 100},
	{.udp = true, .payload = 101},
	{.v6 = true, .payload = 77},
	{.v6 = true, .udp = true, .payload = 1},
	{.vlans = 1, .payload = 64},
	{.vlans = 1, .v6 = true, .udp = true, .payload = 64},
	{.udp = true, .payload = 0},
};

static void plain_frames_have_an_empty_header(void)
{
	const struct leat_pkt_spec spec = {.payload = 900};
	const uint32_t cuts[] = {1, 14, 14, 60, 500};
	struct rte_mbuf *m;
	struct given g;

	give(&g, &spec, 0);
	m = leat_pkt_from_bytes_exact(pool, bytes, g.len, cuts, RTE_DIM(cuts));
	CU_ASSERT_EQUAL(leat_vnet_encode(m, false, &out), 0);
	CU_ASSERT_EQUAL(memcmp(&out.hdr, &(struct virtio_net_hdr){0}, sizeof(out.hdr)), 0);
	CU_ASSERT_EQUAL(written(got), g.len);
	CU_ASSERT_EQUAL(memcmp(got, bytes, g.len), 0);
	rte_pktmbuf_free(m);

	g.hdr = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_DATA_VALID};
	m = packet(&g);
	CU_ASSERT_EQUAL(leat_vnet_decode(m, &g.hdr), 0);
	CU_ASSERT_EQUAL(m->ol_flags & TX_ALL, 0);
	CU_ASSERT_EQUAL(m->l2_len, 14);
	rte_pktmbuf_free(m);
}

static void stripped_tag_goes_back(void)
{
	for (unsigned i = 0; i < 4; i++) {
		struct rte_mbuf *m;
		struct given g;

		give(&g, &specs[i], 0);
		m = packet(&g);
		m->vlan_tci = 0x6123;
		if (i & 1) { // with and without headers being rewritten
			m->tx_offload = g.layout.tx_offload;
			m->ol_flags |=
				(specs[i].udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM) |
				(specs[i].v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
		}
		CU_ASSERT_EQUAL(leat_vnet_encode(m, true, &out), 0);
		CU_ASSERT_EQUAL(written(got), g.len + 4);
		CU_ASSERT_EQUAL(memcmp(got, bytes, 12), 0);
		CU_ASSERT_EQUAL(memcmp(got + 12, "\x81\x00\x61\x23", 4), 0);
		CU_ASSERT_EQUAL(memcmp(got + 16, bytes + 12, g.len - 12), 0);
		CU_ASSERT_EQUAL(out.hdr.csum_start, i & 1 ? g.l4 + 4 : 0);
		rte_pktmbuf_free(m);
	}
}

static void partial_checksums_become_flags(void)
{
	for (unsigned i = 0; i < RTE_DIM(specs); i++) {
		const uint8_t proto = specs[i].udp ? IPPROTO_UDP : IPPROTO_TCP;
		struct rte_mbuf *m;
		struct given g;

		give(&g, &specs[i], 0);
		m = packet(&g);
		CU_ASSERT_EQUAL(leat_vnet_decode(m, &g.hdr), 0);
		CU_ASSERT_EQUAL(m->ol_flags & TX_ALL,
			specs[i].udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM);
		CU_ASSERT_EQUAL(m->l2_len, g.layout.l2_len);
		CU_ASSERT_EQUAL(m->l3_len, g.layout.l3_len);
		leat_pkt_to_bytes(m, got);
		CU_ASSERT_EQUAL(
			memcmp(got, bytes, g.len), 0); // the device wants it as virtio has it

		// and back
		CU_ASSERT_EQUAL(leat_vnet_encode(m, false, &out), 0);
		CU_ASSERT_EQUAL(memcmp(&out.hdr, &g.hdr, sizeof(g.hdr)), 0);
		CU_ASSERT_EQUAL(written(got), g.len);
		CU_ASSERT_EQUAL(memcmp(got, bytes, g.len), 0);

		CU_ASSERT_EQUAL(leat_pkt_fill_cksum(m, m->ol_flags), 0);
		CU_ASSERT(l4_right(m, &g, specs[i].v6, proto));
		rte_pktmbuf_free(m);
	}
}

// What a device may not know is done before it sees it.
static void extension_headers_are_done_in_software(void)
{
	const struct leat_pkt_spec spec = {.v6 = true, .v6_options = 2, .payload = 200};
	struct rte_mbuf *m;
	struct given g;

	give(&g, &spec, 0);
	m = packet(&g);
	CU_ASSERT_EQUAL(leat_vnet_decode(m, &g.hdr), 0);
	CU_ASSERT_EQUAL(m->ol_flags & TX_ALL, 0);
	CU_ASSERT(l4_right(m, &g, true, IPPROTO_TCP));
	rte_pktmbuf_free(m);
}

// A protocol that DPDK has no flag for: ICMPv6 of a raw socket with a partial checksum.
static void other_protocols_are_done_in_software(void)
{
	const struct leat_pkt_spec spec = {.v6 = true, .udp = true, .payload = 31};
	struct rte_mbuf *m;
	struct given g;
	uint16_t sum;

	give(&g, &spec, 0);
	((struct rte_ipv6_hdr *)(bytes + 14))->proto = IPPROTO_ICMPV6;
	memset(bytes + g.field, 0, 2);
	sum = pseudo_of(bytes, &g, true, IPPROTO_ICMPV6, g.len - g.l4);
	memcpy(bytes + g.l4 + 2, &sum, 2);
	g.hdr.csum_offset = 2;
	m = packet(&g);
	CU_ASSERT_EQUAL(leat_vnet_decode(m, &g.hdr), 0);
	CU_ASSERT_EQUAL(m->ol_flags & TX_ALL, 0);
	CU_ASSERT_EQUAL(leat_pkt_sum(m, g.l4, g.len - g.l4, &sum), 0);
	sum = __rte_raw_cksum_reduce(
		(uint32_t)sum + pseudo_of(bytes, &g, true, IPPROTO_ICMPV6, g.len - g.l4));
	CU_ASSERT_EQUAL(sum, 0xffff);
	rte_pktmbuf_free(m);
}

static void check_cut(const struct leat_pkt_spec *spec, uint16_t size)
{
	const uint8_t proto = spec->udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint32_t payload = 0;
	struct rte_mbuf *m;
	struct given g;
	int n;

	give(&g, spec, size);
	m = packet(&g);
	CU_ASSERT_EQUAL(leat_vnet_decode(m, &g.hdr), 0);
	CU_ASSERT((m->ol_flags & (spec->udp ? RTE_MBUF_F_TX_UDP_SEG : RTE_MBUF_F_TX_TCP_SEG)) != 0);
	CU_ASSERT_EQUAL(m->tso_segsz, size);
	CU_ASSERT_EQUAL(m->l4_len, g.layout.l4_len);
	// a device wants the sum without the length
	CU_ASSERT_EQUAL(*rte_pktmbuf_mtod_offset(m, const unaligned_uint16_t *, g.field),
		pseudo_of(bytes, &g, spec->v6, proto, 0));

	// and back: the same header and bytes
	CU_ASSERT_EQUAL(leat_vnet_encode(m, false, &out), 0);
	CU_ASSERT_EQUAL(memcmp(&out.hdr, &g.hdr, sizeof(g.hdr)), 0);
	CU_ASSERT_EQUAL(written(got), g.len);
	CU_ASSERT_EQUAL(memcmp(got, bytes, g.len), 0);

	n = leat_pkt_gso(m, m->tso_segsz, pool, ind_pool, segs, RTE_DIM(segs));
	CU_ASSERT_EQUAL(n, (int)((spec->payload + size - 1) / size));
	for (int i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(leat_pkt_fill_cksum(segs[i], segs[i]->ol_flags), 0);
		CU_ASSERT(l4_right(segs[i], &g, spec->v6, proto));
		payload += segs[i]->pkt_len - g.l4 - g.layout.l4_len;
		rte_pktmbuf_free(segs[i]);
	}
	CU_ASSERT_EQUAL(payload, spec->payload);
	if (n < 0)
		rte_pktmbuf_free(m);
}

static void superframes_become_segmentation(void)
{
	const struct leat_pkt_spec big[] = {
		{.payload = 60000, .seq = 77},
		{.v6 = true, .payload = 30001},
		{.udp = true, .payload = 50000},
		{.v6 = true, .udp = true, .payload = 9001},
		{.v6 = true, .v6_options = 1, .payload = 3000},
		{.vlans = 1, .payload = 3000},
	};

	for (unsigned i = 0; i < RTE_DIM(big); i++)
		check_cut(&big[i], 1400);
}

static void one_segment_needs_no_cutting(void)
{
	const struct leat_pkt_spec spec = {.payload = 1000};
	struct rte_mbuf *m;
	struct given g;

	give(&g, &spec, 1000);
	m = packet(&g);
	CU_ASSERT_EQUAL(leat_vnet_decode(m, &g.hdr), 0);
	CU_ASSERT_EQUAL(m->ol_flags & TX_ALL, RTE_MBUF_F_TX_TCP_CKSUM);
	CU_ASSERT_EQUAL(leat_pkt_fill_cksum(m, m->ol_flags), 0);
	CU_ASSERT(l4_right(m, &g, false, IPPROTO_TCP));
	rte_pktmbuf_free(m);
}

static void refuse(const struct given *g, const char *why)
{
	struct rte_mbuf *m = packet(g);
	const int rc = leat_vnet_decode(m, &g->hdr);

	if (rc != -EINVAL)
		printf("    not refused: %s\n", why);
	CU_ASSERT_EQUAL(rc, -EINVAL);
	rte_pktmbuf_free(m);
}

static void bad_headers_are_refused(void)
{
	const struct leat_pkt_spec spec = {.payload = 4000}, v6 = {.v6 = true, .payload = 4000};
	struct given g;

#define REFUSED(s, change) \
	do { \
		give(&g, &(s), 1000); \
		change; \
		refuse(&g, #change); \
	} while (0)
	REFUSED(spec, g.hdr.flags = 0);
	REFUSED(spec, g.hdr.gso_size = 0);
	REFUSED(spec, g.hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV6);
	REFUSED(v6, g.hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4);
	REFUSED(spec, g.hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4);
	REFUSED(spec, g.hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP);
	REFUSED(spec, g.hdr.gso_type |= VIRTIO_NET_HDR_GSO_ECN);
	REFUSED(spec, g.hdr.gso_type = 77);
	REFUSED(spec, g.hdr.csum_start -= 2);
	REFUSED(spec, g.hdr.csum_start = 3);
	REFUSED(spec, g.hdr.csum_start = 65535);
	REFUSED(spec, g.hdr.csum_offset = 6);
	REFUSED(spec, g.hdr.csum_offset = 65535);
	REFUSED(spec, bytes[14] = 0x65);        // version 6 behind the ethertype of 4
	REFUSED(spec, bytes[14] = 0x41);        // header of 4 bytes
	REFUSED(spec, bytes[20] = 0x20);        // a fragment
	REFUSED(spec, bytes[17] ^= 1);          // total length
	REFUSED(v6, bytes[19] ^= 1);            // payload length
	REFUSED(spec, bytes[g.l4 + 12] = 0x40); // TCP header of 16 bytes
	REFUSED(spec, g.len = g.l4 + 18);       // cut in the TCP header
	REFUSED(spec, g.len = g.l4 + 21);       // in its options
	REFUSED(spec, g.len = 13);              // in the Ethernet header
	REFUSED(spec, g.len = 20);              // in the IP header
	REFUSED(v6, g.len = 40);
	g.hdr.gso_type = 0;
	REFUSED(spec, g.hdr.gso_type = 0; g.hdr.csum_start = 3);
	REFUSED(spec, g.hdr.gso_type = 0; g.hdr.csum_offset = 15); // odd: no checksum is there
	REFUSED(spec, g.hdr.gso_type = 0; g.hdr.csum_offset = (uint16_t)(g.len - g.l4 - 1));
#undef REFUSED
}

// Superframes upwards: the kernel's words for them, the mbuf as it was (it may be shared).
static void merged_segments_go_up_as_one(void)
{
	const struct leat_pkt_spec spec = {.payload = 40000};
	const uint32_t cuts[] = {66, 1500, 3000, 20000};
	struct rte_mbuf *m;
	struct given g;

	give(&g, &spec, 1460);
	ip4_of(bytes, &g)->hdr_checksum = 0;
	m = leat_pkt_from_bytes_exact(pool, bytes, g.len, cuts, RTE_DIM(cuts));
	m->tx_offload = g.layout.tx_offload;
	m->tso_segsz = 1460;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4;
	CU_ASSERT_EQUAL(leat_vnet_encode(m, false, &out), 0);
	CU_ASSERT_EQUAL(memcmp(&out.hdr, &g.hdr, sizeof(g.hdr)), 0);
	CU_ASSERT_EQUAL(written(got), g.len);
	CU_ASSERT_EQUAL(rte_ipv4_cksum(ip4_of(got, &g)), 0); // over a right header
	CU_ASSERT_EQUAL(memcmp(got + g.l4, bytes + g.l4, g.len - g.l4), 0);
	leat_pkt_to_bytes(m, got);
	CU_ASSERT_EQUAL(memcmp(got, bytes, g.len), 0);
	rte_pktmbuf_free(m);
}

static void bad_mbufs_are_refused(void)
{
	const struct leat_pkt_spec spec = {.payload = 300};
	struct rte_mbuf *m;
	struct given g;

	give(&g, &spec, 0);
#define REFUSED(change) \
	do { \
		m = packet(&g); \
		m->tx_offload = g.layout.tx_offload; \
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM; \
		change; \
		CU_ASSERT_EQUAL(leat_vnet_encode(m, false, &out), -EINVAL); \
		rte_pktmbuf_free(m); \
	} while (0)
	REFUSED(m->l2_len = 0);
	REFUSED(m->l3_len = 0);
	REFUSED(m->l3_len = 511);
	REFUSED(m->l2_len = 127; m->l3_len = 240);
	REFUSED(m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM; m->l3_len = 24);
	REFUSED(m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG; m->tso_segsz = 0);
	REFUSED(m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG; m->tso_segsz = 9; m->l4_len = 4);
	REFUSED(m->ol_flags = (m->ol_flags & ~RTE_MBUF_F_TX_L4_MASK) | RTE_MBUF_F_TX_SCTP_CKSUM);
	REFUSED(rte_pktmbuf_trim(m, (uint16_t)(m->pkt_len - 13)));
#undef REFUSED
}

static void long_chains_are_copied(void)
{
	const struct leat_pkt_spec spec = {.udp = true, .payload = 60000};
	static uint32_t cuts[7000];
	struct rte_mbuf *m;
	struct given g;

	give(&g, &spec, 0);
	for (unsigned i = 0; i < RTE_DIM(cuts); i++)
		cuts[i] = 8 * (i + 1);
	m = leat_pkt_from_bytes_exact(pool, bytes, g.len, cuts, RTE_DIM(cuts));
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	for (int tag = 0; tag < 2; tag++) {
		CU_ASSERT_EQUAL(leat_vnet_encode(m, tag, &out), 0);
		CU_ASSERT_EQUAL(written(got), g.len + 4u * tag);
		CU_ASSERT_EQUAL(memcmp(got + 12 + 4 * tag, bytes + 12, g.len - 12), 0);
	}
	rte_pktmbuf_free(m);
}

// Whatever the header says, what is accepted can be acted upon: lengths inside the packet, and the
// port's software does not refuse it.
static void random_headers_do_no_harm(void)
{
	uint64_t rng = 4;
	unsigned ok = 0, flagged = 0;

	for (unsigned i = 0; i < 100000; i++) {
		const struct leat_pkt_spec *spec = &specs[unit_random(&rng) % RTE_DIM(specs)];
		struct given g;
		struct rte_mbuf *m;

		give(&g, spec, unit_random(&rng) % 3 == 0 ? 40 : 0);
		for (unsigned k = unit_random(&rng) % 3; k > 0; k--)
			((uint8_t *)&g.hdr)[unit_random(&rng) % sizeof(g.hdr)] ^=
				(uint8_t)(1u << unit_random(&rng) % 8);
		for (unsigned k = unit_random(&rng) % 3; k > 0; k--)
			bytes[unit_random(&rng) % g.len] = (uint8_t)unit_random(&rng);
		if (unit_random(&rng) % 4 == 0)
			g.len = 1 + unit_random(&rng) % g.len;
		m = packet(&g);
		if (leat_vnet_decode(m, &g.hdr) == 0) {
			ok++;
			CU_ASSERT_FATAL(leat_vnet_encode(m, false, &out) == 0);
			if (m->ol_flags & TX_ALL) {
				flagged++;
				CU_ASSERT_FATAL(m->l2_len + m->l3_len + m->l4_len <= m->data_len);
			}
		}
		rte_pktmbuf_free(m);
	}
	printf("    %u accepted, %u with flags\n", ok, flagged);
	CU_ASSERT(ok > 10000 && flagged > 5000 && ok < 95000);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static const struct unit_case cases[] = {
	UNIT_CASE(plain_frames_have_an_empty_header),
	UNIT_CASE(stripped_tag_goes_back),
	UNIT_CASE(partial_checksums_become_flags),
	UNIT_CASE(extension_headers_are_done_in_software),
	UNIT_CASE(other_protocols_are_done_in_software),
	UNIT_CASE(superframes_become_segmentation),
	UNIT_CASE(one_segment_needs_no_cutting),
	UNIT_CASE(bad_headers_are_refused),
	UNIT_CASE(merged_segments_go_up_as_one),
	UNIT_CASE(bad_mbufs_are_refused),
	UNIT_CASE(long_chains_are_copied),
	UNIT_CASE(random_headers_do_no_harm),
};

int main(void)
{
	if (unit_eal_init() != 0)
		return 1;
	pool = rte_pktmbuf_pool_create("vnet", 8191, 0, 0, 2048 + 128, SOCKET_ID_ANY);
	ind_pool = rte_pktmbuf_pool_create("vnet_i", 4095, 0, 0, 0, SOCKET_ID_ANY);
	if (pool == NULL || ind_pool == NULL)
		return 1;
	return UNIT_RUN("vnet", cases) != 0;
}
