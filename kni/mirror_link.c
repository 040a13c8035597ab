// SPDX-License-Identifier: BSD-3-Clause
// Links of the TAPs' namespace: admin state, MTU and MAC of a TAP are followed by its interface,
// and its forwarding sysctl. Called by mirror.c.
#include <errno.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kni/mirror_private.h"
#include "link/port.h"

#define WATCHED (IFF_UP | IFF_RUNNING | (1u << 16)) // the last is IFF_LOWER_UP of linux/if.h

// The kernel drops the IPv4 routes of a link that goes down, and marks those of one without
// carrier, and tells nobody: a dump finds out. Any link's, as a route may have several.
static void watch(struct leat_mirror *m, uint32_t ifindex, uint32_t flags)
{
	struct leat_mirror_link *l;
	uint32_t i = 0;

	while (i < m->n_links && m->links[i].ifindex != ifindex)
		i++;
	if (i < m->n_links) {
		if (m->links[i].flags != flags)
			leat_mirror_want(m, LEAT_MIRROR_ROUTE);
		m->links[i].flags = flags;
		return;
	}
	if (m->n_links == m->cap_links) {
		l = realloc(m->links, (m->cap_links * 2 + 16) * sizeof(*l));
		if (l == NULL) {
			leat_mirror_want(m, LEAT_MIRROR_ROUTE); // unwatched: look each time
			return;
		}
		m->links = l;
		m->cap_links = m->cap_links * 2 + 16;
	}
	m->links[m->n_links++] = (struct leat_mirror_link){ifindex, flags};
}

static void unwatch(struct leat_mirror *m, uint32_t ifindex)
{
	for (uint32_t i = 0; i < m->n_links; i++)
		if (m->links[i].ifindex == ifindex)
			m->links[i] = m->links[--m->n_links];
	leat_mirror_want(m, LEAT_MIRROR_ROUTE);
}

static void follow_mtu(struct leat_mirror *m, struct leat_iface *i, uint32_t mtu)
{
	int rc = -EINVAL;

	if (mtu == i->mtu)
		return;
	if (mtu <= UINT16_MAX)
		rc = leat_iface_set_mtu(m->stack, i, (uint16_t)mtu);
	if (rc == 0)
		return;
	fprintf(stderr, "leat: %s: the port refuses MTU %u: %s; the TAP is set back to %u\n",
		i->name, mtu, strerror(-rc), i->mtu);
	leat_nl_set_link(m->nl, i->kernel_ifindex, NULL, i->mtu, false);
}

// All interfaces of a port have its MAC; of their TAPs the first governs, or two could drive each
// other in circles.
static bool governs(const struct leat_stack *s, const struct leat_iface *i)
{
	for (uint16_t k = 1; k < i->idx; k++)
		if (s->link->ifaces[k] != NULL && s->link->ifaces[k]->port == i->port)
			return false;
	return true;
}

static int set_mac(struct leat_mirror *m, struct leat_iface *i, const struct rte_ether_addr *mac)
{
	const struct leat_link *link = m->stack->link;
	int rc = leat_iface_set_mac(m->stack, i, mac);

	if (rc != -ENOTSUP || !rte_is_zero_ether_addr(&i->port->mac))
		return rc;
	// A port without any address (ring) filters nothing: it may as well have the TAP's.
	i->port->mac = *mac;
	for (uint16_t k = 1; k < link->n_ifaces; k++)
		if (link->ifaces[k]->port == i->port)
			link->ifaces[k]->mac = *mac;
	return 0;
}

static void follow_mac(
	struct leat_mirror *m, struct leat_iface *i, const struct rte_ether_addr *mac)
{
	const struct leat_link *link = m->stack->link;
	int rc = -EPERM;

	if (rte_is_same_ether_addr(mac, &i->mac))
		return;
	if (governs(m->stack, i))
		rc = set_mac(m, i, mac);
	if (rc != 0) {
		fprintf(stderr,
			"leat: %s: the port refuses the new MAC address: %s; the TAP is set back\n",
			i->name, rc == -EPERM ? "set it on the port's own TAP" : strerror(-rc));
		leat_nl_set_link(m->nl, i->kernel_ifindex, &i->mac, 0, false);
		return;
	}
	for (uint16_t k = 1; k < link->n_ifaces; k++)
		if (link->ifaces[k] != i && link->ifaces[k]->port == i->port &&
			link->ifaces[k]->kernel_ifindex != 0)
			leat_nl_set_link(m->nl, link->ifaces[k]->kernel_ifindex, mac, 0, false);
}

void leat_mirror_on_link(struct leat_mirror *m, const struct nlmsghdr *h)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(h);
	struct leat_iface *i;
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(h) < sizeof(*ifi) || ifi->ifi_family != AF_UNSPEC)
		return; // a bridge's view of a link
	i = leat_iface_by_ifindex(m->stack, (uint32_t)ifi->ifi_index);
	if (h->nlmsg_type == RTM_DELLINK) {
		unwatch(m, (uint32_t)ifi->ifi_index);
		if (i != NULL) {
			i->up = false;
			fprintf(stderr,
				"leat: %s: its TAP was deleted or moved; the interface is down\n",
				i->name);
		}
		return;
	}
	watch(m, (uint32_t)ifi->ifi_index, ifi->ifi_flags & WATCHED);
	if (i == NULL)
		return;
	i->up = (ifi->ifi_flags & IFF_UP) != 0;
	mnl_attr_for_each(a, h, sizeof(*ifi))
	{
		if (mnl_attr_get_type(a) == IFLA_MTU && mnl_attr_get_payload_len(a) == 4)
			follow_mtu(m, i, mnl_attr_get_u32(a));
		else if (mnl_attr_get_type(a) == IFLA_ADDRESS &&
			 mnl_attr_get_payload_len(a) == RTE_ETHER_ADDR_LEN)
			follow_mac(m, i, mnl_attr_get_payload(a));
	}
}

void leat_mirror_on_netconf(struct leat_mirror *m, const struct nlmsghdr *h)
{
	const struct nlattr *a, *ifindex = NULL, *forwarding = NULL;
	struct leat_iface *i;

	mnl_attr_for_each(a, h, sizeof(struct netconfmsg))
	{
		if (mnl_attr_get_payload_len(a) != 4)
			continue;
		if (mnl_attr_get_type(a) == NETCONFA_IFINDEX)
			ifindex = a;
		else if (mnl_attr_get_type(a) == NETCONFA_FORWARDING)
			forwarding = a;
	}
	if (ifindex == NULL || forwarding == NULL)
		return;
	i = leat_iface_by_ifindex(m->stack, mnl_attr_get_u32(ifindex));
	if (i != NULL)
		i->forwarding = mnl_attr_get_u32(forwarding) != 0;
}
