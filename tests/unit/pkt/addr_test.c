// SPDX-License-Identifier: BSD-3-Clause
// Addresses and prefixes: text there and back, families, containment.

#include "pkt/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "unit.h"

static union leat_ip ip(const char *text)
{
	union leat_ip a = {.d = {1, 1}};

	CU_ASSERT_EQUAL(leat_ip_parse(text, &a), 0);
	return a;
}

static void families(void)
{
	union leat_ip a = ip("192.0.2.1");

	CU_ASSERT_TRUE(leat_ip_is4(a));
	CU_ASSERT_EQUAL(leat_ip_family(a), AF_INET);
	CU_ASSERT_EQUAL(leat_ip_be32(a), inet_addr("192.0.2.1"));
	CU_ASSERT_TRUE(leat_ip_equal(a, leat_ip_from_be32(inet_addr("192.0.2.1"))));
	CU_ASSERT_TRUE(leat_ip_equal(a, ip("::ffff:192.0.2.1")));
	CU_ASSERT_FALSE(leat_ip_equal(a, ip("::192.0.2.1")));
	CU_ASSERT_FALSE(leat_ip_equal(a, ip("192.0.2.2")));
	CU_ASSERT_EQUAL(leat_ip_family(ip("2001:db8::1")), AF_INET6);
	CU_ASSERT_EQUAL(leat_ip_family(ip("::1")), AF_INET6);
	CU_ASSERT_TRUE(leat_ip_is_any(ip("0.0.0.0")));
	CU_ASSERT_TRUE(leat_ip_is_any(ip("::")));
	CU_ASSERT_FALSE(leat_ip_is_any(ip("::1")));
	CU_ASSERT_FALSE(leat_ip_is_any(ip("1::")));
	CU_ASSERT_FALSE(leat_ip_is_any(ip("0.0.0.1")));
	CU_ASSERT_FALSE(leat_ip_is_any(ip("::fffe:0:0")));
}

static void text_there_and_back(void)
{
	static const char *const texts[] = {"0.0.0.0", "255.255.255.255", "10.1.2.3", "::", "::1",
		"2001:db8::1", "fe80::1:2:3:4", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
	static const char *const bad[] = {"", " ", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", " 1.2.3.4",
		"256.1.1.1", "1.2.3.4/24", "2001:db8::1::", ":::", "2001:db8::g", "01.2.3.4x",
		"fe80::1%eth0", "hello"};
	char buf[LEAT_IP_STRLEN];
	union leat_ip a = {.d = {3, 4}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CU_ASSERT_STRING_EQUAL(leat_ip_format(ip(texts[i]), buf, sizeof(buf)), texts[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(leat_ip_parse(bad[i], &a), -EINVAL);
	CU_ASSERT(a.d[0] == 3 && a.d[1] == 4);
	CU_ASSERT_STRING_EQUAL(leat_ip_format(ip("10.1.2.3"), buf, 8), "");
}

static void prefixes(void)
{
	static const char *const good[] = {"0.0.0.0/0", "192.0.2.1/24", "10.0.0.0/8", "1.2.3.4/32",
		"::/0", "2001:db8::/32", "2001:db8::1/128",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"};
	static const char *const bad[] = {"", "/", "/24", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0.0/0008",
		"10.0.0.0/0x8", "::/129", "::/999", "10.0.0/8", "::ffff:10.0.0.0/8",
		"::ffff:10.0.0.0/104", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255:aaaa:bbbb/8"};
	char buf[LEAT_PREFIX_STRLEN];
	struct leat_prefix p = {.len = 77};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(leat_prefix_parse(bad[i], &p), -EINVAL);
	CU_ASSERT_EQUAL(p.len, 77);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CU_ASSERT_EQUAL(leat_prefix_parse(good[i], &p), 0);
		CU_ASSERT_STRING_EQUAL(leat_prefix_format(&p, buf, sizeof(buf)), good[i]);
	}
	CU_ASSERT_STRING_EQUAL(leat_prefix_format(&p, buf, 12), "");
	CU_ASSERT_EQUAL(leat_prefix_parse("192.0.2.1", &p), 0);
	CU_ASSERT_EQUAL(p.len, 32);
	CU_ASSERT_EQUAL(leat_prefix_parse("2001:db8::1", &p), 0);
	CU_ASSERT_EQUAL(p.len, 128);
}

static bool in(const char *prefix, const char *address)
{
	struct leat_prefix p;

	CU_ASSERT_EQUAL(leat_prefix_parse(prefix, &p), 0);
	return leat_prefix_contains(&p, ip(address));
}

static void containment(void)
{
	CU_ASSERT_TRUE(in("10.1.2.3/8", "10.255.0.0"));
	CU_ASSERT_FALSE(in("10.1.2.3/8", "11.1.2.3"));
	CU_ASSERT_TRUE(in("192.0.2.128/25", "192.0.2.200"));
	CU_ASSERT_FALSE(in("192.0.2.128/25", "192.0.2.127"));
	CU_ASSERT_TRUE(in("192.0.2.1/32", "192.0.2.1"));
	CU_ASSERT_FALSE(in("192.0.2.1/32", "192.0.2.0"));
	CU_ASSERT_TRUE(in("0.0.0.0/0", "203.0.113.9"));
	CU_ASSERT_FALSE(in("0.0.0.0/0", "2001:db8::1"));
	CU_ASSERT_FALSE(in("::/0", "203.0.113.9"));
	CU_ASSERT_TRUE(in("::/0", "2001:db8::1"));
	CU_ASSERT_TRUE(in("2001:db8::/33", "2001:db8:7fff::1"));
	CU_ASSERT_FALSE(in("2001:db8::/33", "2001:db8:8000::1"));
	CU_ASSERT_TRUE(in("2001:db8::1/128", "2001:db8::1"));
	CU_ASSERT_FALSE(in("2001:db8::1/127", "2001:db8::2"));
}

static const struct unit_case cases[] = {
	UNIT_CASE(families),
	UNIT_CASE(text_there_and_back),
	UNIT_CASE(prefixes),
	UNIT_CASE(containment),
};

int main(void)
{
	return UNIT_RUN("addr", cases);
}
