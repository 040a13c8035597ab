// SPDX-License-Identifier: BSD-3-Clause
// One request to leatd and its answer. Called by main.c.
#pragma once

#include <stdbool.h>
#include <jansson.h>

// The result of `show what`, the caller's; NULL after having said on stderr what went wrong.
json_t *client_show(const char *socket_path, const char *what, bool all);
