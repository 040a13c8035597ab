// SPDX-License-Identifier: BSD-3-Clause
// IP addresses and prefixes, both families in one type: IPv4 stands as ::ffff:a.b.c.d (RFC 4291,
// 2.5.5.2). Used by everything that names a host: connections, routes, neighbours, rules, control.
//
// Addresses are 16 bytes in network byte order and go by value. All are pure functions; any thread.
#ifndef LEAT_PKT_ADDR_H
#define LEAT_PKT_ADDR_H

#include <endian.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

union leat_ip {
	uint8_t b[16];
	uint32_t w[4];
	uint64_t d[2];
};

// A prefix, or an address with the length of its subnet: bits after len are kept as they were
// given. len is 0..32 for IPv4 and 0..128 for IPv6.
struct leat_prefix {
	union leat_ip ip;
	uint8_t len;
};

// Bytes for the longest text, its final NUL included.
#define LEAT_IP_STRLEN INET6_ADDRSTRLEN
#define LEAT_PREFIX_STRLEN (LEAT_IP_STRLEN + 4)

static inline union leat_ip leat_ip_from_be32(uint32_t be)
{
	return (union leat_ip){.w = {0, 0, htobe32(0xffff), be}};
}

static inline bool leat_ip_is4(union leat_ip ip)
{
	return ip.d[0] == 0 && ip.w[2] == htobe32(0xffff);
}

// The IPv4 address in network byte order; meaningless unless leat_ip_is4().
static inline uint32_t leat_ip_be32(union leat_ip ip)
{
	return ip.w[3];
}

static inline bool leat_ip_equal(union leat_ip a, union leat_ip b)
{
	return ((a.d[0] ^ b.d[0]) | (a.d[1] ^ b.d[1])) == 0;
}

// 0.0.0.0 or ::
static inline bool leat_ip_is_any(union leat_ip ip)
{
	return ip.d[0] == 0 && (ip.w[2] == 0 || ip.w[2] == htobe32(0xffff)) && ip.w[3] == 0;
}

// AF_INET or AF_INET6
static inline int leat_ip_family(union leat_ip ip)
{
	return leat_ip_is4(ip) ? AF_INET : AF_INET6;
}

// Read an address: dotted IPv4, or IPv6 as in RFC 4291, 2.2. "::ffff:192.0.2.1" is IPv4.
// ip  set on success only
// Returns 0, or -EINVAL for anything else, blanks around it included.
int leat_ip_parse(const char *text, union leat_ip *ip);

// Write an address as text: dotted IPv4, or IPv6 as in RFC 5952.
// buf, size  LEAT_IP_STRLEN is always enough; buf is "" if size is too small
// Returns buf.
char *leat_ip_format(union leat_ip ip, char *buf, size_t size);

// Read "address/len"; without "/len" it is the one host. IPv4 in the text of IPv6 is refused, since
// its length would be ambiguous. Bits after len are kept.
// p  set on success only
// Returns 0 or -EINVAL.
int leat_prefix_parse(const char *text, struct leat_prefix *p);

// Write "address/len". As leat_ip_format(), with LEAT_PREFIX_STRLEN.
char *leat_prefix_format(const struct leat_prefix *p, char *buf, size_t size);

// Whether ip is of the prefix's family and equal to it in its first len bits.
bool leat_prefix_contains(const struct leat_prefix *p, union leat_ip ip);

#endif
