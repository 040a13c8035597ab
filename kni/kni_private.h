// SPDX-License-Identifier: BSD-3-Clause
// Between the files of kni/: the state of the exception path, and who offers what.
#pragma once

#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <libmnl/libmnl.h>
#include <rte_ring.h>

#include "kni/kni.h"
#include "kni/vnet.h"

#define LEAT_PORT_MAP 8192 // bytes of a bitmap of all ports
#define LEAT_TAP_SEGS 72   // mbufs of the longest frame read

struct leat_mirror; // mirror_private.h

struct leat_tap {
	int fd;
	bool adopted; // was there before us
	bool carrier;
	bool keep_tag; // untagged interface: frames of unknown VLANs come with their tag
	bool gone;     // its device was deleted under us
	uint32_t ifindex;
	struct leat_iface *iface;
	char name[IFNAMSIZ];
};

// A socket for requests that are answered at once, in the namespace of the TAPs. Main only.
struct leat_nl {
	struct mnl_socket *sk;
	uint32_t seq;
	char buf[16384];
};

struct leat_kni_lcore {
	struct rte_ring *punt;   // worker to exception thread
	struct rte_ring *inject; // exception thread to worker
	struct leat_kni *kni;
	uint64_t injected;
	uint64_t punted[LEAT_PUNT_MAX], punt_dropped[LEAT_PUNT_MAX];
};

// The exception thread's own.
struct leat_exception {
	pthread_t thread;
	bool running;
	int stop_fd;  // eventfd
	bool blocked; // a ring is full or buffers are short: the TAPs wait
	uint16_t n_segs, n_have;
	struct rte_mbuf *segs[LEAT_TAP_SEGS]; // for the next frame
	struct iovec iov[LEAT_TAP_SEGS + 1];
	struct virtio_net_hdr hdr;
	struct pollfd fds[1 + LEAT_MAX_IFACES];
	struct leat_tap *fd_tap[1 + LEAT_MAX_IFACES];
	struct leat_vnet_frame out;
	uint64_t written, write_failed, inject_dropped;
};

struct leat_kni {
	struct leat_stack *stack;
	struct leat_kni_conf conf;
	char *netns; // owned copy of conf.netns
	bool any_adopted;
	bool reserved;
	struct leat_tap *taps[LEAT_MAX_IFACES]; // by interface; NULL without
	struct leat_exception ex;
	struct leat_nl nl;
	struct leat_mirror *mirror;
	uint32_t neigh_cursor[LEAT_MAX_LCORES];
	uint8_t reserved_before[LEAT_PORT_MAP];
};

// ---- tap.c ----

// Make or adopt the TAP of an interface; not up yet. In the namespace of the TAPs. 0 or -errno and
// a text.
int leat_tap_open(struct leat_iface *i, struct leat_tap **out, char *err, size_t err_len);
// Close; remove: the device goes with its last descriptor.
void leat_tap_close(struct leat_tap *t, bool remove);
void leat_tap_set_carrier(struct leat_tap *t, bool on);

// ---- nl.c: requests to the kernel, answered before they return. 0 or -errno ----

int leat_nl_open(struct leat_nl *nl); // in the namespace of the TAPs
void leat_nl_close(struct leat_nl *nl);
// mac NULL and mtu 0: unchanged. up: also bring it up.
int leat_nl_set_link(struct leat_nl *nl, uint32_t ifindex, const struct rte_ether_addr *mac,
	uint32_t mtu, bool up);
int leat_nl_limit_gso(struct leat_nl *nl, uint32_t ifindex, uint32_t segs);
int leat_nl_add_addr(struct leat_nl *nl, uint32_t ifindex, const struct leat_prefix *p);
int leat_nl_confirm_neigh(struct leat_nl *nl, uint32_t ifindex, const union leat_ip *ip,
	const struct rte_ether_addr *mac);

// ---- exception.c ----

int leat_exception_init(struct leat_kni *k, char *err, size_t err_len);
void leat_exception_fini(struct leat_kni *k);
int leat_exception_start(struct leat_kni *k);
void leat_exception_stop(struct leat_kni *k);
// One turn of the thread's loop without waiting; what a test calls in its place. Returns frames
// moved.
unsigned leat_exception_turn(struct leat_kni *k);
// The stack's punt function, and the workers' LEAT_POLL_INJECT hook.
void leat_exception_punt(struct leat_lcore *lc, struct rte_mbuf *m, enum leat_punt_class c);
uint16_t leat_exception_inject(struct leat_lcore *lc, void *ctx);

// ---- reserve.c: in the namespace of the TAPs ----

// before  LEAT_PORT_MAP bytes, set to what was reserved
int leat_reserve_add(uint16_t first, uint16_t last, uint8_t *before);
// Take the range out, but for what `before` has of it (NULL: nothing).
int leat_reserve_remove(uint16_t first, uint16_t last, const uint8_t *before);

// ---- guard.c ----

// Write a one-character sysctl of an interface, /proc/sys/net/<family>/conf/<name>/<key>; *old (may
// be NULL) is set to what it was. A family that the kernel lacks is no error. 0 or -errno.
int leat_kni_sysctl(const char *family, const char *name, const char *key, char value, char *old);
