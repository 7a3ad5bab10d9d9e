/* check_adamw: what pass update must make of gradients, from AdamW's published formula (Loshchilov and Hutter 2019, with the bias
 * corrections of Kingma and Ba 2015), in double and without the graph:
 *     m = b1 m + (1 - b1) c g      v = b2 v + (1 - b2) (c g)^2      p = p - lr (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + wd p)
 * with c = min(1, clip / (norm + 1e-6)), t = step + 1, and an average e = tau e + (1 - tau) p of the new p. Knows nothing of how the
 * pass goes about it but the names of moments and of host scalars, which are a contract with the runtime. */
#include "compiler/pass/check_private.h"

#include <math.h>

static double
scalar(const Tensor *value, Val v)
{
	return value[v].at[0];
}

/* The value of 1 - base^t, which the runtime computes from its text, under the name that the graph
 * will ask for. */
static double
correction(Numbers *x, double base, double t)
{
	char        number[32];
	const char *name = intern_printf("1 - %s ^ (step + 1)", text_double(number, base));
	Type        type = {.dtype = DT_f32};
	Tensor      one = tensor_new(x->a, &type);

	one.at[0] = 1 - pow(base, t);
	if (!numbers_find(x, name))
		vec_push(x->a, &x->feed, (Feed){name, one});
	return one.at[0];
}

/* A variable in the order of `type`; one that no graph has read yet gets its random value here. */
static Tensor
variable(Arena *a, Numbers *x, const char *name, const Type *type)
{
	Graph *g = graph_new(a, "variable");

	(void)build_leaf(g, OP_param, name, type, (Loc){0});
	numbers_for(x, g);
	return tensor_reorder(a, *numbers_find(x, intern(name)), type);
}

static double
global_norm(const Graph *g, const Tensor *value)
{
	double sum = 0;

	for (int i = 0; i < g->training.nupdate; i++) {
		const Tensor *t = &value[g->training.update[i].grad];

		for (int64_t k = 0; k < type_elems(&t->type); k++)
			sum += t->at[k] * t->at[k];
	}
	return sqrt(sum);
}

void
check_adamw(Arena *a, const Graph *g, Numbers *x, const Tensor *value, SeenList *want)
{
	const Training *t = &g->training;
	Tensor         *step = numbers_find(x, intern("step")), norm;
	Type            number = {.dtype = DT_f32};
	double          at = (step ? step->at[0] : 3) + 1, c1 = correction(x, t->beta1, at),
	       c2 = correction(x, t->beta2, at), c = 1;

	if (t->nupdate == 0)
		return;
	norm = tensor_new(a, &number);
	norm.at[0] = global_norm(g, value);
	if (t->clip > 0)
		c = fmin(1, t->clip / (norm.at[0] + 1e-6));
	vec_push(a, want, (Seen){SEEN_output, intern("grad_norm"), norm, t->update[0].loc});
	for (int i = 0; i < t->nupdate; i++) {
		const Update *u = &t->update[i];
		const char   *name1 = intern_printf("moment1.%s", u->param),
			   *name2 = intern_printf("moment2.%s", u->param);
		Tensor grad = value[u->grad], p = variable(a, x, u->param, &grad.type),
		       m = variable(a, x, name1, &grad.type), v = variable(a, x, name2, &grad.type),
		       e = {0};
		double lr = scalar(value, u->lr), decay = scalar(value, u->decay), tau = 0;

		if (u->average) {
			e = variable(a, x, u->average, &grad.type);
			tau = scalar(value, u->average_decay);
		}
		for (int64_t k = 0; k < type_elems(&grad.type); k++) {
			double d = c * grad.at[k];

			m.at[k] = t->beta1 * m.at[k] + (1 - t->beta1) * d;
			v.at[k] = t->beta2 * v.at[k] + (1 - t->beta2) * d * d;
			p.at[k] -= lr *
			           (m.at[k] / c1 / (sqrt(v.at[k] / c2) + t->eps) + decay * p.at[k]);
			if (u->average)
				e.at[k] = tau * e.at[k] + (1 - tau) * p.at[k];
		}
		vec_push(a, want, (Seen){SEEN_assigned, u->param, p, u->loc});
		vec_push(a, want, (Seen){SEEN_assigned, name1, m, u->loc});
		vec_push(a, want, (Seen){SEEN_assigned, name2, v, u->loc});
		if (u->average)
			vec_push(a, want, (Seen){SEEN_assigned, u->average, e, u->loc});
	}
}
