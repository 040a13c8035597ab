// SPDX-License-Identifier: BSD-3-Clause
// See nsrig.h.
#include "kni/nsrig.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>

#include "kni/mirror_private.h"

int ns_enter(void)
{
	if (unshare(CLONE_NEWNET) != 0) {
		perror("a network namespace of its own (root is needed)");
		return -1;
	}
	return system("ip link set lo up && echo 1 > "
		      "/proc/sys/net/ipv6/conf/default/disable_ipv6") == 0
		       ? 0
		       : -1;
}

static int run(const char *format, va_list ap)
{
	char cmd[512];

	vsnprintf(cmd, sizeof(cmd), format, ap);
	return system(cmd);
}

void ns_run(const char *format, ...)
{
	va_list ap;
	int rc;

	va_start(ap, format);
	rc = run(format, ap);
	va_end(ap);
	if (rc != 0)
		printf("    failed: %s\n", format);
	CU_ASSERT_EQUAL(rc, 0);
}

bool ns_try(const char *format, ...)
{
	va_list ap;
	int rc;

	va_start(ap, format);
	rc = run(format, ap);
	va_end(ap);
	return rc == 0;
}

void ns_open(struct rig *r, const struct leat_stack_conf *conf, const struct leat_kni_conf *kni)
{
	const struct leat_kni_conf own = {.cpu = -1};
	char err[256];
	int rc;

	CU_ASSERT_EQUAL_FATAL(rig_open(r, conf, 1500), 0);
	rc = leat_kni_init(r->s, kni != NULL ? kni : &own, err, sizeof(err));
	if (rc != 0)
		printf("    %s\n", err);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
}

void ns_close(struct rig *r)
{
	struct rte_mbuf *m;

	ns_settle(r);
	leat_kni_fini(r->s);
	leat_lcore_poll(r->lc);
	while ((m = rig_take(r)) != NULL)
		rte_pktmbuf_free(m);
	rig_close(r);
}

void ns_settle(struct rig *r)
{
	unsigned n;

	do {
		n = leat_exception_turn(r->s->kni);
		n += leat_lcore_poll(r->lc);
	} while (n != 0);
}

void ns_mirror(struct rig *r)
{
	const struct leat_mirror *m = r->s->kni->mirror;
	int patience = 1000;

	do {
		leat_kni_mirror_turn(r->s);
		leat_lcore_poll(r->lc);
	} while ((m->wanted != 0 || m->running >= 0 || m->overrun) && --patience > 0);
	CU_ASSERT(patience > 0);
	leat_lcore_poll(r->lc);
}

void ns_address(struct rig *r)
{
	ns_run("ip addr add " NS_ADDR "/24 dev t0");
	ns_run("ip neigh add " NS_PEER " lladdr " NS_PEER_MAC " dev t0");
	ns_mirror(r);
}
