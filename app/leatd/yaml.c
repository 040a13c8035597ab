// SPDX-License-Identifier: BSD-3-Clause
// From libfyaml's events, which carry marks for maps and lists too, to a small tree. Called by
// config.c.
#include "app/leatd/yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/leatd/errors.h"

#define MAX_DEPTH 16           // ours needs 5
#define MAX_FILE (1024 * 1024) // bytes

struct builder {
	struct leatd_errors *errors;
	struct yaml_node *root;
	struct yaml_node *open; // the map or list that takes what comes
	char *key;              // read, its value is yet to come
	int key_line, key_column;
	int line, column; // last seen: libfyaml gives an empty scalar no place
	unsigned depth, documents;
};

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key, size_t key_len)
{
	if (map == NULL || map->kind != YAML_MAP)
		return NULL;
	for (struct yaml_node *c = map->child; c != NULL; c = c->next) {
		if (strncmp(c->key, key, key_len) == 0 && c->key[key_len] == '\0')
			return c;
	}
	return NULL;
}

struct yaml_node *yaml_item(const struct yaml_node *list, unsigned i)
{
	struct yaml_node *c;

	if (list == NULL || list->kind != YAML_LIST)
		return NULL;
	for (c = list->child; c != NULL && i > 0; c = c->next)
		i--;
	return c;
}

unsigned yaml_count(const struct yaml_node *n)
{
	unsigned count = 0;

	for (const struct yaml_node *c = n->child; c != NULL; c = c->next)
		count++;
	return count;
}

void yaml_free(struct yaml_node *n)
{
	struct yaml_node *next;

	if (n == NULL)
		return;
	for (struct yaml_node *c = n->child; c != NULL; c = next) {
		next = c->next;
		yaml_free(c);
	}
	free(n->text);
	free(n->key);
	free(n);
}

static int refuse(struct builder *b, const char *what)
{
	leatd_error(b->errors, b->line, b->column, NULL, "%s", what);
	return -EINVAL;
}

// Text of a scalar's token; NULL without memory, or with a NUL byte inside.
static char *token_text(struct fy_token *t)
{
	size_t len = 0;
	const char *text = t != NULL ? fy_token_get_text(t, &len) : "";

	if (text == NULL || memchr(text, '\0', len) != NULL)
		return NULL;
	return strndup(text, len);
}

// Make a node and hang it where the file has it.
static struct yaml_node *add_node(struct builder *b, enum yaml_kind kind)
{
	struct yaml_node *n = calloc(1, sizeof(*n));
	struct yaml_node *parent = b->open;

	if (n == NULL)
		return NULL;
	n->kind = kind;
	n->line = b->line;
	n->column = b->column;
	n->parent = parent;
	if (parent == NULL) {
		yaml_free(b->root); // there is none: a second document has been refused
		b->root = n;
		return n;
	}
	if (parent->kind == YAML_MAP) {
		n->key = b->key;
		n->key_line = b->key_line;
		n->key_column = b->key_column;
		b->key = NULL;
	}
	if (parent->last != NULL)
		parent->last->next = n;
	else
		parent->child = n;
	parent->last = n;
	return n;
}

static bool key_expected(const struct builder *b)
{
	return b->open != NULL && b->open->kind == YAML_MAP && b->key == NULL;
}

static int on_scalar(struct builder *b, const struct fy_event *e)
{
	struct fy_token *value = e->scalar.value;
	char *text = token_text(value);
	struct yaml_node *n;

	if (e->scalar.tag != NULL || e->scalar.anchor != NULL)
		refuse(b, "tags and anchors are not understood here");
	if (text == NULL)
		return refuse(b, "text with a NUL byte");
	if (key_expected(b)) {
		b->key = text;
		b->key_line = b->line;
		b->key_column = b->column;
		return 0;
	}
	n = add_node(b, YAML_SCALAR);
	if (n == NULL) {
		free(text);
		return -ENOMEM;
	}
	n->text = text;
	n->quoted = value != NULL && fy_token_scalar_style(value) > FYSS_PLAIN;
	return 0;
}

static int on_open(struct builder *b, enum yaml_kind kind, bool marked)
{
	struct yaml_node *n;

	if (marked)
		refuse(b, "tags and anchors are not understood here");
	if (key_expected(b))
		return refuse(b, "a key is a word, not a map or a list");
	if (++b->depth > MAX_DEPTH)
		return refuse(b, "nested too deep");
	n = add_node(b, kind);
	if (n == NULL)
		return -ENOMEM;
	b->open = n;
	return 0;
}

// Does the mark stand behind a character that belongs to the node, a quote or an alias's star?
static bool mark_is_inside(const struct fy_event *e)
{
	enum fy_scalar_style style;

	if (e->type != FYET_SCALAR || e->scalar.value == NULL)
		return e->type == FYET_ALIAS;
	style = fy_token_scalar_style(e->scalar.value);
	return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static int on_event(struct builder *b, struct fy_event *e)
{
	const struct fy_mark *mark = fy_event_start_mark(e);

	if (mark != NULL) {
		b->line = mark->line + 1;
		b->column = mark->column + 1 - mark_is_inside(e);
	}
	switch (e->type) {
	case FYET_DOCUMENT_START:
		return ++b->documents > 1 ? refuse(b, "a second document in the file") : 0;
	case FYET_SCALAR:
		return on_scalar(b, e);
	case FYET_MAPPING_START:
		return on_open(b, YAML_MAP, e->mapping_start.tag || e->mapping_start.anchor);
	case FYET_SEQUENCE_START:
		return on_open(b, YAML_LIST, e->sequence_start.tag || e->sequence_start.anchor);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		if (b->open != NULL) {
			b->depth--;
			b->open = b->open->parent;
		}
		return 0;
	case FYET_ALIAS:
		return refuse(b, "aliases are not understood here");
	default:
		return 0;
	}
}

// What libfyaml found wrong with the syntax.
static void tell_syntax(struct builder *b, struct fy_diag *diag)
{
	struct fy_diag_error *d;
	void *prev = NULL;
	unsigned before = b->errors->n;

	while ((d = fy_diag_errors_iterate(diag, &prev)) != NULL)
		leatd_error(b->errors, d->line, d->column, NULL, "not YAML: %s", d->msg);
	if (b->errors->n == before)
		leatd_error(b->errors, b->line, b->column, NULL, "not YAML");
}

static void parse(struct builder *b, FILE *f, struct fy_diag *diag)
{
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET, .diag = diag};
	struct fy_parser *p = fy_parser_create(&cfg);
	struct fy_event *e;
	int rc = 0;

	if (p == NULL || fy_parser_set_input_fp(p, b->errors->file, f) != 0) {
		leatd_error(b->errors, 0, 0, NULL, "out of memory");
		fy_parser_destroy(p);
		return;
	}
	while (rc == 0 && (e = fy_parser_parse(p)) != NULL) {
		rc = on_event(b, e);
		fy_parser_event_free(p, e);
	}
	if (rc == 0 && fy_parser_get_stream_error(p))
		tell_syntax(b, diag);
	else if (rc == -ENOMEM)
		leatd_error(b->errors, 0, 0, NULL, "out of memory");
	else if (rc == 0 && b->root == NULL)
		leatd_error(b->errors, 0, 0, NULL, "empty (expected a map)");
	fy_parser_destroy(p);
}

static FILE *open_file(struct leatd_errors *errors)
{
	FILE *f = fopen(errors->file, "re");
	struct stat st;

	if (f == NULL) {
		leatd_error(errors, 0, 0, NULL, "%s", strerror(errno));
		return NULL;
	}
	// A pipe's size is not known; libfyaml reads as much as there is.
	if (fstat(fileno(f), &st) != 0 || S_ISDIR(st.st_mode) || st.st_size > MAX_FILE) {
		leatd_error(errors, 0, 0, NULL, "not a file of at most 1 MiB");
		fclose(f);
		return NULL;
	}
	return f;
}

struct yaml_node *yaml_load(const char *file, struct leatd_errors *errors)
{
	struct builder b = {.errors = errors, .line = 1, .column = 1};
	struct fy_diag_cfg diag_cfg;
	struct fy_diag *diag;
	unsigned before = errors->n;
	FILE *f;

	errors->file = file;
	f = open_file(errors);
	if (f == NULL)
		return NULL;
	fy_diag_cfg_default(&diag_cfg);
	diag = fy_diag_create(&diag_cfg);
	if (diag != NULL) {
		fy_diag_set_collect_errors(diag, true);
		parse(&b, f, diag);
		fy_diag_destroy(diag);
	} else {
		leatd_error(errors, 0, 0, NULL, "out of memory");
	}
	fclose(f);
	free(b.key);
	if (errors->n != before) {
		yaml_free(b.root);
		return NULL;
	}
	return b.root;
}
