// SPDX-License-Identifier: BSD-3-Clause
// The slab: alignment, indices, exhaustion, reuse, and that what is not used is not touched.

#include "core/slab.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static void sizes_and_indices(void)
{
	static const size_t sizes[] = {1, 7, 8, 9, 24, 63, 64, 65, 96, 128, 192, 320, 1000, 4096};

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct leat_slab *s = leat_slab_create("sizes", sizes[k], 1000, 0);
		uint32_t errors = 0;

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		for (uint32_t i = 0; i < 1000; i++) {
			char *obj = leat_slab_alloc(s);

			errors += (uintptr_t)obj % (sizes[k] >= 64 ? 64 : 8) != 0;
			errors += leat_slab_index(s, obj) != i;
			errors += leat_slab_at(s, i) != obj;
			memset(obj, 0xa5, sizes[k]);
		}
		CU_ASSERT_EQUAL(errors, 0);
		CU_ASSERT_EQUAL(leat_slab_obj_size(s), sizes[k]);
		leat_slab_destroy(s);
	}
}

static void full_and_reused(void)
{
	struct leat_slab *s =
		leat_slab_create("connections of lcore 1, and a longer name", 40, 3, -1);
	void *a, *b, *c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_STRING_EQUAL(leat_slab_name(s), "connections of lcore 1, and a l");
	CU_ASSERT_EQUAL(leat_slab_node(s), -1);
	CU_ASSERT_EQUAL(leat_slab_n(s), 3);
	a = leat_slab_alloc(s);
	b = leat_slab_alloc(s);
	c = leat_slab_alloc(s);
	CU_ASSERT_PTR_NOT_NULL(c);
	CU_ASSERT_EQUAL(leat_slab_in_use(s), 3);
	CU_ASSERT_PTR_NULL(leat_slab_alloc(s));
	CU_ASSERT_PTR_NULL(leat_slab_alloc(s));
	CU_ASSERT_EQUAL(leat_slab_refused(s), 2);
	leat_slab_free(s, a);
	leat_slab_free(s, b);
	CU_ASSERT_EQUAL(leat_slab_in_use(s), 1);
	CU_ASSERT_PTR_EQUAL(leat_slab_alloc(s), b); // the warmest first
	CU_ASSERT_PTR_EQUAL(leat_slab_alloc(s), a);
	CU_ASSERT_PTR_NULL(leat_slab_alloc(s));
	leat_slab_destroy(s);
}

static void random_use(void)
{
	static uint32_t *held[500];
	struct leat_slab *s = leat_slab_create("random", 100, 400, 0);
	uint64_t rnd = 5;
	uint32_t in_use = 0, errors = 0;

	for (uint32_t step = 0; step < 200000; step++) {
		uint32_t i = unit_random(&rnd) % 500;

		if (held[i] != NULL) {
			errors += held[i][0] != i || held[i][24] != ~i;
			leat_slab_free(s, held[i]);
			held[i] = NULL;
			in_use--;
			continue;
		}
		held[i] = leat_slab_alloc(s);
		errors += (held[i] == NULL) != (in_use == 400);
		if (held[i] != NULL) {
			held[i][0] = i;
			held[i][24] = ~i;
			in_use++;
		}
		errors += leat_slab_in_use(s) != in_use;
	}
	CU_ASSERT_EQUAL(errors, 0);
	leat_slab_destroy(s);
}

static size_t resident_pages(void *p, size_t len)
{
	size_t n = (len + 4095) / 4096, sum = 0;
	unsigned char *vec = malloc(n);

	if (mincore(p, len, vec) == 0) {
		for (size_t i = 0; i < n; i++)
			sum += vec[i] & 1;
	}
	free(vec);
	return sum;
}

static void unused_is_untouched(void)
{
	struct leat_slab *s = leat_slab_create("large", 512, 1 << 20, 0);
	void *page;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	page = (void *)(((uintptr_t)leat_slab_at(s, 0) + 4095) & ~(uintptr_t)4095);
	CU_ASSERT_EQUAL(resident_pages(page, (size_t)500 << 20), 0);
	leat_slab_free(s, leat_slab_alloc(s));
	CU_ASSERT_EQUAL(resident_pages((char *)page + (64 << 20), (size_t)400 << 20), 0);
	leat_slab_destroy(s);
}

static void refuses_nonsense(void)
{
	errno = 0;
	CU_ASSERT_PTR_NULL(leat_slab_create("none", 0, 1, -1));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(leat_slab_create("none", 8, 0, -1));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(leat_slab_create("huge", SIZE_MAX / 2, UINT32_MAX, -1));
	CU_ASSERT_EQUAL(errno, ENOMEM);
	CU_ASSERT_PTR_NULL(leat_slab_create("huge", SIZE_MAX, 1, -1));
	leat_slab_destroy(NULL);
}

static void a_node_that_is_not_there(void)
{
	struct leat_slab *s = leat_slab_create("far", 64, 10, 10000);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(leat_slab_node(s), -1);
	CU_ASSERT_PTR_NOT_NULL(leat_slab_alloc(s));
	leat_slab_destroy(s);
}

#ifdef LEAT_POISON
static void use_after_free(struct leat_slab *s, volatile char *obj)
{
	leat_slab_free(s, (void *)obj);
	obj[20]++;
}

static void free_twice(struct leat_slab *s, volatile char *obj)
{
	leat_slab_free(s, (void *)obj);
	leat_slab_free(s, (void *)obj);
}

static void step_past_the_end(struct leat_slab *s, volatile char *obj)
{
	(void)s;
	obj[100]++;
}

static bool dies(void (*sin)(struct leat_slab *s, volatile char *obj))
{
	struct leat_slab *s = leat_slab_create("poison", 100, 4, -1);
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(0);
		sin(s, leat_slab_alloc(s));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	leat_slab_destroy(s);
	return status != 0;
}

static void poison_tells(void)
{
	CU_ASSERT_TRUE(dies(use_after_free));
	CU_ASSERT_TRUE(dies(free_twice));
	CU_ASSERT_TRUE(dies(step_past_the_end));
}
#endif

static const struct unit_case cases[] = {
	UNIT_CASE(sizes_and_indices),
	UNIT_CASE(full_and_reused),
	UNIT_CASE(random_use),
	UNIT_CASE(unused_is_untouched),
	UNIT_CASE(refuses_nonsense),
	UNIT_CASE(a_node_that_is_not_there),
#ifdef LEAT_POISON
	UNIT_CASE(poison_tells),
#endif
};

int main(void)
{
	return UNIT_RUN("slab", cases);
}
