// SPDX-License-Identifier: BSD-3-Clause
// Interfaces and their addresses. Called by control: leatd's configuration and the netlink mirror.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/rcu.h"
#include "link/link.h"
#include "link/port.h"

static bool valid(const struct leat_stack *s, const struct leat_port *port, uint16_t vlan_id,
	const char *name)
{
	return port != NULL && vlan_id < 4095 && name[0] != '\0' && strlen(name) < LEAT_NAME_LEN &&
	       s->link->ports[port->idx] == port;
}

int leat_iface_add(struct leat_stack *s, struct leat_port *port, uint16_t vlan_id, const char *name,
	struct leat_iface **out)
{
	struct leat_link *link = s->link;
	struct leat_iface *i;

	if (!valid(s, port, vlan_id, name))
		return -EINVAL;
	if (leat_iface_find(s, name) != NULL ||
		(vlan_id != 0 ? port->vlan_iface[vlan_id] : port->iface) != 0)
		return -EEXIST;
	if (link->n_ifaces == LEAT_MAX_IFACES)
		return -ENOSPC;
	i = calloc(1, sizeof(*i));
	if (i == NULL)
		return -ENOMEM;
	i->addrs = calloc(1, sizeof(*i->addrs));
	if (i->addrs == NULL) {
		free(i);
		return -ENOMEM;
	}
	i->idx = link->n_ifaces++;
	i->vlan_id = vlan_id;
	i->mtu = port->mtu;
	i->up = true;
	i->mac = port->mac;
	i->port = port;
	strcpy(i->name, name);
	link->ifaces[i->idx] = i;
	if (vlan_id != 0)
		port->vlan_iface[vlan_id] = i->idx;
	else
		port->iface = i->idx;
	*out = i;
	return 0;
}

struct leat_iface *leat_iface_find(const struct leat_stack *s, const char *name)
{
	for (uint16_t i = 1; i < s->link->n_ifaces; i++)
		if (strcmp(s->link->ifaces[i]->name, name) == 0)
			return s->link->ifaces[i];
	return NULL;
}

struct leat_iface *leat_iface_by_ifindex(const struct leat_stack *s, uint32_t kernel_ifindex)
{
	for (uint16_t i = 1; i < s->link->n_ifaces; i++)
		if (kernel_ifindex != 0 && s->link->ifaces[i]->kernel_ifindex == kernel_ifindex)
			return s->link->ifaces[i];
	return NULL;
}

// Index of p among the addresses, n when it is not there.
static uint16_t find_addr(const struct leat_ifaddrs *a, const struct leat_prefix *p)
{
	uint16_t k;

	for (k = 0; k < a->n; k++)
		if (leat_ip_equal(a->a[k].ip, p->ip) && a->a[k].len == p->len)
			break;
	return k;
}

static void replace_addrs(struct leat_stack *s, struct leat_iface *i, struct leat_ifaddrs *a)
{
	struct leat_ifaddrs *old = i->addrs;

	leat_rcu_assign(i->addrs, a);
	leat_rcu_defer(s, free, old);
}

int leat_iface_addr_add(struct leat_stack *s, struct leat_iface *i, const struct leat_prefix *p)
{
	struct leat_ifaddrs *a;

	if (find_addr(i->addrs, p) < i->addrs->n)
		return -EEXIST;
	if (i->addrs->n == LEAT_MAX_IFADDRS)
		return -ENOSPC;
	a = malloc(sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	*a = *i->addrs;
	a->a[a->n++] = *p;
	replace_addrs(s, i, a);
	return 0;
}

int leat_iface_addr_del(struct leat_stack *s, struct leat_iface *i, const struct leat_prefix *p)
{
	uint16_t k = find_addr(i->addrs, p);
	struct leat_ifaddrs *a;

	if (k == i->addrs->n)
		return -ENOENT;
	a = malloc(sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	*a = *i->addrs;
	memmove(&a->a[k], &a->a[k + 1], (a->n - k - 1) * sizeof(a->a[0]));
	a->n--;
	replace_addrs(s, i, a);
	return 0;
}

int leat_iface_set_mtu(struct leat_stack *s, struct leat_iface *i, uint16_t mtu)
{
	int rc = 0;

	(void)s;
	if (mtu < 576 || mtu > 9000)
		return -EINVAL;
	if (i->vlan_id == 0) {
		rc = leat_port_set_mtu(i->port, mtu);
		if (rc == 0)
			i->port->mtu = mtu;
	} else if (mtu > i->port->mtu) {
		rc = -EINVAL;
	}
	if (rc == 0)
		i->mtu = mtu;
	return rc;
}

int leat_iface_set_mac(struct leat_stack *s, struct leat_iface *i, const struct rte_ether_addr *mac)
{
	struct rte_ether_addr copy = *mac;
	int rc;

	if (!rte_is_valid_assigned_ether_addr(mac))
		return -EINVAL;
	rc = rte_eth_dev_default_mac_addr_set(i->port->port_id, &copy);
	if (rc != 0)
		return rc;
	i->port->mac = *mac;
	for (uint16_t k = 1; k < s->link->n_ifaces; k++)
		if (s->link->ifaces[k]->port == i->port)
			s->link->ifaces[k]->mac = *mac;
	return 0;
}

bool leat_iface_source(const struct leat_iface *i, const union leat_ip *to, union leat_ip *src)
{
	const struct leat_ifaddrs *a = leat_rcu_get(i->addrs);
	const struct leat_prefix *first = NULL;

	for (uint16_t k = 0; k < a->n; k++) {
		if (leat_ip_is4(a->a[k].ip) != leat_ip_is4(*to))
			continue;
		if (first == NULL)
			first = &a->a[k];
		if (leat_prefix_contains(&a->a[k], *to)) {
			*src = a->a[k].ip;
			return true;
		}
	}
	if (first != NULL)
		*src = first->ip;
	return first != NULL;
}
