// SPDX-License-Identifier: BSD-3-Clause
// JSON for people: a list of objects as a table, an object as names and values. Called by main.c.
#pragma once

#include <stdio.h>
#include <jansson.h>

void table_print(const json_t *v, FILE *out);
