#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# timeout: 120
# wrk against Leat over veth (af_packet), beside nginx on the kernel over the same kind of veth, in one run: reported.
# One packet out for a small HTTP request: asserted, with one connection kept alive.
# The standard topology of lib.sh, and
#
#   C, n0 10.0.1.2/24 --veth-- namespace N, n1 10.0.1.1/24, nginx
#
# The server has the last CPU, wrk the first.
. "$(dirname "$0")/lib.sh"
N=$STACK-n
topology
must ns_add "$N"
must no_ipv6 "$N"
must veth "$C" n0 "$N" n1
must ip -n "$C" addr add 10.0.1.2/24 dev n0
must ip -n "$N" addr add 10.0.1.1/24 dev n1
last=$(($(nproc) - 1))

cat >"$T/nginx.conf" <<EOF
daemon off; user root; worker_processes 1; pid $T/nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
	access_log off; keepalive_requests 1000000000;
	client_body_temp_path $T/nginx; proxy_temp_path $T/nginx; fastcgi_temp_path $T/nginx;
	uwsgi_temp_path $T/nginx; scgi_temp_path $T/nginx;
	server {
		listen 80;
		location / { return 200 "$(head -c 100 /dev/zero | tr '\0' x)"; }
	}
}
EOF
taskset -c $last ip netns exec "$N" nginx -c "$T/nginx.conf" -p "$T" -e stderr &
IDLE=spin leatd_start

get() { in_ns "$C" curl -sS --fail --max-time 5 "$1"; }
check "Leat answers" wait_until 5 get http://10.0.0.1/bytes/100
check "nginx answers" wait_until 5 get http://10.0.1.1/

# load URL CONNECTIONS SECONDS: requests, requests/s and errors in $T/load.
load() {
	in_ns "$C" taskset -c 0 wrk -t 1 -c "$2" -d "$3s" "$1" >"$T/wrk" 2>&1 || return
	awk '$2 == "requests" && $3 == "in" { n = $1 }
		$1 == "Requests/sec:" { rate = $2 }
		/Socket errors|Non-2xx/ { errors = 1 }
		END { print n + 0, rate + 0, errors + 0 }' "$T/wrk" >"$T/load"
	cat "$T/wrk"
}
tx_packets() { show ports 'sum(x["tx_packets"] for x in r)'; }

for connections in 1 50; do
	before=$(tx_packets)
	check "wrk on Leat, $connections connections" load http://10.0.0.1/bytes/100 $connections 4
	read -r requests leat errors <"$T/load"
	sent=$(($(tx_packets) - before))
	check "wrk on nginx, $connections connections" load http://10.0.1.1/ $connections 4
	read -r _ nginx nginx_errors <"$T/load"
	say "report wrk, $connections connections: Leat $leat requests/s, nginx on the kernel $nginx requests/s;" \
		"$sent packets out for $requests requests"
	is "no errors of wrk, $connections connections" "$errors$nginx_errors" = 00
	[ $connections = 1 ] || continue
	# wrk stops in the middle of a request, and the handshake, FIN and ARP are packets too.
	is "one packet out for a request" "$sent" -le $((requests + requests / 50 + 10))
	is "and not less" "$sent" -ge "$requests"
done
finish
