/* random_judge: see random_check.h. Formulas are written down a second time here, in plain loops
 * over doubles, and share nothing with the passes. */
#include "tests/support/random_check.h"

#include <math.h>
#include <string.h>

static Tensor *
fed(Feed *feed, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (feed[i].name == name)
			return &feed[i].tensor;
	return NULL;
}

static Status
evaluate(Arena *a, const Graph *g, const Feed *feed, int nfeed, Tensor **result)
{
	*result = arena_new_array(a, Tensor, g->n + 1);
	return eval_graph(a, g, feed, nfeed, *result);
}

/* ---- gradients ------------------------------------------------------------------------------ */

/* The slope of the loss along a direction, by the gradients and by a difference, at one point. */
static Status
slopes(Arena *a, const Graph *before, const Graph *after, uint64_t seed, double *by_rule,
       double *by_difference, double *size)
{
	const double h = 1e-6;
	const Graph *g = graph_unrounded(a, before), *d = graph_unrounded(a, after);
	double       loss[2];
	Tensor      *result;

	*by_rule = *size = 0;
	for (int side = 0; side < 2; side++) {
		int   n;
		Feed *feed = random_feed(a, before, seed, &n);

		TRY(evaluate(a, d, feed, n, &result));
		for (int u = 0; u < d->training.nupdate; u++) {
			const char *name = d->training.update[u].param;
			Tensor     *p = fed(feed, n, name), grad;
			Stream      s = stream_open(seed, name, 1, 0);

			grad = tensor_reorder(a, result[d->training.update[u].grad], &p->type);
			for (int64_t i = 0; i < type_elems(&p->type); i++) {
				double way = stream_between(&s, -1, 1);

				if (side == 0) {
					*by_rule += way * grad.at[i];
					*size = fmax(*size, fabs(way * grad.at[i]));
				}
				p->at[i] += side ? h * way : -h * way;
			}
		}
		TRY(evaluate(a, g, feed, n, &result));
		loss[side] = result[g->training.loss].at[0];
	}
	*by_difference = (loss[1] - loss[0]) / (2 * h);
	return OK;
}

/* Near a kink (of abs, max, a comparison) the difference says nothing: a mistake shows at most
 * points, a kink at few. */
Status
judge_gradients(Arena *a, const Graph *before, const Graph *after, uint64_t seed, const char **why)
{
	enum { POINTS = 4 };

	if (!after->training.present || after->training.nupdate == 0)
		return OK;
	*why = "it cannot be evaluated";
	for (int k = 0; k < POINTS; k++) {
		double rule, difference, size;

		TRY(slopes(a, before, after, seed + (uint64_t)k, &rule, &difference, &size));
		if (fabs(rule - difference) <= 1e-4 * fmax(fabs(difference), size) + 1e-7)
			return OK;
		*why = arena_printf(a,
		                    "along a direction in all parameters the loss has slope %.6g; "
		                    "the gradients say %.6g",
		                    difference, rule);
	}
	return FAIL;
}

/* ---- AdamW ---------------------------------------------------------------------------------- */

typedef struct {
	Arena         *a;
	const Graph   *before;
	Tensor        *value; /* of before */
	Feed          *feed;
	int            nfeed;
	const Leaving *got;
	int            ngot;
	const char   **why;
} Adam;

static double
correction(Adam *x, double beta)
{
	char          number[32];
	const Tensor *t = fed(x->feed, x->nfeed,
	                      intern_printf("1 - %s ^ (step + 1)", text_double(number, beta)));

	return t ? t->at[0] : NAN;
}

static Status
agrees(Adam *x, const char *name, Tensor want)
{
	const Leaving *l = leaving_find(x->got, x->ngot, name, true);
	double         off;

	if (!l || !type_same_axes(&l->tensor.type, &want.type)) {
		*x->why = arena_printf(x->a, "variable `%s` is not assigned", name);
		return FAIL;
	}
	off = tensor_distance(x->a, want, l->tensor);
	if (off <= 1e-7)
		return OK;
	*x->why = arena_printf(x->a, "new value of `%s` is off by %.2g", name, off);
	return FAIL;
}

static Status
adam_one(Adam *x, const Update *u, double factor)
{
	const Training *t = &x->before->training;
	Tensor         *p = fed(x->feed, x->nfeed, u->param),
	       *m = fed(x->feed, x->nfeed, intern_printf("moment1.%s", u->param));
	Tensor *v = fed(x->feed, x->nfeed, intern_printf("moment2.%s", u->param)), *e, g, new[4];
	double  lr = x->value[u->lr].at[0], decay = x->value[u->decay].at[0],
	       c1 = correction(x, t->beta1), c2 = correction(x, t->beta2);
	double tau = u->average ? x->value[u->average_decay].at[0] : 0;

	if (!p || !m || !v) {
		*x->why = arena_printf(x->a, "`%s` or its moments are not read", u->param);
		return FAIL;
	}
	e = u->average ? fed(x->feed, x->nfeed, u->average) : p;
	g = tensor_reorder(x->a, x->value[u->grad], &p->type);
	for (int i = 0; i < COUNT(new); i++)
		new[i] = tensor_new(x->a, &p->type);
	*m = tensor_reorder(x->a, *m, &p->type);
	*v = tensor_reorder(x->a, *v, &p->type);
	for (int64_t i = 0; i < type_elems(&p->type); i++) {
		double d = factor * g.at[i];

		new[0].at[i] = t->beta1 * m->at[i] + (1 - t->beta1) * d;
		new[1].at[i] = t->beta2 * v->at[i] + (1 - t->beta2) * d *d;
		new[2].at[i] = p->at[i] * (1 - lr * decay) -
		               lr / c1 *new[0].at[i] / (sqrt(new[1].at[i] / c2) + t->eps);
	}
	TRY(agrees(x, intern_printf("moment1.%s", u->param), new[0]));
	TRY(agrees(x, intern_printf("moment2.%s", u->param), new[1]));
	TRY(agrees(x, u->param, new[2]));
	if (!u->average)
		return OK;
	*e = tensor_reorder(x->a, *e, &p->type);
	for (int64_t i = 0; i < type_elems(&p->type); i++)
		new[3].at[i] = tau * e->at[i] + (1 - tau) * new[2].at[i];
	return agrees(x, u->average, new[3]);
}

Status
judge_update(Arena *a, const Graph *before, const Graph *after, uint64_t seed, const char **why)
{
	const Training *t = &before->training;
	Adam            x = {.a = a, .before = before, .why = why};
	Feed           *more;
	Leaving        *got;
	int             nmore;
	double          norm = 0, factor = 1;
	const Leaving  *said;

	if (!t->present || t->nupdate == 0)
		return OK;
	more = random_feed(a, after, seed, &nmore);
	x.feed = random_feed(a, before, seed, &x.nfeed);
	x.feed = arena_grow(a, x.feed, sizeof(Feed) * (size_t)x.nfeed,
	                    sizeof(Feed) * (size_t)(x.nfeed + nmore));
	for (int i = 0; i < nmore; i++)
		if (!fed(x.feed, x.nfeed, more[i].name))
			x.feed[x.nfeed++] = more[i];
	*why = "it cannot be evaluated";
	TRY(evaluate(a, before, x.feed, x.nfeed, &x.value));
	TRY(graph_leaving(a, after, x.feed, x.nfeed, 0, 0, &got, &x.ngot));
	x.got = got;
	for (int u = 0; u < t->nupdate; u++) {
		Tensor g = x.value[t->update[u].grad];

		for (int64_t i = 0; i < type_elems(&g.type); i++)
			norm += g.at[i] * g.at[i];
	}
	norm = sqrt(norm);
	said = leaving_find(x.got, x.ngot, intern("grad_norm"), false);
	if (!said || !(fabs(said->tensor.at[0] - norm) <= 1e-9 * (norm + 1e-3))) {
		*why = "output `grad_norm` is not the norm of the gradients";
		return FAIL;
	}
	if (t->clip > 0)
		factor = fmin(1, t->clip / (norm + 1e-6));
	for (int u = 0; u < t->nupdate; u++)
		TRY(adam_one(&x, &t->update[u], factor));
	return OK;
}

/* ---- bf16 ----------------------------------------------------------------------------------- */

Status
judge_cast(Arena *a, const Graph *g, const char **why)
{
	if (g->matmul != DT_bf16 || g->matmul_average != DT_bf16)
		return OK;
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (n->op != OP_contract && n->op != OP_attend && n->op != OP_attend_grad)
			continue;
		for (int i = 0; i < 2; i++)
			if (g->node[n->in[i]].type.dtype != DT_bf16) {
				*why = arena_printf(a, "operand %d of %%%d, a %s, is no bf16", i, v,
				                    op_info[n->op].name);
				return FAIL;
			}
	}
	return OK;
}
