// SPDX-License-Identifier: BSD-3-Clause
// Memory of a NUMA node for what is not in a mempool, through libnuma.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Whether the kernel knows such a node. Control context.
bool leat_numa_has(int node);

// Zeroed, page-aligned memory on a node (any when the kernel knows no such node); pages are
// taken when first touched. NULL without memory. Control context.
void *leat_numa_alloc(size_t size, int node);
void leat_numa_free(void *p, size_t size);

// Node that the page of p is on; -1 when it is untouched or not known. Control context.
int leat_numa_node_of(const void *p);
