/* random_run: see the header. Each worker is a process that takes every jobs-th seed (with a
 * device: batch of seeds); what it counts lies in memory that all share, what it finds in a file
 * that all append to. */
#include "tests/support/random_run.h"

#include "tests/support/pipeline.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_JOBS = 64, MOST_SHOWN = 5, BATCH_SECONDS = 300 };

typedef struct {
	const RunOptions *o;
	RunResult        *mine; /* of this worker, shared with the parent */
	FILE             *found;
	double            until; /* 0: no end */
	char              folder[64];
} Worker;

static double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *
shared_memory(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		BUG("no shared memory");
	return p;
}

static void
one_seed(Worker *w, uint64_t seed, const char *device)
{
	Checked c = {.seed = seed, .device = device, .folder = w->folder, .ops = w->mine->ops[0]};
	Text    golden = {0};
	int     nodes;
	Verdict v = check_seed(&c, &golden, &nodes);

	w->mine->refused += v.check == CHECK_refused;
	if (v.check == CHECK_refused || v.check == CHECK_fine)
		return;
	w->mine->failed++;
	if (w->mine->failed <= MOST_SHOWN) {
		fwrite(golden.at, 1, golden.n, w->found);
		fputc('\n', w->found);
		fflush(w->found);
	}
	text_free(&golden);
}

/* ---- several graphs in one program ---------------------------------------------------------- */

enum { GOOD = 1, REFUSED, BAD };

/* Runs in a process of its own: good[i] is 0 for what was not reached. */
static void
batch_here(Worker *w, uint64_t first, int n, char *good)
{
	Arena        *a = arena_new();
	FILE         *nowhere = fopen("/dev/null", "w");
	PipelineItem *item = arena_new_array(a, PipelineItem, n);
	int          *which = arena_new_array(a, int, n), m = 0;

	diag_sink(nowhere);
	for (int i = 0; i < n; i++) {
		Graph *g = checked_graph(a, first + (uint64_t)i), *updated = graph_copy(a, g);
		Feed  *feed;

		if (pass_run(updated, "autodiff,update", NULL, NULL) != OK) {
			good[i] = REFUSED;
			continue;
		}
		feed = random_feed(a, updated, first + (uint64_t)i, &item[m].nfeed);
		item[m].g = g;
		item[m].feed = feed;
		which[m++] = i;
	}
	if (pipeline_check_many(a, item, m, w->o->device, w->folder) == OK)
		for (int i = 0; i < m; i++)
			good[which[i]] = item[i].status == OK && item[i].result.worst <=
			                                                 item[i].result.allowed
			                         ? GOOD
			                         : BAD;
}

static void
one_batch(Worker *w, uint64_t first, int n)
{
	char *good = shared_memory((size_t)n);
	pid_t child;
	int   status;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		alarm(BATCH_SECONDS);
		batch_here(w, first, n, good);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		BUG("fork failed");
	for (int i = 0; i < n; i++) {
		w->mine->done++;
		w->mine->refused += good[i] == REFUSED;
		if (good[i] != GOOD && good[i] != REFUSED)
			one_seed(w, first + (uint64_t)i, w->o->device);
	}
	munmap(good, (size_t)n);
}

/* ---- workers -------------------------------------------------------------------------------- */

static void
work(Worker *w, int which)
{
	const RunOptions *o = w->o;
	int64_t           unit = o->device ? RANDOM_BATCH : 1;
	char              command[128];

	/* of small programs, starting the compiler is most of the work: one file after the other */
	if (o->device) {
		strcpy(w->folder, "/tmp/d2v-random-XXXXXX");
		if (!mkdtemp(w->folder))
			BUG("no folder in /tmp");
	}
	for (int64_t at = which * unit;
	     (o->count == 0 || at < o->count) && (w->until == 0 || seconds_now() < w->until);
	     at += unit * o->jobs) {
		int64_t n = o->count && o->count - at < unit ? o->count - at : unit;

		if (o->device) {
			one_batch(w, o->first + (uint64_t)at, (int)n);
			snprintf(command, sizeof command, "rm -rf '%s'/*", w->folder);
			if (system(command) != 0)
				BUG("cannot empty %s", w->folder);
			continue;
		}
		one_seed(w, o->first + (uint64_t)at, NULL);
		w->mine->done++;
	}
	if (o->device)
		rmdir(w->folder);
}

static void
add_up(const RunResult *slot, int n, RunResult *out)
{
	*out = (RunResult){0};
	for (int i = 0; i < n; i++) {
		out->done += slot[i].done;
		out->refused += slot[i].refused;
		out->failed += slot[i].failed;
		for (int k = 0; k < 2 * OP_COUNT; k++)
			out->ops[k / OP_COUNT][k % OP_COUNT] +=
				slot[i].ops[k / OP_COUNT][k % OP_COUNT];
	}
}

static void
show(const RunOptions *o, const RunResult *slot, double start, bool last)
{
	RunResult r;
	double    s = seconds_now() - start;

	add_up(slot, o->jobs, &r);
	fprintf(stderr, "\r%lld graphs, %lld failed, %.0f s, %.1f a second%s", (long long)r.done,
	        (long long)r.failed, s, (double)r.done / (s > 0 ? s : 1), last ? "\n" : "   ");
}

Status
random_run(const RunOptions *o, RunResult *out, Text *golden)
{
	RunResult *slot = shared_memory(sizeof *slot * MOST_JOBS);
	FILE      *found = tmpfile();
	double     start = seconds_now();
	pid_t      child[MOST_JOBS];
	int        status, left = o->jobs;
	char       part[4096];
	size_t     n;

	if (o->jobs < 1 || o->jobs > MOST_JOBS)
		BUG("%d jobs", o->jobs);
	if (!found)
		return world_error("file", "cannot make a temporary file");
	setvbuf(found, NULL, _IOFBF, 1 << 20);
	fflush(NULL);
	for (int i = 0; i < o->jobs; i++) {
		Worker w = {.o = o,
		            .mine = &slot[i],
		            .found = found,
		            .until = o->seconds > 0 ? start + o->seconds : 0};

		child[i] = fork();
		if (child[i] < 0)
			BUG("fork failed");
		if (child[i] == 0) {
			work(&w, i);
			fflush(found);
			_exit(0);
		}
	}
	while (left > 0)
		for (int i = 0; i < o->jobs; i++) {
			struct timespec nap = {0, 20000000};

			if (child[i] && waitpid(child[i], &status, WNOHANG) == child[i]) {
				child[i] = 0;
				left--;
				if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
					/* the check itself is broken: no graph to show */
					slot[i].failed++;
			}
			nanosleep(&nap, NULL);
			if (o->progress)
				show(o, slot, start, false);
		}
	if (o->progress)
		show(o, slot, start, true);
	add_up(slot, o->jobs, out);
	rewind(found);
	while ((n = fread(part, 1, sizeof part, found)) > 0)
		text_append(golden, part, n);
	fclose(found);
	munmap(slot, sizeof *slot * MOST_JOBS);
	return OK;
}
