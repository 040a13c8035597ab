// SPDX-License-Identifier: BSD-3-Clause
// See pair.h.
#include "pair.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ip/ip.h"
#include "unit.h"

struct rig c, s;
struct leatd_worker *w;
static struct leatd_conf conf;
static const struct leatd_date date = {.text = {"Thu, 01 Jan 1970 00:00:00 GMT"}};
unsigned from_server;
char *got;
size_t n_got;

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

void open_both(uint32_t connections)
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

void run(unsigned ms)
{
	while (ms-- > 0)
		turn();
}

// Long spans in steps of 10 ms, for timers of minutes.
void run_s(unsigned seconds)
{
	for (unsigned i = 0; i < seconds * 100; i++) {
		rig_run(&c, 10000000);
		rig_run(&s, 10000000);
		while (carry(&c, &s) + carry(&s, &c) != 0)
			;
	}
}

void close_both(void)
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

uint32_t dial(uint16_t port)
{
	struct leat_endpoint to = {.ip = leat_ip_from_be32(IP_S), .port = port};
	uint32_t sock = 0;

	CU_ASSERT_EQUAL_FATAL(leat_sock_connect(c.lc, NULL, &to, 0, &sock), 0);
	run(5);
	return sock;
}

void say_n(uint32_t sock, const char *text, size_t n)
{
	CU_ASSERT_EQUAL(leat_sock_send(c.lc, sock, text, n), (ssize_t)n);
}

void say(uint32_t sock, const char *text)
{
	say_n(sock, text, strlen(text));
}

int take(uint32_t sock)
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

int take_for(uint32_t sock, unsigned ms)
{
	int rc = -EAGAIN;

	while (rc == -EAGAIN && ms-- > 0) {
		turn();
		rc = take(sock);
	}
	return rc;
}

void forget(void)
{
	n_got = 0;
	got[0] = '\0';
}

// An answer at got + at: its body has n bytes of the pattern. Returns where it ends.
size_t check_bytes(size_t at, size_t n)
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

bool starts(const char *text)
{
	return strncmp(got, text, strlen(text)) == 0;
}
