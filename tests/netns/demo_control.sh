#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The control of tools/demo: with the fast path off (leatd --bypass) the same script fails, in the items of the
# fast path and in no other, so the kernel can't pass it alone. The topology is the standard one of lib.sh.
. "$(dirname "$0")/lib.sh"

"$root/tools/demo" --bypass >"$T/demo" 2>&1
status=$?
count() { grep -c "^$1" "$T/demo"; }
shown() { sed 's/^/    /' "$T/demo"; }

is "the demo fails without the fast path" $status -ne 0
is "no item of the fast path is ok" "$(count 'ok fast path:')" = 0
is "items of the fast path have failed" "$(count 'failed fast path:')" -ge 4
is "no item of the kernel has failed" "$(count 'failed kernel:')" = 0
is "items of the kernel are ok" "$(count 'ok kernel:')" -ge 4
[ $FAILED = 0 ] || shown
finish
