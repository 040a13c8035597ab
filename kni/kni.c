// SPDX-License-Identifier: BSD-3-Clause
// Start and end of the exception path, its counters, and main's turn once a second. Called by leatd
// and tests.
#include "kni/kni.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_ethdev.h>

#include "core/lcore.h"
#include "kni/kni_private.h"
#include "kni/mirror_private.h"
#include "link/neigh.h"
#include "link/port.h"

#define GSO_SEGS \
	120 // the most that the ports' own segmentation cuts from one frame is a little more

// ---- start and end ----

struct init {
	struct leat_kni *k;
	char *err;
	size_t err_len;
};

static int open_taps(struct init *in)
{
	const struct leat_link *link = in->k->stack->link;

	for (uint16_t i = 1; i < link->n_ifaces; i++) {
		struct leat_tap **t = &in->k->taps[i];
		int rc = leat_tap_open(link->ifaces[i], t, in->err, in->err_len);

		if (rc != 0)
			return rc;
		in->k->any_adopted |= (*t)->adopted;
		link->ifaces[i]->kernel_ifindex = (*t)->ifindex;
		link->ifaces[i]->has_tap = true;
	}
	return 0;
}

// MAC and MTU before it goes up: the kernel makes its link-local address of the one and tells its
// neighbours.
static int raise_taps(struct init *in)
{
	struct leat_kni *k = in->k;

	for (uint16_t i = 1; i < LEAT_MAX_IFACES; i++) {
		struct leat_tap *t = k->taps[i];
		const struct rte_ether_addr *mac;
		int rc;

		if (t == NULL)
			continue;
		// A ring port has no address: it then takes over the TAP's (mirror_link.c).
		mac = rte_is_valid_assigned_ether_addr(&t->iface->mac) ? &t->iface->mac : NULL;
		rc = leat_nl_limit_gso(&k->nl, t->ifindex, GSO_SEGS);
		if (rc == 0)
			rc = leat_nl_set_link(&k->nl, t->ifindex, mac, t->iface->mtu, true);
		if (rc != 0) {
			snprintf(in->err, in->err_len, "TAP %s: MAC, MTU or up refused: %s",
				t->name, strerror(-rc));
			return rc;
		}
	}
	return 0;
}

static int reserve_ports(struct init *in)
{
	struct leat_kni *k = in->k;
	int rc;

	if (k->conf.reserved_first == 0)
		return 0;
	rc = leat_reserve_add(k->conf.reserved_first, k->conf.reserved_last, k->reserved_before);
	k->reserved = rc == 0;
	if (rc != 0)
		snprintf(in->err, in->err_len, "ip_local_reserved_ports: %s", strerror(-rc));
	return rc;
}

static int open_mirror(struct init *in)
{
	struct leat_kni *k = in->k;
	int rc = leat_mirror_create(k->stack, &k->nl, &k->mirror);

	if (rc != 0)
		snprintf(in->err, in->err_len, "mirror of the kernel's tables: %s", strerror(-rc));
	return rc;
}

// All that must happen in the namespace of the TAPs.
static int init_in_netns(void *ctx)
{
	struct init *in = ctx;
	int rc = leat_nl_open(&in->k->nl);

	if (rc != 0)
		snprintf(in->err, in->err_len, "netlink: %s", strerror(-rc));
	if (rc == 0)
		rc = open_taps(in);
	if (rc == 0)
		rc = raise_taps(in);
	if (rc == 0)
		rc = reserve_ports(in);
	if (rc == 0)
		rc = open_mirror(in);
	return rc;
}

static int set_hooks(struct leat_stack *s)
{
	for (uint16_t i = 0; i < s->n_lcores; i++) {
		int rc = leat_lcore_hook(
			s->lcores[i], LEAT_POLL_INJECT, leat_exception_inject, s->lcores[i]->kni);

		if (rc != 0)
			return rc;
	}
	s->punt = leat_exception_punt;
	return 0;
}

int leat_kni_init(struct leat_stack *s, const struct leat_kni_conf *conf, char *err, size_t err_len)
{
	struct leat_kni *k = calloc(1, sizeof(*k));
	struct init in = {k, err, err_len};
	int rc = -ENOMEM;

	if (err_len > 0)
		err[0] = '\0';
	if (k == NULL || (conf->netns != NULL && (k->netns = strdup(conf->netns)) == NULL)) {
		free(k);
		snprintf(err, err_len, "exception path: no memory");
		return rc;
	}
	s->kni = k;
	k->stack = s;
	k->conf = *conf;
	k->conf.netns = k->netns;
	k->ex.stop_fd = -1;
	rc = leat_exception_init(k, err, err_len);
	if (rc != 0)
		goto fail;
	rc = leat_netns_run(k->netns, init_in_netns, &in);
	if (rc == 0)
		rc = set_hooks(s);
	if (rc == 0)
		return 0;
	if (err_len > 0 && err[0] == '\0')
		snprintf(err, err_len, "namespace %s: %s", k->netns, strerror(-rc));
fail:
	leat_kni_fini(s);
	return rc;
}

int leat_kni_start(struct leat_stack *s)
{
	return leat_exception_start(s->kni);
}

void leat_kni_stop(struct leat_stack *s)
{
	if (s->kni != NULL)
		leat_exception_stop(s->kni);
}

// Take our range out of ip_local_reserved_ports. What the operator had of it stays; where a TAP was
// adopted, what was there may be what a killed run of ours had left.
static int unreserve(void *ctx)
{
	struct leat_kni *k = ctx;

	return leat_reserve_remove(k->conf.reserved_first, k->conf.reserved_last,
		k->any_adopted ? NULL : k->reserved_before);
}

static void close_taps(struct leat_kni *k)
{
	for (uint16_t i = 1; i < LEAT_MAX_IFACES; i++) {
		struct leat_tap *t = k->taps[i];

		if (t == NULL)
			continue;
		t->iface->has_tap = false;
		t->iface->kernel_ifindex = 0;
		leat_tap_close(t, !k->conf.persist);
		k->taps[i] = NULL;
	}
}

void leat_kni_fini(struct leat_stack *s)
{
	struct leat_kni *k = s->kni;

	if (k == NULL)
		return;
	s->punt = NULL;
	for (uint16_t i = 0; i < s->n_lcores; i++)
		if (s->lcores[i]->hooks[LEAT_POLL_INJECT].fn == leat_exception_inject)
			s->lcores[i]->hooks[LEAT_POLL_INJECT].fn = NULL;
	leat_exception_fini(k);
	leat_mirror_destroy(k->mirror);
	leat_nl_close(&k->nl);
	if (k->reserved)
		leat_netns_run(k->netns, unreserve, k);
	close_taps(k);
	free(k->netns);
	free(k);
	s->kni = NULL;
}

struct range {
	uint16_t first, last;
};

static int unreserve_range(void *ctx)
{
	const struct range *r = ctx;

	return leat_reserve_remove(r->first, r->last, NULL);
}

int leat_kni_unreserve(const char *netns, uint16_t first, uint16_t last)
{
	struct range r = {first, last};

	return leat_netns_run(netns, unreserve_range, &r);
}

// ---- main's turns ----

int leat_kni_addr_add(struct leat_stack *s, struct leat_iface *i, const struct leat_prefix *p)
{
	struct leat_kni *k = s->kni;
	int rc;

	if (k == NULL || k->taps[i->idx] == NULL)
		return -ENODEV;
	rc = leat_nl_add_addr(&k->nl, i->kernel_ifindex, p);
	if (rc == -EEXIST)
		rc = 0;              // an adopted TAP has it still
	leat_mirror_turn(k->mirror); // so that the stack knows it when we return
	return rc;
}

int leat_kni_mirror_fd(const struct leat_stack *s)
{
	return leat_mirror_fd(s->kni->mirror);
}

void leat_kni_mirror_turn(struct leat_stack *s)
{
	leat_mirror_turn(s->kni->mirror);
}

// A port that does not report a link (ring, af_packet) has one as long as it is started.
static bool link_up(const struct leat_port *p)
{
	struct rte_eth_link link;

	if (!p->started)
		return false;
	return rte_eth_link_get_nowait(p->port_id, &link) != 0 ||
	       link.link_status == RTE_ETH_LINK_UP;
}

void leat_kni_housekeep(struct leat_stack *s)
{
	struct leat_kni *k = s->kni;

	for (uint16_t i = 1; i < LEAT_MAX_IFACES; i++)
		if (k->taps[i] != NULL)
			leat_tap_set_carrier(k->taps[i], link_up(k->taps[i]->iface->port));
	for (uint16_t i = 0; i < s->n_lcores; i++)
		leat_mirror_confirm(k->mirror, s->lcores[i], &k->neigh_cursor[i]);
}

void leat_kni_counts(const struct leat_stack *s, struct leat_kni_counts *out)
{
	const struct leat_kni *k = s->kni;

	memset(out, 0, sizeof(*out));
	if (k == NULL)
		return;
	for (uint16_t i = 0; i < s->n_lcores; i++) {
		const struct leat_kni_lcore *kl = s->lcores[i]->kni;

		out->injected += kl->injected;
		for (int c = 0; c < LEAT_PUNT_MAX; c++) {
			out->punted[c] += kl->punted[c];
			out->punt_dropped[c] += kl->punt_dropped[c];
		}
	}
	out->tap_written = k->ex.written;
	out->tap_write_failed = k->ex.write_failed;
	out->inject_dropped = k->ex.inject_dropped;
	leat_mirror_counts(k->mirror, out);
}

const char *leat_kni_tap_name(const struct leat_stack *s, const struct leat_iface *i)
{
	const struct leat_kni *k = s->kni;

	return k != NULL && k->taps[i->idx] != NULL ? k->taps[i->idx]->name : NULL;
}
