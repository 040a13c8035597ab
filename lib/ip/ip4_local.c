// SPDX-License-Identifier: BSD-3-Clause
// Packets for this host: fragments to reassembly, each flow to its worker, then to the protocol's
// input by batches. Called by ip4_input.c, and by the ring from other workers.
//
// Steering. Fragments have no ports, so that a NIC spreads them otherwise than the flow's other
// packets: all of one pair of addresses meet at one worker. A whole packet stays where it came in,
// unless its port has fewer receive queues than there are workers: then leat_flow_hash() says whose
// it is.
#include <netinet/in.h>
#include <rte_udp.h>

#include "ip/claim.h"
#include "ip/icmp.h"
#include "ip/ip_private.h"
#include "link/port.h"

#define PROTO_IGMP 2
#define PROTO_EIGRP 88
#define PROTO_OSPF 89
#define PROTO_PIM 103
#define PROTO_VRRP 112
#define PORT_DHCP_SERVER 67
#define PORT_DHCP_CLIENT 68
#define PORT_BGP 179
#define PORT_RIP 520
#define PORT_BFD 3784
#define PORT_BFD_ECHO 3785
#define PORT_BFD_MULTIHOP 4784

bool leat_ip4_ports(struct rte_mbuf *m, uint16_t *src, uint16_t *dst)
{
	const struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);
	struct rte_udp_hdr copy; // whose ports stand where TCP's do; packed, as packets are
	const struct rte_udp_hdr *p;

	if ((ip->next_proto_id != IPPROTO_TCP && ip->next_proto_id != IPPROTO_UDP) ||
		leat_ip4_is_fragment(ip))
		return false;
	p = rte_pktmbuf_read(m, m->l2_len + m->l3_len, 4, &copy); // there may be no more
	if (p == NULL)
		return false;
	*src = rte_be_to_cpu_16(p->src_port);
	*dst = rte_be_to_cpu_16(p->dst_port);
	return true;
}

static enum leat_punt_class class_of_ports(uint8_t proto, uint16_t src, uint16_t dst)
{
	if (proto == IPPROTO_TCP)
		return src == PORT_BGP || dst == PORT_BGP ? LEAT_PUNT_ROUTING : LEAT_PUNT_MAX;
	switch (dst) {
	case PORT_DHCP_SERVER:
	case PORT_DHCP_CLIENT:
		return LEAT_PUNT_DHCP;
	case PORT_RIP:
	case PORT_BFD:
	case PORT_BFD_ECHO:
	case PORT_BFD_MULTIHOP:
		return LEAT_PUNT_ROUTING;
	}
	return LEAT_PUNT_MAX;
}

enum leat_punt_class leat_ip4_punt_class(struct rte_mbuf *m, enum leat_punt_class otherwise)
{
	uint8_t proto = leat_ip4_hdr(m)->next_proto_id;
	enum leat_punt_class c = LEAT_PUNT_MAX;
	uint16_t src, dst;

	switch (proto) {
	case PROTO_IGMP:
	case PROTO_EIGRP:
	case PROTO_OSPF:
	case PROTO_PIM:
	case PROTO_VRRP:
		return LEAT_PUNT_ROUTING;
	}
	if (leat_ip4_ports(m, &src, &dst))
		c = class_of_ports(proto, src, dst);
	return c != LEAT_PUNT_MAX ? c : otherwise;
}

// ---- steering ----

static uint32_t hash_pair(
	uint32_t a_be, uint32_t b_be, uint16_t a_port, uint16_t b_port, uint8_t proto)
{
	union leat_ip a = leat_ip_from_be32(a_be), b = leat_ip_from_be32(b_be);

	return leat_flow_hash(&a, &b, a_port, b_port, proto);
}

// An ICMP error belongs where the flow is that it quotes. Returns false when it quotes none.
static bool hash_quoted(struct rte_mbuf *m, uint32_t *hash)
{
	uint8_t copy[8 + 60 + 4];
	uint32_t off = m->l2_len + m->l3_len;
	uint32_t len = RTE_MIN(m->pkt_len - off, (uint32_t)sizeof(copy));
	const uint8_t *p = rte_pktmbuf_read(m, off, len, copy);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(p + 8);
	const struct rte_udp_hdr *ports;

	if (p == NULL || len < 8 + sizeof(*ip))
		return false;
	if (p[0] != LEAT_ICMP_UNREACH && p[0] != LEAT_ICMP_TIME_EXCEEDED &&
		p[0] != LEAT_ICMP_PARAM_PROBLEM)
		return false;
	if (ip->version_ihl >> 4 != 4 || rte_ipv4_hdr_len(ip) < sizeof(*ip) ||
		len < 8u + rte_ipv4_hdr_len(ip) + 4 ||
		(ip->next_proto_id != IPPROTO_TCP && ip->next_proto_id != IPPROTO_UDP))
		return false;
	ports = (const struct rte_udp_hdr *)((const uint8_t *)ip + rte_ipv4_hdr_len(ip));
	*hash = hash_pair(ip->src_addr, ip->dst_addr, rte_be_to_cpu_16(ports->src_port),
		rte_be_to_cpu_16(ports->dst_port), ip->next_proto_id);
	return true;
}

uint32_t leat_ip4_flow_hash(struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);
	uint16_t src = 0, dst = 0;
	uint32_t hash;

	if (ip->next_proto_id == IPPROTO_ICMP && !leat_ip4_is_fragment(ip) && hash_quoted(m, &hash))
		return hash;
	leat_ip4_ports(m, &src, &dst);
	return hash_pair(ip->src_addr, ip->dst_addr, src, dst, ip->next_proto_id);
}

// Give a packet to the worker that owns its hash. Returns false when that is this one.
static bool steer(struct leat_lcore *lc, struct rte_mbuf *m, uint32_t hash)
{
	uint16_t owner = leat_flow_owner(lc, hash);

	if (owner == lc->id)
		return false;
	leat_xring_send(lc, owner, m, LEAT_XOP_LOCAL_INPUT);
	return true;
}

static bool steer_whole(struct leat_lcore *lc, struct rte_mbuf *m)
{
	const struct leat_iface *i = leat_iface_at(lc->stack, leat_meta(m)->iface);
	uint32_t hash;

	if (likely(i->port->n_rxq >= lc->stack->n_lcores))
		return false;
	hash = leat_ip4_flow_hash(m);
	leat_meta(m)->hash = hash;
	return steer(lc, m, hash);
}

// ---- delivery ----

// No protocol of ours: the kernel's, or nobody's (RFC 1122, 3.2.2.1).
static void nobody(struct leat_lcore *lc, struct rte_mbuf *m)
{
	if (lc->stack->punt != NULL) {
		leat_punt(lc, m, leat_ip4_punt_class(m, LEAT_PUNT_LOCAL));
		return;
	}
	leat_icmp_error_output(lc, m, LEAT_ICMP_UNREACH, LEAT_ICMP_UNREACH_PROTO, 0);
	leat_drop(lc, m, LEAT_DROP_IP4_PROTO);
}

// Batches by protocol, each in the order of arrival.
static void deliver(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	while (n != 0) {
		uint8_t proto = leat_ip4_hdr(pkts[0])->next_proto_id;
		leat_input_fn fn = lc->stack->proto_input[proto];
		struct rte_mbuf *same[LEAT_BURST];
		uint16_t k = 0, rest = 0;

		for (uint16_t i = 0; i < n; i++) {
			if (likely(leat_ip4_hdr(pkts[i])->next_proto_id == proto))
				same[k++] = pkts[i];
			else
				pkts[rest++] = pkts[i];
		}
		n = rest;
		if (likely(fn != NULL)) {
			fn(lc, same, k);
			continue;
		}
		for (uint16_t i = 0; i < k; i++)
			nobody(lc, same[i]);
	}
}

// A fragment: NULL when it was taken, else what is to be delivered.
static __rte_noinline struct rte_mbuf *fragment_input(
	struct leat_lcore *lc, struct rte_mbuf *m, bool may_steer)
{
	const struct leat_stack *s = lc->stack;
	const struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);
	struct leat_stage_frame f;

	// Nothing of ours can be in it: the kernel puts it together, or it is refused as any other.
	if (s->proto_input[ip->next_proto_id] == NULL && !leat_claim_any(s, ip->next_proto_id))
		return m;
	if (s->n_lcores > 1 && may_steer &&
		steer(lc, m, hash_pair(ip->src_addr, ip->dst_addr, 0, 0, ip->next_proto_id)))
		return NULL;
	f = leat_stage_enter(lc, LEAT_STAGE_IP4_REASS, 1);
	m = leat_reass_input(lc, m);
	leat_stage_leave(lc, LEAT_STAGE_IP4_REASS, f);
	if (m != NULL && s->n_lcores > 1 && steer_whole(lc, m))
		return NULL;
	return m;
}

static void local_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n, bool may_steer)
{
	bool steering = may_steer && lc->stack->n_lcores > 1;
	struct rte_mbuf *mine[LEAT_BURST];
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (unlikely(leat_ip4_is_fragment(leat_ip4_hdr(m)))) {
			m = fragment_input(lc, m, may_steer);
			if (m == NULL)
				continue;
		} else if (steering && steer_whole(lc, m)) {
			continue;
		}
		mine[k++] = m;
	}
	if (k != 0)
		deliver(lc, mine, k);
}

void leat_ip4_local(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	local_input(lc, pkts, n, true);
}

void leat_ip4_local_xop(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	local_input(lc, pkts, n, false);
}
