/* compare: do two graphs compute the same? What every pass has to keep, as one question to the
 * oracle. Values come from a seed, so nothing but the graphs is needed. Refuses to judge what no
 * evaluation shows: kernel numbers, layouts, places (graph_verify and program_verify do). */
#ifndef D2V_COMPARE_H
#define D2V_COMPARE_H

#include "compiler/ir/ir.h"

/* Every output and every assigned variable of `before` must be in `after`, with the same axes and
 * values; `after` may have more. The tolerance is relative to a tensor's largest element. Where a
 * graph itself makes much of a little - a comparison of two values that are equal but for rounding
 * - so much is allowed as noise of a thousandth of the tolerance in every value of `before` does.
 * FAIL is not reported: *why is a sentence (arena text) that names what differs and by how much. */
enum { SAME_NOISE = 1000 };
#define SAME_EXACT 1e-9 /* for what only orders double arithmetic anew */
Status graph_same(Arena *a, const Graph *before, const Graph *after, uint64_t seed,
                  double tolerance, const char **why) MUST_USE;
/* A copy of g that computes without bf16, for the pass that puts it in: all but the rounding can be
 * compared. Only for evaluation; no pass may see it. */
Graph *graph_unrounded(Arena *a, const Graph *g);

/* The pieces, for those who compare with something else than a graph. Leaving: what leaves the
 * step. */
typedef struct {
	const char *name;
	bool        assigned;
	Tensor      tensor;
} Leaving;
/* Outputs, then assigned variables; *n of them. noise > 0: each value of the graph is changed by up
 * to so much, relatively (a bf16 value by 2^15 times that); `draw` chooses the noise. FAIL when the
 * graph cannot be evaluated (reported). */
Status graph_leaving(Arena *a, const Graph *g, const Feed *feed, int nfeed, double noise,
                     uint64_t draw, Leaving **out, int *n) MUST_USE;
/* The same for all nodes. */
Status graph_values_noisy(Arena *a, const Graph *g, const Feed *feed, int nfeed, double noise,
                          uint64_t draw, Tensor *result) MUST_USE;
const Leaving *leaving_find(const Leaving *l, int n, const char *name, bool assigned);
/* Largest difference, relative to the largest element of x (1e-3 at least); infinite when one is no
 * number and the other is. */
double tensor_distance(Arena *a, Tensor x, Tensor y);

#endif
