// SPDX-License-Identifier: BSD-3-Clause
// Ethernet and VLAN: from a port's burst to the layer above by ethertype, and the header downwards.
#pragma once

#include "core/lcore.h"
#include "core/rcu.h"
#include "link/link.h"

// Frames of one port, as received: n of 1..LEAT_BURST, data at the Ethernet header; ownership is
// taken. Sets meta iface and m->l2_len; strips a VLAN tag into vlan_tci; hands batches to
// stack->l3_input. Datapath. IEEE 802.3, 802.1Q.
void leat_eth_input(
	struct leat_lcore *lc, struct leat_port *port, struct rte_mbuf **pkts, uint16_t n);

// Prepend the Ethernet header (destination dst, source the interface's MAC) and queue on the port.
// m's data starts at the L3 header; needs 14 bytes of headroom. Ownership is taken. Datapath.
void leat_eth_output(struct leat_lcore *lc, const struct leat_iface *i, struct rte_mbuf *m,
	const struct rte_ether_addr *dst, uint16_t ethertype);

// ARP of interfaces (RFC 826, 1122 2.3.2): learns; with a TAP every packet goes on to the kernel,
// which alone answers; without, Leat answers for the interface's addresses. l3_input of
// LEAT_L3_ARP.
void leat_arp_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n);

// Ask for `target` on the interface, by broadcast, or by unicast to `dst` when not NULL. Datapath.
void leat_arp_request(struct leat_lcore *lc, const struct leat_iface *i,
	const union leat_ip *target, const struct rte_ether_addr *dst);
