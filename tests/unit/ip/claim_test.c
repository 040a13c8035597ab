// SPDX-License-Identifier: BSD-3-Clause
// Claims: what matches, what does not, against a naive list under random changes.
#include "ip/claim.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "ip/net.h"
#include "unit.h"

static struct leat_claim claim(uint8_t proto, const char *ip, uint16_t first, uint16_t last)
{
	return (struct leat_claim){.proto = proto,
		.ip = net_ip(ip),
		.port_first = first,
		.port_last = last,
		.owner = "test"};
}

static bool match(const struct net *n, uint8_t proto, const char *ip, uint16_t port)
{
	union leat_ip a = net_ip(ip);

	return leat_claim_match(n->r.s, proto, &a, port);
}

static void a_claim_holds_for_its_protocol_address_and_ports(void)
{
	struct leat_claim any = claim(IPPROTO_TCP, "0.0.0.0", 80, 81);
	struct leat_claim one = claim(IPPROTO_UDP, "192.0.2.1", 53, 53);
	struct leat_claim six = claim(IPPROTO_UDP, "2001:db8::1", 53, 53);
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	CU_ASSERT_FALSE(leat_claim_any(n.r.s, IPPROTO_TCP));
	CU_ASSERT_EQUAL(leat_claim_add(n.r.s, &any), 0);
	CU_ASSERT_EQUAL(leat_claim_add(n.r.s, &any), -EEXIST);
	CU_ASSERT(leat_claim_any(n.r.s, IPPROTO_TCP));
	CU_ASSERT_FALSE(leat_claim_any(n.r.s, IPPROTO_UDP));
	CU_ASSERT_EQUAL(leat_claim_add(n.r.s, &one), 0);
	CU_ASSERT_EQUAL(leat_claim_add(n.r.s, &six), 0);
	CU_ASSERT_FALSE(match(&n, IPPROTO_TCP, "192.0.2.1", 79));
	CU_ASSERT(match(&n, IPPROTO_TCP, "192.0.2.1", 80));
	CU_ASSERT(match(&n, IPPROTO_TCP, "2001:db8::9", 81));
	CU_ASSERT_FALSE(match(&n, IPPROTO_TCP, "192.0.2.1", 82));
	CU_ASSERT_FALSE(match(&n, IPPROTO_UDP, "192.0.2.1", 80));
	CU_ASSERT(match(&n, IPPROTO_UDP, "192.0.2.1", 53));
	CU_ASSERT_FALSE(match(&n, IPPROTO_UDP, "192.0.2.3", 53));
	CU_ASSERT(match(&n, IPPROTO_UDP, "2001:db8::1", 53));
	CU_ASSERT_FALSE(match(&n, IPPROTO_ICMP, "192.0.2.1", 53));
	CU_ASSERT_STRING_EQUAL(leat_claim_at(n.r.s, 1)->owner, "test");
	CU_ASSERT_PTR_NULL(leat_claim_at(n.r.s, 3));
	CU_ASSERT_EQUAL(leat_claim_del(n.r.s, &any), 0);
	CU_ASSERT_EQUAL(leat_claim_del(n.r.s, &any), -ENOENT);
	CU_ASSERT_FALSE(match(&n, IPPROTO_TCP, "192.0.2.1", 80));
	CU_ASSERT_FALSE(leat_claim_any(n.r.s, IPPROTO_TCP));
	net_close(&n);
}

static void wrong_claims_are_refused(void)
{
	struct leat_claim c = claim(IPPROTO_ICMP, "0.0.0.0", 1, 1);
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	CU_ASSERT_EQUAL(leat_claim_add(n.r.s, &c), -EINVAL);
	c = claim(IPPROTO_TCP, "0.0.0.0", 2, 1);
	CU_ASSERT_EQUAL(leat_claim_add(n.r.s, &c), -EINVAL);
	c = claim(IPPROTO_TCP, "0.0.0.0", 0, 0);
	CU_ASSERT_EQUAL(leat_claim_add(n.r.s, &c), -EINVAL);
	c = claim(IPPROTO_TCP, "0.0.0.0", 49152, 65535);
	CU_ASSERT_EQUAL(leat_claim_add(n.r.s, &c), 0);
	CU_ASSERT(match(&n, IPPROTO_TCP, "192.0.2.1", 65535));
	CU_ASSERT_FALSE(match(&n, IPPROTO_TCP, "192.0.2.1", 49151));
	net_close(&n);
}

static void in_bypass_nothing_is_claimed(void)
{
	struct leat_claim c = claim(IPPROTO_TCP, "0.0.0.0", 80, 80);
	struct leat_stack_conf conf;
	struct net n;

	rig_conf(&conf);
	conf.bypass = true;
	CU_ASSERT_EQUAL_FATAL(net_open(&n, &conf), 0);
	CU_ASSERT_EQUAL(leat_claim_add(n.r.s, &c), 0);
	CU_ASSERT_FALSE(match(&n, IPPROTO_TCP, "192.0.2.1", 80));
	CU_ASSERT_FALSE(leat_claim_any(n.r.s, IPPROTO_TCP));
	net_close(&n);
}

#define CLAIMS 40

static bool naive(
	const struct leat_claim *c, const bool *on, uint8_t proto, union leat_ip ip, uint16_t port)
{
	for (int i = 0; i < CLAIMS; i++)
		if (on[i] && c[i].proto == proto && port >= c[i].port_first &&
			port <= c[i].port_last &&
			(leat_ip_is_any(c[i].ip) || leat_ip_equal(c[i].ip, ip)))
			return true;
	return false;
}

static void random_changes_are_as_the_naive_list(void)
{
	static const char *const ips[] = {"0.0.0.0", "192.0.2.1", "198.51.100.1"};
	struct leat_claim c[CLAIMS];
	bool on[CLAIMS] = {false};
	uint64_t seed = 3;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	for (int i = 0; i < CLAIMS; i++) {
		uint16_t first = (uint16_t)(1 + i * 3 + unit_random(&seed) % 50);

		c[i] = claim(i % 2 ? IPPROTO_TCP : IPPROTO_UDP, ips[i % 3], first,
			(uint16_t)(first + unit_random(&seed) % 9));
	}
	for (int step = 0; step < 400; step++) {
		int i = (int)(unit_random(&seed) % CLAIMS);

		CU_ASSERT_EQUAL(
			on[i] ? leat_claim_del(n.r.s, &c[i]) : leat_claim_add(n.r.s, &c[i]), 0);
		on[i] = !on[i];
		for (int k = 0; k < 200; k++) {
			uint8_t proto = k % 2 ? IPPROTO_TCP : IPPROTO_UDP;
			uint16_t port = (uint16_t)(unit_random(&seed) % 200);
			union leat_ip ip = net_ip(ips[1 + k % 2]);

			CU_ASSERT_EQUAL(leat_claim_match(n.r.s, proto, &ip, port),
				naive(c, on, proto, ip, port));
		}
		leat_lcore_poll(n.r.lc);
		leat_stack_housekeep(n.r.s);
	}
	net_close(&n);
}

static const struct unit_case cases[] = {
	UNIT_CASE(a_claim_holds_for_its_protocol_address_and_ports),
	UNIT_CASE(wrong_claims_are_refused),
	UNIT_CASE(in_bypass_nothing_is_claimed),
	UNIT_CASE(random_changes_are_as_the_naive_list),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("claim", cases) != 0;
}
