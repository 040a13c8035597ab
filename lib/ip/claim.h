// SPDX-License-Identifier: BSD-3-Clause
// Claims: what is the fast path's at local addresses: {protocol, address or any, ports}. What
// nothing claims is the kernel's. A claimed tuple is never punted. Thread-safety: changes by main
// only (RCU); lookups by workers at any time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/stack.h"
#include "pkt/addr.h"

struct leat_claim {
	uint8_t proto;                  // IPPROTO_TCP, IPPROTO_UDP
	union leat_ip ip;               // any of IPv4 or IPv6: every local address
	uint16_t port_first, port_last; // host order, inclusive
	char owner[LEAT_NAME_LEN];      // who claims, for leatctl
};

// 0, -EEXIST (the same claim stands), -EINVAL, -ENOSPC, -ENOMEM.
int leat_claim_add(struct leat_stack *s, const struct leat_claim *c);
int leat_claim_del(struct leat_stack *s, const struct leat_claim *c); // 0, -ENOENT
// Is {proto, local address, local port} claimed? Datapath.
bool leat_claim_match(
	const struct leat_stack *s, uint8_t proto, const union leat_ip *ip, uint16_t port);
// True when any claim of the protocol stands (fragments are then reassembled before the port is
// looked up).
bool leat_claim_any(const struct leat_stack *s, uint8_t proto);
// The i-th claim, NULL beyond the last. Main only.
const struct leat_claim *leat_claim_at(const struct leat_stack *s, uint32_t i);
