// SPDX-License-Identifier: BSD-3-Clause
// Composes the layers into a stack. Called by leatd, leatgen and tests.
#include "sock/leat.h"

#include "core/rcu.h"
#include "ip/ip.h"
#include "link/link.h"
#include "sock/sock.h"

int leat_open(const struct leat_stack_conf *conf, struct leat_stack **out)
{
	struct leat_stack *s;
	int rc = leat_stack_create(conf, &s);

	if (rc != 0)
		return rc;
	rc = leat_link_init(s);
	if (rc != 0)
		goto no_link;
	rc = leat_ip_init(s);
	if (rc != 0)
		goto no_ip;
	rc = leat_sock_init(s); // and transport, which tells it events
	if (rc != 0)
		goto no_sock;
	*out = s;
	return 0;
no_sock:
	leat_ip_fini(s);
no_ip:
	leat_link_fini(s);
no_link:
	leat_stack_destroy(s);
	return rc;
}

void leat_close_layers(struct leat_stack *s)
{
	leat_rcu_drain(s); // what waits there belongs to the layers that now go
	leat_sock_fini(s);
	leat_ip_fini(s);
	leat_link_fini(s);
}

void leat_close(struct leat_stack *s)
{
	leat_close_layers(s);
	leat_stack_destroy(s);
}
