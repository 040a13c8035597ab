// SPDX-License-Identifier: BSD-3-Clause
// HTTP/1.1: GET and HEAD of / and /bytes/N. Called by service.c.
//
//   serve:  send what is left of the answer -> close, if it was the last -> read a request -> begin
//   its answer -> again
//
// One answer at a time: nothing more is read from a connection while an answer is not out, so a
// peer that pipelines and does not read is held back by its own window. RFC 9112.
#include <errno.h>
#include <string.h>

#include "app/leatd/services/service.h"

#define READ_MAX 16384                // bytes taken from a connection at a time
#define TURN_REQUESTS 16              // of one connection, before others get their turn
#define IDLE_NS (60ull * 1000000000)  // a connection on which nothing moves is closed
#define LINGER_NS (2ull * 1000000000) // wait for a peer that still sends after the last answer
#define LINGER_BYTES (1u << 20)
#define BYTES_MAX (1ull << 30)
#define HEAD_ROOM 512 // more than any head with a short body takes

static const char hello[] = "Leat: this answer came by the fast path.\n";

// ---- the head ----

static char *put(char *at, const char *text)
{
	while (*text != '\0')
		*at++ = *text++;
	return at;
}

static char *put_number(char *at, uint64_t v)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}

static const char *reason(uint16_t status)
{
	static const struct {
		uint16_t status;
		const char *text;
	} all[] = {
		{200, "200 OK"},
		{400, "400 Bad Request"},
		{404, "404 Not Found"},
		{405, "405 Method Not Allowed"},
		{414, "414 URI Too Long"},
		{417, "417 Expectation Failed"},
		{431, "431 Request Header Fields Too Large"},
		{501, "501 Not Implemented"},
	};

	for (size_t i = 0; i < RTE_DIM(all); i++) {
		if (all[i].status == status)
			return all[i].text;
	}
	return "500 Internal Server Error";
}

static const char *date_now(const struct leatd_worker *w)
{
	return w->date->text[__atomic_load_n(&w->date->now, __ATOMIC_ACQUIRE) & 1];
}

// Head, and the body too unless it is the pattern. Returns the end.
static char *put_head(const struct leatd_worker *w, const struct http_conn *h, char *at)
{
	const char *text = h->status == 200 ? hello : reason(h->status);
	bool bytes = h->status == 200 && h->parser.path[1] != '\0'; // not "/"
	uint64_t len = bytes ? h->body_left : strlen(text) + (h->status != 200);

	at = put(put(at, "HTTP/1.1 "), reason(h->status));
	at = put(put(at, "\r\nServer: leat\r\nDate: "), date_now(w));
	at = put(at, bytes ? "\r\nContent-Type: application/octet-stream"
			   : "\r\nContent-Type: text/plain");
	at = put_number(put(at, "\r\nContent-Length: "), len);
	if (h->status == 405) // RFC 9110 15.5.6
		at = put(at, "\r\nAllow: GET, HEAD");
	if (h->last)
		at = put(at, "\r\nConnection: close");
	else if (h->parser.minor == 0)
		at = put(at, "\r\nConnection: keep-alive");
	at = put(at, "\r\n\r\n");
	if (bytes || h->parser.method == HTTP_HEAD)
		return at;
	at = put(at, text);
	return h->status == 200 ? at : put(at, "\n");
}

// ---- sending ----

// Head and as much of the body as there is room for, as one chain: a small answer leaves as one
// packet. Returns whether the head is out.
static bool send_head(struct leatd_worker *w, struct leatd_conn *c)
{
	struct http_conn *h = &c->http;
	uint32_t room = leat_sock_writable(w->lc, c->sock);
	struct rte_mbuf *m, *body = NULL;
	char *start, *end;

	if (room < HEAD_ROOM)
		return false;
	m = leat_sock_alloc(w->lc);
	if (m == NULL) {
		leatd_conn_again(w, c);
		return false;
	}
	start = rte_pktmbuf_mtod(m, char *);
	end = put_head(w, h, start);
	rte_pktmbuf_append(m, (uint16_t)(end - start));
	if (h->parser.method == HTTP_HEAD)
		h->body_left = 0;
	if (h->body_left > 0)
		body = leatd_pattern_chain(
			w, 0, (uint32_t)RTE_MIN(h->body_left, (uint64_t)room - m->pkt_len));
	if (body != NULL) {
		h->body_at += body->pkt_len;
		h->body_left -= body->pkt_len;
	}
	m = leatd_chain_join(m, body);
	if (leat_sock_send_mbuf(w->lc, c->sock, m) != 0) {
		// There was room: the connection is dead, and its event is on the way.
		rte_pktmbuf_free(m);
		return false;
	}
	h->status = 0;
	c->progress_ns = w->lc->now_ns;
	return true;
}

static bool send_body(struct leatd_worker *w, struct leatd_conn *c)
{
	struct http_conn *h = &c->http;
	uint32_t sent = 0;

	while (h->body_left > 0) {
		uint32_t room = leat_sock_writable(w->lc, c->sock);
		struct rte_mbuf *m;

		if (room == 0)
			return false;
		m = sent < LEATD_TURN_BYTES
			    ? leatd_pattern_chain(w, h->body_at,
				      (uint32_t)RTE_MIN(h->body_left, (uint64_t)room))
			    : NULL;
		if (m == NULL) {
			leatd_conn_again(w, c);
			return false;
		}
		sent += m->pkt_len;
		if (leat_sock_send_mbuf(w->lc, c->sock, m) != 0) {
			rte_pktmbuf_free(m);
			return false;
		}
		h->body_at += m->pkt_len;
		h->body_left -= m->pkt_len;
		c->progress_ns = w->lc->now_ns;
	}
	return true;
}

// ---- what is asked for ----

// N of /bytes/N; false when it is no number or too large.
static bool byte_count(const struct http_parser *p, uint64_t *n)
{
	static const char prefix[] = "/bytes/";
	const char *t = p->path + sizeof(prefix) - 1;
	uint64_t v = 0;

	if (p->path_cut || strncmp(p->path, prefix, sizeof(prefix) - 1) != 0 || *t == '\0')
		return false;
	for (; *t != '\0'; t++) {
		if (*t < '0' || *t > '9')
			return false;
		v = v * 10 + (uint64_t)(*t - '0');
		if (v > BYTES_MAX)
			return false;
	}
	*n = v;
	return true;
}

static void begin_answer(struct leatd_worker *w, struct leatd_conn *c)
{
	struct http_conn *h = &c->http;
	const struct http_parser *p = &h->parser;
	uint64_t n = 0;

	w->requests++;
	h->body_at = 0;
	h->body_left = 0;
	if (p->state == HTTP_FAILED) {
		h->status = p->error;
		h->last = true;
		h->linger = true;
		return;
	}
	// RFC 9112 9.3: 1.1 keeps alive unless told, 1.0 closes unless asked.
	h->last = p->close || w->draining || (p->minor == 0 && !p->keep_alive);
	h->linger = p->expect_continue;
	if (!byte_count(p, &n) && (p->path_cut || strcmp(p->path, "/") != 0))
		h->status = 404;
	else if (p->method == HTTP_OTHER_METHOD)
		h->status = 405;
	else
		h->status = 200;
	if (h->status == 200)
		h->body_left = n;
}

// Take bytes until a request is complete or wrong. False: it is not, and an event will come; or the
// connection is closed.
static bool read_request(struct leatd_worker *w, struct leatd_conn *c)
{
	struct http_parser *p = &c->http.parser;
	uint32_t used = 0;
	int err;

	while (p->state != HTTP_DONE && p->state != HTTP_FAILED) {
		if (c->in == NULL && used > LEATD_TURN_BYTES) { // a long body that is skipped
			leatd_conn_again(w, c);
			return false;
		}
		if (c->in == NULL)
			c->in = leat_sock_recv_mbuf(w->lc, c->sock, READ_MAX, &err);
		if (c->in == NULL) {
			if (err != -EAGAIN) // the peer has ended, between requests or not
				leatd_conn_close(w, c, false);
			return false;
		}
		c->progress_ns = w->lc->now_ns;
		while (c->in != NULL && p->state != HTTP_DONE && p->state != HTTP_FAILED) {
			uint32_t n = (uint32_t)http_parse(
				p, rte_pktmbuf_mtod(c->in, const uint8_t *), c->in->data_len);

			leatd_conn_eat(c, n);
			used += n;
		}
	}
	return true;
}

// ---- the end ----

// Throw away what the peer still sends, for some time: closing with bytes unread would reset the
// connection, and the reset could overtake the last answer (RFC 9112 9.6).
static void linger(struct leatd_worker *w, struct leatd_conn *c)
{
	struct http_conn *h = &c->http;
	int err = 0;

	while (h->lingered < LINGER_BYTES) {
		struct rte_mbuf *m = leat_sock_recv_mbuf(w->lc, c->sock, READ_MAX, &err);

		if (m == NULL && err == -EAGAIN)
			return;
		if (m == NULL)
			break;
		h->lingered += m->pkt_len;
		rte_pktmbuf_free(m);
	}
	leatd_conn_close(w, c, false);
}

// The last answer is out.
static void finish(struct leatd_worker *w, struct leatd_conn *c)
{
	struct rte_mbuf *m = NULL;
	int err = -EAGAIN;

	if (!c->http.linger && c->in == NULL)
		m = leat_sock_recv_mbuf(w->lc, c->sock, READ_MAX, &err);
	if (!c->http.linger && c->in == NULL && m == NULL) {
		leatd_conn_close(w, c, false);
		return;
	}
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(c->in);
	c->in = NULL;
	if (leat_sock_shutdown(w->lc, c->sock) != 0) {
		leatd_conn_close(w, c, false);
		return;
	}
	c->http.lingering = true;
	leatd_conn_watch(w, c, LINGER_NS);
	linger(w, c);
}

// True when the timer's work is done: the connection has gone.
static bool timed_out(struct leatd_worker *w, struct leatd_conn *c)
{
	uint64_t idle = w->lc->now_ns - c->progress_ns;

	if (leat_timer_armed(&c->timer))
		return false;
	if (!c->http.lingering && idle < IDLE_NS) {
		leatd_conn_watch(w, c, IDLE_NS - idle);
		return false;
	}
	// Nothing moves: the peer gets a FIN, or a reset if it has left an answer lying.
	leatd_conn_close(w, c, c->http.status != 0 || c->http.body_left > 0);
	return true;
}

static void serve(struct leatd_worker *w, struct leatd_conn *c)
{
	struct http_conn *h = &c->http;

	if (timed_out(w, c))
		return;
	if (h->lingering) {
		linger(w, c);
		return;
	}
	for (unsigned i = 0; i < TURN_REQUESTS; i++) {
		if (h->status != 0 && !send_head(w, c))
			return;
		if (!send_body(w, c))
			return;
		if (h->last) {
			finish(w, c);
			return;
		}
		if (h->parser.state == HTTP_DONE)
			http_parse_start(&h->parser);
		if (!read_request(w, c))
			return;
		begin_answer(w, c);
	}
	leatd_conn_again(w, c);
}

static void open_conn(struct leatd_worker *w, struct leatd_conn *c)
{
	c->http = (struct http_conn){0};
	http_parse_start(&c->http.parser);
	leatd_conn_watch(w, c, IDLE_NS);
}

// leatd ends: idle connections close now, the others after the answer that is on its way.
static void drain(struct leatd_worker *w, struct leatd_conn *c)
{
	struct http_conn *h = &c->http;

	if (h->lingering)
		return;
	if (h->status == 0 && h->body_left == 0 && c->in == NULL && http_parse_idle(&h->parser))
		leatd_conn_close(w, c, false);
	else if (h->status != 0 || h->body_left > 0)
		h->last = true;
}

const struct leatd_service_ops leatd_http_ops = {
	.open = open_conn,
	.serve = serve,
	.drain = drain,
};
