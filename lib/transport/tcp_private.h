// SPDX-License-Identifier: BSD-3-Clause
// What the tcp_*.c files share. A segment that comes in goes through these, in this order:
//
//   tcp_input.c     parse, find the owner, checksum, hand over by what the owner is:
//     tcp_listen.c    LISTEN          tcp_synrcvd.c   SYN_RCVD of a passive open (64 bytes)
//     tcp_synsent.c   SYN_SENT        tcp_timewait.c  TIME_WAIT (48 bytes)
//     tcp_state.c     every other state: the checks of RFC 9293, 3.10.7.4 in their order, then
//       tcp_ack.c       what it acknowledges: RTT, window, send queue, states
//       tcp_loss.c      what its acknowledgement says about loss; congestion: tcp_newreno.c
//       tcp_data.c      its text and FIN: out-of-order queue, receive queue (tcp_rcvq.c), states
//   tcp_reply.c     nobody's: reset
//
// and what goes out:
//
//   tcp_user.c, tcp_open.c, tcp_timer.c, or any of the above: leat_tcp_output_later()
//   tcp_output.c    once a turn: what may be sent          tcp_segment.c   segments as mbufs
//
// tcp_conn.c makes and ends connections; tcp.c starts and ends a worker's TCP.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <rte_mbuf.h>

#include "core/lcore.h"
#include "core/slab.h"
#include "core/wheel.h"
#include "ip/ip.h"
#include "transport/demux.h"
#include "transport/tcp.h"
#include "transport/tcp_cc.h"
#include "transport/transport.h"

// First byte of whatever the demux holds.
enum leat_tcp_kind { LEAT_TCP_CONN = 1, LEAT_TCP_SYN, LEAT_TCP_TW, LEAT_TCP_LISTENER };

enum leat_tcp_state {
	TS_CLOSED,
	TS_LISTEN,
	TS_SYN_SENT,
	TS_SYN_RCVD,
	TS_ESTABLISHED,
	TS_FIN_WAIT1,
	TS_FIN_WAIT2,
	TS_CLOSE_WAIT,
	TS_CLOSING,
	TS_LAST_ACK,
	TS_TIME_WAIT,
	TS_MAX
};

enum { // timer kinds of the lcore's wheel
	LEAT_TIMER_TCP_CONN = 2,
	LEAT_TIMER_TCP_SYN = 3,
	LEAT_TIMER_TCP_TW = 4,
};

#define TH_FIN 0x01u
#define TH_SYN 0x02u
#define TH_RST 0x04u
#define TH_PSH 0x08u
#define TH_ACK 0x10u

#define ONE_MS UINT64_C(1000000) // in ns
#define ONE_S UINT64_C(1000000000)

#define TCP_RTO_INIT_US 1000000u   // RFC 6298, 2.1
#define TCP_RTO_AFTER_SYN 3000000u // RFC 6298, 5.7
// RFC 6298, 2.4 would have 1 s at least, of a time of coarse clocks; like the other stacks of today
// Leat keeps 200 ms above the smoothed RTT, more than any delayed acknowledgement in use.
#define TCP_RTO_MARGIN_US 200000u
#define TCP_RTO_MAX_US 60000000u              // RFC 6298, 2.5
#define TCP_RETRIES 15                        // R2 of RFC 9293, 3.8.3: some 13 minutes
#define TCP_ORPHAN_RETRIES 8                  // nobody waits for it any more
#define TCP_SYN_RETRIES 6                     // 127 s
#define TCP_SYNACK_RETRIES 5                  // 63 s
#define TCP_DELACK_NS (40 * ONE_MS)           // RFC 1122, 4.2.3.2: below 500 ms
#define TCP_TIME_WAIT_NS (60 * ONE_S)         // 2 MSL with an MSL of 30 s
#define TCP_ORPHAN_NS (60 * ONE_S)            // FIN_WAIT2, or a closed window, after close
#define TCP_PAWS_IDLE_MS (24u * 24 * 3600000) // RFC 7323, 5.5
#define TCP_CHALLENGES 10                     // a connection and second, RFC 5961, 7
#define TCP_OOO_MAX 256                       // segments
#define TCP_COALESCE 256                      // payloads up to this are copied together
#define TCP_RCVQ_MAX 16384                    // mbufs in a receive queue
#define TCP_MSS_DEFAULT 536u                  // RFC 9293, 3.7.1
#define TCP_MSS_MIN 64u                       // less is nobody's MTU; somebody's attack
#define TCP_MTU_MIN 552u                      // RFC 1191: below, send without DF
#define TCP_WSCALE_MAX 14                     // RFC 7323, 2.3
#define TCP_PORT_FIRST 49152u
#define TCP_PORT_COUNT 16384u
#define TCP_TTL 64

// struct leat_tcp_conn.flags
#define TF_TS (1u << 0)            // timestamps agreed on
#define TF_ACK_NOW (1u << 1)       // an ACK is to leave this turn
#define TF_ON_OUT (1u << 2)        // on the worker's list of output
#define TF_DEAD (1u << 3)          // not in the demux any more; waits for its owner to close
#define TF_OWNED (1u << 4)         // has an owner that is told events
#define TF_ORPHAN (1u << 5)        // the owner has closed
#define TF_FIN_QUEUED (1u << 6)    // FIN follows the data
#define TF_HAVE_FIN (1u << 7)      // the peer's FIN is known, at fin_seq
#define TF_FIN_RCVD (1u << 8)      // and everything before it has been received
#define TF_RECOVERY (1u << 9)      // fast recovery
#define TF_PARTIAL (1u << 10)      // a partial ACK has come in this recovery
#define TF_AFTER_RTO (1u << 11)    // slow start after a timeout, until recover is reached
#define TF_REXMIT (1u << 12)       // the first segment is to be sent again
#define TF_PERSIST (1u << 13)      // rexmt_ns is of a window probe
#define TF_PROBE (1u << 14)        // a window probe is to leave
#define TF_TIMING (1u << 15)       // the segment that ends at rtt_seq is being timed
#define TF_OUT_SHORT (1u << 16)    // the owner waits for LEAT_EV_OUT
#define TF_CWND_LIMITED (1u << 17) // cwnd held the last transmission back
#define TF_NODELAY (1u << 18)
#define TF_SYN_NOW (1u << 19) // SYN or SYN,ACK is to be sent
#define TF_NO_DF (1u << 20)   // a path with an MTU below TCP_MTU_MIN
#define TF_WS (1u << 21)      // window scaling agreed on

// A place in the send queue. off may be the mbuf's length: then it is before the next mbuf, if any.
struct leat_tcp_cursor {
	struct rte_mbuf *m; // NULL: the queue is empty
	uint32_t off;
};

struct leat_tcp_conn {
	// received: the first cache line
	uint8_t kind;
	uint8_t state;
	uint8_t dup_owed; // duplicate ACKs to send, one for each segment out of order (RFC
			  // 5681, 4.2)
	uint8_t retries;  // timeouts since the peer last acknowledged anything new
	uint32_t flags;
	uint32_t rcv_nxt;
	uint32_t rcv_adv;  // right edge of the window as the peer knows it
	uint32_t last_ack; // Last.ACK.sent
	uint32_t ts_recent;
	uint32_t rcv_queued;                  // bytes in rcv_head
	uint32_t rcv_n;                       // mbufs in rcv_head
	struct rte_mbuf *rcv_head, *rcv_tail; // in order: payload mbufs linked by ->next
	struct rte_mbuf *ooo_head; // by leat_meta.next, sorted by leat_meta.seq, disjoint
	uint16_t ooo_n;
	uint16_t rcv_mss; // largest segment of the peer's so far
	uint32_t fin_seq;

	// send and congestion control: the second
	uint32_t snd_una;
	uint32_t snd_nxt; // below snd_max: everything from here on is sent again
	uint32_t snd_max;
	uint32_t snd_end; // after the last byte queued
	uint32_t snd_wnd, snd_wl1, snd_wl2;
	uint32_t max_wnd;
	uint32_t cwnd, ssthresh;
	struct rte_mbuf *cur; // snd_nxt's place in the queue
	uint16_t cur_off;
	uint16_t head_off; // bytes of snd_head that are acknowledged
	uint16_t mss;      // payload of a full segment: options and path considered
	uint8_t dupacks;
	uint8_t snd_wscale;
	struct rte_mbuf *snd_head; // payload mbufs linked by ->next

	// time
	uint64_t rexmt_ns, delack_ns, life_ns; // deadlines, 0: none
	uint64_t timer_ns;                     // what the timer is armed for, 0: not
	struct leat_timer timer;
	uint32_t rto_us;
	uint32_t rtt_start_us;

	TAILQ_ENTRY(leat_tcp_conn) link; // of the list of output, or of the dead
	uint32_t srtt_us, rttvar_us;     // 0: no sample yet
	uint32_t rtt_seq;
	uint32_t recover;  // RFC 6582
	uint32_t snd_sml;  // end of the last segment sent that was not full
	uint32_t ca_acked; // bytes acknowledged towards the next increase of cwnd
	uint32_t last_send_ms;
	uint32_t ts_offset;
	uint32_t ts_recent_ms; // when ts_recent was set
	uint32_t owner;
	uint8_t challenge_s, challenge_n; // the second (low bits) and how many in it
	uint8_t rcv_wscale;
	uint8_t backoff; // of the RTO, as a shift
	uint8_t pending; // LEAT_EV_* before there was an owner

	// the way and the rest: cold but for the key and dst
	struct leat_flow_key key;
	struct leat_dst dst;
	const struct leat_tcp_cc *cc;
	struct rte_mbuf *snd_tail;
	struct leat_tcp_conn *accept_next;
	uint32_t iss;
	uint32_t retransmits, timeouts;
	uint32_t snd_buf, rcv_buf; // limits, bytes
	int32_t pos;               // in the demux
	uint16_t pmtu;             // 0: the route's
	uint16_t peer_mss;
	uint8_t error, soft_error; // errno numbers
};
_Static_assert(offsetof(struct leat_tcp_conn, snd_una) == 64, "receive state: one cache line");
_Static_assert(offsetof(struct leat_tcp_conn, rexmt_ns) == 128, "send state: one cache line");
// Slab objects are spaced by whole cache lines. rte_hash takes 48 bytes for a key with its pointer
// and up to 20 for its bucket and free slot, the demux 40 for its own copy of the key.
_Static_assert(sizeof(struct leat_tcp_conn) <= 384, "512 bytes with the demux entry");

// A passive open in SYN_RCVD.
struct leat_tcp_syn {
	uint8_t kind;
	uint8_t flags; // TF_TS, and SYN_WS
	uint16_t peer_mss;
	int32_t pos;
	struct leat_timer timer; // user: retries, challenges' second and count
	uint32_t listener;       // index in its slab
	uint32_t iss, irs;
	uint32_t ts_recent, ts_offset;
	uint32_t sent_us; // when the SYN,ACK was sent
	uint16_t wnd;     // of the SYN
	uint8_t snd_wscale;
	uint8_t spare;
};
#define SYN_TS 1u
#define SYN_WS 2u
_Static_assert(sizeof(struct leat_tcp_syn) <= 64, "SYN_RCVD");

struct leat_tcp_tw {
	uint8_t kind;
	uint8_t has_ts;
	uint16_t wnd; // as it stands in the header
	int32_t pos;
	struct leat_timer timer; // user: challenges' second and count
	uint32_t snd_nxt, rcv_nxt;
	uint32_t ts_recent, ts_offset;
};
_Static_assert(sizeof(struct leat_tcp_tw) <= 48, "TIME_WAIT");

struct leat_tcp_listener {
	uint8_t kind;
	uint32_t owner;
	uint32_t backlog, n_accept;
	struct leat_tcp_conn *accept_head, *accept_tail; // by accept_next
	struct leat_flow_key key;
	int32_t pos;
};

TAILQ_HEAD(leat_tcp_conns, leat_tcp_conn);

struct leat_tcp_lcore {
	struct leat_demux *demux;
	struct leat_slab *conns, *syns, *tws, *listeners;
	struct leat_tcp_conns out;  // connections with something to send
	struct leat_tcp_conns dead; // ended, waiting for their owners
	uint32_t n_out;
	uint32_t n_live; // connections in the demux
	uint32_t rcvbuf, sndbuf;
	// mbufs in all receive queues. From rx_soft on windows are not opened, from rx_hard on only
	// text that a reader waits for is taken: queues must not hold the whole pool, from which
	// packets are received and sent.
	uint32_t rx_held, rx_soft, rx_hard;
	uint8_t rcv_wscale; // that rcvbuf needs
	uint64_t ports_drawn;
	struct leat_tcp_stats stats;
};

// A segment received.
struct leat_tcp_seg {
	struct rte_mbuf *m;
	struct leat_flow_key key;
	uint32_t seq, ack;
	uint32_t len; // bytes of text
	uint32_t tsval, tsecr;
	uint16_t wnd;     // unscaled
	uint16_t payload; // offset of the text in m
	uint16_t mss;     // option; 0: none
	uint8_t flags;    // TH_*
	uint8_t wscale;   // option
	bool has_ts, has_wscale;
};

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}
static inline bool seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}
static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}
static inline bool seq_geq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

static inline uint32_t tcp_now_ms(const struct leat_lcore *lc)
{
	return (uint32_t)(lc->now_ns / ONE_MS);
}

static inline uint32_t tcp_now_us(const struct leat_lcore *lc)
{
	return (uint32_t)(lc->now_ns / 1000);
}

// The time for which the retransmission timer is set now.
static inline uint64_t tcp_rto_ns(const struct leat_tcp_conn *c)
{
	uint64_t us = (uint64_t)c->rto_us << c->backoff;

	return RTE_MIN(us, (uint64_t)TCP_RTO_MAX_US) * 1000;
}

static inline struct leat_tcp_cursor tcp_head(const struct leat_tcp_conn *c)
{
	return (struct leat_tcp_cursor){c->snd_head, c->head_off};
}

// ---- tcp_option.c ----
void leat_tcp_options_parse(const uint8_t *opt, uint32_t len, struct leat_tcp_seg *seg);
struct leat_tcp_options { // to write
	bool ts, ws;
	uint8_t wscale;
	uint16_t mss; // 0: none
	uint32_t tsval, tsecr;
};
#define TCP_OPTIONS_MAX 40
#define TCP_HDR_MAX 60u
uint16_t leat_tcp_options_write(uint8_t *to, const struct leat_tcp_options *o);

// ---- tcp_isn.c ----
struct leat_tcp_isn {
	uint32_t iss, ts_offset;
};
struct leat_tcp_isn leat_tcp_isn(const struct leat_lcore *lc, const struct leat_flow_key *k);
uint32_t leat_tcp_port_offset(struct leat_lcore *lc, const struct leat_flow_key *k);

// ---- tcp_conn.c ----
// A connection for a key, not yet in the demux; NULL when the slab is full.
struct leat_tcp_conn *leat_tcp_conn_new(struct leat_lcore *lc, const struct leat_flow_key *k);
void leat_tcp_conn_free(struct leat_lcore *lc, struct leat_tcp_conn *c);
// End a connection: out of the demux (unless `replaced` already), queues freed. Its owner is told
// and keeps it until it closes; without one that could, it is freed. c is not to be used after.
void leat_tcp_conn_end(
	struct leat_lcore *lc, struct leat_tcp_conn *c, bool replaced, uint32_t mask, int error);
void leat_tcp_event(struct leat_lcore *lc, struct leat_tcp_conn *c, uint32_t mask, int error);
// The handshake is complete on our side: initial windows, MSS.
void leat_tcp_established(struct leat_lcore *lc, struct leat_tcp_conn *c, bool lost_syn);
// Look the way up again if routes have changed. False without one now.
bool leat_tcp_way(struct leat_lcore *lc, struct leat_tcp_conn *c);
void leat_tcp_set_mss(struct leat_lcore *lc, struct leat_tcp_conn *c);
// Largest segment to announce to a peer over a way with this MTU.
static inline uint16_t leat_tcp_mss_of(uint16_t mtu)
{
	return mtu - 40;
}

// ---- tcp_timer.c ----
void leat_tcp_timer_conn(void *lc, struct leat_timer *t);
// Set a deadline of the connection (a field of it), in ns of the clock.
void leat_tcp_deadline(
	struct leat_lcore *lc, struct leat_tcp_conn *c, uint64_t *which, uint64_t at_ns);
void leat_tcp_rtt_sample(struct leat_tcp_conn *c, uint32_t us);

// ---- tcp_listen.c, tcp_synrcvd.c, tcp_synsent.c, tcp_timewait.c, tcp_state.c: take seg->m ----
// iss: 0, or the least initial sequence number (after a TIME_WAIT)
void leat_tcp_listen_input(struct leat_lcore *lc, struct leat_tcp_listener *l,
	struct leat_tcp_seg *seg, const uint32_t *least_iss);
void leat_tcp_accept_push(
	struct leat_lcore *lc, struct leat_tcp_listener *l, struct leat_tcp_conn *c);
void leat_tcp_syn_input(struct leat_lcore *lc, struct leat_tcp_syn *y, struct leat_tcp_seg *seg);
void leat_tcp_syn_reply(struct leat_lcore *lc, struct leat_tcp_syn *y);
void leat_tcp_syn_free(struct leat_lcore *lc, struct leat_tcp_syn *y, bool replaced);
void leat_tcp_timer_syn(void *lc, struct leat_timer *t);
void leat_tcp_synsent_input(
	struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg);
void leat_tcp_tw_input(struct leat_lcore *lc, struct leat_tcp_tw *w, struct leat_tcp_seg *seg);
void leat_tcp_timer_tw(void *lc, struct leat_timer *t);
// The connection's place is taken by a TIME_WAIT; its owner is told LEAT_EV_HUP. c is not to be
// used after.
void leat_tcp_time_wait(struct leat_lcore *lc, struct leat_tcp_conn *c);
void leat_tcp_conn_input(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg);
// May another challenge ACK be sent? A budget a connection (RFC 5961, 7): one of the whole host
// would be a side channel.
bool leat_tcp_challenge_ok(struct leat_lcore *lc, uint8_t *second, uint8_t *count);
void leat_tcp_challenge(struct leat_lcore *lc, struct leat_tcp_conn *c);

// ---- tcp_ack.c, tcp_data.c ----
// False: the segment has been taken, and the connection may be gone.
bool leat_tcp_ack_input(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg);
void leat_tcp_window_update(struct leat_tcp_conn *c, const struct leat_tcp_seg *seg);
void leat_tcp_data_input(struct leat_lcore *lc, struct leat_tcp_conn *c, struct leat_tcp_seg *seg);

// ---- tcp_rcvq.c ----
// Drop n bytes in front of / behind a packet's data, and what segments that empties. The packet
// keeps at least one byte.
struct rte_mbuf *leat_tcp_trim_head(struct rte_mbuf *m, uint32_t n);
void leat_tcp_rcvq_append(struct leat_tcp_lcore *t, struct leat_tcp_conn *c, struct rte_mbuf *m);
struct rte_mbuf *leat_tcp_rcvq_take(struct leat_lcore *lc, struct leat_tcp_conn *c, uint32_t max);
void leat_tcp_rcvq_free(struct leat_tcp_lcore *t, struct leat_tcp_conn *c);
// Queue a payload out of order. Returns LEAT_DROP_NONE (taken) or why not (the caller's still).
enum leat_drop leat_tcp_ooo_insert(
	struct leat_tcp_lcore *t, struct leat_tcp_conn *c, struct rte_mbuf *m, uint32_t seq);
void leat_tcp_ooo_deliver(struct leat_tcp_lcore *t, struct leat_tcp_conn *c);
void leat_tcp_ooo_free(struct leat_tcp_lcore *t, struct leat_tcp_conn *c);

// ---- tcp_sndq.c ----
void leat_tcp_sndq_append(struct leat_tcp_conn *c, struct rte_mbuf *chain);
void leat_tcp_sndq_acked(struct leat_tcp_conn *c, uint32_t bytes);
void leat_tcp_sndq_rewind(struct leat_tcp_conn *c); // snd_nxt = snd_una
void leat_tcp_sndq_free(struct leat_tcp_conn *c);

// ---- tcp_loss.c: what is lost, and when; the seam for other kinds of loss detection ----
void leat_tcp_loss_dupack(struct leat_lcore *lc, struct leat_tcp_conn *c);
// bytes newly acknowledged, snd_una has moved. Returns whether the retransmission timer starts
// anew.
bool leat_tcp_loss_acked(struct leat_lcore *lc, struct leat_tcp_conn *c, uint32_t bytes);
void leat_tcp_loss_timeout(struct leat_tcp_conn *c);

// ---- tcp_output.c, tcp_segment.c ----
void leat_tcp_output_later(struct leat_lcore *lc, struct leat_tcp_conn *c);
// Bytes that the receive window may be opened to, by RFC 9293, 3.8.6.2.2 (silly window).
uint32_t leat_tcp_rcv_edge(const struct leat_lcore *lc, const struct leat_tcp_conn *c);

struct leat_tcp_burst { // segments of one connection on their way out
	struct leat_tcp_conn *c;
	const struct leat_port *port;
	uint16_t room; // packets that the port still takes
	uint16_t n;
	uint16_t sent; // packets of this turn, those in pkts included
	struct rte_mbuf *pkts[LEAT_BURST];
};
void leat_tcp_burst_flush(struct leat_lcore *lc, struct leat_tcp_burst *b);
// How the next len bytes are carried: returns how many of them fit one packet, and whether by copy.
uint32_t leat_tcp_plan(const struct leat_lcore *lc, const struct leat_tcp_burst *b,
	struct leat_tcp_cursor at, uint32_t len, bool *copy);
// Build and add one segment. at is moved past the len bytes. False without mbufs: nothing has
// changed.
bool leat_tcp_emit(struct leat_lcore *lc, struct leat_tcp_burst *b, uint32_t seq, uint8_t flags,
	struct leat_tcp_cursor *at, uint32_t len, bool copy);

// ---- tcp_reply.c ----
struct leat_tcp_bare { // a segment without text, of nobody or of a small object
	uint32_t seq, ack;
	uint16_t wnd;
	uint8_t flags;
	struct leat_tcp_options opt;
};
void leat_tcp_bare_send(struct leat_lcore *lc, const struct leat_flow_key *k, struct leat_dst *dst,
	const struct leat_tcp_bare *b);
// Reset the sender of a segment (RFC 9293, 3.10.7.1). seg->m stays the caller's.
void leat_tcp_reset_sender(struct leat_lcore *lc, const struct leat_tcp_seg *seg);
// Reset our peer.
void leat_tcp_reset_peer(struct leat_lcore *lc, struct leat_tcp_conn *c);

// ---- tcp_info.c ----
const char *leat_tcp_state_name(enum leat_tcp_state s);
