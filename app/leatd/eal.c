// SPDX-License-Identifier: BSD-3-Clause
// EAL's arguments and its run directory. Called by start.c; purge by leatctl too.
#include "app/leatd/eal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>

#define MAX_ARGS 48

struct args {
	int n;
	char *v[MAX_ARGS];
	char lcores[LEATD_MAX_WORKERS * 12 + 16];
	char megabytes[16];
};

static void add(struct args *a, const char *arg)
{
	a->v[a->n++] = (char *)(uintptr_t)arg; // EAL permutes the array and leaves the texts alone
}

static void add_lcores(struct args *a, const struct leatd_conf *conf)
{
	size_t size = sizeof(a->lcores);
	int n = snprintf(a->lcores, size, "%d@%" PRIu32, LEATD_LCORE_MAIN, conf->housekeeping.cpu);

	for (uint32_t i = 0; i < conf->workers.n_cpus; i++)
		n += snprintf(a->lcores + n, size - (size_t)n, ",%" PRIu32 "@%" PRIu32,
			LEATD_LCORE(i), conf->workers.cpus[i]);
	add(a, "--lcores");
	add(a, a->lcores);
	add(a, "--main-lcore");
	add(a, RTE_STR(LEATD_LCORE_MAIN));
}

// [domain:]bus:device.function
static bool is_pci(const char *device)
{
	unsigned a, b, c, d;
	int end = 0;

	if (sscanf(device, "%x:%x:%x.%x%n", &a, &b, &c, &d, &end) < 4 &&
		sscanf(device, "%x:%x.%x%n", &a, &b, &c, &end) < 3)
		return false;
	return device[end] == '\0' || device[end] == ',';
}

static void add_devices(struct args *a, const struct leatd_conf *conf)
{
	int before = a->n;

	for (uint32_t i = 0; i < conf->n_ports; i++) {
		if (!is_pci(conf->ports[i].device))
			continue;
		add(a, "-a");
		add(a, conf->ports[i].device);
	}
	if (a->n == before)
		add(a, "--no-pci");
}

static void add_memory(struct args *a, const struct leatd_conf *conf)
{
	snprintf(a->megabytes, sizeof(a->megabytes), "%" PRIu32, conf->memory.megabytes);
	add(a, "-m");
	add(a, a->megabytes);
	if (conf->memory.hugepages) {
		add(a, "--in-memory"); // pages without files: none is left after a SIGKILL
	} else {
		add(a, "--no-huge");
		add(a, "--no-shconf");
	}
}

int leatd_eal_init(const struct leatd_conf *conf, char *err, size_t err_len)
{
	struct args a = {0};

	add(&a, "leatd");
	add(&a, "--file-prefix");
	add(&a, conf->stack.name);
	add(&a, "--no-telemetry");
	add(&a, "--log-level");
	add(&a, "error");
	add_lcores(&a, conf);
	add_memory(&a, conf);
	add_devices(&a, conf);
	if (rte_eal_init(a.n, a.v) >= 0)
		return 0;
	snprintf(err, err_len, "DPDK does not start: %s", rte_strerror(rte_errno));
	leatd_eal_purge(conf->stack.name);
	return -EINVAL;
}

void leatd_eal_fini(const char *name)
{
	rte_eal_cleanup();
	leatd_eal_purge(name);
}

int leatd_eal_purge(const char *name)
{
	char path[64];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/var/run/dpdk/%s", name);
	dir = opendir(path);
	if (dir == NULL)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
	if (rmdir(path) != 0)
		return -errno;
	rmdir("/var/run/dpdk"); // fails while others have theirs there
	return 0;
}
