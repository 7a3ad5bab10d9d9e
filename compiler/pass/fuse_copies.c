/* The first thing pass fuse does: values that must be memory of their own get a copy where they are
 * none. Outputs, assigned values and gradients may be views or leaves until then. */
#include "compiler/pass/fuse_private.h"

Val
build_copy(Graph *g, Val v, const Type *order, Loc loc)
{
	Type as_is = g->node[v].type;

	v = build(g, OP_reorder, &v, 1, NULL, order ? order : &as_is, loc);
	g->node[v].kernel = KERNEL_WANTED;
	return v;
}

/* Does gradient v lie in its root as the variable `name` lies among its neighbours in a concat in
 * place? */
static bool
lies_like_variable(const Graph *g, Val v, const char *name)
{
	int64_t stride[MAX_RANK], offset;

	if (!name || !view_strides(g, v, NULL, stride, &offset))
		return false;
	for (Val c = 0; c < g->n; c++) {
		int64_t at = 0;

		if (g->node[c].kernel != KERNEL_IN_PLACE ||
		    type_elems(&g->node[c].type) != type_elems(&g->node[alias_root(g, v)].type))
			continue;
		for (int i = 0; i < g->node[c].nin; i++) {
			const Node *p = &g->node[alias_root(g, g->node[c].in[i])];

			if (p->op == OP_param && p->attr.name == name && at == offset)
				return true;
			at += type_elems(&p->type);
		}
	}
	return false;
}

/* Outputs, assigned values and gradients must be memory of their own: views and leaves are
 * copied. */
void
fuse_copies(Graph *g)
{
	int          n = g->n;
	Val          sums;
	const char **name = gradient_names(g, &sums);

	for (int i = 0; i < g->nout; i++) {
		Val     v = g->out[i].val;
		OpClass c = op_info[g->node[v].op].class;

		bool assigned = g->node[v].op == OP_param;

		for (Val w = 0; w < n; w++)
			assigned =
				assigned || (g->node[w].op == OP_assign && g->node[w].in[0] == v);
		if (assigned || g->node[v].op == OP_const ||
		    (c == CLASS_VIEW && !op_is_computed(&g->node[v])))
			g->out[i].val = build_copy(g, v, NULL, g->node[v].loc);
	}
	for (Val v = 0; v < n; v++) {
		if (g->node[v].op == OP_assign && !op_is_computed(&g->node[g->node[v].in[0]])) {
			Val c = build_copy(g, g->node[v].in[0], NULL, g->node[v].loc);
			g->node[v].in[0] = c;
		} else if (g->node[v].op == OP_sum_squares) {
			for (int i = 0; i < g->node[v].nin; i++) {
				Val     in = g->node[v].in[i], r = alias_root(g, in), c;
				int64_t covered = 0;
				bool    again = op_info[g->node[r].op].class == CLASS_LEAF;

				/* bytes of its own: all of its root is gradients, each once */
				for (int j = 0; j < g->node[v].nin; j++) {
					again = again || (j < i && g->node[v].in[j] == in);
					if (alias_root(g, g->node[v].in[j]) == r)
						covered +=
							type_elems(&g->node[g->node[v].in[j]].type);
				}
				again = again || covered != type_elems(&g->node[r].type);
				again = again ||
				        (r != in && covered != type_elems(&g->node[in].type) &&
				         !lies_like_variable(g, in, name[i]));
				if (!again)
					continue;
				c = build_copy(g, in, NULL, g->node[v].loc);
				g->node[v].in[i] = c;
			}
		}
	}
	graph_commit(g);
}
