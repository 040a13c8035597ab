// SPDX-License-Identifier: BSD-3-Clause
// The Ethernet header downwards. Called by neigh.c and arp.c.
#include "link/eth.h"

#include <rte_ether.h>

#include "link/port.h"
#include "pkt/pullup.h"

// A packet without headroom (a foreign or external buffer being forwarded): a fresh first segment
// for the header.
static __rte_noinline struct rte_mbuf *new_head(struct leat_lcore *lc, struct rte_mbuf *m)
{
	struct rte_mbuf *h = leat_pkt_new_first(m, lc->pool);

	if (h != NULL) {
		h->nb_segs++;
		h->next = m;
	}
	return h;
}

void leat_eth_output(struct leat_lcore *lc, const struct leat_iface *i, struct rte_mbuf *m,
	const struct rte_ether_addr *dst, uint16_t ethertype)
{
	struct rte_ether_hdr *eh = NULL;

	if (likely(RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1))
		eh = (struct rte_ether_hdr *)rte_pktmbuf_prepend(m, sizeof(*eh));
	if (unlikely(eh == NULL)) {
		struct rte_mbuf *h = new_head(lc, m);

		if (h == NULL) {
			leat_drop(lc, m, LEAT_DROP_NO_MBUF);
			return;
		}
		m = h;
		eh = (struct rte_ether_hdr *)rte_pktmbuf_prepend(m, sizeof(*eh));
	}
	eh->dst_addr = *dst;
	eh->src_addr = i->mac;
	eh->ether_type = rte_cpu_to_be_16(ethertype);
	m->l2_len = sizeof(*eh);
	leat_port_tx(lc, i, m);
}
