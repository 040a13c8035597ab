// SPDX-License-Identifier: BSD-3-Clause
// The fuzz test of the receive side: packets of garbage, valid packets with random payload, and
// valid ones with one field mutated, into the port of a stack (rig.h) under a virtual clock, in
// buffers of exactly their size.
//
//   packet.c   valid frames of every protocol       field.c   the fields of a frame, and how one is
//   mutated peer.c     the hosts beyond the port: TCP handshakes, ARP answers, checks of what comes
//   out app.c      programs within the workers, which echo, read, close     directed.c   sequences
//   by hand garbage_test.c   configurations, the mix, what must hold at the end
#ifndef LEAT_TESTS_FUZZ_H
#define LEAT_TESTS_FUZZ_H

#include <stdbool.h>
#include <stdint.h>

#include "rig.h"
#include "unit.h"

// rte_ip.h's macro shifts into the sign
#define IP4(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define NET IP4(192, 0, 2, 0)      // of t0
#define NET_V IP4(198, 51, 100, 0) // of t0.10
#define HOST IP4(192, 0, 2, 1)     // addresses of the stack, in host order
#define HOST_V IP4(198, 51, 100, 1)
#define ROUTED IP4(203, 0, 113, 0) // /24 by two next hops
#define HOLE IP4(203, 0, 114, 0)   // /24 blackhole
#define NARROW IP4(203, 0, 115, 0) // /24 with an MTU of 600
#define BEYOND IP4(203, 0, 116, 0) // /24 the kernel's
#define VLAN 10

#define PORT_TCP 80 // services, claimed
#define PORT_UDP 5000
#define PORT_EMPTY 81  // claimed, without a service, of both protocols
#define PORT_KERNEL 22 // not claimed
#define PORT_SLOW 82   // a listener that nobody accepts from

enum fuzz_layer {
	LAYER_ETH,
	LAYER_VLAN,
	LAYER_ARP,
	LAYER_IP,
	LAYER_IP_OPTION,
	LAYER_ICMP,
	LAYER_QUOTE, // the IP header that an ICMP error quotes
	LAYER_UDP,
	LAYER_TCP,
	LAYER_TCP_OPTION,
	LAYER_MAX
};

struct fuzz_pkt {
	uint32_t len;
	int32_t at[LAYER_MAX]; // offset of a layer, -1 without
	uint32_t l4;           // end of the IP header
	bool fragment;         // no L4 checksum can be fixed
	uint8_t b[2048];
};

// A TCP connection as its peer sees it.
struct fuzz_flow {
	enum { FLOW_FREE, FLOW_SYN, FLOW_OPEN } state;
	uint32_t ip, host;
	uint16_t port, host_port;
	uint32_t una;    // the stack has acknowledged so far
	uint32_t snd;    // our next
	uint32_t rcv;    // the stack's next
	uint32_t ts_ecr; // its last timestamp
	bool ts;
};
#define FLOWS 32
#define SOCKS 64

struct fuzz {
	struct rig r;
	struct leat_iface *vlan;
	uint64_t seed;
	uint32_t ts_now; // clock of the peers' timestamps
	struct fuzz_flow flows[FLOWS];
	uint32_t socks[LEAT_MAX_LCORES][SOCKS]; // open TCP sockets of the program in each worker
	uint32_t n_socks[LEAT_MAX_LCORES];
	bool lazy;         // the program leaves UDP unread and accepts late
	uint64_t rx_flags; // what the port says of the next frame: RTE_MBUF_F_RX_*
	uint16_t rx_tci;
	uint64_t sent, out, wrong_out;
};

// A number below n, n > 0.
static inline uint32_t below(struct fuzz *f, uint32_t n)
{
	return (uint32_t)((unit_random(&f->seed) >> 32) * (uint64_t)n >> 32);
}
static inline bool one_in(struct fuzz *f, uint32_t n)
{
	return below(f, n) == 0;
}

// ---- packet.c ----
void fuzz_random_bytes(struct fuzz *f, uint8_t *to, uint32_t len);
// A valid frame of some protocol for somebody, with random payload.
void fuzz_valid(struct fuzz *f, struct fuzz_pkt *p);
// A segment of a connection: flags, len bytes of payload; with options where the connection has
// them.
void fuzz_segment(struct fuzz *f, struct fuzz_pkt *p, const struct fuzz_flow *w, uint8_t flags,
	uint32_t seq, uint32_t len);
// Ethernet (and VLAN) header towards the stack, then an IPv4 header without options; the payload is
// appended.
void fuzz_start_ip(struct fuzz *f, struct fuzz_pkt *p, uint32_t src, uint32_t dst, uint8_t proto);
uint8_t *fuzz_append(struct fuzz_pkt *p, uint32_t len); // zeroed
// Set total length and checksums.
void fuzz_finish(struct fuzz_pkt *p);

// ---- field.c ----
#define FIELDS_MAX 96
// Change one field of p, and fix the checksums after if told. Returns the field's number.
unsigned fuzz_mutate(struct fuzz *f, struct fuzz_pkt *p, bool fix);
const char *fuzz_field_name(unsigned i); // NULL beyond the last
// Checksums of IPv4 and of what is above it, as far as the lengths allow; but for the field of
// number `not`.
void fuzz_fix_cksums(struct fuzz_pkt *p, unsigned not );
#define FIELD_NONE UINT32_MAX

// ---- peer.c ----
// Take what came out: hosts answer ARP, connections go on. Counts in f->wrong_out what no host
// should send.
void fuzz_peers(struct fuzz *f);
// A connection in this state, or NULL.
struct fuzz_flow *fuzz_flow(struct fuzz *f, int state);

// ---- app.c ----
int fuzz_app_open(struct fuzz *f);
void fuzz_app_turn(struct fuzz *f);

// ---- garbage_test.c ----
// Put a frame into the port's ring, in an exact-size buffer cut into segments anywhere.
void fuzz_send(struct fuzz *f, const struct fuzz_pkt *p);
// Time goes on by ns; turns of workers, programs and peers until the port's ring is empty.
void fuzz_turn(struct fuzz *f, uint64_t ns);

// ---- directed.c: frames for reasons to drop that chance does not bring about ----
void fuzz_directed(struct fuzz *f);
void fuzz_directed_workers(struct fuzz *f);
#endif
