// SPDX-License-Identifier: BSD-3-Clause
// Every field of the headers that the stack reads, by layer; one of them changed; checksums fixed
// after.
#include <stddef.h>
#include <netinet/in.h>

#include "fuzz.h"

struct field {
	enum fuzz_layer layer;
	const char *name;
	uint16_t bit;  // from the layer's start
	uint8_t width; // bits, at most 48
};

static const struct field fields[] = {
	{LAYER_ETH, "eth.dst", 0, 48},
	{LAYER_ETH, "eth.src", 48, 48},
	{LAYER_ETH, "eth.type", 96, 16},
	{LAYER_VLAN, "vlan.pcp", 0, 3},
	{LAYER_VLAN, "vlan.dei", 3, 1},
	{LAYER_VLAN, "vlan.vid", 4, 12},
	{LAYER_VLAN, "vlan.type", 16, 16},
	{LAYER_ARP, "arp.hardware", 0, 16},
	{LAYER_ARP, "arp.protocol", 16, 16},
	{LAYER_ARP, "arp.hlen", 32, 8},
	{LAYER_ARP, "arp.plen", 40, 8},
	{LAYER_ARP, "arp.opcode", 48, 16},
	{LAYER_ARP, "arp.sha", 64, 48},
	{LAYER_ARP, "arp.sip", 112, 32},
	{LAYER_ARP, "arp.tha", 144, 48},
	{LAYER_ARP, "arp.tip", 192, 32},
	{LAYER_IP, "ip.version", 0, 4},
	{LAYER_IP, "ip.ihl", 4, 4},
	{LAYER_IP, "ip.tos", 8, 8},
	{LAYER_IP, "ip.length", 16, 16},
	{LAYER_IP, "ip.id", 32, 16},
	{LAYER_IP, "ip.reserved", 48, 1},
	{LAYER_IP, "ip.df", 49, 1},
	{LAYER_IP, "ip.mf", 50, 1},
	{LAYER_IP, "ip.offset", 51, 13},
	{LAYER_IP, "ip.ttl", 64, 8},
	{LAYER_IP, "ip.protocol", 72, 8},
	{LAYER_IP, "ip.cksum", 80, 16},
	{LAYER_IP, "ip.src", 96, 32},
	{LAYER_IP, "ip.dst", 128, 32},
	{LAYER_IP_OPTION, "ip.option.kind", 0, 8},
	{LAYER_IP_OPTION, "ip.option.length", 8, 8},
	{LAYER_IP_OPTION, "ip.option.data", 16, 16},
	{LAYER_ICMP, "icmp.type", 0, 8},
	{LAYER_ICMP, "icmp.code", 8, 8},
	{LAYER_ICMP, "icmp.cksum", 16, 16},
	{LAYER_ICMP, "icmp.rest", 32, 32},
	{LAYER_QUOTE, "quote.version", 0, 4},
	{LAYER_QUOTE, "quote.ihl", 4, 4},
	{LAYER_QUOTE, "quote.length", 16, 16},
	{LAYER_QUOTE, "quote.offset", 51, 13},
	{LAYER_QUOTE, "quote.protocol", 72, 8},
	{LAYER_QUOTE, "quote.src", 96, 32},
	{LAYER_QUOTE, "quote.dst", 128, 32},
	{LAYER_QUOTE, "quote.sport", 160, 16},
	{LAYER_QUOTE, "quote.dport", 176, 16},
	{LAYER_QUOTE, "quote.seq", 192, 32},
	{LAYER_UDP, "udp.sport", 0, 16},
	{LAYER_UDP, "udp.dport", 16, 16},
	{LAYER_UDP, "udp.length", 32, 16},
	{LAYER_UDP, "udp.cksum", 48, 16},
	{LAYER_TCP, "tcp.sport", 0, 16},
	{LAYER_TCP, "tcp.dport", 16, 16},
	{LAYER_TCP, "tcp.seq", 32, 32},
	{LAYER_TCP, "tcp.ack", 64, 32},
	{LAYER_TCP, "tcp.offset", 96, 4},
	{LAYER_TCP, "tcp.reserved", 100, 4},
	{LAYER_TCP, "tcp.cwr", 104, 1},
	{LAYER_TCP, "tcp.ece", 105, 1},
	{LAYER_TCP, "tcp.urg", 106, 1},
	{LAYER_TCP, "tcp.fin", 111, 1},
	{LAYER_TCP, "tcp.syn", 110, 1},
	{LAYER_TCP, "tcp.rst", 109, 1},
	{LAYER_TCP, "tcp.psh", 108, 1},
	{LAYER_TCP, "tcp.ackflag", 107, 1},
	{LAYER_TCP, "tcp.window", 112, 16},
	{LAYER_TCP, "tcp.cksum", 128, 16},
	{LAYER_TCP, "tcp.urgent", 144, 16},
	{LAYER_TCP_OPTION, "tcp.option.kind", 0, 8},
	{LAYER_TCP_OPTION, "tcp.option.length", 8, 8},
	{LAYER_TCP_OPTION, "tcp.option.data", 16, 32},
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))
_Static_assert(N_FIELDS <= FIELDS_MAX, "whoever counts by field has room");

const char *fuzz_field_name(unsigned i)
{
	return i < N_FIELDS ? fields[i].name : NULL;
}

static uint64_t get_bits(const uint8_t *b, uint32_t bit, unsigned width)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < width; i++, bit++)
		v = v << 1 | ((b[bit / 8] >> (7 - bit % 8)) & 1);
	return v;
}

static void set_bits(uint8_t *b, uint32_t bit, unsigned width, uint64_t v)
{
	for (unsigned i = width; i-- > 0; v >>= 1) {
		uint8_t mask = 0x80 >> ((bit + i) % 8);

		b[(bit + i) / 8] = (b[(bit + i) / 8] & ~mask) | (v & 1 ? mask : 0);
	}
}

// Some option of a list that ends at `end`: the list's start moved on by a few. Stops where it
// makes no sense.
static uint32_t some_option(struct fuzz *f, const struct fuzz_pkt *p, uint32_t at, uint32_t end)
{
	for (uint32_t skip = below(f, 4); skip > 0; skip--) {
		uint32_t len = p->b[at] <= 1 ? 1 : p->b[at + 1];

		if (len == 0 || at + len >= end)
			break;
		at += len;
	}
	return at;
}

static uint32_t layer_end(const struct fuzz_pkt *p, enum fuzz_layer l)
{
	if (l == LAYER_IP_OPTION)
		return p->l4;
	if (l == LAYER_TCP_OPTION)
		return p->at[LAYER_TCP] + (p->b[p->at[LAYER_TCP] + 12] >> 4) * 4;
	return p->len;
}

static uint64_t another_value(struct fuzz *f, uint64_t old, unsigned width)
{
	uint64_t mask = (UINT64_C(1) << width) - 1, v;

	switch (below(f, 6)) {
	case 0:
		v = 0;
		break;
	case 1:
		v = mask;
		break;
	case 2:
		v = old + 1;
		break;
	case 3:
		v = old - 1;
		break;
	case 4:
		v = old ^ UINT64_C(1) << below(f, width);
		break;
	default:
		v = unit_random(&f->seed);
	}
	v &= mask;
	return v != old ? v : old ^ UINT64_C(1) << below(f, width);
}

unsigned fuzz_mutate(struct fuzz *f, struct fuzz_pkt *p, bool fix)
{
	uint32_t base[LAYER_MAX], n = 0;
	unsigned can[N_FIELDS], i;
	uint64_t old;
	uint32_t bit;

	for (int l = 0; l < LAYER_MAX; l++)
		base[l] = p->at[l] < 0 ? 0 : (uint32_t)p->at[l];
	for (int l = LAYER_IP_OPTION; l <= LAYER_TCP_OPTION;
		l += LAYER_TCP_OPTION - LAYER_IP_OPTION)
		if (p->at[l] >= 0)
			base[l] = some_option(f, p, base[l], layer_end(p, l));
	for (i = 0; i < N_FIELDS; i++) {
		const struct field *d = &fields[i];

		if (p->at[d->layer] >= 0 &&
			base[d->layer] * 8 + d->bit + d->width <= layer_end(p, d->layer) * 8)
			can[n++] = i;
	}
	i = can[below(f, n)];
	bit = base[fields[i].layer] * 8 + fields[i].bit;
	old = get_bits(p->b, bit, fields[i].width);
	set_bits(p->b, bit, fields[i].width, another_value(f, old, fields[i].width));
	if (fix)
		fuzz_fix_cksums(p, i);
	return i;
}

// ---- checksums, by the plainest code: nothing of the stack's is used to check the stack ----

static uint32_t sum(const uint8_t *b, uint32_t len)
{
	uint32_t s = 0;

	for (uint32_t i = 0; i < len; i++)
		s += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	return s;
}

static void put_cksum(uint8_t *at, uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	at[0] = (uint8_t)(~s >> 8);
	at[1] = (uint8_t)~s;
}

static bool is(unsigned i, const char *name)
{
	return i < N_FIELDS && __builtin_strcmp(fields[i].name, name) == 0;
}

static void fix_l4(struct fuzz_pkt *p, uint32_t l4, uint32_t len, unsigned not )
{
	const uint8_t *ip = p->b + p->at[LAYER_IP];
	uint32_t pseudo = sum(ip + 12, 8) + ip[9] + len;
	uint8_t *b = p->b + l4;

	if (p->at[LAYER_TCP] >= 0 && len >= 20 && !is(not, "tcp.cksum")) {
		b[16] = b[17] = 0;
		put_cksum(b + 16, sum(b, len) + pseudo);
	} else if (p->at[LAYER_UDP] >= 0 && len >= 8 && !is(not, "udp.cksum")) {
		b[6] = b[7] = 0;
		put_cksum(b + 6, sum(b, len) + pseudo);
		if (b[6] == 0 && b[7] == 0)
			b[6] = b[7] = 0xff;
	} else if (p->at[LAYER_ICMP] >= 0 && len >= 4 && !is(not, "icmp.cksum")) {
		b[2] = b[3] = 0;
		put_cksum(b + 2, sum(b, len));
	}
}

void fuzz_fix_cksums(struct fuzz_pkt *p, unsigned not )
{
	uint32_t total, hdr, end;
	uint8_t *ip;

	if (p->at[LAYER_IP] < 0)
		return;
	ip = p->b + p->at[LAYER_IP];
	hdr = (ip[0] & 15) * 4u;
	total = (uint32_t)ip[2] << 8 | ip[3];
	end = p->at[LAYER_IP] + total;
	if (end > p->len)
		end = p->len;
	if (!p->fragment && p->l4 < end)
		fix_l4(p, p->l4, end - p->l4, not );
	if (hdr >= 20 && p->at[LAYER_IP] + hdr <= p->len && !is(not, "ip.cksum")) {
		ip[10] = ip[11] = 0;
		put_cksum(ip + 10, sum(ip, hdr));
	}
}
