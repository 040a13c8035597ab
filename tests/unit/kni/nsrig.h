// SPDX-License-Identifier: BSD-3-Clause
// A rig (rig.h) with an exception path, in a network namespace that the test program has to itself:
//
//   test's rings --- t0: port of the stack --- worker (by hand) --- exception thread or turns by
//   hand --- TAP t0: kernel
//
// ns_enter() comes before EAL. `ip` acts in the namespace, which goes when the program ends.
#ifndef LEAT_TESTS_NSRIG_H
#define LEAT_TESTS_NSRIG_H

#include <stdbool.h>
#include <stdint.h>

#include "kni/kni_private.h"
#include "rig.h"

#define NS_ADDR "10.9.0.1"
#define NS_PEER "10.9.0.2"
#define NS_PEER_MAC "02:00:00:00:00:02"

// Into a namespace of its own, lo up, IPv6 off by default so that the kernel sends nothing by
// itself. Returns 0 or -1 after a message.
int ns_enter(void);

// Run a shell command; a CUnit assertion holds that it succeeded.
void ns_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Whether a shell command succeeds.
bool ns_try(const char *format, ...) __attribute__((format(printf, 1, 2)));

// rig_open() and leat_kni_init(). conf and kni may be NULL. Fatal CUnit assertions.
void ns_open(struct rig *r, const struct leat_stack_conf *conf, const struct leat_kni_conf *kni);
// Takes down, after emptying the port; rig_close()'s assertions.
void ns_close(struct rig *r);
// Turns of the exception path and the worker, by hand, until nothing moves.
void ns_settle(struct rig *r);
// Turns of the mirror and the worker until no dump is wanted.
void ns_mirror(struct rig *r);
// Address and a permanent neighbour on the TAP.
void ns_address(struct rig *r);

#endif
