// SPDX-License-Identifier: BSD-3-Clause
// show neigh: the workers' tables as one. Called by show.c.
#include <stdio.h>
#include <string.h>
#include <rte_ether.h>

#include "app/leatd/show.h"
#include "link/neigh.h"

static uint32_t dump(struct leat_lcore *lc, uint32_t *cursor, void *rows, uint32_t n)
{
	return leat_neigh_dump(lc, cursor, rows, n);
}

struct ctx {
	struct show *s;
	json_t *rows; // by "interface address"
};

static bool resolved(uint8_t state)
{
	return state != LEAT_NEIGH_INCOMPLETE && state != LEAT_NEIGH_FAILED;
}

static json_t *make_row(struct ctx *ctx, const struct leat_neigh *n, const char *ip)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];

	rte_ether_format_addr(mac, sizeof(mac), &n->mac);
	for (char *c = mac; *c != '\0'; c++)
		*c |= 0x20; // lower case
	return json_pack("{s:s, s:s, s:s?, s:s, s:i}", "interface",
		leatd_iface_name(ctx->s->d, n->iface), "address", ip, "mac",
		resolved(n->state) ? mac : NULL, "state", leat_neigh_state_name(n->state), "held",
		(int)n->n_held);
}

// Each worker has a table of its own: one row a neighbour, with what is held by all, and a worker's
// view that knows the MAC address before one that does not.
static void add(void *arg, const struct leat_lcore *lc, const void *row)
{
	const struct leat_neigh *n = row;
	struct ctx *ctx = arg;
	char ip[LEAT_IP_STRLEN], key[LEAT_IP_STRLEN + 8];
	json_int_t held = 0;
	json_t *old, *fresh;

	(void)lc;
	leat_ip_format(n->ip, ip, sizeof(ip));
	snprintf(key, sizeof(key), "%u %s", n->iface, ip);
	old = json_object_get(ctx->rows, key);
	if (old != NULL)
		held = json_integer_value(json_object_get(old, "held"));
	if (old != NULL && (!json_is_null(json_object_get(old, "mac")) || !resolved(n->state))) {
		json_object_set_new(old, "held", json_integer(held + n->n_held));
		return;
	}
	fresh = make_row(ctx, n, ip);
	json_object_set_new(fresh, "held", json_integer(held + n->n_held));
	json_object_set_new(ctx->rows, key, fresh);
}

json_t *leatd_show_neigh(struct show *s)
{
	struct ctx ctx = {s, json_object()};
	json_t *out = NULL, *row;
	const char *key;

	if (leatd_show_each(s, sizeof(struct leat_neigh), dump, add, &ctx) == 0) {
		out = json_array();
		json_object_foreach (ctx.rows, key, row)
			json_array_append(out, row);
	}
	json_decref(ctx.rows);
	return out;
}
