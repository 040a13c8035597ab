// SPDX-License-Identifier: BSD-3-Clause
// Registers the packet metadata with EAL. Called by leat_stack_create().
#include "core/meta.h"

#include <rte_errno.h>

int leat_meta_offset = -1;

int leat_meta_register(void)
{
	static const struct rte_mbuf_dynfield desc = {
		.name = "leat_meta",
		.size = sizeof(struct leat_meta),
		.align = __alignof__(struct leat_meta),
	};
	int off = rte_mbuf_dynfield_register(&desc);

	if (off < 0)
		return -rte_errno;
	leat_meta_offset = off;
	return 0;
}
