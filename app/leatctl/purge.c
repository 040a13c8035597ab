// SPDX-License-Identifier: BSD-3-Clause
// leatctl purge: TAPs, the ports reserved in the kernel, the control socket, EAL's run directory.
// Each is tried, whatever becomes of the others. Called by main.c.
#include "app/leatctl/purge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/leatd/config.h"
#include "app/leatd/control.h"
#include "app/leatd/eal.h"
#include "kni/kni.h"

static int tell(const char *what, int rc)
{
	if (rc == 0 || rc == -ENOENT) // with its namespace everything in it has gone
		return 0;
	fprintf(stderr, "leatctl: %s: %s\n", what, strerror(-rc));
	return 1;
}

static int purge_taps(const struct leatd_conf *c, const char *netns)
{
	char names[LEATD_MAX_INTERFACES][LEATD_IFACE_NAME];
	const char *list[LEATD_MAX_INTERFACES];
	unsigned n = 0;

	for (uint32_t i = 0; i < c->n_ports; i++) {
		// VLANs first: they stand on the port's.
		for (uint32_t v = 0; v < c->ports[i].n_vlans; v++, n++)
			list[n] = leatd_vlan_name(&c->ports[i], c->ports[i].vlans[v].id, names[n]);
		list[n++] = c->ports[i].name;
	}
	return tell("TAPs", leat_kni_purge(netns, list, n));
}

static int purge_all(const struct leatd_conf *c)
{
	const char *netns = c->exception.netns[0] != '\0' ? c->exception.netns : NULL;
	int failed = 0;

	if (leatd_control_probe(c->control.socket) != 0) {
		fprintf(stderr, "leatctl: leatd answers at %s: stop it first\n", c->control.socket);
		return 1;
	}
	if (c->exception.enabled) {
		failed |= purge_taps(c, netns);
		failed |= tell("ip_local_reserved_ports",
			leat_kni_unreserve(netns, LEATD_EPHEMERAL_FIRST, LEATD_EPHEMERAL_LAST));
	}
	leatd_control_purge(c->control.socket);
	failed |= tell("run directory", leatd_eal_purge(c->stack.name));
	return failed;
}

int purge(const char *file)
{
	struct leatd_conf *conf = calloc(1, sizeof(*conf));
	int rc = EXIT_FAILURE;

	if (conf == NULL)
		return rc;
	if (leatd_conf_load(file, conf, stderr) == 0)
		rc = purge_all(conf);
	free(conf);
	return rc;
}
