/* Where the elements of a view lie in memory: strides carried through rename, split, merge, slice
 * and reorder. */
#include "compiler/ir/axes.h"

#include <string.h>

void
contiguous_strides(const Type *t, int64_t stride[MAX_RANK])
{
	int64_t s = 1;

	for (int i = t->rank - 1; i >= 0; i--) {
		stride[i] = s;
		s *= t->axis[i].size;
	}
}

static int64_t
stride_of(const Type *t, const int64_t *stride, const char *axis)
{
	int i = type_find(t, axis);

	return i < 0 ? 0 : stride[i];
}

bool
collapse(const Type *t, const int64_t *stride, const Axes *group, int64_t *out)
{
	int64_t extent = 1;

	*out = 0;
	for (int i = group->n - 1; i >= 0; i--) {
		int64_t s = stride_of(t, stride, group->at[i].name);

		if (group->at[i].size == 1)
			continue;
		if (extent == 1)
			*out = s;
		else if (s != *out * extent)
			return false;
		extent *= group->at[i].size;
	}
	return true;
}

Axes
memory_order(const Type *t, const int64_t *stride, const Axes *group)
{
	Axes s = *group;

	for (int i = 1; i < s.n; i++)
		for (int j = i; j > 0; j--) {
			int64_t before = stride_of(t, stride, s.at[j - 1].name),
				after = stride_of(t, stride, s.at[j].name);
			Axis x = s.at[j];

			if (before >= after || s.at[j].size == 1 || s.at[j - 1].size == 1)
				break;
			s.at[j] = s.at[j - 1];
			s.at[j - 1] = x;
		}
	return s;
}

static bool
step(const Node *n, const Type *in, const int64_t *from, int64_t to[MAX_RANK], int64_t *offset)
{
	const Attr *a = &n->attr;

	for (int i = 0; i < n->type.rank; i++) {
		const char *name = n->type.axis[i].name;
		int         part = -1;

		for (int j = 0; j < a->naxes; j++)
			if (a->axes[j].name == name)
				part = j;
		if (n->op == OP_rename && part == 0) {
			to[i] = stride_of(in, from, a->axis.name);
		} else if (n->op == OP_split && part >= 0) {
			to[i] = stride_of(in, from, a->axis.name);
			for (int j = part + 1; j < a->naxes; j++)
				to[i] *= a->axes[j].size;
		} else if (n->op == OP_merge && name == a->axis.name) {
			Axes group = {0};

			for (int j = 0; j < a->naxes; j++)
				axes_add(&group, a->axes[j]);
			if (!collapse(in, from, &group, &to[i]))
				return false;
		} else if (n->op == OP_slice && part == 0) {
			to[i] = stride_of(in, from, a->axis.name);
		} else {
			to[i] = stride_of(in, from, name);
		}
	}
	if (n->op == OP_slice)
		*offset += a->offset * stride_of(in, from, a->axis.name);
	return true;
}

bool
view_strides(const Graph *g, Val v, const int64_t *root, int64_t stride[MAX_RANK], int64_t *offset)
{
	const Node *n = &g->node[v];
	int64_t     from[MAX_RANK];

	if (!node_is_alias(n)) {
		*offset = 0;
		if (root)
			memcpy(stride, root, sizeof(int64_t) * MAX_RANK);
		else
			contiguous_strides(&n->type, stride);
		return true;
	}
	if (!view_strides(g, n->in[0], root, from, offset))
		return false;
	return step(n, &g->node[n->in[0]].type, from, stride, offset);
}
