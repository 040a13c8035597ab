// SPDX-License-Identifier: BSD-3-Clause
// Checksums over mbuf chains in software: for ports that can't compute them, for packets from the
// kernel with a partial one, and to check what came in. Called by the port's output, the exception
// path and the transport's input; the software NPU uses them as its device.
//
// Sums here are ones' complement sums of 16-bit words as they lie in memory, not complemented, as
// those of rte_ip.h. rte_raw_cksum_mbuf() is not used: in 22.11 it loses carries behind a segment
// of odd length. Packet headers are in the first segment; the rest may be cut anywhere.
//
// Pure functions of the packet; datapath, any thread that owns it.
#ifndef LEAT_PKT_CKSUM_H
#define LEAT_PKT_CKSUM_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

// What leat_pkt_fill_cksum() can do.
#define LEAT_PKT_CKSUM_MASK (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK)

// Sum len bytes from offset off of the packet.
// sum  set on success
// Returns 0, or -EINVAL if the packet is shorter.
int leat_pkt_sum(const struct rte_mbuf *m, uint32_t off, uint32_t len, uint16_t *sum);

// Sums of the pseudo-headers (RFC 9293, 3.1; RFC 8200, 8.1). Unlike rte_ipv4_phdr_cksum() and
// rte_ipv6_phdr_cksum() they are told protocol and length, so they hold with extension headers and
// for a header that is about to be cut or was put together.
// proto   the transport's protocol number
// l4_len  bytes of transport header and payload
uint16_t leat_pkt_pseudo4(const struct rte_ipv4_hdr *ip, uint8_t proto, uint32_t l4_len);
uint16_t leat_pkt_pseudo6(const struct rte_ipv6_hdr *ip, uint8_t proto, uint32_t l4_len);

// Do in software what the transmit flags ol ask for: RTE_MBUF_F_TX_IP_CKSUM and one of _TCP_CKSUM,
// _UDP_CKSUM, _SCTP_CKSUM; other bits of ol are ignored. Whatever stood in the fields is ignored.
// l2_len and l3_len are set, and outer_l2_len and outer_l3_len if m->ol_flags has OUTER_IPV4 or
// OUTER_IPV6 (only inner checksums are filled). IPv6 extension headers count in l3_len; a routing
// header that still has segments left gets the wrong pseudo-header. The headers must be writable.
// On success the bits done are cleared in m->ol_flags.
// Returns 0, or -EINVAL and m as it was: lengths that contradict the headers or the packet, a
// fragment (over IPv6: whose first extension header says so), or an IPv4 checksum asked for IPv6.
int leat_pkt_fill_cksum(struct rte_mbuf *m, uint64_t ol);

// Complete a checksum as virtio leaves it: the field holds the pseudo-header's sum, and everything
// from csum_start to the packet's end is to be summed (VIRTIO 1.2, 5.1.6.2.1). The field may lie in
// any segment, even across two, and must be writable. A checksum of 0 is written as 0xffff, which
// is the same to TCP and needed by UDP.
// csum_start   offset in the packet of the transport header
// csum_offset  even offset from there of the field
// Returns 0, or -EINVAL if the field is not inside the packet or csum_offset is odd.
int leat_pkt_fill_partial(struct rte_mbuf *m, uint32_t csum_start, uint32_t csum_offset);

// Whether the checksum of a TCP segment or a UDP datagram is right. A UDP checksum of 0 is right
// over IPv4 (RFC 768) and wrong over IPv6 (RFC 8200, 8.1). Any other protocol is wrong.
// l4_off  offset in the packet of the transport header, in any segment
// l4_len  bytes of transport header and payload
// ip      the IP header, in the packet or not: it gives the addresses, and for IPv4 the protocol
bool leat_pkt_l4_cksum_ok4(
	const struct rte_mbuf *m, uint32_t l4_off, uint32_t l4_len, const struct rte_ipv4_hdr *ip);
// proto  the transport's protocol number, which behind extension headers ip does not say
bool leat_pkt_l4_cksum_ok6(const struct rte_mbuf *m, uint32_t l4_off, uint32_t l4_len,
	const struct rte_ipv6_hdr *ip, uint8_t proto);

#endif
