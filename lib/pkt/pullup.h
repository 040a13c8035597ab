// SPDX-License-Identifier: BSD-3-Clause
// Makes a packet's headers contiguous, whatever segments a foreign port delivered. Called by each
// input stage before it reads a header.
#ifndef LEAT_PKT_PULLUP_H
#define LEAT_PKT_PULLUP_H

#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

// The most bytes that can be asked for.
#define LEAT_PKT_PULLUP_MAX 256

// An empty first segment that stands for m's packet: its metadata, flags, lengths and segment
// count, default headroom. m is not linked behind it. NULL when the pool is empty. Datapath.
struct rte_mbuf *leat_pkt_new_first(const struct rte_mbuf *m, struct rte_mempool *pool);

// The slow path of leat_pkt_pullup(), which see.
int leat_pkt_pullup_slow(struct rte_mbuf **m, uint16_t len, struct rte_mempool *pool);

// Make the first len bytes of the packet contiguous in its first segment.
// m     the packet; may become another mbuf, with its metadata. It is the caller's before and
// after.
//       Pointers into it are void on success.
// len   bytes, at most LEAT_PKT_PULLUP_MAX
// pool  where a new first segment comes from when the first one can't be written (indirect,
// external,
//       shared) or has no room, and an indirect mbuf when a segment cut in two is shared
// Returns 0; or, and the packet is as it was: -EINVAL if the packet is shorter than len or len is
// too large, -ENOBUFS if the pool is empty or its buffers are too small. Datapath: mbufs from pool,
// nothing else.
static inline int leat_pkt_pullup(struct rte_mbuf **m, uint16_t len, struct rte_mempool *pool)
{
	if (likely((*m)->data_len >= len))
		return 0;
	return leat_pkt_pullup_slow(m, len, pool);
}

#endif
