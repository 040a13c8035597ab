// SPDX-License-Identifier: BSD-3-Clause
// The mirror of the kernel's tables: sockets, dumps one after the other, events between them.
// Called by kni.c.
//
// A dump is a state machine that leat_mirror_turn() drives for some milliseconds at a time, so that
// main goes on answering while a million routes come in. What has been lost (ENOBUFS) is wanted
// again: mark, dump, sweep.
#include "kni/mirror_private.h"

#include <errno.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// A route event takes some 830 bytes of it. Only used memory is taken.
#define EVENTS_RCVBUF (64 << 20)
#define TURN_NS UINT64_C(20000000)
#define DUMP_PATIENCE_NS UINT64_C(5000000000) // without any message of a dump
#define FIRST_PATIENCE_NS UINT64_C(60000000000)
#define RETRY_NS UINT64_C(1000000000)

static uint64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

// ---- messages ----

static void handle(struct leat_mirror *m, const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		leat_mirror_on_link(m, h);
		break;
	case RTM_NEWNETCONF:
		leat_mirror_on_netconf(m, h);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		leat_mirror_on_addr(m, h);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		leat_mirror_on_route(m, h);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		leat_mirror_on_neigh(m, h);
		break;
	default:
		break;
	}
}

// ---- dumps ----

static const struct {
	uint16_t type;
	uint8_t family;
	void (*begin)(struct leat_mirror *m);
	void (*end)(struct leat_mirror *m, bool complete);
} dumps[LEAT_MIRROR_DUMPS] = {
	[LEAT_MIRROR_LINK] = {RTM_GETLINK, AF_UNSPEC, NULL, NULL},
	[LEAT_MIRROR_NETCONF] = {RTM_GETNETCONF, AF_INET, NULL, NULL},
	[LEAT_MIRROR_ADDR] = {RTM_GETADDR, AF_UNSPEC, leat_mirror_addr_begin, leat_mirror_addr_end},
	[LEAT_MIRROR_ROUTE] = {RTM_GETROUTE, AF_INET, leat_mirror_route_begin,
		leat_mirror_route_end},
	[LEAT_MIRROR_NEIGH] = {RTM_GETNEIGH, AF_UNSPEC, leat_mirror_neigh_begin,
		leat_mirror_neigh_end},
};

// Ask for a dump. The extra header of each type begins with the family; the longest is a link's.
static int send_dump(struct leat_mirror *m, int d)
{
	static const size_t extra[LEAT_MIRROR_DUMPS] = {
		[LEAT_MIRROR_LINK] = sizeof(struct ifinfomsg),
		[LEAT_MIRROR_NETCONF] = sizeof(struct netconfmsg),
		[LEAT_MIRROR_ADDR] = sizeof(struct ifaddrmsg),
		[LEAT_MIRROR_ROUTE] = sizeof(struct rtmsg),
		[LEAT_MIRROR_NEIGH] = sizeof(struct ndmsg),
	};
	struct nlmsghdr *h = mnl_nlmsg_put_header(m->buf);
	uint8_t *body = mnl_nlmsg_put_extra_header(h, extra[d]);

	h->nlmsg_type = dumps[d].type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++m->seq;
	body[0] = dumps[d].family;
	return mnl_socket_sendto(m->query, h, h->nlmsg_len) < 0 ? -errno : 0;
}

static bool start_dump(struct leat_mirror *m)
{
	const int d = __builtin_ctz(m->wanted);

	if (mono_ns() < m->retry_ns)
		return false;
	if (send_dump(m, d) != 0) {
		m->retry_ns = mono_ns() + RETRY_NS;
		return false;
	}
	m->wanted &= ~(1u << d);
	m->running = d;
	m->interrupted = false;
	m->deadline_ns = mono_ns() + DUMP_PATIENCE_NS;
	if (dumps[d].begin != NULL)
		dumps[d].begin(m);
	return true;
}

// The running dump is over. What did not hold everything is made again, and nothing is swept by it.
static void end_dump(struct leat_mirror *m, bool complete)
{
	const int d = m->running;

	m->running = -1;
	if (dumps[d].end != NULL)
		dumps[d].end(m, complete);
	if (!complete)
		leat_mirror_want(m, d);
}

// A dump that failed or does not end is begun anew in a second. Its late messages have an old
// number.
static void give_up_dump(struct leat_mirror *m)
{
	m->retry_ns = mono_ns() + RETRY_NS;
	end_dump(m, false);
}

static void dump_message(struct leat_mirror *m, const struct nlmsghdr *h)
{
	if (m->running < 0 || h->nlmsg_seq != m->seq)
		return;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		m->interrupted = true;
	if (h->nlmsg_type == NLMSG_DONE)
		end_dump(m, !m->interrupted);
	else if (h->nlmsg_type == NLMSG_ERROR)
		give_up_dump(m); // EBUSY: an old dump is not read to its end
	else
		handle(m, h);
}

// One datagram. Returns bytes, 0 when there is none, -ENOBUFS when some were lost.
static int receive(struct leat_mirror *m, struct mnl_socket *sk)
{
	ssize_t n;

	do {
		n = mnl_socket_recvfrom(sk, m->buf, sizeof(m->buf));
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return (int)n;
	return errno == EAGAIN ? 0 : -ENOBUFS; // ENOSPC: too long for us, as good as lost
}

static void each_message(
	struct leat_mirror *m, int len, void (*fn)(struct leat_mirror *m, const struct nlmsghdr *h))
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)m->buf;

	for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len))
		fn(m, h);
}

static bool read_dump(struct leat_mirror *m)
{
	int n = receive(m, m->query);

	if (n > 0) {
		m->deadline_ns = mono_ns() + DUMP_PATIENCE_NS;
		each_message(m, n, dump_message);
		return true;
	}
	if (n < 0 || mono_ns() > m->deadline_ns)
		give_up_dump(m);
	return n < 0;
}

// ---- events ----

static bool read_event(struct leat_mirror *m)
{
	int n = receive(m, m->events);

	if (n > 0) {
		each_message(m, n, handle);
	} else if (n < 0) {
		m->enobufs++;
		m->resyncs++;
		m->overrun = true;
	}
	return n != 0;
}

// What is queued is older than what was lost: replayed after a dump, it would bring back the dead.
// It goes, and the dumps that are asked for then hold it all.
static bool discard_events(struct leat_mirror *m)
{
	if (receive(m, m->events) == 0) {
		m->overrun = false;
		m->wanted = LEAT_MIRROR_ALL;
	}
	return true;
}

void leat_mirror_turn(struct leat_mirror *m)
{
	const uint64_t end = mono_ns() + TURN_NS;
	bool more = true;

	while (more && mono_ns() < end) {
		if (m->running >= 0)
			more = read_dump(m);
		else if (m->overrun)
			more = discard_events(m);
		else if (m->wanted != 0 && start_dump(m))
			more = true;
		else
			more = read_event(m);
	}
}

void leat_mirror_want_later(struct leat_mirror *m, enum leat_mirror_dump d)
{
	leat_mirror_want(m, d);
	m->retry_ns = mono_ns() + RETRY_NS;
}

int leat_mirror_fd(const struct leat_mirror *m)
{
	return m->epoll_fd;
}

void leat_mirror_counts(const struct leat_mirror *m, struct leat_kni_counts *out)
{
	out->resyncs = m->resyncs;
	out->enobufs = m->enobufs;
}

// ---- start and end ----

static int open_query(struct leat_mirror *m)
{
	m->query = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (m->query == NULL || mnl_socket_bind(m->query, 0, MNL_SOCKET_AUTOPID) != 0)
		return -errno;
	return 0;
}

static int open_events(struct leat_mirror *m)
{
	static const unsigned groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR |
				       RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE;
	int netconf = RTNLGRP_IPV4_NETCONF, size = EVENTS_RCVBUF, fd;

	m->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (m->events == NULL)
		return -errno;
	fd = mnl_socket_get_fd(m->events);
	// Less than asked for only makes ENOBUFS more likely.
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (mnl_socket_bind(m->events, groups, MNL_SOCKET_AUTOPID) != 0 ||
		mnl_socket_setsockopt(
			m->events, NETLINK_ADD_MEMBERSHIP, &netconf, sizeof(netconf)) != 0)
		return -errno;
	return 0;
}

// One descriptor for main to poll.
static int open_epoll(struct leat_mirror *m)
{
	struct epoll_event ev = {.events = EPOLLIN};

	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (m->epoll_fd < 0 ||
		epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, mnl_socket_get_fd(m->events), &ev) != 0 ||
		epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, mnl_socket_get_fd(m->query), &ev) != 0)
		return -errno;
	return 0;
}

// Everything once, before any worker runs.
static int first_dumps(struct leat_mirror *m)
{
	const uint64_t end = mono_ns() + FIRST_PATIENCE_NS;

	m->wanted = LEAT_MIRROR_ALL;
	for (;;) {
		struct pollfd p = {m->epoll_fd, POLLIN, 0};

		leat_mirror_turn(m);
		// What is wanted later is what the workers' inboxes had no room for: they do not
		// run yet.
		if (m->running < 0 && !m->overrun && (m->wanted & ~(1u << LEAT_MIRROR_NEIGH)) == 0)
			return 0;
		if (mono_ns() > end)
			return -ETIMEDOUT;
		poll(&p, 1, 100);
	}
}

int leat_mirror_create(struct leat_stack *s, struct leat_nl *nl, struct leat_mirror **out)
{
	struct leat_mirror *m = calloc(1, sizeof(*m));
	int rc;

	if (m == NULL)
		return -ENOMEM;
	m->stack = s;
	m->nl = nl;
	m->running = -1;
	m->epoll_fd = -1;
	// Events first: what happens after a dump is among them.
	rc = open_events(m);
	if (rc == 0)
		rc = open_query(m);
	if (rc == 0)
		rc = open_epoll(m);
	if (rc == 0)
		rc = first_dumps(m);
	if (rc != 0) {
		leat_mirror_destroy(m);
		return rc;
	}
	*out = m;
	return 0;
}

void leat_mirror_destroy(struct leat_mirror *m)
{
	if (m == NULL)
		return;
	if (m->epoll_fd >= 0)
		close(m->epoll_fd);
	if (m->events != NULL)
		mnl_socket_close(m->events);
	if (m->query != NULL)
		mnl_socket_close(m->query);
	leat_mirror_neigh_free(m);
	free(m->links);
	free(m->addrs);
	free(m);
}
