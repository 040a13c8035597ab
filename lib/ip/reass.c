// SPDX-License-Identifier: BSD-3-Clause
// Reassembly of IPv4 datagrams for this host (RFC 791, 3.2; RFC 815's question answered by
// bitmaps). Called by ip4_local.c; one table a worker, to which all fragments of a datagram are
// steered.
//
// A datagram is a record with two bitmaps over its 8-byte units: which are covered, and at which a
// fragment starts. They tell in a few words' work whether a fragment is new, an exact duplicate
// (dropped, harmless) or an overlap (the datagram is refused: RFC 5722's rule, as every use of
// overlaps is an attack).
//
// Its fragments wait in an ordered list, untouched, and become one chain. When the list would grow
// beyond LEAT_REASS_CHAIN segments - many fragments, or small ones - the datagram moves to a flat
// buffer of 64 KiB into which fragments are copied, and ends as a chain of fresh full buffers. So
// any number of fragments costs bounded memory, and every list is short.
//
// Memory: records, flat buffers and the true size of waiting mbufs are charged against
// limits.reassembly_bytes. Above it a new fragment is refused (REASS_FULL), but datagrams older
// than EVICT_NS go first, oldest before others: whoever fills the table with halves of datagrams
// blocks others for two seconds, not for thirty. A datagram that could not take a fragment can't
// complete, so it goes too.
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/numa.h"
#include "ip/icmp.h"
#include "ip/reass_private.h"

#define TIMEOUT_NS (30ull * 1000000000) // RFC 791 says 15 s at least, RFC 1122 3.3.2 at most 120
#define EVICT_NS (2ull * 1000000000)
// ---- bitmaps ----

// Bits from..to-1 of one word.
static inline uint64_t word_mask(uint32_t from, uint32_t to)
{
	uint64_t m = ~0ull << from;

	return to == 64 ? m : m & ~(~0ull << to);
}

// How many bits are set in from..to-1; sets them all when `set`.
static uint32_t bits_in(uint64_t *map, uint32_t from, uint32_t to, bool set)
{
	uint32_t n = 0;

	for (uint32_t w = from / 64; w * 64 < to; w++) {
		uint64_t m = word_mask(
			from > w * 64 ? from - w * 64 : 0, to < w * 64 + 64 ? to - w * 64 : 64);

		n += (uint32_t)__builtin_popcountll(map[w] & m);
		if (set)
			map[w] |= m;
	}
	return n;
}

static inline bool bit(const uint64_t *map, uint32_t i)
{
	return i < LEAT_REASS_UNITS && (map[i / 64] >> (i % 64) & 1) != 0;
}

// ---- records ----

static uint32_t hash(const struct leat_reass *r, const struct rte_ipv4_hdr *ip)
{
	uint64_t a = (uint64_t)ip->src_addr << 32 | ip->dst_addr;
	uint64_t b = (uint64_t)ip->packet_id << 8 | ip->next_proto_id;

	return (uint32_t)leat_ip_mix(leat_ip_mix(a ^ r->key[0]) + (b ^ r->key[1]));
}

static struct leat_datagram *find(const struct leat_reass *r, const struct rte_ipv4_hdr *ip)
{
	struct leat_datagram *d = r->buckets[hash(r, ip) & r->mask];

	while (d != NULL && (d->src_be != ip->src_addr || d->dst_be != ip->dst_addr ||
				    d->id_be != ip->packet_id || d->proto != ip->next_proto_id))
		d = d->next;
	return d;
}

static void unlink_record(struct leat_lcore *lc, struct leat_datagram *d)
{
	struct leat_reass *r = lc->ip->reass;
	struct rte_ipv4_hdr ip = {.src_addr = d->src_be,
		.dst_addr = d->dst_be,
		.packet_id = d->id_be,
		.next_proto_id = d->proto};
	struct leat_datagram **p = &r->buckets[hash(r, &ip) & r->mask];

	while (*p != d)
		p = &(*p)->next;
	*p = d->next;
	TAILQ_REMOVE(&r->by_age, d, age);
	leat_timer_disarm(&lc->wheel, &d->timer);
}

// Give back what is charged beyond the record itself.
static void uncharge(struct leat_reass *r, struct leat_datagram *d)
{
	if (d->flat != NULL)
		leat_slab_free(r->flats, d->flat);
	d->flat = NULL;
	r->bytes -= d->charged - sizeof(*d);
	d->charged = sizeof(*d);
}

static void free_record(struct leat_lcore *lc, struct leat_datagram *d)
{
	struct leat_reass *r = lc->ip->reass;

	uncharge(r, d);
	r->bytes -= d->charged;
	unlink_record(lc, d);
	leat_slab_free(r->records, d);
}

// Drop all that a datagram holds. Fragments whose bytes were copied have no mbuf any more, but were
// counted as held until now.
static void drop_fragments(struct leat_lcore *lc, struct leat_datagram *d, enum leat_drop why)
{
	uint32_t mbufs = 0;

	for (struct rte_mbuf *m = d->head, *next; m != NULL; m = next, mbufs++) {
		next = leat_meta(m)->next;
		leat_drop(lc, m, why);
	}
	if (d->first != NULL) {
		leat_drop(lc, d->first, why);
		mbufs++;
	}
	lc->drops[why] += d->n_frags - mbufs;
	lc->count.held -= d->n_frags;
	d->n_frags = 0;
	d->n_segs = 0;
	d->head = d->tail = d->first = NULL;
	uncharge(lc->ip->reass, d);
}

// The datagram can't become whole any more: its fragments go, the record stays until its time is
// over, so that those still on their way find it.
static void refuse(struct leat_lcore *lc, struct leat_datagram *d, enum leat_reass_state state)
{
	drop_fragments(lc, d,
		state == LEAT_REASS_REFUSED_FULL ? LEAT_DROP_REASS_FULL : LEAT_DROP_REASS_OVERLAP);
	d->state = state;
}

bool leat_reass_make_room(struct leat_lcore *lc, uint32_t bytes, const struct leat_datagram *keep)
{
	struct leat_reass *r = lc->ip->reass;

	while (bytes > r->limit - r->bytes) {
		struct leat_datagram *d = TAILQ_FIRST(&r->by_age);

		if (d == keep && d != NULL)
			d = TAILQ_NEXT(d, age);
		if (d == NULL || lc->now_ns - d->born_ns < EVICT_NS)
			return false;
		drop_fragments(lc, d, LEAT_DROP_REASS_FULL);
		free_record(lc, d);
	}
	return true;
}

static struct leat_datagram *make(struct leat_lcore *lc, const struct rte_ipv4_hdr *ip)
{
	struct leat_reass *r = lc->ip->reass;
	struct leat_datagram *d, **bucket = &r->buckets[hash(r, ip) & r->mask];

	if (!leat_reass_make_room(lc, sizeof(*d), NULL))
		return NULL;
	d = leat_slab_alloc(r->records);
	if (d == NULL)
		return NULL;
	memset(d, 0, sizeof(*d));
	d->src_be = ip->src_addr;
	d->dst_be = ip->dst_addr;
	d->id_be = ip->packet_id;
	d->proto = ip->next_proto_id;
	d->born_ns = lc->now_ns;
	d->charged = sizeof(*d);
	r->bytes += sizeof(*d);
	d->next = *bucket;
	*bucket = d;
	TAILQ_INSERT_TAIL(&r->by_age, d, age);
	leat_timer_init(&d->timer, LEAT_IP_TIMER_REASS);
	leat_timer_arm(&lc->wheel, &d->timer, lc->now_ns + TIMEOUT_NS);
	return d;
}

// RFC 1122, 3.3.2: time exceeded is sent if the first fragment is here.
static void on_timeout(void *ctx, struct leat_timer *t)
{
	struct leat_lcore *lc = ctx;
	struct leat_datagram *d =
		(struct leat_datagram *)((char *)t - offsetof(struct leat_datagram, timer));
	struct rte_mbuf *first = d->flat != NULL ? d->first : bit(d->starts, 0) ? d->head : NULL;

	if (first != NULL)
		leat_icmp_error_output(
			lc, first, LEAT_ICMP_TIME_EXCEEDED, LEAT_ICMP_EXCEEDED_REASS, 0);
	drop_fragments(lc, d, LEAT_DROP_REASS_TIMEOUT);
	free_record(lc, d);
}

// ---- fragments ----

static bool possible(const struct leat_reass_span *s, uint32_t l3_len)
{
	if (s->len == 0 || (!s->last && s->len % 8 != 0))
		return false;
	return s->off + s->len + l3_len <= LEAT_REASS_MAX;
}

enum verdict { NEW, DUPLICATE, OVERLAP };

// What a fragment is to those that are here.
static enum verdict judge(struct leat_datagram *d, const struct leat_reass_span *s)
{
	uint32_t from = s->off / 8, to = (s->off + s->len + 7) / 8;
	uint32_t end = s->off + s->len, n = bits_in(d->covered, from, to, false);

	if (n == 0) {
		// Nobody may lie beyond the end, and there is one end.
		if (s->last ? d->total != 0 || d->end > end : d->total != 0 && end > d->total)
			return OVERLAP;
		return NEW;
	}
	// The same fragment again: one starts here, none within, and it ends where this one does.
	if (n == to - from && bit(d->starts, from) && bits_in(d->starts, from, to, false) == 1 &&
		(bit(d->starts, to) || !bit(d->covered, to)) &&
		s->last == (d->total != 0 && end == d->total))
		return DUPLICATE;
	return OVERLAP;
}

// ---- completion ----

static struct rte_mbuf *complete(struct leat_lcore *lc, struct leat_datagram *d)
{
	struct rte_mbuf **first = d->flat != NULL ? &d->first : &d->head, *m;
	uint32_t hdr;

	hdr = (uint32_t)(*first)->l2_len + (*first)->l3_len;
	if ((*first)->l3_len + d->total >
		LEAT_REASS_MAX) { // the first header is longer than the others'
		drop_fragments(lc, d, LEAT_DROP_REASS_LEN);
		free_record(lc, d);
		return NULL;
	}
	m = leat_ip_unshare(lc, first, (uint16_t)hdr) ? leat_reass_chain(lc, d) : NULL;
	if (m == NULL) {
		drop_fragments(lc, d, LEAT_DROP_NO_MBUF);
		free_record(lc, d);
		return NULL;
	}
	lc->count.held -= d->n_frags;
	lc->count.merged += d->n_frags - 1;
	free_record(lc, d);
	return m;
}

struct rte_mbuf *leat_reass_input(struct leat_lcore *lc, struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = leat_ip4_hdr(m);
	struct leat_reass_span s = leat_reass_span_of(m);
	struct leat_datagram *d;

	if (!possible(&s, m->l3_len)) {
		leat_drop(lc, m, LEAT_DROP_REASS_LEN);
		return NULL;
	}
	d = find(lc->ip->reass, ip);
	if (d == NULL)
		d = make(lc, ip);
	if (d == NULL || d->state != LEAT_REASS_WAITING) {
		leat_drop(lc, m,
			d != NULL && d->state == LEAT_REASS_REFUSED_OVERLAP
				? LEAT_DROP_REASS_OVERLAP
				: LEAT_DROP_REASS_FULL);
		return NULL;
	}
	switch (judge(d, &s)) {
	case DUPLICATE:
		leat_consume(lc, m); // its bytes are here already: nothing is lost
		return NULL;
	case OVERLAP:
		leat_drop(lc, m, LEAT_DROP_REASS_OVERLAP);
		refuse(lc, d, LEAT_REASS_REFUSED_OVERLAP);
		return NULL;
	case NEW:
		break;
	}
	if (!leat_reass_store(lc, d, m, &s)) {
		leat_drop(lc, m, LEAT_DROP_REASS_FULL);
		refuse(lc, d, LEAT_REASS_REFUSED_FULL);
		return NULL;
	}
	bits_in(d->covered, s.off / 8, (s.off + s.len + 7) / 8, true);
	d->starts[s.off / 512] |= 1ull << (s.off / 8 % 64);
	d->have += s.len;
	d->end = RTE_MAX(d->end, s.off + s.len);
	if (s.last)
		d->total = s.off + s.len;
	return d->total != 0 && d->have == d->total ? complete(lc, d) : NULL;
}

// ---- start and end ----

int leat_reass_init(struct leat_lcore *lc)
{
	struct leat_reass *r = leat_numa_alloc(sizeof(*r), lc->node);
	uint32_t n_records, n_flats;

	if (r == NULL)
		return -ENOMEM;
	lc->ip->reass = r;
	r->limit = lc->stack->conf.limits.reassembly_bytes;
	n_records = r->limit / sizeof(struct leat_datagram) + 1;
	n_flats = r->limit / LEAT_REASS_FLAT + 1;
	TAILQ_INIT(&r->by_age);
	memcpy(r->key, lc->stack->secret, sizeof(r->key));
	r->n_buckets = rte_align32pow2(n_records);
	r->mask = r->n_buckets - 1;
	r->buckets = leat_numa_alloc(r->n_buckets * sizeof(*r->buckets), lc->node);
	r->records =
		leat_slab_create("reassembly", sizeof(struct leat_datagram), n_records, lc->node);
	r->flats = leat_slab_create("reassembly_flat", LEAT_REASS_FLAT, n_flats, lc->node);
	if (r->buckets == NULL || r->records == NULL || r->flats == NULL) {
		leat_reass_fini(lc);
		return -ENOMEM;
	}
	leat_wheel_set_handler(&lc->wheel, LEAT_IP_TIMER_REASS, on_timeout, lc);
	return 0;
}

void leat_reass_fini(struct leat_lcore *lc)
{
	struct leat_reass *r = lc->ip->reass;
	struct leat_datagram *d;

	if (r == NULL)
		return;
	while ((d = TAILQ_FIRST(&r->by_age)) != NULL) {
		drop_fragments(lc, d, LEAT_DROP_SHUTDOWN);
		free_record(lc, d);
	}
	leat_slab_destroy(r->records);
	leat_slab_destroy(r->flats);
	leat_numa_free(r->buckets, r->n_buckets * sizeof(*r->buckets));
	leat_numa_free(r, sizeof(*r));
	lc->ip->reass = NULL;
}

uint32_t leat_reass_bytes(const struct leat_lcore *lc)
{
	return lc->ip->reass->bytes;
}

uint32_t leat_reass_datagrams(const struct leat_lcore *lc)
{
	return leat_slab_in_use(lc->ip->reass->records);
}
