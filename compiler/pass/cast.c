/* pass_cast: operands of matrix work in bf16 where the spec says so (Graph.matmul, and matmul_average for
 * work that depends on averages but on no trained parameter).
 *     %2 = contract %x, %w over D      ==>   %3 = cast %x : bf16   %4 = cast %w : bf16   %2 = contract %3, %4 over D
 * One cast per value; it is made below renames and the like, so that all ways to look at a value share
 * it. A contraction gives f32, but bf16 when only matrix work reads it; attend takes and gives bf16 except
 * for its bias, whose gradient is f32 too. Everything else computes in f32.
 * needs: expand (what is elementwise is visible).  keeps: shapes, outputs' dtypes.
 * leaves alone: matrix work whose operands are bf16 already. */
#include "compiler/pass/pass.h"

#include <string.h>

typedef struct {
	Graph *g;
	int    n;
	bool  *narrow;  /* this matrix work gets bf16 operands */
	bool  *wants32; /* somebody reads this value as f32 */
	Val   *bf16;    /* the value in bf16, once somebody asked or where it is born so */
	Val   *tuple;   /* the new attend_grad of an old one */
} Cast;

/* ---- which variables are averages ----------------------------------------------------------- */

static bool
assigned(const Variables *x, const char *name)
{
	return variable_assign(x, name) != NO_VAL;
}

/* Before pass update Training says it. After it an average is a variable with an assignment but no
 * moments, which all trained parameters have; so a graph read back from its text says it, too. */
static bool
is_average(const Graph *g, const Variables *x, const char *name)
{
	for (int i = 0; g->training.present && i < g->training.nupdate; i++)
		if (g->training.update[i].average == name)
			return true;
	if (g->training.present || !assigned(x, name) ||
	    assigned(x, intern_printf("moment1.%s", name)))
		return false;
	return !((strncmp(name, "moment1.", 8) == 0 || strncmp(name, "moment2.", 8) == 0) &&
	         assigned(x, intern(name + 8)));
}

/* Marks matrix work to be done in bf16. */
static void
find_narrow(Cast *c, Arena *scratch)
{
	enum { TRAINED = 1, AVERAGE = 2 };
	const Graph *g = c->g;
	Variables    x = graph_variables(g, scratch);
	char        *from =
		arena_alloc(scratch, (size_t)g->n + 1); /* kinds of variables a value depends on */

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (n->op == OP_param)
			from[v] = is_average(g, &x, n->attr.name) ? AVERAGE : TRAINED;
		for (int i = 0; i < n->nin; i++)
			from[v] |= from[n->in[i]];
		if (n->op == OP_contract || n->op == OP_attend || n->op == OP_attend_grad)
			c->narrow[v] =
				(from[v] == AVERAGE ? g->matmul_average : g->matmul) == DT_bf16 &&
				g->node[n->in[0]].type.dtype == DT_f32;
	}
}

/* A way to look at the operand's elements, whatever their type. */
static bool
is_view(Op op)
{
	return op == OP_rename || op == OP_split || op == OP_merge || op == OP_reorder ||
	       op == OP_slice;
}

/* ---- who reads what ------------------------------------------------------------------------- */

/* Operand i of this matrix work is one of the factors (and not a bias or a random key). */
static bool
is_factor(const Node *n, int i)
{
	return n->op == OP_contract || i < 3 || (n->op == OP_attend_grad && i == n->nin - 1);
}

static void
find_readers(Cast *c)
{
	const Graph *g = c->g;

	for (int i = 0; i < g->nout; i++)
		c->wants32[g->out[i].val] = true;
	if (g->training.present) {
		c->wants32[g->training.loss] = true;
		for (int i = 0; g->training.differentiated && i < g->training.nupdate; i++)
			c->wants32[g->training.update[i].grad] = true;
	}
	for (Val v = g->n - 1; v >= 0; v--) {
		const Node *n = &g->node[v];

		for (int i = 0; i < n->nin; i++)
			if (is_view(n->op))
				c->wants32[n->in[i]] |= c->wants32[v];
			else if (!(c->narrow[v] && is_factor(n, i)) &&
			         !(n->op == OP_cast && n->type.dtype == DT_bf16))
				c->wants32[n->in[i]] = true;
	}
}

/* ---- rewriting ------------------------------------------------------------------------------ */

static Val
as_bf16(Cast *c, Val v)
{
	Node n = c->g->node[v];

	if (n.type.dtype == DT_bf16)
		return v;
	if (c->bf16[v] != NO_VAL)
		return c->bf16[v];
	/* Looking at all of a value: cast that. At a slice: only where the whole is in bf16 anyway.
	 */
	if (is_view(n.op) && (n.op != OP_slice || c->bf16[n.in[0]] != NO_VAL)) {
		Val whole = as_bf16(c, n.in[0]);

		n.type.dtype = DT_bf16;
		c->bf16[v] = build(c->g, n.op, &whole, 1, &n.attr, &n.type, n.loc);
	} else {
		c->bf16[v] = build_cast(c->g, v, DT_bf16, n.loc);
	}
	return c->bf16[v];
}

/* `now` is v in bf16; whoever wants f32 gets it widened. */
static void
born_narrow(Cast *c, Val v, Val now)
{
	c->bf16[v] = now;
	graph_replace(c->g, v, build_cast(c->g, now, DT_f32, c->g->node[v].loc));
}

static void
rewrite(Cast *c, Val v)
{
	Graph *g = c->g;
	Node   n = g->node[v];
	Val    in[16], now;

	if (n.nin > COUNT(in))
		BUG("matrix work with %d operands", n.nin);
	for (int i = 0; i < n.nin; i++)
		in[i] = is_factor(&n, i) ? as_bf16(c, n.in[i]) : n.in[i];
	if (n.op != OP_contract || !c->wants32[v])
		n.type.dtype = DT_bf16;
	now = build(g, n.op, in, n.nin, &n.attr, &n.type, n.loc);
	if (n.op == OP_attend_grad)
		c->tuple[v] = now;
	else if (n.type.dtype == DT_bf16)
		born_narrow(c, v, now);
	else
		graph_replace(g, v, now);
}

static void
rewrite_result(Cast *c, Val v)
{
	Node n = c->g->node[v];
	Val  now = build(c->g, OP_result, &c->tuple[n.in[0]], 1, &n.attr, NULL, n.loc);

	if (c->g->node[now].type.dtype == DT_bf16)
		born_narrow(c, v, now);
	else
		graph_replace(c->g, v, now);
}

Status
pass_cast(Graph *g)
{
	Arena *scratch;
	Cast   c = {.g = g, .n = g->n};

	if (g->matmul != DT_bf16 && g->matmul_average != DT_bf16)
		return OK;
	scratch = arena_new();
	c.narrow = arena_new_array(scratch, bool, c.n + 1);
	c.wants32 = arena_new_array(scratch, bool, c.n + 1);
	c.bf16 = arena_new_array(scratch, Val, c.n + 1);
	c.tuple = arena_new_array(scratch, Val, c.n + 1);
	for (Val v = 0; v < c.n; v++)
		c.bf16[v] = c.tuple[v] = NO_VAL;
	find_narrow(&c, scratch);
	find_readers(&c);
	for (Val v = 0; v < c.n; v++) {
		const Node *n = &g->node[v];

		if (c.narrow[v])
			rewrite(&c, v);
		else if (n->op == OP_result && c.tuple[n->in[0]] != NO_VAL)
			rewrite_result(&c, v);
		else if (n->op == OP_cast && n->type.dtype == DT_bf16)
			graph_replace(g, v, as_bf16(&c, n->in[0]));
	}
	arena_free(scratch);
	graph_commit(g);
	return OK;
}
