// SPDX-License-Identifier: BSD-3-Clause
// Echo (RFC 862): TCP bytes and UDP payloads go back as they came, in the same mbufs. Called by
// service.c.
#include <errno.h>
#include <netinet/in.h>

#include "app/leatd/services/service.h"

#define READ_MAX 65536u

// Send what was received. True when it is gone. Small pieces share buffers in the send queue
// (tcp_sndq.c), so a peer that sends byte by byte and does not read pins no buffer for each.
static bool send_back(struct leatd_worker *w, struct leatd_conn *c)
{
	int rc = leat_sock_send_mbuf(w->lc, c->sock, c->in);

	if (rc == 0)
		c->in = NULL;
	// -EAGAIN: LEAT_EV_OUT comes. No buffer: nothing comes. Else: the connection's end is on
	// its way.
	if (rc == -ENOBUFS || rc == -ENOMEM)
		leatd_conn_again(w, c);
	return rc == 0;
}

static void serve(struct leatd_worker *w, struct leatd_conn *c)
{
	uint32_t moved = 0;
	int err;

	while (moved < LEATD_TURN_BYTES) {
		uint32_t room;

		if (c->in != NULL && !send_back(w, c))
			return;
		// No more is taken than can be sent: what the peer does not read closes its own
		// window.
		room = leat_sock_writable(w->lc, c->sock);
		if (room == 0)
			return;
		c->in = leat_sock_recv_mbuf(w->lc, c->sock, RTE_MIN(room, READ_MAX), &err);
		if (c->in == NULL) {
			if (err != -EAGAIN) // end of stream: FIN follows what is queued
				leatd_conn_close(w, c, false);
			return;
		}
		moved += c->in->pkt_len;
	}
	leatd_conn_again(w, c);
}

// Two echo services would keep a forged datagram going for ever; a group is nobody's address to
// speak from.
static bool answerable(const struct leat_endpoint *from, const union leat_ip *to, uint32_t port)
{
	bool group = leat_ip_is4(*to) ? to->b[12] >= 224 : to->b[0] == 0xff;

	return !group && from->port != 0 && from->port != port;
}

static void datagrams(struct leatd_worker *w, uint16_t service)
{
	uint32_t sock = w->socks[service];
	struct leat_endpoint from;
	struct rte_mbuf *m;
	union leat_ip to;

	// A whole queue is at most the endpoint's receive buffer: bounded without a count of its
	// own.
	while ((m = leat_sock_recvfrom_mbuf(w->lc, sock, &from, &to)) != NULL) {
		if (answerable(&from, &to, w->conf->services[service].port))
			leat_sock_sendto_mbuf(w->lc, sock, m, &from, &to);
		else
			rte_pktmbuf_free(m);
	}
}

const struct leatd_service_ops leatd_echo_ops = {
	.serve = serve,
	.datagrams = datagrams,
};
