// SPDX-License-Identifier: BSD-3-Clause
// Packets on their way through this host (RFC 1812, 5.2 and 5.3). Called by ip4_input.c, for
// interfaces that forward, with the next hop that its lookup gave. Ends in the neighbour layer, in
// frag.c, or at the kernel.
#include "core/rcu.h"
#include "ip/icmp.h"
#include "ip/ip_private.h"

// Tell the sender and drop.
static __rte_noinline void refuse(struct leat_lcore *lc, struct rte_mbuf *m, uint8_t type,
	uint8_t code, uint32_t info, enum leat_drop why)
{
	leat_icmp_error_output(lc, m, type, code, info);
	leat_drop(lc, m, why);
}

// No way on. RFC 1812, 5.2.7.1.
static __rte_noinline void no_way(
	struct leat_lcore *lc, struct rte_mbuf *m, enum leat_route_type type)
{
	switch (type) {
	case LEAT_ROUTE_KERNEL:
		leat_punt(lc, m, LEAT_PUNT_FORWARD);
		return;
	case LEAT_ROUTE_BLACKHOLE:
		leat_drop(lc, m, LEAT_DROP_IP4_BLACKHOLE);
		return;
	case LEAT_ROUTE_PROHIBIT:
		refuse(lc, m, LEAT_ICMP_UNREACH, LEAT_ICMP_UNREACH_ADMIN, 0,
			LEAT_DROP_IP4_BLACKHOLE);
		return;
	case LEAT_ROUTE_UNREACHABLE:
		refuse(lc, m, LEAT_ICMP_UNREACH, LEAT_ICMP_UNREACH_HOST, 0,
			LEAT_DROP_IP4_BLACKHOLE);
		return;
	default:
		refuse(lc, m, LEAT_ICMP_UNREACH, LEAT_ICMP_UNREACH_NET, 0, LEAT_DROP_IP4_NO_ROUTE);
	}
}

// RFC 1812, 5.2.7.2: the sender and the next hop are on one net of the interface by which it came
// and leaves, so the sender could do without us.
static __rte_noinline void redirect(struct leat_lcore *lc, const struct leat_iface *i,
	struct rte_mbuf *m, union leat_ip next_hop)
{
	union leat_ip src = leat_ip_from_be32(leat_ip4_hdr(m)->src_addr);
	const struct leat_ifaddrs *a = leat_rcu_get(i->addrs);

	for (uint16_t k = 0; k < a->n; k++) {
		if (leat_prefix_contains(&a->a[k], src) &&
			leat_prefix_contains(&a->a[k], next_hop)) {
			leat_icmp_error_output(lc, m, LEAT_ICMP_REDIRECT, LEAT_ICMP_REDIRECT_HOST,
				leat_ip_be32(next_hop));
			return;
		}
	}
}

// Hint to a next hop's neighbour; the neighbour layer finds out if it is another's.
static struct leat_neigh_hint *hint_of(struct leat_lcore *lc, uint16_t iface, uint32_t ip_be)
{
	uint64_t h = leat_ip_mix((uint64_t)ip_be << 16 | iface);

	return &lc->ip->hints[h % LEAT_IP_NEIGH_CACHE];
}

// One hop less, with the checksum following it (RFC 1624; as a carry into the high byte can't make
// it -0).
static void decrement_ttl(struct rte_ipv4_hdr *ip)
{
	uint32_t sum = (uint32_t)ip->hdr_checksum + RTE_BE16(0x0100);

	ip->hdr_checksum = (uint16_t)(sum + (sum >= 0xffff));
	ip->time_to_live--;
}

static const struct leat_path *choose_path(struct rte_mbuf *m, const struct leat_nexthop *nh)
{
	struct leat_meta *meta = leat_meta(m);

	if (likely(nh->n_paths == 1))
		return nh->paths;
	if (meta->hash == 0)
		meta->hash = leat_ip4_flow_hash(m);
	return leat_nexthop_path(nh, meta->hash);
}

static void send_on(struct leat_lcore *lc, const struct leat_iface *out, union leat_ip next_hop,
	uint16_t mtu, struct rte_mbuf *m)
{
	struct leat_neigh_hint *hint = hint_of(lc, out->idx, leat_ip_be32(next_hop));
	struct leat_meta *meta;

	if (unlikely(!leat_ip_unshare(lc, &m, m->l2_len + m->l3_len))) {
		leat_drop(lc, m, LEAT_DROP_NO_MBUF);
		return;
	}
	decrement_ttl(leat_ip4_hdr(m));
	meta = leat_meta(m);
	meta->iface = out->idx;
	meta->flags = LEAT_META_FORWARDED;
	leat_pkt_unpoison(m);
	rte_pktmbuf_adj(m, m->l2_len);
	m->l2_len = 0;
	if (unlikely(m->pkt_len > mtu))
		leat_ip4_fragment(lc, out, &next_hop, hint, m, mtu);
	else
		leat_neigh_output(lc, out, &next_hop, hint, m, RTE_ETHER_TYPE_IPV4);
}

static void forward_one(struct leat_lcore *lc, struct rte_mbuf *m, const struct leat_nexthop *nh)
{
	const struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);
	const struct leat_path *path;
	const struct leat_iface *out;
	union leat_ip next_hop;
	uint16_t mtu;

	if (unlikely(ip->time_to_live <= 1)) { // RFC 1812, 5.3.1
		refuse(lc, m, LEAT_ICMP_TIME_EXCEEDED, LEAT_ICMP_EXCEEDED_TTL, 0,
			LEAT_DROP_IP4_TTL);
		return;
	}
	if (unlikely(nh->type != LEAT_ROUTE_UNICAST)) {
		no_way(lc, m, nh->type);
		return;
	}
	path = choose_path(m, nh);
	out = leat_iface_at(lc->stack, path->iface);
	if (unlikely(out == NULL || !out->up)) {
		no_way(lc, m, LEAT_ROUTE_NONE);
		return;
	}
	next_hop = leat_ip_is_any(path->via) ? leat_ip_from_be32(ip->dst_addr) : path->via;
	mtu = leat_ip4_way_mtu(nh, out);
	if (unlikely(m->pkt_len - m->l2_len > mtu &&
		     (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)))) { // RFC 1191
		refuse(lc, m, LEAT_ICMP_UNREACH, LEAT_ICMP_UNREACH_FRAG, mtu,
			LEAT_DROP_IP4_TOO_BIG);
		return;
	}
	if (unlikely(path->iface == leat_meta(m)->iface))
		redirect(lc, out, m, next_hop);
	send_on(lc, out, next_hop, mtu, m);
}

void leat_ip4_forward(
	struct leat_lcore *lc, struct rte_mbuf **pkts, const struct leat_nexthop **nhs, uint16_t n)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_IP4_FORWARD, n);

	for (uint16_t i = 0; i < n; i++)
		forward_one(lc, pkts[i], nhs[i]);
	leat_stage_leave(lc, LEAT_STAGE_IP4_FORWARD, f);
}
