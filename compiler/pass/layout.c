/* pass_layout: the order of axes in a stored value's type becomes its order in memory, outermost first.
 *     %3 = contract-gemm : [B, T, H, E]   kernel outputs follow what they read, gemms give [rows.., columns..],
 *     attention results follow their queries; gradients follow their parameter.
 * Variables and inputs keep the order in which they were written. Where a gemm or an attend cannot read what there is
 * (axes that do not nest, no unit stride), a copy in the order it needs is put in front of it; gemms that can share one do.
 * needs: fuse.  keeps: kernels. */
#include "compiler/pass/fuse_private.h"

typedef struct {
	Graph       *g;
	Type        *demand; /* per value: wanted order, rank -1 when nobody cares */
	Axes        *order;  /* per kernel: order of its space */
	bool        *ordered;
	Val         *last; /* per kernel: its last node */
	Variables    variables;
	const Type **param; /* per value: the parameter whose gradient it is, or a part of it */
} Layout;

/* Reorder t's axes to follow `order`; axes that order lacks keep their relative place at the end.
 */
static void
follow(Type *t, const Axes *order)
{
	Type out = {.dtype = t->dtype};

	for (int i = 0; i < order->n; i++)
		if (type_find(t, order->at[i].name) >= 0)
			out.axis[out.rank++] = order->at[i];
	for (int i = 0; i < t->rank; i++)
		if (!axes_has(order, t->axis[i].name))
			out.axis[out.rank++] = t->axis[i];
	*t = out;
}

/* The axes of v in the order in which they lie in memory. */
static Axes
order_in_memory(const Graph *g, Val v)
{
	Axes    all = axes_of(&g->node[v].type);
	int64_t stride[MAX_RANK], offset;

	if (!view_strides(g, v, NULL, stride, &offset))
		return all;
	return memory_order(&g->node[v].type, stride, &all);
}

static void
find_gradients(Layout *l)
{
	const Graph *g = l->g;
	Val          sums;
	const char **name = gradient_names(g, &sums);

	l->param = arena_new_array(g->arena, const Type *, g->n);
	for (int i = 0; sums != NO_VAL && i < g->node[sums].nin; i++)
		if (name[i]) {
			Val v = g->node[sums].in[i], p = variable_param(&l->variables, name[i]);

			if (p != NO_VAL && type_same_axes(&g->node[p].type, &g->node[v].type))
				l->param[v] = &g->node[p].type;
		}
	/* A parameter that is used twice has a sum of gradients: its parts are laid out alike. */
	for (Val v = g->n - 1; v >= 0; v--) {
		const Node *n = &g->node[v];

		if (!l->param[v] || op_info[n->op].class != CLASS_ELEM)
			continue;
		for (int i = 0; i < n->nin; i++)
			if (!l->param[n->in[i]] &&
			    type_same_axes(&n->type, &g->node[n->in[i]].type))
				l->param[n->in[i]] = l->param[v];
	}
}

/* The parameter whose gradient v is, or else one with its axes: the written order of `up : [F, D]`
 * serves its own gradient, and that of `down : [D, F]` has another. */
static const Type *
param_like(const Layout *l, Val v)
{
	const Graph *g = l->g;

	if (l->param[v])
		return l->param[v];
	for (int i = 0; i < l->variables.nparam; i++) {
		const Type *t = &g->node[l->variables.param[i]].type;

		if (type_same_axes(t, &g->node[v].type))
			return t;
	}
	return NULL;
}

static void
layout_gemm(const Layout *l, Val v)
{
	Graph      *g = l->g;
	Node       *n = &g->node[v];
	Roles       r = contract_roles(&g->node[n->in[0]].type, &g->node[n->in[1]].type, &n->attr);
	Axes        a = order_in_memory(g, n->in[0]), b = order_in_memory(g, n->in[1]), out = {0};
	const Type *like = param_like(l, v);

	if (n->nin == 2 && r.n.n && r.m.n && like && axes_has(&r.n, like->axis[0].name)) {
		Val  t = n->in[0];
		Axes s = a;

		n->in[0] = n->in[1];
		n->in[1] = t;
		a = b;
		b = s;
		r = contract_roles(&g->node[n->in[0]].type, &g->node[n->in[1]].type, &n->attr);
	}
	for (int i = 0; i < a.n; i++)
		if (axes_has(&r.z, a.at[i].name))
			axes_add(&out, a.at[i]);
	for (int i = 0; i < a.n; i++)
		if (axes_has(&r.m, a.at[i].name))
			axes_add(&out, a.at[i]);
	for (int i = 0; i < b.n; i++)
		if (axes_has(&r.n, b.at[i].name))
			axes_add(&out, b.at[i]);
	follow(&n->type, &out);
}

/* The order in which a kernel walks its space. */
static Axes
kernel_order(Layout *l, Val first, int kernel)
{
	Graph *g = l->g;
	Axes   best = {0};
	int    rank = 0, score = -1;

	for (Val v = first; v <= l->last[kernel]; v++)
		if (g->node[v].kernel == kernel)
			for (int i = -1; i < (op_is_mapped(g->node[v].op) ? 0 : g->node[v].nin);
			     i++) {
				Val         p = i < 0 ? v : g->node[v].in[i];
				const Node *n = &g->node[p];
				bool        inside = n->kernel == kernel, param = n->op == OP_param;
				int         s;

				if (inside && i >= 0)
					continue;
				if (n->type.rank < rank)
					continue;
				/* a variable's own order first, then what a reader demands, then
				 * the order of data read, then as written */
				s = param                              ? 3
				    : inside && l->demand[p].rank >= 0 ? 2
				    : inside ? (n->op == OP_reorder ? 2 : 0)
				             : 1;
				if (n->op == OP_const || (n->type.rank == rank && s <= score))
					continue;
				rank = n->type.rank;
				score = s;
				if (inside && l->demand[p].rank >= 0)
					best = axes_of(&l->demand[p]);
				else
					best = inside ? axes_of(&n->type) : order_in_memory(g, p);
			}
	return best;
}

static void
layout_computed(Layout *l, Val v)
{
	Node *n = &l->g->node[v];
	int   k = n->kernel;

	if (!l->ordered[k]) {
		l->order[k] = kernel_order(l, v, k);
		l->ordered[k] = true;
	}
	if (n->op != OP_uniform) /* its element order is in attr, its own type is never memory */
		follow(&n->type, &l->order[k]);
}

/* attend reads its bias as [bias axes.., T, U], the bias axes in the order in which they lie in q.
 */
static Type
bias_order(const Graph *g, const Node *n, Val bias)
{
	Axes        q = order_in_memory(g, n->in[0]);
	const Type *t = &g->node[bias].type;
	Type        want = {.dtype = t->dtype};

	for (int queries = 0; queries < 2; queries++)
		for (int i = 0; i < q.n; i++) {
			bool query = type_find(&g->node[n->in[1]].type, q.at[i].name) < 0;

			if (type_find(t, q.at[i].name) >= 0 && query == (queries == 1))
				want.axis[want.rank++] = q.at[i];
		}
	want.axis[want.rank++] = t->axis[type_find(t, n->attr.axes[1].name)];
	return want;
}

static Val
attend_bias(const Node *n)
{
	int data = n->nin - (n->op == OP_attend_grad) - (n->attr.rate > 0 ? 3 : 0);

	return data == 4 ? n->in[3] : NO_VAL;
}

/* ---- copies in front of what cannot read ---------------------------------------------------- */

static Val
copy_before(Graph *g, Val v, const Axes *order, Loc loc)
{
	Type t = {.dtype = g->node[v].type.dtype};

	for (int i = 0; i < order->n; i++)
		t.axis[t.rank++] = order->at[i];
	v = build(g, OP_reorder, &v, 1, NULL, &t, loc);
	g->node[v].kernel = g->nkernel++;
	g->node[v].type = t;
	return v;
}

typedef Vec(Val) Vals;

/* Can a gemm read operand v as a matrix of rows x columns (per z)? */
static bool
reads_as_matrix(const Graph *g, Val v, const Axes *z, const Axes *rows, const Axes *columns)
{
	int64_t stride[MAX_RANK], offset, sz, sr, sc;

	if (!view_strides(g, v, NULL, stride, &offset))
		return false;
	if (!collapse(&g->node[v].type, stride, z, &sz) ||
	    !collapse(&g->node[v].type, stride, rows, &sr) ||
	    !collapse(&g->node[v].type, stride, columns, &sc))
		return false;
	return sr == 1 || sc == 1 || axes_elems(rows) == 1 || axes_elems(columns) == 1;
}

static Axes
pick_in_order(const Axes *order, const Axes *group)
{
	Axes s = {0};

	for (int i = 0; i < order->n; i++)
		if (axes_has(group, order->at[i].name))
			axes_add(&s, order->at[i]);
	return s;
}

static Axes
joined(const Axes *a, const Axes *b, const Axes *c)
{
	Axes s = *a;

	for (int i = 0; i < b->n; i++)
		axes_add(&s, b->at[i]);
	for (int i = 0; i < c->n; i++)
		axes_add(&s, c->at[i]);
	return s;
}

/* Operand `from` as rows x columns: a copy that another gemm needed too, or a new one. */
static Val
matrix_copy(Graph *g, Vals *made, Val from, const Axes *z, const Axes *rows, const Axes *columns,
            const Axes *need, Loc loc)
{
	for (int i = 0; i < made->n; i++)
		if (g->node[made->at[i]].in[0] == from &&
		    reads_as_matrix(g, made->at[i], z, rows, columns))
			return made->at[i];
	vec_push(g->arena, made, copy_before(g, from, need, loc));
	return made->at[made->n - 1];
}

static void
check_gemm(Graph *g, Val v, Vals *made)
{
	Node  n = g->node[v];
	Roles r = contract_roles(&g->node[n.in[0]].type, &g->node[n.in[1]].type, &n.attr);
	Axes  out = axes_of(&n.type), b = order_in_memory(g, n.in[1]), need;
	Axes  z = pick_in_order(&out, &r.z), m = pick_in_order(&out, &r.m),
	     c = pick_in_order(&out, &r.n), k = pick_in_order(&b, &r.k);
	Val x;

	if (!reads_as_matrix(g, n.in[1], &z, &k, &c)) {
		need = joined(&z, &c, &k);
		x = matrix_copy(g, made, n.in[1], &z, &k, &c, &need, n.loc);
		g->node[v].in[1] = x;
	}
	if (!reads_as_matrix(g, n.in[0], &z, &m, &k)) {
		need = joined(&z, &m, &k);
		x = matrix_copy(g, made, n.in[0], &z, &m, &k, &need, n.loc);
		g->node[v].in[0] = x;
	}
	if (n.nin == 3) {
		Axes    all = axes_of(&g->node[n.in[2]].type);
		int64_t stride[MAX_RANK], offset, s;

		if (!view_strides(g, n.in[2], NULL, stride, &offset) ||
		    !collapse(&g->node[n.in[2]].type, stride, &c, &s) ||
		    (s != 1 && axes_elems(&all) > 1)) {
			x = copy_before(g, n.in[2], &c, n.loc);
			g->node[v].in[2] = x;
		}
	}
}

static void
check_attend(Graph *g, Val v)
{
	Node        n = g->node[v];
	const char *e = n.attr.axes[0].name;
	int         last = n.nin - 1;

	for (int i = 0; i < n.nin; i++) {
		bool    data = i < 3 || (n.op == OP_attend_grad && i == last);
		int64_t stride[MAX_RANK], offset;
		Axes    order = {0};
		Type    t = g->node[n.in[i]].type;

		if (!data && !(i == 3 && attend_bias(&n) != NO_VAL))
			continue;
		if (data) {
			int at = type_find(&t, e);

			if (view_strides(g, n.in[i], NULL, stride, &offset) &&
			    (stride[at] == 1 || t.axis[at].size == 1))
				continue;
			for (int j = 0; j < t.rank; j++)
				if (j != at)
					axes_add(&order, t.axis[j]);
			axes_add(&order, t.axis[at]);
		} else {
			Type    want = bias_order(g, &n, n.in[i]);
			int64_t s;

			order = axes_of(&want);
			if (view_strides(g, n.in[i], NULL, stride, &offset) &&
			    collapse(&t, stride, &order, &s) && s <= 1)
				continue;
		}
		Val x = copy_before(g, n.in[i], &order, n.loc);
		g->node[v].in[i] = x;
	}
}

/* A variable's new value is written over the old one, in its order. */
static void
keep_variable_order(Graph *g, const Variables *x)
{
	for (int i = 0; i < x->nparam; i++) {
		const Node *p = &g->node[x->param[i]];
		Val         a = variable_assign(x, p->attr.name);
		Axes        order = axes_of(&p->type);

		if (a != NO_VAL)
			follow(&g->node[g->node[a].in[0]].type, &order);
	}
}

Status
pass_layout(Graph *g)
{
	Layout l = {.g = g};
	Vals   made = {0};
	int    n = g->n;

	l.demand = arena_new_array(g->arena, Type, n);
	l.order = arena_new_array(g->arena, Axes, g->nkernel);
	l.ordered = arena_new_array(g->arena, bool, g->nkernel);
	l.last = arena_new_array(g->arena, Val, g->nkernel);
	for (Val v = 0; v < n; v++)
		if (g->node[v].kernel >= 0)
			l.last[g->node[v].kernel] = v;
	l.variables = graph_variables(g, g->arena);
	find_gradients(&l);
	for (Val v = 0; v < n; v++)
		l.demand[v].rank = -1;
	/* the second time with every reader's demand known */
	for (int round = 0; round < 2; round++) {
		for (int k = 0; k < g->nkernel; k++)
			l.ordered[k] = false;
		for (Val v = 0; v < n; v++) {
			Node *node = &g->node[v];
			Axes  order;

			if (node->op == OP_gemm) {
				layout_gemm(&l, v);
			} else if (op_is_computed(node) && node->kernel >= 0) {
				layout_computed(&l, v);
			} else if (node->op == OP_attend || node->op == OP_attend_grad) {
				order = order_in_memory(g, node->in[0]);
				follow(&node->type, &order);
				if (attend_bias(node) != NO_VAL)
					l.demand[alias_root(g, attend_bias(node))] =
						bias_order(g, node, attend_bias(node));
			} else if (node->op == OP_result) {
				order = order_in_memory(g,
				                        g->node[node->in[0]].in[node->attr.index]);
				follow(&node->type, &order);
			} else if (node->op == OP_scatter_add && param_like(&l, v)) {
				order = axes_of(param_like(&l, v));
				follow(&node->type, &order);
			}
		}
	}
	keep_variable_order(g, &l.variables);
	for (Val v = 0; v < n; v++) {
		if (g->node[v].op == OP_gemm)
			check_gemm(g, v, &made);
		else if (g->node[v].op == OP_attend || g->node[v].op == OP_attend_grad)
			check_attend(g, v);
	}
	graph_commit(g);
	return OK;
}
