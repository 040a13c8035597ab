// SPDX-License-Identifier: BSD-3-Clause
// Makes and frees a stack: pools, lcores, RCU, clock, main's turn. Called through sock/leat.h and
// by tests.
#include "core/stack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "core/lcore.h"
#include "core/rcu.h"
#include "core/stack_private.h"

#define MSG_POOL_SIZE 8191
#define MAIN_INBOX_SIZE 8192
#define POOL_CACHE 256

void leat_stack_conf_default(struct leat_stack_conf *conf)
{
	*conf = (struct leat_stack_conf){
		.name = "leat0",
		.n_lcores = 1,
		.cpus = {1},
		.icmp_echo = true,
		.mbufs = 16384,
		.mbuf_size = 2048,
		.limits =
			{
				.connections = 16384,
				.half_open = 4096,
				.time_wait = 16384,
				.udp_sockets = 1024,
				.listeners = 256,
				.neighbours = 1024,
				.routes = 65536,
				.reassembly_bytes = 4 << 20,
				.send_buffer = 512 << 10,
				.receive_buffer = 512 << 10,
			},
	};
}

const char *leat_punt_class_name(enum leat_punt_class c)
{
	static const char *const names[LEAT_PUNT_MAX] = {
		"arp", "routing", "dhcp", "local", "group", "forward", "other"};

	return (unsigned)c < LEAT_PUNT_MAX ? names[c] : "?";
}

const char *leat_stage_name(enum leat_stage_id id)
{
	static const char *const names[LEAT_STAGE_MAX] = {
#define X(id, name) name,
		LEAT_STAGES(X)
#undef X
	};

	return (unsigned)id < LEAT_STAGE_MAX ? names[id] : "?";
}

static void make_secret(struct leat_stack *s)
{
	uint64_t k[2] = {s->conf.seed, ~s->conf.seed * 0x9e3779b97f4a7c15ull};

	if (s->conf.seed == 0 && getrandom(k, sizeof(k), 0) != (ssize_t)sizeof(k)) {
		k[0] = rte_rdtsc(); // the kernel's generator is not ready: better than a constant
		k[1] = (uintptr_t)s;
	}
	memcpy(s->secret, k, sizeof(s->secret));
}

static int make_node_pools(struct leat_stack *s, int node)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	if (s->pools[node] != NULL)
		return 0;
	snprintf(name, sizeof(name), "%s_mbuf%d", s->conf.name, node);
	s->pools[node] = rte_pktmbuf_pool_create(
		name, s->conf.mbufs, POOL_CACHE, 0, s->conf.mbuf_size + RTE_PKTMBUF_HEADROOM, node);
	if (s->pools[node] == NULL)
		return -rte_errno;
	snprintf(name, sizeof(name), "%s_ref%d", s->conf.name, node);
	s->indirect_pools[node] =
		rte_pktmbuf_pool_create(name, s->conf.mbufs, POOL_CACHE, 0, 0, node);
	return s->indirect_pools[node] != NULL ? 0 : -rte_errno;
}

static int make_pools(struct leat_stack *s)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	for (uint16_t i = 0; i < s->conf.n_lcores; i++) {
		unsigned node =
			s->conf.by_hand ? rte_socket_id() : rte_lcore_to_socket_id(s->conf.cpus[i]);
		int rc = make_node_pools(s, node < LEAT_MAX_NODES ? (int)node : 0);

		if (rc != 0)
			return rc;
	}
	snprintf(name, sizeof(name), "%s_msg", s->conf.name);
	s->msg_pool = rte_mempool_create(name, MSG_POOL_SIZE, sizeof(struct leat_msg), 0, 0, NULL,
		NULL, NULL, NULL, SOCKET_ID_ANY, 0);
	if (s->msg_pool == NULL)
		return -rte_errno;
	snprintf(name, sizeof(name), "%s_main", s->conf.name);
	s->main_inbox = rte_ring_create(name, MAIN_INBOX_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	return s->main_inbox != NULL ? 0 : -rte_errno;
}

static int make_qsbr(struct leat_stack *s)
{
	s->qsbr = rte_zmalloc(
		"leat_qsbr", rte_rcu_qsbr_get_memsize(LEAT_MAX_LCORES), RTE_CACHE_LINE_SIZE);
	if (s->qsbr == NULL || rte_rcu_qsbr_init(s->qsbr, LEAT_MAX_LCORES) != 0)
		return -ENOMEM;
	for (uint16_t i = 0; i < s->conf.n_lcores; i++) {
		rte_rcu_qsbr_thread_register(s->qsbr, i);
		if (s->conf.by_hand) // its poll reports; launched workers go online by themselves
			rte_rcu_qsbr_thread_online(s->qsbr, i);
	}
	return 0;
}

static int check_conf(const struct leat_stack_conf *c)
{
	if (c->name[0] == '\0' || memchr(c->name, '\0', LEAT_NAME_LEN) == NULL)
		return -EINVAL;
	if (c->n_lcores == 0 || c->n_lcores > LEAT_MAX_LCORES)
		return -EINVAL;
	if (c->mbuf_size < 2048 || c->mbuf_size > UINT16_MAX - RTE_PKTMBUF_HEADROOM)
		return -EINVAL;
	return 0;
}

int leat_stack_create(const struct leat_stack_conf *conf, struct leat_stack **out)
{
	struct leat_stack *s;
	int rc = check_conf(conf);

	if (rc != 0)
		return rc;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->conf = *conf;
	s->ns_per_tsc = 1e9 / (double)rte_get_tsc_hz();
	s->tsc_base = rte_rdtsc();
	make_secret(s);
	rc = leat_meta_register();
	if (rc == 0)
		rc = make_pools(s);
	if (rc == 0)
		rc = make_qsbr(s);
	for (; rc == 0 && s->n_lcores < conf->n_lcores; s->n_lcores++) {
		s->lcores[s->n_lcores] = leat_lcore_create(s, s->n_lcores);
		if (s->lcores[s->n_lcores] == NULL)
			rc = -ENOMEM;
	}
	if (rc != 0) {
		leat_stack_destroy(s);
		return rc;
	}
	*out = s;
	return 0;
}

void leat_stack_destroy(struct leat_stack *s)
{
	leat_rcu_drain(s);
	free(s->rcu_items);
	leat_msg_reap_calls(s, true);
	for (uint16_t i = 0; i < LEAT_MAX_LCORES; i++)
		leat_lcore_destroy(s->lcores[i]);
	rte_free(s->qsbr);
	rte_ring_free(s->main_inbox);
	rte_mempool_free(s->msg_pool);
	for (int node = 0; node < LEAT_MAX_NODES; node++) {
		rte_mempool_free(s->indirect_pools[node]);
		rte_mempool_free(s->pools[node]);
	}
	free(s);
}

int leat_stack_launch(struct leat_stack *s)
{
	s->running = true;
	for (uint16_t i = 0; i < s->n_lcores; i++) {
		int rc = rte_eal_remote_launch(leat_lcore_main, s->lcores[i], s->lcores[i]->cpu);

		if (rc != 0) {
			leat_stack_halt(s);
			return rc;
		}
	}
	return 0;
}

void leat_stack_halt(struct leat_stack *s)
{
	__atomic_store_n(&s->running, false, __ATOMIC_RELAXED);
	for (uint16_t i = 0; i < s->n_lcores; i++)
		rte_eal_wait_lcore(s->lcores[i]->cpu);
}

unsigned leat_stack_housekeep(struct leat_stack *s)
{
	unsigned n = leat_msg_drain_main(s);

	leat_rcu_reclaim(s);
	leat_msg_reap_calls(s, false);
	return n;
}

uint64_t leat_clock_ns(const struct leat_stack *s)
{
	if (s->conf.virtual_clock)
		return s->virtual_ns;
	return (uint64_t)((rte_rdtsc() - s->tsc_base) * s->ns_per_tsc);
}

void leat_clock_advance(struct leat_stack *s, uint64_t ns)
{
	s->virtual_ns += ns;
}
