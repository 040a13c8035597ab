#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The kernel's sockets in H at Leat's address: both directions, TCP and UDP, small and large, and what the
# kernel answers for ports that nobody claims.
# The standard topology of lib.sh; servers and clients of this test are ordinary programs.
. "$(dirname "$0")/lib.sh"
topology
leatd_start

serve() { spawn "$1" socat "$2" "$3"; }
bulk=$T/bulk
"$python" -c 'import os, sys; sys.stdout.buffer.write(os.urandom(64 << 20))' >"$bulk"

serve "$H" TCP-LISTEN:8080,fork,reuseaddr "SYSTEM:echo from the kernel"
serve "$H" TCP-LISTEN:8082,fork,reuseaddr "OPEN:$bulk,rdonly"
serve "$C" TCP-LISTEN:9000,fork,reuseaddr "SYSTEM:echo from the client"
serve "$C" TCP-LISTEN:9001,fork,reuseaddr "OPEN:$bulk,rdonly"
serve "$H" UDP-RECVFROM:8080,fork EXEC:cat
wait_until 5 listening "$H" 8080
wait_until 5 listening "$C" 9001

fetch() { [ "$(in_ns "$1" socat -u -T 5 "TCP:$2" - )" = "$3" ]; }
fetch_bulk() { in_ns "$1" socat -u -T 10 "TCP:$2" - | cmp - "$bulk"; }
udp_echo() { [ "$(say hello | in_ns "$C" socat -T 2 - "UDP:10.0.0.1:8080")" = hello ]; }

before=$(punted)
check "client reaches a kernel server" fetch "$C" 10.0.0.1:8080 "from the kernel"
is "its packets were punted" "$(punted)" -gt "$before"
before=$(injected)
check "a kernel socket reaches the client" fetch "$H" 10.0.0.2:9000 "from the client"
is "its packets were injected" "$(injected)" -gt "$before"
check "64 MiB from a kernel server, bytes equal" fetch_bulk "$C" 10.0.0.1:8082
check "64 MiB to a kernel socket, bytes equal" fetch_bulk "$H" 10.0.0.2:9001
check "a kernel UDP server answers" udp_echo
check "the kernel pings the client" in_ns "$H" ping -q -c 3 -w 5 10.0.0.2
check "the client pings the address" in_ns "$C" ping -q -c 3 -w 5 10.0.0.1
is "and gets no answer twice" "$(in_ns "$C" ping -c 3 -w 5 10.0.0.1 | grep -c DUP)" = 0

refused() { in_ns "$C" curl -sS --max-time 5 http://10.0.0.1:8081/; [ $? = 7 ]; }
before=$(snmp "$H" Tcp OutRsts)
check "an unclaimed port is refused" refused
is "by the kernel" "$(snmp "$H" Tcp OutRsts)" -gt "$before"

check "the fast path serves meanwhile" in_ns "$C" curl -sS --fail --max-time 5 http://10.0.0.1/
reserved=$(in_ns "$H" cat /proc/sys/net/ipv4/ip_local_reserved_ports)
is "the ephemeral range is kept from the kernel's sockets" "$reserved" = 49152-65535
is "the kernel dropped nothing for its checksum" "$(snmp "$H" Tcp InCsumErrors)" = 0
check "packet equation" wait_until 3 packet_equation
finish
