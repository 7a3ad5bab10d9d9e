/* eval: the oracle. Evaluates every node in double precision by its definition, one element after
 * the other; no evaluator knows what any pass does. Here: tensors, walking over elements, feeds,
 * the loop over nodes. Values of type bf16 are rounded after each node; f32 ones are not. */
#include "compiler/ir/ir_private.h"

#include <string.h>

Tensor
tensor_new(Arena *a, const Type *type)
{
	return (Tensor){*type, arena_new_array(a, double, type_elems(type))};
}

int64_t
type_stride(const Type *t, const char *axis)
{
	int64_t stride = 1;
	int     i;

	for (i = t->rank; i-- > 0; stride *= t->axis[i].size)
		if (t->axis[i].name == axis)
			return stride;
	return 0;
}

/* ---- walking -------------------------------------------------------------------------------- */

void
walk_start(Walk *w, const Axis *axis, int rank)
{
	memset(w, 0, sizeof *w);
	w->left = 1;
	walk_axes(w, axis, rank);
}

void
walk_axes(Walk *w, const Axis *axis, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		w->name[w->rank] = axis[i].name;
		w->size[w->rank++] = axis[i].size;
		w->left *= axis[i].size;
	}
}

int
walk_view(Walk *w, const Type *t)
{
	int i;

	if (w->nview == WALK_VIEWS)
		BUG("too many tensors in one walk");
	for (i = 0; i < w->rank; i++)
		w->stride[w->nview][i] = type_stride(t, w->name[i]);
	return w->nview++;
}

void
walk_next(Walk *w)
{
	int i, k;

	w->left--;
	for (i = w->rank; i-- > 0;) {
		for (k = 0; k < w->nview; k++)
			w->at[k] += w->stride[k][i];
		if (++w->index[i] < w->size[i])
			return;
		for (k = 0; k < w->nview; k++)
			w->at[k] -= w->stride[k][i] * w->size[i];
		w->index[i] = 0;
	}
}

Tensor
tensor_reorder(Arena *a, Tensor t, const Type *order)
{
	Tensor  out = tensor_new(a, order);
	double *to = out.at;
	Walk    w;

	if (!type_same_axes(&t.type, order))
		BUG("reorder between different axes");
	walk_start(&w, order->axis, order->rank);
	walk_view(&w, &t.type);
	for (; w.left > 0; walk_next(&w))
		*to++ = t.at[w.at[0]];
	return out;
}

/* ---- leaves --------------------------------------------------------------------------------- */

/* A mask that promises a bound must keep it, row by row along the axis. */
static Status
check_promise(const Node *n, const Tensor *t)
{
	int64_t below, most = n->attr.index, row = n->attr.axis.size, left = type_elems(&t->type);

	if (most == 0)
		return OK;
	below = type_stride(&t->type, n->attr.axis.name);
	for (int64_t start = 0; start < left; start++) {
		int64_t count = 0;

		if (start / below % row != 0)
			continue;
		for (int64_t i = 0; i < row; i++)
			count += t->at[start + i * below] != 0;
		if (count > most)
			return user_error(
				"eval-feed",
				"\"%s\" has %lld true elements in a row of %s, at most %lld are "
				"promised",
				n->attr.name, (long long)count, n->attr.axis.name, (long long)most);
	}
	return OK;
}

static Status
feed_leaf(Eval *e, const Node *n, const Feed *feed, int nfeed, Tensor *out)
{
	int i, k;

	for (i = 0; i < nfeed; i++) {
		const Type *t = &feed[i].tensor.type;
		if (strcmp(feed[i].name, n->attr.name) != 0)
			continue;
		for (k = 0; k < t->rank; k++) {
			int at = type_find(&n->type, t->axis[k].name);
			if (at < 0 || n->type.axis[at].size != t->axis[k].size)
				break;
		}
		if (k < t->rank || t->rank != n->type.rank)
			return user_error("eval-feed",
			                  "the value for \"%s\" has other axes than the graph's",
			                  n->attr.name);
		*out = tensor_reorder(e->a, feed[i].tensor, &n->type);
		return check_promise(n, out);
	}
	return user_error("eval-feed", "no value is given for %s \"%s\"", op_info[n->op].name,
	                  n->attr.name);
}

/* Element of a draw: row-major index over attr.axes, which leave out the axis of samples. */
static void
eval_uniform(Eval *e, const Node *n, Tensor out)
{
	const Tensor *sample = &e->result[n->in[0]];
	uint32_t      step = (uint32_t)e->result[n->in[1]].at[0],
		 seed = (uint32_t)e->result[n->in[2]].at[0];
	uint64_t site = hash_name(n->attr.name);
	Type     counted = {.dtype = DT_f32, .rank = n->attr.naxes};
	double  *to = out.at;
	Walk     w;

	memcpy(counted.axis, n->attr.axes, sizeof counted.axis);
	walk_start(&w, out.type.axis, out.type.rank);
	walk_view(&w, &sample->type);
	walk_view(&w, &counted);
	for (; w.left > 0; walk_next(&w))
		*to++ = philox_uniform(seed, site, step, (uint32_t)sample->at[w.at[0]],
		                       (uint32_t)w.at[1]);
}

void
eval_leaf(Eval *e, const Node *n, Tensor out)
{
	int64_t  count = type_elems(&out.type), i;
	int32_t *entries;

	if (n->op == OP_const) {
		out.at[0] = n->attr.num;
	} else if (n->op == OP_assign) {
		Tensor value = tensor_reorder(e->a, e->result[n->in[0]], &out.type);
		memcpy(out.at, value.at, sizeof(double) * (size_t)count);
	} else if (n->op == OP_uniform) {
		eval_uniform(e, n, out);
	} else {
		entries = arena_new_array(e->a, int32_t, count);
		table_fill(n->attr.name, n->attr.args, n->attr.nargs, entries);
		for (i = 0; i < count; i++)
			out.at[i] = entries[i];
	}
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void
eval_node(Eval *e, Val v)
{
	const Node *n = &e->g->node[v];
	Tensor      out = e->result[v];

	switch (n->op) {
	case OP_input:
	case OP_host:
	case OP_param:
		break; /* fed */
	case OP_const:
	case OP_table:
	case OP_uniform:
	case OP_assign:
		eval_leaf(e, n, out);
		break;
	case OP_add:
	case OP_sub:
	case OP_mul:
	case OP_div:
	case OP_min:
	case OP_max:
	case OP_neg:
	case OP_abs:
	case OP_sign:
	case OP_exp:
	case OP_log:
	case OP_sqrt:
	case OP_rsqrt:
	case OP_erf:
	case OP_tanh:
	case OP_lt:
	case OP_le:
	case OP_eq:
	case OP_and:
	case OP_or:
	case OP_not:
	case OP_select:
	case OP_cast:
	case OP_gelu:
	case OP_smooth_l1:
		eval_elementwise(e, n, out);
		break;
	case OP_sum:
	case OP_rmax:
	case OP_sum_squares:
		eval_reduce(e, n, out);
		break;
	case OP_contract:
	case OP_gemm:
		eval_contract(e, n, out);
		break;
	case OP_rename:
	case OP_split:
	case OP_merge:
	case OP_slice:
	case OP_pad:
	case OP_concat:
	case OP_broadcast:
	case OP_reorder:
		eval_view(e, n, out);
		break;
	case OP_pick:
	case OP_scatter_add:
		eval_index(e, n, out);
		break;
	case OP_places:
	case OP_ranks:
		eval_order(e, n, out);
		break;
	case OP_standardise:
	case OP_softmax:
		eval_composite(e, n, out);
		break;
	case OP_attend:
	case OP_attend_grad:
		eval_attend(e, v, out);
		break;
	case OP_result:
		e->result[v] = tensor_reorder(e->a, e->tuple[n->in[0]][n->attr.index], &n->type);
		break;
	case OP_COUNT:
		BUG("no such op");
	}
}

Status
eval_graph_each(Arena *a, const Graph *g, const Feed *feed, int nfeed, Tensor *result,
                EvalEach *each, void *arg)
{
	Eval    e = {a, g, result, arena_alloc(a, sizeof *e.tuple * ((size_t)g->n + 1)), OK};
	int64_t i, count;
	Val     v;

	for (v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		if (n->op == OP_input || n->op == OP_host || n->op == OP_param)
			TRY(feed_leaf(&e, n, feed, nfeed, &result[v]));
		else
			result[v] = tensor_new(a, &n->type);
		eval_node(&e, v);
		TRY(e.status);
		count = n->type.dtype == DT_bf16 ? type_elems(&n->type) : 0;
		for (i = 0; i < count; i++)
			result[v].at[i] = bf16_to_f32(f32_to_bf16((float)result[v].at[i]));
		if (each)
			each(n, result[v], arg);
	}
	return OK;
}

Status
eval_graph(Arena *a, const Graph *g, const Feed *feed, int nfeed, Tensor *result)
{
	return eval_graph_each(a, g, feed, nfeed, result, NULL, NULL);
}
