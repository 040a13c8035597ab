// SPDX-License-Identifier: BSD-3-Clause
// Discard (RFC 863): what comes is thrown away. Called by service.c.
#include <errno.h>

#include "app/leatd/services/service.h"

static void serve(struct leatd_worker *w, struct leatd_conn *c)
{
	uint32_t moved = 0;
	int err;

	while (moved < LEATD_TURN_BYTES) {
		struct rte_mbuf *m = leat_sock_recv_mbuf(w->lc, c->sock, LEATD_TURN_BYTES, &err);

		if (m == NULL) {
			if (err != -EAGAIN)
				leatd_conn_close(w, c, false);
			return;
		}
		moved += m->pkt_len;
		rte_pktmbuf_free(m);
	}
	leatd_conn_again(w, c);
}

static void datagrams(struct leatd_worker *w, uint16_t service)
{
	struct leat_endpoint from;
	struct rte_mbuf *m;
	union leat_ip to;

	while ((m = leat_sock_recvfrom_mbuf(w->lc, w->socks[service], &from, &to)) != NULL)
		rte_pktmbuf_free(m);
}

const struct leatd_service_ops leatd_discard_ops = {
	.serve = serve,
	.datagrams = datagrams,
};
