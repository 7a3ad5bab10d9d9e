/* Which step made the first bad value: the step is done again one kernel at a time, what each wrote
 * is looked at, and what it read from then on. Infinities that lead nowhere (a mask of -inf, say)
 * are no fault, so the answer is sought backwards from the loss: the first step in order that wrote
 * something bad, on a way of bad values that ends there, although all it read was finite. Writes no
 * variable. */
#include "runtime/finite.h"

#include <math.h>
#include <string.h>

/* What was seen of a step: per touch, whether what it read and what it wrote was bad. */
typedef struct {
	Touches touch;
	bool   *in, *out;
} Seen;

typedef struct {
	Arena       *a;
	const Guard *g;
	Seen        *seen;
	bool        *needed; /* per value of the entry */
	int          most;   /* values */
	bool        *held;   /* bad ones: variables, scalars, inputs, one after the other */
	bool         any;    /* something bad was seen */
} Trace;

static bool
is_bad(const Range *r)
{
	return r->nan + r->inf > 0;
}

Status
held_range(const Exec *x, const Entry *e, int value, Range *out, Dtype *as)
{
	const Recipe *r = &x->p->recipe;
	int           i = held_index(value);
	Touch         t = {0};
	Dtype         type = DT_i32;
	switch (held_kind(value)) {
	case HELD_variable:
		t = touch_block(r->var[i].slab, r->var[i].offset, type_bytes(&r->var[i].type));
		type = r->var[i].type.dtype;
		break;
	case HELD_input:
		t = touch_block(e->input[i].slab, e->input[i].offset,
		                type_bytes(&e->input[i].type));
		type = e->input[i].type.dtype;
		break;
	case HELD_scalar:
		type = e->scalar[i].dtype;
		t = touch_block(e->scalar[i].slab, e->scalar[i].offset, dtype_bytes[type]);
		break;
	case HELD_table:
	case HELD_KINDS:
		t = touch_block(x->p->table[i].slab, x->p->table[i].offset,
		                4 * x->p->table[i].count);
		break;
	}
	if (as)
		*as = type;
	return range_of(x, &t, type, out);
}

/* ---- forwards ------------------------------------------------------------------------------- */

static Status
look(Trace *t, const Seen *s, const Dtype *type, Access which, bool *bad)
{
	for (int i = 0; i < s->touch.n; i++) {
		Range r;
		if (!(s->touch.at[i].access & which) || (type[i] != DT_f32 && type[i] != DT_bf16))
			continue;
		TRY(range_of(t->g->x, &s->touch.at[i], type[i], &r));
		bad[i] = is_bad(&r);
		t->any |= bad[i];
	}
	return OK;
}

static Status
look_held(Trace *t)
{
	const Exec  *x = t->g->x;
	const Entry *e = t->g->e;
	const int    count[] = {x->p->recipe.nvar, 0, e->nscalar, e->ninput};
	int          most = 1;
	for (int k = 0; k < HELD_KINDS; k++)
		most = count[k] > most ? count[k] : most;
	t->held = arena_new_array(t->a, bool, most *HELD_KINDS);
	for (int k = 0; k < HELD_KINDS; k++)
		for (int i = 0; i < count[k]; i++) {
			int   value = value_held((Held)k, i);
			Range r;
			TRY(held_range(x, e, value, &r, NULL));
			t->held[-1 - value] = is_bad(&r);
			t->any |= is_bad(&r);
		}
	return OK;
}

static Status
forwards(Trace *t, Origin *out)
{
	const Guard *g = t->g;
	const Exec  *x = g->x;
	for (int i = 0; i < g->before; i++) {
		const ProgStep *s = &g->e->step[i];
		Seen           *seen = &t->seen[i];
		Dtype          *type;
		touch_list(t->a, s, &seen->touch);
		seen->in = arena_new_array(t->a, bool, seen->touch.n + 1);
		seen->out = arena_new_array(t->a, bool, seen->touch.n + 1);
		if (!touch_types(t->a, x->p, s, &seen->touch, &type)) {
			out->untyped = x->p->kernel[s->kernel].name;
			return OK;
		}
		for (int k = 0; k < seen->touch.n; k++)
			if (seen->touch.at[k].written.value > t->most)
				t->most = seen->touch.at[k].written.value;
		/* as long as nothing was bad, nothing that is read can be */
		if (t->any)
			TRY(look(t, seen, type, ACCESS_read, seen->in));
		TRY(x->device->part(x->dev, g->e, i, i + 1));
		TRY(look(t, seen, type, ACCESS_write, seen->out));
	}
	return OK;
}

/* ---- backwards ------------------------------------------------------------------------------ */

static void
need(Trace *t, int value, Origin *out)
{
	if (value > 0 && value <= t->most)
		t->needed[value] = true;
	if (value < 0 && t->held[-1 - value] && !out->held)
		out->held = value;
}

static void
backwards(Trace *t, Origin *out)
{
	const Guard *g = t->g;
	t->needed = arena_new_array(t->a, bool, t->most + 1);
	out->step = -1;
	for (int i = 0; i < g->njudged; i++)
		if (!isfinite(g->value[i]))
			need(t, g->judged[i]->value, out);
	for (int i = g->before - 1; i >= 0; i--) {
		const Seen *s = &t->seen[i];
		bool        guilty = false, read = false;
		for (int k = 0; k < s->touch.n; k++) {
			int value = s->touch.at[k].written.value;
			guilty |= s->out[k] && (value < 0 || t->needed[value]);
		}
		for (int k = 0; guilty && k < s->touch.n; k++) {
			const Touch *touch = &s->touch.at[k];
			if (!s->in[k])
				continue;
			read = true;
			need(t, touch->read.value, out);
			for (int j = 0; j < touch->nmore; j++)
				need(t, touch->more[j].value, out);
		}
		if (guilty && !read)
			out->step = i;
	}
	if (out->held)
		out->step = -1;
	out->found = out->held || out->step >= 0;
}

Status
trace_origin(Arena *a, const Guard *g, Origin *out)
{
	Trace t = {.a = a, .g = g, .seen = arena_new_array(a, Seen, g->before + 1)};
	*out = (Origin){.step = -1};
	TRY(look_held(&t));
	TRY(forwards(&t, out));
	if (!out->untyped)
		backwards(&t, out);
	return OK;
}
