// SPDX-License-Identifier: BSD-3-Clause
// The turn of a worker: order of hooks, messages, calls, RCU, rings between workers, packet
// equation.
#include "core/lcore.h"

#include <string.h>

#include "core/msg.h"
#include "core/rcu.h"
#include "core/xring.h"
#include "rig.h"
#include "unit.h"

static struct leat_stack *open_bare(uint16_t n)
{
	struct leat_stack_conf conf;
	struct leat_stack *s = NULL;

	rig_conf(&conf);
	conf.n_lcores = n;
	CU_ASSERT_EQUAL_FATAL(leat_stack_create(&conf, &s), 0);
	return s;
}

static uint16_t note(struct leat_lcore *lc, void *ctx)
{
	char *log = ctx;

	(void)lc;
	log[strlen(log)] = 'h';
	return 0;
}

static void note_timer(void *ctx, struct leat_timer *t)
{
	char *log = ctx;

	(void)t;
	log[strlen(log)] = 't';
}

static void timers_run_between_input_and_app(void)
{
	struct leat_stack *s = open_bare(1);
	struct leat_lcore *lc = s->lcores[0];
	struct leat_timer t;
	char log[8] = "";

	CU_ASSERT_EQUAL(leat_lcore_hook(lc, LEAT_POLL_APP, note, log), 0);
	CU_ASSERT_EQUAL(leat_lcore_hook(lc, LEAT_POLL_APP, note, log), -EEXIST);
	CU_ASSERT_EQUAL(leat_lcore_hook(lc, LEAT_POLL_RX, note, log), 0);
	leat_wheel_set_handler(&lc->wheel, 5, note_timer, log);
	leat_timer_init(&t, 5);
	leat_timer_arm(&lc->wheel, &t, 5000000);
	leat_lcore_poll(lc);
	CU_ASSERT_STRING_EQUAL(log, "hh");
	leat_clock_advance(s, 20000000);
	leat_lcore_poll(lc);
	CU_ASSERT_STRING_EQUAL(log, "hhhth");
	leat_stack_destroy(s);
}

static void count_msg(struct leat_lcore *lc, struct leat_msg *m)
{
	(void)lc;
	++*(unsigned *)m->ptr[0];
}

static void messages_reach_the_worker_and_a_full_inbox_refuses(void)
{
	struct leat_stack *s = open_bare(1);
	unsigned seen = 0, sent = 0;
	struct leat_msg *m;

	while ((m = leat_msg_alloc(s)) != NULL) {
		m->on_lcore = count_msg;
		m->ptr[0] = &seen;
		if (leat_msg_to_lcore(s->lcores[0], m) != 0)
			break;
		sent++;
	}
	CU_ASSERT_EQUAL(s->lcores[0]->msg_lost, 1);
	CU_ASSERT(sent > 1000);
	for (int i = 0; i < 1000; i++)
		leat_lcore_poll(s->lcores[0]);
	CU_ASSERT_EQUAL(seen, sent);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(s->msg_pool), 0);
	leat_stack_destroy(s);
}

static void set_flag(void *obj)
{
	*(bool *)obj = true;
}

static void rcu_waits_for_every_worker(void)
{
	struct leat_stack *s = open_bare(2);
	bool freed = false, late = false;

	leat_lcore_poll(s->lcores[0]);
	leat_lcore_poll(s->lcores[1]);
	leat_rcu_defer(s, set_flag, &freed);
	leat_stack_housekeep(s);
	CU_ASSERT_FALSE(freed);
	leat_lcore_poll(s->lcores[0]);
	leat_stack_housekeep(s);
	CU_ASSERT_FALSE(freed); // the other one may still read
	leat_lcore_poll(s->lcores[1]);
	leat_stack_housekeep(s);
	CU_ASSERT_TRUE(freed);
	leat_rcu_defer(s, set_flag, &late);
	leat_stack_destroy(s);
	CU_ASSERT_TRUE(late);
}

static uint16_t crossed;

static void take_crossed(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		leat_consume(lc, pkts[i]);
	crossed += n;
}

static void packets_cross_between_workers_and_a_full_ring_drops(void)
{
	struct leat_stack *s = open_bare(2);
	const unsigned n = 3000;

	crossed = 0;
	leat_xring_set(s, LEAT_XOP_LOCAL_INPUT, take_crossed);
	for (unsigned i = 0; i < n; i++)
		leat_xring_send(s->lcores[0], 1, leat_create(s->lcores[0]), LEAT_XOP_LOCAL_INPUT);
	for (unsigned i = 0; i < n; i++)
		leat_lcore_poll(s->lcores[1]);
	CU_ASSERT(crossed > 2000 && crossed < n);
	CU_ASSERT_EQUAL(s->lcores[0]->drops[LEAT_DROP_XRING_FULL], n - crossed);
	CU_ASSERT(rig_balanced(s));
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(s->lcores[0]->pool), 0);
	leat_stack_destroy(s);
}

static void nested_stages_are_charged_their_own_cycles(void)
{
	struct leat_stack *s = open_bare(1);
	struct leat_lcore *lc = s->lcores[0];
	struct leat_stage_frame outer, inner;
	uint64_t end;

	lc->sampling = true;
	lc->stage_child = 0;
	outer = leat_stage_enter(lc, LEAT_STAGE_ETH_INPUT, 1);
	inner = leat_stage_enter(lc, LEAT_STAGE_IP4_INPUT, 1);
	for (end = rte_rdtsc() + 1000000; rte_rdtsc() < end;)
		;
	leat_stage_leave(lc, LEAT_STAGE_IP4_INPUT, inner);
	leat_stage_leave(lc, LEAT_STAGE_ETH_INPUT, outer);
	CU_ASSERT(lc->stages[LEAT_STAGE_IP4_INPUT].sampled_cycles >= 1000000);
	CU_ASSERT(lc->stages[LEAT_STAGE_ETH_INPUT].sampled_cycles <
		  lc->stages[LEAT_STAGE_IP4_INPUT].sampled_cycles);
	leat_stack_destroy(s);
}

static void a_name_can_be_used_once_and_again(void)
{
	struct leat_stack_conf conf;
	struct leat_stack *s = open_bare(1), *other = NULL;

	rig_conf(&conf);
	CU_ASSERT_NOT_EQUAL(leat_stack_create(&conf, &other), 0);
	leat_stack_destroy(s);
	CU_ASSERT_EQUAL_FATAL(leat_stack_create(&conf, &other), 0);
	leat_stack_destroy(other);
	conf.n_lcores = 0;
	CU_ASSERT_EQUAL(leat_stack_create(&conf, &other), -EINVAL);
}

static const struct unit_case cases[] = {
	UNIT_CASE(timers_run_between_input_and_app),
	UNIT_CASE(messages_reach_the_worker_and_a_full_inbox_refuses),
	UNIT_CASE(rcu_waits_for_every_worker),
	UNIT_CASE(packets_cross_between_workers_and_a_full_ring_drops),
	UNIT_CASE(nested_stages_are_charged_their_own_cycles),
	UNIT_CASE(a_name_can_be_used_once_and_again),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("lcore", cases) != 0;
}
