/* `d2v diff` must never call two programs identical whose bits may differ: every number, kernel
 * text, expression, starting value and setting of the data is changed alone, and each change must
 * be seen. What cannot change a bit - places, the order of independent steps, names, comments,
 * checkpoints - must not be. */
#include "compiler/ledger/ledger.h"
#include "tests/support/spec_program.h"

#include <check.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_diff(void);

static const char  gray[] = "tests/e2e/specs/gray.d2v", small[] = "tests/golden/plan/small.d2v";
static Arena      *arena;
static SpecProgram one;

static void
begin(void)
{
	arena = arena_new();
	ck_assert(spec_program(arena, gray, "", "cpu", "cheap", &one) == OK);
}

static void
end(void)
{
	arena_free(arena);
}

/* As it would be read from a folder. */
static Program *
copy_of(const Program *p)
{
	Text     t = {0};
	Program *out;

	program_print(p, &t);
	ck_assert(program_parse(arena, "copy", t.at, &out) == OK);
	text_free(&t);
	return out;
}

static Numerics
verdict(const Program *p, const char *const *text)
{
	Side x = {"one", false, one.p, one.text}, y = {"other", false, p, text};

	return program_diff(arena, x, y)->numerics;
}

static void
seen(const Program *p, const char *const *text, const char *what)
{
	ck_assert_msg(verdict(p, text) == NUMERICS_different, "%s: called %s", what,
	              numerics_name[verdict(p, text)]);
}

static void
unseen(const Program *p, const char *const *text, const char *what)
{
	ck_assert_msg(verdict(p, text) == NUMERICS_identical, "%s: called %s", what,
	              numerics_name[verdict(p, text)]);
}

/* ---- numbers of steps ----------------------------------------------------------------------- */

START_TEST(numbers)
{
	Program *p = copy_of(one.p);
	int      changed = 0;

	unseen(p, one.text, "a copy");
	for (int e = 0; e < p->nentry; e++)
		for (int i = 0; i < p->entry[e].nstep; i++) {
			ProgStep *s = &p->entry[e].step[i];

			for (int k = 0; k < s->narg; k++) {
				Arg was = s->arg[k];

				if (was.kind == ARG_pointer)
					continue;
				s->arg[k].f = nextafter(was.f, 2);
				s->arg[k].i++;
				s->arg[k].u ^= UINT64_C(1) << 63;
				seen(p, one.text,
				     arena_printf(arena, "a number of step %d of %s", i,
				                  p->entry[e].name));
				s->arg[k] = was;
				changed++;
			}
		}
	ck_assert_int_gt(changed, 20);
	unseen(p, one.text, "a copy put back");
}
END_TEST

START_TEST(gemms)
{
	Program *p = copy_of(one.p);
	int      changed = 0;

	for (int i = 0; i < p->entry[0].nstep; i++) {
		Gemm *g = &p->entry[0].step[i].gemm, was = *g;

		if (p->entry[0].step[i].kind != STEP_gemm)
			continue;
		g->k--;
		seen(p, one.text, "the depth of a gemm");
		*g = was;
		g->a.dtype = g->b.dtype = DT_bf16;
		seen(p, one.text, "the type of a gemm");
		*g = was;
		g->b.s0++;
		seen(p, one.text, "a stride of a gemm");
		*g = was;
		g->b_is_weight = !was.b_is_weight;
		seen(p, one.text, "whether a gemm's operand is packed");
		*g = was;
		changed++;
	}
	ck_assert_int_gt(changed, 20);
}
END_TEST

START_TEST(held)
{
	Program *p = copy_of(one.p);

	for (int e = 0; e < p->nentry; e++)
		for (int i = 0; i < p->entry[e].nscalar; i++) {
			Scalar *s = &p->entry[e].scalar[i], was = *s;

			s->expr = arena_printf(arena, "%s + 1e-9", was.expr);
			seen(p, one.text, was.expr);
			*s = was;
		}
	for (int i = 0; i < p->ntable; i++)
		for (int64_t k = 0; k < p->table[i].count; k++) {
			int32_t *at = (int32_t *)&p->table[i].data[k], was = *at;

			*at = was + 1;
			seen(p, one.text, "a number of a table");
			*at = was;
		}
	unseen(p, one.text, "a copy put back");
}
END_TEST

/* ---- kernels -------------------------------------------------------------------------------- */

/* The last digit outside comments and the kernel's name, or 0. */
static size_t
last_digit(const char *text, const char *name)
{
	size_t at = 0;
	bool   comment = false;

	for (size_t i = 0; text[i]; i++) {
		comment =
			comment ? strncmp(text + i, "*/", 2) != 0 : strncmp(text + i, "/*", 2) == 0;
		if (!comment && strncmp(text + i, name, strlen(name)) == 0)
			i += strlen(name) - 1;
		else if (!comment && isdigit((unsigned char)text[i]))
			at = i;
	}
	return at;
}

START_TEST(texts)
{
	Program     *p = copy_of(one.p);
	const char **text = arena_new_array(arena, const char *, p->nkernel);
	int          changed = 0;

	memcpy(text, one.text, sizeof *text * (size_t)p->nkernel);
	for (int k = 0; k < p->nkernel; k++) {
		size_t at = last_digit(one.text[k], p->kernel[k].name);
		char  *own = arena_strdup(arena, one.text[k]), *prelude;

		ck_assert_uint_gt(at, 0);
		text[k] = own;
		own[at] = own[at] == '9' ? '8' : (char)(own[at] + 1);
		seen(p, text, arena_printf(arena, "a digit of %s", p->kernel[k].name));
		own[at] = one.text[k][at];
		if ((prelude = strstr(own, "prelude.h\" /* "))) {
			prelude[14] = prelude[14] == 'a' ? 'b' : 'a';
			seen(p, text, "another prelude");
			changed++;
		}
		text[k] = one.text[k];
	}
	ck_assert_int_eq(changed, p->nkernel);
}
END_TEST

static const char *
renamed(const char *text, const char *was, const char *is)
{
	Text        t = {0};
	const char *out;

	for (const char *s = text; *s;)
		if (strncmp(s, was, strlen(was)) == 0) {
			text_printf(&t, "%s", is);
			s += strlen(was);
		} else {
			text_append(&t, s++, 1);
		}
	out = arena_strdup(arena, t.at);
	text_free(&t);
	return out;
}

START_TEST(names)
{
	Program     *p = copy_of(one.p);
	const char **text = arena_new_array(arena, const char *, p->nkernel);

	for (int k = 0; k < p->nkernel; k++) {
		const char *was = p->kernel[k].name, *kind = strchr(was, '_');

		p->kernel[k].name = intern_printf("k%d%s", 500 + 7 * k, kind);
		text[k] = arena_printf(arena, "/* a word */\n%s/* 17 */\n",
		                       renamed(one.text[k], was, p->kernel[k].name));
	}
	unseen(p, text, "kernels renamed and commented on");
	p->kernel[0].block++;
	seen(p, text, "threads of a block");
}
END_TEST

/* ---- places and order ----------------------------------------------------------------------- */

static void
shift(Program *p, int slab, int64_t by)
{
	p->slab[slab].bytes += by;
	for (int i = 0; i < p->recipe.nvar; i++)
		p->recipe.var[i].offset += p->recipe.var[i].slab == slab ? by : 0;
	for (int e = 0; e < p->nentry; e++) {
		Entry *x = &p->entry[e];

		for (int i = 0; i < x->noutput; i++)
			x->output[i].offset += x->output[i].slab == slab ? by : 0;
		for (int i = 0; i < x->nstep; i++) {
			ProgStep    *s = &x->step[i];
			GemmOperand *o[] = {&s->gemm.a, &s->gemm.b, &s->gemm.c};

			for (int k = 0; k < s->narg; k++)
				s->arg[k].offset +=
					s->arg[k].kind == ARG_pointer && s->arg[k].slab == slab ? by
												: 0;
			for (int k = 0; k < 3 && s->kind == STEP_gemm; k++)
				o[k]->offset += o[k]->slab == slab ? by : 0;
			if (s->kind == STEP_gemm && s->gemm.has_bias && s->gemm.bias_slab == slab)
				s->gemm.bias_offset += by;
		}
	}
}

/* moment1: no gemm reads or writes it; the proof of a program wants its variables where those of
 * params lie, this does not. */
START_TEST(places)
{
	static const char *const slab[] = {"act", "moment1"};

	for (int i = 0; i < COUNT(slab); i++) {
		Program *p = copy_of(one.p);
		int      s = 0;

		while (strcmp(p->slab[s].name, slab[i]) != 0)
			s++;
		shift(p, s, 320);
		if (i == 0)
			ck_assert(program_verify(p) == OK);
		unseen(p, one.text, "a slab's contents elsewhere");
		shift(p, s, 4);
		ck_assert_int_ne(verdict(p, one.text), NUMERICS_identical);
	}
}
END_TEST

START_TEST(order)
{
	Program *p = copy_of(one.p);
	Entry   *e = &p->entry[0];
	FILE    *nowhere = fopen("/dev/null", "w");
	int      swapped = 0, refused = 0;

	ck_assert(nowhere != NULL);
	for (int i = 0; i + 1 < e->nstep; i++) {
		ProgStep was = e->step[i];
		bool     good;

		e->step[i] = e->step[i + 1];
		e->step[i + 1] = was;
		diag_sink(nowhere);
		good = program_verify(p) == OK;
		diag_sink(NULL);
		diag_reset();
		if (good)
			unseen(p, one.text, "independent steps in another order");
		swapped += good;
		refused += !good;
		e->step[i + 1] = e->step[i];
		e->step[i] = was;
	}
	fclose(nowhere);
	ck_assert_int_gt(swapped, 5);
	ck_assert_int_gt(refused, 20);
}
END_TEST

/* The norm of all gradients, its arrays in another order: the one sum whose order is left open. */
START_TEST(reordered)
{
	Program *p = copy_of(one.p);
	int      found = 0;

	for (int i = 0; i < p->entry[0].nstep; i++) {
		ProgStep *s = &p->entry[0].step[i];

		if (s->kind != STEP_launch || !strstr(p->kernel[s->kernel].name, "sum_squares"))
			continue;
		ck_assert_int_gt(s->arg[0].nmore, 2);
		Named was = s->arg[0].more[0];
		s->arg[0].more[0] = s->arg[0].more[1];
		s->arg[0].more[1] = was;
		found++;
	}
	ck_assert_int_eq(found, 1);
	ck_assert_int_eq(verdict(p, one.text), NUMERICS_reordered);
}
END_TEST

/* ---- what is no arithmetic ------------------------------------------------------------------ */

START_TEST(recipe)
{
	Program  *p = copy_of(one.p);
	Recipe   *r = &p->recipe, was = *r;
	DataSpec *d = &r->data;
	DrawSpec  draw = r->draw[0];

#define SEEN(change)                                                                               \
	do {                                                                                       \
		change;                                                                            \
		seen(p, one.text, #change);                                                        \
		*r = was;                                                                          \
		r->draw[0] = draw;                                                                 \
	} while (0)
	SEEN(r->seed++);
	SEEN(r->length_steps++);
	SEEN(r->ranks++);
	SEEN(r->stop = "loss > 9");
	SEEN(d->source = "other");
	SEEN(d->input = "m");
	SEEN(d->batch++);
	SEEN(d->height++);
	SEEN(d->ntransform = 0);
	SEEN(d->transform[0].arg[0] += 1e-9);
	SEEN(d->transform[0].name = "grayscale");
	SEEN(d->mean[0] += 1e-9);
	SEEN(d->std[0] += 1e-9);
	SEEN(d->shuffle = !d->shuffle);
	SEEN(d->drop_remainder = !d->drop_remainder);
	SEEN(r->ndraw = 0);
	SEEN(r->draw[0].site = "elsewhere");
	SEEN(r->draw[0].generator = "random_mask");
	SEEN(r->draw[0].at_most--);
	SEEN(r->draw[0].area_hi++);
	SEEN(r->draw[0].aspect_lo += 1e-9);
#undef SEEN
	for (int i = 0; i < r->nvar; i++) {
		Init init = r->var[i].init;

		r->var[i].init.value += 1e-3;
		r->var[i].init.std += 1e-3;
		r->var[i].init.of = strcmp(r->var[i].name, "teacher.patch") ? "patch" : "cls";
		seen(p, one.text, arena_printf(arena, "the start of %s", r->var[i].name));
		r->var[i].init = init;
	}
	r->checkpoint_keep++;
	r->checkpoint_steps = 5;
	r->spec_name = "other";
	r->nname = 0;
	r->var[0].group = "other";
	unseen(p, one.text, "checkpoints and names");
}
END_TEST

static Program *
begun_with(Init init)
{
	Program *p = copy_of(one.p);

	p->recipe.var[0].init = init;
	return p;
}

START_TEST(starts)
{
	static const struct {
		Init x, y;
	} pair[] = {
		{{.kind = INIT_const, .value = 1}, {.kind = INIT_const, .value = 1.5}},
		{{.kind = INIT_normal, .std = 1}, {.kind = INIT_normal, .std = 1.5}},
		{{.kind = INIT_normal, .std = 1},
	         {.kind = INIT_trunc_normal, .std = 1, .scale = 1}},
		{{.kind = INIT_trunc_normal, .std = 1, .cut = 2, .scale = 1},
	         {.kind = INIT_trunc_normal, .std = 1, .cut = 3, .scale = 1}},
		{{.kind = INIT_trunc_normal, .std = 1, .cut = 2, .scale = 1},
	         {.kind = INIT_trunc_normal, .std = 1, .cut = 2, .scale = 2}},
		{{.kind = INIT_copy, .of = "cls"}, {.kind = INIT_copy, .of = "hole"}},
	};

	for (int i = 0; i < COUNT(pair); i++) {
		Side x = {"x", false, begun_with(pair[i].x), one.text},
		     y = {"y", false, begun_with(pair[i].y), one.text};

		ck_assert_int_eq(program_diff(arena, x, x)->numerics, NUMERICS_identical);
		ck_assert_int_eq(program_diff(arena, x, y)->numerics, NUMERICS_different);
	}
}
END_TEST

/* ---- specs ---------------------------------------------------------------------------------- */

static const struct {
	const char *spec, *set, *target, *recompute;
	Numerics    numerics;
} specs[] = {
	{gray, "", "cpu", "cheap", NUMERICS_identical},
	{gray, "save=9 steps", "cpu", "cheap", NUMERICS_identical},
	{gray, "", "cpu", "blocks", NUMERICS_reordered},
	{gray, "", "cuda", "cheap", NUMERICS_reordered},
	{gray, "B=4", "cpu", "cheap", NUMERICS_different},
	{gray, "precision=bf16", "cpu", "cheap", NUMERICS_different},
	{gray, "clip=2", "cpu", "cheap", NUMERICS_different},
	{gray, "L=3", "cpu", "cheap", NUMERICS_different},
	{gray, "warm=5 steps", "cpu", "cheap", NUMERICS_different},
	{gray, "K=2", "cpu", "cheap", NUMERICS_different},
	{gray, "M=3", "cpu", "cheap", NUMERICS_different},
	{small, "", "cpu", "cheap", NUMERICS_different},
};

START_TEST(pairs)
{
	SpecProgram  other;
	ProgramDiff *d, *back;
	Side         x = {"x", true, one.p, one.text}, y;

	ck_assert(spec_program(arena, specs[_i].spec, specs[_i].set, specs[_i].target,
	                       specs[_i].recompute, &other) == OK);
	y = (Side){"y", true, other.p, other.text};
	d = program_diff(arena, x, y);
	back = program_diff(arena, y, x);
	ck_assert_int_eq(d->numerics, back->numerics);
	ck_assert_int_eq(d->n, back->n);
	ck_assert_msg(d->numerics == specs[_i].numerics, "%s %s %s: %s, %s", specs[_i].set,
	              specs[_i].target, specs[_i].recompute, numerics_name[d->numerics], d->reason);
}
END_TEST

Suite *
suite_diff(void)
{
	const TTest *const tests[] = {numbers, gemms, held,      texts,  names,
	                              places,  order, reordered, recipe, starts};
	Suite             *s = suite_create("diff");
	TCase             *t = tcase_create("changes");

	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(t, 60);
	for (int i = 0; i < COUNT(tests); i++)
		tcase_add_test(t, tests[i]);
	tcase_add_loop_test(t, pairs, 0, COUNT(specs));
	suite_add_tcase(s, t);
	return s;
}
