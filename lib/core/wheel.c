// SPDX-License-Identifier: BSD-3-Clause
// The timer wheel: arming files a timer under the highest digit (of 8 bits) in which its tick
// differs from the present one, advancing jumps from one occupied slot to the next. Called by the
// lcore's loop (advance) and by whoever owns a timer (arm, disarm).
//
// The digit rule gives two facts that all of this rests on. Slots of the present tick's own digits
// are empty in levels 1 to 3, unless they wait to be dealt out; so a deal may stop half-way and go
// on later without a note of where it was. And everything in a level comes before everything in the
// level above, so the first slot found is the earliest.

#include "core/wheel.h"

#include <string.h>

#define DIGIT_BITS 8
#define MOVES_PER_FIRE 8

static uint32_t digit(uint64_t tick, uint32_t level)
{
	return (tick >> (level * DIGIT_BITS)) & (LEAT_WHEEL_SLOTS - 1);
}

// The tick that holds t_ns; 0 for a time before the wheel's start.
static uint64_t tick_at(const struct leat_wheel *w, uint64_t t_ns)
{
	return t_ns > w->base_ns ? (t_ns - w->base_ns) >> LEAT_WHEEL_TICK_SHIFT : 0;
}

// The first tick that begins at or after t_ns.
static uint64_t tick_from(const struct leat_wheel *w, uint64_t t_ns)
{
	uint64_t mask = (UINT64_C(1) << LEAT_WHEEL_TICK_SHIFT) - 1;
	uint64_t tick = tick_at(w, t_ns);

	return t_ns > w->base_ns && ((t_ns - w->base_ns) & mask) != 0 ? tick + 1 : tick;
}

// The first occupied slot of a level at or after `from`, or -1.
static int next_slot(const struct leat_wheel *w, uint32_t level, uint32_t from)
{
	const uint64_t *map = w->occupied[level];
	uint32_t word = from / 64;
	uint64_t bits;

	if (from >= LEAT_WHEEL_SLOTS)
		return -1;
	bits = map[word] & (UINT64_MAX << (from % 64));
	while (bits == 0) {
		if (++word == LEAT_WHEEL_SLOTS / 64)
			return -1;
		bits = map[word];
	}
	return (int)(word * 64) + __builtin_ctzll(bits);
}

// The next tick after the present one at which there is something to fire or to deal out.
static uint64_t next_tick(const struct leat_wheel *w)
{
	uint32_t top = LEAT_WHEEL_LEVELS - 1;
	int i;

	for (uint32_t level = 0; level <= top; level++) {
		uint32_t shift = level * DIGIT_BITS;
		uint64_t above = w->now >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);

		i = next_slot(w, level, digit(w->now, level) + 1);
		if (i >= 0)
			return above + ((uint64_t)i << shift);
		// The top level is a ring: what lies behind comes after the 32 bits wrap.
		if (level == top && (i = next_slot(w, level, 0)) >= 0)
			return above + (UINT64_C(1) << 32) + ((uint64_t)i << shift);
	}
	return UINT64_MAX;
}

static void link_at(struct leat_timer *t, struct leat_timer **link)
{
	t->next = *link;
	t->pprev = link;
	if (t->next != NULL)
		t->next->pprev = &t->next;
	*link = t;
}

static void unlink_timer(struct leat_wheel *w, struct leat_timer *t)
{
	// Only a link inside w->slot gives an offset within it.
	size_t off = (uintptr_t)t->pprev - (uintptr_t)w->slot;

	assert(t->pprev != NULL); // it is armed
	*t->pprev = t->next;
	if (t->next != NULL) {
		t->next->pprev = t->pprev;
	} else if (off < sizeof(w->slot)) {
		size_t i = off / sizeof(w->slot[0]);

		w->occupied[i / LEAT_WHEEL_SLOTS][i % LEAT_WHEEL_SLOTS / 64] &=
			~(UINT64_C(1) << (i % 64));
	}
	if (w->due_tail == &t->next)
		w->due_tail = t->pprev;
	if (w->due_stop == &t->next)
		w->due_stop = t->pprev;
	t->pprev = NULL;
}

// Put a timer whose expire is set into its slot. It is not before the present tick.
static void file(struct leat_wheel *w, struct leat_timer *t)
{
	uint32_t diff = t->expire ^ (uint32_t)w->now;
	uint32_t level = diff == 0 ? 0 : (31 - __builtin_clz(diff)) / DIGIT_BITS;
	uint32_t i = digit(t->expire, level);

	w->occupied[level][i / 64] |= UINT64_C(1) << (i % 64);
	link_at(t, &w->slot[level * LEAT_WHEEL_SLOTS + i]);
}

static void fire(struct leat_wheel *w, struct leat_timer *t)
{
	uint8_t kind = t->kind % LEAT_WHEEL_KINDS;

	unlink_timer(w, t);
	if (w->handler[kind].fn != NULL)
		w->handler[kind].fn(w->handler[kind].ctx, t);
}

// A timer of a higher level whose slot has come, or NULL.
static struct leat_timer *to_deal(const struct leat_wheel *w)
{
	for (uint32_t level = LEAT_WHEEL_LEVELS - 1; level > 0; level--) {
		struct leat_timer *t = w->slot[level * LEAT_WHEEL_SLOTS + digit(w->now, level)];

		if (t != NULL)
			return t;
	}
	return NULL;
}

void leat_wheel_init(struct leat_wheel *w, uint64_t now_ns)
{
	memset(w, 0, sizeof(*w));
	w->base_ns = now_ns;
	w->due_tail = &w->due;
}

void leat_wheel_set_handler(struct leat_wheel *w, uint8_t kind, leat_timer_fn fn, void *ctx)
{
	assert(kind < LEAT_WHEEL_KINDS);
	w->handler[kind].fn = fn;
	w->handler[kind].ctx = ctx;
}

void leat_timer_arm(struct leat_wheel *w, struct leat_timer *t, uint64_t expire_ns)
{
	uint64_t tick = tick_from(w, expire_ns);

	if (t->pprev != NULL)
		unlink_timer(w, t);
	if (tick <= w->now) {
		// Not into the present slot: a handler that arms for the past would never end.
		t->expire = (uint32_t)w->now;
		link_at(t, w->due_tail);
		w->due_tail = &t->next;
		return;
	}
	if (tick - w->now > LEAT_WHEEL_MAX_TICKS)
		tick = w->now + LEAT_WHEEL_MAX_TICKS;
	t->expire = (uint32_t)tick;
	file(w, t);
}

void leat_timer_disarm(struct leat_wheel *w, struct leat_timer *t)
{
	if (t->pprev != NULL)
		unlink_timer(w, t);
}

uint32_t leat_wheel_advance(struct leat_wheel *w, uint64_t now_ns, uint32_t budget)
{
	uint64_t target = tick_at(w, now_ns);
	uint64_t moves = (uint64_t)budget * MOVES_PER_FIRE;
	uint32_t fired = 0;
	struct leat_timer *t;
	uint64_t next;

	if (target <= w->now && !w->more && w->due == NULL)
		return 0;
	if (target < w->now)
		target = w->now;

	w->due_stop = w->due_tail;
	for (; fired < budget && w->due_stop != &w->due; fired++)
		fire(w, w->due);
	w->due_stop = NULL;

	w->more = true;
	while (fired < budget) {
		t = to_deal(w);
		if (t != NULL) {
			if (moves-- == 0)
				return fired;
			unlink_timer(w, t);
			file(w, t);
			continue;
		}
		t = w->slot[digit(w->now, 0)];
		if (t != NULL) {
			fire(w, t);
			fired++;
			continue;
		}
		next = next_tick(w);
		if (next > target) {
			w->now = target;
			w->more = false;
			return fired;
		}
		w->now = next;
	}
	return fired;
}

uint64_t leat_wheel_next_ns(const struct leat_wheel *w)
{
	uint64_t tick = w->now;

	if (w->due == NULL && w->slot[digit(w->now, 0)] == NULL && to_deal(w) == NULL)
		tick = next_tick(w);
	return tick == UINT64_MAX ? UINT64_MAX : w->base_ns + (tick << LEAT_WHEEL_TICK_SHIFT);
}
