// SPDX-License-Identifier: BSD-3-Clause
// UDP endpoints: ports, sending, errors, dump. Events are seen through sockets.
#include <errno.h>

#include "sock/sock.h"
#include "udp_frame.h"
#include "unit.h"

static void drain(struct rig *r)
{
	struct rte_mbuf *m;

	while ((m = rig_take(r)) != NULL)
		rte_pktmbuf_free(m);
}

// Ports: taken ones are refused, chosen ones are dynamic and differ, the table has an end.
static void ports(void)
{
	struct leat_udp_pcb *u[16], *more;
	struct leat_transport_info info;
	bool seen[65536] = {false};
	struct rig r;

	open_rig(&r, false);
	u[0] = open_pcb(&r, &at_port, NULL);
	CU_ASSERT_EQUAL(leat_udp_open(r.lc, &at_port, NULL, 0, &more), -EADDRINUSE);
	for (int i = 1; i < 16; i++) {
		u[i] = open_pcb(&r, NULL, i % 2 ? &peer : NULL);
		leat_udp_info(u[i], &info);
		CU_ASSERT(info.local.port >= 49152 && !seen[info.local.port]);
		CU_ASSERT_EQUAL(leat_ip_be32(info.local.ip), i % 2 ? HOST : 0);
		CU_ASSERT_EQUAL(info.remote.port, i % 2 ? 777 : 0);
		seen[info.local.port] = true;
	}
	CU_ASSERT_EQUAL(leat_udp_open(r.lc, NULL, NULL, 0, &more), -ENOBUFS);
	for (int i = 0; i < 16; i++)
		leat_udp_close(r.lc, u[i]);
	more = open_pcb(&r, &at_port, NULL);
	leat_udp_close(r.lc, more);
	rig_close(&r);
}

static struct rte_mbuf *payload(struct rig *r, uint32_t len)
{
	struct rte_mbuf *head = NULL, *last = NULL;
	uint32_t at = 0;

	do {
		struct rte_mbuf *m = leat_sock_alloc(r->lc);
		uint32_t part = RTE_MIN(len - at, 2000u);
		uint8_t *p;

		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		p = (uint8_t *)rte_pktmbuf_append(m, part);
		for (uint32_t i = 0; i < part; i++)
			p[i] = (uint8_t)(at + i);
		at += part;
		if (head == NULL) {
			head = m;
		} else {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += part;
		}
		last = m;
	} while (at < len);
	return head;
}

// A datagram as RFC 768 has it, with its checksum right.
static void sends(void)
{
	static const uint16_t sizes[] = {0, 1, 100, 1471, 1472};
	uint8_t out[2048];
	struct rig r;
	struct leat_udp_pcb *u;

	open_rig(&r, false);
	u = open_pcb(&r, &at_port, NULL);
	for (unsigned i = 0; i < RTE_DIM(sizes); i++) {
		const struct rte_ipv4_hdr *ip = (void *)(out + 14);
		struct rte_udp_hdr *udp = (void *)(out + UDP_AT);
		uint16_t had;

		CU_ASSERT_EQUAL(leat_udp_send(r.lc, u, payload(&r, sizes[i]), &peer, NULL), 0);
		leat_lcore_poll(r.lc);
		CU_ASSERT_EQUAL(take_frame(&r, out), UDP_AT + 8u + sizes[i]);
		CU_ASSERT_EQUAL(memcmp(out, &peer_mac, 6), 0);
		CU_ASSERT_EQUAL(ip->src_addr, HOST);
		CU_ASSERT_EQUAL(ip->dst_addr, PEER);
		CU_ASSERT_EQUAL(rte_be_to_cpu_16(udp->src_port), PORT);
		CU_ASSERT_EQUAL(rte_be_to_cpu_16(udp->dst_port), 777);
		CU_ASSERT_EQUAL(rte_be_to_cpu_16(udp->dgram_len), 8 + sizes[i]);
		had = udp->dgram_cksum;
		udp->dgram_cksum = 0;
		CU_ASSERT_EQUAL(had, rte_ipv4_udptcp_cksum(ip, udp));
	}
	leat_udp_close(r.lc, u);
	rig_close(&r);
}

// Of all checksums one comes out as 0, which would say that there is none: it is sent as 0xffff.
static void never_sends_zero(void)
{
	uint8_t out[2048];
	struct rig r;
	struct leat_udp_pcb *u;
	bool zero = false;
	int all_ones = 0;

	open_rig(&r, false);
	u = open_pcb(&r, &at_port, NULL);
	for (uint32_t v = 0; v < 65536; v++) {
		struct rte_mbuf *m = leat_sock_alloc(r.lc);
		const struct rte_udp_hdr *udp = (void *)(out + UDP_AT);

		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		*(rte_be16_t *)rte_pktmbuf_append(m, 2) = rte_cpu_to_be_16(v);
		leat_udp_send(r.lc, u, m, &peer, NULL);
		leat_lcore_poll(r.lc);
		if (take_frame(&r, out) != UDP_AT + 10)
			break;
		zero |= udp->dgram_cksum == 0;
		all_ones += udp->dgram_cksum == 0xffff;
	}
	CU_ASSERT(!zero);
	CU_ASSERT(all_ones == 1 || all_ones == 2); // 0x0000 and 0xffff are one payload to the sum
	leat_udp_close(r.lc, u);
	rig_close(&r);
}

// The largest datagram goes in fragments that a host puts together again: this one, by its own
// endpoint.
static void sends_large(void)
{
	struct rte_mbuf *frags[64], *m;
	uint32_t n = 0, bytes = 0;
	struct rig r;
	struct leat_udp_pcb *u;

	open_rig(&r, false);
	u = open_pcb(&r, &at_port, NULL);
	CU_ASSERT_EQUAL(leat_udp_send(r.lc, u, payload(&r, LEAT_UDP_PAYLOAD_MAX), &peer, NULL), 0);
	leat_lcore_poll(r.lc);
	while (n < 64 && (m = rig_take(&r)) != NULL) {
		uint8_t f[2048];
		struct rte_ipv4_hdr *ip = (void *)(f + 14);
		uint32_t len = m->pkt_len;

		leat_pkt_to_bytes(m, f);
		rte_pktmbuf_free(m);
		bytes += len - UDP_AT;
		// the other way round: from the peer to the host
		memcpy(f, &r.iface->mac, 6);
		memcpy(f + 6, &peer_mac, 6);
		ip->src_addr = PEER;
		ip->dst_addr = HOST;
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		if (n == 0) { // the sum of the two addresses is the same
			struct rte_udp_hdr *udp = (void *)(f + UDP_AT);

			udp->src_port = rte_cpu_to_be_16(777);
			udp->dst_port = rte_cpu_to_be_16(PORT);
		}
		frags[n++] = leat_pkt_from_bytes_exact(r.pool, f, len, NULL, 0);
	}
	CU_ASSERT_EQUAL(bytes, LEAT_UDP_PAYLOAD_MAX + 8);
	CU_ASSERT(n >= 44);
	for (uint32_t i = 0; i < n; i++)
		rig_send_mbuf(&r, frags[i]);
	takes(&r, u, LEAT_UDP_PAYLOAD_MAX);
	leat_udp_close(r.lc, u);
	rig_close(&r);
}

// What can't be sent is refused and freed.
static void refuses_to_send(void)
{
	struct leat_endpoint far = {.ip = leat_ip_from_be32(RTE_BE32(0x08080808)), .port = 9};
	struct leat_endpoint six = {.ip = {.b = {0x20, 1}}, .port = 9};
	struct leat_endpoint zero = peer;
	struct rig r;
	struct leat_udp_pcb *u;

	open_rig(&r, false);
	u = open_pcb(&r, &at_port, NULL);
	zero.port = 0;
	CU_ASSERT_EQUAL(leat_udp_send(r.lc, u, payload(&r, 9), NULL, NULL), -EDESTADDRREQ);
	CU_ASSERT_EQUAL(leat_udp_send(r.lc, u, payload(&r, 65508), &peer, NULL), -EMSGSIZE);
	CU_ASSERT_EQUAL(leat_udp_send(r.lc, u, payload(&r, 9), &far, NULL), -ENETUNREACH);
	CU_ASSERT_EQUAL(leat_udp_send(r.lc, u, payload(&r, 9), &six, NULL), -EAFNOSUPPORT);
	CU_ASSERT_EQUAL(leat_udp_send(r.lc, u, payload(&r, 9), &zero, NULL), -EINVAL);
	CU_ASSERT_PTR_NULL(rig_take(&r));
	leat_udp_close(r.lc, u);
	rig_close(&r); // finds a lost buffer
}

// A connected endpoint hears of "port unreachable"; one that is not connected does not.
static void hears_errors(void)
{
	uint8_t f[256] = {0}, quoted[256];
	struct leat_endpoint local = {.port = PORT + 1};
	struct leat_event ev;
	uint32_t connected, open;
	struct rig r;

	open_rig(&r, true);
	CU_ASSERT_EQUAL(leat_sock_udp(r.lc, &at_port, &peer, 11, &connected), 0);
	CU_ASSERT_EQUAL(leat_sock_udp(r.lc, &local, NULL, 22, &open), 0);
	for (uint16_t port = PORT; port <= PORT + 1; port++) {
		uint8_t *icmp = f + UDP_AT;

		frame_udp(&r, quoted, HOST, port, PEER, 777, 0);
		memcpy(icmp + 8, quoted + 14, 28);
		icmp[0] = 3;
		icmp[1] = 3;
		icmp[2] = icmp[3] = 0;
		*(rte_be16_t *)(icmp + 2) = ~rte_raw_cksum(icmp, 36);
		frame_ip(&r, f, PEER, HOST, IPPROTO_ICMP, 36);
		rig_send(&r, f, UDP_AT + 36);
	}
	CU_ASSERT_EQUAL_FATAL(leat_sock_events(r.lc, &ev, 1), 1);
	CU_ASSERT_EQUAL(ev.sock, connected);
	CU_ASSERT_EQUAL(ev.cookie, 11);
	CU_ASSERT_EQUAL(ev.mask, LEAT_EV_ERR);
	CU_ASSERT_EQUAL(ev.error, ECONNREFUSED);
	CU_ASSERT_EQUAL(leat_sock_events(r.lc, &ev, 1), 0);
	CU_ASSERT_EQUAL(r.punts[LEAT_PUNT_LOCAL] + r.punts[LEAT_PUNT_OTHER], 0);
	leat_sock_close(r.lc, connected);
	leat_sock_close(r.lc, open);
	drain(&r);
	rig_close(&r);
}

// leatctl sees every endpoint once, in pieces of any size.
static void dumps(void)
{
	struct leat_transport_info info[4];
	struct leat_udp_pcb *u[10];
	uint32_t cursor = 0, got, n = 0, ports_seen = 0;
	struct rig r;

	open_rig(&r, false);
	for (int i = 0; i < 10; i++) {
		struct leat_endpoint e = {.port = 100 + i};

		u[i] = open_pcb(&r, &e, NULL);
	}
	while ((got = leat_udp_dump(r.lc, &cursor, info, 4)) != 0)
		for (uint32_t i = 0; i < got; i++, n++)
			ports_seen |= 1u << (info[i].local.port - 100);
	CU_ASSERT_EQUAL(n, 10);
	CU_ASSERT_EQUAL(ports_seen, 0x3ff);
	for (int i = 0; i < 10; i++)
		leat_udp_close(r.lc, u[i]);
	rig_close(&r);
}

static const struct unit_case cases[] = {UNIT_CASE(ports), UNIT_CASE(sends),
	UNIT_CASE(never_sends_zero), UNIT_CASE(sends_large), UNIT_CASE(refuses_to_send),
	UNIT_CASE(hears_errors), UNIT_CASE(dumps)};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("udp", cases) != 0;
}
