// SPDX-License-Identifier: BSD-3-Clause
// NUMA placement of lcores, slabs and tables. Called when a stack is made and by `leatctl show
// numa`.
#include "core/numa.h"

#include <numa.h>
#include <numaif.h>
#include <stdint.h>
#include <sys/mman.h>

bool leat_numa_has(int node)
{
	return node >= 0 && numa_available() >= 0 && node <= numa_max_node();
}

void *leat_numa_alloc(size_t size, int node)
{
	void *p;

	if (leat_numa_has(node))
		return numa_alloc_onnode(size, node); // mmap and mbind
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	return p == MAP_FAILED ? NULL : p;
}

void leat_numa_free(void *p, size_t size)
{
	if (p != NULL)
		munmap(p, size);
}

int leat_numa_node_of(const void *p)
{
	void *page = (void *)((uintptr_t)p & ~(uintptr_t)4095);
	int node = -1;

	if (numa_available() < 0 || numa_move_pages(0, 1, &page, NULL, &node, 0) != 0)
		return -1;
	return node;
}
