// SPDX-License-Identifier: BSD-3-Clause
// Listeners: what comes to LISTEN (RFC 9293, 3.10.7.2), the accept queue, begin and end. Called by
// tcp_input.c and by sock.
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "ip/fib.h"
#include "transport/tcp_private.h"

int leat_tcp_listen(struct leat_lcore *lc, const struct leat_endpoint *local, uint32_t backlog,
	uint32_t owner, struct leat_tcp_listener **out)
{
	struct leat_tcp_listener *l = leat_slab_alloc(lc->tcp->listeners);
	int32_t pos;

	if (l == NULL)
		return -ENOBUFS;
	memset(l, 0, sizeof(*l));
	l->kind = LEAT_TCP_LISTENER;
	l->owner = owner;
	l->backlog = RTE_MAX(backlog, 1u);
	l->key = (struct leat_flow_key){
		.local_port = local->port, .proto = IPPROTO_TCP, .family = AF_INET};
	if (!leat_ip_is_any(local->ip))
		l->key.local = local->ip;
	pos = leat_demux_add(lc->tcp->demux, &l->key, l);
	if (pos < 0) {
		leat_slab_free(lc->tcp->listeners, l);
		return pos == -EEXIST ? -EADDRINUSE : -ENOBUFS;
	}
	l->pos = pos;
	*out = l;
	return 0;
}

static bool is_half_open_of(
	const struct leat_lcore *lc, const struct leat_tcp_listener *l, const void *obj)
{
	const struct leat_tcp_syn *y = obj;

	return *(const uint8_t *)obj == LEAT_TCP_SYN &&
	       leat_slab_at(lc->tcp->listeners, y->listener) == l;
}

// Reset the half-open connections of l. Removal may move other entries of the table under the
// cursor, so it is gone through until there is none left.
static void reset_half_open(struct leat_lcore *lc, const struct leat_tcp_listener *l)
{
	const struct leat_flow_key *k;
	uint32_t cursor, found;
	void *obj;

	do {
		cursor = found = 0;
		while (leat_demux_next(lc->tcp->demux, &cursor, &k, &obj)) {
			const struct leat_tcp_syn *y = obj;
			struct leat_tcp_bare b;

			if (!is_half_open_of(lc, l, obj))
				continue;
			b = (struct leat_tcp_bare){.seq = y->iss + 1, .flags = TH_RST};
			leat_tcp_bare_send(lc, k, NULL, &b);
			leat_tcp_syn_free(lc, obj, false);
			found++;
		}
	} while (found != 0);
}

void leat_tcp_unlisten(struct leat_lcore *lc, struct leat_tcp_listener *l)
{
	struct leat_tcp_conn *c;

	while ((c = l->accept_head) != NULL) {
		l->accept_head = c->accept_next;
		leat_tcp_abort(lc, c);
	}
	reset_half_open(lc, l);
	leat_demux_del(lc->tcp->demux, &l->key);
	leat_slab_free(lc->tcp->listeners, l);
}

void leat_tcp_accept_push(
	struct leat_lcore *lc, struct leat_tcp_listener *l, struct leat_tcp_conn *c)
{
	c->accept_next = NULL;
	if (l->accept_head == NULL)
		l->accept_head = c;
	else
		l->accept_tail->accept_next = c;
	l->accept_tail = c;
	l->n_accept++;
	lc->stack->transport->ops->event(lc, l->owner, LEAT_EV_IN, 0);
}

struct leat_tcp_conn *leat_tcp_accept(
	struct leat_lcore *lc, struct leat_tcp_listener *l, uint32_t owner)
{
	struct leat_tcp_conn *c = l->accept_head;

	if (c == NULL)
		return NULL;
	l->accept_head = c->accept_next;
	l->n_accept--;
	c->owner = owner;
	c->flags |= TF_OWNED;
	if (c->pending != 0)
		lc->stack->transport->ops->event(lc, owner, c->pending, c->error);
	c->pending = 0;
	return c;
}

// RFC 9293, 3.9.2.3, MUST-57 and MUST-63: only to an address of ours and from a host's: neither a
// subnet's broadcast, which ip lets through as a source, nor one of ours.
static bool bad_address(const struct leat_lcore *lc, const struct leat_tcp_seg *seg)
{
	uint8_t from = leat_fib_lookup4(lc->stack, leat_ip_be32(seg->key.remote))->type;

	return from == LEAT_ROUTE_BROADCAST || from == LEAT_ROUTE_LOCAL ||
	       leat_fib_lookup4(lc->stack, leat_ip_be32(seg->key.local))->type != LEAT_ROUTE_LOCAL;
}

// A SYN that LISTEN takes; else the reason why not. RFC 9293, 3.10.7.2, first to fourth.
static enum leat_drop check_syn(
	struct leat_lcore *lc, const struct leat_tcp_listener *l, const struct leat_tcp_seg *seg)
{
	if (seg->flags & TH_RST)
		return LEAT_DROP_TCP_FLAGS;
	if (seg->flags & TH_ACK) {
		leat_tcp_reset_sender(lc, seg);
		return LEAT_DROP_TCP_FLAGS;
	}
	// Neither a packet of nothing, nor one that opens and closes.
	if ((seg->flags & (TH_SYN | TH_FIN)) != TH_SYN)
		return LEAT_DROP_TCP_FLAGS;
	if (bad_address(lc, seg))
		return LEAT_DROP_TCP_ADDR;
	if (l->n_accept >= l->backlog)
		return LEAT_DROP_TCP_BACKLOG_FULL;
	return LEAT_DROP_NONE;
}

static void fill_syn(struct leat_lcore *lc, struct leat_tcp_syn *y,
	const struct leat_tcp_listener *l, const struct leat_tcp_seg *seg,
	const uint32_t *least_iss)
{
	struct leat_tcp_isn isn = leat_tcp_isn(lc, &seg->key);

	memset(y, 0, sizeof(*y));
	y->kind = LEAT_TCP_SYN;
	y->flags = (seg->has_ts ? SYN_TS : 0) | (seg->has_wscale ? SYN_WS : 0);
	y->peer_mss = TCP_MSS_DEFAULT;
	if (seg->mss != 0)
		y->peer_mss = RTE_MAX(seg->mss, (uint16_t)TCP_MSS_MIN);
	leat_timer_init(&y->timer, LEAT_TIMER_TCP_SYN);
	y->listener = leat_slab_index(lc->tcp->listeners, l);
	y->iss = isn.iss;
	// RFC 9293, 3.6.1: after a TIME_WAIT, beyond what it has used
	if (least_iss != NULL && seq_lt(y->iss, *least_iss))
		y->iss = *least_iss;
	y->ts_offset = isn.ts_offset;
	y->irs = seg->seq;
	y->ts_recent = seg->tsval;
	y->wnd = seg->wnd;
	y->snd_wscale = seg->wscale;
}

void leat_tcp_listen_input(struct leat_lcore *lc, struct leat_tcp_listener *l,
	struct leat_tcp_seg *seg, const uint32_t *least_iss)
{
	enum leat_drop why = check_syn(lc, l, seg);
	struct leat_tcp_syn *y;
	int32_t pos;

	if (why != LEAT_DROP_NONE) {
		leat_drop(lc, seg->m, why);
		return;
	}
	y = leat_slab_alloc(lc->tcp->syns);
	if (y == NULL) {
		leat_drop(lc, seg->m, LEAT_DROP_TCP_HALF_OPEN_FULL);
		return;
	}
	pos = leat_demux_add(lc->tcp->demux, &seg->key, y);
	if (pos < 0) {
		leat_slab_free(lc->tcp->syns, y);
		leat_drop(lc, seg->m, LEAT_DROP_TCP_TABLE_FULL);
		return;
	}
	fill_syn(lc, y, l, seg, least_iss);
	y->pos = pos;
	lc->tcp->stats.passive_opens++;
	leat_tcp_syn_reply(lc, y);
	leat_timer_arm(&lc->wheel, &y->timer, lc->now_ns + TCP_RTO_INIT_US * UINT64_C(1000));
	// Text behind a SYN is not acknowledged: the peer sends it again.
	leat_consume(lc, seg->m);
}
