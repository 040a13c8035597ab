// SPDX-License-Identifier: BSD-3-Clause
// Start and end of the network layer, addresses with their routes, and what several of its files
// use. Called by sock/leat.c and by control.
#include "ip/ip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/numa.h"
#include "core/xring.h"
#include "ip/claim.h"
#include "ip/icmp.h"
#include "ip/ip_private.h"

#define TABLE_LOCAL 255
#define TABLE_MAIN 254

// ---- start and end ----

static int init_lcore(struct leat_lcore *lc)
{
	lc->ip = leat_numa_alloc(sizeof(*lc->ip), lc->node);
	if (lc->ip == NULL)
		return -ENOMEM;
	return leat_reass_init(lc);
}

int leat_ip_init(struct leat_stack *s)
{
	int rc;

	s->ip = calloc(1, sizeof(*s->ip));
	if (s->ip == NULL)
		return -ENOMEM;
	rc = leat_fib_init(s);
	if (rc == 0)
		rc = leat_claim_init(s);
	for (uint16_t i = 0; rc == 0 && i < s->n_lcores; i++)
		rc = init_lcore(s->lcores[i]);
	if (rc == 0)
		rc = leat_ip_set_proto(s, IPPROTO_ICMP, leat_icmp_input, NULL);
	if (rc != 0) {
		leat_ip_fini(s);
		return rc;
	}
	s->l3_input[LEAT_L3_IP4] = leat_ip4_input;
	leat_xring_set(s, LEAT_XOP_LOCAL_INPUT, leat_ip4_local_xop);
	return 0;
}

void leat_ip_fini(struct leat_stack *s)
{
	if (s->ip == NULL)
		return;
	for (uint16_t i = 0; i < s->n_lcores; i++) {
		struct leat_lcore *lc = s->lcores[i];

		if (lc->ip == NULL)
			continue;
		leat_reass_fini(lc);
		leat_numa_free(lc->ip, sizeof(*lc->ip));
		lc->ip = NULL;
	}
	s->l3_input[LEAT_L3_IP4] = NULL;
	s->proto_input[IPPROTO_ICMP] = NULL;
	leat_claim_fini(s);
	leat_fib_fini(s);
	free(s->ip);
	s->ip = NULL;
}

int leat_ip_set_proto(
	struct leat_stack *s, uint8_t proto, leat_input_fn input, leat_proto_error_fn err)
{
	if (s->proto_input[proto] != NULL)
		return -EEXIST;
	s->proto_input[proto] = input;
	s->proto_error[proto] = err;
	return 0;
}

// ---- addresses ----

// One route of an address: set it, or take it away.
static int one_route(struct leat_stack *s, const struct leat_iface *i, const struct leat_prefix *p,
	union leat_ip to, uint8_t len, enum leat_route_type type, bool set)
{
	struct leat_route r = {
		.prefix = {.ip = to, .len = len},
		.table = type == LEAT_ROUTE_UNICAST ? TABLE_MAIN : TABLE_LOCAL,
		.type = type,
	};

	if (!set)
		return leat_fib_del(s, &r.prefix, r.table, r.metric);
	if (type == LEAT_ROUTE_UNICAST) {
		r.src = p->ip;
		r.n_paths = 1;
		r.paths[0] = (struct leat_path){.iface = i->idx, .weight = 1};
	}
	return leat_fib_set(s, &r);
}

// The routes of an address, as the kernel has them: itself, its net, the net's broadcast addresses
// (the all-zeros one too: RFC 1122, 3.3.6). A /31 has no broadcast (RFC 3021), a single host no
// net.
static int addr_routes(
	struct leat_stack *s, const struct leat_iface *i, const struct leat_prefix *p, bool set)
{
	bool is4 = leat_ip_is4(p->ip);
	uint8_t all = is4 ? 32 : 128;
	uint32_t ip, host;
	int rc = one_route(s, i, p, p->ip, all, LEAT_ROUTE_LOCAL, set);

	if ((rc == 0 || !set) && p->len < all)
		rc = one_route(s, i, p, p->ip, p->len, LEAT_ROUTE_UNICAST, set);
	if ((rc != 0 && set) || !is4 || p->len >= 31)
		return rc;
	ip = be32toh(leat_ip_be32(p->ip));
	host = UINT32_MAX >> p->len;
	rc = one_route(
		s, i, p, leat_ip_from_be32(htobe32(ip | host)), 32, LEAT_ROUTE_BROADCAST, set);
	if (rc == 0 || !set)
		rc = one_route(s, i, p, leat_ip_from_be32(htobe32(ip & ~host)), 32,
			LEAT_ROUTE_BROADCAST, set);
	return rc;
}

// Set again what addresses that stay have in common with one that went.
static void restore_routes(struct leat_stack *s)
{
	for (uint16_t k = 1; k < s->link->n_ifaces; k++) {
		const struct leat_iface *i = s->link->ifaces[k];

		for (uint16_t j = 0; i != NULL && j < i->addrs->n; j++)
			addr_routes(s, i, &i->addrs->a[j], true);
	}
}

int leat_ip_addr_add(struct leat_stack *s, struct leat_iface *i, const struct leat_prefix *p)
{
	int rc;

	if (p->len > (leat_ip_is4(p->ip) ? 32 : 128))
		return -EINVAL;
	rc = leat_iface_addr_add(s, i, p);
	if (rc != 0)
		return rc;
	rc = addr_routes(s, i, p, true);
	if (rc != 0)
		leat_ip_addr_del(s, i, p);
	return rc;
}

int leat_ip_addr_del(struct leat_stack *s, struct leat_iface *i, const struct leat_prefix *p)
{
	int rc = leat_iface_addr_del(s, i, p);

	if (rc != 0)
		return rc;
	addr_routes(s, i, p, false);
	restore_routes(s);
	return 0;
}

// ---- for several files ----

static uint64_t mix_end(const union leat_ip *ip, uint16_t port)
{
	return leat_ip_mix(ip->d[0] + leat_ip_mix(ip->d[1] ^ (uint64_t)port << 16));
}

uint32_t leat_flow_hash(const union leat_ip *a, const union leat_ip *b, uint16_t port_a,
	uint16_t port_b, uint8_t proto)
{
	// A sum is the same in both directions.
	uint64_t h = leat_ip_mix(mix_end(a, port_a) + mix_end(b, port_b) + proto) >> 32;

	return h != 0 ? (uint32_t)h : 1; // 0 says "not computed" in the metadata
}

bool leat_ip_unshare_slow(struct leat_lcore *lc, struct rte_mbuf **pm, uint16_t len)
{
	struct rte_mbuf *m = *pm, *h = leat_pkt_new_first(m, lc->pool);

	if (h == NULL)
		return false;
	memcpy(rte_pktmbuf_mtod(h, void *), rte_pktmbuf_mtod(m, const void *), len);
	h->data_len = len;
	m->data_off += len;
	m->data_len -= len;
	if (m->data_len == 0 && m->next != NULL) {
		h->next = m->next;
		m->next = NULL;
		m->nb_segs = 1;
		leat_pkt_unpoison_seg(m);
		rte_pktmbuf_free_seg(m);
	} else {
		h->next = m;
		h->nb_segs++;
	}
	*pm = h;
	return true;
}
