// SPDX-License-Identifier: BSD-3-Clause
// ARP (RFC 826): learning, answering without a TAP, asking. Called by eth_input.c and neigh.c.
#include "link/eth.h"

#include <rte_arp.h>

#include "link/neigh.h"
#include "link/port.h"
#include "pkt/pullup.h"

#define ARP_LEN (sizeof(struct rte_ether_hdr) + sizeof(struct rte_arp_hdr))

// Hardware, protocol and lengths (RFC 826), and a sender that can be a neighbour.
static bool valid(const struct rte_arp_hdr *a)
{
	return a->arp_hardware == RTE_BE16(RTE_ARP_HRD_ETHER) &&
	       a->arp_protocol == RTE_BE16(RTE_ETHER_TYPE_IPV4) && a->arp_hlen == 6 &&
	       a->arp_plen == 4 && !rte_is_multicast_ether_addr(&a->arp_data.arp_sha) &&
	       (a->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST) ||
		       a->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY));
}

static bool is_local(const struct leat_iface *i, const union leat_ip *ip)
{
	const struct leat_ifaddrs *addrs = leat_rcu_get(i->addrs);

	for (uint16_t k = 0; k < addrs->n; k++)
		if (leat_ip_equal(addrs->a[k].ip, *ip))
			return true;
	return false;
}

static void learn(
	struct leat_lcore *lc, const struct leat_iface *i, const struct rte_arp_hdr *a, bool for_us)
{
	union leat_ip sender = leat_ip_from_be32(a->arp_data.arp_sip);

	if (a->arp_data.arp_sip ==
		0) // a probe for duplicates (RFC 5227) says nothing of its sender
		return;
	if (is_local(i, &sender)) // somebody else claims our address: the kernel deals with it
		return;
	leat_neigh_learn(lc, i->idx, &sender, &a->arp_data.arp_sha, for_us,
		for_us && a->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY));
}

static void fill(struct rte_arp_hdr *a, uint16_t op)
{
	a->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	a->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	a->arp_hlen = 6;
	a->arp_plen = 4;
	a->arp_opcode = rte_cpu_to_be_16(op);
}

// New packet with an ARP header in it, data at that header. NULL without a buffer.
static struct rte_mbuf *make(struct leat_lcore *lc, uint16_t op)
{
	struct rte_mbuf *m = leat_create(lc);

	if (m == NULL) {
		lc->drops[LEAT_DROP_NO_MBUF]++;
		lc->count.created++; // meant, and lost at once
		return NULL;
	}
	m->data_len = m->pkt_len = sizeof(struct rte_arp_hdr);
	fill(rte_pktmbuf_mtod(m, struct rte_arp_hdr *), op);
	return m;
}

static void reply(struct leat_lcore *lc, const struct leat_iface *i, const struct rte_arp_hdr *req)
{
	struct rte_mbuf *m = make(lc, RTE_ARP_OP_REPLY);
	struct rte_arp_hdr *a;

	if (m == NULL)
		return;
	a = rte_pktmbuf_mtod(m, struct rte_arp_hdr *);
	a->arp_data.arp_sha = i->mac;
	a->arp_data.arp_sip = req->arp_data.arp_tip;
	a->arp_data.arp_tha = req->arp_data.arp_sha;
	a->arp_data.arp_tip = req->arp_data.arp_sip;
	leat_eth_output(lc, i, m, &req->arp_data.arp_sha, RTE_ETHER_TYPE_ARP);
}

static void one(struct leat_lcore *lc, struct rte_mbuf *m)
{
	const struct leat_iface *i = lc->stack->link->ifaces[leat_meta(m)->iface];
	const struct rte_arp_hdr *a;
	union leat_ip target;
	bool for_us;

	if (leat_pkt_pullup(&m, ARP_LEN, lc->pool) != 0) {
		leat_drop(lc, m, LEAT_DROP_ARP_SHORT);
		return;
	}
	a = rte_pktmbuf_mtod_offset(m, const struct rte_arp_hdr *, sizeof(struct rte_ether_hdr));
	if (!valid(a)) {
		leat_drop(lc, m, LEAT_DROP_ARP_BAD);
		return;
	}
	target = leat_ip_from_be32(a->arp_data.arp_tip);
	for_us = is_local(i, &target);
	if (!lc->stack->conf.bypass)
		learn(lc, i, a, for_us);
	if (lc->stack->punt != NULL) { // the kernel alone answers
		leat_punt(lc, m, LEAT_PUNT_ARP);
		return;
	}
	if (for_us && a->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST))
		reply(lc, i, a);
	leat_consume(lc, m);
}

void leat_arp_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_ARP_INPUT, n);

	for (uint16_t i = 0; i < n; i++)
		one(lc, pkts[i]);
	leat_stage_leave(lc, LEAT_STAGE_ARP_INPUT, f);
}

void leat_arp_request(struct leat_lcore *lc, const struct leat_iface *i,
	const union leat_ip *target, const struct rte_ether_addr *dst)
{
	static const struct rte_ether_addr broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct rte_mbuf *m;
	struct rte_arp_hdr *a;
	union leat_ip src;

	if (!leat_ip_is4(*target) || !leat_iface_source(i, target, &src))
		return; // no address to ask from
	m = make(lc, RTE_ARP_OP_REQUEST);
	if (m == NULL)
		return;
	a = rte_pktmbuf_mtod(m, struct rte_arp_hdr *);
	a->arp_data.arp_sha = i->mac;
	a->arp_data.arp_sip = leat_ip_be32(src);
	a->arp_data.arp_tha = (struct rte_ether_addr){{0}};
	a->arp_data.arp_tip = leat_ip_be32(*target);
	leat_eth_output(lc, i, m, dst != NULL ? dst : &broadcast, RTE_ETHER_TYPE_ARP);
}
