// SPDX-License-Identifier: BSD-3-Clause
// See cut.h.
#include "pkt/cut.h"

#include "pkt/poison.h"

void leat_pkt_cut(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *seg = m, *rest;
	uint32_t left = len;

	m->pkt_len = len;
	for (m->nb_segs = 1; seg->data_len < left; m->nb_segs++) {
		left -= seg->data_len;
		seg = seg->next;
	}
	seg->data_len = (uint16_t)left;
	rest = seg->next;
	seg->next = NULL;
	if (rest != NULL) {
		leat_pkt_unpoison(rest);
		rte_pktmbuf_free(rest);
	}
}
