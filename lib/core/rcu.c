// SPDX-License-Identifier: BSD-3-Clause
// Deferred freeing on rte_rcu_qsbr. Called by main's control code; workers only report quiescence
// (lcore.c).
#include "core/rcu.h"

#include <stdlib.h>
#include <string.h>

#include "core/stack.h"

void leat_rcu_defer(struct leat_stack *s, void (*fn)(void *), void *obj)
{
	uint64_t token = rte_rcu_qsbr_start(s->qsbr);

	if (s->n_rcu == s->cap_rcu) {
		uint32_t cap = s->cap_rcu != 0 ? s->cap_rcu * 2 : 64;
		struct leat_rcu_item *items = realloc(s->rcu_items, cap * sizeof(*items));

		if (items == NULL) {
			if (!s->conf.by_hand) // by hand there is no thread to wait for
				rte_rcu_qsbr_check(s->qsbr, token, true);
			fn(obj);
			return;
		}
		s->rcu_items = items;
		s->cap_rcu = cap;
	}
	s->rcu_items[s->n_rcu++] = (struct leat_rcu_item){fn, obj, token};
}

// Run and remove the first n items.
static void run_first(struct leat_stack *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct leat_rcu_item item = s->rcu_items[i];

		item.fn(item.obj); // may defer more, behind the last
	}
	s->n_rcu -= n;
	if (n != 0 && s->n_rcu != 0)
		memmove(s->rcu_items, s->rcu_items + n, s->n_rcu * sizeof(*s->rcu_items));
}

uint32_t leat_rcu_reclaim(struct leat_stack *s)
{
	uint32_t due = 0;

	// Tokens grow: what is due stands in front.
	while (due < s->n_rcu && rte_rcu_qsbr_check(s->qsbr, s->rcu_items[due].token, false) == 1)
		due++;
	run_first(s, due);
	return s->n_rcu;
}

void leat_rcu_drain(struct leat_stack *s)
{
	while (s->n_rcu != 0)
		run_first(s, s->n_rcu);
}
