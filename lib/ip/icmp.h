// SPDX-License-Identifier: BSD-3-Clause
// ICMP. Echo requests to local addresses are answered here unless conf.icmp_echo is off; errors go
// to the owner of the quoted flow; all else goes to the kernel. RFC 792, 1122 3.2.2, 1812 4.3.
#pragma once

#include <stdint.h>

#include "core/lcore.h"
#include "pkt/addr.h"

// An ICMP error received, parsed: addresses and ports of the quoted packet, which we had sent.
struct leat_icmp_error {
	uint8_t type, code;
	uint8_t proto;                    // of the quoted packet
	uint16_t mtu;                     // next hop's, of "fragmentation needed"; 0 when not told
	union leat_ip from;               // who reports
	union leat_ip local, remote;      // source and destination of the quoted packet
	uint16_t local_port, remote_port; // host order
	uint32_t seq;                     // TCP: sequence number quoted
};

// Send an ICMP error about m, a frame received (data at Ethernet, l2_len and l3_len set), from an
// address of the interface it came by. Not sent about errors, fragments but the first, groups,
// broadcasts (RFC 1122 3.2.2), nor beyond the rate (a token bucket a worker and type). info:
// next-hop MTU, gateway (be32) or 0. m stays the caller's. Datapath.
void leat_icmp_error_output(
	struct leat_lcore *lc, struct rte_mbuf *m, uint8_t type, uint8_t code, uint32_t info);

// l3 protocol handler of IPPROTO_ICMP.
void leat_icmp_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n);
