// SPDX-License-Identifier: BSD-3-Clause
// Neighbours, one table a worker: (interface, address) to MAC, with the states of RFC 4861 7.3.2
// for both families, and a queue of packets that wait for an answer (64 a neighbour).
//
// Learnt from ARP that is seen (the learning worker tells the others), from the kernel's table
// (kni), and by own requests for next hops of the fast path. A full table throws out the entry
// unused the longest that holds no packet.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <rte_ether.h>

#include "core/lcore.h"
#include "link/link.h"

#define LEAT_NEIGH_HOLD 64

enum leat_neigh_state {
	LEAT_NEIGH_INCOMPLETE,
	LEAT_NEIGH_REACHABLE,
	LEAT_NEIGH_STALE,
	LEAT_NEIGH_PROBE,
	LEAT_NEIGH_FAILED,
	LEAT_NEIGH_PERMANENT,
	LEAT_NEIGH_STATE_MAX
};
const char *leat_neigh_state_name(enum leat_neigh_state s);

struct leat_neigh {
	union leat_ip ip;
	uint16_t iface;
	uint8_t state;  // enum leat_neigh_state
	uint8_t probes; // sent in this state
	uint32_t gen;   // changes when the slot is given to another neighbour
	struct rte_ether_addr mac;
	uint16_t n_held;
	struct leat_timer timer;
	struct rte_mbuf *held_head, *held_tail; // by leat_meta.next
	uint64_t used_ns;                       // last packet sent to it
	uint64_t confirmed_ns;                  // last sign of life
};

int leat_neigh_init(struct leat_lcore *lc);
void leat_neigh_fini(struct leat_lcore *lc);

// A hint to a neighbour that a connection or route keeps: compared before use, so it may be stale.
struct leat_neigh_hint {
	uint32_t slot;
	uint32_t gen; // 0: no hint
};

// Send m (data at the L3 header) to next hop ip on the interface: at once if its MAC is known, else
// held while it is asked for. Ownership is taken. hint may be NULL; it is updated. Datapath.
void leat_neigh_output(struct leat_lcore *lc, const struct leat_iface *i, const union leat_ip *ip,
	struct leat_neigh_hint *hint, struct rte_mbuf *m, uint16_t ethertype);

// A packet said that ip on the interface has this MAC. create: make an entry if there is none (it
// was addressed to us); confirmed: it answers a request of ours, so the entry becomes REACHABLE,
// else STALE if the MAC changed. Tells the other workers. Datapath.
void leat_neigh_learn(struct leat_lcore *lc, uint16_t iface, const union leat_ip *ip,
	const struct rte_ether_addr *mac, bool create, bool confirmed);

// The upper layer heard from beyond this neighbour (RFC 4861, 7.3.1): as good as an answer.
// Datapath.
void leat_neigh_confirm(struct leat_lcore *lc, const struct leat_neigh_hint *hint);

// Set or delete by control, on all workers; the kernel's state of it: permanent is never aged or
// overwritten by packets. Main only. 0 or -ENOBUFS.
int leat_neigh_set_all(struct leat_stack *s, uint16_t iface, const union leat_ip *ip,
	const struct rte_ether_addr *mac, bool permanent);
int leat_neigh_del_all(struct leat_stack *s, uint16_t iface, const union leat_ip *ip);

// Copy up to n entries into out, from *cursor (0 at first; updated). Returns how many. In the
// worker's context (leat_msg_call), or by hand.
uint32_t leat_neigh_dump(
	struct leat_lcore *lc, uint32_t *cursor, struct leat_neigh *out, uint32_t n);
