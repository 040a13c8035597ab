// SPDX-License-Identifier: BSD-3-Clause
// Neighbours that the kernel has learnt on the TAPs, to the workers' tables, and the other way the
// neighbours that the fast path has heard of, so that the kernel need not ask. Called by mirror.c
// and kni.c.
//
// Only what is new to the kernel goes to the workers: not that it is reachable still, which may be
// what we told it.
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "kni/mirror_private.h"
#include "link/neigh.h"

#define VALID (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)
#define CONFIRM_NS UINT64_C(10000000000) // used and heard of within this time
#define CONFIRM_ENTRIES 1024             // of a worker's table looked at in a turn
#define CALL_MS 100

// ---- what the kernel has ----

static struct leat_mirror_neigh **find(
	struct leat_mirror *m, uint16_t iface, const union leat_ip *ip)
{
	const uint64_t mix = (ip->d[0] ^ ip->d[1] ^ iface) * 0x9e3779b97f4a7c15ull;
	struct leat_mirror_neigh **at = &m->neighs[(mix >> 48) % LEAT_MIRROR_BUCKETS];

	while (*at != NULL && ((*at)->iface != iface || !leat_ip_equal((*at)->ip, *ip)))
		at = &(*at)->next;
	return at;
}

// Returns whether it is gone from the list.
static bool forget(struct leat_mirror *m, struct leat_mirror_neigh **at)
{
	struct leat_mirror_neigh *n = *at;

	if (n == NULL)
		return false;
	if (leat_neigh_del_all(m->stack, n->iface, &n->ip) != 0) {
		// The worker then finds out by its own probes; a permanent one must not stay.
		leat_mirror_want_later(m, LEAT_MIRROR_NEIGH);
		n->seen = false;
		return false;
	}
	*at = n->next;
	free(n);
	return true;
}

static struct leat_mirror_neigh *remember(
	struct leat_mirror_neigh **at, uint16_t iface, const union leat_ip *ip)
{
	struct leat_mirror_neigh *n = calloc(1, sizeof(*n));

	if (n != NULL) {
		n->iface = iface;
		n->ip = *ip;
		*at = n;
	}
	return n;
}

static void learn(struct leat_mirror *m, const struct leat_iface *i, const union leat_ip *ip,
	const struct rte_ether_addr *mac, uint16_t state)
{
	struct leat_mirror_neigh **at = find(m, i->idx, ip), *n = *at;
	const bool permanent = (state & NUD_PERMANENT) != 0;
	bool news = n == NULL;

	if (n == NULL)
		n = remember(at, i->idx, ip);
	if (n == NULL)
		return;
	n->seen = true;
	n->reachable = (state & (NUD_REACHABLE | NUD_PERMANENT)) != 0;
	news |= n->permanent != permanent || !rte_is_same_ether_addr(&n->mac, mac);
	if (!news)
		return;
	n->mac = *mac;
	n->permanent = permanent;
	if (leat_neigh_set_all(m->stack, i->idx, ip, mac, permanent) == 0)
		return;
	n->mac = (struct rte_ether_addr){{0}}; // news again, when the inboxes have room
	leat_mirror_want_later(m, LEAT_MIRROR_NEIGH);
}

void leat_mirror_on_neigh(struct leat_mirror *m, const struct nlmsghdr *h)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(h);
	const struct rte_ether_addr *mac = NULL;
	const struct leat_iface *i;
	union leat_ip ip;
	bool has_ip = false;
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(h) < sizeof(*nd) ||
		(nd->ndm_family != AF_INET && nd->ndm_family != AF_INET6) ||
		nd->ndm_flags & NTF_PROXY)
		return;
	i = leat_iface_by_ifindex(m->stack, (uint32_t)nd->ndm_ifindex);
	if (i == NULL)
		return;
	mnl_attr_for_each(a, h, sizeof(*nd))
	{
		if (mnl_attr_get_type(a) == NDA_DST)
			has_ip = leat_mirror_get_ip(a, &ip);
		else if (mnl_attr_get_type(a) == NDA_LLADDR &&
			 mnl_attr_get_payload_len(a) == sizeof(*mac))
			mac = mnl_attr_get_payload(a);
	}
	if (!has_ip)
		return;
	if (h->nlmsg_type == RTM_NEWNEIGH && nd->ndm_state & VALID && mac != NULL)
		learn(m, i, &ip, mac, nd->ndm_state);
	else if (h->nlmsg_type == RTM_DELNEIGH || nd->ndm_state & NUD_FAILED)
		forget(m, find(m, i->idx, &ip));
}

void leat_mirror_neigh_begin(struct leat_mirror *m)
{
	for (unsigned b = 0; b < LEAT_MIRROR_BUCKETS; b++)
		for (struct leat_mirror_neigh *n = m->neighs[b]; n != NULL; n = n->next)
			n->seen = false;
}

void leat_mirror_neigh_end(struct leat_mirror *m, bool complete)
{
	for (unsigned b = 0; b < LEAT_MIRROR_BUCKETS && complete; b++) {
		struct leat_mirror_neigh **at = &m->neighs[b];

		while (*at != NULL) {
			struct leat_mirror_neigh *n = *at;

			if (n->seen || !forget(m, at))
				at = &n->next;
		}
	}
}

void leat_mirror_neigh_free(struct leat_mirror *m)
{
	for (unsigned b = 0; b < LEAT_MIRROR_BUCKETS; b++)
		while (m->neighs[b] != NULL) {
			struct leat_mirror_neigh *n = m->neighs[b];

			m->neighs[b] = n->next;
			free(n);
		}
}

// ---- what the fast path has heard of ----

struct look {
	uint32_t cursor, n;
	struct leat_neigh e[CONFIRM_ENTRIES];
};

static void look_at_table(struct leat_lcore *lc, void *ctx)
{
	struct look *l = ctx;

	l->n = leat_neigh_dump(lc, &l->cursor, l->e, CONFIRM_ENTRIES);
}

static void confirm_one(struct leat_mirror *m, const struct leat_neigh *e, uint64_t now_ns)
{
	const struct leat_iface *i = leat_iface_at(m->stack, e->iface);
	struct leat_mirror_neigh **at;

	if (e->state != LEAT_NEIGH_REACHABLE || now_ns > e->used_ns + CONFIRM_NS ||
		now_ns > e->confirmed_ns + CONFIRM_NS || i == NULL || i->kernel_ifindex == 0)
		return;
	at = find(m, e->iface, &e->ip);
	if (*at != NULL && ((*at)->reachable || (*at)->permanent ||
				   !rte_is_same_ether_addr(&(*at)->mac, &e->mac)))
		return; // where they differ, the kernel's own ARP decides
	if (leat_nl_confirm_neigh(m->nl, i->kernel_ifindex, &e->ip, &e->mac) != 0)
		return;
	if (*at == NULL && remember(at, e->iface, &e->ip) == NULL)
		return;
	(*at)->mac = e->mac;
	(*at)->reachable = true;
}

void leat_mirror_confirm(struct leat_mirror *m, struct leat_lcore *lc, uint32_t *cursor)
{
	struct look *l = malloc(sizeof(*l));
	int rc;

	if (l == NULL)
		return;
	l->cursor = *cursor;
	rc = leat_msg_call(lc, look_at_table, l, free, CALL_MS);
	if (rc == -ETIMEDOUT)
		return; // the worker frees it when it comes round
	if (rc == 0) {
		const uint64_t now_ns = leat_clock_ns(m->stack);

		for (uint32_t k = 0; k < l->n; k++)
			confirm_one(m, &l->e[k], now_ns);
		*cursor = l->n < CONFIRM_ENTRIES ? 0 : l->cursor;
	}
	free(l);
}
