// SPDX-License-Identifier: BSD-3-Clause
// Start and end of the link layer. Called by sock/leat.c.
#include "link/link.h"

#include <errno.h>
#include <stdlib.h>

#include "core/numa.h"
#include "link/eth.h"
#include "link/link_private.h"

static int init_lcore(struct leat_lcore *lc)
{
	int rc;

	lc->link = leat_numa_alloc(sizeof(*lc->link), lc->node);
	if (lc->link == NULL)
		return -ENOMEM;
	rc = leat_neigh_init(lc);
	if (rc != 0)
		return rc;
	rc = leat_lcore_hook(lc, LEAT_POLL_RX, leat_port_poll, NULL);
	if (rc != 0)
		return rc;
	return leat_lcore_hook(lc, LEAT_POLL_FLUSH, leat_port_flush, NULL);
}

int leat_link_init(struct leat_stack *s)
{
	int rc = 0;

	s->link = calloc(1, sizeof(*s->link));
	if (s->link == NULL)
		return -ENOMEM;
	s->link->n_ifaces = 1; // 0 is none
	s->l3_input[LEAT_L3_ARP] = leat_arp_input;
	leat_port_output_init(s);
	for (uint16_t i = 0; rc == 0 && i < s->n_lcores; i++)
		rc = init_lcore(s->lcores[i]);
	if (rc != 0)
		leat_link_fini(s);
	return rc;
}

void leat_link_fini(struct leat_stack *s)
{
	struct leat_link *link = s->link;

	if (link == NULL)
		return;
	for (uint16_t i = 0; i < s->n_lcores; i++)
		if (s->lcores[i]->link != NULL)
			leat_neigh_fini(s->lcores[i]);
	for (uint16_t i = 0; i < link->n_ports; i++)
		if (link->ports[i] != NULL)
			leat_port_close(s, link->ports[i]);
	for (uint16_t i = 0; i < link->n_ifaces; i++) {
		if (link->ifaces[i] != NULL)
			free(link->ifaces[i]->addrs);
		free(link->ifaces[i]);
	}
	for (uint16_t i = 0; i < s->n_lcores; i++) {
		leat_numa_free(s->lcores[i]->link, sizeof(*s->lcores[i]->link));
		s->lcores[i]->link = NULL;
	}
	free(link);
	s->link = NULL;
}
