# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Shared by the scripts of tools/ and by tests/netns/lib.sh: where things are, and which processes,
# namespaces and files belong to a test run.
#
# A run has an id of four characters; a test of it has the id <run>-<pid>. What a test makes carries its
# id: namespaces lt<id>-<name>, the stack lt<id> with its socket and EAL directory, the scratch directory
# /tmp/lt<id>, and LEAT_TEST_RUN=<run> and LEAT_TEST_ID=<id> in the environment of every process. A KEY
# below is an id of either kind.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=/usr/bin/python3

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

new_run_id() { head -c 64 /dev/urandom | md5sum | head -c 4; }

# Namespaces of KEY.
key_namespaces() { ip netns list 2>/dev/null | awk -v p="lt$1-" 'index($1, p) == 1 { print $1 }'; }

# Files and directories of KEY.
key_files() {
	local f
	for f in /tmp/"lt$1" /tmp/"lt$1"[-.]* /run/leat/"lt$1" /run/leat/"lt$1"[-.]* \
		/var/run/dpdk/"lt$1" /var/run/dpdk/"lt$1"[-.]*; do
		if [ -e "$f" ] || [ -S "$f" ]; then say "$f"; fi
	done
}

# Processes of KEY: by environment, and by namespace because some programs (nginx) overwrite theirs.
# The caller is left out, with its ancestors and its own subshells, and zombies.
key_pids() {
	local key=$1 self=$BASHPID p=$BASHPID mine=" " pid ns
	while [ "${p:-0}" -gt 1 ]; do
		mine+="$p "
		p=$(awk '/^PPid:/ { print $2 }' "/proc/$p/status" 2>/dev/null)
	done
	{
		grep -lsaEz "^LEAT_TEST_(RUN|ID)=$key\$" /proc/[0-9]*/environ | cut -d/ -f3
		for ns in $(key_namespaces "$key"); do ip netns pids "$ns" 2>/dev/null; done
	} | sort -nu | while read -r pid; do
		case $mine in *" $pid "*) continue ;; esac
		case $(awk '/^PPid:/ { print $2 }' "/proc/$pid/status" 2>/dev/null) in
		"$$" | "$self") continue ;;
		esac
		[ -n "$(tr -d '\0' 2>/dev/null <"/proc/$pid/cmdline")" ] && say "$pid"
	done
}
