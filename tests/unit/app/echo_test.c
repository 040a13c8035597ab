// SPDX-License-Identifier: BSD-3-Clause
// The echo and discard services as a client sees them.
#include "app/leatd/services/service.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "unit.h"

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
		run(1);
	}
	CU_ASSERT_TRUE(sent > 64 << 10 && sent < n);
	rc = -EAGAIN;
	for (unsigned i = 0; i < 5000 && rc == -EAGAIN; i++) {
		ssize_t k = sent < n ? leat_sock_send(c.lc, sock, data + sent, n - sent) : 0;

		sent += k > 0 ? (size_t)k : 0;
		if (sent == n && k != -EPIPE)
			leat_sock_shutdown(c.lc, sock);
		run(1);
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
		run(1);
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
	UNIT_CASE(echo_with_backpressure),
	UNIT_CASE(discards),
	UNIT_CASE(udp_echo),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("echo", cases) != 0;
}
