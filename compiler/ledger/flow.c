/* What each result of a program follows from, as hashes made from step to step: two results with
 * one hash are computed by the same kernels from the same numbers, whatever lies where and however
 * steps of no consequence to each other are ordered. Knows no arithmetic: results that are equal
 * for deeper reasons get different hashes. */
#include "compiler/ledger/ledger_private.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
	uint64_t strict, loose;
} Pair;

/* What one step left in a value: `at` bytes behind its start. */
typedef struct {
	int64_t at;
	Extent  extent;
	Pair    hash;
} Part;
typedef Vec(Part) Parts;

typedef struct {
	Arena          *a;
	const Program  *p;
	const Entry    *e;
	const uint64_t *kernel; /* per kernel */
	Parts          *part;   /* per value */
	Flows          *out;
	/* per variable: what became of it; NULL for other entries than train */
	Pair *variable;
} FlowState;

/* ---- hashes --------------------------------------------------------------------------------- */

/* Finalizer of splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint64_t
with(uint64_t h, uint64_t x)
{
	return mix(h * 0x9e3779b97f4a7c15u + x + 1);
}

static Pair
pair_with(Pair h, uint64_t x)
{
	return (Pair){with(h.strict, x), with(h.loose, x)};
}

static Pair
pair_pair(Pair h, Pair x)
{
	return (Pair){with(h.strict, x.strict), with(h.loose, x.loose)};
}

static Pair
pair_extent(Pair h, const Extent *e)
{
	return pair_with(pair_with(pair_with(h, (uint64_t)e->bytes), (uint64_t)e->rows),
	                 (uint64_t)e->pitch);
}

static uint64_t
bits(double x)
{
	uint64_t u;

	memcpy(&u, &x, sizeof u);
	return u;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* The text without the kernel's name and without comments, except on lines of the preprocessor
 * (they say which prelude); comments, blanks and ends of lines are one blank. */
uint64_t
kernel_hash(const Program *p, int kernel, const char *text)
{
	const Kernel *k = &p->kernel[kernel];
	size_t        name = strlen(k->name);
	Text          t = {0};
	uint64_t      h;
	bool          directive = false;

	for (const char *s = text; *s;) {
		const char *end = s;

		if (s == text || s[-1] == '\n')
			directive = *s == '#';
		if (directive) {
			text_append(&t, s++, 1);
			continue;
		}
		while (is_blank(*end) && end[1] != '#')
			end++;
		if (s[0] == '/' && s[1] == '*' && (end = strstr(s + 2, "*/")))
			end += 2;
		if (end && end > s) {
			if (t.n && !is_blank(t.at[t.n - 1]))
				text_append(&t, " ", 1);
			s = end;
		} else if (strncmp(s, k->name, name) == 0) {
			text_append(&t, "@", 1);
			s += name;
		} else {
			text_append(&t, s++, 1);
		}
	}
	while (t.n && is_blank(t.at[t.n - 1]))
		t.at[--t.n] = 0;
	h = hash_name(t.at ? t.at : "");
	text_free(&t);
	return with(with(with(with(h, (uint64_t)k->block), (uint64_t)k->shared), (uint64_t)k->grid),
	            (uint64_t)k->per_block);
}

static uint64_t
type_hash(const Type *type)
{
	Text     t = {0};
	uint64_t h;

	type_print(&t, type);
	h = hash_name(t.at);
	text_free(&t);
	return h;
}

/* ---- what is read --------------------------------------------------------------------------- */

static Pair
held_hash(const FlowState *f, int value)
{
	int      i = held_index(value);
	uint64_t h = mix((uint64_t)held_kind(value) + 1);

	switch (held_kind(value)) {
	case HELD_variable:
		h = with(h, hash_name(f->p->recipe.var[i].name));
		break;
	case HELD_table:
		for (int64_t k = 0; k < f->p->table[i].count; k++)
			h = with(h, (uint32_t)f->p->table[i].data[k]);
		break;
	case HELD_scalar:
		h = with(with(h, hash_name(f->e->scalar[i].expr)), (uint64_t)f->e->scalar[i].dtype);
		break;
	case HELD_input:
		h = with(with(h, hash_name(f->e->input[i].name)), type_hash(&f->e->input[i].type));
		break;
	case HELD_KINDS:
		BUG("value %d is nothing that is held", value);
	}
	return (Pair){h, h};
}

static int64_t
span(const Extent *e)
{
	return e->bytes + (e->rows > 1 ? (e->rows - 1) * e->pitch : 0);
}

static int
by_at(const void *a, const void *b)
{
	const Part *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->extent.bytes < y->extent.bytes ? -1 : x->extent.bytes > y->extent.bytes;
}

/* The parts of a value that a read of so many bytes, `at` behind its start, can see. */
static Pair
value_hash(const FlowState *f, int value, int64_t at, int64_t bytes)
{
	Parts *all;
	Pair   h = {7, 7};

	if (value < 0)
		return held_hash(f, value);
	all = &f->part[value];
	if (all->n > 1)
		qsort(all->at, (size_t)all->n, sizeof *all->at, by_at);
	for (int i = 0; i < all->n; i++) {
		const Part *x = &all->at[i];

		if (x->at < at + bytes && at < x->at + span(&x->extent))
			h = pair_pair(pair_extent(pair_with(h, (uint64_t)x->at), &x->extent),
			              x->hash);
	}
	return h;
}

/* All that one pointer reads. many: the order of the values does not matter for a sum over all of
 * them. */
static Pair
read_hash(const FlowState *f, const Touch *t, bool many)
{
	bool     update = t->access == ACCESS_update;
	int      first = update ? t->before : t->value;
	int64_t  at = update ? t->before_at : t->at;
	Pair     h = {11, 11};
	uint64_t sum = 0;

	for (int i = -1; i < t->nmore; i++) {
		int     v = i < 0 ? first : t->more[i].value;
		int64_t where = i < 0 ? at : t->more[i].at;
		Pair    x = value_hash(f, v, where, span(&t->extent));

		h.strict = with(with(h.strict, x.strict), (uint64_t)where);
		h.loose = with(with(h.loose, x.loose), (uint64_t)where);
		sum += mix(x.loose);
	}
	if (many)
		h.loose = with(13, sum);
	return h;
}

/* What an address is a multiple of: libraries may choose other code for it, compilers start a sum
 * elsewhere. Up to 64 bytes, which every slab and every planned place has. */
static uint64_t
aligned(int64_t offset)
{
	uint64_t a = (uint64_t)offset | 64;

	return a & -a;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static Pair
gemm_shape(const FlowState *f, const Gemm *g)
{
	const GemmOperand *o[] = {&g->a, &g->b, &g->c};
	const int64_t      size[] = {g->z, g->m, g->n, g->k, g->has_bias, g->b_is_weight};
	Pair               h = {hash_name(f->p->target), hash_name(f->p->target)};

	for (int i = 0; i < COUNT(size); i++)
		h = pair_with(h, (uint64_t)size[i]);
	for (int i = 0; i < COUNT(o); i++) {
		h = pair_with(h, (uint64_t)o[i]->dtype);
		h = pair_with(pair_with(pair_with(h, (uint64_t)o[i]->sz), (uint64_t)o[i]->s0),
		              (uint64_t)o[i]->s1);
		h.strict = with(h.strict, aligned(o[i]->offset));
	}
	if (g->has_bias)
		h.strict = with(h.strict, aligned(g->bias_offset));
	return h;
}

static Pair
launch_shape(const FlowState *f, const ProgStep *s)
{
	Pair h = {f->kernel[s->kernel], f->kernel[s->kernel]};

	for (int i = 0; i < s->narg; i++) {
		const Arg *x = &s->arg[i];

		h = pair_with(h, (uint64_t)x->kind);
		if (x->kind == ARG_pointer) {
			h = pair_extent(
				pair_with(h, (uint64_t)x->access + 10 * (uint64_t)x->padded),
				&x->extent);
			h.strict = with(h.strict, aligned(x->offset));
		} else {
			h = pair_with(h, x->kind == ARG_f32   ? bits(x->f)
			                 : x->kind == ARG_i64 ? (uint64_t)x->i
			                                      : x->u);
		}
	}
	return h;
}

/* C += A B: a chain of these is a sum, whose loose hash is the sum of its terms'. Only where one
 * value is continued whole. */
static bool
continued(const FlowState *f, const Touch *c, Pair *before)
{
	const Parts *x;

	if (c->access != ACCESS_update || c->before <= 0 || c->nmore)
		return false;
	x = &f->part[c->before];
	if (x->n != 1 || x->at[0].at != c->before_at ||
	    memcmp(&x->at[0].extent, &c->extent, sizeof c->extent) != 0)
		return false;
	*before = x->at[0].hash;
	return true;
}

/* What the variables become: `hash` is left in the bytes of t. */
static void
write_variables(FlowState *f, const Touch *t, Pair hash)
{
	for (int i = 0; f->variable && i < f->p->recipe.nvar; i++) {
		const Variable *v = &f->p->recipe.var[i];

		if (v->slab == t->slab && v->offset < t->offset + span(&t->extent) &&
		    t->offset < v->offset + type_bytes(&v->type))
			f->variable[i] = pair_pair(
				pair_with(f->variable[i], (uint64_t)(v->offset - t->offset)), hash);
	}
}

static void
follow(FlowState *f, const ProgStep *s)
{
	Touch *t;
	int    n = touches_of(f->a, s, &t);
	bool   gemm = s->kind == STEP_gemm, many = strcmp(step_kind(f->p, s), "sum_squares") == 0;
	Pair   h = gemm ? gemm_shape(f, &s->gemm) : launch_shape(f, s), before;

	for (int i = 0; i < n; i++)
		if (t[i].access & ACCESS_read && !(gemm && i == n - 1))
			h = pair_pair(h, read_hash(f, &t[i], many));
	if (gemm) {
		bool sum = continued(f, &t[n - 1], &before);

		h.loose = mix(h.loose);
		if (t[n - 1].access & ACCESS_read) {
			Pair was = read_hash(f, &t[n - 1], false);

			h.strict = with(h.strict, was.strict);
			h.loose = sum ? before.loose + h.loose : with(h.loose, was.loose);
		}
	}
	for (int i = 0; i < n; i++) {
		Pair left = gemm ? h : pair_with(h, (uint64_t)i);

		if (!(t[i].access & ACCESS_write))
			continue;
		if (t[i].value > 0)
			vec_push(f->a, &f->part[t[i].value], (Part){t[i].at, t[i].extent, left});
		write_variables(f, &t[i], left);
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const Flow *)a)->name, ((const Flow *)b)->name);
}

static void
follow_entry(Arena *a, const Program *p, const Entry *e, const uint64_t *kernel, Flows *out)
{
	FlowState f = {.a = a, .p = p, .e = e, .kernel = kernel, .out = out};

	f.part = arena_new_array(a, Parts, values_of(e) + 1);
	if (strcmp(e->name, "train") == 0)
		f.variable = arena_new_array(a, Pair, p->recipe.nvar + 1);
	for (int i = 0; i < e->nstep; i++)
		follow(&f, &e->step[i]);
	for (int i = 0; i < e->noutput; i++) {
		const OutputSpec *o = &e->output[i];
		Pair              h = value_hash(&f, o->value, o->at, type_bytes(&o->type));

		h = pair_with(pair_with(h, type_hash(&o->type)), (uint64_t)o->at);
		out->at[out->n++] =
			(Flow){arena_printf(a, "%s/%s", e->name, o->name), h.strict, h.loose};
	}
	for (int i = 0; f.variable && i < p->recipe.nvar; i++)
		out->at[out->n++] =
			(Flow){p->recipe.var[i].name, f.variable[i].strict, f.variable[i].loose};
}

Flows
program_flow(Arena *a, const Program *p, const char *const *text)
{
	Flows     out = {0};
	uint64_t *kernel = arena_new_array(a, uint64_t, p->nkernel + 1);
	int       n = p->recipe.nvar;

	for (int i = 0; i < p->nkernel; i++)
		kernel[i] = kernel_hash(p, i, text[i]);
	for (int i = 0; i < p->nentry; i++)
		n += p->entry[i].noutput;
	out.at = arena_new_array(a, Flow, n + 1);
	for (int i = 0; i < p->nentry; i++)
		follow_entry(a, p, &p->entry[i], kernel, &out);
	qsort(out.at, (size_t)out.n, sizeof *out.at, by_name);
	return out;
}
