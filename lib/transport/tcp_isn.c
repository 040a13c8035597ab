// SPDX-License-Identifier: BSD-3-Clause
// Numbers that a peer must not be able to guess: initial sequence number and timestamp offset of a
// connection, and where the search for a local port begins. Called by the opens.
#include "core/siphash.h"
#include "transport/tcp_private.h"

struct leat_tcp_isn leat_tcp_isn(const struct leat_lcore *lc, const struct leat_flow_key *k)
{
	uint64_t h = leat_siphash(lc->stack->secret, k, sizeof(*k));

	return (struct leat_tcp_isn){
		// RFC 9293, 3.4.1; RFC 6528, 3: a clock of some 4 microseconds and F(key).
		.iss = (uint32_t)(lc->now_ns >> 12) + (uint32_t)h,
		// RFC 7323, 5.4: an offset of its own hides the host's uptime; always the same for
		// a pair of endpoints, so that RFC 6191 holds between incarnations.
		.ts_offset = (uint32_t)(h >> 32),
	};
}

// RFC 6056, 3.3.3, with a count of all ports drawn, so that it moves on for the same peer too.
uint32_t leat_tcp_port_offset(struct leat_lcore *lc, const struct leat_flow_key *k)
{
	struct {
		struct leat_flow_key k;
		uint64_t n;
	} in = {*k, ++lc->tcp->ports_drawn};

	return (uint32_t)leat_siphash(lc->stack->secret, &in, sizeof(in)) % TCP_PORT_COUNT;
}
