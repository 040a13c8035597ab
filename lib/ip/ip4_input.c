// SPDX-License-Identifier: BSD-3-Clause
// IPv4 packets as they come from the link: checks (RFC 1122 3.2.1, RFC 1812 5.2.2 and 5.3.7), one
// lookup for the batch, and to whom. l3_input of LEAT_L3_IP4, called by eth_input.c.
//
//   ip4_input -> ip4_local    an address of ours
//             -> ip4_forward  others', if the interface forwards
//             -> punt         groups, DHCP before there is an address, everything in bypass mode
#include "core/rcu.h"
#include "ip/icmp.h"
#include "ip/ip_private.h"
#include "pkt/cut.h"

#define OPT_END 0
#define OPT_NOP 1
#define OPT_LSRR 131
#define OPT_SSRR 137

// What a batch was sorted into.
struct sorted {
	uint16_t n_local, n_forward;
	struct rte_mbuf *local[LEAT_BURST];
	struct rte_mbuf *forward[LEAT_BURST];
	const struct leat_nexthop *nh[LEAT_BURST]; // of forward
};

static inline bool is_group(uint32_t ip) // host order
{
	return (ip >> 28) == 0xe || ip == UINT32_MAX;
}

// Cut a packet to len bytes: the padding of short frames.
static __rte_noinline void trim(struct rte_mbuf *m, uint32_t len)
{
	leat_pkt_cut(m, len);
	leat_pkt_poison(m);
}

// Options well-formed (RFC 791, 3.1) and without a source route, which nobody honest uses (RFC
// 7126, 4.3).
static __rte_noinline bool options_ok(const struct rte_ipv4_hdr *ip)
{
	const uint8_t *p = (const uint8_t *)(ip + 1);
	const uint8_t *end = (const uint8_t *)ip + rte_ipv4_hdr_len(ip);

	while (p < end && *p != OPT_END) {
		if (*p == OPT_NOP) {
			p++;
			continue;
		}
		if (*p == OPT_LSRR || *p == OPT_SSRR)
			return false;
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return false;
		p += p[1];
	}
	return true;
}

// A source that is ours, or the broadcast address of a net of ours.
static bool is_ours_or_broadcast(const struct leat_iface *i, uint32_t src)
{
	const struct leat_ifaddrs *a = leat_rcu_get(i->addrs);

	for (uint16_t k = 0; k < a->n; k++) {
		uint32_t ip = rte_be_to_cpu_32(leat_ip_be32(a->a[k].ip));

		if (!leat_ip_is4(a->a[k].ip))
			continue;
		if (src == ip || (a->a[k].len < 31 && src == (ip | UINT32_MAX >> a->a[k].len)))
			return true;
	}
	return false;
}

// RFC 1122, 3.2.1.3; RFC 1812, 5.3.7. Addresses in host order.
static enum leat_drop check_addrs(const struct leat_iface *i, uint32_t src, uint32_t dst)
{
	if (unlikely(src >> 24 == 0)) {
		// {0, 0} is for hosts that look for their address: BOOTP, and IGMP (RFC
		// 3376, 4.2.13)
		if (src != 0 || (dst != UINT32_MAX && dst >> 8 != 0xe00000))
			return LEAT_DROP_IP4_SRC;
	}
	if (unlikely(src >> 24 == 127 || src >= 0xe0000000u || is_ours_or_broadcast(i, src)))
		return LEAT_DROP_IP4_SRC;
	if (unlikely(dst >> 24 == 0 || dst >> 24 == 127))
		return LEAT_DROP_IP4_DST;
	return 0;
}

static enum leat_drop check_cksum(const struct rte_mbuf *m, const struct rte_ipv4_hdr *ip)
{
	switch (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) {
	case RTE_MBUF_F_RX_IP_CKSUM_GOOD:
		return 0;
	case RTE_MBUF_F_RX_IP_CKSUM_BAD:
		return LEAT_DROP_IP4_CKSUM;
	default: // unknown is not good
		return rte_raw_cksum(ip, rte_ipv4_hdr_len(ip)) == 0xffff ? 0 : LEAT_DROP_IP4_CKSUM;
	}
}

// The header's form: contiguous, lengths consistent, checksum right. Returns 0 or the reason to
// drop.
static enum leat_drop check_header(struct leat_lcore *lc, struct rte_mbuf **pm)
{
	uint32_t l2 = (*pm)->l2_len, len = (*pm)->pkt_len, hdr, total;
	const struct rte_ipv4_hdr *ip;
	enum leat_drop why;

	if (unlikely(len < l2 + sizeof(*ip)))
		return LEAT_DROP_IP4_SHORT;
	if (unlikely(leat_pkt_pullup(pm, l2 + sizeof(*ip), lc->pool) != 0))
		return LEAT_DROP_NO_MBUF;
	ip = leat_ip4_hdr(*pm);
	if (unlikely(ip->version_ihl >> 4 != 4))
		return LEAT_DROP_IP4_VERSION;
	hdr = rte_ipv4_hdr_len(ip);
	if (unlikely(hdr < sizeof(*ip) || l2 + hdr > len))
		return LEAT_DROP_IP4_HDR_LEN;
	if (unlikely(leat_pkt_pullup(pm, l2 + hdr, lc->pool) != 0))
		return LEAT_DROP_NO_MBUF;
	ip = leat_ip4_hdr(*pm);
	total = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(total < hdr || l2 + total > len))
		return LEAT_DROP_IP4_LEN;
	(*pm)->l3_len = hdr;
	why = check_cksum(*pm, ip);
	if (unlikely(why != 0))
		return why;
	if (unlikely(hdr > sizeof(*ip) && !options_ok(ip)))
		return LEAT_DROP_IP4_OPTION;
	if (unlikely(l2 + total < len))
		trim(*pm, l2 + total);
	return 0;
}

static enum leat_drop check(struct leat_lcore *lc, struct rte_mbuf **pm)
{
	const struct leat_iface *i = leat_iface_at(lc->stack, leat_meta(*pm)->iface);
	enum leat_drop why = check_header(lc, pm);
	const struct rte_ipv4_hdr *ip;

	if (unlikely(why != 0))
		return why;
	if (unlikely(i == NULL || !i->up))
		return LEAT_DROP_IFACE_DOWN;
	ip = leat_ip4_hdr(*pm);
	if (((*pm)->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD &&
		!leat_ip4_is_fragment(ip))
		leat_meta(*pm)->flags |= LEAT_META_L4_GOOD;
	return check_addrs(i, rte_be_to_cpu_32(ip->src_addr), rte_be_to_cpu_32(ip->dst_addr));
}

// Broadcast and multicast are the kernel's. Nobody answers an echo request to a group (RFC
// 1122, 3.2.2.6).
static __rte_noinline void group_input(struct leat_lcore *lc, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);
	uint8_t type_copy;
	const uint8_t *type = NULL;

	if (ip->next_proto_id == IPPROTO_ICMP && lc->stack->conf.icmp_echo &&
		(ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) == 0)
		type = rte_pktmbuf_read(m, m->l2_len + m->l3_len, 1, &type_copy);
	if (type != NULL && *type == LEAT_ICMP_ECHO) {
		leat_drop(lc, m, LEAT_DROP_ICMP_BCAST);
		return;
	}
	leat_punt(lc, m, leat_ip4_punt_class(m, LEAT_PUNT_GROUP));
}

static bool has_address(const struct leat_iface *i)
{
	const struct leat_ifaddrs *a = leat_rcu_get(i->addrs);

	for (uint16_t k = 0; k < a->n; k++)
		if (leat_ip_is4(a->a[k].ip))
			return true;
	return false;
}

// Not for an address of ours, and not to be forwarded, or by an interface without address. An offer
// of DHCP comes to the address that is not configured yet (RFC 2131, 4.1): the kernel's client is
// to see it.
static __rte_noinline void stranger_input(struct leat_lcore *lc, const struct leat_iface *i,
	struct rte_mbuf *m, const struct leat_nexthop *nh, struct sorted *out)
{
	bool addressed = has_address(i);

	if (leat_ip4_punt_class(m, LEAT_PUNT_OTHER) == LEAT_PUNT_DHCP) {
		leat_punt(lc, m, LEAT_PUNT_DHCP);
	} else if (i->forwarding) {
		out->forward[out->n_forward] = m;
		out->nh[out->n_forward++] = nh;
	} else if (!addressed && lc->stack->punt != NULL) {
		leat_punt(lc, m, LEAT_PUNT_OTHER);
	} else {
		leat_drop(lc, m, LEAT_DROP_IP4_NO_FORWARD);
	}
}

static void sort_one(struct leat_lcore *lc, struct rte_mbuf *m, const struct leat_nexthop *nh,
	struct sorted *out)
{
	const struct leat_meta *meta = leat_meta(m);
	const struct leat_iface *i = lc->stack->link->ifaces[meta->iface];

	if (unlikely(is_group(rte_be_to_cpu_32(leat_ip4_hdr(m)->dst_addr)) ||
		     nh->type == LEAT_ROUTE_BROADCAST)) {
		group_input(lc, m);
	} else if (unlikely(meta->flags & LEAT_META_BROADCAST)) {
		leat_drop(lc, m, LEAT_DROP_IP4_DST); // RFC 1122, 3.3.6
	} else if (nh->type == LEAT_ROUTE_LOCAL) {
		out->local[out->n_local++] = m;
	} else if (likely(i->forwarding && has_address(i))) {
		out->forward[out->n_forward] = m;
		out->nh[out->n_forward++] = nh;
	} else {
		stranger_input(lc, i, m, nh, out);
	}
}

// Bypass: the kernel owns every packet, good or bad.
static __rte_noinline void punt_all(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		leat_punt(lc, pkts[i],
			leat_meta(pkts[i])->flags & LEAT_META_BROADCAST ? LEAT_PUNT_GROUP
									: LEAT_PUNT_LOCAL);
}

static void input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	const struct leat_nexthop *nh[LEAT_BURST];
	struct rte_mbuf *good[LEAT_BURST];
	uint32_t dst_be[LEAT_BURST];
	struct sorted out;
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		enum leat_drop why = check(lc, &m);

		if (unlikely(why != 0)) {
			leat_drop(lc, m, why);
			continue;
		}
		good[k] = m;
		dst_be[k++] = leat_ip4_hdr(m)->dst_addr;
	}
	if (k == 0)
		return;
	leat_fib_lookup4_bulk(lc->stack, dst_be, nh, k);
	out.n_local = out.n_forward = 0;
	for (uint16_t i = 0; i < k; i++)
		sort_one(lc, good[i], nh[i], &out);
	if (out.n_local != 0)
		leat_ip4_local(lc, out.local, out.n_local);
	if (out.n_forward != 0)
		leat_ip4_forward(lc, out.forward, out.nh, out.n_forward);
}

void leat_ip4_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_IP4_INPUT, n);

	if (unlikely(lc->stack->conf.bypass))
		punt_all(lc, pkts, n);
	else
		input(lc, pkts, n);
	leat_stage_leave(lc, LEAT_STAGE_IP4_INPUT, f);
}
