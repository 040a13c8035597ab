// SPDX-License-Identifier: BSD-3-Clause
// A connection's beginning and end, its way to the peer, and what its owner is told. Called by
// every other part of TCP.
#include <string.h>

#include "link/port.h"
#include "transport/tcp_private.h"

struct leat_tcp_conn *leat_tcp_conn_new(struct leat_lcore *lc, const struct leat_flow_key *k)
{
	struct leat_tcp_conn *c = leat_slab_alloc(lc->tcp->conns);

	if (unlikely(c == NULL))
		return NULL;
	memset(c, 0, sizeof(*c));
	c->kind = LEAT_TCP_CONN;
	c->key = *k;
	c->cc = &leat_tcp_newreno;
	c->rto_us = TCP_RTO_INIT_US;
	c->peer_mss = TCP_MSS_DEFAULT;
	c->mss = TCP_MSS_DEFAULT;
	c->snd_buf = lc->tcp->sndbuf;
	c->rcv_buf = lc->tcp->rcvbuf;
	leat_timer_init(&c->timer, LEAT_TIMER_TCP_CONN);
	lc->tcp->n_live++;
	return c;
}

static void leave_output(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	if (!(c->flags & TF_ON_OUT))
		return;
	TAILQ_REMOVE(&lc->tcp->out, c, link);
	lc->tcp->n_out--;
	c->flags &= ~TF_ON_OUT;
}

// Give back all but the struct itself and what the owner may still read.
static void quiesce(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	leave_output(lc, c);
	leat_timer_disarm(&lc->wheel, &c->timer);
	c->rexmt_ns = c->delack_ns = c->life_ns = c->timer_ns = 0;
	leat_tcp_sndq_free(c);
	leat_tcp_ooo_free(lc->tcp, c);
}

void leat_tcp_conn_free(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	quiesce(lc, c);
	leat_tcp_rcvq_free(lc->tcp, c);
	if (c->flags & TF_DEAD)
		TAILQ_REMOVE(&lc->tcp->dead, c, link);
	else
		lc->tcp->n_live--;
	leat_slab_free(lc->tcp->conns, c);
}

void leat_tcp_conn_end(
	struct leat_lcore *lc, struct leat_tcp_conn *c, bool replaced, uint32_t mask, int error)
{
	if (!replaced)
		leat_demux_del(lc->tcp->demux, &c->key);
	if (c->flags & TF_ORPHAN) {
		leat_tcp_conn_free(lc, c);
		return;
	}
	quiesce(lc, c);
	c->state = TS_CLOSED;
	c->flags |= TF_DEAD;
	lc->tcp->n_live--;
	TAILQ_INSERT_TAIL(&lc->tcp->dead, c, link);
	leat_tcp_event(lc, c, mask, error);
}

void leat_tcp_event(struct leat_lcore *lc, struct leat_tcp_conn *c, uint32_t mask, int error)
{
	if (error != 0)
		c->error = (uint8_t)error;
	if (c->flags & TF_OWNED)
		lc->stack->transport->ops->event(lc, c->owner, mask, error);
	else
		c->pending |= (uint8_t)mask;
}

void leat_tcp_set_mss(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	const struct leat_iface *i = leat_iface_at(lc->stack, c->dst.iface);
	uint16_t mtu = c->dst.mtu;
	uint32_t mss;

	if (c->pmtu != 0 && c->pmtu < mtu)
		mtu = c->pmtu;
	// RFC 9293, 3.7.1 (MUST-16), and RFC 6691: the option knows nothing of other options.
	mss = RTE_MIN(c->peer_mss, leat_tcp_mss_of(mtu));
	mss = RTE_MAX(mss, TCP_MSS_MIN) - (c->flags & TF_TS ? 12 : 0);
	// A port that takes one buffer a packet
	if (i != NULL && !(i->port->tx_offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS))
		mss = RTE_MIN(mss, lc->stack->conf.mbuf_size - TCP_HDR_MAX);
	c->mss = (uint16_t)mss;
}

bool leat_tcp_way(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	union leat_ip src = c->key.local;
	uint32_t hash;

	if (likely(c->dst.epoch != 0 && !leat_dst_stale(lc, &c->dst)))
		return true;
	hash = leat_flow_hash(
		&c->key.local, &c->key.remote, c->key.local_port, c->key.remote_port, c->key.proto);
	if (leat_ip_route(lc, &c->key.remote, hash, &c->dst, &src) != 0) {
		c->dst.epoch = 0;
		return false;
	}
	leat_tcp_set_mss(lc, c);
	return true;
}

void leat_tcp_established(struct leat_lcore *lc, struct leat_tcp_conn *c, bool lost_syn)
{
	leat_tcp_way(lc, c);
	leat_tcp_set_mss(lc, c);
	c->cc->init(c);
	c->backoff = 0;
	if (lost_syn && c->srtt_us == 0)
		c->rto_us = TCP_RTO_AFTER_SYN; // RFC 6298, 5.7
	// RFC 6928, 2: one segment after more than one loss, since the first may be a short RTO.
	if (c->retries > 1)
		c->cwnd = c->mss;
	c->retries = 0;
	c->recover = c->iss;
	c->snd_sml = c->snd_una;
	c->state = TS_ESTABLISHED;
	if (c->flags & TF_FIN_QUEUED) // closed before (RFC 9293, 3.10.4, SYN-RECEIVED)
		c->state = TS_FIN_WAIT1;
}
