/* Random graphs as CUDA: kernels cut up in several ways run on the emulate device, threads in
 * several orders, and give what the oracle says. Which form a kernel takes depends on sizes; small
 * graphs reach all forms with other numbers in cuda_tuning. */
#include "compiler/codegen/codegen.h"
#include "compiler/pass/pass.h"
#include "tests/support/pipeline.h"
#include "tests/support/random_graph.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_codegen_cuda(void);

enum { SEEDS = 3 };

static char folder[SCRATCH];

/* As it is; everything in several blocks, a warp or more a row, arrays in shared memory; the same
 * with arrays in scratch. */
static const CudaTuning tunings[] = {
	{256, 4, 64, 8, 96 << 10, 264, 132 * 480, 4, 16384, 132 * 8},
	{64, 2, 2, 1, 96 << 10, 264, 4096, 1, 0, 0},
	{32, 1, 4, 2, 0, 2, 2048, 1, 16, 1 << 20},
};
static const char *const orders[] = {"forward", "reverse", "shuffle:3"};

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

	ck_assert_msg(pipeline_check(a, g, feed, nfeed, "emulate", folder, &r) == OK,
	              "seed %d size %d: refused", (int)seed, size);
	ck_assert_msg(r.worst < 1e-4, "seed %d size %d: %s is off by %g", (int)seed, size, r.where,
	              r.worst);
	arena_free(a);
}

START_TEST(random_graphs)
{
	CudaTuning kept = cuda_tuning;

	cuda_tuning = tunings[_i];
	setenv("D2V_EMULATE_ORDER", orders[_i], 1);
	setenv("D2V_EMULATE_CHECK", "1", 1);
	for (int i = 0; i < SEEDS; i++)
		check_one((uint64_t)(COUNT(tunings) * i + _i), 10);
	check_one(130, 10); /* a sum over one element: what it leaves is all of it */
	cuda_tuning = kept;
	unsetenv("D2V_EMULATE_ORDER");
	unsetenv("D2V_EMULATE_CHECK");
}
END_TEST

static void
folder_make(void)
{
	scratch_folder(folder, "codegen");
}

static void
folder_remove(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	ck_assert(system(command) == 0);
}

Suite *
suite_codegen_cuda(void)
{
	Suite *s = suite_create("codegen_cuda");
	TCase *t = tcase_create("random");

	tcase_add_checked_fixture(t, folder_make, folder_remove);
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, random_graphs, 0, COUNT(tunings));
	suite_add_tcase(s, t);
	return s;
}
