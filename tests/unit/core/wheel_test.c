// SPDX-License-Identifier: BSD-3-Clause
// The timer wheel against an oracle that knows of each timer when it was armed to fire.

#include "core/wheel.h"

#include <string.h>

#include "unit.h"

#define TICK (UINT64_C(1) << LEAT_WHEEL_TICK_SHIFT)
#define N 300

// What the oracle knows. `key` is the tick by which firing is ordered: for a time already past it
// is the tick of arming.
struct item {
	struct leat_timer t;
	uint64_t expire_ns;
	uint64_t key;
	bool armed;
	bool late;
};

struct world {
	struct leat_wheel w;
	struct item item[N];
	uint64_t base, now;
	uint64_t rnd;
	uint64_t last_key; // of what fired last in this advance
	uint32_t errors;
	uint32_t fired;
	bool busy; // handlers arm and disarm others
};

static struct item *item_of(struct leat_timer *t)
{
	return (struct item *)((char *)t - offsetof(struct item, t));
}

static void arm(struct world *s, struct item *it, uint64_t expire_ns)
{
	uint64_t past = expire_ns > s->base ? expire_ns - s->base : 0;
	uint64_t tick = (past + TICK - 1) / TICK;

	it->armed = true;
	it->expire_ns = expire_ns;
	it->late = tick <= s->w.now;
	it->key = it->late ? s->w.now : tick;
	leat_timer_arm(&s->w, &it->t, expire_ns);
}

// A time so long before the present one, but not before time itself.
static uint64_t ago(const struct world *s, uint64_t ns)
{
	return s->now > ns ? s->now - ns : 0;
}

static void disarm(struct world *s, struct item *it)
{
	it->armed = false;
	leat_timer_disarm(&s->w, &it->t);
}

// Times of all orders of magnitude, far enough below LEAT_WHEEL_MAX_NS for a wheel that lags
// behind.
static uint64_t any_delay(struct world *s)
{
	uint64_t r = unit_random(&s->rnd);

	return r >> (15 + unit_random(&s->rnd) % 48);
}

static void on_fire(void *ctx, struct leat_timer *t)
{
	struct world *s = ctx;
	struct item *it = item_of(t);
	struct item *other = &s->item[unit_random(&s->rnd) % N];

	s->errors += !it->armed;
	s->errors += leat_timer_armed(t);
	s->errors += it->expire_ns > s->now; // early
	s->errors += !it->late && it->key < s->last_key;
	s->errors += memcmp(t->user, "abc", 3) != 0;
	if (!it->late)
		s->last_key = it->key;
	it->armed = false;
	s->fired++;
	if (!s->busy)
		return;
	switch (unit_random(&s->rnd) % 6) {
	case 0:
		arm(s, it, s->now + any_delay(s));
		break;
	case 1:
		arm(s, other, ago(s, unit_random(&s->rnd) % (300 * TICK)));
		break;
	case 2:
		disarm(s, other);
		break;
	case 3:
		arm(s, other, s->now + any_delay(s));
		break;
	default:
		break;
	}
}

static struct world *start(struct world *s, uint64_t base, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->base = s->now = base;
	s->rnd = seed;
	leat_wheel_init(&s->w, base);
	leat_wheel_set_handler(&s->w, 3, on_fire, s);
	for (int i = 0; i < N; i++) {
		leat_timer_init(&s->item[i].t, 3);
		memcpy(s->item[i].t.user, "abc", 3);
	}
	return s;
}

static uint32_t advance(struct world *s, uint64_t now, uint32_t budget)
{
	s->now = now;
	s->last_key = 0;
	return leat_wheel_advance(&s->w, now, budget);
}

static void check_all(struct world *s)
{
	uint64_t next = leat_wheel_next_ns(&s->w);
	uint64_t reached = (s->now - s->base) / TICK;
	bool none = true;

	for (int i = 0; i < N; i++) {
		struct item *it = &s->item[i];

		s->errors += it->armed != leat_timer_armed(&it->t);
		if (!it->armed)
			continue;
		none = false;
		s->errors += next > (it->late ? s->now : s->base + it->key * TICK);
		// Whoever was due has fired, once the wheel says that it is done.
		s->errors += next > s->now && it->key <= reached;
	}
	s->errors += none != (next == UINT64_MAX);
}

static void random_run(uint64_t base, uint64_t seed, uint32_t budget, bool busy)
{
	static struct world world;
	struct world *s = start(&world, base, seed);
	uint64_t now = base;

	s->busy = busy;
	for (int step = 0; step < 3000; step++) {
		uint32_t got;

		for (uint64_t i = unit_random(&s->rnd) % 8; i > 0; i--) {
			struct item *it = &s->item[unit_random(&s->rnd) % N];

			if (unit_random(&s->rnd) % 4 == 0)
				disarm(s, it);
			else
				arm(s, it, ago(s, 2 * TICK) + any_delay(s));
		}
		if (unit_random(&s->rnd) % 16 == 0)
			now += unit_random(&s->rnd) >> (15 + unit_random(&s->rnd) % 20);
		else
			now += unit_random(&s->rnd) % (4 * TICK);
		s->fired = 0;
		got = advance(s, now, budget);
		s->errors += got > budget || got != s->fired;
		check_all(s);
	}
	s->busy = false;
	for (int i = 0; i < 1000000 && leat_wheel_next_ns(&s->w) != UINT64_MAX; i++) {
		uint64_t next = leat_wheel_next_ns(&s->w);

		advance(s, next > s->now ? next : s->now, budget);
	}
	check_all(s);
	CU_ASSERT_EQUAL(s->errors, 0);
	CU_ASSERT_EQUAL(leat_wheel_next_ns(&s->w), UINT64_MAX);
}

static void random_against_oracle(void)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		random_run(seed * 12345678901, seed, UINT32_MAX, false);
		random_run(0, seed, UINT32_MAX, true);
		random_run(1, seed, 1 + seed % 7, false);
		random_run(seed << 40, seed, 1 + seed % 5, true);
	}
}

static void fires_in_the_tick_after(void)
{
	static struct world world;
	struct world *s = start(&world, 1000, 1);

	arm(s, &s->item[0], 1000 + 5 * TICK);
	arm(s, &s->item[1], 1000 + 5 * TICK + 1);
	CU_ASSERT_EQUAL(leat_wheel_next_ns(&s->w), 1000 + 5 * TICK);
	CU_ASSERT_EQUAL(advance(s, 1000 + 5 * TICK - 1, 10), 0);
	CU_ASSERT_EQUAL(advance(s, 1000 + 5 * TICK, 10), 1);
	CU_ASSERT_FALSE(leat_timer_armed(&s->item[0].t));
	CU_ASSERT_EQUAL(advance(s, 1000 + 6 * TICK - 1, 10), 0);
	CU_ASSERT_EQUAL(advance(s, 1000 + 6 * TICK, 10), 1);
	CU_ASSERT_EQUAL(s->errors, 0);
}

static void the_past_fires_at_the_next_advance(void)
{
	static struct world world;
	struct world *s = start(&world, 1000 * TICK, 1);

	advance(s, 2000 * TICK, 1);
	arm(s, &s->item[0], 0);
	arm(s, &s->item[1], 1500 * TICK);
	arm(s, &s->item[2], 2000 * TICK);
	CU_ASSERT(leat_wheel_next_ns(&s->w) <= s->now);
	CU_ASSERT_EQUAL(advance(s, 2000 * TICK, 2), 2);
	CU_ASSERT_EQUAL(advance(s, 1999 * TICK, 2), 1); // time that goes back is ignored
	CU_ASSERT_EQUAL(advance(s, 2000 * TICK, 2), 0);
}

static void rearm_forever(void *ctx, struct leat_timer *t)
{
	leat_timer_arm(ctx, t, 0);
}

static void a_handler_arming_for_the_past_ends(void)
{
	static struct leat_wheel w;
	struct leat_timer t;

	leat_wheel_init(&w, 0);
	leat_wheel_set_handler(&w, 0, rearm_forever, &w);
	leat_timer_init(&t, 0);
	leat_timer_arm(&w, &t, 3 * TICK);
	CU_ASSERT_EQUAL(leat_wheel_advance(&w, 10 * TICK, 1000), 1);
	CU_ASSERT_EQUAL(leat_wheel_advance(&w, 10 * TICK, 1000), 1);
	leat_timer_disarm(&w, &t);
	CU_ASSERT_EQUAL(leat_wheel_advance(&w, 10 * TICK, 1000), 0);
}

static void wraps_after_2_32_ticks(void)
{
	static struct world world;
	struct world *s = start(&world, 7, 1);
	uint64_t edge = 7 + (TICK << 32);

	CU_ASSERT_EQUAL(advance(s, edge - 3 * TICK, 10), 0);
	arm(s, &s->item[0], edge - TICK);
	arm(s, &s->item[1], edge);
	arm(s, &s->item[2], edge + 700 * TICK);
	arm(s, &s->item[3], edge + 100000000 * TICK);
	CU_ASSERT_EQUAL(advance(s, edge - TICK, 10), 1);
	CU_ASSERT_EQUAL(advance(s, edge, 10), 1);
	CU_ASSERT_EQUAL(advance(s, edge + 699 * TICK, 10), 0);
	CU_ASSERT_EQUAL(advance(s, edge + 700 * TICK, 10), 1);
	CU_ASSERT_EQUAL(advance(s, edge + 99999999 * TICK, 10), 0);
	CU_ASSERT_EQUAL(advance(s, edge + 100000000 * TICK, 10), 1);
	CU_ASSERT_EQUAL(s->errors, 0);
}

static void the_far_future_is_cut(void)
{
	static struct world world;
	struct world *s = start(&world, 0, 1);

	leat_timer_arm(&s->w, &s->item[0].t, UINT64_MAX);
	s->item[0].armed = true;
	CU_ASSERT_EQUAL(advance(s, LEAT_WHEEL_MAX_NS - 1, 10), 0);
	CU_ASSERT_EQUAL(advance(s, LEAT_WHEEL_MAX_NS, 10), 1);
}

static void a_call_does_bounded_work(void)
{
	static struct world world;
	struct world *s = start(&world, 0, 1);
	uint32_t fired = 0, calls = 0;

	// All in one slot of level 1, to be dealt out before any can fire.
	for (int i = 0; i < N; i++)
		arm(s, &s->item[i], (256 + (uint64_t)i % 256) * TICK);
	while (leat_wheel_next_ns(&s->w) <= 600 * TICK && calls < 10 * N) {
		uint32_t got = advance(s, 600 * TICK, 2);

		CU_ASSERT(got <= 2);
		fired += got;
		calls++;
	}
	CU_ASSERT_EQUAL(fired, N);
	CU_ASSERT(calls >= N / 2 + N / 16);
	CU_ASSERT_EQUAL(s->errors, 0);
}

static const struct unit_case cases[] = {
	UNIT_CASE(fires_in_the_tick_after),
	UNIT_CASE(the_past_fires_at_the_next_advance),
	UNIT_CASE(a_handler_arming_for_the_past_ends),
	UNIT_CASE(wraps_after_2_32_ticks),
	UNIT_CASE(the_far_future_is_cut),
	UNIT_CASE(a_call_does_bounded_work),
	UNIT_CASE(random_against_oracle),
};

int main(void)
{
	return UNIT_RUN("wheel", cases);
}
