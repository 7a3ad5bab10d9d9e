/* random_graph_rare: ops that models seldom hold, or that only passes make of models: comparison
 * for equality, explicit copies, casts to bf16 and back, scattered rows, draws as values. No
 * sum_squares: no spec can hold one, and the planner lays the gradients of the one that pass update
 * makes side by side. */
#include "tests/support/random_graph_private.h"

#include <math.h>
#include <string.h>

static void
rare_equal(Gen *x)
{
	Val a = gen_any(x), zero = gen_constant(x, 0), m;

	m = build_bin(x->g, OP_eq, build_un(x->g, OP_sign, a, gen_here(x)),
	              gen_below(x, 2) ? gen_constant(x, 1) : zero, gen_here(x));
	if (gen_below(x, 2))
		m = build_bin(x->g, gen_below(x, 2) ? OP_or : OP_and, m,
		              build_bool(x->g, gen_below(x, 2), gen_here(x)), gen_here(x));
	gen_keep(x, build_select(x->g, m, gen_scaled(x, a, 0.5), gen_below(x, 2) ? zero : a,
	                         gen_here(x)));
}

static void
rare_sum(Gen *x)
{
	Val    v = gen_any(x);
	Axis   over[MAX_RANK];
	double size = 1;
	int    n = gen_some_axes(x, gen_type_of(x, v), over), i;

	for (i = 0; i < n; i++)
		size *= (double)over[i].size;
	v = build_reduce(x->g, gen_below(x, 4) ? OP_sum : OP_rmax, v, over, n, gen_here(x));
	gen_keep(x, gen_below(x, 2) ? gen_scaled(x, v, 1 / sqrt(size)) : v);
}

static void
rare_broadcast(Gen *x)
{
	static const char *const names[] = {"B", "S", "E", "F", "H"};
	Val                      v = gen_any(x);
	Axis                     over[2];
	int64_t                  elems = type_elems(gen_type_of(x, v));
	int n = 0, i, most = 1 + gen_below(x, 2), rank = gen_type_of(x, v)->rank;

	for (i = 0; i < COUNT(names) && n < most; i++) {
		Axis a = gen_axis(names[i]);

		if (type_find(gen_type_of(x, v), a.name) >= 0 || elems * a.size > MOST_ELEMS ||
		    rank + n >= MOST_AXES || gen_below(x, 2))
			continue;
		over[n++] = a;
		elems *= a.size;
	}
	gen_keep(x, build_broadcast(x->g, v, over, n, gen_here(x)));
}

static void
rare_reorder(Gen *x)
{
	Val  v = gen_any(x);
	Type t = *gen_type_of(x, v);
	int  i;

	for (i = t.rank - 1; i > 0; i--) {
		int  k = gen_below(x, i + 1);
		Axis a = t.axis[i];

		t.axis[i] = t.axis[k];
		t.axis[k] = a;
	}
	gen_keep(x, build_reorder(x->g, v, &t, gen_here(x)));
}

/* Rounded to bf16, perhaps worked on there, and back. */
static void
rare_cast(Gen *x)
{
	Val v = build_cast(x->g, gen_any(x), DT_bf16, gen_here(x));

	gen_keep(x, build_cast(x->g, v, DT_f32, gen_here(x)));
}

static void
rare_scatter(Gen *x)
{
	Type rows = {.dtype = DT_i32, .rank = 1, .axis = {{intern("P"), 4}}},
	     from = gen_type(DT_f32, "H");
	Attr attr = {.axis = gen_axis("R")};
	Val  v, places = build_leaf(x->g, OP_input, intern_printf("rows%d", x->ninput++), &rows,
	                            gen_here(x));

	from.axis[from.rank++] = rows.axis[0];
	v = gen_below(x, 2) ? gen_new_param(x, from) : gen_new_input(x, from);
	gen_keep(x, build(x->g, OP_scatter_add, (Val[]){v, places}, 2, &attr, NULL, gen_here(x)));
}

static void
rare_table(Gen *x)
{
	Attr made = {.name = intern("iota"), .nargs = 1, .args = {3}},
	     attr = {.axis = gen_axis("R")};
	Type t = {.dtype = DT_i32, .rank = 1, .axis = {{intern("I"), 3}}};
	Val  v = gen_new_param(x, gen_type(DT_f32, "RH")), table;

	if (type_find(gen_type_of(x, v), attr.axis.name) < 0)
		return;
	table = build(x->g, OP_table, NULL, 0, &made, &t, gen_here(x));
	gen_keep(x, build(x->g, OP_pick, (Val[]){v, table}, 2, &attr, NULL, gen_here(x)));
}

/* Noise added, or a host's number as a factor. */
static void
rare_draw(Gen *x)
{
	Type u = gen_type(DT_f32, gen_below(x, 2) ? "BTD" : "BH"), scalar = {.dtype = DT_f32};
	Attr attr = {.name = intern_printf("site%d", x->nsite++), .naxes = u.rank - 1};
	Val  v = gen_any(x);

	if (gen_below(x, 3) == 0) {
		Val h = build_leaf(x->g, OP_host, "0.1 / (step + 1)", &scalar, gen_here(x));

		gen_keep(x, build_bin(x->g, gen_below(x, 2) ? OP_mul : OP_sub, v, h, gen_here(x)));
		return;
	}
	memcpy(attr.axes, u.axis + 1, sizeof(Axis) * (size_t)attr.naxes);
	gen_keep(x, build(x->g, OP_uniform, (Val[]){x->sample, x->step, x->seed}, 3, &attr, &u,
	                  gen_here(x)));
}

static void
rare_concat(Gen *x)
{
	Val     v = gen_any(x), in[3];
	Type    t = *gen_type_of(x, v);
	Axis    parts[3], along, from;
	int64_t at = 0;
	int     n = 2 + gen_below(x, 2), i;

	if (t.rank == 0)
		return;
	from = t.axis[gen_below(x, t.rank)];
	along = (Axis){intern_printf("%s.c%d", from.name, ++x->line), 0};
	for (i = 0; i < n; i++) { /* parts of it in another order, and the whole */
		int64_t size = stream_int(&x->s, 1, from.size);

		parts[i] = (Axis){intern_printf("%s.p%d.%d", from.name, x->line, i), size};
		at = stream_int(&x->s, 0, from.size - size);
		in[i] = build_slice(x->g, v, from, at, parts[i], gen_here(x));
		along.size += size;
	}
	if (type_elems(&t) / from.size * along.size <= MOST_ELEMS)
		gen_keep(x, build_concat(x->g, in, parts, n, along, gen_here(x)));
}

/* softmax and standardise over several axes; extremes of masks. */
static void
rare_rows(Gen *x)
{
	Val  v = gen_any(x);
	Attr attr = {.num = 0.1};

	attr.naxes = gen_type_of(x, v)->rank;
	memcpy(attr.axes, gen_type_of(x, v)->axis, sizeof(Axis) * (size_t)attr.naxes);
	if (attr.naxes > 0)
		gen_keep(x, gen_scaled(x,
		                       build(x->g, gen_below(x, 2) ? OP_softmax : OP_standardise,
		                             &v, 1, &attr, NULL, gen_here(x)),
		                       2));
}

void
gen_rare(Gen *x)
{
	static void (*const make[])(Gen *) = {
		rare_equal,   rare_sum,   rare_broadcast, rare_reorder, rare_cast,
		rare_scatter, rare_table, rare_draw,      rare_concat,  rare_rows};

	make[gen_below(x, COUNT(make))](x);
}
