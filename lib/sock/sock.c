// SPDX-License-Identifier: BSD-3-Clause
// The event interface to programs within a worker: numbers checked, then transport. Called by
// services and, later, by the POSIX-like calls; numbers and events are in table.c.
#include "sock/sock.h"

#include <errno.h>
#include <string.h>
#include <rte_mbuf.h>

#include "pkt/poison.h"
#include "sock/sock_private.h"
#include "transport/udp.h"

static const struct leat_transport_ops ops = {.event = leat_sock_event};

int leat_sock_init(struct leat_stack *s)
{
	const struct leat_limits *l = &s->conf.limits;
	uint64_t n = (uint64_t)l->connections + l->listeners + l->udp_sockets + 1;
	int rc = n <= 1u << 26 ? 0 : -EINVAL; // leaves 6 bits of a number for the generation

	for (uint16_t i = 0; i < s->n_lcores && rc == 0; i++)
		rc = leat_sock_table_init(s->lcores[i], (uint32_t)n);
	if (rc == 0)
		rc = leat_transport_init(s, &ops);
	if (rc != 0)
		for (uint16_t i = 0; i < s->n_lcores; i++)
			leat_sock_table_fini(s->lcores[i]);
	return rc;
}

void leat_sock_fini(struct leat_stack *s)
{
	leat_transport_fini(s); // may still tell events
	for (uint16_t i = 0; i < s->n_lcores; i++)
		leat_sock_table_fini(s->lcores[i]);
}

// The TCP connection of a number: 0 and *s, -EBADF, or -EOPNOTSUPP when it is something else.
static int find_tcp(const struct leat_lcore *lc, uint32_t number, struct sock **s)
{
	*s = leat_sock_find(lc, number);
	if (*s == NULL)
		return -EBADF;
	return (*s)->type == SOCK_TCP ? 0 : -EOPNOTSUPP;
}

// ---- opening ----

// What opening came to: the number for the caller, or the socket given back.
static int opened(struct leat_lcore *lc, struct sock *s, int rc, uint32_t *sock)
{
	if (rc != 0) {
		leat_sock_give(lc, s);
		return rc;
	}
	*sock = s->number;
	return 0;
}

int leat_sock_listen(struct leat_lcore *lc, const struct leat_endpoint *local, uint32_t backlog,
	uint64_t cookie, uint32_t *sock)
{
	struct sock *s = leat_sock_take(lc, SOCK_LISTENER, cookie);

	if (s == NULL)
		return -EMFILE;
	return opened(lc, s, leat_tcp_listen(lc, local, backlog, s->number, &s->listener), sock);
}

int leat_sock_connect(struct leat_lcore *lc, const struct leat_endpoint *local,
	const struct leat_endpoint *remote, uint64_t cookie, uint32_t *sock)
{
	struct sock *s = leat_sock_take(lc, SOCK_TCP, cookie);

	if (s == NULL)
		return -EMFILE;
	return opened(lc, s, leat_tcp_connect(lc, local, remote, s->number, &s->conn), sock);
}

int leat_sock_udp(struct leat_lcore *lc, const struct leat_endpoint *local,
	const struct leat_endpoint *remote, uint64_t cookie, uint32_t *sock)
{
	struct sock *s = leat_sock_take(lc, SOCK_UDP, cookie);

	if (s == NULL)
		return -EMFILE;
	return opened(lc, s, leat_udp_open(lc, local, remote, s->number, &s->udp), sock);
}

int64_t leat_sock_accept(
	struct leat_lcore *lc, uint32_t listener, uint64_t cookie, struct leat_endpoint *peer)
{
	struct sock *l = leat_sock_find(lc, listener);
	struct leat_transport_info info;
	struct sock *s;

	if (l == NULL)
		return -EBADF;
	if (l->type != SOCK_LISTENER)
		return -EINVAL;
	// First the number: accepting tells the events of before to it.
	s = leat_sock_take(lc, SOCK_TCP, cookie);
	if (s == NULL)
		return -EMFILE;
	s->conn = leat_tcp_accept(lc, l->listener, s->number);
	if (s->conn == NULL) {
		leat_sock_give(lc, s);
		return -EAGAIN;
	}
	if (peer != NULL) {
		leat_tcp_info(s->conn, &info);
		*peer = info.remote;
	}
	return s->number;
}

// ---- TCP: sending ----

// Why nothing can be sent or received now.
static int stalled(const struct sock *s)
{
	return s->error != 0 ? -s->error : -EAGAIN;
}

// A chain with a copy of the bytes, every mbuf filled; as many of them as there are mbufs for. NULL
// without any.
static struct rte_mbuf *copy_in(struct leat_lcore *lc, const char *buf, uint32_t len)
{
	struct rte_mbuf *head = NULL, **link = &head;
	uint32_t done = 0;
	uint16_t segs = 0;

	while (done < len && segs < UINT16_MAX) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(lc->pool);
		uint32_t part;

		if (m == NULL)
			break;
		part = RTE_MIN(len - done, (uint32_t)rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_append(m, part), buf + done, part);
		done += part;
		segs++;
		*link = m;
		link = &m->next;
	}
	if (head != NULL) {
		head->pkt_len = done;
		head->nb_segs = segs;
	}
	return head;
}

ssize_t leat_sock_send(struct leat_lcore *lc, uint32_t sock, const void *buf, size_t len)
{
	uint32_t space, done;
	struct rte_mbuf *chain;
	struct sock *s;
	int rc = find_tcp(lc, sock, &s);

	if (rc != 0)
		return rc;
	if (s->shut)
		return -EPIPE;
	space = leat_tcp_send_space(s->conn);
	if (space == 0)
		return stalled(s);
	if (len == 0)
		return 0;
	len = RTE_MIN(len, (size_t)space);
	chain = copy_in(lc, buf, (uint32_t)len);
	done = chain != NULL ? chain->pkt_len : 0;
	if (done < len) // for want of buffers, about which transport knows nothing
		leat_sock_retry(lc, s);
	if (chain == NULL)
		return -ENOBUFS;
	rc = leat_tcp_send(lc, s->conn, chain);
	if (rc != 0) {
		rte_pktmbuf_free(chain);
		return rc;
	}
	return done;
}

int leat_sock_send_mbuf(struct leat_lcore *lc, uint32_t sock, struct rte_mbuf *chain)
{
	struct sock *s;
	int rc = find_tcp(lc, sock, &s);

	if (rc != 0)
		return rc;
	if (s->shut)
		return -EPIPE;
	rc = leat_tcp_send(lc, s->conn, chain);
	return rc == -ENOTCONN ? stalled(s) : rc; // not yet
}

uint32_t leat_sock_writable(struct leat_lcore *lc, uint32_t sock)
{
	struct sock *s = leat_sock_find(lc, sock);

	if (s == NULL)
		return 0;
	if (s->type == SOCK_UDP)
		return LEAT_UDP_PAYLOAD_MAX;
	return s->type == SOCK_TCP ? leat_tcp_send_space(s->conn) : 0;
}

struct rte_mbuf *leat_sock_alloc(struct leat_lcore *lc)
{
	return rte_pktmbuf_alloc(lc->pool);
}

// ---- TCP: receiving ----

struct rte_mbuf *leat_sock_recv_mbuf(struct leat_lcore *lc, uint32_t sock, uint32_t max, int *err)
{
	struct rte_mbuf *chain = NULL;
	struct sock *s;
	int rc = find_tcp(lc, sock, &s);

	if (rc == 0) {
		chain = leat_tcp_recv(lc, s->conn, max);
		if (chain == NULL)
			rc = leat_tcp_eof(s->conn) ? 0 : stalled(s);
		else
			leat_pkt_unpoison(chain); // the program knows of no poison
	}
	if (err != NULL)
		*err = rc;
	return chain;
}

ssize_t leat_sock_recv(struct leat_lcore *lc, uint32_t sock, void *buf, size_t len)
{
	struct rte_mbuf *chain;
	char *to = buf;
	int rc;

	if (len == 0) {
		struct sock *s;

		return find_tcp(lc, sock, &s);
	}
	chain = leat_sock_recv_mbuf(lc, sock, RTE_MIN(len, (size_t)INT32_MAX), &rc);
	if (chain == NULL)
		return rc;
	for (const struct rte_mbuf *m = chain; m != NULL; m = m->next) {
		memcpy(to, rte_pktmbuf_mtod(m, const char *), m->data_len);
		to += m->data_len;
	}
	rte_pktmbuf_free(chain);
	return to - (char *)buf;
}

// ---- UDP ----

int leat_sock_sendto_mbuf(struct leat_lcore *lc, uint32_t sock, struct rte_mbuf *chain,
	const struct leat_endpoint *remote, const union leat_ip *src)
{
	struct sock *s = leat_sock_find(lc, sock);

	if (s == NULL || s->type != SOCK_UDP) {
		rte_pktmbuf_free(chain);
		return s == NULL ? -EBADF : -EOPNOTSUPP;
	}
	return leat_udp_send(lc, s->udp, chain, remote, src);
}

struct rte_mbuf *leat_sock_recvfrom_mbuf(
	struct leat_lcore *lc, uint32_t sock, struct leat_endpoint *from, union leat_ip *to)
{
	struct sock *s = leat_sock_find(lc, sock);

	if (s == NULL || s->type != SOCK_UDP)
		return NULL;
	return leat_udp_recv(lc, s->udp, from, to);
}

// ---- closing ----

int leat_sock_shutdown(struct leat_lcore *lc, uint32_t sock)
{
	struct sock *s = leat_sock_find(lc, sock);
	int rc;

	if (s == NULL)
		return -EBADF;
	if (s->type != SOCK_TCP)
		return -ENOTCONN;
	rc = leat_tcp_shutdown(lc, s->conn);
	if (rc == 0)
		s->shut = true;
	return rc;
}

static int end(struct leat_lcore *lc, uint32_t sock, bool reset)
{
	struct sock *s = leat_sock_find(lc, sock);
	struct sock was;

	if (s == NULL)
		return -EBADF;
	// The number dies first: what transport tells while it closes is not for the program any
	// more.
	was = *s;
	leat_sock_give(lc, s);
	if (was.type == SOCK_LISTENER)
		leat_tcp_unlisten(lc, was.listener);
	else if (was.type == SOCK_UDP)
		leat_udp_close(lc, was.udp);
	else if (reset)
		leat_tcp_abort(lc, was.conn);
	else
		leat_tcp_close(lc, was.conn);
	return 0;
}

int leat_sock_close(struct leat_lcore *lc, uint32_t sock)
{
	return end(lc, sock, false);
}

int leat_sock_abort(struct leat_lcore *lc, uint32_t sock)
{
	return end(lc, sock, true);
}

// ---- for leatctl ----

#define DUMP_UDP 0x80000000u // in a cursor: TCP is done, the rest is UDP's
#define DUMP_CHUNK 16

uint32_t leat_sock_dump(
	struct leat_lcore *lc, uint32_t *cursor, struct leat_sock_info *out, uint32_t n)
{
	struct leat_transport_info t[DUMP_CHUNK];
	uint32_t done = 0;

	while (done < n) {
		uint32_t want = RTE_MIN(n - done, (uint32_t)DUMP_CHUNK);
		uint32_t at = *cursor & ~DUMP_UDP;
		bool udp = *cursor & DUMP_UDP;
		uint32_t got =
			udp ? leat_udp_dump(lc, &at, t, want) : leat_tcp_dump(lc, &at, t, want);

		for (uint32_t i = 0; i < got; i++) {
			const struct sock *s = leat_sock_find(lc, t[i].owner);

			out[done++] = (struct leat_sock_info){.sock = s != NULL ? s->number : 0,
				.cookie = s != NULL ? s->cookie : 0,
				.t = t[i]};
		}
		*cursor = at | (udp ? DUMP_UDP : 0);
		if (got < want && udp)
			break;
		if (got < want)
			*cursor = DUMP_UDP;
	}
	return done;
}
