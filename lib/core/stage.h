// SPDX-License-Identifier: BSD-3-Clause
// The stages and what is counted of each: batches and packets always, cycles in 1 poll of 64. A
// stage's cycles are its own: what the stages it calls take is charged to them.
//
//   void leat_x_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
//   {
//           struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_X_INPUT, n);
//           ...
//           leat_stage_leave(lc, LEAT_STAGE_X_INPUT, f);
//   }
#pragma once

#include <stdint.h>

// X(ENUM, name)
#define LEAT_STAGES(X) \
	X(PORT_INPUT, "port_input") \
	X(ETH_INPUT, "eth_input") \
	X(ARP_INPUT, "arp_input") \
	X(IP4_INPUT, "ip4_input") \
	X(IP4_REASS, "ip4_reass") \
	X(IP4_FORWARD, "ip4_forward") \
	X(ICMP_INPUT, "icmp_input") \
	X(UDP_INPUT, "udp_input") \
	X(TCP_INPUT, "tcp_input") \
	X(APP, "app") \
	X(TIMERS, "timers") \
	X(TCP_OUTPUT, "tcp_output") \
	X(IP4_OUTPUT, "ip4_output") \
	X(NEIGH_OUTPUT, "neigh_output") \
	X(PUNT, "punt") \
	X(INJECT, "inject") \
	X(XRING_INPUT, "xring_input") \
	X(PORT_OUTPUT, "port_output")

enum leat_stage_id {
#define X(id, name) LEAT_STAGE_##id,
	LEAT_STAGES(X)
#undef X
		LEAT_STAGE_MAX
};

struct leat_stage {
	uint64_t batches;
	uint64_t packets;
	uint64_t sampled_packets; // packets of the batches whose cycles were taken
	uint64_t sampled_cycles;  // TSC cycles of those, without called stages
};

struct leat_stage_frame {
	uint64_t start; // TSC, 0 when this poll is not sampled
	uint64_t child; // cycles of called stages that the caller had gathered so far
	uint32_t n;
};

// Name of a stage as leatctl shows it. Any context.
const char *leat_stage_name(enum leat_stage_id id);
