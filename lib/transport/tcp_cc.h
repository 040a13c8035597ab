// SPDX-License-Identifier: BSD-3-Clause
// Congestion control behind a small table of functions: how cwnd grows, and what a loss makes of
// it. What is lost is tcp_loss.c's to find out. A connection has its own cwnd, ssthresh and
// ca_acked.
#pragma once

#include <stdint.h>

struct leat_tcp_conn;

struct leat_tcp_cc {
	const char *name;
	// The connection is established; mss is known.
	void (*init)(struct leat_tcp_conn *c);
	// bytes were acknowledged for the first time, outside fast recovery.
	void (*acked)(struct leat_tcp_conn *c, uint32_t bytes);
	// Bytes that ssthresh shall be after a loss.
	uint32_t (*ssthresh)(const struct leat_tcp_conn *c);
};

// RFC 5681 with the initial window of RFC 6928 and the byte counting of RFC 3465.
extern const struct leat_tcp_cc leat_tcp_newreno;

// Initial window, and restart window after an idle time, in bytes (RFC 6928, 2; RFC 5681, 4.1).
uint32_t leat_tcp_initial_window(const struct leat_tcp_conn *c);
