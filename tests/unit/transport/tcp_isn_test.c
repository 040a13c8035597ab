// SPDX-License-Identifier: BSD-3-Clause
// SipHash-2-4 against its authors' vectors, and what is made of it.
#include "core/siphash.h"
#include "transport/tcp_private.h"
#include "unit.h"

// The reference key and inputs: bytes 0, 1, 2 ... (the paper's appendix A has the one of 15 bytes).
static void vectors(void)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} known[] = {{0, 0x726fdb47dd0e0e31ull}, {1, 0x74f839c593dc67fdull},
		{7, 0xab0200f58b01d137ull}, {8, 0x93f5f5799a932462ull},
		{15, 0xa129ca6149be45e5ull}};
	uint8_t key[16], in[16];

	for (uint8_t i = 0; i < 16; i++)
		key[i] = in[i] = i;
	for (size_t i = 0; i < RTE_DIM(known); i++)
		CU_ASSERT_EQUAL(leat_siphash(key, in, known[i].len), known[i].hash);
}

static struct leat_tcp_isn isn(uint64_t now_ns, uint16_t port, uint8_t secret)
{
	struct leat_stack s = {.secret = {secret}};
	struct leat_lcore lc = {.stack = &s, .now_ns = now_ns};
	struct leat_flow_key k = {.local_port = 80, .remote_port = port, .proto = 6};

	return leat_tcp_isn(&lc, &k);
}

// RFC 6528: with the clock for one pair of endpoints, unrelated for another.
static void follows_the_clock(void)
{
	struct leat_tcp_isn a = isn(0, 1, 1), b = isn(4096 * 1000, 1, 1);

	CU_ASSERT_EQUAL(b.iss - a.iss, 1000);
	CU_ASSERT_EQUAL(a.ts_offset, b.ts_offset);
	b = isn(0, 2, 1);
	CU_ASSERT_NOT_EQUAL(a.iss, b.iss);
	CU_ASSERT_NOT_EQUAL(a.ts_offset, b.ts_offset);
	b = isn(0, 1, 2);
	CU_ASSERT_NOT_EQUAL(a.iss, b.iss);
	CU_ASSERT_NOT_EQUAL(a.ts_offset, b.ts_offset);
}

int main(void)
{
	static const struct unit_case cases[] = {UNIT_CASE(vectors), UNIT_CASE(follows_the_clock)};

	return UNIT_RUN("tcp_isn", cases) != 0;
}
