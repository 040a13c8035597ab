// SPDX-License-Identifier: BSD-3-Clause
// The exception path: one TAP an interface, opened by Leat itself; an exception thread that moves
// frames between the TAPs and the workers' rings; and the mirror of the kernel's links, addresses,
// routes and neighbours.
//
//   worker --leat_punt()--> punt ring --> exception thread --write--> TAP --> kernel
//   kernel --> TAP --read--> exception thread --> inject ring --> worker (LEAT_POLL_INJECT) -->
//   port
//
// Which file does what:  tap.c  open, adopt, remove, read and write with virtio_net_hdr (pure
// conversion in vnet.c)
//   exception.c  rings, thread, punt, inject      mirror*.c  netlink (libmnl)      kni.c  start,
//   end reserve.c    ip_local_reserved_ports          netns.c    running something in another
//   namespace guard.c       keeping the kernel off a netdev that a port copies from
// The worker's part makes no system call and rings no doorbell; the exception thread naps (ppoll on
// the TAPs with a short timeout) and never spins.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/stack.h"
#include "link/link.h"

struct leat_kni_conf {
	const char *netns;  // name (of /run/netns) or path; NULL: the caller's own
	bool persist;       // leave the TAPs when taken down
	int cpu;            // of the exception thread; -1: not bound
	uint32_t ring_size; // frames a ring; 0: 2048
	uint16_t reserved_first, reserved_last; // ports added to ip_local_reserved_ports; 0: none
};

struct leat_kni_counts {
	uint64_t punted[LEAT_PUNT_MAX], punt_dropped[LEAT_PUNT_MAX];
	uint64_t tap_written, tap_write_failed;
	uint64_t injected, inject_dropped; // frames from the kernel
	uint64_t resyncs, enobufs;         // of the mirror
};

// Make (or adopt) the TAP of every interface of the stack, with the MAC and MTU of the interface,
// up; reserve the ports; dump the kernel's tables into the stack. Sets s->punt and the
// LEAT_POLL_INJECT hooks. Ports and interfaces must have been added, workers not launched. Returns
// 0, or -errno with a text in err. Control context.
int leat_kni_init(
	struct leat_stack *s, const struct leat_kni_conf *conf, char *err, size_t err_len);
// Add a configured address through netlink, on the TAP of the interface. 0 or -errno (-EEXIST is
// 0).
int leat_kni_addr_add(struct leat_stack *s, struct leat_iface *i, const struct leat_prefix *p);
// Start and stop the exception thread. 0 or -errno.
int leat_kni_start(struct leat_stack *s);
void leat_kni_stop(struct leat_stack *s);
// Stop, close, restore ip_local_reserved_ports, remove TAPs unless persist.
void leat_kni_fini(struct leat_stack *s);

// Netlink descriptor for main's poll loop, and what to call when it is readable or once a second.
// Main only.
int leat_kni_mirror_fd(const struct leat_stack *s);
void leat_kni_mirror_turn(struct leat_stack *s);
// Link state of the ports to the carrier of the TAPs; neighbours in use confirmed to the kernel.
// Main, about once a second.
void leat_kni_housekeep(struct leat_stack *s);

void leat_kni_counts(const struct leat_stack *s, struct leat_kni_counts *out);
// Name of the TAP of an interface, NULL without.
const char *leat_kni_tap_name(const struct leat_stack *s, const struct leat_iface *i);

// Remove the TAPs with these names from a namespace, if they are persistent TAPs. For leatctl
// purge. 0 or -errno.
int leat_kni_purge(const char *netns, const char *const *names, unsigned n);

// Take a range out of ip_local_reserved_ports of a namespace: what a killed leatd has left there.
// For leatctl purge. 0 or -errno.
int leat_kni_unreserve(const char *netns, uint16_t first, uint16_t last);

// A port that only copies from a netdev (af_packet, af_xdp) in the namespace of the TAPs: the
// kernel is kept from answering on it too, by rp_filter=1 and disable_ipv6=1. Refused when it has
// an IPv4 address. g    filled: what was there before, for leat_kni_unguard() Returns 0, or -errno
// with a text in err. Control context, in the netdev's namespace.
struct leat_kni_guard {
	char netdev[16];              // "": nothing is guarded
	char rp_filter, disable_ipv6; // as they were; 0: not known
};
int leat_kni_guard(struct leat_kni_guard *g, const char *netdev, char *err, size_t err_len);
void leat_kni_unguard(struct leat_kni_guard *g);

// Run fn(ctx) with the calling thread in a network namespace (name or path; NULL: where it is), and
// come back. Returns fn's value, or -errno when the namespace can't be entered. Control context.
int leat_netns_run(const char *netns, int (*fn)(void *ctx), void *ctx);
