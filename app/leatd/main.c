// SPDX-License-Identifier: BSD-3-Clause
// leatd: the daemon's options. See docs/configuration.md.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/leatd/daemon.h"

enum { OPT_CHECK = 256, OPT_BYPASS };

struct options {
	const char *file;
	bool check, bypass;
};

static void usage(FILE *to)
{
	fputs("usage: leatd -c FILE [--check | --bypass]\n"
	      "  -c, --config FILE  configuration\n"
	      "      --check        look whether the configuration is right, and end\n"
	      "      --bypass       the exception path alone: the kernel owns every packet\n"
	      "  -h, --help         this text\n"
	      "  -V, --version      the version\n",
		to);
}

// Returns -1 to go on, else the exit status.
static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, OPT_CHECK},
		{"bypass", no_argument, NULL, OPT_BYPASS},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:hV", names, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->file = optarg;
			break;
		case OPT_CHECK:
			o->check = true;
			break;
		case OPT_BYPASS:
			o->bypass = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("leatd " LEAT_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc && o->file != NULL)
		return -1;
	usage(stderr);
	return 2;
}

static int run(const struct leatd_conf *conf, bool bypass)
{
	struct leatd *d = calloc(1, sizeof(*d));
	char err[LEATD_ERR] = "";
	int rc = -1;

	if (d == NULL)
		return EXIT_FAILURE;
	d->conf = conf;
	d->bypass = bypass;
	// First of all, so that every thread that is made later has them blocked.
	if (leatd_block_signals() != 0)
		goto out;
	rc = leatd_start(d, err);
	if (rc != 0) {
		fprintf(stderr, "leatd: %s\n", err);
		goto out;
	}
	rc = leatd_loop(d);
	if (rc != 0)
		fprintf(stderr, "leatd: %s\n", strerror(-rc));
	leatd_stop(d);
out:
	free(d);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct leatd_conf *conf;
	int rc = read_options(argc, argv, &o);

	if (rc >= 0)
		return rc;
	conf = calloc(1, sizeof(*conf));
	if (conf == NULL)
		return EXIT_FAILURE;
	if (leatd_conf_load(o.file, conf, stderr) != 0)
		rc = EXIT_FAILURE;
	else if (o.check)
		rc = EXIT_SUCCESS;
	else
		rc = run(conf, o.bypass);
	free(conf);
	return rc;
}
