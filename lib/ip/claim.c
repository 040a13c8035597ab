// SPDX-License-Identifier: BSD-3-Clause
// What is the fast path's. Changed by main (sockets through messages, leatd); asked by ip4_local.c
// and transport for every packet that finds no socket.
//
// Workers see an immutable snapshot: for each protocol a bitmap of the ports that are claimed at
// any address, and the claims at one address, which are few, one after another.
#include "ip/claim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include "core/rcu.h"
#include "ip/ip_private.h"

#define MAX_CLAIMS 4096

enum slot { SLOT_TCP, SLOT_UDP, SLOT_MAX };

struct leat_claims {
	uint32_t n;
	uint32_t n_of[SLOT_MAX];             // all of a protocol
	uint32_t first_at_one[SLOT_MAX + 1]; // index into at_one
	uint64_t any[SLOT_MAX][65536 / 64];
	struct leat_claim *at_one; // those at one address, by protocol; behind list
	struct leat_claim list[];  // all, in the order they came
};

static int slot_of(uint8_t proto)
{
	return proto == IPPROTO_TCP ? SLOT_TCP : proto == IPPROTO_UDP ? SLOT_UDP : -1;
}

static struct leat_claims *new_claims(uint32_t n)
{
	struct leat_claims *c = calloc(1, sizeof(*c) + 2 * n * sizeof(c->list[0]));

	if (c != NULL) {
		c->n = n;
		c->at_one = c->list + n;
	}
	return c;
}

// Fill what is looked up from the list.
static void build(struct leat_claims *c)
{
	uint32_t k = 0;

	for (int slot = 0; slot < SLOT_MAX; slot++) {
		c->first_at_one[slot] = k;
		for (uint32_t i = 0; i < c->n; i++) {
			const struct leat_claim *x = &c->list[i];

			if (slot_of(x->proto) != slot)
				continue;
			c->n_of[slot]++;
			if (!leat_ip_is_any(x->ip)) {
				c->at_one[k++] = *x;
				continue;
			}
			for (uint32_t port = x->port_first; port <= x->port_last; port++)
				c->any[slot][port / 64] |= 1ull << (port % 64);
		}
	}
	c->first_at_one[SLOT_MAX] = k;
}

static void replace(struct leat_stack *s, struct leat_claims *c)
{
	struct leat_claims *old = s->ip->claims;

	build(c);
	leat_rcu_assign(s->ip->claims, c);
	leat_rcu_defer(s, free, old);
}

int leat_claim_init(struct leat_stack *s)
{
	s->ip->claims = new_claims(0);
	return s->ip->claims != NULL ? 0 : -ENOMEM;
}

void leat_claim_fini(struct leat_stack *s)
{
	free(s->ip->claims);
	s->ip->claims = NULL;
}

// Index of the claim, n when it does not stand.
static uint32_t find(const struct leat_claims *c, const struct leat_claim *x)
{
	uint32_t i;

	for (i = 0; i < c->n; i++)
		if (c->list[i].proto == x->proto && leat_ip_equal(c->list[i].ip, x->ip) &&
			c->list[i].port_first == x->port_first &&
			c->list[i].port_last == x->port_last)
			break;
	return i;
}

int leat_claim_add(struct leat_stack *s, const struct leat_claim *x)
{
	struct leat_claims *old = s->ip->claims, *c;

	if (slot_of(x->proto) < 0 || x->port_first == 0 || x->port_first > x->port_last ||
		memchr(x->owner, '\0', sizeof(x->owner)) == NULL)
		return -EINVAL;
	if (find(old, x) < old->n)
		return -EEXIST;
	if (old->n == MAX_CLAIMS)
		return -ENOSPC;
	c = new_claims(old->n + 1);
	if (c == NULL)
		return -ENOMEM;
	memcpy(c->list, old->list, old->n * sizeof(c->list[0]));
	c->list[old->n] = *x;
	replace(s, c);
	return 0;
}

int leat_claim_del(struct leat_stack *s, const struct leat_claim *x)
{
	struct leat_claims *old = s->ip->claims, *c;
	uint32_t i = find(old, x);

	if (i == old->n)
		return -ENOENT;
	c = new_claims(old->n - 1);
	if (c == NULL)
		return -ENOMEM;
	memcpy(c->list, old->list, i * sizeof(c->list[0]));
	memcpy(c->list + i, old->list + i + 1, (old->n - i - 1) * sizeof(c->list[0]));
	replace(s, c);
	return 0;
}

bool leat_claim_match(
	const struct leat_stack *s, uint8_t proto, const union leat_ip *ip, uint16_t port)
{
	const struct leat_claims *c = leat_rcu_get(s->ip->claims);
	int slot = slot_of(proto);

	if (slot < 0 || s->conf.bypass)
		return false;
	if (c->any[slot][port / 64] & 1ull << (port % 64))
		return true;
	for (uint32_t i = c->first_at_one[slot]; i < c->first_at_one[slot + 1]; i++)
		if (port >= c->at_one[i].port_first && port <= c->at_one[i].port_last &&
			leat_ip_equal(c->at_one[i].ip, *ip))
			return true;
	return false;
}

bool leat_claim_any(const struct leat_stack *s, uint8_t proto)
{
	const struct leat_claims *c = leat_rcu_get(s->ip->claims);
	int slot = slot_of(proto);

	return slot >= 0 && !s->conf.bypass && c->n_of[slot] != 0;
}

const struct leat_claim *leat_claim_at(const struct leat_stack *s, uint32_t i)
{
	return i < s->ip->claims->n ? &s->ip->claims->list[i] : NULL;
}
