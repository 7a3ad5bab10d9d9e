/* pass_autodiff: gradients of the loss, as nodes.
 *     %2 = contract %x, %w over D   loss = sum of %2 ...   ==>   grad of w = contract 1, %x over B
 * A value gets a gradient iff the loss depends on it and it depends on a trained parameter;
 * averages (teacher variables), inputs, draws and tables are thus never differentiated. The walk is
 * backward over nodes, so the gradient of a value is complete (all uses summed) before its rule
 * runs.
 * needs: Training.present, a loss f32[].  makes: Update.grad, Training.differentiated.
 * keeps: every forward node.  refuses: a parameter that the loss does not depend on. */
#include "compiler/pass/pass.h"
#include "compiler/pass/rules.h"

typedef struct {
	Graph *g;
	int    nforward; /* nodes that were there before */
	bool  *want;     /* depends on a trained parameter through differentiable operands */
	Val   *grad;     /* sum of what its uses contributed so far; NO_VAL: none */
} Walk;

/* d with exactly the axes of v: summed over the others, repeated over the missing. */
static Val
fit(Graph *g, Val d, Val v, Loc loc)
{
	Type have = g->node[d].type, want = g->node[v].type;
	Axis over[MAX_RANK];
	int  n = 0;

	for (int i = 0; i < have.rank; i++)
		if (type_find(&want, have.axis[i].name) < 0)
			over[n++] = have.axis[i];
	d = build_reduce(g, OP_sum, d, over, n, loc);
	d = build_broadcast_to(g, d, &want, loc);
	return build_cast(g, d, want.dtype, loc);
}

static bool
is_float(Dtype t)
{
	return t == DT_f32 || t == DT_bf16;
}

static bool
trained(const Training *t, const char *name)
{
	for (int i = 0; i < t->nupdate; i++)
		if (t->update[i].param == name)
			return true;
	return false;
}

static void
find_wanted(Walk *w)
{
	const Graph *g = w->g;

	for (Val v = 0; v < w->nforward; v++) {
		const Node *n = &g->node[v];

		if (n->op == OP_param)
			w->want[v] = trained(&g->training, n->attr.name);
		if (!is_float(n->type.dtype))
			continue;
		for (int i = 0; i < n->nin; i++)
			if (w->want[n->in[i]] && grad_flows(n->op, n->nin, i))
				w->want[v] = true;
	}
}

static void
differentiate(Walk *w, Arena *scratch, Val v)
{
	Graph *g = w->g;
	Grad   x = {.g = g, .v = v, .n = g->node[v], .dout = w->grad[v]};
	int    nin = x.n.nin;
	bool  *want = arena_new_array(scratch, bool, nin + 1);
	Val   *din = arena_new_array(scratch, Val, nin + 1);

	for (int i = 0; i < nin; i++) {
		want[i] = w->want[x.n.in[i]] && grad_flows(x.n.op, nin, i);
		din[i] = NO_VAL;
	}
	x.want = want;
	x.din = din;
	grad_rule[x.n.op](&x);
	for (int i = 0; i < nin; i++) {
		Val to = x.n.in[i], d;

		if (!want[i])
			continue;
		if (din[i] == NO_VAL)
			BUG("the gradient rule of %s forgets operand %d", op_info[x.n.op].name, i);
		d = fit(g, din[i], to, x.n.loc);
		w->grad[to] =
			w->grad[to] == NO_VAL ? d : build_bin(g, OP_add, w->grad[to], d, x.n.loc);
	}
}

/* The gradient of a parameter is the sum over all nodes that read it. */
static Status
collect(Walk *w, Update *u)
{
	Graph *g = w->g;
	Val    sum = NO_VAL;

	for (Val v = 0; v < w->nforward; v++)
		if (g->node[v].op == OP_param && g->node[v].attr.name == u->param &&
		    w->grad[v] != NO_VAL)
			sum = sum == NO_VAL ? w->grad[v]
			                    : build_bin(g, OP_add, sum, w->grad[v], g->node[v].loc);
	if (sum == NO_VAL) {
		diag_error(
			u->loc, "no-gradient",
			"no gradient of the loss reaches parameter `%s`, so it cannot be trained",
			u->param);
		diag_hint("use it in what `minimise` sees (a sign or a comparison passes no "
		          "gradient on), or remove it");
		return FAIL;
	}
	u->grad = sum;
	return OK;
}

Status
pass_autodiff(Graph *g)
{
	Training *t = &g->training;
	Walk      w = {.g = g, .nforward = g->n};
	Arena    *scratch;
	Status    status = OK;
	Loc       loc;

	if (!t->present || t->differentiated)
		return OK;
	if (g->node[t->loss].type.rank != 0 || g->node[t->loss].type.dtype != DT_f32)
		BUG("the loss must be f32[]");
	scratch = arena_new();
	w.want = arena_new_array(scratch, bool, w.nforward);
	w.grad = arena_new_array(scratch, Val, w.nforward);
	for (Val v = 0; v < w.nforward; v++)
		w.grad[v] = NO_VAL;
	find_wanted(&w);
	loc = g->node[t->loss].loc;
	if (w.want[t->loss])
		w.grad[t->loss] = build_const(g, 1, loc);
	for (Val v = t->loss; v >= 0; v--)
		if (w.grad[v] != NO_VAL && w.want[v])
			differentiate(&w, scratch, v);
	for (int i = 0; i < t->nupdate; i++)
		if (collect(&w, &t->update[i]) != OK)
			status = FAIL;
	arena_free(scratch);
	if (status != OK)
		return FAIL;
	t->differentiated = true;
	graph_commit(g);
	return OK;
}
