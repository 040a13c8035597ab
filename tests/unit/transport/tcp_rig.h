// SPDX-License-Identifier: BSD-3-Clause
// A TCP peer made by hand, for tests: segments are written and read byte by byte, apart from the
// stack's own code. The host under test is 192.0.2.1, the peer 192.0.2.2.
//
//	struct tcp_rig t; struct peer p;
//	tcp_rig_open(&t, NULL);
//	peer_connects(&t, &p, 0);            // handshake; p.c is the accepted connection
//	peer_text(&p, 100);                  // 100 bytes in order
//	struct tseg s = peer_gets(&p);       // what the host sent, one segment
//	tcp_rig_close(&t);
#ifndef LEAT_TESTS_TCP_RIG_H
#define LEAT_TESTS_TCP_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <CUnit/CUnit.h>

#include "rig.h"
#include "transport/tcp.h"
#include "transport/tcp_private.h"

#define TCP_TEST_PORT 80
#define TEST_MS UINT64_C(1000000)
#define TEST_S UINT64_C(1000000000)

struct told { // what an owner was told
	unsigned n;
	uint32_t mask; // of all events since the test cleared it
	int error;
};

struct tcp_rig {
	struct rig r;
	struct leat_tcp_listener *l; // on TCP_TEST_PORT, owner 1
	struct told told[64];
	uint32_t next_owner;
};

// A segment, to send or received. Addresses in network order, 0: the usual ones.
struct tseg {
	uint32_t src_be, dst_be;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t wnd;
	bool has_ts, has_ws, bad_sum, broadcast;
	uint32_t tsval, tsecr;
	uint16_t mss; // 0: none
	uint8_t ws;
	const uint8_t *raw; // options instead of those
	uint8_t raw_len;    // a multiple of 4
	uint32_t len;
	uint8_t text[9000];
};

struct peer {
	struct tcp_rig *t;
	struct leat_tcp_conn *c;
	uint32_t owner;
	uint16_t port, host_port;
	uint32_t iss, snd; // ours: first and next
	uint32_t irs, rcv; // the host's
	uint16_t wnd;
	bool ts, ws;
	uint8_t shift; // of our window
	uint8_t host_shift;
	uint32_t tsval, tsecr;
	uint16_t mss;
};

// tweak: change the configuration before it is used; may be NULL.
void tcp_rig_open(struct tcp_rig *t, void (*tweak)(struct leat_stack_conf *));
// Frames left over are thrown away; connections that stand are the stack's to free.
void tcp_rig_close(struct tcp_rig *t);

// Build and send; the host takes a turn.
void tcp_put(struct tcp_rig *t, const struct tseg *s);
// The next segment that the host sent. Its checksum is asserted. False when there is none.
bool tcp_get(struct tcp_rig *t, struct tseg *s);
unsigned tcp_flush(struct tcp_rig *t);
// One more turn of the host, without time passing.
void tcp_turn(struct tcp_rig *t);
uint64_t tcp_drops(const struct tcp_rig *t, enum leat_drop why);

#define PEER_TS 1u
#define PEER_WS 2u
// A peer that is about to speak from `port`; opt: PEER_*.
void peer_init(struct tcp_rig *t, struct peer *p, uint16_t port, uint32_t iss, unsigned opt);
// Open to TCP_TEST_PORT and be accepted, from port 1000 + owner, from sequence number 1000.
void peer_connects(struct tcp_rig *t, struct peer *p, unsigned opt);
// Likewise with all chosen.
void peer_connects_from(
	struct tcp_rig *t, struct peer *p, uint16_t port, uint32_t iss, unsigned opt);
void peer_accepted(struct peer *p);

// A segment at p->snd acknowledging p->rcv, options and window as agreed; p->snd is not moved.
struct tseg peer_seg(const struct peer *p, uint8_t flags, uint32_t len);
// Send it, and move p->snd over what it holds.
void peer_sends(struct peer *p, uint8_t flags, uint32_t len);
// Text of the peer's stream from seq on, in a segment of its own.
void peer_text_at(struct peer *p, uint32_t seq, uint32_t len, uint8_t flags);
static inline void peer_text(struct peer *p, uint32_t len)
{
	peer_sends(p, TH_ACK | TH_PSH, len);
}
// Take one segment of the host; there must be one. p->rcv is moved when it is in order.
struct tseg peer_gets(struct peer *p);
bool peer_gets_none(struct peer *p);

// The byte of a stream at a sequence number, given its first.
uint8_t stream_byte(uint32_t iss, uint32_t seq);
// Take all that the connection has; assert that it continues the peer's stream from *seq.
uint32_t host_reads(struct peer *p, uint32_t *seq, uint32_t max);
// Give the connection len bytes of its stream in mbufs of at most `part`. Returns leat_tcp_send()'s
// value.
int host_writes(struct peer *p, uint32_t *seq, uint32_t len, uint32_t part);

#endif
