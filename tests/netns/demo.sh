#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# timeout: 300
# tools/demo passes. Its lines are items already. The topology is the standard one of lib.sh.
exec "$(dirname "$0")/../../tools/demo"
