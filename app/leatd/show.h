// SPDX-License-Identifier: BSD-3-Clause
// What the control socket shows: method `show`, params {"what": "ports", "all": false}.
// docs/configuration.md lists the results. One function each, in the show_*.c files; main's thread
// alone.
#pragma once

#include "app/leatd/daemon.h"
#include "app/leatd/rpc.h"

extern const struct rpc_method leatd_methods[];
extern const size_t leatd_n_methods;

struct show {
	struct leatd *d;
	bool all; // also what is 0
	struct rpc_error *e;
};

// Each returns a new reference, or NULL with an error set (or none: out of memory).
json_t *leatd_show_ports(struct show *s);
json_t *leatd_show_stages(struct show *s);
json_t *leatd_show_drops(struct show *s);
json_t *leatd_show_packets(struct show *s);
json_t *leatd_show_sockets(struct show *s);
json_t *leatd_show_tcp(struct show *s);
json_t *leatd_show_neigh(struct show *s);
json_t *leatd_show_routes(struct show *s);
json_t *leatd_show_claims(struct show *s);
json_t *leatd_show_punt(struct show *s);
json_t *leatd_show_memory(struct show *s);
json_t *leatd_show_numa(struct show *s);

// The rows of a worker's table, a page at a time, copied by the worker itself.
// dump     as leat_neigh_dump(): from *cursor, up to n rows of row_size bytes; 0 at the end. Runs
// in the worker each     is given every row, in main Returns 0, or -errno with s->e set.
int leatd_show_each(struct show *s, size_t row_size,
	uint32_t (*dump)(struct leat_lcore *lc, uint32_t *cursor, void *rows, uint32_t n),
	void (*each)(void *ctx, const struct leat_lcore *lc, const void *row), void *ctx);

// Name of an interface, "?" when there is none.
const char *leatd_iface_name(const struct leatd *d, uint16_t idx);
