/* random-graphs: random graphs through every pass, code generation and a device, for as long as one
 * likes. The unit tests `random` and `random_device` do the same for as long as `make check` may
 * take. Each failure is shrunk, and printed as a golden test. */
#include "tests/support/random_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"random-graphs: makes random graphs and checks that every pass keeps what they compute\n"
	"\n"
	"usage: random-graphs [--count N] [--first SEED] [--seconds S] [--device NAME] [--jobs N]\n"
	"\n"
	"  --count N      so many graphs (default 2000; 0: until the seconds are over)\n"
	"  --first SEED   the first seed (default 0); a graph is a function of its seed\n"
	"  --seconds S    stop after so long (default 0: when all are done)\n"
	"  --device NAME  none (default): passes, code generation and its proof; cpu or emulate: "
	"run the\n"
	"                 programs, too, and compare what they leave with the oracle\n"
	"  --jobs N       processes (default: one for each core)\n"
	"  --ops          also print how many nodes of each op there were\n"
	"\n"
	"A graph that fails is made as small as can be and printed as the text of a golden test, "
	"with\n"
	"its seed and the pass. Exit status 1 when there was one.\n"
	"\n"
	"examples:\n"
	"  build/random-graphs --count 100\n"
	"  build/random-graphs --first 5000 --count 0 --seconds 3600 --device emulate --jobs 2\n";

static int
usage(const char *what)
{
	fprintf(stderr, "random-graphs: error: %s\n  random-graphs --help shows the options\n",
	        what);
	return EXIT_USAGE;
}

/* The number behind an option; false: there is none. */
static bool
number(const char *text, double *out)
{
	char *end;

	errno = 0;
	*out = text ? strtod(text, &end) : 0;
	return text && *text && *end == '\0' && errno == 0 && *out >= 0;
}

int
main(int argc, char **argv)
{
	RunOptions o = {
		.count = 2000, .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN), .progress = true};
	RunResult r;
	Text      golden = {0};
	bool      ops = false;
	double    x;

	for (int i = 1; i < argc; i++) {
		const char *name = argv[i],
			   *value = strchr(name, '=') ? strchr(name, '=') + 1 : argv[i + 1];
		size_t n = strcspn(name, "=");

		if (strcmp(name, "--help") == 0) {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (strcmp(name, "--ops") == 0) {
			ops = true;
			continue;
		}
		i += name[n] != '=';
		if (n == 8 && strncmp(name, "--device", n) == 0) {
			if (!value || (strcmp(value, "none") && strcmp(value, "cpu") &&
			               strcmp(value, "emulate")))
				return usage("--device wants none, cpu or emulate");
			o.device = strcmp(value, "none") ? value : NULL;
			continue;
		}
		if (!number(value, &x))
			return usage("an option is unknown, or its number is missing");
		if (n == 7 && strncmp(name, "--count", n) == 0)
			o.count = (int64_t)x;
		else if (n == 7 && strncmp(name, "--first", n) == 0)
			o.first = (uint64_t)x;
		else if (n == 9 && strncmp(name, "--seconds", n) == 0)
			o.seconds = x;
		else if (n == 6 && strncmp(name, "--jobs", n) == 0 && x >= 1 && x <= 64)
			o.jobs = (int)x;
		else
			return usage("an option is unknown, or its number out of range");
	}
	if (o.count == 0 && o.seconds == 0)
		return usage("--count 0 needs --seconds");
	o.progress = isatty(2);
	if (random_run(&o, &r, &golden) != OK)
		return EXIT_WORLD;
	if (golden.n)
		fputs(golden.at, stdout);
	for (int k = 0; ops && k < OP_COUNT; k++)
		printf("%-12s %9d %9d\n", op_info[k].name, r.ops[0][k], r.ops[1][k]);
	printf("%lld graphs from seed %llu, device %s: %lld failed, %lld refused (a parameter "
	       "without gradient)\n",
	       (long long)r.done, (unsigned long long)o.first, o.device ? o.device : "none",
	       (long long)r.failed, (long long)r.refused);
	text_free(&golden);
	return r.failed ? 1 : EXIT_OK;
}
