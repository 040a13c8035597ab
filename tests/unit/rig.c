// SPDX-License-Identifier: BSD-3-Clause
// See rig.h.
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_eth_ring.h>
#include <rte_bus_vdev.h>

#include "pktbuf.h"

#define RING_SIZE 4096

static struct rig *punting; // the punt hook has no context of its own

void rig_conf(struct leat_stack_conf *conf)
{
	leat_stack_conf_default(conf);
	strcpy(conf->name, "t");
	conf->by_hand = true;
	conf->virtual_clock = true;
	conf->small_fib = true;
	conf->seed = 1;
	conf->mbufs = 4095;
	conf->limits.connections = 256;
	conf->limits.half_open = 64;
	conf->limits.time_wait = 64;
	conf->limits.udp_sockets = 16;
	conf->limits.listeners = 16;
	conf->limits.neighbours = 16;
	conf->limits.routes = 256;
}

static int open_port(struct rig *r, const char *name, uint16_t mtu)
{
	struct leat_port_conf pc = {.name = "t0", .mtu = mtu};
	char text[RTE_RING_NAMESIZE];
	char err[128];
	int rc;

	snprintf(text, sizeof(text), "%s_in", name);
	r->in = rte_ring_create(text, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(text, sizeof(text), "%s_out", name);
	r->out = rte_ring_create(text, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(text, sizeof(text), "%s_eth", name);
	r->eth_port = rte_eth_from_rings(text, &r->in, 1, &r->out, 1, 0);
	if (r->in == NULL || r->out == NULL || r->eth_port < 0)
		return -ENOMEM;
	pc.port_id = r->eth_port;
	rc = leat_port_open(r->s, &pc, &r->port, err, sizeof(err));
	if (rc == 0)
		rc = leat_iface_add(r->s, r->port, 0, "t0", &r->iface);
	if (rc == 0)
		rc = leat_port_start(r->s, r->port);
	return rc;
}

int rig_open(struct rig *r, const struct leat_stack_conf *conf, uint16_t mtu)
{
	struct leat_stack_conf own;
	char name[RTE_MEMPOOL_NAMESIZE];
	int rc;

	memset(r, 0, sizeof(*r));
	r->eth_port = -1;
	if (conf == NULL) {
		rig_conf(&own);
		conf = &own;
	}
	snprintf(name, sizeof(name), "%s_rig", conf->name);
	r->pool = rte_pktmbuf_pool_create(
		name, 8191, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (r->pool == NULL)
		return -ENOMEM;
	rc = leat_open(conf, &r->s);
	if (rc == 0) {
		r->lc = r->s->lcores[0];
		rc = open_port(r, conf->name, mtu);
	}
	if (rc != 0)
		rig_close(r);
	return rc;
}

static void free_ring(struct rte_ring *ring)
{
	struct rte_mbuf *m;

	while (ring != NULL && rte_ring_dequeue(ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

static void check_pools(const struct leat_stack *s)
{
	for (int n = 0; n < LEAT_MAX_NODES; n++) {
		if (s->pools[n] == NULL)
			continue;
		CU_ASSERT_EQUAL(rte_mempool_in_use_count(s->pools[n]), 0);
		CU_ASSERT_EQUAL(rte_mempool_in_use_count(s->indirect_pools[n]), 0);
	}
}

void rig_close(struct rig *r)
{
	char name[RTE_ETH_NAME_MAX_LEN] = "";

	if (r->s != NULL) {
		CU_ASSERT(rig_balanced(r->s));
		if (punting == r)
			punting = NULL;
		if (r->out != NULL)
			CU_ASSERT(rte_ring_empty(r->out));
		leat_close_layers(r->s);
		check_pools(r->s);
		leat_stack_destroy(r->s);
	}
	if (r->eth_port >= 0 && rte_eth_dev_get_name_by_port(r->eth_port, name) == 0)
		rte_vdev_uninit(name);
	free_ring(r->in);
	free_ring(r->out);
	if (r->pool != NULL)
		CU_ASSERT_EQUAL(rte_mempool_in_use_count(r->pool), 0);
	rte_mempool_free(r->pool);
}

static void count_punt(struct leat_lcore *lc, struct rte_mbuf *m, enum leat_punt_class c)
{
	punting->punts[c]++;
	lc->count.punted++;
	leat_pkt_unpoison(m);
	rte_pktmbuf_free(m);
}

void rig_punt(struct rig *r)
{
	punting = r;
	r->s->punt = count_punt;
}

void rig_send_mbuf(struct rig *r, struct rte_mbuf *m)
{
	if (m == NULL || rte_ring_enqueue(r->in, m) != 0) {
		CU_FAIL("the test's frame could not be sent");
		rte_pktmbuf_free(m);
		return;
	}
	leat_lcore_poll(r->lc);
}

void rig_send(struct rig *r, const void *frame, uint32_t len)
{
	rig_send_mbuf(r, leat_pkt_from_bytes_exact(r->pool, frame, len, NULL, 0));
}

void rig_run(struct rig *r, uint64_t ns)
{
	while (ns != 0) {
		uint64_t step = ns < 1000000 ? ns : 1000000;

		leat_clock_advance(r->s, step);
		leat_lcore_poll(r->lc);
		ns -= step;
	}
}

struct rte_mbuf *rig_take(struct rig *r)
{
	struct rte_mbuf *m;

	return rte_ring_dequeue(r->out, (void **)&m) == 0 ? m : NULL;
}

bool rig_balanced(const struct leat_stack *s)
{
	uint64_t in = 0, end = 0;

	for (uint16_t i = 0; i < s->n_lcores; i++) {
		const struct leat_lcore *lc = s->lcores[i];
		const struct leat_counts *c = &lc->count;

		in += c->received + c->created;
		end += c->transmitted + c->consumed + c->punted + c->merged + c->held;
		for (int d = 0; d < LEAT_DROP_MAX; d++)
			end += lc->drops[d];
	}
	if (in != end)
		printf("packet equation: %lu in, %lu ended\n", (unsigned long)in,
			(unsigned long)end);
	return in == end;
}

uint64_t rig_drops(const struct leat_stack *s, enum leat_drop why)
{
	uint64_t n = 0;

	for (uint16_t i = 0; i < s->n_lcores; i++)
		n += s->lcores[i]->drops[why];
	return n;
}
