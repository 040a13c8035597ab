// SPDX-License-Identifier: BSD-3-Clause
// Packets for this host: by protocol in batches, to the worker of the flow, fragments only if they
// can be ours.
#include <string.h>

#include "ip/claim.h"
#include "ip/ip_private.h"
#include "ip/net.h"
#include "pktbuf.h"
#include "unit.h"

#define OTHER_PROTO 254

static uint8_t data[2000], out[NET_MAX];
static unsigned n_other, other_batches;

static void count_other(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	other_batches++;
	n_other += n;
	for (uint16_t i = 0; i < n; i++)
		leat_consume(lc, pkts[i]);
}

static void a_mixed_burst_becomes_one_batch_a_protocol(void)
{
	struct net_pkt p = net_pkt();
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	CU_ASSERT_EQUAL(leat_ip_set_proto(n.r.s, OTHER_PROTO, count_other, NULL), 0);
	n_other = other_batches = 0;
	for (int i = 0; i < 32; i++) {
		uint32_t len;

		p.proto = i % 3 ? NET_PROTO : OTHER_PROTO;
		p.id = (uint16_t)i;
		len = net_build(&n, &p, out);
		CU_ASSERT_EQUAL(rte_ring_enqueue(n.r.in,
					leat_pkt_from_bytes_exact(n.r.pool, out, len, NULL, 0)),
			0);
	}
	leat_lcore_poll(n.r.lc);
	CU_ASSERT_EQUAL(net_got.n, 21);
	CU_ASSERT_EQUAL(net_got.batches, 1);
	CU_ASSERT_EQUAL(net_u16(net_got.b + 4), 31); // in order: the last is the last
	CU_ASSERT_EQUAL(n_other, 11);
	CU_ASSERT_EQUAL(other_batches, 1);
	net_close(&n);
}

static void local(
	struct net *n, uint8_t proto, const void *payload, uint32_t len, enum leat_punt_class c)
{
	struct net_pkt p = net_pkt();
	uint64_t before = n->r.punts[c];

	p.proto = proto;
	p.payload = payload;
	p.len = len;
	net_send(n, &p);
	CU_ASSERT_EQUAL(n->r.punts[c], before + 1);
}

static void the_kernel_gets_other_protocols_by_class(void)
{
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	rig_punt(&n.r);
	local(&n, 89, data, 24, LEAT_PUNT_ROUTING);
	local(&n, 112, data, 24, LEAT_PUNT_ROUTING);
	local(&n, 47, data, 24, LEAT_PUNT_LOCAL);
	local(&n, 50, NULL, 0, LEAT_PUNT_LOCAL);
	net_close(&n);
}

static enum leat_punt_class class_of(struct net *n, uint8_t proto, const void *ports, uint16_t frag)
{
	struct net_pkt p = net_pkt();
	enum leat_punt_class c;
	struct rte_mbuf *m;
	uint32_t len;

	p.proto = proto;
	p.payload = ports;
	p.len = 8;
	p.frag = frag;
	len = net_build(n, &p, out);
	m = leat_pkt_from_bytes_exact(n->r.pool, out, len, (const uint32_t[]){35}, 1);
	m->l2_len = 14;
	m->l3_len = 20;
	c = leat_ip4_punt_class(m, LEAT_PUNT_OTHER);
	rte_pktmbuf_free(m);
	return c;
}

static void classes_by_port(void)
{
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	CU_ASSERT_EQUAL(class_of(&n, 6, "\x00\xb3\x20\x00\0\0\0\0", 0), LEAT_PUNT_ROUTING);
	CU_ASSERT_EQUAL(class_of(&n, 6, "\x20\x00\x00\xb3\0\0\0\0", 0), LEAT_PUNT_ROUTING);
	CU_ASSERT_EQUAL(class_of(&n, 6, "\x20\x00\x00\xb4\0\0\0\0", 0), LEAT_PUNT_OTHER);
	CU_ASSERT_EQUAL(class_of(&n, 17, "\xc0\x00\x0e\xc8\0\0\0\0", 0), LEAT_PUNT_ROUTING);
	CU_ASSERT_EQUAL(class_of(&n, 17, "\xc0\x00\x12\xb0\0\0\0\0", 0), LEAT_PUNT_ROUTING);
	CU_ASSERT_EQUAL(class_of(&n, 17, "\x00\x43\x00\x44\0\0\0\0", 0), LEAT_PUNT_DHCP);
	CU_ASSERT_EQUAL(class_of(&n, 17, "\x00\x44\x00\x43\0\0\0\0", 0), LEAT_PUNT_DHCP);
	CU_ASSERT_EQUAL(class_of(&n, 17, "\x00\x43\x00\x44\0\0\0\0", 1), LEAT_PUNT_OTHER);
	net_close(&n);
}

static void fragments_are_the_kernels_unless_something_could_claim_them(void)
{
	struct net_pkt p = net_pkt();
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	rig_punt(&n.r);
	p.proto = 47;
	p.payload = data;
	p.len = 64;
	p.frag = 0x2000;
	net_send(&n, &p);
	p.frag = 8;
	net_send(&n, &p);
	CU_ASSERT_EQUAL(n.r.punts[LEAT_PUNT_LOCAL], 2); // as they came
	CU_ASSERT_EQUAL(n.r.lc->count.merged, 0);
	p.proto = NET_PROTO;
	p.frag = 0x2000;
	net_send(&n, &p);
	p.frag = 8;
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_got.n, 1);
	CU_ASSERT_EQUAL(n.r.lc->count.merged, 1);
	CU_ASSERT_EQUAL(n.r.lc->stages[LEAT_STAGE_IP4_REASS].packets, 2);
	net_close(&n);
}

// ---- two workers, one receive queue ----

static unsigned got_by[4];
static uint16_t got_flags;

static void count_by_worker(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	got_by[lc->id] += n;
	for (uint16_t i = 0; i < n; i++) {
		got_flags = leat_meta(pkts[i])->flags;
		leat_consume(lc, pkts[i]);
	}
}

static void turn(struct net *n)
{
	for (int k = 0; k < 4; k++)
		for (uint16_t i = 0; i < n->r.s->n_lcores; i++)
			leat_lcore_poll(n->r.s->lcores[i]);
}

static uint16_t owner_of(struct net *n, const struct net_pkt *p, uint16_t src, uint16_t dst)
{
	union leat_ip a = net_ip(p->src), b = net_ip(p->dst);

	return leat_flow_owner(n->r.lc, leat_flow_hash(&b, &a, dst, src, p->proto));
}

static void open_many(struct net *n)
{
	struct leat_stack_conf conf;

	rig_conf(&conf);
	conf.n_lcores = 4;
	CU_ASSERT_EQUAL_FATAL(net_open(n, &conf), 0);
	CU_ASSERT_EQUAL(n->r.port->n_rxq, 1);
	memset(got_by, 0, sizeof(got_by));
	n->r.s->proto_input[IPPROTO_UDP] = count_by_worker; // instead of transport
	turn(n);
}

static void a_flow_goes_to_its_worker(void)
{
	struct net_pkt p = net_pkt();
	unsigned all[4] = {0};
	struct net n;

	open_many(&n);
	p.proto = IPPROTO_UDP;
	p.payload = data;
	p.len = 8;
	for (uint16_t i = 0; i < 400; i++) {
		uint16_t owner = owner_of(&n, &p, (uint16_t)(1000 + i), 53);

		memcpy(data, (uint8_t[]){(uint8_t)((1000 + i) >> 8), (uint8_t)(1000 + i), 0, 53},
			4);
		net_send(&n, &p);
		turn(&n);
		CU_ASSERT_EQUAL(got_by[owner], ++all[owner]);
	}
	for (int w = 0; w < 4; w++)
		CU_ASSERT(all[w] > 60 && all[w] < 140);
	net_close(&n);
}

// Fragments meet at one worker whatever their ports; the whole goes to the flow's.
static void fragments_meet_and_the_whole_goes_to_its_worker(void)
{
	struct net_pkt p = net_pkt();
	unsigned all[4] = {0};
	struct net n;

	open_many(&n);
	p.proto = IPPROTO_UDP;
	for (uint16_t i = 0; i < 100; i++) {
		uint16_t owner = owner_of(&n, &p, (uint16_t)(1000 + i), 53);

		memcpy(data, (uint8_t[]){(uint8_t)((1000 + i) >> 8), (uint8_t)(1000 + i), 0, 53},
			4);
		p.id = i;
		p.frag = 10; // the last one first
		p.payload = data + 80;
		p.len = 50;
		net_send(&n, &p);
		p.frag = 0x2000;
		p.payload = data;
		p.len = 80;
		net_send(&n, &p);
		turn(&n);
		CU_ASSERT_EQUAL(got_by[owner], ++all[owner]);
		CU_ASSERT(got_flags & LEAT_META_REASSEMBLED);
	}
	net_close(&n);
}

static uint16_t told_worker;
static unsigned n_told;

static bool note_worker(struct leat_lcore *lc, const struct leat_icmp_error *e)
{
	(void)e;
	told_worker = lc->id;
	n_told++;
	return true;
}

static void an_error_goes_to_the_worker_of_the_quoted_flow(void)
{
	struct net_pkt p = net_pkt();
	struct net n;

	open_many(&n);
	n.r.s->proto_error[IPPROTO_UDP] = note_worker;
	n_told = 0;
	for (uint16_t i = 0; i < 100; i++) {
		uint8_t m[36] = {3, 1, 0, 0, 0, 0, 0, 0, 0x45};
		union leat_ip us = net_ip("192.0.2.1"), them = net_ip("203.0.113.1");
		uint32_t sum = 0;

		m[8 + 9] = IPPROTO_UDP;
		memcpy(m + 8 + 12, &us.w[3], 4);
		memcpy(m + 8 + 16, &them.w[3], 4);
		memcpy(m + 28, (uint8_t[]){0, 53, 1, (uint8_t)i}, 4);
		for (int k = 0; k < 36; k += 2)
			sum += net_u16(m + k);
		sum = ~((sum & 0xffff) + (sum >> 16));
		m[2] = (uint8_t)(sum >> 8);
		m[3] = (uint8_t)sum;
		p.proto = IPPROTO_ICMP;
		p.payload = m;
		p.len = sizeof(m);
		p.src = "198.51.100.99";
		net_send(&n, &p);
		turn(&n);
		CU_ASSERT_EQUAL(n_told, i + 1u);
		CU_ASSERT_EQUAL(told_worker,
			leat_flow_owner(n.r.lc,
				leat_flow_hash(&us, &them, 53, (uint16_t)(256 + i), IPPROTO_UDP)));
	}
	net_close(&n);
}

static const struct unit_case cases[] = {
	UNIT_CASE(a_mixed_burst_becomes_one_batch_a_protocol),
	UNIT_CASE(the_kernel_gets_other_protocols_by_class),
	UNIT_CASE(classes_by_port),
	UNIT_CASE(fragments_are_the_kernels_unless_something_could_claim_them),
	UNIT_CASE(a_flow_goes_to_its_worker),
	UNIT_CASE(fragments_meet_and_the_whole_goes_to_its_worker),
	UNIT_CASE(an_error_goes_to_the_worker_of_the_quoted_flow),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("ip4_local", cases) != 0;
}
