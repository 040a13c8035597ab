#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# timeout: 300
# Many connections from the Linux kernel: 1,000 at the same time, 10,000 short ones.
# The standard topology of lib.sh.
. "$(dirname "$0")/lib.sh"
topology
leatd_start

client() { in_ns "$C" "$python" "$netns_dir/client.py" "$@"; }
in_use() { show sockets "sum(x['protocol'] == 'tcp' and x['state'] == '$1' for x in r)"; }
none_left() { [ "$(in_use ESTABLISHED)" = 0 ]; }

check "1,000 connections at the same time, each with its own bytes" client concurrent 10.0.0.1 7 1000
check "no connection is left established" wait_until 10 none_left
check "10,000 short connections, none failed" client short 10.0.0.1 80 10000
is "no reset by the kernel at the same address" "$(snmp "$H" Tcp OutRsts)" = 0
check "1,000 again, after them" client concurrent 10.0.0.1 7 1000
check "packet equation" wait_until 3 packet_equation
finish
