// SPDX-License-Identifier: BSD-3-Clause
// Running something in another network namespace. Called by kni.c and by leatd, which plugs a port
// where its netdev lives.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kni/kni.h"

// A name is one of `ip netns`; what has a slash is a path.
static int open_netns(const char *netns)
{
	char path[PATH_MAX];
	int n;

	if (strchr(netns, '/') != NULL)
		n = snprintf(path, sizeof(path), "%s", netns);
	else
		n = snprintf(path, sizeof(path), "/run/netns/%s", netns);
	if (n <= 0 || n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	n = open(path, O_RDONLY | O_CLOEXEC);
	return n < 0 ? -errno : n;
}

int leat_netns_run(const char *netns, int (*fn)(void *ctx), void *ctx)
{
	int home, there, rc;

	if (netns == NULL)
		return fn(ctx);
	// The thread's own, not /proc/self: other threads may be elsewhere.
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -errno;
	there = open_netns(netns);
	if (there < 0) {
		close(home);
		return there;
	}
	if (setns(there, CLONE_NEWNET) != 0) {
		rc = -errno;
		goto out;
	}
	rc = fn(ctx);
	// It was possible to leave, so it is possible to return: the descriptor holds the
	// namespace.
	if (setns(home, CLONE_NEWNET) != 0)
		rc = -errno;
out:
	close(there);
	close(home);
	return rc;
}
