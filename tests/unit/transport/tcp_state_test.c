// SPDX-License-Identifier: BSD-3-Clause
// The checks of RFC 9293, 3.10.7.4 for every state: what a segment makes of it, what is answered,
// and under which reason it is dropped.
#include <errno.h>

#include "transport/tcp_rig.h"
#include "unit.h"

static struct tcp_rig t;
static struct peer p;

// ---- into a state ----

static void into(enum leat_tcp_state s)
{
	tcp_rig_open(&t, NULL);
	peer_connects(&t, &p, PEER_TS);
	switch (s) {
	case TS_FIN_WAIT1:
	case TS_FIN_WAIT2:
	case TS_CLOSING:
		CU_ASSERT_EQUAL(leat_tcp_shutdown(t.r.lc, p.c), 0);
		tcp_turn(&t);
		if (s == TS_CLOSING) { // their FIN without an ACK of ours
			peer_sends(&p, TH_FIN | TH_ACK, 0);
			peer_gets(&p);
			CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_ACK);
		} else {
			CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_FIN | TH_ACK);
			if (s == TS_FIN_WAIT2)
				peer_sends(&p, TH_ACK, 0);
		}
		break;
	case TS_CLOSE_WAIT:
	case TS_LAST_ACK:
		peer_sends(&p, TH_FIN | TH_ACK, 0);
		CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_ACK);
		if (s == TS_LAST_ACK) {
			CU_ASSERT_EQUAL(leat_tcp_shutdown(t.r.lc, p.c), 0);
			tcp_turn(&t);
			CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_FIN | TH_ACK);
		}
		break;
	default:
		break;
	}
	CU_ASSERT_EQUAL_FATAL(p.c->state, s);
	CU_ASSERT(peer_gets_none(&p));
}

static const enum leat_tcp_state all[] = {
	TS_ESTABLISHED, TS_FIN_WAIT1, TS_FIN_WAIT2, TS_CLOSE_WAIT, TS_CLOSING, TS_LAST_ACK};

// ---- the table: in each state the same segment has the same fate ----

struct row {
	const char *what;
	uint8_t flags;
	int32_t seq, ack; // relative to what is expected
	uint32_t len;
	int32_t tsval; // relative to the last
	bool no_ts;
	uint8_t answer; // flags of it, 0: none
	enum leat_drop why;
	bool ends; // the connection, with ECONNRESET
};

static const struct row rows[] = {
	{"reset, exact", TH_RST, 0, 0, 0, 0, false, 0, LEAT_DROP_NONE, true},
	{"reset without timestamp", TH_RST, 0, 0, 0, 0, true, 0, LEAT_DROP_NONE, true},
	{"reset in the window", TH_RST, 1, 0, 0, 0, false, TH_ACK, LEAT_DROP_TCP_RST, false},
	{"reset before", TH_RST, -1, 0, 0, 0, false, 0, LEAT_DROP_TCP_SEQ, false},
	{"reset beyond", TH_RST, 2000000, 0, 0, 0, false, 0, LEAT_DROP_TCP_SEQ, false},
	{"SYN in the window", TH_SYN, 5, 0, 0, 0, false, TH_ACK, LEAT_DROP_TCP_SYN, false},
	{"SYN exact", TH_SYN, 0, 0, 0, 0, false, TH_ACK, LEAT_DROP_TCP_SYN, false},
	{"SYN,ACK in the window", TH_SYN | TH_ACK, 5, 0, 0, 0, false, TH_ACK, LEAT_DROP_TCP_SYN,
		false},
	{"SYN outside", TH_SYN, -500, 0, 0, 0, false, TH_ACK, LEAT_DROP_TCP_SEQ, false},
	{"no ACK", TH_PSH, 0, 0, 0, 0, false, 0, LEAT_DROP_TCP_FLAGS, false},
	{"nothing", 0, 0, 0, 0, 0, false, 0, LEAT_DROP_TCP_FLAGS, false},
	{"ACK of the future", TH_ACK, 0, 10, 0, 0, false, TH_ACK, LEAT_DROP_TCP_ACK, false},
	{"ACK of long ago", TH_ACK, 0, -10000000, 0, 0, false, TH_ACK, LEAT_DROP_TCP_ACK, false},
	{"before the window", TH_ACK, -1, 0, 0, 0, false, TH_ACK, LEAT_DROP_TCP_SEQ, false},
	{"old text", TH_ACK, -10, 0, 10, 0, false, TH_ACK, LEAT_DROP_TCP_OLD_DATA, false},
	{"beyond the window", TH_ACK, 2000000, 0, 1, 0, false, TH_ACK, LEAT_DROP_TCP_SEQ, false},
	{"old timestamp", TH_ACK, 0, 0, 5, -1, false, TH_ACK, LEAT_DROP_TCP_PAWS, false},
	{"no timestamp", TH_ACK, 0, 0, 5, 0, true, 0, LEAT_DROP_TCP_PAWS, false},
};

static void check_row(enum leat_tcp_state state, const struct row *r)
{
	struct tseg s, a;
	uint64_t before;
	uint32_t nxt;
	bool ok;

	into(state);
	before = tcp_drops(&t, r->why);
	nxt = p.c->rcv_nxt;
	s = peer_seg(&p, r->flags, r->len);
	s.seq += r->seq;
	s.ack += r->ack;
	s.tsval += r->tsval;
	s.has_ts = !r->no_ts;
	tcp_put(&t, &s);
	ok = tcp_get(&t, &a) == (r->answer != 0) && (r->answer == 0 || a.flags == r->answer);
	ok = ok && (r->answer == 0 || a.ack == nxt);
	ok = ok && (r->why == LEAT_DROP_NONE || tcp_drops(&t, r->why) == before + 1);
	ok = ok && p.c->state == (r->ends ? TS_CLOSED : state);
	ok = ok && (!r->ends || t.told[p.owner].error == ECONNRESET);
	ok = ok && peer_gets_none(&p);
	if (!ok) {
		printf("%s: %s: flags %x, now %s\n", leat_tcp_state_name(state), r->what, a.flags,
			leat_tcp_state_name(p.c->state));
		CU_FAIL("see the row above");
	}
	tcp_rig_close(&t);
}

static void table(void)
{
	for (size_t i = 0; i < RTE_DIM(all); i++)
		for (size_t k = 0; k < RTE_DIM(rows); k++)
			check_row(all[i], &rows[k]);
}

// ---- the way through the states ----

static void their_close_first(void)
{
	into(TS_CLOSE_WAIT);
	CU_ASSERT_EQUAL(t.told[p.owner].mask & (LEAT_EV_RDHUP | LEAT_EV_HUP), LEAT_EV_RDHUP);
	CU_ASSERT(leat_tcp_eof(p.c));
	CU_ASSERT(leat_tcp_send_space(p.c) > 0); // the other half is open
	leat_tcp_shutdown(t.r.lc, p.c);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_FIN | TH_ACK);
	CU_ASSERT_EQUAL(p.c->state, TS_LAST_ACK);
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(p.c->state, TS_CLOSED);
	CU_ASSERT(t.told[p.owner].mask & LEAT_EV_HUP);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->tws), 0);
	leat_tcp_close(t.r.lc, p.c);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), 0);
	tcp_rig_close(&t);
}

static void our_close_first(void)
{
	into(TS_FIN_WAIT2);
	CU_ASSERT_EQUAL(leat_tcp_send_space(p.c), 0);
	peer_text(&p, 10); // they may go on
	CU_ASSERT_EQUAL(leat_tcp_recv_avail(p.c), 10);
	peer_sends(&p, TH_FIN | TH_ACK, 0);
	CU_ASSERT_EQUAL(peer_gets(&p).ack, p.snd);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->tws), 1);
	CU_ASSERT(t.told[p.owner].mask & LEAT_EV_HUP);
	CU_ASSERT_EQUAL(leat_tcp_recv_avail(p.c), 10); // still to be read
	CU_ASSERT_EQUAL(leat_tcp_live(t.r.lc), 0);
	leat_tcp_close(t.r.lc, p.c);
	CU_ASSERT(peer_gets_none(&p));
	tcp_rig_close(&t);
}

static void both_close_at_once(void)
{
	into(TS_CLOSING);
	peer_sends(&p, TH_ACK, 0);
	CU_ASSERT_EQUAL(p.c->state, TS_CLOSED);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->tws), 1);
	CU_ASSERT(t.told[p.owner].mask & LEAT_EV_HUP);
	tcp_rig_close(&t);
}

// Their FIN acknowledges ours: FIN_WAIT1 to TIME_WAIT in one step.
static void fin_and_ack_in_one(void)
{
	into(TS_FIN_WAIT1);
	peer_sends(&p, TH_FIN | TH_ACK, 5);
	CU_ASSERT_EQUAL(peer_gets(&p).ack, p.snd);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->tws), 1);
	CU_ASSERT_EQUAL(leat_tcp_recv_avail(p.c), 5);
	tcp_rig_close(&t);
}

static void close_with_unread_text_resets(void)
{
	into(TS_ESTABLISHED);
	peer_text(&p, 10);
	leat_tcp_close(t.r.lc, p.c);
	tcp_turn(&t);
	CU_ASSERT(peer_gets(&p).flags & TH_RST);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), 0);
	tcp_rig_close(&t);
}

static void text_after_close_resets(void)
{
	into(TS_ESTABLISHED);
	leat_tcp_close(t.r.lc, p.c);
	tcp_turn(&t);
	CU_ASSERT_EQUAL(peer_gets(&p).flags, TH_FIN | TH_ACK);
	peer_text(&p, 10);
	CU_ASSERT(peer_gets(&p).flags & TH_RST);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_RCVBUF), 1);
	CU_ASSERT_EQUAL(leat_tcp_live(t.r.lc), 0);
	tcp_rig_close(&t);
}

static void fin_wait2_of_an_orphan_ends(void)
{
	into(TS_FIN_WAIT2);
	leat_tcp_close(t.r.lc, p.c);
	rig_run(&t.r, 59 * TEST_S);
	CU_ASSERT_EQUAL(leat_tcp_live(t.r.lc), 1);
	rig_run(&t.r, 2 * TEST_S);
	CU_ASSERT_EQUAL(leat_tcp_live(t.r.lc), 0);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), 0);
	CU_ASSERT(peer_gets_none(&p));
	tcp_rig_close(&t);
}

static void abort_resets(void)
{
	into(TS_CLOSE_WAIT);
	leat_tcp_abort(t.r.lc, p.c);
	tcp_turn(&t);
	CU_ASSERT(peer_gets(&p).flags & TH_RST);
	CU_ASSERT_EQUAL(leat_slab_in_use(t.r.lc->tcp->conns), 0);
	tcp_rig_close(&t);
}

// RFC 5961, 7: a budget a connection and second.
static void challenges_are_limited(void)
{
	struct peer q;

	into(TS_ESTABLISHED);
	peer_connects(&t, &q, 0);
	for (int i = 0; i < 50; i++) {
		struct tseg s = peer_seg(&p, TH_SYN, 0);

		tcp_put(&t, &s);
	}
	CU_ASSERT_EQUAL(tcp_flush(&t), TCP_CHALLENGES);
	CU_ASSERT_EQUAL(tcp_drops(&t, LEAT_DROP_TCP_SYN), 50);
	q.snd += 9;
	peer_sends(&q, TH_RST, 0); // the other connection has its own
	CU_ASSERT_EQUAL(tcp_flush(&t), 1);
	rig_run(&t.r, TEST_S);
	peer_sends(&p, TH_SYN, 0);
	CU_ASSERT_EQUAL(tcp_flush(&t), 1);
	tcp_rig_close(&t);
}

// RFC 7323, 5.5: after 24 days the timestamp says nothing.
static void paws_forgets(void)
{
	into(TS_ESTABLISHED);
	leat_clock_advance(t.r.s, 25 * 86400 * TEST_S);
	tcp_turn(&t);
	p.tsval -= 1000;
	peer_text(&p, 5);
	CU_ASSERT_EQUAL(leat_tcp_recv_avail(p.c), 5);
	CU_ASSERT_EQUAL(p.c->ts_recent, p.tsval);
	tcp_rig_close(&t);
}

int main(void)
{
	static const struct unit_case cases[] = {UNIT_CASE(table), UNIT_CASE(their_close_first),
		UNIT_CASE(our_close_first), UNIT_CASE(both_close_at_once),
		UNIT_CASE(fin_and_ack_in_one), UNIT_CASE(close_with_unread_text_resets),
		UNIT_CASE(text_after_close_resets), UNIT_CASE(fin_wait2_of_an_orphan_ends),
		UNIT_CASE(abort_resets), UNIT_CASE(challenges_are_limited),
		UNIT_CASE(paws_forgets)};

	return unit_eal_init() != 0 || UNIT_RUN("tcp_state", cases) != 0;
}
