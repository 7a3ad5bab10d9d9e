/* Random graphs through every pass of the front half: outputs and assigned variables must stay what
 * they were, by the oracle; gradients must agree with a difference along a random direction. */
#include "compiler/pass/pass.h"
#include "tests/support/random_graph.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_pass_random(void);

enum { GRAPHS = 300, SIZE = 3 };

/* What leaves the step: outputs by name, then variables by name. */
typedef struct {
	const char *name;
	bool        assigned;
	Tensor      t;
} Seen;
typedef struct {
	Seen *at;
	int   n;
} SeenList;

static SeenList
run(Arena *a, const Graph *g, uint64_t seed)
{
	int      nfeed;
	Feed    *feed = random_feed(a, g, seed, &nfeed);
	Tensor  *result = arena_new_array(a, Tensor, g->n + 1);
	SeenList s = {arena_new_array(a, Seen, g->n + g->nout + 1), 0};

	ck_assert(eval_graph(a, g, feed, nfeed, result) == OK);
	for (int i = 0; i < g->nout; i++)
		s.at[s.n++] = (Seen){g->out[i].name, false, result[g->out[i].val]};
	for (int v = 0; v < g->n; v++)
		if (g->node[v].op == OP_assign)
			s.at[s.n++] = (Seen){g->node[v].attr.name, true, result[v]};
	return s;
}

/* Largest difference relative to the tensor's largest element; everything in `before` must be in
 * `after`. */
static double
difference(Arena *a, SeenList before, SeenList after)
{
	double worst = 0;

	for (int i = 0; i < before.n; i++) {
		const Seen *b = &before.at[i], *other = NULL;
		double      size = 1e-3, most = 0;
		Tensor      t;

		for (int k = 0; k < after.n; k++)
			if (after.at[k].name == b->name && after.at[k].assigned == b->assigned)
				other = &after.at[k];
		ck_assert_msg(other != NULL, "%s is gone", b->name);
		t = tensor_reorder(a, other->t, &b->t.type);
		for (int64_t k = 0; k < type_elems(&b->t.type); k++) {
			if (isnan(t.at[k]) && isnan(b->t.at[k]))
				continue;
			if (t.at[k] == b->t.at[k])
				continue;
			size = fmax(size, fabs(b->t.at[k]));
			most = fmax(most, fabs(t.at[k] - b->t.at[k]));
			ck_assert_msg(isfinite(t.at[k] - b->t.at[k]), "%s is no number", b->name);
		}
		worst = fmax(worst, most / size);
	}
	return worst;
}

/* A random graph all of whose parameters have a gradient. Some have a parameter that is only looked
 * at through `sign`, which autodiff refuses: those give way to a graph of another seed. */
static Graph *
trainable(Arena *a, uint64_t seed)
{
	FILE  *nowhere = fopen("/dev/null", "w");
	Graph *g;
	Status status;

	do {
		Graph *tried;

		g = random_graph(a, seed, SIZE);
		tried = graph_copy(a, g);
		diag_sink(nowhere);
		status = pass_run(tried, "autodiff", NULL, NULL);
		diag_sink(NULL);
		diag_reset();
		seed += GRAPHS;
	} while (status != OK);
	fclose(nowhere);
	return g;
}

/* first: passes that make the graph to start from (NULL: none); then: the passes under test. */
static double
worst_of(const char *first, const char *then, Dtype matmul, uint64_t seed)
{
	Arena *a = arena_new();
	Graph *g = trainable(a, seed), *h;
	double worst;

	g->matmul = matmul;
	if (first)
		ck_assert(pass_run(g, first, NULL, NULL) == OK);
	h = graph_copy(a, g);
	ck_assert(pass_run(h, then, NULL, NULL) == OK);
	worst = difference(a, run(a, g, seed), run(a, h, seed));
	arena_free(a);
	return worst;
}

static const struct {
	const char *first, *then;
	int         stride;
} same[] = {
	{NULL, "fold", 1},
	{NULL, "cse", 1},
	{NULL, "dce", 4},
	{NULL, "attend", 1},
	{NULL, "fold,cse,attend", 2},
	{NULL, "expand", 1},
	{NULL, "expand,simplify", 2},
	{NULL, "autodiff", 4},
	{"autodiff,update", "expand", 3},
	{"autodiff,update", "simplify", 3},
	{"autodiff,update", "expand,simplify", 3},
	{"autodiff,update", "cse,expand,cse,fold", 3},
	{"autodiff,update", "fold,attend", 3},
};

/* The oracle works in double; constants are folded in double: what remains is rounding of 1e-16
 * times the condition of some thousand operations. */
START_TEST(values_stay)
{
	for (int i = 0; i < GRAPHS; i += same[_i].stride) {
		double d = worst_of(same[_i].first, same[_i].then, DT_f32, (uint64_t)i);

		ck_assert_msg(d < 1e-9, "graph %d: %s changes a value by %g", i, same[_i].then, d);
	}
}
END_TEST

/* bf16 has 8 bits; what one rounding does to a result depends on the graph, so the bound is on the
 * typical graph: half of them within 1 %, nine in ten within 10 %. */
START_TEST(cast_stays_near)
{
	int near = 0, far = 0, all = 0;

	for (int i = 0; i < GRAPHS; i += 3, all++) {
		double d =
			worst_of("fold,cse,attend,expand,simplify", "cast", DT_bf16, (uint64_t)i);

		near += d < 0.01;
		far += d > 0.1;
	}
	ck_assert_msg(2 * near > all, "%d of %d near", near, all);
	ck_assert_msg(10 * far < all, "%d of %d far", far, all);
	for (int i = 0; i < GRAPHS; i += 10) {
		Arena *a = arena_new();
		Graph *g = trainable(a, (uint64_t)i);

		g->matmul = g->matmul_average = DT_bf16;
		ck_assert(pass_run(g, "fold,cse,dce,attend,autodiff,update,expand,simplify,cast",
		                   NULL, NULL) == OK);
		for (int v = 0; v < g->n; v++)
			if (g->node[v].op == OP_contract || g->node[v].op == OP_attend)
				ck_assert_int_eq(g->node[g->node[v].in[0]].type.dtype, DT_bf16);
		arena_free(a);
	}
}
END_TEST

static bool
same_text(const Graph *a, const Graph *b)
{
	Text s = {0}, t = {0};
	bool same_;

	graph_print(a, &s);
	graph_print(b, &t);
	same_ = strcmp(s.at, t.at) == 0;
	text_free(&s);
	text_free(&t);
	return same_;
}

START_TEST(twice_is_once)
{
	static const char *const passes[] = {"fold",   "cse",      "attend", "autodiff",
	                                     "expand", "simplify", "cast"};

	for (int i = 0; i < GRAPHS; i += 5)
		for (int k = 0; k < COUNT(passes); k++) {
			Arena *a = arena_new();
			Graph *g = trainable(a, (uint64_t)i), *h;

			g->matmul = DT_bf16;
			ck_assert(pass_run(g, passes[k], NULL, NULL) == OK);
			h = graph_copy(a, g);
			ck_assert(pass_run(h, passes[k], NULL, NULL) == OK);
			ck_assert_msg(same_text(g, h), "graph %d: %s finds more the second time", i,
			              passes[k]);
			arena_free(a);
		}
}
END_TEST

static double
loss_of(Arena *a, const Graph *g, const Feed *feed, int nfeed)
{
	Tensor *result = arena_new_array(a, Tensor, g->n + 1);

	ck_assert(eval_graph(a, g, feed, nfeed, result) == OK);
	return result[g->training.loss].at[0];
}

/* d loss along a random direction in all parameters at once; kinks closer than h spoil a few. */
static bool
direction_agrees(uint64_t seed)
{
	const double h = 1e-6;
	Arena       *a = arena_new();
	Graph       *g = trainable(a, seed), *d = graph_copy(a, g);
	int          nfeed, n;
	Feed        *feed = random_feed(a, g, seed, &nfeed), *plus, *minus;
	Tensor      *result;
	double       slope = 0, size = 1e-6, want;

	ck_assert(pass_run(d, "fold,cse,attend,autodiff,expand,simplify", NULL, NULL) == OK);
	result = arena_new_array(a, Tensor, d->n + 1);
	ck_assert(eval_graph(a, d, feed, nfeed, result) == OK);
	plus = random_feed(a, g, seed, &n);
	minus = random_feed(a, g, seed, &n);
	for (int u = 0; u < d->training.nupdate; u++)
		for (int k = 0; k < nfeed; k++) {
			Stream s = stream_open(seed, feed[k].name, 1, 0);
			Tensor grad;

			if (feed[k].name != d->training.update[u].param)
				continue;
			grad = tensor_reorder(a, result[d->training.update[u].grad],
			                      &feed[k].tensor.type);
			for (int64_t i = 0; i < type_elems(&grad.type); i++) {
				double way = stream_between(&s, -1, 1);

				plus[k].tensor.at[i] += h * way;
				minus[k].tensor.at[i] -= h * way;
				slope += way * grad.at[i];
				size = fmax(size, fabs(way * grad.at[i]));
			}
		}
	want = (loss_of(a, g, plus, n) - loss_of(a, g, minus, n)) / (2 * h);
	arena_free(a);
	return fabs(slope - want) < 1e-4 * fmax(fabs(want), size);
}

START_TEST(gradients_along_a_direction)
{
	int wrong = 0, last = -1;

	for (int i = 0; i < GRAPHS; i++)
		if (!direction_agrees((uint64_t)i)) {
			wrong++;
			last = i;
		}
	ck_assert_msg(wrong <= GRAPHS / 50, "%d of %d graphs disagree, e.g. graph %d", wrong,
	              GRAPHS, last);
}
END_TEST

Suite *
suite_pass_random(void)
{
	Suite *s = suite_create("pass_random");
	TCase *t = tcase_create("random graphs");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, values_stay, 0, COUNT(same));
	tcase_add_test(t, cast_stays_near);
	tcase_add_test(t, twice_is_once);
	tcase_add_test(t, gradients_along_a_direction);
	suite_add_tcase(s, t);
	return s;
}
