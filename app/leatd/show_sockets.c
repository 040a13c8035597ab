// SPDX-License-Identifier: BSD-3-Clause
// show sockets: connections, listeners and UDP endpoints of all workers. Called by show.c.
#include <netinet/in.h>
#include <stdio.h>

#include "app/leatd/show.h"
#include "sock/sock.h"

static uint32_t dump(struct leat_lcore *lc, uint32_t *cursor, void *rows, uint32_t n)
{
	return leat_sock_dump(lc, cursor, rows, n);
}

// "192.0.2.1:80", "[2001:db8::1]:80", "*:80" for any address; NULL where there is neither.
static json_t *endpoint(const struct leat_endpoint *e)
{
	char ip[LEAT_IP_STRLEN], text[LEAT_IP_STRLEN + 9];

	if (leat_ip_is_any(e->ip) && e->port == 0)
		return json_null();
	leat_ip_format(e->ip, ip, sizeof(ip));
	if (leat_ip_is_any(e->ip))
		snprintf(text, sizeof(text), "*:%u", e->port);
	else
		snprintf(text, sizeof(text), leat_ip_is4(e->ip) ? "%s:%u" : "[%s]:%u", ip, e->port);
	return json_string(text);
}

struct ctx {
	struct show *s;
	json_t *out;
};

static void add(void *arg, const struct leat_lcore *lc, const void *row)
{
	const struct leat_sock_info *i = row;
	struct ctx *ctx = arg;
	int service = i->sock != 0 ? leatd_cookie_service(i->cookie) : -1;
	const char *name = service >= 0 && (uint32_t)service < ctx->s->d->conf->n_services
				   ? ctx->s->d->conf->services[service].name
				   : NULL;

	json_array_append_new(
		ctx->out, json_pack("{s:I, s:i, s:s, s:s, s:o, s:o, s:I, s:I, s:s?}", "id",
				  (json_int_t)i->sock, "worker", (int)lc->id, "protocol",
				  i->t.proto == IPPROTO_TCP ? "tcp" : "udp", "state", i->t.state,
				  "local", endpoint(&i->t.local), "remote", endpoint(&i->t.remote),
				  "rx_queue", (json_int_t)i->t.rx_queue, "tx_queue",
				  (json_int_t)i->t.tx_queue, "service", name));
}

json_t *leatd_show_sockets(struct show *s)
{
	struct ctx ctx = {s, json_array()};

	if (leatd_show_each(s, sizeof(struct leat_sock_info), dump, add, &ctx) == 0)
		return ctx.out;
	json_decref(ctx.out);
	return NULL;
}
