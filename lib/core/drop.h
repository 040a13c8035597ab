// SPDX-License-Identifier: BSD-3-Clause
// Every reason for which a packet is dropped: one list, from which the enum, the counters and the
// texts of `leatctl show drops` come. The name's first word is the stage that drops.
#pragma once

// X(NAME, text)
// The reasons of the receive side come first; LEAT_DROP_LAST_RX is the last of them.
#define LEAT_DROPS(X) \
	X(NONE, "not dropped") \
	X(ETH_SHORT, "frame shorter than an Ethernet header") \
	X(ETH_DST, "unicast frame for another MAC address") \
	X(ETH_SRC, "group or own source MAC address") \
	X(ETH_TYPE, "ethertype that nobody takes") \
	X(VLAN_UNKNOWN, "VLAN without an interface") \
	X(IFACE_DOWN, "interface is administratively down") \
	X(ARP_SHORT, "ARP packet too short") \
	X(ARP_BAD, "ARP hardware, protocol, length or address wrong") \
	X(IP4_SHORT, "IPv4 packet shorter than its header") \
	X(IP4_VERSION, "IP version is not 4") \
	X(IP4_HDR_LEN, "IPv4 header length below 20 or beyond the packet") \
	X(IP4_LEN, "IPv4 total length beyond the frame or below the header") \
	X(IP4_CKSUM, "IPv4 header checksum wrong") \
	X(IP4_SRC, "IPv4 source address is not a host's (RFC 1122, 3.2.1.3)") \
	X(IP4_DST, "IPv4 destination address not to be received") \
	X(IP4_OPTION, "IPv4 options malformed, or source-routed") \
	X(IP4_TTL, "TTL expired in transit") \
	X(IP4_NO_ROUTE, "no route to the destination") \
	X(IP4_BLACKHOLE, "blackhole, prohibit or unreachable route") \
	X(IP4_NO_FORWARD, "not for this host, and forwarding is off") \
	X(IP4_TOO_BIG, "larger than the next hop's MTU, with DF set") \
	X(IP4_PROTO, "IP protocol that nobody takes") \
	X(REASS_LEN, "fragment with impossible length or offset") \
	X(REASS_OVERLAP, "datagram with overlapping fragments (RFC 5722's rule)") \
	X(REASS_TIMEOUT, "reassembly timed out") \
	X(REASS_FULL, "reassembly memory full") \
	X(ICMP_SHORT, "ICMP message too short") \
	X(ICMP_CKSUM, "ICMP checksum wrong") \
	X(ICMP_TYPE, "ICMP type that nobody takes") \
	X(ICMP_BCAST, "ICMP echo to a broadcast or multicast address") \
	X(UDP_SHORT, "UDP datagram shorter than its header") \
	X(UDP_LEN, "UDP length beyond the IP payload or below 8") \
	X(UDP_CKSUM, "UDP checksum wrong") \
	X(UDP_NO_PORT, "UDP to a claimed port without a socket") \
	X(UDP_RCVBUF, "UDP receive buffer full") \
	X(TCP_SHORT, "TCP segment shorter than its header") \
	X(TCP_HDR_LEN, "TCP data offset below 5 or beyond the segment") \
	X(TCP_CKSUM, "TCP checksum wrong") \
	X(TCP_ADDR, "TCP to or from a broadcast or multicast address") \
	X(TCP_NO_PORT, "TCP to a claimed port without a socket") \
	X(TCP_FLAGS, "TCP flags that make no sense in this state") \
	X(TCP_SEQ, "TCP segment outside the receive window") \
	X(TCP_PAWS, "TCP timestamp older than the last (RFC 7323, 5)") \
	X(TCP_ACK, "TCP acknowledgement outside the send window") \
	X(TCP_RST, "TCP reset that does not match exactly (RFC 5961, 3)") \
	X(TCP_SYN, "TCP SYN within a connection (RFC 5961, 4)") \
	X(TCP_OLD_DATA, "TCP data received before") \
	X(TCP_RCVBUF, "TCP data beyond the receive buffer, or after close") \
	X(TCP_OOO_FULL, "TCP out-of-order queue full") \
	X(TCP_HALF_OPEN_FULL, "TCP half-open connections at their limit") \
	X(TCP_BACKLOG_FULL, "TCP accept queue full") \
	X(TCP_TABLE_FULL, "TCP connections at their limit") \
	X(NEIGH_FULL, "neighbour table full") \
	X(NEIGH_HOLD, "neighbour's hold queue full") \
	X(NEIGH_FAILED, "neighbour does not answer") \
	X(PUNT_OFF, "for the kernel, and there is no exception path") \
	X(PUNT_FULL, "ring to the exception thread full") \
	X(XRING_FULL, "ring to another worker full") \
	X(NO_MBUF, "no buffer") \
	X(TX_FULL, "transmit queue full") \
	X(TX_TOO_LONG, "longer than the port can send") \
	X(TX_REFUSED, "refused by the driver's transmit preparation") \
	X(SHUTDOWN, "freed at shutdown")

#define LEAT_DROP_LAST_RX LEAT_DROP_TCP_TABLE_FULL

enum leat_drop {
#define X(name, text) LEAT_DROP_##name,
	LEAT_DROPS(X)
#undef X
		LEAT_DROP_MAX
};

// Name ("IP4_TTL") and text of a reason; "?" beyond the list. Any context.
const char *leat_drop_name(enum leat_drop reason);
const char *leat_drop_text(enum leat_drop reason);
