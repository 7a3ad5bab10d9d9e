/* Which samples of a batch lead to a bad value. Found by trial, since memory does not say which
 * bytes are whose: the batch is filled with copies of a few of its samples, and the step done again
 * up to the kernel in question; halves are halved until one sample alone does it. Draws go by
 * sample id, so a copy is treated as the original was. Gives up on entries with inputs that are not
 * cut by samples. */
#include "runtime/finite.h"

#include <math.h>
#include <string.h>

enum { MOST_TRIALS = 48, PROBES = 4 };

typedef struct {
	Arena       *a;
	const Guard *g;
	int          step;
	int64_t      batch;
	Touches      touch; /* of the step */
	Dtype       *type;
	char       **was, *now; /* per input; room for one */
	Blame       *out;
} Trial;

/* The batch filled with the n samples of `row`, in turn. */
static Status
fill(Trial *t, const int *row, int n)
{
	const Exec  *x = t->g->x;
	const Entry *e = t->g->e;
	for (int i = 0; i < e->ninput; i++) {
		int64_t bytes = type_bytes(&e->input[i].type), each = bytes / t->batch;
		for (int64_t k = 0; k < t->batch; k++)
			memcpy(t->now + k * each, t->was[i] + row[k % n] * each, (size_t)each);
		TRY(x->device->put(x->dev, e->input[i].slab, e->input[i].offset, t->now, bytes));
	}
	return OK;
}

static Status
try_rows(Trial *t, const int *row, int n, bool *bad)
{
	const Exec *x = t->g->x;
	*bad = false;
	t->out->tried++;
	TRY(fill(t, row, n));
	TRY(x->device->part(x->dev, t->g->e, 0, t->step + 1));
	for (int i = 0; i < t->touch.n && !*bad; i++) {
		Range r;
		if (!(t->touch.at[i].access & ACCESS_write))
			continue;
		TRY(range_of(x, &t->touch.at[i], t->type[i], &r));
		*bad = r.nan + r.inf > 0;
	}
	return OK;
}

/* Of rows lo .. hi - 1, which are known to do it together. */
static Status
halve(Trial *t, int lo, int hi)
{
	if (hi - lo == 1) {
		vec_push(t->a, &t->out->row, lo);
		return OK;
	}
	int middle = lo + (hi - lo) / 2, cut[] = {lo, middle, hi};
	for (int k = 0; k < 2; k++) {
		int  n = cut[k + 1] - cut[k], *row = arena_new_array(t->a, int, n);
		bool bad;
		if (t->out->tried >= MOST_TRIALS) {
			t->out->more = true;
			return OK;
		}
		for (int i = 0; i < n; i++)
			row[i] = cut[k] + i;
		TRY(try_rows(t, row, n, &bad));
		if (bad)
			TRY(halve(t, cut[k], cut[k + 1]));
	}
	return OK;
}

/* A few samples alone, spread over the batch: when each of them does it, it is not the data. */
static Status
probe(Trial *t)
{
	int n = t->batch < PROBES ? (int)t->batch : PROBES;
	t->out->all = true;
	for (int i = 0; i < n && t->out->all; i++) {
		int row = (int)(i * (t->batch - 1) / (n > 1 ? n - 1 : 1));
		TRY(try_rows(t, &row, 1, &t->out->all));
	}
	return OK;
}

static bool
cut_by_samples(const Entry *e, int64_t batch)
{
	for (int i = 0; i < e->ninput; i++)
		if (batch < 1 || e->input[i].type.rank == 0 ||
		    e->input[i].type.axis[0].size != batch)
			return false;
	return e->ninput > 0;
}

Status
blame_samples(Arena *a, const Guard *g, int step, Blame *out)
{
	const Exec  *x = g->x;
	const Entry *e = g->e;
	Trial   t = {.a = a, .g = g, .step = step, .batch = x->p->recipe.data.batch, .out = out};
	int64_t most = 0;
	int    *row = arena_new_array(a, int, t.batch + 1);
	*out = (Blame){.able = cut_by_samples(e, t.batch)};
	if (!out->able)
		return OK;
	touch_list(a, &e->step[step], &t.touch);
	touch_types(a, x->p, &e->step[step], &t.touch, &t.type);
	t.was = arena_new_array(a, char *, e->ninput);
	for (int i = 0; i < e->ninput; i++) {
		const Input *in = &e->input[i];
		int64_t      bytes = type_bytes(&in->type);
		most = bytes > most ? bytes : most;
		t.was[i] = arena_alloc(a, (size_t)bytes);
		TRY(x->device->get(x->dev, in->slab, in->offset, t.was[i], bytes));
	}
	t.now = arena_alloc(a, (size_t)most);
	TRY(probe(&t));
	if (!out->all)
		TRY(halve(&t, 0, (int)t.batch));
	for (int i = 0; i < t.batch; i++)
		row[i] = i;
	return fill(&t, row, (int)t.batch);
}

Status
blame_input(Arena *a, const Guard *g, int input, Blame *out)
{
	const Input *in = &g->e->input[input];
	int64_t      batch = g->x->p->recipe.data.batch;
	*out = (Blame){.able = batch > 0 && in->type.rank > 0 && in->type.axis[0].size == batch};
	for (int i = 0; out->able && i < batch; i++) {
		int64_t each = type_bytes(&in->type) / batch;
		Touch   t = touch_block(in->slab, in->offset + i * each, each);
		Range   r;
		TRY(range_of(g->x, &t, in->type.dtype, &r));
		if (r.nan + r.inf)
			vec_push(a, &out->row, i);
	}
	return OK;
}
