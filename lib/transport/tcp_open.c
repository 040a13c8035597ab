// SPDX-License-Identifier: BSD-3-Clause
// Active open: RFC 9293, 3.10.1. Called by sock.
#include <errno.h>
#include <netinet/in.h>

#include "ip/fib.h"
#include "transport/tcp_private.h"

// Where to, where from. 0 or what leat_tcp_connect() returns.
static int make_key(struct leat_lcore *lc, const struct leat_endpoint *local,
	const struct leat_endpoint *remote, struct leat_flow_key *k)
{
	union leat_ip src = leat_ip_from_be32(INADDR_ANY);
	struct leat_dst dst = {0};
	int rc;

	if (!leat_ip_is4(remote->ip))
		return -ENETUNREACH;
	if (remote->port == 0 || leat_ip_is_any(remote->ip))
		return -EADDRNOTAVAIL;
	if (local != NULL && !leat_ip_is_any(local->ip)) {
		if (!leat_ip_is4(local->ip) ||
			leat_fib_lookup4(lc->stack, leat_ip_be32(local->ip))->type !=
				LEAT_ROUTE_LOCAL)
			return -EADDRNOTAVAIL;
		src = local->ip;
	}
	rc = leat_ip_route(lc, &remote->ip, 0, &dst, &src);
	if (rc == -EXDEV)
		return -ENETUNREACH;
	if (rc == -EACCES || rc == -EINVAL)
		return -EHOSTUNREACH;
	if (rc != 0)
		return rc;
	*k = (struct leat_flow_key){
		.local = src,
		.remote = remote->ip,
		.local_port = local != NULL ? local->port : 0,
		.remote_port = remote->port,
		.proto = IPPROTO_TCP,
		.family = AF_INET,
	};
	return 0;
}

// Whether the answers come to this worker.
static bool is_ours(const struct leat_lcore *lc, const struct leat_flow_key *k)
{
	if (lc->stack->n_lcores == 1)
		return true;
	return leat_flow_owner(lc, leat_flow_hash(&k->local, &k->remote, k->local_port,
					   k->remote_port, k->proto)) == lc->id;
}

static int add_error(int32_t pos)
{
	return pos == -EEXIST ? -EADDRINUSE : -ENOBUFS;
}

// Put c into the demux, with a port of the dynamic range when none was given (RFC 6056).
static int take_port(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	uint32_t from;
	int32_t pos;

	if (c->key.local_port != 0) {
		c->pos = leat_demux_add(lc->tcp->demux, &c->key, c);
		return c->pos < 0 ? add_error(c->pos) : 0;
	}
	from = leat_tcp_port_offset(lc, &c->key);
	for (uint32_t i = 0; i < TCP_PORT_COUNT; i++) {
		c->key.local_port = (uint16_t)(TCP_PORT_FIRST + (from + i) % TCP_PORT_COUNT);
		if (!is_ours(lc, &c->key))
			continue;
		pos = leat_demux_add(lc->tcp->demux, &c->key, c);
		c->pos = pos;
		if (pos != -EEXIST)
			return pos < 0 ? add_error(pos) : 0;
	}
	return -EADDRNOTAVAIL;
}

int leat_tcp_connect(struct leat_lcore *lc, const struct leat_endpoint *local,
	const struct leat_endpoint *remote, uint32_t owner, struct leat_tcp_conn **out)
{
	struct leat_tcp_conn *c;
	struct leat_flow_key k;
	struct leat_tcp_isn isn;
	int rc = make_key(lc, local, remote, &k);

	if (rc != 0)
		return rc;
	c = leat_tcp_conn_new(lc, &k);
	if (c == NULL)
		return -ENOBUFS;
	rc = take_port(lc, c);
	if (rc != 0) {
		leat_tcp_conn_free(lc, c);
		return rc;
	}
	isn = leat_tcp_isn(lc, &c->key);
	c->iss = isn.iss;
	c->ts_offset = isn.ts_offset;
	c->snd_una = c->snd_nxt = c->snd_max = c->iss;
	c->snd_end = c->iss + 1;
	c->rcv_wscale = lc->tcp->rcv_wscale;
	c->owner = owner;
	c->state = TS_SYN_SENT;
	c->flags = TF_OWNED | TF_TS | TF_WS | TF_SYN_NOW;
	lc->tcp->stats.active_opens++;
	leat_tcp_output_later(lc, c);
	*out = c;
	return 0;
}
