// SPDX-License-Identifier: BSD-3-Clause
// sd_notify(3) without its library. Called by start.c and loop.c.
#include "app/leatd/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int leatd_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t len;
	ssize_t sent;
	int fd, rc = 0;

	if (path == NULL || path[0] == '\0')
		return 0;
	len = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || len > sizeof(sa.sun_path) - (path[0] == '/'))
		return -EINVAL;
	memcpy(sa.sun_path, path, len);
	if (path[0] ==
		'@') // an abstract address: starts with a NUL and has no other end than its length
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sa,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	if (sent < 0)
		rc = -errno;
	close(fd);
	return rc;
}
