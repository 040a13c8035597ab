// SPDX-License-Identifier: BSD-3-Clause
// Addresses of the TAPs, both families, to the interfaces. Called by mirror.c.
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kni/mirror_private.h"

// The address and its subnet. Of a point-to-point address the subnet is the peer's, not ours.
static bool parse(const struct nlmsghdr *h, struct leat_prefix *p, uint32_t *flags)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(h);
	union leat_ip local, address;
	bool has_local = false, has_address = false;
	const struct nlattr *a;

	*flags = ifa->ifa_flags;
	mnl_attr_for_each(a, h, sizeof(*ifa))
	{
		switch (mnl_attr_get_type(a)) {
		case IFA_LOCAL:
			has_local = leat_mirror_get_ip(a, &local);
			break;
		case IFA_ADDRESS:
			has_address = leat_mirror_get_ip(a, &address);
			break;
		case IFA_FLAGS:
			if (mnl_attr_get_payload_len(a) == 4)
				*flags = mnl_attr_get_u32(a);
			break;
		default:
			break;
		}
	}
	if (!has_local && !has_address)
		return false;
	p->ip = has_local ? local : address;
	p->len = ifa->ifa_prefixlen;
	if (has_local && has_address && !leat_ip_equal(local, address))
		p->len = leat_ip_is4(local) ? 32 : 128;
	return true;
}

// While duplicate address detection runs, or when it found one, the address is not ours to use (RFC
// 4862, 5.4).
static bool usable(uint32_t flags)
{
	return !(flags & IFA_F_DADFAILED) &&
	       (!(flags & IFA_F_TENTATIVE) || (flags & IFA_F_OPTIMISTIC));
}

static void note_seen(struct leat_mirror *m, uint16_t iface, const struct leat_prefix *p)
{
	if (m->n_addrs == m->cap_addrs) {
		const uint32_t cap = m->cap_addrs * 2 + 64;
		struct leat_mirror_addr *a = realloc(m->addrs, cap * sizeof(*a));

		if (a == NULL) {
			m->interrupted = true; // an incomplete list sweeps nothing
			return;
		}
		m->addrs = a;
		m->cap_addrs = cap;
	}
	m->addrs[m->n_addrs++] = (struct leat_mirror_addr){iface, *p};
}

void leat_mirror_on_addr(struct leat_mirror *m, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(h);
	struct leat_prefix p;
	struct leat_iface *i;
	uint32_t flags;
	int rc;

	// A route whose preferred source goes is dropped without a word.
	if (h->nlmsg_type == RTM_DELADDR && m->running < 0)
		leat_mirror_want(m, LEAT_MIRROR_ROUTE);
	i = leat_iface_by_ifindex(m->stack, ifa->ifa_index);
	if (i == NULL || !parse(h, &p, &flags))
		return;
	if (h->nlmsg_type == RTM_DELADDR || !usable(flags)) {
		leat_iface_addr_del(m->stack, i, &p);
		return;
	}
	if (m->running == LEAT_MIRROR_ADDR)
		note_seen(m, i->idx, &p);
	rc = leat_iface_addr_add(m->stack, i, &p);
	if (rc != 0 && rc != -EEXIST)
		fprintf(stderr, "leat: %s: an address is not taken over: %s\n", i->name,
			strerror(-rc));
}

void leat_mirror_addr_begin(struct leat_mirror *m)
{
	m->n_addrs = 0;
}

static bool seen(const struct leat_mirror *m, uint16_t iface, const struct leat_prefix *p)
{
	for (uint32_t i = 0; i < m->n_addrs; i++)
		if (m->addrs[i].iface == iface && m->addrs[i].p.len == p->len &&
			leat_ip_equal(m->addrs[i].p.ip, p->ip))
			return true;
	return false;
}

void leat_mirror_addr_end(struct leat_mirror *m, bool complete)
{
	const struct leat_link *link = m->stack->link;

	for (uint16_t k = 1; k < link->n_ifaces && complete; k++) {
		struct leat_iface *i = link->ifaces[k];
		// A copy: the list is replaced by each deletion.
		const struct leat_ifaddrs had = *i->addrs;

		for (uint16_t n = 0; n < had.n && i->kernel_ifindex != 0; n++)
			if (!seen(m, k, &had.a[n]))
				leat_iface_addr_del(m->stack, i, &had.a[n]);
	}
}
