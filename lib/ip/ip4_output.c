// SPDX-License-Identifier: BSD-3-Clause
// Downwards: the way to a destination, the IPv4 header, fragmentation where it must be. Called by
// transport and icmp; calls the neighbour layer.
#include <errno.h>
#include <string.h>

#include "ip/ip_private.h"

// ---- the way ----

// An address to speak from: the route's, else one of the outgoing interface, else any of ours (an
// unnumbered link).
static bool choose_source(const struct leat_stack *s, const struct leat_nexthop *nh,
	const struct leat_iface *i, const union leat_ip *to, union leat_ip *src)
{
	if (!leat_ip_is_any(nh->src)) {
		*src = nh->src;
		return true;
	}
	if (leat_iface_source(i, to, src))
		return true;
	for (uint16_t k = 1; k < s->link->n_ifaces; k++)
		if (s->link->ifaces[k] != NULL && leat_iface_source(s->link->ifaces[k], to, src))
			return true;
	return false;
}

static int route_error(uint8_t type)
{
	switch (type) {
	case LEAT_ROUTE_LOCAL:
	case LEAT_ROUTE_BROADCAST:
	case LEAT_ROUTE_UNREACHABLE:
		return -EHOSTUNREACH;
	case LEAT_ROUTE_BLACKHOLE:
		return -EINVAL;
	case LEAT_ROUTE_PROHIBIT:
		return -EACCES;
	case LEAT_ROUTE_KERNEL:
		return -EXDEV;
	default:
		return -ENETUNREACH;
	}
}

int leat_ip_route(struct leat_lcore *lc, const union leat_ip *dst, uint32_t flow_hash,
	struct leat_dst *out, union leat_ip *src)
{
	const struct leat_stack *s = lc->stack;
	uint32_t epoch = leat_fib_epoch(s); // before the lookup: what changes after makes it stale
	const struct leat_nexthop *nh;
	const struct leat_path *path;
	const struct leat_iface *i;

	if (!leat_ip_is4(*dst))
		return -ENETUNREACH; // IPv6 has no lookup yet
	if (rte_be_to_cpu_32(leat_ip_be32(*dst)) >= 0xe0000000u &&
		(leat_ip_be32(*dst) == UINT32_MAX || (dst->b[12] & 0xf0) == 0xe0))
		return -EHOSTUNREACH; // groups are the kernel's
	nh = leat_fib_lookup4(s, leat_ip_be32(*dst));
	if (nh->type != LEAT_ROUTE_UNICAST)
		return route_error(nh->type);
	path = leat_nexthop_path(nh, flow_hash);
	i = leat_iface_at(s, path->iface);
	if (i == NULL || !i->up)
		return -ENETUNREACH;
	out->next_hop = leat_ip_is_any(path->via) ? *dst : path->via;
	if (leat_ip_is_any(*src) && !choose_source(s, nh, i, &out->next_hop, src))
		return -ENETUNREACH;
	out->epoch = epoch;
	out->iface = path->iface;
	out->mtu = leat_ip4_way_mtu(nh, i);
	out->neigh = (struct leat_neigh_hint){0};
	return 0;
}

bool leat_dst_stale(const struct leat_lcore *lc, const struct leat_dst *d)
{
	return d->epoch != leat_fib_epoch(lc->stack);
}

// ---- the header ----

// First of n identifications for a datagram. They run by destination from a secret start, so that
// no host learns from its own how much we send to others (RFC 7739's concern); workers take turns,
// so that no two give the same to one destination.
static uint16_t take_ids(struct leat_lcore *lc, const struct leat_ip4_tx *tx, uint32_t n)
{
	uint64_t key, h;
	uint16_t *at;

	memcpy(&key, lc->stack->secret, sizeof(key));
	h = leat_ip_mix(((uint64_t)tx->src_be << 32 | tx->dst_be) ^ key) + tx->proto;
	at = &lc->ip->ids[h % LEAT_IP_IDS];
	*at = (uint16_t)(*at + n);
	return (uint16_t)((h >> 32) + (uint16_t)(*at - n) * lc->stack->n_lcores + lc->id);
}

// RFC 6864, 4.1: an atomic datagram needs no identification; one that will be segmented counts up
// from its own.
static uint16_t choose_id(
	struct leat_lcore *lc, const struct leat_ip4_tx *tx, const struct rte_mbuf *m)
{
	uint32_t mss = m->tso_segsz;

	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
		return take_ids(lc, tx, m->pkt_len / RTE_MAX(mss, 1u) + 1);
	return tx->df ? 0 : take_ids(lc, tx, 1);
}

// Returns false, m the caller's, when there is neither room nor a buffer for the header.
static bool prepend_header(
	struct leat_lcore *lc, struct rte_mbuf **pm, const struct leat_ip4_tx *tx)
{
	struct rte_mbuf *m = *pm;
	struct rte_ipv4_hdr *ip;
	uint16_t id = choose_id(lc, tx, m);

	if (unlikely(!leat_ip_unshare(lc, pm, 0)))
		return false;
	m = *pm;
	leat_pkt_unpoison_seg(m);
	if (unlikely(rte_pktmbuf_headroom(m) < sizeof(*ip) + RTE_ETHER_HDR_LEN)) {
		if (!leat_ip_unshare_slow(lc, pm, 0))
			return false;
		m = *pm;
	}
	ip = (struct rte_ipv4_hdr *)rte_pktmbuf_prepend(m, sizeof(*ip));
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->type_of_service = tx->tos;
	ip->total_length = rte_cpu_to_be_16((uint16_t)m->pkt_len);
	ip->packet_id = rte_cpu_to_be_16(id);
	ip->fragment_offset = tx->df ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0;
	ip->time_to_live = tx->ttl;
	ip->next_proto_id = tx->proto;
	ip->hdr_checksum = 0;
	ip->src_addr = tx->src_be;
	ip->dst_addr = tx->dst_be;
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	m->l2_len = 0;
	m->l3_len = sizeof(*ip);
	return true;
}

// Longer than the MTU: what the port segments, what may be cut, what may not.
static __rte_noinline void long_output(struct leat_lcore *lc, const struct leat_iface *i,
	struct leat_dst *d, struct rte_mbuf *m, bool df, uint16_t mtu)
{
	if (m->pkt_len > UINT16_MAX) {
		leat_drop(lc, m, LEAT_DROP_IP4_TOO_BIG);
	} else if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		uint16_t most = (uint16_t)(mtu - m->l3_len - m->l4_len);

		if (m->tso_segsz > most)
			m->tso_segsz = most; // the way has become narrower
		leat_neigh_output(lc, i, &d->next_hop, &d->neigh, m, RTE_ETHER_TYPE_IPV4);
	} else if (df) {
		leat_drop(lc, m, LEAT_DROP_IP4_TOO_BIG);
	} else {
		leat_ip4_fragment(lc, i, &d->next_hop, &d->neigh, m, mtu);
	}
}

static void drop_all(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n, enum leat_drop why)
{
	for (uint16_t k = 0; k < n; k++)
		leat_drop(lc, pkts[k], why);
}

void leat_ip4_output(struct leat_lcore *lc, struct leat_dst *d, const struct leat_ip4_tx *tx,
	struct rte_mbuf **pkts, uint16_t n)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_IP4_OUTPUT, n);
	const struct leat_iface *i = leat_iface_at(lc->stack, d->iface);
	uint16_t mtu;

	if (unlikely(i == NULL || !i->up)) {
		drop_all(lc, pkts, n, LEAT_DROP_IFACE_DOWN);
		leat_stage_leave(lc, LEAT_STAGE_IP4_OUTPUT, f);
		return;
	}
	mtu = RTE_MIN(d->mtu, i->mtu); // the interface's may have shrunk since
	for (uint16_t k = 0; k < n; k++) {
		struct rte_mbuf *m = pkts[k];

		if (unlikely(!prepend_header(lc, &m, tx))) {
			leat_drop(lc, m, LEAT_DROP_NO_MBUF);
			continue;
		}
		leat_meta(m)->iface = d->iface;
		if (unlikely(m->pkt_len > mtu))
			long_output(lc, i, d, m, tx->df, mtu);
		else
			leat_neigh_output(lc, i, &d->next_hop, &d->neigh, m, RTE_ETHER_TYPE_IPV4);
	}
	leat_stage_leave(lc, LEAT_STAGE_IP4_OUTPUT, f);
}
