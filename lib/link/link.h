// SPDX-License-Identifier: BSD-3-Clause
// The link layer's state of a stack, and its start and end. Ports are ethdev ports; an interface is
// a port or one VLAN of it. All of a stack's ports and interfaces are made before its workers run.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <rte_ether.h>

#include "core/stack.h"
#include "pkt/addr.h"

#define LEAT_MAX_PORTS 16
#define LEAT_MAX_IFACES 64 // index 0 is none
#define LEAT_MAX_IFADDRS 32

struct leat_port;

// The addresses of an interface: an immutable record that main replaces (core/rcu.h).
struct leat_ifaddrs {
	uint16_t n;
	struct leat_prefix a[LEAT_MAX_IFADDRS];
};

struct leat_iface {
	uint16_t idx;     // 1..LEAT_MAX_IFACES-1
	uint16_t vlan_id; // 0: untagged
	uint16_t mtu;     // bytes of an IP packet
	bool up;          // administrative state, as its TAP has it
	bool forwarding;  // IPv4 packets that come in here may be forwarded
	bool has_tap;
	uint32_t kernel_ifindex; // of its TAP, 0 without
	struct rte_ether_addr mac;
	struct leat_port *port;
	struct leat_ifaddrs *addrs; // never NULL
	char name[LEAT_NAME_LEN];
};

struct leat_link {
	uint16_t n_ports;
	uint16_t n_ifaces; // highest index + 1
	struct leat_port *ports[LEAT_MAX_PORTS];
	struct leat_iface *ifaces[LEAT_MAX_IFACES];
};

// Set up and take down the link layer of a stack and its lcores. leat_link_fini() closes ports that
// are still open. Control context; workers do not run.
int leat_link_init(struct leat_stack *s);
void leat_link_fini(struct leat_stack *s);

// ---- iface.c: control context, main only ----

// Add an interface: the port itself (vlan_id 0) or one of its VLANs. Up, without addresses, MTU and
// MAC of the port. Returns 0 and *out, or -EEXIST, -ENOSPC, -EINVAL, -ENOMEM. Before workers run.
int leat_iface_add(struct leat_stack *s, struct leat_port *port, uint16_t vlan_id, const char *name,
	struct leat_iface **out);
// NULL when there is none.
struct leat_iface *leat_iface_find(const struct leat_stack *s, const char *name);
struct leat_iface *leat_iface_by_ifindex(const struct leat_stack *s, uint32_t kernel_ifindex);
// Addresses, of either family. Routes are not touched (ip/ip.h does both). 0, -EEXIST, -ENOENT,
// -ENOSPC, -ENOMEM.
int leat_iface_addr_add(struct leat_stack *s, struct leat_iface *i, const struct leat_prefix *p);
int leat_iface_addr_del(struct leat_stack *s, struct leat_iface *i, const struct leat_prefix *p);
// Set the MTU of the interface; of the port as well when it is the port's own. 0 or the driver's
// -errno.
int leat_iface_set_mtu(struct leat_stack *s, struct leat_iface *i, uint16_t mtu);
// Set the MAC of the interface, and of the port. 0 or the driver's -errno.
int leat_iface_set_mac(
	struct leat_stack *s, struct leat_iface *i, const struct rte_ether_addr *mac);

// ---- any context ----

static inline struct leat_iface *leat_iface_at(const struct leat_stack *s, uint16_t idx)
{
	return idx < LEAT_MAX_IFACES ? s->link->ifaces[idx] : NULL;
}

// The interface's address to speak from to `to`: the one whose prefix holds it, else the first of
// the family. Returns false without one. Datapath.
bool leat_iface_source(const struct leat_iface *i, const union leat_ip *to, union leat_ip *src);
