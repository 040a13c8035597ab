// SPDX-License-Identifier: BSD-3-Clause
// Test packets in buffers of exactly their size, so that AddressSanitizer sees a read of one byte
// too many.
#ifndef LEAT_TESTS_PKTBUF_H
#define LEAT_TESTS_PKTBUF_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

// A packet with a copy of bytes, in one external malloc'd buffer for each segment. It has no
// headroom and no tailroom. pool   where the mbufs come from; its buffers are not used len bytes,
// each segment below 65536 cuts   ncuts ascending offsets at which a new segment begins; equal
// ones, 0 and len give empty
//        segments. NULL with ncuts 0: one segment.
// Returns the packet, the caller's to free, or NULL when the pool or the heap is empty.
struct rte_mbuf *leat_pkt_from_bytes_exact(struct rte_mempool *pool, const void *bytes,
	uint32_t len, const uint32_t *cuts, uint32_t ncuts);

// Copy a packet's bytes, wherever they are, to `to`, which has room for m->pkt_len. The chain's
// pkt_len and nb_segs are checked by CUnit assertions.
void leat_pkt_to_bytes(const struct rte_mbuf *m, void *to);

// What a test frame is made of: Ethernet, VLAN tags, IPv4 (no options) or IPv6 with 8-byte
// destination options, TCP (12 bytes of options) or UDP.
struct leat_pkt_spec {
	bool v6;
	bool udp;
	uint8_t vlans;
	uint8_t v6_options;
	uint8_t tcp_flags;
	uint16_t ip_id;
	uint32_t seq;
	uint32_t payload; // bytes, of a pattern that tells its offset
};

#define LEAT_PKT_FRAME_MAX 66000

// Write the frame with all lengths right and checksums 0.
// buf     room for LEAT_PKT_FRAME_MAX
// layout  gets l2_len, l3_len, l4_len and nothing else
// Returns the frame's length in bytes.
uint32_t leat_pkt_frame(uint8_t *buf, const struct leat_pkt_spec *spec, struct rte_mbuf *layout);

// The byte of the payload's pattern at this offset.
static inline uint8_t leat_pkt_pattern(uint32_t off)
{
	return (uint8_t)(off * 7 + (off >> 8) * 13 + (off >> 16));
}

#endif
