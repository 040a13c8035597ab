// SPDX-License-Identifier: BSD-3-Clause
// Active opens: SYN_SENT, simultaneous open, refusals, ports; and ICMP errors.
#include <errno.h>
#include <netinet/ip_icmp.h>

#include "ip/claim.h"
#include "ip/fib.h"
#include "ip/icmp.h"
#include "transport/tcp_rig.h"
#include "unit.h"

static struct tcp_rig t;
static struct peer p;

static struct leat_endpoint at(const char *ip, uint16_t port)
{
	struct leat_endpoint e = {.port = port};

	CU_ASSERT_EQUAL(leat_ip_parse(ip, &e.ip), 0);
	return e;
}

// The host opens to the peer's port 4321; its SYN is taken.
static struct tseg connecting(unsigned opt)
{
	struct leat_endpoint to = at("192.0.2.2", 4321);
	struct tseg s;

	tcp_rig_open(&t, NULL);
	CU_ASSERT_EQUAL_FATAL(leat_tcp_connect(t.r.lc, NULL, &to, 2, &p.c), 0);
	t.next_owner = 3;
	tcp_turn(&t);
	CU_ASSERT_FATAL(tcp_get(&t, &s));
	{
		struct leat_tcp_conn *c = p.c;

		peer_init(&t, &p, 4321, 9000, opt);
		p.c = c;
		p.owner = 2;
	}
	p.host_port = s.sport;
	p.irs = s.seq;
	p.rcv = s.seq + 1;
	p.tsecr = s.tsval;
	return s;
}

static void opens(void)
{
	struct tseg s = connecting(PEER_TS | PEER_WS);

	CU_ASSERT_EQUAL(s.flags, TH_SYN);
	CU_ASSERT(s.sport >= 49152);
	CU_ASSERT(s.has_ts && s.has_ws);
	CU_ASSERT_EQUAL(s.mss, 1460);
	CU_ASSERT_EQUAL(s.ack, 0);
	CU_ASSERT_EQUAL(leat_tcp_send_space(p.c), 0);
	CU_ASSERT_EQUAL(leat_tcp_shutdown(t.r.lc, p.c), -ENOTCONN);
	peer_sends(&p, TH_SYN | TH_ACK, 0);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.flags, TH_ACK);
	CU_ASSERT_EQUAL(s.ack, 9001);
	CU_ASSERT_EQUAL(t.told[2].mask, LEAT_EV_CONNECTED | LEAT_EV_OUT);
	CU_ASSERT_EQUAL(p.c->state, TS_ESTABLISHED);
	CU_ASSERT_EQUAL(p.c->mss, 1448);
	CU_ASSERT_EQUAL(p.c->snd_wnd, 65535); // a SYN's window is not scaled
	peer_text(&p, 10);
	CU_ASSERT_EQUAL(leat_tcp_recv_avail(p.c), 10);
	tcp_rig_close(&t);
}

static void options_not_answered_are_not_used(void)
{
	struct tseg s = connecting(0);

	peer_sends(&p, TH_SYN | TH_ACK, 0);
	s = peer_gets(&p);
	CU_ASSERT(!s.has_ts);
	CU_ASSERT_EQUAL(s.wnd, 65535);
	CU_ASSERT_EQUAL(p.c->mss, 1460);
	tcp_rig_close(&t);
}

static void text_and_fin_on_the_syn_ack(void)
{
	connecting(0);
	peer_sends(&p, TH_SYN | TH_ACK | TH_FIN, 20);
	CU_ASSERT_EQUAL(leat_tcp_recv_avail(p.c), 20);
	CU_ASSERT_EQUAL(p.c->state, TS_CLOSE_WAIT);
	CU_ASSERT_EQUAL(peer_gets(&p).ack, 9022);
	tcp_rig_close(&t);
}

static void refused(void)
{
	connecting(0);
	peer_sends(&p, TH_RST | TH_ACK, 0);
	CU_ASSERT_EQUAL(t.told[2].error, ECONNREFUSED);
	CU_ASSERT_EQUAL(p.c->state, TS_CLOSED);
	CU_ASSERT_EQUAL(leat_tcp_live(t.r.lc), 0);
	leat_tcp_close(t.r.lc, p.c);
	CU_ASSERT(peer_gets_none(&p));
	CU_ASSERT_EQUAL(leat_tcp_stats(t.r.lc)->failed_opens, 1);
	tcp_rig_close(&t);
}

static void what_syn_sent_refuses(void)
{
	struct tseg s;

	connecting(0);
	peer_sends(&p, TH_RST, 0); // without ACK: from anyone
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_RST), 1);
	p.rcv++;
	peer_sends(&p, TH_RST | TH_ACK, 0);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_ACK), 1);
	CU_ASSERT(peer_gets_none(&p));
	peer_sends(&p, TH_SYN | TH_ACK, 0); // of an older connection
	CU_ASSERT_FATAL(tcp_get(&t, &s));
	CU_ASSERT_EQUAL(s.flags, TH_RST);
	CU_ASSERT_EQUAL(s.seq, p.rcv);
	p.rcv -= 2;
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_FATAL(tcp_get(&t, &s));
	CU_ASSERT_EQUAL(s.flags, TH_RST);
	p.rcv++;
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_FLAGS), 1);
	CU_ASSERT_EQUAL(p.c->state, TS_SYN_SENT);
	tcp_rig_close(&t);
}

// RFC 9293, 3.5, figure 8
static void simultaneous_open(void)
{
	struct tseg s;

	connecting(PEER_TS | PEER_WS);
	peer_sends(&p, TH_SYN, 0);
	CU_ASSERT_EQUAL(p.c->state, TS_SYN_RCVD);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.flags, TH_SYN | TH_ACK);
	CU_ASSERT_EQUAL(s.seq, p.irs);
	CU_ASSERT_EQUAL(s.ack, 9001);
	p.rcv = p.irs + 1;
	p.snd = 9000;
	peer_sends(&p, TH_SYN | TH_ACK, 0);
	CU_ASSERT_EQUAL(p.c->state, TS_ESTABLISHED);
	CU_ASSERT(t.told[2].mask & LEAT_EV_CONNECTED);
	peer_text(&p, 10);
	CU_ASSERT_EQUAL(leat_tcp_recv_avail(p.c), 10);
	tcp_rig_close(&t);
}

static void simultaneous_open_repeats_and_refuses(void)
{
	connecting(0);
	peer_sends(&p, TH_SYN, 0);
	tcp_flush(&t);
	p.snd = 9000;
	peer_sends(&p, TH_SYN, 0); // ours was lost
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_SYN | TH_ACK);
	rig_run(&t.r, 1100 * TEST_MS);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_SYN | TH_ACK);
	CU_ASSERT_EQUAL(leat_tcp_shutdown(t.r.lc, p.c), 0); // closed before it is open
	p.rcv = p.irs + 5;
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_RST);
	p.rcv = p.irs + 1;
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(p.c->state, TS_FIN_WAIT1);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_FIN | TH_ACK);
	tcp_rig_close(&t);
}

static void gives_up(void)
{
	unsigned n = 0;

	connecting(0);
	for (int i = 0; i < 140 && p.c->state == TS_SYN_SENT; i++) {
		rig_run(&t.r, TEST_S);
		n += tcp_flush(&t);
	}
	CU_ASSERT_EQUAL(n, TCP_SYN_RETRIES);
	CU_ASSERT_EQUAL(t.told[2].error, ETIMEDOUT);
	tcp_rig_close(&t);
}

static struct leat_icmp_error icmp(uint8_t code, uint32_t seq, uint16_t mtu)
{
	return (struct leat_icmp_error){.type = ICMP_DEST_UNREACH,
		.code = code,
		.proto = 6,
		.mtu = mtu,
		.local = p.c->key.local,
		.remote = p.c->key.remote,
		.local_port = p.c->key.local_port,
		.remote_port = p.c->key.remote_port,
		.seq = seq};
}

static void icmp_in_syn_sent(void)
{
	struct leat_icmp_error e;

	connecting(0);
	e = icmp(ICMP_PORT_UNREACH, p.irs + 1000, 0); // quotes what we never sent
	CU_ASSERT(leat_tcp_icmp_error(t.r.lc, &e));
	CU_ASSERT_EQUAL(p.c->state, TS_SYN_SENT);
	e = icmp(ICMP_HOST_UNREACH, p.irs, 0); // soft (RFC 1122, 4.2.3.9)
	CU_ASSERT(leat_tcp_icmp_error(t.r.lc, &e));
	CU_ASSERT_EQUAL(p.c->state, TS_SYN_SENT);
	e = icmp(ICMP_PORT_UNREACH, p.irs, 0);
	CU_ASSERT(leat_tcp_icmp_error(t.r.lc, &e));
	CU_ASSERT_EQUAL(t.told[2].error, ECONNREFUSED);
	CU_ASSERT(!leat_tcp_icmp_error(t.r.lc, &e)); // nobody's now
	tcp_rig_close(&t);
}

static void soft_error_is_the_reason(void)
{
	struct leat_icmp_error e;

	connecting(0);
	e = icmp(ICMP_HOST_UNREACH, p.irs, 0);
	leat_tcp_icmp_error(t.r.lc, &e);
	rig_run(&t.r, 140 * TEST_S);
	CU_ASSERT_EQUAL(t.told[2].error, EHOSTUNREACH);
	tcp_rig_close(&t);
}

static void icmp_of_claims(void)
{
	struct leat_claim claim = {.proto = 6,
		.ip = leat_ip_from_be32(0),
		.port_first = 90,
		.port_last = 90,
		.owner = "test"};
	struct leat_icmp_error e;

	connecting(0);
	CU_ASSERT_EQUAL(leat_claim_add(t.r.s, &claim), 0);
	e = icmp(ICMP_PORT_UNREACH, 0, 0);
	e.local_port = 90;
	CU_ASSERT(leat_tcp_icmp_error(t.r.lc, &e));
	e.local_port = 91;
	CU_ASSERT(!leat_tcp_icmp_error(t.r.lc, &e));
	tcp_rig_close(&t);
}

// RFC 1191, with the checks of RFC 5927
static void path_mtu(void)
{
	struct leat_icmp_error e;
	uint32_t seq;
	struct tseg s;

	connecting(0);
	peer_sends(&p, TH_SYN | TH_ACK, 0);
	tcp_flush(&t);
	seq = p.rcv;
	host_writes(&p, &seq, 2 * 1460, 2000);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(tcp_flush(&t), 2);
	e = icmp(ICMP_FRAG_NEEDED, p.rcv - 1, 1000);
	leat_tcp_icmp_error(t.r.lc, &e);
	CU_ASSERT_EQUAL(p.c->mss, 1460);
	e.seq = p.rcv;
	e.mtu = 2000; // more than it is
	leat_tcp_icmp_error(t.r.lc, &e);
	CU_ASSERT_EQUAL(p.c->mss, 1460);
	e.mtu = 1000;
	leat_tcp_icmp_error(t.r.lc, &e);
	tcp_turn(&t);
	s = peer_gets(&p); // at once, smaller
	CU_ASSERT_EQUAL(s.len, 960);
	CU_ASSERT_EQUAL(s.seq, p.rcv - 960);
	tcp_flush(&t);
	e.mtu = 0; // an old router: the next plateau
	leat_tcp_icmp_error(t.r.lc, &e);
	CU_ASSERT_EQUAL(p.c->mss, 552 - 40);
	e.mtu = 100;
	leat_tcp_icmp_error(t.r.lc, &e);
	CU_ASSERT_EQUAL(p.c->mss, 552 - 40);
	tcp_rig_close(&t);
}

static void established_survives_icmp(void)
{
	struct leat_icmp_error e;
	uint32_t seq;

	connecting(0);
	peer_sends(&p, TH_SYN | TH_ACK, 0);
	tcp_flush(&t);
	seq = p.rcv;
	host_writes(&p, &seq, 100, 100);
	tcp_turn(&t);
	tcp_flush(&t);
	e = icmp(ICMP_PORT_UNREACH, p.rcv, 0);
	CU_ASSERT(leat_tcp_icmp_error(t.r.lc, &e));
	CU_ASSERT_EQUAL(p.c->state, TS_ESTABLISHED);
	tcp_rig_close(&t);
}

static void bad_calls(void)
{
	struct leat_endpoint to = at("192.0.2.2", 4321), own = at("192.0.2.1", 5000);
	struct leat_endpoint far = at("203.0.113.1", 1), mine = at("192.0.2.1", 1);
	struct leat_endpoint not_mine = at("192.0.2.77", 0);
	struct leat_tcp_conn *c;

	tcp_rig_open(&t, NULL);
	CU_ASSERT_EQUAL(leat_tcp_connect(t.r.lc, NULL, &far, 2, &c), -ENETUNREACH);
	CU_ASSERT_EQUAL(leat_tcp_connect(t.r.lc, NULL, &mine, 2, &c), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(leat_tcp_connect(t.r.lc, &not_mine, &to, 2, &c), -EADDRNOTAVAIL);
	CU_ASSERT_EQUAL(leat_tcp_connect(t.r.lc, &own, &to, 2, &c), 0);
	CU_ASSERT_EQUAL(leat_tcp_connect(t.r.lc, &own, &to, 2, &c), -EADDRINUSE);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), 1);
	tcp_turn(&t);
	tcp_rig_close(&t);
}

// Ports are drawn from all of the range, each once, until none is left.
static void many_ports(struct leat_stack_conf *conf)
{
	conf->limits.connections = 16384;
}

static void ports(void)
{
	struct leat_endpoint to = at("192.0.2.2", 4321);
	struct leat_tcp_conn *c;
	uint32_t near = 0, last = 0;

	tcp_rig_open(&t, many_ports);
	for (uint32_t i = 0; i < TCP_PORT_COUNT; i++) {
		CU_ASSERT_EQUAL_FATAL(leat_tcp_connect(t.r.lc, NULL, &to, 2, &c), 0);
		CU_ASSERT(c->key.local_port >= 49152);
		if (i < 1000 && i != 0)
			near += c->key.local_port - last + 16 < 32;
		last = c->key.local_port;
		leat_timer_disarm(&t.r.lc->wheel, &c->timer);
	}
	CU_ASSERT(near < 20); // not one after the other
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), TCP_PORT_COUNT);
	CU_ASSERT_EQUAL(leat_tcp_connect(t.r.lc, NULL, &to, 2, &c), -ENOBUFS);
	CU_ASSERT_EQUAL(leat_slab_refused(t.r.lc->tcp->conns), 1);
	leat_tcp_close(t.r.lc, c = TAILQ_FIRST(&t.r.lc->tcp->out));
	CU_ASSERT_EQUAL(leat_tcp_connect(t.r.lc, NULL, &to, 2, &c), 0);
	tcp_rig_close(&t);
}

// A route that goes away is a soft error: it is tried again until one is back.
static void route_comes_back(void)
{
	struct leat_route r = {
		.prefix = {.len = 0}, .table = 254, .type = LEAT_ROUTE_UNICAST, .n_paths = 1};
	struct leat_endpoint to = at("203.0.113.1", 4321);
	struct leat_tcp_conn *c;
	unsigned n = 0;

	tcp_rig_open(&t, NULL);
	r.prefix.ip = leat_ip_from_be32(0);
	r.paths[0] = (struct leat_path){
		.via = at("192.0.2.2", 0).ip, .iface = t.r.iface->idx, .weight = 1};
	CU_ASSERT_EQUAL(leat_fib_set(t.r.s, &r), 0);
	CU_ASSERT_EQUAL(leat_tcp_connect(t.r.lc, NULL, &to, 2, &c), 0);
	CU_ASSERT_EQUAL(leat_fib_del(t.r.s, &r.prefix, 254, 0), 0);
	rig_run(&t.r, 2 * TEST_S);
	CU_ASSERT_EQUAL(tcp_flush(&t), 0);
	CU_ASSERT_EQUAL(c->state, TS_SYN_SENT);
	CU_ASSERT_EQUAL(leat_fib_set(t.r.s, &r), 0);
	rig_run(&t.r, 5 * TEST_S);
	n = tcp_flush(&t);
	CU_ASSERT(n >= 1);
	tcp_rig_close(&t);
}

int main(void)
{
	static const struct unit_case cases[] = {UNIT_CASE(opens),
		UNIT_CASE(options_not_answered_are_not_used),
		UNIT_CASE(text_and_fin_on_the_syn_ack), UNIT_CASE(refused),
		UNIT_CASE(what_syn_sent_refuses), UNIT_CASE(simultaneous_open),
		UNIT_CASE(simultaneous_open_repeats_and_refuses), UNIT_CASE(gives_up),
		UNIT_CASE(icmp_in_syn_sent), UNIT_CASE(soft_error_is_the_reason),
		UNIT_CASE(icmp_of_claims), UNIT_CASE(path_mtu),
		UNIT_CASE(established_survives_icmp), UNIT_CASE(bad_calls), UNIT_CASE(ports),
		UNIT_CASE(route_comes_back)};

	return unit_eal_init() != 0 || UNIT_RUN("tcp_open", cases) != 0;
}
