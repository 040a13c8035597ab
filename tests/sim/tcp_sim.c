// SPDX-License-Identifier: BSD-3-Clause
// Two stacks in one process, a bad link between them, virtual time: random transfers over several
// connections at once, every byte checked.
//
//	a 192.0.2.1 --- link: loss, reordering, duplication, delay, damage, rate --- 192.0.2.2 b
//
// tcp_sim [--seeds FIRST..LAST] [--twice N]
// Each run prints its seed, what was sent again, and a hash of the trace: time and bytes of every
// frame. Of N seeds, evenly spread, a second run must have the same hash.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "ip/ip.h"
#include "link/neigh.h"
#include "sim.h"
#include "unit.h"

#define TIME_LIMIT (4 * 3600 * 1000 * MS)

struct result {
	uint64_t hash, frames, lost, bytes, ns;
	struct leat_tcp_stats t[2];
	uint32_t flows;
};

static struct sim *running; // events have no context

static void on_event(struct leat_lcore *lc, uint32_t owner, uint32_t mask, int error)
{
	(void)lc;
	if (!(mask & LEAT_EV_ERR) || owner >= LISTENER)
		return;
	printf("seed %lu: owner %u: error %d\n", (unsigned long)running->seed, owner, error);
	running->errors++;
}

static const struct leat_transport_ops sim_ops = {.event = on_event};

// ---- a run ----

static uint64_t draw_size(struct sim *s)
{
	static const uint32_t most[] = {1, 100, 5000, 60000, 60000, 300000, 300000, 2000000};

	if (draw(s, 8) == 0)
		return 0;
	return 1 + draw(s, most[draw(s, RTE_DIM(most))]);
}

static void draw_link(uint64_t seed, struct link_conf *c)
{
	static const uint32_t rates[] = {0, 0, 65, 655, 1966, 6553}; // 0 to 10 %
	uint64_t r = seed ^ 0x5851f42d4c957f2dull;

	c->loss = rates[unit_random(&r) % RTE_DIM(rates)];
	c->dup = rates[unit_random(&r) % RTE_DIM(rates)];
	c->reorder = rates[unit_random(&r) % RTE_DIM(rates)];
	c->damage = unit_random(&r) % 4 == 0 ? 100 : 0;
	c->delay_ns = (uint64_t)1000 << unit_random(&r) % 17; // 1 us to 65 ms
	c->reorder_ns = 1000 + c->delay_ns * (1 + unit_random(&r) % 4);
	c->bits_per_s = UINT64_C(2000000) << unit_random(&r) % 13; // to 8 Gbit/s
	c->queue_bytes = 20000u << unit_random(&r) % 6;
}

static void draw_flows(struct sim *s)
{
	s->n_ends = 2 * (1 + (uint32_t)draw(s, MAX_FLOWS));
	s->n_open = s->n_ends;
	for (uint32_t i = 0; i < s->n_ends; i += 2) {
		struct end *a = &s->ends[i], *b = &s->ends[i + 1];

		a->flow = b->flow = i / 2;
		a->side = (uint32_t)draw(s, 2);
		b->side = !a->side;
		a->opens_at = draw(s, 500 * MS);
		a->to_send = b->to_recv = draw_size(s);
		b->to_send = a->to_recv = draw_size(s);
		for (struct end *e = a; e <= b; e++) {
			e->half_close = draw(s, 2);
			// slow, but not for days
			e->read_max =
				draw(s, 2) ? 0 : 1 + (uint32_t)(e->to_recv / 2000 + draw(s, 20000));
			e->write_max = 1 + (uint32_t)(e->to_send / 2000 + draw(s, 65536));
			e->pause_ns = draw(s, 3) ? 0 : draw(s, 20 * MS);
			s->bytes += e->to_send;
		}
	}
}

static void open_rig(struct sim *s, uint32_t side, uint16_t mtu)
{
	union leat_ip peer = leat_ip_from_be32(RTE_BE32(0xc0000201u + !side));
	struct leat_prefix own = {leat_ip_from_be32(RTE_BE32(0xc0000201u + side)), 24};
	struct rte_ether_addr mac = {{2, 0, 0, 0, 0, (uint8_t)(1 + side)}};
	struct rte_ether_addr peer_mac = {{2, 0, 0, 0, 0, (uint8_t)(1 + !side)}};
	struct leat_endpoint local = {leat_ip_from_be32(0), PORT};
	struct rig *r = &s->rig[side];
	struct leat_stack_conf conf;

	rig_conf(&conf);
	strcpy(conf.name, side ? "sb" : "sa");
	conf.seed = s->seed * 2 + side;
	conf.mbufs = 8191;
	conf.limits.send_buffer = 1000u << draw(s, 9); // 1 KB to 256 KB
	conf.limits.receive_buffer = 1000u << draw(s, 9);
	CU_ASSERT_EQUAL_FATAL(rig_open(r, &conf, mtu), 0);
	r->s->transport->ops = &sim_ops;
	r->port->mac = r->iface->mac = mac; // a ring can't set its own
	CU_ASSERT_EQUAL(leat_ip_addr_add(r->s, r->iface, &own), 0);
	CU_ASSERT_EQUAL(leat_neigh_set_all(r->s, r->iface->idx, &peer, &peer_mac, true), 0);
	switch (draw(s, 4)) { // kinds of ports
	case 0:
		r->port->tx_offloads |= RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
					RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
		break;
	case 1:
		r->port->tx_offloads &= ~RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
		break;
	default:
		break;
	}
	CU_ASSERT_EQUAL(leat_tcp_listen(r->lc, &local, 64, LISTENER, &s->listener[side]), 0);
}

// All that happens at one moment, until nothing more does.
static void settle(struct sim *s)
{
	unsigned work, rounds = 0;

	do {
		work = link_deliver(&s->link, s->now);
		for (uint32_t side = 0; side < 2; side++) {
			work += leat_lcore_poll(s->rig[side].lc);
			work += app_accept(s, side);
		}
		for (uint32_t i = 0; i < s->n_ends; i++) {
			struct end *e = &s->ends[i];

			if (i % 2 == 0 && !e->opened && s->now >= e->opens_at) {
				app_open(s, e);
				work++;
			}
			work += app_run(s, e);
		}
		work += link_collect(&s->link, s->now);
		CU_ASSERT_FATAL(++rounds < 100000);
	} while (work != 0);
}

static uint64_t next_moment(const struct sim *s)
{
	uint64_t next = link_next(&s->link);

	for (uint32_t side = 0; side < 2; side++)
		next = RTE_MIN(next, leat_lcore_next_ns(s->rig[side].lc));
	for (uint32_t i = 0; i < s->n_ends; i++) {
		const struct end *e = &s->ends[i];

		if (!e->opened && i % 2 == 0)
			next = RTE_MIN(next, e->opens_at);
		else if (e->c != NULL && e->next_ns > s->now)
			next = RTE_MIN(next, e->next_ns);
	}
	return next;
}

// Go on to the next moment. False when there is none.
static bool step(struct sim *s)
{
	uint64_t next = next_moment(s), by;

	if (next == UINT64_MAX)
		return false;
	by = next > s->now ? next - s->now : 1000;
	s->now += by;
	leat_clock_advance(s->rig[0].s, by);
	leat_clock_advance(s->rig[1].s, by);
	settle(s);
	return true;
}

static uint32_t objects(const struct sim *s)
{
	uint32_t n = 0;

	for (uint32_t side = 0; side < 2; side++)
		for (unsigned i = 0; i < 3; i++)
			n += leat_slab_in_use(leat_tcp_slab(s->rig[side].lc, i));
	return n;
}

static void print_stuck(const struct sim *s)
{
	for (uint32_t i = 0; i < s->n_ends; i++) {
		const struct end *e = &s->ends[i];
		struct leat_transport_info t = {.state = "-"};

		if (e->c != NULL)
			leat_tcp_info(e->c, &t);
		printf("  end %u side %u %s sent %lu of %lu got %lu of %lu rx %u tx %u\n", i,
			e->side, t.state, (unsigned long)e->sent, (unsigned long)e->to_send,
			(unsigned long)e->got, (unsigned long)e->to_recv, t.rx_queue, t.tx_queue);
	}
}

static void run_all(struct sim *s)
{
	settle(s);
	while (s->n_open != 0 && s->now < TIME_LIMIT && s->errors == 0 && step(s))
		;
	CU_ASSERT_EQUAL(s->errors, 0);
	CU_ASSERT_EQUAL(s->n_open, 0);
	if (s->n_open != 0) {
		printf("seed %lu: stuck\n", (unsigned long)s->seed);
		print_stuck(s);
		for (uint32_t i = 0; i < s->n_ends; i++) {
			if (s->ends[i].c != NULL)
				leat_tcp_abort(s->rig[s->ends[i].side].lc, s->ends[i].c);
			s->ends[i].c = NULL;
		}
	}
}

// Every object goes by itself: the last ACKs are lost or not, TIME_WAIT passes.
static void run_out(struct sim *s)
{
	uint64_t end = s->now + 2000 * 1000 * MS;

	while (objects(s) != 0 && s->now < end && step(s))
		;
	CU_ASSERT_EQUAL(objects(s), 0);
	for (uint32_t side = 0; side < 2; side++) {
		leat_tcp_unlisten(s->rig[side].lc, s->listener[side]);
		s->listener[side] = NULL;
	}
	while (link_next(&s->link) != UINT64_MAX && step(s)) // what is still under way
		;
	settle(s);
}

static void run_seed(uint64_t seed, struct result *out)
{
	static const uint16_t mtus[] = {576, 1000, 1280, 1500, 1500, 4000, 9000};
	struct sim *s = calloc(1, sizeof(*s));
	struct link_conf conf;

	running = s;
	s->seed = seed;
	draw_link(seed, &conf);
	link_init(&s->link, &conf, &s->rig[0], &s->rig[1], seed);
	for (uint32_t side = 0; side < 2; side++)
		open_rig(s, side, mtus[draw(s, RTE_DIM(mtus))]);
	draw_flows(s);
	run_all(s);
	out->ns = s->now;
	run_out(s);
	*out = (struct result){.hash = s->link.hash,
		.frames = s->link.frames,
		.lost = s->link.lost,
		.bytes = s->bytes,
		.ns = out->ns,
		.flows = s->n_ends / 2};
	for (uint32_t side = 0; side < 2; side++) {
		out->t[side] = *leat_tcp_stats(s->rig[side].lc);
		CU_ASSERT(rig_balanced(s->rig[side].s));
	}
	link_fini(&s->link);
	for (uint32_t side = 0; side < 2; side++)
		rig_close(&s->rig[side]);
	free(s);
}

static void print(uint64_t seed, const struct result *r)
{
	const struct leat_tcp_stats *a = &r->t[0], *b = &r->t[1];

	printf("seed %4lu: %u connections, %8lu bytes in %9.3f s, %6lu frames, %5lu lost, "
	       "%5lu sent again, %4lu fast, %4lu timeouts, %3lu probes, trace %016lx\n",
		(unsigned long)seed, r->flows, (unsigned long)r->bytes, r->ns / 1e9,
		(unsigned long)r->frames, (unsigned long)r->lost,
		(unsigned long)(a->retransmits + b->retransmits),
		(unsigned long)(a->fast_retransmits + b->fast_retransmits),
		(unsigned long)(a->timeouts + b->timeouts), (unsigned long)(a->probes + b->probes),
		(unsigned long)r->hash);
}

static uint64_t first = 1, last = 20, twice = 5;

static void transfers(void)
{
	uint64_t every = twice != 0 ? RTE_MAX((last - first + 1) / twice, 1u) : 0;
	uint64_t again = 0, timeouts = 0;

	for (uint64_t seed = first; seed <= last; seed++) {
		struct result r, r2;

		run_seed(seed, &r);
		print(seed, &r);
		again += r.t[0].retransmits + r.t[1].retransmits;
		timeouts += r.t[0].timeouts + r.t[1].timeouts;
		if (every == 0 || (seed - first) % every != 0)
			continue;
		run_seed(seed, &r2);
		if (r.hash != r2.hash)
			printf("seed %lu: second trace %016lx\n", (unsigned long)seed,
				(unsigned long)r2.hash);
		CU_ASSERT_EQUAL(r.hash, r2.hash);
	}
	printf("%lu seeds: %lu sent again, %lu timeouts\n", (unsigned long)(last - first + 1),
		(unsigned long)again, (unsigned long)timeouts);
}

// Two seeds give two traces: the hash sees something.
static void traces_differ(void)
{
	struct result a, b;

	run_seed(first, &a);
	run_seed(first + 1, &b);
	CU_ASSERT_NOT_EQUAL(a.hash, b.hash);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {UNIT_CASE(transfers), UNIT_CASE(traces_differ)};

	for (int i = 1; i < argc; i += 2) {
		bool more = i + 1 < argc;

		if (more && strcmp(argv[i], "--seeds") == 0 &&
			sscanf(argv[i + 1], "%lu..%lu", &first, &last) == 2 && first <= last)
			continue;
		if (more && strcmp(argv[i], "--twice") == 0 &&
			sscanf(argv[i + 1], "%lu", &twice) == 1)
			continue;
		fprintf(stderr, "usage: tcp_sim [--seeds FIRST..LAST] [--twice N]\n");
		return 2;
	}
	return unit_eal_init() != 0 || UNIT_RUN("tcp_sim", cases) != 0;
}
