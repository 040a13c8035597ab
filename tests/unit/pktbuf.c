// SPDX-License-Identifier: BSD-3-Clause
// Test packets in exact-size buffers, for the unit tests of whatever reads packets.

#include "pktbuf.h"

#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "unit.h"

struct exact {
	struct rte_mbuf_ext_shared_info shinfo;
	void *data;
};

static void free_exact(void *addr, void *opaque)
{
	struct exact *e = opaque;

	(void)addr;
	free(e->data);
	free(e);
}

static struct rte_mbuf *segment(struct rte_mempool *pool, const char *bytes, uint16_t len)
{
	struct exact *e = calloc(1, sizeof(*e));
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (e != NULL)
		e->data = malloc(len);
	if (m == NULL || e == NULL || e->data == NULL) {
		if (e != NULL)
			free(e->data);
		free(e);
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(e->data, bytes, len);
	e->shinfo.free_cb = free_exact;
	e->shinfo.fcb_opaque = e;
	rte_mbuf_ext_refcnt_set(&e->shinfo, 1);
	rte_pktmbuf_attach_extbuf(m, e->data, (rte_iova_t)(uintptr_t)e->data, len, &e->shinfo);
	m->data_len = len;
	m->pkt_len = len;
	return m;
}

struct rte_mbuf *leat_pkt_from_bytes_exact(struct rte_mempool *pool, const void *bytes,
	uint32_t len, const uint32_t *cuts, uint32_t ncuts)
{
	struct rte_mbuf *first = NULL;
	struct rte_mbuf *last = NULL;
	uint32_t from = 0;

	for (uint32_t i = 0; i <= ncuts; i++) {
		uint32_t to = i < ncuts ? cuts[i] : len;
		struct rte_mbuf *m =
			segment(pool, (const char *)bytes + from, (uint16_t)(to - from));

		if (m == NULL) {
			rte_pktmbuf_free(first);
			return NULL;
		}
		if (first == NULL) {
			first = m;
		} else {
			last->next = m;
			first->nb_segs++;
			first->pkt_len += m->data_len;
		}
		last = m;
		from = to;
	}
	return first;
}

void leat_pkt_to_bytes(const struct rte_mbuf *m, void *to)
{
	char *p = to;
	uint32_t segs = 0;

	for (const struct rte_mbuf *seg = m; seg != NULL; seg = seg->next, segs++) {
		if (p + seg->data_len > (char *)to + m->pkt_len) {
			CU_FAIL("more data than pkt_len");
			return;
		}
		memcpy(p, rte_pktmbuf_mtod(seg, const char *), seg->data_len);
		p += seg->data_len;
	}
	CU_ASSERT_EQUAL((uint32_t)(p - (char *)to), m->pkt_len);
	CU_ASSERT_EQUAL(segs, m->nb_segs);
}

static uint8_t *put_l2(uint8_t *p, const struct leat_pkt_spec *spec)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	rte_be16_t tag[2] = {rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(42)};
	rte_be16_t type = rte_cpu_to_be_16(spec->v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);

	memcpy(p, macs, sizeof(macs));
	p += sizeof(macs);
	for (int i = 0; i < spec->vlans; i++, p += sizeof(tag))
		memcpy(p, tag, sizeof(tag));
	memcpy(p, &type, sizeof(type));
	return p + sizeof(type);
}

static uint8_t *put_l3(uint8_t *p, const struct leat_pkt_spec *spec, uint32_t l4_len)
{
	uint8_t proto = spec->udp ? IPPROTO_UDP : IPPROTO_TCP;
	struct rte_ipv6_hdr *ip6 = (struct rte_ipv6_hdr *)p;
	struct rte_ipv4_hdr *ip4 = (struct rte_ipv4_hdr *)p;

	if (!spec->v6) {
		*ip4 = (struct rte_ipv4_hdr){.version_ihl = 0x45,
			.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip4) + l4_len)),
			.packet_id = rte_cpu_to_be_16(spec->ip_id),
			.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
			.time_to_live = 64,
			.next_proto_id = proto,
			.src_addr = rte_cpu_to_be_32(0xc0000201),
			.dst_addr = rte_cpu_to_be_32(0xc6336402)};
		return p + sizeof(*ip4);
	}
	memset(ip6, 0, sizeof(*ip6));
	ip6->vtc_flow = rte_cpu_to_be_32(0x60012345);
	ip6->payload_len = rte_cpu_to_be_16((uint16_t)(spec->v6_options * 8 + l4_len));
	ip6->proto = spec->v6_options > 0 ? IPPROTO_DSTOPTS : proto;
	ip6->hop_limits = 64;
	memcpy(&ip6->src_addr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	memcpy(&ip6->dst_addr, "\x20\x01\x0d\xb8\xff\xff\0\0\0\0\0\0\0\0\0\2", 16);
	p += sizeof(*ip6);
	for (int i = 1; i <= spec->v6_options; i++, p += 8) {
		memcpy(p, "\0\0\1\4\0\0\0\0", 8);
		p[0] = i < spec->v6_options ? IPPROTO_DSTOPTS : proto;
	}
	return p;
}

static uint8_t *put_l4(uint8_t *p, const struct leat_pkt_spec *spec)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)p;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)p;

	if (spec->udp) {
		*udp = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(4000),
			.dst_port = rte_cpu_to_be_16(53),
			.dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(*udp) + spec->payload))};
		return p + sizeof(*udp);
	}
	*tcp = (struct rte_tcp_hdr){.src_port = rte_cpu_to_be_16(4000),
		.dst_port = rte_cpu_to_be_16(80),
		.sent_seq = rte_cpu_to_be_32(spec->seq),
		.recv_ack = rte_cpu_to_be_32(77),
		.data_off = 8 << 4,
		.tcp_flags = spec->tcp_flags,
		.rx_win = rte_cpu_to_be_16(1000)};
	memcpy(tcp + 1, "\1\1\x8\xa\0\0\0\1\0\0\0\2", 12);
	return p + sizeof(*tcp) + 12;
}

uint32_t leat_pkt_frame(uint8_t *buf, const struct leat_pkt_spec *spec, struct rte_mbuf *layout)
{
	uint32_t l4_hdr = spec->udp ? sizeof(struct rte_udp_hdr) : sizeof(struct rte_tcp_hdr) + 12;
	uint8_t *l3 = put_l2(buf, spec);
	uint8_t *l4 = put_l3(l3, spec, l4_hdr + spec->payload);
	uint8_t *data = put_l4(l4, spec);

	for (uint32_t i = 0; i < spec->payload; i++)
		data[i] = leat_pkt_pattern(i);
	layout->l2_len = (uint64_t)(l3 - buf) & 0x7f;
	layout->l3_len = (uint64_t)(l4 - l3) & 0x1ff;
	layout->l4_len = (uint64_t)(data - l4) & 0xff;
	return (uint32_t)(data - buf) + spec->payload;
}
