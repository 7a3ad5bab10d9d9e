/* eval_view: views, pick and scatter_add, places and ranks. Every one is a walk over a box with a
 * stride for each axis on both sides; what differs is which side an axis of the box belongs to, and
 * how. */
#include "compiler/ir/ir_private.h"

enum { FROM, TO };

/* Product of the sizes of the listed axes inside the one called `name`. */
static int64_t
inner_size(const Attr *attr, const char *name)
{
	int64_t size = 1;
	int     i;

	for (i = attr->naxes; i-- > 0 && attr->axes[i].name != name;)
		size *= attr->axes[i].size;
	return size;
}

static void
copy(Walk *w, const double *from, double *to)
{
	for (; w->left > 0; walk_next(w))
		to[w->at[TO]] = from[w->at[FROM]];
}

/* Both sides by name to begin with. */
static void
walk_both(Walk *w, const Type *box, const Type *in, const Type *out)
{
	walk_start(w, box->axis, box->rank);
	walk_view(w, in);
	walk_view(w, out);
}

/* On one side the listed axes lie inside attr.axis, whose stride there is `unit`. */
static void
listed_strides(Walk *w, const Attr *attr, int side, int64_t unit)
{
	int i;

	for (i = 0; i < w->rank; i++)
		if (attr_lists(attr, w->name[i]))
			w->stride[side][i] = unit * inner_size(attr, w->name[i]);
}

static void
eval_concat(Eval *e, const Node *n, Tensor out)
{
	const Attr *attr = &n->attr;
	int64_t     start = 0;
	int         i, k;

	for (i = 0; i < n->nin; i++) {
		Axis   part = attr->axes[i];
		Tensor in = e->result[n->in[i]];
		Type   box = out.type;
		Walk   w;
		k = type_find(&box, attr->axis.name);
		box.axis[k].size = part.name ? part.size : 1;
		walk_both(&w, &box, &in.type, &out.type);
		/* the operand's part runs along the new axis, whatever else may have its name */
		for (k = 0; k < w.rank; k++)
			if (w.name[k] == attr->axis.name)
				w.stride[FROM][k] =
					part.name ? type_stride(&in.type, part.name) : 0;
			else if (w.name[k] == part.name)
				w.stride[FROM][k] = 0;
		w.at[TO] = start * type_stride(&out.type, attr->axis.name);
		copy(&w, in.at, out.at);
		start += part.name ? part.size : 1;
	}
}

void
eval_view(Eval *e, const Node *n, Tensor out)
{
	Tensor      in = e->result[n->in[0]];
	const Attr *attr = &n->attr;
	int64_t     in_unit = type_stride(&in.type, attr->axis.name),
		out_unit = type_stride(&out.type, attr->axis.name);
	Walk w;

	switch (n->op) {
	case OP_concat:
		eval_concat(e, n, out);
		return;
	case OP_merge:
		walk_both(&w, &in.type, &in.type, &out.type);
		listed_strides(&w, attr, TO, out_unit);
		break;
	case OP_pad:
		walk_both(&w, &in.type, &in.type, &out.type);
		listed_strides(&w, attr, TO, out_unit);
		w.at[TO] = attr->offset * out_unit;
		break;
	case OP_rename:
	case OP_split:
		walk_both(&w, &out.type, &in.type, &out.type);
		listed_strides(&w, attr, FROM, in_unit);
		break;
	case OP_slice:
		walk_both(&w, &out.type, &in.type, &out.type);
		listed_strides(&w, attr, FROM, in_unit);
		w.at[FROM] = attr->offset * in_unit;
		break;
	default: /* broadcast, reorder */
		walk_both(&w, &out.type, &in.type, &out.type);
		break;
	}
	copy(&w, in.at, out.at);
}

void
eval_index(Eval *e, const Node *n, Tensor out)
{
	Tensor a = e->result[n->in[0]], b = e->result[n->in[1]];
	bool   pick = n->op == OP_pick;
	/* the side with the axis, the side with the places */
	Tensor  table = pick ? a : out, rows = pick ? out : a;
	int64_t unit = type_stride(&table.type, n->attr.axis.name);
	Walk    w;
	int     i;

	walk_start(&w, rows.type.axis, rows.type.rank);
	walk_view(&w, &rows.type);
	walk_view(&w, &table.type);
	walk_view(&w, &b.type);
	/* the axis itself is walked by what b says, even when b has an axis of its name */
	for (i = 0; i < w.rank; i++)
		if (w.name[i] == n->attr.axis.name)
			w.stride[1][i] = 0;
	for (; w.left > 0; walk_next(&w)) {
		double  row = b.at[w.at[2]];
		int64_t at;
		if (row < 0) {
			if (pick)
				rows.at[w.at[0]] = 0;
			continue;
		}
		if (!(row < (double)n->attr.axis.size)) {
			e->status = user_error("eval-index",
			                       "%s: index %g is outside axis %s of size %lld",
			                       op_info[n->op].name, row, n->attr.axis.name,
			                       (long long)n->attr.axis.size);
			return;
		}
		at = w.at[1] + (int64_t)row * unit;
		if (pick)
			rows.at[w.at[0]] = table.at[at];
		else
			table.at[at] += rows.at[w.at[0]];
	}
}

void
eval_order(Eval *e, const Node *n, Tensor out)
{
	const Attr *t = &n->attr;
	Tensor      m = e->result[n->in[0]];
	int64_t     in = type_stride(&m.type, t->axis.name),
		to = type_stride(&out.type, t->axes[0].name);
	int64_t most = t->axes[n->op == OP_places ? 0 : 1].size;
	Type    outer = {.dtype = m.type.dtype};
	Walk    w;

	for (int i = 0; i < m.type.rank; i++)
		if (m.type.axis[i].name != t->axis.name)
			outer.axis[outer.rank++] = m.type.axis[i];
	walk_start(&w, outer.axis, outer.rank);
	walk_view(&w, &m.type);
	walk_view(&w, &out.type);
	for (; w.left > 0; walk_next(&w)) {
		int64_t count = 0;

		for (int64_t k = 0; k < t->axes[0].size; k++)
			out.at[w.at[1] + k * to] = -1;
		for (int64_t i = 0; i < t->axis.size; i++) {
			if (m.at[w.at[0] + i * in] == 0)
				continue;
			if (count < most && n->op == OP_places)
				out.at[w.at[1] + count * to] = (double)(t->offset + i);
			else if (count < most)
				out.at[w.at[1] + (t->offset + i) * to] = (double)count;
			count++;
		}
	}
}
