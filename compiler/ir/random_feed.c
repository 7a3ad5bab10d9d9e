/* random_feed: values for the leaves of any graph, such that nothing in it is undefined: indices in
 * range, second moments positive. A function of the seed and of the leaf's name alone. Knows no
 * distribution that a model would want. */
#include "compiler/ir/ir_private.h"

#include <string.h>

static int64_t
index_limit(const Graph *g, Val v)
{
	int64_t limit = INT32_MAX;
	Val     u;

	for (u = 0; u < g->n; u++)
		if ((g->node[u].op == OP_pick || g->node[u].op == OP_scatter_add) &&
		    g->node[u].in[1] == v && g->node[u].attr.axis.size < limit)
			limit = g->node[u].attr.axis.size;
	return limit;
}

static double
element(const Graph *g, Val v, Stream *s, int64_t i)
{
	const Node *n = &g->node[v];

	switch (n->type.dtype) {
	case DT_bool:
		return i == 0 || stream_uniform(s) < 0.5;
	case DT_i32:
		return (double)stream_int(s, 0, index_limit(g, v) - 1);
	case DT_u32:
		return (double)stream_int(s, 0, 1000);
	default:
		break;
	}
	if (n->op == OP_host || (n->op == OP_param && strncmp(n->attr.name, "moment2.", 8) == 0))
		return stream_between(s, 0.05, 0.95);
	return (double)(float)stream_between(s, -1.5, 1.5);
}

void
feed_keep_promise(const Node *n, Tensor t)
{
	if (n->op != OP_input || n->attr.index == 0)
		return;
	int64_t below = type_stride(&t.type, n->attr.axis.name), row = n->attr.axis.size;

	for (int64_t start = 0; start < type_elems(&t.type); start++) {
		int count = 0;

		for (int64_t i = 0; start / below % row == 0 && i < row; i++) {
			double *at = &t.at[start + i * below];

			*at = *at != 0 && count < n->attr.index;
			count += *at != 0;
		}
	}
}

Feed *
random_feed(Arena *a, const Graph *g, uint64_t seed, int *nfeed)
{
	Feed   *feed = arena_new_array(a, Feed, g->n + 1);
	int64_t i;
	Val     v;

	*nfeed = 0;
	for (v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		Feed       *f = &feed[*nfeed];
		Stream      s;
		if (n->op != OP_input && n->op != OP_host && n->op != OP_param)
			continue;
		s = stream_open(seed, n->attr.name, 1, 0);
		*f = (Feed){n->attr.name, tensor_new(a, &n->type)};
		for (i = 0; i < type_elems(&n->type); i++)
			f->tensor.at[i] = element(g, v, &s, i);
		feed_keep_promise(n, f->tensor);
		++*nfeed;
	}
	return feed;
}
