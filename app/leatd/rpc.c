// SPDX-License-Identifier: BSD-3-Clause
// Requests and answers of JSON-RPC 2.0 (jsonrpc.org/specification). Called by control.c.
#include "app/leatd/rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct server {
	const struct rpc_method *methods;
	size_t n_methods;
	void *ctx;
};

json_t *rpc_fail(struct rpc_error *e, int code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return NULL;
}

// Both take the reference to what they are given, and id may be NULL: null.
static json_t *success(json_t *id, json_t *result)
{
	return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "result", result, "id",
		id != NULL ? id : json_null());
}

static json_t *failure(json_t *id, const struct rpc_error *e)
{
	json_t *text = json_string(e->text);

	if (text == NULL) // not UTF-8: some of it was the client's
		text = json_string("error");
	return json_pack("{s:s, s:{s:i, s:o}, s:o}", "jsonrpc", "2.0", "error", "code", e->code,
		"message", text, "id", id != NULL ? id : json_null());
}

static const struct rpc_method *find(const struct server *s, const char *name)
{
	for (size_t i = 0; i < s->n_methods; i++) {
		if (strcmp(s->methods[i].name, name) == 0)
			return &s->methods[i];
	}
	return NULL;
}

static json_t *run(const struct server *s, const json_t *request, struct rpc_error *e)
{
	const char *name = json_string_value(json_object_get(request, "method"));
	const struct rpc_method *m = find(s, name);
	json_t *params = json_object_get(request, "params");
	json_t *result;

	if (m == NULL)
		return rpc_fail(e, RPC_METHOD_NOT_FOUND, "no method \"%s\"", name);
	if (params != NULL && !json_is_object(params) && !json_is_array(params))
		return rpc_fail(
			e, RPC_INVALID_REQUEST, "params are neither an object nor an array");
	result = m->fn(s->ctx, params, e);
	if (result == NULL && e->code == 0)
		rpc_fail(e, RPC_INTERNAL_ERROR, "out of memory");
	return result;
}

static const char *what_is_wrong(const json_t *request)
{
	const json_t *id = json_object_get(request, "id");
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));

	if (!json_is_object(request))
		return "a request is an object";
	if (version == NULL || strcmp(version, "2.0") != 0)
		return "jsonrpc is not \"2.0\"";
	if (!json_is_string(json_object_get(request, "method")))
		return "method is not a string";
	if (id != NULL && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return "id is neither a string nor a number nor null";
	return NULL;
}

// NULL for a notification.
static json_t *answer_one(const struct server *s, const json_t *request)
{
	const char *wrong = what_is_wrong(request);
	struct rpc_error e = {0};
	json_t *id, *result;

	if (wrong != NULL) {
		rpc_fail(&e, RPC_INVALID_REQUEST, "%s", wrong);
		return failure(NULL, &e);
	}
	id = json_object_get(request, "id");
	result = run(s, request, &e);
	if (id == NULL) {
		json_decref(result);
		return NULL;
	}
	json_incref(id);
	return result != NULL ? success(id, result) : failure(id, &e);
}

static json_t *answer_batch(const struct server *s, const json_t *batch)
{
	size_t n = json_array_size(batch);
	struct rpc_error e = {0};
	json_t *answers;

	if (n == 0 || n > RPC_BATCH_MAX) {
		rpc_fail(&e, RPC_INVALID_REQUEST, "a batch has 1 to %d requests", RPC_BATCH_MAX);
		return failure(NULL, &e);
	}
	answers = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *a = answer_one(s, json_array_get(batch, i));

		if (a != NULL)
			json_array_append_new(answers, a);
	}
	if (json_array_size(answers) > 0)
		return answers;
	json_decref(answers);
	return NULL;
}

char *rpc_answer(
	const struct rpc_method *methods, size_t n_methods, void *ctx, const char *line, size_t len)
{
	const struct server s = {methods, n_methods, ctx};
	struct rpc_error e = {0};
	json_error_t where;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
	json_t *answer;
	char *text;

	if (request == NULL) {
		rpc_fail(&e, RPC_PARSE_ERROR, "not JSON: %s", where.text);
		answer = failure(NULL, &e);
	} else if (json_is_array(request)) {
		answer = answer_batch(&s, request);
	} else {
		answer = answer_one(&s, request);
	}
	json_decref(request);
	if (answer == NULL)
		return NULL;
	text = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	return text;
}
