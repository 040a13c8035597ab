// SPDX-License-Identifier: BSD-3-Clause
// TCP options, read and written: MSS (RFC 9293, 3.7.1), window scale and timestamps (RFC 7323).
// Called by tcp_input.c and by what builds segments.
#include <string.h>
#include <rte_byteorder.h>

#include "transport/tcp_private.h"

#define OPT_END 0
#define OPT_NOP 1
#define OPT_MSS 2
#define OPT_WSCALE 3
#define OPT_TS 8

static uint32_t read32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_32(v);
}

static void write32(uint8_t *p, uint32_t v)
{
	v = rte_cpu_to_be_32(v);
	memcpy(p, &v, sizeof(v));
}

// One option whose n bytes are all there. A length that is not the option's own makes it unknown.
static void parse_one(const uint8_t *opt, uint8_t n, struct leat_tcp_seg *seg)
{
	bool syn = seg->flags & TH_SYN;

	if (opt[0] == OPT_MSS && n == 4 && syn) {
		seg->mss = (uint16_t)(opt[2] << 8 | opt[3]);
	} else if (opt[0] == OPT_WSCALE && n == 3 && syn) {
		seg->has_wscale = true;
		seg->wscale = RTE_MIN(opt[2], TCP_WSCALE_MAX); // RFC 7323, 2.3
	} else if (opt[0] == OPT_TS && n == 10) {
		seg->has_ts = true;
		seg->tsval = read32(opt + 2);
		seg->tsecr = read32(opt + 6);
	}
}

void leat_tcp_options_parse(const uint8_t *opt, uint32_t len, struct leat_tcp_seg *seg)
{
	for (uint32_t i = 0; i < len;) {
		uint8_t n;

		if (opt[i] == OPT_END)
			return;
		if (opt[i] == OPT_NOP) {
			i++;
			continue;
		}
		// An illegal length ends the options (RFC 9293, 3.1, MUST-7).
		if (i + 1 >= len)
			return;
		n = opt[i + 1];
		if (n < 2 || i + n > len)
			return;
		parse_one(opt + i, n, seg);
		i += n;
	}
}

uint16_t leat_tcp_options_write(uint8_t *to, const struct leat_tcp_options *o)
{
	uint8_t *p = to;

	if (o->mss != 0) {
		*p++ = OPT_MSS;
		*p++ = 4;
		*p++ = (uint8_t)(o->mss >> 8);
		*p++ = (uint8_t)o->mss;
	}
	if (o->ts) { // RFC 7323, appendix A: aligned so
		*p++ = OPT_NOP;
		*p++ = OPT_NOP;
		*p++ = OPT_TS;
		*p++ = 10;
		write32(p, o->tsval);
		write32(p + 4, o->tsecr);
		p += 8;
	}
	if (o->ws) {
		*p++ = OPT_NOP;
		*p++ = OPT_WSCALE;
		*p++ = 3;
		*p++ = o->wscale;
	}
	return (uint16_t)(p - to);
}
