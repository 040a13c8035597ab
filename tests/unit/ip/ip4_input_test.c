// SPDX-License-Identifier: BSD-3-Clause
// Which packets are accepted, and where each goes.
#include <string.h>

#include "frames.h"
#include "ip/net.h"
#include "unit.h"

static const uint8_t data[64] = "some payload that is longer than nothing";

static void fix_cksum(uint8_t *ip)
{
	uint16_t sum;

	ip[10] = ip[11] = 0;
	sum = frame_cksum(ip, (ip[0] & 15u) * 4, 0);
	memcpy(ip + 10, &sum, 2);
}

// Send a good packet with one byte of its header set to another value; must be dropped for `why`.
static void spoil(struct net *n, uint32_t at, uint8_t value, bool fix, enum leat_drop why)
{
	struct net_pkt p = net_pkt();
	uint64_t before = net_drops(n, why);
	uint8_t b[NET_MAX];
	uint32_t len;

	p.payload = data;
	p.len = sizeof(data);
	len = net_build(n, &p, b);
	b[14 + at] = value;
	if (fix)
		fix_cksum(b + 14);
	net_send_bytes(n, b, len);
	CU_ASSERT_EQUAL(net_drops(n, why), before + 1);
	CU_ASSERT_EQUAL(net_got.n, 0);
}

static void a_bad_header_has_its_reason(void)
{
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	for (n.form = 0; n.form < NET_FORMS; n.form++) {
		spoil(&n, 0, 0x65, false, LEAT_DROP_IP4_VERSION);
		spoil(&n, 0, 0x44, false, LEAT_DROP_IP4_HDR_LEN);
		spoil(&n, 3, 19, true, LEAT_DROP_IP4_LEN);
		spoil(&n, 2, 1, true, LEAT_DROP_IP4_LEN);
		spoil(&n, 8, 63, false, LEAT_DROP_IP4_CKSUM);
	}
	net_close(&n);
}

static void a_short_packet_is_dropped_at_any_length(void)
{
	struct net_pkt p = net_pkt();
	uint8_t b[NET_MAX];
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	net_build(&n, &p, b);
	for (uint32_t len = 14; len < 34; len++)
		net_send_bytes(&n, b, len);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_SHORT), 20);
	p.n_opts = 40;
	p.opts = (const uint8_t[40]){0};
	net_build(&n, &p, b);
	for (uint32_t len = 34; len < 74; len++)
		net_send_bytes(&n, b, len);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_HDR_LEN), 40);
	net_close(&n);
}

static void from(struct net *n, const char *src, const char *dst, enum leat_drop why)
{
	struct net_pkt p = net_pkt();
	uint64_t before = why != 0 ? net_drops(n, why) : net_got.n;

	p.src = src;
	p.dst = dst;
	net_send(n, &p);
	CU_ASSERT_EQUAL(why != 0 ? net_drops(n, why) : net_got.n, before + 1);
}

static void martians_are_dropped(void)
{
	static const char *const bad[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.0.1",
		"224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "192.0.2.1",
		"192.0.2.255"};
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		from(&n, bad[i], "192.0.2.1", LEAT_DROP_IP4_SRC);
	from(&n, "192.0.2.2", "0.0.0.0", LEAT_DROP_IP4_DST);
	from(&n, "192.0.2.2", "0.0.0.7", LEAT_DROP_IP4_DST);
	from(&n, "192.0.2.2", "127.0.0.1", LEAT_DROP_IP4_DST);
	from(&n, "192.0.2.2", "192.0.2.1", 0);
	from(&n, "203.0.113.1", "192.0.2.1", 0);
	from(&n, "192.0.2.2", "198.51.100.1", 0); // another interface's: the weak model, as Linux
	net_close(&n);
}

static void options(struct net *n, const void *opts, uint8_t len, bool good)
{
	struct net_pkt p = net_pkt();
	uint64_t got = net_got.n, dropped = net_drops(n, LEAT_DROP_IP4_OPTION);

	p.opts = opts;
	p.n_opts = len;
	net_send(n, &p);
	CU_ASSERT_EQUAL(net_got.n, got + good);
	CU_ASSERT_EQUAL(net_drops(n, LEAT_DROP_IP4_OPTION), dropped + !good);
}

static void options_are_checked(void)
{
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	for (n.form = 0; n.form < NET_FORMS; n.form++) {
		options(&n, "\x01\x01\x01\x00", 4, true);
		options(&n, "\x94\x04\x00\x00", 4, true); // router alert
		options(&n, "\x00\x83\x83\x83", 4, true); // nothing counts after the end
		options(&n, "\x83\x07\x04\x01\x02\x03\x04\x00", 8, false); // loose source route
		options(&n, "\x89\x07\x04\x01\x02\x03\x04\x00", 8, false); // strict source route
		options(&n, "\x01\x83\x03\x04", 4, false);
		options(&n, "\x44\x01\x00\x00", 4, false); // length below 2
		options(&n, "\x44\x05\x00\x00", 4, false); // beyond the header
		options(&n, "\x01\x01\x01\x44", 4, false); // no length
	}
	net_close(&n);
}

static void padding_is_cut(void)
{
	struct net_pkt p = net_pkt();
	uint8_t b[NET_MAX];
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	p.payload = data;
	for (n.form = 0; n.form < NET_FORMS; n.form++) {
		for (uint32_t i = 0; i < 200; i++) {
			uint32_t len;

			p.len = i % 64;
			len = net_build(&n, &p, b);
			memset(b + len, 0xee, 60);
			net_send_bytes(&n, b, len + i % 60);
			CU_ASSERT_EQUAL(net_got.len, 20 + p.len);
			CU_ASSERT(memcmp(net_got.b + 20, data, p.len) == 0);
		}
	}
	CU_ASSERT_EQUAL(net_got.n, 3 * 200);
	net_close(&n);
}

static void verdicts_of_the_device_are_used(void)
{
	struct net_pkt p = net_pkt();
	uint8_t b[NET_MAX];
	uint32_t len;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	len = net_build(&n, &p, b);
	b[14 + 11] ^= 1; // wrong
	n.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	net_send_bytes(&n, b, len);
	CU_ASSERT_EQUAL(net_got.n, 1);
	n.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN;
	net_send_bytes(&n, b, len);
	n.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_NONE;
	net_send_bytes(&n, b, len);
	b[14 + 11] ^= 1; // right
	n.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD;
	net_send_bytes(&n, b, len);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_CKSUM), 3);
	CU_ASSERT_EQUAL(net_got.n, 1);
	CU_ASSERT_EQUAL(net_got.flags & LEAT_META_L4_GOOD, 0);
	n.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	net_send_bytes(&n, b, len);
	CU_ASSERT_NOT_EQUAL(net_got.flags & LEAT_META_L4_GOOD, 0);
	n.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD;
	net_send_bytes(&n, b, len);
	CU_ASSERT_EQUAL(net_got.flags & LEAT_META_L4_GOOD, 0);
	net_close(&n);
}

static void to(struct net *n, const char *src, const char *dst, uint8_t proto, const void *payload,
	uint32_t len, enum leat_punt_class c)
{
	struct net_pkt p = net_pkt();
	uint64_t before = n->r.punts[c];

	p.src = src;
	p.dst = dst;
	p.proto = proto;
	p.payload = payload;
	p.len = len;
	net_send(n, &p);
	CU_ASSERT_EQUAL(n->r.punts[c], before + 1);
}

static void the_kernel_gets_groups_by_class(void)
{
	struct net_pkt p = net_pkt();
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	rig_punt(&n.r);
	to(&n, "192.0.2.2", "224.0.0.5", 89, data, 24, LEAT_PUNT_ROUTING);
	to(&n, "192.0.2.2", "224.0.0.18", 112, data, 24, LEAT_PUNT_ROUTING);
	to(&n, "192.0.2.2", "224.0.0.13", 103, data, 24, LEAT_PUNT_ROUTING);
	to(&n, "0.0.0.0", "224.0.0.22", 2, data, 24, LEAT_PUNT_ROUTING);
	to(&n, "192.0.2.2", "224.0.0.251", 17, "\x14\xe9\x14\xe9\0\x08\0\0", 8, LEAT_PUNT_GROUP);
	to(&n, "192.0.2.2", "192.0.2.255", 17, "\x14\xe9\x14\xe9\0\x08\0\0", 8, LEAT_PUNT_GROUP);
	to(&n, "192.0.2.2", "192.0.2.0", 17, "\x14\xe9\x14\xe9\0\x08\0\0", 8, LEAT_PUNT_GROUP);
	to(&n, "0.0.0.0", "255.255.255.255", 17, "\0\x44\0\x43\0\x08\0\0", 8, LEAT_PUNT_DHCP);
	to(&n, "192.0.2.2", "192.0.2.77", 17, "\0\x43\0\x44\0\x08\0\0", 8, LEAT_PUNT_DHCP);
	p.dst = "192.0.2.255";
	p.proto = IPPROTO_ICMP;
	p.payload = (const uint8_t *)"\x08\0\xf7\xff\0\0\0\0";
	p.len = 8;
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_ICMP_BCAST), 1);
	net_close(&n);
}

static void link_broadcast_to_one_host_is_dropped(void)
{
	struct net_pkt p = net_pkt();
	uint8_t b[NET_MAX];
	uint32_t len;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	rig_punt(&n.r);
	n.r.iface->forwarding = true;
	len = net_build(&n, &p, b);
	memset(b, 0xff, 6);
	net_send_bytes(&n, b, len);
	p.dst = "198.51.100.2";
	len = net_build(&n, &p, b);
	memset(b, 0xff, 6);
	net_send_bytes(&n, b, len);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_DST), 2);
	CU_ASSERT_EQUAL(net_got.n, 0);
	net_close(&n);
}

static void strangers_are_forwarded_only_if_told(void)
{
	struct net_pkt p = net_pkt();
	uint8_t b[NET_MAX];
	int vlan;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	p.dst = "198.51.100.2";
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_NO_FORWARD), 1);
	n.r.iface->forwarding = true;
	net_send(&n, &p);
	CU_ASSERT_EQUAL(net_take(&n, b, &vlan), 20);
	CU_ASSERT_EQUAL(vlan, 10);
	net_close(&n);
}

static void an_interface_without_address_gives_all_to_the_kernel(void)
{
	struct leat_prefix addr;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	rig_punt(&n.r);
	leat_prefix_parse("192.0.2.1/24", &addr);
	CU_ASSERT_EQUAL(leat_ip_addr_del(n.r.s, n.r.iface, &addr), 0);
	to(&n, "192.0.2.9", "192.0.2.1", 17, "\0\x43\0\x44\0\x08\0\0", 8, LEAT_PUNT_DHCP);
	to(&n, "192.0.2.9", "192.0.2.1", 6, data, 20, LEAT_PUNT_OTHER);
	to(&n, "192.0.2.9", "255.255.255.255", 17, "\0\x43\0\x44\0\x08\0\0", 8, LEAT_PUNT_DHCP);
	net_close(&n);
}

static void in_bypass_the_kernel_gets_everything(void)
{
	struct leat_stack_conf conf;
	struct net_pkt p = net_pkt();
	struct net n;

	rig_conf(&conf);
	conf.bypass = true;
	CU_ASSERT_EQUAL_FATAL(net_open(&n, &conf), 0);
	rig_punt(&n.r);
	net_send(&n, &p);
	p.proto = IPPROTO_ICMP;
	p.payload = (const uint8_t *)"\x08\0\xf7\xff\0\0\0\0";
	p.len = 8;
	net_send(&n, &p);
	p.src = "127.0.0.1";
	p.frag = 0x2000;
	net_send(&n, &p);
	CU_ASSERT_EQUAL(n.r.punts[LEAT_PUNT_LOCAL], 3);
	CU_ASSERT_EQUAL(net_got.n, 0);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	net_close(&n);
}

static const struct unit_case cases[] = {
	UNIT_CASE(a_bad_header_has_its_reason),
	UNIT_CASE(a_short_packet_is_dropped_at_any_length),
	UNIT_CASE(martians_are_dropped),
	UNIT_CASE(options_are_checked),
	UNIT_CASE(padding_is_cut),
	UNIT_CASE(verdicts_of_the_device_are_used),
	UNIT_CASE(the_kernel_gets_groups_by_class),
	UNIT_CASE(link_broadcast_to_one_host_is_dropped),
	UNIT_CASE(strangers_are_forwarded_only_if_told),
	UNIT_CASE(an_interface_without_address_gives_all_to_the_kernel),
	UNIT_CASE(in_bypass_the_kernel_gets_everything),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("ip4_input", cases) != 0;
}
