/* The second half of pass order. Given kernels in an order that works, move forward every kernel
 * that gives back at least as many bytes as it takes: weight gradients, above all, whose result has
 * its own slab and whose operands are then free. All other kernels keep their order, but none that
 * writes a variable runs before the loss and the norm of the gradients are there: a step that is no
 * good can be given up with nothing lost. */
#include "compiler/pass/order_private.h"

#include <string.h>

typedef Vec(int) Ints;
typedef Vec(Val) Vals;

typedef struct {
	Graph   *g;
	Ints    *needs, *feeds; /* per kernel: kernels before, kernels after; each once */
	Vals    *reads, *makes; /* per kernel: stored values */
	int64_t *bytes;         /* per value: of activation memory it takes; 0: none of its own */
	int     *readers;       /* per value: kernels that still have to read it */
	int     *missing;       /* per kernel: kernels that must still run before it */
	bool    *done;
} Early;

static bool
has(const int *at, int n, int x)
{
	for (int i = 0; i < n; i++)
		if (at[i] == x)
			return true;
	return false;
}

static void
need(Early *e, int before, int after)
{
	if (before == after || has(e->needs[after].at, e->needs[after].n, before))
		return;
	vec_push(e->g->arena, &e->needs[after], before);
	vec_push(e->g->arena, &e->feeds[before], after);
}

/* Kernel k reads v: what lies below v's views is a value that some kernel stored, or a variable. */
static void
read_below(Early *e, int k, Val v)
{
	const Node *n = &e->g->node[v];

	if (n->kernel >= 0 || n->op == OP_result) {
		int from = n->op == OP_result ? e->g->node[n->in[0]].kernel : n->kernel;

		need(e, from, k);
		if (from != k && !has(e->reads[k].at, e->reads[k].n, v)) {
			vec_push(e->g->arena, &e->reads[k], v);
			e->readers[v]++;
		}
		return;
	}
	for (int i = 0; i < n->nin; i++)
		read_below(e, k, n->in[i]);
}

/* The kernel that overwrites a variable comes after all that read it. */
static void
overwrite_last(Early *e, int k, Val v, const int *writer)
{
	const Node *n = &e->g->node[v];

	if (n->kernel >= 0 || n->op == OP_result)
		return;
	if (n->op == OP_param && writer[v] >= 0)
		need(e, k, writer[v]);
	for (int i = 0; i < n->nin; i++)
		overwrite_last(e, k, n->in[i], writer);
}

/* Whoever looks at the loss and at the norm of the gradients finds every variable as it was before
 * the step. */
static void
judge_first(Early *e, const int *writer)
{
	static const char *const judged[] = {"loss", "grad_norm"};
	Graph                   *g = e->g;

	for (int i = 0; i < g->nout; i++)
		for (int j = 0; j < COUNT(judged); j++) {
			int k = g->node[g->out[i].val].kernel;

			if (strcmp(g->out[i].name, judged[j]) || k < 0)
				continue;
			for (Val v = 0; v < g->n; v++)
				if (writer[v] >= 0)
					need(e, k, writer[v]);
		}
}

static void
survey(Early *e)
{
	Graph    *g = e->g;
	int      *writer = arena_new_array(g->arena, int, g->n);
	Variables x = graph_variables(g, g->arena);

	for (Val v = 0; v < g->n; v++)
		writer[v] = -1;
	for (int i = 0; i < x.nparam; i++) {
		Val a = variable_assign(&x, g->node[x.param[i]].attr.name);

		if (a != NO_VAL)
			writer[x.param[i]] = g->node[g->node[a].in[0]].kernel;
	}
	judge_first(e, writer);
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (n->kernel >= 0)
			for (int i = 0; i < n->nin; i++) {
				read_below(e, n->kernel, n->in[i]);
				overwrite_last(e, n->kernel, n->in[i], writer);
			}
		if (n->op == OP_result || (n->kernel >= 0 && n->op != OP_attend_grad))
			vec_push(g->arena,
			         &e->makes[n->op == OP_result ? g->node[n->in[0]].kernel
			                                      : n->kernel],
			         v);
	}
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (e->readers[v])
			e->bytes[v] = type_bytes(&n->type);
		if (n->op == OP_sum_squares)
			for (int i = 0; i < n->nin; i++)
				e->bytes[alias_root(g, n->in[i])] = 0;
	}
	for (int i = 0; i < g->nout; i++)
		e->readers[g->out[i].val]++; /* never given back */
}

static int64_t
balance(const Early *e, int k)
{
	int64_t taken = 0;

	for (int i = 0; i < e->makes[k].n; i++)
		taken += e->bytes[e->makes[k].at[i]];
	for (int i = 0; i < e->reads[k].n; i++)
		if (e->readers[e->reads[k].at[i]] == 1)
			taken -= e->bytes[e->reads[k].at[i]];
	return taken;
}

static void
run(Early *e, int k, int *rank, int *next, Ints *ready)
{
	rank[k] = (*next)++;
	e->done[k] = true;
	for (int i = 0; i < e->reads[k].n; i++)
		e->readers[e->reads[k].at[i]]--;
	for (int i = 0; i < e->feeds[k].n; i++)
		if (--e->missing[e->feeds[k].at[i]] == 0)
			vec_push(e->g->arena, ready, e->feeds[k].at[i]);
}

int *
order_early(Graph *g)
{
	Early e = {.g = g};
	int  *rank = arena_new_array(g->arena, int, g->nkernel + 1), next = 0;
	Ints  ready = {0};

	e.needs = arena_new_array(g->arena, Ints, g->nkernel);
	e.feeds = arena_new_array(g->arena, Ints, g->nkernel);
	e.reads = arena_new_array(g->arena, Vals, g->nkernel);
	e.makes = arena_new_array(g->arena, Vals, g->nkernel);
	e.bytes = arena_new_array(g->arena, int64_t, g->n);
	e.readers = arena_new_array(g->arena, int, g->n);
	e.missing = arena_new_array(g->arena, int, g->nkernel);
	e.done = arena_new_array(g->arena, bool, g->nkernel);
	survey(&e);
	for (int k = 0; k < g->nkernel; k++)
		e.missing[k] = e.needs[k].n;
	for (int k = 0; k < g->nkernel; k++) {
		if (!e.done[k])
			run(&e, k, rank, &next, &ready);
		for (bool moved = true; moved;) {
			moved = false;
			for (int i = 0; i < ready.n; i++) {
				int r = ready.at[i];

				if (e.done[r]) {
					ready.at[i--] = ready.at[--ready.n];
				} else if (e.reads[r].n && balance(&e, r) <= 0) {
					run(&e, r, rank, &next, &ready);
					moved = true;
				}
			}
		}
	}
	return rank;
}
