// SPDX-License-Identifier: BSD-3-Clause
// See net.h.
#include "ip/net.h"

#include <arpa/inet.h>
#include <string.h>

#include "frames.h"
#include "pktbuf.h"
#include "unit.h"

struct net_got net_got;

union leat_ip net_ip(const char *text)
{
	union leat_ip ip = {0};

	CU_ASSERT_EQUAL(leat_ip_parse(text, &ip), 0);
	return ip;
}

uint32_t net_be(const char *text)
{
	return leat_ip_be32(net_ip(text));
}

uint16_t net_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint64_t net_drops(const struct net *n, enum leat_drop why)
{
	return rig_drops(n->r.s, why);
}

static void capture(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	net_got.batches++;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		static uint8_t all[NET_MAX];

		net_got.n++;
		net_got.len = m->pkt_len - m->l2_len;
		net_got.flags = leat_meta(m)->flags;
		leat_pkt_to_bytes(m, all);
		memcpy(net_got.b, all + m->l2_len, net_got.len);
		leat_consume(lc, m);
	}
}

static void add(struct net *n, struct leat_iface *i, const char *addr, const char *peer)
{
	struct leat_prefix p;
	union leat_ip ip = net_ip(peer);

	CU_ASSERT_EQUAL(leat_prefix_parse(addr, &p), 0);
	CU_ASSERT_EQUAL(leat_ip_addr_add(n->r.s, i, &p), 0);
	CU_ASSERT_EQUAL(leat_neigh_set_all(n->r.s, i->idx, &ip, &frame_peer, true), 0);
}

int net_open(struct net *n, const struct leat_stack_conf *conf)
{
	int rc;

	memset(n, 0, sizeof(*n));
	memset(&net_got, 0, sizeof(net_got));
	n->seed = 7;
	rc = rig_open(&n->r, conf, 1500);
	if (rc != 0)
		return rc;
	rc = leat_iface_add(n->r.s, n->r.port, 10, "t0.10", &n->second);
	if (rc != 0) {
		rig_close(&n->r);
		return rc;
	}
	add(n, n->r.iface, "192.0.2.1/24", "192.0.2.2");
	add(n, n->second, "198.51.100.1/24", "198.51.100.2");
	CU_ASSERT_EQUAL(leat_ip_set_proto(n->r.s, NET_PROTO, capture, NULL), 0);
	for (uint16_t i = 0; i < n->r.s->n_lcores; i++)
		leat_lcore_poll(n->r.s->lcores[i]);
	return 0;
}

void net_close(struct net *n)
{
	rig_close(&n->r);
}

struct net_pkt net_pkt(void)
{
	return (struct net_pkt){.src = "192.0.2.2",
		.dst = "192.0.2.1",
		.proto = NET_PROTO,
		.ttl = 64,
		.id = 1,
		.vlan = -1};
}

uint32_t net_build(const struct net *n, const struct net_pkt *p, uint8_t *b)
{
	uint8_t hdr = (uint8_t)(20 + p->n_opts), *ip;
	uint16_t total = htons((uint16_t)(hdr + p->len)), id = htons(p->id), frag = htons(p->frag);
	uint32_t src = net_be(p->src), dst = net_be(p->dst);
	struct frame f;
	uint16_t sum;

	frame_eth(&f, &n->r.port->mac, &frame_peer, p->vlan, 0x0800);
	memcpy(b, f.b, f.len);
	ip = b + f.len;
	memset(ip, 0, 20);
	ip[0] = (uint8_t)(0x40 | hdr / 4);
	ip[1] = p->tos;
	memcpy(ip + 2, &total, 2);
	memcpy(ip + 4, &id, 2);
	memcpy(ip + 6, &frag, 2);
	ip[8] = p->ttl;
	ip[9] = p->proto;
	memcpy(ip + 12, &src, 4);
	memcpy(ip + 16, &dst, 4);
	if (p->n_opts != 0)
		memcpy(ip + 20, p->opts, p->n_opts);
	sum = frame_cksum(ip, hdr, 0);
	memcpy(ip + 10, &sum, 2);
	if (p->len != 0)
		memcpy(ip + hdr, p->payload, p->len);
	return f.len + hdr + p->len;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static struct rte_mbuf *make_mbuf(struct net *n, const uint8_t *b, uint32_t len)
{
	uint32_t cuts[8], k = (uint32_t)(unit_random(&n->seed) % 9);
	struct rte_mbuf *m;

	switch (n->form) {
	case NET_DIRECT:
		m = rte_pktmbuf_alloc(n->r.pool);
		if (m != NULL)
			memcpy(rte_pktmbuf_append(m, (uint16_t)len), b, len);
		break;
	case NET_CUT:
		for (uint32_t i = 0; i < k; i++)
			cuts[i] = (uint32_t)(unit_random(&n->seed) % (len + 1));
		qsort(cuts, k, sizeof(cuts[0]), ascending);
		m = leat_pkt_from_bytes_exact(n->r.pool, b, len, cuts, k);
		break;
	default:
		m = leat_pkt_from_bytes_exact(n->r.pool, b, len, NULL, 0);
	}
	if (m != NULL)
		m->ol_flags |= n->ol_flags;
	return m;
}

void net_send_bytes(struct net *n, const uint8_t *b, uint32_t len)
{
	rig_send_mbuf(&n->r, make_mbuf(n, b, len));
}

void net_send(struct net *n, const struct net_pkt *p)
{
	static uint8_t b[NET_MAX];
	uint32_t len = net_build(n, p, b);

	net_send_bytes(n, b, len);
}

uint32_t net_take(struct net *n, uint8_t *b, int *vlan)
{
	struct rte_mbuf *m = rig_take(&n->r);
	static uint8_t all[NET_MAX];
	uint32_t l2 = 14, len;

	if (m == NULL)
		return 0;
	len = m->pkt_len;
	leat_pkt_to_bytes(m, all);
	rte_pktmbuf_free(m);
	if (vlan != NULL)
		*vlan = -1;
	if (net_u16(all + 12) == 0x8100) {
		if (vlan != NULL)
			*vlan = net_u16(all + 14) & 0xfff;
		l2 = 18;
	}
	CU_ASSERT_EQUAL_FATAL(net_u16(all + l2 - 2), 0x0800);
	CU_ASSERT_EQUAL(net_u16(all + l2 + 2), len - l2);
	CU_ASSERT_EQUAL(frame_cksum(all + l2, (all[l2] & 15u) * 4, 0), 0);
	CU_ASSERT(memcmp(all, &frame_peer, 6) == 0);
	memcpy(b, all + l2, len - l2);
	return len - l2;
}

unsigned net_flush(struct net *n)
{
	static uint8_t b[NET_MAX];
	unsigned k = 0;

	while (net_take(n, b, NULL) != 0)
		k++;
	return k;
}

int net_route(struct net *n, const char *prefix, uint8_t type, const char *via,
	const struct leat_iface *i)
{
	struct leat_route r = {.table = 254, .type = type};

	CU_ASSERT_EQUAL(leat_prefix_parse(prefix, &r.prefix), 0);
	if (i != NULL) {
		r.n_paths = 1;
		r.paths[0].iface = i->idx;
		r.paths[0].weight = 1;
		if (via != NULL)
			r.paths[0].via = net_ip(via);
	}
	return leat_fib_set(n->r.s, &r);
}
