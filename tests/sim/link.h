// SPDX-License-Identifier: BSD-3-Clause
// A link between the ring ports of two stacks: every frame is copied, and lost, doubled, delayed,
// moved behind others or damaged as the seed wills. Also the wire of a port that cuts superframes
// itself.
#ifndef LEAT_TESTS_SIM_LINK_H
#define LEAT_TESTS_SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "rig.h"

struct link_conf {
	uint32_t loss, dup, reorder, damage; // in 1/65536 of the frames
	uint64_t delay_ns;
	uint64_t reorder_ns; // further delay of a frame that is moved, at most
	uint64_t bits_per_s;
	uint32_t queue_bytes; // before the link; what comes beyond is lost
};

struct link_frame;

struct link {
	struct link_conf conf;
	struct rig *end[2];
	uint64_t seed;
	struct link_frame **heap; // by time of arrival
	uint32_t n, cap;
	uint64_t serial;
	uint64_t busy_until[2];
	uint64_t hash; // over time and bytes of every frame sent
	uint64_t frames, lost, doubled, moved, damaged;
	uint32_t largest;
};

void link_init(
	struct link *l, const struct link_conf *conf, struct rig *a, struct rig *b, uint64_t seed);
void link_fini(struct link *l);
// Take what both ends have sent. Returns frames.
unsigned link_collect(struct link *l, uint64_t now_ns);
// Hand over what has arrived by now. Returns frames.
unsigned link_deliver(struct link *l, uint64_t now_ns);
// When the next frame arrives; UINT64_MAX without any.
uint64_t link_next(const struct link *l);

#endif
