// SPDX-License-Identifier: BSD-3-Clause
// Main's loop: the control socket, signals, the kernel's notifications, the stack's housekeeping;
// and the end, in which connections may finish before the workers are halted. Called by main.c.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <rte_common.h>

#include "app/leatd/daemon.h"
#include "app/leatd/notify.h"
#include "app/leatd/watch.h"
#include "core/stack.h"
#include "kni/kni.h"
#include "transport/transport.h"

#define TICK_NS 10000000
#define DRAIN_NS 5000000000ull // longest wait for connections to end
#define ABORT_NS 200000000ull  // and for their resets to leave
#define DRAIN_LOOK_NS 50000000ull

enum phase { SERVING, DRAINING, ABORTING, ENDED };

struct loop {
	struct leatd *d;
	enum phase phase;
	uint64_t until_ns, look_ns; // DRAINING, ABORTING: its end, and when to look next
	uint64_t second_ns;         // when the next second's work is due
	struct leatd_watch signals, timer, mirror;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	return 0;
}

int leatd_block_signals(void)
{
	sigset_t set;

	signal_set(&set);
	return sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? 0 : -errno;
}

// ---- calls to workers ----

struct call {
	struct leatd_worker *w;
	uint32_t live;
};

static void drain_worker(struct leat_lcore *lc, void *ctx)
{
	(void)lc;
	leatd_worker_drain(((struct call *)ctx)->w);
}

static void abort_worker(struct leat_lcore *lc, void *ctx)
{
	(void)lc;
	leatd_worker_abort(((struct call *)ctx)->w);
}

static void count_live(struct leat_lcore *lc, void *ctx)
{
	((struct call *)ctx)->live = leat_tcp_live(lc);
}

// Run fn in every worker that has services. Returns the sum of what they count. A worker that does
// not answer counts as one that still has something to do.
static uint32_t call_all(struct leatd *d, void (*fn)(struct leat_lcore *, void *))
{
	uint32_t live = 0;

	for (uint16_t i = 0; i < d->stack->n_lcores; i++) {
		struct call *c;

		if (d->workers[i] == NULL)
			continue;
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			continue;
		c->w = d->workers[i];
		if (leatd_call(d->stack->lcores[i], fn, c) != 0) {
			live++;
			continue;
		}
		live += c->live;
		free(c);
	}
	return live;
}

// ---- the end ----

static void enter(struct loop *l, enum phase phase)
{
	uint64_t now = now_ns();

	l->phase = phase;
	l->look_ns = now;
	if (phase == DRAINING) {
		leatd_notify("STOPPING=1\nSTATUS=waiting for connections to end");
		call_all(l->d, drain_worker);
		l->until_ns = now + DRAIN_NS;
	} else if (phase == ABORTING) {
		leatd_notify("STATUS=resetting connections");
		call_all(l->d, abort_worker);
		l->until_ns = now + ABORT_NS;
	}
}

// Draining, and then resetting what is left, each until no connection lives or its time is up.
static void look_at_end(struct loop *l, uint64_t now)
{
	if (now < l->look_ns)
		return;
	l->look_ns = now + (l->phase == ABORTING ? TICK_NS : DRAIN_LOOK_NS);
	if (call_all(l->d, count_live) == 0)
		l->phase = ENDED;
	else if (now >= l->until_ns)
		enter(l, l->phase == DRAINING ? ABORTING : ENDED);
}

static void on_signal(struct leatd_watch *w, uint32_t events)
{
	struct loop *l = container_of(w, struct loop, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(w->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (l->phase == SERVING)
		enter(l, DRAINING);
	else if (l->phase == DRAINING) // asked a second time: at once
		enter(l, ABORTING);
}

// ---- turns ----

static void each_second(struct leatd *d)
{
	leatd_set_date(&d->date);
	if (d->kni) {
		leat_kni_mirror_turn(d->stack);
		leat_kni_housekeep(d->stack);
	}
}

static void on_timer(struct leatd_watch *w, uint32_t events)
{
	struct loop *l = container_of(w, struct loop, timer);
	uint64_t now = now_ns(), expired;

	(void)events;
	if (read(w->fd, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
		return;
	leat_stack_housekeep(l->d->stack);
	if (now >= l->second_ns) {
		l->second_ns = now + 1000000000;
		each_second(l->d);
	}
	if (l->phase != SERVING)
		look_at_end(l, now);
}

static void on_mirror(struct leatd_watch *w, uint32_t events)
{
	struct loop *l = container_of(w, struct loop, mirror);

	(void)events;
	leat_kni_mirror_turn(l->d->stack);
}

// ---- set-up ----

static int watch_signals(struct loop *l)
{
	sigset_t set;

	signal_set(&set);
	l->signals.ready = on_signal;
	l->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return l->signals.fd < 0 ? -errno : leatd_watch_add(l->d->epfd, &l->signals, EPOLLIN);
}

static int watch_timer(struct loop *l)
{
	const struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};

	l->timer.ready = on_timer;
	l->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->timer.fd < 0 || timerfd_settime(l->timer.fd, 0, &every, NULL) != 0)
		return -errno;
	return leatd_watch_add(l->d->epfd, &l->timer, EPOLLIN);
}

static int watch_mirror(struct loop *l)
{
	if (!l->d->kni)
		return 0;
	l->mirror.ready = on_mirror;
	l->mirror.fd = leat_kni_mirror_fd(l->d->stack);
	return leatd_watch_add(l->d->epfd, &l->mirror, EPOLLIN);
}

static int turn(struct loop *l)
{
	struct epoll_event ev;
	struct leatd_watch *w;
	// One at a time: what an event closes can't have another in the same batch.
	int n = epoll_wait(l->d->epfd, &ev, 1, -1);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n > 0) {
		w = ev.data.ptr;
		w->ready(w, ev.events);
	}
	return 0;
}

int leatd_loop(struct leatd *d)
{
	struct loop l = {.d = d, .signals = {.fd = -1}, .timer = {.fd = -1}};
	char status[96];
	int rc = watch_signals(&l);

	if (rc == 0)
		rc = watch_timer(&l);
	if (rc == 0)
		rc = watch_mirror(&l);
	if (rc == 0) {
		snprintf(status, sizeof(status),
			"READY=1\nSTATUS=%u ports, %u workers, %u services%s", d->conf->n_ports,
			d->stack->n_lcores, d->bypass ? 0 : d->conf->n_services,
			d->bypass ? ", bypassed" : "");
		leatd_notify(status);
	}
	while (rc == 0 && l.phase != ENDED)
		rc = turn(&l);
	if (l.signals.fd >= 0)
		close(l.signals.fd);
	if (l.timer.fd >= 0)
		close(l.timer.fd);
	return rc;
}
