// SPDX-License-Identifier: BSD-3-Clause
// Removes what a killed leatd has left behind. Called by main.c.
#pragma once

// file: the configuration that leatd ran with. Returns the exit status.
int purge(const char *file);
