// SPDX-License-Identifier: BSD-3-Clause
// The applications: what they send, how they read, when they close. See sim.h.
#include "sim.h"

#include <stdio.h>

#include <CUnit/CUnit.h>

#include "unit.h"

#define POOL_RESERVE 1024 // mbufs that the applications leave to the stack

// ---- what is transferred ----

uint64_t draw(struct sim *s, uint64_t n)
{
	return unit_random(&s->link.seed) % n;
}

static uint8_t byte_at(uint64_t stream, uint64_t i)
{
	uint64_t z = (stream * 0x9e3779b97f4a7c15ull) ^ (i / 8 * 0xbf58476d1ce4e5b9ull);

	z = (z ^ (z >> 29)) * 0x94d049bb133111ebull;
	return (uint8_t)(z >> (i % 8 * 8));
}

static uint64_t stream_of(const struct sim *s, const struct end *e, bool out)
{
	return s->seed * 1000 + e->flow * 2 + (e->side ^ !out) + 1;
}

// ---- the application ----

static struct rte_mbuf *make_chain(struct sim *s, struct end *e, uint32_t len)
{
	struct rte_mempool *pool = s->rig[e->side].lc->pool;
	struct rte_mbuf *head = NULL, **link = &head;
	uint64_t stream = stream_of(s, e, true);
	uint32_t done = 0, segs = 0;

	if (rte_mempool_avail_count(pool) < POOL_RESERVE)
		return NULL;
	while (done < len && segs < 64) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		uint32_t n = RTE_MIN(len - done, 1 + (uint32_t)draw(s, 2048));
		uint8_t *to = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n);

		for (uint32_t i = 0; i < n; i++)
			to[i] = byte_at(stream, e->sent + done + i);
		done += n;
		segs++;
		*link = m;
		link = &m->next;
	}
	head->pkt_len = done;
	head->nb_segs = (uint16_t)segs;
	return head;
}

static unsigned write_some(struct sim *s, struct end *e)
{
	struct leat_lcore *lc = s->rig[e->side].lc;
	uint64_t left = e->to_send - e->sent;
	uint32_t len = 1 + (uint32_t)draw(s, e->write_max);
	uint32_t space = leat_tcp_send_space(e->c);
	struct rte_mbuf *chain;

	len = (uint32_t)RTE_MIN((uint64_t)RTE_MIN(len, space), left);
	if (len == 0)
		return 0;
	chain = make_chain(s, e, len);
	if (chain == NULL)
		return 0;
	e->sent += chain->pkt_len;
	CU_ASSERT_EQUAL_FATAL(leat_tcp_send(lc, e->c, chain), 0);
	return 1;
}

static unsigned read_some(struct sim *s, struct end *e)
{
	struct leat_lcore *lc = s->rig[e->side].lc;
	uint64_t stream = stream_of(s, e, false);
	struct rte_mbuf *m, *seg;
	unsigned wrong = 0;

	m = leat_tcp_recv(lc, e->c, e->read_max);
	if (m == NULL)
		return 0;
	CU_ASSERT(e->read_max == 0 || m->pkt_len <= e->read_max);
	for (seg = m; seg != NULL; seg = seg->next)
		for (uint32_t i = 0; i < seg->data_len; i++)
			wrong += rte_pktmbuf_mtod(seg, uint8_t *)[i] != byte_at(stream, e->got++);
	if (wrong != 0) {
		printf("seed %lu: flow %u side %u: %u bytes wrong before %lu\n",
			(unsigned long)s->seed, e->flow, e->side, wrong, (unsigned long)e->got);
		CU_FAIL("wrong bytes");
	}
	rte_pktmbuf_free(m);
	return 1;
}

static void end_closes(struct sim *s, struct end *e)
{
	leat_tcp_close(s->rig[e->side].lc, e->c);
	e->c = NULL;
	e->closed = true;
	s->n_open--;
}

unsigned app_run(struct sim *s, struct end *e)
{
	struct leat_lcore *lc = s->rig[e->side].lc;
	unsigned did = 0;

	if (e->c == NULL || s->now < e->next_ns)
		return 0;
	if (e->sent < e->to_send)
		did += write_some(s, e);
	did += read_some(s, e);
	if (did != 0)
		e->next_ns = s->now + (draw(s, 500) != 0 ? e->pause_ns : draw(s, 5000 * MS));
	if (e->sent == e->to_send && !e->sent_all && leat_tcp_send_space(e->c) != 0) {
		e->sent_all = true;
		if (e->to_recv == 0 && !e->half_close) { // nothing more to do here
			end_closes(s, e);
			return 1;
		}
		CU_ASSERT_EQUAL(leat_tcp_shutdown(lc, e->c), 0);
	}
	if (e->sent_all && leat_tcp_eof(e->c)) {
		CU_ASSERT_EQUAL(e->got, e->to_recv);
		end_closes(s, e);
		return 1;
	}
	return did;
}

// The end of the flow that this connection is of: the one whose peer has its port.
static struct end *end_of(struct sim *s, uint32_t side, const struct leat_tcp_conn *c)
{
	struct leat_transport_info i;

	leat_tcp_info(c, &i);
	for (uint32_t k = 1; k < s->n_ends; k += 2)
		if (s->ends[k].side == side && !s->ends[k].opened &&
			s->ends[k - 1].port == i.remote.port)
			return &s->ends[k];
	return NULL;
}

unsigned app_accept(struct sim *s, uint32_t side)
{
	struct leat_lcore *lc = s->rig[side].lc;
	struct leat_tcp_conn *c;
	unsigned n = 0;

	while (s->listener[side] != NULL &&
		(c = leat_tcp_accept(lc, s->listener[side], ACCEPTED + s->n_accepted)) != NULL) {
		struct end *e = end_of(s, side, c);

		s->n_accepted++;
		n++;
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		e->c = c;
		e->opened = true;
	}
	return n;
}

void app_open(struct sim *s, struct end *e)
{
	struct leat_transport_info i;
	struct leat_endpoint to = {leat_ip_from_be32(RTE_BE32(0xc0000201u + !e->side)), PORT};
	int rc =
		leat_tcp_connect(s->rig[e->side].lc, NULL, &to, (uint32_t)(e - s->ends) + 1, &e->c);

	CU_ASSERT_EQUAL_FATAL(rc, 0);
	leat_tcp_info(e->c, &i);
	e->port = i.local.port;
	e->opened = true;
}
