// SPDX-License-Identifier: BSD-3-Clause
// The whole stack in one call: core, link, ip, transport and sock in their order. The exception
// path (kni/) and ports are added after it, before the workers are launched.
#pragma once

#include "core/stack.h"

// Returns 0 and *out, or -errno with everything undone. Control context; EAL must run.
int leat_open(const struct leat_stack_conf *conf, struct leat_stack **out);
// Workers must have been halted, the exception path taken down; ports are closed here.
void leat_close(struct leat_stack *s);
// The first half of leat_close(): all layers above core, with what they hold. Tests look at the
// pools between it and leat_stack_destroy().
void leat_close_layers(struct leat_stack *s);
