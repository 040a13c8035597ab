// SPDX-License-Identifier: BSD-3-Clause
// The reader of schema.h: walks the tree, and the table beside it. Called by config.c.
#include "app/leatd/schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/leatd/errors.h"
#include "app/leatd/yaml.h"
#include "pkt/addr.h"

#define PATH 128

struct reader {
	const struct schema *schema;
	struct leatd_errors *errors;
};

// Where the walk stands: the path as rows spell it ("ports[]") and as a user does ("ports[0]").
struct spot {
	char row[PATH], shown[PATH];
};

static void read_map(
	struct reader *r, const struct yaml_node *map, const struct spot *at, char *base);

// A path that does not fit is cut: no row is that long, so it is an unknown key's, and shown as far
// as it goes.
__attribute__((format(printf, 2, 3))) static void put(char path[PATH], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, PATH, fmt, ap);
	va_end(ap);
}

static struct spot below(const struct spot *at, const char *key, size_t len)
{
	struct spot s;
	const char *dot = at->row[0] != '\0' ? "." : "";

	put(s.row, "%s%s%.*s", at->row, dot, (int)len, key);
	put(s.shown, "%s%s%.*s", at->shown, dot, (int)len, key);
	return s;
}

static const char *kind_name(const struct yaml_node *n)
{
	if (n->kind == YAML_MAP)
		return "a map";
	if (n->kind == YAML_LIST)
		return "a list";
	return n->text[0] == '\0' && !n->quoted ? "empty" : NULL;
}

// What a row takes, in words.
static const char *expected(const struct schema_row *row, char *buf, size_t size)
{
	size_t used = 0;

	switch (row->type) {
	case SCHEMA_STRING:
		snprintf(buf, size, "%" PRIu64 " to %" PRIu64 " characters%s%s", row->min, row->max,
			row->chars ? " of " : "", row->chars ? row->chars : "");
		break;
	case SCHEMA_UINT:
		snprintf(buf, size, "a number from %" PRIu64 " to %" PRIu64, row->min, row->max);
		break;
	case SCHEMA_BOOL:
		snprintf(buf, size, "true or false");
		break;
	case SCHEMA_ENUM:
		buf[0] = '\0';
		for (unsigned i = 0; row->names[i] != NULL && used < size; i++) {
			if (row->names[i][0] != '\0')
				used += (size_t)snprintf(buf + used, size - used, "%s%s",
					used ? " or " : "", row->names[i]);
		}
		break;
	case SCHEMA_ADDRESS:
		snprintf(buf, size, "an IP address");
		break;
	case SCHEMA_PREFIX:
		snprintf(buf, size, "an IP address with its prefix length, as 192.0.2.1/24");
		break;
	case SCHEMA_LIST:
		snprintf(buf, size, "a list of %" PRIu64 " to %" PRIu64, row->min, row->max);
		break;
	}
	return buf;
}

static void refuse(struct reader *r, const struct schema_row *row, const struct yaml_node *n,
	const struct spot *at, const char *what)
{
	const char *kind = kind_name(n);
	char buf[160];

	expected(row, buf, sizeof(buf));
	if (kind != NULL)
		leatd_error(
			r->errors, n->line, n->column, at->shown, "is %s (expected %s)", kind, buf);
	else
		leatd_error(r->errors, n->line, n->column, at->shown, "\"%.64s\" %s (expected %s)",
			n->text, what, buf);
}

// ---- scalars: each returns NULL, or what is wrong ----

static bool one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcmp(text, *words) == 0)
			return true;
	}
	return false;
}

static bool is_digits(const char *t)
{
	return t[0] != '\0' && t[strspn(t, "0123456789")] == '\0';
}

static const char *read_bool(const struct yaml_node *n, bool *out)
{
	static const char *const yes[] = {"true", "True", "TRUE", NULL};
	static const char *const no[] = {"false", "False", "FALSE", NULL};

	if (n->quoted)
		return "is a string";
	*out = one_of(n->text, yes);
	return *out || one_of(n->text, no) ? NULL : "is not a truth value";
}

static const char *read_uint(const struct schema_row *row, const struct yaml_node *n, uint32_t *out)
{
	uint64_t v;

	if (n->quoted)
		return "is a string";
	if (!is_digits(n->text))
		return "is not a number";
	if (strlen(n->text) > 18)
		return "is out of range";
	v = strtoull(n->text, NULL, 10);
	if (v < row->min || v > row->max)
		return "is out of range";
	*out = (uint32_t)v;
	return NULL;
}

// A character class as docs/configuration.md writes it: "[a-z0-9_-]".
static bool in_class(const char *chars, char c)
{
	for (const char *p = chars + 1; *p != ']'; p++) {
		if (p[1] == '-' && p[2] != ']') {
			if (c >= p[0] && c <= p[2])
				return true;
			p += 2;
		} else if (c == *p) {
			return true;
		}
	}
	return false;
}

static const char *read_string(const struct schema_row *row, const struct yaml_node *n, char *out)
{
	static const char *const not_text[] = {"~", "null", "Null", "NULL", "true", "True", "TRUE",
		"false", "False", "FALSE", NULL};
	size_t len = strlen(n->text);

	if (!n->quoted && (is_digits(n->text) || one_of(n->text, not_text)))
		return "is not a string (put it into quotes if it is meant)";
	if (len < row->min || len > row->max)
		return "has the wrong length";
	for (size_t i = 0; i < len; i++) {
		if (row->chars ? !in_class(row->chars, n->text[i])
			       : (unsigned char)n->text[i] < 0x20)
			return "has a character that is not allowed";
	}
	memcpy(out, n->text, len + 1);
	return NULL;
}

static const char *read_enum(const struct schema_row *row, const struct yaml_node *n, uint32_t *out)
{
	for (uint32_t i = 0; row->names[i] != NULL; i++) {
		if (row->names[i][0] != '\0' && strcmp(row->names[i], n->text) == 0) {
			*out = i;
			return NULL;
		}
	}
	return "is unknown";
}

static const char *read_scalar(const struct schema_row *row, const struct yaml_node *n, char *at)
{
	switch (row->type) {
	case SCHEMA_BOOL:
		return read_bool(n, (bool *)at);
	case SCHEMA_UINT:
		return read_uint(row, n, (uint32_t *)at);
	case SCHEMA_STRING:
		return read_string(row, n, at);
	case SCHEMA_ENUM:
		return read_enum(row, n, (uint32_t *)at);
	case SCHEMA_ADDRESS:
		return leat_ip_parse(n->text, (union leat_ip *)at) ? "is not an address" : NULL;
	case SCHEMA_PREFIX:
		if (strchr(n->text, '/') == NULL)
			return "has no prefix length";
		return leat_prefix_parse(n->text, (struct leat_prefix *)at) ? "is not an address"
									    : NULL;
	case SCHEMA_LIST:
		break;
	}
	return "is not a list";
}

// ---- the walk ----

// The row of a path, NULL when there is none (a map has none).
static const struct schema_row *find_row(const struct reader *r, const char *path)
{
	for (unsigned i = 0; i < r->schema->n; i++) {
		if (strcmp(r->schema->rows[i].path, path) == 0)
			return &r->schema->rows[i];
	}
	return NULL;
}

// The name of the key that a row describes directly in the map at `path`, or of the map that leads
// to it; NULL when it stands elsewhere. len: its length.
static const char *key_in(const struct schema_row *row, const char *path, size_t *len)
{
	size_t n = strlen(path);
	const char *key = row->path;

	if (strncmp(key, path, n) != 0)
		return NULL;
	key += n;
	if (n > 0 && *key++ != '.')
		return NULL;
	*len = strcspn(key, ".[");
	return key;
}

static bool same_key(const char *key, const char *other, size_t len)
{
	return strncmp(key, other, len) == 0 && strcspn(other, ".[") == len;
}

static bool is_map(const struct reader *r, const char *path)
{
	size_t len;

	for (unsigned i = 0; i < r->schema->n; i++) {
		if (key_in(&r->schema->rows[i], path, &len) != NULL)
			return true;
	}
	return false;
}

static void read_value(struct reader *r, const struct schema_row *row, const struct yaml_node *n,
	const struct spot *at, char *base)
{
	const char *wrong;

	if (n->kind != YAML_SCALAR) {
		refuse(r, row, n, at, "");
		return;
	}
	wrong = read_scalar(row, n, base + row->offset);
	if (wrong != NULL)
		refuse(r, row, n, at, wrong);
}

static void read_list(struct reader *r, const struct schema_row *row, const struct yaml_node *list,
	const struct spot *at, char *base)
{
	uint32_t i = 0;
	uint64_t n = yaml_count(list);
	char expect[160];

	if (list->kind != YAML_LIST) {
		refuse(r, row, list, at, "is not a list");
		return;
	}
	if (n < row->min || n > row->max) {
		leatd_error(r->errors, list->line, list->column, at->shown,
			"has %" PRIu64 " elements (expected %s)", n,
			expected(row, expect, sizeof(expect)));
		return;
	}
	for (const struct yaml_node *c = list->child; c != NULL; c = c->next, i++) {
		char *to = base + row->offset + i * row->stride;
		struct spot s;

		put(s.row, "%s[]", at->row);
		put(s.shown, "%s[%u]", at->shown, i);
		if (is_map(r, s.row))
			read_map(r, c, &s, to);
		else
			read_value(r, find_row(r, s.row), c, &s, to);
	}
	*(uint32_t *)(base + row->count) = i;
}

static void read_row(struct reader *r, const struct schema_row *row, const struct yaml_node *n,
	const struct spot *at, char *base)
{
	if (row->type == SCHEMA_LIST)
		read_list(r, row, n, at, base);
	else
		read_value(r, row, n, at, base);
}

// The key is missing: what holds instead.
static void fall_back(struct reader *r, const struct schema_row *row, const struct yaml_node *map,
	const struct spot *at, const struct spot *key, char *base)
{
	struct yaml_node n = {.kind = YAML_SCALAR};
	char buf[160];

	if (row->required && map != NULL)
		leatd_error(r->errors, map->line, map->column, at->shown,
			"%s is missing (expected %s)",
			strrchr(key->shown, '.') ? strrchr(key->shown, '.') + 1 : key->shown,
			expected(row, buf, sizeof(buf)));
	if (row->fallback == NULL)
		return;
	n.text = strdupa(row->fallback);
	read_value(r, row, &n, key, base);
}

// Keys of a map that are unknown or stand there twice.
static void check_keys(struct reader *r, const struct yaml_node *map, const struct spot *at)
{
	for (const struct yaml_node *c = map->child; c != NULL; c = c->next) {
		size_t key_len = strlen(c->key);
		struct spot s = below(at, c->key, key_len);
		const struct yaml_node *first = yaml_get(map, c->key, key_len);
		char known[256] = "";
		size_t len, used = 0;
		const char *key, *last = "";
		bool found = false;

		for (unsigned i = 0; i < r->schema->n; i++) {
			key = key_in(&r->schema->rows[i], at->row, &len);
			if (key == NULL || same_key(key, last, len))
				continue;
			last = key;
			found |= len == key_len && strncmp(key, c->key, len) == 0;
			if (used < sizeof(known))
				used += (size_t)snprintf(known + used, sizeof(known) - used,
					"%s%.*s", used ? ", " : "", (int)len, key);
		}
		if (!found)
			leatd_error(r->errors, c->key_line, c->key_column, s.shown,
				"unknown key (expected one of %s)", known);
		else if (first != c)
			leatd_error(r->errors, c->key_line, c->key_column, s.shown,
				"stands here a second time, first in line %d", first->key_line);
	}
}

// map NULL: it is missing, and its keys have their defaults.
static void read_map(
	struct reader *r, const struct yaml_node *map, const struct spot *at, char *base)
{
	const char *last = "";

	if (map != NULL && map->kind != YAML_MAP) {
		const char *kind = kind_name(map);

		leatd_error(r->errors, map->line, map->column, at->shown, "is %s (expected a map)",
			kind ? kind : "a single value");
		return;
	}
	if (map != NULL)
		check_keys(r, map, at);
	for (unsigned i = 0; i < r->schema->n; i++) {
		const struct schema_row *row = &r->schema->rows[i];
		const struct yaml_node *n;
		struct spot s;
		size_t len;
		const char *key = key_in(row, at->row, &len);

		// A map's rows stand together, so one that was read is not met again.
		if (key == NULL || same_key(key, last, len))
			continue;
		last = key;
		s = below(at, key, len);
		n = yaml_get(map, key, len);
		row = find_row(r, s.row);
		if (row == NULL)
			read_map(r, n, &s, base);
		else if (n == NULL)
			fall_back(r, row, map, at, &s, base);
		else
			read_row(r, row, n, &s, base);
	}
}

void schema_read(const struct schema *s, const struct yaml_node *root, void *base,
	struct leatd_errors *errors)
{
	struct reader r = {.schema = s, .errors = errors};
	struct spot top = {"", ""};

	read_map(&r, root, &top, base);
}

const struct yaml_node *schema_place(const struct yaml_node *root, const char *path)
{
	const struct yaml_node *at = root, *next;

	while (*path != '\0') {
		size_t len = strcspn(path, ".[]");

		next = *path == '[' ? yaml_item(at, (unsigned)strtoul(path + 1, NULL, 10))
				    : yaml_get(at, path, len);
		if (next == NULL)
			return at;
		at = next;
		path += *path == '[' ? strcspn(path, "]") + 1 : len;
		path += *path == '.';
	}
	return at;
}
