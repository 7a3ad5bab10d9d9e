/* Random graphs, every op, every pass: what a graph computes is compared before and after each
 * pass, the code made of it is proved, and some of the programs are run on both devices of this
 * machine. And the checks themselves: mistakes are planted in each pass, and must be found and made
 * small. */
#include "tests/support/random_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_random(void);
Suite *suite_random_device(void);

/* Seed 43 was a kernel of one loop with a value outside it, 1758 a variable read once more by
 * recomputing blocks. */
enum { GRAPHS = 2000, JOBS = 2 };

/* Only passes make these: no spec can hold them. They must come out of some pass. */
static const Op made[] = {OP_gemm, OP_attend_grad, OP_result, OP_assign, OP_sum_squares};

static bool
only_made(Op op)
{
	for (int i = 0; i < COUNT(made); i++)
		if (made[i] == op)
			return true;
	return false;
}

static void
all_fine(const RunOptions *o, RunResult *r)
{
	Text golden = {0};

	ck_assert(random_run(o, r, &golden) == OK);
	if (r->failed)
		fprintf(stderr, "%s", golden.n ? golden.at : "");
	ck_assert_msg(r->failed == 0,
	              "%d of %d graphs fail; see above, and build/random-graphs --help",
	              (int)r->failed, (int)r->done);
	ck_assert_msg(r->refused * 20 < r->done, "%d of %d refused", (int)r->refused, (int)r->done);
	text_free(&golden);
}

START_TEST(passes)
{
	RunOptions o = {.count = GRAPHS, .jobs = JOBS};
	RunResult  r;

	all_fine(&o, &r);
	ck_assert_int_eq(r.done, GRAPHS);
	for (int op = 0; op < OP_COUNT; op++) {
		ck_assert_msg(only_made(op) == (r.ops[0][op] == 0),
		              "op %s: %d nodes before the first pass", op_info[op].name,
		              r.ops[0][op]);
		ck_assert_msg(r.ops[1][op] > 0, "op %s: no pass leaves one", op_info[op].name);
	}
}
END_TEST

/* Seeds beyond those that once failed: a value with an axis of size 1 that the largest of its
 * kernel lacks; kernels in which no value has all the axes. */
START_TEST(once_failed)
{
	static const uint64_t seed[] = {20523, 100685, 101625, 101969, 103549};
	RunOptions            o = {.first = seed[_i], .count = 1, .jobs = 1};
	RunResult             r;

	all_fine(&o, &r);
}
END_TEST

/* ---- devices -------------------------------------------------------------------------------- */

static const struct {
	const char *name, *flags;
	int         count;
} devices[] = {{"cpu", "D2V_CFLAGS", 192}, {"emulate", "D2V_CXXFLAGS", 96}};

START_TEST(runs)
{
	RunOptions o = {.first = 10000,
	                .count = devices[_i].count,
	                .device = devices[_i].name,
	                .jobs = JOBS};
	RunResult  r;

	/* they are small: compiling takes longer than running */
	setenv(devices[_i].flags, "-O0", 1);
	all_fine(&o, &r);
	ck_assert_int_eq(r.done, devices[_i].count);
	unsetenv(devices[_i].flags);
}
END_TEST

/* A variable that lies across the walk of its update was read for an output behind its own new
 * value. */
START_TEST(read_before_written)
{
	RunOptions o = {.first = 50010, .count = 1, .device = "emulate", .jobs = 1};
	RunResult  r;

	setenv("D2V_CXXFLAGS", "-O0", 1);
	all_fine(&o, &r);
	unsetenv("D2V_CXXFLAGS");
}
END_TEST

/* One product is a sum in what the device gets: only comparing shows it. */
static void
adds(Arena *a, Compiled *c)
{
	for (int f = 0; f < c->nfile; f++) {
		char *text = arena_strdup(a, c->file[f].text), *at = text;

		if (strncmp(c->file[f].name, "prelude", 7) == 0)
			continue;
		while ((at = strstr(at, " = v")) != NULL) {
			size_t n = strspn(at + 4, "0123456789_");

			if (n > 0 && strncmp(at + 4 + n, " * v", 4) == 0) {
				at[4 + n + 1] = '+';
				c->file[f].text = text;
				return;
			}
			at++;
		}
	}
}

START_TEST(wrong_kernel)
{
	char folder[] = "/tmp/d2v-random-XXXXXX", command[64];
	int  found = 0;

	ck_assert(mkdtemp(folder) != NULL);
	setenv(devices[_i].flags, "-O0", 1);
	for (uint64_t seed = 0; seed < 4 && !found; seed++) {
		Checked c = {
			.seed = seed, .device = devices[_i].name, .folder = folder, .spoil = adds};
		Arena  *a = arena_new();
		Verdict v = check_apart(checked_graph(a, seed), -1, &c);

		ck_assert_msg(v.check != CHECK_died, "%s", v.why);
		found += v.check == CHECK_differs && strcmp(v.pass, devices[_i].name) == 0 &&
		         strstr(v.why, " is off by ");
		arena_free(a);
	}
	ck_assert_msg(found, "a product in a kernel became a sum, and nobody saw it");
	unsetenv(devices[_i].flags);
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	ck_assert(system(command) == 0);
}
END_TEST

/* ---- mistakes ------------------------------------------------------------------------------- */

static int
pass_named(const char *name)
{
	for (int i = 0; i < pass_count; i++)
		if (strcmp(pass_table[i].name, name) == 0)
			return i;
	ck_abort_msg("no pass %s", name);
	return -1;
}

static void
right(Graph *g, const char *pass)
{
	if (pass_table[pass_named(pass)].run(g) != OK)
		exit(1); /* in a process of the check's own */
}

static Val
first_of(const Graph *g, Op op)
{
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == op)
			return v;
	return NO_VAL;
}

/* x * c becomes x. */
static Status
fold_drops_factor(Graph *g)
{
	right(g, "fold");
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (n->op == OP_mul && g->node[n->in[1]].op == OP_const &&
		    type_same_axes(&n->type, &g->node[n->in[0]].type)) {
			graph_replace(g, v, n->in[0]);
			break;
		}
	}
	graph_commit(g);
	return OK;
}

/* Two values count as equal that differ in an operand. */
static Status
cse_joins_unequal(Graph *g)
{
	Val first = NO_VAL;

	right(g, "cse");
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_tanh && g->node[v].type.rank == 1) {
			if (first != NO_VAL &&
			    type_same_axes(&g->node[v].type, &g->node[first].type)) {
				graph_replace(g, v, first);
				break;
			}
			first = v;
		}
	graph_commit(g);
	return OK;
}

static Status
dce_drops_output(Graph *g)
{
	g->nout--;
	right(g, "dce");
	return OK;
}

static Status
attend_scale(Graph *g)
{
	Val v;

	right(g, "attend");
	v = first_of(g, OP_attend);
	if (v != NO_VAL)
		g->node[v].attr.scale *= 1.01;
	return OK;
}

/* The first row of what is picked counts as a row of nothing when it is row 0. */
static Status
compact_forgets_row(Graph *g)
{
	right(g, "compact");
	for (Val v = 0; v < g->n; v++) {
		Node *n = &g->node[v];

		if (n->op == OP_le && g->node[n->in[1]].op == OP_cast &&
		    g->node[g->node[n->in[1]].in[0]].op == OP_places) {
			n->op = OP_lt;
			break;
		}
	}
	return OK;
}

/* The gradient of one parameter twice as large as it is: as if a value were read once and counted
 * twice. */
static Status
autodiff_counts_twice(Graph *g)
{
	right(g, "autodiff");
	if (g->training.differentiated && g->training.nupdate > 0) {
		Update *u = &g->training.update[0];

		u->grad = build_bin(g, OP_add, u->grad, u->grad, u->loc);
		graph_commit(g);
	}
	return OK;
}

/* d tanh = 1 - y^2 without the 1: the first such term. */
static Status
autodiff_drops_term(Graph *g)
{
	int n = g->n;

	right(g, "autodiff");
	for (Val v = 0; v < g->n; v++) {
		const Node *d = &g->node[v];

		if (d->op == OP_sub && g->node[d->in[0]].op == OP_const &&
		    g->node[d->in[0]].attr.num == 1 &&
		    type_same_axes(&d->type, &g->node[d->in[1]].type) && v > n / 2) {
			graph_replace(g, v, d->in[1]);
			break;
		}
	}
	graph_commit(g);
	return OK;
}

static Status
swap_first(Graph *g, Op op)
{
	Val v = first_of(g, op);

	if (v != NO_VAL) {
		Val *in = g->node[v].in, kept = in[0];

		in[0] = in[1];
		in[1] = kept;
	}
	return OK;
}

static Status
update_swaps(Graph *g)
{
	right(g, "update");
	for (Val v = g->n - 1; v >= 0; v--)
		if (g->node[v].op == OP_sub &&
		    type_same_axes(&g->node[g->node[v].in[0]].type,
		                   &g->node[g->node[v].in[1]].type) &&
		    g->node[v].type.rank > 0) {
			Val kept = g->node[v].in[0];

			g->node[v].in[0] = g->node[v].in[1];
			g->node[v].in[1] = kept;
			break;
		}
	return OK;
}

static Status
expand_eps(Graph *g)
{
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_smooth_l1)
			g->node[v].attr.num *= 1.25;
	right(g, "expand");
	return OK;
}

static Status
simplify_swaps(Graph *g)
{
	right(g, "simplify");
	return swap_first(g, OP_div);
}

/* An operand of matrix work is not rounded. */
static Status
cast_forgets(Graph *g)
{
	Val v;

	right(g, "cast");
	v = first_of(g, OP_contract);
	if (v != NO_VAL && g->node[g->node[v].in[0]].op == OP_cast)
		g->node[v].in[0] = g->node[g->node[v].in[0]].in[0];
	return OK;
}

/* A difference is taken of a value and itself. */
static Status
gemm_squares(Graph *g)
{
	right(g, "gemm");
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_sub && type_same_axes(&g->node[g->node[v].in[0]].type,
		                                              &g->node[g->node[v].in[1]].type)) {
			g->node[v].in[1] = g->node[v].in[0];
			break;
		}
	return OK;
}

static Status
recompute_other(Graph *g)
{
	right(g, "recompute");
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_lt) {
			g->node[v].op = OP_le;
			g->node[v].in[1] = g->node[v].in[0];
			break;
		}
	return OK;
}

/* The last kernel is joined with the first, whatever lies between. */
static Status
fuse_across(Graph *g)
{
	right(g, "fuse");
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].kernel == g->nkernel - 1)
			g->node[v].kernel = 0;
	return OK;
}

/* A variable lies with two axes the other way round. */
static Status
layout_turns(Graph *g)
{
	right(g, "layout");
	for (Val v = 0; v < g->n; v++) {
		Node *n = &g->node[v];

		if ((n->op == OP_param || n->op == OP_assign) && n->type.rank > 1) {
			Axis kept = n->type.axis[0];

			n->type.axis[0] = n->type.axis[1];
			n->type.axis[1] = kept;
			break;
		}
	}
	return OK;
}

/* A node before its operand. */
static Status
order_violates(Graph *g)
{
	right(g, "order");
	for (Val v = 1; v < g->n; v++)
		for (int i = 0; i < g->node[v].nin; i++)
			if (g->node[v].in[i] == v - 1) {
				Node kept = g->node[v - 1];

				g->node[v - 1] = g->node[v];
				g->node[v] = kept;
				g->node[v - 1].in[i] = v;
				return OK;
			}
	return OK;
}

/* Everything in the slab of intermediate values lies at its start. */
static Status
plan_overlaps(Graph *g)
{
	right(g, "plan");
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].place.slab >= 0 &&
		    strcmp(g->slab[g->node[v].place.slab].name, "act") == 0 &&
		    g->node[v].op != OP_input && g->node[v].op != OP_host)
			g->node[v].place.offset = 0;
	return OK;
}

static const struct {
	const char *what, *pass;
	Status (*run)(Graph *);
	/* no evaluation shows it: the proof of what is made of it does, in a later pass or in code
	 * generation */
	bool later;
	int  nodes; /* at most, of the graph it is shrunk to */
} mistakes[] = {
	{"a factor is dropped", "fold", fold_drops_factor, false, 6},
	{"unequal values are joined", "cse", cse_joins_unequal, false, 7},
	{"an output is dropped", "dce", dce_drops_output, false, 6},
	{"another scale", "attend", attend_scale, false, 9},
	{"the first row is forgotten", "compact", compact_forgets_row, false, 10},
	{"a use counts twice", "autodiff", autodiff_counts_twice, false, 8},
	{"a term of a rule is dropped", "autodiff", autodiff_drops_term, false, 8},
	{"operands of a difference swapped", "update", update_swaps, false, 8},
	{"another beta", "expand", expand_eps, false, 6},
	{"operands of a quotient swapped", "simplify", simplify_swaps, false, 6},
	{"an operand stays f32", "cast", cast_forgets, false, 6},
	{"an operand taken twice", "gemm", gemm_squares, false, 6},
	{"a comparison changed", "recompute", recompute_other, false, 7},
	{"two kernels across a third", "fuse", fuse_across, true, 6},
	{"two axes of a variable change places", "layout", layout_turns, true, 9},
	{"a node before its operand", "order", order_violates, false, 6},
	{"places overlap", "plan", plan_overlaps, true, 9},
};

/* Among the first graphs there is one that shows it, in the pass in which it is where evaluation
 * can show it. */
START_TEST(found_and_small)
{
	enum { SEEDS = 60, TRIES = 3 };
	int best = 1000, tries = 0;

	for (uint64_t seed = 0; seed < SEEDS && tries < TRIES && best > mistakes[_i].nodes;
	     seed++) {
		Checked c = {.seed = seed};
		Text    golden = {0};
		int     nodes;
		Verdict v;

		c.pass[pass_named(mistakes[_i].pass)] = mistakes[_i].run;
		v = check_seed(&c, &golden, &nodes);
		if (v.check == CHECK_differs || v.check == CHECK_died) {
			ck_assert_msg(strcmp(v.pass, mistakes[_i].pass) == 0 || mistakes[_i].later,
			              "%s: seen in %s: %s", mistakes[_i].what, v.pass, v.why);
			ck_assert(strstr(golden.at, "# RUN: d2v opt %s --passes=") != NULL);
			best = nodes < best ? nodes : best;
			tries++;
			if (getenv("SHOW"))
				fprintf(stderr, "--- %s\n%s\n", mistakes[_i].what, golden.at);
		}
		text_free(&golden);
	}
	ck_assert_msg(tries > 0, "%s in pass %s is not found", mistakes[_i].what,
	              mistakes[_i].pass);
	ck_assert_msg(best <= mistakes[_i].nodes, "%s in pass %s: the smallest graph has %d nodes",
	              mistakes[_i].what, mistakes[_i].pass, best);
}
END_TEST

Suite *
suite_random(void)
{
	Suite *s = suite_create("random");
	TCase *t = tcase_create("passes");

	tcase_set_timeout(t, 300);
	tcase_add_test(t, passes);
	tcase_add_loop_test(t, once_failed, 0, 5);
	tcase_add_loop_test(t, found_and_small, 0, COUNT(mistakes));
	suite_add_tcase(s, t);
	return s;
}

Suite *
suite_random_device(void)
{
	Suite *s = suite_create("random_device");
	TCase *t = tcase_create("devices");

	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, runs, 0, COUNT(devices));
	tcase_add_test(t, read_before_written);
	tcase_add_loop_test(t, wrong_kernel, 0, COUNT(devices));
	suite_add_tcase(s, t);
	return s;
}
