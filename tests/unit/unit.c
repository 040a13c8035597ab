// SPDX-License-Identifier: BSD-3-Clause
// The harness of the unit tests: CUnit in basic mode, and an EAL that leaves nothing behind.

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <CUnit/Basic.h>
#include <rte_common.h>
#include <rte_eal.h>

int unit_run(const char *suite, const struct unit_case *cases, size_t n)
{
	CU_pSuite s;
	int failed = 1;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	s = CU_add_suite(suite, NULL, NULL);
	for (size_t i = 0; s != NULL && i < n; i++) {
		if (CU_add_test(s, cases[i].name, cases[i].run) == NULL)
			s = NULL;
	}
	if (s != NULL) {
		CU_basic_set_mode(CU_BRM_NORMAL);
		failed = CU_basic_run_tests() != CUE_SUCCESS || CU_get_number_of_failures() != 0;
	}
	CU_cleanup_registry();
	return failed;
}

static void eal_exit(void)
{
	rte_eal_cleanup();
}

int unit_eal_init(void)
{
	const char *run = getenv("LEAT_TEST_RUN");
	char prefix[32];
	char *argv[] = {"unit", "-l", "0", "--no-huge", "--no-shconf", "--no-telemetry", "--no-pci",
		"-m", "256", "--log-level", "4", "--file-prefix", prefix, NULL};

	// tools/clean removes what a killed test of its run leaves by that name.
	snprintf(prefix, sizeof(prefix), "lt%.12s-%d", run != NULL ? run : "unit", (int)getpid());
	if (rte_eal_init((int)RTE_DIM(argv) - 1, argv) < 0)
		return -1;
	// Nothing is kept there with these options, and a test may die before its end, some on
	// purpose.
	rmdir(rte_eal_get_runtime_dir());
	return atexit(eal_exit) == 0 ? 0 : -1;
}

uint64_t unit_random(uint64_t *state)
{
	// SplitMix64
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}
