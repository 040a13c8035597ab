// SPDX-License-Identifier: BSD-3-Clause
// Reassembly: thousands of random cuttings and orders against the datagram they came from,
// duplicates, overlaps, impossible fragments, time and memory.
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "ip/ip_private.h"
#include "ip/net.h"
#include "unit.h"

#define FRAG_MAX 9000

struct piece {
	uint32_t off, len;
	bool last;
};

static uint8_t datagram[65536];

static void fill(uint64_t seed)
{
	for (size_t i = 0; i < sizeof(datagram); i += 8) {
		uint64_t x = unit_random(&seed);

		memcpy(datagram + i, &x, 8);
	}
}

// One fragment of `datagram`; bytes beyond the first headers' limit are the caller's concern.
static void send_piece(struct net *n, uint16_t id, const struct piece *c)
{
	struct net_pkt p = net_pkt();

	p.id = id;
	p.frag = (uint16_t)(c->off / 8 | (c->last ? 0 : 0x2000));
	p.payload = datagram + c->off;
	p.len = c->len;
	net_send(n, &p);
}

static void expect_whole(uint32_t len)
{
	CU_ASSERT_EQUAL(net_got.len, 20 + len);
	CU_ASSERT(memcmp(net_got.b + 20, datagram, len) == 0);
	CU_ASSERT_EQUAL(net_u16(net_got.b + 2), 20 + len);
	CU_ASSERT_EQUAL(net_u16(net_got.b + 6), 0);
	CU_ASSERT_EQUAL(frame_cksum(net_got.b, 20, 0), 0);
	CU_ASSERT_EQUAL(net_got.flags, LEAT_META_REASSEMBLED);
}

// Cut total bytes at random into at most `max` long pieces. Returns how many.
static uint32_t cut(struct piece *c, uint32_t total, uint32_t max, uint64_t *seed)
{
	uint32_t n = 0, off = 0;

	while (off < total) {
		uint32_t len = 8 * (1 + (uint32_t)(unit_random(seed) % (max / 8)));

		if (off + len >= total)
			len = total - off;
		c[n++] = (struct piece){off, len, off + len == total};
		off += len;
	}
	return n;
}

static void shuffle(struct piece *c, uint32_t n, uint64_t *seed)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t k = (uint32_t)(unit_random(seed) % i);
		struct piece t = c[i - 1];

		c[i - 1] = c[k];
		c[k] = t;
	}
}

static void random_orders_and_duplicates_give_the_datagram(void)
{
	static struct piece c[8192];
	uint64_t seed = 11, consumed;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill(1);
	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t total =
			9 + (uint32_t)(unit_random(&seed) % (round % 50 == 0 ? 65507 : 3000));
		uint32_t max = 8 + (uint32_t)(unit_random(&seed) % 1500), k, dups = 0;

		n.form = round % NET_FORMS;
		k = cut(c, total, max, &seed);
		if (k == 1)
			continue;
		if (round % 3 != 0)
			shuffle(c, k, &seed);
		net_got.n = 0;
		consumed = n.r.lc->count.consumed;
		for (uint32_t i = 0; i < k; i++) {
			send_piece(&n, (uint16_t)round, &c[i]);
			CU_ASSERT_EQUAL(net_got.n, i == k - 1);
			if (i != k - 1 && unit_random(&seed) % 4 == 0) { // one of those sent
				send_piece(&n, (uint16_t)round, &c[unit_random(&seed) % (i + 1)]);
				dups++;
			}
		}
		expect_whole(total);
		CU_ASSERT_EQUAL(n.r.lc->count.consumed, consumed + dups + 1);
		CU_ASSERT_EQUAL(n.r.lc->count.held, 0);
	}
	CU_ASSERT_EQUAL(leat_reass_datagrams(n.r.lc), 0);
	CU_ASSERT_EQUAL(leat_reass_bytes(n.r.lc), 0);
	net_close(&n);
}

static void the_largest_datagram_in_the_smallest_fragments(void)
{
	static struct piece c[8192];
	uint64_t seed = 12, merged;
	uint32_t k;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill(2);
	n.form = NET_DIRECT;
	for (int order = 0; order < 3; order++) {
		k = cut(c, 65515, 8, &seed);
		CU_ASSERT_EQUAL(k, 8190);
		if (order == 1)
			for (uint32_t i = 0; i < k / 2; i++) {
				struct piece t = c[i];

				c[i] = c[k - 1 - i];
				c[k - 1 - i] = t;
			}
		if (order == 2)
			shuffle(c, k, &seed);
		net_got.n = 0;
		merged = n.r.lc->count.merged;
		for (uint32_t i = 0; i < k; i++)
			send_piece(&n, (uint16_t)(100 + order), &c[i]);
		CU_ASSERT_EQUAL(net_got.n, 1);
		expect_whole(65515);
		CU_ASSERT_EQUAL(n.r.lc->count.merged, merged + k - 1);
	}
	net_close(&n);
}

static void several_datagrams_do_not_mix(void)
{
	static struct piece c[3][64];
	static const char *const src[] = {"192.0.2.2", "192.0.2.3", "192.0.2.2"};
	uint64_t seed = 13;
	uint32_t k[3];
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill(3);
	for (int d = 0; d < 3; d++)
		k[d] = cut(c[d], 2000 + 8 * (uint32_t)d, 64, &seed);
	for (uint32_t i = 0; i < 64; i++) {
		for (int d = 0; d < 3; d++) {
			struct net_pkt p = net_pkt();

			if (i >= k[d])
				continue;
			p.src = src[d];
			p.id = d == 2 ? 8 : 7;
			p.frag = (uint16_t)(c[d][i].off / 8 | (c[d][i].last ? 0 : 0x2000));
			p.payload = datagram + c[d][i].off;
			p.len = c[d][i].len;
			net_send(&n, &p);
			if (c[d][i].last)
				expect_whole(2000 + 8 * (uint32_t)d);
		}
	}
	CU_ASSERT_EQUAL(net_got.n, 3);
	net_close(&n);
}

// After these fragments the datagram must be refused, and what comes later with it.
static void refused(struct net *n, uint16_t id, const struct piece *c, uint32_t k)
{
	uint64_t dropped = net_drops(n, LEAT_DROP_REASS_OVERLAP);

	net_got.n = 0;
	for (uint32_t i = 0; i < k; i++)
		send_piece(n, id, &c[i]);
	send_piece(n, id, &(struct piece){0, 64, false});
	send_piece(n, id, &(struct piece){64, 64, true});
	CU_ASSERT_EQUAL(net_got.n, 0);
	CU_ASSERT_EQUAL(net_drops(n, LEAT_DROP_REASS_OVERLAP), dropped + k + 2);
	CU_ASSERT_EQUAL(n->r.lc->count.held, 0);
}

static void overlaps_are_refused(void)
{
	static const struct piece cases[][3] = {
		{{0, 64, false}, {56, 64, false}, {0, 0, false}},
		{{56, 64, false}, {0, 64, false}, {0, 0, false}},
		{{0, 128, false}, {32, 16, false}, {0, 0, false}}, // within
		{{32, 16, false}, {0, 128, false}, {0, 0, false}}, // around
		{{0, 64, false}, {0, 32, false}, {0, 0, false}},   // same start, shorter
		{{0, 64, false}, {0, 128, false}, {0, 0, false}},  // same start, longer
		{{0, 32, false}, {32, 32, false}, {0, 64, false}}, // over two
		{{64, 64, true}, {0, 200, false}, {0, 0, false}},
		{{64, 64, true}, {64, 60, true}, {0, 0, false}},  // two ends
		{{64, 64, true}, {128, 8, false}, {0, 0, false}}, // beyond the end
		{{128, 8, false}, {64, 64, true}, {0, 0, false}}, // end before what is here
		{{64, 64, true}, {64, 64, false}, {0, 0, false}}, // no longer the last
		{{64, 64, false}, {64, 64, true}, {0, 0, false}},
		{{0, 61, true}, {0, 0, false}, {0, 0, false}}, // not a fragment: arrives
	};
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill(4);
	for (uint32_t i = 0; i < RTE_DIM(cases) - 1; i++)
		refused(&n, (uint16_t)(i + 1), cases[i], cases[i][2].len != 0 ? 3 : 2);
	net_got.n = 0;
	send_piece(&n, 99, &cases[RTE_DIM(cases) - 1][0]);
	CU_ASSERT_EQUAL(net_got.n, 1);
	rig_run(&n.r, 31ull * 1000000000);
	CU_ASSERT_EQUAL(leat_reass_datagrams(n.r.lc), 0);
	// The identification is free again.
	send_piece(&n, 1, &(struct piece){0, 64, false});
	send_piece(&n, 1, &(struct piece){64, 64, true});
	CU_ASSERT_EQUAL(net_got.n, 2);
	net_close(&n);
}

// Random ranges against an oracle of bytes: what was accepted must be what a byte map says.
static void random_ranges_are_judged_as_by_a_byte_map(void)
{
	static uint8_t map[4096];
	uint64_t seed = 15;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill(5);
	for (uint32_t round = 0; round < 2000; round++) {
		uint32_t k = 0;
		struct piece sent[64];
		bool overlap = false;

		memset(map, 0, sizeof(map));
		net_got.n = 0;
		while (!overlap && k < 20) {
			struct piece c = {8 * (uint32_t)(unit_random(&seed) % 60),
				8 * (1 + (uint32_t)(unit_random(&seed) % 6)), false};
			bool dup = false;
			uint64_t before = net_drops(&n, LEAT_DROP_REASS_OVERLAP);

			for (uint32_t i = 0; i < k; i++)
				dup |= sent[i].off == c.off && sent[i].len == c.len;
			for (uint32_t i = 0; i < c.len; i++)
				overlap |= !dup && map[c.off + i];
			memset(map + c.off, 1, c.len);
			sent[k++] = c;
			send_piece(&n, (uint16_t)round, &c);
			CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_REASS_OVERLAP) != before, overlap);
		}
		if (round % 100 == 0)
			rig_run(&n.r, 31ull * 1000000000);
	}
	CU_ASSERT_EQUAL(net_got.n, 0);
	rig_run(&n.r, 31ull * 1000000000);
	CU_ASSERT_EQUAL(leat_reass_bytes(n.r.lc), 0);
	net_flush(&n);
	net_close(&n);
}

static void impossible_fragments_are_dropped(void)
{
	struct net_pkt p = net_pkt();
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	p.payload = datagram;
	p.len = 13;
	p.frag = 0x2000; // not a multiple of 8, and more to come
	net_send(&n, &p);
	p.len = 0;
	net_send(&n, &p);
	p.frag = 3;
	net_send(&n, &p);
	p.frag = 8191; // ends at 65528 + 20 + 8
	p.len = 8;
	net_send(&n, &p);
	p.frag = 0x2000 | 8189;
	p.len = 16;
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_REASS_LEN), 5);
	CU_ASSERT_EQUAL(leat_reass_datagrams(n.r.lc), 0);
	net_close(&n);
}

// Fragments that fit with their own header, but not behind the first one's options.
static void a_long_first_header_can_make_it_impossible(void)
{
	static const uint8_t nops[40] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0};
	struct net_pkt p = net_pkt();
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	p.payload = datagram;
	for (uint32_t off = 0; off < 65512; off += p.len) {
		p.len = RTE_MIN(1024u, 65512 - off);
		p.frag = (uint16_t)(off / 8 | (off + p.len < 65512 ? 0x2000 : 0));
		p.opts = off == 0 ? nops : NULL;
		p.n_opts = off == 0 ? 40 : 0;
		net_send(&n, &p);
	}
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_REASS_LEN), 64);
	CU_ASSERT_EQUAL(net_got.n, 0);
	CU_ASSERT_EQUAL(n.r.lc->count.held, 0);
	net_close(&n);
}

static void time_runs_out(void)
{
	static uint8_t b[NET_MAX];
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill(6);
	send_piece(&n, 1, &(struct piece){0, 64, false});
	send_piece(&n, 1, &(struct piece){128, 64, true});
	send_piece(&n, 2, &(struct piece){64, 64, false}); // without the first
	CU_ASSERT_EQUAL(n.r.lc->count.held, 3);
	rig_run(&n.r, 29ull * 1000000000);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_REASS_TIMEOUT), 0);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	rig_run(&n.r, 2ull * 1000000000);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_REASS_TIMEOUT), 3);
	CU_ASSERT_EQUAL(net_take(&n, b, NULL), 20 + 8 + 20 + 64);
	CU_ASSERT_EQUAL(b[20], 11);
	CU_ASSERT_EQUAL(b[21], 1);
	CU_ASSERT_EQUAL(net_u16(b + 28 + 6), 0x2000); // the fragment as it came
	CU_ASSERT(memcmp(b + 48, datagram, 64) == 0);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	net_close(&n);
}

// Many small fragments went into the flat buffer; the first one is still there to be quoted.
static void time_runs_out_for_many_fragments(void)
{
	static uint8_t b[NET_MAX];
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill(7);
	for (uint32_t i = 0; i < 500; i++)
		send_piece(&n, 1, &(struct piece){8 * i, 8, false});
	CU_ASSERT_EQUAL(n.r.lc->count.held, 500);
	rig_run(&n.r, 31ull * 1000000000);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_REASS_TIMEOUT), 500);
	CU_ASSERT_EQUAL(net_take(&n, b, NULL), 20 + 8 + 20 + 8);
	CU_ASSERT_EQUAL(b[20], 11);
	CU_ASSERT_EQUAL(leat_reass_bytes(n.r.lc), 0);
	net_close(&n);
}

static void memory_is_bounded(void)
{
	struct leat_stack_conf conf;
	uint32_t most = 0;
	struct net n;

	rig_conf(&conf);
	conf.limits.reassembly_bytes = 100000;
	CU_ASSERT_EQUAL_FATAL(net_open(&n, &conf), 0);
	n.form = NET_DIRECT;
	for (uint16_t id = 1; id <= 500; id++) {
		send_piece(&n, id, &(struct piece){0, 1024, false});
		most = RTE_MAX(most, leat_reass_bytes(n.r.lc));
	}
	CU_ASSERT(most <= 100000 && most > 90000);
	CU_ASSERT(leat_reass_datagrams(n.r.lc) < 30);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_REASS_FULL) + (uint64_t)n.r.lc->count.held, 500);
	// Who filled the table blocks the others for two seconds, not for thirty.
	send_piece(&n, 1000, &(struct piece){0, 1024, false});
	send_piece(&n, 1000, &(struct piece){1024, 8, true});
	CU_ASSERT_EQUAL(net_got.n, 0);
	rig_run(&n.r, 2100ull * 1000000);
	send_piece(&n, 1001, &(struct piece){0, 1024, false});
	send_piece(&n, 1001, &(struct piece){1024, 8, true});
	CU_ASSERT_EQUAL(net_got.n, 1);
	rig_run(&n.r, 31ull * 1000000000);
	CU_ASSERT_EQUAL(leat_reass_bytes(n.r.lc), 0);
	net_flush(&n);
	net_close(&n);
}

static void nothing_is_lost_at_shutdown(void)
{
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	for (uint32_t i = 0; i < 300; i++) // a flat one
		send_piece(&n, 1, &(struct piece){8 * i, 8, false});
	send_piece(&n, 2, &(struct piece){64, 64, true}); // a list
	CU_ASSERT_EQUAL(n.r.lc->count.held, 301);
	net_close(&n); // looks at the pools and the packet equation
}

static const struct unit_case cases[] = {
	UNIT_CASE(random_orders_and_duplicates_give_the_datagram),
	UNIT_CASE(the_largest_datagram_in_the_smallest_fragments),
	UNIT_CASE(several_datagrams_do_not_mix),
	UNIT_CASE(overlaps_are_refused),
	UNIT_CASE(random_ranges_are_judged_as_by_a_byte_map),
	UNIT_CASE(impossible_fragments_are_dropped),
	UNIT_CASE(a_long_first_header_can_make_it_impossible),
	UNIT_CASE(time_runs_out),
	UNIT_CASE(time_runs_out_for_many_fragments),
	UNIT_CASE(memory_is_bounded),
	UNIT_CASE(nothing_is_lost_at_shutdown),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("reass", cases) != 0;
}
