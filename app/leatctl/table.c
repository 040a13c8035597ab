// SPDX-License-Identifier: BSD-3-Clause
// Prints what leatd answers: it needs to know nothing of what is shown, since rows have all the
// same keys.
#include "app/leatctl/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COLUMNS 32
#define MAX_CELL 512

// A value in one cell: nested objects as "a=b c=d", lists of them separated by ", ".
static void cell(const json_t *v, char *buf, size_t size)
{
	size_t used = 0, i;
	const char *key;
	json_t *e;

	buf[0] = '\0';
	switch (json_typeof(v)) {
	case JSON_STRING:
		snprintf(buf, size, "%s", json_string_value(v));
		break;
	case JSON_INTEGER:
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		snprintf(buf, size, "%.1f", json_real_value(v));
		break;
	case JSON_OBJECT:
		json_object_foreach ((json_t *)(uintptr_t)v, key, e) {
			char one[MAX_CELL];

			cell(e, one, sizeof(one));
			if (used < size)
				used += (size_t)snprintf(buf + used, size - used, "%s%s=%s",
					used ? " " : "", key, one);
		}
		break;
	case JSON_ARRAY:
		json_array_foreach (v, i, e) {
			char one[MAX_CELL];

			cell(e, one, sizeof(one));
			if (used < size)
				used += (size_t)snprintf(
					buf + used, size - used, "%s%s", used ? ", " : "", one);
		}
		break;
	default:
		snprintf(buf, size, "%s", json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "-");
	}
	if (buf[0] == '\0')
		snprintf(buf, size, "-");
}

struct columns {
	size_t n;
	const char *name[MAX_COLUMNS];
	size_t width[MAX_COLUMNS];
	bool right[MAX_COLUMNS]; // numbers
};

static void measure(const json_t *rows, struct columns *c)
{
	char text[MAX_CELL];
	const char *key;
	size_t i;
	json_t *row, *v;

	json_object_foreach (json_array_get(rows, 0), key, v) {
		if (c->n == MAX_COLUMNS)
			break;
		c->name[c->n] = key;
		c->right[c->n] = json_is_number(v);
		c->width[c->n++] = strlen(key);
	}
	json_array_foreach (rows, i, row) {
		for (size_t k = 0; k < c->n; k++) {
			size_t len;

			cell(json_object_get(row, c->name[k]), text, sizeof(text));
			len = strlen(text);
			if (len > c->width[k])
				c->width[k] = len;
		}
	}
}

static void print_cell(const struct columns *c, size_t k, const char *text, FILE *out)
{
	bool last = k + 1 == c->n;

	if (c->right[k])
		fprintf(out, "%*s%s", (int)c->width[k], text, last ? "\n" : "  ");
	else if (last)
		fprintf(out, "%s\n", text);
	else
		fprintf(out, "%-*s  ", (int)c->width[k], text);
}

static void print_rows(const json_t *rows, FILE *out)
{
	struct columns c = {0};
	char text[MAX_CELL];
	size_t i;
	json_t *row;

	measure(rows, &c);
	for (size_t k = 0; k < c.n; k++)
		print_cell(&c, k, c.name[k], out);
	json_array_foreach (rows, i, row) {
		for (size_t k = 0; k < c.n; k++) {
			cell(json_object_get(row, c.name[k]), text, sizeof(text));
			print_cell(&c, k, text, out);
		}
	}
}

static bool is_rows(const json_t *v)
{
	return json_is_array(v) &&
	       (json_array_size(v) == 0 || json_is_object(json_array_get(v, 0)));
}

void table_print(const json_t *v, FILE *out)
{
	char text[MAX_CELL];
	const char *key;
	json_t *e;

	if (is_rows(v)) {
		print_rows(v, out);
		return;
	}
	if (!json_is_object(v)) {
		cell(v, text, sizeof(text));
		fprintf(out, "%s\n", text);
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)v, key, e) {
		if (is_rows(e)) {
			fprintf(out, "%s:\n", key);
			print_rows(e, out);
		} else {
			cell(e, text, sizeof(text));
			fprintf(out, "%-16s  %s\n", key, text);
		}
	}
}
