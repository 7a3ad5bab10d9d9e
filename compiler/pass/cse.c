/* pass_cse: equal values once.
 *     %2 = add %0, %1   %3 = add %1, %0   %4 = mul %2, %3      ==>   %2 = add %0, %1   %4 = mul %2, %2
 * Equal means: same op, attributes (constants by bits) and operands, and types with the same axes.
 * A draw is equal to another when site and operands are, since it is a function of them.
 * needs: nothing.  keeps: order.  leaves alone: assign. */
#include "compiler/pass/pass.h"
#include "compiler/pass/rules.h"

#include <string.h>

static uint64_t
mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t
bits(double x)
{
	uint64_t u;

	memcpy(&u, &x, sizeof u);
	return u;
}

/* Operands may be exchanged without changing a bit of the result. (min and max: not with NaN.) */
static bool
commutes(Op op)
{
	return op == OP_add || op == OP_mul || op == OP_eq || op == OP_and || op == OP_or ||
	       op == OP_contract;
}

/* The operands in a canonical order; only the first two can be exchanged. */
static Val
operand(const Node *n, int i)
{
	if (commutes(n->op) && i < 2)
		return n->in[(n->in[0] > n->in[1]) ^ i];
	return n->in[i];
}

static uint64_t
hash(const Node *n)
{
	const Attr *t = &n->attr;
	uint64_t    h = mix((uint64_t)n->op, (uint64_t)n->type.dtype);

	h = mix(h, (uint64_t)n->type.rank);
	for (int i = 0; i < n->nin; i++)
		h = mix(h, (uint64_t)operand(n, i));
	for (int i = 0; i < t->naxes; i++)
		h = mix(h, (uint64_t)(uintptr_t)t->axes[i].name);
	h = mix(h, (uint64_t)(uintptr_t)t->axis.name);
	h = mix(h, (uint64_t)(uintptr_t)t->name);
	h = mix(h, (uint64_t)t->offset);
	return mix(h, bits(t->num) + (uint64_t)t->index);
}

static bool
same_attr(const Attr *a, const Attr *b)
{
	if (a->naxes != b->naxes || a->axis.name != b->axis.name || a->axis.size != b->axis.size ||
	    a->offset != b->offset || bits(a->num) != bits(b->num) ||
	    bits(a->scale) != bits(b->scale) || bits(a->rate) != bits(b->rate) ||
	    a->index != b->index || a->nargs != b->nargs || a->name != b->name)
		return false;
	for (int i = 0; i < a->naxes; i++)
		if (a->axes[i].name != b->axes[i].name || a->axes[i].size != b->axes[i].size)
			return false;
	return memcmp(a->args, b->args, sizeof a->args) == 0;
}

static bool
equal(const Node *a, const Node *b)
{
	if (a->op != b->op || a->nin != b->nin || a->type.dtype != b->type.dtype ||
	    !type_same_axes(&a->type, &b->type) || !same_attr(&a->attr, &b->attr))
		return false;
	if (a->op == OP_reorder) /* the order is what it is for */
		for (int i = 0; i < a->type.rank; i++)
			if (a->type.axis[i].name != b->type.axis[i].name)
				return false;
	for (int i = 0; i < a->nin; i++)
		if (operand(a, i) != operand(b, i))
			return false;
	return true;
}

bool
cse_round(Graph *g)
{
	Arena   *scratch = arena_new();
	Val     *to = arena_new_array(scratch, Val, g->n + 1), *slot;
	uint64_t slots = 64;
	int      changed = 0;

	while (slots < 2 * (uint64_t)g->n)
		slots *= 2;
	slot = arena_new_array(scratch, Val, slots); /* value + 1; 0: free */
	for (Val v = 0; v < g->n; v++) {
		Node    *n = &g->node[v];
		uint64_t at;

		to[v] = v;
		for (int i = 0; i < n->nin; i++)
			n->in[i] = to[n->in[i]];
		if (n->op == OP_assign)
			continue;
		for (at = hash(n) & (slots - 1); slot[at]; at = (at + 1) & (slots - 1))
			if (equal(&g->node[slot[at] - 1], n))
				break;
		if (!slot[at]) {
			slot[at] = v + 1;
			continue;
		}
		to[v] = slot[at] - 1;
		graph_replace(g, v, to[v]);
		changed++;
	}
	arena_free(scratch);
	graph_commit(g);
	return changed > 0;
}

Status
pass_cse(Graph *g)
{
	cse_round(g);
	return OK;
}
