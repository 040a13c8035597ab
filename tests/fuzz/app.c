// SPDX-License-Identifier: BSD-3-Clause
// Programs within the workers: they accept, echo, read, open and close, so that packets meet
// sockets in every state.
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "ip/claim.h"
#include "pkt/addr.h"
#include "sock/sock.h"

enum { IS_LISTENER, IS_SLOW, IS_TCP, IS_UDP };

static int claim(struct leat_stack *s, uint8_t proto, uint16_t first, uint16_t last)
{
	struct leat_claim c = {.proto = proto,
		.ip = leat_ip_from_be32(0),
		.port_first = first,
		.port_last = last,
		.owner = "fuzz"};

	return leat_claim_add(s, &c);
}

int fuzz_app_open(struct fuzz *f)
{
	static const struct leat_endpoint tcp = {.port = PORT_TCP}, slow = {.port = PORT_SLOW},
					  udp = {.port = PORT_UDP};
	int rc = claim(f->r.s, IPPROTO_TCP, PORT_TCP, PORT_SLOW);

	if (rc == 0)
		rc = claim(f->r.s, IPPROTO_TCP, 49152, 65535);
	if (rc == 0)
		rc = claim(f->r.s, IPPROTO_UDP, PORT_EMPTY, PORT_EMPTY);
	if (rc == 0)
		rc = claim(f->r.s, IPPROTO_UDP, PORT_UDP, PORT_UDP);
	for (uint16_t i = 0; rc == 0 && i < f->r.s->n_lcores; i++) {
		struct leat_lcore *lc = f->r.s->lcores[i];
		uint32_t s;

		rc = leat_sock_listen(lc, &tcp, 16, IS_LISTENER, &s);
		if (rc == 0)
			rc = leat_sock_listen(lc, &slow, 1, IS_SLOW, &s);
		if (rc == 0)
			rc = leat_sock_udp(lc, &udp, NULL, IS_UDP, &s);
	}
	return rc;
}

static void remember(struct fuzz *f, struct leat_lcore *lc, uint32_t sock)
{
	uint32_t *n = &f->n_socks[lc->id];

	if (*n == SOCKS)
		leat_sock_close(lc, sock);
	else
		f->socks[lc->id][(*n)++] = sock;
}

static void forget(struct fuzz *f, struct leat_lcore *lc, uint32_t i)
{
	f->socks[lc->id][i] = f->socks[lc->id][--f->n_socks[lc->id]];
}

static void forget_sock(struct fuzz *f, struct leat_lcore *lc, uint32_t sock)
{
	for (uint32_t i = 0; i < f->n_socks[lc->id]; i++)
		if (f->socks[lc->id][i] == sock)
			forget(f, lc, i);
}

static void accept_all(struct fuzz *f, struct leat_lcore *lc, uint32_t listener)
{
	struct leat_endpoint peer;
	int64_t s;

	while ((s = leat_sock_accept(lc, listener, IS_TCP, &peer)) > 0)
		remember(f, lc, (uint32_t)s);
}

static void tcp_event(struct fuzz *f, struct leat_lcore *lc, const struct leat_event *ev)
{
	struct rte_mbuf *m;
	int err;

	if (!f->lazy || one_in(f, 8)) {
		while ((m = leat_sock_recv_mbuf(lc, ev->sock, one_in(f, 2) ? 0 : 700, &err)) !=
			NULL) {
			if (!one_in(f, 4) || leat_sock_send_mbuf(lc, ev->sock, m) != 0)
				rte_pktmbuf_free(m);
		}
	}
	if ((ev->mask & (LEAT_EV_HUP | LEAT_EV_ERR)) ||
		((ev->mask & LEAT_EV_RDHUP) && one_in(f, 2))) {
		forget_sock(f, lc, ev->sock);
		leat_sock_close(lc, ev->sock);
	}
}

static void udp_event(struct fuzz *f, struct leat_lcore *lc, uint32_t sock)
{
	struct leat_endpoint from;
	struct rte_mbuf *m;
	union leat_ip to;

	if (f->lazy && !one_in(f, 16))
		return;
	while ((m = leat_sock_recvfrom_mbuf(lc, sock, &from, &to)) != NULL) {
		if (one_in(f, 2))
			leat_sock_sendto_mbuf(lc, sock, m, &from, &to);
		else
			rte_pktmbuf_free(m);
	}
}

// Now and then something that no packet asked for.
static void whim(struct fuzz *f, struct leat_lcore *lc)
{
	struct leat_endpoint to = {.port = 1024 + below(f, 1000)};
	uint32_t n = f->n_socks[lc->id], i = n != 0 ? below(f, n) : 0, s;
	uint8_t data[600];

	if (one_in(f, 8)) {
		to.ip = leat_ip_from_be32(rte_cpu_to_be_32(NET + 2 + below(f, 30)));
		if (leat_sock_connect(lc, NULL, &to, IS_TCP, &s) == 0)
			remember(f, lc, s);
	}
	if (n == 0)
		return;
	s = f->socks[lc->id][i];
	switch (below(f, 12)) {
	case 0:
		forget(f, lc, i);
		leat_sock_close(lc, s);
		break;
	case 1:
		forget(f, lc, i);
		leat_sock_abort(lc, s);
		break;
	case 2:
		leat_sock_shutdown(lc, s);
		break;
	default:
		fuzz_random_bytes(f, data, sizeof(data));
		leat_sock_send(lc, s, data, 1 + below(f, sizeof(data)));
	}
}

void fuzz_app_turn(struct fuzz *f)
{
	for (uint16_t k = 0; k < f->r.s->n_lcores; k++) {
		struct leat_lcore *lc = f->r.s->lcores[k];
		struct leat_event ev[32];
		uint16_t n = leat_sock_events(lc, ev, 32);

		for (uint16_t i = 0; i < n; i++) {
			if (ev[i].cookie == IS_LISTENER)
				accept_all(f, lc, ev[i].sock);
			else if (ev[i].cookie == IS_SLOW && one_in(f, 64))
				accept_all(f, lc, ev[i].sock);
			else if (ev[i].cookie == IS_TCP)
				tcp_event(f, lc, &ev[i]);
			else if (ev[i].cookie == IS_UDP)
				udp_event(f, lc, ev[i].sock);
		}
		if (one_in(f, 4))
			whim(f, lc);
	}
}
