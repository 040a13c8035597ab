// SPDX-License-Identifier: BSD-3-Clause
// Pool of objects of one size on one NUMA node: connections, half-open requests, neighbours.
// Control creates and destroys it; the lcore that owns it allocates and frees.
//
// All memory is reserved at creation and none of it touched but the page of the slab itself: free
// objects form a list through themselves, and those above the high-water mark have never been used.
// So a slab for a million objects costs the pages that are used. An object has an index that stays
// the same, for tables that keep 4 bytes instead of 8.
//
// What it does not do: it does not clear objects, neither at alloc nor at free, and the first 8
// bytes of a free object are lost. It does not know which objects are in use.
//
// Built with LEAT_POISON (the sanitizer build), a free object is poisoned: use after free, a second
// free and a step past the object's end are reported.
//
// Thread-safety: none. One thread at a time owns a slab; others may read the counters, which may
// then be a moment old.
#ifndef LEAT_CORE_SLAB_H
#define LEAT_CORE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#define LEAT_SLAB_NAMESIZE 32

// Private, and here only for the inline functions below.
struct leat_slab {
	char *base;
	void *free;    // the list of freed objects, newest first
	uint32_t high; // objects from here on have never been used
	uint32_t in_use;
	uint32_t n;
	uint32_t shift;   // stride = odd << shift
	uint64_t inverse; // of odd, modulo 2^64
	size_t stride;
	size_t obj_size;
	uint64_t refused;
	size_t map_len;
	int node; // asked for; -1: anywhere
	char name[LEAT_SLAB_NAMESIZE];
};

// Reserve memory for n objects.
// name       for statistics; copied, cut to LEAT_SLAB_NAMESIZE - 1 characters
// obj_size   bytes, at least 1. Objects are aligned to 64 when it is 64 or more, else to 8, and
//            spaced accordingly.
// n          at least 1
// numa_node  where the memory is to be, or -1 for anywhere. Where the machine has no such node the
//            memory is anywhere, and leat_slab_node() says -1.
// Returns the slab, the caller's until leat_slab_destroy(); NULL with errno EINVAL or ENOMEM.
// Control: allocates, makes system calls.
struct leat_slab *leat_slab_create(const char *name, size_t obj_size, uint32_t n, int numa_node);

// Give the memory back, objects in use included. NULL is ignored. Control.
void leat_slab_destroy(struct leat_slab *s);

// Take an object; its content is undefined. NULL when all n are in use, which is counted as
// refused. Datapath: no allocation, no system call beyond the page fault of a first use.
void *leat_slab_alloc(struct leat_slab *s);

// Give an object back. obj came from this slab and is not NULL. Datapath.
void leat_slab_free(struct leat_slab *s, void *obj);

// The object's index, 0..n-1. obj is one of this slab's.
static inline uint32_t leat_slab_index(const struct leat_slab *s, const void *obj)
{
	// The distance is a multiple of the stride, so a multiplication divides.
	uint64_t off = (uint64_t)((const char *)obj - s->base);

	return (uint32_t)((off >> s->shift) * s->inverse);
}

// The object of an index below n. Whether it is in use the caller must know.
static inline void *leat_slab_at(const struct leat_slab *s, uint32_t idx)
{
	return s->base + idx * s->stride;
}

static inline uint32_t leat_slab_n(const struct leat_slab *s)
{
	return s->n;
}

static inline uint32_t leat_slab_in_use(const struct leat_slab *s)
{
	return s->in_use;
}

// How many times leat_slab_alloc() found the slab full.
static inline uint64_t leat_slab_refused(const struct leat_slab *s)
{
	return s->refused;
}

// Bytes of an object as it was asked for.
static inline size_t leat_slab_obj_size(const struct leat_slab *s)
{
	return s->obj_size;
}

static inline const char *leat_slab_name(const struct leat_slab *s)
{
	return s->name;
}

// The NUMA node that the memory was asked from, or -1 when it may be anywhere.
static inline int leat_slab_node(const struct leat_slab *s)
{
	return s->node;
}

#endif
