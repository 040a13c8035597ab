// SPDX-License-Identifier: BSD-3-Clause
// Leat's ephemeral ports in net.ipv4.ip_local_reserved_ports, so that the kernel binds nobody there
// by itself, and out of it again. Called by kni.c in the namespace of the TAPs.
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kni/kni_private.h"

#define PATH "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define PORTS 65536
#define TEXT (PORTS / 2 * 6 + 1) // every second port, with its comma

static bool has(const uint8_t *map, unsigned p)
{
	return map[p / 8] & 1u << p % 8;
}

static void set(uint8_t *map, unsigned p, bool on)
{
	if (on)
		map[p / 8] |= (uint8_t)(1u << p % 8);
	else
		map[p / 8] &= (uint8_t) ~(1u << p % 8);
}

// Read "1-5,8080" into a bitmap.
static int read_ports(uint8_t *map)
{
	FILE *f = fopen(PATH, "re");
	unsigned a, b;
	int c;

	memset(map, 0, LEAT_PORT_MAP);
	if (f == NULL)
		return -errno;
	while (fscanf(f, "%u", &a) == 1) {
		b = a;
		c = fgetc(f);
		if (c == '-') {
			if (fscanf(f, "%u", &b) != 1)
				break;
			c = fgetc(f);
		}
		for (; a <= b && a < PORTS; a++)
			set(map, a, true);
		if (c != ',')
			break;
	}
	fclose(f);
	return 0;
}

// The kernel takes the whole list in one write of at most a page, and replaces what it had.
static int write_ports(const uint8_t *map)
{
	char *text = malloc(TEXT);
	int fd, rc = 0;
	size_t len = 0;
	unsigned a, b;

	if (text == NULL)
		return -ENOMEM;
	text[0] = '\0';
	for (a = 0; a < PORTS; a = b + 1) {
		b = a;
		if (!has(map, a))
			continue;
		while (b + 1 < PORTS && has(map, b + 1))
			b++;
		len += (size_t)snprintf(text + len, TEXT - len, a == b ? "%s%u" : "%s%u-%u",
			len == 0 ? "" : ",", a, b);
	}
	len += (size_t)snprintf(text + len, TEXT - len, "\n");
	fd = open(PATH, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
	} else {
		ssize_t n = write(fd, text, len);

		if (n != (ssize_t)len)
			rc = n < 0 ? -errno : -E2BIG;
		close(fd);
	}
	free(text);
	return rc;
}

int leat_reserve_add(uint16_t first, uint16_t last, uint8_t *before)
{
	uint8_t map[LEAT_PORT_MAP];
	int rc = read_ports(before);

	if (rc != 0)
		return rc;
	memcpy(map, before, sizeof(map));
	for (unsigned p = first; p <= last; p++)
		set(map, p, true);
	return memcmp(map, before, sizeof(map)) == 0 ? 0 : write_ports(map);
}

int leat_reserve_remove(uint16_t first, uint16_t last, const uint8_t *before)
{
	uint8_t map[LEAT_PORT_MAP];
	int rc = read_ports(map);

	if (rc != 0)
		return rc;
	for (unsigned p = first; p <= last; p++)
		set(map, p, before != NULL && has(before, p));
	return write_ports(map);
}
