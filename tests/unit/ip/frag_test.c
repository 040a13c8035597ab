// SPDX-License-Identifier: BSD-3-Clause
// Fragmentation: what is cut can be put together again, at any MTU; options, offsets and checksums.
#include <string.h>

#include "frames.h"
#include "ip/ip_private.h"
#include "ip/net.h"
#include "unit.h"

static uint8_t data[65536], whole[NET_MAX], frag[NET_MAX];

static void fill(void)
{
	uint64_t seed = 5;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)unit_random(&seed);
}

// A chain of payload in segments of at most seg bytes.
static struct rte_mbuf *chain(struct net *n, const uint8_t *p, uint32_t len, uint32_t seg)
{
	struct rte_mbuf *m = leat_create(n->r.lc), *last = m;

	for (uint32_t off = 0; off < len;) {
		uint32_t part = RTE_MIN(len - off, seg);

		memcpy(rte_pktmbuf_mtod(last, void *), p + off, part);
		last->data_len = (uint16_t)part;
		m->pkt_len += part;
		off += part;
		if (off < len) {
			last->next = rte_pktmbuf_alloc(n->r.lc->pool);
			last = last->next;
			m->nb_segs++;
		}
	}
	return m;
}

static struct leat_dst way(struct net *n, const char *to, uint16_t mtu)
{
	union leat_ip ip = net_ip(to), src = {0};
	struct leat_dst d;

	CU_ASSERT_EQUAL(leat_ip_route(n->r.lc, &ip, 0, &d, &src), 0);
	CU_ASSERT(leat_ip_equal(src, net_ip("192.0.2.1")));
	d.mtu = mtu;
	return d;
}

static struct leat_ip4_tx header(uint8_t proto, bool df)
{
	return (struct leat_ip4_tx){.src_be = net_be("192.0.2.1"),
		.dst_be = net_be("192.0.2.2"),
		.proto = proto,
		.ttl = 33,
		.tos = 0x10,
		.df = df};
}

// Put together what was sent, as bytes alone. Returns the length of the payload and the number of
// fragments.
static uint32_t collect(struct net *n, uint16_t mtu, unsigned *count)
{
	uint32_t len, total = 0, have = 0, id = UINT32_MAX;

	for (*count = 0; (len = net_take(n, frag, NULL)) != 0; (*count)++) {
		uint32_t hdr = (frag[0] & 15u) * 4, off = (net_u16(frag + 6) & 0x1fffu) * 8;

		CU_ASSERT(len <= mtu);
		CU_ASSERT_EQUAL(frag[8], 33);
		CU_ASSERT_EQUAL(frag[1], 0x10);
		CU_ASSERT(id == UINT32_MAX || id == net_u16(frag + 4));
		id = net_u16(frag + 4);
		if (!(net_u16(frag + 6) & 0x2000))
			total = off + len - hdr;
		else
			CU_ASSERT_EQUAL((len - hdr) % 8, 0);
		CU_ASSERT_EQUAL(off, have); // in order, without a gap
		memcpy(whole + off, frag + hdr, len - hdr);
		have += len - hdr;
	}
	CU_ASSERT_EQUAL(have, total);
	return total;
}

static void any_size_at_any_mtu_comes_out_whole(void)
{
	static const uint16_t mtus[] = {68, 69, 576, 577, 1280, 1499, 1500};
	static const uint32_t sizes[] = {1, 8, 48, 49, 1480, 1481, 2960, 2961, 9000, 65515};
	unsigned count;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill();
	for (size_t i = 0; i < RTE_DIM(mtus); i++) {
		struct leat_dst d = way(&n, "192.0.2.2", mtus[i]);
		struct leat_ip4_tx tx = header(NET_PROTO, false);

		for (size_t k = 0; k < RTE_DIM(sizes); k++) {
			struct rte_mbuf *m = chain(&n, data, sizes[k], k % 2 ? 1999 : 333);
			uint32_t room = (mtus[i] - 20u) & ~7u;

			leat_ip4_output(n.r.lc, &d, &tx, &m, 1);
			leat_lcore_poll(n.r.lc);
			CU_ASSERT_EQUAL(collect(&n, mtus[i], &count), sizes[k]);
			CU_ASSERT(memcmp(whole, data, sizes[k]) == 0);
			CU_ASSERT_EQUAL(
				count, sizes[k] + 20 <= mtus[i] ? 1 : (sizes[k] + room - 1) / room);
		}
	}
	net_close(&n);
}

// Out in fragments, back in, and reassembled by the stack itself.
static void what_is_cut_is_put_together_again(void)
{
	static uint8_t frames[1600][1600];
	static uint32_t lens[1600];
	struct leat_ip4_tx tx = header(NET_PROTO, false);
	uint64_t seed = 9;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill();
	for (uint32_t round = 0; round < 60; round++) {
		uint16_t mtu = round == 0 ? 1500 : (uint16_t)(68 + unit_random(&seed) % 1433);
		uint32_t size = round < 2 ? 65515 : 2000 + (uint32_t)(unit_random(&seed) % 63000),
			 k = 0;
		struct leat_dst d = way(&n, "192.0.2.2", mtu);
		struct rte_mbuf *m = chain(&n, data, size, 2000);

		tx.src_be = net_be("192.0.2.1");
		leat_ip4_output(n.r.lc, &d, &tx, &m, 1);
		leat_lcore_poll(n.r.lc);
		while ((lens[k] = net_take(&n, frames[k] + 14, NULL)) != 0)
			k++;
		net_got.n = 0;
		for (uint32_t i = 0; i < k; i++) {
			uint32_t at = (i * 7919u + round) % k; // some other order
			uint8_t *f = frames[at], t[4];

			memcpy(f, &n.r.port->mac, 6);
			memcpy(f + 6, &frame_peer, 6);
			memcpy(f + 12, "\x08\x00", 2);
			memcpy(t, f + 26, 4); // back the way it came; the checksum stays right
			memcpy(f + 26, f + 30, 4);
			memcpy(f + 30, t, 4);
			net_send_bytes(&n, f, 14 + lens[at]);
		}
		CU_ASSERT_EQUAL(net_got.n, 1);
		CU_ASSERT_EQUAL(net_got.len, 20 + size);
		CU_ASSERT(memcmp(net_got.b + 20, data, size) == 0);
	}
	net_close(&n);
}

static void df_forbids_it(void)
{
	struct leat_ip4_tx tx = header(NET_PROTO, true);
	struct rte_mbuf *m;
	struct leat_dst d;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	d = way(&n, "192.0.2.2", 1500);
	m = chain(&n, data, 1481, 2000);
	leat_ip4_output(n.r.lc, &d, &tx, &m, 1);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_TOO_BIG), 1);
	m = chain(&n, data, 1480, 2000);
	leat_ip4_output(n.r.lc, &d, &tx, &m, 1);
	leat_lcore_poll(n.r.lc);
	CU_ASSERT_EQUAL(net_take(&n, frag, NULL), 1500);
	CU_ASSERT_EQUAL(net_u16(frag + 6), 0x4000);
	CU_ASSERT_EQUAL(net_u16(frag + 4), 0); // RFC 6864: atomic
	m = chain(&n, data, 65516, 2000);
	tx.df = false;
	leat_ip4_output(n.r.lc, &d, &tx, &m, 1);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_IP4_TOO_BIG), 2);
	net_close(&n);
}

// The transport's checksum is asked of the port; fragments must carry it complete.
static void a_checksum_asked_for_is_filled_before(void)
{
	struct leat_ip4_tx tx = header(IPPROTO_UDP, false);
	uint8_t dgram[4000] = {0x10, 0, 0x20, 0, 4000 >> 8, 4000 & 255, 0, 0};
	uint32_t seed = 0;
	struct rte_ipv4_hdr ip = {.total_length = htobe16(4020),
		.version_ihl = 0x45,
		.next_proto_id = 17,
		.src_addr = tx.src_be,
		.dst_addr = tx.dst_be};
	struct rte_mbuf *m;
	struct leat_dst d;
	unsigned count;
	uint16_t pseudo;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill();
	memcpy(dgram + 8, data, sizeof(dgram) - 8);
	d = way(&n, "192.0.2.2", 1500);
	m = chain(&n, dgram, sizeof(dgram), 1800);
	pseudo = rte_ipv4_phdr_cksum(&ip, 0);
	memcpy(rte_pktmbuf_mtod_offset(m, char *, 6), &pseudo, 2);
	m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	m->l4_len = 8;
	leat_ip4_output(n.r.lc, &d, &tx, &m, 1);
	leat_lcore_poll(n.r.lc);
	CU_ASSERT_EQUAL(collect(&n, 1500, &count), sizeof(dgram));
	CU_ASSERT_EQUAL(count, 3);
	seed = 0xc000 + 0x0201 + 0xc000 + 0x0202 + 17 + 4000; // the pseudo-header by hand
	CU_ASSERT_EQUAL(frame_cksum(whole, sizeof(dgram), seed), 0);
	net_close(&n);
}

static void identifications_differ(void)
{
	struct leat_ip4_tx tx = header(NET_PROTO, false);
	static uint8_t seen[65536];
	struct leat_dst d;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	d = way(&n, "192.0.2.2", 1500);
	for (uint32_t i = 0; i < 60000; i++) {
		struct rte_mbuf *m = chain(&n, data, 1, 2000);

		leat_ip4_output(n.r.lc, &d, &tx, &m, 1);
		leat_lcore_poll(n.r.lc);
		net_take(&n, frag, NULL);
		CU_ASSERT_EQUAL(seen[net_u16(frag + 4)]++, 0);
	}
	net_close(&n);
}

// In forwarding: a fragment is cut again, and of the options only those with the copied bit go into
// the later ones.
static void a_forwarded_fragment_is_cut_again(void)
{
	static const uint8_t opts[16] = {0x44, 4, 5, 0, // timestamp: not copied
		0x94, 4, 0, 0,                          // router alert: copied
		1, 0x82, 3, 7, 1, 1, 1, 0};             // security: copied
	static const uint8_t copied[8] = {0x94, 4, 0, 0, 0x82, 3, 7, 0};
	struct net_pkt p = net_pkt();
	uint32_t len, at = 0;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	fill();
	for (n.form = 0; n.form < NET_FORMS; n.form++) {
		n.r.iface->forwarding = true;
		n.second->mtu = 576;
		p.dst = "198.51.100.2";
		p.opts = opts;
		p.n_opts = sizeof(opts);
		p.payload = data;
		p.len = 1400;
		p.frag = 0x2000 | 100;
		p.id = 0x4242;
		net_send(&n, &p);
		for (at = 0; (len = net_take(&n, frag, NULL)) != 0;) {
			uint32_t hdr = (frag[0] & 15u) * 4;

			CU_ASSERT(len <= 576);
			CU_ASSERT_EQUAL(hdr, at == 0 ? 36 : 28);
			CU_ASSERT(memcmp(frag + 20, at == 0 ? opts : copied, hdr - 20) == 0);
			CU_ASSERT_EQUAL(net_u16(frag + 6), 0x2000 | (100 + at / 8));
			CU_ASSERT_EQUAL(net_u16(frag + 4), 0x4242);
			CU_ASSERT_EQUAL(frag[8], 63);
			CU_ASSERT(memcmp(frag + hdr, data + at, len - hdr) == 0);
			at += len - hdr;
		}
		CU_ASSERT_EQUAL(at, 1400);
	}
	net_close(&n);
}

static void without_buffers_nothing_half_is_sent(void)
{
	struct leat_ip4_tx tx = header(NET_PROTO, false);
	static struct rte_mbuf *hog[5000];
	struct leat_stack *s;
	struct rte_mbuf *m;
	struct leat_dst d;
	uint32_t k = 0;
	struct net n;

	CU_ASSERT_EQUAL_FATAL(net_open(&n, NULL), 0);
	s = n.r.s;
	d = way(&n, "192.0.2.2", 576);
	m = chain(&n, data, 8000, 2000);
	while ((hog[k] = rte_pktmbuf_alloc(s->lcores[0]->pool)) != NULL)
		k++;
	for (int spare = 0; spare < 10; spare++)
		rte_pktmbuf_free(hog[--k]);
	leat_ip4_output(n.r.lc, &d, &tx, &m, 1);
	leat_lcore_poll(n.r.lc);
	CU_ASSERT_EQUAL(net_flush(&n), 0);
	CU_ASSERT_EQUAL(net_drops(&n, LEAT_DROP_NO_MBUF), 1);
	while (k > 0)
		rte_pktmbuf_free(hog[--k]);
	net_close(&n);
}

static const struct unit_case cases[] = {
	UNIT_CASE(any_size_at_any_mtu_comes_out_whole),
	UNIT_CASE(what_is_cut_is_put_together_again),
	UNIT_CASE(df_forbids_it),
	UNIT_CASE(a_checksum_asked_for_is_filled_before),
	UNIT_CASE(identifications_differ),
	UNIT_CASE(a_forwarded_fragment_is_cut_again),
	UNIT_CASE(without_buffers_nothing_half_is_sent),
};

int main(void)
{
	return unit_eal_init() != 0 || UNIT_RUN("frag", cases) != 0;
}
