// SPDX-License-Identifier: BSD-3-Clause
// Slow start and congestion avoidance (RFC 5681, 3.1), by bytes acknowledged (RFC 3465). Called
// through struct leat_tcp_cc by tcp_ack.c and tcp_loss.c.
#include "transport/tcp_cc.h"

#include <rte_common.h>

#include "transport/tcp_private.h"

uint32_t leat_tcp_initial_window(const struct leat_tcp_conn *c)
{
	// RFC 6928, 2
	return RTE_MIN(10u * c->mss, RTE_MAX(2u * c->mss, 14600u));
}

static void init(struct leat_tcp_conn *c)
{
	c->cwnd = leat_tcp_initial_window(c);
	c->ssthresh = UINT32_MAX >> 2; // RFC 5681, 3.1: arbitrarily high
	c->ca_acked = 0;
}

static void acked(struct leat_tcp_conn *c, uint32_t bytes)
{
	// A window that was not used says nothing about the path (RFC 9293, 3.8.2; RFC 7661).
	if (!(c->flags & TF_CWND_LIMITED) || c->cwnd >= (UINT32_MAX >> 2))
		return;
	if (c->cwnd < c->ssthresh) {
		// RFC 3465, 2.2 and 2.3: two segments an ACK, one after a timeout.
		uint32_t limit = c->flags & TF_AFTER_RTO ? c->mss : 2u * c->mss;

		c->cwnd += RTE_MIN(bytes, limit);
		return;
	}
	// RFC 5681, 3.1: a segment for each window acknowledged; RFC 3465, 2.1.
	c->ca_acked += bytes;
	if (c->ca_acked >= c->cwnd) {
		c->ca_acked -= c->cwnd;
		c->cwnd += c->mss;
	}
}

static uint32_t ssthresh(const struct leat_tcp_conn *c)
{
	// FlightSize, without what limited transmit has added to it (RFC 5681, 3.2, step 2).
	uint32_t flight = RTE_MIN(c->snd_max - c->snd_una, c->cwnd);

	return RTE_MAX(flight / 2, 2u * c->mss); // RFC 5681, (4)
}

const struct leat_tcp_cc leat_tcp_newreno = {
	.name = "newreno",
	.init = init,
	.acked = acked,
	.ssthresh = ssthresh,
};
