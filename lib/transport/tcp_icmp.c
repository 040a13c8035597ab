// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors that quote a segment of ours: RFC 9293, 3.9.2.2; RFC 5927; path MTU by RFC 1191.
// Called by ip.
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "ip/claim.h"
#include "ip/icmp.h"
#include "transport/tcp_private.h"

// RFC 1191, 7: the MTUs of usual links, for routers that don't say theirs.
static const uint16_t plateaus[] = {8166, 4352, 2002, 1492, 1006, 552};

static uint16_t next_plateau(uint16_t mtu)
{
	for (unsigned i = 0; i < RTE_DIM(plateaus); i++)
		if (plateaus[i] < mtu)
			return plateaus[i];
	return TCP_MTU_MIN;
}

// RFC 5927, 4.1: only one that quotes what is under way can be true.
static bool in_flight(const struct leat_tcp_conn *c, uint32_t seq)
{
	return seq_geq(seq, c->snd_una) && seq_lt(seq, c->snd_max);
}

static void too_big(struct leat_lcore *lc, struct leat_tcp_conn *c, uint16_t told)
{
	uint16_t now = c->pmtu != 0 ? RTE_MIN(c->pmtu, c->dst.mtu) : c->dst.mtu;
	uint16_t mtu = told != 0 ? told : next_plateau(now);

	if (c->dst.epoch == 0 || mtu >= now)
		return;
	if (mtu < TCP_MTU_MIN) { // routers may cut what is that small
		mtu = TCP_MTU_MIN;
		c->flags |= TF_NO_DF;
		if (mtu >= now)
			return;
	}
	c->pmtu = mtu;
	leat_tcp_set_mss(lc, c);
	if (c->state < TS_ESTABLISHED)
		return;
	// RFC 1191, 6.4: what was too big is sent again at once, and it is no sign of congestion.
	c->flags &= ~TF_TIMING;
	if (!(c->flags & TF_PERSIST))
		leat_tcp_sndq_rewind(c);
	leat_tcp_output_later(lc, c);
}

// The errno number of an "unreachable" code; *hard: it ends an open.
static int unreachable(uint8_t code, bool *hard)
{
	*hard = false;
	switch (code) {
	case ICMP_PROT_UNREACH:
	case ICMP_PORT_UNREACH:
		*hard = true;
		return ECONNREFUSED;
	case 9: // administratively prohibited: network, host, by filter
	case 10:
	case 13:
		*hard = true;
		return EHOSTUNREACH;
	case ICMP_NET_UNREACH:
	case ICMP_NET_UNKNOWN:
		return ENETUNREACH;
	default:
		return EHOSTUNREACH;
	}
}

static void conn_error(
	struct leat_lcore *lc, struct leat_tcp_conn *c, const struct leat_icmp_error *e)
{
	bool hard;
	int error;

	if (e->type != ICMP_DEST_UNREACH || !in_flight(c, e->seq))
		return;
	if (e->code == ICMP_FRAG_NEEDED) {
		too_big(lc, c, e->mtu);
		return;
	}
	error = unreachable(e->code, &hard);
	// RFC 5927, 5.2: what is synchronised is not ended by any ICMP message.
	if (!hard || c->state != TS_SYN_SENT) {
		c->soft_error = (uint8_t)error;
		return;
	}
	lc->tcp->stats.failed_opens++;
	leat_tcp_conn_end(lc, c, false, LEAT_EV_ERR | LEAT_EV_HUP, error);
}

bool leat_tcp_icmp_error(struct leat_lcore *lc, const struct leat_icmp_error *e)
{
	struct leat_flow_key k = {
		.local = e->local,
		.remote = e->remote,
		.local_port = e->local_port,
		.remote_port = e->remote_port,
		.proto = IPPROTO_TCP,
		.family = (uint8_t)leat_ip_family(e->local),
	};
	void *obj = leat_demux_find(lc->tcp->demux, &k);

	if (obj == NULL)
		return leat_claim_match(lc->stack, IPPROTO_TCP, &e->local, e->local_port);
	if (*(const uint8_t *)obj == LEAT_TCP_CONN)
		conn_error(lc, obj, e);
	return true;
}
