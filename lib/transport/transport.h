// SPDX-License-Identifier: BSD-3-Clause
// Transport: what sock (above) may ask of TCP and UDP, and what they tell it. All of it is of one
// worker: a connection, listener or UDP endpoint is used by its own lcore's thread alone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/lcore.h"
#include "pkt/addr.h"

struct leat_tcp_conn;
struct leat_tcp_listener;
struct leat_udp_pcb;

struct leat_endpoint {
	union leat_ip ip; // any: 0.0.0.0 mapped
	uint16_t port;    // host order; 0: not chosen
};

// What happened to an owner's connection; bits gather until the owner looks
// (leat_transport_ops.event).
#define LEAT_EV_IN 0x01u        // data to receive, a connection to accept, a datagram
#define LEAT_EV_OUT 0x02u       // room to send; first after connecting
#define LEAT_EV_RDHUP 0x04u     // the peer has sent all it will (FIN)
#define LEAT_EV_HUP 0x08u       // both directions have ended
#define LEAT_EV_ERR 0x10u       // an error: see the error number
#define LEAT_EV_CONNECTED 0x20u // an active open has succeeded

struct leat_transport_ops {
	// Called in the worker, from within stages; must not call back into transport. owner is
	// what leat_tcp_connect(), leat_tcp_accept() or the like was given.
	void (*event)(struct leat_lcore *lc, uint32_t owner, uint32_t mask, int error);
};

// Set up the stack's TCP and UDP and those of its lcores; registers with ip. ops is kept.
int leat_transport_init(struct leat_stack *s, const struct leat_transport_ops *ops);
void leat_transport_fini(struct leat_stack *s);

struct leat_transport { // of a stack
	const struct leat_transport_ops *ops;
};

// Snapshot of one connection, listener or UDP endpoint for leatctl.
struct leat_transport_info {
	uint8_t proto;
	const char *state; // "LISTEN", "ESTABLISHED", ... "-" for UDP
	struct leat_endpoint local, remote;
	uint32_t rx_queue, tx_queue; // bytes
	uint32_t owner;
	uint32_t retransmits, timeouts;
};

struct leat_tcp_stats { // of a worker, sums over connections
	uint64_t active_opens, passive_opens, failed_opens, established_resets;
	uint64_t segs_in, segs_out, bytes_in, bytes_out;
	uint64_t retransmits, fast_retransmits, timeouts, probes, dup_acks;
	uint64_t resets_sent, resets_received, challenge_acks, time_waits;
};

// ---- TCP (tcp_open.c, tcp_user.c); datapath context: the worker's thread ----

// Listen; a claim by the caller goes with it (sock/sock.c). One listener per (address, port) and
// worker. 0, -EADDRINUSE, -ENOBUFS.
int leat_tcp_listen(struct leat_lcore *lc, const struct leat_endpoint *local, uint32_t backlog,
	uint32_t owner, struct leat_tcp_listener **out);
// Stop listening: half-open connections and those not accepted are reset.
void leat_tcp_unlisten(struct leat_lcore *lc, struct leat_tcp_listener *l);
// Take a connection from the accept queue and give it its owner; NULL when there is none. Its
// events from before are told at once by ops->event.
struct leat_tcp_conn *leat_tcp_accept(
	struct leat_lcore *lc, struct leat_tcp_listener *l, uint32_t owner);

// Active open. local may be NULL or have parts unset; the port is then taken from 49152..65535.
// 0, -EADDRINUSE, -EADDRNOTAVAIL (no port left), -ENETUNREACH, -EHOSTUNREACH, -ENOBUFS.
int leat_tcp_connect(struct leat_lcore *lc, const struct leat_endpoint *local,
	const struct leat_endpoint *remote, uint32_t owner, struct leat_tcp_conn **out);

// Bytes that may be given to leat_tcp_send() now; 0 before ESTABLISHED and after
// leat_tcp_shutdown().
uint32_t leat_tcp_send_space(const struct leat_tcp_conn *c);
// Queue a chain for sending, all of it: at most leat_tcp_send_space() bytes. On 0 ownership is
// taken and the chain's bytes must not change any more; on -ENOTCONN, -EPIPE, -EAGAIN, -ECONNRESET
// ... it stays the caller's. Sent at the latest by the end of this turn. LEAT_EV_OUT comes once a
// third of the buffer is free after it was short.
int leat_tcp_send(struct leat_lcore *lc, struct leat_tcp_conn *c, struct rte_mbuf *chain);
// Switch Nagle's rule off or on (on at first).
void leat_tcp_set_nodelay(struct leat_lcore *lc, struct leat_tcp_conn *c, bool on);

// In-order bytes that wait. They are taken as a chain of mbufs holding payload alone, at most max
// bytes (0: all): ownership goes to the caller, the window opens. NULL when there is nothing.
uint32_t leat_tcp_recv_avail(const struct leat_tcp_conn *c);
struct rte_mbuf *leat_tcp_recv(struct leat_lcore *lc, struct leat_tcp_conn *c, uint32_t max);
bool leat_tcp_eof(const struct leat_tcp_conn *c); // FIN received and all bytes before it taken

// Send FIN after what is queued. 0, -ENOTCONN.
int leat_tcp_shutdown(struct leat_lcore *lc, struct leat_tcp_conn *c);
// The owner lets go: FIN after what is queued, or a reset if received bytes were not read (RFC
// 1122, 4.2.2.13). No more events.
void leat_tcp_close(struct leat_lcore *lc, struct leat_tcp_conn *c);
// Reset now. No more events.
void leat_tcp_abort(struct leat_lcore *lc, struct leat_tcp_conn *c);

void leat_tcp_info(const struct leat_tcp_conn *c, struct leat_transport_info *out);
const struct leat_tcp_stats *leat_tcp_stats(const struct leat_lcore *lc);
// Copy what the worker's table holds: listeners, half-open, connections, TIME_WAIT. As
// leat_neigh_dump().
uint32_t leat_tcp_dump(
	struct leat_lcore *lc, uint32_t *cursor, struct leat_transport_info *out, uint32_t n);
// Connections in any state but CLOSED and TIME_WAIT: what a drain waits for.
uint32_t leat_tcp_live(const struct leat_lcore *lc);

// ---- UDP (udp.c) ----

// An endpoint; with a remote it is connected: takes datagrams from there alone. 0, -EADDRINUSE,
// -ENOBUFS.
int leat_udp_open(struct leat_lcore *lc, const struct leat_endpoint *local,
	const struct leat_endpoint *remote, uint32_t owner, struct leat_udp_pcb **out);
void leat_udp_close(struct leat_lcore *lc, struct leat_udp_pcb *u);
// Send one datagram: the chain's bytes are the payload, 0..65507. Ownership is taken in any case.
// remote may be NULL if connected; src: the address to send from, NULL: the endpoint's or the
// route's. 0, -EDESTADDRREQ, -EMSGSIZE, -ENETUNREACH ...; a datagram beyond the MTU goes in
// fragments.
int leat_udp_send(struct leat_lcore *lc, struct leat_udp_pcb *u, struct rte_mbuf *payload,
	const struct leat_endpoint *remote, const union leat_ip *src);
// Take a datagram: a chain with the payload alone (possibly empty: pkt_len 0), from and to whom.
// NULL when there is none.
struct rte_mbuf *leat_udp_recv(struct leat_lcore *lc, struct leat_udp_pcb *u,
	struct leat_endpoint *from, union leat_ip *to);
uint32_t leat_udp_dump(
	struct leat_lcore *lc, uint32_t *cursor, struct leat_transport_info *out, uint32_t n);
