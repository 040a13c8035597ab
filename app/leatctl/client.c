// SPDX-License-Identifier: BSD-3-Clause
// JSON-RPC over the control socket, with a time limit on the whole of it. Called by main.c.
#include "app/leatctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 2000 // without a sign of life
#define ANSWER_MAX (256u << 20)

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

// Wait until fd is ready. 0, -ETIMEDOUT, -errno.
static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left = deadline - now_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int dial(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static int send_all(int fd, const char *text, size_t len)
{
	int64_t deadline = now_ms() + TIMEOUT_MS;

	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
		int rc;

		if (n > 0) {
			text += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		rc = wait_for(fd, POLLOUT, deadline);
		if (rc != 0)
			return rc;
	}
	return 0;
}

// Read up to a newline. *line is the caller's on 0.
static int read_line(int fd, char **line, size_t *len)
{
	size_t room = 65536, n = 0;
	char *buf = malloc(room), *more;
	int rc = buf != NULL ? 0 : -ENOMEM;

	while (rc == 0) {
		ssize_t got = recv(fd, buf + n, room - n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN) {
			rc = wait_for(fd, POLLIN, now_ms() + TIMEOUT_MS);
			continue;
		}
		if (got <= 0) {
			rc = got < 0 ? -errno : -ECONNRESET;
			break;
		}
		n += (size_t)got;
		if (buf[n - 1] == '\n') {
			*line = buf;
			*len = n;
			return 0;
		}
		if (n == room) {
			more = room < ANSWER_MAX ? realloc(buf, room * 2) : NULL;
			rc = more != NULL ? 0 : -ENOMEM;
			buf = more != NULL ? more : buf;
			room *= 2;
		}
	}
	free(buf);
	return rc;
}

static int exchange(int fd, const char *what, bool all, char **line, size_t *len)
{
	json_t *request = json_pack("{s:s, s:s, s:{s:s, s:b}, s:i}", "jsonrpc", "2.0", "method",
		"show", "params", "what", what, "all", all, "id", 1);
	char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
	int rc = text != NULL ? send_all(fd, text, strlen(text)) : -EINVAL;

	if (rc == 0)
		rc = send_all(fd, "\n", 1);
	free(text);
	json_decref(request);
	return rc == 0 ? read_line(fd, line, len) : rc;
}

static json_t *result_of(const char *line, size_t len)
{
	json_t *answer = json_loadb(line, len, 0, NULL);
	json_t *result = json_object_get(answer, "result");
	const json_t *error = json_object_get(answer, "error");
	const char *message = json_string_value(json_object_get(error, "message"));

	if (result == NULL)
		fprintf(stderr, "leatctl: %s\n",
			message != NULL ? message : "leatd's answer makes no sense");
	json_incref(result);
	json_decref(answer);
	return result;
}

json_t *client_show(const char *socket_path, const char *what, bool all)
{
	json_t *result = NULL;
	char *line = NULL;
	size_t len = 0;
	int fd = dial(socket_path);
	int rc = fd >= 0 ? exchange(fd, what, all, &line, &len) : fd;

	if (rc == 0)
		result = result_of(line, len);
	else
		fprintf(stderr, "leatctl: no leatd answers at %s: %s\n", socket_path,
			strerror(-rc));
	free(line);
	if (fd >= 0)
		close(fd);
	return result;
}
