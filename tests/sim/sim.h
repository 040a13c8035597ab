// SPDX-License-Identifier: BSD-3-Clause
// A simulation's state, and the applications at both ends (app.c).
#ifndef LEAT_TESTS_SIM_SIM_H
#define LEAT_TESTS_SIM_SIM_H

#include "link.h"
#include "transport/tcp.h"

#define MAX_FLOWS 8
#define MAX_ENDS (2 * MAX_FLOWS)
#define PORT 7000
#define MS UINT64_C(1000000)

// Owner numbers: of an end that opens, its index + 1; of one accepted, ACCEPTED and up; of a
// listener, LISTENER.
#define ACCEPTED 100
#define LISTENER 1000

struct end { // one end of a connection, and the application there
	struct leat_tcp_conn *c;
	uint32_t side, flow;
	uint16_t port; // of the end that opens
	bool opened, closed, sent_all, half_close;
	uint64_t to_send, sent, to_recv, got;
	uint32_t read_max, write_max;
	uint64_t pause_ns, next_ns; // a slow application
	uint64_t opens_at;
};

struct sim {
	struct rig rig[2];
	struct link link;
	struct leat_tcp_listener *listener[2];
	struct end ends[MAX_ENDS]; // flow i: ends 2i (opens) and 2i + 1 (accepts)
	uint32_t n_ends, n_open, n_accepted, errors;
	uint64_t seed, now;
	uint64_t bytes;
};

uint64_t draw(struct sim *s, uint64_t n); // 0..n-1

// Open to the other side.
void app_open(struct sim *s, struct end *e);
// Take what waits at a listener. Returns how many.
unsigned app_accept(struct sim *s, uint32_t side);
// Write, read, close, as it comes. Returns whether anything happened.
unsigned app_run(struct sim *s, struct end *e);

#endif
