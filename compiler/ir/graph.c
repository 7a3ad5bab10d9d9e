/* graph: the array of nodes itself: growth, replacement, commit, copies. Knows nothing of what ops
 * mean; refuses replacements that would change a type or close a cycle (BUG). */
#include "compiler/ir/ir_private.h"

#include <string.h>

const OpInfo op_info[OP_COUNT] = {
#define OP(name, inputs, class, text) {#name, inputs, CLASS_##class, text},
#include "compiler/ir/ops.def"
#undef OP
};

Op
op_find(const char *name)
{
	int op = 0;

	while (op < OP_COUNT && strcmp(op_info[op].name, name) != 0)
		op++;
	return (Op)op;
}

const char *const recompute_name[RECOMPUTE_COUNT] = {"none", "cheap", "blocks"};

Graph *
graph_new(Arena *a, const char *name)
{
	Graph *g = arena_new_one(a, Graph);

	g->arena = a;
	g->name = intern(name);
	g->training.loss = NO_VAL;
	g->recompute = RECOMPUTE_cheap;
	return g;
}

static void *
copy_array(Arena *a, const void *from, size_t bytes)
{
	void *to;

	if (bytes == 0)
		return NULL;
	to = arena_alloc(a, bytes);
	memcpy(to, from, bytes);
	return to;
}

Graph *
graph_copy(Arena *a, const Graph *g)
{
	Graph *c = arena_new_one(a, Graph);
	int    v, nout = 1;

	*c = *g;
	c->arena = a;
	c->cap = g->n;
	c->node = copy_array(a, g->node, sizeof(Node) * (size_t)g->n);
	for (v = 0; v < g->n; v++)
		c->node[v].in = copy_array(a, g->node[v].in, sizeof(Val) * (size_t)g->node[v].nin);
	while (nout < g->nout)
		nout *= 2;
	c->out = arena_grow(a, g->out, sizeof(Output) * (size_t)g->nout,
	                    sizeof(Output) * (size_t)nout);
	c->training.update =
		copy_array(a, g->training.update, sizeof(Update) * (size_t)g->training.nupdate);
	c->slab = copy_array(a, g->slab, sizeof(Slab) * (size_t)g->nslab);
	c->remark.at = copy_array(a, g->remark.at, sizeof(Remark) * (size_t)g->remark.n);
	c->remark.cap = g->remark.n;
	if (g->replaced)
		c->replaced = copy_array(a, g->replaced, sizeof(Val) * (size_t)g->n);
	return c;
}

/* Room for one more node; a pending table of replacements grows along. */
static void
grow(Graph *g)
{
	int cap = g->cap ? 2 * g->cap : 64, v;

	g->node = arena_grow(g->arena, g->node, sizeof(Node) * (size_t)g->cap,
	                     sizeof(Node) * (size_t)cap);
	if (g->replaced) {
		g->replaced = arena_grow(g->arena, g->replaced, sizeof(Val) * (size_t)g->cap,
		                         sizeof(Val) * (size_t)cap);
		for (v = g->cap; v < cap; v++)
			g->replaced[v] = NO_VAL;
	}
	g->cap = cap;
}

Val
graph_push(Graph *g, const Node *node)
{
	if (g->n == g->cap)
		grow(g);
	g->node[g->n] = *node;
	return g->n++;
}

void
graph_output(Graph *g, const char *name, Val v)
{
	int i;

	if (v < 0 || v >= g->n)
		BUG("output %s: there is no value %d", name, v);
	name = intern(name);
	for (i = 0; i < g->nout; i++)
		if (g->out[i].name == name)
			BUG("output %s is declared twice", name);
	/* full at every power of two; graph_copy keeps to that */
	if ((g->nout & (g->nout - 1)) == 0)
		g->out = arena_grow(g->arena, g->out, sizeof(Output) * (size_t)g->nout,
		                    sizeof(Output) * (size_t)(g->nout ? 2 * g->nout : 1));
	g->out[g->nout++] = (Output){name, v};
}

void
graph_remark(Graph *g, const char *what, Loc loc, const char *why)
{
	for (int i = 0; i < g->remark.n; i++) {
		const Remark *r = &g->remark.at[i];

		if (r->loc.file == loc.file && r->loc.line == loc.line &&
		    strcmp(r->what, what) == 0 && strcmp(r->why, why) == 0)
			return;
	}
	vec_push(g->arena, &g->remark, (Remark){what, why, loc});
}

static bool
same_shape(const Type *a, const Type *b)
{
	int i, j;

	if (a->dtype != b->dtype || a->rank != b->rank)
		return false;
	for (i = 0; i < a->rank; i++) {
		j = type_find(b, a->axis[i].name);
		if (j < 0 || a->axis[i].size != b->axis[j].size)
			return false;
	}
	return true;
}

void
graph_replace(Graph *g, Val old, Val new_val)
{
	int v;

	if (old < 0 || old >= g->n || new_val < 0 || new_val >= g->n)
		BUG("replace %%%d by %%%d: no such value", old, new_val);
	if (old == new_val)
		return;
	if (!same_shape(&g->node[old].type, &g->node[new_val].type)) {
		Text a = {0}, b = {0};
		type_print(&a, &g->node[old].type);
		type_print(&b, &g->node[new_val].type);
		BUG("replace %%%d (%s, %s) by %%%d (%s, %s): the types differ", old,
		    op_info[g->node[old].op].name, a.at, new_val, op_info[g->node[new_val].op].name,
		    b.at);
	}
	if (!g->replaced) {
		g->replaced = arena_new_array(g->arena, Val, g->cap);
		for (v = 0; v < g->cap; v++)
			g->replaced[v] = NO_VAL;
	}
	g->replaced[old] = new_val;
}

/* The value that stands for v once all replacements are followed. */
static Val
resolve(const Graph *g, Val v)
{
	int hops = 0;

	if (v < 0)
		return v;
	while (g->replaced && g->replaced[v] != NO_VAL) {
		v = g->replaced[v];
		if (++hops > g->n)
			BUG("replacements of %%%d go round in a circle", v);
	}
	return v;
}

Val *
training_value(Training *t, int i)
{
	Update *u;

	if (!t->present)
		return NULL;
	if (i == 0)
		return &t->loss;
	if ((i - 1) / 4 >= t->nupdate)
		return NULL;
	u = &t->update[(i - 1) / 4];
	switch ((i - 1) % 4) {
	case 0:
		return &u->lr;
	case 1:
		return &u->decay;
	case 2:
		return &u->average_decay;
	default:
		return &u->grad;
	}
}

/* average_decay means something only beside an average, grad only once there are gradients. */
bool
training_unused(const Training *t, int i)
{
	int part = i > 0 ? (i - 1) % 4 : 0;

	return (part == 2 && !t->update[(i - 1) / 4].average) || (part == 3 && !t->differentiated);
}

typedef struct {
	const Graph *g;
	Val         *order; /* live nodes, operands first */
	int          norder;
	char        *state; /* 0 new, 1 being visited, 2 done */
	Val         *stack;
	int         *next; /* which operand of a stacked node comes next */
} Sort;

static void
visit(Sort *s, Val root)
{
	int top = 0;

	if (s->state[root])
		return;
	s->stack[top] = root;
	s->next[top++] = 0;
	s->state[root] = 1;
	while (top > 0) {
		Val         v = s->stack[top - 1];
		const Node *n = &s->g->node[v];

		if (s->next[top - 1] == n->nin) {
			s->state[v] = 2;
			s->order[s->norder++] = v;
			top--;
			continue;
		}
		v = n->in[s->next[top - 1]++];
		if (s->state[v] == 1)
			BUG("a replacement closes a cycle through %%%d (%s): a value cannot "
			    "replace its own operand",
			    v, op_info[s->g->node[v].op].name);
		if (s->state[v] == 0) {
			s->stack[top] = v;
			s->next[top++] = 0;
			s->state[v] = 1;
		}
	}
}

/* Everything a root reaches is marked in `live`. */
static void
mark(const Graph *g, Val root, char *live, Val *stack)
{
	int top = 0, i;

	if (root < 0 || live[root])
		return;
	live[root] = 1;
	stack[top++] = root;
	while (top > 0) {
		const Node *n = &g->node[stack[--top]];
		for (i = 0; i < n->nin; i++)
			if (!live[n->in[i]]) {
				live[n->in[i]] = 1;
				stack[top++] = n->in[i];
			}
	}
}

static void
redirect(Graph *g)
{
	Val *p;
	int  v, i;

	for (v = 0; v < g->n; v++)
		for (i = 0; i < g->node[v].nin; i++)
			g->node[v].in[i] = resolve(g, g->node[v].in[i]);
	for (i = 0; i < g->nout; i++)
		g->out[i].val = resolve(g, g->out[i].val);
	for (i = 0; (p = training_value(&g->training, i)); i++)
		if (!training_unused(&g->training, i))
			*p = resolve(g, *p);
	g->replaced = NULL;
}

void
graph_commit(Graph *g)
{
	Arena *tmp = arena_new();
	size_t n = (size_t)g->n + 1;
	Sort   s = {.g = g};
	char  *live = arena_alloc(tmp, n);
	Val   *number = arena_new_array(tmp, Val, n), *p;
	Node  *sorted;
	int    v, i;

	redirect(g);
	s.order = arena_new_array(tmp, Val, n);
	s.state = arena_alloc(tmp, n);
	s.stack = arena_new_array(tmp, Val, n);
	s.next = arena_new_array(tmp, int, n);
	for (v = 0; v < g->n; v++)
		if (g->node[v].op == OP_assign)
			mark(g, v, live, s.stack);
	for (i = 0; i < g->nout; i++)
		mark(g, g->out[i].val, live, s.stack);
	for (i = 0; (p = training_value(&g->training, i)); i++)
		if (!training_unused(&g->training, i))
			mark(g, *p, live, s.stack);
	for (v = 0; v < g->n; v++) /* in the old order wherever operands allow it */
		if (live[v])
			visit(&s, v);
	sorted = arena_new_array(tmp, Node, n);
	for (i = 0; i < s.norder; i++) {
		sorted[i] = g->node[s.order[i]];
		number[s.order[i]] = i;
	}
	for (i = 0; i < s.norder; i++)
		for (v = 0; v < sorted[i].nin; v++)
			sorted[i].in[v] = number[sorted[i].in[v]];
	if (s.norder > 0)
		memcpy(g->node, sorted, sizeof(Node) * (size_t)s.norder);
	g->n = s.norder;
	for (i = 0; i < g->nout; i++)
		g->out[i].val = number[g->out[i].val];
	for (i = 0; (p = training_value(&g->training, i)); i++)
		*p = training_unused(&g->training, i) || *p < 0 ? NO_VAL : number[*p];
	arena_free(tmp);
}

int *
graph_uses(const Graph *g, Arena *a)
{
	int     *uses = arena_new_array(a, int, g->n + 1), v, i;
	Training t = g->training;
	Val     *p;

	for (v = 0; v < g->n; v++)
		for (i = 0; i < g->node[v].nin; i++)
			uses[g->node[v].in[i]]++;
	for (i = 0; i < g->nout; i++)
		uses[g->out[i].val]++;
	for (i = 0; (p = training_value(&t, i)); i++)
		if (!training_unused(&t, i) && *p >= 0)
			uses[*p]++;
	return uses;
}
