// SPDX-License-Identifier: BSD-3-Clause
// show routes and claims: control's own tables. Called by show.c.
#include <netinet/in.h>
#include <stdio.h>

#include "app/leatd/show.h"
#include "ip/claim.h"
#include "ip/fib.h"

struct ctx {
	struct show *s;
	json_t *out;
};

static json_t *nexthops(const struct leatd *d, const struct leat_route *r)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < r->n_paths; i++) {
		const struct leat_path *p = &r->paths[i];
		char via[LEAT_IP_STRLEN];

		leat_ip_format(p->via, via, sizeof(via));
		json_array_append_new(
			out, json_pack("{s:s?, s:s, s:i}", "via",
				     leat_ip_is_any(p->via) ? NULL : via, "interface",
				     leatd_iface_name(d, p->iface), "weight", (int)p->weight));
	}
	return out;
}

static bool add_route(void *arg, const struct leat_route *r)
{
	struct ctx *ctx = arg;
	char prefix[LEAT_PREFIX_STRLEN];

	json_array_append_new(ctx->out,
		json_pack("{s:s, s:s, s:I, s:I, s:o}", "prefix",
			leat_prefix_format(&r->prefix, prefix, sizeof(prefix)), "type",
			leat_route_type_name(r->type), "table", (json_int_t)r->table, "metric",
			(json_int_t)r->metric, "nexthops", nexthops(ctx->s->d, r)));
	return true;
}

json_t *leatd_show_routes(struct show *s)
{
	struct ctx ctx = {s, json_array()};

	leat_fib_walk(s->d->stack, add_route, &ctx);
	return ctx.out;
}

json_t *leatd_show_claims(struct show *s)
{
	json_t *out = json_array();
	const struct leat_claim *c;

	for (uint32_t i = 0; (c = leat_claim_at(s->d->stack, i)) != NULL; i++) {
		char ip[LEAT_IP_STRLEN], ports[16];

		leat_ip_format(c->ip, ip, sizeof(ip));
		snprintf(ports, sizeof(ports), c->port_first == c->port_last ? "%u" : "%u-%u",
			c->port_first, c->port_last);
		json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:s}", "protocol",
						   c->proto == IPPROTO_TCP ? "tcp" : "udp",
						   "address", leat_ip_is_any(c->ip) ? "*" : ip,
						   "ports", ports, "owner", c->owner));
	}
	return out;
}
