/* infer_view: types of leaves, views, pick and scatter_add, places and ranks, uniform. Same
 * contract as infer.c. */
#include "compiler/ir/ir_private.h"

static Status
infer_table(Infer *x)
{
	int64_t     size[MAX_RANK], limit;
	const Attr *t = x->attr;
	int         rank, i;

	if (t->nargs < 0 || t->nargs > COUNT(t->args) || !t->name ||
	    table_type(t->name, t->args, t->nargs, &rank, size, &limit) != OK)
		return infer_refuse(x, "c1", "there is no table %s with %d such arguments",
		                    t->name ? t->name : "(unnamed)", t->nargs);
	for (i = 0; i < rank && i < x->given->rank && x->given->axis[i].size == size[i]; i++)
		;
	if (x->given->dtype != DT_i32 || x->given->rank != rank || i < rank)
		return infer_refuse(x, "c2",
		                    "the type must be i32 with the %d sizes of %s in its order",
		                    rank, t->name);
	return OK;
}

static Status
infer_uniform(Infer *x)
{
	const Type *sample = &x->in[0];
	int         i;

	if (sample->dtype != DT_u32 || sample->rank != 1 || x->in[1].dtype != DT_u32 ||
	    x->in[1].rank != 0 || x->in[2].dtype != DT_u32 || x->in[2].rank != 0)
		return infer_refuse(x, "c1", "operands must be u32[B], u32[], u32[]");
	if (!x->attr->name || !*x->attr->name)
		return infer_refuse(x, "c2", "the draw has no site name");
	if (x->given->dtype != DT_f32)
		return infer_refuse(x, "c3", "the type must be f32");
	TRY(infer_has(x, x->given, sample->axis[0], "c4"));
	TRY(infer_distinct(x));
	if (x->attr->naxes != x->given->rank - 1)
		return infer_refuse(x, "c5",
		                    "%d axes are listed, must be all axes of the type but %s",
		                    x->attr->naxes, sample->axis[0].name);
	for (i = 0; i < x->attr->naxes; i++) {
		TRY(infer_has(x, x->given, x->attr->axes[i], "c5"));
		if (x->attr->axes[i].name == sample->axis[0].name)
			return infer_refuse(x, "c5", "the sample axis %s is listed",
			                    sample->axis[0].name);
	}
	return OK;
}

/* A mask with so many true elements at most in every row along attr.axis. */
static Status
infer_promise(Infer *x)
{
	TRY(infer_has(x, x->given, x->attr->axis, "c2"));
	if (x->given->dtype != DT_bool)
		return infer_refuse(x, "c2", "only a mask promises how much of it is true");
	if (x->attr->index < 1 || x->attr->index > x->attr->axis.size)
		return infer_refuse(x, "c2", "at most %d of %lld elements", x->attr->index,
		                    (long long)x->attr->axis.size);
	return OK;
}

Status
infer_leaf(Infer *x)
{
	const Attr *t = x->attr;

	if (x->op == OP_assign) {
		*x->out = x->in[0];
		if (!t->name || !*t->name)
			return infer_refuse(x, "c1", "the variable has no name");
		return x->in[0].dtype == DT_f32 ? OK : infer_refuse(x, "c2", "a variable is f32");
	}
	if (x->op == OP_const) {
		x->out->dtype = x->given ? x->given->dtype : DT_f32;
		if (x->out->dtype != DT_f32 && x->out->dtype != DT_bool)
			return infer_refuse(x, "c1", "a constant is f32 or bool");
		if (x->out->dtype == DT_bool && t->num != 0 && t->num != 1)
			return infer_refuse(x, "c2", "a bool is 0 or 1");
		return OK;
	}
	if (!x->given)
		return infer_refuse(x, "any_c6", "%s needs a type", op_info[x->op].name);
	*x->out = *x->given;
	if (x->op == OP_table)
		return infer_table(x);
	if (x->op == OP_uniform)
		return infer_uniform(x);
	if (!t->name || !*t->name)
		return infer_refuse(x, "c1", "it has no name");
	if (x->op == OP_host &&
	    (x->given->rank != 0 || (x->given->dtype != DT_f32 && x->given->dtype != DT_u32)))
		return infer_refuse(x, "c2", "a host scalar is f32[] or u32[]");
	if (x->op == OP_param && x->given->dtype != DT_f32)
		return infer_refuse(x, "c2", "a variable is f32");
	return x->op == OP_input && t->index != 0 ? infer_promise(x) : OK;
}

bool
attr_lists(const Attr *t, const char *name)
{
	int i;

	for (i = 0; i < t->naxes; i++)
		if (t->axes[i].name == name)
			return true;
	return false;
}

/* A new axis has a name and a size. */
static Status
new_axis(Infer *x, Axis axis, const char *rule)
{
	if (!axis.name || axis.size < 1)
		return infer_refuse(x, rule, "the new axis needs a name and a size of at least 1");
	return OK;
}

static Status
product_is(Infer *x, int64_t whole)
{
	int64_t left = whole;
	int     i;

	for (i = 0; i < x->attr->naxes; i++) {
		if (x->attr->axes[i].size < 1 || left % x->attr->axes[i].size != 0)
			break;
		left /= x->attr->axes[i].size;
	}
	if (x->attr->naxes == 0 || i < x->attr->naxes || left != 1)
		return infer_refuse(x, "c2", "the sizes of the parts do not multiply to %lld",
		                    (long long)whole);
	return OK;
}

static Status
infer_rename(Infer *x)
{
	const Type *in = &x->in[0];
	const Attr *t = x->attr;
	int         i;

	TRY(infer_has(x, in, t->axis, "c1"));
	if (t->naxes != 1 || t->axes[0].size != t->axis.size || !t->axes[0].name)
		return infer_refuse(x, "c2", "axis %s must become one axis of the same size",
		                    t->axis.name);
	TRY(infer_lacks(x, in, t->axes[0].name, "c3"));
	for (i = 0; i < in->rank; i++)
		TRY(infer_join(x, in->axis[i].name == t->axis.name ? t->axes[0] : in->axis[i]));
	return OK;
}

static Status
infer_split(Infer *x)
{
	const Type *in = &x->in[0];
	const Attr *t = x->attr;
	int         i, k;

	TRY(infer_has(x, in, t->axis, "c1"));
	TRY(infer_distinct(x));
	TRY(product_is(x, t->axis.size));
	for (k = 0; k < t->naxes; k++) {
		TRY(new_axis(x, t->axes[k], "c3"));
		TRY(infer_lacks(x, in, t->axes[k].name, "c3"));
	}
	for (i = 0; i < in->rank; i++) {
		if (in->axis[i].name != t->axis.name) {
			TRY(infer_join(x, in->axis[i]));
			continue;
		}
		for (k = 0; k < t->naxes; k++)
			TRY(infer_join(x, t->axes[k]));
	}
	return OK;
}

static Status
infer_merge(Infer *x)
{
	const Type *in = &x->in[0];
	const Attr *t = x->attr;
	int         i;

	TRY(infer_distinct(x));
	for (i = 0; i < t->naxes; i++)
		TRY(infer_has(x, in, t->axes[i], "c1"));
	TRY(new_axis(x, t->axis, "c3"));
	TRY(product_is(x, t->axis.size));
	TRY(infer_lacks(x, in, t->axis.name, "c3"));
	for (i = 0; i < in->rank; i++) /* stands where the outermost part stood */
		if (in->axis[i].name == t->axes[0].name)
			TRY(infer_join(x, t->axis));
		else if (!attr_lists(t, in->axis[i].name))
			TRY(infer_join(x, in->axis[i]));
	return OK;
}

/* slice: whole -> part; pad: part -> whole. part.name NULL: one element, no axis. */
static Status
infer_cut(Infer *x)
{
	const Type *in = &x->in[0];
	const Attr *t = x->attr;
	Axis        part = t->axes[0], from, to;
	int64_t     size = t->naxes ? part.size : 1;
	int         i;

	if (t->naxes < 0 || t->naxes > 1)
		return infer_refuse(x, "c2", "one part can be named, not %d", t->naxes);
	TRY(new_axis(x, t->axis, "c1"));
	if (t->naxes)
		TRY(new_axis(x, part, "c2"));
	if (t->naxes && part.name == t->axis.name)
		return infer_refuse(x, "c4", "the part and the whole are both called %s",
		                    part.name);
	if (t->offset < 0 || size > t->axis.size || t->offset > t->axis.size - size)
		return infer_refuse(x, "c3",
		                    "%lld elements from %lld on do not lie in %s of size %lld",
		                    (long long)size, (long long)t->offset, t->axis.name,
		                    (long long)t->axis.size);
	from = x->op == OP_slice ? t->axis : part;
	to = x->op == OP_slice ? part : t->axis;
	if (x->op == OP_slice || t->naxes)
		TRY(infer_has(x, in, from, "c1"));
	if (x->op == OP_pad || t->naxes)
		TRY(infer_lacks(x, in, to.name, "c4"));
	if (x->op == OP_pad && !t->naxes)
		TRY(infer_join(x, to));
	for (i = 0; i < in->rank; i++)
		if ((x->op == OP_pad && !t->naxes) || in->axis[i].name != from.name)
			TRY(infer_join(x, in->axis[i]));
		else if (x->op == OP_pad || t->naxes)
			TRY(infer_join(x, to));
	return OK;
}

static Status
infer_concat(Infer *x)
{
	const Attr *t = x->attr;
	int64_t     sum = 0;
	int         i, k, first = -1;

	if (t->naxes != x->nin)
		return infer_refuse(x, "c1", "%d parts for %d operands", t->naxes, x->nin);
	TRY(new_axis(x, t->axis, "c1"));
	for (i = 0; i < x->nin; i++) {
		if (x->in[i].dtype != x->in[0].dtype)
			return infer_refuse(x, "c3", "operands are %s and %s",
			                    dtype_name[x->in[0].dtype], dtype_name[x->in[i].dtype]);
		if (t->axes[i].name)
			TRY(infer_has(x, &x->in[i], t->axes[i], "c2"));
		TRY(infer_lacks(x, &x->in[i], t->axis.name, "c4"));
		sum += t->axes[i].name ? t->axes[i].size : 1;
		if (first < 0 && t->axes[i].name)
			first = i;
	}
	if (sum != t->axis.size)
		return infer_refuse(x, "c5", "the parts count %lld elements, axis %s %lld",
		                    (long long)sum, t->axis.name, (long long)t->axis.size);
	if (first < 0)
		TRY(infer_join(x, t->axis));
	for (i = 0; i < x->nin; i++)
		for (k = 0; k < x->in[i].rank; k++)
			if (x->in[i].axis[k].name != t->axes[i].name)
				TRY(infer_join(x, x->in[i].axis[k]));
			else
				TRY(infer_join(x, t->axis));
	return OK;
}

static Status
infer_broadcast(Infer *x)
{
	const Attr *t = x->attr;
	int         i;

	TRY(infer_distinct(x));
	if (t->naxes == 0)
		return infer_refuse(x, "c1", "there must be at least one axis");
	for (i = 0; i < t->naxes; i++) {
		TRY(new_axis(x, t->axes[i], "c1"));
		TRY(infer_lacks(x, &x->in[0], t->axes[i].name, "c2"));
		TRY(infer_join(x, t->axes[i]));
	}
	for (i = 0; i < x->in[0].rank; i++)
		TRY(infer_join(x, x->in[0].axis[i]));
	return OK;
}

Status
infer_view(Infer *x)
{
	x->out->dtype = x->in[0].dtype;
	switch (x->op) {
	case OP_rename:
		return infer_rename(x);
	case OP_split:
		return infer_split(x);
	case OP_merge:
		return infer_merge(x);
	case OP_slice:
	case OP_pad:
		return infer_cut(x);
	case OP_concat:
		return infer_concat(x);
	case OP_broadcast:
		return infer_broadcast(x);
	default:
		break;
	}
	if (!x->given) /* reorder */
		return infer_refuse(x, "any_c6", "reorder needs the type whose order it takes");
	*x->out = x->in[0];
	return OK;
}

/* a[.., axis, ..] b[places, shared] -> a[.., places, .., shared] */
static Status
infer_pick(Infer *x)
{
	const Type *a = &x->in[0], *b = &x->in[1];
	Axis        axis = x->attr->axis;

	TRY(infer_has(x, a, axis, "c2"));
	for (int i = 0; i < a->rank; i++) {
		if (a->axis[i].name != axis.name)
			TRY(infer_join(x, a->axis[i]));
		for (int k = 0; a->axis[i].name == axis.name && k < b->rank; k++)
			TRY(infer_join(x, b->axis[k]));
	}
	return OK;
}

/* a[.., places, .., shared] b[places, shared] -> [.., axis, .., shared] */
static Status
infer_scatter(Infer *x)
{
	const Type *a = &x->in[0], *b = &x->in[1];
	Axis        axis = x->attr->axis;
	bool        done = false;

	if (a->dtype != DT_f32)
		return infer_refuse(x, "c4", "sums are f32, not %s", dtype_name[a->dtype]);
	TRY(new_axis(x, axis, "c3"));
	TRY(infer_distinct(x));
	for (int k = 0; k < x->attr->naxes; k++) {
		TRY(infer_has(x, b, x->attr->axes[k], "c5"));
		if (x->attr->axes[k].name == axis.name)
			return infer_refuse(x, "c5", "axis %s cannot stay and be made", axis.name);
	}
	for (int k = 0; k < b->rank; k++)
		TRY(infer_has(x, a, b->axis[k], "c2"));
	if (type_find(b, axis.name) < 0)
		TRY(infer_lacks(x, a, axis.name, "c3"));
	if (b->rank == x->attr->naxes) /* no axis goes, in whose place the new one could stand */
		TRY(infer_join(x, axis));
	for (int i = 0; i < a->rank; i++) {
		bool goes =
			type_find(b, a->axis[i].name) >= 0 && !attr_lists(x->attr, a->axis[i].name);

		if (!goes)
			TRY(infer_join(x, a->axis[i]));
		else if (!done)
			TRY(infer_join(x, axis));
		done |= goes;
	}
	return OK;
}

Status
infer_index(Infer *x)
{
	if (x->in[1].dtype != DT_i32)
		return infer_refuse(x, "c1", "the indices are %s, must be i32",
		                    dtype_name[x->in[1].dtype]);
	x->out->dtype = x->in[0].dtype;
	return x->op == OP_pick ? infer_pick(x) : infer_scatter(x);
}

/* places: m[.., axis, ..] -> [.., axes[0], ..]; ranks: the same, and axis must fit inside axes[0].
 */
Status
infer_order(Infer *x)
{
	const Type *m = &x->in[0];
	Axis        axis = x->attr->axis, to = x->attr->axes[0];
	int         listed = x->op == OP_places ? 1 : 2;

	if (m->dtype != DT_bool)
		return infer_refuse(x, "c1", "the mask is %s, must be bool", dtype_name[m->dtype]);
	TRY(infer_has(x, m, axis, "c2"));
	if (x->attr->naxes != listed || to.size < 1 || x->attr->axes[listed - 1].size < 1)
		return infer_refuse(x, "c3", "%s needs %d axes with a name and a size",
		                    op_info[x->op].name, listed);
	TRY(infer_distinct(x));
	if (x->attr->offset < 0 || x->attr->offset > INT32_MAX - axis.size ||
	    (x->op == OP_ranks && x->attr->offset + axis.size > to.size))
		return infer_refuse(x, "c4", "axis %s of size %lld at %lld is too far out",
		                    axis.name, (long long)axis.size, (long long)x->attr->offset);
	if (to.name != axis.name)
		TRY(infer_lacks(x, m, to.name, "c5"));
	else if (to.size != axis.size)
		return infer_refuse(x, "any_c4", "axis %s has two sizes", to.name);
	x->out->dtype = DT_i32;
	for (int i = 0; i < m->rank; i++)
		TRY(infer_join(x, m->axis[i].name == axis.name ? to : m->axis[i]));
	return OK;
}
