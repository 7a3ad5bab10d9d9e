/* The verb train before its first step: is there a run, does it agree with the command line, where
 * to start, the data, the lengths, the folder. Refuses to start into a folder that already holds a
 * run, and to resume with another seed, length or data set. */
#include "runtime/train_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- the run's folder ----------------------------------------------------------------------- */

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
	const TrainOptions *o = t->opt;
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
	if (strcmp(hash, t->r->spec_hash) != 0 && t->r->edited)
		return user_error("run-differs",
		                  "%s is a run of another program: this one was edited (%s)",
		                  o->out, t->r->edited);
	if (strcmp(hash, t->r->spec_hash) != 0)
		return user_error("run-differs",
		                  "%s is a run of another spec (or of other --set values, or of an "
		                  "edited graph)",
		                  o->out);
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

/* One process at a time writes into RUN. The lock is on the folder and goes with the process; a
 * file system that knows no such locks is no reason to refuse. */
static Status
run_lock(const Train *t)
{
	int fd = open(t->opt->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		close(fd);
		return user_error("run-busy", "another process is training in %s", t->opt->out);
	}
	return OK; /* the lock lives as long as fd, which nobody closes */
}

/* ---- setting up ----------------------------------------------------------------------------- */

Status
train_numbers(Train *t)
{
	const TrainOptions *o = t->opt;
	TRY(option_integer(&train_verb, "seed", o->seed, 0, UINT32_MAX, &t->asked_seed));
	TRY(option_integer(&train_verb, "steps", o->steps, 1, INT32_MAX, &t->total));
	TRY(option_integer(&train_verb, "until", o->until, 1, INT32_MAX, &t->until));
	TRY(option_integer(&train_verb, "workers", o->workers, 1, 256, &t->workers));
	TRY(option_threads(&train_verb, o->threads));
	const char *eq = strchr(o->data, '=');
	if (eq && eq != o->data && eq[1])
		return OK;
	return option_error(&train_verb, "--data wants NAME=PATH, not `%s`", o->data);
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
		if (t->e->output[i].type.rank != 0 || exec_gradient_of(t->x, &t->e->output[i]))
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

Status
train_start_state(Train *t)
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

Status
train_open_data(Train *t, int64_t first)
{
	const char *path = NULL;
	TRY(data_path(t, &path));
	DataOptions o = {.seed = t->seed,
	                 .workers = (int)t->workers,
	                 .start_step = first,
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

/* This program is one rank. A spec for more says another batch than the one a step will see; the
 * run is still a run, but not the one that was described, and nobody should find that out from its
 * curves. */
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

Status
train_setup(Train *t)
{
	const TrainOptions *o = t->opt;
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
	if (o->resume)
		TRY(run_lock(t));
	TRY(run_check(t, run_file));
	TRY(start_find(t));
	TRY(train_open_data(t, t->start));
	lengths(t);
	TRY(train_start_state(t));
	TRY(file_make_dirs(o->out));
	if (!o->resume) {
		TRY(run_lock(t));
		TRY(run_check(t, run_file)); /* there may be one since it was looked for */
	}
	TRY(run_copy_program(t->a, t->x->p, o->folder, arena_printf(t->a, "%s/program", o->out)));
	if (!o->resume)
		TRY(run_write(t, run_file));
	TRY(log_open(o->out, t->r, o->resume, t->start, &t->log));
	t->ids = arena_new_array(t->a, uint32_t, t->r->data.batch + 1);
	guard_open(t->x, t->e, &t->guard);
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
