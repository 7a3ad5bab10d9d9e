/* Random graphs through every pass, code generation and the CPU device: outputs and variables must be those of the
 * oracle. What no unit test of a pass can see - a plan that overlaps, a kernel joined with the wrong neighbour, a stride
 * taken for another - shows here. */
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

/* A random graph all of whose parameters have a gradient, and values for everything its update reads. Some graphs look at
 * a parameter through `sign` only, which autodiff refuses: those give way to another seed. */
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

	ck_assert_msg(pipeline_check(a, g, feed, nfeed, "cpu", folder, &r) == OK, "seed %d size %d: refused", (int)seed, size);
	ck_assert_msg(r.worst < 1e-4, "seed %d size %d: %s is off by %g", (int)seed, size, r.where, r.worst);
	arena_free(a);
}

/* Half of the time goes into making kernels fast, which matters for what vector code may get wrong: the large graphs. */
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

/* One launch took over its neighbour, whose weight decay lay 128 bytes further on - just where an array would go on. */
START_TEST(neighbours_with_another_scalar)
{
	setenv("D2V_CFLAGS", "-O1", 1);
	check_one(89, 6);
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
	suite_add_tcase(s, t);
	return s;
}
