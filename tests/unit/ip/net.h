// SPDX-License-Identifier: BSD-3-Clause
// What the tests of lib/ip share: a rig with two addressed interfaces and neighbours that answer,
// datagrams of any size, and what arrived above.
//
//	192.0.2.2 peer --- t0    192.0.2.1/24    the stack
//	198.51.100.2   --- t0.10 198.51.100.1/24 (VLAN 10 of the same port)
#ifndef LEAT_TESTS_NET_H
#define LEAT_TESTS_NET_H

#include "ip/fib.h"
#include "ip/icmp.h"
#include "ip/ip.h"
#include "rig.h"

#define NET_PROTO 253 // of experiments (RFC 3692): its packets come to net_got
#define NET_MAX 65600

// An IPv4 packet to be: header fields, and len bytes of payload.
struct net_pkt {
	const char *src, *dst;
	uint8_t proto, ttl, tos;
	uint16_t id;
	uint16_t frag; // fragment field: flags and offset / 8
	const uint8_t *opts;
	uint8_t n_opts; // a multiple of 4
	int vlan;       // -1: none
	const uint8_t *payload;
	uint32_t len;
};

// How the mbuf of a frame looks.
enum net_form {
	NET_EXACT,  // one external buffer of exactly its size
	NET_CUT,    // several such, cut at random
	NET_DIRECT, // an ordinary mbuf
	NET_FORMS
};

struct net {
	struct rig r;
	struct leat_iface *second; // t0.10
	enum net_form form;
	uint64_t seed;
	uint64_t ol_flags; // set in each frame sent
};

// conf NULL: rig_conf(). Returns 0 or -errno.
int net_open(struct net *n, const struct leat_stack_conf *conf);
void net_close(struct net *n);

// A packet with the defaults: 192.0.2.2 to 192.0.2.1, NET_PROTO, TTL 64, id 1, no payload.
struct net_pkt net_pkt(void);
// Write the frame to b (NET_MAX bytes); returns its length.
uint32_t net_build(const struct net *n, const struct net_pkt *p, uint8_t *b);
// Build, send, one turn.
void net_send(struct net *n, const struct net_pkt *p);
void net_send_bytes(struct net *n, const uint8_t *b, uint32_t len);

// The next frame that the stack sent, at its IPv4 header: length, 0 when there is none. The header
// checksum is asserted. vlan may be NULL.
uint32_t net_take(struct net *n, uint8_t *b, int *vlan);
// Take and forget all; returns how many.
unsigned net_flush(struct net *n);

// What the NET_PROTO handler got last, at the IPv4 header, and how many there were.
struct net_got {
	unsigned n;
	unsigned batches;
	uint32_t len;
	uint16_t flags; // meta
	uint8_t b[NET_MAX];
};
extern struct net_got net_got;

// The route "prefix" with these next hops ("via" NULL: on the link). Returns leat_fib_set()'s
// value.
int net_route(struct net *n, const char *prefix, uint8_t type, const char *via,
	const struct leat_iface *i);

union leat_ip net_ip(const char *text);
uint32_t net_be(const char *text);
uint16_t net_u16(const uint8_t *p);
uint64_t net_drops(const struct net *n, enum leat_drop why);

#endif
