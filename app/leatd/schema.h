// SPDX-License-Identifier: BSD-3-Clause
// Reads a YAML tree into a struct by a table. A row describes one key; its path names where it
// stands:
//
//   {"ports", SCHEMA_LIST, ...}          a list, and the offsets of its elements and of their
//   number
//   {"ports[].mtu", SCHEMA_UINT, ...}    a key of elements that are maps; the offset is within an
//   element
//   {"workers.cpus[]", SCHEMA_UINT, ...} elements that are scalars, offset 0
//   {"stack.name", SCHEMA_STRING, ...}   a map needs no row of its own
//
// The rows of one map stand together.
// Defaults are text, read as if they stood in the file. A key that is in no row is refused, so is a
// second one of the same name, a wrong type, a value out of range.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct leatd_errors;
struct yaml_node;

enum schema_type {
	SCHEMA_STRING, // char[]: min..max characters, all of `chars` when given
	SCHEMA_UINT,   // uint32_t: min..max
	SCHEMA_BOOL,   // bool
	SCHEMA_ENUM, // uint32_t: index into names (NULL-terminated; an empty name is never matched)
	SCHEMA_ADDRESS, // union leat_ip
	SCHEMA_PREFIX,  // struct leat_prefix
	SCHEMA_LIST, // min..max elements of `stride` bytes, their number in a uint32_t at `count`
};

struct schema_row {
	const char *path;
	enum schema_type type;
	uint64_t min, max;
	const char *fallback; // what holds when the key is missing; NULL: zero bytes
	size_t offset;
	bool required;
	const char *chars;
	const char *const *names;
	size_t stride, count;
};

struct schema {
	const struct schema_row *rows;
	unsigned n;
};

// Read a tree into base. Errors are told and counted in `errors`. Fills defaults in any case.
void schema_read(const struct schema *s, const struct yaml_node *root, void *base,
	struct leatd_errors *errors);

// Node of a path with indices ("ports[1].vlans[0].id"), or its closest ancestor that is there, for
// errors found later.
const struct yaml_node *schema_place(const struct yaml_node *root, const char *path);
