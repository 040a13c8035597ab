// SPDX-License-Identifier: BSD-3-Clause
// The control socket: a UNIX stream socket, one JSON-RPC request or answer a line. Main's thread
// alone.
#pragma once

#include <stddef.h>

#include "app/leatd/rpc.h"

struct leatd_control;

// 0 when nobody answers at the path (a socket that was left there is fine), -EADDRINUSE when
// another leatd does.
int leatd_control_probe(const char *path);

// Make the socket, mode 0600, and its directory if need be; watch it in the epoll set. ctx goes to
// the methods. Returns 0, or -errno with a text in err.
int leatd_control_open(const char *path, int epfd, const struct rpc_method *methods,
	size_t n_methods, void *ctx, struct leatd_control **out, char *err, size_t err_len);
// Close all clients, remove the socket, and its directory if it is empty. NULL is ignored.
void leatd_control_close(struct leatd_control *c);
// What a killed leatd has left at the path.
void leatd_control_purge(const char *path);
