/* check_slope: gradients against differences of the loss along a random direction in one parameter
 * after the other. When one is wrong, a probe (a parameter of zeros) is added to each operand of
 * each node on the way to the loss, and probes are compared from the loss backwards: the first
 * wrong one is an operand of the node whose rule is wrong. Refuses nothing; a parameter whose slope
 * is below a millionth of the loss is as good as constant, and so is its check. */
#include "compiler/pass/check_private.h"
#include "compiler/pass/rules.h"

#include <math.h>
#include <string.h>

/* Steps along the directions. A steep loss needs short ones: norms of nearly constant rows bend
 * within 1e-5; a flat one needs long ones, since its differences drown in rounding. */
static const double step_of[] = {1e-4, 1e-5, 3e-4, 1e-6, 1e-7};

typedef struct {
	Arena   *scratch; /* of one run of the oracle */
	Graph   *forward; /* the loss and what it needs */
	Numbers *x;
	Tensor  *value;
	double   loss;
} Slopes;

static double
loss_of(Slopes *s)
{
	Tensor *value;

	arena_reset(s->scratch);
	value = arena_new_array(s->scratch, Tensor, s->forward->n + 1);
	if (eval_graph(s->scratch, s->forward, s->x->feed.at, s->x->feed.n, value) != OK)
		BUG("the oracle refuses %s", s->forward->name);
	return value[s->forward->training.loss].at[0];
}

static void
move(Tensor *t, const Tensor *from, const Tensor *way, double by)
{
	for (int64_t i = 0; i < type_elems(&t->type); i++)
		t->at[i] = from->at[i] + by * way->at[i];
}

/* How far the slope that the gradient gives is from the one that differences of order h^4 give;
 * both through *slope. */
static double
slope_error(Arena *a, Slopes *s, const char *param, const Tensor *gradient, int direction,
            double slope[2])
{
	const double h = step_of[direction];
	Tensor      *t = numbers_find(s->x, param), from = tensor_reorder(a, *t, &t->type),
	       way = tensor_new(a, &t->type), grad = tensor_reorder(a, *gradient, &t->type);
	Stream stream = stream_open(2, param, (uint64_t)direction, 0);
	double f[4];

	slope[0] = 0;
	for (int64_t i = 0; i < type_elems(&t->type); i++) {
		way.at[i] = stream_between(&stream, -1, 1);
		slope[0] += way.at[i] * grad.at[i];
	}
	for (int k = 0; k < 4; k++) {
		static const double by[] = {-2, -1, 1, 2};

		move(t, &from, &way, by[k] * h);
		f[k] = loss_of(s);
	}
	move(t, &from, &way, 0);
	slope[1] = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
	return fabs(slope[0] - slope[1]) /
	       fmax(fmax(fabs(slope[0]), fabs(slope[1])), 1e-6 * (1e-3 + fabs(s->loss)));
}

/* The best of a few directions: a kink (an absolute value, a maximum) near the point spoils one, a
 * mistake all of them. */
static double
best_error(Arena *a, Slopes *s, const char *param, const Tensor *gradient, double slope[2])
{
	double best = INFINITY, d, now[2];

	for (int i = 0; i < COUNT(step_of) && !(best <= CHECK_SLOPE_BOUND); i++) {
		d = slope_error(a, s, param, gradient, i, now);
		if (d < best || i == 0) {
			best = isnan(d) ? INFINITY : d;
			slope[0] = now[0];
			slope[1] = now[1];
		}
	}
	return best;
}

/* ---- probes --------------------------------------------------------------------------------- */

typedef struct {
	Val         node; /* of the graph without probes */
	int         operand;
	const char *name;
} Probe;
typedef Vec(Probe) ProbeList;

static bool
is_trained(const Training *t, const char *name)
{
	for (int i = 0; i < t->nupdate; i++)
		if (t->update[i].param == name)
			return true;
	return false;
}

static bool
is_number(const Graph *g, Val v)
{
	return g->node[v].type.dtype == DT_f32;
}

/* Values that depend on a trained parameter, and those that the loss depends on, both by ways that
 * carry gradients. */
static bool *
on_the_way(Arena *a, const Graph *g)
{
	bool *from = arena_new_array(a, bool, g->n), *to = arena_new_array(a, bool, g->n);

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		from[v] = n->op == OP_param && is_trained(&g->training, n->attr.name);
		for (int i = 0; i < n->nin && is_number(g, v); i++)
			from[v] = from[v] || (from[n->in[i]] && grad_flows(n->op, n->nin, i));
	}
	to[g->training.loss] = true;
	for (Val v = g->training.loss; v >= 0; v--)
		for (int i = 0; i < g->node[v].nin; i++)
			if (to[v] && is_number(g, g->node[v].in[i]) &&
			    grad_flows(g->node[v].op, g->node[v].nin, i))
				to[g->node[v].in[i]] = true;
	for (Val v = 0; v < g->n; v++)
		from[v] = from[v] && to[v];
	return from;
}

/* g with a probe on each operand that carries a gradient. Every probe is trained, so that autodiff
 * gives its gradient. */
static Graph *
with_probes(Arena *a, const Graph *g, ProbeList *probes)
{
	Graph *p = graph_new(a, g->name);
	bool  *way = on_the_way(a, g);
	Val   *map = arena_new_array(a, Val, g->n);
	Vec(Update) update = {0};
	Val none = build_const(p, 0, g->node[g->training.loss].loc);

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		Val        *in = arena_new_array(a, Val, n->nin + 1);

		for (int i = 0; i < n->nin; i++) {
			Val o = n->in[i];

			in[i] = map[o];
			if (!way[v] || !way[o] || !grad_flows(n->op, n->nin, i))
				continue;
			const char *name = intern_printf("probe %d of node %d", i, v);
			Val         zero = build_leaf(p, OP_param, name, &g->node[o].type, n->loc);

			in[i] = build_bin(p, OP_add, in[i], zero, n->loc);
			vec_push(a, probes, (Probe){v, i, name});
			vec_push(a, &update,
			         (Update){.param = name, .lr = none, .decay = none, .loc = n->loc});
		}
		map[v] = build(p, n->op, in, n->nin, &n->attr, &n->type, n->loc);
	}
	p->batch_axis = g->batch_axis;
	p->target = g->target;
	p->training = g->training;
	p->training.loss = map[g->training.loss];
	p->training.nupdate = update.n;
	p->training.update = update.at;
	return p;
}

/* The node of s->forward whose rule is wrong, or NO_VAL when each by itself is right. */
static Val
wrong_rule(Arena *a, Slopes *s, const Pass *pass, int *operand)
{
	ProbeList probes = {0};
	Graph    *g = s->forward, *p = with_probes(a, g, &probes), *d = graph_copy(a, p);
	Tensor   *value;
	Val       found = NO_VAL;

	numbers_for(s->x, p);
	for (int i = 0; i < probes.n; i++) {
		Tensor *t = numbers_find(s->x, probes.at[i].name);

		memset(t->at, 0, sizeof(double) * (size_t)type_elems(&t->type));
	}
	if (check_run_pass(d, pass) != OK)
		return NO_VAL;
	value = arena_new_array(a, Tensor, d->n + 1);
	if (eval_graph(a, d, s->x->feed.at, s->x->feed.n, value) != OK)
		BUG("the oracle refuses %s", d->name);
	s->forward = p;
	for (int i = probes.n; i-- > 0 && found == NO_VAL;) {
		double slope[2];

		for (int u = 0; u < d->training.nupdate; u++)
			if (d->training.update[u].param == probes.at[i].name &&
			    !(best_error(a, s, probes.at[i].name,
			                 &value[d->training.update[u].grad],
			                 slope) <= CHECK_SLOPE_BOUND)) {
				found = probes.at[i].node;
				*operand = probes.at[i].operand;
			}
	}
	s->forward = g;
	return found;
}

static Status
wrong_slope(Arena *a, Slopes *s, const Update *u, const Pass *pass, const char *of,
            const double slope[2])
{
	int operand = 0;
	Val v = wrong_rule(a, s, pass, &operand);

	if (v == NO_VAL) {
		(void)diag_error(u->loc, "pass-meaning",
		                 "pass `%s` changes the meaning of %s: the gradient of `%s` is "
		                 "wrong: along a random direction the loss changes by "
		                 "%.6g, the gradient says %.6g",
		                 pass->name, of, u->param, slope[1], slope[0]);
	} else {
		(void)diag_error(s->forward->node[v].loc, "pass-meaning",
		                 "pass `%s` changes the meaning of %s: the gradient of `%s` is "
		                 "wrong, because of the rule of `%s` (operand %d) on "
		                 "this line: along a random direction the loss changes by %.6g, "
		                 "the gradient says %.6g",
		                 pass->name, of, u->param, op_info[s->forward->node[v].op].name,
		                 operand + 1, slope[1], slope[0]);
		diag_note(u->loc, "`%s` is declared here", u->param);
	}
	diag_hint("this is a mistake in d2v, not in the spec; the stages are in `d2v compile "
	          "--dump=%s`",
	          pass->name);
	return FAIL;
}

Status
check_slopes(Arena *a, const Graph *g, const Graph *after, const Pass *pass, Numbers *x,
             const char *of, Checked *row)
{
	Slopes s = {arena_new(), graph_copy(a, g), x, arena_new_array(a, Tensor, after->n + 1), 0};
	Status status = OK;
	double slope[2];

	s.forward->nout = 0;
	graph_commit(s.forward);
	if (eval_graph(a, after, x->feed.at, x->feed.n, s.value) != OK)
		BUG("the oracle refuses %s", after->name);
	s.loss = loss_of(&s);
	for (int i = 0; i < after->training.nupdate && status == OK; i++) {
		const Update *u = &after->training.update[i];
		double        d = best_error(a, &s, u->param, &s.value[u->grad], slope);

		row->slopes++;
		if (d > row->worst || !row->where) {
			row->worst = d;
			row->where = intern_printf("the gradient of `%s`", u->param);
		}
		if (!(d <= CHECK_SLOPE_BOUND))
			status = wrong_slope(a, &s, u, pass, of, slope);
	}
	arena_free(s.scratch);
	return status;
}
