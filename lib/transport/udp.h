// SPDX-License-Identifier: BSD-3-Clause
// UDP beyond what transport.h offers to sockets: start and end for transport.c, and what sock and
// leatctl look at. RFC 768, 1122 4.1.
#pragma once

#include <stdint.h>

#include "core/lcore.h"
#include "core/slab.h"
#include "transport/transport.h"

#define LEAT_UDP_QUEUE_MAX 1024    // datagrams that wait in one endpoint
#define LEAT_UDP_PAYLOAD_MAX 65507 // 65535 less the headers of IPv4 and UDP

// Called by leat_transport_init() after s->transport->ops is set, and by leat_transport_fini().
// init registers with ip and makes lc->udp of every lcore; 0, -EEXIST, -ENOMEM, with nothing left
// behind. Control context.
int leat_udp_init(struct leat_stack *s);
void leat_udp_fini(struct leat_stack *s);

// ---- the worker's thread ----

// Datagrams for this host: data at the Ethernet header, l2_len and l3_len set. IP protocol handler.
void leat_udp_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n);

void leat_udp_info(const struct leat_udp_pcb *u, struct leat_transport_info *out);
// Datagrams that wait.
uint32_t leat_udp_queued(const struct leat_udp_pcb *u);
// The endpoints' memory, for statistics.
const struct leat_slab *leat_udp_slab(const struct leat_lcore *lc);
