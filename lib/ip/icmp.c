// SPDX-License-Identifier: BSD-3-Clause
// ICMP for this host: answers echo requests, hands errors to the owner of the flow they quote,
// gives the rest to the kernel. Called by ip4_local.c as the input of IPPROTO_ICMP. RFC 792; RFC
// 1122, 3.2.2.
#include "ip/icmp.h"

#include <errno.h>
#include <string.h>
#include <rte_icmp.h>

#include "ip/ip_private.h"
#include "pkt/cksum.h"

#define QUOTE_MAX (8 + 60 + 8) // ICMP header, longest IP header, the least of the rest (RFC 792)

// The kernel's; without one, nobody's.
static void give(struct leat_lcore *lc, struct rte_mbuf *m)
{
	if (lc->stack->punt != NULL)
		leat_punt(lc, m, LEAT_PUNT_LOCAL);
	else
		leat_drop(lc, m, LEAT_DROP_ICMP_TYPE);
}

// ---- echo ----

// What receiving left on a packet means nothing to its sending.
static void forget_receive(struct rte_mbuf *m)
{
	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	m->tx_offload = 0;
	m->vlan_tci = 0;
	m->packet_type = 0;
	*leat_meta(m) = (struct leat_meta){0};
	leat_pkt_unpoison(m);
}

// Answer in place: the same buffers with a header of our own. RFC 1122, 3.2.2.6.
static void echo_input(struct leat_lcore *lc, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);
	union leat_ip to = leat_ip_from_be32(ip->src_addr), from = leat_ip_from_be32(ip->dst_addr);
	uint16_t hdr = m->l2_len + m->l3_len;
	struct leat_ip4_tx tx = {.src_be = ip->dst_addr,
		.dst_be = ip->src_addr,
		.proto = IPPROTO_ICMP,
		.ttl = LEAT_IP_TTL,
		.tos = ip->type_of_service};
	struct rte_icmp_hdr *icmp;
	struct leat_dst dst;
	uint32_t sum;
	int rc = leat_ip_route(lc, &to, 0, &dst, &from);

	if (rc == -EXDEV) { // the way back is the kernel's
		give(lc, m);
		return;
	}
	if (rc != 0) {
		leat_drop(lc, m, LEAT_DROP_IP4_NO_ROUTE);
		return;
	}
	if (!leat_ip_unshare(lc, &m, hdr + sizeof(*icmp))) {
		leat_drop(lc, m, LEAT_DROP_NO_MBUF);
		return;
	}
	icmp = (struct rte_icmp_hdr *)rte_pktmbuf_adj(m, hdr);
	icmp->icmp_type = LEAT_ICMP_ECHO_REPLY;
	sum = (uint32_t)icmp->icmp_cksum + RTE_BE16(LEAT_ICMP_ECHO << 8); // RFC 1624
	icmp->icmp_cksum = (uint16_t)(sum + (sum >> 16));
	forget_receive(m);
	leat_ip4_output(lc, &dst, &tx, &m, 1);
}

// ---- errors ----

// Read what the error says of a packet of ours. Returns false when it can't be one of the fast
// path's.
static bool parse_error(struct leat_lcore *lc, struct rte_mbuf *m, struct leat_icmp_error *e)
{
	uint32_t off = m->l2_len + m->l3_len, len = m->pkt_len - off, inner_len;
	uint8_t copy[QUOTE_MAX];
	const struct rte_ipv4_hdr *ip;
	const uint8_t *p, *l4;

	len = RTE_MIN(len, (uint32_t)sizeof(copy));
	p = rte_pktmbuf_read(m, off, len, copy);
	if (p == NULL || len < 8 + sizeof(*ip) + 8)
		return false;
	ip = (const struct rte_ipv4_hdr *)(p + 8);
	inner_len = rte_ipv4_hdr_len(ip);
	if (ip->version_ihl >> 4 != 4 || inner_len < sizeof(*ip) || len < 8 + inner_len + 8)
		return false;
	if ((ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) != 0)
		return false; // no ports in it
	if (leat_fib_lookup4(lc->stack, ip->src_addr)->type != LEAT_ROUTE_LOCAL)
		return false; // not ours
	l4 = (const uint8_t *)ip + inner_len;
	*e = (struct leat_icmp_error){
		.type = p[0],
		.code = p[1],
		.proto = ip->next_proto_id,
		.from = leat_ip_from_be32(leat_ip4_hdr(m)->src_addr),
		.local = leat_ip_from_be32(ip->src_addr),
		.remote = leat_ip_from_be32(ip->dst_addr),
		.local_port = (uint16_t)(l4[0] << 8 | l4[1]),
		.remote_port = (uint16_t)(l4[2] << 8 | l4[3]),
		.seq = (uint32_t)l4[4] << 24 | (uint32_t)l4[5] << 16 | (uint32_t)l4[6] << 8 | l4[7],
	};
	if (e->type == LEAT_ICMP_UNREACH && e->code == LEAT_ICMP_UNREACH_FRAG)
		e->mtu = (uint16_t)(p[6] << 8 | p[7]); // RFC 1191, 4
	return true;
}

static void error_input(struct leat_lcore *lc, struct rte_mbuf *m)
{
	struct leat_icmp_error e;
	leat_proto_error_fn fn = NULL;

	if (parse_error(lc, m, &e))
		fn = lc->stack->proto_error[e.proto];
	if (fn != NULL && fn(lc, &e))
		leat_consume(lc, m);
	else
		give(lc, m);
}

// ---- input ----

static enum leat_drop check(struct leat_lcore *lc, struct rte_mbuf **pm)
{
	uint32_t off = (*pm)->l2_len + (*pm)->l3_len;
	uint16_t sum;

	if ((*pm)->pkt_len < off + sizeof(struct rte_icmp_hdr))
		return LEAT_DROP_ICMP_SHORT;
	if (leat_pkt_pullup(pm, (uint16_t)(off + sizeof(struct rte_icmp_hdr)), lc->pool) != 0)
		return LEAT_DROP_NO_MBUF;
	if (leat_pkt_sum(*pm, off, (*pm)->pkt_len - off, &sum) != 0 || sum != 0xffff)
		return LEAT_DROP_ICMP_CKSUM;
	return 0;
}

static void input_one(struct leat_lcore *lc, struct rte_mbuf *m)
{
	enum leat_drop why = check(lc, &m);
	uint8_t type;

	if (unlikely(why != 0)) {
		leat_drop(lc, m, why);
		return;
	}
	type = *rte_pktmbuf_mtod_offset(m, const uint8_t *, m->l2_len + m->l3_len);
	switch (type) {
	case LEAT_ICMP_ECHO:
		if (!lc->stack->conf.icmp_echo)
			give(lc, m);
		else if (unlikely(leat_meta(m)->flags & LEAT_META_BROADCAST))
			leat_drop(lc, m, LEAT_DROP_ICMP_BCAST);
		else
			echo_input(lc, m);
		break;
	case LEAT_ICMP_UNREACH:
	case LEAT_ICMP_TIME_EXCEEDED:
	case LEAT_ICMP_PARAM_PROBLEM:
		error_input(lc, m);
		break;
	default: // replies to the kernel's own requests, redirects for its routes, timestamps
		give(lc, m);
	}
}

void leat_icmp_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_ICMP_INPUT, n);

	for (uint16_t i = 0; i < n; i++)
		input_one(lc, pkts[i]);
	leat_stage_leave(lc, LEAT_STAGE_ICMP_INPUT, f);
}
