/* compare: see the header. */
#include "tests/support/compare.h"

#include <math.h>
#include <string.h>

/* ---- what leaves a step --------------------------------------------------------------------- */

typedef struct {
	Stream s;
	double size;
} Noise;

/* bf16 ends 2^15 times further up than f32: what moves an f32 by its last place may move what is
 * rounded by bf16's. */
static void
disturb(const Node *n, Tensor t, void *arg)
{
	Noise *x = arg;
	double size = n->type.dtype == DT_bf16 ? ldexp(x->size, 15) : x->size;

	if (n->type.dtype != DT_f32 && n->type.dtype != DT_bf16)
		return;
	if (n->op == OP_const || n->op == OP_rename || n->op == OP_reorder || n->op == OP_assign)
		return;
	for (int64_t i = 0; i < type_elems(&n->type); i++)
		t.at[i] *= 1 + size * (2.0 * stream_u32(&x->s) / UINT32_MAX - 1);
}

Status
graph_values_noisy(Arena *a, const Graph *g, const Feed *feed, int nfeed, double noise,
                   uint64_t draw, Tensor *result)
{
	Noise x = {stream_open(draw, "noise", 0, 0), noise};

	return eval_graph_each(a, g, feed, nfeed, result, noise > 0 ? disturb : NULL, &x);
}

Status
graph_leaving(Arena *a, const Graph *g, const Feed *feed, int nfeed, double noise, uint64_t draw,
              Leaving **out, int *n)
{
	Tensor *result = arena_new_array(a, Tensor, g->n + 1);

	*out = arena_new_array(a, Leaving, g->n + g->nout + 1);
	*n = 0;
	TRY(graph_values_noisy(a, g, feed, nfeed, noise, draw, result));
	for (int i = 0; i < g->nout; i++)
		(*out)[(*n)++] = (Leaving){g->out[i].name, false, result[g->out[i].val]};
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_assign)
			(*out)[(*n)++] = (Leaving){g->node[v].attr.name, true, result[v]};
	return OK;
}

const Leaving *
leaving_find(const Leaving *l, int n, const char *name, bool assigned)
{
	for (int i = 0; i < n; i++)
		if (l[i].name == name && l[i].assigned == assigned)
			return &l[i];
	return NULL;
}

double
tensor_distance(Arena *a, Tensor x, Tensor y)
{
	Tensor t = tensor_reorder(a, y, &x.type);
	double size = 1e-3, most = 0;

	for (int64_t i = 0; i < type_elems(&x.type); i++) {
		double p = x.at[i], q = t.at[i];

		if (p == q || (isnan(p) && isnan(q)))
			continue;
		if (!isfinite(p - q))
			return INFINITY;
		most = fmax(most, fabs(p - q));
		size = fmax(size, fabs(p));
	}
	for (int64_t i = 0; i < type_elems(&x.type); i++)
		if (isfinite(x.at[i]))
			size = fmax(size, fabs(x.at[i]));
	return most / size;
}

/* ---- two graphs ----------------------------------------------------------------------------- */

typedef struct {
	Arena       *a;
	const Graph *before;
	const Feed  *feed;
	int          nfeed;
	Leaving     *clean, *noisy[2]; /* of before; noisy is made when something differs */
	int          n;
	double       noise;
} Same;

/* How far noise alone moves the i-th value. */
static Status
moved(Same *x, int i, double *out)
{
	*out = 0;
	for (int k = 0; k < COUNT(x->noisy); k++) {
		if (!x->noisy[k])
			TRY(graph_leaving(x->a, x->before, x->feed, x->nfeed, x->noise, (uint64_t)k,
			                  &x->noisy[k], &x->n));
		*out = fmax(*out, tensor_distance(x->a, x->clean[i].tensor, x->noisy[k][i].tensor));
	}
	return OK;
}

/* Values for the leaves of both graphs: a pass may bring in variables (moments), and drop inputs
 * that nothing reads. */
static Feed *
feed_both(Arena *a, const Graph *before, const Graph *after, uint64_t seed, int *n)
{
	int   na, nb;
	Feed *fb = random_feed(a, before, seed, &nb), *fa = random_feed(a, after, seed, &na);
	Feed *all = arena_new_array(a, Feed, na + nb + 1);

	memcpy(all, fb, sizeof *all * (size_t)nb);
	*n = nb;
	for (int i = 0; i < na; i++) {
		bool have = false;

		for (int k = 0; k < nb && !have; k++)
			have = fb[k].name == fa[i].name;
		if (!have)
			all[(*n)++] = fa[i];
	}
	return all;
}

Status
graph_same(Arena *a, const Graph *before, const Graph *after, uint64_t seed, double tolerance,
           const char **why)
{
	Same     x = {.a = a, .before = before, .noise = tolerance / SAME_NOISE};
	Leaving *got;
	int      n;

	*why = "";
	x.feed = feed_both(a, before, after, seed, &x.nfeed);
	*why = "it cannot be evaluated";
	TRY(graph_leaving(a, before, x.feed, x.nfeed, 0, 0, &x.clean, &x.n));
	TRY(graph_leaving(a, after, x.feed, x.nfeed, 0, 0, &got, &n));
	for (int i = 0; i < x.n; i++) {
		const Leaving *want = &x.clean[i],
			      *have = leaving_find(got, n, want->name, want->assigned);
		const char *what = want->assigned ? "variable" : "output";
		double      off, allowed;

		if (!have) {
			*why = arena_printf(a, "%s `%s` is gone", what, want->name);
			return FAIL;
		}
		if (!type_same_axes(&want->tensor.type, &have->tensor.type)) {
			*why = arena_printf(a, "%s `%s` has other axes", what, want->name);
			return FAIL;
		}
		off = tensor_distance(a, want->tensor, have->tensor);
		if (off <= tolerance)
			continue;
		TRY(moved(&x, i, &allowed));
		if (!(off <= tolerance + 10 * allowed)) {
			*why = arena_printf(
				a, "%s `%s` differs by %.2g of its largest element (allowed: %.2g)",
				what, want->name, off, tolerance + 10 * allowed);
			return FAIL;
		}
	}
	*why = "";
	return OK;
}

Graph *
graph_unrounded(Arena *a, const Graph *g)
{
	Graph *c = graph_copy(a, g);

	for (Val v = 0; v < c->n; v++)
		if (c->node[v].type.dtype == DT_bf16)
			c->node[v].type.dtype = DT_f32;
	return c;
}
