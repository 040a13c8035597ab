// SPDX-License-Identifier: BSD-3-Clause
// What differs between the DPDK versions that Leat compiles with (22.11 to 25.11). The only file
// that tests DPDK's version.
#pragma once

#include <rte_version.h>
#include <rte_common.h>
#include <rte_flow.h>

#if RTE_VERSION >= RTE_VERSION_NUM(24, 11, 0, 0)
#include <rte_ip6.h>
// An IPv6 address field of a header as bytes.
#define LEAT_IP6_BYTES(field) ((field).a)
#else
#include <rte_ip.h>
#define LEAT_IP6_BYTES(field) (field)
#endif
