// SPDX-License-Identifier: BSD-3-Clause
// DPDK's environment, started from the configuration and taken down without a trace.
#pragma once

#include <stddef.h>

#include "app/leatd/config.h"

// EAL lcore ids: main is 0 on the housekeeping CPU, worker i is i + 1, so that both may be on one
// CPU.
#define LEATD_LCORE_MAIN 0
#define LEATD_LCORE(i) ((i) + 1)

// 0, or -errno with a text in err. Once in a process.
int leatd_eal_init(const struct leatd_conf *conf, char *err, size_t err_len);
void leatd_eal_fini(const char *name);
// Remove the run directory that EAL leaves behind. 0 (also when there is none) or -errno.
int leatd_eal_purge(const char *name);
