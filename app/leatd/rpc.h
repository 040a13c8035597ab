// SPDX-License-Identifier: BSD-3-Clause
// JSON-RPC 2.0: one request, or a batch of them, as text; its answer as text. Knows nothing of
// sockets. Called by control.c.
#pragma once

#include <stddef.h>
#include <jansson.h>

#define RPC_PARSE_ERROR (-32700)
#define RPC_INVALID_REQUEST (-32600)
#define RPC_METHOD_NOT_FOUND (-32601)
#define RPC_INVALID_PARAMS (-32602)
#define RPC_INTERNAL_ERROR (-32603)
#define RPC_NO_ANSWER (-32000) // a worker does not answer

#define RPC_BATCH_MAX 32

struct rpc_error {
	int code; // 0: none
	char text[160];
};

// Set an error and return NULL, so that a method can return what this returns.
__attribute__((format(printf, 3, 4))) json_t *rpc_fail(
	struct rpc_error *e, int code, const char *fmt, ...);

struct rpc_method {
	const char *name;
	// params: an object or array, NULL when there are none; borrowed. Returns the result (a new
	// reference), or NULL with *e set.
	json_t *(*fn)(void *ctx, const json_t *params, struct rpc_error *e);
};

// Answer a line of len bytes. Returns the text of the answer, without a newline, for the caller to
// free(); NULL when there is nothing to say (notifications), or no memory.
char *rpc_answer(const struct rpc_method *methods, size_t n_methods, void *ctx, const char *line,
	size_t len);
