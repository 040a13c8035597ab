#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# timeout: 600
# 1 B to 1 GiB both ways between the Linux kernel and the fast path, every byte compared.
# The standard topology of lib.sh: the client is C, the services are Leat's.
. "$(dirname "$0")/lib.sh"
topology
leatd_start

client() { in_ns "$C" "$python" "$netns_dir/client.py" "$@"; }

download() {
	local n=$1 sum
	sum=$(in_ns "$C" curl -sS --fail --max-time 200 "http://10.0.0.1/bytes/$n" | sha256sum) || return
	say "got ${sum%% *}"
	[ "${sum%% *}" = "$("$python" "$netns_dir/client.py" checksum "$n")" ]
}

for size in 1 1024 1048576 67108864 1073741824; do
	check "download of $size bytes, sha256 equal" download $size
	check "echo of $size bytes, both ways at once, all bytes equal" client echo 10.0.0.1 7 $size
	check "upload of $size bytes, taken to the last" client sink 10.0.0.1 9 $size
done
check "body of no bytes" download 0

check "half-close by the client: 4 MB come back after its FIN" client halfclose 10.0.0.1 7 4000000
check "half-close by the client of an idle connection" client halfclose 10.0.0.1 7 0
check "half-close by the server: nothing is reset while the client keeps its side" \
	client serverclose 10.0.0.1 80
check "32 pipelined requests, 32 answers in order" client pipeline 10.0.0.1 80 32
check "UDP echo of 1472 bytes, not fragmented" client udpecho 10.0.0.1 7 1472
check "UDP echo of 1 byte" client udpecho 10.0.0.1 7 1

is "the kernel at the same address saw no TCP segment of it" "$(snmp "$H" Tcp InSegs)" = 0
is "the kernel at the same address saw no datagram of it" "$(snmp "$H" Udp InDatagrams)" = 0
check "packet equation" wait_until 3 packet_equation
finish
