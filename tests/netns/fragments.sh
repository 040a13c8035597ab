#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# timeout: 120
# Fragments against the kernel's: reassembly and fragmentation, to the fast path and to kernel sockets.
#
# The wire is a net_tap device, whose kernel end is the client itself: packet sockets would not do, as
# net_af_packet asks the kernel to reassemble (PACKET_FANOUT_FLAG_DEFRAG) and then cuts what is longer than its frame.
#
#     namespace C: c0 10.0.0.2/24 == net_tap == leatd == TAP wire0 10.0.0.1/24: namespace H
. "$(dirname "$0")/lib.sh"

must ns_add "$C"
must ns_add "$H"
must no_ipv6 "$C"
leat_conf
sed -i "s/device: .*/device: net_tap0,iface=c0/; s/netns: $W/netns: $C/" "$T/leat.yaml"
must leatd_run -c "$T/leat.yaml"
# Both ends of net_tap have one MAC address: the client's gets another.
must ip -n "$C" link set c0 down
must ip -n "$C" link set c0 address 02:00:00:00:00:02 up
must ip -n "$C" addr add 10.0.0.2/24 dev c0
must host_address

client() { in_ns "$C" "$python" "$netns_dir/client.py" "$@"; }

check "UDP echo of 65507 bytes, fragmented both ways" client udpecho 10.0.0.1 7 65507
check "UDP echo of 1473 bytes, two fragments" client udpecho 10.0.0.1 7 1473
check "ping with 60000 bytes" in_ns "$C" ping -q -c 3 -i 0.2 -s 60000 10.0.0.1
is "datagrams were put together on the fast path" "$(stage_packets ip4_reass)" -gt 90
is "no datagram reached the kernel at the same address" "$(snmp "$H" Udp InDatagrams)" -eq 0

# The same to a kernel socket: Leat reassembles, as the port is in the first fragment only.
spawn "$H" socat -b 70000 UDP4-LISTEN:5007,fork,rcvbuf=1000000 PIPE
must wait_until 5 sh -c "ip netns exec $H ss -Hlun 'sport = :5007' | grep -q ."
check "UDP echo of 20000 bytes by a kernel socket" client udpecho 10.0.0.1 5007 20000
is "the kernel got it" "$(snmp "$H" Udp InDatagrams)" -gt 0
check "packet equation" wait_until 5 packet_equation
finish
