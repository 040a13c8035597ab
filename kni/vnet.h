// SPDX-License-Identifier: BSD-3-Clause
// Frames as the kernel's TAP takes and gives them (a struct virtio_net_hdr, then the frame) from
// and to mbufs with DPDK's transmit flags. Pure functions; called by exception.c.
//
// Both sides mean the same by different words:
//   partial checksum   virtio: csum_start, csum_offset     DPDK: TX_TCP_CKSUM or TX_UDP_CKSUM and
//   header lengths
//                      both leave the pseudo-header's sum in the field
//   superframe         virtio: gso_type, gso_size; the sum in the field counts the length of the
//   whole
//                      DPDK: TX_TCP_SEG or TX_UDP_SEG, tso_segsz; the sum in the field is without
//                      the length
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_net.h>
#include <sys/uio.h>
#include <rte_mbuf.h>

// Debian 12's headers are older than these (Linux 6.2).
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define LEAT_VNET_HEAD 192               // room for headers that are rewritten on their way
#define LEAT_VNET_IOV 64                 // longer chains are copied
#define LEAT_VNET_MAX_FRAME (65535 + 64) // of the kernel's and to it: an IP packet and link headers

// A frame ready for writev(). Points into the mbuf and into itself: the mbuf must outlive it, and
// it is not copied.
struct leat_vnet_frame {
	struct virtio_net_hdr hdr;
	int n_iov;
	struct iovec iov[LEAT_VNET_IOV];
	uint8_t head[LEAT_VNET_HEAD];
	uint8_t copy[LEAT_VNET_MAX_FRAME];
};

// Describe a whole frame to the kernel. A frame without transmit flags is taken for complete; with
// them, l2_len, l3_len and l4_len are set, its IPv4 checksum is filled and its transport checksum
// is left to the kernel. m is not written. restore_tag  the VLAN tag that was stripped into
// vlan_tci goes back into the frame Returns 0, or -EINVAL when flags, lengths and packet contradict
// each other, -EMSGSIZE when it is too long.
int leat_vnet_encode(const struct rte_mbuf *m, bool restore_tag, struct leat_vnet_frame *f);

// Turn the kernel's description of a frame into transmit flags and lengths of m, a writable chain
// whose headers are in the first segment. What DPDK has no words for (a partial checksum of another
// protocol) is completed in software. Returns 0, or -EINVAL when the description does not fit the
// frame; m is then to be freed.
int leat_vnet_decode(struct rte_mbuf *m, const struct virtio_net_hdr *h);
