// SPDX-License-Identifier: BSD-3-Clause
// Text and FIN that come in: order, overlaps, windows, acknowledgements, and the wrap of sequence
// numbers.
#include "transport/tcp_rig.h"
#include "unit.h"

static struct tcp_rig t;
static struct peer p;
static uint32_t seq; // of the reader

static void start(uint32_t iss, unsigned opt)
{
	tcp_rig_open(&t, NULL);
	peer_connects_from(&t, &p, 1234, iss, opt);
	seq = p.snd;
}

static void in_order(void)
{
	start(1000, PEER_TS);
	peer_text(&p, 1000);
	CU_ASSERT_EQUAL(t.told[p.owner].mask & LEAT_EV_IN, LEAT_EV_IN);
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 300), 300);
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 0), 700);
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 0), 0);
	tcp_rig_close(&t);
}

// RFC 5681, 4.2: every second full segment at once, a lone one in time.
static void acks_are_delayed(void)
{
	struct tseg s;

	start(1000, 0);
	peer_text(&p, 1460);
	CU_ASSERT(peer_gets_none(&p));
	peer_text(&p, 1460);
	CU_ASSERT_EQUAL(peer_gets(&p).ack, p.snd);
	peer_text(&p, 1460);
	CU_ASSERT(peer_gets_none(&p));
	rig_run(&t.r, 39 * TEST_MS);
	CU_ASSERT(peer_gets_none(&p));
	rig_run(&t.r, 4 * TEST_MS);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.ack, p.snd);
	CU_ASSERT_EQUAL(s.flags, TH_ACK);
	CU_ASSERT(peer_gets_none(&p));
	tcp_rig_close(&t);
}

static void gap_is_told_at_once(void)
{
	uint32_t first;

	start(1000, 0);
	first = p.snd;
	for (uint32_t i = 1; i <= 3; i++) { // a duplicate ACK for each (RFC 5681, 4.2)
		peer_text_at(&p, first + 100 * i, 100, TH_ACK);
		CU_ASSERT_EQUAL(peer_gets(&p).ack, first);
		CU_ASSERT(peer_gets_none(&p));
	}
	CU_ASSERT_EQUAL(leat_tcp_recv_avail(p.c), 0);
	peer_text(&p, 50); // part of the gap: at once as well
	CU_ASSERT_EQUAL(peer_gets(&p).ack, first + 50);
	peer_text(&p, 50);
	CU_ASSERT_EQUAL(peer_gets(&p).ack, first + 400);
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 0), 400);
	CU_ASSERT_EQUAL(p.c->ooo_n, 0);
	tcp_rig_close(&t);
}

static void overlaps(void)
{
	uint32_t a;

	start(1000, 0);
	a = p.snd;
	peer_text_at(&p, a + 100, 100, TH_ACK);
	peer_text_at(&p, a + 150, 100, TH_ACK); // behind: cut in front
	peer_text_at(&p, a + 50, 100, TH_ACK);  // before: cut behind
	peer_text_at(&p, a + 60, 20, TH_ACK);   // known
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_OLD_DATA), 1);
	peer_text_at(&p, a + 40, 300, TH_ACK); // over all
	CU_ASSERT_EQUAL(p.c->ooo_n, 1 + (p.c->ooo_n > 1));
	peer_text_at(&p, a, 45, TH_ACK);
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 0), 340);
	peer_text_at(&p, a + 300, 100, TH_ACK); // the front of it is old
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 0), 60);
	tcp_rig_close(&t);
}

static void wraps(void)
{
	start(0xffffffff - 300, PEER_TS);
	for (int i = 0; i < 5; i++)
		peer_text(&p, 100);
	peer_text_at(&p, p.snd + 100, 100, TH_ACK);
	peer_text(&p, 100);
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 0), 700);
	p.snd += 100;
	peer_sends(&p, TH_FIN | TH_ACK, 0);
	CU_ASSERT(leat_tcp_eof(p.c));
	tcp_rig_close(&t);
}

static void fin_out_of_order(void)
{
	uint32_t a;

	start(1000, 0);
	a = p.snd;
	peer_text_at(&p, a + 100, 50, TH_ACK | TH_FIN);
	CU_ASSERT_EQUAL(p.c->state, TS_ESTABLISHED);
	tcp_flush(&t);
	peer_text_at(&p, a + 150, 40, TH_ACK); // text behind a FIN is none
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_RCVBUF), 1);
	tcp_flush(&t);
	peer_text_at(&p, a, 100, TH_ACK);
	CU_ASSERT_EQUAL(p.c->state, TS_CLOSE_WAIT);
	CU_ASSERT_EQUAL(peer_gets(&p).ack, a + 151);
	CU_ASSERT(!leat_tcp_eof(p.c)); // not before it is read
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 0), 150);
	CU_ASSERT(leat_tcp_eof(p.c));
	tcp_rig_close(&t);
}

static void a_bare_fin_ahead(void)
{
	uint32_t a;

	start(1000, 0);
	a = p.snd;
	peer_text_at(&p, a + 10, 0, TH_ACK | TH_FIN);
	CU_ASSERT_EQUAL(p.c->state, TS_ESTABLISHED);
	CU_ASSERT_EQUAL(peer_gets(&p).ack, a);
	peer_text_at(&p, a, 10, TH_ACK);
	CU_ASSERT_EQUAL(p.c->state, TS_CLOSE_WAIT);
	CU_ASSERT_EQUAL(peer_gets(&p).ack, a + 11);
	tcp_rig_close(&t);
}

static void small_buffer(struct leat_stack_conf *conf)
{
	conf->limits.receive_buffer = 4000;
}

// The window closes, what goes beyond is not taken, and it opens by a useful step only.
static void window_closes_and_opens(void)
{
	struct tseg s;

	tcp_rig_open(&t, small_buffer);
	peer_connects_from(&t, &p, 1234, 1000, 0);
	seq = p.snd;
	for (int i = 0; i < 4; i++)
		peer_text(&p, 1000);
	while (tcp_get(&t, &s))
		;
	rig_run(&t.r, 100 * TEST_MS);
	tcp_flush(&t);
	CU_ASSERT_EQUAL(p.c->rcv_adv - p.c->rcv_nxt, 0);
	peer_text_at(&p, p.snd, 1, TH_ACK); // a window probe
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.wnd, 0);
	CU_ASSERT_EQUAL(s.ack, p.snd);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_RCVBUF), 1);
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 100), 100); // 3.8.6.2.2: too little to tell
	tcp_turn(&t);
	CU_ASSERT(peer_gets_none(&p));
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 2400), 2400);
	tcp_turn(&t);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.wnd, 2500);
	CU_ASSERT_EQUAL(s.ack, p.snd);
	tcp_rig_close(&t);
}

static void part_beyond_the_window(void)
{
	tcp_rig_open(&t, small_buffer);
	peer_connects_from(&t, &p, 1234, 1000, 0);
	seq = p.snd;
	p.mss = 9000;
	for (int i = 0; i < 3; i++)
		peer_text(&p, 1300);
	peer_text_at(&p, p.snd, 300, TH_ACK | TH_FIN); // 100 of 300, and no FIN
	CU_ASSERT_EQUAL(leat_tcp_recv_avail(p.c), 4000);
	CU_ASSERT_EQUAL(p.c->state, TS_ESTABLISHED);
	CU_ASSERT_EQUAL(host_reads(&p, &seq, 0), 4000);
	tcp_rig_close(&t);
}

// A FIN needs no buffer: it is taken right behind a full window.
static void fin_at_the_edge(void)
{
	tcp_rig_open(&t, small_buffer);
	peer_connects_from(&t, &p, 1234, 1000, 0);
	for (int i = 0; i < 4; i++)
		peer_text(&p, 1000);
	peer_sends(&p, TH_ACK | TH_FIN, 0);
	CU_ASSERT_EQUAL(p.c->state, TS_CLOSE_WAIT);
	tcp_rig_close(&t);
}

static void queue_of_pieces_is_bounded(void)
{
	start(1000, 0);
	for (uint32_t i = 0; i < TCP_OOO_MAX + 10; i++)
		peer_text_at(&p, p.snd + 10 + 2 * i, 1, TH_ACK);
	CU_ASSERT_EQUAL(p.c->ooo_n, TCP_OOO_MAX);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_OOO_FULL), 10);
	tcp_rig_close(&t);
}

static void few_mbufs(struct leat_stack_conf *conf)
{
	conf->mbufs = 1023;
}

// Queues that nobody reads must not take the whole pool.
static void memory_is_shared(void)
{
	struct peer q[4];

	tcp_rig_open(&t, few_mbufs);
	for (int i = 0; i < 4; i++)
		peer_connects(&t, &q[i], 0);
	for (int round = 0; round < 300; round++) // each leaves a gap, so nothing is put together
		for (int i = 0; i < 4; i++) {
			peer_text_at(&q[i], q[i].snd + 10 + 2 * (uint32_t)round, 1, TH_ACK);
			tcp_flush(&t);
		}
	CU_ASSERT(t.r.lc->tcp->rx_held <= 512);
	CU_ASSERT(tcp_drops(&t, LEAT_DROP_TCP_RCVBUF) > 0);
	peer_text(&q[0], 10); // what a reader waits for is taken all the same
	CU_ASSERT(leat_tcp_recv_avail(q[0].c) >= 10);
	tcp_rig_close(&t);
}

static void the_echo_is_of_the_first_unacknowledged(void)
{
	struct tseg s;

	start(1000, PEER_TS);
	p.tsval = 6000;
	peer_text(&p, 10);
	p.tsval = 6001; // RFC 7323, 4.3: it would hide our delay
	peer_text(&p, 10);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.tsecr, 6000);
	p.tsval = 6005; // out of order: not echoed
	peer_text_at(&p, p.snd + 100, 10, TH_ACK);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.tsecr, 6000);
	tcp_rig_close(&t);
}

int main(void)
{
	static const struct unit_case cases[] = {UNIT_CASE(in_order), UNIT_CASE(acks_are_delayed),
		UNIT_CASE(gap_is_told_at_once), UNIT_CASE(overlaps), UNIT_CASE(wraps),
		UNIT_CASE(fin_out_of_order), UNIT_CASE(a_bare_fin_ahead),
		UNIT_CASE(window_closes_and_opens), UNIT_CASE(part_beyond_the_window),
		UNIT_CASE(fin_at_the_edge), UNIT_CASE(queue_of_pieces_is_bounded),
		UNIT_CASE(memory_is_shared), UNIT_CASE(the_echo_is_of_the_first_unacknowledged)};

	return unit_eal_init() != 0 || UNIT_RUN("tcp_data", cases) != 0;
}
