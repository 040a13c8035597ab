// SPDX-License-Identifier: BSD-3-Clause
// The parser of http_parse.h. One function for each state takes one byte; bodies are skipped in
// blocks.
#include "app/leatd/services/http_parse.h"

#include <string.h>
#include <strings.h>

enum field { F_OTHER, F_HOST, F_CONNECTION, F_LENGTH, F_ENCODING, F_EXPECT };
enum part { T_FIRST, T_SCHEME, T_AUTHORITY, T_PATH };

static void fail(struct http_parser *p, uint16_t status)
{
	p->state = HTTP_FAILED;
	p->error = status;
}

static bool is_token(uint8_t c) // tchar, RFC 9110 5.6.2
{
	if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

// Keep a character of a word that is compared later; what does not fit makes it equal nothing.
static void keep(struct http_parser *p, uint8_t c)
{
	if (p->n < sizeof(p->word) - 1)
		p->word[p->n] = (char)c;
	if (p->n < sizeof(p->word))
		p->n++;
}

static bool word_is(const struct http_parser *p, const char *lower)
{
	size_t len = strlen(lower);

	return p->n == len && strncasecmp(p->word, lower, len) == 0;
}

// A line has ended: with CR then LF, or with LF alone.
static bool end_of_line(struct http_parser *p, uint8_t c, enum http_state next)
{
	if (c == '\r') {
		p->state = HTTP_LF;
		p->after = next;
		return true;
	}
	if (c == '\n')
		p->state = next;
	return c == '\n';
}

// ---- the request line ----

static void method_byte(struct http_parser *p, uint8_t c)
{
	if (is_token(c)) {
		keep(p, c);
		return;
	}
	if (c != ' ' || p->n == 0) {
		fail(p, 400);
		return;
	}
	// Methods are case-sensitive (RFC 9110 9.1).
	if (p->n == 3 && memcmp(p->word, "GET", 3) == 0)
		p->method = HTTP_GET;
	else if (p->n == 4 && memcmp(p->word, "HEAD", 4) == 0)
		p->method = HTTP_HEAD;
	p->state = HTTP_TARGET;
	p->n = 0;
}

static void start_byte(struct http_parser *p, uint8_t c)
{
	if (c == '\r' || c == '\n') // RFC 9112 2.2: an empty line before the request is ignored
		return;
	p->state = HTTP_METHOD;
	p->head_n = 1;
	method_byte(p, c);
}

static void path_byte(struct http_parser *p, uint8_t c)
{
	if (c == '?')
		p->query = true;
	if (p->query)
		return;
	if (p->path_n < HTTP_PATH_MAX)
		p->path[p->path_n++] = (char)c;
	else
		p->path_cut = true;
}

static void target_end(struct http_parser *p)
{
	if (p->target_part == T_FIRST || p->target_part == T_SCHEME) {
		fail(p, 400);
		return;
	}
	if (p->path_n == 0) // http://host is http://host/ (RFC 9110 4.2.3)
		p->path[p->path_n++] = '/';
	p->path[p->path_n] = '\0';
	p->state = HTTP_VERSION;
	p->n = 0;
}

// origin-form, absolute-form and "*" (RFC 9112 3.2); authority-form is CONNECT's, which is not
// served.
static void target_byte(struct http_parser *p, uint8_t c)
{
	if (c == ' ') {
		target_end(p);
		return;
	}
	if (c <= 0x20 || c >= 0x7f || c == '#') {
		fail(p, 400);
		return;
	}
	switch (p->target_part) {
	case T_FIRST:
		p->target_part = c == '/' || c == '*' ? T_PATH : T_SCHEME;
		if (p->target_part == T_PATH)
			path_byte(p, c);
		else
			keep(p, c);
		break;
	case T_SCHEME:
		keep(p, c);
		if (word_is(p, "http://"))
			p->target_part = T_AUTHORITY;
		else if (p->n > 7)
			fail(p, 400);
		break;
	case T_AUTHORITY:
		if (c == '/' || c == '?') {
			p->target_part = T_PATH;
			if (c == '?')
				path_byte(p, '/');
			path_byte(p, c);
		}
		break;
	default:
		path_byte(p, c);
	}
}

static void version_byte(struct http_parser *p, uint8_t c)
{
	if (c != '\r' && c != '\n') {
		keep(p, c);
		if (p->n > 8)
			fail(p, 400);
		return;
	}
	if (p->n != 8 || memcmp(p->word, "HTTP/1.", 7) != 0 || p->word[7] < '0' ||
		p->word[7] > '9') {
		fail(p, 400);
		return;
	}
	p->minor = p->word[7] == '0' ? 0 : 1;
	end_of_line(p, c, HTTP_FIELD_START);
}

// ---- fields ----

static enum field field_of(const struct http_parser *p)
{
	static const struct {
		const char *name;
		enum field field;
	} known[] = {
		{"host", F_HOST},
		{"connection", F_CONNECTION},
		{"content-length", F_LENGTH},
		{"transfer-encoding", F_ENCODING},
		{"expect", F_EXPECT},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (word_is(p, known[i].name))
			return known[i].field;
	}
	return F_OTHER;
}

// A member of a comma-separated value has ended.
static void member(struct http_parser *p)
{
	if (p->n == 0) // empty members are allowed (RFC 9110 5.6.1.2)
		return;
	if (p->field == F_CONNECTION) {
		p->close |= word_is(p, "close");
		p->keep_alive |= word_is(p, "keep-alive");
	} else if (p->field == F_ENCODING) {
		// chunked is the last, once (RFC 9112 6.1); it is the only one known here
		if (!word_is(p, "chunked") || p->chunked)
			fail(p, 501);
		p->chunked = true;
	} else if (p->field == F_EXPECT) {
		if (!word_is(p, "100-continue"))
			fail(p, 417);
		p->expect_continue = true;
	}
	p->n = 0;
}

// Content-Length: digits; the same number again is one number (RFC 9112 6.3), another is an error.
static void length_end(struct http_parser *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < p->n; i++) {
		if (p->n > 18 || p->word[i] < '0' || p->word[i] > '9') {
			fail(p, 400);
			return;
		}
		v = v * 10 + (uint64_t)(p->word[i] - '0');
	}
	if (p->n == 0 || (p->have_length && v != p->length))
		fail(p, 400);
	p->have_length = true;
	p->length = v;
}

static void value_end(struct http_parser *p)
{
	if (p->field == F_LENGTH)
		length_end(p);
	else
		member(p);
}

static bool is_host(uint8_t c) // reg-name, IP literal and port: RFC 3986 3.2.2
{
	return is_token(c) ? c != '#' && c != '^' && c != '`' && c != '|'
			   : strchr("()=;:,[]", c) != NULL;
}

static void value_byte(struct http_parser *p, uint8_t c)
{
	if (c == '\r' || c == '\n') {
		value_end(p);
		if (p->state != HTTP_FAILED)
			end_of_line(p, c, HTTP_FIELD_START);
		return;
	}
	if (c == ' ' || c == '\t') {
		p->gap = p->n > 0;
		return;
	}
	if (c < 0x20 || c == 0x7f) {
		fail(p, 400);
		return;
	}
	switch (p->field) {
	case F_OTHER:
		break;
	case F_HOST:
		if (p->gap || !is_host(c))
			fail(p, 400);
		p->n = 1;
		break;
	case F_LENGTH:
		if (p->gap)
			fail(p, 400);
		keep(p, c);
		break;
	default: // lists of words
		if (c == ',') {
			member(p);
			p->gap = false;
			break;
		}
		if (p->gap) // "a b" is no word that is known
			p->n = sizeof(p->word);
		keep(p, c);
	}
}

static void name_byte(struct http_parser *p, uint8_t c)
{
	if (is_token(c)) {
		keep(p, c);
		return;
	}
	if (c != ':' || p->n == 0) {
		fail(p, 400);
		return;
	}
	// A trailer's fields change nothing (RFC 9110 6.5.1).
	p->field = (uint8_t)(p->trailer ? F_OTHER : field_of(p));
	if (p->field == F_HOST)
		p->hosts = p->hosts == 0 ? 1 : 2;
	p->n = 0;
	p->gap = false;
	p->state = HTTP_FIELD_VALUE;
}

// The empty line has come: what follows the head?
static void head_end(struct http_parser *p)
{
	if (p->trailer) {
		p->state = HTTP_DONE;
		return;
	}
	if (p->hosts > 1 || (p->hosts == 0 && p->minor > 0)) { // RFC 9112 3.2
		fail(p, 400);
		return;
	}
	if (p->chunked && (p->have_length || p->minor == 0)) { // RFC 9112 6.1
		fail(p, 400);
		return;
	}
	if (p->chunked) {
		p->state = HTTP_CHUNK_SIZE;
		p->n = 0;
		p->length = 0;
	} else {
		p->state = p->length > 0 ? HTTP_BODY : HTTP_DONE;
	}
	// Who waits for a go-ahead gets the answer instead and no body is read (RFC 9110 10.1.1).
	if (p->expect_continue && p->minor > 0 && p->state != HTTP_DONE) {
		p->close = true;
		p->state = HTTP_DONE;
	}
}

static void field_start_byte(struct http_parser *p, uint8_t c)
{
	if (c == '\r') {
		p->state = HTTP_LAST_LF;
	} else if (c == '\n') {
		head_end(p);
	} else {
		p->state = HTTP_FIELD_NAME;
		p->n = 0;
		name_byte(p, c); // a blank here would be obs-fold: refused
	}
}

// ---- chunked bodies, RFC 9112 7.1 ----

static void chunk_size_byte(struct http_parser *p, uint8_t c)
{
	int digit = c >= '0' && c <= '9'                     ? c - '0'
		    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							     : -1;

	if (digit >= 0 && p->n < 15) {
		p->length = p->length << 4 | (uint64_t)digit;
		p->n++;
	} else if (digit >= 0 || p->n == 0 || c == '\0' || strchr("; \t\r\n", c) == NULL) {
		fail(p, 400);
	} else {
		p->state = HTTP_CHUNK_EXT;
		p->head_n = 0;
	}
}

static void chunk_line_end(struct http_parser *p)
{
	p->n = 0;
	p->head_n = 0;
	p->trailer = p->length == 0;
	p->state = p->trailer ? HTTP_FIELD_START : HTTP_CHUNK_DATA;
}

static void chunk_ext_byte(struct http_parser *p, uint8_t c)
{
	if (c == '\n')
		chunk_line_end(p);
	else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
		fail(p, 400);
	else if (p->n == UINT8_MAX) // CR that no LF follows
		fail(p, 400);
	else if (c == '\r')
		p->n = UINT8_MAX;
}

static void chunk_byte(struct http_parser *p, uint8_t c)
{
	if (p->state == HTTP_CHUNK_SIZE) {
		chunk_size_byte(p, c);
		if (p->state != HTTP_CHUNK_EXT)
			return;
	}
	chunk_ext_byte(p, c);
}

// After a chunk's data: CR LF.
static void chunk_end_byte(struct http_parser *p, uint8_t c)
{
	if (c == '\r' && p->n == 0) {
		p->n = 1;
	} else if (c == '\n') {
		p->n = 0;
		p->length = 0;
		p->state = HTTP_CHUNK_SIZE;
	} else {
		fail(p, 400);
	}
}

// ---- all of it ----

static void take(struct http_parser *p, uint8_t c)
{
	switch (p->state) {
	case HTTP_START:
		start_byte(p, c);
		break;
	case HTTP_METHOD:
		method_byte(p, c);
		break;
	case HTTP_TARGET:
		target_byte(p, c);
		break;
	case HTTP_VERSION:
		version_byte(p, c);
		break;
	case HTTP_FIELD_START:
		field_start_byte(p, c);
		break;
	case HTTP_FIELD_NAME:
		name_byte(p, c);
		break;
	case HTTP_FIELD_VALUE:
		value_byte(p, c);
		break;
	case HTTP_LF:
		p->state = p->after;
		if (c != '\n')
			fail(p, 400);
		break;
	case HTTP_LAST_LF:
		if (c == '\n')
			head_end(p);
		else
			fail(p, 400);
		break;
	case HTTP_CHUNK_SIZE:
	case HTTP_CHUNK_EXT:
		chunk_byte(p, c);
		break;
	case HTTP_CHUNK_END:
		chunk_end_byte(p, c);
		break;
	}
}

static size_t skip(struct http_parser *p, size_t len)
{
	size_t n = p->length < len ? (size_t)p->length : len;

	p->length -= n;
	if (p->length == 0)
		p->state = p->state == HTTP_BODY ? HTTP_DONE : HTTP_CHUNK_END;
	return n;
}

void http_parse_start(struct http_parser *p)
{
	*p = (struct http_parser){.state = HTTP_START};
}

size_t http_parse(struct http_parser *p, const uint8_t *buf, size_t len)
{
	size_t at = 0;

	while (at < len && p->state != HTTP_DONE && p->state != HTTP_FAILED) {
		if (p->state == HTTP_BODY || p->state == HTTP_CHUNK_DATA) {
			at += skip(p, len - at);
			continue;
		}
		// Empty lines before a request are counted too, or they could go on for ever.
		if (++p->head_n > HTTP_HEAD_MAX) {
			fail(p, p->state <= HTTP_VERSION ? 414 : 431);
			break;
		}
		take(p, buf[at++]);
	}
	return at;
}
