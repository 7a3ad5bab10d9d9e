/* Sets of axes, and the roles axes play in a contraction. Small sets: linear search is the fast
 * way. */
#include "compiler/ir/axes.h"

bool
axes_has(const Axes *s, const char *name)
{
	for (int i = 0; i < s->n; i++)
		if (s->at[i].name == name)
			return true;
	return false;
}

void
axes_add(Axes *s, Axis x)
{
	if (axes_has(s, x.name))
		return;
	if (s->n == COUNT(s->at))
		BUG("more than %d axes in one set", COUNT(s->at));
	s->at[s->n++] = x;
}

bool
axes_subset(const Axes *a, const Axes *b)
{
	for (int i = 0; i < a->n; i++)
		if (!axes_has(b, a->at[i].name))
			return false;
	return true;
}

bool
axes_equal(const Axes *a, const Axes *b)
{
	return a->n == b->n && axes_subset(a, b);
}

Axes
axes_of(const Type *t)
{
	Axes s = {0};

	for (int i = 0; i < t->rank; i++)
		axes_add(&s, t->axis[i]);
	return s;
}

int64_t
axes_elems(const Axes *s)
{
	int64_t n = 1;

	for (int i = 0; i < s->n; i++)
		n *= s->at[i].size;
	return n;
}

Roles
contract_roles(const Type *a, const Type *b, const Attr *attr)
{
	Roles r = {0};
	Axes  over = {0};

	for (int i = 0; i < attr->naxes; i++)
		axes_add(&over, attr->axes[i]);
	for (int i = 0; i < a->rank; i++) {
		Axis x = a->axis[i];

		axes_add(axes_has(&over, x.name)     ? &r.k
		         : type_find(b, x.name) >= 0 ? &r.z
		                                     : &r.m,
		         x);
	}
	for (int i = 0; i < b->rank; i++)
		if (!axes_has(&over, b->axis[i].name) && type_find(a, b->axis[i].name) < 0)
			axes_add(&r.n, b->axis[i]);
	return r;
}

bool
node_is_alias(const Node *n)
{
	switch (n->op) {
	case OP_rename:
	case OP_split:
	case OP_merge:
	case OP_slice:
		return true;
	case OP_reorder:
		return n->kernel < 0;
	default:
		return false;
	}
}

Val
alias_root(const Graph *g, Val v)
{
	while (node_is_alias(&g->node[v]))
		v = g->node[v].in[0];
	return v;
}

bool
op_is_mapped(Op op)
{
	return op == OP_concat || op == OP_pad || op == OP_pick;
}

bool
reduce_is_column(const Graph *g, const Node *n)
{
	if (n->op != OP_sum && n->op != OP_rmax)
		return false;
	if (n->type.rank == 0)
		return true;
	for (int i = 0; i < n->attr.naxes; i++)
		if (n->attr.axes[i].name == g->batch_axis)
			return true;
	return false;
}
