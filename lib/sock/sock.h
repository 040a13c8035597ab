// SPDX-License-Identifier: BSD-3-Clause
// Sockets of a worker for programs within it: numbers, never pointers, so that nothing of the stack
// is exposed and a stale number is found out. The event interface:
//
//   uint32_t l; leat_sock_listen(lc, &local, 128, MY_COOKIE, &l);
//   in a LEAT_POLL_APP hook:
//     n = leat_sock_events(lc, ev, 32);
//     ev[i].mask & LEAT_EV_IN on l -> leat_sock_accept(lc, l, cookie, &peer) until -EAGAIN
//     ev[i].mask & LEAT_EV_IN      -> leat_sock_recv_mbuf() until NULL
//     ev[i].mask & LEAT_EV_OUT     -> go on sending
//     ev[i].mask & (LEAT_EV_HUP | LEAT_EV_ERR) -> leat_sock_close()
//
// Events are edges: one event a socket is pending at most, its bits gather, and a bit comes again
// only after something new happened. Not promised: an event for every segment. Thread-safety: every
// call with the lcore's own thread (or the test that drives it).
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "core/lcore.h"
#include "transport/transport.h"

struct leat_event {
	uint32_t sock;     // number
	uint32_t mask;     // LEAT_EV_*
	uint64_t cookie;   // as given at listen, connect, accept
	uint32_t readable; // bytes (TCP), 1 if a datagram waits (UDP), connections (listener: 1 if
			   // any)
	uint32_t writable; // bytes that can be sent
	int32_t error;     // errno number of LEAT_EV_ERR, else 0
	uint32_t spare;
};
_Static_assert(sizeof(struct leat_event) == 32, "events are 32 bytes");

int leat_sock_init(struct leat_stack *s);
void leat_sock_fini(struct leat_stack *s);

// Each returns 0 and *sock, or -errno as transport.h says, -EMFILE when sockets are at their limit.
//
// Claims are not made here, since only main may change them: whoever listens has had main claim
// {protocol, address, port} before (leat_claim_add()), or the kernel gets what comes between two
// listeners, and answers it. Without an exception path nothing has to be claimed.
int leat_sock_listen(struct leat_lcore *lc, const struct leat_endpoint *local, uint32_t backlog,
	uint64_t cookie, uint32_t *sock);
int leat_sock_connect(struct leat_lcore *lc, const struct leat_endpoint *local,
	const struct leat_endpoint *remote, uint64_t cookie, uint32_t *sock);
int leat_sock_udp(struct leat_lcore *lc, const struct leat_endpoint *local,
	const struct leat_endpoint *remote, uint64_t cookie, uint32_t *sock);

// Number of the new socket (> 0 as int64_t), -EAGAIN when none waits, -EMFILE, -EBADF. peer may be
// NULL.
int64_t leat_sock_accept(
	struct leat_lcore *lc, uint32_t listener, uint64_t cookie, struct leat_endpoint *peer);

// Up to n pending events. Returns how many.
uint16_t leat_sock_events(struct leat_lcore *lc, struct leat_event *ev, uint16_t n);

// TCP. Copying: bytes taken or given, 0 at the end of the stream (recv), -EAGAIN, -EPIPE,
// -ECONNRESET, -EBADF ... send takes as much as there is room for, and says -ENOBUFS when there is
// no buffer; LEAT_EV_OUT comes, in a later turn, whenever it took less than all.
ssize_t leat_sock_send(struct leat_lcore *lc, uint32_t sock, const void *buf, size_t len);
ssize_t leat_sock_recv(struct leat_lcore *lc, uint32_t sock, void *buf, size_t len);
// Zero-copy: send takes the whole chain and returns 0, or returns -errno and leaves it the caller's
// (-EAGAIN: more than leat_sock_writable()); recv gives a chain of payload that the caller frees,
// at most max bytes (0: all), NULL when there is nothing now (then *err: 0 end of stream, -EAGAIN,
// -ECONNRESET, ...).
int leat_sock_send_mbuf(struct leat_lcore *lc, uint32_t sock, struct rte_mbuf *chain);
struct rte_mbuf *leat_sock_recv_mbuf(struct leat_lcore *lc, uint32_t sock, uint32_t max, int *err);
uint32_t leat_sock_writable(struct leat_lcore *lc, uint32_t sock);

// A buffer to fill for leat_sock_send_mbuf(); NULL when the pool is empty: no event tells when it
// no longer is.
struct rte_mbuf *leat_sock_alloc(struct leat_lcore *lc);

// UDP, zero-copy: as leat_udp_send() and leat_udp_recv(); send takes ownership in any case.
int leat_sock_sendto_mbuf(struct leat_lcore *lc, uint32_t sock, struct rte_mbuf *chain,
	const struct leat_endpoint *remote, const union leat_ip *src);
struct rte_mbuf *leat_sock_recvfrom_mbuf(
	struct leat_lcore *lc, uint32_t sock, struct leat_endpoint *from, union leat_ip *to);

int leat_sock_shutdown(
	struct leat_lcore *lc, uint32_t sock); // no more to send: FIN. 0, -ENOTCONN, -EBADF
int leat_sock_close(struct leat_lcore *lc, uint32_t sock); // 0, -EBADF
int leat_sock_abort(struct leat_lcore *lc, uint32_t sock); // reset. 0, -EBADF

// ---- for leatctl ----
struct leat_sock_info {
	uint32_t sock; // 0: not a socket's (TIME_WAIT, half-open, already closed by its owner)
	uint64_t cookie;
	struct leat_transport_info t;
};
uint32_t leat_sock_dump(
	struct leat_lcore *lc, uint32_t *cursor, struct leat_sock_info *out, uint32_t n);
