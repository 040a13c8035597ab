// SPDX-License-Identifier: BSD-3-Clause
// TIME_WAIT: how long, what it answers, and when a new connection may take its place.
#include "transport/tcp_rig.h"
#include "unit.h"

static struct tcp_rig t;
static struct peer p;

static void into(unsigned opt)
{
	tcp_rig_open(&t, NULL);
	peer_connects_from(&t, &p, 1234, 1000, opt);
	leat_tcp_shutdown(t.r.lc, p.c);
	tcp_turn(&t);
	peer_gets(&p);
	peer_sends(&p, TH_FIN | TH_ACK, 0);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_ACK);
	leat_tcp_close(t.r.lc, p.c);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->tws), 1);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), 0);
}

static uint32_t waiting(void)
{
	return leat_slab_in_use(t.r.lc->tcp->tws);
}

static void sixty_seconds(void)
{
	into(0);
	rig_run(&t.r, 59 * TEST_S);
	CU_ASSERT_EQUAL(waiting(), 1);
	rig_run(&t.r, 2 * TEST_S);
	CU_ASSERT_EQUAL(waiting(), 0);
	CU_ASSERT_EQUAL(leat_demux_count(t.r.lc->tcp->demux), 1); // the listener
	tcp_rig_close(&t);
}

static void fin_comes_again(void)
{
	struct tseg s;

	into(PEER_TS);
	rig_run(&t.r, 50 * TEST_S);
	p.snd--;
	p.tsval += 50000;
	peer_sends(&p, TH_FIN | TH_ACK, 0);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.flags, TH_ACK);
	CU_ASSERT_EQUAL(s.ack, p.snd);
	CU_ASSERT_EQUAL(s.seq, p.rcv);
	CU_ASSERT_EQUAL(s.tsecr, p.tsval);
	rig_run(&t.r, 50 * TEST_S); // the time starts anew
	CU_ASSERT_EQUAL(waiting(), 1);
	tcp_rig_close(&t);
}

static void resets(void)
{
	into(0);
	p.snd++;
	peer_sends(&p, TH_RST, 0);
	CU_ASSERT_EQUAL(waiting(), 1);
	p.snd--;
	peer_sends(&p, TH_RST, 0);
	CU_ASSERT_EQUAL(waiting(), 0);
	CU_ASSERT(peer_gets_none(&p));
	tcp_rig_close(&t);
}

static void other_segments(void)
{
	into(PEER_TS);
	peer_sends(&p, TH_ACK, 0); // a bare ACK: nothing (no war of ACKs)
	CU_ASSERT(peer_gets_none(&p));
	peer_text_at(&p, p.snd - 10, 5, TH_ACK);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_ACK);
	peer_text_at(&p, p.snd + 10, 5, TH_ACK);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_ACK);
	p.tsval -= 10;
	peer_text_at(&p, p.snd, 5, TH_ACK);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_ACK);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_PAWS), 1);
	for (int i = 0; i < 30; i++)
		peer_text_at(&p, p.snd, 5, TH_ACK);
	CU_ASSERT_EQUAL(tcp_flush(&t), TCP_CHALLENGES - 3);
	CU_ASSERT_EQUAL(waiting(), 1);
	tcp_rig_close(&t);
}

// One SYN to a TIME_WAIT; returns whether a new connection begins, and checks its first number.
static bool reopens(unsigned opt, int32_t seq, int32_t tsval)
{
	struct peer q;
	struct tseg s;
	uint32_t last;
	bool opened;

	into(opt);
	last = p.rcv;
	peer_init(&t, &q, 1234, p.snd + (uint32_t)seq, opt);
	q.tsval = p.tsval + (uint32_t)tsval;
	peer_sends(&q, TH_SYN, 0);
	s = peer_gets(&q);
	opened = s.flags == (TH_SYN | TH_ACK);
	if (opened) {
		CU_ASSERT(seq_gt(s.seq, last)); // RFC 9293, 3.6.1
		CU_ASSERT_EQUAL(waiting(), 0);
		peer_sends(&q, TH_ACK, 0);
		peer_accepted(&q);
	} else {
		CU_ASSERT_EQUAL(s.flags, TH_ACK); // what the peer has to know
		CU_ASSERT_EQUAL(s.ack, p.snd);
		CU_ASSERT_EQUAL(waiting(), 1);
	}
	tcp_rig_close(&t);
	return opened;
}

// RFC 6191, 2
static void reuse(void)
{
	CU_ASSERT(reopens(0, 1, 0));
	CU_ASSERT(!reopens(0, -1, 0));
	CU_ASSERT(!reopens(0, -100000, 0));
	CU_ASSERT(reopens(PEER_TS, 1, 1));
	CU_ASSERT(reopens(PEER_TS, -100000, 1)); // the timestamp decides
	CU_ASSERT(!reopens(PEER_TS, 1, -1));
	CU_ASSERT(reopens(PEER_TS, 1, 0));
	CU_ASSERT(!reopens(PEER_TS, -1, 0));
}

static void no_room(struct leat_stack_conf *conf)
{
	conf->limits.time_wait = 1;
}

static void full(void)
{
	struct peer q[2];

	tcp_rig_open(&t, no_room);
	for (int i = 0; i < 2; i++) {
		peer_connects(&t, &q[i], 0);
		leat_tcp_close(t.r.lc, q[i].c);
		tcp_turn(&t);
		peer_gets(&q[i]);
		peer_sends(&q[i], TH_FIN | TH_ACK, 0);
		CU_ASSERT_EQUAL(peer_gets(&q[i]).ack, q[i].snd); // acknowledged in any case
	}
	CU_ASSERT_EQUAL(waiting(), 1);
	CU_ASSERT_EQUAL(leat_slab_refused(t.r.lc->tcp->tws), 1);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), 0);
	tcp_rig_close(&t);
}

int main(void)
{
	static const struct unit_case cases[] = {UNIT_CASE(sixty_seconds),
		UNIT_CASE(fin_comes_again), UNIT_CASE(resets), UNIT_CASE(other_segments),
		UNIT_CASE(reuse), UNIT_CASE(full)};

	return unit_eal_init() != 0 || UNIT_RUN("tcp_timewait", cases) != 0;
}
