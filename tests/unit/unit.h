// SPDX-License-Identifier: BSD-3-Clause
// What every unit test shares. A test is a program of its own:
//
//	static const struct unit_case cases[] = {UNIT_CASE(fires_on_time), UNIT_CASE(wraps)};
//
//	int main(void)
//	{
//		return unit_eal_init() != 0 || UNIT_RUN("wheel", cases) != 0;
//	}
#ifndef LEAT_TESTS_UNIT_H
#define LEAT_TESTS_UNIT_H

#include <stddef.h>
#include <stdint.h>

#include <CUnit/CUnit.h>

struct unit_case {
	const char *name;
	void (*run)(void);
};

#define UNIT_CASE(function) \
	{ \
#function, function \
	}
#define UNIT_RUN(suite, cases) unit_run(suite, cases, sizeof(cases) / sizeof((cases)[0]))

// Run the cases in order; what fails, and CUnit's own summary, go to standard output.
// Returns 0 if every assertion held, else 1.
int unit_run(const char *suite, const struct unit_case *cases, size_t n);

// Start EAL on core 0 without huge pages or devices; at exit it is cleaned up and its run-time
// folder removed. Once a process. Returns 0 or -1.
int unit_eal_init(void);

// The next number of a reproducible random sequence. *state is any seed.
uint64_t unit_random(uint64_t *state);

#endif
