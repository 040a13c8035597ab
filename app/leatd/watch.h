// SPDX-License-Identifier: BSD-3-Clause
// A file descriptor in main's epoll set, and who is told when it is ready.
#pragma once

#include <stdint.h>
#include <sys/epoll.h>

struct leatd_watch {
	int fd;
	void (*ready)(struct leatd_watch *w, uint32_t events); // EPOLL*
};

// 0 or -errno. The set forgets a descriptor when it is closed.
int leatd_watch_add(int epfd, struct leatd_watch *w, uint32_t events);
int leatd_watch_change(int epfd, struct leatd_watch *w, uint32_t events);
