/* random_graph_parts: what every maker of an op draws from: the axes and their sizes, numbers of
 * the graph's own stream, the pool of values that may become operands, leaves, masks. Refuses
 * values that would get too large; makes no op that computes but for masks. */
#include "tests/support/random_graph_private.h"

#include <string.h>

/* T = 1 + 2 * 2 tokens, D = H * E, R the entries of grid_offsets(2, 2). */
static struct {
	const char *name;
	int64_t     size;
} known[] = {
	{"B", 3}, {"T", 5}, {"N", 4}, {"H", 2},  {"E", 3}, {"D", 6},
	{"U", 5}, {"F", 7}, {"S", 1}, {"R", 12}, {"V", 6},
};

Axis
gen_axis(const char *name)
{
	int i;

	for (i = 0; i < COUNT(known); i++)
		if (strcmp(known[i].name, name) == 0)
			return (Axis){intern(name), known[i].size};
	BUG("no axis %s", name);
}

/* "B T D" */
Type
gen_type(Dtype dtype, const char *axes)
{
	Type t = {.dtype = dtype};
	char name[2] = "";

	for (; *axes; axes++)
		if (*axes != ' ') {
			name[0] = *axes;
			t.axis[t.rank++] = gen_axis(name);
		}
	return t;
}

/* Axes that no table of positions fixes may have any size. */
void
gen_vary_sizes(Gen *x)
{
	static const struct {
		const char *name;
		int         n;
		int64_t     size[7];
	} may[] = {
		{"B", 5, {3, 1, 2, 5, 3}},
		{"F", 7, {7, 1, 17, 8, 33, 3, 32}},
		{"V", 4, {6, 1, 13, 16}},
		{"N", 4, {4, 1, 9, 2}},
	};
	int i, k;

	for (i = 0; i < COUNT(may); i++)
		for (k = 0; k < COUNT(known); k++)
			if (strcmp(known[k].name, may[i].name) == 0)
				known[k].size = may[i].size[x->all ? gen_below(x, may[i].n) : 0];
}

int
gen_below(Gen *x, int n)
{
	return (int)stream_int(&x->s, 0, n - 1);
}

Loc
gen_here(Gen *x)
{
	return (Loc){intern("random.d2v"), ++x->line, 1, 0};
}

const Type *
gen_type_of(const Gen *x, Val v)
{
	return &x->g->node[v].type;
}

Val
gen_keep(Gen *x, Val v)
{
	if (x->npool < MOST_VALUES)
		x->pool[x->npool++] = v;
	return v;
}

Val
gen_any(Gen *x)
{
	return x->pool[gen_below(x, x->npool)];
}

Val
gen_constant(Gen *x, double c)
{
	return build_const(x->g, c, gen_here(x));
}

Val
gen_scaled(Gen *x, Val v, double c)
{
	return build_bin(x->g, OP_mul, v, gen_constant(x, c), gen_here(x));
}

Val
gen_new_param(Gen *x, Type t)
{
	const char *name = intern_printf("w[%d].a", x->nparam);
	Val         v;

	if (x->nparam == MOST_PARAMS)
		return x->param_val[0];
	v = build_leaf(x->g, OP_param, name, &t, gen_here(x));
	x->param_val[x->nparam] = v;
	x->param[x->nparam++] = name;
	return v;
}

Val
gen_new_input(Gen *x, Type t)
{
	return build_leaf(x->g, OP_input, intern_printf("in%d", x->ninput++), &t, gen_here(x));
}

/* A new leaf with some of the known axes. */
Val
gen_leaf(Gen *x)
{
	static const char *const shapes[] = {"BTD", "D",  "FD",  "BNS", "TF",  "BHTE",
	                                     "",    "RH", "SDB", "E",   "HED", "V"};
	Type                     t = gen_type(DT_f32, shapes[gen_below(x, COUNT(shapes))]);

	return gen_below(x, 2) ? gen_new_param(x, t) : gen_new_input(x, t);
}

bool
gen_fits(const Gen *x, Val a, Val b)
{
	const Type *s = gen_type_of(x, a), *t = gen_type_of(x, b);
	int64_t     elems = type_elems(s);
	int         rank = s->rank, i;

	for (i = 0; i < t->rank; i++)
		if (type_find(s, t->axis[i].name) < 0) {
			elems *= t->axis[i].size;
			rank++;
		}
	return rank <= MOST_AXES && elems <= MOST_ELEMS;
}

/* A value whose union with a is not too large: the last resort is a itself. */
Val
gen_partner(Gen *x, Val a)
{
	int tries;

	for (tries = 0; tries < 8; tries++) {
		Val b = gen_any(x);
		if (gen_fits(x, a, b))
			return b;
	}
	return a;
}

int
gen_some_axes(Gen *x, const Type *t, Axis out[MAX_RANK])
{
	int n = 0, i;

	for (i = 0; i < t->rank; i++)
		if (gen_below(x, 2))
			out[n++] = t->axis[i];
	if (n == 0 && t->rank > 0)
		out[n++] = t->axis[gen_below(x, t->rank)];
	return n;
}

Val
gen_mask(Gen *x, Val like)
{
	const Type *t = gen_type_of(x, like);
	Type        m = {.dtype = DT_bool};
	Val         a, b;

	switch (gen_below(x, 4)) {
	case 0:
		m.rank = gen_some_axes(x, t, m.axis);
		return build_leaf(x->g, OP_input, intern_printf("mask%d", x->ninput++), &m,
		                  gen_here(x));
	case 1:
		return build_bin(x->g, gen_below(x, 2) ? OP_lt : OP_le, like, gen_constant(x, 0.1),
		                 gen_here(x));
	case 2: {
		Attr attr = {.name = intern_printf("site%d", x->nsite++)};
		Type u = gen_type(DT_f32, gen_below(x, 2) ? "B" : "BT");
		memcpy(attr.axes, u.axis + 1, sizeof(Axis) * (size_t)(u.rank - 1));
		attr.naxes = u.rank - 1;
		a = build(x->g, OP_uniform, (Val[]){x->sample, x->step, x->seed}, 3, &attr, &u,
		          gen_here(x));
		return build_bin(x->g, OP_lt, a, gen_constant(x, 0.7), gen_here(x));
	}
	default:
		a = build_bin(x->g, OP_lt, gen_constant(x, -0.5), like, gen_here(x));
		b = build_bin(x->g, OP_lt, like, gen_constant(x, 0.5), gen_here(x));
		a = build_bin(x->g, gen_below(x, 2) ? OP_and : OP_or, a, b, gen_here(x));
		return gen_below(x, 2) ? build_un(x->g, OP_not, a, gen_here(x)) : a;
	}
}
