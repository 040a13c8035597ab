// SPDX-License-Identifier: BSD-3-Clause
// Numbers of sockets and the queue of their events. Called by sock.c, and by transport for events.
#include "sock/sock_private.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_common.h>

#include "core/numa.h"
#include "transport/udp.h"

// A freed slot rests until so many are free, so that its generation comes round late; fewer than
// the table, so that a small working set stays in the cache.
#define SOCK_REST 256

int leat_sock_table_init(struct leat_lcore *lc, uint32_t n)
{
	struct leat_sock_lcore *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->n = n;
	t->bits = rte_log2_u32(n);
	t->socks = leat_numa_alloc((size_t)n * sizeof(*t->socks), lc->node);
	if (t->socks == NULL) {
		free(t);
		return -ENOMEM;
	}
	TAILQ_INIT(&t->free);
	TAILQ_INIT(&t->events);
	TAILQ_INIT(&t->retry);
	lc->sock = t;
	return 0;
}

void leat_sock_table_fini(struct leat_lcore *lc)
{
	struct leat_sock_lcore *t = lc->sock;

	if (t == NULL)
		return;
	leat_numa_free(t->socks, (size_t)t->n * sizeof(*t->socks));
	free(t);
	lc->sock = NULL;
}

// Generations go round without 0, so that no number is ever 0.
static uint32_t next_number(const struct leat_sock_lcore *t, const struct sock *s)
{
	uint32_t slot = (uint32_t)(s - t->socks);
	uint32_t gen = ((s->number >> t->bits) + 1) & (UINT32_MAX >> t->bits);

	return (gen == 0 ? 1 : gen) << t->bits | slot;
}

struct sock *leat_sock_take(struct leat_lcore *lc, enum sock_type type, uint64_t cookie)
{
	struct leat_sock_lcore *t = lc->sock;
	uint32_t number;
	struct sock *s;

	if (t->high < t->n && t->n_free < SOCK_REST) {
		s = &t->socks[t->high++];
	} else {
		s = TAILQ_FIRST(&t->free);
		if (s == NULL)
			return NULL;
		TAILQ_REMOVE(&t->free, s, link);
		t->n_free--;
	}
	number = next_number(t, s);
	*s = (struct sock){.number = number, .type = type, .cookie = cookie};
	return s;
}

void leat_sock_give(struct leat_lcore *lc, struct sock *s)
{
	struct leat_sock_lcore *t = lc->sock;

	if (s->pending != 0)
		TAILQ_REMOVE(&t->events, s, link);
	if (s->retry)
		TAILQ_REMOVE(&t->retry, s, retry_link);
	s->pending = 0;
	s->retry = false;
	s->type = SOCK_FREE;
	TAILQ_INSERT_TAIL(&t->free, s, link);
	t->n_free++;
}

struct sock *leat_sock_find(const struct leat_lcore *lc, uint32_t number)
{
	const struct leat_sock_lcore *t = lc->sock;
	uint32_t slot = number & ((1u << t->bits) - 1);
	struct sock *s;

	if (slot >= t->high)
		return NULL;
	s = &t->socks[slot];
	return s->number == number && s->type != SOCK_FREE ? s : NULL;
}

void leat_sock_event(struct leat_lcore *lc, uint32_t owner, uint32_t mask, int error)
{
	struct sock *s = leat_sock_find(lc, owner);

	if (s == NULL || mask == 0) // closed since
		return;
	if (s->pending == 0)
		TAILQ_INSERT_TAIL(&lc->sock->events, s, link);
	s->pending |= mask;
	if (mask & LEAT_EV_ERR)
		s->error = error;
}

void leat_sock_retry(struct leat_lcore *lc, struct sock *s)
{
	struct leat_sock_lcore *t = lc->sock;

	t->retry_turn = lc->polls;
	if (!s->retry)
		TAILQ_INSERT_TAIL(&t->retry, s, retry_link);
	s->retry = true;
}

// Never in the turn in which buffers were lacking: a program that takes events until there are none
// would not come to an end.
static void tell_retries(struct leat_lcore *lc)
{
	struct leat_sock_lcore *t = lc->sock;
	struct sock *s;

	if (t->retry_turn == lc->polls)
		return;
	while ((s = TAILQ_FIRST(&t->retry)) != NULL) {
		TAILQ_REMOVE(&t->retry, s, retry_link);
		s->retry = false;
		leat_sock_event(lc, s->number, LEAT_EV_OUT, 0);
	}
}

static void fill_event(struct sock *s, struct leat_event *ev)
{
	*ev = (struct leat_event){.sock = s->number, .mask = s->pending, .cookie = s->cookie};
	if (s->pending & LEAT_EV_ERR)
		ev->error = s->error;
	switch (s->type) {
	case SOCK_LISTENER:
		ev->readable = (s->pending & LEAT_EV_IN) != 0;
		break;
	case SOCK_TCP:
		ev->readable = leat_tcp_recv_avail(s->conn);
		ev->writable = leat_tcp_send_space(s->conn);
		break;
	case SOCK_UDP:
		ev->readable = leat_udp_queued(s->udp) != 0;
		ev->writable = LEAT_UDP_PAYLOAD_MAX;
		s->error = 0; // a datagram was refused; the endpoint lives on
		break;
	}
}

uint16_t leat_sock_events(struct leat_lcore *lc, struct leat_event *ev, uint16_t n)
{
	struct leat_sock_lcore *t = lc->sock;
	uint16_t got = 0;
	struct sock *s;

	tell_retries(lc);
	while (got < n && (s = TAILQ_FIRST(&t->events)) != NULL) {
		fill_event(s, &ev[got++]);
		TAILQ_REMOVE(&t->events, s, link);
		s->pending = 0;
	}
	return got;
}
