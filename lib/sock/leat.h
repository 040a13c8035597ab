// SPDX-License-Identifier: BSD-3-Clause
// The whole stack in one call: core, link, ip, transport and sock in their order. The exception path (kni/) and ports
// are added after it, before the workers are launched.
#pragma once

#include "core/stack.h"

// Returns 0 and *out, or -errno with everything undone. Control context; EAL must run.
int leat_create(const struct leat_stack_conf *conf, struct leat_stack **out);
// Workers must have been halted, the exception path taken down; ports are closed here.
void leat_destroy(struct leat_stack *s);
