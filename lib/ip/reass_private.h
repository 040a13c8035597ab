// SPDX-License-Identifier: BSD-3-Clause
// Between reass.c (which datagram, what is accepted, for how long) and reass_store.c (where its
// bytes wait and how they become one packet).
#pragma once

#include <sys/queue.h>

#include "core/slab.h"
#include "ip/ip_private.h"

#define LEAT_REASS_CHAIN 64 // segments of a list at most
#define LEAT_REASS_MAX 65535
#define LEAT_REASS_UNITS 8192 // of 8 bytes
#define LEAT_REASS_FLAT (LEAT_REASS_UNITS * 8)
#define LEAT_REASS_WORDS (LEAT_REASS_UNITS / 64)

enum leat_reass_state { LEAT_REASS_WAITING, LEAT_REASS_REFUSED_OVERLAP, LEAT_REASS_REFUSED_FULL };

struct leat_datagram {
	struct leat_datagram *next; // of its bucket
	TAILQ_ENTRY(leat_datagram) age;
	struct leat_timer timer;
	uint32_t src_be, dst_be;
	uint16_t id_be;
	uint8_t proto;
	uint8_t state;
	uint64_t born_ns;
	uint32_t total;         // bytes of payload, known when the last fragment is here; else 0
	uint32_t have;          // bytes of payload here
	uint32_t end;           // end of what is furthest
	uint32_t charged;       // bytes, the record included
	uint32_t n_segs;        // in the list
	uint32_t n_frags;       // that came and count as held: list, and copied into flat
	uint8_t *flat;          // NULL while the list will do
	struct rte_mbuf *first; // the fragment at 0 when flat
	struct rte_mbuf *head, *tail; // ordered by offset, linked by meta.next
	uint64_t covered[LEAT_REASS_WORDS];
	uint64_t starts[LEAT_REASS_WORDS];
};

struct leat_reass {
	struct leat_slab *records;
	struct leat_slab *flats;
	uint32_t mask, n_buckets;
	uint32_t bytes, limit;
	uint64_t key[2];
	TAILQ_HEAD(, leat_datagram) by_age;
	struct leat_datagram **buckets;
};

// What a fragment covers, from its header.
struct leat_reass_span {
	uint32_t off, len, hdr; // bytes; hdr is link and IP header
	bool last;
};

// What the header of a fragment says.
static inline struct leat_reass_span leat_reass_span_of(struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);
	uint16_t f = rte_be_to_cpu_16(ip->fragment_offset);

	return (struct leat_reass_span){
		.off = (uint32_t)(f & RTE_IPV4_HDR_OFFSET_MASK) * 8,
		.len = (uint32_t)rte_be_to_cpu_16(ip->total_length) - m->l3_len,
		.hdr = (uint32_t)m->l2_len + m->l3_len,
		.last = (f & RTE_IPV4_HDR_MF_FLAG) == 0,
	};
}

// reass.c
// Room for `bytes` more, if need be by giving up old datagrams other than `keep`.
bool leat_reass_make_room(struct leat_lcore *lc, uint32_t bytes, const struct leat_datagram *keep);

// reass_store.c
// Store a new fragment and charge it. Returns false, m the caller's, without room.
bool leat_reass_store(struct leat_lcore *lc, struct leat_datagram *d, struct rte_mbuf *m,
	const struct leat_reass_span *s);
// Make one packet of a complete datagram; its fragments are the caller's to count. NULL, and
// nothing changed, without buffers. The first fragment's headers are writable.
struct rte_mbuf *leat_reass_chain(struct leat_lcore *lc, struct leat_datagram *d);
