#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# timeout: 120
# A port whose netdev stands in the namespace of its TAP: the kernel must not answer on the netdev too.
#
#     namespace C: c0 10.0.0.2/24 --veth-- namespace H: eth0 (the port, by af_packet), and the TAP wire0 10.0.0.1/24
. "$(dirname "$0")/lib.sh"

must ns_add "$C"
must ns_add "$H"
must no_ipv6 "$C"
must veth "$C" c0 "$H" eth0
must ip -n "$C" addr add 10.0.0.2/24 dev c0
sysctl_of() { in_ns "$H" sysctl -n "net.$1"; }
before="$(sysctl_of ipv4.conf.eth0.rp_filter) $(sysctl_of ipv6.conf.eth0.disable_ipv6)"
leat_conf
sed -i "s/iface=wire0/iface=eth0/; s/netns: $W/netns: $H/" "$T/leat.yaml"

must ip -n "$H" addr add 10.0.1.1/24 dev eth0
refused() { ! timeout 20 "$LEATD" -c "$T/leat.yaml" >"$T/refused" 2>&1 && grep "eth0 has an IPv4 address" "$T/refused"; }
check "a netdev with an address is refused, and the message says so" refused
must ip -n "$H" addr del 10.0.1.1/24 dev eth0

must leatd_run -c "$T/leat.yaml"
must host_address
in_ns "$C" ping -q -c 1 -w 5 10.0.0.1 >/dev/null
duplicates() { in_ns "$C" ping -c 5 -i 0.2 10.0.0.1 | grep -c DUP; }
is "ping is answered once" "$(duplicates)" = 0
check "the fast path serves" in_ns "$C" curl -sS --max-time 5 http://10.0.0.1/
is "and the kernel did not see it" "$(snmp "$H" Tcp InSegs)" = 0
resets=$(snmp "$H" Tcp OutRsts)
check "an unclaimed port is refused" sh -c "! ip netns exec $C curl -s --max-time 5 http://10.0.0.1:8081/"
is "by one reset" $(($(snmp "$H" Tcp OutRsts) - resets)) = 1
spawn "$H" socat TCP-LISTEN:8080,fork,reuseaddr "SYSTEM:echo hello from the kernel"
must wait_until 5 listening "$H" 8080
check "a kernel server is reached" sh -c "ip netns exec $C socat -u -T 5 TCP:10.0.0.1:8080 - | grep hello"
must in_ns "$H" sysctl -qw net.ipv4.conf.eth0.rp_filter=0
before_control=$(snmp "$H" Tcp InSegs)
in_ns "$C" curl -sS --max-time 5 http://10.0.0.1/ >/dev/null 2>&1
is "control: without the guard the kernel sees the fast path's segments" "$(snmp "$H" Tcp InSegs)" -gt "$before_control"
must leatd_stop
is "the netdev is as it was" "$(sysctl_of ipv4.conf.eth0.rp_filter) $(sysctl_of ipv6.conf.eth0.disable_ipv6)" = "$before"
finish
