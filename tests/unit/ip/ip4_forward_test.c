// SPDX-License-Identifier: BSD-3-Clause
// Forwarding: what goes on and how it has changed, what is told to the sender, what the kernel
// gets.
#include <string.h>

#include "frames.h"
#include "ip/net.h"
#include "unit.h"

static uint8_t out[NET_MAX], data[2000];

static void open_router(struct net *n)
{
	CU_ASSERT_EQUAL_FATAL(net_open(n, NULL), 0);
	n->r.iface->forwarding = true;
	n->second->forwarding = true;
}

static struct net_pkt to(const char *dst, uint8_t ttl, uint32_t len)
{
	struct net_pkt p = net_pkt();

	p.src = "192.0.2.2";
	p.dst = dst;
	p.ttl = ttl;
	p.payload = data;
	p.len = len;
	return p;
}

// The next frame is this ICMP error, from 192.0.2.1 to 192.0.2.2, about the packet as it was sent.
static void expect_error(
	struct net *n, const struct net_pkt *p, uint8_t type, uint8_t code, uint32_t info)
{
	static uint8_t sent[NET_MAX];
	uint32_t len = net_take(n, out, NULL), quoted = net_build(n, p, sent) - 14, got;

	quoted = RTE_MIN(quoted, 576u - 28);
	CU_ASSERT_EQUAL_FATAL(len, 28 + quoted);
	CU_ASSERT_EQUAL(out[9], 1);
	CU_ASSERT(memcmp(out + 12, "\xc0\x00\x02\x01\xc0\x00\x02\x02", 8) == 0);
	CU_ASSERT_EQUAL(out[20], type);
	CU_ASSERT_EQUAL(out[21], code);
	memcpy(&got, out + 24, 4);
	CU_ASSERT_EQUAL(be32toh(got), info);
	CU_ASSERT_EQUAL(frame_cksum(out + 20, len - 20, 0), 0);
	CU_ASSERT(memcmp(out + 28, sent + 14, quoted) == 0);
	CU_ASSERT_EQUAL(net_take(n, out, NULL), 0);
}

static void a_packet_goes_on_with_one_hop_less(void)
{
	struct net_pkt p = to("198.51.100.2", 64, 100);
	struct net n;
	int vlan;

	open_router(&n);
	CU_ASSERT_EQUAL(
		net_route(&n, "203.0.113.0/24", LEAT_ROUTE_UNICAST, "198.51.100.2", n.second), 0);
	for (n.form = 0; n.form < NET_FORMS; n.form++) {
		for (uint32_t i = 0; i < 600; i++) { // every checksum carry
			static uint8_t sent[NET_MAX];

			p.dst = i % 2 ? "198.51.100.2" : "203.0.113.9";
			p.id = (uint16_t)(i * 109);
			p.ttl = (uint8_t)(2 + i % 254);
			net_build(&n, &p, sent);
			net_send(&n, &p);
			CU_ASSERT_EQUAL(net_take(&n, out, &vlan), 120); // asserts the checksum
			CU_ASSERT_EQUAL(vlan, 10);
			CU_ASSERT_EQUAL(out[8], p.ttl - 1);
			out[8]++;
			memcpy(out + 10, sent + 24, 2);
			CU_ASSERT(memcmp(out, sent + 14, 120) == 0);
		}
	}
	CU_ASSERT_EQUAL(n.r.lc->stages[LEAT_STAGE_IP4_FORWARD].packets, 1800);
	net_close(&n);
}

static void the_last_hop_is_told(void)
{
	struct net_pkt p = to("198.51.100.2", 1, 700);
	struct net n;

	open_router(&n);
	net_send(&n, &p);
	expect_error(&n, &p, 11, 0, 0);
	p.ttl = 0;
	net_send(&n, &p);
	expect_error(&n, &p, 11, 0, 0);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_TTL), 2);
	p.dst = "192.0.2.1"; // for us: RFC 1122, 3.2.1.7
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_got.n, 1);
	net_close(&n);
}

static void each_refusal_has_its_message(void)
{
	struct net_pkt p = to("203.0.113.1", 64, 30);
	struct net n;

	open_router(&n);
	net_send(&n, &p);
	expect_error(&n, &p, 3, 0, 0);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_NO_ROUTE), 1);
	CU_ASSERT_EQUAL(net_route(&n, "203.0.113.0/24", LEAT_ROUTE_UNREACHABLE, NULL, NULL), 0);
	net_send(&n, &p);
	expect_error(&n, &p, 3, 1, 0);
	CU_ASSERT_EQUAL(net_route(&n, "203.0.113.0/24", LEAT_ROUTE_PROHIBIT, NULL, NULL), 0);
	net_send(&n, &p);
	expect_error(&n, &p, 3, 13, 0);
	CU_ASSERT_EQUAL(net_route(&n, "203.0.113.0/24", LEAT_ROUTE_BLACKHOLE, NULL, NULL), 0);
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_BLACKHOLE), 3);
	net_close(&n);
}

static void a_route_of_the_kernels_is_punted_untouched(void)
{
	struct net_pkt p = to("203.0.113.1", 64, 30);
	struct net n;

	open_router(&n);
	rig_punt(&n.r);
	CU_ASSERT_EQUAL(net_route(&n, "203.0.113.0/24", LEAT_ROUTE_KERNEL, NULL, NULL), 0);
	net_send(&n, &p);
	CU_ASSERT_EQUAL(n.r.punts[LEAT_PUNT_FORWARD], 1);
	p.ttl = 1; // Leat itself answers
	net_send(&n, &p);
	expect_error(&n, &p, 11, 0, 0);
	net_close(&n);
}

static void too_big_is_told_or_cut(void)
{
	struct net_pkt p = to("198.51.100.2", 64, 1000);
	uint32_t len;
	struct net n;

	open_router(&n);
	n.second->mtu = 600;
	p.frag = 0x4000;
	net_send(&n, &p);
	expect_error(&n, &p, 3, 4, 600);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_TOO_BIG), 1);
	p.frag = 0;
	net_send(&n, &p);
	len = net_take(&n, out, NULL);
	CU_ASSERT_EQUAL(len, 20 + 576);
	CU_ASSERT_EQUAL(net_take(&n, out, NULL), 20 + 424);
	p.len = 580;
	p.frag = 0x4000;
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_take(&n, out, NULL), 600);
	net_close(&n);
}

static void a_route_can_be_narrower_than_its_interface(void)
{
	struct net_pkt p = to("203.0.113.1", 64, 1000);
	struct leat_route r = {.prefix = {net_ip("203.0.113.0"), 24},
		.table = 254,
		.type = LEAT_ROUTE_UNICAST,
		.mtu = 700,
		.n_paths = 1,
		.paths = {{.via = net_ip("198.51.100.2"), .weight = 1}}};
	struct net n;

	open_router(&n);
	r.paths[0].iface = n.second->idx;
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), 0);
	p.frag = 0x4000;
	net_send(&n, &p);
	expect_error(&n, &p, 3, 4, 700);
	net_close(&n);
}

static void who_could_do_without_us_is_redirected(void)
{
	struct net_pkt p = to("203.0.113.1", 64, 50);
	union leat_ip gw = net_ip("192.0.2.3");
	struct net n;

	open_router(&n);
	CU_ASSERT_EQUAL(leat_neigh_set_all(n.r.s, n.r.iface->idx, &gw, &frame_peer, true), 0);
	leat_lcore_poll(n.r.lc);
	CU_ASSERT_EQUAL(
		net_route(&n, "203.0.113.0/24", LEAT_ROUTE_UNICAST, "192.0.2.3", n.r.iface), 0);
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_take(&n, out, NULL), 28 + 70);
	CU_ASSERT_EQUAL(out[20], 5);
	CU_ASSERT_EQUAL(out[21], 1);
	CU_ASSERT(memcmp(out + 24, "\xc0\x00\x02\x03", 4) == 0);
	CU_ASSERT_EQUAL(out[28 + 8], 64);             // as it came
	CU_ASSERT_EQUAL(net_take(&n, out, NULL), 70); // and forwarded all the same
	CU_ASSERT_EQUAL(out[8], 63);
	p.src = "203.0.113.77"; // from beyond another router: it could not
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_take(&n, out, NULL), 70);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	net_close(&n);
}

static void flows_spread_over_equal_ways_and_stay(void)
{
	static const char *const peers[] = {"198.51.100.2", "198.51.100.3", "198.51.100.4"};
	struct leat_route r = {.prefix = {net_ip("203.0.113.0"), 24},
		.table = 254,
		.type = LEAT_ROUTE_UNICAST,
		.n_paths = 3};
	struct rte_ether_addr mac = frame_peer;
	unsigned count[3] = {0};
	struct rte_mbuf *m;
	struct net n;

	open_router(&n);
	for (int i = 0; i < 3; i++) {
		r.paths[i] = (struct leat_path){net_ip(peers[i]), n.second->idx, i == 2 ? 2 : 1};
		mac.addr_bytes[5] = (uint8_t)i;
		CU_ASSERT_EQUAL(
			leat_neigh_set_all(n.r.s, n.second->idx, &r.paths[i].via, &mac, true), 0);
	}
	leat_lcore_poll(n.r.lc);
	CU_ASSERT_EQUAL(leat_fib_set(n.r.s, &r), 0);
	for (uint32_t i = 0; i < 4000; i++) {
		struct net_pkt p = to("203.0.113.1", 64, 8);
		uint8_t ports[8] = {(uint8_t)(i / 2 >> 8), (uint8_t)(i / 2), 0, 80}, which;
		static uint8_t last;

		p.proto = IPPROTO_UDP;
		p.payload = ports;
		net_send(&n, &p);
		m = rig_take(&n.r);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		which = *rte_pktmbuf_mtod_offset(m, uint8_t *, 5);
		rte_pktmbuf_free(m);
		CU_ASSERT_FATAL(which < 3);
		if (i % 2)
			CU_ASSERT_EQUAL(which, last); // the same flow
		last = which;
		count[which]++;
	}
	CU_ASSERT(count[0] > 850 && count[0] < 1150);
	CU_ASSERT(count[1] > 850 && count[1] < 1150);
	CU_ASSERT(count[2] > 1800 && count[2] < 2200);
	net_close(&n);
}

static void directed_broadcasts_stay_here(void)
{
	struct net_pkt p = to("198.51.100.255", 64, 50);
	struct net n;

	open_router(&n);
	rig_punt(&n.r);
	net_send(&n, &p);
	CU_ASSERT_EQUAL(n.r.punts[LEAT_PUNT_GROUP], 1);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	net_close(&n);
}

static void nothing_goes_out_of_an_interface_that_is_down(void)
{
	struct net_pkt p = to("198.51.100.2", 64, 50);
	struct net n;

	open_router(&n);
	n.second->up = false;
	net_send(&n, &p);
	expect_error(&n, &p, 3, 0, 0);
	net_close(&n);
}

static const struct unit_case cases[] = {
	UNIT_CASE(a_packet_goes_on_with_one_hop_less),
	UNIT_CASE(the_last_hop_is_told),
	UNIT_CASE(each_refusal_has_its_message),
	UNIT_CASE(a_route_of_the_kernels_is_punted_untouched),
	UNIT_CASE(too_big_is_told_or_cut),
	UNIT_CASE(a_route_can_be_narrower_than_its_interface),
	UNIT_CASE(who_could_do_without_us_is_redirected),
	UNIT_CASE(flows_spread_over_equal_ways_and_stay),
	UNIT_CASE(directed_broadcasts_stay_here),
	UNIT_CASE(nothing_goes_out_of_an_interface_that_is_down),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("ip4_forward", cases) != 0;
}
