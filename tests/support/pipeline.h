/* pipeline: does the generated program compute what the graph says? Evaluates a graph with the
 * oracle, runs all passes and code generation, runs the program on a device, and compares every
 * output and every variable. */
#ifndef D2V_PIPELINE_H
#define D2V_PIPELINE_H

#include "compiler/ir/ir.h"
#include "compiler/codegen/codegen.h"

typedef struct {
	/* largest |device - oracle| / (|oracle| + a tenth of the tensor's largest + 1e-3) */
	double      worst;
	const char *where; /* of which output or variable */
	double allowed; /* what rounding may make of that: PIPELINE_NEAR, and PIPELINE_MARGIN times
	                 * what the oracle's own values move when each is rounded to f32 (or bf16) a
	                 * little wrong */
} PipelineResult;
#define PIPELINE_NEAR 1e-4
#define PIPELINE_MARGIN 16

/* One graph of several that are compiled together. g: as lowered (before any pass); consumed. feed:
 * values for inputs, hosts and variables, moments included. status: FAIL when a pass, code
 * generation or the device refuses it (reported). */
typedef struct {
	Graph         *g;
	const Feed    *feed;
	int            nfeed;
	Status         status;
	PipelineResult result;
	/* NULL, or a mistake that a test plants in the code */
	void (*spoil)(Arena *, Compiled *);
} PipelineItem;

/* device: "cpu", or "emulate" for the text of CUDA kernels. The program is written to `folder`,
 * which is also the cache of kernels. FAIL when the device refuses the program of all of them
 * (reported). */
Status
pipeline_check_many(Arena *a, PipelineItem *item, int n, const char *device, const char *folder);
/* One graph; FAIL also when it is refused. */
Status pipeline_check(Arena *a, Graph *g, const Feed *feed, int nfeed, const char *device,
                      const char *folder, PipelineResult *out);

/* Variables of a recipe for the params of g. */
void pipeline_recipe(Arena *a, const Graph *g, Recipe *r);

/* ---- pipeline_join.c ------------------------------------------------------------------------ */

/* n compiled programs as one: entry i and slabs from base[i] on are program i's. All kernels stand
 * in two files: starting the C compiler costs more than small kernels do, and there are two at
 * work. */
Compiled *pipeline_join(Arena *a, Compiled *const *c, int n, const Target *target, int *base);

#endif
