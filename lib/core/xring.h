// SPDX-License-Identifier: BSD-3-Clause
// Packets from one worker to another: a single-producer, single-consumer ring for each ordered
// pair. What the receiver does with a packet is its meta->xop, an index into the stack's table of
// handlers.
#pragma once

#include <stdint.h>

struct leat_lcore;
struct leat_stack;
struct rte_mbuf;

enum leat_xop {
	LEAT_XOP_LOCAL_INPUT, // an IP packet for this host whose flow is the receiver's (ip)
	LEAT_XOP_PORT_TX,     // a frame for a port whose transmit queue is the receiver's (link)
	LEAT_XOP_MAX
};

typedef void (*leat_xop_fn)(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n);

// Set what is done with packets of an operation. Control context, before workers run.
void leat_xring_set(struct leat_stack *s, enum leat_xop op, leat_xop_fn fn);

// Hand m to another worker; ownership is taken. A full ring drops with LEAT_DROP_XRING_FULL.
// Datapath.
void leat_xring_send(struct leat_lcore *lc, uint16_t to, struct rte_mbuf *m, enum leat_xop op);

// Take what others sent. Poll hook of lib/core. Returns packets taken.
uint16_t leat_xring_poll(struct leat_lcore *lc);
