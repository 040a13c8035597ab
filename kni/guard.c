// SPDX-License-Identifier: BSD-3-Clause
// The guard of a netdev that a port only copies from (af_packet, af_xdp) where it stands in the
// namespace of the TAPs: without it the kernel would answer on both. Also how kni writes an
// interface's sysctls. Called by leatd around its ports, and by tap.c.
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kni/kni.h"
#include "kni/kni_private.h"

// /proc/sys/net is that of the namespace of the thread that looks.
int leat_kni_sysctl(const char *family, const char *name, const char *key, char value, char *old)
{
	char path[128], now = 0;
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name, key);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; // a kernel without IPv6
	if (read(fd, &now, 1) != 1)
		now = 0;
	close(fd);
	if (old != NULL)
		*old = now;
	if (now == value)
		return 0; // so that a read-only /proc/sys that is right already will do
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, &value, 1) != 1)
		rc = -errno;
	close(fd);
	return rc;
}

// Whether the netdev has an IPv4 address: then it is in use, and not for us to take.
static int has_address(const char *netdev, bool *has)
{
	struct ifaddrs *all;

	*has = false;
	if (getifaddrs(&all) != 0)
		return -errno;
	for (const struct ifaddrs *a = all; a != NULL; a = a->ifa_next)
		if (a->ifa_addr != NULL && a->ifa_addr->sa_family == AF_INET &&
			strcmp(a->ifa_name, netdev) == 0)
			*has = true;
	freeifaddrs(all);
	return 0;
}

int leat_kni_guard(struct leat_kni_guard *g, const char *netdev, char *err, size_t err_len)
{
	bool has;
	int rc = has_address(netdev, &has);

	*g = (struct leat_kni_guard){0};
	if (rc == 0 && has) {
		snprintf(err, err_len,
			"%s has an IPv4 address: the kernel would answer beside Leat. Give it to "
			"the TAP",
			netdev);
		return -EADDRINUSE;
	}
	// Strict: the way back to every sender is by the TAP, so nothing that comes in here is for
	// the kernel's IPv4, and it answers no ARP request either.
	if (rc == 0)
		rc = leat_kni_sysctl("ipv4", netdev, "rp_filter", '1', &g->rp_filter);
	if (rc == 0)
		rc = leat_kni_sysctl("ipv6", netdev, "disable_ipv6", '1', &g->disable_ipv6);
	snprintf(g->netdev, sizeof(g->netdev), "%s", netdev);
	if (rc != 0) {
		snprintf(err, err_len, "%s can't be guarded from the kernel: %s", netdev,
			strerror(-rc));
		leat_kni_unguard(g);
	}
	return rc;
}

void leat_kni_unguard(struct leat_kni_guard *g)
{
	if (g->rp_filter != 0)
		leat_kni_sysctl("ipv4", g->netdev, "rp_filter", g->rp_filter, NULL);
	if (g->disable_ipv6 != 0)
		leat_kni_sysctl("ipv6", g->netdev, "disable_ipv6", g->disable_ipv6, NULL);
	g->netdev[0] = '\0';
}
