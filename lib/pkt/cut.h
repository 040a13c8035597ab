// SPDX-License-Identifier: BSD-3-Clause
// Cuts a packet's end off, in whatever segments it is: padding, bytes beyond a window. Called by ip
// and transport. rte_pktmbuf_trim() knows the last segment alone.
#pragma once

#include <stdint.h>

#include <rte_mbuf.h>

// Keep the first len bytes, 1..pkt_len; segments behind are freed. What was poisoned (pkt/poison.h)
// of the segment that is cut stays as it was: who poisons does so again. Datapath.
void leat_pkt_cut(struct rte_mbuf *m, uint32_t len);
