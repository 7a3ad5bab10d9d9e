/* d2v-run VERB FOLDER [options]: runs a program folder made by `d2v compile`. Chooses the verb
 * and nothing else; holds no parser of specs and no compiler. Exit codes: 0 ok, 1 the user's
 * input, 2 usage, 3 the machine, 4 interrupted and saved, 5 stopped by the spec's condition. */
#include "runtime/run_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#ifdef __SSE2__
#include <xmmintrin.h>
#endif

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *does;
} verbs[] = {
	{"train", verb_train, "train: batches in, checkpoints, log and report out"},
	{"step", verb_step, "one step on given values, to compare with another implementation"},
	{"eval", verb_eval, "features of a run's checkpoint; k-NN and linear probe accuracy"},
	{"bench", verb_bench, "time of each kernel of a step on random inputs"},
};

static void
usage(FILE *to)
{
	fputs("usage: d2v-run VERB FOLDER [options]\n\nRuns the program folder FOLDER (made by "
	      "`d2v compile`).\n\n",
	      to);
	for (int i = 0; i < COUNT(verbs); i++)
		fprintf(to, "  %-6s %s\n", verbs[i].name, verbs[i].does);
	fprintf(to, "\n`d2v-run VERB --help` shows the options and examples of a verb.\n\n%s",
	        environment_help);
}

/* How many processes want a processor right now, this one among them; 0: not known. */
static int
processes_running(void)
{
	char  line[256];
	int   n = 0;
	FILE *f = fopen("/proc/stat", "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "procs_running %d", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* OpenMP threads wait awake for a while, then sleep. A step is hundreds of short loops, and to wake a
 * sleeping thread for each costs a tenth of the demonstration's step, a third where a virtual machine
 * wakes slowly; but threads that spin for long take the cores away from others: beside one busy process
 * on two cores, 4,000 turns (a fifth of a millisecond) cost 5 % of the step, 30,000 half of it. So threads
 * wait for as long as the library thinks best where nobody else computes as the process starts, and for
 * 4,000 turns where somebody does. The library reads its settings before main: they are set by starting
 * again. */
static void
wait_briefly(char **argv)
{
	enum { LOOKS = 5, APART_US = 2000 };
	int busy = 0;
	if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
		return;
	for (int i = 0; i < LOOKS; i++) {
		if (i > 0)
			usleep(APART_US);
		busy += processes_running() != 1;
	}
	setenv("GOMP_SPINCOUNT", busy > LOOKS / 2 ? "4000" : "300000", 1);
	execv("/proc/self/exe", argv);
}

/* Results below 1.2e-38 in f32 become 0, and operands count as 0: a processor takes a hundred clocks and more for
 * each, and once attention is sure of itself its gradient is full of them: that doubled the time of a step.
 * Threads begin as the one that makes them. */
static void
flush_subnormals(void)
{
#ifdef __SSE2__
	enum { FLUSH_RESULTS = 0x8000, ZERO_OPERANDS = 0x0040 };
	_mm_setcsr(_mm_getcsr() | FLUSH_RESULTS | ZERO_OPERANDS);
#endif
}

static int
run(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return EXIT_OK;
	}
	const char *names[COUNT(verbs)];
	for (int i = 0; i < COUNT(verbs); i++) {
		names[i] = verbs[i].name;
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 2, argv + 2);
	}
	const char *near = text_nearest(argv[1], names, COUNT(verbs));
	if (near)
		(void)user_error("usage", "no command `%s`; did you mean `%s`?", argv[1], near);
	else
		(void)user_error("usage", "no command `%s`", argv[1]);
	diag_hint("`d2v-run --help` shows the commands");
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	streams_open();
	wait_briefly(argv);
	flush_subnormals();
	/* Started again, the process would be "exe" to ps and pkill. */
	prctl(PR_SET_NAME, "d2v-run", 0, 0, 0);
	phase("program started");
	return streams_close(run(argc, argv));
}
