// SPDX-License-Identifier: BSD-3-Clause
// Ports: any ethdev port, what it offloads, its queues, and the transmit side down to the driver.
//
// Offloads are asked for by mbuf flags and lengths as DPDK defines them (RTE_MBUF_F_TX_*); what the
// port can't do, port_output does in software: checksums, segmentation (pkt/gso.h), VLAN tags,
// chains into one buffer. On receive, what the port did not verify is UNKNOWN and verified by the
// stage that needs it.
//
//   main:   leat_port_open(), leat_iface_add(), leat_port_start() ... leat_port_stop(),
//   leat_port_close() worker: leat_port_poll() takes bursts of its queues; leat_port_tx() queues;
//   leat_port_flush() sends
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <rte_ethdev.h>

#include "core/lcore.h"
#include "link/link.h"

#define LEAT_TXQ_LEN 4096 // packets that one worker may queue for one port; a power of two

struct leat_port {
	uint16_t idx;         // in link->ports
	uint16_t port_id;     // ethdev
	uint16_t n_rxq;       // receive queue q belongs to worker q (mod workers)
	uint16_t n_txq;       // workers beyond share by a ring to worker (id mod n_txq)
	uint64_t tx_offloads; // RTE_ETH_TX_OFFLOAD_* in force
	uint64_t rx_offloads; // RTE_ETH_RX_OFFLOAD_* in force
	uint16_t mtu;
	uint16_t rx_first; // worker of receive queue 0
	bool started;
	bool plugged; // leat_port_open() made the device; closing removes it
	struct rte_ether_addr mac;
	uint16_t iface;            // its untagged interface, 0 before leat_iface_add()
	uint16_t vlan_iface[4096]; // by VLAN id, 0 without
	char name[LEAT_NAME_LEN];
	char device[128]; // EAL name
};

struct leat_port_conf {
	const char *name;   // in Leat
	const char *device; // PCI address or vdev with arguments; plugged when no such port exists
	int port_id;        // >= 0: an ethdev port that exists; device may be NULL
	uint16_t mtu;       // 576..9000
	unsigned rx_desc;   // 0: the driver's choice or 512
	unsigned tx_desc;
};

// Plug (if need be) and configure a port: queues for all workers as far as it has them, its
// offloads, promiscuous off, all-multicast on. Returns 0 and *out; on error -errno and a text in
// err: what failed and the driver's words. Control context, before workers run.
int leat_port_open(struct leat_stack *s, const struct leat_port_conf *conf, struct leat_port **out,
	char *err, size_t err_len);
int leat_port_start(struct leat_stack *s, struct leat_port *p);
void leat_port_stop(struct leat_stack *s, struct leat_port *p);
// Stop, free queued packets, close; unplug if leat_port_open() had plugged it.
void leat_port_close(struct leat_stack *s, struct leat_port *p);

// Queue a complete frame on the interface's port; the VLAN tag of the interface is added. m->l2_len
// is the Ethernet header without tag. Ownership is taken. Datapath.
void leat_port_tx(struct leat_lcore *lc, const struct leat_iface *i, struct rte_mbuf *m);

// Packets that can be queued for the port before it drops. Datapath.
uint16_t leat_port_tx_room(const struct leat_lcore *lc, const struct leat_port *p);

// True when the port itself cuts segments that leat_port_tx() gets with RTE_MBUF_F_TX_TCP_SEG.
// Datapath.
static inline bool leat_port_has_tso(const struct leat_port *p)
{
	return p->tx_offloads & RTE_ETH_TX_OFFLOAD_TCP_TSO;
}

// Set the MTU of the port, in bytes of an IP packet. 0 or the driver's -errno; ports that know no
// MTU take any. Main.
int leat_port_set_mtu(struct leat_port *p, uint16_t mtu);

// Poll hooks: receive bursts of all queues of this worker; send what is queued.
uint16_t leat_port_poll(struct leat_lcore *lc, void *ctx);
uint16_t leat_port_flush(struct leat_lcore *lc, void *ctx);

// Frames queued and not yet taken by drivers. Any context.
uint32_t leat_port_queued(const struct leat_lcore *lc);
