// SPDX-License-Identifier: BSD-3-Clause
// Starts and ends the TCP of a stack: slabs, demux, timers and hooks of every worker. Called by
// transport.c.
#include "transport/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <rte_errno.h>

#include "core/numa.h"
#include "transport/tcp_private.h"

// Shift with which a window of all of the buffer can be told (RFC 7323, 2.2).
static uint8_t wscale_for(uint32_t bytes)
{
	uint8_t shift = 0;

	while (shift < TCP_WSCALE_MAX && (UINT32_C(65535) << shift) < bytes)
		shift++;
	return shift;
}

static int make_slabs(struct leat_lcore *lc, struct leat_tcp_lcore *t)
{
	const struct leat_limits *l = &lc->stack->conf.limits;

	t->conns = leat_slab_create(
		"tcp_conn", sizeof(struct leat_tcp_conn), l->connections, lc->node);
	t->syns = leat_slab_create("tcp_syn", sizeof(struct leat_tcp_syn), l->half_open, lc->node);
	t->tws = leat_slab_create("tcp_tw", sizeof(struct leat_tcp_tw), l->time_wait, lc->node);
	t->listeners = leat_slab_create(
		"tcp_listener", sizeof(struct leat_tcp_listener), l->listeners, lc->node);
	t->demux = leat_demux_create(
		lc, "tcp", l->connections + l->half_open + l->time_wait + l->listeners);
	if (t->conns == NULL || t->syns == NULL || t->tws == NULL || t->listeners == NULL ||
		t->demux == NULL)
		return -ENOMEM;
	return 0;
}

static int init_lcore(struct leat_lcore *lc)
{
	const struct leat_limits *l = &lc->stack->conf.limits;
	struct leat_tcp_lcore *t = leat_numa_alloc(sizeof(*t), lc->node);
	int rc;

	if (t == NULL)
		return -ENOMEM;
	lc->tcp = t;
	TAILQ_INIT(&t->out);
	TAILQ_INIT(&t->dead);
	t->rcvbuf = l->receive_buffer;
	t->sndbuf = l->send_buffer;
	t->rx_soft = lc->stack->conf.mbufs / 4 / lc->stack->n_lcores;
	t->rx_hard = 2 * t->rx_soft;
	t->rcv_wscale = wscale_for(t->rcvbuf);
	rc = make_slabs(lc, t);
	if (rc != 0)
		return rc;
	leat_wheel_set_handler(&lc->wheel, LEAT_TIMER_TCP_CONN, leat_tcp_timer_conn, lc);
	leat_wheel_set_handler(&lc->wheel, LEAT_TIMER_TCP_SYN, leat_tcp_timer_syn, lc);
	leat_wheel_set_handler(&lc->wheel, LEAT_TIMER_TCP_TW, leat_tcp_timer_tw, lc);
	return leat_lcore_hook(lc, LEAT_POLL_OUTPUT, leat_tcp_output, NULL);
}

// The wheel goes on without the objects: their timers are taken out of it first.
static void free_object(struct leat_lcore *lc, void *obj)
{
	switch (*(const uint8_t *)obj) {
	case LEAT_TCP_CONN:
		leat_tcp_conn_free(lc, obj);
		break;
	case LEAT_TCP_SYN:
		leat_timer_disarm(&lc->wheel, &((struct leat_tcp_syn *)obj)->timer);
		break;
	case LEAT_TCP_TW:
		leat_timer_disarm(&lc->wheel, &((struct leat_tcp_tw *)obj)->timer);
		break;
	default:
		break;
	}
}

static void fini_lcore(struct leat_lcore *lc)
{
	struct leat_tcp_lcore *t = lc->tcp;
	const struct leat_flow_key *k;
	struct leat_tcp_conn *c;
	uint32_t cursor = 0;
	void *obj;

	if (t == NULL)
		return;
	while (t->demux != NULL && leat_demux_next(t->demux, &cursor, &k, &obj))
		free_object(lc, obj);
	while ((c = TAILQ_FIRST(&t->dead)) != NULL)
		leat_tcp_conn_free(lc, c);
	if (lc->hooks[LEAT_POLL_OUTPUT].fn == leat_tcp_output)
		lc->hooks[LEAT_POLL_OUTPUT].fn = NULL;
	leat_demux_destroy(t->demux);
	leat_slab_destroy(t->conns);
	leat_slab_destroy(t->syns);
	leat_slab_destroy(t->tws);
	leat_slab_destroy(t->listeners);
	leat_numa_free(t, sizeof(*t));
	lc->tcp = NULL;
}

int leat_tcp_init(struct leat_stack *s)
{
	int rc = 0;

	for (uint16_t i = 0; rc == 0 && i < s->n_lcores; i++)
		rc = init_lcore(s->lcores[i]);
	if (rc == 0)
		rc = leat_ip_set_proto(s, IPPROTO_TCP, leat_tcp_input, leat_tcp_icmp_error);
	if (rc != 0)
		leat_tcp_fini(s);
	return rc;
}

void leat_tcp_fini(struct leat_stack *s)
{
	for (uint16_t i = 0; i < s->n_lcores; i++)
		fini_lcore(s->lcores[i]);
}

const struct leat_slab *leat_tcp_slab(const struct leat_lcore *lc, unsigned i)
{
	const struct leat_tcp_lcore *t = lc->tcp;
	const struct leat_slab *slabs[] = {t->conns, t->syns, t->tws, t->listeners};

	return i < RTE_DIM(slabs) ? slabs[i] : NULL;
}
