// SPDX-License-Identifier: BSD-3-Clause
// Sockets of programs in a worker, between two stacks in one process:
//
//   a 192.0.2.1 -- frames carried by the test -- b 192.0.2.2
#include "sock/sock.h"

#include <errno.h>
#include <string.h>

#include "ip/ip.h"
#include "rig.h"
#include "sock/sock_private.h"
#include "unit.h"

#define IP_A RTE_BE32(0xc0000201u)
#define IP_B RTE_BE32(0xc0000202u)
#define LEN 300000

static const struct leat_endpoint port80 = {.port = 80};
static const struct leat_endpoint b80 = {.ip = {.w = {0, 0, RTE_BE32(0xffff), IP_B}}, .port = 80};
static uint8_t sent[LEN], got[LEN + 1];

static void open_one(struct rig *r, const char *name, uint32_t ip, uint32_t sockets)
{
	struct leat_prefix p = {.ip = leat_ip_from_be32(ip), .len = 24};
	struct leat_stack_conf conf;

	rig_conf(&conf);
	strcpy(conf.name, name);
	conf.limits.connections = sockets;
	conf.limits.listeners = 1;
	conf.limits.udp_sockets = 2;
	CU_ASSERT_EQUAL_FATAL(rig_open(r, &conf, 1500), 0);
	r->iface->mac.addr_bytes[5] = (uint8_t)name[0];
	CU_ASSERT_EQUAL_FATAL(leat_ip_addr_add(r->s, r->iface, &p), 0);
}

static void open_both(struct rig *a, struct rig *b)
{
	open_one(a, "a", IP_A, 16);
	open_one(b, "b", IP_B, 16);
}

// Returns frames carried.
static int carry(struct rig *from, struct rig *to)
{
	struct rte_mbuf *m = rig_take(from);

	if (m != NULL)
		rig_send_mbuf(to, m);
	return m != NULL;
}

// A millisecond of both stacks, with all frames carried.
static void turn(struct rig *a, struct rig *b)
{
	rig_run(a, 1000000);
	rig_run(b, 1000000);
	while (carry(a, b) + carry(b, a) != 0)
		;
}

static void close_both(struct rig *a, struct rig *b)
{
	for (int i = 0; i < 100; i++)
		turn(a, b);
	rig_close(a);
	rig_close(b);
}

// The event of a socket, all others thrown away; mask 0 when there was none.
static struct leat_event event_of(struct rig *r, uint32_t sock)
{
	struct leat_event ev, found = {0};

	while (leat_sock_events(r->lc, &ev, 1) != 0)
		if (ev.sock == sock)
			found = ev;
	return found;
}

struct pair {
	struct rig a, b;
	uint32_t listener;
	uint32_t client, server;
};

static void connect_pair(struct pair *p)
{
	struct leat_endpoint peer = {0};
	struct leat_event ev;
	int64_t n;

	open_both(&p->a, &p->b);
	CU_ASSERT_EQUAL_FATAL(leat_sock_listen(p->b.lc, &port80, 8, 100, &p->listener), 0);
	CU_ASSERT_EQUAL_FATAL(leat_sock_connect(p->a.lc, NULL, &b80, 200, &p->client), 0);
	CU_ASSERT_EQUAL(leat_sock_accept(p->b.lc, p->listener, 300, NULL), -EAGAIN);
	CU_ASSERT_EQUAL(leat_sock_send(p->a.lc, p->client, "x", 1), -EAGAIN); // not connected yet
	for (int i = 0; i < 10; i++)
		turn(&p->a, &p->b);
	ev = event_of(&p->a, p->client);
	CU_ASSERT_EQUAL(ev.mask, LEAT_EV_CONNECTED | LEAT_EV_OUT);
	CU_ASSERT_EQUAL(ev.cookie, 200);
	CU_ASSERT(ev.writable > 0);
	ev = event_of(&p->b, p->listener);
	CU_ASSERT_EQUAL(ev.mask, LEAT_EV_IN);
	CU_ASSERT_EQUAL(ev.cookie, 100);
	CU_ASSERT_EQUAL(ev.readable, 1);
	n = leat_sock_accept(p->b.lc, p->listener, 300, &peer);
	CU_ASSERT_FATAL(n > 0);
	p->server = (uint32_t)n;
	CU_ASSERT_EQUAL(leat_ip_be32(peer.ip), IP_A);
	CU_ASSERT(peer.port >= 49152);
	CU_ASSERT_EQUAL(leat_sock_accept(p->b.lc, p->listener, 300, NULL), -EAGAIN);
}

static void close_pair(struct pair *p)
{
	CU_ASSERT_EQUAL(leat_sock_close(p->a.lc, p->client), 0);
	CU_ASSERT_EQUAL(leat_sock_close(p->b.lc, p->server), 0);
	CU_ASSERT_EQUAL(leat_sock_close(p->b.lc, p->listener), 0);
	close_both(&p->a, &p->b);
}

// Bytes by copying both ways at once, then the end of both streams, and what the calls say after.
static void copies(void)
{
	uint32_t up = 0, down = 0, up_got = 0;
	struct pair p;
	ssize_t n;

	connect_pair(&p);
	for (uint32_t i = 0; i < LEN; i++)
		sent[i] = (uint8_t)(i * 7 + (i >> 8));
	for (int i = 0; i < 3000 && up_got < LEN; i++) {
		n = up < LEN ? leat_sock_send(p.a.lc, p.client, sent + up, LEN - up) : -EAGAIN;
		CU_ASSERT(n > 0 || n == -EAGAIN);
		up += n > 0 ? n : 0;
		turn(&p.a, &p.b);
		n = leat_sock_recv(p.b.lc, p.server, got + up_got, 1 + i % 5000);
		CU_ASSERT(n > 0 || n == -EAGAIN);
		up_got += n > 0 ? n : 0;
		n = leat_sock_send(p.b.lc, p.server, "down", 4);
		down += n > 0 ? n : 0;
	}
	CU_ASSERT_EQUAL(up_got, LEN);
	CU_ASSERT_EQUAL(memcmp(sent, got, LEN), 0);
	CU_ASSERT_EQUAL(leat_sock_shutdown(p.a.lc, p.client), 0);
	CU_ASSERT_EQUAL(leat_sock_send(p.a.lc, p.client, "x", 1), -EPIPE);
	CU_ASSERT_EQUAL(leat_sock_shutdown(p.b.lc, p.server), 0);
	for (int i = 0; i < 10; i++)
		turn(&p.a, &p.b);
	CU_ASSERT(event_of(&p.b, p.server).mask & LEAT_EV_RDHUP);
	CU_ASSERT_EQUAL(leat_sock_recv(p.b.lc, p.server, got, 100), 0);
	for (uint32_t k = 0; k < down; k += (uint32_t)n) {
		n = leat_sock_recv(p.a.lc, p.client, got + k, sizeof(got) - k);
		CU_ASSERT_FATAL(n > 0);
	}
	CU_ASSERT_EQUAL(leat_sock_recv(p.a.lc, p.client, got + down, 1), 0);
	CU_ASSERT_EQUAL(memcmp(got, "downdown", 8), 0);
	close_pair(&p);
}

// Chains given are the stack's, chains taken the program's; max limits what is taken.
static void zero_copy(void)
{
	struct rte_mbuf *m, *all = NULL;
	uint32_t bytes = 0;
	struct pair p;
	int err = 1;

	connect_pair(&p);
	for (int i = 0; i < 5; i++) {
		m = leat_sock_alloc(p.a.lc);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		memset(rte_pktmbuf_append(m, 1000), 'a' + i, 1000);
		CU_ASSERT_EQUAL(leat_sock_send_mbuf(p.a.lc, p.client, m), 0);
	}
	for (int i = 0; i < 10; i++)
		turn(&p.a, &p.b);
	CU_ASSERT_EQUAL(event_of(&p.b, p.server).readable, 5000);
	m = leat_sock_recv_mbuf(p.b.lc, p.server, 1500, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT(err == 0 && m->pkt_len > 0 && m->pkt_len <= 1500);
	CU_ASSERT_EQUAL(*rte_pktmbuf_mtod(m, char *), 'a');
	bytes = m->pkt_len;
	rte_pktmbuf_free(m);
	while ((m = leat_sock_recv_mbuf(p.b.lc, p.server, 0, &err)) != NULL) {
		bytes += m->pkt_len;
		rte_pktmbuf_free(all);
		all = m;
	}
	CU_ASSERT_EQUAL(err, -EAGAIN);
	CU_ASSERT_EQUAL(bytes, 5000);
	CU_ASSERT_EQUAL(*rte_pktmbuf_mtod_offset(rte_pktmbuf_lastseg(all), char *,
				rte_pktmbuf_lastseg(all)->data_len - 1),
		'e');
	rte_pktmbuf_free(all);
	close_pair(&p);
}

// More than there is room for: copying takes a part, a chain is refused whole and stays the
// caller's.
static void send_is_bounded(void)
{
	uint32_t room, n = 0;
	struct rte_mbuf *m;
	struct pair p;

	connect_pair(&p);
	room = leat_sock_writable(p.a.lc, p.client);
	for (ssize_t k; (k = leat_sock_send(p.a.lc, p.client, sent, LEN)) > 0;)
		n += k;
	CU_ASSERT_EQUAL(n, room);
	CU_ASSERT_EQUAL(leat_sock_writable(p.a.lc, p.client), 0);
	CU_ASSERT_EQUAL(leat_sock_send(p.a.lc, p.client, sent, 1), -EAGAIN);
	m = leat_sock_alloc(p.a.lc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	rte_pktmbuf_append(m, 1);
	CU_ASSERT_EQUAL(leat_sock_send_mbuf(p.a.lc, p.client, m), -EAGAIN);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(leat_sock_abort(p.a.lc, p.client), 0);
	for (int i = 0; i < 10; i++)
		turn(&p.a, &p.b);
	while (leat_sock_recv(p.b.lc, p.server, got, LEN) > 0)
		;
	CU_ASSERT_EQUAL(leat_sock_recv(p.b.lc, p.server, got, 1), -ECONNRESET);
	leat_sock_close(p.b.lc, p.server);
	leat_sock_close(p.b.lc, p.listener);
	close_both(&p.a, &p.b);
}

// Without any buffer a send says so, with one it takes what fits into it.
static void send_without_buffers(void)
{
	static struct rte_mbuf *all[8192];
	uint32_t n = 0;
	struct pair p;

	connect_pair(&p);
	while (n < RTE_DIM(all) && (all[n] = leat_sock_alloc(p.a.lc)) != NULL)
		n++;
	CU_ASSERT_FATAL(n > 0 && n < RTE_DIM(all));
	CU_ASSERT_EQUAL(leat_sock_send(p.a.lc, p.client, sent, 10000), -ENOBUFS);
	CU_ASSERT_PTR_NULL(leat_sock_alloc(p.a.lc));
	CU_ASSERT_EQUAL(event_of(&p.a, p.client).mask, 0); // not in this turn
	turn(&p.a, &p.b);
	CU_ASSERT_EQUAL(event_of(&p.a, p.client).mask, LEAT_EV_OUT);
	rte_pktmbuf_free(all[--n]);
	CU_ASSERT_EQUAL(leat_sock_send(p.a.lc, p.client, sent, 10000), 2048);
	while (n > 0)
		rte_pktmbuf_free(all[--n]);
	for (int i = 0; i < 2000; i++) // the segment goes out when there are buffers again
		turn(&p.a, &p.b);
	CU_ASSERT_EQUAL(leat_sock_recv(p.b.lc, p.server, got, LEN), 2048);
	CU_ASSERT_EQUAL(memcmp(sent, got, 2048), 0);
	close_pair(&p);
}

// Nobody listens: the connection fails with the reason, which stays until it is closed.
static void refused(void)
{
	struct rig a, b;
	struct leat_event ev;
	uint32_t s;
	char c;

	open_both(&a, &b);
	CU_ASSERT_EQUAL(leat_sock_connect(a.lc, NULL, &b80, 7, &s), 0);
	for (int i = 0; i < 10; i++)
		turn(&a, &b);
	ev = event_of(&a, s);
	CU_ASSERT(ev.mask & LEAT_EV_ERR);
	CU_ASSERT_EQUAL(ev.error, ECONNREFUSED);
	CU_ASSERT_EQUAL(ev.cookie, 7);
	CU_ASSERT_EQUAL(leat_sock_recv(a.lc, s, &c, 1), -ECONNREFUSED);
	CU_ASSERT_EQUAL(leat_sock_send(a.lc, s, &c, 1), -ECONNREFUSED);
	CU_ASSERT_EQUAL(leat_sock_close(a.lc, s), 0);
	close_both(&a, &b);
}

// A number is dead after closing, whoever has its slot then; and 0 and invented numbers are
// nobody's.
static void stale_numbers(void)
{
	static uint32_t old[70000];
	struct leat_event ev;
	struct rig r;
	uint32_t s, wrong = 0;
	char c;

	open_one(&r, "a", IP_A, 16);
	for (unsigned i = 0; i < RTE_DIM(old); i++) {
		wrong += leat_sock_udp(r.lc, NULL, NULL, i, &s) != 0 || s == 0;
		wrong += leat_sock_close(r.lc, s) != 0;
		old[i] = s;
		leat_sock_event(r.lc, s, LEAT_EV_IN, 0); // late
	}
	CU_ASSERT_EQUAL(leat_sock_udp(r.lc, NULL, NULL, 1, &s), 0);
	for (unsigned i = 0; i < RTE_DIM(old); i++)
		wrong += leat_sock_close(r.lc, old[i]) != -EBADF;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(leat_sock_events(r.lc, &ev, 1), 0);
	CU_ASSERT_EQUAL(leat_sock_recv(r.lc, old[0], &c, 1), -EBADF);
	CU_ASSERT_EQUAL(leat_sock_send(r.lc, 0, &c, 1), -EBADF);
	CU_ASSERT_EQUAL(leat_sock_shutdown(r.lc, UINT32_MAX), -EBADF);
	CU_ASSERT_EQUAL(leat_sock_accept(r.lc, old[1], 0, NULL), -EBADF);
	CU_ASSERT_EQUAL(leat_sock_abort(r.lc, old[2]), -EBADF);
	CU_ASSERT_EQUAL(leat_sock_writable(r.lc, old[3]), 0);
	CU_ASSERT_PTR_NULL(leat_sock_recvfrom_mbuf(r.lc, old[4], NULL, NULL));
	CU_ASSERT_EQUAL(
		leat_sock_sendto_mbuf(r.lc, old[5], leat_sock_alloc(r.lc), &b80, NULL), -EBADF);
	CU_ASSERT_EQUAL(leat_sock_recv(r.lc, s, &c, 1), -EOPNOTSUPP); // alive, and not TCP
	CU_ASSERT_EQUAL(leat_sock_shutdown(r.lc, s), -ENOTCONN);
	CU_ASSERT_EQUAL(leat_sock_close(r.lc, s), 0);
	rig_close(&r);
}

// Sockets have a limit, below which every one that was closed can be had again.
static void limit(void)
{
	uint32_t s[64], n = 0;
	struct rig r;
	int rc = 0;

	open_one(&r, "a", IP_A, 16);
	for (int round = 0; round < 3; round++) {
		for (n = 0; n < 64; n++) {
			struct leat_endpoint local = {.port = 1000 + n};

			rc = leat_sock_connect(r.lc, &local, &b80, n, &s[n]);
			if (rc != 0)
				break;
		}
		CU_ASSERT_EQUAL(n, 16);
		CU_ASSERT(rc == -ENOBUFS || rc == -EMFILE);
		for (; n > 0; n--)
			CU_ASSERT_EQUAL(leat_sock_abort(r.lc, s[n - 1]), 0);
	}
	for (struct rte_mbuf *m; (m = rig_take(&r)) != NULL;)
		rte_pktmbuf_free(m);
	rig_run(&r, 10000000000);
	for (struct rte_mbuf *m; (m = rig_take(&r)) != NULL;)
		rte_pktmbuf_free(m);
	rig_close(&r);
}

// Bits gather in one event a socket, in the order in which sockets first had something to tell; a
// closed one tells nothing.
static void events_gather(void)
{
	struct leat_event ev[4];
	uint32_t s[3];
	struct rig r;

	open_one(&r, "a", IP_A, 16);
	CU_ASSERT_EQUAL(leat_sock_udp(r.lc, NULL, NULL, 1, &s[0]), 0);
	CU_ASSERT_EQUAL(leat_sock_udp(r.lc, NULL, NULL, 2, &s[1]), 0);
	leat_sock_event(r.lc, s[1], LEAT_EV_IN, 0);
	leat_sock_event(r.lc, s[0], LEAT_EV_IN, 0);
	leat_sock_event(r.lc, s[1], LEAT_EV_ERR, ECONNREFUSED);
	CU_ASSERT_EQUAL(leat_sock_events(r.lc, ev, 1), 1);
	CU_ASSERT_EQUAL(ev[0].sock, s[1]);
	CU_ASSERT_EQUAL(ev[0].mask, LEAT_EV_IN | LEAT_EV_ERR);
	CU_ASSERT_EQUAL(ev[0].error, ECONNREFUSED);
	CU_ASSERT_EQUAL(leat_sock_events(r.lc, ev, 4), 1);
	CU_ASSERT_EQUAL(ev[0].sock, s[0]);
	CU_ASSERT_EQUAL(leat_sock_events(r.lc, ev, 4), 0);
	leat_sock_event(r.lc, s[1], LEAT_EV_IN, 0);
	leat_sock_event(r.lc, s[0], LEAT_EV_IN, 0);
	leat_sock_close(r.lc, s[1]);
	CU_ASSERT_EQUAL(leat_sock_events(r.lc, ev, 4), 1);
	CU_ASSERT_EQUAL(ev[0].sock, s[0]);
	CU_ASSERT_EQUAL(ev[0].error, 0);
	leat_sock_close(r.lc, s[0]);
	rig_close(&r);
}

// Datagrams both ways, answered to where they came from.
static void datagrams(void)
{
	struct leat_endpoint from;
	struct rig a, b;
	uint32_t sa, sb;
	struct rte_mbuf *m;
	union leat_ip to;

	open_both(&a, &b);
	CU_ASSERT_EQUAL(leat_sock_udp(b.lc, &port80, NULL, 1, &sb), 0);
	CU_ASSERT_EQUAL(leat_sock_udp(a.lc, NULL, &b80, 2, &sa), 0);
	m = leat_sock_alloc(a.lc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	memcpy(rte_pktmbuf_append(m, 5), "hello", 5);
	CU_ASSERT_EQUAL(leat_sock_sendto_mbuf(a.lc, sa, m, NULL, NULL), 0);
	for (int i = 0; i < 5; i++)
		turn(&a, &b);
	CU_ASSERT_EQUAL(event_of(&b, sb).readable, 1);
	m = leat_sock_recvfrom_mbuf(b.lc, sb, &from, &to);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(m->pkt_len, 5);
	CU_ASSERT_EQUAL(leat_ip_be32(from.ip), IP_A);
	CU_ASSERT_EQUAL(leat_ip_be32(to), IP_B);
	CU_ASSERT_EQUAL(leat_sock_sendto_mbuf(b.lc, sb, m, &from, &to), 0); // echo, without a copy
	for (int i = 0; i < 5; i++)
		turn(&a, &b);
	CU_ASSERT(event_of(&a, sa).mask & LEAT_EV_IN);
	m = leat_sock_recvfrom_mbuf(a.lc, sa, &from, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, char *), "hello", 5), 0);
	CU_ASSERT_EQUAL(from.port, 80);
	rte_pktmbuf_free(m);
	leat_sock_close(a.lc, sa);
	leat_sock_close(b.lc, sb);
	close_both(&a, &b);
}

// Every socket once, with its number and cookie, in pieces.
static void dumps(void)
{
	struct leat_sock_info info[2];
	uint32_t cursor = 0, n, tcp = 0, udp = 0, udp_sock;
	struct pair p;

	connect_pair(&p);
	CU_ASSERT_EQUAL(leat_sock_udp(p.b.lc, NULL, NULL, 500, &udp_sock), 0);
	while ((n = leat_sock_dump(p.b.lc, &cursor, info, 1)) != 0) {
		if (info[0].t.proto == IPPROTO_UDP) {
			udp++;
			CU_ASSERT_EQUAL(info[0].sock, udp_sock);
			CU_ASSERT_EQUAL(info[0].cookie, 500);
		} else if (strcmp(info[0].t.state, "LISTEN") == 0) {
			tcp++;
			CU_ASSERT_EQUAL(info[0].sock, p.listener);
			CU_ASSERT_EQUAL(info[0].cookie, 100);
		} else {
			tcp += 10;
			CU_ASSERT_STRING_EQUAL(info[0].t.state, "ESTABLISHED");
			CU_ASSERT_EQUAL(info[0].sock, p.server);
			CU_ASSERT_EQUAL(info[0].cookie, 300);
			CU_ASSERT_EQUAL(leat_ip_be32(info[0].t.remote.ip), IP_A);
		}
	}
	CU_ASSERT_EQUAL(tcp, 11);
	CU_ASSERT_EQUAL(udp, 1);
	leat_sock_close(p.b.lc, udp_sock);
	close_pair(&p);
}

static const struct unit_case cases[] = {UNIT_CASE(copies), UNIT_CASE(zero_copy),
	UNIT_CASE(send_is_bounded), UNIT_CASE(send_without_buffers), UNIT_CASE(refused),
	UNIT_CASE(stale_numbers), UNIT_CASE(limit), UNIT_CASE(events_gather), UNIT_CASE(datagrams),
	UNIT_CASE(dumps)};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("sock", cases) != 0;
}
