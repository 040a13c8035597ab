// SPDX-License-Identifier: BSD-3-Clause
// Incremental parser of HTTP/1.x requests (RFC 9112): takes bytes as they come, keeps what the
// service has to know and no more, so a waiting connection costs the size of this struct. A pure
// function of its bytes; called by http.c.
//
//   http_parse_start(&p);
//   used = http_parse(&p, bytes, len);     until p.state is HTTP_DONE or HTTP_FAILED; the rest
//   stays with the caller
//
// Bounded: 8 KiB for a head or a trailer. A body is counted and skipped, chunked or not.
// Strict where leniency would let two readers disagree: one Host (3.2), no obs-fold (5.2), no space
// before a colon (5.1), no Content-Length beside Transfer-Encoding (6.1), no bare CR (2.2). A line
// may end with LF alone (2.2).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX 8192
#define HTTP_PATH_MAX 47

enum http_state {
	HTTP_START,
	HTTP_METHOD,
	HTTP_TARGET,
	HTTP_VERSION,
	HTTP_FIELD_START,
	HTTP_FIELD_NAME,
	HTTP_FIELD_VALUE,
	HTTP_LF,      // a CR was read
	HTTP_LAST_LF, // after the empty line
	HTTP_BODY,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_EXT,
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_END,
	HTTP_DONE,
	HTTP_FAILED,
};

enum http_method { HTTP_OTHER_METHOD, HTTP_GET, HTTP_HEAD };

struct http_parser {
	uint8_t state;  // enum http_state
	uint8_t after;  // HTTP_LF: state once LF is there
	uint8_t method; // enum http_method
	uint8_t minor;  // HTTP/1.minor, 1 at most
	uint16_t error; // HTTP_FAILED: status code to answer with

	// what the fields said
	bool close, keep_alive;
	bool expect_continue;
	bool chunked;
	bool have_length;
	bool path_cut; // longer than path[] holds
	uint8_t hosts; // Host fields, 2 for more

	// private
	bool trailer;
	bool query; // the rest of the target is a query
	bool gap;   // blanks after the beginning of a value's word
	uint8_t target_part;
	uint8_t field; // which one this line is
	uint8_t n;     // characters in word
	uint8_t path_n;
	uint16_t head_n; // bytes of the head so far
	uint64_t length; // of the body or chunk that is left
	char word[24];   // method, version, field name, or token of a value; cut when longer
	char path[HTTP_PATH_MAX + 1];
};

void http_parse_start(struct http_parser *p);

// Take bytes up to the end of the request. Returns how many were used.
size_t http_parse(struct http_parser *p, const uint8_t *buf, size_t len);

// No byte of a request has been seen.
static inline bool http_parse_idle(const struct http_parser *p)
{
	return p->state == HTTP_START;
}
