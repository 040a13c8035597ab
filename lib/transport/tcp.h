// SPDX-License-Identifier: BSD-3-Clause
// TCP beyond what transport.h offers to sockets: start and end for transport.c, the entries that ip
// calls, and what leatctl looks at. RFC 9293.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/lcore.h"
#include "core/slab.h"
#include "transport/transport.h"

struct leat_icmp_error;

// Called by leat_transport_init() after s->transport->ops is set, and by leat_transport_fini().
// init registers with ip, makes lc->tcp of every lcore and takes its LEAT_POLL_OUTPUT hook; 0,
// -EEXIST, -ENOMEM, with nothing left behind. Control context.
int leat_tcp_init(struct leat_stack *s);
void leat_tcp_fini(struct leat_stack *s);

// ---- the worker's thread ----

// Segments for this host: data at the Ethernet header, l2_len and l3_len set. IP protocol handler.
void leat_tcp_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n);
// An ICMP error that quotes a segment. IP protocol handler.
bool leat_tcp_icmp_error(struct leat_lcore *lc, const struct leat_icmp_error *e);
// Serve the connections that have something to send. LEAT_POLL_OUTPUT hook.
uint16_t leat_tcp_output(struct leat_lcore *lc, void *ctx);

// The i-th of TCP's slabs (connections, half-open, TIME_WAIT, listeners), NULL beyond the last. Any
// context, for statistics.
const struct leat_slab *leat_tcp_slab(const struct leat_lcore *lc, unsigned i);
