// SPDX-License-Identifier: BSD-3-Clause
// Receive queue and out-of-order queue against a model: a map of bytes.
#include <string.h>

#include "pktbuf.h"
#include "transport/tcp_private.h"
#include "unit.h"

#define SPAN 3000

static struct rte_mempool *pool;
static struct leat_lcore lc;
static struct leat_tcp_lcore tl;
static struct leat_tcp_conn c;
static uint64_t seed = 11;

static void setup(void)
{
	memset(&lc, 0, sizeof(lc));
	memset(&tl, 0, sizeof(tl));
	memset(&c, 0, sizeof(c));
	lc.tcp = &tl;
	lc.pool = lc.indirect_pool = pool;
}

static void teardown(void)
{
	leat_tcp_rcvq_free(&tl, &c);
	leat_tcp_ooo_free(&tl, &c);
	CU_ASSERT_EQUAL(tl.rx_held, 0);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static uint8_t byte_at(uint32_t seq)
{
	return (uint8_t)(seq * 37 + (seq >> 8));
}

// Text of [seq, seq + len), in one ordinary mbuf or cut into exact buffers.
static struct rte_mbuf *text(uint32_t seq, uint32_t len)
{
	uint8_t b[SPAN];
	uint32_t cut = unit_random(&seed) % (len + 1);
	struct rte_mbuf *m;

	for (uint32_t i = 0; i < len; i++)
		b[i] = byte_at(seq + i);
	if (unit_random(&seed) % 2)
		return leat_pkt_from_bytes_exact(pool, b, len, &cut, 1);
	m = rte_pktmbuf_alloc(pool);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), b, len);
	return m;
}

static void check_ooo(uint32_t from)
{
	uint32_t last = from, segs = 0, n = 0;

	for (struct rte_mbuf *m = c.ooo_head; m != NULL; m = leat_meta(m)->next, n++) {
		uint32_t seq = leat_meta(m)->seq, len = 0;

		CU_ASSERT(n == 0 || seq_geq(seq, last)); // sorted and disjoint
		for (struct rte_mbuf *s = m; s != NULL; s = s->next, segs++) {
			const uint8_t *b = rte_pktmbuf_mtod(s, const uint8_t *);

			for (uint32_t i = 0; i < s->data_len; i++, len++)
				CU_ASSERT_FATAL(b[i] == byte_at(seq + len));
		}
		CU_ASSERT_EQUAL_FATAL(len, m->pkt_len);
		last = seq + len;
	}
	CU_ASSERT_EQUAL(n, c.ooo_n);
	CU_ASSERT_EQUAL(segs + c.rcv_n, tl.rx_held);
}

// Random pieces, over the wrap of sequence numbers too; then the front, and all must be there.
static void random_pieces(void)
{
	for (int round = 0; round < 300; round++) {
		uint32_t base = round % 2 ? 0xffffffffu - SPAN / 2 : (uint32_t)unit_random(&seed);
		uint8_t have[SPAN] = {0};
		uint32_t edge = 0;

		setup();
		c.rcv_nxt = base;
		for (int k = 0; k < 40; k++) {
			uint32_t at = 1 + unit_random(&seed) % (SPAN - 400);
			uint32_t len = 1 + unit_random(&seed) % 400;
			struct rte_mbuf *m = text(base + at, len);
			enum leat_drop why = leat_tcp_ooo_insert(&tl, &c, m, base + at);

			if (why != LEAT_DROP_NONE) {
				CU_ASSERT_EQUAL(why, LEAT_DROP_TCP_OLD_DATA);
				for (uint32_t i = 0; i < len; i++)
					CU_ASSERT_FATAL(have[at + i]);
				rte_pktmbuf_free(m);
			}
			memset(have + at, 1, len);
			check_ooo(base);
		}
		have[0] = 1;
		leat_tcp_rcvq_append(&tl, &c, text(base, 1));
		c.rcv_nxt = base + 1;
		leat_tcp_ooo_deliver(&tl, &c);
		while (edge < SPAN && have[edge])
			edge++;
		CU_ASSERT_EQUAL(c.rcv_nxt, base + edge);
		CU_ASSERT_EQUAL(c.rcv_queued, edge);
		check_ooo(base);
		for (uint32_t done = 0; done < edge;) { // taken in odd pieces
			uint32_t want = 1 + unit_random(&seed) % 700, k = 0;
			struct rte_mbuf *m = leat_tcp_rcvq_take(&lc, &c, want);

			CU_ASSERT_PTR_NOT_NULL_FATAL(m);
			CU_ASSERT_EQUAL(m->pkt_len, RTE_MIN(want, edge - done));
			for (struct rte_mbuf *s = m; s != NULL; s = s->next)
				for (uint32_t i = 0; i < s->data_len; i++, k++)
					CU_ASSERT_FATAL(rte_pktmbuf_mtod(s, uint8_t *)[i] ==
							byte_at(base + done + k));
			CU_ASSERT_EQUAL(k, m->pkt_len);
			done += k;
			rte_pktmbuf_free(m);
		}
		teardown();
	}
}

static void number_is_bounded(void)
{
	struct rte_mbuf *m;

	setup();
	for (uint32_t i = 0; i < TCP_OOO_MAX; i++)
		CU_ASSERT_EQUAL(leat_tcp_ooo_insert(&tl, &c, text(10 + 10 * i, 5), 10 + 10 * i), 0);
	m = text(5, 2);
	CU_ASSERT_EQUAL(leat_tcp_ooo_insert(&tl, &c, m, 5), LEAT_DROP_TCP_OOO_FULL);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(c.ooo_n, TCP_OOO_MAX);
	teardown();
}

// A peer that sends single bytes must not hold a buffer for each of them.
static void single_bytes_share_buffers(void)
{
	setup();
	for (uint32_t i = 0; i < 5000; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		*(uint8_t *)rte_pktmbuf_append(m, 1) = byte_at(i);
		leat_tcp_rcvq_append(&tl, &c, m);
	}
	CU_ASSERT_EQUAL(c.rcv_queued, 5000);
	CU_ASSERT(c.rcv_n <= 4);
	CU_ASSERT(rte_mempool_in_use_count(pool) <= 4);
	teardown();
}

// Never behind a buffer that someone else refers to.
static void shared_buffers_are_not_written(void)
{
	struct rte_mbuf *first = rte_pktmbuf_alloc(pool), *second = rte_pktmbuf_alloc(pool);

	setup();
	rte_pktmbuf_append(first, 10);
	rte_pktmbuf_append(second, 10);
	rte_mbuf_refcnt_update(first, 1);
	leat_tcp_rcvq_append(&tl, &c, first);
	leat_tcp_rcvq_append(&tl, &c, second);
	CU_ASSERT_EQUAL(c.rcv_n, 2);
	CU_ASSERT_EQUAL(first->data_len, 10);
	leat_tcp_rcvq_free(&tl, &c);
	rte_pktmbuf_free(first);
	teardown();
}

int main(void)
{
	static const struct unit_case cases[] = {UNIT_CASE(random_pieces),
		UNIT_CASE(number_is_bounded), UNIT_CASE(single_bytes_share_buffers),
		UNIT_CASE(shared_buffers_are_not_written)};

	if (unit_eal_init() != 0 || leat_meta_register() != 0)
		return 1;
	pool = rte_pktmbuf_pool_create(
		"rcvq", 2047, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return pool == NULL || UNIT_RUN("tcp_rcvq", cases) != 0;
}
