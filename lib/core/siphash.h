// SPDX-License-Identifier: BSD-3-Clause
// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash for short inputs that a peer can neither
// predict nor aim. Used for TCP's initial sequence numbers, timestamp offsets and local ports.
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t leat_siphash_rotl(uint64_t x, unsigned n)
{
	return (x << n) | (x >> (64 - n));
}

static inline void leat_siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = leat_siphash_rotl(v[1], 13) ^ v[0];
	v[3] = leat_siphash_rotl(v[3], 16) ^ v[2];
	v[0] = leat_siphash_rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = leat_siphash_rotl(v[1], 17) ^ v[2];
	v[3] = leat_siphash_rotl(v[3], 21) ^ v[0];
	v[2] = leat_siphash_rotl(v[2], 32);
}

// Hash len bytes under a key of 16 bytes. Pure function; any thread.
static inline uint64_t leat_siphash(const uint8_t key[16], const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t k[2], m, v[4];
	uint8_t last[8] = {0};
	size_t left = len;

	memcpy(k, key, sizeof(k));
	k[0] = le64toh(k[0]);
	k[1] = le64toh(k[1]);
	v[0] = k[0] ^ 0x736f6d6570736575ull;
	v[1] = k[1] ^ 0x646f72616e646f6dull;
	v[2] = k[0] ^ 0x6c7967656e657261ull;
	v[3] = k[1] ^ 0x7465646279746573ull;
	for (;; p += 8, left -= 8) {
		if (left >= 8) {
			memcpy(&m, p, 8);
		} else {
			if (left != 0)
				memcpy(last, p, left);
			last[7] = (uint8_t)len;
			memcpy(&m, last, 8);
		}
		m = le64toh(m);
		v[3] ^= m;
		leat_siphash_round(v);
		leat_siphash_round(v);
		v[0] ^= m;
		if (left < 8)
			break;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		leat_siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
