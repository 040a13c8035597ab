// SPDX-License-Identifier: BSD-3-Clause
// Deferred freeing for tables that workers read and main replaces (rte_rcu_qsbr underneath).
//
//   writer (main):     old = stack->x; leat_rcu_assign(stack->x, new); leat_rcu_defer(stack, free,
//   old); reader (a worker): p = leat_rcu_get(stack->x);   good until it leaves leat_lcore_poll()
//
// Not promised: that the free function has run at any given time. leat_rcu_reclaim(), called in
// main's turns, runs what is due; leat_stack_destroy() runs the rest. Thread-safety: writers are
// one thread, main. A worker reports quiescence once a poll.
#pragma once

#include <stdint.h>

struct leat_stack;

#define leat_rcu_assign(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
#define leat_rcu_get(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)

// Call fn(obj) once no worker can still hold obj. Ownership of obj is taken. Control context, main
// only. When there is no memory to remember it, obj is freed at once after waiting for all workers.
void leat_rcu_defer(struct leat_stack *s, void (*fn)(void *), void *obj);

// Run what is due. Returns how many objects still wait. Control context, main only.
uint32_t leat_rcu_reclaim(struct leat_stack *s);

// Run everything that waits, due or not: for taking a stack down, when no worker runs any more.
void leat_rcu_drain(struct leat_stack *s);
