// SPDX-License-Identifier: BSD-3-Clause
// Errors of a configuration file, with their place. Called by yaml.c, schema.c, config.c.
#include "app/leatd/errors.h"

#include <stdarg.h>

void leatd_error(
	struct leatd_errors *e, int line, int column, const char *path, const char *fmt, ...)
{
	va_list ap;

	if (++e->n > LEATD_MAX_ERRORS)
		return;
	if (line > 0)
		fprintf(e->out, "%s:%d:%d: ", e->file, line, column);
	else
		fprintf(e->out, "%s: ", e->file);
	if (path != NULL && path[0] != '\0')
		fprintf(e->out, "%s: ", path);
	va_start(ap, fmt);
	vfprintf(e->out, fmt, ap);
	va_end(ap);
	fputc('\n', e->out);
	if (e->n == LEATD_MAX_ERRORS)
		fprintf(e->out, "%s: too many errors, the rest is left out\n", e->file);
}
