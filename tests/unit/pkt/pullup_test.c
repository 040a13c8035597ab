// SPDX-License-Identifier: BSD-3-Clause
// Pull-up over chains of every make: bytes and metadata stay, shared buffers and shared mbufs are
// never written, failure changes nothing.

#include "pkt/pullup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pktbuf.h"
#include "unit.h"

#define LEN 1200

static struct rte_mempool *pool, *tiny;
static uint8_t bytes[LEN];
static uint8_t got[LEN];

static int ascending(const void *a, const void *b)
{
	return *(const uint32_t *)a < *(const uint32_t *)b
		       ? -1
		       : *(const uint32_t *)a > *(const uint32_t *)b;
}

// `bytes` in the pool's own buffers, the first segment with `room` bytes behind its data.
static struct rte_mbuf *direct_chain(const uint32_t *cuts, uint32_t ncuts, uint16_t room)
{
	struct rte_mbuf *first = NULL, *last = NULL;
	uint32_t from = 0;

	for (uint32_t i = 0; i <= ncuts; i++) {
		uint32_t to = i < ncuts ? cuts[i] : LEN;
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (i == 0)
			m->data_off = (uint16_t)(m->buf_len - room - to);
		memcpy(rte_pktmbuf_append(m, (uint16_t)(to - from)), bytes + from, to - from);
		if (first == NULL) {
			first = m;
		} else {
			last->next = m;
			first->nb_segs++;
			first->pkt_len += m->data_len;
		}
		last = m;
		from = to;
	}
	return first;
}

static struct rte_mbuf *any_chain(uint64_t *rnd)
{
	uint32_t ncuts = 1 + unit_random(rnd) % 6;
	uint32_t cuts[6];
	struct rte_mbuf *m;

	for (uint32_t i = 0; i < ncuts; i++)
		cuts[i] = unit_random(rnd) % (unit_random(rnd) % 2 ? 60 : LEN);
	qsort(cuts, ncuts, sizeof(cuts[0]), ascending);
	if (unit_random(rnd) % 2)
		m = direct_chain(cuts, ncuts, unit_random(rnd) % 2 ? 20 : 500);
	else
		m = leat_pkt_from_bytes_exact(pool, bytes, LEN, cuts, ncuts);
	m->port = 3;
	m->vlan_tci = 77;
	m->hash.rss = 0x12345678;
	m->packet_type = 0x111;
	m->tx_offload = 0xabc;
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	return m;
}

static uint32_t same_bytes(const struct rte_mbuf *m)
{
	leat_pkt_to_bytes(m, got);
	return m->pkt_len == LEN && memcmp(got, bytes, LEN) == 0;
}

static uint32_t same_metadata(const struct rte_mbuf *m)
{
	return m->port == 3 && m->vlan_tci == 77 && m->hash.rss == 0x12345678 &&
	       m->packet_type == 0x111 && m->tx_offload == 0xabc &&
	       (m->ol_flags & RTE_MBUF_F_RX_RSS_HASH);
}

static void any_chain_any_length(void)
{
	uint64_t rnd = 11;
	uint32_t errors = 0;

	for (int round = 0; round < 5000; round++) {
		struct rte_mbuf *m = any_chain(&rnd);
		struct rte_mbuf *other = NULL;
		uint16_t len = (uint16_t)(unit_random(&rnd) % (LEAT_PKT_PULLUP_MAX + 1));

		// Another one may hold a clone, or this very chain.
		if (unit_random(&rnd) % 3 == 0) {
			other = rte_pktmbuf_clone(m, pool);
		} else if (unit_random(&rnd) % 3 == 0) {
			other = m;
			rte_pktmbuf_refcnt_update(m, 1);
		}
		if (other != NULL && other != m && unit_random(&rnd) % 2)
			RTE_SWAP(m, other);
		errors += leat_pkt_pullup(&m, len, pool) != 0;
		errors += m->data_len < len;
		errors += memcmp(rte_pktmbuf_mtod(m, void *), bytes, len) != 0;
		errors += !same_bytes(m);
		errors += other == NULL && !same_metadata(m);
		if (other != NULL) {
			// What is m's own now may be written without the other seeing it.
			if (RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1)
				memset(rte_pktmbuf_mtod(m, void *), 0, len);
			errors += !same_bytes(other);
		}
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(other);
	}
	CU_ASSERT_EQUAL(errors, 0);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static void in_place_where_there_is_room(void)
{
	static const uint32_t cuts[] = {10, 10, 30};
	struct rte_mbuf *m = direct_chain(cuts, 3, 100);
	struct rte_mbuf *first = m;

	CU_ASSERT_EQUAL(leat_pkt_pullup(&m, 10, NULL), 0); // contiguous: no pool needed
	CU_ASSERT_EQUAL(m->nb_segs, 4);
	CU_ASSERT_EQUAL(leat_pkt_pullup(&m, 40, NULL), 0);
	CU_ASSERT_PTR_EQUAL(m, first);
	CU_ASSERT_EQUAL(m->data_len, 40);
	CU_ASSERT_EQUAL(m->nb_segs, 2);
	CU_ASSERT_TRUE(same_bytes(m));
	rte_pktmbuf_free(m);
}

static void a_whole_packet(void)
{
	static const uint32_t cuts[] = {1, 5};
	struct rte_mbuf *m = leat_pkt_from_bytes_exact(pool, bytes, 20, cuts, 2);

	CU_ASSERT_EQUAL(leat_pkt_pullup(&m, 21, pool), -EINVAL);
	CU_ASSERT_EQUAL(leat_pkt_pullup(&m, LEAT_PKT_PULLUP_MAX + 1, pool), -EINVAL);
	CU_ASSERT_EQUAL(m->nb_segs, 3);
	CU_ASSERT_EQUAL(leat_pkt_pullup(&m, 20, pool), 0);
	CU_ASSERT_EQUAL(m->nb_segs, 1);
	CU_ASSERT_EQUAL(m->pkt_len, 20);
	CU_ASSERT_PTR_NULL(m->next);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), bytes, 20), 0);
	CU_ASSERT_TRUE(rte_pktmbuf_headroom(m) >= RTE_PKTMBUF_HEADROOM);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static void a_failure_changes_nothing(void)
{
	static struct rte_mbuf *taken[2048];
	static const uint32_t cuts[] = {10, 30};
	struct rte_mbuf *m = leat_pkt_from_bytes_exact(pool, bytes, LEN, cuts, 2);
	struct rte_mbuf *first = m;
	uint32_t n;

	CU_ASSERT_EQUAL(leat_pkt_pullup(&m, 40, tiny), -ENOBUFS); // buffers without room
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(tiny), 0);
	rte_pktmbuf_refcnt_update(m, 1); // so that two mbufs are needed
	n = rte_mempool_avail_count(pool);
	CU_ASSERT_EQUAL_FATAL(rte_pktmbuf_alloc_bulk(pool, taken, n), 0);
	CU_ASSERT_EQUAL(leat_pkt_pullup(&m, 40, pool), -ENOBUFS);
	rte_pktmbuf_free(taken[--n]);
	CU_ASSERT_EQUAL(leat_pkt_pullup(&m, 40, pool), -ENOBUFS);
	CU_ASSERT_EQUAL(rte_mempool_avail_count(pool), 1);
	CU_ASSERT_PTR_EQUAL(m, first);
	CU_ASSERT_TRUE(same_bytes(m));
	rte_pktmbuf_free(taken[--n]);
	CU_ASSERT_EQUAL(leat_pkt_pullup(&m, 40, pool), 0);
	CU_ASSERT_TRUE(same_bytes(m));
	CU_ASSERT_TRUE(same_bytes(first));
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(first);
	rte_pktmbuf_free_bulk(taken, n);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static const struct unit_case cases[] = {
	UNIT_CASE(any_chain_any_length),
	UNIT_CASE(in_place_where_there_is_room),
	UNIT_CASE(a_whole_packet),
	UNIT_CASE(a_failure_changes_nothing),
};

int main(void)
{
	if (unit_eal_init() != 0)
		return 1;
	for (uint32_t i = 0; i < LEN; i++)
		bytes[i] = leat_pkt_pattern(i);
	pool = rte_pktmbuf_pool_create("pkt", 255, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	tiny = rte_pktmbuf_pool_create("tiny", 15, 0, 0, RTE_PKTMBUF_HEADROOM + 8, SOCKET_ID_ANY);
	return pool == NULL || tiny == NULL || UNIT_RUN("pullup", cases) != 0;
}
