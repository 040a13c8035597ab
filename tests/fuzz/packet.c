// SPDX-License-Identifier: BSD-3-Clause
// Valid frames: what a host could send, whether it makes sense at that moment or not.
#include <string.h>

#include <rte_arp.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "fuzz.h"

void fuzz_random_bytes(struct fuzz *f, uint8_t *to, uint32_t len)
{
	while (len > 0) {
		uint64_t r = unit_random(&f->seed);
		uint32_t part = len < 8 ? len : 8;

		memcpy(to, &r, part);
		to += part;
		len -= part;
	}
}

uint8_t *fuzz_append(struct fuzz_pkt *p, uint32_t len)
{
	uint8_t *at = p->b + p->len;

	memset(at, 0, len);
	p->len += len;
	return at;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v & 0xff;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v & 0xffff);
}

static void append_random(struct fuzz *f, struct fuzz_pkt *p, uint32_t len)
{
	fuzz_random_bytes(f, fuzz_append(p, len), len);
}

// Ethernet, with the tag of a VLAN unless 0 (0x1000: a priority tag of VLAN 0).
static void start_eth(struct fuzz *f, struct fuzz_pkt *p, uint16_t vlan, uint16_t type)
{
	uint8_t *eth;

	p->len = 0;
	p->l4 = 0;
	p->fragment = false;
	for (int i = 0; i < LAYER_MAX; i++)
		p->at[i] = -1;
	eth = fuzz_append(p, sizeof(struct rte_ether_hdr));
	p->at[LAYER_ETH] = 0;
	memcpy(eth, &f->r.iface->mac, 6);
	eth[6] = 2;
	eth[11] = 2 + below(f, 30);
	put16(eth + 12, type);
	if (vlan == 0)
		return;
	put16(eth + 12, RTE_ETHER_TYPE_VLAN);
	p->at[LAYER_VLAN] = p->len;
	eth = fuzz_append(p, sizeof(struct rte_vlan_hdr));
	put16(eth, (vlan & 0xfff) | below(f, 8) << 13);
	put16(eth + 2, type);
}

static uint16_t some_vlan(struct fuzz *f)
{
	switch (below(f, 40)) {
	case 0:
		return 20; // no interface
	case 1:
		return 0x1000;
	default:
		return 0;
	}
}

static void add_ip_options(struct fuzz *f, struct fuzz_pkt *p)
{
	static const uint8_t kinds[] = {7, 68, 148, 131, 137, 130};
	uint32_t room = 4 + 4 * below(f, 10), used = 0;
	uint8_t *opt = fuzz_append(p, room);

	p->at[LAYER_IP_OPTION] = p->at[LAYER_IP] + sizeof(struct rte_ipv4_hdr);
	while (room - used >= 4 && !one_in(f, 4)) {
		uint8_t *o = opt + used;
		uint32_t len = 4 + below(f, room - used - 3);

		if (one_in(f, 3)) {
			o[0] = 1;
			used++;
			continue;
		}
		fuzz_random_bytes(f, o, len);
		o[0] = kinds[below(f, one_in(f, 4) ? sizeof(kinds) : 3)];
		o[1] = len;
		used += len;
	}
	p->b[p->at[LAYER_IP]] = 0x45 + room / 4;
}

void fuzz_start_ip(struct fuzz *f, struct fuzz_pkt *p, uint32_t src, uint32_t dst, uint8_t proto)
{
	bool tagged = (dst & 0xffffff00u) == NET_V || (src & 0xffffff00u) == NET_V;
	uint8_t *ip;

	start_eth(f, p, tagged ? VLAN : some_vlan(f), RTE_ETHER_TYPE_IPV4);
	p->at[LAYER_IP] = p->len;
	ip = fuzz_append(p, sizeof(struct rte_ipv4_hdr));
	ip[0] = 0x45;
	ip[1] = below(f, 4);
	put16(ip + 4, below(f, 65536));
	put16(ip + 6, one_in(f, 2) ? 0x4000 : 0);
	ip[8] = one_in(f, 16) ? 1 : 64;
	ip[9] = proto;
	put32(ip + 12, src);
	put32(ip + 16, dst);
	if (one_in(f, 12))
		add_ip_options(f, p);
	p->l4 = p->len;
}

void fuzz_finish(struct fuzz_pkt *p)
{
	if (p->at[LAYER_IP] >= 0)
		put16(p->b + p->at[LAYER_IP] + 2, p->len - p->at[LAYER_IP]);
	fuzz_fix_cksums(p, FIELD_NONE);
}

static uint32_t some_peer(struct fuzz *f)
{
	return (one_in(f, 6) ? NET_V : NET) + 2 + below(f, 30);
}

static uint32_t host_for(uint32_t peer)
{
	return (peer & 0xffffff00u) == NET_V ? HOST_V : HOST;
}

static uint32_t some_payload(struct fuzz *f)
{
	return one_in(f, 3) ? below(f, 1300) : below(f, 64);
}

// ---- TCP ----

static void add_tcp_options(struct fuzz *f, struct fuzz_pkt *p, const struct fuzz_flow *w, bool syn)
{
	uint32_t start = p->len;
	uint8_t *o;

	if (syn) {
		o = fuzz_append(p, 8);
		o[0] = 2;
		o[1] = 4;
		put16(o + 2, one_in(f, 8) ? below(f, 65536) : 1460);
		o[4] = 1;
		o[5] = 3;
		o[6] = 3;
		o[7] = below(f, 16);
	}
	if (w->ts) {
		o = fuzz_append(p, 12);
		o[0] = o[1] = 1;
		o[2] = 8;
		o[3] = 10;
		put32(o + 4, f->ts_now);
		put32(o + 8, w->ts_ecr);
	}
	if (one_in(f, 16) && p->len - start <= 28) { // selective ACK, or what nobody knows
		o = fuzz_append(p, 12);
		o[0] = one_in(f, 2) ? 5 : 253;
		o[1] = 10;
		fuzz_random_bytes(f, o + 2, 8);
		o[10] = o[11] = 1;
	}
	if (p->len != start)
		p->at[LAYER_TCP_OPTION] = start;
}

void fuzz_segment(struct fuzz *f, struct fuzz_pkt *p, const struct fuzz_flow *w, uint8_t flags,
	uint32_t seq, uint32_t len)
{
	uint8_t *tcp;

	fuzz_start_ip(f, p, w->ip, w->host, IPPROTO_TCP);
	p->at[LAYER_TCP] = p->len;
	tcp = fuzz_append(p, sizeof(struct rte_tcp_hdr));
	put16(tcp, w->port);
	put16(tcp + 2, w->host_port);
	put32(tcp + 4, seq);
	put32(tcp + 8, flags & RTE_TCP_ACK_FLAG ? w->rcv : 0);
	tcp[13] = flags;
	put16(tcp + 14, one_in(f, 16) ? below(f, 3) : 1000 + below(f, 64000));
	add_tcp_options(f, p, w, flags & RTE_TCP_SYN_FLAG);
	tcp[12] = (p->len - p->at[LAYER_TCP]) / 4 << 4;
	append_random(f, p, len);
	fuzz_finish(p);
}

static void open_flow(struct fuzz *f, struct fuzz_pkt *p, struct fuzz_flow *w)
{
	memset(w, 0, sizeof(*w));
	w->state = FLOW_SYN;
	w->ip = some_peer(f);
	w->host = host_for(w->ip);
	w->port = 1024 + below(f, 60000);
	w->host_port = one_in(f, 8) ? PORT_SLOW : PORT_TCP;
	w->una = w->snd = (uint32_t)unit_random(&f->seed);
	w->snd++;
	w->ts = one_in(f, 2);
	fuzz_segment(f, p, w, RTE_TCP_SYN_FLAG, w->una, 0);
}

// A segment as they come in a transfer: mostly the next one.
static void go_on(struct fuzz *f, struct fuzz_pkt *p, struct fuzz_flow *w)
{
	uint32_t len = one_in(f, 4) ? 0 : some_payload(f), seq = w->snd;
	uint8_t flags = RTE_TCP_ACK_FLAG;

	if ((int32_t)(w->snd - w->una) > 100000 || one_in(f, 6)) // as after a loss
		w->snd = seq = w->una;
	switch (below(f, 40)) {
	case 0:
		flags |= RTE_TCP_FIN_FLAG;
		break;
	case 1:
		flags = RTE_TCP_RST_FLAG;
		seq = w->una;
		break;
	case 2: // ahead
		seq += 1 + below(f, 3000);
		break;
	case 3: // again
		seq = w->una - below(f, 2000);
		break;
	case 4:
		seq = w->una;
		break;
	case 5:
		flags |= 1u << below(f, 8);
		break;
	}
	fuzz_segment(f, p, w, flags, seq, len);
	if (seq == w->snd)
		w->snd += len + (flags & RTE_TCP_FIN_FLAG);
}

static void some_tcp(struct fuzz *f, struct fuzz_pkt *p)
{
	struct fuzz_flow *w = &f->flows[below(f, FLOWS)], any = {0};

	if (w->state == FLOW_FREE || (w->state == FLOW_SYN && one_in(f, 4))) {
		open_flow(f, p, w);
	} else if (w->state == FLOW_OPEN && !one_in(f, 10)) {
		go_on(f, p, w);
	} else {
		static const uint16_t ports[] = {PORT_TCP, PORT_EMPTY, PORT_KERNEL, PORT_SLOW};

		any.ip = some_peer(f);
		any.host = host_for(any.ip);
		any.port = below(f, 65536);
		any.host_port = ports[below(f, 4)];
		any.rcv = (uint32_t)unit_random(&f->seed);
		any.ts = one_in(f, 2);
		fuzz_segment(f, p, &any, below(f, 256), (uint32_t)unit_random(&f->seed),
			some_payload(f));
	}
}

// ---- UDP, fragments ----

static uint16_t some_udp_port(struct fuzz *f)
{
	static const uint16_t ports[] = {PORT_EMPTY, PORT_KERNEL, 67, 68, 520};

	return below(f, 2) ? PORT_UDP : ports[below(f, 5)];
}

static void add_udp(struct fuzz *f, struct fuzz_pkt *p, uint16_t port, uint32_t len)
{
	uint8_t *udp;

	p->at[LAYER_UDP] = p->len;
	udp = fuzz_append(p, sizeof(struct rte_udp_hdr));
	put16(udp, 1024 + below(f, 1000));
	put16(udp + 2, port);
	put16(udp + 4, sizeof(struct rte_udp_hdr) + len);
	append_random(f, p, len);
}

static void some_udp(struct fuzz *f, struct fuzz_pkt *p)
{
	uint32_t src = some_peer(f);

	fuzz_start_ip(f, p, src, host_for(src), IPPROTO_UDP);
	add_udp(f, p, some_udp_port(f), some_payload(f));
	fuzz_finish(p);
}

// One of the fragments of some datagram; few identifications, so that some become whole and some
// overlap.
static void some_fragment(struct fuzz *f, struct fuzz_pkt *p)
{
	uint32_t src = NET + 2 + below(f, 4), k = below(f, 4), len = 512;
	uint8_t *ip;

	fuzz_start_ip(f, p, src, HOST, one_in(f, 4) ? IPPROTO_ICMP : IPPROTO_UDP);
	p->fragment = true;
	ip = p->b + p->at[LAYER_IP];
	put16(ip + 4, below(f, 8));
	if (k == 0 && ip[9] == IPPROTO_UDP) {
		p->at[LAYER_UDP] = p->len;
		add_udp(f, p, PORT_UDP, len - sizeof(struct rte_udp_hdr));
		put16(p->b + p->at[LAYER_UDP] + 4, 4 * len);
	} else {
		append_random(f, p, k == 3 && one_in(f, 8) ? len - below(f, 100) : len);
	}
	put16(ip + 6, (k < 3 ? 0x2000 : 0) | (k * len / 8 + (one_in(f, 30) ? below(f, 50) : 0)));
	fuzz_finish(p);
}

// ---- ICMP, ARP, others ----

static void add_quote(struct fuzz *f, struct fuzz_pkt *p, uint32_t dst)
{
	const struct fuzz_flow *w = &f->flows[below(f, FLOWS)];
	bool tcp = w->state != FLOW_FREE && !one_in(f, 3);
	uint8_t *ip, *l4;

	p->at[LAYER_QUOTE] = p->len;
	ip = fuzz_append(p, sizeof(struct rte_ipv4_hdr));
	l4 = fuzz_append(p, 8);
	ip[0] = 0x45;
	put16(ip + 2, 100);
	ip[8] = 63;
	ip[9] = tcp ? IPPROTO_TCP : one_in(f, 4) ? IPPROTO_ICMP : IPPROTO_UDP;
	put32(ip + 12, tcp ? w->host : dst);
	put32(ip + 16, tcp ? w->ip : some_peer(f));
	put16(l4, tcp ? w->host_port : one_in(f, 2) ? PORT_UDP : PORT_KERNEL);
	put16(l4 + 2, tcp ? w->port : 1024 + below(f, 1000));
	put32(l4 + 4, w->rcv - below(f, 3000));
	append_random(f, p, one_in(f, 2) ? 0 : below(f, 200));
}

static void some_icmp(struct fuzz *f, struct fuzz_pkt *p)
{
	static const uint8_t types[] = {0, 3, 3, 3, 4, 5, 11, 12, 13, 17, 40};
	uint32_t src = some_peer(f), dst = one_in(f, 16) ? NET + 255 : host_for(src);
	bool echo = one_in(f, 3);
	uint8_t *icmp;

	fuzz_start_ip(f, p, src, dst, IPPROTO_ICMP);
	p->at[LAYER_ICMP] = p->len;
	icmp = fuzz_append(p, 8);
	icmp[0] = echo ? 8 : types[below(f, sizeof(types))];
	icmp[1] = echo ? 0 : below(f, 6);
	put32(icmp + 4, icmp[0] == 3 && icmp[1] == 4 ? below(f, 2000) : (uint32_t)f->seed);
	if (icmp[0] == 3 || icmp[0] == 4 || icmp[0] == 5 || icmp[0] == 11 || icmp[0] == 12)
		add_quote(f, p, host_for(src));
	else
		append_random(f, p, some_payload(f));
	fuzz_finish(p);
}

static void some_arp(struct fuzz *f, struct fuzz_pkt *p)
{
	uint32_t src = some_peer(f);
	uint8_t *arp;

	start_eth(f, p, (src & 0xffffff00u) == NET_V ? VLAN : some_vlan(f), RTE_ETHER_TYPE_ARP);
	if (one_in(f, 2))
		memset(p->b, 0xff, 6);
	p->at[LAYER_ARP] = p->len;
	arp = fuzz_append(p, sizeof(struct rte_arp_hdr));
	put16(arp, 1);
	put16(arp + 2, RTE_ETHER_TYPE_IPV4);
	arp[4] = 6;
	arp[5] = 4;
	put16(arp + 6, 1 + below(f, 2));
	arp[8] = 2;
	arp[13] = src & 0xff;
	put32(arp + 14, src);
	put32(arp + 24, one_in(f, 3) ? some_peer(f) : host_for(src));
	if (one_in(f, 2))
		append_random(f, p, 18); // padding to 60 bytes
}

// For others: by routes of every type, with lengths around the MTUs.
static void some_forwarded(struct fuzz *f, struct fuzz_pkt *p)
{
	static const uint32_t nets[] = {ROUTED, ROUTED, HOLE, NARROW, BEYOND, IP4(203, 0, 117, 0),
		NET_V, NET, IP4(8, 8, 8, 0)};

	fuzz_start_ip(f, p, NET + 2 + below(f, 30),
		nets[below(f, RTE_DIM(nets))] + 2 + below(f, 250), IPPROTO_UDP);
	add_udp(f, p, below(f, 65536), some_payload(f));
	fuzz_finish(p);
}

static void some_other(struct fuzz *f, struct fuzz_pkt *p)
{
	static const uint8_t protos[] = {2, 47, 50, 89, 132, 255, IPPROTO_UDP};
	static const uint32_t groups[] = {
		IP4(224, 0, 0, 5), NET + 255, 0xffffffff, HOST, IP4(239, 1, 2, 3)};
	uint32_t dst = groups[below(f, RTE_DIM(groups))];

	if (one_in(f, 4)) {
		start_eth(f, p, some_vlan(f), one_in(f, 2) ? RTE_ETHER_TYPE_IPV6 : 0x88cc);
		append_random(f, p, some_payload(f));
		return;
	}
	fuzz_start_ip(f, p, some_peer(f), dst, protos[below(f, sizeof(protos))]);
	if (dst != HOST) {
		p->b[0] = dst >> 28 == 14 ? 1 : 0xff;
		memset(p->b + 1, p->b[0] == 1 ? 0x5e : 0xff, 5);
	}
	append_random(f, p, some_payload(f));
	fuzz_finish(p);
}

void fuzz_valid(struct fuzz *f, struct fuzz_pkt *p)
{
	uint32_t k = below(f, 100);

	if (k < 45)
		some_tcp(f, p);
	else if (k < 58)
		some_udp(f, p);
	else if (k < 66)
		some_fragment(f, p);
	else if (k < 76)
		some_icmp(f, p);
	else if (k < 82)
		some_arp(f, p);
	else if (k < 94)
		some_forwarded(f, p);
	else
		some_other(f, p);
}
