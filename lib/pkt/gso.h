// SPDX-License-Identifier: BSD-3-Clause
// Generic segmentation: cuts one large TCP or UDP frame into frames that fit the link, where the
// port can't. Called by the port's output; the software NPU's TSO is made of it.
#ifndef LEAT_PKT_GSO_H
#define LEAT_PKT_GSO_H

#include <stdint.h>

#include <rte_mbuf.h>

// Cut m into frames with at most seg_size bytes of payload each. The payload is not copied: each
// frame is a new mbuf with the headers, default headroom before it, and indirect mbufs over m's
// payload.
//
// In each frame lengths are its own; IPv4 identification counts up from m's; TCP sequence numbers
// follow the payload, FIN and PSH are on the last frame alone, CWR on the first alone (RFC
// 3168, 6.1.2). Checksums are requested, not computed: the fields hold what transmit offload wants
// (0 in IPv4, the pseudo-header's sum in TCP and UDP), ol_flags, l2_len, l3_len and l4_len say so,
// and leat_pkt_fill_cksum() does it in software. All other metadata is m's.
//
// m         TCP or UDP over IPv4 or IPv6 with l2_len (VLAN tags included), l3_len (extension
// headers
//           included) and l4_len set, all headers in the first segment, nothing after the payload.
//           Any segments, direct, indirect or external; written never, so it may be shared.
//           Its transport checksum and lengths are ignored. No tunnel.
// seg_size  bytes of payload, at least 1
// hdr_pool  buffers for headroom and headers
// ind_pool  mbufs to attach; needs no buffers of its own
// out       the frames in order; they are the caller's
// max_out   room in out
// Returns the number of frames, at least 1, and the reference to m is consumed. Or m is as it was
// and the caller's: -EINVAL when headers and lengths don't agree, or it is a fragment or of another
// protocol; -E2BIG when max_out is too small; -ENOMEM when a pool is empty.
// Datapath: mbufs from the pools, nothing else.
int leat_pkt_gso(struct rte_mbuf *m, uint16_t seg_size, struct rte_mempool *hdr_pool,
	struct rte_mempool *ind_pool, struct rte_mbuf **out, uint16_t max_out);

#endif
