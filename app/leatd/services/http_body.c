// SPDX-License-Identifier: BSD-3-Clause
// The body of /bytes/N: one pattern a worker, and mbufs that point into it. Nothing of a body is
// ever held or copied.
#include <errno.h>
#include <rte_malloc.h>

#include "app/leatd/services/service.h"

#define PERIOD 251
#define CHUNK \
	(UINT16_MAX / PERIOD * PERIOD) // bytes of one mbuf: chunks in a row begin at the same phase
#define PATTERN (PERIOD + CHUNK)       // so that a chunk of any phase is contiguous

// Never called in earnest: the worker holds a reference of its own. The count is 16 bits wide and
// large windows make more references than that; it may wrap and "end" here at any time, which is
// why this does nothing.
static void keep_pattern(void *addr, void *opaque)
{
	(void)addr;
	(void)opaque;
}

int leatd_pattern_create(struct leatd_worker *w)
{
	w->pattern = rte_malloc_socket("leatd_pattern", PATTERN, RTE_CACHE_LINE_SIZE, w->lc->node);
	if (w->pattern == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < PATTERN; i++)
		w->pattern[i] = (uint8_t)(i % PERIOD);
	w->pattern_iova = rte_malloc_virt2iova(w->pattern);
	w->pattern_info.free_cb = keep_pattern;
	rte_mbuf_ext_refcnt_set(&w->pattern_info, 1);
	return 0;
}

void leatd_pattern_destroy(struct leatd_worker *w)
{
	rte_free(w->pattern);
}

static struct rte_mbuf *piece(struct leatd_worker *w, uint64_t at, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->lc->indirect_pool);
	uint32_t phase = (uint32_t)(at % PERIOD);

	if (m == NULL)
		return NULL;
	rte_mbuf_ext_refcnt_update(&w->pattern_info, 1);
	rte_pktmbuf_attach_extbuf(
		m, w->pattern + phase, w->pattern_iova + phase, len, &w->pattern_info);
	m->data_len = len;
	m->pkt_len = len;
	return m;
}

struct rte_mbuf *leatd_pattern_chain(struct leatd_worker *w, uint64_t at, uint32_t len)
{
	struct rte_mbuf *head = NULL, **link = &head;
	uint32_t done = 0;
	uint16_t segs = 0;

	while (done < len) {
		uint16_t part = (uint16_t)RTE_MIN(len - done, (uint32_t)CHUNK);
		struct rte_mbuf *m = piece(w, at + done, part);

		if (m == NULL)
			break;
		*link = m;
		link = &m->next;
		done += part;
		segs++;
	}
	if (head != NULL) {
		head->pkt_len = done;
		head->nb_segs = segs;
	}
	return head;
}
