// SPDX-License-Identifier: BSD-3-Clause
// Options: those that are known, those that are not, and garbage in exact-size buffers.
#include <stdlib.h>
#include <string.h>

#include "transport/tcp_private.h"
#include "unit.h"

static struct leat_tcp_seg parse(const uint8_t *o, uint32_t n, uint8_t flags)
{
	struct leat_tcp_seg s = {.flags = flags};
	uint8_t *exact = malloc(n != 0 ? n : 1);

	if (n != 0)
		memcpy(exact, o, n);
	leat_tcp_options_parse(exact, n, &s);
	free(exact);
	return s;
}

static void of_a_syn(void)
{
	static const uint8_t o[] = {
		2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7};
	struct leat_tcp_seg s = parse(o, sizeof(o), TH_SYN);

	CU_ASSERT_EQUAL(s.mss, 1460);
	CU_ASSERT(s.has_wscale);
	CU_ASSERT_EQUAL(s.wscale, 7);
	CU_ASSERT(s.has_ts);
	CU_ASSERT_EQUAL(s.tsval, 0x01020304);
	CU_ASSERT_EQUAL(s.tsecr, 0x05060708);
	s = parse(o, sizeof(o), TH_ACK); // MSS and scale belong to a SYN
	CU_ASSERT_EQUAL(s.mss, 0);
	CU_ASSERT(!s.has_wscale);
	CU_ASSERT(s.has_ts);
}

static void scale_has_a_limit(void)
{
	static const uint8_t o[] = {3, 3, 200, 0};

	CU_ASSERT_EQUAL(parse(o, sizeof(o), TH_SYN).wscale, 14);
}

static void illegal_lengths_end_it(void)
{
	static const uint8_t zero[] = {99, 0, 2, 4, 5, 180, 0, 0}, one[] = {99, 1, 2, 4, 5, 180},
			     beyond[] = {2, 5, 5, 180}, no_length[] = {1, 1, 1, 8},
			     wrong_own[] = {2, 3, 5, 8, 9, 1, 1, 1, 1, 1, 1, 1},
			     after_end[] = {0, 2, 4, 5, 180};

	CU_ASSERT_EQUAL(parse(zero, sizeof(zero), TH_SYN).mss, 0);
	CU_ASSERT_EQUAL(parse(one, sizeof(one), TH_SYN).mss, 0);
	CU_ASSERT_EQUAL(parse(beyond, sizeof(beyond), TH_SYN).mss, 0);
	CU_ASSERT(!parse(no_length, sizeof(no_length), TH_SYN).has_ts);
	CU_ASSERT_EQUAL(parse(wrong_own, sizeof(wrong_own), TH_SYN).mss, 0);
	CU_ASSERT(!parse(wrong_own, sizeof(wrong_own), TH_SYN).has_ts);
	CU_ASSERT_EQUAL(parse(after_end, sizeof(after_end), TH_SYN).mss, 0);
}

static void garbage(void)
{
	uint64_t seed = 3;

	for (int i = 0; i < 200000; i++) {
		uint8_t o[40];
		uint32_t n = unit_random(&seed) % 41;

		for (uint32_t k = 0; k < n; k++) // many kinds and lengths that occur
			o[k] = (uint8_t)(unit_random(&seed) % (k % 3 == 0 ? 256 : 12));
		CU_ASSERT_FATAL(parse(o, n, (uint8_t)unit_random(&seed)).wscale <= 14);
	}
}

static void written_are_read(void)
{
	struct leat_tcp_options w = {
		.ts = true, .ws = true, .wscale = 9, .mss = 1400, .tsval = 0xdeadbeef, .tsecr = 77};
	uint8_t o[TCP_OPTIONS_MAX];
	uint16_t n = leat_tcp_options_write(o, &w);
	struct leat_tcp_seg s = parse(o, n, TH_SYN);

	CU_ASSERT_EQUAL(n % 4, 0);
	CU_ASSERT_EQUAL(s.mss, 1400);
	CU_ASSERT_EQUAL(s.wscale, 9);
	CU_ASSERT_EQUAL(s.tsval, 0xdeadbeef);
	CU_ASSERT_EQUAL(s.tsecr, 77);
	w = (struct leat_tcp_options){.ts = true};
	CU_ASSERT_EQUAL(leat_tcp_options_write(o, &w), 12);
	w.ts = false;
	CU_ASSERT_EQUAL(leat_tcp_options_write(o, &w), 0);
}

int main(void)
{
	static const struct unit_case cases[] = {UNIT_CASE(of_a_syn), UNIT_CASE(scale_has_a_limit),
		UNIT_CASE(illegal_lengths_end_it), UNIT_CASE(garbage), UNIT_CASE(written_are_read)};

	return UNIT_RUN("tcp_option", cases) != 0;
}
