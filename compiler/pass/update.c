/* pass_update: the optimiser as ordinary nodes on state. With g the gradient of parameter p, t =
 * step + 1:
 *     norm = sqrt(sum of squares of all g)           c = min(1, clip / (norm + 1e-6))      (no clip: no c)
 *     m = b1 m + (1 - b1) c g                        v = b2 v + (1 - b2) (c g)^2
 *     p = p (1 - lr wd) - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)           (AdamW)
 *     e = tau e + (1 - tau) p                        (average, from the new p)
 * Moments are the variables moment1.NAME and moment2.NAME. Every parameter gets the same
 * elementwise shape with scalars in the same places, computed once each, so that one kernel can
 * serve them all.
 * needs: autodiff.  makes: assigns, output grad_norm.  consumes: Training. */
#include "compiler/pass/pass.h"
#include "compiler/pass/rules.h"

#include <string.h>

/* A scalar made from another one, once. */
typedef struct {
	Val from, with, made;
} Made;
typedef Vec(Made) MadeList;

typedef struct {
	Graph   *g;
	Arena   *scratch;
	Val      clip;               /* c, or NO_VAL */
	Val      correct1, correct2; /* 1 - b1^t; 1 / sqrt(1 - b2^t) */
	Val      b1, b1_rest, b2, b2_rest, eps;
	MadeList rate, keep, rest; /* lr / (1 - b1^t); 1 - lr wd; 1 - tau */
} Rules;

static Val
mul(Rules *r, Val a, Val b, Loc loc)
{
	return build_bin(r->g, OP_mul, a, b, loc);
}

static Val
add(Rules *r, Val a, Val b, Loc loc)
{
	return build_bin(r->g, OP_add, a, b, loc);
}

/* a f + b f_rest */
static Val
blend(Rules *r, Val a, Val f, Val b, Val f_rest, Loc loc)
{
	a = mul(r, a, f, loc);
	b = mul(r, b, f_rest, loc);
	return add(r, a, b, loc);
}

/* 1 - base ^ (step + 1), which the runtime computes in double. */
static Val
bias_correction(Graph *g, double base, Loc loc)
{
	static const Type scalar = {.dtype = DT_f32};
	char              number[32];

	return build_leaf(g, OP_host,
	                  intern_printf("1 - %s ^ (step + 1)", text_double(number, base)), &scalar,
	                  loc);
}

static Val
read_variable(Graph *g, const char *name, const Type *type, Loc loc)
{
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_param && g->node[v].attr.name == name)
			return v;
	return build_leaf(g, OP_param, name, type, loc);
}

static Val *
find_made(Arena *a, MadeList *made, Val from, Val with)
{
	for (int i = 0; i < made->n; i++)
		if (made->at[i].from == from && made->at[i].with == with)
			return &made->at[i].made;
	vec_push(a, made, (Made){from, with, NO_VAL});
	return &made->at[made->n - 1].made;
}

static Val
rate_of(Rules *r, Val lr, Loc loc)
{
	Val *made = find_made(r->scratch, &r->rate, lr, NO_VAL);

	if (*made == NO_VAL)
		*made = build_bin(r->g, OP_div, lr, r->correct1, loc);
	return *made;
}

static Val
keep_of(Rules *r, Val lr, Val decay, Loc loc)
{
	Val *made = find_made(r->scratch, &r->keep, lr, decay);

	if (*made == NO_VAL) {
		*made = mul(r, lr, decay, loc);
		*made = build_bin(r->g, OP_sub, build_const(r->g, 1, loc), *made, loc);
	}
	return *made;
}

static Val
rest_of(Rules *r, Val tau, Loc loc)
{
	Val *made = find_made(r->scratch, &r->rest, tau, NO_VAL);

	if (*made == NO_VAL)
		*made = build_bin(r->g, OP_sub, build_const(r->g, 1, loc), tau, loc);
	return *made;
}

static void
update_one(Rules *r, const Update *u)
{
	Graph      *g = r->g;
	const char *name1 = intern_printf("moment1.%s", u->param),
		   *name2 = intern_printf("moment2.%s", u->param);
	Type type = g->node[u->grad].type;
	Val  p = read_variable(g, u->param, &type, u->loc), grad = u->grad, m, v, bottom, now;
	Loc  loc = g->node[p].loc;

	type = g->node[p].type;
	if (r->clip != NO_VAL)
		grad = mul(r, grad, r->clip, loc);
	m = read_variable(g, name1, &type, loc);
	v = read_variable(g, name2, &type, loc);
	m = blend(r, m, r->b1, grad, r->b1_rest, loc);
	v = blend(r, v, r->b2, mul(r, grad, grad, loc), r->b2_rest, loc);
	bottom = add(r, mul(r, build_un(g, OP_sqrt, v, loc), r->correct2, loc), r->eps, loc);
	now = build_bin(g, OP_div, mul(r, m, rate_of(r, u->lr, loc), loc), bottom, loc);
	now = build_bin(g, OP_sub, mul(r, p, keep_of(r, u->lr, u->decay, loc), loc), now, loc);
	build_assign(g, u->param, now, loc);
	build_assign(g, name1, m, loc);
	build_assign(g, name2, v, loc);
	if (u->average) {
		Val e = read_variable(g, u->average, &type, loc);

		e = blend(r, e, u->average_decay, now, rest_of(r, u->average_decay, loc), loc);
		build_assign(g, u->average, e, loc);
	}
}

/* The output grad_norm is the norm before clipping. `min(1, ..)` in this order: a norm that is no
 * number makes every parameter no number, and is not hidden. */
static void
build_norm(Rules *r, Loc loc)
{
	Graph          *g = r->g;
	const Training *t = &g->training;
	Val            *grads = arena_new_array(r->scratch, Val, t->nupdate), norm;

	for (int i = 0; i < t->nupdate; i++)
		grads[i] = t->update[i].grad;
	norm = build_un(g, OP_sqrt, build(g, OP_sum_squares, grads, t->nupdate, NULL, NULL, loc),
	                loc);
	graph_output(g, "grad_norm", norm);
	if (t->clip > 0) {
		Val safe = add(r, norm, build_const(g, 1e-6, loc), loc);
		Val ratio = build_bin(g, OP_div, build_const(g, t->clip, loc), safe, loc);

		r->clip = build_bin(g, OP_min, build_const(g, 1, loc), ratio, loc);
	}
}

Status
pass_update(Graph *g)
{
	Training *t = &g->training;
	Rules     r = {.g = g, .clip = NO_VAL};
	Loc       loc;

	if (!t->present)
		return OK;
	if (!t->differentiated)
		BUG("pass update needs pass autodiff");
	r.scratch = arena_new();
	loc = g->node[t->loss].loc;
	if (t->nupdate > 0) {
		loc = t->update[0].loc;
		build_norm(&r, loc);
		r.correct1 = bias_correction(g, t->beta1, loc);
		r.correct2 = build_un(g, OP_rsqrt, bias_correction(g, t->beta2, loc), loc);
		r.b1 = build_const(g, t->beta1, loc);
		r.b1_rest = build_const(g, 1 - t->beta1, loc);
		r.b2 = build_const(g, t->beta2, loc);
		r.b2_rest = build_const(g, 1 - t->beta2, loc);
		r.eps = build_const(g, t->eps, loc);
	}
	for (int i = 0; i < t->nupdate; i++)
		update_one(&r, &t->update[i]);
	memset(t, 0, sizeof *t);
	t->loss = NO_VAL;
	arena_free(r.scratch);
	graph_commit(g);
	return OK;
}
