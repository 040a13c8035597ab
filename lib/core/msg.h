// SPDX-License-Identifier: BSD-3-Clause
// Messages between control and workers, and between workers: a function and 48 bytes for it. They
// come from one lock-free pool and go into the receiver's inbox, which it drains in its
// housekeeping turn.
#pragma once

#include <stdint.h>

struct leat_lcore;
struct leat_stack;
struct leat_msg;

typedef void (*leat_msg_lcore_fn)(struct leat_lcore *lc, struct leat_msg *m);
typedef void (*leat_msg_main_fn)(struct leat_stack *s, struct leat_msg *m);

#define LEAT_MSG_DATA 48

struct leat_msg {
	union {
		leat_msg_lcore_fn on_lcore; // of a message to a worker: runs in that worker
		leat_msg_main_fn on_main;   // of a message to main: runs in leat_stack_housekeep()
	};
	uint64_t spare;
	union { // what the function understands
		uint8_t b[LEAT_MSG_DATA];
		uint32_t u32[LEAT_MSG_DATA / 4];
		uint64_t u64[LEAT_MSG_DATA / 8];
		void *ptr[LEAT_MSG_DATA / 8];
	};
};

// A message to fill, or NULL when the pool is empty. Any thread, datapath or control.
struct leat_msg *leat_msg_alloc(struct leat_stack *s);

// Send m to a worker / to main; ownership is taken. Returns 0, or -ENOBUFS when the inbox is full
// (m is freed, counted in lc->msg_lost / stack->msg_lost). Any thread.
int leat_msg_to_lcore(struct leat_lcore *lc, struct leat_msg *m);
int leat_msg_to_main(struct leat_stack *s, struct leat_msg *m);

// Run fn on a worker and wait for it, at most timeout_ms of real time. ctx stays the caller's. The
// worker runs fn(lc, ctx) in its housekeeping turn. Returns 0; -ETIMEDOUT when the worker did not
// answer: fn may then still run later, so ctx must be memory that is handed over with leat_rcu-like
// care: it is freed by free_ctx(ctx) when the worker comes round, and the caller must not touch it
// again; -ENOBUFS. On a stack that is driven by hand (no worker threads run) fn is run at once.
// Control context, main only.
int leat_msg_call(struct leat_lcore *lc, void (*fn)(struct leat_lcore *lc, void *ctx), void *ctx,
	void (*free_ctx)(void *ctx), unsigned timeout_ms);
