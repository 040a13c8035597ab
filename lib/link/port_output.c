// SPDX-License-Identifier: BSD-3-Clause
// The transmit side of a port: what its device can't do is done here, then frames are queued and
// handed to the driver at the end of the turn. Called by eth_output.c, kni and as LEAT_POLL_FLUSH
// hook.
#include "link/port.h"

#include <rte_ether.h>

#include "link/link_private.h"
#include "pkt/cksum.h"
#include "pkt/gso.h"

#define GSO_MAX 128 // frames from one segment: 64 KB in segments of 536 and more

_Static_assert((LEAT_TXQ_LEN & (LEAT_TXQ_LEN - 1)) == 0, "a power of two");

// The checksum requests of a frame that the port does not serve.
static uint64_t missing_cksums(const struct leat_port *p, uint64_t ol)
{
	uint64_t l4 = ol & RTE_MBUF_F_TX_L4_MASK, miss = 0;

	if ((ol & RTE_MBUF_F_TX_IP_CKSUM) && !(p->tx_offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM))
		miss |= RTE_MBUF_F_TX_IP_CKSUM;
	if (l4 == RTE_MBUF_F_TX_TCP_CKSUM && !(p->tx_offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM))
		miss |= l4;
	if (l4 == RTE_MBUF_F_TX_UDP_CKSUM && !(p->tx_offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM))
		miss |= l4;
	if (l4 == RTE_MBUF_F_TX_SCTP_CKSUM && !(p->tx_offloads & RTE_ETH_TX_OFFLOAD_SCTP_CKSUM))
		miss |= l4;
	return miss;
}

// A chain for a port that takes one buffer only: NULL when it doesn't fit one.
static __rte_noinline struct rte_mbuf *linear(struct leat_lcore *lc, struct rte_mbuf *m)
{
	struct rte_mbuf *copy = NULL;

	if (m->pkt_len + RTE_PKTMBUF_HEADROOM <= rte_pktmbuf_data_room_size(lc->pool))
		copy = rte_pktmbuf_copy(m, lc->pool, 0, UINT32_MAX);
	if (copy == NULL) {
		leat_drop(lc, m, LEAT_DROP_TX_TOO_LONG);
		return NULL;
	}
	rte_pktmbuf_free(m);
	return copy;
}

static struct rte_mbuf *add_tag(
	struct leat_lcore *lc, const struct leat_iface *i, struct rte_mbuf *m)
{
	if (i->port->tx_offloads & RTE_ETH_TX_OFFLOAD_VLAN_INSERT) {
		m->vlan_tci = i->vlan_id;
		m->ol_flags |= RTE_MBUF_F_TX_VLAN;
		return m;
	}
	m->vlan_tci = i->vlan_id;
	if (rte_vlan_insert(&m) != 0) {
		leat_drop(lc, m, LEAT_DROP_NO_MBUF);
		return NULL;
	}
	m->l2_len += RTE_VLAN_HLEN;
	return m;
}

static void enqueue(struct leat_lcore *lc, struct leat_port *p, struct rte_mbuf *m)
{
	struct leat_txq *q = lc->link->txq[p->idx];

	if (unlikely(q == NULL)) {
		leat_xring_send(lc, lc->id % p->n_txq, m, LEAT_XOP_PORT_TX);
		return;
	}
	if (unlikely(q->tail - q->head == LEAT_TXQ_LEN)) {
		leat_drop(lc, m, LEAT_DROP_TX_FULL);
		return;
	}
	q->pkts[q->tail++ & (LEAT_TXQ_LEN - 1)] = m;
	lc->count.held++;
}

// One frame that is no longer than the port sends: checksums, chain, tag, queue.
static void finish(struct leat_lcore *lc, const struct leat_iface *i, struct rte_mbuf *m)
{
	struct leat_port *p = i->port;
	uint64_t miss = missing_cksums(p, m->ol_flags);

	if (unlikely(!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) &&
		     m->pkt_len > m->l2_len + (uint32_t)p->mtu)) {
		leat_drop(lc, m, LEAT_DROP_TX_TOO_LONG);
		return;
	}
	if (unlikely(miss != 0 && leat_pkt_fill_cksum(m, miss) != 0)) {
		leat_drop(lc, m, LEAT_DROP_TX_REFUSED);
		return;
	}
	if (unlikely(m->nb_segs > 1 && !(p->tx_offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS))) {
		m = linear(lc, m);
		if (m == NULL)
			return;
	}
	if (unlikely(i->vlan_id != 0)) {
		m = add_tag(lc, i, m);
		if (m == NULL)
			return;
	}
	leat_meta(m)->iface = i->idx;
	enqueue(lc, p, m);
}

static __rte_noinline void segment(
	struct leat_lcore *lc, const struct leat_iface *i, struct rte_mbuf *m)
{
	struct rte_mbuf *out[GSO_MAX];
	int n = leat_pkt_gso(m, m->tso_segsz, lc->pool, lc->indirect_pool, out, GSO_MAX);

	if (n < 0) {
		leat_drop(lc, m, n == -ENOMEM ? LEAT_DROP_NO_MBUF : LEAT_DROP_TX_REFUSED);
		return;
	}
	lc->count.created += n - 1;
	for (int k = 0; k < n; k++)
		finish(lc, i, out[k]);
}

void leat_port_tx(struct leat_lcore *lc, const struct leat_iface *i, struct rte_mbuf *m)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_PORT_OUTPUT, 1);

	leat_pkt_unpoison(m); // what came in by a port and goes on leaves our hands
	if (unlikely(m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)) &&
		!((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) && leat_port_has_tso(i->port)))
		segment(lc, i, m);
	else
		finish(lc, i, m);
	leat_stage_leave(lc, LEAT_STAGE_PORT_OUTPUT, f);
}

uint16_t leat_port_tx_room(const struct leat_lcore *lc, const struct leat_port *p)
{
	const struct leat_txq *q = lc->link->txq[p->idx];

	return q != NULL ? LEAT_TXQ_LEN - (q->tail - q->head) : LEAT_TXQ_LEN / 4;
}

// Hand up to n frames to the driver. Returns how many are off the queue.
static uint16_t send_some(
	struct leat_lcore *lc, struct leat_txq *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t ready = rte_eth_tx_prepare(q->port_id, q->queue, pkts, n);
	uint16_t sent = 0;

	if (likely(ready != 0))
		sent = rte_eth_tx_burst(q->port_id, q->queue, pkts, ready);
	lc->count.transmitted += sent;
	lc->count.held -= sent;
	if (unlikely(sent == ready && ready < n)) { // the driver refuses the next one for good
		leat_drop(lc, pkts[ready], LEAT_DROP_TX_REFUSED);
		lc->count.held--;
		sent++;
	}
	return sent;
}

static uint32_t flush(struct leat_lcore *lc, struct leat_txq *q)
{
	uint32_t all = 0;

	while (q->head != q->tail) {
		uint32_t at = q->head & (LEAT_TXQ_LEN - 1);
		uint32_t n = RTE_MIN(q->tail - q->head, LEAT_TXQ_LEN - at);
		uint16_t sent = send_some(lc, q, &q->pkts[at], RTE_MIN(n, (uint32_t)LEAT_BURST));

		q->head += sent;
		all += sent;
		if (sent < RTE_MIN(n, (uint32_t)LEAT_BURST))
			break; // the driver's queue is full: go on in the next turn
	}
	return all;
}

uint16_t leat_port_flush(struct leat_lcore *lc, void *ctx)
{
	struct leat_link_lcore *l = lc->link;
	uint16_t all = 0;

	(void)ctx;
	for (uint16_t i = 0; i < l->n_txq; i++) {
		struct leat_stage_frame f;
		uint32_t n;

		if (l->txq_list[i]->head == l->txq_list[i]->tail)
			continue;
		f = leat_stage_enter(lc, LEAT_STAGE_PORT_OUTPUT, 0);
		n = flush(lc, l->txq_list[i]);
		leat_stage_leave(lc, LEAT_STAGE_PORT_OUTPUT, f);
		all += n;
	}
	return all;
}

uint32_t leat_port_queued(const struct leat_lcore *lc)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < lc->link->n_txq; i++)
		n += lc->link->txq_list[i]->tail - lc->link->txq_list[i]->head;
	return n;
}

static void from_other_worker(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		enqueue(lc, leat_iface_at(lc->stack, leat_meta(pkts[i])->iface)->port, pkts[i]);
}

void leat_port_output_init(struct leat_stack *s)
{
	leat_xring_set(s, LEAT_XOP_PORT_TX, from_other_worker);
}
