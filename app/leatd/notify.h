// SPDX-License-Identifier: BSD-3-Clause
// Tells a service manager how things stand: the sd_notify protocol, datagrams to the socket named
// in NOTIFY_SOCKET.
#pragma once

// Send lines such as "READY=1\nSTATUS=up". 0 when sent or when nobody wants to know, else -errno.
int leatd_notify(const char *state);
