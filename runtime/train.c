/* The verb train: batches from the data, one run of entry "train" per batch, a log line per step,
 * checkpoints.
 *
 * RUN holds: program/ (a copy of the program, so that the run can be evaluated and resumed
 * without the spec), run.txt (what the run was started with), log.jsonl and events, checkpoints,
 * report.html. Batch s depends on (seed, s) alone and everything else is in the checkpoint, so a
 * resumed run gives the bits of an uninterrupted one. Refuses to save the result of a step
 * without a finite loss and gradient norm. */
#include "runtime/profile.h"
#include "runtime/train_private.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static const char help[] =
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
	"SIGINT, SIGTERM or SIGHUP: the step is finished, the run saved, and the exit code is 4.\n"
	"A loss or gradient norm that is not finite: the run is saved as it was before that step, "
	"the first bad value is\n"
	"sought and named, and the exit code is 5.\n";

const RunVerb train_verb = {"train", "the folder of a program", help};

static volatile sig_atomic_t signalled;

static void
on_signal(int s)
{
	signalled = s;
}

bool
train_signalled(void)
{
	return signalled != 0;
}

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the loop ------------------------------------------------------------------------------- */

Status
train_put(Train *t, int64_t step)
{
	Batch *b;
	TRY(data_next(t->data, &b));
	if (b == NULL || b->step != step)
		BUG("the data gave batch %lld for step %lld", b ? (long long)b->step : -1,
		    (long long)step);
	t->epoch[step % MAX_AHEAD] = (double)b->epoch;
	memcpy(t->ids, b->sample, sizeof *t->ids * (size_t)t->r->data.batch);
	Status s = feeds_put(t->x, t->feeds, b);
	data_done(t->data, b);
	TRY(s);
	return exec_scalars(t->x, t->e, step);
}

/* Give one step to the device. Whether it is done when this returns is the device's affair. */
static Status
step_start(Train *t, bool *finite)
{
	*finite = true;
	TRY(train_put(t, t->enqueued));
	if (t->opt->profile)
		TRY(t->x->device->profile(t->x->dev, t->e, t->seconds));
	else if (t->guard.halves)
		TRY(guard_run(&t->guard, finite));
	else
		TRY(t->x->device->run(t->x->dev, t->e));
	t->enqueued++;
	if (!*finite)
		return OK;
	return exec_ask(t->x, t->e, t->name + 1, t->nvalue - 1);
}

Status
train_save(Train *t, int64_t done)
{
	if (t->saved == done)
		return OK;
	if (checkpoint_save(t->x, t->opt->out, done, t->seed, t->r->checkpoint_keep) != OK) {
		if (t->saved < 0)
			diag_hint("%s has no checkpoint from before step %" PRId64, t->opt->out,
			          done);
		else
			diag_hint("%s has a checkpoint of step %" PRId64
			          "; --resume goes on from it",
			          t->opt->out, t->saved);
		return FAIL;
	}
	t->saved = done;
	return OK;
}

/* Why to end after this step: EXIT_OK for no reason. */
static int
reason_to_stop(const Train *t)
{
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

/* Of the last step that is done, as far as the guard has not looked itself. */
static bool
is_finite(Train *t)
{
	bool finite = true;
	for (int i = 0; i < t->guard.njudged; i++)
		for (int k = 1; k < t->nvalue; k++)
			if (t->name[k] == t->guard.judged[i]->name) {
				t->guard.value[i] = (float)t->value[k];
				finite &= isfinite(t->value[k]) != 0;
			}
	return finite;
}

/* A stop on a device that works ahead is seen when later steps have been given to it: they are
 * finished and logged, and what is saved is the state after the last of them. */
static int
stop(Train *t)
{
	while (t->done < t->enqueued) {
		if (step_end(t) != OK)
			return diag_exit_code();
		if (!is_finite(t))
			return train_bad_step(t);
	}
	return train_save(t, t->done) != OK ? diag_exit_code() : EXIT_STOPPED;
}

/* Finish steps until only `ahead` are under way; EXIT_OK: go on. */
static int
catch_up(Train *t, int64_t ahead)
{
	while (t->enqueued - t->done > ahead) {
		if (step_end(t) != OK)
			return diag_exit_code();
		if (!is_finite(t))
			return train_bad_step(t);
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
	if (train_save(t, t->done) != OK)
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
			bool finite;
			if (step_start(t, &finite) != OK)
				return diag_exit_code();
			if (!finite)
				return train_bad_step(t);
			due = t->enqueued == t->until ||
			      (t->save_every > 0 && t->enqueued % t->save_every == 0);
		}
		int code = catch_up(t, ending || due ? 0 : ahead);
		if (code != EXIT_OK)
			return code;
		if (due && train_save(t, t->done) != OK)
			return diag_exit_code();
		if (ending && t->done < t->until)
			return interrupted(t);
	}
	return EXIT_OK;
}

/* The first signal ends the run after its step; a second one ends the process. A terminal that
 * closes is such a signal, unless nohup was meant to keep it away. */
static void
signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}, was;
	for (int i = 0; i < COUNT(ends); i++)
		if (ends[i] != SIGHUP ||
		    (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN))
			sigaction(ends[i], &act, NULL);
}

static int
run(Train *t)
{
	signal(SIGPIPE, SIG_IGN); /* that nobody reads the progress any more is no reason to end */
	if (train_setup(t) != OK)
		return diag_exit_code();
	signals();
	int code = loop(t);
	progress_end();
	if (t->opt->profile && t->done > t->start &&
	    profile_run(t->a, t->x, t->e, t->seconds, t->done - t->start, t->opt->out) != OK)
		return diag_exit_code();
	return code;
}

/* Each was named when it was met; how many they are, a long run has scrolled away. */
static void
tell_unreadable(const Data *d)
{
	if (data_bad(d) > 0)
		fprintf(stderr,
		        "d2v: %" PRId64 " of %" PRId64
		        " images could not be read; others took their places\n",
		        data_bad(d), data_samples(d));
}

int
verb_train(int argc, char **argv)
{
	TrainOptions o = {0};
	const Option known[] = {
		{"data", &o.data, NULL},       {"out", &o.out, NULL},
		{"steps", &o.steps, NULL},     {"until", &o.until, NULL},
		{"seed", &o.seed, NULL},       {"threads", &o.threads, NULL},
		{"workers", &o.workers, NULL}, {"device", &o.device, NULL},
		{"cache", &o.cache, NULL},     {"resume", NULL, &o.resume},
		{"profile", NULL, &o.profile}, {"quiet", NULL, &o.quiet},
	};
	OptionsResult parsed =
		options_parse(argc, argv, &train_verb, known, COUNT(known), &o.folder);
	if (parsed != OPTIONS_run)
		return parsed == OPTIONS_help ? EXIT_OK : EXIT_USAGE;
	if (o.data == NULL || o.out == NULL) {
		(void)option_error(&train_verb, "train wants %s, and there is none",
		                   o.data ? "--out RUN" : "--data NAME=PATH");
		return EXIT_USAGE;
	}
	Train t = {.a = arena_new(), .opt = &o};
	int   code = train_numbers(&t) == OK ? run(&t) : EXIT_USAGE;
	if (t.log && log_close(t.log) != OK && code == EXIT_OK)
		code = diag_exit_code();
	if (t.log && (code == EXIT_OK || code == EXIT_STOPPED || code == EXIT_INTERRUPTED) &&
	    report_write(o.out, t.x->p) != OK && code == EXIT_OK)
		code = diag_exit_code();
	if (t.data) {
		tell_unreadable(t.data);
		data_close(t.data);
	}
	exec_close(t.x);
	arena_free(t.a);
	return code;
}
