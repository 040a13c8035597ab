// SPDX-License-Identifier: BSD-3-Clause
// Planted over-reads: proof that the sanitizer build sees a read of one byte past a packet. In
// other builds there is nothing to see, and only the harmless half runs.

#include "pkt/poison.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pktbuf.h"
#include "unit.h"

static struct rte_mempool *pool;

static const uint8_t bytes[61] = {1, 2, 3};

static struct rte_mbuf *direct(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memcpy(rte_pktmbuf_append(m, sizeof(bytes)), bytes, sizeof(bytes));
	return m;
}

static uint8_t read_at(const struct rte_mbuf *m, int off)
{
	return *(const volatile uint8_t *)(rte_pktmbuf_mtod(m, const uint8_t *) + off);
}

static void data_stays_readable(void)
{
	struct rte_mbuf *m = direct();
	uint32_t sum = 0;

	leat_pkt_poison(m);
	for (uint32_t i = 0; i < sizeof(bytes); i++)
		sum += read_at(m, (int)i);
	CU_ASSERT_EQUAL(sum, 6);
	rte_pktmbuf_adj(m, 2);
	leat_pkt_poison(m);
	CU_ASSERT_EQUAL(read_at(m, 0), 3);
	leat_pkt_unpoison(m);
	rte_pktmbuf_append(m, 100)[99] = 1;
	rte_pktmbuf_prepend(m, 100)[0] = 1;
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

#ifdef LEAT_POISON
// Whether reading at this offset kills a child.
static bool dies(struct rte_mbuf *m, int off)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (freopen("/dev/null", "w", stderr) != NULL)
			read_at(m, off);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status != 0;
}

static void over_reads_of_pool_buffers(void)
{
	struct rte_mbuf *m = direct();

	leat_pkt_poison(m);
	CU_ASSERT_FALSE(dies(m, 0));
	CU_ASSERT_FALSE(dies(m, sizeof(bytes) - 1));
	CU_ASSERT_TRUE(dies(m, sizeof(bytes)));
	CU_ASSERT_TRUE(dies(m, rte_pktmbuf_tailroom(m) + (int)sizeof(bytes) - 1));
	CU_ASSERT_TRUE(dies(m, -8));
	leat_pkt_unpoison(m);
	CU_ASSERT_FALSE(dies(m, sizeof(bytes)));
	rte_pktmbuf_free(m);
}

static void over_reads_of_exact_buffers(void)
{
	uint32_t cut = 13;
	struct rte_mbuf *m = leat_pkt_from_bytes_exact(pool, bytes, sizeof(bytes), &cut, 1);

	leat_pkt_poison(m); // leaves them alone
	CU_ASSERT_FALSE(dies(m, 12));
	CU_ASSERT_TRUE(dies(m, 13));
	CU_ASSERT_TRUE(dies(m, -1));
	CU_ASSERT_FALSE(dies(m->next, 47));
	CU_ASSERT_TRUE(dies(m->next, 48));
	rte_pktmbuf_free(m);
}
#endif

static const struct unit_case cases[] = {
	UNIT_CASE(data_stays_readable),
#ifdef LEAT_POISON
	UNIT_CASE(over_reads_of_pool_buffers),
	UNIT_CASE(over_reads_of_exact_buffers),
#endif
};

int main(void)
{
	if (unit_eal_init() != 0)
		return 1;
	pool = rte_pktmbuf_pool_create("pkt", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pool == NULL || UNIT_RUN("poison", cases) != 0;
}
