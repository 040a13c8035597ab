// SPDX-License-Identifier: BSD-3-Clause
// The HTTP service as a client sees it.
#include "app/leatd/services/service.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "unit.h"

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
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("http", cases) != 0;
}
