// SPDX-License-Identifier: BSD-3-Clause
// See frames.h.
#include "frames.h"

#include <arpa/inet.h>
#include <string.h>

const struct rte_ether_addr frame_peer = {{0x02, 0, 0, 0, 0, 0x99}};

static void put16(struct frame *f, uint16_t v)
{
	f->b[f->len++] = v >> 8;
	f->b[f->len++] = (uint8_t)v;
}

static void put(struct frame *f, const void *p, uint32_t n)
{
	memcpy(f->b + f->len, p, n);
	f->len += n;
}

static void put_ip(struct frame *f, const char *text)
{
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	put(f, &a, 4);
}

void frame_eth(struct frame *f, const struct rte_ether_addr *dst, const struct rte_ether_addr *src,
	int vlan, uint16_t ethertype)
{
	f->len = 0;
	put(f, dst, 6);
	put(f, src, 6);
	if (vlan >= 0) {
		put16(f, 0x8100);
		put16(f, (uint16_t)vlan);
	}
	put16(f, ethertype);
}

void frame_arp(struct frame *f, uint16_t op, const struct rte_ether_addr *sha, const char *sip,
	const struct rte_ether_addr *tha, const char *tip)
{
	put16(f, 1);
	put16(f, 0x0800);
	put16(f, 0x0604);
	put16(f, op);
	put(f, sha, 6);
	put_ip(f, sip);
	put(f, tha, 6);
	put_ip(f, tip);
}

uint16_t frame_cksum(const void *bytes, uint32_t n, uint32_t seed)
{
	const uint8_t *p = bytes;
	uint32_t sum = seed;

	for (uint32_t i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

void frame_ip4(struct frame *f, const char *src, const char *dst, uint8_t proto,
	uint16_t payload_len, uint8_t ttl, uint16_t frag_field)
{
	uint32_t at = f->len;
	uint16_t sum;

	put16(f, 0x4500);
	put16(f, (uint16_t)(20 + payload_len));
	put16(f, 0x1234);
	put16(f, frag_field);
	put16(f, (uint16_t)(ttl << 8 | proto));
	put16(f, 0);
	put_ip(f, src);
	put_ip(f, dst);
	sum = frame_cksum(f->b + at, 20, 0);
	memcpy(f->b + at + 10, &sum, 2);
}

void frame_fill(struct frame *f, uint32_t n, uint8_t first)
{
	for (uint32_t i = 0; i < n; i++)
		f->b[f->len++] = (uint8_t)(first + i);
}
