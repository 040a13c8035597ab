// SPDX-License-Identifier: BSD-3-Clause
// Brings leatd up, and down again from wherever it got to. Called by main.c.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "app/leatd/control.h"
#include "app/leatd/daemon.h"
#include "app/leatd/eal.h"
#include "app/leatd/show.h"
#include "kni/kni.h"
#include "sock/leat.h"

static int fail(char *err, const char *what, int rc)
{
	snprintf(err, LEATD_ERR, "%s: %s", what, strerror(-rc));
	return rc;
}

void leatd_set_date(struct leatd_date *d)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	unsigned next = (d->now + 1) & 1;
	time_t now = time(NULL);
	char day[24], clock[16];
	struct tm tm;

	// RFC 9110 5.6.7. Not strftime()'s names: those are the locale's.
	gmtime_r(&now, &tm);
	strftime(day, sizeof(day), "%Y", &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(d->text[next], sizeof(d->text[next]), "%s, %02u %s %.4s %.8s GMT",
		days[tm.tm_wday], (unsigned)tm.tm_mday % 32, months[tm.tm_mon], day, clock);
	__atomic_store_n(&d->now, next, __ATOMIC_RELEASE);
}

// ---- what the stack is told ----

static void make_stack_conf(const struct leatd *d, struct leat_stack_conf *s)
{
	const struct leatd_conf *c = d->conf;
	uint32_t tcp = 0, udp = 0;

	for (uint32_t i = 0; i < c->n_services; i++) {
		tcp += c->services[i].protocol == LEATD_TCP;
		udp += c->services[i].protocol == LEATD_UDP;
	}
	leat_stack_conf_default(s);
	snprintf(s->name, sizeof(s->name), "%s", c->stack.name);
	s->n_lcores = (uint16_t)c->workers.n_cpus;
	for (uint16_t i = 0; i < s->n_lcores; i++)
		s->cpus[i] = LEATD_LCORE(i);
	s->idle_sleep = c->workers.idle == LEATD_IDLE_SLEEP;
	s->icmp_echo = c->icmp.echo && !d->bypass;
	s->bypass = d->bypass;
	s->mbufs = c->memory.mbufs;
	s->mbuf_size = c->memory.mbuf_size;
	s->limits.connections = c->limits.connections;
	s->limits.half_open = c->limits.half_open;
	s->limits.time_wait = c->limits.time_wait;
	s->limits.neighbours = c->limits.neighbours;
	s->limits.routes = c->limits.routes;
	s->limits.reassembly_bytes = c->limits.reassembly_kib << 10;
	s->limits.send_buffer = c->limits.send_buffer_kib << 10;
	s->limits.receive_buffer = c->limits.receive_buffer_kib << 10;
	s->limits.listeners = RTE_MAX(tcp, 1u);
	s->limits.udp_sockets = RTE_MAX(udp, 1u);
}

// ---- the steps; each leaves a text in err when it fails ----

static int start_stack(struct leatd *d, char *err)
{
	struct leat_stack_conf conf;
	int rc = leatd_eal_init(d->conf, err, LEATD_ERR);

	if (rc != 0)
		return rc;
	d->eal = true;
	make_stack_conf(d, &conf);
	rc = leat_open(&conf, &d->stack);
	if (rc == -ENOMEM)
		return fail(err, "stack (memory.megabytes holds memory.mbufs of memory.mbuf_size?)",
			rc);
	return rc != 0 ? fail(err, "stack", rc) : 0;
}

static int start_kni(struct leatd *d, char *err)
{
	const struct leatd_conf *c = d->conf;
	struct leat_kni_conf k = {
		.netns = c->exception.netns[0] != '\0' ? c->exception.netns : NULL,
		.persist = c->exception.persist,
		.cpu = (int)c->housekeeping.cpu,
		.reserved_first = d->bypass ? 0 : LEATD_EPHEMERAL_FIRST,
		.reserved_last = d->bypass ? 0 : LEATD_EPHEMERAL_LAST,
	};
	char why[LEATD_ERR - 32] = "";
	int rc;

	if (!c->exception.enabled)
		return 0;
	rc = leat_kni_init(d->stack, &k, why, sizeof(why));
	if (rc != 0) {
		snprintf(
			err, LEATD_ERR, "exception path: %s", why[0] != '\0' ? why : strerror(-rc));
		return rc;
	}
	d->kni = true;
	return 0;
}

static int start_services(struct leatd *d, char *err)
{
	if (d->bypass || d->conf->n_services == 0)
		return 0;
	// Before the first packet is taken, so that none meets a claim without its listener.
	for (uint16_t i = 0; i < d->stack->n_lcores; i++) {
		int rc = leatd_worker_create(
			d->stack->lcores[i], d->conf, &d->date, &d->workers[i], err, LEATD_ERR);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int launch(struct leatd *d, char *err)
{
	int rc = d->kni ? leat_kni_start(d->stack) : 0;

	if (rc != 0)
		return fail(err, "exception thread", rc);
	rc = leat_stack_launch(d->stack);
	if (rc != 0)
		return fail(err, "workers", rc);
	d->launched = true;
	return 0;
}

static int open_control(struct leatd *d, char *err)
{
	d->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (d->epfd < 0)
		return fail(err, "epoll", -errno);
	return leatd_control_open(d->conf->control.socket, d->epfd, leatd_methods, leatd_n_methods,
		d, &d->control, err, LEATD_ERR);
}

static int run_steps(struct leatd *d, char *err)
{
	int rc = leatd_control_probe(d->conf->control.socket);

	if (rc != 0) {
		snprintf(err, LEATD_ERR, "another leatd answers at %s", d->conf->control.socket);
		return rc;
	}
	leatd_set_date(&d->date);
	rc = start_stack(d, err);
	if (rc == 0)
		rc = leatd_ports_open(d, err);
	if (rc == 0 && !d->bypass)
		rc = leatd_claims_add(d, err);
	if (rc == 0)
		rc = start_kni(d, err);
	if (rc == 0)
		rc = leatd_addresses_add(d, err);
	if (rc == 0)
		rc = start_services(d, err);
	if (rc == 0)
		rc = leatd_ports_start(d, err);
	if (rc == 0)
		rc = launch(d, err);
	return rc == 0 ? open_control(d, err) : rc;
}

int leatd_start(struct leatd *d, char *err)
{
	int rc;

	d->epfd = -1;
	if (d->bypass && !d->conf->exception.enabled) {
		snprintf(err, LEATD_ERR,
			"--bypass is the exception path alone, and exception.enabled is false");
		return -EINVAL;
	}
	rc = run_steps(d, err);
	if (rc != 0)
		leatd_stop(d);
	return rc;
}

void leatd_stop(struct leatd *d)
{
	leatd_control_close(d->control);
	if (d->epfd >= 0)
		close(d->epfd);
	if (d->launched)
		leat_stack_halt(d->stack);
	if (d->kni) {
		leat_kni_stop(d->stack);
		leat_kni_fini(d->stack);
	}
	if (d->stack != NULL)
		leat_close(d->stack);
	leatd_ports_unguard(d);
	// After the stack: what it had queued may point into the services' memory.
	for (unsigned i = 0; i < LEATD_MAX_WORKERS; i++)
		leatd_worker_destroy(d->workers[i]);
	if (d->eal)
		leatd_eal_fini(d->conf->stack.name);
}

int leatd_call(struct leat_lcore *lc, void (*fn)(struct leat_lcore *lc, void *ctx), void *ctx)
{
	int rc = leat_msg_call(lc, fn, ctx, free, 100);

	if (rc != 0 && rc != -ETIMEDOUT) // a late worker still uses it
		free(ctx);
	return rc;
}
