// SPDX-License-Identifier: BSD-3-Clause
// A million packets of garbage and near-valid packets into stacks of several configurations:
//
//   garbage_test [seed] [count]   1 and 1,000,000 without
//   garbage_test --plant          the program that gets punted frames reads one byte too many: to
//   be caught
//
// Nothing may crash, the packet equation must hold, every buffer must come back, and every reason
// to drop of the receive side must be met, every field be mutated.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_ring.h>

#include "fuzz.h"
#include "ip/fib.h"
#include "ip/ip.h"
#include "pktbuf.h"
#include "transport/transport.h"

#define CONFIGS 6
#define MAX_CUTS 4
#define SETTLE 64 // rounds in which frames that answer frames are to come to an end

static uint64_t seed = 1, count = 1000000;
static uint64_t drops[LEAT_DROP_MAX], mutated[FIELDS_MAX], punts, total, came_out, wrong_out;
static struct leat_tcp_stats tcp;
static bool plant;

// ---- a stack with everything ----

static struct leat_prefix prefix(uint32_t ip, uint8_t len)
{
	return (struct leat_prefix){.ip = leat_ip_from_be32(rte_cpu_to_be_32(ip)), .len = len};
}

static int add_route(struct fuzz *f, uint32_t net, enum leat_route_type type, uint32_t mtu)
{
	struct leat_route r = {.prefix = prefix(net, 24), .table = 254, .type = type, .mtu = mtu};

	if (type == LEAT_ROUTE_UNICAST) {
		r.n_paths = net == ROUTED ? 2 : 1;
		r.paths[0] = (struct leat_path){
			.via = prefix(NET + 2, 32).ip, .iface = f->r.iface->idx, .weight = 1};
		r.paths[1] = (struct leat_path){
			.via = prefix(NET_V + 2, 32).ip, .iface = f->vlan->idx, .weight = 2};
	}
	return leat_fib_set(f->r.s, &r);
}

static int add_routes(struct fuzz *f)
{
	int rc = add_route(f, ROUTED, LEAT_ROUTE_UNICAST, 0);

	if (rc == 0)
		rc = add_route(f, NARROW, LEAT_ROUTE_UNICAST, 600);
	if (rc == 0)
		rc = add_route(f, HOLE, LEAT_ROUTE_BLACKHOLE, 0);
	if (rc == 0)
		rc = add_route(f, BEYOND, LEAT_ROUTE_KERNEL, 0);
	return rc;
}

static int set_up(struct fuzz *f, const struct leat_stack_conf *conf, bool forwarding)
{
	struct leat_prefix p = prefix(HOST, 24), pv = prefix(HOST_V, 24);
	int rc = rig_open(&f->r, conf, 1500);

	if (rc == 0)
		rc = leat_iface_add(f->r.s, f->r.port, VLAN, "t0.10", &f->vlan);
	if (rc == 0)
		rc = leat_ip_addr_add(f->r.s, f->r.iface, &p);
	if (rc == 0)
		rc = leat_ip_addr_add(f->r.s, f->vlan, &pv);
	if (rc == 0)
		rc = add_routes(f);
	if (rc == 0 && !conf->bypass)
		rc = fuzz_app_open(f);
	if (rc == 0)
		f->r.iface->forwarding = f->vlan->forwarding = forwarding;
	return rc;
}

// ---- turning it ----

static uint32_t some_cuts(struct fuzz *f, uint32_t len, uint32_t *cuts)
{
	uint32_t n = one_in(f, 2) ? 0 : 1 + below(f, MAX_CUTS);

	for (uint32_t i = 0; i < n; i++) { // half of them within the headers; sorted as they come
		uint32_t at = below(f, (one_in(f, 2) && len > 64 ? 64 : len) + 1), k = i;

		for (; k > 0 && cuts[k - 1] > at; k--)
			cuts[k] = cuts[k - 1];
		cuts[k] = at;
	}
	return n;
}

void fuzz_send(struct fuzz *f, const struct fuzz_pkt *p)
{
	uint32_t cuts[MAX_CUTS], n = some_cuts(f, p->len, cuts);
	struct rte_mbuf *m = leat_pkt_from_bytes_exact(f->r.pool, p->b, p->len, cuts, n);

	if (m == NULL) // the stack holds all of the test's buffers: as if the wire had lost it
		return;
	m->ol_flags |= f->rx_flags;
	m->vlan_tci = f->rx_tci;
	if (rte_ring_enqueue(f->r.in, m) != 0)
		rte_pktmbuf_free(m);
	else
		f->sent++;
}

void fuzz_turn(struct fuzz *f, uint64_t ns)
{
	leat_clock_advance(f->r.s, ns);
	for (int i = 0; i < SETTLE; i++) {
		for (uint16_t k = 0; k < f->r.s->n_lcores; k++)
			leat_lcore_poll(f->r.s->lcores[k]);
		if (!f->r.s->conf.bypass)
			fuzz_app_turn(f);
		fuzz_peers(f);
		if (rte_ring_empty(f->r.in))
			break;
	}
}

static void garbage(struct fuzz *f, struct fuzz_pkt *p)
{
	static const uint8_t types[][2] = {{8, 0}, {8, 6}, {0x81, 0}, {0x86, 0xdd}};

	p->len = one_in(f, 4) ? below(f, 64) : below(f, 1600);
	fuzz_random_bytes(f, p->b, p->len);
	if (p->len < 14 || one_in(f, 4))
		return;
	// for us, so that it gets further than the first check
	memcpy(p->b, &f->r.iface->mac, 6);
	p->b[6] &= 0xfe;
	if (!one_in(f, 3))
		memcpy(p->b + 12, types[below(f, 4)], 2);
}

// What a port may say of a frame, true or not; but that an IPv4 header is good it says of good ones
// alone, for what it calls good is forwarded as it is.
static void some_verdict(struct fuzz *f, bool valid)
{
	static const uint64_t verdicts[] = {RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_IP_CKSUM_BAD,
		RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD,
		RTE_MBUF_F_RX_L4_CKSUM_NONE, RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED};

	f->rx_flags = one_in(f, 20) ? verdicts[below(f, RTE_DIM(verdicts))] : 0;
	if (f->rx_flags == RTE_MBUF_F_RX_IP_CKSUM_GOOD && !valid)
		f->rx_flags = 0;
	f->rx_tci = one_in(f, 2) ? VLAN : below(f, 65536);
}

static void one_packet(struct fuzz *f)
{
	static struct fuzz_pkt p;
	uint32_t kind = below(f, 4);

	switch (kind) {
	case 0:
		garbage(f, &p);
		break;
	case 1:
		fuzz_valid(f, &p);
		break;
	default:
		fuzz_valid(f, &p);
		mutated[fuzz_mutate(f, &p, one_in(f, 2))]++;
	}
	some_verdict(f, kind == 1);
	fuzz_send(f, &p);
	f->rx_flags = 0;
}

static void mix(struct fuzz *f, uint64_t n)
{
	for (uint64_t turns = 0; f->sent < n; turns++) {
		for (uint32_t k = 1 + below(f, LEAT_BURST); k > 0 && f->sent < n; k--)
			one_packet(f);
		f->ts_now += below(f, 3);
		fuzz_turn(f, below(f, 2000000));
		for (int i = 0; turns % 100 == 99 && i < 16; i++) // retransmissions, timeouts
			fuzz_turn(f, UINT64_C(1) << (16 + below(f, 16)));
		if (turns % 64 == 0 && !rig_balanced(f->r.s)) {
			CU_FAIL("packet equation");
			return;
		}
	}
}

static void plant_punt(struct leat_lcore *lc, struct rte_mbuf *m, enum leat_punt_class c)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(m);

	(void)c;
	(void)*rte_pktmbuf_mtod_offset(last, volatile uint8_t *, last->data_len); // one too many
	leat_consume(lc, m);
}

static void close_fuzz(struct fuzz *f)
{
	struct rte_mbuf *m;

	for (int i = 0; i < LEAT_PUNT_MAX; i++)
		punts += f->r.punts[i];
	for (int i = 0; i < LEAT_DROP_MAX; i++)
		drops[i] += rig_drops(f->r.s, i);
	for (uint16_t k = 0; k < f->r.s->n_lcores; k++) {
		const struct leat_tcp_stats *t = leat_tcp_stats(f->r.s->lcores[k]);

		tcp.active_opens += t->active_opens;
		tcp.passive_opens += t->passive_opens;
		tcp.bytes_in += t->bytes_in;
		tcp.bytes_out += t->bytes_out;
		tcp.retransmits += t->retransmits;
		tcp.time_waits += t->time_waits;
	}
	total += f->sent;
	came_out += f->out;
	wrong_out += f->wrong_out;
	CU_ASSERT_EQUAL(f->wrong_out, 0);
	for (int i = 0; i < SETTLE; i++) // what workers have handed each other
		for (uint16_t k = 0; k < f->r.s->n_lcores; k++)
			leat_lcore_poll(f->r.s->lcores[k]);
	while ((m = rig_take(&f->r)) != NULL)
		rte_pktmbuf_free(m);
	rig_close(&f->r); // the packet equation, all buffers back
}

struct config {
	bool kernel, forwarding, lazy, bypass, small;
	uint16_t workers;
	bool no_echo;
};

static void run(const struct config *c, unsigned index)
{
	struct fuzz *f = calloc(1, sizeof(*f));
	struct leat_stack_conf conf;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	rig_conf(&conf);
	conf.n_lcores = c->workers;
	conf.bypass = c->bypass;
	conf.icmp_echo = !c->no_echo;
	conf.seed = seed * CONFIGS + index + 1;
	conf.limits.neighbours = 64;
	if (c->small) {
		conf.limits.connections = 24;
		conf.limits.half_open = 8;
		conf.limits.time_wait = 4;
		conf.limits.neighbours = 4;
		conf.limits.reassembly_bytes = 40000;
		conf.limits.send_buffer = 16384;
		conf.limits.receive_buffer = 16384;
	}
	f->seed = seed * CONFIGS + index;
	f->lazy = c->lazy;
	CU_ASSERT_EQUAL_FATAL(set_up(f, &conf, c->forwarding), 0);
	if (c->kernel)
		rig_punt(&f->r);
	if (plant)
		f->r.s->punt = plant_punt;
	mix(f, count / CONFIGS + (index < count % CONFIGS));
	if (!c->kernel)
		fuzz_directed(f);
	if (c->workers > 1)
		fuzz_directed_workers(f);
	close_fuzz(f);
	free(f);
}

#define CONFIG(number, id, ...) \
	static void id(void) \
	{ \
		static const struct config c = {__VA_ARGS__}; \
		run(&c, number); \
	}

CONFIG(0, with_kernel, .workers = 1, .kernel = true, .forwarding = true)
CONFIG(1, alone, .workers = 1, .forwarding = true)
CONFIG(2, small, .workers = 1, .small = true, .lazy = true, .forwarding = true)
CONFIG(3, as_host, .workers = 1, .lazy = true, .no_echo = true)
CONFIG(4, workers, .workers = 3, .kernel = true, .forwarding = true)
CONFIG(5, exception_path_only, .workers = 1, .kernel = true, .forwarding = true, .bypass = true)

// ---- what must hold over all of them ----

static void every_reason(void)
{
	printf("\n  %lu packets, %lu punted, %lu came out\n", (unsigned long)total,
		(unsigned long)punts, (unsigned long)came_out);
	printf("  TCP: %lu opens by us, %lu by peers, %lu bytes in, %lu out, %lu retransmissions, "
	       "%lu TIME_WAIT\n",
		(unsigned long)tcp.active_opens, (unsigned long)tcp.passive_opens,
		(unsigned long)tcp.bytes_in, (unsigned long)tcp.bytes_out,
		(unsigned long)tcp.retransmits, (unsigned long)tcp.time_waits);
	for (int i = 1; i < LEAT_DROP_MAX; i++)
		printf("  %-20s %9lu\n", leat_drop_name(i), (unsigned long)drops[i]);
	for (int i = 1; i <= LEAT_DROP_LAST_RX; i++) {
		if (drops[i] == 0)
			printf("  not reached: %s\n", leat_drop_name(i));
		CU_ASSERT_NOT_EQUAL(drops[i], 0);
	}
	CU_ASSERT(total >= count);
	CU_ASSERT_NOT_EQUAL(punts, 0);
	// that segments meet connections, and not closed ports alone
	CU_ASSERT(tcp.passive_opens > count / 1000 && tcp.active_opens > count / 10000);
	CU_ASSERT(tcp.bytes_in > count && tcp.bytes_out > count);
}

static void every_field(void)
{
	for (unsigned i = 0; fuzz_field_name(i) != NULL; i++) {
		if (mutated[i] == 0)
			printf("  never mutated: %s\n", fuzz_field_name(i));
		CU_ASSERT_NOT_EQUAL(mutated[i], 0);
	}
}

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

// The proof that the sanitizer looks: a child with the planted over-read dies of it. Without a
// sanitizer the child lives.
static void planted_is_caught(void)
{
	char line[512];
	bool seen = false;
	int status;
	FILE *out = popen("exec /proc/$PPID/exe --plant 2>&1", "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	while (fgets(line, sizeof(line), out) != NULL)
		seen |= strstr(line, "ERROR: AddressSanitizer") != NULL;
	status = pclose(out);
#ifdef HAVE_ASAN
	CU_ASSERT(seen);
	CU_ASSERT_NOT_EQUAL(status, 0);
#else
	CU_ASSERT(!seen);
	CU_ASSERT_EQUAL(status, 0);
#endif
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {UNIT_CASE(with_kernel), UNIT_CASE(alone),
		UNIT_CASE(small), UNIT_CASE(as_host), UNIT_CASE(workers),
		UNIT_CASE(exception_path_only), UNIT_CASE(every_reason), UNIT_CASE(every_field),
		UNIT_CASE(planted_is_caught)};
	static const struct unit_case planted[] = {UNIT_CASE(with_kernel)};

	plant = argc > 1 && strcmp(argv[1], "--plant") == 0;
	if (plant)
		count = 6000;
	else if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		count = strtoull(argv[2], NULL, 0);
	printf("seed %lu, %lu packets\n", (unsigned long)seed, (unsigned long)count);
	fflush(stdout);
	if (unit_eal_init() != 0)
		return 1;
	return plant ? UNIT_RUN("planted", planted) != 0 : UNIT_RUN("garbage", cases) != 0;
}
