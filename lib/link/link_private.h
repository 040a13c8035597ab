// SPDX-License-Identifier: BSD-3-Clause
// A worker's state in the link layer; between the files of lib/link.
#pragma once

#include "link/neigh.h"
#include "link/port.h"

// What one worker has queued for one port: head..tail of a ring of pointers.
struct leat_txq {
	uint32_t head, tail;
	uint16_t port_id;
	uint16_t queue;
	struct rte_mbuf *pkts[LEAT_TXQ_LEN];
};

struct leat_rxq {
	struct leat_port *port;
	uint16_t queue;
};

struct leat_link_lcore {
	uint16_t n_rxq;
	uint16_t n_txq;
	struct leat_rxq rxq[LEAT_MAX_PORTS];
	struct leat_txq *txq[LEAT_MAX_PORTS];      // by port index; NULL: another worker's ring
	struct leat_txq *txq_list[LEAT_MAX_PORTS]; // those that there are
	struct leat_neigh_table *neigh;
};

// port_output.c: registers what is done with frames that other workers hand over.
void leat_port_output_init(struct leat_stack *s);
