/* seal: a hash of what a step means, written by the compiler and checked by verify_kernel.c. It
 * covers what no rule can derive from the rest of the program: which kernel runs on how many
 * threads, which argument stands where, sizes and strides of a gemm. Places are not in it, since
 * verify_flow.c proves them; nor are labels, costs and floating-point numbers, which are data. */
#include "compiler/program/program_private.h"

static void
mix(uint64_t *h, int64_t x)
{
	*h = (*h ^ (uint64_t)x) * 0x9e3779b97f4a7c15u;
	*h ^= *h >> 29;
}

static void
mix_values(uint64_t *h, int value, int64_t at, const Named *more, int nmore)
{
	mix(h, value);
	mix(h, at);
	mix(h, nmore);
	for (int i = 0; i < nmore; i++) {
		mix(h, more[i].value);
		mix(h, more[i].at);
	}
}

static void
mix_arg(uint64_t *h, const Arg *a)
{
	mix(h, a->kind);
	if (a->kind == ARG_i64)
		mix(h, a->i);
	if (a->kind != ARG_pointer)
		return;
	mix(h, a->access);
	mix(h, a->extent.bytes);
	mix(h, a->extent.rows);
	mix(h, a->extent.pitch);
	mix(h, a->padded);
	mix(h, a->before);
	mix(h, a->before_at);
	mix_values(h, a->value, a->at, a->more, a->nmore);
}

static void
mix_operand(uint64_t *h, const GemmOperand *o)
{
	mix(h, o->dtype);
	mix(h, o->sz);
	mix(h, o->s0);
	mix(h, o->s1);
	mix_values(h, o->value, o->at, o->more, o->nmore);
}

uint32_t
step_seal(const Program *p, const ProgStep *s)
{
	const Gemm *g = &s->gemm;
	uint64_t    h = 0;
	mix(&h, s->kind);
	if (s->kind == STEP_launch) {
		const Kernel *k = &p->kernel[s->kernel];
		for (const char *c = k->name; *c; c++)
			mix(&h, *c);
		mix(&h, k->block);
		mix(&h, k->shared);
		mix(&h, k->grid);
		mix(&h, k->per_block);
		for (int i = 0; i < k->ntype; i++)
			mix(&h, k->type[i]);
		for (int i = 0; i < s->narg; i++)
			mix_arg(&h, &s->arg[i]);
		return (uint32_t)(h >> 32);
	}
	mix(&h, g->z);
	mix(&h, g->m);
	mix(&h, g->n);
	mix(&h, g->k);
	mix_operand(&h, &g->a);
	mix_operand(&h, &g->b);
	mix_operand(&h, &g->c);
	mix(&h, g->has_bias);
	if (g->has_bias)
		mix_values(&h, g->bias_value, g->bias_at, g->bias_more, g->bias_nmore);
	mix(&h, g->accumulate);
	if (g->accumulate)
		mix_values(&h, g->before, g->before_at, NULL, 0);
	mix(&h, g->b_is_weight);
	return (uint32_t)(h >> 32);
}
