// SPDX-License-Identifier: BSD-3-Clause
// The worker's loop. Run by EAL lcores (leat_stack_launch) or turned by hand by a test.
#include "core/lcore.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <rte_lcore.h>

#include "core/numa.h"
#include "core/siphash.h"
#include "core/stack_private.h"

#define SAMPLE_MASK 63    // cycles are taken in 1 turn of 64
#define HOUSEKEEP_MASK 31 // a busy worker looks at its inbox in 1 turn of 32, an idle one always
#define TIMER_BUDGET 256  // timers fired in one turn
#define XRING_SIZE 2048
#define INBOX_SIZE 4096
#define IDLE_NS 200000   // idle: sleep: naps after this long without work ...
#define NAP_MIN_NS 50000 // ... first as short, then longer the longer nothing comes
#define NAP_MAX_NS 1000000

static uint16_t xring_hook(struct leat_lcore *lc, void *ctx)
{
	(void)ctx;
	return leat_xring_poll(lc);
}

static int make_rings(struct leat_lcore *lc)
{
	const struct leat_stack *s = lc->stack;
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s_i%u", s->conf.name, lc->id);
	lc->inbox = rte_ring_create(name, INBOX_SIZE, lc->node, RING_F_SC_DEQ);
	if (lc->inbox == NULL)
		return -ENOMEM;
	for (uint16_t from = 0; from < s->conf.n_lcores; from++) {
		if (from == lc->id)
			continue;
		snprintf(name, sizeof(name), "%s_x%u_%u", s->conf.name, from, lc->id);
		lc->xrings[from] =
			rte_ring_create(name, XRING_SIZE, lc->node, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (lc->xrings[from] == NULL)
			return -ENOMEM;
	}
	return leat_lcore_hook(lc, LEAT_POLL_XRING, xring_hook, NULL);
}

struct leat_lcore *leat_lcore_create(struct leat_stack *s, uint16_t id)
{
	unsigned cpu = s->conf.cpus[id];
	int node = s->conf.by_hand ? (int)rte_socket_id() : (int)rte_lcore_to_socket_id(cpu);
	struct leat_lcore *lc;

	if (node < 0 || node >= LEAT_MAX_NODES)
		node = 0;
	lc = leat_numa_alloc(sizeof(*lc), node);
	if (lc == NULL)
		return NULL;
	lc->stack = s;
	lc->id = id;
	lc->cpu = cpu;
	lc->node = node;
	lc->pool = s->pools[node];
	lc->indirect_pool = s->indirect_pools[node];
	lc->rng =
		leat_siphash(s->secret, &id, sizeof(id)); // its numbers tell nothing of the secret
	lc->now_ns = leat_clock_ns(s);
	leat_wheel_init(&lc->wheel, lc->now_ns);
	if (make_rings(lc) != 0) {
		leat_lcore_destroy(lc);
		return NULL;
	}
	return lc;
}

void leat_lcore_destroy(struct leat_lcore *lc)
{
	struct rte_mbuf *m;
	struct leat_msg *msg;

	if (lc == NULL)
		return;
	for (uint16_t from = 0; from < LEAT_MAX_LCORES; from++) {
		while (lc->xrings[from] != NULL &&
			rte_ring_sc_dequeue(lc->xrings[from], (void **)&m) == 0)
			leat_drop(lc, m, LEAT_DROP_SHUTDOWN);
		rte_ring_free(lc->xrings[from]);
	}
	while (lc->inbox != NULL && rte_ring_sc_dequeue(lc->inbox, (void **)&msg) == 0)
		rte_mempool_put(lc->stack->msg_pool, msg);
	rte_ring_free(lc->inbox);
	leat_numa_free(lc, sizeof(*lc));
}

int leat_lcore_hook(struct leat_lcore *lc, enum leat_poll slot, leat_poll_fn fn, void *ctx)
{
	if (lc->hooks[slot].fn != NULL)
		return -EEXIST;
	lc->hooks[slot].fn = fn;
	lc->hooks[slot].ctx = ctx;
	return 0;
}

static unsigned run_hooks(struct leat_lcore *lc, unsigned first, unsigned end)
{
	unsigned work = 0;

	for (unsigned i = first; i < end; i++)
		if (lc->hooks[i].fn != NULL)
			work += lc->hooks[i].fn(lc, lc->hooks[i].ctx);
	return work;
}

static unsigned run_timers(struct leat_lcore *lc)
{
	struct leat_stage_frame f;
	unsigned n;

	if (likely(leat_wheel_next_ns(&lc->wheel) > lc->now_ns))
		return 0;
	f = leat_stage_enter(lc, LEAT_STAGE_TIMERS, 0);
	n = leat_wheel_advance(&lc->wheel, lc->now_ns, TIMER_BUDGET);
	lc->stages[LEAT_STAGE_TIMERS].packets += n;
	f.n = n;
	leat_stage_leave(lc, LEAT_STAGE_TIMERS, f);
	return n;
}

unsigned leat_lcore_poll(struct leat_lcore *lc)
{
	struct leat_stack *s = lc->stack;
	unsigned work;

	lc->now_tsc = rte_rdtsc();
	lc->now_ns = leat_clock_ns(s);
	lc->sampling = (lc->polls & SAMPLE_MASK) == 0;
	lc->stage_child = 0;
	work = run_hooks(lc, LEAT_POLL_RX, LEAT_POLL_APP);
	work += run_timers(lc);
	work += run_hooks(lc, LEAT_POLL_APP, LEAT_POLL_MAX);
	if (work == 0 || (lc->polls & HOUSEKEEP_MASK) == 0)
		work += leat_msg_drain_lcore(lc);
	lc->polls++;
	lc->busy_polls += work != 0;
	rte_rcu_qsbr_quiescent(s->qsbr, lc->id);
	return work;
}

uint64_t leat_lcore_next_ns(const struct leat_lcore *lc)
{
	return leat_wheel_next_ns(&lc->wheel);
}

// idle: sleep. A nap is a tenth of how long nothing has come, within bounds and not beyond the next
// timer.
static void nap(struct leat_lcore *lc)
{
	uint64_t idle = (uint64_t)((lc->now_tsc - lc->idle_since) * lc->stack->ns_per_tsc);
	uint64_t next, ns = idle / 10;
	struct timespec ts = {0, 0};

	if (idle < IDLE_NS)
		return;
	ns = RTE_MIN(RTE_MAX(ns, (uint64_t)NAP_MIN_NS), (uint64_t)NAP_MAX_NS);
	next = leat_wheel_next_ns(&lc->wheel);
	if (next <= lc->now_ns)
		return;
	ts.tv_nsec = RTE_MIN(ns, next - lc->now_ns);
	lc->naps++;
	nanosleep(&ts, NULL);
}

int leat_lcore_main(void *arg)
{
	struct leat_lcore *lc = arg;
	struct leat_stack *s = lc->stack;

	rte_rcu_qsbr_thread_online(s->qsbr, lc->id);
	lc->idle_since = rte_rdtsc();
	while (__atomic_load_n(&s->running, __ATOMIC_RELAXED)) {
		if (leat_lcore_poll(lc) != 0)
			lc->idle_since = lc->now_tsc;
		else if (s->conf.idle_sleep)
			nap(lc);
	}
	rte_rcu_qsbr_thread_offline(s->qsbr, lc->id);
	return 0;
}
