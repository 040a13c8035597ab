// SPDX-License-Identifier: BSD-3-Clause
// See tcp_rig.h.
#include "transport/tcp_rig.h"

#include <netinet/in.h>
#include <string.h>

#include "frames.h"
#include "ip/ip.h"
#include "link/neigh.h"
#include "pktbuf.h"

#define HOST RTE_BE32(0xc0000201u)
#define PEER RTE_BE32(0xc0000202u)

static struct tcp_rig *current; // events have no context

static void on_event(struct leat_lcore *lc, uint32_t owner, uint32_t mask, int error)
{
	(void)lc;
	CU_ASSERT_FATAL(owner != 0 && owner < RTE_DIM(current->told));
	current->told[owner].n++;
	current->told[owner].mask |= mask;
	if (error != 0)
		current->told[owner].error = error;
}

static const struct leat_transport_ops test_ops = {.event = on_event};

void tcp_rig_open(struct tcp_rig *t, void (*tweak)(struct leat_stack_conf *))
{
	struct leat_endpoint local = {leat_ip_from_be32(INADDR_ANY), TCP_TEST_PORT};
	struct leat_prefix own = {leat_ip_from_be32(HOST), 24};
	union leat_ip peer = leat_ip_from_be32(PEER);
	struct leat_stack_conf conf;

	memset(t, 0, sizeof(*t));
	rig_conf(&conf);
	if (tweak != NULL)
		tweak(&conf);
	CU_ASSERT_EQUAL_FATAL(rig_open(&t->r, &conf, 1500), 0);
	current = t;
	t->r.s->transport->ops = &test_ops;
	CU_ASSERT_EQUAL(leat_ip_addr_add(t->r.s, t->r.iface, &own), 0);
	CU_ASSERT_EQUAL(leat_neigh_set_all(t->r.s, t->r.iface->idx, &peer, &frame_peer, true), 0);
	// Not at 0, which is no time for some.
	leat_clock_advance(t->r.s, 1000 * TEST_S);
	leat_lcore_poll(t->r.lc);
	CU_ASSERT_EQUAL(leat_tcp_listen(t->r.lc, &local, 4, 1, &t->l), 0);
	t->next_owner = 2;
}

void tcp_rig_close(struct tcp_rig *t)
{
	tcp_flush(t);
	rig_close(&t->r);
}

// ---- segments as bytes ----

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t put_options(uint8_t *to, const struct tseg *s)
{
	uint8_t *p = to;

	if (s->raw != NULL) {
		memcpy(p, s->raw, s->raw_len);
		return s->raw_len;
	}
	if (s->mss != 0) {
		put32(p, 0x02040000u | s->mss);
		p += 4;
	}
	if (s->has_ws) {
		put32(p, 0x03030001u | (uint32_t)s->ws << 8);
		p += 4;
	}
	if (s->has_ts) {
		put32(p, 0x0101080au);
		put32(p + 4, s->tsval);
		put32(p + 8, s->tsecr);
		p += 12;
	}
	return (uint32_t)(p - to);
}

// Sum of the pseudo-header, to be carried into frame_cksum().
static uint32_t pseudo(const uint8_t *ip, uint32_t tcp_len)
{
	uint32_t sum = IPPROTO_TCP + tcp_len;

	for (int i = 12; i < 20; i += 2)
		sum += get16(ip + i);
	return sum;
}

static uint16_t tcp_sum(const uint8_t *ip, const uint8_t *th, uint32_t len)
{
	uint32_t sum = pseudo(ip, len);

	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += get16(th + i);
	if (len % 2 != 0)
		sum += (uint32_t)th[len - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void tcp_put(struct tcp_rig *t, const struct tseg *s)
{
	static uint8_t f[16384];
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint32_t src = s->src_be != 0 ? s->src_be : PEER, dst = s->dst_be != 0 ? s->dst_be : HOST;
	uint8_t *ip = f + 14, *th = ip + 20;
	uint32_t hdr;
	uint16_t sum;

	memset(f, 0, 14 + 20 + 20);
	memcpy(f, s->broadcast ? all : t->r.iface->mac.addr_bytes, 6);
	memcpy(f + 6, &frame_peer, 6);
	put16(f + 12, 0x0800);
	hdr = 20 + put_options(th + 20, s);
	memcpy(th + hdr, s->text, s->len);
	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)(20 + hdr + s->len));
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	memcpy(ip + 12, &src, 4);
	memcpy(ip + 16, &dst, 4);
	sum = frame_cksum(ip, 20, 0);
	memcpy(ip + 10, &sum, 2);
	put16(th, s->sport);
	put16(th + 2, s->dport);
	put32(th + 4, s->seq);
	put32(th + 8, s->ack);
	th[12] = (uint8_t)(hdr / 4 << 4);
	th[13] = s->flags;
	put16(th + 14, s->wnd);
	put16(th + 16, tcp_sum(ip, th, hdr + s->len) ^ (s->bad_sum ? 0x55 : 0));
	rig_send(&t->r, f, 14 + 20 + hdr + s->len);
}

static void get_options(const uint8_t *o, uint32_t n, struct tseg *s)
{
	for (uint32_t i = 0; i < n && o[i] != 0;) {
		if (o[i] == 1) {
			i++;
			continue;
		}
		CU_ASSERT_FATAL(i + 1 < n && o[i + 1] >= 2 && i + o[i + 1] <= n);
		if (o[i] == 2)
			s->mss = get16(o + i + 2);
		if (o[i] == 3) {
			s->has_ws = true;
			s->ws = o[i + 2];
		}
		if (o[i] == 8) {
			s->has_ts = true;
			s->tsval = get32(o + i + 2);
			s->tsecr = get32(o + i + 6);
		}
		i += o[i + 1];
	}
}

bool tcp_get(struct tcp_rig *t, struct tseg *s)
{
	struct rte_mbuf *m = rig_take(&t->r);
	static uint8_t f[65536];
	const uint8_t *ip = f + 14, *th = ip + 20;
	uint32_t len, hdr;

	memset(s, 0, offsetof(struct tseg, text));
	if (m == NULL)
		return false;
	len = m->pkt_len;
	leat_pkt_to_bytes(m, f);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL_FATAL(get16(f + 12), 0x0800);
	CU_ASSERT_EQUAL_FATAL(ip[9], IPPROTO_TCP);
	CU_ASSERT_EQUAL(frame_cksum(ip, 20, 0), 0);
	CU_ASSERT_EQUAL_FATAL(get16(ip + 2), len - 14);
	CU_ASSERT_EQUAL(tcp_sum(ip, th, len - 34), 0);
	memcpy(&s->src_be, ip + 12, 4);
	memcpy(&s->dst_be, ip + 16, 4);
	s->sport = get16(th);
	s->dport = get16(th + 2);
	s->seq = get32(th + 4);
	s->ack = get32(th + 8);
	hdr = (th[12] >> 4) * 4;
	s->flags = th[13];
	s->wnd = get16(th + 14);
	get_options(th + 20, hdr - 20, s);
	s->len = len - 34 - hdr;
	memcpy(s->text, th + hdr, s->len);
	return true;
}

unsigned tcp_flush(struct tcp_rig *t)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	for (; (m = rig_take(&t->r)) != NULL; n++)
		rte_pktmbuf_free(m);
	return n;
}

void tcp_turn(struct tcp_rig *t)
{
	leat_lcore_poll(t->r.lc);
}

uint64_t tcp_drops(const struct tcp_rig *t, enum leat_drop why)
{
	return rig_drops(t->r.s, why);
}

// ---- the peer ----

uint8_t stream_byte(uint32_t iss, uint32_t seq)
{
	return (uint8_t)((seq - iss) * 31 + ((seq - iss) >> 8) + 7);
}

void peer_init(struct tcp_rig *t, struct peer *p, uint16_t port, uint32_t iss, unsigned opt)
{
	memset(p, 0, sizeof(*p));
	p->t = t;
	p->port = port;
	p->host_port = TCP_TEST_PORT;
	p->iss = p->snd = iss;
	p->wnd = 65535;
	p->ts = opt & PEER_TS;
	p->ws = opt & PEER_WS;
	p->tsval = 5000;
	p->mss = 1460;
}

struct tseg peer_seg(const struct peer *p, uint8_t flags, uint32_t len)
{
	struct tseg s = {
		.sport = p->port,
		.dport = p->host_port,
		.seq = p->snd,
		.ack = flags & TH_ACK ? p->rcv : 0,
		.flags = flags,
		.wnd = p->wnd,
		.has_ts = p->ts,
		.tsval = p->tsval,
		.tsecr = p->tsecr,
		.len = len,
	};

	if (flags & TH_SYN) {
		s.mss = p->mss;
		s.has_ws = p->ws;
		s.ws = p->shift;
	}
	for (uint32_t i = 0; i < len; i++)
		s.text[i] = stream_byte(p->iss, p->snd + i);
	return s;
}

void peer_sends(struct peer *p, uint8_t flags, uint32_t len)
{
	struct tseg s = peer_seg(p, flags, len);

	p->snd += len + !!(flags & TH_SYN) + !!(flags & TH_FIN);
	tcp_put(p->t, &s);
}

void peer_text_at(struct peer *p, uint32_t seq, uint32_t len, uint8_t flags)
{
	struct peer at = *p;
	struct tseg s;

	at.snd = seq;
	s = peer_seg(&at, flags, len);
	tcp_put(p->t, &s);
}

struct tseg peer_gets(struct peer *p)
{
	struct tseg s;

	CU_ASSERT_FATAL(tcp_get(p->t, &s));
	CU_ASSERT_EQUAL(s.sport, p->host_port);
	CU_ASSERT_EQUAL(s.dport, p->port);
	if (s.flags & TH_SYN)
		p->irs = p->rcv = s.seq;
	if (s.seq == p->rcv)
		p->rcv += s.len + !!(s.flags & TH_SYN) + !!(s.flags & TH_FIN);
	if (s.has_ts)
		p->tsecr = s.tsval;
	for (uint32_t i = 0; i < s.len; i++)
		if (s.text[i] != stream_byte(p->irs, s.seq + i)) {
			CU_FAIL("the host's text is wrong");
			break;
		}
	return s;
}

bool peer_gets_none(struct peer *p)
{
	return tcp_flush(p->t) == 0;
}

void peer_accepted(struct peer *p)
{
	p->owner = p->t->next_owner++;
	p->c = leat_tcp_accept(p->t->r.lc, p->t->l, p->owner);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->c);
}

void peer_connects_from(
	struct tcp_rig *t, struct peer *p, uint16_t port, uint32_t iss, unsigned opt)
{
	struct tseg s;

	peer_init(t, p, port, iss, opt);
	peer_sends(p, TH_SYN, 0);
	s = peer_gets(p);
	CU_ASSERT_EQUAL(s.flags, TH_SYN | TH_ACK);
	CU_ASSERT_EQUAL(s.ack, iss + 1);
	p->host_shift = s.has_ws ? s.ws : 0;
	peer_sends(p, TH_ACK, 0);
	CU_ASSERT(peer_gets_none(p));
	peer_accepted(p);
}

void peer_connects(struct tcp_rig *t, struct peer *p, unsigned opt)
{
	peer_connects_from(t, p, (uint16_t)(1000 + t->next_owner), 1000, opt);
}

uint32_t host_reads(struct peer *p, uint32_t *seq, uint32_t max)
{
	struct rte_mbuf *m = leat_tcp_recv(p->t->r.lc, p->c, max), *seg;
	uint32_t n = 0, wrong = 0, segs = 0;

	if (m == NULL)
		return 0;
	for (seg = m; seg != NULL; seg = seg->next, segs++) {
		const uint8_t *b = rte_pktmbuf_mtod(seg, const uint8_t *);

		for (uint32_t i = 0; i < seg->data_len; i++, n++)
			wrong += b[i] != stream_byte(p->iss, *seq + n);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(n, m->pkt_len);
	CU_ASSERT_EQUAL(segs, m->nb_segs);
	rte_pktmbuf_free(m);
	*seq += n;
	return n;
}

int host_writes(struct peer *p, uint32_t *seq, uint32_t len, uint32_t part)
{
	struct rte_mbuf *head = NULL, **link = &head;
	uint32_t done = 0, segs = 0;
	int rc;

	while (done < len) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(p->t->r.lc->pool);
		uint32_t n = RTE_MIN(len - done, part);
		uint8_t *b;

		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		b = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n);
		for (uint32_t i = 0; i < n; i++)
			b[i] = stream_byte(p->irs, *seq + done + i);
		done += n;
		segs++;
		*link = m;
		link = &m->next;
	}
	head->pkt_len = len;
	head->nb_segs = (uint16_t)segs;
	rc = leat_tcp_send(p->t->r.lc, p->c, head);
	if (rc != 0)
		rte_pktmbuf_free(head);
	else
		*seq += len;
	return rc;
}
