// SPDX-License-Identifier: BSD-3-Clause
// What the owner of a connection does with it: send, receive, shut down, close (RFC 9293, 3.10.2 to
// 3.10.5). Called by sock. What there is to send goes out by the end of the turn.
#include <errno.h>

#include "transport/tcp_private.h"

uint32_t leat_tcp_send_space(const struct leat_tcp_conn *c)
{
	uint32_t queued = c->snd_end - c->snd_una;

	if ((c->state != TS_ESTABLISHED && c->state != TS_CLOSE_WAIT) || c->flags & TF_FIN_QUEUED)
		return 0;
	return queued < c->snd_buf ? c->snd_buf - queued : 0;
}

// 0 when text can be taken. RFC 9293, 3.10.2.
static int may_send(const struct leat_tcp_conn *c)
{
	if (c->flags & TF_DEAD)
		return c->error != 0 ? -c->error : -EPIPE;
	if (c->state == TS_SYN_SENT || c->state == TS_SYN_RCVD)
		return -ENOTCONN;
	if (c->state != TS_ESTABLISHED && c->state != TS_CLOSE_WAIT)
		return -EPIPE;
	return 0;
}

int leat_tcp_send(struct leat_lcore *lc, struct leat_tcp_conn *c, struct rte_mbuf *chain)
{
	int rc = may_send(c);

	if (rc != 0)
		return rc;
	if (chain->pkt_len > leat_tcp_send_space(c)) {
		c->flags |= TF_OUT_SHORT;
		return -EAGAIN;
	}
	leat_tcp_sndq_append(c, chain);
	if (leat_tcp_send_space(c) < c->snd_buf / 3)
		c->flags |= TF_OUT_SHORT;
	leat_tcp_output_later(lc, c);
	return 0;
}

void leat_tcp_set_nodelay(struct leat_lcore *lc, struct leat_tcp_conn *c, bool on)
{
	c->flags = on ? c->flags | TF_NODELAY : c->flags & ~TF_NODELAY;
	if (c->state >= TS_ESTABLISHED)
		leat_tcp_output_later(lc, c);
}

uint32_t leat_tcp_recv_avail(const struct leat_tcp_conn *c)
{
	return c->rcv_queued;
}

// The window that the reader has made is told when it is worth a packet of its own: two segments,
// or half of the buffer.
static void tell_window(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	uint32_t gain = leat_tcp_rcv_edge(lc, c) - c->rcv_adv;

	if (gain == 0 || gain < RTE_MIN(c->rcv_buf / 2, 2u * c->mss))
		return;
	c->flags |= TF_ACK_NOW;
	leat_tcp_output_later(lc, c);
}

struct rte_mbuf *leat_tcp_recv(struct leat_lcore *lc, struct leat_tcp_conn *c, uint32_t max)
{
	struct rte_mbuf *m;

	if (c->rcv_queued == 0)
		return NULL;
	m = leat_tcp_rcvq_take(lc, c, max);
	if (!(c->flags & (TF_DEAD | TF_FIN_RCVD)))
		tell_window(lc, c);
	return m;
}

bool leat_tcp_eof(const struct leat_tcp_conn *c)
{
	return c->flags & TF_FIN_RCVD && c->rcv_queued == 0;
}

// RFC 9293, 3.10.4.
int leat_tcp_shutdown(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	if (c->flags & TF_DEAD || c->state == TS_SYN_SENT)
		return -ENOTCONN;
	if (c->flags & TF_FIN_QUEUED)
		return 0;
	c->flags |= TF_FIN_QUEUED;
	c->flags &= ~TF_OUT_SHORT;
	if (c->state == TS_ESTABLISHED)
		c->state = TS_FIN_WAIT1;
	else if (c->state == TS_CLOSE_WAIT)
		c->state = TS_LAST_ACK;
	leat_tcp_output_later(lc, c);
	return 0;
}

static void disown(struct leat_tcp_conn *c)
{
	c->flags &= ~TF_OWNED;
	c->flags |= TF_ORPHAN;
}

void leat_tcp_abort(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	disown(c);
	if (c->flags & TF_DEAD) {
		leat_tcp_conn_free(lc, c);
		return;
	}
	leat_tcp_reset_peer(lc, c); // RFC 9293, 3.10.5
	leat_tcp_conn_end(lc, c, false, 0, 0);
}

void leat_tcp_close(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	// Text that nobody will read is lost, and the peer is told so: RFC 9293, 3.6.1, MAY-1 and
	// SHLD-3. Nothing is told in SYN_SENT.
	if (c->flags & TF_DEAD || c->rcv_queued != 0 || c->state == TS_SYN_SENT) {
		leat_tcp_abort(lc, c);
		return;
	}
	disown(c);
	leat_tcp_ooo_free(lc->tcp, c);
	leat_tcp_shutdown(lc, c);
	if (c->state == TS_FIN_WAIT2)
		leat_tcp_deadline(lc, c, &c->life_ns, lc->now_ns + TCP_ORPHAN_NS);
}
