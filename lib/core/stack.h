// SPDX-License-Identifier: BSD-3-Clause
// A stack: everything that Leat knows hangs off it, so that one process can hold several and drive
// them by hand. lib/core knows the upper layers' state as opaque pointers only.
//
//   struct leat_stack_conf conf = LEAT_STACK_CONF_DEFAULT; ...; leat_stack_create(&conf, &s);
//   (upper layers' init, see sock/leat.h)
//   leat_lcore_poll(s->lcores[0])           a test drives it by hand, time moves by
//   leat_clock_advance() leat_stack_launch(s) ... leat_stack_halt(s)     or EAL worker lcores run
//   it leat_stack_housekeep(s)                 main's own turn, some hundred times a second
//   leat_stack_destroy(s)
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <rte_ring.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>

#include "core/drop.h"
#include "core/msg.h"
#include "core/xring.h"

#define LEAT_MAX_LCORES 64
#define LEAT_MAX_NODES 8
#define LEAT_BURST 64
#define LEAT_NAME_LEN 16

struct rte_mbuf;
struct leat_lcore;

// Limits are per worker unless told otherwise.
struct leat_limits {
	uint32_t connections;
	uint32_t half_open;
	uint32_t time_wait;
	uint32_t udp_sockets;
	uint32_t listeners;
	uint32_t neighbours;
	uint32_t routes; // of the stack
	uint32_t reassembly_bytes;
	uint32_t send_buffer;    // bytes, a connection
	uint32_t receive_buffer; // bytes, a connection
};

struct leat_stack_conf {
	char name[LEAT_NAME_LEN];
	uint16_t n_lcores;              // workers, 1..LEAT_MAX_LCORES
	unsigned cpus[LEAT_MAX_LCORES]; // CPU and EAL lcore id of each; unused when driven by hand
	bool by_hand;                   // no threads: tests call leat_lcore_poll()
	bool virtual_clock;             // time moves by leat_clock_advance() alone
	bool idle_sleep;                // nap when nothing has come for a while
	bool small_fib;                 // a tree instead of DIR-24-8 (64 MB): for tests
	bool icmp_echo;                 // answer echo requests on the fast path
	bool bypass;                    // nothing is claimed or answered: exception path alone
	uint64_t seed;                  // of all randomness; 0: from the system
	uint32_t mbufs;                 // per NUMA node
	uint32_t mbuf_size;             // bytes of data room without headroom
	struct leat_limits limits;
};

// Sensible values for a small host; name "leat0", one worker by_hand = false.
void leat_stack_conf_default(struct leat_stack_conf *conf);

enum leat_punt_class { // why the kernel gets a packet
	LEAT_PUNT_ARP,
	LEAT_PUNT_ROUTING, // OSPF, BGP, BFD, VRRP ...
	LEAT_PUNT_DHCP,
	LEAT_PUNT_LOCAL,   // for a local address that nothing claims
	LEAT_PUNT_GROUP,   // multicast, broadcast
	LEAT_PUNT_FORWARD, // routed out of an interface that Leat does not own
	LEAT_PUNT_OTHER,   // ethertypes that Leat does not speak
	LEAT_PUNT_MAX
};
const char *leat_punt_class_name(enum leat_punt_class c);

enum leat_l3 { LEAT_L3_IP4, LEAT_L3_IP6, LEAT_L3_ARP, LEAT_L3_OTHER, LEAT_L3_MAX };

typedef void (*leat_input_fn)(struct leat_lcore *lc, struct rte_mbuf **pkts, uint16_t n);
// Hand a whole frame (data at the Ethernet header) to the kernel; ownership is taken.
typedef void (*leat_punt_fn)(struct leat_lcore *lc, struct rte_mbuf *m, enum leat_punt_class c);

struct leat_icmp_error; // ip/icmp.h
// An ICMP error that quotes a packet of this protocol. Returns true if the quoted flow is the fast
// path's (an exact connection or a claim); false gives it to the kernel. The message stays the
// caller's.
typedef bool (*leat_proto_error_fn)(struct leat_lcore *lc, const struct leat_icmp_error *e);

struct leat_rcu_item {
	void (*fn)(void *);
	void *obj;
	uint64_t token;
};

struct leat_stack {
	struct leat_stack_conf conf;
	uint16_t n_lcores;
	struct leat_lcore *lcores[LEAT_MAX_LCORES];

	// upwards: the flat tables, filled at start by the upper layers' init
	leat_input_fn l3_input[LEAT_L3_MAX];
	leat_input_fn proto_input[256];
	leat_proto_error_fn proto_error[256];
	leat_xop_fn xop[LEAT_XOP_MAX];
	leat_punt_fn punt; // NULL without an exception path

	// upper layers' state of the stack, theirs to define
	struct leat_link *link;
	struct leat_ip_stack *ip;
	struct leat_transport *transport;
	struct leat_kni *kni;

	// memory
	struct rte_mempool *pools[LEAT_MAX_NODES];          // data mbufs, by NUMA node
	struct rte_mempool *indirect_pools[LEAT_MAX_NODES]; // mbufs without room, for references
	struct rte_mempool *msg_pool;

	// control
	struct rte_ring *main_inbox;
	uint64_t msg_lost;
	struct rte_rcu_qsbr *qsbr;
	struct leat_rcu_item *rcu_items;
	uint32_t n_rcu, cap_rcu;
	struct leat_call *calls; // calls to workers that timed out
	volatile bool running;   // workers leave their loop when false

	// clock
	double ns_per_tsc;
	uint64_t tsc_base;
	uint64_t virtual_ns;
	uint8_t secret[16]; // key of hashes that a peer must not predict
};

// Build a stack: pools, lcores, rings; nothing of the upper layers. EAL must run.
// Returns 0 and *out, or -EINVAL, -ENOMEM, -EEXIST (name taken). Control context.
int leat_stack_create(const struct leat_stack_conf *conf, struct leat_stack **out);

// Free all. The upper layers have been taken down, no worker runs.
void leat_stack_destroy(struct leat_stack *s);

// Start the workers on their EAL lcores / stop and join them. Returns 0 or -errno. Control context.
int leat_stack_launch(struct leat_stack *s);
void leat_stack_halt(struct leat_stack *s);

// Main's turn: messages to main, RCU, calls that timed out. Returns messages handled.
unsigned leat_stack_housekeep(struct leat_stack *s);

// Nanoseconds of the stack's clock now. Any thread.
uint64_t leat_clock_ns(const struct leat_stack *s);
// Move a virtual clock forward. Test context; nothing may poll meanwhile.
void leat_clock_advance(struct leat_stack *s, uint64_t ns);
