#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A claimed port never draws a reset, or an ICMP error, from the kernel; the control: the same segments to an
# unclaimed port do. What the kernel sends is counted by itself, in its namespace (OutRsts), so that an answer
# of Leat's own is not taken for it.
# The standard topology of lib.sh; segments that no socket would send come from C by scapy.
. "$(dirname "$0")/lib.sh"
topology
leatd_start

inject() { in_ns "$C" "$python" "$netns_dir/inject.py" "$@"; }
must in_ns "$C" ping -q -c 1 -w 5 10.0.0.1 >/dev/null

# resets PORT FLAGS: how many of 20 segments the kernel of H answered with a reset.
resets() {
	local before
	before=$(snmp "$H" Tcp OutRsts)
	inject tcp 10.0.0.1 "$1" "$2" 20 >"$T/resets.seen" || return
	say $(($(snmp "$H" Tcp OutRsts) - before))
}

for flags in S A PA FA SA SF R; do
	is "claimed port 80, flags $flags: no reset from the kernel" "$(resets 80 $flags)" = 0
	is "ephemeral range, flags $flags: no reset from the kernel" "$(resets 50000 $flags)" = 0
	case $flags in
	R) is "control: no reset answers a reset" "$(resets 8081 $flags)" = 0 ;;
	*) is "control: unclaimed port 8081, flags $flags: 20 resets from the kernel" \
		"$(resets 8081 $flags)" = 20 ;;
	esac
done

inject tcp 10.0.0.1 80 A 1 >"$T/own"
is "a segment of no connection to a claimed port is answered, by Leat" "$(cat "$T/own")" = 1

# Datagrams: an unclaimed port draws "port unreachable" from the kernel, a claimed one never.
datagram() { in_ns "$C" sh -c "echo x | nc -u -w 1 10.0.0.1 $1" >/dev/null 2>&1; }
unreachable() { snmp "$H" Icmp OutDestUnreachs; }
before=$(unreachable)
datagram 7
is "claimed UDP port: no ICMP error from the kernel" "$(unreachable)" = "$before"
datagram 8081
is "control: unclaimed UDP port: an ICMP error from the kernel" "$(unreachable)" -gt "$before"

# A restart: segments to the claimed port all the time, before, while and after.
before=$(snmp "$H" Tcp OutRsts)
inject stream 10.0.0.1 80 12 >"$T/stream" &
stream=$!
sleep 3
leatd_stop KILL
check "leatd starts again after SIGKILL, under traffic" leatd_run -c "$T/leat.yaml"
wait $stream
is "segments were sent meanwhile" "$(cat "$T/stream")" -gt 1000
is "no reset from the kernel while leatd was killed and started" "$(snmp "$H" Tcp OutRsts)" = "$before"
is "after it the kernel still answers for an unclaimed port" "$(resets 8081 S)" = 20
finish
