// SPDX-License-Identifier: BSD-3-Clause
// From the configuration to ports, interfaces, claims and addresses. Called by start.c.
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "app/leatd/daemon.h"
#include "ip/claim.h"
#include "ip/ip.h"
#include "kni/kni.h"
#include "link/link.h"
#include "link/port.h"

struct opening {
	struct leat_stack *stack;
	const char *netdev; // to be guarded, or NULL
	struct leat_kni_guard *guard;
	struct leat_port_conf conf;
	struct leat_port *port;
	char *err;
};

static const char *netns_or_own(const char *netns)
{
	return netns[0] != '\0' ? netns : NULL;
}

static int open_here(void *ctx)
{
	struct opening *o = ctx;
	int rc = 0;

	if (o->netdev != NULL)
		rc = leat_kni_guard(o->guard, o->netdev, o->err, LEATD_ERR);
	if (rc != 0)
		return rc;
	return leat_port_open(o->stack, &o->conf, &o->port, o->err, LEATD_ERR);
}

// Run fn in a port's namespace; a namespace that can't be entered gets a text of its own.
static int in_netns(const struct leatd_port_conf *p, int (*fn)(void *), void *ctx, char *err)
{
	int rc;

	err[0] = '\0';
	rc = leat_netns_run(netns_or_own(p->netns), fn, ctx);
	if (rc != 0 && err[0] == '\0')
		snprintf(err, LEATD_ERR, "port %s: namespace %s: %s", p->name,
			p->netns[0] != '\0' ? p->netns : "of leatd", strerror(-rc));
	return rc;
}

// The netdev that a device only copies from, if it stands in the namespace of the TAPs; else NULL.
// buf holds it.
static const char *netdev_to_guard(
	const struct leatd_conf *c, const struct leatd_port_conf *p, char *buf, size_t len)
{
	const char *iface = strstr(p->device, ",iface=");
	bool copies = strncmp(p->device, "net_af_packet", 13) == 0 ||
		      strncmp(p->device, "net_af_xdp", 10) == 0;

	if (!copies || iface == NULL || !c->exception.enabled ||
		strcmp(p->netns, c->exception.netns) != 0)
		return NULL;
	iface += strlen(",iface=");
	snprintf(buf, len, "%.*s", (int)strcspn(iface, ","), iface);
	return buf;
}

static int unguard_here(void *guard)
{
	leat_kni_unguard(guard);
	return 0;
}

void leatd_ports_unguard(struct leatd *d)
{
	for (uint32_t i = 0; i < d->conf->n_ports; i++)
		if (d->guards[i].netdev[0] != '\0')
			leat_netns_run(
				netns_or_own(d->conf->ports[i].netns), unguard_here, &d->guards[i]);
}

static int add_interfaces(
	struct leatd *d, const struct leatd_port_conf *p, struct leat_port *port, char *err)
{
	char name[LEATD_IFACE_NAME];
	struct leat_iface *i;
	int rc = leat_iface_add(d->stack, port, 0, p->name, &i);

	if (rc != 0) {
		snprintf(err, LEATD_ERR, "interface %s: %s", p->name, strerror(-rc));
		return rc;
	}
	for (uint32_t v = 0; v < p->n_vlans; v++) {
		leatd_vlan_name(p, p->vlans[v].id, name);
		rc = leat_iface_add(d->stack, port, (uint16_t)p->vlans[v].id, name, &i);
		if (rc != 0) {
			snprintf(err, LEATD_ERR, "interface %s: %s", name, strerror(-rc));
			return rc;
		}
	}
	return 0;
}

int leatd_ports_open(struct leatd *d, char *err)
{
	char why[LEATD_ERR - 64], netdev[LEATD_TEXT];

	for (uint32_t i = 0; i < d->conf->n_ports; i++) {
		const struct leatd_port_conf *p = &d->conf->ports[i];
		struct opening o = {.stack = d->stack,
			.netdev = netdev_to_guard(d->conf, p, netdev, sizeof(netdev)),
			.guard = &d->guards[i],
			.conf = {.name = p->name,
				.device = p->device,
				.port_id = -1,
				.mtu = (uint16_t)p->mtu},
			.err = err};
		int rc = in_netns(p, open_here, &o, err);

		if (rc != 0 && strncmp(err, "port ", 5) != 0) { // the port's words: say which it is
			snprintf(why, sizeof(why), "%s", err);
			snprintf(err, LEATD_ERR, "port %s: %s", p->name, why);
		}
		if (rc == 0)
			rc = add_interfaces(d, p, o.port, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

struct starting {
	struct leat_stack *stack;
	struct leat_port *port;
	char *err;
};

static int start_here(void *ctx)
{
	struct starting *s = ctx;
	int rc = leat_port_start(s->stack, s->port);

	if (rc != 0)
		snprintf(s->err, LEATD_ERR, "port %s does not start: %s", s->port->name,
			strerror(-rc));
	return rc;
}

int leatd_ports_start(struct leatd *d, char *err)
{
	for (uint32_t i = 0; i < d->conf->n_ports; i++) {
		struct starting s = {d->stack, d->stack->link->ports[i], err};
		int rc = in_netns(&d->conf->ports[i], start_here, &s, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

// ---- claims ----

static int add_claim(struct leatd *d, const struct leat_claim *c, char *err)
{
	int rc = leat_claim_add(d->stack, c);

	if (rc == 0)
		return 0;
	snprintf(err, LEATD_ERR, "claim of %s: %s", c->owner, strerror(-rc));
	return rc;
}

// Claims load before ports start: no packet ever meets a stack that does not know them.
int leatd_claims_add(struct leatd *d, char *err)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	struct leat_claim c = {.port_first = LEATD_EPHEMERAL_FIRST,
		.port_last = LEATD_EPHEMERAL_LAST,
		.ip = leat_ip_from_be32(0),
		.owner = "ephemeral"};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < 2; i++) {
		c.proto = protos[i];
		rc = add_claim(d, &c, err);
	}
	for (uint32_t i = 0; rc == 0 && i < d->conf->n_services; i++) {
		const struct leatd_service_conf *v = &d->conf->services[i];

		c.proto = protos[v->protocol == LEATD_UDP];
		c.ip = v->address;
		c.port_first = (uint16_t)v->port;
		c.port_last = (uint16_t)v->port;
		snprintf(c.owner, sizeof(c.owner), "%s", v->name);
		rc = add_claim(d, &c, err);
	}
	return rc;
}

// ---- addresses ----

static int add_to(
	struct leatd *d, const char *name, const struct leat_prefix *a, uint32_t n, char *err)
{
	struct leat_iface *i = leat_iface_find(d->stack, name);

	for (uint32_t k = 0; k < n; k++) {
		char text[LEAT_PREFIX_STRLEN];
		int rc = d->kni ? leat_kni_addr_add(d->stack, i, &a[k])
				: leat_ip_addr_add(d->stack, i, &a[k]);

		if (rc == 0)
			continue;
		snprintf(err, LEATD_ERR, "interface %s: address %s: %s", name,
			leat_prefix_format(&a[k], text, sizeof(text)), strerror(-rc));
		return rc;
	}
	return 0;
}

int leatd_addresses_add(struct leatd *d, char *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < d->conf->n_ports; i++) {
		const struct leatd_port_conf *p = &d->conf->ports[i];
		char name[LEATD_IFACE_NAME];

		rc = add_to(d, p->name, p->addresses, p->n_addresses, err);
		for (uint32_t v = 0; rc == 0 && v < p->n_vlans; v++)
			rc = add_to(d, leatd_vlan_name(p, p->vlans[v].id, name),
				p->vlans[v].addresses, p->vlans[v].n_addresses, err);
	}
	return rc;
}
