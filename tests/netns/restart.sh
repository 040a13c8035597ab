#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# SIGTERM removes all that leatd made; after SIGKILL the TAP stays with its addresses, the next start adopts it,
# and a kernel connection lives through it; `leatctl purge` removes what a killed leatd has left.
# The standard topology of lib.sh.
. "$(dirname "$0")/lib.sh"
topology

reserved() { in_ns "$H" cat /proc/sys/net/ipv4/ip_local_reserved_ports; }
tap() { ip -n "$H" -o link show dev wire0; }
no_tap() { ! tap; }
no_files() { [ -z "$(find /run/leat /var/run/dpdk -name "$STACK*" 2>/dev/null)" ]; }
served() { in_ns "$C" curl -sS --fail --max-time 5 http://10.0.0.1/; }
away() { ! ctl show ports && [ -n "$(ctl show ports 2>&1 >/dev/null)" ]; }

leatd_start
check "served" served
check "SIGTERM: exit status 0" leatd_stop
check "SIGTERM: the TAP is gone" no_tap
check "SIGTERM: socket and run directories are gone" no_files
is "SIGTERM: the reserved ports are restored" "$(reserved)" = ""
check "leatctl says so when the daemon is away" away

leatd_start
check "served after a restart" served
spawn "$H" socat TCP-LISTEN:8080,reuseaddr EXEC:cat
wait_until 5 listening "$H" 8080
exec {out}> >(in_ns "$C" timeout 60 socat - TCP:10.0.0.1:8080 >"$T/held" 2>&1)
say before >&"$out"
held() { grep -q "$1" "$T/held"; }
check "a kernel connection is open" wait_until 5 held before

leatd_stop KILL
check "SIGKILL: the TAP stays" tap
check "SIGKILL: with its address" sh -c "ip -n $H -o addr show dev wire0 | grep 10.0.0.1/24"
check "the next start is ready" leatd_run -c "$T/leat.yaml"
check "it adopts the TAP with its address" sh -c "ip -n $H -o addr show dev wire0 | grep 10.0.0.1/24"
check "served at once" wait_until 5 served
say after >&"$out"
check "the kernel's connection has lived through it" wait_until 15 held after
exec {out}>&-

leatd_stop KILL
check "leatctl purge" "$LEATCTL" purge -c "$T/leat.yaml"
check "purge: the TAP is gone" no_tap
check "purge: socket and run directories are gone" no_files
is "purge: the reserved ports are restored" "$(reserved)" = ""
finish
