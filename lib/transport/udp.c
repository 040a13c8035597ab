// SPDX-License-Identifier: BSD-3-Clause
// UDP endpoints: opening, sending, errors, dump (RFC 768, 1122 4.1). Called by sock.c; receiving is
// in udp_input.c.
#include "transport/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <rte_byteorder.h>
#include <rte_udp.h>

#include "ip/claim.h"
#include "ip/icmp.h"
#include "ip/ip.h"
#include "pkt/cksum.h"
#include "pkt/poison.h"
#include "transport/udp_private.h"

#define UDP_TTL 64

// ---- start and end ----

static bool udp_error(struct leat_lcore *lc, const struct leat_icmp_error *e);

static void lcore_fini(struct leat_lcore *lc)
{
	const struct leat_flow_key *k;
	uint32_t cursor = 0;
	void *obj;

	if (lc->udp == NULL)
		return;
	while (lc->udp->demux != NULL && leat_demux_next(lc->udp->demux, &cursor, &k, &obj))
		leat_udp_flush(obj);
	leat_demux_destroy(lc->udp->demux);
	leat_slab_destroy(lc->udp->slab);
	free(lc->udp);
	lc->udp = NULL;
}

static int lcore_init(struct leat_lcore *lc)
{
	const struct leat_limits *limits = &lc->stack->conf.limits;
	uint32_t n = RTE_MAX(limits->udp_sockets, 1u);

	lc->udp = calloc(1, sizeof(*lc->udp));
	if (lc->udp == NULL)
		return -ENOMEM;
	lc->udp->demux = leat_demux_create(lc, "udp", n);
	lc->udp->slab = leat_slab_create("udp_pcb", sizeof(struct leat_udp_pcb), n, lc->node);
	lc->udp->rcvbuf = limits->receive_buffer;
	if (lc->udp->demux == NULL || lc->udp->slab == NULL)
		return -ENOMEM;
	return 0;
}

int leat_udp_init(struct leat_stack *s)
{
	int rc = 0;

	for (uint16_t i = 0; i < s->n_lcores && rc == 0; i++)
		rc = lcore_init(s->lcores[i]);
	if (rc == 0)
		rc = leat_ip_set_proto(s, IPPROTO_UDP, leat_udp_input, udp_error);
	if (rc != 0)
		leat_udp_fini(s);
	return rc;
}

void leat_udp_fini(struct leat_stack *s)
{
	for (uint16_t i = 0; i < s->n_lcores; i++)
		lcore_fini(s->lcores[i]);
}

// ---- opening and closing ----

// Some port of the dynamic range that no endpoint of this worker uses: from a random one on (RFC
// 6056, 3.3.1). With a remote the port is also one whose replies come to this worker where flows
// are spread by software.
static int choose_port(struct leat_lcore *lc, struct leat_udp_pcb *u)
{
	uint32_t n = LEAT_UDP_PORT_LAST - LEAT_UDP_PORT_FIRST + 1;
	uint32_t first = (uint32_t)leat_rand(lc) % n;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = (first + i) % n;
		uint16_t port = LEAT_UDP_PORT_FIRST + slot;

		if (lc->udp->port_users[slot] != 0)
			continue;
		if (u->connected && lc->stack->n_lcores > 1 &&
			leat_flow_owner(lc, leat_flow_hash(&u->local.ip, &u->remote.ip, port,
						    u->remote.port, IPPROTO_UDP)) != lc->id)
			continue;
		u->local.port = port;
		return 0;
	}
	return -EADDRINUSE;
}

static void count_port(struct leat_lcore *lc, uint16_t port, int by)
{
	if (port >= LEAT_UDP_PORT_FIRST)
		lc->udp->port_users[port - LEAT_UDP_PORT_FIRST] += by;
}

static void fill_key(const struct leat_udp_pcb *u, struct leat_flow_key *k)
{
	*k = (struct leat_flow_key){
		.local_port = u->local.port, .proto = IPPROTO_UDP, .family = AF_INET};
	if (!leat_ip_is_any(u->local.ip))
		k->local = u->local.ip;
	if (u->connected) {
		k->remote = u->remote.ip;
		k->remote_port = u->remote.port;
	}
}

// A connected endpoint speaks from one address, else it could not be found by its key.
static int connect_pcb(
	struct leat_lcore *lc, struct leat_udp_pcb *u, const struct leat_endpoint *remote)
{
	struct leat_dst dst = {0};

	if (!leat_ip_is4(remote->ip))
		return -EAFNOSUPPORT;
	if (remote->port == 0 || leat_ip_is_any(remote->ip))
		return -EINVAL;
	u->connected = true;
	u->remote = *remote;
	return leat_ip_route(lc, &remote->ip, 0, &dst, &u->local.ip);
}

int leat_udp_open(struct leat_lcore *lc, const struct leat_endpoint *local,
	const struct leat_endpoint *remote, uint32_t owner, struct leat_udp_pcb **out)
{
	struct leat_udp_pcb *u = leat_slab_alloc(lc->udp->slab);
	struct leat_flow_key k;
	int rc = 0;

	if (u == NULL)
		return -ENOBUFS;
	*u = (struct leat_udp_pcb){.owner = owner};
	u->local.ip = u->remote.ip = leat_ip_from_be32(0);
	if (local != NULL && !leat_ip_is_any(local->ip))
		u->local.ip = local->ip;
	if (!leat_ip_is4(u->local.ip))
		rc = -EAFNOSUPPORT;
	if (rc == 0 && remote != NULL)
		rc = connect_pcb(lc, u, remote);
	if (rc == 0 && local != NULL && local->port != 0)
		u->local.port = local->port;
	else if (rc == 0)
		rc = choose_port(lc, u);
	if (rc != 0)
		goto fail;
	fill_key(u, &k);
	rc = leat_demux_add(lc->udp->demux, &k, u);
	if (rc < 0) {
		rc = rc == -EEXIST ? -EADDRINUSE : -ENOBUFS;
		goto fail;
	}
	lc->udp->n_connected += u->connected;
	count_port(lc, u->local.port, 1);
	*out = u;
	return 0;
fail:
	leat_slab_free(lc->udp->slab, u);
	return rc;
}

void leat_udp_flush(struct leat_udp_pcb *u)
{
	struct rte_mbuf *m;

	while ((m = u->head) != NULL) {
		u->head = leat_meta(m)->next;
		leat_pkt_unpoison(m);
		rte_pktmbuf_free(m); // counted as consumed when it was queued
	}
	u->n_queued = 0;
	u->truesize = 0;
	u->payload = 0;
}

void leat_udp_close(struct leat_lcore *lc, struct leat_udp_pcb *u)
{
	struct leat_flow_key k;

	fill_key(u, &k);
	leat_demux_del(lc->udp->demux, &k);
	lc->udp->n_connected -= u->connected;
	count_port(lc, u->local.port, -1);
	leat_udp_flush(u);
	leat_slab_free(lc->udp->slab, u);
}

// ---- sending ----

// The way to a remote and the address to speak from, *src. The last one is kept: an endpoint mostly
// talks on with the peer it talked with.
static int find_way(struct leat_lcore *lc, struct leat_udp_pcb *u, const struct leat_endpoint *to,
	union leat_ip *src)
{
	struct leat_udp_way *w = &u->way;
	union leat_ip from = *src;
	uint32_t hash;
	int rc;

	if (w->dst.epoch != 0 && w->to.port == to->port && leat_ip_equal(w->to.ip, to->ip) &&
		leat_ip_equal(w->wanted, from) && !leat_dst_stale(lc, &w->dst)) {
		*src = w->src;
		return 0;
	}
	hash = leat_flow_hash(&u->local.ip, &to->ip, u->local.port, to->port, IPPROTO_UDP);
	w->dst.neigh.gen = 0;
	rc = leat_ip_route(lc, &to->ip, hash, &w->dst, src);
	if (rc != 0) {
		w->dst.epoch = 0;
		return rc;
	}
	w->to = *to;
	w->wanted = from;
	w->src = *src;
	return 0;
}

// Put the UDP header into an mbuf of its own before the payload, whose mbufs may be shared. NULL
// without an mbuf.
static struct rte_mbuf *add_header(struct leat_lcore *lc, struct rte_mbuf *payload,
	const struct leat_endpoint *from, const struct leat_endpoint *to)
{
	struct rte_ipv4_hdr ip = {
		.src_addr = leat_ip_be32(from->ip), .dst_addr = leat_ip_be32(to->ip)};
	uint16_t len = sizeof(struct rte_udp_hdr) + payload->pkt_len;
	struct rte_mbuf *m = leat_create(lc);
	struct rte_udp_hdr *udp;

	if (m == NULL)
		return NULL;
	udp = (struct rte_udp_hdr *)rte_pktmbuf_append(m, sizeof(*udp));
	udp->src_port = rte_cpu_to_be_16(from->port);
	udp->dst_port = rte_cpu_to_be_16(to->port);
	udp->dgram_len = rte_cpu_to_be_16(len);
	// The port, or port_output in its place, adds the rest; both write 0xffff for 0 (RFC 768).
	udp->dgram_cksum = leat_pkt_pseudo4(&ip, IPPROTO_UDP, len);
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
	m->l4_len = sizeof(*udp);
	if (payload->pkt_len == 0) {
		rte_pktmbuf_free(payload);
	} else if (rte_pktmbuf_chain(m, payload) != 0) { // more segments than an mbuf can count
		leat_drop(lc, m, LEAT_DROP_NO_MBUF);
		return NULL;
	}
	return m;
}

static int check_send(const struct rte_mbuf *payload, const struct leat_endpoint *to)
{
	if (to == NULL)
		return -EDESTADDRREQ;
	if (!leat_ip_is4(to->ip))
		return -EAFNOSUPPORT;
	if (to->port == 0)
		return -EINVAL;
	if (payload->pkt_len > LEAT_UDP_PAYLOAD_MAX)
		return -EMSGSIZE;
	return 0;
}

int leat_udp_send(struct leat_lcore *lc, struct leat_udp_pcb *u, struct rte_mbuf *payload,
	const struct leat_endpoint *remote, const union leat_ip *src)
{
	const struct leat_endpoint *to = remote != NULL || !u->connected ? remote : &u->remote;
	struct leat_endpoint from = u->local;
	struct leat_ip4_tx tx = {.proto = IPPROTO_UDP, .ttl = UDP_TTL};
	struct rte_mbuf *m;
	int rc = check_send(payload, to);

	if (src != NULL && !leat_ip_is_any(*src))
		from.ip = *src;
	if (rc == 0)
		rc = find_way(lc, u, to, &from.ip);
	if (rc == 0 && !leat_ip_is4(from.ip))
		rc = -EAFNOSUPPORT;
	if (rc != 0) {
		rte_pktmbuf_free(payload); // no packet yet, so not a dropped one
		return rc;
	}
	m = add_header(lc, payload, &from, to);
	if (m == NULL) {
		rte_pktmbuf_free(payload);
		return -ENOBUFS;
	}
	tx.src_be = leat_ip_be32(from.ip);
	tx.dst_be = leat_ip_be32(to->ip);
	leat_ip4_output(lc, &u->way.dst, &tx, &m, 1);
	return 0;
}

// ---- errors ----

// What an ICMP error means to the user (RFC 1122, 4.1.3.3; the numbers of Linux). 0: nothing.
static int error_number(const struct leat_icmp_error *e)
{
	if (e->type == ICMP_TIME_EXCEEDED)
		return EHOSTUNREACH;
	if (e->type == ICMP_PARAMETERPROB)
		return EPROTO;
	if (e->type != ICMP_DEST_UNREACH)
		return 0;
	switch (e->code) {
	case ICMP_NET_UNREACH:
		return ENETUNREACH;
	case ICMP_PROT_UNREACH:
		return ENOPROTOOPT;
	case ICMP_PORT_UNREACH:
		return ECONNREFUSED;
	case ICMP_FRAG_NEEDED: // datagrams go without DF: routers cut them
		return 0;
	default:
		return EHOSTUNREACH;
	}
}

static bool udp_error(struct leat_lcore *lc, const struct leat_icmp_error *e)
{
	struct leat_flow_key k = {.local = e->local,
		.remote = e->remote,
		.local_port = e->local_port,
		.remote_port = e->remote_port,
		.proto = IPPROTO_UDP,
		.family = AF_INET};
	struct leat_udp_pcb *u = leat_demux_find(lc->udp->demux, &k);
	int error = error_number(e);

	if (u != NULL) {
		if (error != 0)
			lc->stack->transport->ops->event(lc, u->owner, LEAT_EV_ERR, error);
		return true;
	}
	// Without a connection nobody can be told which of its datagrams it was.
	return leat_demux_find_listener(lc->udp->demux, &k) != NULL ||
	       leat_claim_match(lc->stack, IPPROTO_UDP, &e->local, e->local_port);
}

// ---- for sock and leatctl ----

void leat_udp_info(const struct leat_udp_pcb *u, struct leat_transport_info *out)
{
	*out = (struct leat_transport_info){
		.proto = IPPROTO_UDP,
		.state = "-",
		.local = u->local,
		.remote = u->remote,
		.rx_queue = u->payload,
		.owner = u->owner,
	};
}

uint32_t leat_udp_queued(const struct leat_udp_pcb *u)
{
	return u->n_queued;
}

const struct leat_slab *leat_udp_slab(const struct leat_lcore *lc)
{
	return lc->udp->slab;
}

uint32_t leat_udp_dump(
	struct leat_lcore *lc, uint32_t *cursor, struct leat_transport_info *out, uint32_t n)
{
	const struct leat_flow_key *k;
	uint32_t got = 0;
	void *obj;

	while (got < n && leat_demux_next(lc->udp->demux, cursor, &k, &obj))
		leat_udp_info(obj, &out[got++]);
	return got;
}
