// SPDX-License-Identifier: BSD-3-Clause
// ICMP in: echo of any size, errors to the owner of the flow, the rest to the kernel.
#include <string.h>

#include "frames.h"
#include "ip/icmp.h"
#include "ip/net.h"
#include "unit.h"

#define FLOW_PROTO 254 // of experiments; its errors come to `told`

static uint8_t msg[65536], out[NET_MAX];
static struct leat_icmp_error told;
static unsigned n_told;
static bool ours;

static void drop_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		leat_consume(lc, pkts[i]);
}

static bool take_error(struct leat_lcore *lc, const struct leat_icmp_error *e)
{
	(void)lc;
	told = *e;
	n_told++;
	return ours;
}

// An ICMP message in msg; the checksum is put right.
static struct net_pkt icmp(uint8_t type, uint8_t code, const void *rest, uint32_t len)
{
	struct net_pkt p = net_pkt();
	uint16_t sum;

	msg[0] = type;
	msg[1] = code;
	msg[2] = msg[3] = 0;
	if (rest != NULL)
		memcpy(msg + 4, rest, len - 4);
	sum = frame_cksum(msg, len, 0);
	memcpy(msg + 2, &sum, 2);
	p.proto = IPPROTO_ICMP;
	p.payload = msg;
	p.len = len;
	return p;
}

static void fill(void)
{
	uint64_t seed = 21;

	for (size_t i = 4; i < sizeof(msg); i++)
		msg[i] = (uint8_t)unit_random(&seed);
}

static void an_echo_is_answered_with_its_data(void)
{
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill();
	for (n.form = 0; n.form < NET_FORMS; n.form++) {
		for (uint32_t len = 8; len < 1480; len += 7) {
			struct net_pkt p = icmp(8, 0, NULL, len);

			p.ttl = 3;
			p.tos = 0x28;
			p.opts = len % 2 ? (const uint8_t *)"\x94\x04\0\0" : NULL;
			p.n_opts = len % 2 && len < 1470 ? 4 : 0;
			net_send(&n, &p);
			CU_ASSERT_EQUAL(
				net_take(&n, out, NULL), 20 + len); // options are not returned
			CU_ASSERT_EQUAL(out[0], 0x45);
			CU_ASSERT_EQUAL(out[1], 0x28);
			CU_ASSERT_EQUAL(out[8], 64);
			CU_ASSERT(memcmp(out + 12, "\xc0\x00\x02\x01\xc0\x00\x02\x02", 8) == 0);
			CU_ASSERT_EQUAL(out[20], 0);
			CU_ASSERT_EQUAL(frame_cksum(out + 20, len, 0), 0);
			CU_ASSERT(memcmp(out + 24, msg + 4, len - 4) == 0);
		}
	}
	net_close(&n);
}

// The checksum is corrected, not computed anew: every value it can have.
static void an_echo_is_answered_whatever_its_checksum(void)
{
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	n.form = NET_DIRECT;
	for (uint32_t id = 0; id < 65536; id++) {
		uint8_t rest[4] = {(uint8_t)(id >> 8), (uint8_t)id, 0, 1};
		struct net_pkt p = icmp(8, 0, rest, 8);

		net_send(&n, &p);
		CU_ASSERT_EQUAL(net_take(&n, out, NULL), 28);
		CU_ASSERT_EQUAL(frame_cksum(out + 20, 8, 0), 0);
	}
	net_close(&n);
}

static void an_echo_of_64_kilobytes_is_answered(void)
{
	static uint8_t whole[65536];
	const uint32_t len = 65515;
	uint32_t got, have = 0;
	struct net_pkt p;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill();
	for (n.form = 0; n.form < NET_FORMS; n.form++) {
		p = icmp(8, 0, NULL, len);
		have = 0;
		for (uint32_t off = 0; off < len; off += 1480) {
			p.payload = msg + off;
			p.len = RTE_MIN(1480u, len - off);
			p.frag = (uint16_t)(off / 8 | (off + p.len < len ? 0x2000 : 0));
			net_send(&n, &p);
		}
		while ((got = net_take(&n, out, NULL)) != 0) {
			uint32_t off = (net_u16(out + 6) & 0x1fffu) * 8;

			memcpy(whole + off, out + 20, got - 20);
			have += got - 20;
		}
		CU_ASSERT_EQUAL(have, len);
		CU_ASSERT_EQUAL(frame_cksum(whole, len, 0), 0);
		CU_ASSERT(memcmp(whole + 4, msg + 4, len - 4) == 0);
	}
	net_close(&n);
}

static void bad_messages_have_their_reason(void)
{
	struct net_pkt p;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill();
	for (n.form = 0; n.form < NET_FORMS; n.form++) {
		for (uint32_t len = 4; len < 8; len++) {
			p = icmp(8, 0, NULL, len);
			net_send(&n, &p);
		}
		p = icmp(8, 0, NULL, 65);
		msg[64] ^= 1;
		net_send(&n, &p);
		p = icmp(0, 0, NULL, 64);
		net_send(&n, &p);
	}
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_ICMP_SHORT), 12);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_ICMP_CKSUM), 3);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_ICMP_TYPE), 3); // nobody has asked
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	net_close(&n);
}

static void the_kernel_gets_what_is_not_ours(void)
{
	static const uint8_t types[] = {0, 4, 5, 9, 13, 14, 40};
	struct leat_stack_conf conf;
	struct net_pkt p;
	struct net n;

	rig_conf(&conf);
	conf.icmp_echo = false;
	CU_ASSERT_EQUAL_FATAL(net_open(&n, &conf), 0);
	rig_punt(&n.r);
	fill();
	for (size_t i = 0; i < sizeof(types); i++) {
		p = icmp(types[i], 0, NULL, 40);
		net_send(&n, &p);
	}
	p = icmp(8, 0, NULL, 40);
	net_send(&n, &p);
	CU_ASSERT_EQUAL(n.r.punts[LEAT_PUNT_LOCAL], sizeof(types) + 1);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	net_close(&n);
}

// An error about a packet that we are said to have sent: header with `opts` bytes of options, 8
// bytes of it.
static struct net_pkt quote(
	uint8_t type, uint8_t code, uint16_t mtu, uint32_t src_be, uint8_t opts, uint32_t cut)
{
	uint8_t b[4 + 60 + 8] = {0};
	uint8_t *ip = b + 4, *l4 = ip + 20 + opts;
	uint32_t dst = net_be("203.0.113.9");

	b[2] = (uint8_t)(mtu >> 8);
	b[3] = (uint8_t)mtu;
	ip[0] = (uint8_t)(0x45 + opts / 4);
	ip[9] = FLOW_PROTO;
	memcpy(ip + 12, &src_be, 4);
	memcpy(ip + 16, &dst, 4);
	memset(ip + 20, 1, opts);
	memcpy(l4, "\x12\x34\x00\x50\xde\xad\xbe\xef", 8);
	return icmp(type, code, b, 4 + 4 + 20 + opts + 8 - cut);
}

static void an_error_comes_to_the_owner_of_the_flow(void)
{
	uint32_t us = net_be("192.0.2.1");
	struct net_pkt p;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	rig_punt(&n.r);
	CU_ASSERT_EQUAL(leat_ip_set_proto(n.r.s, FLOW_PROTO, drop_input, take_error), 0);
	CU_ASSERT_EQUAL(leat_ip_set_proto(n.r.s, FLOW_PROTO, drop_input, NULL), -17);
	n_told = 0;
	ours = true;
	for (n.form = 0; n.form < NET_FORMS; n.form++) {
		p = quote(3, 4, 1400, us, (uint8_t)(n.form * 20), 0);
		p.src = "198.51.100.77";
		net_send(&n, &p);
		CU_ASSERT_EQUAL(n_told, n.form + 1);
		CU_ASSERT_EQUAL(told.type, 3);
		CU_ASSERT_EQUAL(told.code, 4);
		CU_ASSERT_EQUAL(told.mtu, 1400);
		CU_ASSERT_EQUAL(told.proto, FLOW_PROTO);
		CU_ASSERT(leat_ip_equal(told.from, net_ip("198.51.100.77")));
		CU_ASSERT(leat_ip_equal(told.local, net_ip("192.0.2.1")));
		CU_ASSERT(leat_ip_equal(told.remote, net_ip("203.0.113.9")));
		CU_ASSERT_EQUAL(told.local_port, 0x1234);
		CU_ASSERT_EQUAL(told.remote_port, 80);
		CU_ASSERT_EQUAL(told.seq, 0xdeadbeef);
	}
	p = quote(11, 0, 77, us, 0, 0);
	net_send(&n, &p);
	CU_ASSERT_EQUAL(n_told, 4);
	CU_ASSERT_EQUAL(told.mtu, 0);
	CU_ASSERT_EQUAL(n.r.punts[LEAT_PUNT_LOCAL], 0);
	ours = false; // the owner does not know it
	net_send(&n, &p);
	CU_ASSERT_EQUAL(n_told, 5);
	CU_ASSERT_EQUAL(n.r.punts[LEAT_PUNT_LOCAL], 1);
	net_close(&n);
}

static void an_error_that_tells_nothing_is_the_kernels(void)
{
	uint32_t us = net_be("192.0.2.1");
	struct net_pkt p;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	rig_punt(&n.r);
	CU_ASSERT_EQUAL(leat_ip_set_proto(n.r.s, FLOW_PROTO, drop_input, take_error), 0);
	n_told = 0;
	ours = true;
	p = quote(3, 1, 0, net_be("192.0.2.2"), 0, 0); // not sent by us
	net_send(&n, &p);
	for (uint32_t cut = 1; cut <= 28; cut++) { // too little of it
		p = quote(3, 1, 0, us, 0, cut);
		net_send(&n, &p);
	}
	p = quote(3, 1, 0, us, 40, 1);
	net_send(&n, &p);
	p = quote(3, 1, 0, us, 0, 0);
	msg[8] = 0x65; // not IPv4
	p = icmp(3, 1, NULL, p.len);
	net_send(&n, &p);
	p = quote(3, 1, 0, us, 0, 0);
	msg[8] = 0x44; // header too short
	p = icmp(3, 1, NULL, p.len);
	net_send(&n, &p);
	p = quote(3, 1, 0, us, 0, 0);
	msg[8 + 7] = 9; // a later fragment has no ports
	p = icmp(3, 1, NULL, p.len);
	net_send(&n, &p);
	p = quote(3, 1, 0, us, 0, 0);
	msg[8 + 9] = 47; // a protocol without owner
	p = icmp(3, 1, NULL, p.len);
	net_send(&n, &p);
	CU_ASSERT_EQUAL(n_told, 0);
	CU_ASSERT_EQUAL(n.r.punts[LEAT_PUNT_LOCAL], 34);
	net_close(&n);
}

static void an_echo_whose_way_back_is_the_kernels_is_punted(void)
{
	struct net_pkt p;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	rig_punt(&n.r);
	fill();
	p = icmp(8, 0, NULL, 40);
	p.src = "203.0.113.5";
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_NO_ROUTE), 1);
	CU_ASSERT_EQUAL(net_route(&n, "203.0.113.0/24", LEAT_ROUTE_KERNEL, NULL, NULL), 0);
	net_send(&n, &p);
	CU_ASSERT_EQUAL(n.r.punts[LEAT_PUNT_LOCAL], 1);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	net_close(&n);
}

static const struct unit_case cases[] = {
	UNIT_CASE(an_echo_is_answered_with_its_data),
	UNIT_CASE(an_echo_is_answered_whatever_its_checksum),
	UNIT_CASE(an_echo_of_64_kilobytes_is_answered),
	UNIT_CASE(bad_messages_have_their_reason),
	UNIT_CASE(the_kernel_gets_what_is_not_ours),
	UNIT_CASE(an_error_comes_to_the_owner_of_the_flow),
	UNIT_CASE(an_error_that_tells_nothing_is_the_kernels),
	UNIT_CASE(an_echo_whose_way_back_is_the_kernels_is_punted),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("icmp", cases) != 0;
}
