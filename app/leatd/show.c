// SPDX-License-Identifier: BSD-3-Clause
// The method `show`, and the way to workers' tables. Called by control.c.
#include "app/leatd/show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "link/link.h"

#define PAGE 256

static const struct {
	const char *what;
	json_t *(*fn)(struct show *s);
} shows[] = {
	{"ports", leatd_show_ports},
	{"stages", leatd_show_stages},
	{"drops", leatd_show_drops},
	{"packets", leatd_show_packets},
	{"sockets", leatd_show_sockets},
	{"tcp", leatd_show_tcp},
	{"neigh", leatd_show_neigh},
	{"routes", leatd_show_routes},
	{"claims", leatd_show_claims},
	{"punt", leatd_show_punt},
	{"memory", leatd_show_memory},
	{"numa", leatd_show_numa},
};

static json_t *show(void *ctx, const json_t *params, struct rpc_error *e)
{
	const char *what = json_string_value(json_object_get(params, "what"));
	const json_t *all = json_object_get(params, "all");
	struct show s = {.d = ctx, .all = json_is_true(all), .e = e};

	if (what == NULL)
		return rpc_fail(e, RPC_INVALID_PARAMS, "params.what is missing");
	if (all != NULL && !json_is_boolean(all))
		return rpc_fail(e, RPC_INVALID_PARAMS, "params.all is neither true nor false");
	for (size_t i = 0; i < RTE_DIM(shows); i++) {
		if (strcmp(shows[i].what, what) == 0)
			return shows[i].fn(&s);
	}
	return rpc_fail(e, RPC_INVALID_PARAMS, "\"%.32s\" is nothing that can be shown", what);
}

const struct rpc_method leatd_methods[] = {{"show", show}};
const size_t leatd_n_methods = RTE_DIM(leatd_methods);

const char *leatd_iface_name(const struct leatd *d, uint16_t idx)
{
	const struct leat_iface *i = leat_iface_at(d->stack, idx);

	return i != NULL ? i->name : "?";
}

// ---- workers' tables ----

struct page {
	uint32_t (*dump)(struct leat_lcore *lc, uint32_t *cursor, void *rows, uint32_t n);
	uint32_t cursor, n;
	_Alignas(16) char rows[];
};

static void fill_page(struct leat_lcore *lc, void *ctx)
{
	struct page *p = ctx;

	p->n = p->dump(lc, &p->cursor, p->rows, PAGE);
}

static int each_of(struct show *s, struct leat_lcore *lc, size_t row_size, struct page *p,
	void (*each)(void *ctx, const struct leat_lcore *lc, const void *row), void *ctx)
{
	int rc;

	do {
		rc = leatd_call(lc, fill_page, p);
		if (rc != 0) { // the page is not ours any more
			rpc_fail(s->e, RPC_NO_ANSWER, "worker %u does not answer: %s", lc->id,
				strerror(-rc));
			return rc;
		}
		for (uint32_t i = 0; i < p->n; i++)
			each(ctx, lc, p->rows + i * row_size);
	} while (p->n > 0);
	free(p);
	return 0;
}

int leatd_show_each(struct show *s, size_t row_size,
	uint32_t (*dump)(struct leat_lcore *lc, uint32_t *cursor, void *rows, uint32_t n),
	void (*each)(void *ctx, const struct leat_lcore *lc, const void *row), void *ctx)
{
	for (uint16_t i = 0; i < s->d->stack->n_lcores; i++) {
		struct page *p = calloc(1, sizeof(*p) + PAGE * row_size);
		int rc;

		if (p == NULL)
			return -ENOMEM;
		p->dump = dump;
		rc = each_of(s, s->d->stack->lcores[i], row_size, p, each, ctx);
		if (rc != 0)
			return rc;
	}
	return 0;
}
