/* variables: the params and assigns of a graph, by name. Passes ask for them for every variable,
 * and looking through all nodes each time makes their work grow with the square of the model's
 * depth. Knows the graph as it was when the table was made. */
#include "compiler/ir/ir_private.h"

typedef struct {
	const char *name;
	Val         param, assign; /* the first of each, or NO_VAL */
} Entry;

struct VariableTable {
	Entry   *at;
	unsigned mask;
};

/* Names are interned: the address is the name. */
static Entry *
find(const VariableTable *t, const char *name)
{
	unsigned i = (unsigned)(((uintptr_t)name >> 4) * 2654435761u >> 7) & t->mask;

	while (t->at[i].name && t->at[i].name != name)
		i = (i + 1) & t->mask;
	return &t->at[i];
}

Variables
graph_variables(const Graph *g, Arena *a)
{
	Variables      x = {0};
	VariableTable *t = arena_new_one(a, VariableTable);
	int            cap = 16;

	for (Val v = 0; v < g->n; v++) {
		x.nparam += g->node[v].op == OP_param;
		x.nassign += g->node[v].op == OP_assign;
	}
	while (cap < 2 * (x.nparam + x.nassign))
		cap *= 2;
	*t = (VariableTable){arena_new_array(a, Entry, cap), (unsigned)cap - 1};
	x.param = arena_new_array(a, Val, x.nparam);
	x.assign = arena_new_array(a, Val, x.nassign);
	x.table = t;
	x.nparam = x.nassign = 0;
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		Entry      *e;

		if (n->op != OP_param && n->op != OP_assign)
			continue;
		e = find(t, n->attr.name);
		if (!e->name)
			*e = (Entry){n->attr.name, NO_VAL, NO_VAL};
		if (n->op == OP_param) {
			x.param[x.nparam++] = v;
			e->param = e->param == NO_VAL ? v : e->param;
		} else {
			x.assign[x.nassign++] = v;
			e->assign = e->assign == NO_VAL ? v : e->assign;
		}
	}
	return x;
}

Val
variable_param(const Variables *x, const char *name)
{
	const Entry *e = find(x->table, name);

	return e->name ? e->param : NO_VAL;
}

Val
variable_assign(const Variables *x, const char *name)
{
	const Entry *e = find(x->table, name);

	return e->name ? e->assign : NO_VAL;
}
