// SPDX-License-Identifier: BSD-3-Clause
// The HTTP parser: a table of requests, each whole, split in two at every byte, and byte by byte:
// always the same.
#include "app/leatd/services/http_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define H "Host: a\r\n"
#define END "\r\n"

struct request {
	const char *text;
	int status; // 0: fine, -1: not complete
	enum http_method method;
	const char *path;
	int minor;
	bool close, keep_alive;
	const char *rest; // what is left of the text
};

static const struct request requests[] = {
	// fine
	{"GET / HTTP/1.1\r\n" H END, 0, HTTP_GET, "/", 1},
	{"HEAD /bytes/1 HTTP/1.1\r\n" H END, 0, HTTP_HEAD, "/bytes/1", 1},
	{"GET / HTTP/1.0\r\n" END, 0, HTTP_GET, "/", 0},
	{"GET / HTTP/1.9\r\n" H END, 0, HTTP_GET, "/", 1},
	{"get / HTTP/1.1\r\n" H END, 0, HTTP_OTHER_METHOD, "/", 1},
	{"BREW-COFFEE-AND-MORE-COFFEE-THAN-FITS / HTTP/1.1\r\n" H END, 0, HTTP_OTHER_METHOD, "/",
		1},
	{"GET /?a=b HTTP/1.1\r\n" H END, 0, HTTP_GET, "/", 1},
	{"GET /a?b/c?d HTTP/1.1\r\n" H END, 0, HTTP_GET, "/a", 1},
	{"GET http://h/x HTTP/1.1\r\n" H END, 0, HTTP_GET, "/x", 1},
	{"GET HTTP://h:80 HTTP/1.1\r\n" H END, 0, HTTP_GET, "/", 1},
	{"GET http://h?q HTTP/1.1\r\n" H END, 0, HTTP_GET, "/", 1},
	{"OPTIONS * HTTP/1.1\r\n" H END, 0, HTTP_OTHER_METHOD, "*", 1},
	{"GET / HTTP/1.1\nHost: a\n\n", 0, HTTP_GET, "/", 1},
	{"\r\n\r\nGET / HTTP/1.1\r\n" H END, 0, HTTP_GET, "/", 1},
	{"GET / HTTP/1.1\r\nhOsT:a\r\n" END, 0, HTTP_GET, "/", 1},
	{"GET / HTTP/1.1\r\nHost: \t a \t \r\n" END, 0, HTTP_GET, "/", 1},
	{"GET / HTTP/1.1\r\nHost:\r\n" END, 0, HTTP_GET, "/", 1},
	{"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n" END, 0, HTTP_GET, "/", 1},
	{"GET / HTTP/1.1\r\n" H "X: \xff\x80 any\r\n" END, 0, HTTP_GET, "/", 1},
	{"GET / HTTP/1.1\r\n" H "Connection: close\r\n" END, 0, HTTP_GET, "/", 1, .close = true},
	{"GET / HTTP/1.1\r\n" H "Connection: a, CLOSE ,b\r\n" END, 0, HTTP_GET, "/", 1,
		.close = true},
	{"GET / HTTP/1.1\r\n" H "Connection: close b\r\n" END, 0, HTTP_GET, "/", 1},
	{"GET / HTTP/1.1\r\n" H "Connection: xclose\r\nConnection: closed\r\n" END, 0, HTTP_GET,
		"/", 1},
	{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END, 0, HTTP_GET, "/", 0,
		.keep_alive = true},
	// the rest stays
	{"GET / HTTP/1.1\r\n" H END "GET", 0, HTTP_GET, "/", 1, .rest = "GET"},
	// bodies
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n" END "abcGET", 0, HTTP_OTHER_METHOD, "/", 1,
		.rest = "GET"},
	{"GET / HTTP/1.1\r\n" H "Content-Length: 0\r\n" END "x", 0, HTTP_GET, "/", 1, .rest = "x"},
	{"GET / HTTP/1.1\r\n" H "Content-Length: 2\r\nContent-Length: 2\r\n" END "ab", 0, HTTP_GET,
		"/", 1},
	{"PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END
	 "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\nz",
		0, HTTP_OTHER_METHOD, "/", 1, .rest = "z"},
	{"PUT / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n" END
	 "0\r\nHost: b\r\nConnection: close\r\n\r\n",
		0, HTTP_OTHER_METHOD, "/", 1},
	{"PUT / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n" END "abcde", 0,
		HTTP_OTHER_METHOD, "/", 1, .close = true, .rest = "abcde"},
	// not complete
	{"", -1},
	{"GET / HTTP/1.1\r\n" H, -1},
	{"GET / HTTP/1.1\r\n" H "\r", -1},
	{"GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n" END "ab", -1},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "1\r\na\r\n0\r\n", -1},
	// wrong: request line
	{"GET  / HTTP/1.1\r\n" H END, 400},
	{" GET / HTTP/1.1\r\n" H END, 400},
	{"G\x01T / HTTP/1.1\r\n" H END, 400},
	{"GET /\r\n" H END, 400},
	{"GET / HTTP/2.0\r\n" H END, 400},
	{"GET / HTTP/1\r\n" H END, 400},
	{"GET / HTTP/1.1 \r\n" H END, 400},
	{"GET / http/1.1\r\n" H END, 400},
	{"GET / HTTP/1.1x\r\n" H END, 400},
	{"GET / HTTP/1.x\r\n" H END, 400},
	{"GET x HTTP/1.1\r\n" H END, 400},
	{"GET ftp://h/ HTTP/1.1\r\n" H END, 400},
	{"CONNECT host:80 HTTP/1.1\r\n" H END, 400},
	{"GET /a#b HTTP/1.1\r\n" H END, 400},
	{"GET /a\x7f HTTP/1.1\r\n" H END, 400},
	{"GET /\xc3\xa4 HTTP/1.1\r\n" H END, 400},
	{"\x16\x03\x01\x02", 400},
	// wrong: fields
	{"GET / HTTP/1.1\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H H END, 400},
	{"GET / HTTP/1.0\r\n" H H END, 400},
	{"GET / HTTP/1.1\r\nHost: a b\r\n" END, 400},
	{"GET / HTTP/1.1\r\nHost: a/b\r\n" END, 400},
	{"GET / HTTP/1.1\r\nHost : a\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H " folded\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "\tfolded\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H ": x\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "noColon\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "X: a\rb\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "X: \x01\r\n" END, 400},
	{"GET / HTTP/1.1\r\r\n" H END, 400},
	// wrong: bodies
	{"GET / HTTP/1.1\r\n" H "Content-Length: \r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "Content-Length: -1\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "Content-Length: 1 1\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999999\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n" END, 400},
	{"GET / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n" END, 400},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n" END, 501},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n" END, 501},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n" END, 501},
	{"GET / HTTP/1.1\r\n" H "Expect: tea\r\n" END, 417},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "x", 400},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "\r\n", 400},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "1g\r\n", 400},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "1\r\nab", 400},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "1\r\na\r\r", 400},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "1\rx", 400},
	{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "fffffffffffffffff\r\n", 400},
};

// Feed text in pieces that end at the given places; each piece in a block of its own size, so that
// the sanitizers see a read past it. Returns how much was used.
static size_t feed(struct http_parser *p, const char *text, size_t len, size_t cut, size_t step)
{
	size_t used = 0;

	http_parse_start(p);
	while (used < len) {
		size_t end = step > 0 ? used + step : used < cut ? cut : len;
		size_t n = (end < len ? end : len) - used, got;
		uint8_t *piece = malloc(n);

		CU_ASSERT_PTR_NOT_NULL_FATAL(piece);
		memcpy(piece, text + used, n);
		got = http_parse(p, piece, n);
		free(piece);
		CU_ASSERT_TRUE_FATAL(got <= n);
		used += got;
		if (p->state == HTTP_DONE || p->state == HTTP_FAILED)
			return used;
		CU_ASSERT_EQUAL(got, n);
	}
	return used;
}

static bool as_expected(const struct request *r, const struct http_parser *p, size_t used)
{
	if (r->status > 0)
		return p->state == HTTP_FAILED && p->error == r->status;
	if (r->status < 0)
		return p->state != HTTP_FAILED && p->state != HTTP_DONE;
	return p->state == HTTP_DONE && p->method == r->method && strcmp(p->path, r->path) == 0 &&
	       p->minor == r->minor && p->close == r->close && p->keep_alive == r->keep_alive &&
	       strcmp(r->text + used, r->rest != NULL ? r->rest : "") == 0;
}

static void table(void)
{
	struct http_parser p;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const struct request *r = &requests[i];
		size_t len = strlen(r->text);
		size_t used = feed(&p, r->text, len, len, 0);
		bool ok = as_expected(r, &p, used);

		for (size_t cut = 1; cut < len; cut++) {
			size_t again = feed(&p, r->text, len, cut, 0);

			ok = ok && again == used && as_expected(r, &p, again);
		}
		used = feed(&p, r->text, len, 0, 1);
		ok = ok && as_expected(r, &p, used);
		CU_ASSERT_TRUE(ok);
		if (!ok)
			printf("\nnot as expected: %s (state %d, error %d, path %s)\n", r->text,
				p.state, p.error, p.path);
	}
}

// A head of n bytes in all, the padding in a field or in the target.
static int head_of(size_t n, bool target)
{
	static const char before_t[] = "GET /", after_t[] = " HTTP/1.1\r\n" H END;
	static const char before_f[] = "GET / HTTP/1.1\r\n" H "X: ", after_f[] = "\r\n" END;
	const char *before = target ? before_t : before_f, *after = target ? after_t : after_f;
	char *text = malloc(n + 1);
	struct http_parser p;

	memset(text, 'a', n);
	memcpy(text, before, strlen(before));
	strcpy(text + n - strlen(after), after);
	feed(&p, text, n, n, 0);
	free(text);
	return p.state == HTTP_DONE ? 200 : p.state == HTTP_FAILED ? p.error : 0;
}

static void bounds(void)
{
	struct http_parser p;
	char blank[9000];

	CU_ASSERT_EQUAL(head_of(HTTP_HEAD_MAX, false), 200);
	CU_ASSERT_EQUAL(head_of(HTTP_HEAD_MAX + 1, false), 431);
	CU_ASSERT_EQUAL(head_of(2 * HTTP_HEAD_MAX, false), 431);
	CU_ASSERT_EQUAL(head_of(HTTP_HEAD_MAX, true), 200);
	CU_ASSERT_EQUAL(head_of(2 * HTTP_HEAD_MAX, true), 414);
	// Empty lines, chunk extensions and trailers end some time too.
	memset(blank, '\n', sizeof(blank));
	feed(&p, blank, sizeof(blank), sizeof(blank), 0);
	CU_ASSERT_EQUAL(p.state, HTTP_FAILED);
	memset(blank, 'a', sizeof(blank));
	memcpy(blank, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1;", 57);
	feed(&p, blank, sizeof(blank), sizeof(blank), 0);
	CU_ASSERT_EQUAL(p.state, HTTP_FAILED);
	CU_ASSERT_EQUAL(p.error, 431);
	memset(blank, 'a', sizeof(blank));
	memcpy(blank, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n", 58);
	feed(&p, blank, sizeof(blank), sizeof(blank), 0);
	CU_ASSERT_EQUAL(p.state, HTTP_FAILED);
	// A path longer than what is kept is no shorter path.
	http_parse_start(&p);
	head_of(HTTP_HEAD_MAX, true);
	feed(&p,
		"GET /bytes/00000000000000000000000000000000000000000000000000001 HTTP/1.0\r\n\r\n",
		76, 76, 0);
	CU_ASSERT_TRUE(p.path_cut);
}

static void garbage(void)
{
	uint64_t seed = 7;
	struct http_parser p;

	for (unsigned i = 0; i < 20000; i++) {
		const struct request *r =
			&requests[unit_random(&seed) % (sizeof(requests) / sizeof(requests[0]))];
		char text[512];
		size_t len = strlen(r->text);

		memcpy(text, r->text, len + 1);
		for (unsigned k = 0; len > 0 && k < 1 + i % 3; k++)
			text[unit_random(&seed) % len] = (char)unit_random(&seed);
		feed(&p, text, len, 0, 1 + unit_random(&seed) % 64);
		CU_ASSERT_TRUE(p.state <= HTTP_FAILED);
		CU_ASSERT_TRUE(strlen(p.path) <= HTTP_PATH_MAX);
	}
}

static const struct unit_case cases[] = {
	UNIT_CASE(table),
	UNIT_CASE(bounds),
	UNIT_CASE(garbage),
};

int main(void)
{
	return UNIT_RUN("http_parse", cases);
}
