// SPDX-License-Identifier: BSD-3-Clause
// What is wrong with a configuration file: lines "file:line:column: key.path: what is wrong",
// written to a stream as they are found and counted; beyond a screenful no more are written.
#pragma once

#include <stdio.h>

#define LEATD_MAX_ERRORS 20

struct leatd_errors {
	FILE *out;
	const char *file;
	unsigned n;
};

// line 0: the file as a whole. path may be NULL or "".
__attribute__((format(printf, 5, 6))) void leatd_error(
	struct leatd_errors *e, int line, int column, const char *path, const char *fmt, ...);
