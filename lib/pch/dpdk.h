// SPDX-License-Identifier: BSD-3-Clause
// DPDK's larger headers, compiled once: they take two thirds of the build. No part of any file's
// meaning: each includes what it uses, and the builds by clang and with sanitizers do without this.
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_hash.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
