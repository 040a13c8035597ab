// SPDX-License-Identifier: BSD-3-Clause
// UDP received: checks, owners, queue, payload over chains.
#include <errno.h>

#include "ip/claim.h"
#include "udp_frame.h"
#include "unit.h"

static void claim(struct rig *r, uint16_t port)
{
	struct leat_claim c = {.proto = IPPROTO_UDP,
		.ip = leat_ip_from_be32(0),
		.port_first = port,
		.port_last = port,
		.owner = "test"};

	CU_ASSERT_EQUAL(leat_claim_add(r->s, &c), 0);
}

// Payload and addresses of a datagram of any size, cut into segments anywhere, headers too.
static void receives_chains(void)
{
	static const uint16_t sizes[] = {0, 1, 2, 17, 64, 1000, 1472};
	uint8_t f[2048];
	uint64_t seed = 7;
	struct rig r;
	struct leat_udp_pcb *u;

	open_rig(&r, false);
	u = open_pcb(&r, &at_port, NULL);
	for (unsigned i = 0; i < 400; i++) {
		uint16_t size = sizes[i % RTE_DIM(sizes)];
		uint32_t len = frame_udp(&r, f, PEER, 777, HOST, PORT, size);
		uint32_t n = unit_random(&seed) % 6, cuts[6], at = 0;

		for (uint32_t c = 0; c < n; c++) { // ascending, many within the headers
			at += unit_random(&seed) % ((len - at) / (c % 2 ? 1 : 8) + 1);
			cuts[c] = at;
		}
		rig_send_mbuf(&r, leat_pkt_from_bytes_exact(r.pool, f, len, cuts, n));
		CU_ASSERT_EQUAL(leat_udp_queued(u), 1);
		takes(&r, u, size);
		CU_ASSERT_EQUAL(leat_udp_queued(u), 0);
	}
	CU_ASSERT_PTR_NULL(leat_udp_recv(r.lc, u, NULL, NULL));
	leat_udp_close(r.lc, u);
	rig_close(&r);
}

static void set_len(const struct rig *r, uint8_t *f, uint16_t udp_len, uint16_t ip_payload)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(f + UDP_AT);

	frame_ip(r, f, PEER, HOST, IPPROTO_UDP, ip_payload);
	udp->dgram_len = rte_cpu_to_be_16(udp_len);
	udp->dgram_cksum = 0;
}

// RFC 768: a length may be less than what IP brought, which is then cut off, never more or below 8.
static void checks_length(void)
{
	uint8_t f[2048] = {0};
	uint32_t cut = UDP_AT + 20;
	struct rig r;
	struct leat_udp_pcb *u;

	open_rig(&r, false);
	u = open_pcb(&r, &at_port, NULL);
	frame_udp(&r, f, PEER, 777, HOST, PORT, 100);
	set_len(&r, f, 8 + 10, 108);
	rig_send(&r, f, UDP_AT + 108);
	takes(&r, u, 10);
	// the end of the datagram in the first of three segments, so that two go
	rig_send_mbuf(&r,
		leat_pkt_from_bytes_exact(r.pool, f, UDP_AT + 108, (uint32_t[]){cut, cut + 30}, 2));
	takes(&r, u, 10);
	set_len(&r, f, 109, 108);
	rig_send(&r, f, UDP_AT + 108);
	set_len(&r, f, 7, 108);
	rig_send(&r, f, UDP_AT + 108);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_UDP_LEN), 2);
	set_len(&r, f, 8, 7);
	rig_send(&r, f, UDP_AT + 7);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_UDP_SHORT), 1);
	CU_ASSERT_EQUAL(leat_udp_queued(u), 0);
	leat_udp_close(r.lc, u);
	rig_close(&r);
}

// A wrong checksum never gets through; none (0) does.
static void checks_checksum(void)
{
	uint8_t f[2048];
	uint32_t len;
	struct rig r;
	struct leat_udp_pcb *u;

	open_rig(&r, false);
	u = open_pcb(&r, &at_port, NULL);
	len = frame_udp(&r, f, PEER, 777, HOST, PORT, 33);
	for (uint32_t i = UDP_AT + 4; i < len; i++) {
		if (i == UDP_AT + 4 || i == UDP_AT + 5) // the length: another reason
			continue;
		f[i] ^= 0x10;
		rig_send(&r, f, len);
		f[i] ^= 0x10;
	}
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_UDP_CKSUM), 33 + 2);
	CU_ASSERT_EQUAL(leat_udp_queued(u), 0);
	memset(f + UDP_AT + 6, 0, 2);
	rig_send(&r, f, len);
	takes(&r, u, 33);
	leat_udp_close(r.lc, u);
	rig_close(&r);
}

// Exact endpoint, then the one at the address, then at any address.
static void finds_owner(void)
{
	struct leat_endpoint at_host = {.ip = leat_ip_from_be32(HOST), .port = PORT};
	uint8_t f[2048];
	uint32_t len;
	struct rig r;
	struct leat_udp_pcb *any, *host, *exact;

	open_rig(&r, false);
	any = open_pcb(&r, &at_port, NULL);
	host = open_pcb(&r, &at_host, NULL);
	exact = open_pcb(&r, &at_host, &peer);
	len = frame_udp(&r, f, PEER, 777, HOST, PORT, 5);
	rig_send(&r, f, len);
	CU_ASSERT_EQUAL(leat_udp_queued(exact), 1);
	len = frame_udp(&r, f, PEER, 778, HOST, PORT, 5);
	rig_send(&r, f, len);
	CU_ASSERT_EQUAL(leat_udp_queued(host), 1);
	len = frame_udp(&r, f, PEER, 777, HOST2, PORT, 5);
	rig_send(&r, f, len);
	CU_ASSERT_EQUAL(leat_udp_queued(any), 1);
	leat_udp_close(r.lc, exact); // with what waits in it
	len = frame_udp(&r, f, PEER, 777, HOST, PORT, 5);
	rig_send(&r, f, len);
	CU_ASSERT_EQUAL(leat_udp_queued(host), 2);
	leat_udp_close(r.lc, host);
	leat_udp_close(r.lc, any);
	rig_close(&r);
}

// Whether an ICMP "port unreachable" to the peer came out that quotes the frame.
static bool refused(struct rig *r, const uint8_t *frame)
{
	uint8_t out[2048];
	uint32_t len = take_frame(r, out);
	const struct rte_ipv4_hdr *ip = (const void *)(out + sizeof(struct rte_ether_hdr));
	const uint8_t *icmp = out + UDP_AT;

	return len >= UDP_AT + 8 + 28 && ip->next_proto_id == IPPROTO_ICMP &&
	       ip->dst_addr == PEER && icmp[0] == 3 && icmp[1] == 3 &&
	       memcmp(icmp + 8, frame + sizeof(struct rte_ether_hdr), 28) == 0;
}

// Claimed: refused by Leat and never the kernel's. Unclaimed: the kernel's, if there is one.
static void nobody_there(void)
{
	uint8_t f[2048];
	uint32_t len;
	struct rig r;

	open_rig(&r, true);
	claim(&r, PORT);
	len = frame_udp(&r, f, PEER, 777, HOST, PORT, 30);
	rig_send(&r, f, len);
	CU_ASSERT(refused(&r, f));
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_UDP_NO_PORT), 1);
	CU_ASSERT_EQUAL(r.punts[LEAT_PUNT_LOCAL], 0);
	f[len - 1] ^= 1; // nobody is told of what was meant for somebody else
	rig_send(&r, f, len);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_UDP_CKSUM), 1);
	CU_ASSERT_PTR_NULL(rig_take(&r));
	len = frame_udp(&r, f, PEER, 777, HOST, PORT + 1, 30);
	rig_send(&r, f, len);
	CU_ASSERT_EQUAL(r.punts[LEAT_PUNT_LOCAL], 1);
	len = frame_udp(&r, f, PEER, 67, HOST, 68, 30);
	rig_send(&r, f, len);
	CU_ASSERT_EQUAL(r.punts[LEAT_PUNT_DHCP], 1);
	CU_ASSERT_PTR_NULL(rig_take(&r));
	rig_close(&r);

	open_rig(&r, false);
	len = frame_udp(&r, f, PEER, 777, HOST, PORT, 30);
	rig_send(&r, f, len);
	CU_ASSERT(refused(&r, f));
	rig_close(&r);
}

// The queue has an end in bytes and in datagrams, and goes on when it was emptied.
static void queue_is_bounded(void)
{
	struct leat_stack_conf conf;
	uint8_t f[2048];
	uint32_t len, n;
	struct rig r;
	struct leat_udp_pcb *u;

	rig_conf(&conf);
	conf.limits.receive_buffer = 20000;
	CU_ASSERT_EQUAL_FATAL(rig_open(&r, &conf, 1500), 0);
	CU_ASSERT_EQUAL_FATAL(rig_addresses(&r), 0);
	u = open_pcb(&r, &at_port, NULL);
	len = frame_udp(&r, f, PEER, 777, HOST, PORT, 1000);
	for (int i = 0; i < 100; i++)
		rig_send(&r, f, len);
	n = leat_udp_queued(u);
	CU_ASSERT(n >= 10 && n <= 20); // 1042 bytes and an mbuf's header each
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_UDP_RCVBUF), 100 - n);
	while (leat_udp_queued(u) != 0)
		takes(&r, u, 1000);
	rig_send(&r, f, len);
	takes(&r, u, 1000);
	leat_udp_close(r.lc, u);
	rig_close(&r);

	rig_conf(&conf);
	conf.limits.receive_buffer = 64 << 20;
	CU_ASSERT_EQUAL_FATAL(rig_open(&r, &conf, 1500), 0);
	CU_ASSERT_EQUAL_FATAL(rig_addresses(&r), 0);
	u = open_pcb(&r, &at_port, NULL);
	len = frame_udp(&r, f, PEER, 777, HOST, PORT, 1);
	for (int i = 0; i < LEAT_UDP_QUEUE_MAX + 3; i++)
		rig_send(&r, f, len);
	CU_ASSERT_EQUAL(leat_udp_queued(u), LEAT_UDP_QUEUE_MAX);
	CU_ASSERT_EQUAL(rig_drops(r.s, LEAT_DROP_UDP_RCVBUF), 3);
	leat_udp_close(r.lc, u);
	rig_close(&r);
}

static const struct unit_case cases[] = {UNIT_CASE(receives_chains), UNIT_CASE(checks_length),
	UNIT_CASE(checks_checksum), UNIT_CASE(finds_owner), UNIT_CASE(nobody_there),
	UNIT_CASE(queue_is_bounded)};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("udp_input", cases) != 0;
}
