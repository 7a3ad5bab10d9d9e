/* Every gradient rule against central differences in double precision, through the oracle: the loss
 * is the sum of the result with random weights, and each element of each parameter is moved by +-h.
 * Also: that this check would notice a mistake, and that no op with a gradient lacks a case. */
#include "compiler/pass/pass.h"
#include "compiler/pass/rules.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_grad(void);

/* The error of central differences is of order h^2 f''' / f' + 1e-16 f / (h f'): about 1e-9 at h =
 * 1e-5. */
static const double step_h = 1e-5, tolerance = 1e-6;

typedef struct {
	const char *name, *text;
	double      lo, hi;
} Case; /* parameters are drawn from lo .. hi */

#define P(name, type) "%" name " = param \"" name "\" : f32" type " "
#define Y(rest) "%y = " rest " return y = %y"
#define AB "[A:3, B:5]"
#define BIN(op, lo, hi)                                                                            \
	{                                                                                          \
		op, P("a", AB) P("b", AB) Y(op " %a, %b : f32" AB), lo, hi                         \
	}
#define BIN_BROADCAST(op, lo, hi)                                                                  \
	{                                                                                          \
		op " small",                                                                       \
			P("a", "[B:5]") P("b", "[C:1, A:3]") Y(op " %a, %b : f32[B:5, C:1, A:3]"), \
			lo, hi                                                                     \
	}
#define UN(op, lo, hi)                                                                             \
	{                                                                                          \
		op, P("a", "[A:3, B:5, C:1]") Y(op " %a : f32[A:3, B:5, C:1]"), lo, hi             \
	}
#define QKV                                                                                        \
	P("q", "[B:2, H:3, T:3, E:5]")                                                             \
	P("k", "[B:2, H:3, U:3, E:5]")                                                             \
	P("v", "[B:2, H:3, U:3, "                                                                  \
	       "E:5]")
#define MASK "%m = input \"mask\" : bool[B:5, N:3] "
#define KEYS                                                                                       \
	"%s = input \"sample\" : u32[B:2] %t = host \"step\" : u32[] %d = host \"seed\" : u32[] "

static const Case cases[] = {
	BIN("add", -1, 1),
	BIN("sub", -1, 1),
	BIN("mul", -1, 1),
	BIN("div", 0.5, 1.5),
	BIN("min", -1, 1),
	BIN("max", -1, 1),
	BIN_BROADCAST("add", -1, 1),
	BIN_BROADCAST("sub", -1, 1),
	BIN_BROADCAST("mul", -1, 1),
	BIN_BROADCAST("div", 0.5, 1.5),
	BIN_BROADCAST("min", -1, 1),
	BIN_BROADCAST("max", -1, 1),
	UN("neg", -1, 1),
	UN("abs", -1, 1),
	UN("exp", -1, 1),
	UN("log", 0.5, 2),
	UN("sqrt", 0.5, 2),
	UN("rsqrt", 0.5, 2),
	UN("erf", -2, 2),
	UN("tanh", -2, 2),
	UN("gelu", -3, 3),
	{"smooth_l1", P("a", "[A:7, B:5]") Y("smooth_l1 %a beta 0.75 : f32[A:7, B:5]"), -2, 2},
	{"square", P("a", AB) Y("mul %a, %a : f32" AB), -1, 1},
	{"two readers",
         P("a", AB) "%b = param \"a\" : f32" AB "%e = exp %b : f32" AB Y("mul %a, %e : f32" AB), -1,
         1},
	{"select",
         P("a", "[A:3]")
                 P("b", "[B:5]") "%c = input \"mask\" : bool" AB Y("select %c, %a, %b : f32" AB),
         -1, 1},
	{"select by value",
         P("a", AB) P("b", "[]") "%c = lt %a, %b : bool" AB Y("select %c, %a, %b : f32" AB), -1, 1},
	{"cast",
         P("a", AB) "%c = lt %a, %a : bool" AB "%f = cast %c : f32" AB Y("add %f, %a : f32" AB), -1,
         1},
	{"sum", P("a", "[A:3, B:5, C:1]") Y("sum %a over B, C : f32[A:3]"), -1, 1},
	{"sum to a number", P("a", AB) Y("sum %a over A, B : f32[]"), -1, 1},
	{"rmax", P("a", "[A:3, B:5, C:1]") Y("rmax %a over B, C : f32[A:3]"), -1, 1},
	{"rmax over one", P("a", "[A:1, B:5]") Y("rmax %a over A : f32[B:5]"), -1, 1},
	{"sum_squares", P("a", AB) P("b", "[C:2]") Y("sum_squares %a, %b : f32[]"), -1, 1},
	{"contract",
         P("a", "[Z:2, M:3, K:5]") P("b", "[Z:2, K:5, N:7]")
                 Y("contract %a, %b over K : f32[Z:2, M:3, N:7]"),
         -1, 1},
	{"contract two",
         P("a", "[M:3, K:5, J:2]") P("b", "[J:2, K:5]") Y("contract %a, %b over J, K : f32[M:3]"),
         -1, 1},
	{"contract outer",
         P("a", "[M:3, K:1]") P("b", "[K:1, N:2]") Y("contract %a, %b over K : f32[M:3, N:2]"), -1,
         1},
	{"contract dot", P("a", "[K:5]") P("b", "[K:5]") Y("contract %a, %b over K : f32[]"), -1,
         1},
	{"contract itself",
         P("a", "[M:3, K:5]") "%b = rename %a, M as N:3 : f32[N:3, K:5] " Y(
		 "contract %a, %b over K : f32[M:3, N:3]"),
         -1, 1},
	{"rename", P("a", AB) Y("rename %a, A as D:3 : f32[D:3, B:5]"), -1, 1},
	{"split", P("a", "[A:6, B:5]") Y("split %a, A as D:2, E:3 : f32[D:2, E:3, B:5]"), -1, 1},
	{"merge", P("a", "[D:2, B:5, E:3]") Y("merge %a, E, D as A:6 : f32[A:6, B:5]"), -1, 1},
	{"slice", P("a", "[A:6, B:5]") Y("slice %a, A at 2 as D:3 : f32[D:3, B:5]"), -1, 1},
	{"slice one", P("a", "[A:6, B:5]") Y("slice %a, A at 5 : f32[B:5]"), -1, 1},
	{"pad", P("a", AB) Y("pad %a, A at 2 as T:6 : f32[T:6, B:5]"), -1, 1},
	{"pad one", P("a", AB) Y("pad %a, at 2 as T:6 : f32[T:6, A:3, B:5]"), -1, 1},
	{"concat",
         P("a", AB) P("b", "[B:5]") P("c", "[B:5, D:1]")
                 Y("concat %b, %a, %c of -, A, D along T:5 : f32[T:5, B:5]"),
         -1, 1},
	{"concat wider",
         P("a", AB) P("b", "[]") Y("concat %b, %a of -, A along T:4 : f32[T:4, B:5]"), -1, 1},
	{"broadcast", P("a", "[B:5]") Y("broadcast %a over A:3, C:1 : f32[A:3, C:1, B:5]"), -1, 1},
	{"reorder", P("a", AB) "%r = reorder %a : f32[B:5, A:3] " Y("mul %r, %a : f32[B:5, A:3]"),
         -1, 1},
	{"pick",
         P("a", "[R:28, H:3]") "%i = table grid_offsets(2, 3) : i32[T:7, U:7] " Y(
		 "pick %a, %i along R : f32[T:7, U:7, H:3]"),
         -1, 1},
	{"scatter_add",
         P("a", "[T:7, U:7, H:3]") "%i = table grid_offsets(2, 3) : i32[T:7, U:7] " Y(
		 "scatter_add %a, %i into R:28 : f32[R:28, H:3]"),
         -1, 1},
	{"pick places",
         P("a", "[B:5, N:3, D:2]") MASK "%p = places %m, N at 0 as S:2 : i32[B:5, S:2] " Y(
		 "pick %a, %p along N : f32[B:5, S:2, D:2]"),
         -1, 1},
	{"pick places further on",
         P("a", "[B:5, T:5, D:2]") MASK "%p = places %m, N at 1 as S:3 : i32[B:5, S:3] " Y(
		 "pick %a, %p along T : f32[B:5, S:3, D:2]"),
         -1, 1},
	{"pick places of what all rows share",
         P("a", "[N:3, D:2]") MASK "%p = places %m, N at 0 as S:2 : i32[B:5, S:2] " Y(
		 "pick %a, %p along N : f32[B:5, S:2, D:2]"),
         -1, 1},
	{"pick ranks",
         P("a", "[B:5, S:2, D:2]") MASK "%p = ranks %m, N at 1 as T:4 of S:2 : i32[B:5, T:4] " Y(
		 "pick %a, %p along S : f32[B:5, T:4, D:2]"),
         -1, 1},
	{"pick places, another for each row", /* places of S are rows of a as well: no inverse */
         P("a", "[B:5, S:2, N:3]") MASK
         "%p = places %m, N at 0 as S:2 : i32[B:5, S:2] " Y("pick %a, %p along N : f32[B:5, S:2]"),
         -1, 1},
	{"scatter_add keeping",
         P("a", "[B:5, S:2, D:2]") MASK "%p = places %m, N at 0 as S:2 : i32[B:5, S:2] " Y(
		 "scatter_add %a, %p into N:3 keeping B : f32[B:5, N:3, D:2]"),
         -1, 1},
	{"standardise",
         P("a", "[A:3, B:5, C:1]") Y("standardise %a over B, C eps 1e-3 : f32[A:3, B:5, C:1]"), -1,
         1},
	{"standardise all", P("a", AB) Y("standardise %a over A, B eps 1e-6 : f32" AB), -1, 1},
	{"softmax", P("a", "[A:3, B:5, C:1]") Y("softmax %a over B, C : f32[A:3, B:5, C:1]"), -2,
         2},
	{"attend",
         QKV P("r", "[H:3, T:3, U:3]")
                 Y("attend %q, %k, %v, %r over E, U scale 0.7 : f32[B:2, H:3, T:3, E:5]"),
         -1, 1},
	{"attend without bias",
         QKV Y("attend %q, %k, %v over E, U scale 0.7 : f32[B:2, H:3, T:3, E:5]"), -1, 1},
	{"attend with dropout",
         QKV P("r", "[T:3, U:3]") KEYS Y("attend %q, %k, %v, %r, %s, %t, %d over E, U, U, H, T "
                                         "scale 0.7 rate 0.3 site \"x\" : f32[B:2, H:3, T:3, E:5]"),
         -1, 1},
	{"attend one key",
         P("q", "[T:3, E:2]") P("k", "[U:1, E:2]") P("v", "[U:1, E:2]") P("r", "[T:3, U:1]")
                 Y("attend %q, %k, %v, %r over E, U scale 1 : f32[T:3, E:2]"),
         -1, 1},
	{"dropout",
         P("a", "[B:2, C:5]") KEYS
         "%u = uniform %s, %t, %d site \"x\" over C : f32[B:2, C:5] %r = const 0.4 : f32[] "
         "%c = le %r, %u : bool[B:2, C:5] %z = const 0 : f32[] " Y(
		 "select %c, %a, %z : f32[B:2, C:5]"),
         -1, 1},
	{"norm and layer",
         P("a", AB) P("g", "[B:5]")
                 P("w", "[F:2, B:5]") "%n = standardise %a over B eps 1e-6 : f32" AB
                                      "%m = mul %n, %g : f32" AB
                                      "%l = contract %m, %w over B : f32[A:3, F:2] %h = gelu %l : "
                                      "f32[A:3, F:2] " Y("softmax %h over F : f32[A:3, F:2]"),
         -1, 1},
};

/* ---- feeding -------------------------------------------------------------------------------- */

static Feed *
feeds(Arena *a, const Graph *g, const Case *c, int *n)
{
	Feed *feed = arena_new_array(a, Feed, g->n + 1);

	*n = 0;
	for (int v = 0; v < g->n; v++) {
		const Node *node = &g->node[v];
		Stream      s;
		Tensor      t;
		int         k = 0;

		if (node->op != OP_input && node->op != OP_host && node->op != OP_param)
			continue;
		while (k < *n && strcmp(feed[k].name, node->attr.name) != 0)
			k++;
		if (k < *n)
			continue;
		t = tensor_new(a, &node->type);
		s = stream_open(7, node->attr.name, 0, 0);
		for (int64_t i = 0; i < type_elems(&t.type); i++)
			t.at[i] = t.type.dtype == DT_u32    ? (double)stream_int(&s, 0, 1000)
			          : t.type.dtype == DT_bool ? (double)stream_int(&s, 0, 1)
			                                    : stream_between(&s, c->lo, c->hi);
		feed[(*n)++] = (Feed){node->attr.name, t};
	}
	return feed;
}

static double
loss_of(const Graph *g, const Feed *feed, int nfeed)
{
	Arena  *a = arena_new();
	Tensor *result = arena_new_array(a, Tensor, g->n);
	double  x;

	ck_assert(eval_graph(a, g, feed, nfeed, result) == OK);
	x = result[g->training.loss].at[0];
	arena_free(a);
	return x;
}

/* The case as a training step: loss = sum of y times weights; every parameter is trained. */
static Graph *
training_graph(Arena *a, const Case *c)
{
	Graph *g;
	Val    y, w, one;
	Type   t;

	ck_assert_msg(graph_parse(a, "test.ir", arena_printf(a, "graph @t { %s }", c->text), &g) ==
	                      OK,
	              "%s", c->name);
	graph_verify(g, "parse", true);
	y = g->out[0].val;
	t = g->node[y].type;
	w = build_leaf(g, OP_input, "weights", &t, (Loc){0});
	one = build_const(g, 1, (Loc){0});
	g->training = (Training){.present = true, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8};
	g->training.loss = build_reduce(g, OP_sum, build_bin(g, OP_mul, y, w, (Loc){0}), t.axis,
	                                t.rank, (Loc){0});
	g->training.update = arena_new_array(a, Update, g->n);
	for (int v = 0; v < g->n; v++) {
		int k = 0;

		if (g->node[v].op != OP_param)
			continue;
		while (k < g->training.nupdate &&
		       g->training.update[k].param != g->node[v].attr.name)
			k++;
		if (k == g->training.nupdate)
			g->training.update[g->training.nupdate++] =
				(Update){.param = g->node[v].attr.name,
			                 .group = intern("all"),
			                 .lr = one,
			                 .decay = one,
			                 .average_decay = NO_VAL,
			                 .grad = NO_VAL};
	}
	return g;
}

/* The largest error of the gradients of `differentiated` against differences of `g`. */
static double
worst_error(Arena *a, const Graph *g, const Graph *differentiated, const Case *c)
{
	int     nfeed;
	Feed   *feed = feeds(a, g, c, &nfeed);
	Tensor *result = arena_new_array(a, Tensor, differentiated->n);
	double  worst = 0;

	ck_assert(eval_graph(a, differentiated, feed, nfeed, result) == OK);
	for (int u = 0; u < g->training.nupdate; u++) {
		const Update *up = &differentiated->training.update[u];
		Tensor        grad, *p = NULL;
		double        size = 0;

		for (int k = 0; k < nfeed; k++)
			if (strcmp(feed[k].name, up->param) == 0)
				p = &feed[k].tensor;
		grad = tensor_reorder(a, result[up->grad], &p->type);
		for (int64_t i = 0; i < type_elems(&p->type); i++)
			size = fmax(size, fabs(grad.at[i]));
		for (int64_t i = 0; i < type_elems(&p->type); i++) {
			double x = p->at[i], up_loss, down_loss, want;

			p->at[i] = x + step_h;
			up_loss = loss_of(g, feed, nfeed);
			p->at[i] = x - step_h;
			down_loss = loss_of(g, feed, nfeed);
			p->at[i] = x;
			want = (up_loss - down_loss) / (2 * step_h);
			/* Relative to the element, or to a thousandth of the largest where it is
			 * tiny. */
			worst = fmax(worst, fabs(grad.at[i] - want) /
			                            fmax(fmax(fabs(want), fabs(grad.at[i])),
			                                 fmax(1e-2 * size, 1e-3)));
		}
	}
	return worst;
}

static void
check_gradient(const Case *c, const char *passes)
{
	Arena *a = arena_new();
	Graph *g = training_graph(a, c), *d = graph_copy(a, g);
	double error;

	ck_assert(pass_run(d, passes, NULL, NULL) == OK);
	error = worst_error(a, g, d, c);
	ck_assert_msg(error < tolerance, "%s, after %s: relative error %g", c->name, passes, error);
	arena_free(a);
}

START_TEST(rule_agrees_with_differences)
{
	check_gradient(&cases[_i], "autodiff");
	check_gradient(&cases[_i], "autodiff,expand,simplify");
}
END_TEST

/* The gradient of one function does not pass for that of another. */
START_TEST(mistakes_are_noticed)
{
	static const Case pairs[][2] = {
		{{"sign", P("a", AB) P("b", AB) Y("sub %a, %b : f32" AB), -1, 1},
	         {"sign", P("a", AB) P("b", AB) Y("add %a, %b : f32" AB), -1, 1}},
		{{"factor",
	          P("a", AB) "%c = const 1.00001 : f32[] %x = mul %a, %a : f32" AB Y(
			  "mul %x, %c : f32" AB),
	          -1, 1},
	         {"factor", P("a", AB) Y("mul %a, %a : f32" AB), -1, 1}},
		{{"eps", P("a", AB) Y("standardise %a over B eps 1.1e-3 : f32" AB), -1, 1},
	         {"eps", P("a", AB) Y("standardise %a over B eps 1e-3 : f32" AB), -1, 1}},
		{{"axis", P("a", "[A:5, B:5]") Y("softmax %a over A : f32[A:5, B:5]"), -1, 1},
	         {"axis", P("a", "[A:5, B:5]") Y("softmax %a over B : f32[A:5, B:5]"), -1, 1}},
		{{"place", P("a", "[A:6]") Y("slice %a, A at 1 as D:3 : f32[D:3]"), -1, 1},
	         {"place", P("a", "[A:6]") Y("slice %a, A at 2 as D:3 : f32[D:3]"), -1, 1}},
	};

	for (int i = 0; i < COUNT(pairs); i++) {
		Arena *a = arena_new();
		Graph *g = training_graph(a, &pairs[i][0]), *d = training_graph(a, &pairs[i][1]);

		ck_assert(pass_run(d, "autodiff", NULL, NULL) == OK);
		ck_assert_msg(worst_error(a, g, d, &pairs[i][0]) > tolerance, "%s",
		              pairs[i][0].name);
		arena_free(a);
	}
}
END_TEST

/* Ties: abs has slope 0 at 0; min and max give the first operand all; rmax shares. */
START_TEST(ties_are_as_documented)
{
	static const struct {
		const char *text;
		double      a0, b0;
	} ties[] = {
		{P("a", "[A:2]")
	                 P("b", "[A:2]") "%m = max %a, %b : f32[A:2] " Y("add %m, %m : f32[A:2]"),
	         2, 0},
		{P("a", "[A:2]")
	                 P("b", "[A:2]") "%m = min %a, %b : f32[A:2] " Y("add %m, %m : f32[A:2]"),
	         2, 0},
		{P("a", "[A:2]")
	                 P("b", "[]") "%m = rmax %a over A : f32[] " Y("mul %m, %b : f32[]"),
	         0.5, 1},
	};

	for (int i = 0; i < COUNT(ties); i++) {
		Case    c = {"ties", ties[i].text, 1, 1};
		Arena  *a = arena_new();
		Graph  *g = training_graph(a, &c);
		Tensor *result;
		Feed   *feed;
		int     nfeed;

		ck_assert(pass_run(g, "autodiff", NULL, NULL) == OK);
		feed = feeds(a, g, &c, &nfeed); /* everything is 1 */
		result = arena_new_array(a, Tensor, g->n);
		ck_assert(eval_graph(a, g, feed, nfeed, result) == OK);
		ck_assert_double_eq(result[g->training.update[0].grad].at[0], ties[i].a0);
		ck_assert_double_eq(result[g->training.update[1].grad].at[0], ties[i].b0);
		arena_free(a);
	}
}
END_TEST

START_TEST(every_op_has_a_case)
{
	bool seen[OP_COUNT] = {false};

	for (int i = 0; i < COUNT(cases); i++) {
		Arena *a = arena_new();
		Graph *g = training_graph(a, &cases[i]);

		for (int v = 0; v < g->n; v++)
			seen[g->node[v].op] = true;
		arena_free(a);
	}
	for (int op = 0; op < OP_COUNT; op++) {
		bool flows = grad_flows((Op)op, 4, 0) || grad_flows((Op)op, 4, 1);

		if (op == OP_gemm || op == OP_attend_grad ||
		    op == OP_result) /* made after autodiff */
			continue;
		ck_assert_msg(seen[op] || !flows, "%s has a gradient rule and no case",
		              op_info[op].name);
	}
}
END_TEST

Suite *
suite_grad(void)
{
	Suite *s = suite_create("grad");
	TCase *t = tcase_create("rules");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, rule_agrees_with_differences, 0, COUNT(cases));
	tcase_add_test(t, mistakes_are_noticed);
	tcase_add_test(t, ties_are_as_documented);
	tcase_add_test(t, every_op_has_a_case);
	suite_add_tcase(s, t);
	return s;
}
