// SPDX-License-Identifier: BSD-3-Clause
// Keys to objects: room for n, positions, who comes first, and a random comparison with a plain
// array.
#include "transport/demux.h"

#include <errno.h>
#include <string.h>

#include "core/lcore.h"
#include "unit.h"

static struct leat_stack *stack;

static struct leat_demux *make(const char *what, uint32_t n)
{
	return leat_demux_create(stack->lcores[0], what, n);
}

static struct leat_flow_key key(uint32_t i)
{
	return (struct leat_flow_key){.local = leat_ip_from_be32(1),
		.remote = leat_ip_from_be32(i >> 8),
		.local_port = 80,
		.remote_port = i & 0xff,
		.proto = IPPROTO_TCP,
		.family = AF_INET};
}

static void *obj(uint32_t i)
{
	return (void *)(uintptr_t)(i + 1);
}

// n keys fit, each has a position of its own that leads to it, and not one more fits.
static void holds_n(void)
{
	static const uint32_t sizes[] = {1, 7, 100, 1000, 20000};
	static uint8_t seen[65536];

	for (unsigned k = 0; k < RTE_DIM(sizes); k++) {
		uint32_t n = sizes[k], wrong = 0;
		struct leat_demux *d = make("size", n);
		struct leat_flow_key one = key(n);

		CU_ASSERT_PTR_NOT_NULL_FATAL(d);
		memset(seen, 0, sizeof(seen));
		for (uint32_t i = 0; i < n; i++) {
			struct leat_flow_key ki = key(i);
			int pos = leat_demux_add(d, &ki, obj(i));
			const struct leat_flow_key *back = leat_demux_key(d, pos);

			wrong += pos < 0 || seen[pos]++ != 0 || back == NULL ||
				 memcmp(back, &ki, sizeof(ki)) != 0;
		}
		CU_ASSERT_EQUAL(wrong, 0);
		CU_ASSERT_EQUAL(leat_demux_count(d), n);
		CU_ASSERT_EQUAL(leat_demux_add(d, &one, obj(n)), -ENOSPC);
		for (uint32_t i = 0; i < n; i++) {
			struct leat_flow_key ki = key(i);

			wrong += leat_demux_find(d, &ki) != obj(i);
		}
		CU_ASSERT_EQUAL(wrong, 0);
		leat_demux_destroy(d);
	}
}

// A key stands once; its object can be another's; a position stays while others come and go.
static void replaces(void)
{
	struct leat_demux *d = make("replace", 64);
	struct leat_flow_key a = key(1), b = key(2);
	int pos;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	pos = leat_demux_add(d, &a, obj(1));
	CU_ASSERT(pos >= 0);
	CU_ASSERT_EQUAL(leat_demux_add(d, &a, obj(2)), -EEXIST);
	CU_ASSERT_PTR_EQUAL(leat_demux_find(d, &a), obj(1));
	CU_ASSERT(leat_demux_add(d, &b, obj(3)) >= 0);
	leat_demux_replace(d, &a, obj(9));
	CU_ASSERT_PTR_EQUAL(leat_demux_find(d, &a), obj(9));
	CU_ASSERT_EQUAL(leat_demux_count(d), 2);
	leat_demux_del(d, &b);
	CU_ASSERT_PTR_NULL(leat_demux_find(d, &b));
	CU_ASSERT_EQUAL(memcmp(leat_demux_key(d, pos), &a, sizeof(a)), 0);
	leat_demux_destroy(d);
}

// The address counts before any address, and a listener is not an exact match.
static void listeners(void)
{
	struct leat_demux *d = make("listen", 64);
	struct leat_flow_key any = {.local_port = 80, .proto = IPPROTO_TCP, .family = AF_INET};
	struct leat_flow_key at = any, k = key(5), other = k;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	at.local = k.local;
	other.local = leat_ip_from_be32(2);
	CU_ASSERT_PTR_NULL(leat_demux_find_listener(d, &k));
	CU_ASSERT(leat_demux_add(d, &any, obj(1)) >= 0);
	CU_ASSERT_PTR_EQUAL(leat_demux_find_listener(d, &k), obj(1));
	CU_ASSERT(leat_demux_add(d, &at, obj(2)) >= 0);
	CU_ASSERT_PTR_EQUAL(leat_demux_find_listener(d, &k), obj(2));
	CU_ASSERT_PTR_EQUAL(leat_demux_find_listener(d, &other), obj(1));
	CU_ASSERT_PTR_NULL(leat_demux_find(d, &k));
	k.local_port = 81;
	CU_ASSERT_PTR_NULL(leat_demux_find_listener(d, &k));
	k.local_port = 80;
	k.proto = IPPROTO_UDP;
	CU_ASSERT_PTR_NULL(leat_demux_find_listener(d, &k));
	leat_demux_destroy(d);
}

// 100,000 random operations on 512 keys give what an array gives, and so does the walk.
static void as_array(void)
{
	struct leat_demux *d = make("array", 300);
	void *model[512] = {0};
	uint32_t count = 0, wrong = 0, cursor = 0, walked = 0;
	const struct leat_flow_key *k;
	uint64_t seed = 42;
	void *o;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	for (int i = 0; i < 100000; i++) {
		uint64_t r = unit_random(&seed);
		uint32_t slot = r % 512;
		struct leat_flow_key ks = key(slot);

		if ((r >> 32) % 3 == 0) {
			int rc = leat_demux_add(d, &ks, obj(i));

			if (model[slot] != NULL) {
				wrong += rc != -EEXIST;
			} else if (count == 300) {
				wrong += rc != -ENOSPC;
			} else {
				wrong += rc < 0;
				model[slot] = obj(i);
				count++;
			}
		} else if ((r >> 32) % 3 == 1) {
			leat_demux_del(d, &ks);
			count -= model[slot] != NULL;
			model[slot] = NULL;
		}
		wrong += leat_demux_find(d, &ks) != model[slot];
		wrong += leat_demux_count(d) != count;
	}
	while (leat_demux_next(d, &cursor, &k, &o)) {
		uint32_t slot = (leat_ip_be32(k->remote) << 8 | k->remote_port) % 512;

		wrong += model[slot] != o;
		model[slot] = NULL;
		walked++;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(walked, count);
	leat_demux_destroy(d);
}

// Tables of one worker and of stacks with the longest name do not get into each other's way.
static void names(void)
{
	struct leat_demux *a = make("tcp", 16), *b = make("udp", 16);

	CU_ASSERT_PTR_NOT_NULL(a);
	CU_ASSERT_PTR_NOT_NULL(b);
	CU_ASSERT_PTR_NULL(make("tcp", 16)); // two of one name would share what rte_hash names
	leat_demux_destroy(a);
	leat_demux_destroy(b);
}

static const struct unit_case cases[] = {UNIT_CASE(holds_n), UNIT_CASE(replaces),
	UNIT_CASE(listeners), UNIT_CASE(as_array), UNIT_CASE(names)};

int main(void)
{
	struct leat_stack_conf conf;
	int rc;

	if (unit_eal_init() != 0)
		return 1;
	leat_stack_conf_default(&conf);
	strcpy(conf.name, "fifteen-letters");
	conf.by_hand = true;
	conf.mbufs = 1023;
	if (leat_stack_create(&conf, &stack) != 0)
		return 1;
	rc = UNIT_RUN("demux", cases);
	leat_stack_destroy(stack);
	return rc != 0;
}
