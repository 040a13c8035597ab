// SPDX-License-Identifier: BSD-3-Clause
// UDP datagrams in Ethernet frames, for the tests of udp and sock: the host under test is
// 192.0.2.1, its peer 192.0.2.2.
#ifndef LEAT_TESTS_UDP_FRAME_H
#define LEAT_TESTS_UDP_FRAME_H

#include <string.h>

#include <CUnit/CUnit.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "ip/ip.h"
#include "link/neigh.h"
#include "pktbuf.h"
#include "rig.h"
#include "transport/udp.h"

#define HOST RTE_BE32(0xc0000201u)
#define HOST2 RTE_BE32(0xc6336401u) // in a net of its own
#define PEER RTE_BE32(0xc0000202u)
#define UDP_AT 34 // of the UDP header in a frame without IP options

static const struct rte_ether_addr peer_mac = {{2, 0, 0, 0, 0, 2}};

// The two addresses of the host, and a peer whose MAC is known.
static inline int rig_addresses(struct rig *r)
{
	struct leat_prefix p = {.ip = leat_ip_from_be32(HOST), .len = 24};
	union leat_ip peer = leat_ip_from_be32(PEER);
	int rc = leat_ip_addr_add(r->s, r->iface, &p);

	p.ip = leat_ip_from_be32(HOST2);
	if (rc == 0)
		rc = leat_ip_addr_add(r->s, r->iface, &p);
	if (rc == 0)
		rc = leat_neigh_set_all(r->s, r->iface->idx, &peer, &peer_mac, true);
	leat_lcore_poll(r->lc);
	return rc;
}

static inline void frame_ip(
	const struct rig *r, uint8_t *f, uint32_t src, uint32_t dst, uint8_t proto, uint16_t l4_len)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)f;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);

	eth->dst_addr = r->iface->mac;
	eth->src_addr = peer_mac;
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16(sizeof(*ip) + l4_len),
		.time_to_live = 64,
		.next_proto_id = proto,
		.src_addr = src,
		.dst_addr = dst};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

// A datagram whose payload is len bytes 0, 1, 2 ... Returns the frame's length.
static inline uint32_t frame_udp(const struct rig *r, uint8_t *f, uint32_t src, uint16_t sport,
	uint32_t dst, uint16_t dport, uint16_t len)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(f + UDP_AT);

	for (uint32_t i = 0; i < len; i++)
		f[UDP_AT + sizeof(*udp) + i] = (uint8_t)i;
	*udp = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(sport),
		.dst_port = rte_cpu_to_be_16(dport),
		.dgram_len = rte_cpu_to_be_16(sizeof(*udp) + len)};
	frame_ip(r, f, src, dst, IPPROTO_UDP, sizeof(*udp) + len);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(
		(struct rte_ipv4_hdr *)(f + sizeof(struct rte_ether_hdr)), udp);
	return UDP_AT + sizeof(*udp) + len;
}

// Whether a payload is the bytes 0, 1, 2 ..., len of them.
static inline bool counts_up(const struct rte_mbuf *m, uint32_t len)
{
	uint32_t at = 0;

	if (m->pkt_len != len)
		return false;
	for (; m != NULL; m = m->next)
		for (uint32_t i = 0; i < m->data_len; i++)
			if (*rte_pktmbuf_mtod_offset(m, uint8_t *, i) != (uint8_t)at++)
				return false;
	return at == len;
}

#define PORT 5000

static const struct leat_endpoint at_port = {.port = PORT};
static const struct leat_endpoint peer = {.ip = {.w = {0, 0, RTE_BE32(0xffff), PEER}}, .port = 777};

static inline void open_rig(struct rig *r, bool with_kernel)
{
	CU_ASSERT_EQUAL_FATAL(rig_open(r, NULL, 1500), 0);
	if (with_kernel)
		rig_punt(r);
	CU_ASSERT_EQUAL_FATAL(rig_addresses(r), 0);
}

static inline struct leat_udp_pcb *open_pcb(
	struct rig *r, const struct leat_endpoint *local, const struct leat_endpoint *remote)
{
	struct leat_udp_pcb *u = NULL;

	CU_ASSERT_EQUAL(leat_udp_open(r->lc, local, remote, 0, &u), 0);
	return u;
}

// What comes out, in one piece; 0 without a frame. buf has room for any frame.
static inline uint32_t take_frame(struct rig *r, uint8_t *buf)
{
	struct rte_mbuf *m = rig_take(r);
	uint32_t len;

	if (m == NULL)
		return 0;
	leat_pkt_to_bytes(m, buf);
	len = m->pkt_len;
	rte_pktmbuf_free(m);
	return len;
}

static inline void takes(struct rig *r, struct leat_udp_pcb *u, uint16_t len)
{
	struct leat_endpoint from;
	union leat_ip to;
	struct rte_mbuf *m = leat_udp_recv(r->lc, u, &from, &to);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT(counts_up(m, len));
	CU_ASSERT_EQUAL(leat_ip_be32(from.ip), PEER);
	CU_ASSERT_EQUAL(from.port, 777);
	CU_ASSERT_EQUAL(leat_ip_be32(to), HOST);
	rte_pktmbuf_free(m);
}

#endif
