#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A VLAN interface on Leat's port: ARP and ICMP echo, both tagged. The kernel beside us may have no 802.1Q, so the
# client's side is scapy on c0, and Leat answers without a TAP.
# The standard topology of lib.sh with the exception path off.
. "$(dirname "$0")/lib.sh"
topology
EXTRA='    addresses: [10.0.0.1/24]
    vlans:
      - {id: 10, addresses: [198.51.100.1/24]}'
leat_conf
sed -i 's/^exception:/&\n  enabled: false/' "$T/leat.yaml"
must leatd_run -c "$T/leat.yaml"

inject() { in_ns "$C" "$python" "$netns_dir/inject.py" "$@"; }
not() { ! "$@"; }
check "VLAN 10: ARP and echo answered, tagged" inject vlan 10 198.51.100.2 198.51.100.1
check "VLAN 11, which is not configured: no answer" not inject vlan 11 198.51.100.2 198.51.100.1
check "untagged traffic beside it" in_ns "$C" ping -q -c 3 -w 5 10.0.0.1
check "a service, with Leat answering ARP" in_ns "$C" curl -sS --fail --max-time 5 http://10.0.0.1/
check "packet equation" wait_until 3 packet_equation
finish
