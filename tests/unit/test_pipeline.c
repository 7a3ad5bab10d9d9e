/* Random graphs through every pass, code generation and the CPU device: outputs and variables must
 * be those of the oracle. What no unit test of a pass can see - a plan that overlaps, a kernel
 * joined with the wrong neighbour, a stride taken for another - shows here. */
#include "compiler/pass/pass.h"
#include "tests/support/pipeline.h"
#include "tests/support/random_graph.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_pipeline(void);

/* Each loop index takes one of every `LANES` seeds. */
enum { LANES = 6, SMALL = 8, LARGE = 2 };

static char folder[SCRATCH];

/* A random graph all of whose parameters have a gradient, and values for everything its update
 * reads. Some graphs look at a parameter through `sign` only, which autodiff refuses: those give
 * way to another seed. */
static Graph *
trainable(Arena *a, uint64_t seed, int size, Feed **feed, int *nfeed)
{
	FILE  *nowhere = fopen("/dev/null", "w");
	Graph *g, *updated;
	Status status;

	ck_assert(nowhere != NULL);
	for (;; seed += 100000) {
		g = random_graph(a, seed, size);
		updated = graph_copy(a, g);
		diag_sink(nowhere);
		status = pass_run(updated, "autodiff,update", NULL, NULL);
		diag_sink(NULL);
		diag_reset();
		if (status == OK)
			break;
	}
	fclose(nowhere);
	*feed = random_feed(a, updated, seed, nfeed);
	return g;
}

static void
check_one(uint64_t seed, int size)
{
	Arena         *a = arena_new();
	PipelineResult r;
	Feed          *feed;
	int            nfeed;
	Graph         *g = trainable(a, seed, size, &feed, &nfeed);

	ck_assert_msg(pipeline_check(a, g, feed, nfeed, "cpu", folder, &r) == OK,
	              "seed %d size %d: refused", (int)seed, size);
	ck_assert_msg(r.worst < 1e-4, "seed %d size %d: %s is off by %g", (int)seed, size, r.where,
	              r.worst);
	arena_free(a);
}

/* Half of the time goes into making kernels fast, which matters for what vector code may get wrong:
 * the large graphs. */
START_TEST(small_graphs)
{
	setenv("D2V_CFLAGS", "-O1", 1);
	for (int i = 0; i < SMALL; i++)
		check_one((uint64_t)(_i + LANES * i), 6);
}
END_TEST

START_TEST(large_graphs)
{
	for (int i = 0; i < LARGE; i++)
		check_one((uint64_t)(1000 + _i + LANES * i), 16);
}
END_TEST

/* One launch took over its neighbour, whose weight decay lay 128 bytes further on - just where an
 * array would go on. */
START_TEST(neighbours_with_another_scalar)
{
	setenv("D2V_CFLAGS", "-O1", 1);
	check_one(89, 6);
}
END_TEST

/* Rows whose elements lie apart in memory while another axis' neighbours lie side by side: a
 * processor walks that axis innermost, so many lanes at a time. Whole pieces, a piece and a
 * remainder, several and a remainder, one lane more than the least, too few. */
static const struct {
	int b, n, d;
} apart[] = {{3, 5, 128}, {2, 3, 133}, {1, 49, 301}, {3, 4, 37},
             {2, 7, 17},  {4, 3, 15},  {1, 1, 40}};

START_TEST(sums_over_what_lies_apart)
{
	Arena      *a = arena_new();
	const char *x =
		arena_printf(a, "f32[B:%d, N:%d, D:%d]", apart[_i].b, apart[_i].n, apart[_i].d);
	const char    *row = arena_printf(a, "f32[B:%d, D:%d]", apart[_i].b, apart[_i].d);
	Text           text = {0};
	Graph         *g;
	PipelineResult r;
	Feed          *feed;
	int            nfeed;

	text_printf(&text,
	            "graph @train {\n%%0 = input \"x\" : %s\n%%1 = param \"w\" : f32[D:%d]\n%%2 = "
	            "mul %%0, %%1 : %s\n",
	            x, apart[_i].d, x);
	text_printf(&text,
	            "%%3 = standardise %%2 over N eps 1e-3 : %s\n%%4 = smooth_l1 %%3 beta 0.5 : "
	            "%s\n%%5 = sum %%4 over N : %s\n",
	            x, x, row);
	text_printf(&text,
	            "%%6 = softmax %%2 over N : %s\n%%7 = mul %%6, %%0 : %s\n%%8 = rmax %%7 over N "
	            ": %s\n",
	            x, x, row);
	text_printf(&text,
	            "%%9 = add %%5, %%8 : %s\n%%10 = add %%9, %%1 : %s\n%%11 = sum %%10 over B, D "
	            ": f32[]\n",
	            row, row);
	text_printf(&text, "%%12 = const 0.01 : f32[]\n%%13 = const 0.1 : f32[]\ntraining loss "
	                   "%%11 adamw(0.9, 0.99, 1e-8) clip 0\n");
	text_printf(&text, "update \"w\" group default lr %%12 decay %%13\nreturn loss = %%11, "
	                   "rows = %%10, softmax = %%6\n}\n");
	ck_assert_msg(graph_parse(a, "apart.ir", text.at, &g) == OK &&
	                      graph_verify(g, "test", false) == OK,
	              "cannot read:\n%s", text.at);
	text_free(&text);
	{
		Graph *updated = graph_copy(a, g);

		ck_assert(pass_run(updated, "autodiff,update", NULL, NULL) == OK);
		feed = random_feed(a, updated, 7, &nfeed);
	}
	ck_assert(pipeline_check(a, g, feed, nfeed, "cpu", folder, &r) == OK);
	ck_assert_msg(r.worst < 1e-4, "%s is off by %g", r.where, r.worst);
	arena_free(a);
}
END_TEST

static void
folder_make(void)
{
	scratch_folder(folder, "pipeline");
}

static void
folder_remove(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	ck_assert(system(command) == 0);
}

Suite *
suite_pipeline(void)
{
	Suite *s = suite_create("pipeline");
	TCase *t = tcase_create("random");

	tcase_add_checked_fixture(t, folder_make, folder_remove);
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, small_graphs, 0, LANES);
	tcase_add_loop_test(t, large_graphs, 0, LANES);
	tcase_add_test(t, neighbours_with_another_scalar);
	tcase_add_loop_test(t, sums_over_what_lies_apart, 0, COUNT(apart));
	suite_add_tcase(s, t);
	return s;
}
