// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors out. Called by forwarding, local delivery, reassembly and transport with the packet
// that is at fault. RFC 792; RFC 1122, 3.2.2; RFC 1812, 4.3.
#include <errno.h>
#include <string.h>

#include "ip/icmp.h"
#include "ip/ip_private.h"
#include "pkt/cksum.h"

// Messages of one class, from one worker: RATE a second, BURST at once. RFC 1812, 4.3.2.8.
#define RATE 1000
#define BURST 50
#define INTERVAL_NS (1000000000ull / RATE)

#define ICMP_HDR_LEN 8
#define QUOTE_MAX (576 - 20 - ICMP_HDR_LEN) // RFC 1812, 4.3.2.3: in all no more than 576 bytes
#define TOS_NETWORK_CONTROL 0xc0            // RFC 1812, 4.3.2.5

static enum leat_icmp_class class_of(uint8_t type, uint8_t code)
{
	switch (type) {
	case LEAT_ICMP_UNREACH:
		return code == LEAT_ICMP_UNREACH_FRAG ? LEAT_ICMP_CLASS_TOO_BIG
						      : LEAT_ICMP_CLASS_UNREACH;
	case LEAT_ICMP_TIME_EXCEEDED:
		return LEAT_ICMP_CLASS_EXCEEDED;
	case LEAT_ICMP_REDIRECT:
		return LEAT_ICMP_CLASS_REDIRECT;
	default:
		return LEAT_ICMP_CLASS_OTHER;
	}
}

// A token bucket as one time: when the bucket would be full again.
static bool take_token(struct leat_lcore *lc, enum leat_icmp_class c)
{
	uint64_t full = RTE_MAX(lc->ip->icmp_tat_ns[c], lc->now_ns);

	if (full - lc->now_ns > (BURST - 1) * INTERVAL_NS)
		return false;
	lc->ip->icmp_tat_ns[c] = full + INTERVAL_NS;
	return true;
}

// May an error be sent about this ICMP message? Not about errors, nor about what may be one.
static bool is_query(const struct rte_mbuf *m)
{
	uint8_t copy;
	const uint8_t *type = rte_pktmbuf_read(m, m->l2_len + m->l3_len, 1, &copy);

	if (type == NULL)
		return false;
	switch (*type) {
	case 0:  // echo reply
	case 8:  // echo
	case 13: // timestamp and its reply
	case 14:
		return true;
	default:
		return false;
	}
}

// RFC 1122, 3.2.2: never about an error, a group, a fragment but the first, a source that is not
// one host.
static bool may_answer(const struct leat_lcore *lc, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);
	uint32_t src = rte_be_to_cpu_32(ip->src_addr), dst = rte_be_to_cpu_32(ip->dst_addr);

	if (leat_meta(m)->flags & LEAT_META_BROADCAST)
		return false;
	if (src >> 24 == 0 || src >> 24 == 127 || src >= 0xe0000000u)
		return false;
	if (dst >> 28 == 0xe || dst == UINT32_MAX ||
		leat_fib_lookup4(lc->stack, ip->dst_addr)->type == LEAT_ROUTE_BROADCAST)
		return false;
	if ((ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) != 0)
		return false;
	return ip->next_proto_id != IPPROTO_ICMP || is_query(m);
}

// From whom: the address that was spoken to, if it is ours; else one of the interface it came in
// by.
static bool choose_source(
	struct leat_lcore *lc, struct rte_mbuf *m, const union leat_ip *to, union leat_ip *src)
{
	const struct leat_iface *i = leat_iface_at(lc->stack, leat_meta(m)->iface);
	uint32_t dst = leat_ip4_hdr(m)->dst_addr;

	if (leat_fib_lookup4(lc->stack, dst)->type == LEAT_ROUTE_LOCAL) {
		*src = leat_ip_from_be32(dst);
		return true;
	}
	return i != NULL && leat_iface_source(i, to, src);
}

static struct rte_mbuf *build(
	struct leat_lcore *lc, struct rte_mbuf *m, uint8_t type, uint8_t code, uint32_t info)
{
	uint32_t quote = RTE_MIN(m->pkt_len - m->l2_len, (uint32_t)QUOTE_MAX);
	struct rte_mbuf *e = leat_create(lc);
	const void *from;
	uint16_t sum;
	uint8_t *p;

	if (e == NULL)
		return NULL;
	p = (uint8_t *)rte_pktmbuf_append(e, (uint16_t)(ICMP_HDR_LEN + quote));
	p[0] = type;
	p[1] = code;
	p[2] = p[3] = 0;
	if (class_of(type, code) == LEAT_ICMP_CLASS_TOO_BIG)
		info = rte_cpu_to_be_32(info & 0xffff); // RFC 1191, 4: the lower half
	memcpy(p + 4, &info, sizeof(info));
	from = rte_pktmbuf_read(m, m->l2_len, quote, p + ICMP_HDR_LEN);
	if (from != p + ICMP_HDR_LEN)
		memcpy(p + ICMP_HDR_LEN, from, quote);
	leat_pkt_sum(e, 0, e->pkt_len, &sum);
	sum = (uint16_t)~sum;
	memcpy(p + 2, &sum, sizeof(sum));
	return e;
}

void leat_icmp_error_output(
	struct leat_lcore *lc, struct rte_mbuf *m, uint8_t type, uint8_t code, uint32_t info)
{
	const struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);
	union leat_ip to = leat_ip_from_be32(ip->src_addr), from;
	struct leat_ip4_tx tx = {
		.dst_be = ip->src_addr,
		.proto = IPPROTO_ICMP,
		.ttl = LEAT_IP_TTL,
		.tos = TOS_NETWORK_CONTROL,
	};
	struct leat_dst dst;
	struct rte_mbuf *e;

	if (lc->stack->conf.bypass || !may_answer(lc, m) || !choose_source(lc, m, &to, &from))
		return;
	if (leat_ip_route(lc, &to, 0, &dst, &from) != 0)
		return;
	if (!take_token(lc, class_of(type, code)))
		return;
	e = build(lc, m, type, code, info);
	if (e == NULL)
		return; // nothing of the sender's is lost by it
	tx.src_be = leat_ip_be32(from);
	leat_ip4_output(lc, &dst, &tx, &e, 1);
}
