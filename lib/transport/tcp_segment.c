// SPDX-License-Identifier: BSD-3-Clause
// Segments of a connection as mbufs: a header of its own, and the text as references to the send
// queue, so that sending again never writes to what a device still reads. Little text is copied
// behind the header instead: that is cheaper than a second buffer. Called by tcp_output.c.
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_memcpy.h>
#include <rte_tcp.h>

#include "link/port.h"
#include "transport/tcp_private.h"

#define COPY_MAX 256
#define TEXT_SEGS 7      // of a plain packet: what the tightest of the common NICs take, less one
#define TEXT_SEGS_TSO 40 // of a superframe

// ---- the cursor ----

static void settle(struct leat_tcp_cursor *at)
{
	while (at->off == at->m->data_len && at->m->next != NULL) {
		at->m = at->m->next;
		at->off = 0;
	}
}

// Bytes from at on that lie in max_segs mbufs, at most len.
static uint32_t reach(struct leat_tcp_cursor at, uint32_t len, unsigned max_segs)
{
	uint32_t sum = 0;

	settle(&at);
	for (; at.m != NULL && max_segs > 0 && sum < len; max_segs--) {
		sum += at.m->data_len - at.off;
		at = (struct leat_tcp_cursor){at.m->next, 0};
	}
	return RTE_MIN(sum, len);
}

static void copy_text(struct rte_mbuf *h, struct leat_tcp_cursor *at, uint32_t len)
{
	char *to = rte_pktmbuf_append(h, (uint16_t)len);

	while (len > 0) {
		uint32_t n;

		settle(at);
		n = RTE_MIN(len, at->m->data_len - at->off);
		rte_memcpy(to, rte_pktmbuf_mtod_offset(at->m, const void *, at->off), n);
		at->off += n;
		to += n;
		len -= n;
	}
}

// Hang references to len bytes behind h. On failure h has those that could be had.
static bool refer_text(
	struct leat_lcore *lc, struct rte_mbuf *h, struct leat_tcp_cursor *at, uint32_t len)
{
	struct rte_mbuf *last = h;

	while (len > 0) {
		struct rte_mbuf *ref = rte_pktmbuf_alloc(lc->indirect_pool);
		uint32_t n;

		if (unlikely(ref == NULL))
			return false;
		settle(at);
		n = RTE_MIN(len, at->m->data_len - at->off);
		// Takes a reference to whatever has the bytes: the mbuf, the one that it refers to
		// itself, or an external buffer.
		rte_pktmbuf_attach(ref, at->m);
		ref->data_off += at->off;
		ref->data_len = ref->pkt_len = n;
		last->next = ref;
		last = ref;
		h->nb_segs++;
		h->pkt_len += n;
		at->off += n;
		len -= n;
	}
	return true;
}

uint32_t leat_tcp_plan(const struct leat_lcore *lc, const struct leat_tcp_burst *b,
	struct leat_tcp_cursor at, uint32_t len, bool *copy)
{
	bool chains = b->port->tx_offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	uint32_t room = lc->stack->conf.mbuf_size - TCP_HDR_MAX;
	uint32_t n;

	*copy = len <= room && (len <= COPY_MAX || !chains);
	if (*copy || len == 0)
		return len;
	n = reach(at, len, len > b->c->mss ? TEXT_SEGS_TSO : TEXT_SEGS);
	*copy = n < len && len <= room;
	return *copy ? len : n;
}

// ---- the header ----

// The window to tell; the right edge that it makes is remembered. It never moves to the left (RFC
// 9293, 3.8.6.2.2), so what the shift would round off is rounded up (RFC 7323, 2.3).
static uint16_t window(struct leat_lcore *lc, struct leat_tcp_conn *c, bool syn)
{
	uint32_t mask = (1u << c->rcv_wscale) - 1, field, kept;

	if (syn)
		return (uint16_t)RTE_MIN(c->rcv_buf, (uint32_t)UINT16_MAX);
	field = (leat_tcp_rcv_edge(lc, c) - c->rcv_nxt) >> c->rcv_wscale;
	kept = (c->rcv_adv - c->rcv_nxt + mask) >> c->rcv_wscale;
	field = RTE_MIN(RTE_MAX(field, kept), (uint32_t)UINT16_MAX);
	if (seq_gt(c->rcv_nxt + (field << c->rcv_wscale), c->rcv_adv))
		c->rcv_adv = c->rcv_nxt + (field << c->rcv_wscale);
	return (uint16_t)field;
}

static uint16_t write_header(struct leat_lcore *lc, struct leat_tcp_conn *c, struct rte_mbuf *h,
	uint32_t seq, uint8_t flags)
{
	bool syn = flags & TH_SYN;
	struct leat_tcp_options o = {
		.ts = c->flags & TF_TS,
		.ws = syn && c->flags & TF_WS,
		.wscale = c->rcv_wscale,
		.mss = syn ? leat_tcp_mss_of(c->dst.mtu) : 0,
		.tsval = tcp_now_ms(lc) + c->ts_offset,
		.tsecr = c->ts_recent,
	};
	uint8_t opt[TCP_OPTIONS_MAX];
	uint16_t opt_len = leat_tcp_options_write(opt, &o);
	uint16_t len = sizeof(struct rte_tcp_hdr) + opt_len;
	struct rte_tcp_hdr *th = (struct rte_tcp_hdr *)rte_pktmbuf_append(h, len);

	*th = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(c->key.local_port),
		.dst_port = rte_cpu_to_be_16(c->key.remote_port),
		.sent_seq = rte_cpu_to_be_32(seq),
		.recv_ack = flags & TH_ACK ? rte_cpu_to_be_32(c->rcv_nxt) : 0,
		.data_off = (uint8_t)(len / 4 << 4),
		.tcp_flags = flags,
		.rx_win = rte_cpu_to_be_16(window(lc, c, syn)),
	};
	__builtin_memcpy(th + 1, opt, opt_len);
	h->l4_len = len;
	return len;
}

// Ask for the checksum, and for cutting where it is more than a segment.
static void ask_offloads(const struct leat_tcp_conn *c, struct rte_mbuf *h, uint32_t text)
{
	struct rte_ipv4_hdr pseudo = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.next_proto_id = IPPROTO_TCP,
		.src_addr = leat_ip_be32(c->key.local),
		.dst_addr = leat_ip_be32(c->key.remote),
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(pseudo) + h->pkt_len)),
	};
	struct rte_tcp_hdr *th = rte_pktmbuf_mtod(h, struct rte_tcp_hdr *);

	h->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4;
	if (text > c->mss) {
		h->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		h->tso_segsz = c->mss;
	}
	th->cksum = rte_ipv4_phdr_cksum(&pseudo, h->ol_flags);
}

static void count_sent(
	struct leat_lcore *lc, struct leat_tcp_conn *c, uint32_t seq, uint8_t flags, uint32_t len)
{
	struct leat_tcp_stats *s = &lc->tcp->stats;

	s->segs_out++;
	s->bytes_out += len;
	if (len == 0 && !(flags & TH_FIN))
		return;
	c->last_send_ms = tcp_now_ms(lc);
	if (seq_lt(seq, c->snd_max)) {
		c->retransmits++;
		s->retransmits++;
	}
}

bool leat_tcp_emit(struct leat_lcore *lc, struct leat_tcp_burst *b, uint32_t seq, uint8_t flags,
	struct leat_tcp_cursor *at, uint32_t len, bool copy)
{
	struct leat_tcp_conn *c = b->c;
	struct leat_tcp_cursor to = at != NULL ? *at : (struct leat_tcp_cursor){0};
	struct rte_mbuf *h = leat_create(lc);

	if (unlikely(h == NULL))
		return false;
	write_header(lc, c, h, seq, flags);
	if (copy) {
		copy_text(h, &to, len);
	} else if (!refer_text(lc, h, &to, len)) {
		leat_drop(lc, h, LEAT_DROP_NO_MBUF);
		return false;
	}
	ask_offloads(c, h, len);
	if (at != NULL)
		*at = to;
	if (flags & TH_ACK) {
		c->last_ack = c->rcv_nxt;
		c->flags &= ~TF_ACK_NOW;
		c->delack_ns = 0;
	}
	count_sent(lc, c, seq, flags, len);
	b->pkts[b->n++] = h;
	b->sent++;
	b->room--;
	if (b->n == LEAT_BURST)
		leat_tcp_burst_flush(lc, b);
	return true;
}

void leat_tcp_burst_flush(struct leat_lcore *lc, struct leat_tcp_burst *b)
{
	struct leat_tcp_conn *c = b->c;
	struct leat_ip4_tx tx = {
		.src_be = leat_ip_be32(c->key.local),
		.dst_be = leat_ip_be32(c->key.remote),
		.proto = IPPROTO_TCP,
		.ttl = TCP_TTL,
		.df = !(c->flags & TF_NO_DF), // RFC 1191
	};

	if (b->n == 0)
		return;
	leat_ip4_output(lc, &c->dst, &tx, b->pkts, b->n);
	b->n = 0;
}
