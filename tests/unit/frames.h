// SPDX-License-Identifier: BSD-3-Clause
// Byte-level builders of frames for tests: written apart from the stack's own code, so that both
// must agree.
#ifndef LEAT_TESTS_FRAMES_H
#define LEAT_TESTS_FRAMES_H

#include <stdint.h>

#include <rte_ether.h>

#define FRAME_MAX 2048

struct frame {
	uint32_t len;
	uint8_t b[FRAME_MAX];
};

// The peer's MAC in tests.
extern const struct rte_ether_addr frame_peer;

// Start a frame with an Ethernet header; vlan < 0: no tag.
void frame_eth(struct frame *f, const struct rte_ether_addr *dst, const struct rte_ether_addr *src,
	int vlan, uint16_t ethertype);
// Append an ARP body. op 1 request, 2 reply; addresses as text.
void frame_arp(struct frame *f, uint16_t op, const struct rte_ether_addr *sha, const char *sip,
	const struct rte_ether_addr *tha, const char *tip);
// Append an IPv4 header without options for payload_len bytes that follow; its checksum is right.
void frame_ip4(struct frame *f, const char *src, const char *dst, uint8_t proto,
	uint16_t payload_len, uint8_t ttl, uint16_t frag_field);
// Append n bytes: byte i is (uint8_t)(first + i).
void frame_fill(struct frame *f, uint32_t n, uint8_t first);
// Internet checksum over bytes, as it stands in a header (network order as uint16_t to store).
uint16_t frame_cksum(const void *bytes, uint32_t n, uint32_t seed);

#endif
