// SPDX-License-Identifier: BSD-3-Clause
// Who gets a packet: exact connection, then listener (or unconnected endpoint) at the address, then
// at any address. One table a worker and protocol, for both families. The claim and the kernel come
// after, in the callers.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/lcore.h"
#include "pkt/addr.h"

// Seen from this host: local is the packet's destination. Ports in host order. No padding bytes:
// hashed whole.
struct leat_flow_key {
	union leat_ip local, remote;
	uint16_t local_port, remote_port;
	uint8_t proto;
	uint8_t family; // AF_INET, AF_INET6
	uint16_t zero;
};
_Static_assert(sizeof(struct leat_flow_key) == 40, "no padding");

struct leat_demux; // rte_hash underneath, key to tagged pointer

// n entries of exact keys at most. NULL without memory.
struct leat_demux *leat_demux_create(struct leat_lcore *lc, const char *what, uint32_t n);
void leat_demux_destroy(struct leat_demux *d);

// Entries hold a pointer whose first byte says what it is (the owner's own kinds). A listener's key
// has remote and remote_port zero (union leat_ip all zero bytes), and local zero bytes when it
// takes any address. add: returns the position (for leat_demux_key()) or -EEXIST, -ENOSPC.
int leat_demux_add(struct leat_demux *d, const struct leat_flow_key *k, void *obj);
void leat_demux_replace(struct leat_demux *d, const struct leat_flow_key *k, void *obj);
void leat_demux_del(struct leat_demux *d, const struct leat_flow_key *k);
void *leat_demux_find(const struct leat_demux *d, const struct leat_flow_key *k);
// Key at a position that leat_demux_add() returned; for objects too small to hold their own key.
const struct leat_flow_key *leat_demux_key(const struct leat_demux *d, int32_t pos);
uint32_t leat_demux_count(const struct leat_demux *d);
// Walk: *cursor 0 at first; false at the end.
bool leat_demux_next(
	const struct leat_demux *d, uint32_t *cursor, const struct leat_flow_key **k, void **obj);
// Listener of a packet's key: at its address, then at any; NULL when none.
void *leat_demux_find_listener(const struct leat_demux *d, const struct leat_flow_key *k);
