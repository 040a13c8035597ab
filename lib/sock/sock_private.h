// SPDX-License-Identifier: BSD-3-Clause
// A worker's sockets: the table of numbers and the queue of events (table.c), for sock.c and
// dump.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/lcore.h"
#include "sock/sock.h"

enum sock_type { SOCK_FREE, SOCK_LISTENER, SOCK_TCP, SOCK_UDP };

struct sock {
	TAILQ_ENTRY(sock) link; // in the free list, or in the event queue while pending != 0
	TAILQ_ENTRY(sock) retry_link;
	uint64_t cookie;
	union {
		struct leat_tcp_listener *listener;
		struct leat_tcp_conn *conn;
		struct leat_udp_pcb *udp;
	};
	uint32_t number;  // generation << bits | slot; that of its last use while free
	uint32_t pending; // LEAT_EV_* that have not been told
	int error;        // TCP: what ended it; UDP: not yet told
	uint8_t type;     // enum sock_type
	bool shut;        // FIN was asked for
	bool retry;       // in the list of those who lacked buffers
};
TAILQ_HEAD(sock_list, sock);

struct leat_sock_lcore {
	struct sock *socks;
	uint32_t n;
	uint32_t high;   // slots from here on have never been used
	uint32_t n_free; // in the list
	unsigned bits;   // of a number that are the slot
	struct sock_list free;
	struct sock_list events;
	struct sock_list retry;
	uint64_t retry_turn; // in which the last one came into that list
};

// Control context: the table for n sockets. 0 or -ENOMEM, with nothing left behind.
int leat_sock_table_init(struct leat_lcore *lc, uint32_t n);
void leat_sock_table_fini(struct leat_lcore *lc);

// A socket with a new number; NULL at the limit.
struct sock *leat_sock_take(struct leat_lcore *lc, enum sock_type type, uint64_t cookie);
// Its number is dead from here on.
void leat_sock_give(struct leat_lcore *lc, struct sock *s);
// The socket of a number, NULL when there is none (any more).
struct sock *leat_sock_find(const struct leat_lcore *lc, uint32_t number);

// Have the socket told in a later turn that it may try to send again.
void leat_sock_retry(struct leat_lcore *lc, struct sock *s);

// leat_transport_ops.event: remember what happened to a socket.
void leat_sock_event(struct leat_lcore *lc, uint32_t owner, uint32_t mask, int error);
