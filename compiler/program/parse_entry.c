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

/* ---- values: %12 %12+64 %v3, several joined by `&` ------------------------------------------ */

static Status
bad_value(Parse *x)
{
	return scan_error(&x->s, "program-syntax",
	                  "a value should stand here: `%%12`, `%%v3`, `%%12+64`, several joined "
	                  "by `&`");
}

/* Digits from *at on; false when there is none, or more than fit in 18. */
static bool
read_digits(const Token *t, int *at, int64_t *out)
{
	int first = *at;
	*out = 0;
	for (; *at < t->n && t->at[*at] >= '0' && t->at[*at] <= '9' && *at - first < 18; ++*at)
		*out = 10 * *out + (t->at[*at] - '0');
	return *at > first;
}

static bool
read_value(const Token *t, int *at, Named *out)
{
	int64_t number, sign = 1;
	int     kind = -1;
	if (*at >= t->n || t->at[(*at)++] != '%')
		return false;
	for (int i = 0; *at < t->n && i < HELD_KINDS; i++)
		if (t->at[*at] == held_letter[i])
			kind = i;
	*at += kind >= 0;
	if (!read_digits(t, at, &number) || number > INT32_MAX / 8)
		return false;
	out->value = kind >= 0 ? value_held((Held)kind, (int)number) : (int)number;
	out->at = 0;
	if (*at >= t->n || (t->at[*at] != '+' && t->at[*at] != '-'))
		return true;
	sign = t->at[(*at)++] == '-' ? -1 : 1;
	if (!read_digits(t, at, &out->at))
		return false;
	out->at *= sign;
	return true;
}

/* The values read at one place, and, where `written` is given, behind `>` the one written. */
static Status
parse_values(Parse *x, Named *first, Named **more, int *nmore, Named *written)
{
	Scan *s = &x->s;
	int   at = 0;
	Vec(Named) list = {0};
	if (s->tok.kind != TOK_WORD || !read_value(&s->tok, &at, first))
		return bad_value(x);
	while (more && at < s->tok.n && s->tok.at[at] == '&') {
		Named next;
		at++;
		if (!read_value(&s->tok, &at, &next))
			return bad_value(x);
		vec_push(x->arena, &list, next);
	}
	if (written &&
	    (at >= s->tok.n || s->tok.at[at++] != '>' || !read_value(&s->tok, &at, written)))
		return bad_value(x);
	if (at != s->tok.n)
		return bad_value(x);
	if (more) {
		*more = list.at;
		*nmore = list.n;
	}
	scan_next(s);
	return OK;
}

/* ---- arguments ------------------------------------------------------------------------------ */

/* Behind the place: `:bytes` or `:bytes*rows@pitch` */
static Status
parse_extent(Parse *x, Extent *e)
{
	Scan        *s = &x->s;
	const Token *t = &s->tok;
	int          at = 0;
	*e = (Extent){0, 1, 0};
	TRY(scan_want(s, ":"));
	bool good = t->kind == TOK_WORD && read_digits(t, &at, &e->bytes);
	if (good && at < t->n)
		good = t->at[at++] == '*' && read_digits(t, &at, &e->rows) && at < t->n &&
		       t->at[at++] == '@' && read_digits(t, &at, &e->pitch);
	if (!good || at != t->n)
		return scan_error(s, "program-syntax",
		                  "the bytes of the argument should stand here: `64` or "
		                  "`64*rows@pitch`");
	if (e->bytes < 1 || e->bytes > MOST_BYTES || e->rows < 1 || e->rows > MOST_BYTES ||
	    e->pitch > MOST_BYTES)
		return scan_error(s, "program-range", "the argument has no or too many bytes");
	scan_next(s);
	return OK;
}

static Status
parse_pointer(Parse *x, Arg *a)
{
	Scan *s = &x->s;
	Named value = {0}, written = {0};
	int   access;
	TRY(scan_choice(s, "an argument (f32 i64 u64)", access_name + 1, ACCESS_update, &access));
	a->kind = ARG_pointer;
	a->access = (Access)(access + 1);
	TRY(parse_values(x, &value, a->access == ACCESS_write ? NULL : &a->more, &a->nmore,
	                 a->access == ACCESS_update ? &written : NULL));
	if (a->access == ACCESS_update) {
		a->before = value.value;
		a->before_at = value.at;
		value = written;
	}
	a->value = value.value;
	a->at = value.at;
	a->padded = scan_take(s, "padded");
	TRY(parse_place(x, &a->slab, &a->offset));
	return parse_extent(x, &a->extent);
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
	return parse_pointer(x, a);
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
	Named value = {0};
	TRY(scan_want(s, name));
	TRY(parse_values(x, &value, &o->more, &o->nmore, NULL));
	o->value = value.value;
	o->at = value.at;
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
	Named value = {0};
	if (g->c.nmore > 0)
		return scan_error(s, "program-syntax", "a gemm writes one value");
	if (g->has_bias) {
		TRY(parse_values(x, &value, &g->bias_more, &g->bias_nmore, NULL));
		g->bias_value = value.value;
		g->bias_at = value.at;
		TRY(parse_place(x, &g->bias_slab, &g->bias_offset));
	}
	g->accumulate = scan_take(s, "accumulate");
	if (g->accumulate) {
		TRY(parse_values(x, &value, NULL, NULL, NULL));
		g->before = value.value;
		g->before_at = value.at;
	}
	g->b_is_weight = scan_take(s, "weight");
	return OK;
}

/* seal=0123abcd */
static Status
parse_seal(Parse *x, uint32_t *out)
{
	Scan *s = &x->s;
	TRY(scan_want(s, "seal"));
	TRY(scan_want(s, "="));
	bool good = s->tok.kind == TOK_WORD && s->tok.n == 8;
	*out = 0;
	for (int i = 0; good && i < 8; i++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, s->tok.at[i]);
		good = at != NULL;
		*out = 16 * *out + (uint32_t)(good ? at - digits : 0);
	}
	if (!good)
		return scan_error(s, "program-syntax", "a seal is 8 hex digits");
	scan_next(s);
	return OK;
}

static Status
parse_step(Parse *x, StepKind kind)
{
	Scan    *s = &x->s;
	ProgStep step = {.kind = kind};
	TRY(scan_word(s, "what the step belongs to", &step.what));
	TRY(parse_seal(x, &step.seal));
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
		TRY(scan_want(s, "="));
		Named value = {0};
		TRY(parse_values(x, &value, NULL, NULL, NULL));
		out.value = value.value;
		out.at = value.at;
		TRY(parse_at(x, &out.slab, &out.offset));
		vec_push(x->arena, &x->output, out);
	} else {
		return parse_step(x, which == 3 ? STEP_launch : STEP_gemm);
	}
	return OK;
}
