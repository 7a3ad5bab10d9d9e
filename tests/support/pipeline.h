/* pipeline: does the generated program compute what the graph says? Evaluates a graph with the oracle, runs all passes and
 * code generation, runs the program on a device, and compares every output and every variable. */
#ifndef D2V_PIPELINE_H
#define D2V_PIPELINE_H

#include "compiler/ir/ir.h"

typedef struct {
	double      worst;     /* largest |device - oracle| / (|oracle| + a tenth of the tensor's largest + 1e-3) */
	const char *where;     /* of which output or variable */
} PipelineResult;

/* g: as lowered (before any pass); consumed. feed: values for inputs, hosts and variables, moments included. device: "cpu", or
 * "emulate" for the text of CUDA kernels. The program
 * is written to `folder`, which is also the cache of kernels. FAIL when a pass, code generation or the device refuses
 * (reported). */
Status pipeline_check(Arena *a, Graph *g, const Feed *feed, int nfeed, const char *device, const char *folder, PipelineResult *out);

#endif
