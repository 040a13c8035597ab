// SPDX-License-Identifier: BSD-3-Clause
// leatctl: asks leatd over its control socket, or clears up after one that was killed. See
// docs/configuration.md.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/leatctl/client.h"
#include "app/leatctl/purge.h"
#include "app/leatctl/table.h"

#define DEFAULT_SOCKET "/run/leat/leat0.sock"

struct options {
	const char *socket, *file;
	bool json, all;
};

static void usage(FILE *to)
{
	fputs("usage: leatctl [-s SOCKET] [-j] [-a] show WHAT\n"
	      "       leatctl purge -c FILE\n"
	      "  WHAT: ports | stages | drops | packets | sockets | tcp | neigh | routes | claims "
	      "| punt |\n"
	      "        memory | numa\n"
	      "  -s, --socket SOCKET  leatd's control socket (else LEAT_SOCK, else " DEFAULT_SOCKET
	      ")\n"
	      "  -j, --json           the answer as JSON\n"
	      "  -a, --all            show drops: also reasons that have not occurred\n"
	      "  -c, --config FILE    purge: remove what a killed leatd with this configuration "
	      "has left\n"
	      "  -h, --help           this text\n",
		to);
}

static int show(const struct options *o, const char *what)
{
	json_t *result = client_show(o->socket, what, o->all);

	if (result == NULL)
		return EXIT_FAILURE;
	if (o->json) {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
	} else {
		table_print(result, stdout);
	}
	json_decref(result);
	if (fflush(stdout) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "leatctl: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

// Returns -1 to go on, else the exit status.
static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{"socket", required_argument, NULL, 's'},
		{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"all", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "s:c:jah", names, NULL)) != -1) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'c':
			o->file = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'a':
			o->all = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return 2;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	const char *env = getenv("LEAT_SOCK");
	struct options o = {.socket = env != NULL && env[0] != '\0' ? env : DEFAULT_SOCKET};
	int rc = read_options(argc, argv, &o);
	int words = argc - optind;

	if (rc >= 0)
		return rc;
	if (words == 2 && strcmp(argv[optind], "show") == 0 && o.file == NULL)
		return show(&o, argv[optind + 1]);
	if (words == 1 && strcmp(argv[optind], "purge") == 0 && o.file != NULL)
		return purge(o.file);
	usage(stderr);
	return 2;
}
