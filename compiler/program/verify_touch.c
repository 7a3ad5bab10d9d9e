/* verify_touch: launches and gemms alike as lists of touched bytes. Decides nothing and reports
 * nothing. */
#include "compiler/program/verify_touch.h"

int64_t
touch_end(const Touch *t)
{
	return stripe_end(t->stripe) + (t->planes - 1) * t->step;
}

/* The bytes of a gemm's operand: runs, rows of them, planes of those, from its three strides. */
static void
operand_bytes(Touch *t, const GemmOperand *o, const int64_t size[3])
{
	int64_t unit = dtype_bytes[o->dtype], stride[3] = {o->sz, o->s0, o->s1}, n[3], s[3];
	int     levels = 0;
	for (int i = 0; i < 3; i++) {
		int at = levels;
		if (size[i] == 1 || stride[i] == 0)
			continue;
		for (; at > 0 && s[at - 1] > stride[i] * unit; at--) {
			n[at] = n[at - 1];
			s[at] = s[at - 1];
		}
		n[at] = size[i];
		s[at] = stride[i] * unit;
		levels++;
	}
	t->slab = o->slab;
	t->stripe = (Stripe){o->offset, unit, 1, 0};
	t->planes = 1;
	for (int i = 0; i < levels; i++) {
		Stripe *x = &t->stripe;
		if (x->rows == 1 && s[i] <= x->bytes) {
			x->bytes += (n[i] - 1) * s[i];
		} else if (x->rows == 1) {
			x->rows = n[i];
			x->pitch = s[i];
		} else if (s[i] == x->rows * x->pitch) {
			x->rows *= n[i];
		} else {
			t->planes = n[i];
			t->step = s[i];
		}
	}
}

static void
add_operand(Arena *a, Touches *out, const GemmOperand *o, int64_t z, int64_t n0, int64_t n1,
            Access access, const char *role)
{
	Named name = {o->value, o->at};
	Touch t = {.access = access,
	           .read = name,
	           .written = name,
	           .nmore = o->nmore,
	           .more = o->more,
	           .role = role,
	           .index = -1};
	operand_bytes(&t, o, (int64_t[]){z, n0, n1});
	vec_push(a, out, t);
}

static void
list_gemm(Arena *a, Touches *out, const Gemm *g)
{
	add_operand(a, out, &g->a, g->z, g->m, g->k, ACCESS_read, "operand a");
	add_operand(a, out, &g->b, g->z, g->k, g->n, ACCESS_read, "operand b");
	if (g->has_bias)
		vec_push(a, out,
		         (Touch){.slab = g->bias_slab,
		                 .stripe = {g->bias_offset, 4 * g->n, 1, 0},
		                 .planes = 1,
		                 .access = ACCESS_read,
		                 .read = {g->bias_value, g->bias_at},
		                 .nmore = g->bias_nmore,
		                 .more = g->bias_more,
		                 .role = "the bias",
		                 .index = -1});
	add_operand(a, out, &g->c, g->z, g->m, g->n, g->accumulate ? ACCESS_update : ACCESS_write,
	            "the result");
	out->at[out->n - 1].read = (Named){g->before, g->before_at};
}

static void
list_launch(Arena *a, Touches *out, const ProgStep *s)
{
	for (int i = 0; i < s->narg; i++) {
		const Arg *x = &s->arg[i];
		Named      value = {x->value, x->at}, before = {x->before, x->before_at};
		if (x->kind == ARG_pointer)
			vec_push(a, out,
			         (Touch){.slab = x->slab,
			                 .stripe = {x->offset, x->extent.bytes, x->extent.rows,
			                            x->extent.pitch},
			                 .planes = 1,
			                 .access = x->access,
			                 .padded = x->padded,
			                 .read = x->access == ACCESS_update ? before : value,
			                 .written = value,
			                 .nmore = x->nmore,
			                 .more = x->more,
			                 .role = "argument",
			                 .index = i});
	}
}

void
touch_list(Arena *a, const ProgStep *s, Touches *out)
{
	out->n = 0;
	if (s->kind == STEP_gemm)
		list_gemm(a, out, &s->gemm);
	else
		list_launch(a, out, s);
}
