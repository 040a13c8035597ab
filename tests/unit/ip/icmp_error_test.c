// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors out: about what none is sent, how much is quoted, from where, and how often.
#include <string.h>

#include "frames.h"
#include "ip/icmp.h"
#include "ip/net.h"
#include "unit.h"

static uint8_t data[2000], out[NET_MAX];

static void open_router(struct net *n)
{
	CU_ASSERT_EQUAL_FATAL(net_open(n, NULL), 0);
	n->r.iface->forwarding = true;
}

// A packet that expires here.
static struct net_pkt expiring(uint8_t proto, const char *src)
{
	struct net_pkt p = net_pkt();

	p.src = src;
	p.dst = "198.51.100.2";
	p.proto = proto;
	p.ttl = 1;
	p.payload = data;
	p.len = 64;
	return p;
}

static void no_error_is_sent_about_some_packets(void)
{
	struct net_pkt p;
	struct net n;

	open_router(&n);
	for (unsigned type = 0; type < 256; type++) {
		bool query = type == 0 || type == 8 || type == 13 || type == 14;

		p = expiring(IPPROTO_ICMP, "192.0.2.2");
		data[0] = (uint8_t)type;
		net_send(&n, &p);
		CU_ASSERT_EQUAL(net_flush(&n), query);
	}
	data[0] = 3;
	p = expiring(17, "192.0.2.2");
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_flush(&n), 1);
	p.frag = 0x2000; // the first fragment
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_flush(&n), 1);
	p.frag = 0x2001; // not the first
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	p = expiring(IPPROTO_ICMP, "192.0.2.2"); // says not even its type
	p.len = 0;
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	p = expiring(17, "203.0.113.1"); // no way back
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_TTL), 256 + 5);
	net_close(&n);
}

static void as_much_is_quoted_as_there_is_room(void)
{
	struct net n;

	open_router(&n);
	for (n.form = 0; n.form < NET_FORMS; n.form++) {
		for (uint32_t len = 0; len < 1400; len += 99) {
			struct net_pkt p = expiring(17, "192.0.2.2");
			uint32_t got;

			p.len = len;
			net_send(&n, &p);
			got = net_take(&n, out, NULL);
			CU_ASSERT_EQUAL(got, RTE_MIN(28 + 20 + len, 576u));
			CU_ASSERT_EQUAL(frame_cksum(out + 20, got - 20, 0), 0);
			CU_ASSERT_EQUAL(out[1], 0xc0);
			rig_run(&n.r, 2000000);
		}
	}
	net_close(&n);
}

static void it_comes_from_the_address_spoken_to_or_of_the_interface(void)
{
	struct net_pkt p = net_pkt();
	struct net n;

	open_router(&n);
	p.proto = 200; // nobody's: protocol unreachable
	p.dst = "198.51.100.1";
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_take(&n, out, NULL), 48);
	CU_ASSERT_EQUAL(out[20], 3);
	CU_ASSERT_EQUAL(out[21], 2);
	CU_ASSERT(memcmp(out + 12, "\xc6\x33\x64\x01", 4) == 0);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_PROTO), 1);
	p = expiring(17, "192.0.2.2");
	net_send(&n, &p);
	CU_ASSERT_NOT_EQUAL(net_take(&n, out, NULL), 0);
	CU_ASSERT(memcmp(out + 12, "\xc0\x00\x02\x01", 4) == 0);
	net_close(&n);
}

static unsigned burst(struct net *n, const struct net_pkt *p, unsigned k)
{
	unsigned got = 0;

	for (unsigned i = 0; i < k; i++) {
		net_send(n, p);
		got += net_flush(n);
	}
	return got;
}

static void each_class_has_its_own_rate(void)
{
	struct net_pkt expired = expiring(17, "192.0.2.2"), lost = expired;
	struct net n;

	open_router(&n);
	lost.dst = "203.0.113.1";
	lost.ttl = 9;
	CU_ASSERT_EQUAL(burst(&n, &expired, 200), 50);
	CU_ASSERT_EQUAL(burst(&n, &lost, 200), 50);
	CU_ASSERT_EQUAL(burst(&n, &expired, 10), 0);
	rig_run(&n.r, 10000000); // 10 ms: 10 tokens
	CU_ASSERT_EQUAL(burst(&n, &expired, 100), 10);
	rig_run(&n.r, 10ull * 1000000000); // never more than the burst
	CU_ASSERT_EQUAL(burst(&n, &expired, 200), 50);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_TTL), 510);
	net_close(&n);
}

static const struct unit_case cases[] = {
	UNIT_CASE(no_error_is_sent_about_some_packets),
	UNIT_CASE(as_much_is_quoted_as_there_is_room),
	UNIT_CASE(it_comes_from_the_address_spoken_to_or_of_the_interface),
	UNIT_CASE(each_class_has_its_own_rate),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("icmp_error", cases) != 0;
}
