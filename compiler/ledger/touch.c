/* What a step touches, whatever its kind: launches and gemms as one list of places. */
#include "compiler/ledger/ledger_private.h"

/* `rows` runs of `bytes`; where a gemm's planes do not follow each other, from first to last byte.
 */
static Extent
operand_extent(const GemmOperand *o, int64_t z, int64_t n0, int64_t n1)
{
	int64_t size = dtype_bytes[o->dtype];
	int64_t fast = o->s1 == 1 ? n1 : n0, slow = o->s1 == 1 ? n0 : n1,
		pitch = (o->s1 == 1 ? o->s0 : o->s1) * size;

	if (z > 1 && o->sz != slow * (pitch / size))
		return (Extent){size * (o->sz * (z - 1) + fast) + pitch * (slow - 1), 1, 0};
	slow *= z;
	if (slow == 1 || pitch == fast * size)
		return (Extent){slow * fast * size, 1, 0};
	return (Extent){fast * size, slow, pitch};
}

static Touch
operand_touch(const GemmOperand *o, int64_t z, int64_t n0, int64_t n1)
{
	return (Touch){.access = ACCESS_read,
	               .slab = o->slab,
	               .offset = o->offset,
	               .extent = operand_extent(o, z, n0, n1),
	               .value = o->value,
	               .at = o->at,
	               .nmore = o->nmore,
	               .more = o->more};
}

static int
touches_of_gemm(Arena *a, const Gemm *g, Touch **out)
{
	Touch *t = *out = arena_new_array(a, Touch, 4);
	int    n = 0;

	t[n++] = operand_touch(&g->a, g->z, g->m, g->k);
	t[n++] = operand_touch(&g->b, g->z, g->k, g->n);
	if (g->has_bias)
		t[n++] = (Touch){.access = ACCESS_read,
		                 .slab = g->bias_slab,
		                 .offset = g->bias_offset,
		                 .extent = {4 * g->n, 1, 0},
		                 .value = g->bias_value,
		                 .at = g->bias_at,
		                 .nmore = g->bias_nmore,
		                 .more = g->bias_more};
	t[n] = operand_touch(&g->c, g->z, g->m, g->n);
	t[n].access = g->accumulate ? ACCESS_update : ACCESS_write;
	t[n].before = g->before;
	t[n++].before_at = g->before_at;
	return n;
}

int
touches_of(Arena *a, const ProgStep *s, Touch **out)
{
	Touch *t;
	int    n = 0;

	if (s->kind == STEP_gemm)
		return touches_of_gemm(a, &s->gemm, out);
	t = *out = arena_new_array(a, Touch, s->narg + 1);
	for (int i = 0; i < s->narg; i++) {
		const Arg *g = &s->arg[i];

		if (g->kind == ARG_pointer)
			t[n++] = (Touch){g->access, g->slab, g->offset,    g->extent, g->value,
			                 g->before, g->at,   g->before_at, g->nmore,  g->more};
	}
	return n;
}

int
values_of(const Entry *e)
{
	int most = 0;

	for (int i = 0; i < e->nstep; i++) {
		const ProgStep *s = &e->step[i];

		if (s->kind == STEP_gemm && s->gemm.c.value > most)
			most = s->gemm.c.value;
		for (int k = 0; k < s->narg; k++)
			if (s->arg[k].kind == ARG_pointer && s->arg[k].value > most)
				most = s->arg[k].value;
	}
	return most;
}
