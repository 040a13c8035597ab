// SPDX-License-Identifier: BSD-3-Clause
// The states of a neighbour over time (RFC 4861, 7.3; the constants of its section 10), for ARP as
// well. Called by neigh.c and the worker's timer wheel.
//
//   INCOMPLETE --answer--> REACHABLE --30 s--> STALE --a packet is sent--> (5 s) PROBE --answer-->
//   REACHABLE INCOMPLETE or PROBE --3 requests unanswered--> FAILED --3 s--> asked again when a
//   packet comes
#include <stddef.h>

#include "link/eth.h"
#include "link/neigh_private.h"

#define SECOND_NS UINT64_C(1000000000)
#define REACHABLE_NS (30 * SECOND_NS)
#define DELAY_FIRST_PROBE_NS (5 * SECOND_NS)
#define RETRANS_NS SECOND_NS
#define FAILED_NS (3 * SECOND_NS)
#define MAX_SOLICIT 3

static void arm(struct leat_lcore *lc, struct leat_neigh *e, uint64_t after_ns)
{
	leat_timer_arm(&lc->wheel, &e->timer, lc->now_ns + after_ns);
}

static void ask(struct leat_lcore *lc, const struct leat_iface *i, struct leat_neigh *e)
{
	e->probes++;
	arm(lc, e, RETRANS_NS);
	// Unicast as long as the old address may be right (RFC 1122, 2.3.2.1).
	leat_arp_request(lc, i, &e->ip, e->state == LEAT_NEIGH_PROBE ? &e->mac : NULL);
}

void leat_neigh_solicit(struct leat_lcore *lc, const struct leat_iface *i, struct leat_neigh *e)
{
	e->state = LEAT_NEIGH_INCOMPLETE;
	e->probes = 0;
	ask(lc, i, e);
}

void leat_neigh_reachable(struct leat_lcore *lc, struct leat_neigh *e)
{
	e->state = LEAT_NEIGH_REACHABLE;
	e->probes = 0;
	e->confirmed_ns = lc->now_ns;
	arm(lc, e, REACHABLE_NS);
}

void leat_neigh_stale(struct leat_lcore *lc, struct leat_neigh *e)
{
	e->state = LEAT_NEIGH_STALE;
	e->probes = 0;
	leat_timer_disarm(&lc->wheel, &e->timer);
}

void leat_neigh_delay_probe(struct leat_lcore *lc, struct leat_neigh *e)
{
	if (!leat_timer_armed(&e->timer))
		arm(lc, e, DELAY_FIRST_PROBE_NS);
}

static void unanswered(struct leat_lcore *lc, const struct leat_iface *i, struct leat_neigh *e)
{
	if (e->probes < MAX_SOLICIT) {
		ask(lc, i, e);
		return;
	}
	if (e->state == LEAT_NEIGH_PROBE) { // it may have moved: ask everybody
		leat_neigh_solicit(lc, i, e);
		return;
	}
	e->state = LEAT_NEIGH_FAILED;
	arm(lc, e, FAILED_NS);
	leat_neigh_drop_held(lc, e, LEAT_DROP_NEIGH_FAILED);
}

void leat_neigh_timer(void *ctx, struct leat_timer *t)
{
	struct leat_lcore *lc = ctx;
	struct leat_neigh *e =
		(struct leat_neigh *)((char *)t - offsetof(struct leat_neigh, timer));
	const struct leat_iface *i = leat_iface_at(lc->stack, e->iface);

	switch (e->state) {
	case LEAT_NEIGH_REACHABLE:
		if (lc->now_ns - e->confirmed_ns < REACHABLE_NS) // confirmed since: re-armed lazily
			arm(lc, e, e->confirmed_ns + REACHABLE_NS - lc->now_ns);
		else
			e->state = LEAT_NEIGH_STALE;
		break;
	case LEAT_NEIGH_STALE: // the delay is over and nothing has confirmed it
		e->state = LEAT_NEIGH_PROBE;
		e->probes = 0;
		ask(lc, i, e);
		break;
	case LEAT_NEIGH_INCOMPLETE:
	case LEAT_NEIGH_PROBE:
		unanswered(lc, i, e);
		break;
	default: // FAILED: may be asked again from now on
		break;
	}
}
