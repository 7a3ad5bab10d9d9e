/* eval_attend: attend and its gradient from the formulas, one query at a time:
 *     s_u = scale * q . k_u + r_u      p = softmax(s)      out = sum_u m_u p_u v_u
 * with m_u = 0 where the draw is below the rate and 1 / (1 - rate) elsewhere. Backwards, with g = d
 * out:
 *     dv_u += m_u p_u g      dp_u = m_u g . v_u      ds_u = p_u (dp_u - sum_w p_w dp_w)
 *     dq += scale ds_u k_u   dk_u += scale ds_u q    dr_u += ds_u */
#include "compiler/ir/ir_private.h"

#include <math.h>
#include <string.h>

/* A tensor and where its elements lie for the current query: at + u * step_u + e * step_e. */
typedef struct {
	double *at;
	int64_t step_u, step_e;
} Operand;

typedef struct {
	const Node   *n;
	Walk          w; /* over the axes of q but E */
	int64_t       nu, ne;
	Operand       q, k, v, r, out, dq, dk, dv, dr;
	bool          grad, bias;
	uint32_t      step, seed;
	uint64_t      site;
	const double *sample;
	int64_t      *sample_at, *element_at; /* per query, laid out beforehand */
	int64_t       element_u;
	double       *p, *m, *dp; /* per key */
} Attend;

static Walk
query_walk(const Type *q, const char *e_name)
{
	Walk w;
	int  i;

	walk_start(&w, NULL, 0);
	for (i = 0; i < q->rank; i++)
		if (q->axis[i].name != e_name)
			walk_axes(&w, &q->axis[i], 1);
	return w;
}

/* Strides of t along the walk; own walks because there are more tensors than a walk has views. */
static int64_t *
offsets(Arena *a, const Attend *x, const Type *t)
{
	Walk     w = x->w;
	int64_t *at = arena_new_array(a, int64_t, w.left), i;

	walk_view(&w, t);
	for (i = 0; w.left > 0; walk_next(&w))
		at[i++] = w.at[0];
	return at;
}

typedef struct {
	Operand *o;
	Tensor   t;
	int64_t *at;
} Bound;

static Bound
bind(Arena *a, const Attend *x, Operand *o, Tensor t)
{
	o->step_e = type_stride(&t.type, x->n->attr.axes[0].name);
	o->step_u = type_stride(&t.type, x->n->attr.axes[1].name);
	return (Bound){o, t, offsets(a, x, &t.type)};
}

static double
dot(const Attend *x, const double *a, int64_t step_a, const double *b, int64_t step_b)
{
	double  sum = 0;
	int64_t e;

	for (e = 0; e < x->ne; e++)
		sum += a[e * step_a] * b[e * step_b];
	return sum;
}

static void
probabilities(Attend *x, int64_t query)
{
	double  rate = x->n->attr.rate, top = -INFINITY, sum = 0;
	int64_t u;

	for (u = 0; u < x->nu; u++) {
		x->p[u] = x->n->attr.scale *
		          dot(x, x->q.at, x->q.step_e, x->k.at + u * x->k.step_u, x->k.step_e);
		if (x->bias)
			x->p[u] += x->r.at[u * x->r.step_u];
		if (x->p[u] > top)
			top = x->p[u];
	}
	for (u = 0; u < x->nu; u++)
		sum += x->p[u] = exp(x->p[u] - top);
	for (u = 0; u < x->nu; u++) {
		x->p[u] /= sum;
		x->m[u] = 1;
		if (rate > 0) {
			double draw = philox_uniform(
				x->seed, x->site, x->step, (uint32_t)x->sample[x->sample_at[query]],
				(uint32_t)(x->element_at[query] + u * x->element_u));
			x->m[u] = draw < rate ? 0 : 1 / (1 - rate);
		}
	}
}

static void
forward(Attend *x)
{
	int64_t u, e;

	for (u = 0; u < x->nu; u++)
		for (e = 0; e < x->ne; e++)
			x->out.at[e * x->out.step_e] +=
				x->m[u] * x->p[u] * x->v.at[u * x->v.step_u + e * x->v.step_e];
}

static void
backward(Attend *x)
{
	double  scale = x->n->attr.scale, mean = 0;
	int64_t u, e;

	for (u = 0; u < x->nu; u++) {
		x->dp[u] = x->m[u] *
		           dot(x, x->out.at, x->out.step_e, x->v.at + u * x->v.step_u, x->v.step_e);
		mean += x->p[u] * x->dp[u];
	}
	for (u = 0; u < x->nu; u++) {
		double ds = x->p[u] * (x->dp[u] - mean);
		for (e = 0; e < x->ne; e++) {
			x->dv.at[u * x->dv.step_u + e * x->dv.step_e] +=
				x->m[u] * x->p[u] * x->out.at[e * x->out.step_e];
			x->dq.at[e * x->dq.step_e] +=
				scale * ds * x->k.at[u * x->k.step_u + e * x->k.step_e];
			x->dk.at[u * x->dk.step_u + e * x->dk.step_e] +=
				scale * ds * x->q.at[e * x->q.step_e];
		}
		if (x->bias)
			x->dr.at[u * x->dr.step_u] += ds;
	}
}

static void
bind_dropout(Eval *e, Attend *x)
{
	const Node   *n = x->n;
	const Tensor *sample = &e->result[n->in[3 + x->bias]];
	Type          counted = {0};

	x->sample = sample->at;
	x->step = (uint32_t)e->result[n->in[4 + x->bias]].at[0];
	x->seed = (uint32_t)e->result[n->in[5 + x->bias]].at[0];
	x->site = hash_name(n->attr.name);
	counted.rank = attend_draw_axes(&e->result[n->in[0]].type, &e->result[n->in[1]].type,
	                                &sample->type, &n->attr, counted.axis);
	x->sample_at = offsets(e->a, x, &sample->type);
	x->element_at = offsets(e->a, x, &counted);
	x->element_u = type_stride(&counted, n->attr.axes[1].name);
}

void
eval_attend(Eval *e, Val v, Tensor out)
{
	const Node *n = &e->g->node[v];
	Attend      x = {.n = n,
	                 .grad = n->op == OP_attend_grad,
	                 .nu = n->attr.axes[1].size,
	                 .ne = n->attr.axes[0].size};
	Operand *operand[] = {&x.q, &x.k, &x.v, &x.r}, *gradient[] = {&x.dq, &x.dk, &x.dv, &x.dr};
	Bound    bound[9];
	int64_t  query, nquery;
	int      nbound = 0, i;

	x.bias = attend_has_bias(&n->attr, n->nin, x.grad) == 1;
	x.w = query_walk(&e->result[n->in[0]].type, n->attr.axes[0].name);
	x.p = arena_new_array(e->a, double, 3 * x.nu);
	x.m = x.p + x.nu;
	x.dp = x.m + x.nu;
	for (i = 0; i < 3 + x.bias; i++)
		bound[nbound++] = bind(e->a, &x, operand[i], e->result[n->in[i]]);
	if (n->attr.rate > 0)
		bind_dropout(e, &x);
	bound[nbound++] = bind(e->a, &x, &x.out, x.grad ? e->result[n->in[n->nin - 1]] : out);
	for (i = 0; x.grad && i < 3 + x.bias; i++) {
		Type t = infer_result(e->g, v, i);
		e->tuple[v][i] = i == 0 ? out : tensor_new(e->a, &t);
		bound[nbound++] = bind(e->a, &x, gradient[i], e->tuple[v][i]);
	}
	nquery = x.w.left;
	for (query = 0; query < nquery; query++) {
		for (i = 0; i < nbound; i++)
			bound[i].o->at = bound[i].t.at + bound[i].at[query];
		probabilities(&x, query);
		if (x.grad)
			backward(&x);
		else
			forward(&x);
	}
}
