/* random_graph_masks: sums of the rows that a mask selects, of values computed row by row, and rows
 * picked by a mask's places and ranks. In every fourth graph, from a stream of its own: graphs of
 * other seeds stay what they were before there were such masks. */
#include "tests/support/random_graph_private.h"

#include <math.h>
#include <string.h>

/* A mask over the samples and the axis, which promises that some of it is false. */
static Val
mask_over(Gen *x, Axis axis)
{
	Type    t = {.dtype = DT_bool, .rank = 2, .axis = {gen_axis("B"), axis}};
	int64_t most = stream_int(&x->s, 1, axis.size);

	if (gen_below(x, 3) == 0)
		t = (Type){.dtype = DT_bool, .rank = 1, .axis = {axis}};
	else if (gen_below(x, 2)) /* written the other way round */
		t = (Type){.dtype = DT_bool, .rank = 2, .axis = {axis, gen_axis("B")}};
	return build_mask(x->g, intern_printf("promise%d", x->ninput++), &t, axis.name, most,
	                  gen_here(x));
}

/* A value with samples and another axis; *axis becomes that one. */
static Val
with_rows(Gen *x, Axis *axis)
{
	for (int tries = 0; tries < 12; tries++) {
		Val         v = gen_any(x);
		const Type *t = gen_type_of(x, v);
		int         k = t->rank ? gen_below(x, t->rank) : 0;

		if (t->rank > 1 && type_find(t, gen_axis("B").name) >= 0 &&
		    t->axis[k].name != gen_axis("B").name) {
			*axis = t->axis[k];
			return v;
		}
	}
	*axis = gen_axis("T");
	return gen_keep(x, gen_new_input(x, gen_type(DT_f32, "BTD")));
}

/* One thing that a layer does to each row. */
static Val
row_op(Gen *x, Val v, Axis axis)
{
	Type t = *gen_type_of(x, v);
	Attr eps = {.num = 0.1, .naxes = 1};
	Axis d = gen_axis("D");
	Val  w;

	switch (gen_below(x, 5)) {
	case 0:
		return build_un(x->g, gen_below(x, 2) ? OP_gelu : OP_tanh, v, gen_here(x));
	case 1:
		return build_bin(x->g, OP_add, v, gen_partner(x, v), gen_here(x));
	case 2:
		for (int i = 0; i < t.rank; i++)
			if (t.axis[i].name != axis.name && t.axis[i].name != gen_axis("B").name)
				eps.axes[0] = t.axis[i];
		return eps.axes[0].name
		               ? build(x->g, OP_standardise, &v, 1, &eps, NULL, gen_here(x))
		               : v;
	default:
		if (type_find(&t, d.name) < 0 || d.name == axis.name || x->nparam == MOST_PARAMS)
			return gen_scaled(x, v, 0.5);
		w = gen_new_param(x, gen_type(DT_f32, gen_below(x, 2) ? "FD" : "VD"));
		if (!gen_fits(x, v, w) || type_find(gen_type_of(x, w), d.name) < 0)
			return v;
		return gen_scaled(x, build_contract(x->g, v, w, &d, 1, gen_here(x)), 0.4);
	}
}

/* sum(.., axis where m) of rows. */
static void
masked_sum(Gen *x)
{
	Axis   axis, over[MAX_RANK];
	Val    v = with_rows(x, &axis), m = mask_over(x, axis), s;
	double size = 1;
	int    n;

	for (int i = gen_below(x, 5); i > 0; i--)
		v = row_op(x, v, axis);
	if (type_find(gen_type_of(x, v), axis.name) < 0)
		return;
	if (gen_below(x, 4) == 0) /* somebody else wants all of it, or a part */
		gen_keep(x, v);
	for (int i = gen_below(x, 2); i >= 0; i--) {
		s = build_select(x->g, m, v, gen_constant(x, gen_below(x, 6) ? 0 : 0.5),
		                 gen_here(x));
		n = gen_some_axes(x, gen_type_of(x, s), over);
		size = 1;
		for (int k = 0; k < n; k++)
			size *= (double)over[k].size;
		gen_keep(x, gen_scaled(x, build_reduce(x->g, OP_sum, s, over, n, gen_here(x)),
		                       1 / sqrt(size)));
	}
}

/* The rows of a mask, picked; sometimes put back where they were. */
static void
picked_rows(Gen *x)
{
	Axis axis, rows;
	Val  v = with_rows(x, &axis), m = mask_over(x, axis), p;

	rows = (Axis){intern_printf("%s.k%d", axis.name, x->line), stream_int(&x->s, 1, axis.size)};
	p = build_places(x->g, m, axis, 0, rows, gen_here(x));
	v = build_pick(x->g, v, p, axis, gen_here(x));
	if (gen_below(x, 2))
		v = build_un(x->g, OP_tanh, v, gen_here(x));
	if (gen_below(x, 2)) {
		p = build_ranks(x->g, m, axis, 0, axis, rows, gen_here(x));
		v = build_pick(x->g, v, p, rows, gen_here(x));
	}
	if (type_elems(gen_type_of(x, v)) <= MOST_ELEMS)
		gen_keep(x, v);
}

void
gen_masks(Gen *x, uint64_t seed)
{
	Stream kept = x->s;

	if (seed % 4 != 1)
		return;
	x->s = stream_open(seed, "random_graph.masks", 0, 0);
	for (int i = gen_below(x, 3); i >= 0; i--) {
		if (gen_below(x, 3))
			masked_sum(x);
		else
			picked_rows(x);
	}
	x->s = kept;
}
