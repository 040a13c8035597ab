// SPDX-License-Identifier: BSD-3-Clause
// Opens, starts and closes ethdev ports, and takes their bursts. Called by leatd, by tests with
// ring ports, and as a worker's LEAT_POLL_RX hook.
#include "link/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_dev.h>
#include <rte_errno.h>

#include "core/numa.h"
#include "link/eth.h"
#include "link/link_private.h"

#define RX_WANTED \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | \
		RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_VLAN_STRIP | \
		RTE_ETH_RX_OFFLOAD_RSS_HASH | RTE_ETH_RX_OFFLOAD_SCATTER)
#define TX_WANTED \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | \
		RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO | \
		RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_VLAN_INSERT)
#define RSS_WANTED (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)
#define DESC_DEFAULT 512

static int fail(char *err, size_t len, int rc, const char *what, const char *device)
{
	if (err != NULL)
		snprintf(err, len, "%s: %s: %s", device, what, rte_strerror(-rc));
	return rc;
}

// Find the ethdev port of a device, or plug it.
static int find_or_plug(const struct leat_port_conf *conf, struct leat_port *p)
{
	size_t n;
	int rc;

	if (conf->port_id >= 0) {
		p->port_id = conf->port_id;
		return rte_eth_dev_get_name_by_port(p->port_id, p->device);
	}
	if (conf->device == NULL)
		return -EINVAL;
	n = strcspn(conf->device, ",");
	if (n >= sizeof(p->device))
		return -EINVAL;
	memcpy(p->device, conf->device, n);
	if (rte_eth_dev_get_port_by_name(p->device, &p->port_id) == 0)
		return 0;
	rc = rte_dev_probe(conf->device);
	if (rc != 0)
		return rc;
	p->plugged = true;
	return rte_eth_dev_get_port_by_name(p->device, &p->port_id);
}

// How many receive queues: one a worker where the port spreads flows over them, else one.
static void choose_queues(
	struct leat_stack *s, const struct rte_eth_dev_info *info, struct leat_port *p)
{
	bool rss = (info->flow_type_rss_offloads & RSS_WANTED) != 0;

	p->n_rxq = rss ? RTE_MIN(s->n_lcores, info->max_rx_queues) : 1;
	p->n_txq = RTE_MIN(s->n_lcores, info->max_tx_queues);
	p->rx_first = p->n_rxq < s->n_lcores ? p->idx % s->n_lcores : 0;
}

static int configure(struct leat_stack *s, const struct leat_port_conf *conf,
	struct rte_eth_dev_info *info, struct leat_port *p)
{
	struct rte_eth_conf ec = {0};
	bool fits = conf->mtu + 18u + 2 * RTE_VLAN_HLEN <= // Ethernet header and CRC, two tags
		    s->conf.mbuf_size;

	if (info->max_mtu != 0 && conf->mtu > info->max_mtu)
		return -ERANGE;
	ec.rxmode.mtu = conf->mtu;
	ec.rxmode.offloads = RX_WANTED & info->rx_offload_capa;
	if (fits)
		ec.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_SCATTER;
	ec.txmode.offloads = TX_WANTED & info->tx_offload_capa;
	if (p->n_rxq > 1) {
		ec.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		ec.rx_adv_conf.rss_conf.rss_hf = RSS_WANTED & info->flow_type_rss_offloads;
	}
	p->rx_offloads = ec.rxmode.offloads;
	p->tx_offloads = ec.txmode.offloads;
	return rte_eth_dev_configure(p->port_id, p->n_rxq, p->n_txq, &ec);
}

static int add_rxq(struct leat_stack *s, struct leat_port *p, uint16_t q, uint16_t desc)
{
	struct leat_lcore *lc = s->lcores[(p->rx_first + q) % s->n_lcores];
	int rc = rte_eth_rx_queue_setup(p->port_id, q, desc, lc->node, NULL, lc->pool);

	if (rc == 0)
		lc->link->rxq[lc->link->n_rxq++] = (struct leat_rxq){p, q};
	return rc;
}

static int add_txq(struct leat_stack *s, struct leat_port *p, uint16_t q, uint16_t desc)
{
	struct leat_lcore *lc = s->lcores[q];
	struct leat_txq *txq = leat_numa_alloc(sizeof(*txq), lc->node);
	int rc;

	if (txq == NULL)
		return -ENOMEM;
	txq->port_id = p->port_id;
	txq->queue = q;
	lc->link->txq[p->idx] = txq;
	lc->link->txq_list[lc->link->n_txq++] = txq;
	rc = rte_eth_tx_queue_setup(p->port_id, q, desc, lc->node, NULL);
	return rc;
}

static int set_up_queues(
	struct leat_stack *s, const struct leat_port_conf *conf, struct leat_port *p)
{
	uint16_t rxd = conf->rx_desc != 0 ? conf->rx_desc : DESC_DEFAULT;
	uint16_t txd = conf->tx_desc != 0 ? conf->tx_desc : DESC_DEFAULT;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->port_id, &rxd, &txd);

	for (uint16_t q = 0; rc == 0 && q < p->n_rxq; q++)
		rc = add_rxq(s, p, q, rxd);
	for (uint16_t q = 0; rc == 0 && q < p->n_txq; q++)
		rc = add_txq(s, p, q, txd);
	return rc;
}

int leat_port_set_mtu(struct leat_port *p, uint16_t mtu)
{
	int rc = rte_eth_dev_set_mtu(p->port_id, mtu);

	return rc == -ENOTSUP ? 0 : rc; // ring and the like know no MTU
}

int leat_port_open(struct leat_stack *s, const struct leat_port_conf *conf, struct leat_port **out,
	char *err, size_t err_len)
{
	const char *device = conf->device != NULL ? conf->device : conf->name;
	struct leat_link *link = s->link;
	const char *step = "cannot be opened";
	struct rte_eth_dev_info info;
	struct leat_port *p;
	int rc;

	if (link->n_ports == LEAT_MAX_PORTS || conf->mtu < 576 || conf->mtu > 9000 ||
		strlen(conf->name) >= LEAT_NAME_LEN)
		return fail(err, err_len, -EINVAL, "name, MTU or number of ports", device);
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return fail(err, err_len, -ENOMEM, "memory", device);
	p->idx = link->n_ports;
	p->mtu = conf->mtu;
	strcpy(p->name, conf->name);
	rc = find_or_plug(conf, p);
	if (rc != 0) {
		free(p);
		return fail(err, err_len, rc, step, device);
	}
	link->ports[link->n_ports++] = p;
	rc = rte_eth_dev_info_get(p->port_id, &info);
	if (rc == 0) {
		step = "configuration refused";
		choose_queues(s, &info, p);
		rc = configure(s, conf, &info, p);
	}
	if (rc == 0) {
		step = "queues refused";
		rc = set_up_queues(s, conf, p);
	}
	if (rc == 0) {
		step = "MTU refused";
		rc = leat_port_set_mtu(p, conf->mtu);
	}
	if (rc == 0) {
		step = "MAC address";
		rc = rte_eth_macaddr_get(p->port_id, &p->mac);
	}
	if (rc != 0) {
		leat_port_close(s, p);
		return fail(err, err_len, rc, step, device);
	}
	*out = p;
	return 0;
}

int leat_port_start(struct leat_stack *s, struct leat_port *p)
{
	int rc = rte_eth_dev_start(p->port_id);

	(void)s;
	if (rc != 0)
		return rc;
	p->started = true;
	// Drivers that can't filter say ENOTSUP and deliver everything; eth_input checks the
	// address anyway.
	rte_eth_promiscuous_disable(p->port_id);
	rte_eth_allmulticast_enable(p->port_id);
	return 0;
}

void leat_port_stop(struct leat_stack *s, struct leat_port *p)
{
	(void)s;
	if (p->started)
		rte_eth_dev_stop(p->port_id);
	p->started = false;
}

static void drop_queued(struct leat_lcore *lc, struct leat_txq *q)
{
	for (; q->head != q->tail; q->head++) {
		lc->count.held--;
		leat_drop(lc, q->pkts[q->head & (LEAT_TXQ_LEN - 1)], LEAT_DROP_SHUTDOWN);
	}
}

static void forget_queues(struct leat_lcore *lc, struct leat_port *p)
{
	struct leat_link_lcore *l = lc->link;
	struct leat_txq *q = l->txq[p->idx];
	uint16_t kept = 0;

	for (uint16_t i = 0; i < l->n_rxq; i++)
		if (l->rxq[i].port != p)
			l->rxq[kept++] = l->rxq[i];
	l->n_rxq = kept;
	if (q == NULL)
		return;
	drop_queued(lc, q);
	kept = 0;
	for (uint16_t i = 0; i < l->n_txq; i++)
		if (l->txq_list[i] != q)
			l->txq_list[kept++] = l->txq_list[i];
	l->n_txq = kept;
	l->txq[p->idx] = NULL;
	leat_numa_free(q, sizeof(*q));
}

void leat_port_close(struct leat_stack *s, struct leat_port *p)
{
	struct rte_eth_dev_info info;

	leat_port_stop(s, p);
	for (uint16_t i = 0; i < s->n_lcores; i++)
		forget_queues(s->lcores[i], p);
	if (p->plugged && rte_eth_dev_info_get(p->port_id, &info) == 0)
		rte_dev_remove(info.device);
	s->link->ports[p->idx] = NULL;
	free(p);
}

uint16_t leat_port_poll(struct leat_lcore *lc, void *ctx)
{
	struct leat_link_lcore *l = lc->link;
	uint16_t all = 0;

	(void)ctx;
	for (uint16_t i = 0; i < l->n_rxq; i++) {
		struct leat_port *p = l->rxq[i].port;
		struct rte_mbuf *pkts[LEAT_BURST];
		struct leat_stage_frame f;
		uint16_t n;

		n = rte_eth_rx_burst(p->port_id, l->rxq[i].queue, pkts, LEAT_BURST);
		if (n == 0)
			continue;
		f = leat_stage_enter(lc, LEAT_STAGE_PORT_INPUT, n);
		lc->count.received += n;
		for (uint16_t k = 0; k < n; k++)
			leat_pkt_poison(pkts[k]);
		leat_eth_input(lc, p, pkts, n);
		leat_stage_leave(lc, LEAT_STAGE_PORT_INPUT, f);
		all += n;
	}
	return all;
}
