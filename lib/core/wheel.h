// SPDX-License-Identifier: BSD-3-Clause
// Hierarchical timer wheel: many timers, cheap to arm and to disarm, one wheel for each lcore.
// The lcore's loop advances it; the protocols embed a struct leat_timer in their own objects.
//
//	leat_wheel_init(&w, now_ns);
//	leat_wheel_set_handler(&w, KIND_RTO, on_rto, lc);
//	leat_timer_init(&conn->timer, KIND_RTO);
//	leat_timer_arm(&w, &conn->timer, now_ns + rto_ns);
//	...
//	leat_wheel_advance(&w, now_ns, 64);	// on_rto(lc, &conn->timer)
//
// Time is cut into ticks of 2^20 ns (1.05 ms). A timer fires in the first tick that begins at or
// after its time, so never early and, polled often enough, at most a tick late. Four levels of 256
// slots hold the next 2^32 ticks; a slot of a higher level is dealt out to lower ones when its
// first tick comes. Timers of one tick fire in no particular order.
//
// What it does not do: it does not free, and it does not know timers further than LEAT_WHEEL_MAX_NS
// ahead (26 days); these fire at that distance, and a handler that cares looks at its own deadline.
//
// Thread-safety: none. One thread owns a wheel and its timers. A wheel is not moved or copied once
// it is initialised. Datapath throughout: no allocation, no system call, no log.
#ifndef LEAT_CORE_WHEEL_H
#define LEAT_CORE_WHEEL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEAT_WHEEL_TICK_SHIFT 20
#define LEAT_WHEEL_LEVELS 4
#define LEAT_WHEEL_SLOTS 256
#define LEAT_WHEEL_KINDS 16
#define LEAT_WHEEL_MAX_TICKS (UINT64_C(1) << 31)
#define LEAT_WHEEL_MAX_NS (LEAT_WHEEL_MAX_TICKS << LEAT_WHEEL_TICK_SHIFT)

// A timer, embedded in the object that it belongs to. All is private to the wheel but `user`, which
// fills the hole and is the object's to use.
struct leat_timer {
	struct leat_timer *next;
	struct leat_timer **pprev; // the link that points here; NULL when not armed
	uint32_t expire;           // tick since the wheel's start, low 32 bits
	uint8_t kind;
	uint8_t user[3];
};
static_assert(sizeof(struct leat_timer) == 24, "a timer is part of every connection");

// What a kind of timer does. The timer is disarmed when this is called: it may be armed again, or
// its memory freed. The handler may arm and disarm any other timer, due or not; it must not advance
// the wheel.
typedef void (*leat_timer_fn)(void *ctx, struct leat_timer *t);

struct leat_wheel {
	uint64_t base_ns; // time of tick 0
	uint64_t now;     // the tick that has been reached
	bool more;        // the last advance stopped short of its time

	// Timers that were armed for a time already reached, in order of arming, and the link at
	// which the present advance stops taking from them.
	struct leat_timer *due;
	struct leat_timer **due_tail;
	struct leat_timer **due_stop;

	struct {
		leat_timer_fn fn;
		void *ctx;
	} handler[LEAT_WHEEL_KINDS];
	uint64_t occupied[LEAT_WHEEL_LEVELS][LEAT_WHEEL_SLOTS / 64];
	struct leat_timer *slot[LEAT_WHEEL_LEVELS * LEAT_WHEEL_SLOTS];
};

// Make an empty wheel whose tick 0 begins at now_ns. The wheel has no resources to give back.
void leat_wheel_init(struct leat_wheel *w, uint64_t now_ns);

// Say what happens when a timer of this kind fires. A kind without handler fires in silence.
// kind  below LEAT_WHEEL_KINDS
// ctx   passed to fn; stays the caller's
void leat_wheel_set_handler(struct leat_wheel *w, uint8_t kind, leat_timer_fn fn, void *ctx);

// Fire what is due at now_ns, in order of ticks.
// now_ns  the present time; one earlier than in the call before counts as that one
// budget  the most timers to fire. Dealing out higher slots is bounded too, at eight timers moved
//         for each one of budget, so a call's time is bounded whatever the wheel holds.
// A timer that a handler arms for a tick already reached fires in the next call; one that it arms
// between that tick and now_ns fires in this call.
// Returns the number fired. Work is left when leat_wheel_next_ns() is not after now_ns.
uint32_t leat_wheel_advance(struct leat_wheel *w, uint64_t now_ns, uint32_t budget);

// A time before which nothing fires, UINT64_MAX when nothing is armed. A lower bound: what stands
// in a higher level counts from the start of its slot, so one who sleeps until then may find
// nothing, and asks again after leat_wheel_advance().
uint64_t leat_wheel_next_ns(const struct leat_wheel *w);

// Make t a disarmed timer of a kind below LEAT_WHEEL_KINDS. Leaves t->user alone.
static inline void leat_timer_init(struct leat_timer *t, uint8_t kind)
{
	assert(kind < LEAT_WHEEL_KINDS);
	t->next = NULL;
	t->pprev = NULL;
	t->expire = 0;
	t->kind = kind;
}

static inline bool leat_timer_armed(const struct leat_timer *t)
{
	return t->pprev != NULL;
}

// Have t fire at expire_ns or in the tick after; if armed, it is moved. A time already past fires
// at the next advance. t is referenced by the wheel until it fires or is disarmed.
void leat_timer_arm(struct leat_wheel *w, struct leat_timer *t, uint64_t expire_ns);

// Forget t; nothing happens if it is not armed.
void leat_timer_disarm(struct leat_wheel *w, struct leat_timer *t);

#endif
