// SPDX-License-Identifier: BSD-3-Clause
// Text of addresses and prefixes, and prefix matching for control; routes and rules on the datapath
// have tables of their own. Called by configuration, control socket and whoever prints.

#include "pkt/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int leat_ip_parse(const char *text, union leat_ip *ip)
{
	struct in_addr a4;
	union leat_ip a6;

	if (inet_pton(AF_INET, text, &a4) == 1) {
		*ip = leat_ip_from_be32(a4.s_addr);
		return 0;
	}
	if (inet_pton(AF_INET6, text, a6.b) == 1) {
		*ip = a6;
		return 0;
	}
	return -EINVAL;
}

char *leat_ip_format(union leat_ip ip, char *buf, size_t size)
{
	const void *bytes = leat_ip_is4(ip) ? &ip.w[3] : &ip.w[0];

	if (inet_ntop(leat_ip_family(ip), bytes, buf, (socklen_t)size) == NULL && size > 0)
		buf[0] = '\0';
	return buf;
}

// One to three digits and nothing else.
static int parse_len(const char *text, unsigned int max, uint8_t *len)
{
	unsigned int v = 0;
	size_t n = strlen(text);

	if (n < 1 || n > 3 || strspn(text, "0123456789") != n)
		return -EINVAL;
	for (; *text != '\0'; text++)
		v = v * 10 + (unsigned int)(*text - '0');
	if (v > max)
		return -EINVAL;
	*len = (uint8_t)v;
	return 0;
}

int leat_prefix_parse(const char *text, struct leat_prefix *p)
{
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char addr[LEAT_IP_STRLEN];
	struct leat_prefix got;
	bool is4;

	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (leat_ip_parse(addr, &got.ip) != 0)
		return -EINVAL;
	is4 = leat_ip_is4(got.ip);
	if (is4 && strchr(addr, ':') != NULL)
		return -EINVAL;
	got.len = is4 ? 32 : 128;
	if (slash != NULL && parse_len(slash + 1, got.len, &got.len) != 0)
		return -EINVAL;
	*p = got;
	return 0;
}

char *leat_prefix_format(const struct leat_prefix *p, char *buf, size_t size)
{
	char addr[LEAT_IP_STRLEN];
	int n = snprintf(buf, size, "%s/%u", leat_ip_format(p->ip, addr, sizeof(addr)), p->len);

	if (size > 0 && (size_t)n >= size)
		buf[0] = '\0';
	return buf;
}

bool leat_prefix_contains(const struct leat_prefix *p, union leat_ip ip)
{
	bool is4 = leat_ip_is4(p->ip);
	unsigned int bits = is4 ? 96u + p->len : p->len;
	unsigned int bytes = bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> (bits % 8));

	if (is4 != leat_ip_is4(ip) || memcmp(p->ip.b, ip.b, bytes) != 0)
		return false;
	return bits % 8 == 0 || ((p->ip.b[bytes] ^ ip.b[bytes]) & mask) == 0;
}
