// SPDX-License-Identifier: BSD-3-Clause
// The slow path of leat_pkt_pullup(): headers are gathered into the first segment, or into a new
// one before it, and the segments that this empties are freed. What is shared is never written:
// neither bytes nor the mbuf that describes them.

#include "pkt/pullup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "pkt/poison.h"

static bool has_room(const struct rte_mbuf *m, uint16_t len)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 &&
	       rte_pktmbuf_tailroom(m) >= len - m->data_len;
}

struct rte_mbuf *leat_pkt_new_first(const struct rte_mbuf *m, struct rte_mempool *pool)
{
	struct rte_mbuf *h = rte_pktmbuf_alloc(pool);

	if (h == NULL)
		return NULL;
	h->port = m->port;
	h->ol_flags |= m->ol_flags & ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
	h->packet_type = m->packet_type;
	h->hash = m->hash;
	h->vlan_tci = m->vlan_tci;
	h->vlan_tci_outer = m->vlan_tci_outer;
	h->tx_offload = m->tx_offload;
	h->pkt_len = m->pkt_len;
	h->nb_segs = m->nb_segs;
	rte_mbuf_dynfield_copy(h, m);
	return h;
}

// Gather len bytes of m's packet into to, which is m or a new first segment. Then drop what was
// gathered: the segments up to cut, and skip bytes of cut itself, which ind stands for if not NULL.
static void gather(struct rte_mbuf *m, struct rte_mbuf *to, uint16_t len, struct rte_mbuf *cut,
	uint16_t skip, struct rte_mbuf *ind)
{
	uint16_t have = to->data_len;
	uint16_t want = len - have;
	char *dst = rte_pktmbuf_mtod_offset(to, char *, have);
	const char *src = rte_pktmbuf_read(m, have, want, dst);
	struct rte_mbuf *seg = to == m ? m->next : m;
	struct rte_mbuf *next;

	if (src != dst)
		memcpy(dst, src, want);
	to->data_len = len;
	for (; seg != cut; seg = next) {
		next = seg->next;
		leat_pkt_unpoison_seg(seg);
		rte_pktmbuf_free_seg(seg);
		to->nb_segs--;
	}
	if (ind != NULL) {
		rte_pktmbuf_attach(ind, cut);
		ind->next = cut->next;
		rte_pktmbuf_free_seg(cut);
		cut = ind;
	}
	if (cut != NULL) {
		cut->data_off += skip;
		cut->data_len -= skip;
	}
	to->next = cut;
}

int leat_pkt_pullup_slow(struct rte_mbuf **m, uint16_t len, struct rte_mempool *pool)
{
	struct rte_mbuf *to = *m;
	struct rte_mbuf *cut = *m;
	struct rte_mbuf *ind = NULL;
	uint16_t skip = len;

	if (len > LEAT_PKT_PULLUP_MAX || len > to->pkt_len)
		return -EINVAL;
	for (; cut != NULL && skip >= cut->data_len; cut = cut->next)
		skip -= cut->data_len;
	if (cut == NULL && skip > 0)
		return -EINVAL;

	if (!has_room(to, len)) {
		to = leat_pkt_new_first(*m, pool);
		if (to == NULL || rte_pktmbuf_tailroom(to) < len) {
			rte_pktmbuf_free(to);
			return -ENOBUFS;
		}
		to->nb_segs++;
	} else {
		leat_pkt_unpoison_seg(to);
	}
	if (skip > 0 && rte_mbuf_refcnt_read(cut) > 1) {
		ind = rte_pktmbuf_alloc(pool);
		if (ind == NULL) {
			if (to != *m)
				rte_pktmbuf_free(to);
			return -ENOBUFS;
		}
	}
	gather(*m, to, len, cut, skip, ind);
	*m = to;
	return 0;
}
