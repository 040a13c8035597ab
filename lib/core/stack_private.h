// SPDX-License-Identifier: BSD-3-Clause
// Between the files of lib/core.
#pragma once

#include <stdbool.h>

#include "core/stack.h"

// lcore.c
struct leat_lcore *leat_lcore_create(struct leat_stack *s, uint16_t id);
void leat_lcore_destroy(struct leat_lcore *lc);
int leat_lcore_main(void *lc); // a worker thread's whole life

// msg.c
unsigned leat_msg_drain_lcore(struct leat_lcore *lc);
unsigned leat_msg_drain_main(struct leat_stack *s);
void leat_msg_reap_calls(struct leat_stack *s, bool all);
