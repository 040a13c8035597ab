#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# timeout: 200
# Two workers on a port with one queue: each flow belongs to one of them, and what comes in by the other crosses
# by their rings. The standard topology of lib.sh.
. "$(dirname "$0")/lib.sh"
topology
leat_conf
sed -i 's/^workers:/workers:\n  cpus: [0, 1]/' "$T/leat.yaml"
must leatd_run -c "$T/leat.yaml"
must host_address

client() { in_ns "$C" "$python" "$netns_dir/client.py" "$@"; }

check "500 connections at the same time, each with its own bytes" client concurrent 10.0.0.1 7 500
check "2,000 short connections, none failed" client short 10.0.0.1 80 2000
check "64 MiB echoed, all bytes equal" client echo 10.0.0.1 7 67108864
check "UDP echo" client udpecho 10.0.0.1 7 1000
check "ping" in_ns "$C" ping -q -c 2 -i 0.2 10.0.0.1
is "packets have crossed" "$(stage_packets xring_input)" -gt 100

# 64 connections that stay: both workers have their share.
spawn "$C" "$python" -c 'import socket, time
held = [socket.create_connection(("10.0.0.1", 7)) for i in range(64)]
time.sleep(60)'
established() { show sockets "sum(x['worker'] == $1 and x['state'] == 'ESTABLISHED' for x in r)"; }
all_there() { [ $(($(established 0) + $(established 1))) = 64 ]; }
check "64 connections stay" wait_until 10 all_there
for w in 0 1; do
	is "worker $w listens" \
		"$(show sockets "sum(x['worker'] == $w and x['state'] == 'LISTEN' for x in r)")" = 3
	is "worker $w has its share of them" "$(established $w)" -ge 16
done
spawn "$H" socat TCP-LISTEN:8080,fork,reuseaddr "SYSTEM:echo hello from the kernel"
must wait_until 5 listening "$H" 8080
check "a kernel server beside them" sh -c "ip netns exec $C socat -u -T 5 TCP:10.0.0.1:8080 - | grep hello"
check "packet equation" wait_until 5 packet_equation
finish
