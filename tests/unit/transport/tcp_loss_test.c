// SPDX-License-Identifier: BSD-3-Clause
// Fast retransmit and fast recovery: RFC 5681, 6582, 3042.
#include "transport/tcp_rig.h"
#include "unit.h"

#define MSS 1460u

static struct tcp_rig t;
static struct peer p;
static uint32_t seq, first;

// n segments in flight, more to send; the host's window is n segments.
static void in_flight(uint32_t n)
{
	tcp_rig_open(&t, NULL);
	peer_connects(&t, &p, 0);
	seq = first = p.rcv;
	CU_ASSERT_EQUAL(host_writes(&p, &seq, 40 * MSS, 2000), 0);
	p.c->cwnd = n * MSS;
	tcp_turn(&t);
	CU_ASSERT_EQUAL(tcp_flush(&t), n);
}

static void ack(uint32_t segments)
{
	p.rcv = first + segments * MSS;
	peer_sends(&p, TH_ACK, 0);
}

static uint32_t got(struct tseg *s)
{
	CU_ASSERT_FATAL(tcp_get(&t, s));
	CU_ASSERT_EQUAL((s->seq - first) % MSS, 0);
	return (s->seq - first) / MSS;
}

static void fast_retransmit(void)
{
	struct tseg s;

	in_flight(10);
	ack(0);
	CU_ASSERT_EQUAL(got(&s), 10); // limited transmit
	ack(0);
	CU_ASSERT_EQUAL(got(&s), 11);
	ack(0);
	CU_ASSERT_EQUAL(got(&s), 0); // the third: sent again
	CU_ASSERT_EQUAL(s.len, MSS);
	CU_ASSERT(!tcp_get(&t, &s));
	CU_ASSERT_EQUAL(p.c->ssthresh, 5 * MSS);
	CU_ASSERT_EQUAL(p.c->cwnd, 8 * MSS);
	CU_ASSERT_EQUAL(leat_tcp_stats(t.r.lc)->fast_retransmits, 1);
	for (int i = 0; i < 4; i++) { // each says that one has left: 9, 10, 11, 12
		ack(0);
		CU_ASSERT(!tcp_get(&t, &s));
	}
	ack(0);
	CU_ASSERT_EQUAL(got(&s), 12);
	ack(13); // all of it
	CU_ASSERT(p.c->cwnd <= 5 * MSS);
	CU_ASSERT_EQUAL(p.c->flags & TF_RECOVERY, 0);
	tcp_rig_close(&t);
}

// Two lost: the partial ACK has the second sent at once.
static void partial_ack(void)
{
	struct tseg s;

	in_flight(10);
	for (int i = 0; i < 3; i++)
		ack(0);
	tcp_flush(&t);
	ack(4);
	CU_ASSERT_EQUAL(got(&s), 4);
	CU_ASSERT(p.c->flags & TF_RECOVERY);
	tcp_flush(&t);
	ack(6);
	CU_ASSERT_EQUAL(got(&s), 6);
	tcp_flush(&t);
	ack(12);
	CU_ASSERT_EQUAL(p.c->flags & TF_RECOVERY, 0);
	CU_ASSERT_EQUAL(leat_tcp_stats(t.r.lc)->fast_retransmits, 1);
	tcp_rig_close(&t);
}

// RFC 5681, 2: what is no duplicate ACK.
static void no_duplicates(void)
{
	struct tseg s;

	in_flight(10);
	for (int i = 0; i < 5; i++) {
		p.wnd -= 10; // a window update
		ack(0);
	}
	for (int i = 0; i < 5; i++)
		peer_text(&p, 10); // text
	CU_ASSERT_EQUAL(p.c->dupacks, 0);
	CU_ASSERT_EQUAL(leat_tcp_stats(t.r.lc)->fast_retransmits, 0);
	while (tcp_get(&t, &s))
		CU_ASSERT_EQUAL(s.len, 0);
	tcp_rig_close(&t);
}

// RFC 6582, 3.2, step 2: the echoes of what a timeout has sent again start nothing.
static void none_after_a_timeout(void)
{
	struct tseg s;

	in_flight(10);
	rig_run(&t.r, 1100 * TEST_MS);
	CU_ASSERT_EQUAL(got(&s), 0);
	CU_ASSERT_EQUAL(p.c->cwnd, MSS);
	CU_ASSERT_EQUAL(p.c->ssthresh, 5 * MSS);
	ack(1);
	tcp_flush(&t);
	for (int i = 0; i < 5; i++)
		ack(1);
	CU_ASSERT_EQUAL(leat_tcp_stats(t.r.lc)->fast_retransmits, 0);
	ack(20 > 10 ? 10 : 20);
	CU_ASSERT_EQUAL(p.c->state, TS_ESTABLISHED);
	tcp_rig_close(&t);
}

// Over the wrap of the host's own numbers.
static void wraps(void)
{
	struct tseg s;
	uint32_t iss;

	tcp_rig_open(&t, NULL);
	peer_init(&t, &p, 1234, 1000, 0);
	peer_sends(&p, TH_SYN, 0);
	iss = peer_gets(&p).seq;
	peer_sends(&p, TH_RST, 0);
	// The number follows the clock, 4.096 us a step: to 3,000 before the wrap.
	leat_clock_advance(t.r.s, (uint64_t)(0xffffffffu - 3000 - iss) << 12);
	tcp_turn(&t);
	peer_connects_from(&t, &p, 1234, 1000, 0);
	CU_ASSERT(p.irs > 0xffffffffu - 3100);
	seq = first = p.rcv;
	CU_ASSERT_EQUAL(host_writes(&p, &seq, 40 * MSS, 2000), 0);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(tcp_flush(&t), 10);
	for (int i = 0; i < 3; i++)
		ack(1); // the first new, two duplicates
	tcp_flush(&t);
	ack(1);
	CU_ASSERT_EQUAL(got(&s), 1);
	tcp_flush(&t);
	for (uint32_t i = 12; i <= 40; i++) {
		ack(i);
		while (tcp_get(&t, &s))
			for (uint32_t k = 0; k < s.len; k++)
				CU_ASSERT_FATAL(s.text[k] == stream_byte(p.irs, s.seq + k));
	}
	CU_ASSERT_EQUAL(p.c->snd_una, seq);
	CU_ASSERT_EQUAL(p.c->snd_max, seq);
	CU_ASSERT_PTR_NULL(p.c->snd_head);
	tcp_rig_close(&t);
}

int main(void)
{
	static const struct unit_case cases[] = {UNIT_CASE(fast_retransmit), UNIT_CASE(partial_ack),
		UNIT_CASE(no_duplicates), UNIT_CASE(none_after_a_timeout), UNIT_CASE(wraps)};

	return unit_eal_init() != 0 || UNIT_RUN("tcp_loss", cases) != 0;
}
