/* What the files that make random graphs share: random_graph.c (growing, loss, training),
 * random_graph_parts.c (axes, draws, operands), random_graph_ops.c (what models are made of),
 * random_graph_rare.c (the ops that models seldom hold), random_graph_masks.c. Nobody else includes
 * this. */
#ifndef D2V_RANDOM_GRAPH_PRIVATE_H
#define D2V_RANDOM_GRAPH_PRIVATE_H

#include "tests/support/random_graph.h"

enum { MOST_VALUES = 400, MOST_PARAMS = 64, MOST_ELEMS = 1500, MOST_AXES = 5 };

typedef struct {
	Arena      *a;
	Graph      *g;
	Stream      s;
	Val         pool[MOST_VALUES]; /* f32 values to choose operands from */
	int         npool;
	const char *param[MOST_PARAMS];
	Val         param_val[MOST_PARAMS];
	int         nparam, ninput, nsite, line;
	Val         sample, step, seed;
	bool        all; /* rare ops, sizes that differ from graph to graph, more outputs */
} Gen;

/* random_graph_parts.c */
Axis        gen_axis(const char *name);
Type        gen_type(Dtype dtype, const char *axes); /* "B T D" */
void        gen_vary_sizes(Gen *x);
int         gen_below(Gen *x, int n);
Loc         gen_here(Gen *x);
const Type *gen_type_of(const Gen *x, Val v);
Val         gen_keep(Gen *x, Val v);
Val         gen_any(Gen *x);
Val         gen_constant(Gen *x, double c);
Val         gen_scaled(Gen *x, Val v, double c);
Val         gen_new_param(Gen *x, Type t);
Val         gen_new_input(Gen *x, Type t);
Val         gen_leaf(Gen *x);
bool        gen_fits(const Gen *x, Val a, Val b);
Val         gen_partner(Gen *x, Val a);
int         gen_some_axes(Gen *x, const Type *t, Axis out[MAX_RANK]);
Val         gen_mask(Gen *x, Val like);

/* random_graph_ops.c: one op or one small construct, into the pool of values. */
void gen_unary(Gen *x);
void gen_binary(Gen *x);
void gen_reduce(Gen *x);
void gen_contract(Gen *x);
void gen_view(Gen *x);
void gen_pick(Gen *x);
void gen_attend(Gen *x);

/* random_graph_rare.c: one of the rare forms, into the pool of values. */
void gen_rare(Gen *x);

/* random_graph_masks.c: masks that promise a bound, and what goes with them. */
void gen_masks(Gen *x, uint64_t seed);

#endif
