// SPDX-License-Identifier: BSD-3-Clause
// The network layer. Which file does what:
//   ip4_input.c     checks (RFC 1122 3.2.1, 1812 5.2), batch lookup, local / forward / punt
//   ip4_local.c     packets for this host: steering to the flow's worker, table by protocol
//   ip4_forward.c   TTL, MTU, ICMP errors, redirect
//   ip4_output.c    the way to a destination, header, next hop
//   frag.c          fragmentation
//   reass.c         reassembly: which datagram, what is accepted, for how long
//   reass_store.c   reassembly: where fragments wait and how they become one packet
//   icmp.c          echo, errors in
//   icmp_error.c    errors out, rate-limited
//   rib.c           routes of control
//   fib.c           lookup of workers
//   fib_table.c     how routes get into rte_fib
//   nexthop.c       next-hop records, shared by routes
//   claim.c         claims of the fast path
//   ip.c            start, end, addresses with their routes
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/lcore.h"
#include "link/link.h"
#include "link/neigh.h"
#include "pkt/addr.h"

struct leat_ip_stack; // ip_private.h

int leat_ip_init(struct leat_stack *s);
void leat_ip_fini(struct leat_stack *s);

// Put an address on an interface with its local, connected and broadcast routes, as the kernel
// would: for stacks without a TAP. 0, -EEXIST, -ENOENT, -ENOSPC, -ENOMEM. Main only.
int leat_ip_addr_add(struct leat_stack *s, struct leat_iface *i, const struct leat_prefix *p);
int leat_ip_addr_del(struct leat_stack *s, struct leat_iface *i, const struct leat_prefix *p);

// Upper layers' entry: what to call with packets of an IP protocol for this host (data at the
// Ethernet header, l2_len and l3_len set, total length trimmed to the IP length, LEAT_META_L4_GOOD
// where verified), and with ICMP errors that quote the protocol. err may be NULL. 0 or -EEXIST.
// Before workers run.
int leat_ip_set_proto(
	struct leat_stack *s, uint8_t proto, leat_input_fn input, leat_proto_error_fn err);

// ---- the way to a destination ----

// Cached by whoever sends often (a connection). Private to one worker.
struct leat_dst {
	uint32_t epoch; // of the routes when it was looked up; 0: never
	uint16_t iface; // out
	uint16_t mtu;   // of the way, at most the interface's
	struct leat_neigh_hint neigh;
	union leat_ip next_hop; // never "any": on-link destinations stand here themselves
};

// Find the way to dst. flow_hash picks among equal next hops. src: when any, set to the address to
// speak from. Returns 0, -ENETUNREACH (no route), -EHOSTUNREACH (unreachable, or a local or
// broadcast address: not sent to), -EACCES (prohibit), -EINVAL (blackhole), -EXDEV (route out of an
// interface that Leat does not own). Datapath.
int leat_ip_route(struct leat_lcore *lc, const union leat_ip *dst, uint32_t flow_hash,
	struct leat_dst *out, union leat_ip *src);

// True when routes have changed since; the owner then calls leat_ip_route() again.
bool leat_dst_stale(const struct leat_lcore *lc, const struct leat_dst *d);

struct leat_ip4_tx {
	uint32_t src_be, dst_be;
	uint8_t proto, ttl, tos;
	bool df;
};

// Prepend IPv4 headers (checksums asked of the port) and send: n packets of 1..LEAT_BURST with data
// at the transport header, m->l4_len set where a transport offload is asked for
// (RTE_MBUF_F_TX_TCP_CKSUM, _UDP_CKSUM, _TCP_SEG with tso_segsz: then the transport's checksum
// field holds the pseudo-header sum, rte_ipv4_phdr_cksum). Packets beyond the MTU are fragmented
// (checksummed before), with df set dropped. Ownership is taken. Datapath. RFC 791.
void leat_ip4_output(struct leat_lcore *lc, struct leat_dst *d, const struct leat_ip4_tx *tx,
	struct rte_mbuf **pkts, uint16_t n);

// Hash of a flow that is the same in both directions; used where ports do not spread flows
// themselves.
uint32_t leat_flow_hash(const union leat_ip *a, const union leat_ip *b, uint16_t port_a,
	uint16_t port_b, uint8_t proto);

// Worker that owns the flow of packets like this, for a port without enough receive queues.
// Datapath.
static inline uint16_t leat_flow_owner(const struct leat_lcore *lc, uint32_t hash)
{
	return (uint16_t)(((uint64_t)hash * lc->stack->n_lcores) >> 32);
}
