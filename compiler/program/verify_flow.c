/* verify_flow: P30 .. P37 of PROGRAM.md. Runs through an entry step by step on maps of memory that
 * say, for each byte, which write it stems from: what a step reads must be what it names, and
 * nothing that someone still wants may be overwritten. Knows of a kernel only what its arguments
 * say; that they say the truth is shown by running kernels under ASan. */
#include "compiler/program/verify_touch.h"
#include "compiler/program/verify_private.h"

#include <stdlib.h>
#include <string.h>

/* What is known of a value. */
typedef struct {
	int     slab;  /* -1: not yet named */
	int64_t lo;    /* its first byte, by those who name it */
	int64_t first; /* the first byte written */
	int     writes;
	int     wanted, met; /* the accesses that named it and found it last */
} Value;

typedef struct {
	int  value, step; /* step -1: held before the entry began */
	bool used;        /* or free of reproach: scratch memory may serve the launch alone */
} Writer;

typedef struct {
	Verify      *v;
	const Entry *e;
	bool         train;
	Map        **map;                  /* per slab */
	int          base[HELD_KINDS + 1]; /* slots: held values by kind, then those of steps */
	int          count[HELD_KINDS];
	int          nslot;
	Value       *value; /* per slot */
	Vec(Writer) writer;
	Touches touch; /* of the step */
	/* the access being followed */
	const char  *step;
	const Touch *now;
	int          rule; /* P31, or P34 for outputs */
	int          serial;
	bool         wrong, gap, variable;
} Flow;

/* ---- values --------------------------------------------------------------------------------- */

static const char *
value_text(Flow *f, int value)
{
	return value < 0 ? arena_printf(f->v->arena, "%%%c%d", held_letter[held_kind(value)],
	                                held_index(value))
	                 : arena_printf(f->v->arena, "%%%d", value);
}

/* Its place in f->value, or -1 when there is no such value. */
static int
slot_of(const Flow *f, int value)
{
	if (value < 0)
		return held_index(value) < f->count[held_kind(value)]
		               ? f->base[held_kind(value)] + held_index(value)
		               : -1;
	return value > 0 && value <= f->nslot - f->base[HELD_KINDS]
	               ? f->base[HELD_KINDS] + value - 1
	               : -1;
}

static const char *
who(Flow *f, const Touch *t)
{
	return t->index < 0 ? arena_printf(f->v->arena, "%s of %s", t->role, f->step)
	                    : arena_printf(f->v->arena, "%s %d of %s", t->role, t->index, f->step);
}

/* P30: all who name a value agree where it begins. */
static bool
name_value(Flow *f, Named n, int slab, int64_t offset, const char *whom)
{
	int slot = slot_of(f, n.value);
	if (slot < 0) {
		verify_bad(f->v, 30, "%s names the value %s, which does not exist", whom,
		           value_text(f, n.value));
		return false;
	}
	Value *x = &f->value[slot];
	if (x->slab < 0) {
		x->slab = slab;
		x->lo = offset - n.at;
	} else if (x->slab != slab || x->lo != offset - n.at) {
		verify_bad(f->v, 30, "%s takes value %s to begin at %s+%lld, but it is at %s+%lld",
		           whom, value_text(f, n.value), f->v->p->slab[slab].name,
		           (long long)(offset - n.at), f->v->p->slab[x->slab].name,
		           (long long)x->lo);
		return false;
	}
	return true;
}

/* Same, and from now on it is one of those that this access may meet. */
static bool
want_value(Flow *f, Named n, int slab, int64_t offset, const char *whom)
{
	if (!name_value(f, n, slab, offset, whom))
		return false;
	f->value[slot_of(f, n.value)].wanted = f->serial;
	return true;
}

/* ---- reading: P31 --------------------------------------------------------------------------- */

static void
see(void *context, int writer, int64_t lo, int64_t hi)
{
	Flow       *f = context;
	const char *slab = f->v->p->slab[f->now->slab].name;
	if (f->wrong)
		return;
	if (writer == 0 && f->now->padded) {
		f->gap = true;
		vec_push(f->v->arena, &f->v->gap,
		         (Span){f->now->slab, lo, hi, "padding", who(f, f->now)});
		return;
	}
	if (writer == 0) {
		f->wrong = true;
		verify_bad(f->v, f->rule,
		           "%s reads %s near byte %lld, where nothing has been written",
		           who(f, f->now), slab, (long long)lo);
		return;
	}
	Writer *w = &f->writer.at[writer];
	Value  *x = &f->value[slot_of(f, w->value)];
	if (x->wanted == f->serial) {
		x->met = f->serial;
		w->used = true;
		return;
	}
	f->wrong = true;
	verify_bad(f->v, f->rule, "%s reads %s near byte %lld as part of value %s, but %s is there",
	           who(f, f->now), slab, (long long)lo, value_text(f, f->now->read.value),
	           value_text(f, w->value));
}

static void
each_plane(Flow *f, const Touch *t, MapSeen *seen, int writer)
{
	Stripe s = t->stripe;
	for (int64_t i = 0; i < t->planes; i++, s.lo += t->step)
		if (seen)
			map_read(f->map[t->slab], s, seen, f);
		else
			map_write(f->map[t->slab], s, writer);
}

static void
read_touch(Flow *f, const Touch *t)
{
	const char *whom = NULL;
	f->now = t;
	f->serial++;
	f->rule = t->output ? 34 : 31;
	f->wrong = f->gap = false;
	for (int i = -1; i < t->nmore; i++) {
		Named n = i < 0 ? t->read : t->more[i];
		int   slot = slot_of(f, n.value);
		/* who() makes text: only when it is needed */
		if (slot < 0 || f->value[slot].slab != t->slab ||
		    f->value[slot].lo != t->stripe.lo - n.at)
			whom = whom ? whom : who(f, t);
		if (!want_value(f, n, t->slab, t->stripe.lo, whom))
			return;
	}
	each_plane(f, t, see, 0);
	if (f->wrong)
		return;
	for (int i = -1; i < t->nmore; i++) {
		Named n = i < 0 ? t->read : t->more[i];
		if (f->value[slot_of(f, n.value)].met != f->serial)
			verify_bad(f->v, f->rule,
			           "%s names the value %s, of which it reads no byte", who(f, t),
			           value_text(f, n.value));
	}
	if (t->padded && !f->gap)
		verify_bad(f->v, f->rule, "%s is marked `padded`, but reads no padding", who(f, t));
}

/* ---- writing: P32 --------------------------------------------------------------------------- */

static void
cover(void *context, int writer, int64_t lo, int64_t hi)
{
	Flow         *f = context;
	const Writer *w = &f->writer.at[writer];
	const char   *slab = f->v->p->slab[f->now->slab].name;
	(void)hi;
	if (f->wrong)
		return;
	f->wrong = true;
	if (w->step < 0 && writer != 0 && held_kind(w->value) != HELD_variable)
		verify_bad(f->v, 32, "%s writes on %s, which is held there, in %s near byte %lld",
		           who(f, f->now), value_text(f, w->value), slab, (long long)lo);
	else if (w->step < 0 && writer != 0 && !f->variable)
		verify_bad(f->v, 32, "%s writes behind the variable %s, in %s near byte %lld",
		           who(f, f->now), value_text(f, w->value), slab, (long long)lo);
	else if (w->step < 0 && writer != 0 && !f->train)
		verify_bad(f->v, 32, "%s writes the variable %s: only the entry `train` may",
		           who(f, f->now), value_text(f, w->value));
	else if ((w->step >= 0 || writer == 0) && f->variable)
		verify_bad(f->v, 32, "%s writes a variable in %s near byte %lld a second time",
		           who(f, f->now), slab, (long long)lo);
	else if (w->step >= 0 && w->value == f->now->written.value)
		verify_bad(f->v, 32, "%s writes %s near byte %lld of value %s a second time",
		           who(f, f->now), slab, (long long)lo, value_text(f, w->value));
	else
		f->wrong = false;
}

static void
write_touch(Flow *f, const Touch *t, int step)
{
	if (t->written.value < 1) {
		verify_bad(f->v, 30, "%s cannot leave %s there", who(f, t),
		           value_text(f, t->written.value));
		return;
	}
	int slot = slot_of(f, t->written.value);
	if (slot < 0 ||
	    (f->value[slot].slab >= 0 && (f->value[slot].slab != t->slab ||
	                                  f->value[slot].lo != t->stripe.lo - t->written.at)) ||
	    f->value[slot].slab < 0)
		if (!name_value(f, t->written, t->slab, t->stripe.lo, who(f, t)))
			return;
	Value *x = &f->value[slot];
	if (x->writes++ == 0 || t->stripe.lo < x->first)
		x->first = t->stripe.lo;
	const Span *hit =
		verify_hits(f->v, &(Span){t->slab, t->stripe.lo, t->stripe.lo + 1, "", ""});
	f->now = t;
	f->wrong = false;
	f->variable = hit && strcmp(hit->kind, "variable") == 0;
	each_plane(f, t, cover, 0);
	bool scratch = strcmp(f->v->p->slab[t->slab].name, "scratch") == 0;
	vec_push(f->v->arena, &f->writer, (Writer){t->written.value, step, scratch});
	each_plane(f, t, NULL, f->writer.n - 1);
}

/* ---- a step --------------------------------------------------------------------------------- */

/* P33: what one argument writes, no other touches. Of a gemm rule P22 says it. */
static void
verify_apart(Flow *f)
{
	for (int i = 0; i < f->touch.n; i++)
		for (int j = 0; j < f->touch.n; j++) {
			const Touch *w = &f->touch.at[i], *t = &f->touch.at[j];
			if (i == j || !(w->access & ACCESS_write) || w->slab != t->slab ||
			    !stripes_overlap(w->stripe, t->stripe))
				continue;
			verify_bad(f->v, 33, "%s writes on what argument %d touches", who(f, w),
			           t->index);
			return;
		}
}

static void
follow_step(Flow *f, int i)
{
	const ProgStep *s = &f->e->step[i];
	Proof          *proof = &f->v->proof;
	f->step = s->loc.file ? arena_printf(f->v->arena, "step %d of entry `%s` (%s:%d)", i,
	                                     f->e->name, s->loc.file, s->loc.line)
	                      : arena_printf(f->v->arena, "step %d of entry `%s`", i, f->e->name);
	touch_list(f->v->arena, s, &f->touch);
	if (s->kind == STEP_launch)
		verify_apart(f);
	for (int j = 0; j < f->touch.n; j++) {
		const Touch *t = &f->touch.at[j];
		if (t->planes > MOST_PLANES || t->stripe.rows > MOST_ROWS) {
			verify_bad(f->v, 20, "%s lies in too many pieces", who(f, t));
			return;
		}
		double bytes = (double)t->stripe.bytes * (double)t->stripe.rows * (double)t->planes;
		verify_reach(f->v, t->slab, touch_end(t));
		proof->accesses++;
		if (t->access & ACCESS_read) {
			read_touch(f, t);
			proof->read += bytes;
		}
		if (t->access & ACCESS_write)
			proof->written += bytes;
	}
	for (int j = 0; j < f->touch.n; j++)
		if (f->touch.at[j].access & ACCESS_write)
			write_touch(f, &f->touch.at[j], i);
}

/* ---- before and after the steps ------------------------------------------------------------- */

typedef struct {
	int     value, slab;
	int64_t lo, hi;
} Holding;

static int
compare_holdings(const void *a, const void *b)
{
	const Holding *x = a, *y = b;
	if (x->slab != y->slab)
		return x->slab < y->slab ? -1 : 1;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* What is there before the entry begins. What is left of the last 128 bytes behind a variable is
 * its own. */
static void
fill_held(Flow *f)
{
	const Program *p = f->v->p;
	Holding       *h = arena_new_array(f->v->arena, Holding, f->base[HELD_KINDS] + 1);
	int            n = 0;
	for (int i = 0; i < p->recipe.nvar; i++) {
		const Variable *x = &p->recipe.var[i];
		h[n++] = (Holding){value_held(HELD_variable, i), x->slab, x->offset,
		                   x->offset + type_bytes(&x->type)};
	}
	for (int i = 0; i < p->ntable; i++)
		h[n++] = (Holding){value_held(HELD_table, i), p->table[i].slab, p->table[i].offset,
		                   p->table[i].offset + 4 * p->table[i].count};
	for (int i = 0; i < f->e->nscalar; i++)
		h[n++] = (Holding){value_held(HELD_scalar, i), f->e->scalar[i].slab,
		                   f->e->scalar[i].offset, f->e->scalar[i].offset + 4};
	for (int i = 0; i < f->e->ninput; i++) {
		const Input *in = &f->e->input[i];
		h[n++] = (Holding){value_held(HELD_input, i), in->slab, in->offset,
		                   in->offset + type_bytes(&in->type)};
	}
	qsort(h, (size_t)n, sizeof *h, compare_holdings);
	for (int i = 0; i < n; i++) {
		int64_t end = h[i].hi;
		if (held_kind(h[i].value) == HELD_variable) {
			end = (end + VARIABLE_PAD - 1) / VARIABLE_PAD * VARIABLE_PAD;
			if (i + 1 < n && h[i + 1].slab == h[i].slab && end > h[i + 1].lo)
				end = h[i + 1].lo;
			if (end > p->slab[h[i].slab].bytes)
				end = p->slab[h[i].slab].bytes;
		}
		f->value[slot_of(f, h[i].value)].slab = h[i].slab;
		f->value[slot_of(f, h[i].value)].lo = h[i].lo;
		verify_reach(f->v, h[i].slab, h[i].hi);
		vec_push(f->v->arena, &f->writer, (Writer){h[i].value, -1, false});
		map_write(f->map[h[i].slab], (Stripe){h[i].lo, end - h[i].lo, 1, 0},
		          f->writer.n - 1);
	}
}

/* P34: outputs are still there when the entry ends. */
static void
read_outputs(Flow *f)
{
	for (int i = 0; i < f->e->noutput; i++) {
		const OutputSpec *o = &f->e->output[i];
		Touch             t = {.slab = o->slab,
		                       .stripe = {o->offset, type_bytes(&o->type), 1, 0},
		                       .planes = 1,
		                       .access = ACCESS_read,
		                       .read = {o->value, o->at},
		                       .output = true,
		                       .index = -1};
		f->step = arena_printf(f->v->arena, "entry `%s`", f->e->name);
		t.role = arena_printf(f->v->arena, "output `%s`", o->name);
		verify_reach(f->v, t.slab, touch_end(&t));
		read_touch(f, &t);
	}
}

static void
still_old(void *context, int writer, int64_t lo, int64_t hi)
{
	Flow *f = context;
	(void)lo;
	(void)hi;
	f->writer.at[writer].used = true;
	f->wrong |= f->writer.at[writer].step < 0;
}

/* P35: training leaves a new value in every byte of every variable; that it is written once was
 * seen on the way. */
static void
verify_updates(Flow *f)
{
	const Recipe *r = &f->v->p->recipe;
	for (int i = 0; i < r->nvar && f->train; i++) {
		const Variable *x = &r->var[i];
		f->wrong = false;
		map_read(f->map[x->slab], (Stripe){x->offset, type_bytes(&x->type), 1, 0},
		         still_old, f);
		if (f->wrong)
			verify_bad(f->v, 35, "entry `train` does not update all of variable `%s`",
			           x->name);
	}
}

/* P36: nobody works for nothing; P30: a value begins where those who name it say. */
static void
verify_used(Flow *f)
{
	for (int i = 1; i < f->writer.n && f->v->problems == 0; i++) {
		const Writer *w = &f->writer.at[i];
		Held          kind = w->step < 0 ? held_kind(w->value) : HELD_KINDS;
		if (kind == HELD_table && w->used)
			f->v->table_used[held_index(w->value)] = true;
		if (!w->used && (kind == HELD_scalar || kind == HELD_input))
			verify_bad(f->v, 36, "entry `%s` never reads %s, which the runtime fills",
			           f->e->name, value_text(f, w->value));
		else if (!w->used && kind == HELD_KINDS)
			verify_bad(f->v, 36,
			           "value %s, written by step %d of entry `%s`, is read by nobody",
			           value_text(f, w->value), w->step, f->e->name);
	}
	for (int slot = f->base[HELD_KINDS]; slot < f->nslot && f->v->problems == 0; slot++) {
		const Value *x = &f->value[slot];
		int          value = slot - f->base[HELD_KINDS] + 1;
		if (x->slab < 0)
			continue; /* a number that is not used: fewer values than writes */
		f->v->proof.values++;
		if (x->lo != x->first)
			verify_bad(f->v, 30,
			           "value %s of entry `%s` begins at byte %lld, but its first byte "
			           "is written at %lld",
			           value_text(f, value), f->e->name, (long long)x->lo,
			           (long long)x->first);
	}
}

void
verify_flow(Verify *v, const Entry *e)
{
	const Program *p = v->p;
	Flow           f = {.v = v, .e = e, .train = strcmp(e->name, "train") == 0};
	int            writes = 0;
	for (int i = 0; i < e->nstep; i++) {
		writes += e->step[i].kind == STEP_gemm;
		for (int j = 0; e->step[i].kind == STEP_launch && j < e->step[i].narg; j++)
			writes += e->step[i].arg[j].kind == ARG_pointer &&
			          (e->step[i].arg[j].access & ACCESS_write) != 0;
	}
	f.count[HELD_variable] = p->recipe.nvar;
	f.count[HELD_table] = p->ntable;
	f.count[HELD_scalar] = e->nscalar;
	f.count[HELD_input] = e->ninput;
	for (int i = 0; i < HELD_KINDS; i++)
		f.base[i + 1] = f.base[i] + f.count[i];
	f.nslot = f.base[HELD_KINDS] + writes;
	f.value = arena_new_array(v->arena, Value, f.nslot + 1);
	for (int i = 0; i < f.nslot; i++)
		f.value[i].slab = -1;
	f.map = arena_new_array(v->arena, Map *, p->nslab);
	for (int i = 0; i < p->nslab; i++)
		f.map[i] = map_new(v->arena, p->slab[i].bytes);
	vec_push(v->arena, &f.writer, (Writer){0, -1, true}); /* 0: nobody */
	fill_held(&f);
	v->proof.steps += e->nstep;
	/* one mistake may be seen again wherever its bytes are read: the first step that shows it
	 * is enough */
	for (int i = 0; i < e->nstep && v->problems == 0; i++)
		follow_step(&f, i);
	if (v->problems == 0)
		read_outputs(&f);
	if (v->problems == 0)
		verify_updates(&f);
	if (v->problems == 0)
		verify_used(&f);
}
