/* The verb train: batches from the data, one run of entry "train" per batch, a log line per step,
 * checkpoints.
 *
 * RUN holds: program/ (a copy of the program, so that the run can be evaluated and resumed
 * without the spec), run.txt (what the run was started with), log.jsonl and events, checkpoints,
 * report.html. Batch s depends on (seed, s) alone and everything else is in the checkpoint, so a
 * resumed run gives the bits of an uninterrupted one. Refuses to start into a folder that already
 * holds a run, and to resume with another seed, length or data set. */
#include "runtime/profile.h"
#include "runtime/run_private.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
	"usage: d2v-run train FOLDER --data NAME=PATH --out RUN [options]\n"
	"\n"
	"Trains the program in FOLDER and writes checkpoints, log.jsonl, TensorBoard events and "
	"report.html to RUN.\n"
	"\n"
	"  --data NAME=PATH  the data source the spec calls NAME: an IDX file, a folder of IDX "
	"files or of class folders\n"
	"  --out RUN         the folder of the run; must not hold a run unless --resume is given\n"
	"  --steps N         length of the run in steps, schedules included (default: what the "
	"spec says)\n"
	"  --until N         save and end after step N without changing the length or the "
	"schedules\n"
	"  --resume          go on from the newest checkpoint in RUN\n"
	"  --seed N          seed of initial values, order, augmentation, masks and dropout "
	"(default: the spec's)\n"
	"  --threads N       threads of the device (default: all cores)\n"
	"  --workers N       threads that decode images (default: chosen by the number of cores)\n"
	"  --device NAME     device (default: the one the program was compiled for)\n"
	"  --cache DIR       where compiled kernels are kept (default: $D2V_CACHE, "
	"$XDG_CACHE_HOME/d2v or ~/.cache/d2v)\n"
	"  --profile         measure every kernel: at the end a table beside what it should take, "
        "and RUN/profile.json\n"
	"  --quiet           no progress\n"
	"\n"
	"examples:\n"
	"  d2v-run train generated/tiny-cpu --data train=/usr/share/datasets/fashion-mnist --out "
	"runs/a --steps 200\n"
	"  d2v-run train runs/a/program --data train=/usr/share/datasets/fashion-mnist --out "
	"runs/a --resume\n"
	"\n"
	"SIGINT or SIGTERM: the step is finished, the run saved, and the exit code is 4.\n";

typedef struct {
	const char *folder, *data, *out, *steps, *until, *seed, *threads, *workers, *device, *cache;
	bool        resume, profile, quiet;
} Options;

enum { MAX_VALUES = 64, MAX_AHEAD = 4 };

typedef struct {
	Arena         *a;
	const Options *opt;
	Exec          *x;
	const Recipe  *r;
	const Entry   *e;
	Feeds         *feeds;
	Data          *data;
	Log           *log;
	char          *from; /* checkpoint to start from, or NULL */
	uint64_t       seed;
	int64_t        asked_seed, workers;
	int64_t        start, total, until, spe, save_every,
		saved;            /* saved: step of the newest checkpoint, -1 none */
	int64_t     samples;      /* of the run that is resumed; 0: a new run */
	char        data_was[33]; /* fingerprint of its data */
	int         nvalue;       /* value[0] is the epoch, the others are the scalar outputs */
	const char *name[MAX_VALUES];
	double      value[MAX_VALUES];
	int64_t     enqueued, done;   /* steps given to the device, steps whose values are known */
	double      epoch[MAX_AHEAD]; /* of the steps between the two */
	double      clock, rate; /* when the last step was done; samples per second, smoothed */
	int         loss;        /* index of the loss, or -1 */
	bool        has_stop;
	Expr        stop;
	double     *seconds; /* --profile: per step of the entry */
} Train;

static volatile sig_atomic_t signalled;

static void
on_signal(int s)
{
	signalled = s;
}

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the run's folder ------------------------------------------------------------------------ */

static const char run_format[] = "d2v-run 1\nspec_hash %32s\nseed %" SCNu64 "\nsteps %" SCNd64
				 "\nsamples %" SCNd64 "\ndata %32s\n";

static Status
run_write(const Train *t, const char *path)
{
	const char *s = arena_printf(t->a,
	                             "d2v-run 1\nspec_hash %s\nseed %" PRIu64 "\nsteps %" PRId64
	                             "\nsamples %" PRId64 "\ndata %s\n",
	                             t->r->spec_hash, t->seed, t->total, data_samples(t->data),
	                             data_fingerprint(t->data));
	return file_write_atomic(path, s, strlen(s));
}

/* Is there a run, and does what the command line says agree with it? */
static Status
run_check(Train *t, const char *path)
{
	const Options *o = t->opt;
	bool there = file_exists(path) || file_exists(arena_printf(t->a, "%s/log.jsonl", o->out));
	if (!o->resume)
		return there ? user_error("run-exists",
		                          "%s already holds a run; --resume goes on with it, or "
		                          "give another --out",
		                          o->out)
		             : OK;
	if (!file_exists(path))
		return user_error("run-missing", "%s holds no run to resume (there is no %s)",
		                  o->out, path);
	char    *text, hash[33];
	size_t   n;
	uint64_t seed;
	int64_t  steps, samples;
	TRY(file_read(path, &text, &n));
	int got = sscanf(text, run_format, hash, &seed, &steps, &samples, t->data_was);
	free(text);
	if (got != 5)
		return user_error("run-damaged", "%s is damaged", path);
	if (strcmp(hash, t->r->spec_hash) != 0)
		return user_error("run-differs",
		                  "%s is a run of another spec (or of other --set values)", o->out);
	if (o->seed && seed != t->seed)
		return user_error("run-differs",
		                  "%s was started with seed %" PRIu64
		                  "; a resumed run keeps its seed",
		                  o->out, seed);
	if (o->steps && steps != t->total)
		return user_error("run-differs",
		                  "%s was started with a length of %" PRId64
		                  " steps, and its schedules depend on that; to end "
		                  "earlier use --until",
		                  o->out, steps);
	t->seed = seed;
	t->total = steps;
	t->samples = samples;
	return OK;
}

/* ---- setting up ------------------------------------------------------------------------------ */

/* What the command line alone can get wrong; FAIL means EXIT_USAGE. */
static Status
numbers(Train *t)
{
	const Options *o = t->opt;
	TRY(option_integer("seed", o->seed, 0, UINT32_MAX, &t->asked_seed));
	TRY(option_integer("steps", o->steps, 1, INT32_MAX, &t->total));
	TRY(option_integer("until", o->until, 1, INT32_MAX, &t->until));
	TRY(option_integer("workers", o->workers, 1, 256, &t->workers));
	TRY(option_threads(o->threads));
	const char *eq = strchr(o->data, '=');
	if (eq && eq != o->data && eq[1])
		return OK;
	fprintf(stderr, "d2v: error: --data takes NAME=PATH, not `%s` [usage]\n", o->data);
	return FAIL;
}

static Status
choose_seed(Train *t)
{
	/* Seeds are u32 on the device; a larger one would be cut there and nowhere else. */
	if (t->r->seed > UINT32_MAX)
		return user_error("seed", "the spec's seed %" PRIu64 " is more than 32 bits",
		                  t->r->seed);
	t->seed = t->opt->seed ? (uint64_t)t->asked_seed : t->r->seed;
	return OK;
}

static Status
values_open(Train *t)
{
	Binding b[MAX_VALUES];
	t->name[t->nvalue++] = "epoch";
	t->loss = -1;
	for (int i = 0; i < t->e->noutput; i++) {
		if (t->e->output[i].type.rank != 0)
			continue;
		if (t->nvalue == MAX_VALUES)
			return user_error("watches", "more than %d scalar outputs", MAX_VALUES - 1);
		if (strcmp(t->e->output[i].name, "loss") == 0)
			t->loss = t->nvalue;
		t->name[t->nvalue++] = t->e->output[i].name;
	}
	for (int i = 0; i < t->nvalue; i++)
		b[i] = (Binding){t->name[i], 0};
	t->has_stop = t->r->stop && *t->r->stop;
	return t->has_stop ? expr_parse(t->r->stop, b, t->nvalue, &t->stop) : OK;
}

static Status
data_path(const Train *t, const char **path)
{
	const char *given = t->opt->data, *eq = strchr(given, '='), *source = t->r->data.source;
	if (strlen(source) != (size_t)(eq - given) || memcmp(source, given, strlen(source)) != 0)
		return user_error("data-source", "the spec has the data source `%s`, not `%.*s`",
		                  source, (int)(eq - given), given);
	*path = eq + 1;
	return OK;
}

/* Where to start, before anything slow: `from` is the checkpoint, NULL for the beginning. */
static Status
start_find(Train *t)
{
	t->saved = -1;
	if (!t->opt->resume)
		return OK;
	TRY(checkpoint_latest(t->a, t->opt->out, &t->from, &t->start));
	if (t->from == NULL) {
		t->start = 0;
		fprintf(stderr, "d2v: %s ended before its first checkpoint; starting at step 0\n",
		        t->opt->out);
	}
	return OK;
}

static Status
start_state(Train *t)
{
	if (t->from == NULL)
		return init_all(t->x, t->seed);
	uint64_t seed;
	int64_t  step;
	TRY(checkpoint_load(t->x, t->from, &step, &seed));
	if (seed != t->seed || step != t->start)
		return user_error("run-differs",
		                  "%s has seed %" PRIu64 " and step %" PRId64
		                  ", the run has %" PRIu64 " and %" PRId64,
		                  t->from, seed, step, t->seed, t->start);
	t->saved = t->start;
	return OK;
}

static Status
open_data(Train *t)
{
	const char *path = NULL;
	TRY(data_path(t, &path));
	DataOptions o = {.seed = t->seed,
	                 .workers = (int)t->workers,
	                 .start_step = t->start,
	                 .train = true,
	                 .max_bad = 100};
	TRY(data_open(t->r, path, "train", &o, &t->data));
	if (t->samples && t->samples != data_samples(t->data))
		return user_error("run-differs",
		                  "%s was started on %" PRId64 " samples, but %s holds %" PRId64
		                  "; a resumed run keeps its data",
		                  t->opt->out, t->samples, path, data_samples(t->data));
	if (t->samples && strcmp(t->data_was, data_fingerprint(t->data)) != 0)
		return user_error(
			"run-differs",
			"%s was started on other data: %s holds as many samples, but not the "
			"same (fingerprint %s, then %s); a resumed run keeps its data",
			t->opt->out, path, data_fingerprint(t->data), t->data_was);
	t->x->data_hash = data_fingerprint(t->data);
	t->spe = data_steps_per_epoch(t->data);
	if (t->spe < 1)
		return user_error("data-small",
		                  "%s has %" PRId64 " samples, less than one batch of %" PRId64,
		                  path, data_samples(t->data), t->r->data.batch);
	return OK;
}

static void
lengths(Train *t)
{
	const Recipe *r = t->r;
	if (t->total == 0)
		t->total = r->length_steps > 0 ? r->length_steps
		                               : llround(r->length_epochs * (double)t->spe);
	if (t->until == 0 || t->until > t->total)
		t->until = t->total;
	t->save_every = r->checkpoint_steps;
	if (t->save_every <= 0 && r->checkpoint_epochs > 0)
		t->save_every = llround(r->checkpoint_epochs * (double)t->spe);
	if (t->save_every <= 0 && r->checkpoint_epochs > 0)
		t->save_every = 1;
	t->x->steps = (double)t->total;
	t->x->spe = (double)t->spe;
	t->x->p->recipe.seed = t->seed;
}

/* This program is one rank. A spec for more says another batch than the one a step will see; the run is still
 * a run, but not the one that was described, and nobody should find that out from its curves. */
static void
ranks_warn(const Recipe *r)
{
	long long batch = (long long)r->data.batch;
	if (r->ranks > 1)
		diag_warning((Loc){0}, "ranks",
		             "the spec is for %d ranks, this run has 1: each step averages over "
		             "%lld samples, "
		             "not %d x %lld = %lld, and an epoch has %d times as many steps",
		             r->ranks, batch, r->ranks, batch, batch * r->ranks, r->ranks);
}

static Status
setup(Train *t)
{
	const Options *o = t->opt;
	TRY(exec_open(t->a, o->folder, o->device, o->cache, &t->x));
	t->r = &t->x->p->recipe;
	t->e = program_entry(t->x->p, "train");
	if (t->e == NULL)
		return user_error("no-train", "the program in %s has no entry `train`", o->folder);
	const char *run_file = arena_printf(t->a, "%s/run.txt", o->out);
	ranks_warn(t->r);
	TRY(choose_seed(t));
	TRY(values_open(t));
	TRY(feeds_open(t->a, t->x, t->e, &t->feeds));
	TRY(run_check(t, run_file));
	TRY(start_find(t));
	TRY(open_data(t));
	lengths(t);
	TRY(start_state(t));
	TRY(file_make_dirs(o->out));
	TRY(run_copy_program(t->a, t->x->p, o->folder, arena_printf(t->a, "%s/program", o->out)));
	if (!o->resume)
		TRY(run_write(t, run_file));
	TRY(log_open(o->out, t->r, o->resume, t->start, &t->log));
	t->seconds = arena_new_array(t->a, double, t->e->nstep + 1);
	if (t->start >= t->until)
		fprintf(stderr, "d2v: %s has done its %" PRId64 " steps; nothing is left to do\n",
		        o->out, t->until);
	else if (!o->quiet)
		fprintf(stderr,
		        "%s: steps %" PRId64 " to %" PRId64 " of %" PRId64 ", %" PRId64
		        " a step, %.1f MiB\n",
		        t->r->spec_name, t->start + 1, t->until, t->total, t->r->data.batch,
		        (double)t->x->device->allocated(t->x->dev) / (1 << 20));
	return OK;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* Give one step to the device. Whether it is done when this returns is the device's affair. */
static Status
step_start(Train *t)
{
	Batch *b;
	TRY(data_next(t->data, &b));
	if (b == NULL || b->step != t->enqueued)
		BUG("the data gave batch %lld for step %lld", b ? (long long)b->step : -1,
		    (long long)t->enqueued);
	t->epoch[t->enqueued % MAX_AHEAD] = (double)b->epoch;
	Status s = feeds_put(t->x, t->feeds, b);
	data_done(t->data, b);
	TRY(s);
	TRY(exec_scalars(t->x, t->e, t->enqueued));
	if (t->opt->profile)
		TRY(t->x->device->profile(t->x->dev, t->e, t->seconds));
	else
		TRY(t->x->device->run(t->x->dev, t->e));
	t->enqueued++;
	return exec_ask(t->x, t->e, t->name + 1, t->nvalue - 1);
}

static Status
save(Train *t, int64_t done)
{
	if (t->saved == done)
		return OK;
	TRY(checkpoint_save(t->x, t->opt->out, done, t->seed, t->r->checkpoint_keep));
	t->saved = done;
	return OK;
}

/* Why to end after this step: EXIT_OK for no reason. */
static int
reason_to_stop(const Train *t)
{
	if (t->loss >= 0 && !isfinite(t->value[t->loss])) {
		progress_end();
		fprintf(stderr,
		        "d2v: the loss of step %" PRId64
		        " is %g; not saved, %s keeps its earlier checkpoints [loss-not-finite]\n",
		        t->done, t->value[t->loss], t->opt->out);
		return EXIT_STOPPED;
	}
	if (t->has_stop && expr_run(&t->stop, t->value) != 0) {
		progress_end();
		fprintf(stderr, "d2v: stopped after step %" PRId64 ": `%s` holds [stop]\n", t->done,
		        t->r->stop);
		return EXIT_STOPPED;
	}
	return EXIT_OK;
}

/* Wait for the oldest step that is not done: its values, the log. */
static Status
step_end(Train *t)
{
	t->value[0] = t->epoch[t->done % MAX_AHEAD];
	TRY(exec_take(t->x, t->nvalue - 1, t->value + 1));
	t->done++;
	double after = now(), seconds = after - t->clock;
	t->clock = after;
	double current = seconds > 0 ? (double)t->r->data.batch / seconds : 0;
	t->rate = t->rate > 0 ? 0.9 * t->rate + 0.1 * current : current; /* smooth enough to read */
	log_step(t->log, t->done, t->name, t->value, t->nvalue, current);
	if (!t->opt->quiet)
		progress(t->done, t->until, t->loss >= 0 ? t->value[t->loss] : NAN, t->rate,
		         t->rate > 0 ? (double)((t->until - t->done) * t->r->data.batch) / t->rate
		                     : 0);
	return OK;
}

static bool
loss_is_finite(const Train *t)
{
	return t->loss < 0 || isfinite(t->value[t->loss]);
}

/* A stop on a device that works ahead is seen when later steps have been given to it: they are finished and
 * logged, and what is saved is the state after the last of them. A loss that is not finite is never saved. */
static int
stop(Train *t)
{
	bool finite = loss_is_finite(t);
	while (finite && t->done < t->enqueued) {
		if (step_end(t) != OK)
			return diag_exit_code();
		finite = loss_is_finite(t);
	}
	return finite && save(t, t->done) != OK ? diag_exit_code() : EXIT_STOPPED;
}

/* Finish steps until only `ahead` are under way; EXIT_OK: go on. */
static int
catch_up(Train *t, int64_t ahead)
{
	while (t->enqueued - t->done > ahead) {
		if (step_end(t) != OK)
			return diag_exit_code();
		if (reason_to_stop(t) != EXIT_OK)
			return stop(t);
	}
	return EXIT_OK;
}

static int
interrupted(Train *t)
{
	progress_end();
	if (!t->r->checkpoint_on_signal) {
		fprintf(stderr,
		        "d2v: interrupted after step %" PRId64
		        "; not saved (the spec says on_signal = no)\n",
		        t->done);
		return EXIT_INTERRUPTED;
	}
	if (save(t, t->done) != OK)
		return diag_exit_code();
	fprintf(stderr, "d2v: interrupted; step %" PRId64 " is saved in %s, go on with --resume\n",
	        t->done, t->opt->out);
	return EXIT_INTERRUPTED;
}

static int
loop(Train *t)
{
	int ahead = t->opt->profile ? 0 : exec_ahead(t->x);
	t->enqueued = t->done = t->start;
	t->clock = now();
	while (t->done < t->until) {
		bool ending = signalled || t->enqueued == t->until, due = false;
		if (!ending) {
			if (step_start(t) != OK)
				return diag_exit_code();
			due = t->enqueued == t->until ||
			      (t->save_every > 0 && t->enqueued % t->save_every == 0);
		}
		int code = catch_up(t, ending || due ? 0 : ahead);
		if (code != EXIT_OK)
			return code;
		if (due && save(t, t->done) != OK)
			return diag_exit_code();
		if (ending && t->done < t->until)
			return interrupted(t);
	}
	return EXIT_OK;
}

static int
run(Train *t)
{
	if (setup(t) != OK)
		return diag_exit_code();
	/* The first signal ends the run after its step; a second one ends the process. */
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	int code = loop(t);
	progress_end();
	if (t->opt->profile && t->done > t->start &&
	    profile_run(t->a, t->x, t->e, t->seconds, t->done - t->start, t->opt->out) != OK)
		return diag_exit_code();
	return code;
}

int
verb_train(int argc, char **argv)
{
	Options      o = {0};
	const Option known[] = {
		{"data", &o.data, NULL},       {"out", &o.out, NULL},
		{"steps", &o.steps, NULL},     {"until", &o.until, NULL},
		{"seed", &o.seed, NULL},       {"threads", &o.threads, NULL},
		{"workers", &o.workers, NULL}, {"device", &o.device, NULL},
		{"cache", &o.cache, NULL},     {"resume", NULL, &o.resume},
		{"profile", NULL, &o.profile}, {"quiet", NULL, &o.quiet},
	};
	OptionsResult parsed =
		options_parse(argc, argv, "train", usage, known, COUNT(known), &o.folder);
	if (parsed != OPTIONS_run)
		return parsed == OPTIONS_help ? EXIT_OK : EXIT_USAGE;
	if (o.data == NULL || o.out == NULL) {
		fprintf(stderr, "d2v: error: train needs %s; see `d2v-run train --help` [usage]\n",
		        o.data ? "--out RUN" : "--data NAME=PATH");
		return EXIT_USAGE;
	}
	Train t = {.a = arena_new(), .opt = &o};
	int   code = numbers(&t) == OK ? run(&t) : EXIT_USAGE;
	if (t.log && log_close(t.log) != OK && code == EXIT_OK)
		code = diag_exit_code();
	if (t.log && (code == EXIT_OK || code == EXIT_STOPPED) &&
	    report_write(o.out, t.x->p) != OK && code == EXIT_OK)
		code = diag_exit_code();
	if (t.data)
		data_close(t.data);
	exec_close(t.x);
	arena_free(t.a);
	return code;
}
