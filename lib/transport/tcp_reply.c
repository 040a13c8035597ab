// SPDX-License-Identifier: BSD-3-Clause
// Segments without text, of nobody or of an object too small to be a connection: resets (RFC 9293,
// 3.5.2, 3.10.7.1), SYN,ACK and ACK of SYN_RCVD and TIME_WAIT. Sent at once. Called by whatever
// refuses a segment.
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "transport/tcp_private.h"

static struct rte_mbuf *build(
	struct leat_lcore *lc, const struct leat_flow_key *k, const struct leat_tcp_bare *b)
{
	struct rte_mbuf *m = leat_create(lc);
	uint8_t opt[TCP_OPTIONS_MAX];
	uint16_t opt_len = leat_tcp_options_write(opt, &b->opt);
	uint16_t len = sizeof(struct rte_tcp_hdr) + opt_len;
	struct rte_ipv4_hdr pseudo = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.next_proto_id = IPPROTO_TCP,
		.src_addr = leat_ip_be32(k->local),
		.dst_addr = leat_ip_be32(k->remote),
		.total_length = rte_cpu_to_be_16(sizeof(pseudo) + len),
	};
	struct rte_tcp_hdr *th;

	if (m == NULL)
		return NULL;
	th = (struct rte_tcp_hdr *)rte_pktmbuf_append(m, len);
	*th = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(k->local_port),
		.dst_port = rte_cpu_to_be_16(k->remote_port),
		.sent_seq = rte_cpu_to_be_32(b->seq),
		.recv_ack = rte_cpu_to_be_32(b->ack),
		.data_off = (uint8_t)(len / 4 << 4),
		.tcp_flags = b->flags,
		.rx_win = rte_cpu_to_be_16(b->wnd),
	};
	__builtin_memcpy(th + 1, opt, opt_len);
	m->l4_len = len;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4;
	th->cksum = rte_ipv4_phdr_cksum(&pseudo, m->ol_flags);
	return m;
}

void leat_tcp_bare_send(struct leat_lcore *lc, const struct leat_flow_key *k, struct leat_dst *dst,
	const struct leat_tcp_bare *b)
{
	struct leat_ip4_tx tx = {
		.src_be = leat_ip_be32(k->local),
		.dst_be = leat_ip_be32(k->remote),
		.proto = IPPROTO_TCP,
		.ttl = TCP_TTL,
		.df = true,
	};
	union leat_ip src = k->local;
	struct leat_dst own = {0};
	struct rte_mbuf *m;

	if (dst == NULL) {
		if (leat_ip_route(lc, &k->remote, 0, &own, &src) != 0)
			return;
		dst = &own;
	}
	m = build(lc, k, b);
	if (m == NULL)
		return;
	lc->tcp->stats.segs_out++;
	if (b->flags & TH_RST)
		lc->tcp->stats.resets_sent++;
	leat_ip4_output(lc, dst, &tx, &m, 1);
}

void leat_tcp_reset_sender(struct leat_lcore *lc, const struct leat_tcp_seg *seg)
{
	struct leat_tcp_bare b = {.seq = seg->ack, .flags = TH_RST};

	if (seg->flags & TH_RST)
		return; // never a reset for a reset
	if (!(seg->flags & TH_ACK)) {
		b.seq = 0;
		b.ack = seg->seq + seg->len + !!(seg->flags & TH_SYN) + !!(seg->flags & TH_FIN);
		b.flags = TH_RST | TH_ACK;
	}
	leat_tcp_bare_send(lc, &seg->key, NULL, &b);
}

void leat_tcp_reset_peer(struct leat_lcore *lc, struct leat_tcp_conn *c)
{
	struct leat_tcp_bare b = {
		.seq = c->snd_nxt,
		.ack = c->rcv_nxt,
		.flags = TH_RST | TH_ACK,
		.opt =
			{
				// RFC 7323, 3.2: a reset SHOULD have it too
				.ts = c->flags & TF_TS,
				.tsval = tcp_now_ms(lc) + c->ts_offset,
				.tsecr = c->ts_recent,
			},
	};

	if (c->state == TS_CLOSED || c->state == TS_SYN_SENT)
		return;
	if (leat_tcp_way(lc, c))
		leat_tcp_bare_send(lc, &c->key, &c->dst, &b);
}
