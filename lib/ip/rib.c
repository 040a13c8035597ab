// SPDX-License-Identifier: BSD-3-Clause
// Routes of control: an rte_hash of prefixes of both families, each with its routes in order of
// preference. Changed by main alone (the netlink mirror, ip.c); the first route of a prefix goes to
// fib.c.
#include "ip/fib.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_hash.h>
#include <rte_jhash.h>

#include "ip/fib_private.h"

#define TABLE_LOCAL 255
#define TABLE_MAIN 254
#define TABLE_DEFAULT 253

static struct rte_hash *make_rib(const struct leat_stack *s, uint32_t max)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters p = {
		.name = name,
		.entries = RTE_MAX(max, 64u),
		.key_len = sizeof(struct rib_key),
		.hash_func = rte_jhash,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE, // full means full, not unlucky
	};

	snprintf(name, sizeof(name), "%s_rib", s->conf.name);
	return rte_hash_create(&p);
}

int leat_rib_init(struct leat_stack *s, struct leat_fib *f)
{
	f->rib = make_rib(s, f->max);
	return f->rib != NULL ? 0 : -ENOMEM;
}

static void free_prefix(struct rib_prefix *p)
{
	while (p->first != NULL) {
		struct rib_route *r = p->first;

		p->first = r->next;
		free(r);
	}
	free(p);
}

void leat_rib_fini(struct leat_fib *f)
{
	const void *key;
	void *data;

	for (uint32_t i = 0; f->rib != NULL && rte_hash_iterate(f->rib, &key, &data, &i) >= 0;)
		free_prefix(data);
	rte_hash_free(f->rib);
}

static int make_key(const struct leat_prefix *p, struct rib_key *k)
{
	unsigned first = leat_ip_is4(p->ip) ? 96 : 0, bits = first + p->len;

	if (bits > 128)
		return -EINVAL;
	memset(k, 0, sizeof(*k));
	k->ip = p->ip;
	k->len = p->len;
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > 8 * i ? RTE_MIN(bits - 8 * i, 8u) : 0;

		k->ip.b[i] &= (uint8_t)(0xff00u >> keep);
	}
	return 0;
}

// The kernel asks its tables in this order: local, main, default; the others by policy alone.
static uint64_t rank(uint32_t table, uint32_t metric)
{
	uint64_t r;

	switch (table) {
	case TABLE_LOCAL:
		r = 0;
		break;
	case TABLE_MAIN:
		r = 1;
		break;
	case TABLE_DEFAULT:
		r = 2;
		break;
	default:
		r = 3;
	}
	return r << 32 | metric;
}

// Where the route with this table and metric stands, or where it would.
static struct rib_route **find_place(struct rib_prefix *p, uint32_t table, uint32_t metric)
{
	struct rib_route **at = &p->first;
	uint64_t want = rank(table, metric);

	while (*at != NULL) {
		uint64_t have = rank((*at)->table, (*at)->metric);

		if (have > want || (have == want && (*at)->table >= table))
			break;
		at = &(*at)->next;
	}
	return at;
}

static bool is_at(const struct rib_route *r, uint32_t table, uint32_t metric)
{
	return r != NULL && r->table == table && r->metric == metric;
}

static struct rib_prefix *find_prefix(const struct leat_fib *f, const struct rib_key *k)
{
	void *p;

	return rte_hash_lookup_data(f->rib, k, &p) >= 0 ? p : NULL;
}

static void changed(struct leat_fib *f)
{
	uint32_t e = f->epoch + 1;

	__atomic_store_n(&f->epoch, e != 0 ? e : 1, __ATOMIC_RELEASE);
}

static int check_path(const struct leat_route *r, const struct leat_path *p)
{
	if (p->iface == 0 || p->iface >= LEAT_MAX_IFACES || p->weight == 0 || p->weight > 256)
		return -EINVAL;
	// An IPv4 route by an IPv6 gateway (RFC 5549) has no neighbour here.
	if (!leat_ip_is_any(p->via) && leat_ip_is4(p->via) != leat_ip_is4(r->prefix.ip))
		return -EINVAL;
	return 0;
}

// The record's content, every byte defined.
static int make_nexthop(const struct leat_route *r, struct leat_nexthop *nh)
{
	if (r->type == LEAT_ROUTE_NONE || r->type >= LEAT_ROUTE_TYPE_MAX ||
		r->n_paths > LEAT_MAX_PATHS)
		return -EINVAL;
	if (r->type == LEAT_ROUTE_UNICAST && r->n_paths == 0)
		return -EINVAL;
	memset(nh, 0, sizeof(*nh));
	nh->type = r->type;
	nh->mtu = r->mtu;
	nh->src = r->src;
	if (r->type != LEAT_ROUTE_UNICAST)
		return 0; // where a local or refused destination is does not matter
	nh->n_paths = r->n_paths;
	for (uint8_t i = 0; i < r->n_paths; i++) {
		if (check_path(r, &r->paths[i]) != 0)
			return -EINVAL;
		nh->paths[i].via = r->paths[i].via;
		nh->paths[i].iface = r->paths[i].iface;
		nh->paths[i].weight = r->paths[i].weight;
		nh->total_weight += r->paths[i].weight;
	}
	return 0;
}

static struct rib_prefix *add_prefix(struct leat_fib *f, const struct rib_key *k)
{
	struct rib_prefix *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->key = *k;
	if (rte_hash_add_key_data(f->rib, k, p) != 0) {
		free(p);
		return NULL;
	}
	return p;
}

static void del_prefix_if_empty(struct leat_fib *f, struct rib_prefix *p)
{
	if (p->first != NULL)
		return;
	rte_hash_del_key(f->rib, &p->key);
	free(p);
}

static int add_route(struct leat_fib *f, const struct rib_key *k, struct rib_prefix *p,
	const struct leat_route *r, uint32_t nh)
{
	struct rib_route *new, **at;
	int rc = 0;

	if (f->count == f->max)
		return -ENOSPC;
	if (p == NULL)
		p = add_prefix(f, k);
	new = malloc(sizeof(*new));
	if (p == NULL || new == NULL) {
		free(new);
		if (p != NULL)
			del_prefix_if_empty(f, p);
		return -ENOMEM;
	}
	at = find_place(p, r->table, r->metric);
	*new = (struct rib_route){*at, r->table, r->metric, nh, f->gen};
	*at = new;
	if (p->first == new)
		rc = leat_fib_publish(f, p);
	if (rc != 0) {
		*at = new->next;
		free(new);
		del_prefix_if_empty(f, p);
		return rc == -ENOMEM ? -ENOMEM : -ENOSPC; // out of second-level tables
	}
	f->count++;
	changed(f);
	return 0;
}

static int replace_route(
	struct leat_fib *f, struct rib_prefix *p, struct rib_route *old, uint32_t nh)
{
	uint32_t was = old->nh;
	int rc = 0;

	old->gen = f->gen;
	if (was == nh) {
		leat_nh_put(f->nh, nh); // as it was: the reference just taken is one too many
		return 0;
	}
	old->nh = nh;
	if (p->first == old)
		rc = leat_fib_publish(f, p);
	if (rc != 0) {
		old->nh = was;
		return rc == -ENOMEM ? -ENOMEM : -ENOSPC;
	}
	leat_nh_put(f->nh, was);
	changed(f);
	return 0;
}

int leat_fib_set(struct leat_stack *s, const struct leat_route *r)
{
	struct leat_fib *f = s->ip->fib;
	struct rib_route **at = NULL;
	struct leat_nexthop nh;
	struct rib_prefix *p;
	struct rib_key k;
	uint32_t idx;
	int rc;

	if (make_key(&r->prefix, &k) != 0 || make_nexthop(r, &nh) != 0)
		return -EINVAL;
	rc = leat_nh_get(f->nh, &nh, &idx);
	if (rc == 0) {
		p = find_prefix(f, &k);
		if (p != NULL)
			at = find_place(p, r->table, r->metric);
		if (at != NULL && is_at(*at, r->table, r->metric))
			rc = replace_route(f, p, *at, idx);
		else
			rc = add_route(f, &k, p, r, idx);
		if (rc != 0)
			leat_nh_put(f->nh, idx);
	}
	if (rc != 0)
		f->refused++;
	return rc;
}

static void del_route(struct leat_fib *f, struct rib_prefix *p, struct rib_route **at)
{
	struct rib_route *r = *at;
	bool was_first = at == &p->first;

	*at = r->next;
	if (was_first)
		leat_fib_publish(f, p); // taking away or replacing an existing value needs no room
	leat_nh_put(f->nh, r->nh);
	free(r);
	f->count--;
	changed(f);
}

int leat_fib_del(
	struct leat_stack *s, const struct leat_prefix *prefix, uint32_t table, uint32_t metric)
{
	struct leat_fib *f = s->ip->fib;
	struct rib_route **at;
	struct rib_prefix *p;
	struct rib_key k;

	if (make_key(prefix, &k) != 0)
		return -ENOENT;
	p = find_prefix(f, &k);
	if (p == NULL)
		return -ENOENT;
	at = find_place(p, table, metric);
	if (!is_at(*at, table, metric))
		return -ENOENT;
	del_route(f, p, at);
	del_prefix_if_empty(f, p);
	return 0;
}

static void fill_route(const struct leat_fib *f, const struct rib_prefix *p,
	const struct rib_route *r, struct leat_route *out)
{
	const struct leat_nexthop *nh = f->records[r->nh];

	memset(out, 0, sizeof(*out));
	out->prefix.ip = p->key.ip;
	out->prefix.len = p->key.len;
	out->table = r->table;
	out->metric = r->metric;
	out->type = nh->type;
	out->n_paths = nh->n_paths;
	out->src = nh->src;
	out->mtu = nh->mtu;
	memcpy(out->paths, nh->paths, sizeof(out->paths));
}

void leat_fib_walk(
	struct leat_stack *s, bool (*fn)(void *ctx, const struct leat_route *r), void *ctx)
{
	const struct leat_fib *f = s->ip->fib;
	struct leat_route out;
	const void *key;
	void *data;

	for (uint32_t i = 0; rte_hash_iterate(f->rib, &key, &data, &i) >= 0;) {
		const struct rib_prefix *p = data;

		for (const struct rib_route *r = p->first; r != NULL; r = r->next) {
			fill_route(f, p, r, &out);
			if (!fn(ctx, &out))
				return;
		}
	}
}

uint32_t leat_fib_count(const struct leat_stack *s)
{
	return s->ip->fib->count;
}

uint64_t leat_fib_refused(const struct leat_stack *s)
{
	return s->ip->fib->refused;
}

void leat_fib_resync_begin(struct leat_stack *s)
{
	s->ip->fib->gen++;
}

void leat_fib_resync_end(struct leat_stack *s)
{
	struct leat_fib *f = s->ip->fib;
	struct rib_prefix *empty = NULL;
	const void *key;
	void *data;

	for (uint32_t i = 0; rte_hash_iterate(f->rib, &key, &data, &i) >= 0;) {
		struct rib_prefix *p = data;
		struct rib_route **at = &p->first;

		while (*at != NULL) {
			if ((*at)->gen != f->gen)
				del_route(f, p, at);
			else
				at = &(*at)->next;
		}
		if (p->first == NULL) {
			p->empty = empty;
			empty = p;
		}
	}
	// Not within the walk: deleting a key may move another to where the walk has been.
	while (empty != NULL) {
		struct rib_prefix *p = empty;

		empty = p->empty;
		del_prefix_if_empty(f, p);
	}
}
