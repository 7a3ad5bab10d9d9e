/* A step of a run without a finite loss or gradient norm: the state before it is saved, the first
 * bad value named. Where the device had gone on before anybody saw it (a GPU working ahead,
 * --profile), the run goes back to its newest checkpoint and does the steps from there again: they
 * have the same bits. Refuses to go on training. */
#include "runtime/train_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The values that were judged are all that is known of a step that was given up. */
static void
log_judged(Train *t)
{
	const char *name[MOST_JUDGED + 1] = {"epoch"};
	double      value[MOST_JUDGED + 1] = {t->epoch[t->done % MAX_AHEAD]};
	for (int i = 0; i < t->guard.njudged; i++) {
		name[i + 1] = t->guard.judged[i]->name;
		value[i + 1] = (double)t->guard.value[i];
	}
	log_step(t->log, t->done + 1, name, value, t->guard.njudged + 1, 0);
}

/* Results of later steps that nobody will look at. */
static Status
drain(Train *t)
{
	double dropped[MAX_VALUES];
	for (int64_t i = t->done; i < t->enqueued; i++)
		TRY(exec_take(t->x, t->nvalue - 1, dropped));
	t->enqueued = t->done;
	return OK;
}

/* From the newest checkpoint, or the beginning, to the state before step `bad`. *there false: a
 * signal came. */
static Status
go_back(Train *t, int64_t bad, bool *there)
{
	*there = false;
	TRY(drain(t));
	t->from = NULL;
	t->start = 0;
	if (t->saved >= 0)
		TRY(checkpoint_latest(t->a, t->opt->out, &t->from, &t->start));
	fprintf(stderr,
	        "d2v: going back to step %" PRId64 " for the state before step %" PRId64 "\n",
	        t->start, bad + 1);
	data_close(t->data);
	t->data = NULL;
	TRY(train_open_data(t, t->start));
	TRY(train_start_state(t));
	for (int64_t s = t->start; s < bad; s++) {
		if (train_signalled())
			return OK;
		TRY(train_put(t, s));
		TRY(t->x->device->run(t->x->dev, t->e));
	}
	*there = true;
	return OK;
}

/* The bad step again, up to its first write to a variable. */
static Status
look_again(Train *t, int64_t bad, bool *same)
{
	bool finite;
	TRY(train_put(t, bad));
	*same = true;
	if (t->x->device->part == NULL)
		return OK;
	TRY(t->x->device->part(t->x->dev, t->e, 0, t->guard.before));
	TRY(guard_look(&t->guard, &finite));
	*same = !finite;
	return OK;
}

static Status
bad_step(Train *t, int64_t bad)
{
	bool there = true, same = true;
	if (!t->guard.halves || t->opt->profile)
		TRY(go_back(t, bad, &there));
	if (!there) {
		fprintf(stderr, "d2v: interrupted on the way; %s keeps its earlier checkpoints\n",
		        t->opt->out);
		return OK;
	}
	TRY(train_save(t, bad));
	fprintf(stderr,
	        "saved: %s holds the state before step %" PRId64 ", checkpoint-%08" PRId64
	        ".safetensors\n",
	        t->opt->out, bad + 1, bad);
	if (!t->guard.halves || t->opt->profile)
		TRY(look_again(t, bad, &same));
	if (!same) {
		fprintf(stderr,
		        "done again, step %" PRId64
		        " is finite: the device did not give the same bits twice\n",
		        bad + 1);
		return OK;
	}
	return finite_report(&t->guard, t->ids, t->data, stderr);
}

int
train_bad_step(Train *t)
{
	bool    seen = t->enqueued > t->done && t->guard.halves && !t->opt->profile;
	int64_t bad = seen ? t->done : t->done - 1;
	progress_end();
	if (seen)
		log_judged(t);
	fprintf(stderr, "d2v: %s [not-finite]\n", guard_text(t->a, &t->guard, bad + 1));
	return bad_step(t, bad) == OK ? EXIT_STOPPED : diag_exit_code();
}
