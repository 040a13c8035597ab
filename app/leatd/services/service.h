// SPDX-License-Identifier: BSD-3-Clause
// The built-in services: programs within the worker, on the event interface of sock/sock.h.
// Everything here but create and destroy runs in the worker: no system call, no lock, no heap, no
// log.
//
//   events -> service.c (by cookie: which service, which connection) -> http.c, echo.c, discard.c
//
// A connection that could go on but was stopped (its share of the turn is used up, no mbuf) stands
// in the worker's ready list and is served again in the next turn, since no event would come for
// it.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <rte_mbuf.h>

#include "core/lcore.h"
#include "core/slab.h"
#include "app/leatd/config.h"
#include "app/leatd/services/http_parse.h"
#include "sock/sock.h"

#define LEATD_TURN_BYTES \
	(256u * 1024) // that one connection may move in a turn before others get theirs

struct http_conn {
	struct http_parser parser;
	uint64_t body_at, body_left; // of the pattern that goes out
	uint16_t status;             // of an answer whose head is yet to be sent, 0 without
	bool last;                   // close after this answer
	bool linger;                 // and the peer may not have sent all it wants to
	bool lingering;
	uint32_t lingered; // bytes thrown away meanwhile
};

struct leatd_conn {
	TAILQ_ENTRY(leatd_conn) all;
	TAILQ_ENTRY(leatd_conn) ready;
	struct leat_timer timer;
	uint64_t progress_ns; // when bytes last moved
	struct rte_mbuf *in;  // received and not yet dealt with
	uint32_t sock;
	uint16_t service;
	bool is_ready;
	struct http_conn http; // of service type http
};
TAILQ_HEAD(leatd_conns, leatd_conn);

// The date as HTTP writes it. Main sets it once a second into the text that is not in use; workers
// only read.
struct leatd_date {
	char text[2][32];
	unsigned now;
};

struct leatd_worker {
	struct leat_lcore *lc;
	const struct leatd_conf *conf;
	const struct leatd_date *date;
	struct leat_slab *conns;
	struct leatd_conns all, ready;
	uint32_t n_ready;
	bool draining;
	bool accept_again;                  // a listener has more that could not be taken
	uint32_t socks[LEATD_MAX_SERVICES]; // listener or UDP socket, 0 when closed
	uint8_t *pattern;                   // pattern[i] = i mod 251
	rte_iova_t pattern_iova;
	struct rte_mbuf_ext_shared_info pattern_info;
	uint64_t requests, accepted, refused;
};

// What a type of service does.
struct leatd_service_ops {
	void (*open)(struct leatd_worker *w, struct leatd_conn *c); // may be NULL
	void (*serve)(
		struct leatd_worker *w, struct leatd_conn *c); // something may be read or written
	void (*drain)(
		struct leatd_worker *w, struct leatd_conn *c); // leatd wants to end; may be NULL
	void (*datagrams)(struct leatd_worker *w, uint16_t service); // UDP; NULL without
};
extern const struct leatd_service_ops leatd_http_ops, leatd_echo_ops, leatd_discard_ops;

// Open the services on one worker and hook them into its turn. Main, before the workers are
// launched. 0 or -errno with a text in err.
int leatd_worker_create(struct leat_lcore *lc, const struct leatd_conf *conf,
	const struct leatd_date *date, struct leatd_worker **out, char *err, size_t err_len);
// After the workers have been halted and the stack's sockets are gone.
void leatd_worker_destroy(struct leatd_worker *w);

// In the worker (leat_msg_call): stop listening, and let connections end as soon as they can; or
// reset them.
void leatd_worker_drain(struct leatd_worker *w);
void leatd_worker_abort(struct leatd_worker *w);

// Which service a socket's cookie belongs to; -1: none. Any context.
int leatd_cookie_service(uint64_t cookie);

// ---- for the services ----

// Be served again in the next turn.
void leatd_conn_again(struct leatd_worker *w, struct leatd_conn *c);
// FIN after what is queued (reset: a reset now), and forget the connection.
void leatd_conn_close(struct leatd_worker *w, struct leatd_conn *c, bool reset);
// Have the timer of the connection go off when nothing has moved for this long.
void leatd_conn_watch(struct leatd_worker *w, struct leatd_conn *c, uint64_t ns);

// Throw away the first n bytes of c->in.
void leatd_conn_eat(struct leatd_conn *c, uint32_t n);

// http_body.c: a chain of up to len bytes of the pattern from offset `at`; shorter, or NULL, when
// mbufs run out.
struct rte_mbuf *leatd_pattern_chain(struct leatd_worker *w, uint64_t at, uint32_t len);
int leatd_pattern_create(struct leatd_worker *w);
void leatd_pattern_destroy(struct leatd_worker *w);
// Hang b behind a. Both keep to the rules of a chain. Returns a, or b when a is NULL.
struct rte_mbuf *leatd_chain_join(struct rte_mbuf *a, struct rte_mbuf *b);
