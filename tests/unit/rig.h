// SPDX-License-Identifier: BSD-3-Clause
// A stack under test: one worker turned by hand, a virtual clock, and one port made of two rings,
// of which the test holds the other ends. Frames go in with rig_send() and come out with
// rig_take().
#ifndef LEAT_TESTS_RIG_H
#define LEAT_TESTS_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "core/lcore.h"
#include "link/link.h"
#include "link/port.h"
#include "sock/leat.h"

struct rig {
	struct leat_stack *s;
	struct leat_lcore *lc;
	struct leat_port *port;
	struct leat_iface *iface; // "t0", without addresses
	struct rte_ring *in, *out;
	struct rte_mempool *pool; // of frames that the test sends, and nothing else
	int eth_port;
	uint64_t punts[LEAT_PUNT_MAX]; // by rig_punt()
};

// Small limits, virtual clock, by hand, seed 1, small FIB, echo on.
void rig_conf(struct leat_stack_conf *conf);

// Build it (conf NULL: rig_conf()) with a port of this MTU, started. Returns 0, or -errno after
// undoing. Several rigs may be open at once if conf->name differs.
int rig_open(struct rig *r, const struct leat_stack_conf *conf, uint16_t mtu);

// Take down; CUnit assertions: the packet equation holds, no buffer is lost, the test has taken
// what came out.
void rig_close(struct rig *r);

// Count punts in r->punts and consume the frames, as an exception path would: sets s->punt. One rig
// at a time.
void rig_punt(struct rig *r);

// A frame in an exact-size buffer (pktbuf.h) into the port; the worker takes a turn.
void rig_send(struct rig *r, const void *frame, uint32_t len);
// A frame that the test has made; ownership is taken; the worker takes a turn.
void rig_send_mbuf(struct rig *r, struct rte_mbuf *m);
// Advance the clock in steps of at most a millisecond, with turns in between.
void rig_run(struct rig *r, uint64_t ns);
// The next frame that came out, the test's to free, or NULL.
struct rte_mbuf *rig_take(struct rig *r);

// received + created = transmitted + consumed + punted + dropped + merged + held, of all workers.
bool rig_balanced(const struct leat_stack *s);
// Sum of drops of a reason over all workers.
uint64_t rig_drops(const struct leat_stack *s, enum leat_drop why);

#endif
