// SPDX-License-Identifier: BSD-3-Clause
// UDP datagrams for this host (RFC 768, 1122 4.1): to the queue of their endpoint, else to the
// kernel, else refused. Called by ip with batches; sock.c takes what is queued.
#include "transport/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "ip/claim.h"
#include "ip/icmp.h"
#include "pkt/cksum.h"
#include "pkt/cut.h"
#include "pkt/poison.h"
#include "pkt/pullup.h"
#include "transport/udp_private.h"

#define PORT_BOOTPS 67
#define PORT_BOOTPC 68

// Where things are in a datagram whose headers are contiguous.
struct parsed {
	const struct rte_ipv4_hdr *ip;
	const struct rte_udp_hdr *udp;
	uint32_t off; // of the UDP header
	uint32_t len; // header and payload
	struct leat_flow_key key;
};

// Memory that a packet keeps from being used for others.
static uint32_t true_size(const struct rte_mbuf *m)
{
	uint32_t sum = 0;

	for (; m != NULL; m = m->next)
		sum += sizeof(*m) + m->buf_len;
	return sum;
}

static inline void fill_key(struct parsed *p)
{
	p->key = (struct leat_flow_key){
		.local = leat_ip_from_be32(p->ip->dst_addr),
		.remote = leat_ip_from_be32(p->ip->src_addr),
		.local_port = rte_be_to_cpu_16(p->udp->dst_port),
		.remote_port = rte_be_to_cpu_16(p->udp->src_port),
		.proto = IPPROTO_UDP,
		.family = AF_INET,
	};
}

// Find the headers; LEAT_DROP_NONE or why not. *pm may become another mbuf.
static enum leat_drop parse(struct leat_lcore *lc, struct rte_mbuf **pm, struct parsed *p)
{
	struct rte_mbuf *m = *pm;
	int rc;

	p->off = m->l2_len + m->l3_len;
	rc = leat_pkt_pullup(pm, p->off + sizeof(*p->udp), lc->pool);
	if (unlikely(rc != 0))
		return rc == -ENOBUFS ? LEAT_DROP_NO_MBUF : LEAT_DROP_UDP_SHORT;
	m = *pm;
	p->ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, m->l2_len);
	p->udp = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, p->off);
	p->len = rte_be_to_cpu_16(p->udp->dgram_len);
	if (unlikely(p->len < sizeof(*p->udp) || p->len > m->pkt_len - p->off))
		return LEAT_DROP_UDP_LEN;
	fill_key(p);
	return LEAT_DROP_NONE;
}

// RFC 1122, 4.1.3.4. No checksum (0) is good over IPv4.
static inline bool cksum_ok(struct rte_mbuf *m, const struct parsed *p)
{
	return (leat_meta(m)->flags & LEAT_META_L4_GOOD) ||
	       leat_pkt_l4_cksum_ok4(m, p->off, p->len, p->ip);
}

// Nobody here: refuse it (RFC 1122, 4.1.3.1), the errors' own rules permitting.
static void refuse(struct leat_lcore *lc, struct rte_mbuf *m, const struct parsed *p)
{
	if (!cksum_ok(m, p)) {
		leat_drop(lc, m, LEAT_DROP_UDP_CKSUM);
		return;
	}
	if (!(leat_meta(m)->flags & LEAT_META_BROADCAST))
		leat_icmp_error_output(lc, m, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	leat_drop(lc, m, LEAT_DROP_UDP_NO_PORT);
}

// A datagram that no endpoint takes. The kernel checks what it gets by itself.
static __rte_noinline void no_endpoint(
	struct leat_lcore *lc, struct rte_mbuf *m, const struct parsed *p)
{
	uint16_t port = p->key.local_port;
	enum leat_punt_class class = LEAT_PUNT_LOCAL;

	if (lc->stack->punt == NULL ||
		leat_claim_match(lc->stack, IPPROTO_UDP, &p->key.local, port)) {
		refuse(lc, m, p);
		return;
	}
	if (port == PORT_BOOTPS || port == PORT_BOOTPC)
		class = LEAT_PUNT_DHCP;
	else if (leat_meta(m)->flags & LEAT_META_BROADCAST)
		class = LEAT_PUNT_GROUP;
	leat_punt(lc, m, class);
}

static void enqueue(
	struct leat_lcore *lc, struct leat_udp_pcb *u, struct rte_mbuf *m, const struct parsed *p)
{
	// One that finds room may take the queue beyond its limit, so that any datagram fits into
	// an empty one.
	if (u->n_queued >= LEAT_UDP_QUEUE_MAX || u->truesize >= lc->udp->rcvbuf) {
		leat_drop(lc, m, LEAT_DROP_UDP_RCVBUF);
		return;
	}
	if (unlikely(m->pkt_len != p->off + p->len)) {
		leat_pkt_cut(m, p->off + p->len);
		leat_pkt_poison(m);
	}
	leat_meta(m)->next = NULL;
	if (u->head == NULL)
		u->head = m;
	else
		leat_meta(u->tail)->next = m;
	u->tail = m;
	u->n_queued++;
	u->truesize += true_size(m);
	u->payload += p->len - sizeof(*p->udp);
	lc->count.consumed++;
	lc->stack->transport->ops->event(lc, u->owner, LEAT_EV_IN, 0);
}

static void input_one(struct leat_lcore *lc, struct rte_mbuf *m)
{
	struct leat_udp_lcore *ul = lc->udp;
	struct leat_udp_pcb *u = NULL;
	struct parsed p;
	enum leat_drop why = parse(lc, &m, &p);

	if (unlikely(why != LEAT_DROP_NONE)) {
		leat_drop(lc, m, why);
		return;
	}
	if (ul->n_connected != 0)
		u = leat_demux_find(ul->demux, &p.key);
	if (u == NULL)
		u = leat_demux_find_listener(ul->demux, &p.key);
	if (u == NULL)
		no_endpoint(lc, m, &p);
	else if (unlikely(!cksum_ok(m, &p)))
		leat_drop(lc, m, LEAT_DROP_UDP_CKSUM);
	else
		enqueue(lc, u, m, &p);
}

void leat_udp_input(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n)
{
	struct leat_stage_frame f = leat_stage_enter(lc, LEAT_STAGE_UDP_INPUT, n);

	for (uint16_t i = 0; i < n; i++)
		input_one(lc, pkts[i]);
	leat_stage_leave(lc, LEAT_STAGE_UDP_INPUT, f);
}

// Take the headers off, and the segments that this empties, so that every segment of a payload has
// bytes.
static struct rte_mbuf *strip(struct rte_mbuf *m, uint16_t len)
{
	struct rte_mbuf *next;

	leat_pkt_unpoison(m); // its next owner knows of no poison
	rte_pktmbuf_adj(m, len);
	while (m->data_len == 0 && (next = m->next) != NULL) {
		next->pkt_len = m->pkt_len;
		next->nb_segs = m->nb_segs - 1;
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
		m = next;
	}
	return m;
}

struct rte_mbuf *leat_udp_recv(struct leat_lcore *lc, struct leat_udp_pcb *u,
	struct leat_endpoint *from, union leat_ip *to)
{
	struct rte_mbuf *m = u->head;
	const struct rte_ipv4_hdr *ip;
	const struct rte_udp_hdr *udp;
	uint16_t off;

	(void)lc;
	if (m == NULL)
		return NULL;
	off = m->l2_len + m->l3_len;
	ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, m->l2_len);
	udp = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, off);
	if (from != NULL) {
		from->ip = leat_ip_from_be32(ip->src_addr);
		from->port = rte_be_to_cpu_16(udp->src_port);
	}
	if (to != NULL)
		*to = leat_ip_from_be32(ip->dst_addr);
	u->head = leat_meta(m)->next;
	u->n_queued--;
	u->truesize -= true_size(m);
	u->payload -= m->pkt_len - off - sizeof(*udp);
	return strip(m, off + sizeof(*udp));
}
