/* The check of passes: all real passes are let through on real models, and each of a row of wrong
 * ones is refused, with its name, the tensor and the line of the spec. Also: how a spec is shrunk.
 */
#include "compiler/pass/check.h"
#include "compiler/pass/rules.h"
#include "dsl/dsl.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_pass_check(void);

static Shrunk
shrunk(Arena *a, const char *path, const Override *set, int nset)
{
	Shrunk s;

	ck_assert(dsl_shrink(a, path, set, nset, &s) == OK);
	return s;
}

static int64_t
size_of(const Shrunk *s, const char *name)
{
	for (int i = 0; i < s->nsize; i++)
		if (strcmp(s->size[i].name, name) == 0)
			return s->size[i].value;
	return 0;
}

/* ---- shrinking ------------------------------------------------------------------------------ */

START_TEST(sizes_become_toys)
{
	static const char *const path[] = {"models/fashion.d2v", "models/vit_base.d2v",
	                                   "models/vit_large.d2v"};
	Arena                   *a = arena_new();
	Shrunk                   s = shrunk(a, path[_i], NULL, 0);

	ck_assert_int_eq(diag_errors(), 0);
	ck_assert_msg(s.work < 1e6, "%s: %g operations", path[_i], s.work);
	ck_assert_msg(s.tries < 500, "%s: %d tries", path[_i], s.tries);
	for (int i = 0; i < s.nsize; i++)
		ck_assert_msg(s.size[i].value >= 2, "%s is %d", s.size[i].name,
		              (int)s.size[i].value);
	ck_assert_int_ge(size_of(&s, "D") / size_of(&s, "H"), 2); /* a head wider than one */
	ck_assert_int_eq(size_of(&s, "D") % size_of(&s, "H"), 0);
	ck_assert_int_le(size_of(&s, "K"), size_of(&s, "L"));
	text_free(&s.spec->summary);
	arena_free(a);
}
END_TEST

START_TEST(what_is_set_stays)
{
	const Override set[] = {{"D", "20"}, {"B", "5"}};
	Arena         *a = arena_new();
	Shrunk         s = shrunk(a, "models/fashion.d2v", set, 2);

	ck_assert_int_eq(size_of(&s, "D"), 0); /* not among those to choose */
	ck_assert_int_eq(20 % size_of(&s, "H"), 0);
	for (Val v = 0; v < s.spec->train->n; v++) {
		const Type *t = &s.spec->train->node[v].type;
		int         d = type_find(t, intern("D")), b = type_find(t, intern("B"));

		ck_assert(d < 0 || t->axis[d].size == 20);
		ck_assert(b < 0 || t->axis[b].size == 5);
	}
	text_free(&s.spec->summary);
	arena_free(a);
}
END_TEST

START_TEST(a_wrong_spec_is_reported)
{
	const Override set[] = {{"D", "9"}};
	Arena         *a = arena_new();
	FILE          *nowhere = fopen("/dev/null", "w");
	Shrunk         s;

	diag_sink(nowhere);
	ck_assert(dsl_shrink(a, "models/fashion.d2v", set, 1, &s) == FAIL);
	ck_assert_int_eq(diag_errors(), 1);
	diag_sink(NULL);
	diag_reset();
	fclose(nowhere);
	arena_free(a);
}
END_TEST

/* ---- passes --------------------------------------------------------------------------------- */

static const char *const model[] = {"models/tiny/vit.d2v", "models/tiny/dropout.d2v"};

START_TEST(real_passes_keep_the_meaning)
{
	Arena   *a = arena_new();
	Shrunk   s = shrunk(a, model[_i], NULL, 0);
	Checked *row = arena_new_array(a, Checked, pass_count);
	int      slopes = 0, formula = 0;

	ck_assert(passes_check(a, s.spec->train, pass_table, pass_count, "it", row) == OK);
	for (int i = 0; i < pass_count; i++) {
		ck_assert_int_ge(row[i].outputs, 1);
		ck_assert(row[i].worst <= (row[i].slopes ? CHECK_SLOPE_BOUND : CHECK_BOUND));
		slopes += row[i].slopes;
		formula += row[i].formula;
	}
	ck_assert_int_ge(slopes, 10);
	ck_assert_int_eq(formula, 1);
	text_free(&s.spec->summary);
	arena_free(a);
}
END_TEST

/* y mean(dy y) missing in the gradient of standardise: (dy - mean(dy)) - y mean(dy y), of which the
 * last part is dropped. */
static Status
autodiff_without_a_term(Graph *g)
{
	TRY(pass_autodiff(g));
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (n->op == OP_sub && g->node[n->in[0]].op == OP_sub &&
		    g->node[n->in[1]].op == OP_mul)
			graph_replace(g, v, n->in[0]);
	}
	graph_commit(g);
	return OK;
}

/* A whole gradient twice: no rule is wrong, only what is made of them. */
static Status
autodiff_twice_one(Graph *g)
{
	Update *u;

	TRY(pass_autodiff(g));
	for (int i = 0; i < g->training.nupdate; i++) {
		u = &g->training.update[i];
		if (strcmp(u->param, "head") == 0)
			u->grad = build_bin(g, OP_add, u->grad, u->grad, u->loc);
	}
	graph_commit(g);
	return OK;
}

static void
replace_op(Graph *g, Op from, Op to)
{
	int n = g->n;

	for (Val v = 0; v < n; v++)
		if (g->node[v].op == from)
			graph_replace(g, v, build_un(g, to, g->node[v].in[0], g->node[v].loc));
	graph_commit(g);
}

static Status
expand_with_tanh(Graph *g)
{
	TRY(pass_expand(g));
	replace_op(g, OP_erf, OP_tanh);
	return OK;
}

static Status
update_decays_by_rate(Graph *g)
{
	for (int i = 0; i < g->training.nupdate; i++)
		g->training.update[i].decay = g->training.update[i].lr;
	return pass_update(g);
}

static Status
update_forgets_clipping(Graph *g)
{
	g->training.clip = 0;
	return pass_update(g);
}

static Status
update_of_something_else(Graph *g)
{
	Type type = {.dtype = DT_f32};
	Loc  loc = g->training.update[0].loc;

	TRY(pass_update(g));
	build_assign(g, "stray", build_leaf(g, OP_param, "stray", &type, loc), loc);
	graph_commit(g);
	return OK;
}

static Status
plan_loses_an_output(Graph *g)
{
	TRY(pass_plan(g));
	g->nout--;
	return OK;
}

static const struct {
	const char *pass;
	Status (*run)(Graph *);
	const char *said[3];
} wrong[] = {
	{"autodiff",
         autodiff_without_a_term,
         {"pass `autodiff`", "rule of `standardise` (operand 1)", "models/lib/vit.d2v:7:"}},
	{"autodiff",
         autodiff_twice_one,
         {"pass `autodiff`", "the gradient of `head` is wrong: along", "models/vit_base.d2v:"}},
	{"expand",
         expand_with_tanh,
         {"pass `expand`", " differs by ",
          "the first value that differs is the `gelu` on this line"}},
	{"update",
         update_decays_by_rate,
         {"pass `update`", "the new value of variable `", ".d2v:"}},
	{"update",
         update_forgets_clipping,
         {"pass `update`", "the new value of variable `", ".d2v:"}},
	{"update",
         update_of_something_else,
         {"pass `update`", "variable `stray` is assigned", "models/vit_base.d2v:"}},
	{"plan", plan_loses_an_output, {"pass `plan`", "is gone", "models/vit_base.d2v:"}},
};

START_TEST(a_wrong_pass_is_named)
{
	Arena   *a = arena_new();
	Shrunk   s = shrunk(a, model[0], NULL, 0);
	Pass    *table = arena_new_array(a, Pass, pass_count);
	Checked *row = arena_new_array(a, Checked, pass_count);
	char    *said = NULL;
	size_t   n = 0;
	FILE    *f = open_memstream(&said, &n);
	Status   status;

	for (int i = 0; i < pass_count; i++) {
		table[i] = pass_table[i];
		if (strcmp(table[i].name, wrong[_i].pass) == 0)
			table[i].run = wrong[_i].run;
	}
	diag_sink(f);
	status = passes_check(a, s.spec->train, table, pass_count, "it", row);
	diag_sink(NULL);
	fclose(f);
	ck_assert_msg(status == FAIL, "%s is let through", wrong[_i].pass);
	ck_assert_int_eq(diag_errors(), 1);
	for (int i = 0; i < COUNT(wrong[_i].said); i++)
		ck_assert_msg(strstr(said, wrong[_i].said[i]) != NULL, "no `%s` in:\n%s",
		              wrong[_i].said[i], said);
	diag_reset();
	free(said);
	text_free(&s.spec->summary);
	arena_free(a);
}
END_TEST

Suite *
suite_pass_check(void)
{
	Suite *s = suite_create("pass_check");
	TCase *t = tcase_create("check --passes");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, sizes_become_toys, 0, 3);
	tcase_add_test(t, what_is_set_stays);
	tcase_add_test(t, a_wrong_spec_is_reported);
	tcase_add_loop_test(t, real_passes_keep_the_meaning, 0, COUNT(model));
	tcase_add_loop_test(t, a_wrong_pass_is_named, 0, COUNT(wrong));
	suite_add_tcase(s, t);
	return s;
}
