// SPDX-License-Identifier: BSD-3-Clause
// The slab: a free list through the freed objects and a high-water mark below which everything has
// been used once. Tables of the lcore's own objects are made of it.

#include "core/slab.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/numa.h"

#ifdef LEAT_POISON
#include <sanitizer/asan_interface.h>
#define POISON(p, len) ASAN_POISON_MEMORY_REGION(p, len)
#define UNPOISON(p, len) ASAN_UNPOISON_MEMORY_REGION(p, len)
#else
#define POISON(p, len) ((void)(p), (void)(len))
#define UNPOISON(p, len) ((void)(p), (void)(len))
#endif

// Objects begin at a cache line after the slab's own fields.
#define HEAD_LEN ((sizeof(struct leat_slab) + 63) / 64 * 64)

// The inverse of an odd number modulo 2^64 by Newton's rule: each step doubles the bits that are
// right, and x itself is right in three.
static uint64_t inverse(uint64_t x)
{
	uint64_t inv = x;

	for (int i = 0; i < 5; i++)
		inv *= 2 - x * inv;
	return inv;
}

struct leat_slab *leat_slab_create(const char *name, size_t obj_size, uint32_t n, int numa_node)
{
	size_t align = obj_size >= 64 ? 64 : 8;
	struct leat_slab *s;
	size_t stride, map_len;

	if (obj_size == 0 || n == 0) {
		errno = EINVAL;
		return NULL;
	}
	stride = (obj_size + align - 1) / align * align;
	// The slab itself is on the node too, in front of its objects.
	if (stride < obj_size || __builtin_mul_overflow(stride, (size_t)n, &map_len) ||
		__builtin_add_overflow(map_len, HEAD_LEN, &map_len)) {
		errno = ENOMEM;
		return NULL;
	}
	s = leat_numa_alloc(map_len, numa_node);
	if (s == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	s->base = (char *)s + HEAD_LEN;
	s->n = n;
	s->stride = stride;
	s->shift = (uint32_t)__builtin_ctzll(stride);
	s->inverse = inverse(stride >> s->shift);
	s->obj_size = obj_size;
	s->map_len = map_len;
	s->node = leat_numa_has(numa_node) ? numa_node : -1;
	snprintf(s->name, sizeof(s->name), "%s", name);
	POISON(s->base, map_len - HEAD_LEN);
	return s;
}

void leat_slab_destroy(struct leat_slab *s)
{
	if (s == NULL)
		return;
	// The addresses may be handed out again by mmap.
	UNPOISON(s->base, s->map_len - HEAD_LEN);
	leat_numa_free(s, s->map_len);
}

void *leat_slab_alloc(struct leat_slab *s)
{
	void *obj = s->free;

	if (obj != NULL) {
		UNPOISON(obj, s->obj_size < sizeof(void *) ? sizeof(void *) : s->obj_size);
		memcpy(&s->free, obj, sizeof(void *));
	} else if (s->high < s->n) {
		obj = leat_slab_at(s, s->high++);
	} else {
		s->refused++;
		return NULL;
	}
	s->in_use++;
	POISON(obj, s->stride);
	UNPOISON(obj, s->obj_size);
	return obj;
}

void leat_slab_free(struct leat_slab *s, void *obj)
{
#ifdef LEAT_POISON
	// A second free stops here.
	(void)*(volatile char *)obj;
#endif
	UNPOISON(obj, s->stride);
	memcpy(obj, &s->free, sizeof(void *));
	POISON(obj, s->stride);
	s->free = obj;
	s->in_use--;
}
