// SPDX-License-Identifier: BSD-3-Clause
// Neighbours: asking, holding, answering, ageing, full tables, what control sets.
#include "link/neigh.h"

#include <string.h>

#include "frames.h"
#include "link/eth.h"
#include "rig.h"
#include "unit.h"

static const struct rte_ether_addr all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct rte_ether_addr none = {{0}};

static void open_with_address(struct rig *r)
{
	struct leat_prefix p;

	CU_ASSERT_EQUAL_FATAL(rig_open(r, NULL, 1500), 0);
	leat_prefix_parse("192.0.2.1/24", &p);
	CU_ASSERT_EQUAL(leat_iface_addr_add(r->s, r->iface, &p), 0);
}

static union leat_ip ip_of(const char *text)
{
	union leat_ip ip;

	CU_ASSERT_EQUAL(leat_ip_parse(text, &ip), 0);
	return ip;
}

static void output(struct rig *r, const char *to, uint8_t mark)
{
	union leat_ip ip = ip_of(to);
	struct rte_mbuf *m = leat_create(r->lc);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	memset(rte_pktmbuf_append(m, 46), mark, 46);
	leat_neigh_output(r->lc, r->iface, &ip, NULL, m, 0x0800);
	leat_lcore_poll(r->lc);
}

static void answer(struct rig *r, const char *from)
{
	struct frame f;

	frame_eth(&f, &r->port->mac, &frame_peer, -1, 0x0806);
	frame_arp(&f, 2, &frame_peer, from, &r->port->mac, "192.0.2.1");
	rig_send(r, f.b, f.len);
}

// Take the next frame: is it a request for ip, to dst?
static bool took_request(struct rig *r, const char *ip, const struct rte_ether_addr *dst)
{
	struct rte_mbuf *m = rig_take(r);
	struct frame f;
	bool same;

	if (m == NULL)
		return false;
	frame_eth(&f, dst, &r->port->mac, -1, 0x0806);
	frame_arp(&f, 1, &r->port->mac, "192.0.2.1", &none, ip);
	same = m->pkt_len == f.len && memcmp(rte_pktmbuf_mtod(m, void *), f.b, f.len) == 0;
	rte_pktmbuf_free(m);
	return same;
}

static unsigned take_all(struct rig *r)
{
	unsigned n = 0;

	for (struct rte_mbuf *m; (m = rig_take(r)) != NULL; n++)
		rte_pktmbuf_free(m);
	return n;
}

static enum leat_neigh_state state_of(struct rig *r, const char *ip)
{
	struct leat_neigh e[16];
	union leat_ip want = ip_of(ip);
	uint32_t cursor = 0, n = leat_neigh_dump(r->lc, &cursor, e, 16);

	for (uint32_t i = 0; i < n; i++)
		if (leat_ip_equal(e[i].ip, want))
			return e[i].state;
	return LEAT_NEIGH_STATE_MAX;
}

static void packets_wait_for_the_answer_in_order(void)
{
	struct rig r;

	open_with_address(&r);
	for (int i = 0; i < 70; i++)
		output(&r, "192.0.2.2", (uint8_t)i);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_NEIGH_HOLD), 70 - LEAT_NEIGH_HOLD);
	CU_ASSERT(took_request(&r, "192.0.2.2", &all));
	CU_ASSERT_PTR_NULL(rig_take(&r));
	answer(&r, "192.0.2.2");
	CU_ASSERT_EQUAL(state_of(&r, "192.0.2.2"), LEAT_NEIGH_REACHABLE);
	for (int i = 0; i < LEAT_NEIGH_HOLD; i++) {
		struct rte_mbuf *m = rig_take(&r);

		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[14], i);
		CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), &frame_peer, 6), 0);
		rte_pktmbuf_free(m);
	}
	rig_close(&r);
}

static void silence_ends_in_failed_and_is_asked_again_later(void)
{
	struct rig r;

	open_with_address(&r);
	output(&r, "192.0.2.3", 1);
	rig_run(&r, UINT64_C(4000000000));
	CU_ASSERT_EQUAL(take_all(&r), 3); // requests
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_NEIGH_FAILED), 1);
	CU_ASSERT_EQUAL(state_of(&r, "192.0.2.3"), LEAT_NEIGH_FAILED);
	output(&r, "192.0.2.3", 1);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_NEIGH_FAILED), 2);
	rig_run(&r, UINT64_C(4000000000));
	output(&r, "192.0.2.3", 1);
	CU_ASSERT(took_request(&r, "192.0.2.3", &all));
	answer(&r, "192.0.2.3");
	CU_ASSERT_EQUAL(take_all(&r), 1);
	rig_close(&r);
}

static void a_stale_neighbour_is_probed_and_loses_nothing(void)
{
	struct rig r;

	open_with_address(&r);
	output(&r, "192.0.2.2", 1);
	answer(&r, "192.0.2.2");
	take_all(&r);
	rig_run(&r, UINT64_C(31000000000));
	CU_ASSERT_EQUAL(state_of(&r, "192.0.2.2"), LEAT_NEIGH_STALE);
	output(&r, "192.0.2.2", 2);
	CU_ASSERT_EQUAL(take_all(&r), 1); // sent at once
	rig_run(&r, UINT64_C(5100000000));
	CU_ASSERT_EQUAL(state_of(&r, "192.0.2.2"), LEAT_NEIGH_PROBE);
	CU_ASSERT(took_request(&r, "192.0.2.2", &frame_peer));
	output(&r, "192.0.2.2", 3);
	CU_ASSERT_EQUAL(take_all(&r), 1);
	answer(&r, "192.0.2.2");
	CU_ASSERT_EQUAL(state_of(&r, "192.0.2.2"), LEAT_NEIGH_REACHABLE);
	rig_close(&r);
}

static void a_full_table_evicts_the_idle_and_refuses_otherwise(void)
{
	struct rig r;
	char ip[32];

	open_with_address(&r); // 16 neighbours
	for (int i = 0; i < 16; i++) {
		snprintf(ip, sizeof(ip), "192.0.2.%d", 10 + i);
		output(&r, ip, 0);
	}
	output(&r, "192.0.2.100", 0); // all hold packets
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_NEIGH_FULL), 1);
	answer(&r, "192.0.2.10");
	take_all(&r);
	for (int i = 0; i < 20 && state_of(&r, "192.0.2.100") == LEAT_NEIGH_STATE_MAX; i++)
		output(&r, "192.0.2.100", 0);
	CU_ASSERT_EQUAL(state_of(&r, "192.0.2.100"), LEAT_NEIGH_INCOMPLETE);
	CU_ASSERT_EQUAL(state_of(&r, "192.0.2.10"), LEAT_NEIGH_STATE_MAX);
	take_all(&r);
	rig_close(&r);
}

static void a_permanent_entry_is_not_overwritten_by_packets(void)
{
	struct rte_ether_addr mac = {{0x02, 0, 0, 0, 0, 0x77}};
	union leat_ip ip = ip_of("192.0.2.5");
	struct rte_mbuf *m;
	struct rig r;

	open_with_address(&r);
	CU_ASSERT_EQUAL(leat_neigh_set_all(r.s, r.iface->idx, &ip, &mac, true), 0);
	leat_lcore_poll(r.lc);
	answer(&r, "192.0.2.5");
	output(&r, "192.0.2.5", 1);
	m = rig_take(&r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), &mac, 6), 0);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(leat_neigh_del_all(r.s, r.iface->idx, &ip), 0);
	leat_lcore_poll(r.lc);
	CU_ASSERT_EQUAL(state_of(&r, "192.0.2.5"), LEAT_NEIGH_STATE_MAX);
	rig_close(&r);
}

static void bad_arp_has_its_reasons_and_probes_teach_nothing(void)
{
	struct frame f;
	struct rig r;

	open_with_address(&r);
	frame_eth(&f, &all, &frame_peer, -1, 0x0806);
	frame_fill(&f, 20, 0);
	rig_send(&r, f.b, f.len);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_ARP_SHORT), 1);
	frame_eth(&f, &all, &frame_peer, -1, 0x0806);
	frame_arp(&f, 9, &frame_peer, "192.0.2.2", &none, "192.0.2.1");
	rig_send(&r, f.b, f.len);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_ARP_BAD), 1);
	frame_eth(&f, &all, &frame_peer, -1, 0x0806);
	frame_arp(&f, 1, &frame_peer, "0.0.0.0", &none, "192.0.2.1");
	rig_send(&r, f.b, f.len);
	CU_ASSERT_EQUAL(take_all(&r), 1); // answered: the address is taken
	CU_ASSERT_EQUAL(state_of(&r, "0.0.0.0"), LEAT_NEIGH_STATE_MAX);
	rig_close(&r);
}

static void multicast_needs_no_neighbour(void)
{
	static const uint8_t group[6] = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};
	struct rte_mbuf *m;
	struct rig r;

	open_with_address(&r);
	output(&r, "239.129.2.3", 1);
	m = rig_take(&r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), group, 6), 0);
	rte_pktmbuf_free(m);
	rig_close(&r);
}

static const struct unit_case cases[] = {
	UNIT_CASE(packets_wait_for_the_answer_in_order),
	UNIT_CASE(silence_ends_in_failed_and_is_asked_again_later),
	UNIT_CASE(a_stale_neighbour_is_probed_and_loses_nothing),
	UNIT_CASE(a_full_table_evicts_the_idle_and_refuses_otherwise),
	UNIT_CASE(a_permanent_entry_is_not_overwritten_by_packets),
	UNIT_CASE(bad_arp_has_its_reasons_and_probes_teach_nothing),
	UNIT_CASE(multicast_needs_no_neighbour),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("neigh", cases) != 0;
}
