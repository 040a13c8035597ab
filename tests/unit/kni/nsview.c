// SPDX-License-Identifier: BSD-3-Clause
// See nsview.h.
#include "kni/nsview.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

struct search {
	struct leat_prefix prefix;
	uint32_t table, metric;
	bool any_metric, found;
	struct leat_route route;
};

static bool match(void *ctx, const struct leat_route *r)
{
	struct search *s = ctx;

	if (r->table != s->table || r->prefix.len != s->prefix.len ||
		!leat_ip_equal(r->prefix.ip, s->prefix.ip) ||
		(!s->any_metric && r->metric != s->metric))
		return true;
	s->route = *r;
	s->found = true;
	return false;
}

// The route with this prefix, NULL without. Of the last call.
const struct leat_route *ns_route(
	struct rig *r, const char *prefix, uint32_t table, uint32_t metric)
{
	static struct search s;

	memset(&s, 0, sizeof(s));
	CU_ASSERT_EQUAL(leat_prefix_parse(prefix, &s.prefix), 0);
	s.table = table;
	s.metric = metric;
	leat_fib_walk(r->s, match, &s);
	return s.found ? &s.route : NULL;
}

int ns_type_of(struct rig *r, const char *prefix, uint32_t table)
{
	const struct leat_route *f = ns_route(r, prefix, table, 0);

	return f != NULL ? f->type : LEAT_ROUTE_NONE;
}

bool ns_via_is(const struct leat_path *p, const char *text)
{
	return leat_ip_be32(p->via) == inet_addr(text);
}

// Routes of both tables in the stack and in the kernel, without 127/8: as many?
bool ns_as_many_routes(struct rig *r)
{
	FILE *f = popen("ip -4 -o route show table main | wc -l; "
			"ip -4 -o route show table local | grep -vc ' 127\\.'",
		"r");
	unsigned a = 0, b = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fscanf(f, "%u %u", &a, &b), 2);
	pclose(f);
	if (a + b != leat_fib_count(r->s))
		printf("    kernel %u + %u, stack %u\n", a, b, leat_fib_count(r->s));
	return a + b == leat_fib_count(r->s);
}

bool ns_has_addr(const struct rig *r, const char *text)
{
	struct leat_prefix p;

	CU_ASSERT_EQUAL(leat_prefix_parse(text, &p), 0);
	for (uint16_t i = 0; i < r->iface->addrs->n; i++)
		if (leat_ip_equal(r->iface->addrs->a[i].ip, p.ip) &&
			r->iface->addrs->a[i].len == p.len)
			return true;
	return false;
}

const struct leat_neigh *ns_neighbour(struct rig *r, const char *text)
{
	static struct leat_neigh e[64];
	uint32_t cursor = 0, n = leat_neigh_dump(r->lc, &cursor, e, 64);
	union leat_ip ip;

	CU_ASSERT_EQUAL(leat_ip_parse(text, &ip), 0);
	for (uint32_t i = 0; i < n; i++)
		if (leat_ip_equal(e[i].ip, ip))
			return &e[i];
	return NULL;
}

// Another link of the namespace, which the stack does not own.
void ns_other_link(void)
{
	ns_run("ip link add other0 type veth peer name other1");
	ns_run("ip link set other0 up; ip link set other1 up");
	ns_run("ip addr add 172.16.0.1/24 dev other0");
}
