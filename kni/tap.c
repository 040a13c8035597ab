// SPDX-License-Identifier: BSD-3-Clause
// The TAP of an interface: made or adopted, offloads agreed on, carrier, removal. Called by kni.c
// in the namespace of the TAPs; frames go by exception.c.
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kni/kni_private.h"

// Debian 12's headers are older than these (Linux 6.2).
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#define OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)
#define FLAGS (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)

static int attach(const char *name)
{
	struct ifreq ifr = {.ifr_flags = (short)FLAGS};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) != 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int negotiate(int fd)
{
	int hdr = sizeof(struct virtio_net_hdr);

	if (ioctl(fd, TUNSETVNETHDRSZ, &hdr) != 0)
		return -errno;
	// A kernel before 6.2 knows no segmentation of UDP, and cuts it before it gives it to us.
	if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)(OFFLOADS | TUN_F_USO4 | TUN_F_USO6)) != 0 &&
		ioctl(fd, TUNSETOFFLOAD, (unsigned long)OFFLOADS) != 0)
		return -errno;
	if (ioctl(fd, TUNSETPERSIST, 1ul) != 0)
		return -errno;
	return 0;
}

static int set_sysctls(const char *name)
{
	// Loose: a reply may come back by another port than the route to its source says.
	int rc = leat_kni_sysctl("ipv4", name, "rp_filter", '2', NULL);

	if (rc == 0)
		rc = leat_kni_sysctl("ipv6", name, "keep_addr_on_down", '1', NULL);
	return rc;
}

int leat_tap_open(struct leat_iface *i, struct leat_tap **out, char *err, size_t err_len)
{
	const char *what = "no memory";
	struct leat_tap *t = calloc(1, sizeof(*t));
	int rc = -ENOMEM;

	if (t == NULL)
		goto fail;
	t->iface = i;
	t->keep_tag = i->vlan_id == 0;
	t->carrier = true; // as a TAP has it while somebody holds it
	snprintf(t->name, sizeof(t->name), "%s", i->name);
	t->adopted = if_nametoindex(t->name) != 0;
	// Fails with EINVAL where the name is of something else than a TAP, with EBUSY where
	// another holds it.
	what = "cannot be made or adopted (is the name in use?)";
	rc = t->fd = attach(t->name);
	if (rc < 0)
		goto fail;
	what = "offloads or persistence refused";
	rc = negotiate(t->fd);
	if (rc != 0)
		goto fail_close;
	what = "sysctls cannot be set";
	rc = set_sysctls(t->name);
	if (rc != 0)
		goto fail_close;
	t->ifindex = if_nametoindex(t->name);
	*out = t;
	return 0;
fail_close:
	leat_tap_close(t, !t->adopted);
	t = NULL;
fail:
	snprintf(err, err_len, "TAP %s: %s: %s", i->name, what, strerror(-rc));
	free(t);
	return rc;
}

void leat_tap_close(struct leat_tap *t, bool remove)
{
	if (remove)
		ioctl(t->fd, TUNSETPERSIST, 0ul);
	close(t->fd);
	free(t);
}

void leat_tap_set_carrier(struct leat_tap *t, bool on)
{
	int value = on;

	if (t->carrier != on && ioctl(t->fd, TUNSETCARRIER, &value) == 0)
		t->carrier = on;
}

// ---- purge ----

struct purge {
	const char *const *names;
	unsigned n;
};

static int purge_one(const char *name)
{
	struct ifreq ifr = {0};
	int fd, rc = 0;

	if (if_nametoindex(name) == 0)
		return 0;
	fd = attach(name);
	if (fd < 0)
		return fd; // EBUSY: alive; EINVAL: not a TAP
	if (ioctl(fd, TUNGETIFF, &ifr) != 0)
		rc = -errno;
	else if (ifr.ifr_flags & IFF_PERSIST && ioctl(fd, TUNSETPERSIST, 0ul) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int purge(void *ctx)
{
	const struct purge *p = ctx;
	int rc = 0;

	for (unsigned i = 0; i < p->n; i++) {
		int one = purge_one(p->names[i]);

		if (rc == 0)
			rc = one;
	}
	return rc;
}

int leat_kni_purge(const char *netns, const char *const *names, unsigned n)
{
	struct purge p = {names, n};

	return leat_netns_run(netns, purge, &p);
}
