/* The machine's compiler at work: kernel files into objects, objects into one shared object, as
 * many processes at a time as there are cores. Most kernels are short, and starting the compiler
 * and reading what they include costs as much as compiling them, so files share runs: the kernels
 * of ViT-B take 2.7 s of processor time in place of 4.6. A run of many that fails is taken apart
 * and its files are compiled alone, which tells whose fault it was. Refuses source that does not
 * compile, with the compiler's words. */
#include "runtime/device_cpu_build.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Runs per core: enough that cores are done at about the same time. */
enum { RUNS = 4, MOST_CORES = 64 };

/* One process. */
typedef struct {
	char      **argv;
	const char *said;  /* the file that takes its output */
	int         error; /* why it did not start */
	bool        well;
} Job;

/* Some files in one run of the compiler. */
typedef struct {
	Vec(const Source *) file;
	size_t      bytes;
	const char *object;
} Run;

/* ---- processes ------------------------------------------------------------------------------ */

static void
job_run(Job *j)
{
	posix_spawn_file_actions_t fa;
	pid_t                      pid;
	int                        status;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, j->said, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	posix_spawn_file_actions_adddup2(&fa, 1, 2);
	j->error = posix_spawnp(&pid, j->argv[0], &fa, NULL, j->argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (j->error)
		return;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return;
	j->well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

typedef struct {
	Job *job;
	int  n, next;
} Queue;

static void *
work(void *arg)
{
	Queue *q = arg;
	int    i;
	while ((i = __atomic_fetch_add(&q->next, 1, __ATOMIC_RELAXED)) < q->n)
		job_run(&q->job[i]);
	return NULL;
}

static int
cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > MOST_CORES ? MOST_CORES : (int)n;
}

/* One thread per core waits for one process at a time; a thread that cannot be had is missed by
 * nobody, this one works too. */
static void
jobs_run(Job *job, int n)
{
	Queue     q = {.job = job, .n = n};
	pthread_t thread[MOST_CORES];
	int       started = 0, width = cores() < n ? cores() : n;
	while (started + 1 < width && pthread_create(&thread[started], NULL, work, &q) == 0)
		started++;
	work(&q);
	for (int i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
}

static Status
job_check(const Build *b, const Job *j, const char *what)
{
	char  *text = NULL;
	size_t n;
	if (j->error)
		return world_error(
			"compiler-missing",
			"cannot start the %s compiler `%s` (%s); kernels are compiled on "
			"this machine: install "
			"a %s compiler or name one with %s",
			b->tool->language, b->cc, strerror(j->error), b->tool->language,
			b->tool->cc_from);
	if (j->well)
		return OK;
	TRY(file_read(j->said, &text, &n));
	Status s = world_error("kernel-compile", "`%s` failed on %s:\n%.3000s", b->cc, what,
	                       n ? text : "(it said nothing)");
	free(text);
	return s;
}

/* ---- the compiler --------------------------------------------------------------------------- */

Status
compiler_open(Build *b)
{
	const char *cc = getenv(b->tool->cc_from), *given = getenv(b->tool->flags_from);
	char       *rest = arena_strdup(b->a, given ? given : ""), *word;
	b->cc = cc && *cc ? arena_strdup(b->a, cc) : b->tool->cc;
	while ((word = strsep(&rest, " "))) {
		if (*word == 0)
			continue;
		if (b->nextra == MOST_EXTRA)
			return user_error("compiler-flags", "%s holds more than %d words",
			                  b->tool->flags_from, MOST_EXTRA);
		b->extra[b->nextra++] = word;
	}
	return OK;
}

Status
compiler_describe(const Build *b, Text *t)
{
	char   said[] = "/tmp/d2v-cc-XXXXXX";
	int    fd = mkstemp(said);
	char  *argv[] = {(char *)b->cc, "--version", NULL}, *text = NULL;
	Job    job = {.argv = argv, .said = said};
	size_t n;
	for (int i = 0; i < b->tool->nflag; i++)
		text_printf(t, "%s ", b->tool->flag[i]);
	for (int i = 0; i < b->tool->nunlinked; i++)
		text_printf(t, "%s ", b->tool->unlinked[i]);
	for (int i = 0; i < b->nextra; i++)
		text_printf(t, "%s ", b->extra[i]);
	text_printf(t, "\n%s\n", b->cc);
	if (fd < 0)
		return world_error("temporary-file", "cannot make a file in /tmp: %s",
		                   strerror(errno));
	close(fd);
	job_run(&job);
	Status s = job_check(b, &job, "--version");
	if (s == OK)
		s = file_read(said, &text, &n);
	if (s == OK)
		text_append(t, text, n);
	free(text);
	unlink(said);
	return s;
}

/* ---- runs ----------------------------------------------------------------------------------- */

static int
larger_first(const void *a, const void *b)
{
	const Source *x = *(Source *const *)a, *y = *(Source *const *)b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* Files that share go one by one, the largest first, to the run that has least to do. The rest are
 * runs of their own, and as they are the longest kernels, they come first. */
static int
runs_make(const Build *b, Run *run)
{
	const Source **file = arena_new_array(b->a, const Source *, b->nsource + 1);
	int            nrun = 0, nshare = 0, first;
	for (int i = 0; i < b->nsource; i++)
		file[i] = &b->source[i];
	qsort(file, (size_t)b->nsource, sizeof *file, larger_first);
	for (int i = 0; i < b->nsource; i++)
		if (file[i]->shares) {
			nshare++;
		} else {
			vec_push(b->a, &run[nrun].file, file[i]);
			nrun++;
		}
	first = nrun;
	nrun += nshare < RUNS * cores() ? nshare : RUNS * cores();
	for (int i = 0; i < b->nsource; i++) {
		Run *least = &run[first];
		if (!file[i]->shares)
			continue;
		for (Run *r = least; r < run + nrun; r++)
			if (r->bytes < least->bytes)
				least = r;
		vec_push(b->a, &least->file, file[i]);
		least->bytes += file[i]->bytes;
	}
	return nrun;
}

static Status
text_write(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");
	bool  whole = f != NULL && fwrite(text, 1, n, f) == n;
	if (f && fclose(f) == 0 && whole)
		return OK;
	return world_error("cache", "cannot write %s: %s", path, strerror(errno));
}

/* The file that a run compiles: its only one as it is, or one that includes them all. */
static Status
run_source(const Build *b, const Run *r, const char *name, const char **path)
{
	const Toolchain *tool = b->tool;
	*path = r->file.at[0]->path;
	if (r->file.n == 1 && tool->first == NULL && tool->behind == NULL)
		return OK;
	Text t = {0};
	if (tool->first)
		text_printf(&t, "#include \"%s\"\n", tool->first);
	for (int i = 0; i < r->file.n; i++)
		text_printf(&t, "#include \"%s\"\n%s", r->file.at[i]->name,
		            r->file.at[i]->behind ? r->file.at[i]->behind : "");
	*path = arena_printf(b->a, "%s/%s%s", b->folder, name, tool->suffix);
	Status s = text_write(*path, t.at, t.n);
	text_free(&t);
	return s;
}

static Status
run_prepare(const Build *b, Run *r, const char *name, Job *j)
{
	const char *path;
	int         n = 0;
	TRY(run_source(b, r, name, &path));
	j->argv = arena_new_array(b->a, char *,
	                          b->tool->nflag + b->tool->nunlinked + MOST_EXTRA + 12);
	j->argv[n++] = (char *)b->cc;
	for (int k = 0; k < b->tool->nflag; k++)
		j->argv[n++] = (char *)b->tool->flag[k];
	for (int k = 0; k < b->tool->nunlinked; k++)
		j->argv[n++] = (char *)b->tool->unlinked[k];
	for (int k = 0; k < b->nextra; k++)
		j->argv[n++] = b->extra[k];
	j->argv[n++] = "-iquote";
	j->argv[n++] = (char *)b->kernels;
	j->argv[n++] = "-iquote";
	j->argv[n++] = (char *)b->folder;
	j->argv[n++] = "-c";
	j->argv[n++] = (char *)path;
	j->argv[n++] = "-o";
	j->argv[n++] = (char *)(r->object = arena_printf(b->a, "%s/%s.o", b->folder, name));
	j->said = arena_printf(b->a, "%s/%s.said", b->folder, name);
	return OK;
}

/* Compile the runs; those of several files that failed are in `failed` afterwards. */
static Status
runs_compile(const Build *b, Run *run, int n, const char *prefix, Run **failed, int *nfailed)
{
	Job *job = arena_new_array(b->a, Job, n + 1);
	*failed = arena_new_array(b->a, Run, b->nsource + 1);
	*nfailed = 0;
	for (int i = 0; i < n; i++)
		TRY(run_prepare(b, &run[i], arena_printf(b->a, "%s%d", prefix, i), &job[i]));
	jobs_run(job, n);
	for (int i = 0; i < n; i++) {
		if (job[i].well || job[i].error || run[i].file.n == 1) {
			TRY(job_check(b, &job[i], run[i].file.at[0]->path));
			continue;
		}
		run[i].object = NULL;
		for (int k = 0; k < run[i].file.n; k++, (*nfailed)++)
			vec_push(b->a, &(*failed)[*nfailed].file, run[i].file.at[k]);
	}
	return OK;
}

static int
link_objects(const Run *run, int n, char **argv)
{
	int k = 0;
	for (int i = 0; i < n; i++)
		if (run[i].object)
			argv[k++] = (char *)run[i].object;
	return k;
}

Status
compile(const Build *b, const char *made)
{
	Run *run = arena_new_array(b->a, Run, b->nsource + 1), *alone, *none;
	int  nrun = runs_make(b, run), nalone, nnone;
	if (b->tool->first)
		TRY(text_write(arena_printf(b->a, "%s/%s", b->folder, b->tool->first),
		               b->tool->first_text, strlen(b->tool->first_text)));
	TRY(runs_compile(b, run, nrun, "", &alone, &nalone));
	TRY(runs_compile(b, alone, nalone, "alone", &none, &nnone));
	char **argv = arena_new_array(b->a, char *, 2 * b->nsource + b->tool->nflag + 16);
	int    n = 0;
	argv[n++] = (char *)b->cc;
	argv[n++] = "-shared";
	for (int i = 0; i < b->tool->nflag; i++)
		argv[n++] = (char *)b->tool->flag[i];
	argv[n++] = "-o";
	argv[n++] = (char *)made;
	n += link_objects(run, nrun, argv + n);
	n += link_objects(alone, nalone, argv + n);
	argv[n++] = "-lm";
	Job link = {.argv = argv, .said = arena_printf(b->a, "%s/link.said", b->folder)};
	job_run(&link);
	return job_check(b, &link, "the link of all kernels");
}
