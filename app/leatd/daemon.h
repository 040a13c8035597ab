// SPDX-License-Identifier: BSD-3-Clause
// A running leatd. Which file does what:
//   main.c    options         config.c, schema.c, yaml.c  the configuration     eal.c      DPDK's
//   environment start.c   up and down     ports.c  ports, interfaces, addresses, claims     loop.c
//   main's loop, draining control.c, rpc.c          the control socket     show*.c   what it shows
//   services/  in the workers
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/leatd/config.h"
#include "app/leatd/services/service.h"
#include "core/stack.h"
#include "kni/kni.h"

struct leatd_control;

struct leatd {
	const struct leatd_conf *conf;
	bool bypass;
	struct leat_stack *stack;
	struct leatd_worker *workers[LEATD_MAX_WORKERS];
	struct leatd_control *control;
	struct leatd_date date;
	struct leat_kni_guard guards[LEATD_MAX_PORTS]; // of the ports' netdevs
	int epfd;
	// how far the start has come
	bool eal, kni, launched;
};

#define LEATD_ERR 512

// start.c: everything up to the launched workers and the control socket. Returns 0, or -errno with
// a text in err and everything undone.
int leatd_start(struct leatd *d, char *err);
void leatd_stop(struct leatd *d);
void leatd_set_date(struct leatd_date *d); // once a second

// ports.c, in this order: plug and configure ports, with their interfaces; what the fast path
// claims; addresses; start.
int leatd_ports_open(struct leatd *d, char *err);
void leatd_ports_unguard(struct leatd *d); // what leatd_ports_open() set on their netdevs
int leatd_claims_add(struct leatd *d, char *err);
int leatd_addresses_add(struct leatd *d, char *err);
int leatd_ports_start(struct leatd *d, char *err);

// loop.c: run until a signal and until what it then drains has ended. 0 or -errno.
int leatd_loop(struct leatd *d);
// Block the signals that the loop takes, before any thread is made. Returns 0 or -errno.
int leatd_block_signals(void);

// Run fn in a worker and wait. ctx was allocated by malloc(): on 0 it is the caller's again, on an
// error it is gone. -ETIMEDOUT: the worker does not answer.
int leatd_call(struct leat_lcore *lc, void (*fn)(struct leat_lcore *lc, void *ctx), void *ctx);
