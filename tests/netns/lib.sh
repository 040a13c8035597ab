# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Shared by the tests in namespaces and by tools/demo. The standard topology (topology, leatd_start):
#
#     namespace C, the client          namespace W, the wire              namespace H, the host
#   +-----------------------+        +-------------------------+        +-------------------------+
#   |  c0 10.0.0.2/24       |--veth--|  wire0, no address      |        |  wire0, Leat's TAP      |
#   |                       |        |    |                    |        |    10.0.0.1/24          |
#   +-----------------------+        +----|--------------------+        +----|--------------------+
#                                         | af_packet                        | exception path
#                                    +----+----------------------------------+----+
#                                    |  leatd, started in the root namespace      |
#                                    +--------------------------------------------+
#
# A test sources this file, makes its topology, says `check "text" command...` for each item, and ends
# with `finish`. Each item prints one line, `ok text` or `failed text`. Whatever happens, the trap removes all
# that carries the test's id (tools/lib.sh). LEAT_BUILD names the build folder.

set -u -o pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../tools/lib.sh"

PATH=/usr/sbin:/usr/bin:/sbin:/bin
netns_dir=$root/tests/netns
build=${LEAT_BUILD:-$root/build}
LEATD=${LEATD:-$build/app/leatd}
LEATCTL=${LEATCTL:-$build/app/leatctl}

export LEAT_TEST_RUN=${LEAT_TEST_RUN:-$(new_run_id)}
export LEAT_TEST_ID=$LEAT_TEST_RUN-$$
STACK=lt$LEAT_TEST_ID           # the stack's name, and the prefix of all others
T=/tmp/$STACK                   # scratch directory
C=$STACK-c W=$STACK-w H=$STACK-h
LEATD_PID=
FAILED=0 ITEMS=0

mkdir -m 700 "$T" || die "$T exists"

# --- Items ------------------------------------------------------------------------------------------

ok() { ITEMS=$((ITEMS + 1)); say "ok $*"; }
failed() { ITEMS=$((ITEMS + 1)) FAILED=$((FAILED + 1)); say "failed $*"; }

# Run a command; the item is ok if it succeeds. What it printed is shown if not.
check() {
	local text=$1
	shift
	if "$@" >"$T/check.out" 2>&1; then
		ok "$text"
	else
		failed "$text"
		sed 's/^/    /' "$T/check.out" | tail -n 30
		return 1
	fi
}

# For set-up, without which nothing else makes sense.
must() { "$@" || { failed "set-up: $*"; exit 1; }; }

finish() { exit 0; }            # the trap knows whether an item has failed

# Try a command every 100 ms until it succeeds, for SECONDS or little more.
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $end ] || return 1
		sleep 0.1
	done
}

on_exit() {
	local status=$?
	trap - EXIT
	trap '' INT TERM
	if { [ $status != 0 ] || [ $FAILED != 0 ]; } && [ -s "$T/leatd.log" ]; then
		say "    -- the end of leatd's log"
		tail -n 40 "$T/leatd.log" | sed 's/^/    /'
	fi
	[ -z "$LEATD_PID" ] || leatd_stop >/dev/null
	disown -a               # what is killed now needs no obituary of the shell's
	"$root/tools/clean" "$LEAT_TEST_ID"
	[ $status != 0 ] || [ $FAILED = 0 ] || status=1
	exit $status
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- Namespaces ---------------------------------------------------------------------------------------

ns_add() { ip netns add "$1" && ip -n "$1" link set lo up; }
in_ns() { local ns=$1; shift; ip netns exec "$ns" "$@"; }
# A server in the background; the trap ends it.
spawn() { local ns=$1; shift; ip netns exec "$ns" "$@" >/dev/null 2>&1 & }
listening() { in_ns "$1" ss -Hltn "sport = :$2" | grep -q .; }

# veth NS DEV NS DEV: a pair whose ends do no offload, as packet sockets cut what is larger than a frame.
veth() {
	ip link add "$2" netns "$1" type veth peer name "$4" netns "$3" || return
	local ns dev
	for ns in "$1" "$3"; do
		dev=$2
		[ "$ns" = "$1" ] || dev=$4
		in_ns "$ns" ethtool -K "$dev" tx off rx off sg off tso off gso off gro off >/dev/null &&
			ip -n "$ns" link set "$dev" up || return
	done
}

no_ipv6() { in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; }

topology() {
	must ns_add "$C"
	must ns_add "$W"
	must ns_add "$H"
	must no_ipv6 "$C"
	must no_ipv6 "$W"
	must veth "$C" c0 "$W" wire0
	must ip -n "$C" addr add 10.0.0.2/24 dev c0
}

# --- leatd ---------------------------------------------------------------------------------------------

# Write $T/leat.yaml for the standard topology. IDLE, MTU, EXTRA (lines added to the port) change it.
# The ring: 4096 frames of 2048 bytes each way, as the driver's 512 are less than a window.
leat_conf() {
	cat >"$T/leat.yaml" <<-EOF
	stack:
	  name: $STACK
	workers:
	  idle: ${IDLE:-sleep}
	memory:
	  megabytes: 512
	ports:
	  - name: wire0
	    device: net_af_packet0,iface=wire0,blocksz=65536,framesz=2048,framecnt=4096,qpairs=1
	    netns: $W
	    mtu: ${MTU:-1500}
	${EXTRA:-}
	exception:
	  netns: $H
	services:
	  - {name: web, type: http, port: 80}
	  - {name: echo, type: echo, protocol: tcp, port: 7}
	  - {name: uecho, type: echo, protocol: udp, port: 7}
	  - {name: sink, type: discard, protocol: tcp, port: 9}
	EOF
}

# leatd_run ARGUMENTS...: start it and wait until it says that it is ready.
leatd_run() {
	rm -f "$T/ready"
	"$python" "$netns_dir/notify_wait.py" "$T/ready" "$LEATD" "$@" >>"$T/leatd.log" 2>&1 &
	LEATD_PID=$!
	local i
	for ((i = 0; i < 300; i++)); do
		[ ! -e "$T/ready" ] || return 0
		kill -0 "$LEATD_PID" 2>/dev/null || break
		sleep 0.1
	done
	say "leatd is not ready; its log ends with:"
	tail -n 20 "$T/leatd.log"
	return 1
}

host_address() {
	ip -n "$H" link set wire0 up && ip -n "$H" addr add 10.0.0.1/24 dev wire0 || return
	# The fast path has it as soon as the mirror does. With --bypass there is no mirror to ask.
	wait_until 5 local_route || true
}
local_route() { [ "$(show routes 'sum(x["prefix"] == "10.0.0.1/32" for x in r)')" -gt 0 ]; }

# The whole way up: configuration, daemon, address.
leatd_start() {
	leat_conf
	must leatd_run -c "$T/leat.yaml" "$@"
	must host_address
}

# leatd_stop [SIGNAL]: its exit status is returned; 124 if it had to be killed.
leatd_stop() {
	local i pid=$LEATD_PID
	LEATD_PID=
	kill "-${1:-TERM}" "$pid" 2>/dev/null
	for ((i = 0; i < 200; i++)); do
		kill -0 "$pid" || { wait "$pid"; return; }
		sleep 0.1
	done 2>/dev/null        # where the shell says "Killed", too
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	return 124
}

ctl() { "$LEATCTL" -s "/run/leat/$STACK.sock" "$@"; }

# show WHAT EXPRESSION: a Python expression over r, the JSON that `leatctl -j show WHAT` prints.
show() {
	ctl -j show "$1" | "$python" -c 'import json, sys
r = json.load(sys.stdin)
print(eval("(" + sys.argv[1] + ")"))' "$2"
}
stage_packets() { show stages "sum(x['packets'] for x in r if x['stage'] == '$1')"; }
punted() { show punt 'sum(x["punted"] for x in r["classes"])'; }
injected() { show punt 'r["injected"]'; }

# Packets: what came and was made equals where it went. At a quiet moment only, so it may be asked twice.
packet_equation() {
	ctl show packets
	[ "$(show packets 'r["received"] + r["created"] == r["transmitted"] + r["consumed"] + r["punted"]
		+ r["dropped"] + r["merged"] + r["held"]')" = True ]
}

# --- What the kernel has seen ----------------------------------------------------------------------------

# snmp NS GROUP FIELD: a counter of /proc/net/snmp in a namespace, as `snmp $H Tcp OutRsts`.
snmp() {
	in_ns "$1" cat /proc/net/snmp | awk -v g="$2:" -v f="$3" '
		$1 == g && !n { for (i = 2; i <= NF; i++) if ($i == f) n = i; next }
		$1 == g { print $n; exit }'
}

# is TEXT A OP B: compare numbers as an item, and say them if it fails.
is() {
	local text=$1
	shift
	if [ "$@" ]; then ok "$text"; else failed "$text: $*"; fi
}
