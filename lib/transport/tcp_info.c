// SPDX-License-Identifier: BSD-3-Clause
// What is told of TCP to control: snapshots and counters. Called by sock, by way of messages to the
// worker.
#include <netinet/in.h>
#include <string.h>

#include "transport/tcp_private.h"

const char *leat_tcp_state_name(enum leat_tcp_state s)
{
	static const char *const names[TS_MAX] = {
		[TS_CLOSED] = "CLOSED",
		[TS_LISTEN] = "LISTEN",
		[TS_SYN_SENT] = "SYN_SENT",
		[TS_SYN_RCVD] = "SYN_RCVD",
		[TS_ESTABLISHED] = "ESTABLISHED",
		[TS_FIN_WAIT1] = "FIN_WAIT1",
		[TS_FIN_WAIT2] = "FIN_WAIT2",
		[TS_CLOSE_WAIT] = "CLOSE_WAIT",
		[TS_CLOSING] = "CLOSING",
		[TS_LAST_ACK] = "LAST_ACK",
		[TS_TIME_WAIT] = "TIME_WAIT",
	};

	return s < TS_MAX ? names[s] : "?";
}

static void fill_key(struct leat_transport_info *out, const struct leat_flow_key *k)
{
	memset(out, 0, sizeof(*out));
	out->proto = IPPROTO_TCP;
	out->local = (struct leat_endpoint){k->local, k->local_port};
	out->remote = (struct leat_endpoint){k->remote, k->remote_port};
}

void leat_tcp_info(const struct leat_tcp_conn *c, struct leat_transport_info *out)
{
	uint32_t queued = c->snd_end - c->snd_una;

	fill_key(out, &c->key);
	out->state = leat_tcp_state_name(c->state);
	out->rx_queue = c->rcv_queued;
	// Not the SYN before, nor the FIN behind.
	out->tx_queue = c->snd_head != NULL ? queued : 0;
	out->owner = c->flags & TF_OWNED ? c->owner : 0;
	out->retransmits = c->retransmits;
	out->timeouts = c->timeouts;
}

static void object_info(
	const struct leat_flow_key *k, const void *obj, struct leat_transport_info *out)
{
	const struct leat_tcp_listener *l = obj;

	switch (*(const uint8_t *)obj) {
	case LEAT_TCP_CONN:
		leat_tcp_info(obj, out);
		return;
	case LEAT_TCP_LISTENER:
		fill_key(out, k);
		if (leat_ip_is_any(k->local))
			out->local.ip = leat_ip_from_be32(INADDR_ANY);
		out->remote.ip = leat_ip_from_be32(INADDR_ANY);
		out->state = leat_tcp_state_name(TS_LISTEN);
		out->rx_queue = l->n_accept;
		out->owner = l->owner;
		return;
	default:
		fill_key(out, k);
		out->state = leat_tcp_state_name(
			*(const uint8_t *)obj == LEAT_TCP_SYN ? TS_SYN_RCVD : TS_TIME_WAIT);
		return;
	}
}

uint32_t leat_tcp_dump(
	struct leat_lcore *lc, uint32_t *cursor, struct leat_transport_info *out, uint32_t n)
{
	const struct leat_flow_key *k;
	uint32_t i;
	void *obj;

	for (i = 0; i < n && leat_demux_next(lc->tcp->demux, cursor, &k, &obj); i++)
		object_info(k, obj, &out[i]);
	return i;
}

const struct leat_tcp_stats *leat_tcp_stats(const struct leat_lcore *lc)
{
	return &lc->tcp->stats;
}

uint32_t leat_tcp_live(const struct leat_lcore *lc)
{
	return lc->tcp->n_live + leat_slab_in_use(lc->tcp->syns);
}
