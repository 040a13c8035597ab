// SPDX-License-Identifier: BSD-3-Clause
// What Leat knows of a packet beside the mbuf's own fields: 24 bytes in mbuf dynamic fields, never
// in the private area, since ring ports deliver foreign mbufs.
//
// Beside it, every stage of the receive side keeps to this: the data starts at the Ethernet header
// until transport takes the payload, m->l2_len and m->l3_len are set by the stage that parsed the
// layer, and a VLAN tag is in m->vlan_tci with RTE_MBUF_F_RX_VLAN_STRIPPED.
#pragma once

#include <stdint.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

// leat_meta.flags
#define LEAT_META_REASSEMBLED 0x0001u // several frames once; device verdicts on L4 are void
#define LEAT_META_L4_GOOD 0x0002u     // L4 checksum verified, by the device or in software
#define LEAT_META_BROADCAST 0x0004u   // came to a link-layer group address
#define LEAT_META_FORWARDED 0x0010u   // on its way through this host, not from it

struct leat_meta {
	union {
		uint64_t done;         // bitmap of functions executed already (receive, placement)
		struct rte_mbuf *next; // next packet of a queue that holds this one
	};
	uint32_t seq;   // TCP: sequence number of the first payload byte (host order)
	uint32_t hash;  // hash of the flow, 0 when not computed
	uint16_t iface; // index of the interface that it came by or leaves by
	uint16_t flags; // LEAT_META_*
	uint16_t xop;   // what a worker that gets it by a ring does with it (core/xring.h)
	uint16_t spare;
};
_Static_assert(sizeof(struct leat_meta) == 24, "packet metadata is at most 24 bytes");

// Offset in the mbuf, from EAL's process-wide registry of dynamic fields; set by
// leat_meta_register().
extern int leat_meta_offset;

// Register the dynamic field. Returns 0 or -errno. Control context; may be called again.
int leat_meta_register(void);

static inline struct leat_meta *leat_meta(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, leat_meta_offset, struct leat_meta *);
}
