// SPDX-License-Identifier: BSD-3-Clause
// What is sent and when: windows, Nagle, probes, retransmission by timeout, FIN, and that a
// device's buffers are left alone.
#include <errno.h>
#include <string.h>

#include "transport/tcp_rig.h"
#include "unit.h"

static struct tcp_rig t;
static struct peer p;
static uint32_t seq; // of the writer

static void start(unsigned opt)
{
	tcp_rig_open(&t, NULL);
	peer_connects(&t, &p, opt);
	seq = p.rcv;
}

static uint32_t take_all(unsigned *n)
{
	uint32_t bytes = 0;
	struct tseg s;

	for (*n = 0; tcp_get(&t, &s); (*n)++) {
		bytes += s.len;
		for (uint32_t i = 0; i < s.len; i++)
			CU_ASSERT_FATAL(s.text[i] == stream_byte(p.irs, s.seq + i));
		p.rcv = s.seq + s.len + !!(s.flags & TH_FIN);
		if (s.has_ts)
			p.tsecr = s.tsval;
	}
	return bytes;
}

static void initial_window(void)
{
	unsigned n;

	start(PEER_TS);
	CU_ASSERT_EQUAL(host_writes(&p, &seq, 60000, 2000), 0);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(take_all(&n), 10 * 1448); // RFC 6928
	CU_ASSERT_EQUAL(n, 10);
	peer_sends(&p, TH_ACK, 0); // RFC 3465: two segments more for the ACK of ten
	CU_ASSERT_EQUAL(take_all(&n), 12 * 1448);
	tcp_rig_close(&t);
}

static void peers_window_bounds(void)
{
	struct tseg s;

	start(0);
	p.wnd = 2000;
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(host_writes(&p, &seq, 5000, 2000), 0);
	tcp_turn(&t);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.len, 1460);
	// 540 are left: neither a segment nor half of the largest window (RFC 9293, 3.8.6.2.1)
	CU_ASSERT(peer_gets_none(&p));
	tcp_rig_close(&t);
}

static void nagle(void)
{
	start(0);
	host_writes(&p, &seq, 10, 10);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(peer_gets(&p).len, 10);
	host_writes(&p, &seq, 10, 10);
	host_writes(&p, &seq, 10, 10);
	tcp_turn(&t);
	CU_ASSERT(peer_gets_none(&p)); // until the first is acknowledged
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(peer_gets(&p).len, 20);
	host_writes(&p, &seq, 10, 10);
	leat_tcp_set_nodelay(t.r.lc, p.c, true);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(peer_gets(&p).len, 10);
	tcp_rig_close(&t);
}

static void small_writes_share_a_buffer(void)
{
	unsigned before, n;

	start(0);
	host_writes(&p, &seq, 10, 10);
	tcp_turn(&t);
	peer_gets(&p);
	before = rte_mempool_in_use_count(t.r.lc->pool);
	for (int i = 0; i < 100; i++)
		host_writes(&p, &seq, 10, 10);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(t.r.lc->pool), before);
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(take_all(&n), 1000);
	CU_ASSERT_EQUAL(n, 1);
	tcp_rig_close(&t);
}

static void acks_ride_on_text(void)
{
	struct tseg s;

	start(0);
	s = peer_seg(&p, TH_ACK, 1460);
	peer_text(&p, 100);
	host_writes(&p, &seq, 10, 10);
	tcp_turn(&t);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.len, 10);
	CU_ASSERT_EQUAL(s.ack, p.snd);
	rig_run(&t.r, 100 * TEST_MS);
	CU_ASSERT(peer_gets_none(&p)); // no delayed ACK is left
	tcp_rig_close(&t);
}

// RFC 6298: 200 ms beyond the RTT, doubled each time, the whole window from the front; then given
// up.
static void timeouts(void)
{
	uint64_t at = 0, last = 0;
	unsigned n = 0;

	start(0);
	rig_run(&t.r, 10 * TEST_MS);
	host_writes(&p, &seq, 3000, 1000);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(tcp_flush(&t), 3);
	for (; at < 1000000 && p.c->state != TS_CLOSED; at += 10) {
		struct tseg s;

		rig_run(&t.r, 10 * TEST_MS);
		if (!tcp_get(&t, &s))
			continue;
		CU_ASSERT_EQUAL(s.seq, p.rcv);
		CU_ASSERT_EQUAL(s.len, 1460); // a loss window of one segment
		CU_ASSERT(!tcp_get(&t, &s));
		if (n > 1 && at - last < 50000)
			CU_ASSERT(at - last >= 200u << (n - 1));
		last = at;
		n++;
	}
	CU_ASSERT_EQUAL(n, TCP_RETRIES);
	CU_ASSERT_EQUAL(t.told[p.owner].error, ETIMEDOUT);
	CU_ASSERT(t.told[p.owner].mask & LEAT_EV_ERR);
	CU_ASSERT_EQUAL(leat_tcp_stats(t.r.lc)->timeouts, TCP_RETRIES);
	CU_ASSERT_EQUAL(leat_tcp_send(t.r.lc, p.c, NULL), -ETIMEDOUT);
	leat_tcp_close(t.r.lc, p.c);
	tcp_rig_close(&t);
}

// After a timeout the peer's ACK jumps over what it had: nothing of that is sent again.
static void ack_jumps_over_what_arrived(void)
{
	struct tseg s;

	start(0);
	host_writes(&p, &seq, 4 * 1460, 2000);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(tcp_flush(&t), 4);
	rig_run(&t.r, 500 * TEST_MS);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.len, 1460);
	p.rcv = s.seq + 3 * 1460;
	tcp_flush(&t);
	peer_sends(&p, TH_ACK, 0);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.seq, p.rcv - 1460);
	CU_ASSERT(peer_gets_none(&p));
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(p.c->snd_una, p.c->snd_max);
	CU_ASSERT_PTR_NULL(p.c->snd_head);
	tcp_rig_close(&t);
}

// RFC 9293, 3.8.6.1.
static void window_probes(void)
{
	struct tseg s;
	unsigned n;

	start(0);
	p.wnd = 0;
	peer_sends(&p, TH_ACK, 0);
	host_writes(&p, &seq, 3000, 2000);
	leat_tcp_shutdown(t.r.lc, p.c);
	tcp_turn(&t);
	CU_ASSERT(peer_gets_none(&p));
	for (int i = 0; i < 40; i++) { // for ever, as long as the peer answers
		for (int k = 0; k < 61 && !tcp_get(&t, &s); k++)
			rig_run(&t.r, TEST_S);
		CU_ASSERT_EQUAL_FATAL(s.len, 1);
		CU_ASSERT_EQUAL(s.seq, p.rcv);
		tcp_flush(&t);
		peer_sends(&p, TH_ACK, 0);
	}
	CU_ASSERT_EQUAL(p.c->state, TS_FIN_WAIT1);
	CU_ASSERT_EQUAL(leat_tcp_stats(t.r.lc)->timeouts, 0);
	p.wnd = 10000;
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(take_all(&n), 3000);
	CU_ASSERT_EQUAL(p.rcv, seq + 1); // the FIN too
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(p.c->state, TS_FIN_WAIT2);
	tcp_rig_close(&t);
}

static void probe_is_accepted(void)
{
	struct tseg s;
	unsigned n;

	start(0);
	p.wnd = 0;
	peer_sends(&p, TH_ACK, 0);
	host_writes(&p, &seq, 100, 100);
	tcp_turn(&t);
	rig_run(&t.r, 1100 * TEST_MS);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.len, 1);
	tcp_flush(&t);
	p.wnd = 5000;
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(take_all(&n), 99);
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(p.c->snd_una, seq);
	tcp_rig_close(&t);
}

static void silent_peer_with_closed_window(void)
{
	start(0);
	p.wnd = 0;
	peer_sends(&p, TH_ACK, 0);
	host_writes(&p, &seq, 100, 100);
	for (int i = 0; i < 1500 && p.c->state != TS_CLOSED; i++) {
		rig_run(&t.r, TEST_S);
		tcp_flush(&t);
	}
	CU_ASSERT_EQUAL(t.told[p.owner].error, ETIMEDOUT);
	leat_tcp_close(t.r.lc, p.c);
	tcp_rig_close(&t);
}

// An orphan can't wait for ever for a window.
static void orphan_with_closed_window(void)
{
	struct tseg s;

	start(0);
	p.wnd = 0;
	peer_sends(&p, TH_ACK, 0);
	host_writes(&p, &seq, 100, 100);
	leat_tcp_close(t.r.lc, p.c);
	for (int i = 0; i < 70 && leat_tcp_live(t.r.lc) != 0; i++) {
		rig_run(&t.r, TEST_S);
		while (tcp_get(&t, &s))
			;
		if (leat_tcp_live(t.r.lc) != 0)
			peer_sends(&p, TH_ACK, 0);
	}
	CU_ASSERT_EQUAL(leat_tcp_live(t.r.lc), 0);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), 0);
	tcp_rig_close(&t);
}

static void fin_goes_with_the_last_text(void)
{
	struct tseg s;

	start(0);
	host_writes(&p, &seq, 10, 10);
	leat_tcp_shutdown(t.r.lc, p.c);
	CU_ASSERT_EQUAL(leat_tcp_send(t.r.lc, p.c, NULL), -EPIPE);
	tcp_turn(&t);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.flags, TH_ACK | TH_PSH | TH_FIN);
	CU_ASSERT_EQUAL(s.len, 10);
	tcp_rig_close(&t);
}

static void a_fin_is_sent_again(void)
{
	start(0);
	leat_tcp_close(t.r.lc, p.c);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_ACK | TH_FIN);
	p.rcv--;
	rig_run(&t.r, 1100 * TEST_MS);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_ACK | TH_FIN);
	tcp_rig_close(&t);
}

static void room_is_told(void)
{
	unsigned n;

	start(0);
	t.told[p.owner].mask = 0;
	while (leat_tcp_send_space(p.c) >= 20000)
		CU_ASSERT_EQUAL(host_writes(&p, &seq, 20000, 2000), 0);
	CU_ASSERT_EQUAL(host_writes(&p, &seq, 20000, 2000), -EAGAIN);
	tcp_turn(&t);
	for (int i = 0; i < 1000 && !(t.told[p.owner].mask & LEAT_EV_OUT); i++) {
		take_all(&n);
		CU_ASSERT(leat_tcp_send_space(p.c) < p.c->snd_buf / 3);
		peer_sends(&p, TH_ACK, 0);
	}
	CU_ASSERT(t.told[p.owner].mask & LEAT_EV_OUT);
	CU_ASSERT(leat_tcp_send_space(p.c) >= p.c->snd_buf / 3);
	tcp_rig_close(&t);
}

// What a device still holds is not changed by an acknowledgement, a retransmission or a close.
static void buffers_in_flight_are_left_alone(void)
{
	struct rte_mbuf *kept[4];
	uint8_t before[4][2000], after[2000];

	start(0);
	host_writes(&p, &seq, 4 * 1460, 2000);
	tcp_turn(&t);
	for (int i = 0; i < 4; i++) {
		kept[i] = rig_take(&t.r);
		CU_ASSERT_PTR_NOT_NULL_FATAL(kept[i]);
		CU_ASSERT(kept[i]->nb_segs > 1); // references, no copies
		rte_memcpy(before[i], rte_pktmbuf_read(kept[i], 0, kept[i]->pkt_len, after),
			kept[i]->pkt_len);
	}
	rig_run(&t.r, 300 * TEST_MS);
	p.rcv += 2 * 1460;
	peer_sends(&p, TH_ACK, 0);
	leat_tcp_abort(t.r.lc, p.c);
	tcp_turn(&t);
	for (int i = 0; i < 4; i++) {
		const void *now = rte_pktmbuf_read(kept[i], 0, kept[i]->pkt_len, after);

		CU_ASSERT_EQUAL(memcmp(before[i], now, kept[i]->pkt_len), 0);
		rte_pktmbuf_free(kept[i]);
	}
	tcp_rig_close(&t);
}

// Text in indirect and in external buffers, as an application's own.
static void any_kind_of_buffer(void)
{
	struct rte_mbuf *own, *ref;
	struct tseg s;

	start(0);
	own = rte_pktmbuf_alloc(t.r.lc->pool);
	ref = rte_pktmbuf_alloc(t.r.lc->indirect_pool);
	rte_pktmbuf_append(own, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		rte_pktmbuf_mtod(own, uint8_t *)[i] = stream_byte(p.irs, seq + i - 100);
	rte_pktmbuf_attach(ref, own);
	rte_pktmbuf_adj(ref, 100);
	CU_ASSERT_EQUAL(leat_tcp_send(t.r.lc, p.c, ref), 0);
	rte_pktmbuf_free(own); // the reference lives on
	tcp_turn(&t);
	s = peer_gets(&p);
	CU_ASSERT_EQUAL(s.len, 900);
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_PTR_NULL(p.c->snd_head);
	tcp_rig_close(&t);
}

// More mbufs than a packet may have: copied, or cut.
static void text_in_crumbs(void)
{
	unsigned n;

	start(0);
	host_writes(&p, &seq, 3000, 300);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(take_all(&n), 3000);
	CU_ASSERT_EQUAL(n, 3);
	tcp_rig_close(&t);
}

static void empty_pool(void)
{
	struct rte_mbuf *m[8192];
	unsigned n = 0, got;

	start(0);
	host_writes(&p, &seq, 3000, 2000);
	while ((m[n] = rte_pktmbuf_alloc(t.r.lc->pool)) != NULL)
		n++;
	for (int i = 0; i < 5; i++)
		tcp_turn(&t);
	CU_ASSERT(peer_gets_none(&p));
	rte_pktmbuf_free_bulk(m, n);
	tcp_turn(&t); // it has stayed on the list
	CU_ASSERT_EQUAL(take_all(&got), 3000);
	tcp_rig_close(&t);
}

// RFC 5681, 4.1: a window unused for an RTO is not trusted.
static void restarts_after_idle(void)
{
	unsigned n;

	start(0);
	host_writes(&p, &seq, 100000, 2000);
	tcp_turn(&t);
	for (int i = 0; i < 20; i++) {
		take_all(&n);
		peer_sends(&p, TH_ACK, 0);
	}
	CU_ASSERT(p.c->cwnd > 12 * 1460);
	rig_run(&t.r, 2 * TEST_S);
	host_writes(&p, &seq, 100000, 2000);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(take_all(&n), 10 * 1460);
	tcp_rig_close(&t);
}

int main(void)
{
	static const struct unit_case cases[] = {UNIT_CASE(initial_window),
		UNIT_CASE(peers_window_bounds), UNIT_CASE(nagle),
		UNIT_CASE(small_writes_share_a_buffer), UNIT_CASE(acks_ride_on_text),
		UNIT_CASE(timeouts), UNIT_CASE(ack_jumps_over_what_arrived),
		UNIT_CASE(window_probes), UNIT_CASE(probe_is_accepted),
		UNIT_CASE(silent_peer_with_closed_window), UNIT_CASE(orphan_with_closed_window),
		UNIT_CASE(fin_goes_with_the_last_text), UNIT_CASE(a_fin_is_sent_again),
		UNIT_CASE(room_is_told), UNIT_CASE(buffers_in_flight_are_left_alone),
		UNIT_CASE(any_kind_of_buffer), UNIT_CASE(text_in_crumbs), UNIT_CASE(empty_pool),
		UNIT_CASE(restarts_after_idle)};

	return unit_eal_init() != 0 || UNIT_RUN("tcp_output", cases) != 0;
}
