// SPDX-License-Identifier: BSD-3-Clause
// show memory and numa: pools and slabs, how full they are, and whether they are where their worker
// is. Called by show.c.
#include <stdio.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "app/leatd/show.h"
#include "core/numa.h"
#include "link/link_private.h"
#include "transport/tcp.h"
#include "transport/udp.h"

// ---- memory ----

static void add_pool(json_t *out, const struct rte_mempool *mp)
{
	if (mp != NULL)
		json_array_append_new(out,
			json_pack("{s:s, s:I, s:I}", "name", mp->name, "size", (json_int_t)mp->size,
				"in_use", (json_int_t)rte_mempool_in_use_count(mp)));
}

static json_t *mempools(const struct leat_stack *st)
{
	json_t *out = json_array();

	for (int node = 0; node < LEAT_MAX_NODES; node++) {
		add_pool(out, st->pools[node]);
		add_pool(out, st->indirect_pools[node]);
	}
	add_pool(out, st->msg_pool);
	return out;
}

// The i-th slab of a worker: TCP's, then UDP's, then the services'. NULL beyond the last.
static const struct leat_slab *slab_at(const struct leatd *d, uint16_t worker, unsigned i)
{
	const struct leat_lcore *lc = d->stack->lcores[worker];
	unsigned tcp = 0;

	while (leat_tcp_slab(lc, tcp) != NULL) {
		if (tcp == i)
			return leat_tcp_slab(lc, tcp);
		tcp++;
	}
	if (i == tcp)
		return leat_udp_slab(lc);
	return i == tcp + 1 && d->workers[worker] != NULL ? d->workers[worker]->conns : NULL;
}

json_t *leatd_show_memory(struct show *s)
{
	json_t *slabs = json_array();

	for (uint16_t w = 0; w < s->d->stack->n_lcores; w++) {
		const struct leat_slab *slab;

		for (unsigned i = 0; (slab = slab_at(s->d, w, i)) != NULL; i++)
			json_array_append_new(
				slabs, json_pack("{s:s, s:i, s:I, s:I, s:I, s:I}", "name",
					       leat_slab_name(slab), "worker", (int)w, "size",
					       (json_int_t)leat_slab_n(slab), "in_use",
					       (json_int_t)leat_slab_in_use(slab), "object_bytes",
					       (json_int_t)leat_slab_obj_size(slab), "refused",
					       (json_int_t)leat_slab_refused(slab)));
	}
	return json_pack("{s:o, s:o}", "mempools", mempools(s->d->stack), "slabs", slabs);
}

// ---- numa ----

// Node of an object's memory as the kernel has it; -1: untouched, or the machine knows no nodes,
// and then it is anywhere.
static void add_object(json_t *out, const struct leat_lcore *lc, const char *what, int node)
{
	char name[64];

	snprintf(name, sizeof(name), "worker %u: %s", lc->id, what);
	json_array_append_new(
		out, json_pack("{s:s, s:i, s:i, s:b}", "object", name, "node", node, "worker_node",
			     lc->node, "local", node < 0 || node == lc->node));
}

static void add_slabs(json_t *out, const struct leatd *d, uint16_t worker)
{
	const struct leat_slab *slab;

	for (unsigned i = 0; (slab = slab_at(d, worker, i)) != NULL; i++) {
		char what[LEAT_SLAB_NAMESIZE + 8];

		snprintf(what, sizeof(what), "slab %s", leat_slab_name(slab));
		add_object(out, d->stack->lcores[worker], what,
			leat_numa_node_of(leat_slab_at(slab, 0)));
	}
}

static void add_queues(json_t *out, const struct leat_lcore *lc)
{
	for (uint16_t i = 0; i < lc->link->n_rxq; i++) {
		const struct leat_rxq *q = &lc->link->rxq[i];
		char what[LEAT_NAME_LEN + 32];

		snprintf(what, sizeof(what), "rx queue %u of %s", q->queue, q->port->name);
		add_object(out, lc, what, rte_eth_dev_socket_id(q->port->port_id));
	}
	for (uint16_t i = 0; i < lc->link->n_txq; i++) {
		char what[40];

		snprintf(what, sizeof(what), "transmit list %u", i);
		add_object(out, lc, what, leat_numa_node_of(lc->link->txq_list[i]));
	}
}

static void add_pool_node(json_t *out, const struct leat_lcore *lc, const struct rte_mempool *mp)
{
	const struct rte_mempool_memhdr *chunk = STAILQ_FIRST(&mp->mem_list);
	char what[RTE_MEMPOOL_NAMESIZE + 8];

	snprintf(what, sizeof(what), "pool %s", mp->name);
	add_object(out, lc, what, chunk != NULL ? leat_numa_node_of(chunk->addr) : -1);
}

json_t *leatd_show_numa(struct show *s)
{
	json_t *out = json_array();

	for (uint16_t w = 0; w < s->d->stack->n_lcores; w++) {
		const struct leat_lcore *lc = s->d->stack->lcores[w];

		add_object(out, lc, "state", leat_numa_node_of(lc));
		add_pool_node(out, lc, lc->pool);
		add_pool_node(out, lc, lc->indirect_pool);
		add_queues(out, lc);
		add_slabs(out, s->d, w);
	}
	return out;
}
