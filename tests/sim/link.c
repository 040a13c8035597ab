// SPDX-License-Identifier: BSD-3-Clause
// See link.h.
#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "pkt/cksum.h"
#include "pkt/gso.h"
#include "pktbuf.h"
#include "unit.h"

#define GSO_MAX 128

struct link_frame {
	uint64_t at, serial;
	uint32_t to, len;
	uint8_t b[];
};

void link_init(
	struct link *l, const struct link_conf *conf, struct rig *a, struct rig *b, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->conf = *conf;
	l->end[0] = a;
	l->end[1] = b;
	l->seed = seed;
	l->hash = 0xcbf29ce484222325ull;
}

void link_fini(struct link *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		free(l->heap[i]);
	free(l->heap);
}

// ---- the heap ----

static bool before(const struct link_frame *a, const struct link_frame *b)
{
	return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

static void push(struct link *l, struct link_frame *f)
{
	uint32_t i = l->n++;

	if (l->n > l->cap) {
		l->cap = l->cap != 0 ? 2 * l->cap : 1024;
		l->heap = realloc(l->heap, l->cap * sizeof(l->heap[0]));
	}
	for (; i != 0 && before(f, l->heap[(i - 1) / 2]); i = (i - 1) / 2)
		l->heap[i] = l->heap[(i - 1) / 2];
	l->heap[i] = f;
}

static struct link_frame *pop(struct link *l)
{
	struct link_frame *top = l->heap[0], *last = l->heap[--l->n];
	uint32_t i = 0, kid;

	for (; (kid = 2 * i + 1) < l->n; i = kid) {
		if (kid + 1 < l->n && before(l->heap[kid + 1], l->heap[kid]))
			kid++;
		if (before(last, l->heap[kid]))
			break;
		l->heap[i] = l->heap[kid];
	}
	l->heap[i] = last;
	return top;
}

uint64_t link_next(const struct link *l)
{
	return l->n != 0 ? l->heap[0]->at : UINT64_MAX;
}

// ---- sending ----

static void hash_word(struct link *l, uint64_t w)
{
	l->hash = (l->hash ^ w) * 0x9fb21c651e98df25ull;
	l->hash ^= l->hash >> 32;
}

static void hash_frame(
	struct link *l, uint64_t now_ns, uint32_t from, const uint8_t *b, uint32_t len)
{
	uint64_t w = 0;

	hash_word(l, now_ns);
	hash_word(l, (uint64_t)from << 32 | len);
	for (uint32_t i = 0; i < len; i += 8) {
		w = 0;
		memcpy(&w, b + i, len - i < 8 ? len - i : 8);
		hash_word(l, w);
	}
}

static bool chance(struct link *l, uint32_t per_65536)
{
	return (unit_random(&l->seed) & 0xffff) < per_65536;
}

// The frame on its way: after those before it in the queue, its own bits, and the delay.
static void launch(struct link *l, uint64_t leaves, uint32_t to, const uint8_t *b, uint32_t len)
{
	struct link_frame *f = malloc(sizeof(*f) + len);

	f->at = leaves + l->conf.delay_ns;
	if (l->conf.reorder_ns != 0 && chance(l, l->conf.reorder)) {
		f->at += unit_random(&l->seed) % l->conf.reorder_ns;
		l->moved++;
	}
	f->serial = l->serial++;
	f->to = to;
	f->len = len;
	memcpy(f->b, b, len);
	if (chance(l, l->conf.damage)) {
		f->b[unit_random(&l->seed) % len] ^= (uint8_t)(1u << unit_random(&l->seed) % 8);
		l->damaged++;
	}
	push(l, f);
}

static void send_bytes(
	struct link *l, uint64_t now_ns, uint32_t from, const uint8_t *b, uint32_t len)
{
	uint64_t per_byte_ps = 8000000000000ull / l->conf.bits_per_s;
	uint64_t *busy = &l->busy_until[from];
	uint64_t waits = *busy > now_ns ? *busy - now_ns : 0;

	l->frames++;
	if (len > l->largest)
		l->largest = len;
	hash_frame(l, now_ns, from, b, len);
	if (waits * 1000 / per_byte_ps > l->conf.queue_bytes || chance(l, l->conf.loss)) {
		l->lost++;
		return;
	}
	*busy = now_ns + waits + len * per_byte_ps / 1000;
	launch(l, *busy, !from, b, len);
	if (chance(l, l->conf.dup)) {
		l->doubled++;
		launch(l, *busy, !from, b, len);
	}
}

static void send_mbuf(struct link *l, uint64_t now_ns, uint32_t from, struct rte_mbuf *m)
{
	static uint8_t b[65536 + 64];

	CU_ASSERT_EQUAL(leat_pkt_fill_cksum(m, m->ol_flags & LEAT_PKT_CKSUM_MASK), 0);
	CU_ASSERT(m->pkt_len <= 14u + l->end[from]->port->mtu);
	leat_pkt_to_bytes(m, b);
	send_bytes(l, now_ns, from, b, m->pkt_len);
	rte_pktmbuf_free(m);
}

// A superframe, as a device cuts it.
static void cut(struct link *l, uint64_t now_ns, uint32_t from, struct rte_mbuf *m)
{
	struct rte_mbuf *out[GSO_MAX];
	struct rte_mempool *pool = l->end[from]->pool;
	int n = leat_pkt_gso(m, m->tso_segsz, pool, pool, out, GSO_MAX);

	CU_ASSERT_FATAL(n > 0);
	for (int i = 0; i < n; i++)
		send_mbuf(l, now_ns, from, out[i]);
}

unsigned link_collect(struct link *l, uint64_t now_ns)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	for (uint32_t side = 0; side < 2; side++)
		for (; (m = rig_take(l->end[side])) != NULL; n++) {
			if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
				cut(l, now_ns, side, m);
			else
				send_mbuf(l, now_ns, side, m);
		}
	return n;
}

// ---- arriving ----

// As a port would deliver it: in one buffer, in a chain of small ones, or in foreign memory.
static struct rte_mbuf *to_mbuf(struct link *l, const struct link_frame *f)
{
	struct rte_mempool *pool = l->end[f->to]->pool;
	uint32_t cuts[2], how = unit_random(&l->seed) % 16, done = 0;
	struct rte_mbuf *m, *seg;

	if (how == 0) {
		cuts[0] = unit_random(&l->seed) % (f->len + 1);
		cuts[1] = cuts[0] + unit_random(&l->seed) % (f->len + 1 - cuts[0]);
		return leat_pkt_from_bytes_exact(pool, f->b, f->len, cuts, 2);
	}
	m = rte_pktmbuf_alloc(pool);
	for (seg = m; seg != NULL && done < f->len; seg = seg->next) {
		uint32_t n = RTE_MIN(f->len - done, (uint32_t)rte_pktmbuf_tailroom(seg));

		if (how == 1)
			n = RTE_MIN(n, 200u);
		memcpy(rte_pktmbuf_mtod(seg, void *), f->b + done, n);
		seg->data_len = (uint16_t)n;
		done += n;
		if (done < f->len) {
			seg->next = rte_pktmbuf_alloc(pool);
			m->nb_segs++;
		}
	}
	if (m != NULL && done < f->len) {
		m->nb_segs--;
		rte_pktmbuf_free(m);
		return NULL;
	}
	if (m != NULL)
		m->pkt_len = f->len;
	return m;
}

unsigned link_deliver(struct link *l, uint64_t now_ns)
{
	unsigned n = 0;

	for (; l->n != 0 && l->heap[0]->at <= now_ns; n++) {
		struct link_frame *f = pop(l);
		struct rte_mbuf *m = to_mbuf(l, f);

		if (m == NULL || rte_ring_enqueue(l->end[f->to]->in, m) != 0) {
			l->lost++; // a device without a free descriptor
			rte_pktmbuf_free(m);
		}
		free(f);
	}
	return n;
}
