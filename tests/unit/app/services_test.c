// SPDX-License-Identifier: BSD-3-Clause
// The services as a peer sees them, between two stacks in one process under a virtual clock:
//
//   client 192.0.2.2, sockets by hand -- frames carried by the test -- server 192.0.2.1, leatd's
//   worker
#include "app/leatd/services/service.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ip/ip.h"
#include "rig.h"
#include "unit.h"

#define IP_C RTE_BE32(0xc0000202u)
#define IP_S RTE_BE32(0xc0000201u)
#define MAX (4u << 20)

enum { WEB, ECHO, UECHO, SINK, SERVICES };

static struct rig c, s;
static struct leatd_worker *w;
static struct leatd_conf conf;
static const struct leatd_date date = {.text = {"Thu, 01 Jan 1970 00:00:00 GMT"}};
static unsigned from_server; // frames with TCP payload that the server has sent
static char *got;            // what the client has received since forget()
static size_t n_got;

static void set_service(unsigned i, uint32_t type, uint32_t protocol, uint32_t port)
{
	conf.services[i] = (struct leatd_service_conf){
		.type = type, .protocol = protocol, .port = port, .address = leat_ip_from_be32(0)};
	snprintf(conf.services[i].name, sizeof(conf.services[i].name), "s%u", i);
}

static void open_one(struct rig *r, const char *name, uint32_t ip, uint32_t connections)
{
	struct leat_prefix p = {.ip = leat_ip_from_be32(ip), .len = 24};
	struct leat_stack_conf sc;

	rig_conf(&sc);
	strcpy(sc.name, name);
	sc.limits.connections = connections;
	sc.limits.send_buffer = 64 << 10;
	sc.limits.receive_buffer = 64 << 10;
	CU_ASSERT_EQUAL_FATAL(rig_open(r, &sc, 1500), 0);
	r->iface->mac.addr_bytes[5] = (uint8_t)name[0];
	CU_ASSERT_EQUAL_FATAL(leat_ip_addr_add(r->s, r->iface, &p), 0);
}

static void open_both(uint32_t connections)
{
	char err[128];

	memset(&conf, 0, sizeof(conf));
	conf.limits.connections = connections;
	conf.n_services = SERVICES;
	set_service(WEB, LEATD_HTTP, LEATD_TCP, 80);
	set_service(ECHO, LEATD_ECHO, LEATD_TCP, 7);
	set_service(UECHO, LEATD_ECHO, LEATD_UDP, 7);
	set_service(SINK, LEATD_DISCARD, LEATD_TCP, 9);
	open_one(&c, "c", IP_C, 64);
	open_one(&s, "s", IP_S, connections);
	CU_ASSERT_EQUAL_FATAL(leatd_worker_create(s.lc, &conf, &date, &w, err, sizeof(err)), 0);
	got = malloc(MAX);
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	n_got = 0;
	from_server = 0;
}

static bool has_payload(struct rte_mbuf *m)
{
	uint8_t copy[64];
	const uint8_t *f = rte_pktmbuf_read(m, 0, 54, copy);

	if (f == NULL || f[12] != 8 || f[13] != 0 || f[23] != IPPROTO_TCP)
		return false;
	return ((uint32_t)f[16] << 8 | f[17]) > 20u + (f[46] >> 4) * 4u;
}

static int carry(struct rig *from, struct rig *to)
{
	struct rte_mbuf *m = rig_take(from);

	if (m == NULL)
		return 0;
	from_server += from == &s && has_payload(m);
	rig_send_mbuf(to, m);
	return 1;
}

static void turn(void)
{
	rig_run(&c, 1000000);
	rig_run(&s, 1000000);
	while (carry(&c, &s) + carry(&s, &c) != 0)
		;
}

static void run(unsigned ms)
{
	while (ms-- > 0)
		turn();
}

// Long spans in steps of 10 ms, for timers of minutes.
static void run_s(unsigned seconds)
{
	for (unsigned i = 0; i < seconds * 100; i++) {
		rig_run(&c, 10000000);
		rig_run(&s, 10000000);
		while (carry(&c, &s) + carry(&s, &c) != 0)
			;
	}
}

static void close_both(void)
{
	leatd_worker_abort(w);
	run(20);
	CU_ASSERT_EQUAL(leat_slab_in_use(w->conns), 0);
	rig_close(&c);
	rig_close(&s);
	leatd_worker_destroy(w);
	free(got);
}

// ---- the client ----

static uint32_t dial(uint16_t port)
{
	struct leat_endpoint to = {.ip = leat_ip_from_be32(IP_S), .port = port};
	uint32_t sock = 0;

	CU_ASSERT_EQUAL_FATAL(leat_sock_connect(c.lc, NULL, &to, 0, &sock), 0);
	run(5);
	return sock;
}

static void say_n(uint32_t sock, const char *text, size_t n)
{
	CU_ASSERT_EQUAL(leat_sock_send(c.lc, sock, text, n), (ssize_t)n);
}

static void say(uint32_t sock, const char *text)
{
	say_n(sock, text, strlen(text));
}

// Take what has come. Returns 0 at the end of the stream, -EAGAIN when more may come, or the error.
static int take(uint32_t sock)
{
	for (;;) {
		ssize_t n = leat_sock_recv(c.lc, sock, got + n_got, MAX - 1 - n_got);

		if (n <= 0) {
			got[n_got] = '\0';
			return (int)n;
		}
		n_got += (size_t)n;
	}
}

static int take_for(uint32_t sock, unsigned ms)
{
	int rc = -EAGAIN;

	while (rc == -EAGAIN && ms-- > 0) {
		turn();
		rc = take(sock);
	}
	return rc;
}

static void forget(void)
{
	n_got = 0;
	got[0] = '\0';
}

// An answer at got + at: its body has n bytes of the pattern. Returns where it ends.
static size_t check_bytes(size_t at, size_t n)
{
	char length[48];
	char *end = strstr(got + at, "\r\n\r\n");
	bool ok = true;

	snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", n);
	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	CU_ASSERT_EQUAL(strncmp(got + at, "HTTP/1.1 200 OK\r\n", 17), 0);
	CU_ASSERT_TRUE(strstr(got + at, length) != NULL && strstr(got + at, length) < end);
	at = (size_t)(end + 4 - got);
	CU_ASSERT_TRUE_FATAL(at + n <= n_got);
	for (size_t i = 0; i < n; i++)
		ok = ok && (uint8_t)got[at + i] == i % 251;
	CU_ASSERT_TRUE(ok);
	return at + n;
}

static bool starts(const char *text)
{
	return strncmp(got, text, strlen(text)) == 0;
}

// ---- HTTP ----

static void small_answer_is_one_packet(void)
{
	uint32_t sock;

	open_both(16);
	sock = dial(80);
	say(sock, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(take_for(sock, 5), -EAGAIN);
	CU_ASSERT_TRUE(starts("HTTP/1.1 200 OK\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "fast path"));
	CU_ASSERT_EQUAL(from_server, 1);
	forget();
	say(sock, "GET /bytes/1000 HTTP/1.1\r\nHost: x\r\n\r\n");
	CU_ASSERT_EQUAL(take_for(sock, 5), -EAGAIN);
	CU_ASSERT_EQUAL(check_bytes(0, 1000), n_got);
	CU_ASSERT_EQUAL(from_server, 2);
	forget();
	say(sock, "HEAD /bytes/1000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	CU_ASSERT_EQUAL(take_for(sock, 10), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "\r\nContent-Length: 1000\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "\r\nConnection: close\r\n"));
	CU_ASSERT_STRING_EQUAL(got + n_got - 4, "\r\n\r\n");
	leat_sock_close(c.lc, sock);
	close_both();
}

static void status_codes(void)
{
	static const struct {
		const char *request, *answer;
		bool closes;
	} all[] = {
		{"GET /x HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", false},
		{"GET /bytes/ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", false},
		{"GET /bytes/1x HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", false},
		{"GET /bytes/1073741825 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", false},
		{"GET /bytes/99999999999999999999999 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ",
			false},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 ",
			false},
		{"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", true},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.1 200 ", false},
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", true},
		{"nonsense\r\n", "HTTP/1.1 400 ", true},
		{"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
			"HTTP/1.1 405 ", true},
		{"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 ",
			true},
	};

	open_both(16);
	for (size_t i = 0; i < RTE_DIM(all); i++) {
		uint32_t sock = dial(80);

		forget();
		say(sock, all[i].request);
		CU_ASSERT_EQUAL(take_for(sock, 10), all[i].closes ? 0 : -EAGAIN);
		CU_ASSERT_TRUE(starts(all[i].answer));
		CU_ASSERT_EQUAL(strstr(got, "\r\nConnection: close\r\n") != NULL, all[i].closes);
		CU_ASSERT_EQUAL(strstr(got, "\r\nAllow: GET, HEAD\r\n") != NULL,
			strncmp(all[i].answer, "HTTP/1.1 405", 12) == 0);
		leat_sock_close(c.lc, sock);
		run(5);
	}
	close_both();
}

static void pipelined_in_order(void)
{
	char text[8192] = "";
	uint32_t sock;
	size_t at = 0;

	open_both(16);
	sock = dial(80);
	for (unsigned i = 0; i < 100; i++)
		sprintf(text + strlen(text), "GET /bytes/%u HTTP/1.1\r\nHost: x\r\n\r\n", i * 37);
	say(sock, text);
	CU_ASSERT_EQUAL(take_for(sock, 500), -EAGAIN);
	for (unsigned i = 0; i < 100; i++)
		at = check_bytes(at, i * 37);
	CU_ASSERT_EQUAL(at, n_got);
	CU_ASSERT_EQUAL(w->requests, 100);
	leat_sock_close(c.lc, sock);
	close_both();
}

// A body larger than everything that may be held: it waits while the client does not read, and
// nothing grows.
static void body_is_streamed(void)
{
	const uint32_t n = 3000000;
	unsigned held, before;
	uint32_t sock;

	open_both(16);
	sock = dial(80);
	say(sock, "GET /bytes/3000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /bytes/5 "
		  "HTTP/1.1\r\n");
	run(200);
	held = rte_mempool_in_use_count(s.s->indirect_pools[s.lc->node]);
	CU_ASSERT_TRUE(held > 0 && held < 300);
	before = from_server;
	run(200);
	CU_ASSERT_TRUE(rte_mempool_in_use_count(s.s->indirect_pools[s.lc->node]) <= held + 2);
	CU_ASSERT_TRUE(from_server - before < 3); // the client's window is closed
	CU_ASSERT_EQUAL(take_for(sock, 5000), 0);
	CU_ASSERT_EQUAL(check_bytes(0, n), n_got);
	leat_sock_close(c.lc, sock);
	close_both();
}

// No mbufs for a while: nothing is lost, and it goes on by itself.
static void out_of_buffers(void)
{
	static struct rte_mbuf *taken[8192];
	struct rte_mempool *pools[2];
	unsigned n = 0;
	uint32_t sock;

	open_both(16);
	sock = dial(80);
	pools[0] = s.s->indirect_pools[s.lc->node];
	pools[1] = s.s->pools[s.lc->node];
	for (unsigned k = 0; k < 2; k++) {
		n = 0;
		forget();
		while (n < RTE_DIM(taken) && (taken[n] = rte_pktmbuf_alloc(pools[k])) != NULL)
			n++;
		say(sock, "GET /bytes/100000 HTTP/1.1\r\nHost: x\r\n\r\n");
		CU_ASSERT_EQUAL(take_for(sock, 300), -EAGAIN);
		CU_ASSERT_TRUE(n_got < 1000);
		while (n > 0)
			rte_pktmbuf_free(taken[--n]);
		CU_ASSERT_EQUAL(take_for(sock, 4000), -EAGAIN);
		CU_ASSERT_EQUAL(check_bytes(0, 100000), n_got);
	}
	leat_sock_close(c.lc, sock);
	close_both();
}

static void idle_connections_end(void)
{
	uint32_t quiet, half, busy;

	open_both(16);
	quiet = dial(80);
	half = dial(80);
	busy = dial(80);
	say(half, "GET / HTTP/1.1\r\nHo");
	run_s(50);
	CU_ASSERT_EQUAL(take(quiet), -EAGAIN);
	say(busy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	run_s(20);
	CU_ASSERT_EQUAL(take(quiet), 0);
	CU_ASSERT_EQUAL(take(half), 0);
	CU_ASSERT_EQUAL(n_got, 0);
	CU_ASSERT_EQUAL(take(busy), -EAGAIN);
	CU_ASSERT_TRUE(starts("HTTP/1.1 200"));
	run_s(60);
	CU_ASSERT_EQUAL(take(busy), 0);
	CU_ASSERT_EQUAL(leat_slab_in_use(w->conns), 0);
	leat_sock_close(c.lc, quiet);
	leat_sock_close(c.lc, half);
	leat_sock_close(c.lc, busy);
	close_both();
}

// A client that has sent more than was read gets its answer all the same, not a reset.
static void lingers(void)
{
	char *text = malloc(40000);
	uint32_t sock;

	open_both(16);
	memset(text, 'a', 40000);
	memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
	sock = dial(80);
	say_n(sock, text, 40000);
	CU_ASSERT_EQUAL(take_for(sock, 50), 0);
	CU_ASSERT_TRUE(starts("HTTP/1.1 431 "));
	// Still open on the other side, for a bounded time.
	CU_ASSERT_EQUAL(leat_slab_in_use(w->conns), 1);
	say(sock, "more");
	run(10);
	CU_ASSERT_EQUAL(leat_slab_in_use(w->conns), 1);
	run_s(3);
	CU_ASSERT_EQUAL(leat_slab_in_use(w->conns), 0);
	leat_sock_close(c.lc, sock);
	free(text);
	close_both();
}

static void drains(void)
{
	uint32_t idle, running, echo, late;
	struct leat_endpoint to = {.ip = leat_ip_from_be32(IP_S), .port = 80};

	open_both(16);
	idle = dial(80);
	running = dial(80);
	echo = dial(7);
	say(running,
		"GET /bytes/1000000 HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
	run(50);
	leatd_worker_drain(w);
	run(5);
	CU_ASSERT_EQUAL(take(idle), 0);
	CU_ASSERT_EQUAL(leat_sock_connect(c.lc, NULL, &to, 0, &late), 0);
	run(10);
	CU_ASSERT_EQUAL(leat_sock_recv(c.lc, late, got, 1), -ECONNREFUSED);
	CU_ASSERT_EQUAL(take_for(running, 3000), 0);
	CU_ASSERT_EQUAL(check_bytes(0, 1000000), n_got);
	say(echo, "still here");
	forget();
	CU_ASSERT_EQUAL(take_for(echo, 10), -EAGAIN);
	CU_ASSERT_STRING_EQUAL(got, "still here");
	leatd_worker_abort(w);
	run(10);
	CU_ASSERT_EQUAL(take(echo), -ECONNRESET);
	leat_sock_close(c.lc, idle);
	leat_sock_close(c.lc, running);
	leat_sock_close(c.lc, echo);
	leat_sock_close(c.lc, late);
	run(10);
	CU_ASSERT_EQUAL(leat_tcp_live(s.lc), 0);
	close_both();
}

// More clients than connections: those beyond get none, and the places of those that end are taken
// again.
static void full(void)
{
	uint32_t socks[12];

	open_both(8);
	for (unsigned round = 0; round < 3; round++) {
		unsigned served = 0;

		for (unsigned i = 0; i < RTE_DIM(socks); i++) {
			struct leat_endpoint to = {.ip = leat_ip_from_be32(IP_S), .port = 80};

			CU_ASSERT_EQUAL(leat_sock_connect(c.lc, NULL, &to, 0, &socks[i]), 0);
		}
		run(20);
		for (unsigned i = 0; i < RTE_DIM(socks); i++)
			leat_sock_send(c.lc, socks[i],
				"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 43);
		run(20);
		for (unsigned i = 0; i < RTE_DIM(socks); i++) {
			forget();
			take(socks[i]);
			served += starts("HTTP/1.1 200");
		}
		CU_ASSERT_EQUAL(served, 8);
		for (unsigned i = 0; i < RTE_DIM(socks); i++)
			leat_sock_abort(c.lc, socks[i]);
		run(20);
		CU_ASSERT_EQUAL(leat_slab_in_use(w->conns), 0);
	}
	close_both();
}

// ---- echo and discard ----

static void echo_with_backpressure(void)
{
	const size_t n = 1000000;
	char *data = malloc(n);
	uint64_t seed = 3;
	size_t sent = 0;
	uint32_t sock;
	int rc;

	open_both(16);
	for (size_t i = 0; i < n; i++)
		data[i] = (char)unit_random(&seed);
	sock = dial(7);
	// Without reading: both windows fill, and then nothing goes.
	for (unsigned i = 0; i < 500; i++) {
		ssize_t k = leat_sock_send(c.lc, sock, data + sent, n - sent);

		sent += k > 0 ? (size_t)k : 0;
		turn();
	}
	CU_ASSERT_TRUE(sent > 64 << 10 && sent < n);
	rc = -EAGAIN;
	for (unsigned i = 0; i < 5000 && rc == -EAGAIN; i++) {
		ssize_t k = sent < n ? leat_sock_send(c.lc, sock, data + sent, n - sent) : 0;

		sent += k > 0 ? (size_t)k : 0;
		if (sent == n && k != -EPIPE)
			leat_sock_shutdown(c.lc, sock);
		turn();
		rc = take(sock);
	}
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL_FATAL(n_got, n);
	CU_ASSERT_EQUAL(memcmp(got, data, n), 0);
	leat_sock_close(c.lc, sock);
	free(data);
	close_both();
}

static void discards(void)
{
	uint32_t sock;
	char *data = calloc(1, 500000);
	size_t sent = 0;

	open_both(16);
	sock = dial(9);
	for (unsigned i = 0; i < 2000 && sent < 500000; i++) {
		ssize_t k = leat_sock_send(c.lc, sock, data, 500000 - sent);

		sent += k > 0 ? (size_t)k : 0;
		turn();
	}
	CU_ASSERT_EQUAL(sent, 500000);
	leat_sock_shutdown(c.lc, sock);
	CU_ASSERT_EQUAL(take_for(sock, 100), 0);
	CU_ASSERT_EQUAL(n_got, 0);
	leat_sock_close(c.lc, sock);
	free(data);
	close_both();
}

// A datagram of n bytes from a port to the echo. Returns the bytes that came back, -1 without.
static int echo_datagram(uint16_t from_port, size_t n)
{
	struct leat_endpoint from = {.port = from_port},
			     to = {.ip = leat_ip_from_be32(IP_S), .port = 7};
	struct leat_endpoint peer;
	struct rte_mbuf *m;
	union leat_ip me;
	uint32_t sock = 0;
	int back = -1;

	from.ip = leat_ip_from_be32(0);
	CU_ASSERT_EQUAL_FATAL(leat_sock_udp(c.lc, &from, NULL, 0, &sock), 0);
	m = leat_sock_alloc(c.lc);
	memset(rte_pktmbuf_append(m, (uint16_t)n), 'e', n);
	CU_ASSERT_EQUAL(leat_sock_sendto_mbuf(c.lc, sock, m, &to, NULL), 0);
	run(5);
	m = leat_sock_recvfrom_mbuf(c.lc, sock, &peer, &me);
	if (m != NULL) {
		back = (int)m->pkt_len;
		CU_ASSERT_EQUAL(peer.port, 7);
		CU_ASSERT_TRUE(leat_ip_equal(peer.ip, to.ip));
		CU_ASSERT_TRUE(back == 0 || *rte_pktmbuf_mtod(m, char *) == 'e');
		rte_pktmbuf_free(m);
	}
	leat_sock_close(c.lc, sock);
	return back;
}

static void udp_echo(void)
{
	open_both(16);
	CU_ASSERT_EQUAL(echo_datagram(5000, 1), 1);
	CU_ASSERT_EQUAL(echo_datagram(5000, 1400), 1400);
	CU_ASSERT_EQUAL(echo_datagram(5000, 0), 0);
	CU_ASSERT_EQUAL(echo_datagram(7, 10), -1); // two echoes would never end
	close_both();
}

static const struct unit_case cases[] = {
	UNIT_CASE(small_answer_is_one_packet),
	UNIT_CASE(status_codes),
	UNIT_CASE(pipelined_in_order),
	UNIT_CASE(body_is_streamed),
	UNIT_CASE(out_of_buffers),
	UNIT_CASE(idle_connections_end),
	UNIT_CASE(lingers),
	UNIT_CASE(drains),
	UNIT_CASE(full),
	UNIT_CASE(echo_with_backpressure),
	UNIT_CASE(discards),
	UNIT_CASE(udp_echo),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("services", cases) != 0;
}
