// SPDX-License-Identifier: BSD-3-Clause
// A port's burst to the layer above. Called by port.c.
#include "link/eth.h"

#include <rte_ether.h>

#include "link/port.h"
#include "pkt/pullup.h"

// What a frame brings of the sender's transmit requests (ring ports deliver foreign mbufs) says
// nothing here.
#define TX_FLAGS (RTE_MBUF_F_TX_OFFLOAD_MASK | RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6)

// The frames of a burst by what is above.
struct sorted {
	uint16_t n[LEAT_L3_MAX];
	struct rte_mbuf *pkts[LEAT_L3_MAX][LEAT_BURST];
};

static enum leat_l3 classify(const struct rte_ether_hdr *eh)
{
	switch (eh->ether_type) {
	case RTE_BE16(RTE_ETHER_TYPE_IPV4):
		return LEAT_L3_IP4;
	case RTE_BE16(RTE_ETHER_TYPE_IPV6):
		return LEAT_L3_IP6;
	case RTE_BE16(RTE_ETHER_TYPE_ARP):
		return LEAT_L3_ARP;
	default:
		return LEAT_L3_OTHER; // 802.3 lengths too: spanning tree, LLDP, IS-IS
	}
}

// Move a VLAN tag in the frame into vlan_tci. Returns false when the frame is too short or has no
// room.
static bool untag(struct leat_lcore *lc, struct rte_mbuf **m)
{
	if (leat_pkt_pullup(
		    m, sizeof(struct rte_ether_hdr) + sizeof(struct rte_vlan_hdr), lc->pool) != 0)
		return false;
	return rte_vlan_strip(*m) == 0;
}

// Interface of a frame; 0 when its VLAN has none.
static uint16_t find_iface(const struct leat_port *port, const struct rte_mbuf *m)
{
	uint16_t vid = 0;

	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		vid = m->vlan_tci & 0xfff;
	return vid == 0 ? port->iface : port->vlan_iface[vid & 0xfff]; // VID 0 is a priority tag
}

// Checks of the destination and source address. Returns 0 or the reason to drop.
static enum leat_drop check_addrs(
	const struct leat_iface *i, const struct rte_ether_hdr *eh, struct leat_meta *meta)
{
	if (unlikely(!i->up))
		return LEAT_DROP_IFACE_DOWN;
	if (unlikely(rte_is_multicast_ether_addr(&eh->src_addr) ||
		     rte_is_same_ether_addr(&eh->src_addr, &i->mac)))
		return LEAT_DROP_ETH_SRC; // af_packet shows us what the kernel itself sends there
	if (unlikely(rte_is_multicast_ether_addr(&eh->dst_addr)))
		meta->flags |= LEAT_META_BROADCAST;
	else if (unlikely(!rte_is_same_ether_addr(&eh->dst_addr, &i->mac)))
		return LEAT_DROP_ETH_DST;
	return 0;
}

// A frame of a VLAN that has no interface: the kernel's, with its tag, or nobody's.
static void unknown_vlan(struct leat_lcore *lc, const struct leat_port *port, struct rte_mbuf *m)
{
	leat_meta(m)->iface = port->iface;
	if (lc->stack->punt != NULL)
		leat_punt(lc, m, LEAT_PUNT_OTHER);
	else
		leat_drop(lc, m, LEAT_DROP_VLAN_UNKNOWN);
}

static void one(
	struct leat_lcore *lc, struct leat_port *port, struct rte_mbuf *m, struct sorted *out)
{
	const struct rte_ether_hdr *eh;
	struct leat_meta *meta;
	enum leat_drop why;
	enum leat_l3 l3;

	*leat_meta(m) = (struct leat_meta){0};
	m->ol_flags &= ~TX_FLAGS;
	m->tx_offload = sizeof(struct rte_ether_hdr); // l2_len, nothing else
	if (unlikely(leat_pkt_pullup(&m, sizeof(*eh), lc->pool) != 0)) {
		leat_drop(lc, m, LEAT_DROP_ETH_SHORT);
		return;
	}
	eh = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	if (unlikely(eh->ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN) &&
		     !(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED))) {
		if (!untag(lc, &m)) {
			leat_drop(lc, m, LEAT_DROP_ETH_SHORT);
			return;
		}
		eh = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	}
	meta = leat_meta(m);
	meta->iface = find_iface(port, m);
	if (unlikely(meta->iface == 0)) {
		unknown_vlan(lc, port, m);
		return;
	}
	why = check_addrs(lc->stack->link->ifaces[meta->iface], eh, meta);
	if (unlikely(why != 0)) {
		leat_drop(lc, m, why);
		return;
	}
	l3 = classify(eh);
	out->pkts[l3][out->n[l3]++] = m;
}

static void deliver(struct leat_lcore *lc, enum leat_l3 l3, struct rte_mbuf **pkts, uint16_t n)
{
	leat_input_fn fn = lc->stack->l3_input[l3];

	if (likely(fn != NULL)) {
		fn(lc, pkts, n);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		if (lc->stack->punt != NULL)
			leat_punt(lc, pkts[i], LEAT_PUNT_OTHER);
		else
			leat_drop(lc, pkts[i], LEAT_DROP_ETH_TYPE);
	}
}

void leat_eth_input(
	struct leat_lcore *lc, struct leat_port *port, struct rte_mbuf **pkts, uint16_t n)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_ETH_INPUT, n);
	struct sorted s;

	for (int l3 = 0; l3 < LEAT_L3_MAX; l3++)
		s.n[l3] = 0;
	for (uint16_t i = 0; i < n; i++)
		one(lc, port, pkts[i], &s);
	for (int l3 = 0; l3 < LEAT_L3_MAX; l3++)
		if (s.n[l3] != 0)
			deliver(lc, l3, s.pkts[l3], s.n[l3]);
	leat_stage_leave(lc, LEAT_STAGE_ETH_INPUT, f);
}
