// SPDX-License-Identifier: BSD-3-Clause
// Between the files of lib/ip: the state of a stack and of a worker, and what the stages call of
// each other.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "core/lcore.h"
#include "ip/fib.h"
#include "ip/ip.h"
#include "link/neigh.h"
#include "pkt/pullup.h"

#define LEAT_IP_TTL 64
#define LEAT_IP_TIMER_REASS 1 // kind of timer in the worker's wheel

// ICMP messages, by name (RFC 792, 1191, 1812)
#define LEAT_ICMP_ECHO_REPLY 0
#define LEAT_ICMP_UNREACH 3
#define LEAT_ICMP_REDIRECT 5
#define LEAT_ICMP_ECHO 8
#define LEAT_ICMP_TIME_EXCEEDED 11
#define LEAT_ICMP_PARAM_PROBLEM 12
#define LEAT_ICMP_TIMESTAMP 13

#define LEAT_ICMP_UNREACH_NET 0
#define LEAT_ICMP_UNREACH_HOST 1
#define LEAT_ICMP_UNREACH_PROTO 2
#define LEAT_ICMP_UNREACH_FRAG 4
#define LEAT_ICMP_UNREACH_ADMIN 13
#define LEAT_ICMP_REDIRECT_HOST 1
#define LEAT_ICMP_EXCEEDED_TTL 0
#define LEAT_ICMP_EXCEEDED_REASS 1

struct leat_fib;
struct leat_claims;
struct leat_reass;

struct leat_ip_stack {
	struct leat_fib *fib;
	struct leat_claims *claims; // RCU
};

// Messages of one class are limited together, so that a flood of one kind does not silence another.
enum leat_icmp_class {
	LEAT_ICMP_CLASS_UNREACH,
	LEAT_ICMP_CLASS_TOO_BIG,
	LEAT_ICMP_CLASS_EXCEEDED,
	LEAT_ICMP_CLASS_REDIRECT,
	LEAT_ICMP_CLASS_OTHER,
	LEAT_ICMP_CLASS_MAX
};

#define LEAT_IP_NEIGH_CACHE 256 // neighbour hints of forwarding, by next hop
#define LEAT_IP_IDS 256

struct leat_ip_lcore {
	uint16_t ids[LEAT_IP_IDS];                 // running identification, by destination
	uint64_t icmp_tat_ns[LEAT_ICMP_CLASS_MAX]; // when the bucket would be full again
	struct leat_reass *reass;
	struct leat_neigh_hint hints[LEAT_IP_NEIGH_CACHE];
};

// ---- fib.c, claim.c ----
int leat_fib_init(struct leat_stack *s);
void leat_fib_fini(struct leat_stack *s);
int leat_claim_init(struct leat_stack *s);
void leat_claim_fini(struct leat_stack *s);

// ---- nexthop.c: records shared by all routes that go the same way; main only ----
struct leat_nh_table;
struct leat_nh_table *leat_nh_create(struct leat_stack *s, uint32_t routes);
void leat_nh_destroy(struct leat_nh_table *t);
// Index of a record with this content, made if need be, one reference more. 0, -ENOSPC, -ENOMEM.
// nh  padding and unused paths are zero, as it is compared whole
int leat_nh_get(struct leat_nh_table *t, const struct leat_nexthop *nh, uint32_t *idx);
void leat_nh_put(struct leat_nh_table *t, uint32_t idx);
// Any thread.
const struct leat_nexthop *const *leat_nh_records(const struct leat_nh_table *t);

// ---- reass.c ----
int leat_reass_init(struct leat_lcore *lc);
void leat_reass_fini(struct leat_lcore *lc);
// Take a fragment for this host (headers contiguous, trimmed). Returns the datagram when it is
// complete, with the first fragment's headers made those of the whole, else NULL. Datapath.
struct rte_mbuf *leat_reass_input(struct leat_lcore *lc, struct rte_mbuf *m);
// For tests and leatctl: bytes charged, datagrams known.
uint32_t leat_reass_bytes(const struct leat_lcore *lc);
uint32_t leat_reass_datagrams(const struct leat_lcore *lc);

// ---- ip4_input.c ----
void leat_ip4_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n);

// ---- ip4_local.c ----
// Packets for an address of this host, checked.
void leat_ip4_local(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n);
// The same from another worker, which knows that they are ours: handler of LEAT_XOP_LOCAL_INPUT.
void leat_ip4_local_xop(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n);
// Hash of a packet's flow: addresses, and ports where it has them; of an ICMP error, that of the
// flow it is about.
uint32_t leat_ip4_flow_hash(struct rte_mbuf *m);
// Why the kernel gets a packet for this host or a group.
enum leat_punt_class leat_ip4_punt_class(struct rte_mbuf *m, enum leat_punt_class otherwise);

// ---- ip4_forward.c ----
// Packets for others, with the next hop that the FIB gave for each.
void leat_ip4_forward(
	struct leat_lcore *lc, struct rte_mbuf **pkts, const struct leat_nexthop **nhs, uint16_t n);
// ---- frag.c ----
// Cut m (data at the IPv4 header, l3_len set) to the MTU and send the fragments to a next hop.
void leat_ip4_fragment(struct leat_lcore *lc, const struct leat_iface *i,
	const union leat_ip *next_hop, struct leat_neigh_hint *hint, struct rte_mbuf *m,
	uint16_t mtu);

// ---- helpers ----

// Offset and more-fragments bits of a fragment.
static inline bool leat_ip4_is_fragment(const struct rte_ipv4_hdr *ip)
{
	return (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) !=
	       0;
}

// MTU of a way: the route's if it has one, within what IPv4 promises (RFC 791: 68) and the
// interface can.
static inline uint16_t leat_ip4_way_mtu(const struct leat_nexthop *nh, const struct leat_iface *i)
{
	return nh->mtu == 0 ? i->mtu : (uint16_t)RTE_MIN(RTE_MAX(nh->mtu, 68u), (uint32_t)i->mtu);
}

// Ports of a TCP or UDP packet, host order; false for other protocols, fragments and what is too
// short.
bool leat_ip4_ports(struct rte_mbuf *m, uint16_t *src, uint16_t *dst);

// IPv4 header of a frame on its way up (data at Ethernet).
static inline struct rte_ipv4_hdr *leat_ip4_hdr(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, m->l2_len);
}

// Have the first len bytes in a segment that is nobody else's, so that they may be changed: buffers
// can be shared (foreign, indirect, external). Returns false, and *m as it was, without a buffer.
// Datapath.
bool leat_ip_unshare_slow(struct leat_lcore *lc, struct rte_mbuf **m, uint16_t len);
static inline bool leat_ip_unshare(struct leat_lcore *lc, struct rte_mbuf **m, uint16_t len)
{
	if (likely(RTE_MBUF_DIRECT(*m) && rte_mbuf_refcnt_read(*m) == 1))
		return true;
	return leat_ip_unshare_slow(lc, m, len);
}

// Well-mixed 64 bits (the finalizer of splitmix64).
static inline uint64_t leat_ip_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}
