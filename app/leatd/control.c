// SPDX-License-Identifier: BSD-3-Clause
// The control socket's server. A client that does not read its answer is not read from either, so
// it holds one answer at most. Called by start.c and, through the epoll set, by loop.c.
#include "app/leatd/control.h"

#include <errno.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <rte_common.h>

#include "app/leatd/watch.h"

#define MAX_CLIENTS 32
#define MAX_LINE 65536

struct client {
	struct leatd_watch watch;
	struct leatd_control *control;
	TAILQ_ENTRY(client) link;
	size_t n_in;
	char *out; // answer that is being written, NULL without
	size_t out_at, out_len;
	bool ended; // the client sends no more
	char in[MAX_LINE];
};

struct leatd_control {
	struct leatd_watch watch;
	int epfd;
	const struct rpc_method *methods;
	size_t n_methods;
	void *ctx;
	unsigned n_clients;
	TAILQ_HEAD(, client) clients;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

int leatd_watch_add(int epfd, struct leatd_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	return epoll_ctl(epfd, EPOLL_CTL_ADD, w->fd, &ev) == 0 ? 0 : -errno;
}

int leatd_watch_change(int epfd, struct leatd_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	return epoll_ctl(epfd, EPOLL_CTL_MOD, w->fd, &ev) == 0 ? 0 : -errno;
}

// ---- a client ----

static void drop_client(struct client *c)
{
	TAILQ_REMOVE(&c->control->clients, c, link);
	c->control->n_clients--;
	close(c->watch.fd);
	free(c->out);
	free(c);
}

// True when nothing is left to write; false: the socket is full, or the client gone (then it is
// dropped and *gone set).
static bool write_out(struct client *c, bool *gone)
{
	while (c->out != NULL) {
		ssize_t n = send(c->watch.fd, c->out + c->out_at, c->out_len - c->out_at,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0) {
			*gone = true;
			return false;
		}
		c->out_at += (size_t)n;
		if (c->out_at == c->out_len) {
			free(c->out);
			c->out = NULL;
		}
	}
	return true;
}

static void set_answer(struct client *c, char *text)
{
	size_t len;

	if (text == NULL)
		return;
	len = strlen(text);
	text[len] = '\n'; // where the NUL was
	c->out = text;
	c->out_at = 0;
	c->out_len = len + 1;
}

// Answer the first whole line, if there is one. False when there is none.
static bool take_line(struct client *c)
{
	struct leatd_control *ctl = c->control;
	char *end = memchr(c->in, '\n', c->n_in);
	size_t len, used;

	if (end == NULL && !(c->ended && c->n_in > 0)) // what ends without a newline is a line too
		return false;
	len = end != NULL ? (size_t)(end - c->in) : c->n_in;
	used = end != NULL ? len + 1 : len;
	if (strspn(c->in, " \t\r") < len)
		set_answer(c, rpc_answer(ctl->methods, ctl->n_methods, ctl->ctx, c->in, len));
	memmove(c->in, c->in + used, c->n_in - used);
	c->n_in -= used;
	return true;
}

// Read what there is. False when the client has to be dropped.
static bool read_in(struct client *c)
{
	ssize_t n;

	if (c->ended || c->n_in == MAX_LINE - 1)
		return true;
	n = recv(c->watch.fd, c->in + c->n_in, MAX_LINE - 1 - c->n_in, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->ended = n == 0;
	c->n_in += (size_t)n;
	c->in[c->n_in] = '\0'; // for strspn
	return true;
}

static void client_ready(struct leatd_watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, watch);
	bool gone = false, ok = true;

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && c->out == NULL)
		ok = read_in(c);
	while (ok && write_out(c, &gone) && take_line(c))
		;
	ok = ok && !gone;
	// A line that does not fit is no request of ours; and who has ended and got everything is
	// done.
	if (c->out == NULL && (c->ended || c->n_in == MAX_LINE - 1))
		ok = false;
	if (c->out != NULL && (events & (EPOLLHUP | EPOLLERR)) != 0)
		ok = false;
	if (!ok ||
		leatd_watch_change(c->control->epfd, w, c->out != NULL ? EPOLLOUT : EPOLLIN) != 0)
		drop_client(c);
}

static void accept_ready(struct leatd_watch *w, uint32_t events)
{
	struct leatd_control *ctl = container_of(w, struct leatd_control, watch);
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)events;
	if (fd < 0)
		return;
	c = ctl->n_clients < MAX_CLIENTS ? malloc(sizeof(*c)) : NULL;
	if (c == NULL) {
		close(fd);
		return;
	}
	memset(c, 0, offsetof(struct client, in));
	c->watch.fd = fd;
	c->watch.ready = client_ready;
	c->control = ctl;
	TAILQ_INSERT_TAIL(&ctl->clients, c, link);
	ctl->n_clients++;
	if (leatd_watch_add(ctl->epfd, &c->watch, EPOLLIN) != 0)
		drop_client(c);
}

// ---- the socket ----

static int connect_to(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc;

	if (fd < 0)
		return -errno;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

int leatd_control_probe(const char *path)
{
	int rc = connect_to(path);

	return rc == 0 || rc == -EAGAIN ? -EADDRINUSE : 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int rc;

	if (fd < 0)
		return -errno;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(mask);
	if (rc == 0)
		rc = listen(fd, MAX_CLIENTS);
	if (rc == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

// Remove a socket that nobody answers at; anything else at the path stays.
static int remove_stale(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	return unlink(path) == 0 ? 0 : -errno;
}

static void make_dir(const char *path)
{
	char copy[sizeof(((struct leatd_control *)0)->path)];

	snprintf(copy, sizeof(copy), "%s", path);
	mkdir(dirname(copy), 0755); // bind() tells if it is still missing
}

static void remove_dir(const char *path)
{
	char copy[sizeof(((struct leatd_control *)0)->path)];
	const char *dir;

	snprintf(copy, sizeof(copy), "%s", path);
	dir = dirname(copy);
	if (strcmp(dir, "/run/leat") == 0) // Leat's own; others' directories stay, empty or not
		rmdir(dir);
}

int leatd_control_open(const char *path, int epfd, const struct rpc_method *methods,
	size_t n_methods, void *ctx, struct leatd_control **out, char *err, size_t err_len)
{
	struct leatd_control *c = calloc(1, sizeof(*c));
	int rc = c != NULL ? 0 : -ENOMEM;
	int fd = -1;

	if (rc == 0)
		rc = leatd_control_probe(path);
	if (rc == 0)
		rc = remove_stale(path);
	if (rc == 0) {
		make_dir(path);
		fd = listen_at(path);
		rc = fd < 0 ? fd : 0;
	}
	if (rc == 0) {
		*c = (struct leatd_control){.watch = {fd, accept_ready},
			.epfd = epfd,
			.methods = methods,
			.n_methods = n_methods,
			.ctx = ctx};
		snprintf(c->path, sizeof(c->path), "%s", path);
		TAILQ_INIT(&c->clients);
		rc = leatd_watch_add(epfd, &c->watch, EPOLLIN);
	}
	if (rc == 0) {
		*out = c;
		return 0;
	}
	snprintf(err, err_len, "control socket %s: %s", path, strerror(-rc));
	if (fd >= 0) {
		close(fd);
		leatd_control_purge(path);
	}
	free(c);
	return rc;
}

void leatd_control_purge(const char *path)
{
	if (remove_stale(path) == 0)
		remove_dir(path);
}

void leatd_control_close(struct leatd_control *c)
{
	struct client *client, *next;

	if (c == NULL)
		return;
	for (client = TAILQ_FIRST(&c->clients); client != NULL; client = next) {
		next = TAILQ_NEXT(client, link);
		drop_client(client);
	}
	close(c->watch.fd);
	leatd_control_purge(c->path);
	free(c);
}
