// SPDX-License-Identifier: BSD-3-Clause
// Starts and ends the transports of a stack. Called by sock.
#include "transport/transport.h"

#include <errno.h>
#include <stdlib.h>

#include "transport/tcp.h"
#include "transport/udp.h"

int leat_transport_init(struct leat_stack *s, const struct leat_transport_ops *ops)
{
	int rc;

	s->transport = calloc(1, sizeof(*s->transport));
	if (s->transport == NULL)
		return -ENOMEM;
	s->transport->ops = ops;
	rc = leat_tcp_init(s);
	if (rc != 0)
		goto no_tcp;
	rc = leat_udp_init(s);
	if (rc != 0)
		goto no_udp;
	return 0;
no_udp:
	leat_tcp_fini(s);
no_tcp:
	free(s->transport);
	s->transport = NULL;
	return rc;
}

void leat_transport_fini(struct leat_stack *s)
{
	if (s->transport == NULL)
		return;
	leat_udp_fini(s);
	leat_tcp_fini(s);
	free(s->transport);
	s->transport = NULL;
}
