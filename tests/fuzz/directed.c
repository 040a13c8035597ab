// SPDX-License-Identifier: BSD-3-Clause
// Sequences that bring about what needs many frames that belong together, or control: full tables
// and queues, an interface that is down.
#include <string.h>

#include <rte_tcp.h>

#include "fuzz.h"
#include "ip/ip.h"

#define SECOND UINT64_C(1000000000)

#define HOST_GONE IP4(192, 0, 2, 77)

static struct fuzz_pkt pkt;

static void iface_down(struct fuzz *f)
{
	f->vlan->up = false;
	fuzz_start_ip(f, &pkt, NET_V + 9, HOST_V, IPPROTO_UDP);
	fuzz_append(&pkt, 8);
	fuzz_finish(&pkt);
	fuzz_send(f, &pkt);
	fuzz_turn(f, 0);
	f->vlan->up = true;
}

// Less than an ICMP header; TCP to the host in a frame to everybody.
static void odd_ones(struct fuzz *f)
{
	fuzz_start_ip(f, &pkt, NET + 9, HOST, IPPROTO_ICMP);
	fuzz_append(&pkt, 1 + below(f, 7));
	fuzz_finish(&pkt);
	fuzz_send(f, &pkt);
	fuzz_turn(f, 0);
}

// SYNs of many hosts that never answer.
static void syn_flood(struct fuzz *f)
{
	struct fuzz_flow w = {.host = HOST, .host_port = PORT_TCP};

	for (uint32_t i = 0; i < 200; i++) {
		w.ip = NET + 40 + 2 * (i % 50);
		w.port = 10000 + i;
		fuzz_segment(f, &pkt, &w, RTE_TCP_SYN_FLAG, i * 1000, 0);
		fuzz_send(f, &pkt);
		if (i % LEAT_BURST == 0)
			fuzz_turn(f, 0);
	}
	fuzz_turn(f, 0);
	for (int i = 0; i < 200; i++) // the half-open ones are given up
		fuzz_turn(f, SECOND);
}

// Connections of many hosts, all of them completed: more than there is room for, to a port.
static void connect_all(struct fuzz *f, uint16_t port)
{
	for (int i = 0; i < FLOWS; i++) {
		struct fuzz_flow *w = &f->flows[i];

		memset(w, 0, sizeof(*w));
		w->state = FLOW_SYN;
		w->ip = NET + 2 + 2 * (i % 15);
		w->host = HOST;
		w->port = 20000 + below(f, 20000);
		w->host_port = port;
		w->una = w->snd = (uint32_t)unit_random(&f->seed);
		fuzz_segment(f, &pkt, w, RTE_TCP_SYN_FLAG, w->snd++, 0);
		fuzz_send(f, &pkt);
		fuzz_turn(f, SECOND / 100);
	}
	fuzz_turn(f, SECOND / 100);
}

// Single bytes with gaps between them: the out-of-order queue of one connection.
static void scatter(struct fuzz *f)
{
	struct fuzz_flow *w = fuzz_flow(f, FLOW_OPEN);

	for (uint32_t i = 0; w != NULL && i < 600; i++) {
		fuzz_segment(f, &pkt, w, RTE_TCP_ACK_FLAG, w->una + 1 + 2 * i, 1);
		fuzz_send(f, &pkt);
		if (i % LEAT_BURST == 0)
			fuzz_turn(f, 0);
	}
	fuzz_turn(f, 0);
}

// Text beyond what a program that does not read has room for.
static void overfill(struct fuzz *f)
{
	struct fuzz_flow *w = fuzz_flow(f, FLOW_OPEN);

	for (uint32_t i = 0; w != NULL && i < 100; i++) {
		fuzz_segment(f, &pkt, w, RTE_TCP_ACK_FLAG, w->una + 1000 * i, 1000);
		fuzz_send(f, &pkt);
		if (i % 8 == 0)
			fuzz_turn(f, 0);
	}
	fuzz_turn(f, 0);
}

static void send_udp(struct fuzz *f, uint32_t src, uint16_t frag, uint16_t id, uint32_t len)
{
	uint8_t *ip, *udp;

	fuzz_start_ip(f, &pkt, src, HOST, IPPROTO_UDP);
	ip = pkt.b + pkt.at[LAYER_IP];
	ip[4] = id >> 8;
	ip[5] = id & 0xff;
	ip[6] = frag >> 8;
	ip[7] = frag & 0xff;
	pkt.fragment = frag != 0;
	pkt.at[LAYER_UDP] = pkt.len;
	udp = fuzz_append(&pkt, 8 + len);
	udp[2] = PORT_UDP >> 8;
	udp[3] = PORT_UDP & 0xff;
	udp[4] = (8 + len) >> 8;
	udp[5] = (8 + len) & 0xff;
	fuzz_finish(&pkt);
	fuzz_send(f, &pkt);
}

// More datagrams in one turn than the endpoint may hold.
static void udp_burst(struct fuzz *f)
{
	for (int i = 0; i < 2000; i++)
		send_udp(f, NET + 2, 0, 1, 1000);
	fuzz_turn(f, 0);
}

// First fragments of many datagrams that never become whole.
static void fragments(struct fuzz *f)
{
	for (uint32_t i = 0; i < 6000; i++) {
		send_udp(f, NET + 2 + i % 30, 0x2000, i, 1024);
		if (i % LEAT_BURST == 0)
			fuzz_turn(f, 0);
	}
	for (int i = 0; i < 120; i++)
		fuzz_turn(f, SECOND);
}

void fuzz_directed(struct fuzz *f)
{
	iface_down(f);
	odd_ones(f);
	syn_flood(f);
	connect_all(f, PORT_TCP);
	scatter(f);
	overfill(f);
	connect_all(f, PORT_SLOW);
	udp_burst(f);
	fragments(f);
}

// SYNs on their way from one worker to another when their address is taken away.
void fuzz_directed_workers(struct fuzz *f)
{
	struct leat_prefix p = {.ip = leat_ip_from_be32(rte_cpu_to_be_32(HOST_GONE)), .len = 32};
	struct fuzz_flow w = {.ip = NET + 9, .host = HOST_GONE, .host_port = PORT_TCP};

	leat_ip_addr_add(f->r.s, f->r.iface, &p);
	for (w.port = 10000; w.port < 10032; w.port++) {
		fuzz_segment(f, &pkt, &w, RTE_TCP_SYN_FLAG, w.port, 0);
		fuzz_send(f, &pkt);
	}
	leat_lcore_poll(f->r.s->lcores[0]);
	leat_ip_addr_del(f->r.s, f->r.iface, &p);
	fuzz_turn(f, 0);
}
