// SPDX-License-Identifier: BSD-3-Clause
// Names and texts of the drop reasons, for leatctl and tests.
#include "core/drop.h"

static const char *const names[LEAT_DROP_MAX] = {
#define X(name, text) #name,
	LEAT_DROPS(X)
#undef X
};

static const char *const texts[LEAT_DROP_MAX] = {
#define X(name, text) text,
	LEAT_DROPS(X)
#undef X
};

const char *leat_drop_name(enum leat_drop reason)
{
	return (unsigned)reason < LEAT_DROP_MAX ? names[reason] : "?";
}

const char *leat_drop_text(enum leat_drop reason)
{
	return (unsigned)reason < LEAT_DROP_MAX ? texts[reason] : "?";
}
