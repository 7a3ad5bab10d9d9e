/* Rounded weights: bf16 copies of variables that only matrix work reads. Where memory is not what is short (RECOMPUTE_none), pass
 * order makes all of them first, and pass plan lays each slab's copies out as the slab lays out the variables:
 *     params   w1 .. b1 .. w2 w3            act   w1' .. .. w2' w3'
 * so that launches which continue each other's arrays become one (codegen/steps.c): two launches round a model and its average,
 * not one for each weight. Decides nothing about what is rounded. */
#include "compiler/pass/plan_private.h"

#include <stdlib.h>

/* The variable, or the variables side by side, of which v is a copy in another type, alone in its
 * kernel; or NO_VAL. */
static Val
copied(const Graph *g, Val v)
{
	const Node *n = &g->node[v];
	Val         from;

	if (g->recompute != RECOMPUTE_none || n->op != OP_cast || n->kernel < 0)
		return NO_VAL;
	from = alias_root(g, n->in[0]);
	if (g->node[from].op != OP_param && g->node[from].kernel != KERNEL_IN_PLACE)
		return NO_VAL;
	for (int i = 0; i < g->node[from].nin; i++)
		if (g->node[alias_root(g, g->node[from].in[i])].op != OP_param)
			return NO_VAL;
	return type_elems(&g->node[from].type) == type_elems(&n->type) ? from : NO_VAL;
}

bool
is_weight_copy(const Graph *g, Val v)
{
	return copied(g, v) != NO_VAL;
}

typedef struct {
	Val     v;
	int64_t at;
} Copy; /* at: where the variable lies, in bytes of f32 */

static int
by_place(const void *x, const void *y)
{
	const Copy *a = x, *b = y;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->v - b->v;
}

/* A variable may have a copy of its own and be part of another's: the second in memory is placed
 * like any other value. */
static void
apart(const Graph *g, int *n, Copy *copy)
{
	int64_t end = 0;
	int     kept = 0;

	for (int i = 0; i < *n; i++) {
		if (kept && copy[i].at < end)
			continue;
		end = copy[i].at + 2 * type_bytes(&g->node[copy[i].v].type);
		copy[kept++] = copy[i];
	}
	*n = kept;
}

static void
place_copies(Plan *p, Copy *copy, int n)
{
	Graph  *g = p->g;
	Val     whole = copy[0].v, last = copy[n - 1].v;
	int64_t start = copy[0].at;

	for (int i = 1; i < n; i++) {
		Part *part = &p->part[copy[i].v];

		part->whole = whole;
		part->place.offset = (copy[i].at - start) / 2;
		contiguous_strides(&g->node[copy[i].v].type, part->place.stride);
		if (p->first[copy[i].v] < p->first[whole])
			p->first[whole] = p->first[copy[i].v];
		if (p->last[copy[i].v] > p->last[whole])
			p->last[whole] = p->last[copy[i].v];
	}
	plan_want(p, whole, (copy[n - 1].at - start) / 2 + type_bytes(&g->node[last].type));
	p->stored[whole] = false; /* no other bytes than these */
}

void
plan_weights(Plan *p)
{
	Graph *g = p->g;

	for (int slab = SLAB_params; slab <= SLAB_averages; slab++) {
		Vec(Copy) copies = {0};

		for (Val v = 0; v < g->n; v++) {
			Val from = copied(g, v);

			if (from != NO_VAL && p->stored[v] && p->part[v].whole == NO_VAL &&
			    g->node[from].place.slab == slab && g->node[v].type.dtype == DT_bf16)
				vec_push(g->arena, &copies, (Copy){v, g->node[from].place.offset});
		}
		if (copies.n == 0)
			continue;
		qsort(copies.at, (size_t)copies.n, sizeof *copies.at, by_place);
		apart(g, &copies.n, copies.at);
		if (copies.n > 1)
			place_copies(p, copies.at, copies.n);
	}
}
