/* See attend_trial.h. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/attend_trial.h"

double
attend_value(const AttendView *x, int64_t at)
{
	at += x->start;
	return x->a.dtype == DT_f32 ? ((float *)x->memory)[at]
	                            : bf16_to_f32(((uint16_t *)x->memory)[at]);
}

int64_t
attend_place(const AttendTrial *z, const AttendView *x, int64_t o, int64_t token, int64_t e)
{
	int64_t at = token * x->a.token + e;
	for (int i = z->c->nouter - 1; i >= 0; i--) {
		at += o % z->c->outer[i] * x->a.outer[i];
		o /= z->c->outer[i];
	}
	return at;
}

static double
uniform(Stream *s)
{
	return stream_between(s, -1.5, 1.5);
}

/* Random values in the operand, the sentinel everywhere else. */
static void
tensor_make(AttendTrial *z, int which, Dtype dtype, int64_t tokens, int share, Stream *s)
{
	const AttendCase *c = z->c;
	AttendView       *x = &z->tensor[which];
	int64_t           stride;
	x->a.dtype = dtype;
	x->tokens = tokens;
	if (c->layout == PACKED) { /* outer axes: heads, images */
		int64_t wide = share >= 0 ? 3 : 1;
		x->a.outer[0] = c->e;
		x->a.token = wide * c->outer[0] * c->e;
		x->a.outer[1] = tokens * x->a.token;
		x->start = share > 0 ? share * c->outer[0] * c->e : 0;
		x->elems = c->outer[1] * x->a.outer[1];
	} else {
		x->a.token = c->layout == EVEN ? (c->e + 15) / 8 * 8 : c->e + 3;
		stride = tokens * x->a.token + (c->layout == EVEN ? 8 : 5);
		for (int i = c->nouter - 1; i >= 0; i--) {
			x->a.outer[i] = stride;
			stride *= c->outer[i];
		}
		x->elems = stride;
		x->start = 0;
	}
	if (c->layout == PACKED && share > 0) {
		x->memory = z->tensor[which - share].memory;
	} else {
		x->memory = aligned_alloc(64, (size_t)(x->elems * 4 + 63) / 64 * 64);
		ck_assert(x->memory != NULL);
		for (int64_t i = 0; i < x->elems * 2; i++)
			((uint16_t *)x->memory)[i] = ATTEND_SENTINEL;
	}
	for (int64_t o = 0; s && o < z->outers; o++)
		for (int64_t t = 0; t < tokens; t++)
			for (int64_t e = 0; e < c->e; e++) {
				int64_t at = x->start + attend_place(z, x, o, t, e);
				if (dtype == DT_f32)
					((float *)x->memory)[at] = (float)uniform(s);
				else
					((uint16_t *)x->memory)[at] =
						f32_to_bf16((float)uniform(s));
			}
}

void
attend_trial_make(AttendTrial *z, const AttendCase *c, int number)
{
	Stream s = stream_open(7, c->what, (uint64_t)number, 0);
	*z = (AttendTrial){.c = c,
	                   .outers = 1,
	                   .heads = 1,
	                   .step = 5,
	                   .seed = 11,
	                   .rate = 0.3,
	                   .site = hash_name(c->what)};
	for (int i = 0; i < c->nouter; i++)
		z->outers *= c->outer[i];
	for (int i = 0; i < c->nbias; i++)
		z->heads *= c->outer[i];
	tensor_make(z, Q, c->in, c->t, c->layout == PACKED ? 0 : -1, &s);
	tensor_make(z, K, c->in, c->u, c->layout == PACKED ? 1 : -1, &s);
	tensor_make(z, V, c->in, c->u, c->layout == PACKED ? 2 : -1, &s);
	tensor_make(z, OUT, c->out, c->t, -1, NULL);
	tensor_make(z, DOUT, c->out, c->t, -1, &s);
	tensor_make(z, DQ, c->grads, c->t, c->layout == PACKED ? 0 : -1, NULL);
	tensor_make(z, DK, c->grads, c->u, c->layout == PACKED ? 1 : -1, NULL);
	tensor_make(z, DV, c->grads, c->u, c->layout == PACKED ? 2 : -1, NULL);
	int64_t scores = z->heads * c->t * c->u,
		samples = c->nouter > 0 ? c->outer[c->nouter - 1] : 1;
	z->r = aligned_alloc(64, (sizeof(float) * (size_t)scores + 63) / 64 * 64);
	z->dr = malloc(sizeof(float) * (size_t)scores);
	z->sample = malloc(sizeof(uint32_t) * (size_t)samples);
	for (int64_t i = 0; i < scores; i++)
		z->r[i] = (float)(2 * uniform(&s));
	for (int64_t i = 0; i < samples; i++)
		z->sample[i] = stream_u32(&s);
	AttendKernel *k = &z->forward;
	*k = (AttendKernel){.t = c->t,
	                    .u = c->u,
	                    .e = c->e,
	                    .nouter = c->nouter,
	                    .nbias = c->nbias,
	                    .has_bias = c->bias,
	                    .sample_axis = c->nouter - 1,
	                    .dropout = c->dropout,
	                    .processors = c->processors,
	                    .shared_most = c->shared_most,
	                    .scale = 1 / sqrt((double)c->e),
	                    .q = z->tensor[Q].a,
	                    .k = z->tensor[K].a,
	                    .v = z->tensor[V].a,
	                    .out = z->tensor[OUT].a};
	k->draw_u = c->draws ? c->t : 1;
	k->draw_t = c->draws ? 1 : c->u;
	int64_t stride = c->t * c->u;
	for (int i = c->nouter - 1; i >= 0; i--) {
		k->outer[i] = c->outer[i];
		k->draw_stride[i] = i == k->sample_axis ? 0 : stride;
		stride *= i == k->sample_axis ? 1 : c->outer[i];
	}
	z->grad = *k;
	z->grad.grad = true;
	z->grad.out = z->tensor[DOUT].a;
	z->grad.dq = z->tensor[DQ].a;
	z->grad.dk = z->tensor[DK].a;
	z->grad.dv = z->tensor[DV].a;
	static const char *const what[LAUNCHES] = {"forward", "grad", "finish", "ready",
	                                           "ready_backward"};
	for (int i = 0; i < LAUNCHES; i++)
		snprintf(z->name[i], sizeof z->name[i], "%s_%d", what[i], number);
}

/* ---- the definition ------------------------------------------------------------------------- */

static double *
zeros(int64_t n)
{
	double *x = calloc((size_t)n, sizeof *x);
	ck_assert(x != NULL);
	return x;
}

/* The factor dropout puts on element (t, u) of outer index o. */
static double
keep(const AttendTrial *z, int64_t o, int64_t t, int64_t u)
{
	const AttendKernel *k = &z->forward;
	if (!k->dropout)
		return 1;
	int64_t elem = t * k->draw_t + u * k->draw_u, id = 0;
	for (int i = k->nouter - 1; i >= 0; i--) {
		elem += o % k->outer[i] * k->draw_stride[i];
		if (i == k->sample_axis)
			id = o % k->outer[i];
		o /= k->outer[i];
	}
	return philox_uniform(z->seed, z->site, z->step, z->sample[id], (uint32_t)elem) <
	                       (float)z->rate
	               ? 0
	               : 1 / (1 - z->rate);
}

static double
dot(const AttendTrial *z, int x, int64_t tx, int y, int64_t ty, int64_t o)
{
	double sum = 0;
	for (int64_t e = 0; e < z->c->e; e++)
		sum += attend_value(&z->tensor[x], attend_place(z, &z->tensor[x], o, tx, e)) *
		       attend_value(&z->tensor[y], attend_place(z, &z->tensor[y], o, ty, e));
	return sum;
}

/* One row of queries: p is its softmax. */
static void
row_softmax(const AttendTrial *z, int64_t o, int64_t t, double *p)
{
	const AttendCase *c = z->c;
	int64_t           head = o / (z->outers / z->heads);
	double            top = -INFINITY, sum = 0;
	for (int64_t u = 0; u < c->u; u++) {
		p[u] = z->forward.scale * dot(z, Q, t, K, u, o) +
		       (c->bias ? z->r[(head * c->t + t) * c->u + u] : 0);
		top = fmax(top, p[u]);
	}
	for (int64_t u = 0; u < c->u; u++)
		sum += p[u] = exp(p[u] - top);
	for (int64_t u = 0; u < c->u; u++)
		p[u] /= sum;
}

static void
row_reference(AttendTrial *z, int64_t o, int64_t t, double *p, double *dp)
{
	const AttendCase *c = z->c;
	int64_t           head = o / (z->outers / z->heads);
	double            along = 0;
	row_softmax(z, o, t, p);
	for (int64_t u = 0; u < c->u; u++) {
		dp[u] = dot(z, DOUT, t, V, u, o) * keep(z, o, t, u);
		along += dp[u] * p[u];
	}
	for (int64_t u = 0; u < c->u; u++) {
		double ds = p[u] * (dp[u] - along), kept = p[u] * keep(z, o, t, u);
		z->ref_dr[(head * c->t + t) * c->u + u] += ds;
		for (int64_t e = 0; e < c->e; e++) {
			int64_t at_q = (o * c->t + t) * c->e + e, at_k = (o * c->u + u) * c->e + e;
			z->ref_out[at_q] +=
				kept * attend_value(&z->tensor[V],
			                            attend_place(z, &z->tensor[V], o, u, e));
			z->ref_dq[at_q] += z->forward.scale * ds *
			                   attend_value(&z->tensor[K],
			                                attend_place(z, &z->tensor[K], o, u, e));
			z->ref_dk[at_k] += z->forward.scale * ds *
			                   attend_value(&z->tensor[Q],
			                                attend_place(z, &z->tensor[Q], o, t, e));
			z->ref_dv[at_k] +=
				kept * attend_value(&z->tensor[DOUT],
			                            attend_place(z, &z->tensor[DOUT], o, t, e));
		}
	}
}

void
attend_trial_reference(AttendTrial *z)
{
	const AttendCase *c = z->c;
	z->ref_out = zeros(z->outers * c->t * c->e);
	z->ref_dq = zeros(z->outers * c->t * c->e);
	z->ref_dk = zeros(z->outers * c->u * c->e);
	z->ref_dv = zeros(z->outers * c->u * c->e);
	z->ref_dr = zeros(z->heads * c->t * c->u);
	double *p = zeros(c->u), *dp = zeros(c->u);
	for (int64_t o = 0; o < z->outers; o++)
		for (int64_t t = 0; t < c->t; t++)
			row_reference(z, o, t, p, dp);
	free(p);
	free(dp);
}

void
attend_trial_free(AttendTrial *z)
{
	for (int i = 0; i < OPERANDS; i++)
		if (z->tensor[i].start == 0)
			free(z->tensor[i].memory);
	free(z->r);
	free(z->dr);
	free(z->sample);
	free(z->ref_out);
	free(z->ref_dq);
	free(z->ref_dk);
	free(z->ref_dv);
	free(z->ref_dr);
}
