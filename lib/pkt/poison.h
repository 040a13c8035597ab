// SPDX-License-Identifier: BSD-3-Clause
// Makes AddressSanitizer see what it can't inside DPDK's pools: a read past a packet's data. Only
// in the sanitizer build (LEAT_POISON); elsewhere the functions are nothing.
//
// Where they are to be called:
//	leat_pkt_poison(m)	right after rx_burst, and again after data was moved, pushed or
// pulled 	leat_pkt_unpoison(m)	before anything writes outside the data (prepend, append)
// and before 				the packet leaves Leat: free, tx_burst, a ring to another
// program A buffer that goes back to its pool poisoned is reported at the next packet's expense.
// leat_pkt_gso() and leat_pkt_pullup() unpoison what they free or write themselves.
//
// An over-read is seen to the byte, an under-read when it goes back 8 bytes or more, as the
// sanitizer keeps one note for 8 bytes. Indirect and external buffers are left alone: their bounds
// are another mbuf's, or malloc's.
#ifndef LEAT_PKT_POISON_H
#define LEAT_PKT_POISON_H

#include <rte_mbuf.h>

#ifdef LEAT_POISON
#include <sanitizer/asan_interface.h>

// Open the whole buffer of one segment, if it is direct.
static inline void leat_pkt_unpoison_seg(struct rte_mbuf *seg)
{
	if (RTE_MBUF_DIRECT(seg))
		ASAN_UNPOISON_MEMORY_REGION(seg->buf_addr, seg->buf_len);
}

// Open the whole buffer of every direct segment. m is the caller's; NULL is ignored.
static inline void leat_pkt_unpoison(struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next)
		leat_pkt_unpoison_seg(m);
}

// Close everything outside the data of every direct segment. m is the caller's; NULL is
// ignored.
static inline void leat_pkt_poison(struct rte_mbuf *m)
{
	leat_pkt_unpoison(m);
	for (; m != NULL; m = m->next) {
		uint32_t end = (uint32_t)m->data_off + m->data_len;

		if (!RTE_MBUF_DIRECT(m))
			continue;
		ASAN_POISON_MEMORY_REGION(m->buf_addr, m->data_off);
		ASAN_POISON_MEMORY_REGION((char *)m->buf_addr + end, m->buf_len - end);
	}
}
#else
static inline void leat_pkt_unpoison_seg(struct rte_mbuf *seg)
{
	(void)seg;
}

static inline void leat_pkt_unpoison(struct rte_mbuf *m)
{
	(void)m;
}

static inline void leat_pkt_poison(struct rte_mbuf *m)
{
	(void)m;
}
#endif

#endif
