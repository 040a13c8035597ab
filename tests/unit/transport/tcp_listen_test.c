// SPDX-License-Identifier: BSD-3-Clause
// LISTEN and SYN_RCVD: the passive open, what it refuses, and its limits.
#include <errno.h>
#include <netinet/in.h>

#include "ip/claim.h"
#include "ip/fib.h"
#include "transport/tcp_rig.h"
#include "unit.h"

static struct tcp_rig t;
static struct peer p;

static void handshake_with_options(void)
{
	struct tseg s;

	tcp_rig_open(&t, NULL);
	peer_init(&t, &p, 1234, 77, PEER_TS | PEER_WS);
	p.shift = 5;
	peer_sends(&p, TH_SYN, 0);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.flags, TH_SYN | TH_ACK);
	CU_ASSERT_EQUAL(s.mss, 1460);
	CU_ASSERT(s.has_ts && s.tsecr == 5000);
	CU_ASSERT(s.has_ws);
	CU_ASSERT((65535u << s.ws) >= t.r.s->conf.limits.receive_buffer);
	CU_ASSERT_EQUAL(leat_tcp_live(t.r.lc), 1);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->syns), 1);
	CU_ASSERT_EQUAL(t.told[1].n, 0);
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(t.told[1].mask, LEAT_EV_IN);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->syns), 0);
	peer_accepted(&p);
	CU_ASSERT_EQUAL(p.c->state, TS_ESTABLISHED);
	CU_ASSERT_EQUAL(p.c->snd_wscale, 5);
	CU_ASSERT_EQUAL(p.c->snd_wnd, 65535u << 5);
	CU_ASSERT_EQUAL(t.told[p.owner].mask, LEAT_EV_OUT);
	CU_ASSERT(leat_tcp_send_space(p.c) > 0);
	tcp_rig_close(&t);
}

static void without_options(void)
{
	struct tseg s;

	tcp_rig_open(&t, NULL);
	peer_init(&t, &p, 1234, 77, 0);
	p.mss = 0;
	peer_sends(&p, TH_SYN, 0);
	s = peer_gets(&p);
	CU_ASSERT(!s.has_ts && !s.has_ws); // only what was asked for
	peer_sends(&p, TH_ACK, 0);
	peer_accepted(&p);
	CU_ASSERT_EQUAL(p.c->mss, 536); // RFC 9293, 3.7.1
	CU_ASSERT_EQUAL(p.c->rcv_wscale, 0);
	tcp_rig_close(&t);
}

static void tiny_mss_is_not_believed(void)
{
	tcp_rig_open(&t, NULL);
	peer_init(&t, &p, 1234, 77, PEER_TS);
	p.mss = 1;
	peer_sends(&p, TH_SYN, 0);
	peer_gets(&p);
	peer_sends(&p, TH_ACK, 0);
	peer_accepted(&p);
	CU_ASSERT_EQUAL(p.c->mss, 64 - 12);
	tcp_rig_close(&t);
}

static void put(uint8_t flags, uint32_t ack, struct tseg *s)
{
	*s = (struct tseg){
		.sport = 9, .dport = TCP_TEST_PORT, .seq = 5, .ack = ack, .flags = flags};
	tcp_put(&t, s);
}

static void what_listen_refuses(void)
{
	struct tseg s;

	tcp_rig_open(&t, NULL);
	put(TH_ACK, 99, &s); // RFC 9293, 3.10.7.2, second
	CU_ASSERT(tcp_get(&t, &s));
	CU_ASSERT_EQUAL(s.flags, TH_RST);
	CU_ASSERT_EQUAL(s.seq, 99);
	put(TH_RST, 0, &s); // first
	put(TH_SYN | TH_FIN, 0, &s);
	put(TH_FIN, 0, &s);
	put(0, 0, &s);
	CU_ASSERT(!tcp_get(&t, &s));
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_FLAGS), 5);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->syns), 0);
	tcp_rig_close(&t);
}

static void route(uint32_t ip, uint8_t type)
{
	struct leat_route r = {.prefix = {leat_ip_from_be32(rte_cpu_to_be_32(ip)), 32},
		.table = 255,
		.type = type,
		.n_paths = 1,
		.paths[0] = {.via = leat_ip_from_be32(0), .iface = t.r.iface->idx, .weight = 1}};

	CU_ASSERT_EQUAL(leat_fib_set(t.r.s, &r), 0);
}

static void bad_packets(void)
{
	struct tseg s = {.sport = 9, .dport = TCP_TEST_PORT, .flags = TH_SYN, .bad_sum = true};

	tcp_rig_open(&t, NULL);
	tcp_put(&t, &s);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_CKSUM), 1);
	s.bad_sum = false;
	// Addresses of another interface of ours: its own, which would have us talk to
	// ourselves for ever, and its subnet's broadcast.
	route(0xcb007101, LEAT_ROUTE_LOCAL);
	s.src_be = RTE_BE32(0xcb007101);
	tcp_put(&t, &s);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_ADDR), 1);
	route(0xcb0071ff, LEAT_ROUTE_BROADCAST);
	s.src_be = RTE_BE32(0xcb0071ff);
	tcp_put(&t, &s);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_ADDR), 2);
	s.src_be = 0;
	s.dst_be = RTE_BE32(0xc00002ff);
	tcp_put(&t, &s);
	s.broadcast = true;
	tcp_put(&t, &s);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->syns), 0);
	CU_ASSERT(!tcp_get(&t, &s));
	tcp_rig_close(&t);
}

static void nobody_there(void)
{
	struct tseg s = {.sport = 9, .dport = 81, .flags = TH_SYN, .seq = 40};

	tcp_rig_open(&t, NULL);
	tcp_put(&t, &s);
	CU_ASSERT(tcp_get(&t, &s));
	CU_ASSERT_EQUAL(s.flags, TH_RST | TH_ACK);
	CU_ASSERT_EQUAL(s.seq, 0);
	CU_ASSERT_EQUAL(s.ack, 41);
	s = (struct tseg){.sport = 9, .dport = 81, .flags = TH_ACK, .ack = 7, .len = 3};
	tcp_put(&t, &s);
	CU_ASSERT(tcp_get(&t, &s));
	CU_ASSERT_EQUAL(s.flags, TH_RST);
	CU_ASSERT_EQUAL(s.seq, 7);
	s = (struct tseg){.sport = 9, .dport = 81, .flags = TH_RST};
	tcp_put(&t, &s);
	CU_ASSERT(!tcp_get(&t, &s));
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_NO_PORT), 3);
	tcp_rig_close(&t);
}

// With an exception path: what is not claimed is the kernel's, what is claimed never.
static void claims_and_the_kernel(void)
{
	struct leat_claim claim = {.proto = IPPROTO_TCP,
		.ip = leat_ip_from_be32(0),
		.port_first = 90,
		.port_last = 99,
		.owner = "test"};
	struct tseg s = {.sport = 9, .dport = 81, .flags = TH_SYN};

	tcp_rig_open(&t, NULL);
	rig_punt(&t.r);
	CU_ASSERT_EQUAL(leat_claim_add(t.r.s, &claim), 0);
	tcp_put(&t, &s);
	CU_ASSERT_EQUAL(t.r.punts[LEAT_PUNT_LOCAL], 1);
	CU_ASSERT(!tcp_get(&t, &s));
	s = (struct tseg){.sport = 9, .dport = 95, .flags = TH_SYN};
	tcp_put(&t, &s);
	CU_ASSERT_EQUAL(t.r.punts[LEAT_PUNT_LOCAL], 1);
	CU_ASSERT(tcp_get(&t, &s));
	CU_ASSERT_EQUAL(s.flags, TH_RST | TH_ACK);
	tcp_rig_close(&t);
}

static void half_open_checks(void)
{
	struct tseg s;
	uint32_t irs;

	tcp_rig_open(&t, NULL);
	peer_init(&t, &p, 1234, 77, 0);
	peer_sends(&p, TH_SYN, 0);
	s = peer_gets(&p);
	irs = s.seq;
	p.snd = 77; // the same SYN: answered again
	peer_sends(&p, TH_SYN, 0);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.flags, TH_SYN | TH_ACK);
	CU_ASSERT_EQUAL(s.seq, irs);
	p.snd = 100; // another SYN in the window: challenged
	peer_sends(&p, TH_SYN, 0);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.flags, TH_ACK);
	CU_ASSERT_EQUAL(s.ack, 78);
	p.snd = 79; // a reset not quite
	peer_sends(&p, TH_RST, 0);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_ACK);
	p.snd = 78 + 70000; // beyond the window
	peer_sends(&p, TH_ACK, 1);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_ACK);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_SEQ), 1);
	p.snd = 78; // an acknowledgement of something else
	p.rcv = irs + 2;
	peer_sends(&p, TH_ACK, 0);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.flags, TH_RST);
	CU_ASSERT_EQUAL(s.seq, irs + 2);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_ACK), 1);
	peer_sends(&p, TH_RST, 0); // and the exact reset
	CU_ASSERT(peer_gets_none(&p));
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->syns), 0);
	CU_ASSERT_EQUAL(leat_tcp_stats(t.r.lc)->challenge_acks, 4);
	tcp_rig_close(&t);
}

static void syn_ack_is_repeated_and_given_up(void)
{
	unsigned n = 0;

	tcp_rig_open(&t, NULL);
	peer_init(&t, &p, 1234, 77, 0);
	peer_sends(&p, TH_SYN, 0);
	peer_gets(&p);
	rig_run(&t.r, 990 * TEST_MS);
	CU_ASSERT(peer_gets_none(&p));
	rig_run(&t.r, 20 * TEST_MS);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_SYN | TH_ACK);
	rig_run(&t.r, 70 * TEST_S);
	n = tcp_flush(&t);
	CU_ASSERT_EQUAL(n, TCP_SYNACK_RETRIES - 1);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->syns), 0);
	tcp_rig_close(&t);
}

static void few_half_open(struct leat_stack_conf *conf)
{
	conf->limits.half_open = 16;
	conf->limits.connections = 2;
}

// Each limit refuses, counts and recovers.
static void limits(void)
{
	struct peer q[20];
	struct tseg s;

	tcp_rig_open(&t, few_half_open);
	for (int i = 0; i < 17; i++) {
		peer_init(&t, &q[i], (uint16_t)(2000 + i), 77, 0);
		peer_sends(&q[i], TH_SYN, 0);
		if (i < 16)
			peer_gets(&q[i]);
	}
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_HALF_OPEN_FULL), 1);
	CU_ASSERT(peer_gets_none(&q[16]));
	for (int i = 0; i < 3; i++)
		peer_sends(&q[i], TH_ACK, 0);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_TABLE_FULL), 1);
	q[0].t = q[2].t = &t;
	peer_accepted(&q[0]);
	leat_tcp_abort(t.r.lc, q[0].c); // room for the one that was refused
	tcp_turn(&t);
	CU_ASSERT(tcp_get(&t, &s));
	CU_ASSERT_EQUAL(s.flags, TH_RST | TH_ACK);
	peer_sends(&q[2], TH_ACK, 0);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), 2);
	q[16].snd = 77;
	peer_sends(&q[16], TH_SYN, 0);
	CU_ASSERT_EQUAL(peer_gets(&q[16]).flags, TH_SYN | TH_ACK);
	tcp_rig_close(&t);
}

static void backlog(void)
{
	struct peer q[6];

	tcp_rig_open(&t, NULL); // a backlog of 4
	for (int i = 0; i < 5; i++) {
		peer_init(&t, &q[i], (uint16_t)(2000 + i), 77, 0);
		peer_sends(&q[i], TH_SYN, 0);
		peer_gets(&q[i]);
	}
	for (int i = 0; i < 5; i++)
		peer_sends(&q[i], TH_ACK, 0);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_BACKLOG_FULL), 1);
	peer_init(&t, &q[5], 2005, 77, 0);
	peer_sends(&q[5], TH_SYN, 0);
	CU_ASSERT(peer_gets_none(&q[5]));
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_BACKLOG_FULL), 2);
	peer_accepted(&q[0]);
	peer_text(&q[4], 10); // the text has the ACK once more
	for (int i = 1; i < 5; i++)
		peer_accepted(&q[i]);
	CU_ASSERT_EQUAL(leat_tcp_recv_avail(q[4].c), 10);
	CU_ASSERT(t.told[q[4].owner].mask & LEAT_EV_IN);
	tcp_rig_close(&t);
}

static void reset_before_accept(void)
{
	tcp_rig_open(&t, NULL);
	peer_init(&t, &p, 1234, 77, 0);
	peer_sends(&p, TH_SYN, 0);
	peer_gets(&p);
	peer_sends(&p, TH_ACK, 0);
	peer_sends(&p, TH_RST, 0);
	peer_accepted(&p);
	CU_ASSERT(t.told[p.owner].mask & LEAT_EV_ERR);
	CU_ASSERT_EQUAL(t.told[p.owner].error, ECONNRESET);
	CU_ASSERT_EQUAL(leat_tcp_live(t.r.lc), 0);
	leat_tcp_close(t.r.lc, p.c);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), 0);
	tcp_rig_close(&t);
}

static void unlisten_resets(void)
{
	struct peer q[3];
	struct tseg s;

	tcp_rig_open(&t, NULL);
	for (int i = 0; i < 3; i++) {
		peer_init(&t, &q[i], (uint16_t)(2000 + i), 77, 0);
		peer_sends(&q[i], TH_SYN, 0);
		peer_gets(&q[i]);
	}
	peer_sends(&q[0], TH_ACK, 0);
	leat_tcp_unlisten(t.r.lc, t.l);
	tcp_turn(&t);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_FATAL(tcp_get(&t, &s));
		CU_ASSERT(s.flags & TH_RST);
	}
	CU_ASSERT_EQUAL(leat_tcp_live(t.r.lc), 0);
	CU_ASSERT_EQUAL(leat_demux_count(t.r.lc->tcp->demux), 0);
	tcp_rig_close(&t);
}

static void one_listener_a_port(void)
{
	struct leat_endpoint any = {leat_ip_from_be32(0), TCP_TEST_PORT};
	struct leat_endpoint at = {leat_ip_from_be32(RTE_BE32(0xc0000201)), TCP_TEST_PORT};
	struct leat_tcp_listener *l;

	tcp_rig_open(&t, NULL);
	CU_ASSERT_EQUAL(leat_tcp_listen(t.r.lc, &any, 1, 3, &l), -EADDRINUSE);
	CU_ASSERT_EQUAL(leat_tcp_listen(t.r.lc, &at, 1, 3, &l), 0);
	peer_init(&t, &p, 1234, 77, 0); // the one at the address comes first
	peer_sends(&p, TH_SYN, 0);
	peer_gets(&p);
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(t.told[3].n, 1);
	CU_ASSERT_EQUAL(t.told[1].n, 0);
	tcp_rig_close(&t);
}

int main(void)
{
	static const struct unit_case cases[] = {UNIT_CASE(handshake_with_options),
		UNIT_CASE(without_options), UNIT_CASE(tiny_mss_is_not_believed),
		UNIT_CASE(what_listen_refuses), UNIT_CASE(bad_packets), UNIT_CASE(nobody_there),
		UNIT_CASE(claims_and_the_kernel), UNIT_CASE(half_open_checks),
		UNIT_CASE(syn_ack_is_repeated_and_given_up), UNIT_CASE(limits), UNIT_CASE(backlog),
		UNIT_CASE(reset_before_accept), UNIT_CASE(unlisten_resets),
		UNIT_CASE(one_listener_a_port)};

	return unit_eal_init() != 0 || UNIT_RUN("tcp_listen", cases) != 0;
}
