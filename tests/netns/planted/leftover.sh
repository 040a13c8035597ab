#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Planted for tools/test, which kills it: takes up all that a test can leave (leatd with its TAP, namespaces,
# processes in them and outside, files) and waits.
# The standard topology of lib.sh.
. "$(dirname "$0")/../lib.sh"
topology
leatd_start
spawn "$H" socat TCP-LISTEN:8080,fork EXEC:cat
setsid sleep 600 &
# A program that has overwritten its environment is found by its namespace.
spawn "$C" env -i sleep 600
ok "everything is up"
sleep 600
finish
