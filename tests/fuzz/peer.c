// SPDX-License-Identifier: BSD-3-Clause
// The hosts beyond the port: they answer ARP, go on with TCP connections, and check that what comes
// out is what a host may send.
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "fuzz.h"

static uint16_t get16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static uint32_t get32(const uint8_t *b)
{
	return (uint32_t)get16(b) << 16 | get16(b + 2);
}

struct fuzz_flow *fuzz_flow(struct fuzz *f, int state)
{
	for (int i = 0; i < FLOWS; i++)
		if ((int)f->flows[i].state == state)
			return &f->flows[i];
	return NULL;
}

static struct fuzz_flow *find_flow(
	struct fuzz *f, uint32_t host, uint16_t host_port, uint32_t ip, uint16_t port)
{
	for (int i = 0; i < FLOWS; i++) {
		struct fuzz_flow *w = &f->flows[i];

		if (w->state != FLOW_FREE && w->host == host && w->ip == ip && w->port == port &&
			w->host_port == host_port)
			return w;
	}
	return NULL;
}

// One host in four is not there.
static void answer_arp(struct fuzz *f, const uint8_t *arp, uint16_t vlan)
{
	static struct fuzz_pkt p;
	uint32_t target = get32(arp + 24);

	if (get16(arp + 6) != RTE_ARP_OP_REQUEST || target % 4 == 1)
		return;
	memset(&p, 0, sizeof(p));
	memcpy(p.b, arp + 8, 6);
	p.b[6] = p.b[22] = 2;
	p.b[11] = p.b[27] = target & 0xff;
	p.len = 14;
	if (vlan != 0) {
		memcpy(p.b + 12, (uint8_t[]){0x81, 0x00, vlan >> 8, vlan & 0xff}, 4);
		p.len = 18;
	}
	p.b[p.len - 2] = 0x08;
	p.b[p.len - 1] = 0x06;
	memcpy(p.b + p.len, (uint8_t[]){0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, target & 0xff}, 14);
	memcpy(p.b + p.len + 14, arp + 24, 4);
	memcpy(p.b + p.len + 18, arp + 8, 6);
	memcpy(p.b + p.len + 24, arp + 14, 4);
	p.len += 28;
	fuzz_send(f, &p);
}

// Our timestamp echo: the option in the place where a stack puts it.
static void read_timestamp(struct fuzz_flow *w, const uint8_t *tcp, uint32_t hdr)
{
	for (uint32_t i = 20; i + 10 <= hdr; i++) {
		if (tcp[i] == 8 && tcp[i + 1] == 10) {
			w->ts_ecr = get32(tcp + i + 2);
			return;
		}
	}
}

// The stack opens a connection: it becomes one of the flows.
static struct fuzz_flow *be_opened(
	struct fuzz *f, uint32_t host, uint16_t host_port, uint32_t ip, uint16_t port, uint32_t seq)
{
	struct fuzz_flow *w = &f->flows[below(f, FLOWS)];

	memset(w, 0, sizeof(*w));
	w->state = FLOW_SYN;
	w->ip = ip;
	w->host = host;
	w->port = port;
	w->host_port = host_port;
	w->una = w->snd = (uint32_t)unit_random(&f->seed);
	w->rcv = seq + 1;
	w->ts = one_in(f, 2);
	return w;
}

static void hear_tcp(struct fuzz *f, const uint8_t *ip, const uint8_t *tcp, uint32_t len)
{
	static struct fuzz_pkt p;
	uint32_t hdr = (tcp[12] >> 4) * 4u, seq = get32(tcp + 4), end;
	uint32_t host = get32(ip + 12), from = get32(ip + 16);
	struct fuzz_flow *w = find_flow(f, host, get16(tcp), from, get16(tcp + 2));

	if (hdr < 20 || hdr > len) {
		f->wrong_out++;
		return;
	}
	if (w == NULL && tcp[13] == RTE_TCP_SYN_FLAG) {
		w = be_opened(f, host, get16(tcp), from, get16(tcp + 2), seq);
		read_timestamp(w, tcp, hdr);
		fuzz_segment(f, &p, w, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, w->snd++, 0);
		fuzz_send(f, &p);
		return;
	}
	if (w == NULL)
		return;
	if (tcp[13] & RTE_TCP_RST_FLAG) {
		w->state = FLOW_FREE;
		return;
	}
	read_timestamp(w, tcp, hdr);
	end = seq + len - hdr + !!(tcp[13] & RTE_TCP_SYN_FLAG) + !!(tcp[13] & RTE_TCP_FIN_FLAG);
	if ((int32_t)(end - w->rcv) > 0 || w->state == FLOW_SYN)
		w->rcv = end;
	if (tcp[13] & RTE_TCP_ACK_FLAG)
		w->una = get32(tcp + 8);
	if (w->state == FLOW_SYN && (tcp[13] & RTE_TCP_ACK_FLAG)) {
		w->state = FLOW_OPEN;
		w->snd = w->una;
		fuzz_segment(f, &p, w, RTE_TCP_ACK_FLAG, w->snd, 0);
		fuzz_send(f, &p);
	}
	if (tcp[13] & RTE_TCP_FIN_FLAG &&
		one_in(f, 4)) { // answer the end, so that states are passed
		fuzz_segment(f, &p, w, RTE_TCP_ACK_FLAG | RTE_TCP_FIN_FLAG, w->snd++, 0);
		fuzz_send(f, &p);
	}
}

static uint16_t sum16(const uint8_t *b, uint32_t len, uint32_t s)
{
	for (uint32_t i = 0; i < len; i++)
		s += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

// What every host's packet must be: lengths that fit, a right header checksum, an own or a
// forwarded source, and right checksums above if it is its own.
static void hear_ip(struct fuzz *f, const uint8_t *ip, uint32_t len)
{
	uint32_t hdr = (ip[0] & 15) * 4u, total = get16(ip + 2), src = get32(ip + 12), pseudo;
	const uint8_t *l4 = ip + hdr;

	if (len < 20 || hdr < 20 || total < hdr || total > len || ip[0] >> 4 != 4 ||
		sum16(ip, hdr, 0) != 0xffff || ip[8] == 0) {
		f->wrong_out++;
		return;
	}
	if (src != HOST && src != HOST_V)
		return;
	if (get16(ip + 6) & 0x3fff) // a fragment
		return;
	pseudo = sum16(ip + 12, 8, ip[9] + total - hdr);
	if (ip[9] == IPPROTO_TCP) {
		if (total - hdr < 20 || sum16(l4, total - hdr, pseudo) != 0xffff)
			f->wrong_out++;
		else
			hear_tcp(f, ip, l4, total - hdr);
	} else if (ip[9] == IPPROTO_UDP) {
		f->wrong_out += total - hdr < 8 || get16(l4 + 4) != total - hdr ||
				get16(l4 + 6) == 0 || sum16(l4, total - hdr, pseudo) != 0xffff;
	} else if (ip[9] == IPPROTO_ICMP) {
		f->wrong_out += total - hdr < 8 || sum16(l4, total - hdr, 0) != 0xffff;
	}
}

static void hear(struct fuzz *f, const uint8_t *b, uint32_t len)
{
	uint32_t at = 14;
	uint16_t vlan = 0;

	if (len < 14) {
		f->wrong_out++;
		return;
	}
	if (get16(b + 12) == RTE_ETHER_TYPE_VLAN && len >= 18) {
		vlan = get16(b + 14) & 0xfff;
		at = 18;
	}
	if (get16(b + at - 2) == RTE_ETHER_TYPE_ARP && len >= at + 28)
		answer_arp(f, b + at, vlan);
	else if (get16(b + at - 2) == RTE_ETHER_TYPE_IPV4 && len >= at + 20)
		hear_ip(f, b + at, len - at);
	else
		f->wrong_out++;
}

void fuzz_peers(struct fuzz *f)
{
	static uint8_t copy[65536];
	struct rte_mbuf *m;

	while ((m = rig_take(&f->r)) != NULL) {
		const uint8_t *b = rte_pktmbuf_read(m, 0, m->pkt_len, copy);

		f->out++;
		if (b != NULL)
			hear(f, b, m->pkt_len);
		else
			f->wrong_out++;
		rte_pktmbuf_free(m);
	}
}
