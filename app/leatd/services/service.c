// SPDX-License-Identifier: BSD-3-Clause
// Dispatch of a worker's socket events to the services, and the connections' lives. LEAT_POLL_APP
// hook of leatd.
#include "app/leatd/services/service.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wheel.h"

#define BACKLOG 1024
#define EVENTS 32
#define TURN_EVENTS 256 // and no more in one turn
#define TIMER_APP 5

// A cookie: what it is, the service, the connection's index in the slab.
enum { COOKIE_NONE, COOKIE_LISTENER, COOKIE_UDP, COOKIE_CONN };

static uint64_t cookie(uint64_t kind, uint16_t service, uint32_t conn)
{
	return kind << 56 | (uint64_t)service << 32 | conn;
}

int leatd_cookie_service(uint64_t c)
{
	return c >> 56 != COOKIE_NONE ? (int)(uint16_t)(c >> 32) : -1;
}

static const struct leatd_service_ops *ops_of(const struct leatd_worker *w, uint16_t service)
{
	static const struct leatd_service_ops *const all[] = {
		[LEATD_HTTP] = &leatd_http_ops,
		[LEATD_ECHO] = &leatd_echo_ops,
		[LEATD_DISCARD] = &leatd_discard_ops,
	};

	return all[w->conf->services[service].type];
}

// ---- connections ----

void leatd_conn_again(struct leatd_worker *w, struct leatd_conn *c)
{
	if (c->is_ready)
		return;
	c->is_ready = true;
	w->n_ready++;
	TAILQ_INSERT_TAIL(&w->ready, c, ready);
}

static void unready(struct leatd_worker *w, struct leatd_conn *c)
{
	if (!c->is_ready)
		return;
	c->is_ready = false;
	w->n_ready--;
	TAILQ_REMOVE(&w->ready, c, ready);
}

void leatd_conn_close(struct leatd_worker *w, struct leatd_conn *c, bool reset)
{
	unready(w, c);
	leat_timer_disarm(&w->lc->wheel, &c->timer);
	TAILQ_REMOVE(&w->all, c, all);
	rte_pktmbuf_free(c->in);
	if (reset)
		leat_sock_abort(w->lc, c->sock);
	else
		leat_sock_close(w->lc, c->sock);
	leat_slab_free(w->conns, c);
}

void leatd_conn_watch(struct leatd_worker *w, struct leatd_conn *c, uint64_t ns)
{
	leat_timer_arm(&w->lc->wheel, &c->timer, w->lc->now_ns + ns);
}

// The timer is looked at by the service: what has moved since puts it off.
static void expired(void *ctx, struct leat_timer *t)
{
	struct leatd_conn *c = container_of(t, struct leatd_conn, timer);
	struct leatd_worker *w = ctx;

	ops_of(w, c->service)->serve(w, c);
}

void leatd_conn_eat(struct leatd_conn *c, uint32_t n)
{
	while (c->in != NULL) {
		struct rte_mbuf *m = c->in, *next = m->next;

		if (n < m->data_len) {
			rte_pktmbuf_adj(m, (uint16_t)n);
			return;
		}
		n -= m->data_len;
		if (next != NULL) {
			next->pkt_len = m->pkt_len - m->data_len;
			next->nb_segs = m->nb_segs - 1;
		}
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
		c->in = next;
	}
}

struct rte_mbuf *leatd_chain_join(struct rte_mbuf *a, struct rte_mbuf *b)
{
	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	rte_pktmbuf_lastseg(a)->next = b;
	a->nb_segs += b->nb_segs;
	a->pkt_len += b->pkt_len;
	return a;
}

// ---- events ----

static bool accept_one(struct leatd_worker *w, uint16_t service)
{
	struct leatd_conn *c = leat_slab_alloc(w->conns);
	int64_t sock;

	if (c == NULL) { // the connections' limit is the slab's: some are about to be freed
		w->refused++;
		w->accept_again = true;
		return false;
	}
	sock = leat_sock_accept(w->lc, w->socks[service],
		cookie(COOKIE_CONN, service, leat_slab_index(w->conns, c)), NULL);
	if (sock <= 0) {
		leat_slab_free(w->conns, c);
		w->accept_again |= sock == -EMFILE;
		return false;
	}
	c->in = NULL;
	c->sock = (uint32_t)sock;
	c->service = service;
	c->is_ready = false;
	c->progress_ns = w->lc->now_ns;
	leat_timer_init(&c->timer, TIMER_APP);
	TAILQ_INSERT_TAIL(&w->all, c, all);
	w->accepted++;
	if (ops_of(w, service)->open != NULL)
		ops_of(w, service)->open(w, c);
	return true;
}

static void accept_all(struct leatd_worker *w, uint16_t service)
{
	unsigned n = 0;

	while (n < TURN_EVENTS && accept_one(w, service))
		n++;
	w->accept_again |= n == TURN_EVENTS;
}

static void on_event(struct leatd_worker *w, const struct leat_event *ev)
{
	uint16_t service = (uint16_t)(ev->cookie >> 32);
	struct leatd_conn *c;

	switch (ev->cookie >> 56) {
	case COOKIE_LISTENER:
		accept_all(w, service);
		break;
	case COOKIE_UDP:
		ops_of(w, service)->datagrams(w, service);
		break;
	case COOKIE_CONN:
		c = leat_slab_at(w->conns, (uint32_t)ev->cookie);
		if (ev->mask & (LEAT_EV_HUP | LEAT_EV_ERR))
			leatd_conn_close(w, c, false);
		else
			ops_of(w, service)->serve(w, c);
		break;
	}
}

static void serve_ready(struct leatd_worker *w)
{
	// Only those that stand there now: who comes back waits for the next turn.
	for (uint32_t n = w->n_ready; n > 0; n--) {
		struct leatd_conn *c = TAILQ_FIRST(&w->ready);

		if (c == NULL)
			return;
		unready(w, c);
		ops_of(w, c->service)->serve(w, c);
	}
}

static void accept_again(struct leatd_worker *w)
{
	w->accept_again = false;
	for (uint16_t i = 0; i < w->conf->n_services; i++) {
		if (w->conf->services[i].protocol == LEATD_TCP && w->socks[i] != 0)
			accept_all(w, i);
	}
}

static uint16_t poll_services(struct leat_lcore *lc, void *ctx)
{
	struct leatd_worker *w = ctx;
	bool again = w->n_ready > 0 || w->accept_again;
	uint32_t done = w->n_ready;
	struct leat_event ev[EVENTS];
	struct leat_stage_frame f;
	uint16_t n = again ? 0 : leat_sock_events(lc, ev, EVENTS);

	if (likely(n == 0 && !again))
		return 0;
	f = leat_stage_enter(lc, LEAT_STAGE_APP, 0);
	if (again) {
		serve_ready(w);
		if (w->accept_again)
			accept_again(w);
		// Only now: what was just closed has no event any more.
		n = leat_sock_events(lc, ev, EVENTS);
	}
	while (n > 0) {
		for (uint16_t i = 0; i < n; i++)
			on_event(w, &ev[i]);
		done += n;
		n = done < TURN_EVENTS ? leat_sock_events(lc, ev, EVENTS) : 0;
	}
	lc->stages[LEAT_STAGE_APP].packets += done;
	f.n = done;
	leat_stage_leave(lc, LEAT_STAGE_APP, f);
	return (uint16_t)RTE_MIN(done, (uint32_t)UINT16_MAX);
}

// ---- start and end ----

static int open_service(struct leatd_worker *w, uint16_t i)
{
	const struct leatd_service_conf *v = &w->conf->services[i];
	struct leat_endpoint at = {.ip = v->address, .port = (uint16_t)v->port};

	if (v->protocol == LEATD_UDP)
		return leat_sock_udp(w->lc, &at, NULL, cookie(COOKIE_UDP, i, 0), &w->socks[i]);
	return leat_sock_listen(w->lc, &at, BACKLOG, cookie(COOKIE_LISTENER, i, 0), &w->socks[i]);
}

static int open_services(struct leatd_worker *w, char *err, size_t err_len)
{
	for (uint16_t i = 0; i < w->conf->n_services; i++) {
		int rc = open_service(w, i);

		if (rc == 0)
			continue;
		snprintf(err, err_len, "service %s: worker %u: %s", w->conf->services[i].name,
			w->lc->id, strerror(-rc));
		return rc;
	}
	return 0;
}

int leatd_worker_create(struct leat_lcore *lc, const struct leatd_conf *conf,
	const struct leatd_date *date, struct leatd_worker **out, char *err, size_t err_len)
{
	struct leatd_worker *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	snprintf(err, err_len, "services: worker %u: %s", lc->id, strerror(ENOMEM));
	if (w == NULL)
		return rc;
	w->lc = lc;
	w->conf = conf;
	w->date = date;
	TAILQ_INIT(&w->all);
	TAILQ_INIT(&w->ready);
	w->conns = leat_slab_create(
		"services", sizeof(struct leatd_conn), conf->limits.connections, lc->node);
	if (w->conns != NULL && leatd_pattern_create(w) == 0)
		rc = open_services(w, err, err_len);
	if (rc == 0) {
		leat_wheel_set_handler(&lc->wheel, TIMER_APP, expired, w);
		rc = leat_lcore_hook(lc, LEAT_POLL_APP, poll_services, w);
	}
	if (rc != 0) {
		leatd_worker_abort(w);
		leatd_worker_destroy(w);
		return rc;
	}
	*out = w;
	return 0;
}

void leatd_worker_destroy(struct leatd_worker *w)
{
	if (w == NULL)
		return;
	leatd_pattern_destroy(w);
	leat_slab_destroy(w->conns);
	free(w);
}

static void close_listeners(struct leatd_worker *w)
{
	for (uint16_t i = 0; i < w->conf->n_services; i++) {
		if (w->socks[i] != 0)
			leat_sock_close(w->lc, w->socks[i]);
		w->socks[i] = 0;
	}
	w->accept_again = false;
}

void leatd_worker_drain(struct leatd_worker *w)
{
	struct leatd_conn *c, *next;

	if (w->draining)
		return;
	w->draining = true;
	close_listeners(w);
	for (c = TAILQ_FIRST(&w->all); c != NULL; c = next) {
		next = TAILQ_NEXT(c, all);
		if (ops_of(w, c->service)->drain != NULL)
			ops_of(w, c->service)->drain(w, c);
	}
}

void leatd_worker_abort(struct leatd_worker *w)
{
	close_listeners(w);
	while (!TAILQ_EMPTY(&w->all))
		leatd_conn_close(w, TAILQ_FIRST(&w->all), true);
}
