// SPDX-License-Identifier: BSD-3-Clause
// Between the files of the mirror: what it knows, and the handler of each kind of message. All on
// main's thread.
//
//   mirror.c        sockets, dumps, events, ENOBUFS
//   mirror_link.c   links and forwarding        mirror_addr.c   addresses
//   mirror_route.c  IPv4 routes                 mirror_neigh.c  neighbours, and confirming them to
//   the kernel
//
// Dumps and events come by sockets of their own, and events wait while a dump runs. So a dump never
// brings back what an event has taken away; the events that are older than the dump are replayed
// and end where the kernel is.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <libmnl/libmnl.h>

#include "core/lcore.h"
#include "kni/kni_private.h"

enum leat_mirror_dump { // in this order: addresses and routes need the links
	LEAT_MIRROR_LINK,
	LEAT_MIRROR_NETCONF,
	LEAT_MIRROR_ADDR,
	LEAT_MIRROR_ROUTE,
	LEAT_MIRROR_NEIGH,
	LEAT_MIRROR_DUMPS
};
#define LEAT_MIRROR_ALL ((1u << LEAT_MIRROR_DUMPS) - 1)

#define LEAT_MIRROR_BUCKETS 1024 // of the neighbours' hash

struct leat_mirror_link { // any link of the namespace
	uint32_t ifindex;
	uint32_t flags;
};

struct leat_mirror_addr { // seen in the running dump
	uint16_t iface;
	struct leat_prefix p;
};

struct leat_mirror_neigh { // that the kernel has on a TAP
	struct leat_mirror_neigh *next;
	union leat_ip ip;
	uint16_t iface;
	struct rte_ether_addr mac;
	bool permanent;
	bool reachable; // the kernel's state: needs no confirmation
	bool seen;      // in the running dump
};

struct leat_mirror {
	struct leat_stack *stack;
	struct leat_nl *nl; // for what is told to the kernel
	struct mnl_socket *events, *query;
	int epoll_fd;
	uint32_t seq;         // of the running dump
	unsigned wanted;      // dumps to make, bits by enum leat_mirror_dump
	int running;          // dump, or -1
	bool overrun;         // events were lost: discard the queue, then dump all
	bool interrupted;     // the running dump's tables changed under it
	uint64_t deadline_ns; // of the running dump's next message, CLOCK_MONOTONIC
	uint64_t retry_ns;    // no dump is started before
	char buf[65536];

	struct leat_mirror_link *links;
	uint32_t n_links, cap_links;
	struct leat_mirror_addr *addrs;
	uint32_t n_addrs, cap_addrs;
	struct leat_mirror_neigh *neighs[LEAT_MIRROR_BUCKETS];
	struct leat_prefix last_route; // of the running dump, if has_last
	uint32_t last_table, last_metric;
	bool has_last;
	bool twins; // prefixes with several routes of one table and metric exist

	uint64_t resyncs, enobufs;
	uint64_t routes_ignored; // of other tables, with TOS, or of types that are no destination
	uint64_t routes_refused; // by our own tables: full
};

// ---- mirror.c ----

// Open the sockets in the namespace of the caller and take over the kernel's tables. nl stays the
// caller's.
int leat_mirror_create(struct leat_stack *s, struct leat_nl *nl, struct leat_mirror **out);
void leat_mirror_destroy(struct leat_mirror *m); // NULL is allowed
int leat_mirror_fd(const struct leat_mirror *m);
// Take what is there, for at most some 20 ms.
void leat_mirror_turn(struct leat_mirror *m);
void leat_mirror_counts(const struct leat_mirror *m, struct leat_kni_counts *out);
// Have a dump made soon.
static inline void leat_mirror_want(struct leat_mirror *m, enum leat_mirror_dump d)
{
	m->wanted |= 1u << d;
}

// In a second: when there was no room for it now.
void leat_mirror_want_later(struct leat_mirror *m, enum leat_mirror_dump d);

// ---- handlers; `_begin` and `_end` stand around a dump, complete: it held everything ----

void leat_mirror_on_link(struct leat_mirror *m, const struct nlmsghdr *h);
void leat_mirror_on_netconf(struct leat_mirror *m, const struct nlmsghdr *h);
void leat_mirror_on_addr(struct leat_mirror *m, const struct nlmsghdr *h);
void leat_mirror_addr_begin(struct leat_mirror *m);
void leat_mirror_addr_end(struct leat_mirror *m, bool complete);
void leat_mirror_on_route(struct leat_mirror *m, const struct nlmsghdr *h);
void leat_mirror_route_begin(struct leat_mirror *m);
void leat_mirror_route_end(struct leat_mirror *m, bool complete);
void leat_mirror_on_neigh(struct leat_mirror *m, const struct nlmsghdr *h);
void leat_mirror_neigh_begin(struct leat_mirror *m);
void leat_mirror_neigh_end(struct leat_mirror *m, bool complete);
void leat_mirror_neigh_free(struct leat_mirror *m);

// Confirm to the kernel the neighbours that this worker uses and has heard of lately; some of its
// table a call, from *cursor on.
void leat_mirror_confirm(struct leat_mirror *m, struct leat_lcore *lc, uint32_t *cursor);

// An IP address of a netlink attribute. False when its length is of no family.
static inline bool leat_mirror_get_ip(const struct nlattr *a, union leat_ip *ip)
{
	const uint16_t len = mnl_attr_get_payload_len(a);

	if (len == 4)
		*ip = leat_ip_from_be32(mnl_attr_get_u32(a));
	else if (len == sizeof(*ip))
		memcpy(ip, mnl_attr_get_payload(a), sizeof(*ip)); // aligned to 4 only
	else
		return false;
	return true;
}
