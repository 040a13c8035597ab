// SPDX-License-Identifier: BSD-3-Clause
// Keys of flows to the objects of this worker: rte_hash underneath. Called by tcp_*.c and udp.c for
// every packet, and when connections come and go.
//
// A peer chooses its address and port, so the hash must not be one that it can aim: CRC is linear,
// and its collisions stay collisions under any seed. This one is multilinear over 32-bit words with
// 64-bit random multipliers (Lemire and Kaser, "Strongly universal string hashing is fast", 2012):
// whoever does not know the multipliers finds two keys with one hash no better than by chance, 1 in
// 2^32. They are drawn from the stack's secret, another set for each table.
#include "transport/demux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_hash.h>

#include "core/numa.h"

#define KEY_WORDS (sizeof(struct leat_flow_key) / sizeof(uint32_t))

struct leat_demux {
	uint64_t mul[KEY_WORDS + 1];
	struct rte_hash *hash;
	// The key at each position. rte_hash_get_key_with_position() is no use: it looks the key up
	// again, by the hash function that rte_hash itself would call, which can't know this
	// table's multipliers.
	struct leat_flow_key *keys;
	size_t keys_size;
	uint32_t limit;
};

static inline uint32_t hash_key(const struct leat_demux *d, const struct leat_flow_key *k)
{
	uint32_t w[KEY_WORDS];
	uint64_t sum = d->mul[KEY_WORDS];

	memcpy(w, k, sizeof(w));
	for (unsigned i = 0; i < KEY_WORDS; i += 2)
		sum += (d->mul[i] + w[i]) * (d->mul[i + 1] + w[i + 1]);
	return (uint32_t)(sum >> 32);
}

// rte_hash has no ready comparison for 40 bytes, and memcmp() costs more than these five words.
static int compare_keys(const void *a, const void *b, size_t len)
{
	uint64_t x[5], y[5];

	(void)len;
	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4])) != 0;
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

// All of the 128 bits go into every multiplier, by two passes with either half.
static void draw_multipliers(struct leat_demux *d, const struct leat_lcore *lc, uint64_t table)
{
	uint64_t s[2];

	memcpy(s, lc->stack->secret, sizeof(s));
	for (unsigned i = 0; i <= KEY_WORDS; i++)
		d->mul[i] = mix(mix(s[0] + table) + s[1] + i * 0x9e3779b97f4a7c15ull);
}

static struct rte_hash *make_hash(const struct leat_lcore *lc, uint32_t tag, uint32_t entries)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters p = {
		.name = name,
		.entries = entries,
		.key_len = sizeof(struct leat_flow_key),
		.socket_id = lc->node,
		// without it, adding fails at some 95% of the entries already
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	struct rte_hash *h;

	// rte_hash puts "HT_EXT_" before it and cuts the whole to 28 characters without a word: a
	// stack's name takes 15, so 6 are left for the worker and what the table is of.
	snprintf(name, sizeof(name), "%.15s%02x%04x", lc->stack->conf.name, lc->id & 0xffu,
		tag & 0xffffu);
	h = rte_hash_create(&p);
	if (h != NULL)
		rte_hash_set_cmp_func(h, compare_keys);
	return h;
}

struct leat_demux *leat_demux_create(struct leat_lcore *lc, const char *what, uint32_t n)
{
	struct leat_demux *d = calloc(1, sizeof(*d));
	uint32_t entries = RTE_MAX(n, 8u); // rte_hash's least
	uint32_t tag = 0;

	if (d == NULL)
		return NULL;
	for (const char *c = what; *c != '\0'; c++)
		tag = tag * 31 + (uint8_t)*c;
	d->limit = n;
	d->keys_size = entries * sizeof(*d->keys);
	d->keys = leat_numa_alloc(d->keys_size, lc->node);
	d->hash = make_hash(lc, tag, entries);
	if (d->keys == NULL || d->hash == NULL) {
		leat_demux_destroy(d);
		return NULL;
	}
	draw_multipliers(d, lc, ((uint64_t)lc->id << 32) | tag);
	return d;
}

void leat_demux_destroy(struct leat_demux *d)
{
	if (d == NULL)
		return;
	rte_hash_free(d->hash);
	leat_numa_free(d->keys, d->keys_size);
	free(d);
}

int leat_demux_add(struct leat_demux *d, const struct leat_flow_key *k, void *obj)
{
	uint32_t sig = hash_key(d, k);
	int pos;

	if (rte_hash_lookup_with_hash(d->hash, k, sig) >= 0)
		return -EEXIST;
	if ((uint32_t)rte_hash_count(d->hash) >= d->limit)
		return -ENOSPC;
	if (rte_hash_add_key_with_hash_data(d->hash, k, sig, obj) != 0)
		return -ENOSPC;
	pos = rte_hash_lookup_with_hash(d->hash, k, sig); // which adding with data does not tell
	d->keys[pos] = *k;
	return pos;
}

void leat_demux_replace(struct leat_demux *d, const struct leat_flow_key *k, void *obj)
{
	// The key is there: this writes over its data, which can't fail.
	rte_hash_add_key_with_hash_data(d->hash, k, hash_key(d, k), obj);
}

void leat_demux_del(struct leat_demux *d, const struct leat_flow_key *k)
{
	rte_hash_del_key_with_hash(d->hash, k, hash_key(d, k));
}

void *leat_demux_find(const struct leat_demux *d, const struct leat_flow_key *k)
{
	void *obj;

	if (rte_hash_lookup_with_hash_data(d->hash, k, hash_key(d, k), &obj) < 0)
		return NULL;
	return obj;
}

const struct leat_flow_key *leat_demux_key(const struct leat_demux *d, int32_t pos)
{
	return &d->keys[pos];
}

uint32_t leat_demux_count(const struct leat_demux *d)
{
	return (uint32_t)rte_hash_count(d->hash);
}

bool leat_demux_next(
	const struct leat_demux *d, uint32_t *cursor, const struct leat_flow_key **k, void **obj)
{
	const void *key;

	if (rte_hash_iterate(d->hash, &key, obj, cursor) < 0)
		return false;
	*k = key;
	return true;
}

void *leat_demux_find_listener(const struct leat_demux *d, const struct leat_flow_key *k)
{
	struct leat_flow_key at = *k;
	void *obj;

	at.remote = (union leat_ip){0};
	at.remote_port = 0;
	obj = leat_demux_find(d, &at);
	if (obj != NULL)
		return obj;
	at.local = (union leat_ip){0};
	return leat_demux_find(d, &at);
}
