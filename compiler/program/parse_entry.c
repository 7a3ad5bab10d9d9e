/* parse_entry: lines of an entry: scalars, inputs, outputs, launches and gemms; see parse.c. */
#include "compiler/program/parse_private.h"

#include <string.h>

enum { MOST_ARGS = 4096 }; /* of one step */

void
entry_finish(Parse *x)
{
	if (x->entry.n == 0)
		return;
	Entry *e = &x->entry.at[x->entry.n - 1];
	e->scalar = x->scalar.at;
	e->nscalar = x->scalar.n;
	e->input = x->input.at;
	e->ninput = x->input.n;
	e->output = x->output.at;
	e->noutput = x->output.n;
	e->step = x->step.at;
	e->nstep = x->step.n;
	memset(&x->scalar, 0, sizeof x->scalar);
	memset(&x->input, 0, sizeof x->input);
	memset(&x->output, 0, sizeof x->output);
	memset(&x->step, 0, sizeof x->step);
}

static Status
parse_arg(Parse *x, Arg *a)
{
	Scan *s = &x->s;
	if (scan_take(s, "f32")) {
		a->kind = ARG_f32;
		return scan_double(s, "a number", &a->f);
	}
	if (scan_take(s, "i64")) {
		a->kind = ARG_i64;
		return scan_int(s, "an integer", INT64_MIN, INT64_MAX, &a->i);
	}
	if (scan_take(s, "u64")) {
		a->kind = ARG_u64;
		return scan_u64(s, "an integer of 0 or more", &a->u);
	}
	a->kind = ARG_pointer;
	return parse_place(x, &a->slab, &a->offset);
}

static Status
parse_launch(Parse *x, ProgStep *step)
{
	Scan *s = &x->s;
	Vec(Arg) list = {0};
	step->kernel = -1;
	for (int i = 0; i < x->kernel.n && step->kernel < 0; i++)
		if (scan_is(s, x->kernel.at[i].name))
			step->kernel = i;
	if (step->kernel < 0)
		return scan_error(s, "program-reference", "there is no kernel `%.*s`",
		                  s->tok.n < 60 ? s->tok.n : 60, s->tok.at);
	scan_next(s);
	TRY(scan_want(s, "("));
	while (!scan_is(s, ")")) {
		Arg a = {0};
		if (list.n > 0)
			TRY(scan_want(s, ","));
		if (list.n == MOST_ARGS)
			return scan_error(s, "program-range", "a step has at most %d arguments",
			                  MOST_ARGS);
		TRY(parse_arg(x, &a));
		vec_push(x->arena, &list, a);
	}
	step->arg = list.at;
	step->narg = list.n;
	return scan_want(s, ")");
}

static Status
parse_operand(Parse *x, const char *name, GemmOperand *o)
{
	Scan *s = &x->s;
	TRY(scan_want(s, name));
	TRY(parse_place(x, &o->slab, &o->offset));
	TRY(parse_dtype(x, &o->dtype));
	TRY(scan_want(s, "["));
	TRY(scan_int(s, "a stride", 0, MOST_BYTES, &o->sz));
	TRY(scan_want(s, ","));
	TRY(scan_int(s, "a stride", 0, MOST_BYTES, &o->s0));
	TRY(scan_want(s, ","));
	TRY(scan_int(s, "a stride", 0, MOST_BYTES, &o->s1));
	return scan_want(s, "]");
}

static Status
parse_gemm(Parse *x, Gemm *g)
{
	Scan *s = &x->s;
	TRY(parse_size(x, "z", &g->z));
	TRY(parse_size(x, "m", &g->m));
	TRY(parse_size(x, "n", &g->n));
	TRY(parse_size(x, "k", &g->k));
	TRY(parse_operand(x, "a", &g->a));
	TRY(parse_operand(x, "b", &g->b));
	TRY(parse_operand(x, "c", &g->c));
	g->has_bias = scan_take(s, "bias");
	if (g->has_bias)
		TRY(parse_place(x, &g->bias_slab, &g->bias_offset));
	g->accumulate = scan_take(s, "accumulate");
	g->b_is_weight = scan_take(s, "weight");
	return OK;
}

static Status
parse_step(Parse *x, StepKind kind)
{
	Scan    *s = &x->s;
	ProgStep step = {.kind = kind};
	TRY(scan_word(s, "what the step belongs to", &step.what));
	TRY(parse_setting(x, "flops", &step.flops));
	TRY(parse_setting(x, "bytes", &step.bytes));
	TRY(kind == STEP_launch ? parse_launch(x, &step) : parse_gemm(x, &step.gemm));
	TRY(scan_end(s));
	step.loc = scan_comment_loc(s);
	vec_push(x->arena, &x->step, step);
	return OK;
}

Status
entry_line(Parse *x)
{
	static const char *const item[] = {"scalar", "input", "output", "launch", "gemm"};
	Scan                    *s = &x->s;
	int                      which;
	TRY(scan_choice(s, "a line of an entry", item, COUNT(item), &which));
	if (which == 0) {
		Scalar c = {0};
		TRY(parse_dtype(x, &c.dtype));
		TRY(parse_at(x, &c.slab, &c.offset));
		TRY(scan_want(s, "="));
		TRY(scan_string(s, "an expression", &c.expr));
		vec_push(x->arena, &x->scalar, c);
	} else if (which == 1) {
		Input in = {0};
		TRY(scan_string(s, "the name of an input", &in.name));
		TRY(parse_type(x, &in.type));
		TRY(parse_at(x, &in.slab, &in.offset));
		vec_push(x->arena, &x->input, in);
	} else if (which == 2) {
		OutputSpec out = {0};
		TRY(scan_string(s, "the name of an output", &out.name));
		TRY(parse_type(x, &out.type));
		TRY(parse_at(x, &out.slab, &out.offset));
		vec_push(x->arena, &x->output, out);
	} else {
		return parse_step(x, which == 3 ? STEP_launch : STEP_gemm);
	}
	return OK;
}
