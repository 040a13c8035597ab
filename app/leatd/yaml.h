// SPDX-License-Identifier: BSD-3-Clause
// A YAML file as a tree whose every node knows its line and column, also maps and lists, which
// libfyaml's own document tree does not tell of. Used by schema.c. One document; no aliases,
// anchors or tags.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct leatd_errors;

enum yaml_kind { YAML_SCALAR, YAML_MAP, YAML_LIST };

struct yaml_node {
	enum yaml_kind kind;
	int line, column; // from 1
	bool quoted;      // scalar: in quotes or a block, so a string whatever it looks like
	char *text;       // scalar: its value, NUL-terminated; "" when there is none
	char *key;        // of a map's entry, else NULL
	int key_line, key_column;
	struct yaml_node *parent;
	struct yaml_node *child; // entries of a map or list, in the order of the file
	struct yaml_node *last;
	struct yaml_node *next;
};

// Parse a file. Returns the root, the caller's until yaml_free(); NULL after having told `errors`
// why.
struct yaml_node *yaml_load(const char *file, struct leatd_errors *errors);
void yaml_free(struct yaml_node *n); // NULL is ignored

// The entry of a map with this key (the first), or of a list with this index; NULL without one.
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key, size_t key_len);
struct yaml_node *yaml_item(const struct yaml_node *list, unsigned i);
unsigned yaml_count(const struct yaml_node *n);
