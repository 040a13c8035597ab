// SPDX-License-Identifier: BSD-3-Clause
// The kernel's IPv4 routes of the tables local and main, to the FIB. Called by mirror.c.
//
//   next hop on a TAP of ours -> unicast        all next hops elsewhere, or by means that we lack
//   -> kernel (punted) local, also on links that are not ours -> local: the host answers to its
//   addresses on every link
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "ip/fib.h"
#include "kni/mirror_private.h"

#define MAX_HOPS 256

struct hop {
	union leat_ip via;
	uint32_t oif;
	uint16_t weight;
	uint8_t flags; // RTNH_F_*
	bool foreign;  // encapsulated, or by a gateway of another family
};

// Where a route is to be put; filled from the message's attributes.
struct parsed {
	struct leat_route route;
	const struct nlattr *multipath;
	bool has_oif;
	struct hop one; // without multipath
};

static void get_mtu(const struct nlattr *metrics, uint32_t *mtu)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, metrics) if (mnl_attr_get_type(a) == RTAX_MTU &&
						 mnl_attr_get_payload_len(a) == 4) *mtu =
		mnl_attr_get_u32(a);
}

// What a route and a next hop of several say alike.
static void get_hop(const struct nlattr *a, struct hop *hop)
{
	const struct rtvia *via = mnl_attr_get_payload(a);

	switch (mnl_attr_get_type(a)) {
	case RTA_GATEWAY:
		hop->foreign |= !leat_mirror_get_ip(a, &hop->via);
		break;
	case RTA_VIA: // RFC 5549: no neighbour of ours yet
		hop->foreign |=
			mnl_attr_get_payload_len(a) < sizeof(*via) || via->rtvia_family != AF_INET;
		break;
	case RTA_ENCAP:
		hop->foreign = true;
		break;
	default:
		break;
	}
}

static void get_attr(const struct nlattr *a, struct parsed *p)
{
	const bool u32 = mnl_attr_get_payload_len(a) == 4;

	switch (mnl_attr_get_type(a)) {
	case RTA_DST:
		leat_mirror_get_ip(a, &p->route.prefix.ip);
		break;
	case RTA_PREFSRC:
		leat_mirror_get_ip(a, &p->route.src);
		break;
	case RTA_TABLE:
		p->route.table = u32 ? mnl_attr_get_u32(a) : 0;
		break;
	case RTA_PRIORITY:
		p->route.metric = u32 ? mnl_attr_get_u32(a) : 0;
		break;
	case RTA_OIF:
		p->one.oif = u32 ? mnl_attr_get_u32(a) : 0;
		p->has_oif = true;
		break;
	case RTA_METRICS:
		get_mtu(a, &p->route.mtu);
		break;
	case RTA_MULTIPATH:
		p->multipath = a;
		break;
	default:
		get_hop(a, &p->one);
	}
}

static unsigned get_hops(const struct parsed *p, struct hop *hops)
{
	const struct rtnexthop *nh;
	const struct nlattr *attr; // the macro's
	unsigned n = 0;
	int left;

	if (p->multipath == NULL) {
		hops[0] = p->one;
		return p->has_oif;
	}
	nh = mnl_attr_get_payload(p->multipath);
	left = mnl_attr_get_payload_len(p->multipath);
	while (left >= (int)sizeof(*nh) && nh->rtnh_len >= sizeof(*nh) && nh->rtnh_len <= left &&
		n < MAX_HOPS) {
		hops[n] = (struct hop){.via = leat_ip_from_be32(0),
			.oif = (uint32_t)nh->rtnh_ifindex,
			.weight = (uint16_t)(nh->rtnh_hops + 1),
			.flags = nh->rtnh_flags};
		mnl_attr_for_each_payload((const void *)(nh + 1), nh->rtnh_len - sizeof(*nh))
			get_hop(attr, &hops[n]);
		n++;
		left -= (int)NLMSG_ALIGN(nh->rtnh_len);
		nh = RTNH_NEXT(nh);
	}
	return n;
}

// Choose among the next hops: the dead never; those without carrier only where no other is left, as
// the kernel does by default (ignore_routes_with_linkdown = 0). Returns the type, LEAT_ROUTE_NONE
// when nothing is usable.
static uint8_t choose_paths(
	struct leat_mirror *m, const struct hop *hops, unsigned n, struct leat_route *r)
{
	uint8_t bad = RTNH_F_DEAD;
	unsigned usable = 0;

	for (unsigned i = 0; i < n; i++)
		if (!(hops[i].flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)))
			bad = RTNH_F_DEAD | RTNH_F_LINKDOWN;
	for (unsigned i = 0; i < n; i++) {
		const struct leat_iface *iface = leat_iface_by_ifindex(m->stack, hops[i].oif);

		if (hops[i].flags & bad)
			continue;
		usable++;
		if (iface == NULL || hops[i].foreign || r->n_paths == LEAT_MAX_PATHS)
			continue;
		r->paths[r->n_paths++] =
			(struct leat_path){hops[i].via, iface->idx, hops[i].weight};
	}
	if (n > 0 && usable == 0)
		return LEAT_ROUTE_NONE;
	return r->n_paths > 0 ? LEAT_ROUTE_UNICAST : LEAT_ROUTE_KERNEL;
}

static uint8_t translate(struct leat_mirror *m, const struct rtmsg *rt, struct parsed *p)
{
	const struct leat_iface *iface = leat_iface_by_ifindex(m->stack, p->one.oif);
	struct hop hops[MAX_HOPS];

	switch (rt->rtm_type) {
	case RTN_UNICAST:
		return choose_paths(m, hops, get_hops(p, hops), &p->route);
	case RTN_LOCAL:
		return LEAT_ROUTE_LOCAL;
	case RTN_BROADCAST: // of another link: not ours to take
		return iface != NULL ? LEAT_ROUTE_BROADCAST : LEAT_ROUTE_KERNEL;
	case RTN_BLACKHOLE:
		return LEAT_ROUTE_BLACKHOLE;
	case RTN_UNREACHABLE:
		return LEAT_ROUTE_UNREACHABLE;
	case RTN_PROHIBIT:
		return LEAT_ROUTE_PROHIBIT;
	default:
		return LEAT_ROUTE_NONE;
	}
}

// Is the route one of those that the fast path looks at? 127/8 never comes from a wire.
static bool of_interest(const struct rtmsg *rt, const struct leat_route *r)
{
	if (rt->rtm_flags & RTM_F_CLONED || rt->rtm_tos != 0)
		return false;
	if (r->table != RT_TABLE_MAIN && r->table != RT_TABLE_LOCAL)
		return false;
	return r->prefix.len < 8 || r->prefix.ip.b[12] != 127;
}

static void set(struct leat_mirror *m, const struct leat_route *r)
{
	int rc = leat_fib_set(m->stack, r);

	if (rc == 0)
		return;
	if (m->routes_refused++ == 0)
		fprintf(stderr, "leat: a route is not taken over: %s (limits.routes?)\n",
			strerror(-rc));
}

// Of several routes with one key the kernel uses the first of its list, which a dump gives in
// order.
static bool is_twin(struct leat_mirror *m, const struct leat_route *r)
{
	const bool twin = m->has_last && m->last_table == r->table && m->last_metric == r->metric &&
			  m->last_route.len == r->prefix.len &&
			  leat_ip_equal(m->last_route.ip, r->prefix.ip);

	m->has_last = true;
	m->last_route = r->prefix;
	m->last_table = r->table;
	m->last_metric = r->metric;
	m->twins |= twin;
	return twin;
}

void leat_mirror_on_route(struct leat_mirror *m, const struct nlmsghdr *h)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(h);
	struct parsed p = {
		.one = {.via = leat_ip_from_be32(0), .weight = 1, .flags = (uint8_t)rt->rtm_flags}};
	const bool dump = m->running == LEAT_MIRROR_ROUTE;
	struct leat_route *r = &p.route;
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(h) < sizeof(*rt) || rt->rtm_family != AF_INET)
		return;
	r->prefix = (struct leat_prefix){leat_ip_from_be32(0), rt->rtm_dst_len};
	r->src = leat_ip_from_be32(0);
	r->table = rt->rtm_table;
	mnl_attr_for_each(a, h, sizeof(*rt)) get_attr(a, &p);
	if (!of_interest(rt, r)) {
		m->routes_ignored++;
		return;
	}
	if (dump && is_twin(m, r))
		return;
	if (!dump && (h->nlmsg_flags & NLM_F_APPEND || (h->nlmsg_type == RTM_DELROUTE && m->twins)))
		leat_mirror_want(m, LEAT_MIRROR_ROUTE); // which twin is used now, a dump tells
	if (h->nlmsg_type == RTM_NEWROUTE && h->nlmsg_flags & NLM_F_APPEND)
		return;
	r->type = h->nlmsg_type == RTM_DELROUTE ? LEAT_ROUTE_NONE : translate(m, rt, &p);
	if (r->type != LEAT_ROUTE_NONE)
		set(m, r);
	else
		leat_fib_del(m->stack, &r->prefix, r->table, r->metric);
}

void leat_mirror_route_begin(struct leat_mirror *m)
{
	m->has_last = false;
	m->twins = false;
	m->routes_refused = 0;
	leat_fib_resync_begin(m->stack);
}

void leat_mirror_route_end(struct leat_mirror *m, bool complete)
{
	if (complete)
		leat_fib_resync_end(m->stack);
}
