/* random_graph: valid typed graphs over many ops, for testing what passes keep: evaluate, run the
 * pass, evaluate again. Everything is a function of the seed. */
#ifndef D2V_RANDOM_GRAPH_H
#define D2V_RANDOM_GRAPH_H

#include "tests/support/compare.h"

/* About `size` times one to ten nodes; odd sizes, axes of size 1, views of views, masks,
 * reductions, contractions, norms, attention; outputs "loss" and "watch"; Training filled: one
 * update per parameter, some with an average. Verified. */
Graph *random_graph(Arena *a, uint64_t seed, int size);
/* The same with every op that may stand in front of the first pass, other sizes of axes, and up to
 * five outputs. */
Graph *random_graph_all(Arena *a, uint64_t seed, int size);

#endif
