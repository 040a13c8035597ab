// SPDX-License-Identifier: BSD-3-Clause
// Frames up and down a real TAP, in a namespace of its own. Topology: nsrig.h.
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "frames.h"
#include "kni/nsrig.h"
#include "pkt/cksum.h"
#include "pktbuf.h"
#include "unit.h"

#define TX_CKSUM_SEG (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)

static uint8_t bytes[LEAT_PKT_FRAME_MAX], got[LEAT_PKT_FRAME_MAX];

// ---- helpers ----

// What the kernel takes from the TAP, as tcpdump would see it.
static int sniff(void)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL)),
	    one = 1;

	at.sll_ifindex = (int)if_nametoindex("t0");
	CU_ASSERT_FATAL(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)), 0);
	return fd;
}

// The next frame that came in, with its VLAN tag (0: none). Returns its length or -1.
static ssize_t sniffed(int fd, uint16_t *tci)
{
	union {
		char room[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct sockaddr_ll from;
	struct iovec iov = {got, sizeof(got)};
	struct msghdr msg = {.msg_name = &from, .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do {
		msg.msg_namelen = sizeof(from);
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		n = recvmsg(fd, &msg, 0);
	} while (n >= 0 && from.sll_pkttype == PACKET_OUTGOING);
	*tci = 0;
	for (struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL; c != NULL;
		c = CMSG_NXTHDR(&msg, c)) {
		const struct tpacket_auxdata *aux = (const void *)CMSG_DATA(c);

		if (c->cmsg_type == PACKET_AUXDATA && aux->tp_status & TP_STATUS_VLAN_VALID)
			*tci = aux->tp_vlan_tci;
	}
	return n;
}

static int udp_socket(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(5000)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	CU_ASSERT_FATAL(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	return fd;
}

static void udp_send(int fd, uint32_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(6000)};
	static uint8_t payload[65000];

	inet_pton(AF_INET, NS_PEER, &to.sin_addr);
	for (uint32_t i = 0; i < len; i++)
		payload[i] = leat_pkt_pattern(i);
	CU_ASSERT_EQUAL(
		sendto(fd, payload, len, 0, (struct sockaddr *)&to, sizeof(to)), (ssize_t)len);
}

// Look at the frames that wait for the worker, without taking them.
static unsigned peek(struct rig *r, struct rte_mbuf **pkts, unsigned max)
{
	struct rte_ring *ring = r->lc->kni->inject;
	unsigned n = rte_ring_dequeue_burst(ring, (void **)pkts, max, NULL);

	CU_ASSERT_EQUAL(rte_ring_enqueue_burst(ring, (void *const *)pkts, n, NULL), n);
	return n;
}

// Frames of our UDP flow that came out of the port: all are checked, their payload is counted.
static uint32_t take_udp(struct rig *r, unsigned *frames)
{
	uint32_t sum = 0;
	struct rte_mbuf *m;

	*frames = 0;
	while ((m = rig_take(r)) != NULL) {
		const struct rte_ipv4_hdr *ip = (const void *)(got + 14);
		const struct rte_udp_hdr *udp = (const void *)(got + 34);

		leat_pkt_to_bytes(m, got);
		if (m->pkt_len >= 42 && ip->version_ihl == 0x45 &&
			ip->next_proto_id == IPPROTO_UDP && udp->dst_port == htons(6000)) {
			const uint32_t n = m->pkt_len - 42;

			CU_ASSERT_EQUAL(rte_ipv4_cksum(ip), 0);
			CU_ASSERT_EQUAL(rte_be_to_cpu_16(ip->total_length), m->pkt_len - 14);
			CU_ASSERT(leat_pkt_l4_cksum_ok4(m, 34, n + 8, ip));
			for (uint32_t i = 0; i < n; i++)
				if (got[42 + i] != leat_pkt_pattern(sum + i))
					CU_FAIL("payload");
			sum += n;
			(*frames)++;
		}
		rte_pktmbuf_free(m);
	}
	return sum;
}

static uint64_t injected(const struct rig *r)
{
	struct leat_kni_counts c;

	leat_kni_counts(r->s, &c);
	return c.injected;
}

// ---- up ----

static void punted_frame_reaches_the_kernel(void)
{
	struct leat_kni_counts c;
	struct frame f;
	struct rig r;
	uint16_t tci;
	int fd;

	ns_open(&r, NULL, NULL);
	fd = sniff();
	for (int vlan = 0; vlan < 2; vlan++) {
		frame_eth(&f, &r.iface->mac, &frame_peer, vlan ? 77 : -1, 0x88b5);
		frame_fill(&f, 300, 1);
		rig_send(&r, f.b, f.len);
		leat_exception_turn(r.s->kni);
		CU_ASSERT_EQUAL(sniffed(fd, &tci), 314);
		CU_ASSERT_EQUAL(tci, vlan ? 77 : 0);
		CU_ASSERT_EQUAL(memcmp(got, f.b, 12), 0);
		CU_ASSERT_EQUAL(memcmp(got + 12, f.b + 12 + 4 * vlan, 302), 0);
	}
	leat_kni_counts(r.s, &c);
	CU_ASSERT_EQUAL(c.punted[LEAT_PUNT_OTHER], 2);
	CU_ASSERT_EQUAL(c.tap_written, 2);
	CU_ASSERT_EQUAL(r.lc->count.punted, 2);
	close(fd);
	ns_close(&r);
}

// The kernel accepts a superframe, completes its checksum where it needs it, and hands the payload
// to a socket.
static void punted_superframe_is_accepted(void)
{
	const struct leat_pkt_spec spec = {.payload = 20000};
	struct rte_mbuf layout, *m;
	uint32_t len = leat_pkt_frame(bytes, &spec, &layout);
	uint16_t tci;
	struct rig r;
	int fd;

	ns_open(&r, NULL, NULL);
	fd = sniff();
	memcpy(bytes, &r.iface->mac, 6);
	m = leat_pkt_from_bytes_exact(r.pool, bytes, len, NULL, 0);
	m->tx_offload = layout.tx_offload;
	m->tso_segsz = 1400;
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG;
	*leat_meta(m) = (struct leat_meta){.iface = r.iface->idx};
	r.lc->count.created++;
	leat_punt(r.lc, m, LEAT_PUNT_LOCAL);
	leat_exception_turn(r.s->kni);
	CU_ASSERT_EQUAL(sniffed(fd, &tci), (ssize_t)len);
	CU_ASSERT_EQUAL(r.s->kni->ex.written, 1);
	close(fd);
	ns_close(&r);
}

static void full_ring_drops_by_class(void)
{
	const struct leat_kni_conf kc = {.cpu = -1, .ring_size = 8};
	struct leat_kni_counts c;
	struct frame f;
	struct rig r;

	ns_open(&r, NULL, &kc);
	frame_eth(&f, &r.iface->mac, &frame_peer, -1, 0x88b5);
	frame_fill(&f, 50, 1);
	for (int i = 0; i < 40; i++)
		rig_send(&r, f.b, f.len);
	leat_kni_counts(r.s, &c);
	CU_ASSERT(c.punted[LEAT_PUNT_OTHER] >= 8 && c.punted[LEAT_PUNT_OTHER] < 40);
	CU_ASSERT_EQUAL(c.punted[LEAT_PUNT_OTHER] + c.punt_dropped[LEAT_PUNT_OTHER], 40);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_PUNT_FULL), c.punt_dropped[LEAT_PUNT_OTHER]);
	ns_close(&r);
}

static void tap_that_is_down_takes_nothing(void)
{
	struct leat_kni_counts c;
	struct frame f;
	struct rig r;

	ns_open(&r, NULL, NULL);
	ns_run("ip link set t0 down"); // the interface does not know yet
	frame_eth(&f, &r.iface->mac, &frame_peer, -1, 0x88b5);
	frame_fill(&f, 50, 1);
	rig_send(&r, f.b, f.len);
	ns_settle(&r);
	leat_kni_counts(r.s, &c);
	CU_ASSERT_EQUAL(c.tap_write_failed, 1);
	ns_close(&r);
}

// ---- down ----

static void kernel_datagram_leaves_by_the_port(void)
{
	struct rte_mbuf *pkts[64];
	unsigned frames;
	struct rig r;
	int fd;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	ns_settle(&r);
	take_udp(&r, &frames);
	fd = udp_socket();
	udp_send(fd, 100);
	leat_exception_turn(r.s->kni);
	CU_ASSERT_EQUAL(peek(&r, pkts, 64), 1);
	CU_ASSERT_EQUAL(pkts[0]->ol_flags & TX_CKSUM_SEG, RTE_MBUF_F_TX_UDP_CKSUM);
	CU_ASSERT_EQUAL(pkts[0]->l2_len, 14);
	CU_ASSERT_EQUAL(pkts[0]->l3_len, 20);
	ns_settle(&r);
	CU_ASSERT_EQUAL(take_udp(&r, &frames), 100);
	CU_ASSERT_EQUAL(frames, 1);
	CU_ASSERT(injected(&r) >= 1);
	close(fd);
	ns_close(&r);
}

// A datagram with UDP_SEGMENT crosses as one and is cut at the port, where the kernel can do it
// (6.2).
static void kernel_superframe_is_cut_at_the_port(void)
{
	const int size = 1000;
	struct rte_mbuf *pkts[64];
	unsigned frames, n;
	struct rig r;
	int fd;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	ns_settle(&r);
	take_udp(&r, &frames);
	fd = udp_socket();
	CU_ASSERT_EQUAL(setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	udp_send(fd, 30500);
	leat_exception_turn(r.s->kni);
	n = peek(&r, pkts, 64);
	if (n == 1) {
		CU_ASSERT_EQUAL(pkts[0]->tso_segsz, 1000);
		CU_ASSERT_EQUAL(pkts[0]->pkt_len, 30542);
		CU_ASSERT((pkts[0]->ol_flags & RTE_MBUF_F_TX_UDP_SEG) != 0);
	} else {
		CU_ASSERT_EQUAL(n, 31); // an older kernel has cut it
	}
	ns_settle(&r);
	CU_ASSERT_EQUAL(take_udp(&r, &frames), 30500);
	CU_ASSERT_EQUAL(frames, 31);
	close(fd);
	ns_close(&r);
}

// A TCP superframe through the kernel's own device queue, by a packet socket with a virtio_net_hdr.
static void tcp_superframe(bool v6)
{
	const struct leat_pkt_spec spec = {.payload = 20000, .v6 = v6, .tcp_flags = 0x18};
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = 6};
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_size = 1400};
	struct iovec iov[2] = {{&h, sizeof(h)}, {bytes, 0}};
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = iov, .msg_iovlen = 2};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;
	uint32_t payload = 0, frames = 0;
	struct rte_mbuf *m, *pkts[4];
	struct rte_mbuf at;
	struct rig r;
	uint16_t sum;

	ns_open(&r, NULL, NULL);
	ns_settle(&r);
	while ((m = rig_take(&r)) != NULL)
		rte_pktmbuf_free(m);
	to.sll_ifindex = (int)if_nametoindex("t0");
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	iov[1].iov_len = leat_pkt_frame(bytes, &spec, &at);
	to.sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
	h.gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	h.csum_start = (uint16_t)(at.l2_len + at.l3_len);
	h.csum_offset = 16;
	h.hdr_len = (uint16_t)(h.csum_start + at.l4_len);
	sum = v6 ? leat_pkt_pseudo6(
			   (void *)(bytes + 14), 6, (uint32_t)iov[1].iov_len - h.csum_start)
		 : leat_pkt_pseudo4(
			   (void *)(bytes + 14), 6, (uint32_t)iov[1].iov_len - h.csum_start);
	memcpy(bytes + h.csum_start + 16, &sum, 2);
	CU_ASSERT_EQUAL(sendmsg(fd, &msg, 0), (ssize_t)(iov[1].iov_len + sizeof(h)));
	leat_exception_turn(r.s->kni);
	CU_ASSERT_EQUAL_FATAL(peek(&r, pkts, 4), 1);
	CU_ASSERT((pkts[0]->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0);
	CU_ASSERT_EQUAL(pkts[0]->tso_segsz, 1400);
	CU_ASSERT(pkts[0]->nb_segs > 1);
	ns_settle(&r);
	while ((m = rig_take(&r)) != NULL) {
		const uint32_t l4 = h.csum_start, n = m->pkt_len - h.hdr_len;
		const uint8_t *p = rte_pktmbuf_read(m, h.hdr_len, n, got);
		const void *ip = rte_pktmbuf_mtod_offset(m, void *, 14);

		CU_ASSERT(v6 ? leat_pkt_l4_cksum_ok6(m, l4, m->pkt_len - l4, ip, 6)
			     : leat_pkt_l4_cksum_ok4(m, l4, m->pkt_len - l4, ip));
		for (uint32_t i = 0; i < n; i++)
			if (p[i] != leat_pkt_pattern(payload + i))
				CU_FAIL("payload");
		payload += n;
		frames++;
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(payload, 20000);
	CU_ASSERT_EQUAL(frames, 15);
	close(fd);
	ns_close(&r);
}

static void tcp_superframes_are_cut_at_the_port(void)
{
	tcp_superframe(false);
	tcp_superframe(true);
}

// A worker that does not take makes the TAP wait; nothing is lost and the thread does not spin on
// it.
static void full_inject_ring_holds_the_tap_back(void)
{
	const struct leat_kni_conf kc = {.cpu = -1, .ring_size = 8};
	unsigned frames;
	struct rig r;
	int fd;

	ns_open(&r, NULL, &kc);
	ns_address(&r);
	ns_settle(&r);
	take_udp(&r, &frames);
	fd = udp_socket();
	for (int i = 0; i < 100; i++)
		udp_send(fd, 50);
	for (int i = 0; i < 10; i++)
		leat_exception_turn(r.s->kni);
	CU_ASSERT(rte_ring_full(r.lc->kni->inject));
	CU_ASSERT_EQUAL(leat_exception_turn(r.s->kni), 0);
	for (int i = 0; i < 100; i++)
		ns_settle(&r);
	for (frames = 0; rte_ring_count(r.out) > 0; frames++)
		rte_pktmbuf_free(rig_take(&r));
	CU_ASSERT_EQUAL(frames, 100);
	CU_ASSERT_EQUAL(r.s->kni->ex.inject_dropped, 0);
	close(fd);
	ns_close(&r);
}

// ---- the thread ----

static void sleep_ms(long ms)
{
	const struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

static void thread_moves_frames_both_ways(void)
{
	struct frame f;
	struct rig r;
	unsigned frames = 0;
	uint16_t tci;
	uint32_t sum = 0;
	int fd, udp, patience = 5000;
	ssize_t n = -1;

	ns_open(&r, NULL, NULL);
	ns_address(&r);
	ns_settle(&r);
	take_udp(&r, &frames);
	CU_ASSERT_EQUAL_FATAL(leat_kni_start(r.s), 0);
	CU_ASSERT_EQUAL(leat_kni_start(r.s), -EALREADY);
	fd = sniff();
	udp = udp_socket();
	udp_send(udp, 700);
	frame_eth(&f, &r.iface->mac, &frame_peer, -1, 0x88b5);
	frame_fill(&f, 300, 1);
	rig_send(&r, f.b, f.len);
	do {
		sleep_ms(1);
		leat_lcore_poll(r.lc);
		sum += take_udp(&r, &frames);
		if (n < 0)
			n = sniffed(fd, &tci);
	} while ((n < 0 || sum == 0) && --patience > 0);
	CU_ASSERT_EQUAL(n, 314);
	CU_ASSERT_EQUAL(sum, 700);

	rig_send(&r, f.b, f.len); // what is in the ring when the end comes still arrives
	leat_kni_stop(r.s);
	CU_ASSERT_EQUAL(sniffed(fd, &tci), 314);
	close(fd);
	close(udp);
	ns_close(&r);
}

static const struct unit_case cases[] = {
	UNIT_CASE(punted_frame_reaches_the_kernel),
	UNIT_CASE(punted_superframe_is_accepted),
	UNIT_CASE(full_ring_drops_by_class),
	UNIT_CASE(tap_that_is_down_takes_nothing),
	UNIT_CASE(kernel_datagram_leaves_by_the_port),
	UNIT_CASE(kernel_superframe_is_cut_at_the_port),
	UNIT_CASE(tcp_superframes_are_cut_at_the_port),
	UNIT_CASE(full_inject_ring_holds_the_tap_back),
	UNIT_CASE(thread_moves_frames_both_ways),
};

int main(void)
{
	return ns_enter() != 0 || unit_eal_init() != 0 || UNIT_RUN("exception", cases) != 0;
}
