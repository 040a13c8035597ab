// SPDX-License-Identifier: BSD-3-Clause
// Requests to the kernel by netlink, each answered before the function returns. Called by kni.c and
// the mirror, on main's thread.
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "kni/kni_private.h"

int leat_nl_open(struct leat_nl *nl)
{
	const struct timeval patience = {.tv_sec = 2};
	int one = 1;

	nl->sk = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (nl->sk == NULL)
		return -errno;
	if (mnl_socket_bind(nl->sk, 0, MNL_SOCKET_AUTOPID) != 0 ||
		setsockopt(mnl_socket_get_fd(nl->sk), SOL_SOCKET, SO_RCVTIMEO, &patience,
			sizeof(patience)) != 0) {
		int rc = -errno;

		leat_nl_close(nl);
		return rc;
	}
	// An answer need not quote the request.
	mnl_socket_setsockopt(nl->sk, NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

void leat_nl_close(struct leat_nl *nl)
{
	if (nl->sk != NULL)
		mnl_socket_close(nl->sk);
	nl->sk = NULL;
}

static struct nlmsghdr *start(struct leat_nl *nl, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(nl->buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	h->nlmsg_seq = ++nl->seq;
	return h;
}

// Send, and wait for the acknowledgement.
static int request(struct leat_nl *nl, struct nlmsghdr *h)
{
	const uint32_t seq = h->nlmsg_seq;
	ssize_t n;

	if (mnl_socket_sendto(nl->sk, h, h->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		const struct nlmsghdr *a = (const struct nlmsghdr *)nl->buf;

		n = mnl_socket_recvfrom(nl->sk, nl->buf, sizeof(nl->buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!mnl_nlmsg_ok(a, (int)n) || a->nlmsg_seq != seq)
			continue; // of a request that was given up
		if (a->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(a))->error;
	}
}

static struct ifinfomsg *put_link(struct nlmsghdr *h, uint32_t ifindex)
{
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(h, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)ifindex;
	return ifi;
}

int leat_nl_set_link(struct leat_nl *nl, uint32_t ifindex, const struct rte_ether_addr *mac,
	uint32_t mtu, bool up)
{
	struct nlmsghdr *h = start(nl, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = put_link(h, ifindex);

	if (up)
		ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	if (mac != NULL)
		mnl_attr_put(h, IFLA_ADDRESS, sizeof(*mac), mac);
	if (mtu != 0)
		mnl_attr_put_u32(h, IFLA_MTU, mtu);
	return request(nl, h);
}

int leat_nl_limit_gso(struct leat_nl *nl, uint32_t ifindex, uint32_t segs)
{
	struct nlmsghdr *h = start(nl, RTM_NEWLINK, 0);

	put_link(h, ifindex);
	mnl_attr_put_u32(h, IFLA_GSO_MAX_SEGS, segs);
	return request(nl, h);
}

static void put_ip(struct nlmsghdr *h, uint16_t type, const union leat_ip *ip)
{
	if (leat_ip_is4(*ip))
		mnl_attr_put_u32(h, type, leat_ip_be32(*ip));
	else
		mnl_attr_put(h, type, sizeof(*ip), ip);
}

int leat_nl_add_addr(struct leat_nl *nl, uint32_t ifindex, const struct leat_prefix *p)
{
	struct nlmsghdr *h = start(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(h, sizeof(*ifa));
	const bool is4 = leat_ip_is4(p->ip);

	ifa->ifa_family = is4 ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = p->len;
	ifa->ifa_index = ifindex;
	put_ip(h, IFA_LOCAL, &p->ip);
	put_ip(h, IFA_ADDRESS, &p->ip);
	if (is4 && p->len > 0 && p->len < 31)
		mnl_attr_put_u32(
			h, IFA_BROADCAST, leat_ip_be32(p->ip) | htobe32(UINT32_MAX >> p->len));
	return request(nl, h);
}

int leat_nl_confirm_neigh(struct leat_nl *nl, uint32_t ifindex, const union leat_ip *ip,
	const struct rte_ether_addr *mac)
{
	struct nlmsghdr *h = start(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(h, sizeof(*nd));

	nd->ndm_family = leat_ip_is4(*ip) ? AF_INET : AF_INET6;
	nd->ndm_ifindex = (int)ifindex;
	nd->ndm_state = NUD_REACHABLE;
	put_ip(h, NDA_DST, ip);
	mnl_attr_put(h, NDA_LLADDR, sizeof(*mac), mac);
	return request(nl, h);
}
