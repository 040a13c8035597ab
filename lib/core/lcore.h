// SPDX-License-Identifier: BSD-3-Clause
// A worker: a poll loop that owns everything of its flows. Only its own thread touches what is in
// struct leat_lcore, but for counters, which others may read.
//
// A turn of leat_lcore_poll(): the hooks in the order of enum leat_poll, then housekeeping
// (messages) when it is due, then the quiescent report. No hook makes a system call, takes a lock
// or allocates from the heap.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "core/drop.h"
#include "core/meta.h"
#include "core/stack.h"
#include "core/stage.h"
#include "core/wheel.h"
#include "pkt/poison.h"

typedef uint16_t (*leat_poll_fn)(
	struct leat_lcore *lc, void *ctx); // returns packets or events handled

enum leat_poll {          // order within a turn
	LEAT_POLL_RX,     // link: ports
	LEAT_POLL_XRING,  // core: other workers
	LEAT_POLL_INJECT, // kni: from the kernel
	LEAT_POLL_APP,    // programs within the worker
	LEAT_POLL_OUTPUT, // transport: connections that have something to send
	LEAT_POLL_FLUSH,  // link: hand what is queued to the drivers
	LEAT_POLL_MAX
};

// Numbers of the packet equation: received + created = transmitted + consumed + punted + dropped +
// merged + held.
struct leat_counts {
	uint64_t received;    // frames from ports
	uint64_t created;     // originated, injected, split off
	uint64_t transmitted; // frames taken by a driver
	uint64_t consumed;    // ended at their destination in the stack
	uint64_t punted;      // put into the ring to the kernel
	uint64_t merged;      // became part of another packet
	int64_t held;         // in hold queues, reassembly and transmit queues now
};

struct leat_lcore {
	struct leat_stack *stack;
	uint64_t now_ns;  // the stack's clock at the start of this turn
	uint64_t now_tsc; // TSC at the start of this turn
	uint16_t id;      // 0..n_lcores-1
	bool sampling;    // cycles are taken in this turn
	int node;         // NUMA node
	unsigned cpu;
	struct rte_mempool *pool;          // data mbufs of its node
	struct rte_mempool *indirect_pool; // references
	uint64_t stage_child;              // see stage.h
	struct leat_counts count;

	struct {
		leat_poll_fn fn;
		void *ctx;
	} hooks[LEAT_POLL_MAX];

	// upper layers' state of this worker, theirs to define
	struct leat_link_lcore *link;
	struct leat_ip_lcore *ip;
	struct leat_tcp_lcore *tcp;
	struct leat_udp_lcore *udp;
	struct leat_sock_lcore *sock;
	struct leat_kni_lcore *kni;

	uint64_t polls;
	uint64_t busy_polls; // turns that handled something
	uint64_t naps;       // idle: sleep
	uint64_t idle_since; // TSC of the first empty turn in a row
	uint64_t rng;        // state of leat_rand()
	struct rte_ring *inbox;
	uint64_t msg_lost;
	struct rte_ring *xrings[LEAT_MAX_LCORES]; // from each other worker; NULL for itself

	uint64_t drops[LEAT_DROP_MAX];
	struct leat_stage stages[LEAT_STAGE_MAX];
	struct leat_wheel wheel;
};

// Set the function of a slot of the turn. Returns 0 or -EEXIST. Control context, before the worker
// runs.
int leat_lcore_hook(struct leat_lcore *lc, enum leat_poll slot, leat_poll_fn fn, void *ctx);

// One turn. Returns packets and events handled. The worker's thread, or a test that drives it by
// hand.
unsigned leat_lcore_poll(struct leat_lcore *lc);

// Time in ns of the clock at which this worker next has a timer due, UINT64_MAX without one: how
// far a test may advance a virtual clock. A lower bound.
uint64_t leat_lcore_next_ns(const struct leat_lcore *lc);

// Pseudo-random, not for secrets; the same seed gives the same numbers. Datapath.
static inline uint64_t leat_rand(struct leat_lcore *lc)
{
	uint64_t z = (lc->rng += 0x9e3779b97f4a7c15ull); // splitmix64

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

// ---- where packets end ----

// Free a packet with a reason. Ownership is taken. Datapath.
static inline void leat_drop(struct leat_lcore *lc, struct rte_mbuf *m, enum leat_drop reason)
{
	lc->drops[reason]++;
	leat_pkt_unpoison(m);
	rte_pktmbuf_free(m);
}

// Free a packet that has done its work. Ownership is taken. Datapath.
static inline void leat_consume(struct leat_lcore *lc, struct rte_mbuf *m)
{
	lc->count.consumed++;
	leat_pkt_unpoison(m);
	rte_pktmbuf_free(m);
}

// A new packet for transmission with empty data, headroom of the pool; counted as created. NULL
// when the pool is empty (the caller counts LEAT_DROP_NO_MBUF if it loses something by that).
// Datapath.
static inline struct rte_mbuf *leat_create(struct leat_lcore *lc)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(lc->pool);

	if (likely(m != NULL)) {
		lc->count.created++;
		*leat_meta(m) = (struct leat_meta){0};
	}
	return m;
}

// Hand a frame to the kernel. Ownership is taken. Datapath.
static inline void leat_punt(struct leat_lcore *lc, struct rte_mbuf *m, enum leat_punt_class c)
{
	if (unlikely(lc->stack->punt == NULL))
		leat_drop(lc, m, LEAT_DROP_PUNT_OFF);
	else
		lc->stack->punt(lc, m, c);
}

// ---- stage accounting, see stage.h ----

static inline struct leat_stage_frame leat_stage_enter(
	struct leat_lcore *lc, enum leat_stage_id id, uint32_t n)
{
	struct leat_stage *st = &lc->stages[id];
	struct leat_stage_frame f = {0, 0, n};

	st->batches++;
	st->packets += n;
	if (unlikely(lc->sampling)) {
		f.child = lc->stage_child;
		lc->stage_child = 0;
		f.start = rte_rdtsc();
	}
	return f;
}

static inline void leat_stage_leave(
	struct leat_lcore *lc, enum leat_stage_id id, struct leat_stage_frame f)
{
	if (unlikely(f.start != 0)) {
		struct leat_stage *st = &lc->stages[id];
		uint64_t all = rte_rdtsc() - f.start;

		st->sampled_cycles += all - lc->stage_child;
		st->sampled_packets += f.n;
		lc->stage_child = f.child + all;
	}
}
