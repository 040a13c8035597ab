// SPDX-License-Identifier: BSD-3-Clause
// Two stacks in one process under a virtual clock, for tests of the services as a peer sees them:
//
//   client 192.0.2.2, sockets by hand -- frames carried by the test -- server 192.0.2.1, leatd's
//   worker
#ifndef LEAT_TESTS_APP_PAIR_H
#define LEAT_TESTS_APP_PAIR_H

#include "app/leatd/services/service.h"
#include "rig.h"

#define IP_C RTE_BE32(0xc0000202u)
#define IP_S RTE_BE32(0xc0000201u)
#define MAX (4u << 20)

enum { WEB, ECHO, UECHO, SINK, SERVICES }; // at ports 80, 7, UDP 7, 9

extern struct rig c, s;
extern struct leatd_worker *w;
extern unsigned from_server; // frames with TCP payload that the server has sent
extern char *got;            // what the client has received since forget()
extern size_t n_got;

// connections: the server's limit
void open_both(uint32_t connections);
void close_both(void);

// Time passes and frames are carried.
void run(unsigned ms);
void run_s(unsigned seconds); // in steps of 10 ms, for timers of minutes

// ---- the client ----

uint32_t dial(uint16_t port);
void say_n(uint32_t sock, const char *text, size_t n);
void say(uint32_t sock, const char *text);
// Take what has come. Returns 0 at the end of the stream, -EAGAIN when more may come, or the error.
int take(uint32_t sock);
int take_for(uint32_t sock, unsigned ms);
void forget(void);
// An answer at got + at: its body has n bytes of the pattern. Returns where it ends.
size_t check_bytes(size_t at, size_t n);
bool starts(const char *text);

#endif
