// SPDX-License-Identifier: BSD-3-Clause
// What the stack of a nsrig has taken over from the kernel, for the mirror's tests.
#ifndef LEAT_TESTS_NSVIEW_H
#define LEAT_TESTS_NSVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "ip/fib.h"
#include "kni/nsrig.h"
#include "link/neigh.h"

#define TABLE_MAIN 254
#define TABLE_LOCAL 255

// The route with this prefix, table and metric, NULL without. Good until the next call.
const struct leat_route *ns_route(
	struct rig *r, const char *prefix, uint32_t table, uint32_t metric);
// Type of the route of metric 0, LEAT_ROUTE_NONE without.
int ns_type_of(struct rig *r, const char *prefix, uint32_t table);
bool ns_via_is(const struct leat_path *p, const char *text);
// Whether the stack has as many routes as the kernel has in its tables main and local, 127/8 apart.
bool ns_as_many_routes(struct rig *r);
bool ns_has_addr(const struct rig *r, const char *text);
// The worker's entry, NULL without. Good until the next call.
const struct leat_neigh *ns_neighbour(struct rig *r, const char *text);
// Make another link of the namespace, other0 with 172.16.0.1/24, which the stack does not own.
void ns_other_link(void);

#endif
