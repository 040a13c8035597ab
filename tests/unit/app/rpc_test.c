// SPDX-License-Identifier: BSD-3-Clause
// JSON-RPC 2.0: requests and their answers, the examples of the specification among them.
#include "app/leatd/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static unsigned calls;

static json_t *subtract(void *ctx, const json_t *params, struct rpc_error *e)
{
	const json_t *a, *b;

	(void)ctx;
	calls++;
	a = json_is_array(params) ? json_array_get(params, 0) : json_object_get(params, "minuend");
	b = json_is_array(params) ? json_array_get(params, 1)
				  : json_object_get(params, "subtrahend");
	if (!json_is_integer(a) || !json_is_integer(b))
		return rpc_fail(e, RPC_INVALID_PARAMS, "two numbers");
	return json_integer(json_integer_value(a) - json_integer_value(b));
}

static json_t *nothing(void *ctx, const json_t *params, struct rpc_error *e)
{
	(void)ctx;
	(void)params;
	(void)e;
	return NULL;
}

static const struct rpc_method methods[] = {{"subtract", subtract}, {"nothing", nothing}};

// The answer to a request is this; NULL: there is none.
static void answers(const char *request, const char *expected)
{
	char *got = rpc_answer(methods, 2, NULL, request, strlen(request));
	json_t *a = got != NULL ? json_loads(got, 0, NULL) : NULL;
	json_t *b = expected != NULL ? json_loads(expected, 0, NULL) : NULL;

	CU_ASSERT_EQUAL(got == NULL, expected == NULL);
	if (expected != NULL) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(b);
		CU_ASSERT_TRUE(json_equal(a, b));
		if (!json_equal(a, b))
			printf("\n%s\n  got      %s\n  expected %s\n", request, got, expected);
		CU_ASSERT_PTR_NULL(strchr(got, '\n'));
	}
	json_decref(a);
	json_decref(b);
	free(got);
}

// The answer is an error with this code and id (as JSON text).
static void fails(const char *request, size_t len, int code, const char *id)
{
	char *got = rpc_answer(methods, 2, NULL, request, len);
	json_t *a, *want = json_loads(id, JSON_DECODE_ANY, NULL), *e;

	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	a = json_loads(got, 0, NULL);
	e = json_object_get(a, "error");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(e, "code")), code);
	CU_ASSERT_TRUE(json_is_string(json_object_get(e, "message")));
	CU_ASSERT_TRUE(json_equal(json_object_get(a, "id"), want));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "jsonrpc")), "2.0");
	CU_ASSERT_PTR_NULL(json_object_get(a, "result"));
	json_decref(a);
	json_decref(want);
	free(got);
}

#define FAILS(request, code, id) fails(request, strlen(request), code, id)
#define V "\"jsonrpc\": \"2.0\""

static void good(void)
{
	answers("{" V ", \"method\": \"subtract\", \"params\": [42, 23], \"id\": 1}",
		"{" V ", \"result\": 19, \"id\": 1}");
	answers("{" V ", \"method\": \"subtract\", \"params\": {\"subtrahend\": 23, \"minuend\": "
		"42}, \"id\": \"x\"}",
		"{" V ", \"result\": 19, \"id\": \"x\"}");
	answers("{" V ", \"method\": \"subtract\", \"params\": [1, 1], \"id\": null}",
		"{" V ", \"result\": 0, \"id\": null}");
	answers("{" V ", \"method\": \"subtract\", \"params\": [1, 1], \"id\": 1.5}",
		"{" V ", \"result\": 0, \"id\": 1.5}");
}

static void notifications(void)
{
	calls = 0;
	answers("{" V ", \"method\": \"subtract\", \"params\": [1, 2]}", NULL);
	CU_ASSERT_EQUAL(calls, 1);
	answers("{" V ", \"method\": \"foobar\"}", NULL);
	answers("[{" V ", \"method\": \"subtract\", \"params\": [1, 2]}]", NULL);
	CU_ASSERT_EQUAL(calls, 2);
}

static void errors(void)
{
	FAILS("{" V ", \"method\": \"foobar\", \"id\": \"1\"}", RPC_METHOD_NOT_FOUND, "\"1\"");
	FAILS("{" V ", \"method\": \"foobar, \"params\": \"bar\", \"baz]", RPC_PARSE_ERROR, "null");
	FAILS("{" V ", \"method\": 1, \"params\": \"bar\"}", RPC_INVALID_REQUEST, "null");
	FAILS("{" V ", \"method\": \"subtract\", \"params\": \"bar\", \"id\": 3}",
		RPC_INVALID_REQUEST, "3");
	FAILS("{" V ", \"method\": \"subtract\", \"params\": [1], \"id\": 2}", RPC_INVALID_PARAMS,
		"2");
	FAILS("{" V ", \"method\": \"subtract\", \"id\": 2}", RPC_INVALID_PARAMS, "2");
	FAILS("{" V ", \"method\": \"nothing\", \"id\": 2}", RPC_INTERNAL_ERROR, "2");
	FAILS("{\"method\": \"subtract\", \"params\": [1, 1], \"id\": 2}", RPC_INVALID_REQUEST,
		"null");
	FAILS("{\"jsonrpc\": \"1.0\", \"method\": \"subtract\", \"id\": 2}", RPC_INVALID_REQUEST,
		"null");
	FAILS("{" V ", \"method\": \"subtract\", \"params\": [1, 1], \"id\": [2]}",
		RPC_INVALID_REQUEST, "null");
	FAILS("{" V ", \"method\": \"subtract\", \"method\": \"x\", \"id\": 2}", RPC_PARSE_ERROR,
		"null");
	FAILS("\"text\"", RPC_PARSE_ERROR, "null");
	FAILS("", RPC_PARSE_ERROR, "null");
	fails("{" V ", \"a\": \"\0\"}", 24, RPC_PARSE_ERROR, "null");
	FAILS("{\"a\": \"\xff\"}", RPC_PARSE_ERROR, "null");
}

static void batches(void)
{
	char *many = calloc(1, 8192);

	answers("[{" V ", \"method\": \"subtract\", \"params\": [3, 1], \"id\": 1},"
		" {" V ", \"method\": \"subtract\", \"params\": [3, 1]},"
		" {" V ", \"method\": \"subtract\", \"params\": [9, 1], \"id\": 2}]",
		"[{" V ", \"result\": 2, \"id\": 1}, {" V ", \"result\": 8, \"id\": 2}]");
	answers("[1]", "[{" V ", \"error\": {\"code\": -32600, \"message\": \"a request is an "
		       "object\"}, \"id\": null}]");
	FAILS("[]", RPC_INVALID_REQUEST, "null");
	FAILS("[1", RPC_PARSE_ERROR, "null");
	strcpy(many, "[1");
	for (unsigned i = 1; i < RPC_BATCH_MAX + 1; i++)
		strcat(many, ",1");
	strcat(many, "]");
	FAILS(many, RPC_INVALID_REQUEST, "null");
	free(many);
}

static const struct unit_case cases[] = {
	UNIT_CASE(good),
	UNIT_CASE(notifications),
	UNIT_CASE(errors),
	UNIT_CASE(batches),
};

int main(void)
{
	return UNIT_RUN("rpc", cases);
}
