// SPDX-License-Identifier: BSD-3-Clause
// Frames up and down: addresses, VLAN tags, what nobody takes, and what a port without offloads
// sends.
#include "link/eth.h"

#include <string.h>

#include "frames.h"
#include "rig.h"
#include "unit.h"

static const struct rte_ether_addr all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct rte_ether_addr other = {{0x02, 0, 0, 0, 0, 0x55}};

static void send_type(struct rig *r, const struct rte_ether_addr *dst,
	const struct rte_ether_addr *src, int vlan, uint16_t type)
{
	struct frame f;

	frame_eth(&f, dst, src, vlan, type);
	frame_fill(&f, 46, 0);
	rig_send(r, f.b, f.len);
}

static void each_wrong_frame_has_its_reason(void)
{
	struct rig r;
	uint8_t runt[13] = {0};

	CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL, 1500), 0);
	rig_send(&r, runt, sizeof(runt));
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_ETH_SHORT), 1);
	send_type(&r, &other, &frame_peer, -1, 0x0800);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_ETH_DST), 1);
	send_type(&r, &r.port->mac, &all, -1, 0x0800);
	send_type(&r, &r.port->mac, &r.port->mac, -1, 0x0800);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_ETH_SRC), 2);
	send_type(&r, &r.port->mac, &frame_peer, -1, 0x88cc);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_ETH_TYPE), 1);
	send_type(&r, &r.port->mac, &frame_peer, 7, 0x0800);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_VLAN_UNKNOWN), 1);
	r.iface->up = false;
	send_type(&r, &r.port->mac, &frame_peer, -1, 0x0800);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_IFACE_DOWN), 1);
	rig_close(&r);
}

static void the_kernel_gets_what_leat_does_not_speak(void)
{
	struct rig r;

	CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL, 1500), 0);
	rig_punt(&r);
	send_type(&r, &r.port->mac, &frame_peer, -1, 0x88cc);
	send_type(&r, &r.port->mac, &frame_peer, -1, 0x86dd);
	send_type(&r, &r.port->mac, &frame_peer, 7, 0x0800);
	CU_ASSERT_EQUAL(r.punts[LEAT_PUNT_OTHER], 3);
	rig_close(&r);
}

static void a_vlan_interface_gets_its_frames_and_sends_tagged(void)
{
	struct leat_prefix p;
	struct leat_iface *v;
	struct rte_mbuf *m;
	struct frame f;
	struct rig r;

	CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL, 1500), 0);
	CU_ASSERT_EQUAL_FATAL(leat_iface_add(r.s, r.port, 10, "t0.10", &v), 0);
	leat_prefix_parse("192.0.2.1/24", &p);
	CU_ASSERT_EQUAL(leat_iface_addr_add(r.s, v, &p), 0);
	frame_eth(&f, &all, &frame_peer, 10, 0x0806);
	frame_arp(&f, 1, &frame_peer, "192.0.2.2", &all, "192.0.2.1");
	rig_send(&r, f.b, f.len);
	m = rig_take(&r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	frame_eth(&f, &frame_peer, &r.port->mac, 10, 0x0806);
	frame_arp(&f, 2, &r.port->mac, "192.0.2.1", &frame_peer, "192.0.2.2");
	CU_ASSERT_EQUAL(m->pkt_len, f.len);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), f.b, f.len), 0);
	rte_pktmbuf_free(m);
	frame_eth(&f, &all, &frame_peer, -1,
		0x0806); // untagged: another interface, without the address
	frame_arp(&f, 1, &frame_peer, "192.0.2.2", &all, "192.0.2.1");
	rig_send(&r, f.b, f.len);
	CU_ASSERT_PTR_NULL(rig_take(&r));
	rig_close(&r);
}

static void a_full_transmit_queue_drops_and_recovers(void)
{
	struct rig r;
	unsigned taken = 0;

	CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL, 1500), 0);
	for (int turn = 0; turn < 5; turn++) {
		for (int i = 0; i < 2000; i++) {
			struct rte_mbuf *m = leat_create(r.lc);

			if (m == NULL)
				break; // the pool is in the queue
			m->data_len = m->pkt_len = 60;
			m->l2_len = 14;
			leat_port_tx(r.lc, r.iface, m);
		}
		leat_lcore_poll(r.lc);
	}
	CU_ASSERT(leat_port_queued(r.lc) > 0 || rig_drops(r.s, LEAT_DROP_TX_FULL) > 0 ||
		  rte_mempool_avail_count(r.lc->pool) == 0);
	for (struct rte_mbuf *m; (m = rig_take(&r)) != NULL; taken++) {
		rte_pktmbuf_free(m);
		leat_lcore_poll(r.lc);
	}
	CU_ASSERT_EQUAL(leat_port_queued(r.lc), 0);
	CU_ASSERT_EQUAL(taken, r.lc->count.transmitted);
	CU_ASSERT(taken >= 4000);
	rig_close(&r);
}

static void too_long_frames_are_refused(void)
{
	struct rte_mbuf *m;
	struct rig r;

	CU_ASSERT_EQUAL_FATAL(rig_open(&r, NULL, 1500), 0);
	for (int over = 0; over <= 1; over++) {
		m = leat_create(r.lc);
		m->data_len = m->pkt_len = 1514 + over;
		m->l2_len = 14;
		leat_port_tx(r.lc, r.iface, m);
	}
	leat_lcore_poll(r.lc);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_TX_TOO_LONG), 1);
	rte_pktmbuf_free(rig_take(&r));
	rig_close(&r);
}

static const struct unit_case cases[] = {
	UNIT_CASE(each_wrong_frame_has_its_reason),
	UNIT_CASE(the_kernel_gets_what_leat_does_not_speak),
	UNIT_CASE(a_vlan_interface_gets_its_frames_and_sends_tagged),
	UNIT_CASE(a_full_transmit_queue_drops_and_recovers),
	UNIT_CASE(too_long_frames_are_refused),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("eth", cases) != 0;
}
