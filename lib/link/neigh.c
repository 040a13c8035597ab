// SPDX-License-Identifier: BSD-3-Clause
// The neighbour table of a worker: lookup, learning, sending. Its timers are in neigh_timer.c.
// Called by ip (output), arp.c and, through messages, by the netlink mirror.
#include "link/neigh.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "core/numa.h"
#include "link/eth.h"
#include "link/link_private.h"
#include "link/neigh_private.h"

#define EVICT_TRIES 16 // entries looked at when the table is full

const char *leat_neigh_state_name(enum leat_neigh_state s)
{
	static const char *const names[LEAT_NEIGH_STATE_MAX] = {
		"INCOMPLETE", "REACHABLE", "STALE", "PROBE", "FAILED", "PERMANENT"};

	return (unsigned)s < LEAT_NEIGH_STATE_MAX ? names[s] : "?";
}

int leat_neigh_init(struct leat_lcore *lc)
{
	uint32_t n = lc->stack->conf.limits.neighbours;
	struct leat_neigh_table *t =
		leat_numa_alloc(sizeof(*t) + n * sizeof(t->slots[0]), lc->node);
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters params = {
		.name = name,
		.entries = RTE_MAX(n, 16u),
		.key_len = sizeof(struct neigh_key),
		.hash_func = rte_hash_crc,
		.hash_func_init_val = (uint32_t)lc->rng,
		.socket_id = lc->node,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};

	if (t == NULL)
		return -ENOMEM;
	lc->link->neigh = t;
	t->size = n;
	t->next_gen = 1;
	snprintf(name, sizeof(name), "%s_n%u", lc->stack->conf.name, lc->id);
	t->hash = rte_hash_create(&params);
	if (t->hash == NULL)
		return -ENOMEM;
	leat_wheel_set_handler(&lc->wheel, NEIGH_TIMER, leat_neigh_timer, lc);
	return 0;
}

static struct neigh_key make_key(uint16_t iface, const union leat_ip *ip)
{
	struct neigh_key k = {.ip = *ip, .iface = iface};

	return k;
}

static struct leat_neigh *find(
	const struct leat_neigh_table *t, uint16_t iface, const union leat_ip *ip)
{
	struct neigh_key k = make_key(iface, ip);
	void *data;

	return rte_hash_lookup_data(t->hash, &k, &data) >= 0 ? data : NULL;
}

void leat_neigh_drop_held(struct leat_lcore *lc, struct leat_neigh *e, enum leat_drop why)
{
	struct rte_mbuf *m = e->held_head;

	while (m != NULL) {
		struct rte_mbuf *next = leat_meta(m)->next;

		lc->count.held--;
		leat_drop(lc, m, why);
		m = next;
	}
	e->held_head = e->held_tail = NULL;
	e->n_held = 0;
}

static void forget(struct leat_lcore *lc, struct leat_neigh *e, enum leat_drop why)
{
	struct leat_neigh_table *t = lc->link->neigh;
	struct neigh_key k = make_key(e->iface, &e->ip);

	leat_neigh_drop_held(lc, e, why);
	leat_timer_disarm(&lc->wheel, &e->timer);
	rte_hash_del_key(t->hash, &k);
	e->iface = 0; // the slot is free
	e->gen = 0;
	t->used--;
}

void leat_neigh_fini(struct leat_lcore *lc)
{
	struct leat_neigh_table *t = lc->link->neigh;

	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->size; i++)
		if (t->slots[i].iface != 0)
			leat_neigh_drop_held(lc, &t->slots[i], LEAT_DROP_SHUTDOWN);
	rte_hash_free(t->hash);
	leat_numa_free(t, sizeof(*t) + t->size * sizeof(t->slots[0]));
	lc->link->neigh = NULL;
}

// A slot of a full table: of some entries at random the one unused the longest, never one that
// holds packets, was set by control, or is in use just now.
static bool evict(struct leat_lcore *lc)
{
	struct leat_neigh_table *t = lc->link->neigh;
	struct leat_neigh *oldest = NULL;

	for (int i = 0; i < EVICT_TRIES; i++) {
		struct leat_neigh *e = &t->slots[leat_rand(lc) % t->size];

		if (e->n_held == 0 && e->state != LEAT_NEIGH_PERMANENT &&
			(oldest == NULL || e->used_ns < oldest->used_ns))
			oldest = e;
	}
	if (oldest == NULL)
		return false;
	forget(lc, oldest, LEAT_DROP_NEIGH_FULL);
	return true;
}

static struct leat_neigh *create(struct leat_lcore *lc, uint16_t iface, const union leat_ip *ip)
{
	struct leat_neigh_table *t = lc->link->neigh;
	struct neigh_key k = make_key(iface, ip);
	struct leat_neigh *e;

	if (t->used == t->size && !evict(lc))
		return NULL;
	while (t->slots[t->hand].iface != 0)
		t->hand = (t->hand + 1) % t->size;
	e = &t->slots[t->hand];
	if (rte_hash_add_key_data(t->hash, &k, e) != 0)
		return NULL;
	t->used++;
	*e = (struct leat_neigh){.ip = *ip, .iface = iface, .state = LEAT_NEIGH_FAILED};
	e->used_ns = lc->now_ns;
	e->gen = t->next_gen++;
	if (t->next_gen == 0)
		t->next_gen = 1;
	leat_timer_init(&e->timer, NEIGH_TIMER);
	return e;
}

// Its address is known: what waited goes out.
static void release_held(struct leat_lcore *lc, struct leat_neigh *e)
{
	const struct leat_iface *i = leat_iface_at(lc->stack, e->iface);
	struct rte_mbuf *m = e->held_head;

	e->held_head = e->held_tail = NULL;
	e->n_held = 0;
	while (m != NULL) {
		struct rte_mbuf *next = leat_meta(m)->next;
		uint16_t type = leat_meta(m)->xop; // where hold() put it

		lc->count.held--;
		leat_meta(m)->next = NULL;
		leat_eth_output(lc, i, m, &e->mac, type);
		m = next;
	}
}

static void hold(
	struct leat_lcore *lc, struct leat_neigh *e, struct rte_mbuf *m, uint16_t ethertype)
{
	if (e->n_held == LEAT_NEIGH_HOLD) {
		leat_drop(lc, m, LEAT_DROP_NEIGH_HOLD);
		return;
	}
	leat_meta(m)->next = NULL;
	leat_meta(m)->xop = ethertype;
	if (e->held_tail != NULL)
		leat_meta(e->held_tail)->next = m;
	else
		e->held_head = m;
	e->held_tail = m;
	e->n_held++;
	lc->count.held++;
}

static struct leat_neigh *find_or_create(struct leat_lcore *lc, const struct leat_iface *i,
	const union leat_ip *ip, struct leat_neigh_hint *hint)
{
	struct leat_neigh_table *t = lc->link->neigh;
	struct leat_neigh *e;

	if (hint != NULL && hint->gen != 0 && likely(t->slots[hint->slot].gen == hint->gen)) {
		e = &t->slots[hint->slot];
		if (likely(leat_ip_equal(e->ip, *ip) && e->iface == i->idx))
			return e;
	}
	e = find(t, i->idx, ip);
	if (e == NULL)
		e = create(lc, i->idx, ip);
	if (e != NULL && hint != NULL)
		*hint = (struct leat_neigh_hint){(uint32_t)(e - t->slots), e->gen};
	return e;
}

// Destinations of a group need no resolution (RFC 1112, 6.4). Only IPv4 here; IPv6 comes with ND.
static bool group_mac(const union leat_ip *ip, struct rte_ether_addr *mac)
{
	uint32_t a = rte_be_to_cpu_32(leat_ip_be32(*ip));

	if (!leat_ip_is4(*ip) || (a >> 28) != 0xe)
		return false;
	*mac = (struct rte_ether_addr){
		{0x01, 0x00, 0x5e, (a >> 16) & 0x7f, (a >> 8) & 0xff, a & 0xff}};
	return true;
}

static __rte_noinline void unresolved(struct leat_lcore *lc, const struct leat_iface *i,
	struct leat_neigh *e, struct rte_mbuf *m, uint16_t ethertype)
{
	if (e->state == LEAT_NEIGH_FAILED && leat_timer_armed(&e->timer)) {
		leat_drop(lc, m, LEAT_DROP_NEIGH_FAILED); // asked in vain a moment ago
		return;
	}
	hold(lc, e, m, ethertype);
	if (e->state == LEAT_NEIGH_FAILED)
		leat_neigh_solicit(lc, i, e);
}

void leat_neigh_output(struct leat_lcore *lc, const struct leat_iface *i, const union leat_ip *ip,
	struct leat_neigh_hint *hint, struct rte_mbuf *m, uint16_t ethertype)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_NEIGH_OUTPUT, 1);
	struct rte_ether_addr mac;
	struct leat_neigh *e;

	if (unlikely(group_mac(ip, &mac))) {
		leat_eth_output(lc, i, m, &mac, ethertype);
	} else if (unlikely((e = find_or_create(lc, i, ip, hint)) == NULL)) {
		leat_drop(lc, m, LEAT_DROP_NEIGH_FULL);
	} else if (likely(e->state != LEAT_NEIGH_INCOMPLETE && e->state != LEAT_NEIGH_FAILED)) {
		e->used_ns = lc->now_ns;
		if (unlikely(e->state == LEAT_NEIGH_STALE))
			leat_neigh_delay_probe(lc, e);
		leat_eth_output(lc, i, m, &e->mac, ethertype);
	} else {
		e->used_ns = lc->now_ns;
		unresolved(lc, i, e, m, ethertype);
	}
	leat_stage_leave(lc, LEAT_STAGE_NEIGH_OUTPUT, f);
}

// ---- learning ----

// Apply to this worker's table. Returns whether others should hear of it.
static bool apply(struct leat_lcore *lc, uint16_t iface, const union leat_ip *ip,
	const struct rte_ether_addr *mac, bool make, bool confirmed)
{
	struct leat_neigh *e = find(lc->link->neigh, iface, ip);
	bool known, same;

	if (e == NULL && make)
		e = create(lc, iface, ip);
	if (e == NULL || e->state == LEAT_NEIGH_PERMANENT)
		return false;
	known = e->state != LEAT_NEIGH_INCOMPLETE && e->state != LEAT_NEIGH_FAILED;
	same = known && rte_is_same_ether_addr(&e->mac, mac);
	if (same && !confirmed)
		return false;
	e->mac = *mac;
	if (confirmed)
		leat_neigh_reachable(lc, e);
	else
		leat_neigh_stale(lc, e);
	release_held(lc, e);
	return true;
}

// What a message about a neighbour carries; fits LEAT_MSG_DATA.
struct neigh_msg {
	union leat_ip ip;
	struct rte_ether_addr mac;
	uint16_t iface;
	bool make, confirmed, permanent;
};
_Static_assert(sizeof(struct neigh_msg) <= LEAT_MSG_DATA, "fits a message");

static void on_learn(struct leat_lcore *lc, struct leat_msg *msg)
{
	const struct neigh_msg *n = (const void *)msg->b;

	apply(lc, n->iface, &n->ip, &n->mac, n->make, n->confirmed);
}

static void on_set(struct leat_lcore *lc, struct leat_msg *msg)
{
	const struct neigh_msg *n = (const void *)msg->b;
	struct leat_neigh *e = find(lc->link->neigh, n->iface, &n->ip);

	if (e != NULL && e->state == LEAT_NEIGH_PERMANENT && !n->permanent)
		leat_neigh_stale(lc, e); // the kernel no longer has it as permanent
	apply(lc, n->iface, &n->ip, &n->mac, true, false);
	e = find(lc->link->neigh, n->iface, &n->ip);
	if (e != NULL && n->permanent) {
		e->mac = n->mac;
		e->state = LEAT_NEIGH_PERMANENT;
		leat_timer_disarm(&lc->wheel, &e->timer);
	}
}

static void on_del(struct leat_lcore *lc, struct leat_msg *msg)
{
	const struct neigh_msg *n = (const void *)msg->b;
	struct leat_neigh *e = find(lc->link->neigh, n->iface, &n->ip);

	// What the fast path is using it goes on using: its own probes decide.
	if (e != NULL && (e->state == LEAT_NEIGH_PERMANENT || e->state == LEAT_NEIGH_STALE))
		forget(lc, e, LEAT_DROP_NEIGH_FAILED);
}

static int tell(struct leat_stack *s, const struct leat_lcore *except, leat_msg_lcore_fn fn,
	const struct neigh_msg *n)
{
	int rc = 0;

	for (uint16_t i = 0; i < s->n_lcores; i++) {
		struct leat_msg *msg;

		if (s->lcores[i] == except)
			continue;
		msg = leat_msg_alloc(s);
		if (msg == NULL)
			return -ENOBUFS;
		msg->on_lcore = fn;
		memcpy(msg->b, n, sizeof(*n));
		if (leat_msg_to_lcore(s->lcores[i], msg) != 0)
			rc = -ENOBUFS;
	}
	return rc;
}

void leat_neigh_learn(struct leat_lcore *lc, uint16_t iface, const union leat_ip *ip,
	const struct rte_ether_addr *mac, bool make, bool confirmed)
{
	struct neigh_msg n = {
		.ip = *ip, .mac = *mac, .iface = iface, .make = make, .confirmed = confirmed};

	if (apply(lc, iface, ip, mac, make, confirmed) && lc->stack->n_lcores > 1)
		tell(lc->stack, lc, on_learn,
			&n); // a lost message costs the other a request of its own
}

void leat_neigh_confirm(struct leat_lcore *lc, const struct leat_neigh_hint *hint)
{
	struct leat_neigh_table *t = lc->link->neigh;
	struct leat_neigh *e;

	if (hint->gen == 0 || t->slots[hint->slot].gen != hint->gen)
		return;
	e = &t->slots[hint->slot];
	e->confirmed_ns = lc->now_ns;
	if (unlikely(e->state == LEAT_NEIGH_STALE || e->state == LEAT_NEIGH_PROBE))
		leat_neigh_reachable(lc, e);
}

int leat_neigh_set_all(struct leat_stack *s, uint16_t iface, const union leat_ip *ip,
	const struct rte_ether_addr *mac, bool permanent)
{
	struct neigh_msg n = {.ip = *ip, .mac = *mac, .iface = iface, .permanent = permanent};

	return tell(s, NULL, on_set, &n);
}

int leat_neigh_del_all(struct leat_stack *s, uint16_t iface, const union leat_ip *ip)
{
	struct neigh_msg n = {.ip = *ip, .iface = iface};

	return tell(s, NULL, on_del, &n);
}

uint32_t leat_neigh_dump(
	struct leat_lcore *lc, uint32_t *cursor, struct leat_neigh *out, uint32_t n)
{
	const struct leat_neigh_table *t = lc->link->neigh;
	uint32_t k = 0;

	for (; *cursor < t->size && k < n; (*cursor)++)
		if (t->slots[*cursor].iface != 0)
			out[k++] = t->slots[*cursor];
	return k;
}
