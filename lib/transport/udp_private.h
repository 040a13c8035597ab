// SPDX-License-Identifier: BSD-3-Clause
// What udp.c and udp_input.c share: an endpoint, and a worker's UDP.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/slab.h"
#include "ip/ip.h"
#include "transport/demux.h"
#include "transport/transport.h"

#define LEAT_UDP_PORT_FIRST 49152u // dynamic ports, RFC 6335
#define LEAT_UDP_PORT_LAST 65535u

// The last way used, for the next datagram to the same peer.
struct leat_udp_way {
	struct leat_dst dst; // epoch 0: none
	struct leat_endpoint to;
	union leat_ip wanted, src; // source asked for (any: the route's), and used
};

struct leat_udp_pcb {
	bool connected;
	uint32_t owner;
	// Datagrams that wait, by leat_meta.next. They are whole frames, as they came: where from
	// and where to is read from their headers when they are taken, so nothing has to be stored
	// beside them, whatever family, buffer or headroom they have.
	struct rte_mbuf *head, *tail;
	uint32_t n_queued;
	uint32_t truesize; // memory that they hold
	uint32_t payload;  // their bytes of payload
	struct leat_endpoint local, remote;
	struct leat_udp_way way;
};

struct leat_udp_lcore {
	struct leat_demux *demux;
	struct leat_slab *slab;
	uint32_t n_connected; // without any, the exact lookup is left out
	uint32_t rcvbuf;      // truesize that an endpoint may hold
	uint16_t port_users[LEAT_UDP_PORT_LAST - LEAT_UDP_PORT_FIRST + 1];
};

// Free what waits in an endpoint.
void leat_udp_flush(struct leat_udp_pcb *u);
