// SPDX-License-Identifier: BSD-3-Clause
// TCP segments for this host: parsed, checked, and given to their owner: exact connection, then
// listener, then claim, then the kernel. Called by ip with batches. RFC 9293, 3.10.7.
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "ip/claim.h"
#include "pkt/cksum.h"
#include "pkt/pullup.h"
#include "transport/tcp_private.h"

static inline const struct rte_ipv4_hdr *ip_of(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, m->l2_len);
}

static inline const struct rte_tcp_hdr *tcp_of(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, m->l2_len + m->l3_len);
}

static enum leat_drop pull(
	struct leat_lcore *lc, struct rte_mbuf **m, uint32_t len, enum leat_drop too_short)
{
	int rc = leat_pkt_pullup(m, (uint16_t)len, lc->pool);

	if (likely(rc == 0))
		return LEAT_DROP_NONE;
	return rc == -ENOBUFS ? LEAT_DROP_NO_MBUF : too_short;
}

// Fill in seg from seg->m, which may become another mbuf. LEAT_DROP_NONE or why not.
static enum leat_drop parse(struct leat_lcore *lc, struct leat_tcp_seg *seg)
{
	uint32_t off = seg->m->l2_len + seg->m->l3_len, hdr_len;
	const struct rte_ipv4_hdr *ip;
	const struct rte_tcp_hdr *th;
	enum leat_drop why = pull(lc, &seg->m, off + sizeof(*th), LEAT_DROP_TCP_SHORT);

	if (unlikely(why != LEAT_DROP_NONE))
		return why;
	hdr_len = (tcp_of(seg->m)->data_off >> 4) * 4u;
	if (unlikely(hdr_len < sizeof(*th) || off + hdr_len > seg->m->pkt_len))
		return LEAT_DROP_TCP_HDR_LEN;
	why = pull(lc, &seg->m, off + hdr_len, LEAT_DROP_TCP_HDR_LEN);
	if (unlikely(why != LEAT_DROP_NONE))
		return why;
	ip = ip_of(seg->m);
	th = tcp_of(seg->m);
	seg->key = (struct leat_flow_key){
		.local = leat_ip_from_be32(ip->dst_addr),
		.remote = leat_ip_from_be32(ip->src_addr),
		.local_port = rte_be_to_cpu_16(th->dst_port),
		.remote_port = rte_be_to_cpu_16(th->src_port),
		.proto = IPPROTO_TCP,
		.family = AF_INET,
	};
	seg->seq = rte_be_to_cpu_32(th->sent_seq);
	seg->ack = rte_be_to_cpu_32(th->recv_ack);
	seg->wnd = rte_be_to_cpu_16(th->rx_win);
	seg->flags = th->tcp_flags;
	seg->payload = (uint16_t)(off + hdr_len);
	seg->len = seg->m->pkt_len - seg->payload;
	seg->mss = 0;
	seg->wscale = 0;
	seg->has_ts = seg->has_wscale = false;
	seg->tsval = seg->tsecr = 0;
	if (hdr_len > sizeof(*th))
		leat_tcp_options_parse((const uint8_t *)(th + 1), hdr_len - sizeof(*th), seg);
	return LEAT_DROP_NONE;
}

static inline bool is_group(uint32_t be)
{
	return (be & RTE_BE32(0xf0000000)) == RTE_BE32(0xe0000000) || be == UINT32_MAX;
}

// RFC 9293, 3.9.2.3, MUST-57 and MUST-63: TCP knows no groups.
static inline bool bad_address(const struct leat_tcp_seg *seg)
{
	return leat_meta(seg->m)->flags & LEAT_META_BROADCAST ||
	       is_group(leat_ip_be32(seg->key.local)) || is_group(leat_ip_be32(seg->key.remote));
}

static inline bool cksum_ok(const struct leat_tcp_seg *seg)
{
	uint32_t off = seg->m->l2_len + seg->m->l3_len;

	return leat_meta(seg->m)->flags & LEAT_META_L4_GOOD ||
	       leat_pkt_l4_cksum_ok4(seg->m, off, seg->m->pkt_len - off, ip_of(seg->m));
}

// Neither connection nor listener. The kernel answers for what nobody claims, and checks it itself.
static __rte_noinline void no_owner(struct leat_lcore *lc, struct leat_tcp_seg *seg)
{
	if (lc->stack->punt != NULL &&
		!leat_claim_match(lc->stack, IPPROTO_TCP, &seg->key.local, seg->key.local_port)) {
		leat_punt(lc, seg->m, LEAT_PUNT_LOCAL);
		return;
	}
	if (bad_address(seg)) {
		leat_drop(lc, seg->m, LEAT_DROP_TCP_ADDR);
		return;
	}
	if (!cksum_ok(seg)) {
		leat_drop(lc, seg->m, LEAT_DROP_TCP_CKSUM);
		return;
	}
	leat_tcp_reset_sender(lc, seg); // RFC 9293, 3.10.7.1
	leat_drop(lc, seg->m, LEAT_DROP_TCP_NO_PORT);
}

static void to_owner(struct leat_lcore *lc, void *obj, struct leat_tcp_seg *seg)
{
	lc->tcp->stats.segs_in++;
	switch (*(const uint8_t *)obj) {
	case LEAT_TCP_CONN:
		leat_tcp_conn_input(lc, obj, seg);
		break;
	case LEAT_TCP_SYN:
		leat_tcp_syn_input(lc, obj, seg);
		break;
	case LEAT_TCP_TW:
		leat_tcp_tw_input(lc, obj, seg);
		break;
	default:
		leat_tcp_listen_input(lc, obj, seg, NULL);
		break;
	}
}

static void input_one(struct leat_lcore *lc, struct rte_mbuf *m)
{
	struct leat_tcp_seg seg;
	enum leat_drop why;
	void *obj;

	seg.m = m;
	why = parse(lc, &seg);
	if (unlikely(why != LEAT_DROP_NONE)) {
		leat_drop(lc, seg.m, why);
		return;
	}
	obj = leat_demux_find(lc->tcp->demux, &seg.key);
	if (obj == NULL)
		obj = leat_demux_find_listener(lc->tcp->demux, &seg.key);
	if (unlikely(obj == NULL))
		no_owner(lc, &seg);
	else if (unlikely(bad_address(&seg)))
		leat_drop(lc, seg.m, LEAT_DROP_TCP_ADDR);
	else if (unlikely(!cksum_ok(&seg)))
		leat_drop(lc, seg.m, LEAT_DROP_TCP_CKSUM);
	else
		to_owner(lc, obj, &seg);
}

void leat_tcp_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_TCP_INPUT, n);

	for (uint16_t i = 0; i < n; i++)
		input_one(lc, pkts[i]);
	leat_stage_leave(lc, LEAT_STAGE_TCP_INPUT, f);
}
