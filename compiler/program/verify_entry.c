/* verify_entry: P15 .. P25 of PROGRAM.md: scalars, inputs, outputs and steps of one entry. */
#include "compiler/program/verify_private.h"

#include <math.h>
#include <string.h>

const char *
verify_step_name(Verify *v, const Entry *e, int i)
{
	Loc loc = e->step[i].loc;
	return loc.file && loc.line > 0
	               ? arena_printf(v->arena, "step %d of entry `%s` (%s:%d:%d)", i, e->name,
	                              loc.file, loc.line, loc.col)
	               : arena_printf(v->arena, "step %d of entry `%s`", i, e->name);
}

/* ---- P15 .. P18: what the runtime writes and reads ------------------------------------------ */

static bool
runtime_fills(const Recipe *r, const char *name)
{
	for (int i = 0; i < r->ndraw; i++)
		if (strcmp(r->draw[i].input, name) == 0)
			return true;
	return strcmp(name, "sample") == 0 || (r->data.input && strcmp(r->data.input, name) == 0);
}

/* Check one input or output and describe the memory it takes. */
static bool
verify_tensor(Verify *v, int rule, const Entry *e, const char *kind, const char *name,
              const Type *t, int slab, int64_t offset, Span *span)
{
	if (!name || !*name) {
		verify_bad(v, rule, "an %s of entry `%s` has no name", kind, e->name);
		return false;
	}
	if (!verify_type(v, t, kind, name))
		return false;
	const char *what = arena_printf(v->arena, "%s `%s` of entry `%s`", kind, name, e->name);
	if (!verify_place(v, rule, slab, offset, type_bytes(t), dtype_bytes[t->dtype], what))
		return false;
	*span = (Span){slab, offset, offset + type_bytes(t), kind, name};
	return true;
}

static void
verify_filled(Verify *v, const Entry *e)
{
	int   n = 0;
	Span *span = arena_new_array(v->arena, Span, e->nscalar + e->ninput + 1);
	for (int i = 0; i < e->nscalar; i++) {
		const Scalar *s = &e->scalar[i];
		const char   *what = arena_printf(v->arena, "scalar %d of entry `%s`", i, e->name);
		if (s->dtype != DT_f32 && s->dtype != DT_i32 && s->dtype != DT_u32)
			verify_bad(v, 15, "%s should be f32, i32 or u32", what);
		else if (!s->expr || !*s->expr)
			verify_bad(v, 15, "%s has no expression", what);
		else if (verify_place(v, 15, s->slab, s->offset, 4, 4, what))
			span[n++] = (Span){s->slab, s->offset, s->offset + 4, "scalar", s->expr};
	}
	for (int i = 0; i < e->ninput; i++) {
		const Input *in = &e->input[i];
		if (!verify_tensor(v, 16, e, "input", in->name, &in->type, in->slab, in->offset,
		                   &span[n]))
			continue;
		n++;
		if (v->p->recipe.data.source && !runtime_fills(&v->p->recipe, in->name))
			verify_bad(v, 16,
			           "nothing in the recipe fills the input `%s` of entry `%s`",
			           in->name, e->name);
		for (int j = 0; j < i; j++)
			if (e->input[j].name && strcmp(e->input[j].name, in->name) == 0)
				verify_bad(v, 16, "entry `%s` has two inputs `%s`", e->name,
				           in->name);
	}
	verify_sort(span, n);
	for (int i = 0; i < n; i++) {
		const Span *hit = verify_hits(v, &span[i]);
		if (!hit && i > 0 && span[i - 1].slab == span[i].slab &&
		    span[i].lo < span[i - 1].hi)
			hit = &span[i - 1];
		if (hit)
			verify_bad(v, 18, "%s `%s` of entry `%s` overlaps %s `%s`", span[i].kind,
			           span[i].name, e->name, hit->kind, hit->name);
	}
}

static void
verify_outputs(Verify *v, const Entry *e)
{
	if (e->noutput == 0)
		verify_bad(v, 17, "entry `%s` has no output", e->name);
	for (int i = 0; i < e->noutput; i++) {
		const OutputSpec *o = &e->output[i];
		Span              span;
		if (!verify_tensor(v, 17, e, "output", o->name, &o->type, o->slab, o->offset,
		                   &span))
			continue;
		for (int j = 0; j < i; j++)
			if (e->output[j].name && strcmp(e->output[j].name, o->name) == 0)
				verify_bad(v, 17, "entry `%s` has two outputs `%s`", e->name,
				           o->name);
		const Span *hit = verify_hits(v, &span);
		if (hit)
			verify_bad(v, 18, "output `%s` of entry `%s` overlaps %s `%s`", o->name,
			           e->name, hit->kind, hit->name);
	}
}

/* ---- P19: launches -------------------------------------------------------------------------- */

static void
verify_launch(Verify *v, const ProgStep *s, const char *what)
{
	int pointers = 0;
	if (s->kernel < 0 || s->kernel >= v->p->nkernel) {
		verify_bad(v, 19, "%s launches kernel %d of %d", what, s->kernel, v->p->nkernel);
		return;
	}
	for (int i = 0; i < s->narg; i++) {
		const Arg *a = &s->arg[i];
		if ((unsigned)a->kind >= COUNT(arg_kind_name))
			verify_bad(v, 19, "argument %d of %s is of no known kind", i, what);
		if (a->kind != ARG_pointer)
			continue;
		pointers++;
	}
	verify_arguments(v, s, what);
	if (pointers == 0)
		verify_bad(v, 19, "%s has no argument in memory, so it does nothing", what);
}

/* ---- P20 .. P24: gemms ---------------------------------------------------------------------- */

/* Elements from the first to the last, both included; more than any slab when the strides are
 * absurd. */
static int64_t
reach(const GemmOperand *o, int64_t z, int64_t n0, int64_t n1)
{
	double far = (double)(z - 1) * (double)o->sz + (double)(n0 - 1) * (double)o->s0 +
	             (double)(n1 - 1) * (double)o->s1;
	if (far > 0x1p60)
		return INT64_MAX / 8;
	return (z - 1) * o->sz + (n0 - 1) * o->s0 + (n1 - 1) * o->s1 + 1;
}

static bool
verify_operand(Verify *v, const GemmOperand *o, int64_t z, int64_t n0, int64_t n1, bool result,
               const char *what, Span *span)
{
	if (o->dtype != DT_f32 && o->dtype != DT_bf16) {
		verify_bad(v, 20, "%s should be f32 or bf16", what);
		return false;
	}
	/* The stride of an axis of size 1 says nothing. */
	bool unit = o->s1 == 1 || n1 == 1 || (!result && (o->s0 == 1 || n0 == 1));
	if (!unit || o->sz < 0 || o->s0 < 0 || o->s1 < 0) {
		verify_bad(v, 20, "%s has strides %lld, %lld, %lld: %s should be 1, none below 0",
		           what, (long long)o->sz, (long long)o->s0, (long long)o->s1,
		           result ? "the last" : "one of the last two");
		return false;
	}
	int64_t bytes = reach(o, z, n0, n1) * dtype_bytes[o->dtype];
	*span = (Span){o->slab, o->offset, o->offset, what, ""};
	if (!verify_place(v, 21, o->slab, o->offset, bytes, dtype_bytes[o->dtype], what))
		return false;
	span->hi += bytes;
	return true;
}

/* Do rows of `width` bytes, `pitch` apart, starting at a and b, stay clear of each other? Operands
 * that lie side by side in one matrix (q, k and v of one product) interleave like this without
 * touching. */
static bool
side_by_side(const GemmOperand *a, int64_t width_a, const GemmOperand *b, int64_t width_b,
             int64_t pitch)
{
	int64_t bytes_a = dtype_bytes[a->dtype], bytes_b = dtype_bytes[b->dtype];
	int64_t from = (b->offset - a->offset) % pitch;
	if (from < 0)
		from += pitch;
	return from >= width_a * bytes_a && from + width_b * bytes_b <= pitch;
}

/* The pitch of an operand in bytes when all its rows lie on one grid, else 0; *width: elements of a
 * row. */
static int64_t
grid(const GemmOperand *o, int64_t z, int64_t n0, int64_t n1, int64_t *width)
{
	int64_t outer = o->s1 == 1 ? o->s0 : o->s1, count = o->s1 == 1 ? n0 : n1;
	*width = o->s1 == 1 ? n1 : n0;
	if (outer <= 0 || count == 1 || (z > 1 && o->sz % outer != 0))
		return 0;
	return outer * dtype_bytes[o->dtype];
}

static void
verify_apart(Verify *v, const Gemm *g, const GemmOperand *o, int64_t n0, int64_t n1, const Span *c,
             const Span *span, const char *name, const char *what)
{
	if (c->slab != span->slab || c->hi <= span->lo || span->hi <= c->lo)
		return;
	int64_t width_c, width_o;
	int64_t pitch = grid(&g->c, g->z, g->m, g->n, &width_c);
	if (pitch > 0 && grid(o, g->z, n0, n1, &width_o) == pitch &&
	    side_by_side(&g->c, width_c, o, width_o, pitch))
		return;
	verify_bad(v, 22, "the result of %s overlaps its operand %s", what, name);
}

/* P23: no element of the result is written twice. Enough: taken from the smallest stride up, each
 * axis steps over all that the axes below it span. */
static bool
written_once(const Gemm *g)
{
	int64_t s0 = g->m > 1 ? g->c.s0 : 0, n0 = g->m, s1 = g->z > 1 ? g->c.sz : 0, n1 = g->z;
	int64_t span = g->n;
	if (n0 == 1 || (n1 > 1 && s1 < s0)) { /* z is the inner one, or the only one */
		int64_t s = s0, n = n0;
		s0 = s1, n0 = n1;
		s1 = s, n1 = n;
	}
	if (n0 > 1 && s0 < span)
		return false;
	if (n0 > 1)
		span += (n0 - 1) * s0;
	return n1 == 1 || s1 >= span;
}

static void
verify_gemm(Verify *v, const Gemm *g, const char *what)
{
	Span a, b, c, bias = {0};
	if (g->z < 1 || g->m < 1 || g->n < 1 || g->k < 1 || g->z > MOST_BYTES ||
	    g->m > MOST_BYTES || g->n > MOST_BYTES || g->k > MOST_BYTES) {
		verify_bad(v, 20, "%s is of size z=%lld m=%lld n=%lld k=%lld", what,
		           (long long)g->z, (long long)g->m, (long long)g->n, (long long)g->k);
		return;
	}
	bool good = verify_operand(v, &g->a, g->z, g->m, g->k, false,
	                           arena_printf(v->arena, "operand a of %s", what), &a);
	good &= verify_operand(v, &g->b, g->z, g->k, g->n, false,
	                       arena_printf(v->arena, "operand b of %s", what), &b);
	good &= verify_operand(v, &g->c, g->z, g->m, g->n, true,
	                       arena_printf(v->arena, "the result of %s", what), &c);
	if (g->has_bias) {
		good &= verify_place(v, 21, g->bias_slab, g->bias_offset, 4 * g->n, 4,
		                     arena_printf(v->arena, "the bias of %s", what));
		bias = (Span){g->bias_slab, g->bias_offset, g->bias_offset + 4 * g->n, "bias", ""};
	}
	if (!good)
		return;
	if (g->a.dtype != g->b.dtype)
		verify_bad(v, 20, "operands a and b of %s are %s and %s", what,
		           dtype_name[g->a.dtype], dtype_name[g->b.dtype]);
	verify_apart(v, g, &g->a, g->m, g->k, &c, &a, "a", what);
	verify_apart(v, g, &g->b, g->k, g->n, &c, &b, "b", what);
	if (g->has_bias && c.slab == bias.slab && c.lo < bias.hi && bias.lo < c.hi)
		verify_bad(v, 22, "the result of %s overlaps its bias", what);
	if (!written_once(g))
		verify_bad(v, 23, "%s writes an element of its result twice", what);
	const Span *hit = verify_hits(v, &c);
	if (hit)
		verify_bad(v, 24, "%s writes on %s `%s`", what, hit->kind, hit->name);
}

/* ---- an entry ------------------------------------------------------------------------------- */

static void
verify_step(Verify *v, const Entry *e, int i)
{
	static const char *const known[] = {"forward", "backward", "update", "teacher"};
	const ProgStep          *s = &e->step[i];
	const char              *what = verify_step_name(v, e, i);
	bool                     labelled = false;
	int                      before = v->problems;
	for (int j = 0; s->what && j < COUNT(known); j++)
		labelled |= strcmp(s->what, known[j]) == 0;
	if (!labelled || !(isfinite(s->flops) && s->flops >= 0) ||
	    !(isfinite(s->bytes) && s->bytes >= 0))
		verify_bad(v, 25, "%s is labelled `%s`, %g flops, %g bytes", what,
		           s->what ? s->what : "", s->flops, s->bytes);
	else if (s->kind == STEP_launch)
		verify_launch(v, s, what);
	else if (s->kind == STEP_gemm)
		verify_gemm(v, &s->gemm, what);
	else
		verify_bad(v, 25, "%s is of no known kind", what);
	if (v->problems == before)
		verify_seal(v, s, what);
}

void
verify_entry(Verify *v, const Entry *e)
{
	verify_filled(v, e);
	verify_outputs(v, e);
	for (int i = 0; i < e->nstep; i++)
		verify_step(v, e, i);
}
