/* random_graph: see the header. Values are kept near 1 on purpose (products are scaled, logarithms and
 * divisors are kept away from 0), so that differences between two evaluations are mistakes, not noise. */
#include "tests/support/random_graph.h"

#include <math.h>
#include <string.h>

enum { MOST_VALUES = 400, MOST_PARAMS = 64, MOST_ELEMS = 1500, MOST_AXES = 5 };

typedef struct {
	Arena      *a;
	Graph      *g;
	Stream      s;
	Val         pool[MOST_VALUES]; /* f32 values to choose operands from */
	int         npool;
	const char *param[MOST_PARAMS];
	Val         param_val[MOST_PARAMS];
	int         nparam, ninput, nsite, line;
	Val         sample, step, seed;
} Gen;

/* T = 1 + 2 * 2 tokens, D = H * E, R the entries of grid_offsets(2, 2). */
static const struct { const char *name; int64_t size; } known[] = {
	{"B", 3}, {"T", 5}, {"N", 4}, {"H", 2}, {"E", 3}, {"D", 6}, {"U", 5}, {"F", 7}, {"S", 1}, {"R", 12}, {"V", 6},
};

static Axis
axis(const char *name)
{
	int i;

	for (i = 0; i < COUNT(known); i++)
		if (strcmp(known[i].name, name) == 0)
			return (Axis){intern(name), known[i].size};
	BUG("no axis %s", name);
}

/* "B T D" */
static Type
type(Dtype dtype, const char *axes)
{
	Type t = {.dtype = dtype};
	char name[2] = "";

	for (; *axes; axes++)
		if (*axes != ' ') {
			name[0] = *axes;
			t.axis[t.rank++] = axis(name);
		}
	return t;
}

static int
below(Gen *x, int n)
{
	return (int)stream_int(&x->s, 0, n - 1);
}

static Loc
here(Gen *x)
{
	return (Loc){intern("random.d2v"), ++x->line, 1, 0};
}

static const Type *
type_of(const Gen *x, Val v)
{
	return &x->g->node[v].type;
}

static Val
keep(Gen *x, Val v)
{
	if (x->npool < MOST_VALUES)
		x->pool[x->npool++] = v;
	return v;
}

static Val
any(Gen *x)
{
	return x->pool[below(x, x->npool)];
}

static Val
constant(Gen *x, double c)
{
	return build_const(x->g, c, here(x));
}

static Val
scaled(Gen *x, Val v, double c)
{
	return build_bin(x->g, OP_mul, v, constant(x, c), here(x));
}

static Val
new_param(Gen *x, Type t)
{
	const char *name = intern_printf("w[%d].a", x->nparam);
	Val v;

	if (x->nparam == MOST_PARAMS)
		return x->param_val[0];
	v = build_leaf(x->g, OP_param, name, &t, here(x));
	x->param_val[x->nparam] = v;
	x->param[x->nparam++] = name;
	return v;
}

static Val
new_input(Gen *x, Type t)
{
	return build_leaf(x->g, OP_input, intern_printf("in%d", x->ninput++), &t, here(x));
}

/* A new leaf with some of the known axes. */
static Val
leaf(Gen *x)
{
	static const char *const shapes[] = {"BTD", "D", "FD", "BNS", "TF", "BHTE", "", "RH", "SDB", "E", "HED", "V"};
	Type t = type(DT_f32, shapes[below(x, COUNT(shapes))]);

	return below(x, 2) ? new_param(x, t) : new_input(x, t);
}

static bool
fits(const Gen *x, Val a, Val b)
{
	const Type *s = type_of(x, a), *t = type_of(x, b);
	int64_t elems = type_elems(s);
	int rank = s->rank, i;

	for (i = 0; i < t->rank; i++)
		if (type_find(s, t->axis[i].name) < 0) {
			elems *= t->axis[i].size;
			rank++;
		}
	return rank <= MOST_AXES && elems <= MOST_ELEMS;
}

/* A value whose union with a is not too large: the last resort is a itself. */
static Val
partner(Gen *x, Val a)
{
	int tries;

	for (tries = 0; tries < 8; tries++) {
		Val b = any(x);
		if (fits(x, a, b))
			return b;
	}
	return a;
}

static int
some_axes(Gen *x, const Type *t, Axis out[MAX_RANK])
{
	int n = 0, i;

	for (i = 0; i < t->rank; i++)
		if (below(x, 2))
			out[n++] = t->axis[i];
	if (n == 0 && t->rank > 0)
		out[n++] = t->axis[below(x, t->rank)];
	return n;
}

static Val
mask(Gen *x, Val like)
{
	const Type *t = type_of(x, like);
	Type m = {.dtype = DT_bool};
	Val a, b;

	switch (below(x, 4)) {
	case 0:
		m.rank = some_axes(x, t, m.axis);
		return build_leaf(x->g, OP_input, intern_printf("mask%d", x->ninput++), &m, here(x));
	case 1:
		return build_bin(x->g, below(x, 2) ? OP_lt : OP_le, like, constant(x, 0.1), here(x));
	case 2: {
		Attr attr = {.name = intern_printf("site%d", x->nsite++)};
		Type u = type(DT_f32, below(x, 2) ? "B" : "BT");
		memcpy(attr.axes, u.axis + 1, sizeof(Axis) * (size_t)(u.rank - 1));
		attr.naxes = u.rank - 1;
		a = build(x->g, OP_uniform, (Val[]){x->sample, x->step, x->seed}, 3, &attr, &u, here(x));
		return build_bin(x->g, OP_lt, a, constant(x, 0.7), here(x));
	}
	default:
		a = build_bin(x->g, OP_lt, constant(x, -0.5), like, here(x));
		b = build_bin(x->g, OP_lt, like, constant(x, 0.5), here(x));
		a = build_bin(x->g, below(x, 2) ? OP_and : OP_or, a, b, here(x));
		return below(x, 2) ? build_un(x->g, OP_not, a, here(x)) : a;
	}
}

/* f of a safe function of the operand. */
static void
gen_unary(Gen *x)
{
	static const Op plain[] = {OP_neg, OP_abs, OP_erf, OP_tanh, OP_gelu, OP_sign};
	Val v = any(x), square;
	Attr attr = {.num = 0.5};

	switch (below(x, 6)) {
	case 0: v = build_un(x->g, OP_exp, build_un(x->g, OP_tanh, v, here(x)), here(x)); break;
	case 1: v = build(x->g, OP_smooth_l1, &v, 1, &attr, NULL, here(x)); break;
	case 2: case 3: v = build_un(x->g, plain[below(x, COUNT(plain))], v, here(x)); break;
	default:
		square = build_bin(x->g, OP_mul, v, v, here(x));
		square = build_bin(x->g, OP_add, square, constant(x, 0.5), here(x));
		v = build_un(x->g, (Op[]){OP_log, OP_sqrt, OP_rsqrt}[below(x, 3)], square, here(x));
	}
	keep(x, v);
}

static void
gen_binary(Gen *x)
{
	static const Op plain[] = {OP_add, OP_sub, OP_mul, OP_min, OP_max};
	Val a = any(x), b = partner(x, a);

	switch (below(x, 4)) {
	case 0:
		b = build_bin(x->g, OP_add, build_un(x->g, OP_abs, b, here(x)), constant(x, 1), here(x));
		keep(x, build_bin(x->g, OP_div, a, b, here(x)));
		return;
	case 1: {
		Val c = mask(x, a), both = fits(x, a, c) ? c : build_bin(x->g, OP_lt, a, b, here(x));
		keep(x, build_select(x->g, both, a, fits(x, both, b) && fits(x, a, b) ? constant(x, 0.25) : a, here(x)));
		return;
	}
	case 2: { /* a mean where m */
		Val c = mask(x, a), f;
		Axis over[MAX_RANK];
		if (!fits(x, a, c))
			return;
		f = build_cast(x->g, c, DT_f32, here(x));
		f = build_bin(x->g, OP_mul, a, f, here(x));
		keep(x, build_mean(x->g, f, over, some_axes(x, type_of(x, f), over), here(x)));
		return;
	}
	default:
		keep(x, build_bin(x->g, plain[below(x, COUNT(plain))], a, b, here(x)));
	}
}

static void
gen_reduce(Gen *x)
{
	Val v = any(x);
	Axis over[MAX_RANK];
	Attr attr = {.num = 0.1};
	int n = some_axes(x, type_of(x, v), over);

	if (n == 0)
		return;
	attr.naxes = n;
	memcpy(attr.axes, over, sizeof(Axis) * (size_t)n);
	switch (below(x, 4)) {
	case 0: v = build_mean(x->g, v, over, n, here(x)); break;
	case 1: v = build_reduce(x->g, OP_rmax, v, over, n, here(x)); break;
	case 2: v = build(x->g, OP_standardise, &v, 1, &attr, NULL, here(x)); break;
	default: attr.num = 0; v = build(x->g, OP_softmax, &v, 1, &attr, NULL, here(x)); break;
	}
	keep(x, v);
}

/* A linear layer, or a contraction of two values over axes they share. */
static void
gen_contract(Gen *x)
{
	Val a = any(x), b = any(x);
	Axis over[MAX_RANK];
	double size = 1;
	int n = 0, i;

	if (below(x, 2)) {
		static const char *const weights[] = {"FD", "DF", "HED", "VD", "EH", "TS", "NF"};
		b = new_param(x, type(DT_f32, weights[below(x, COUNT(weights))]));
	}
	for (i = 0; i < type_of(x, a)->rank; i++)
		if (type_find(type_of(x, b), type_of(x, a)->axis[i].name) >= 0 && below(x, 4)) {
			over[n] = type_of(x, a)->axis[i];
			size *= (double)over[n++].size;
		}
	if (n == 0 || !fits(x, a, b))
		return;
	a = scaled(x, build_contract(x->g, a, b, over, n, here(x)), 1 / sqrt(size));
	keep(x, below(x, 3) ? a : build_bin(x->g, OP_add, a, partner(x, a), here(x)));
}

static Val
split_some(Gen *x, Val v, Axis from)
{
	Axis to[2];
	int64_t low = from.size;

	while (low > 1 && (from.size % low != 0 || low == from.size))
		low--;
	to[0] = (Axis){intern_printf("%s.hi", from.name), from.size / low};
	to[1] = (Axis){intern_printf("%s.lo", from.name), low};
	if (from.name == axis("D").name && type_find(type_of(x, v), axis("H").name) < 0 &&
	    type_find(type_of(x, v), axis("E").name) < 0) {
		to[0] = axis("H");
		to[1] = axis("E");
	}
	for (int i = 0; i < 2; i++)
		if (type_find(type_of(x, v), to[i].name) >= 0)
			return v;
	return build_split(x->g, v, from, to, 2, here(x));
}

/* Concat of two values that agree but for a twin of one axis, or of a slice and one lacking the axis. */
static Val
concat_some(Gen *x, Val v, Axis from)
{
	Axis along = {intern_printf("%s.1+", from.name), from.size + 1};
	Axis twice = {intern_printf("%s.x2", from.name), 2 * from.size};
	Axis one[2] = {{0}, from}, two[2] = {from, from};
	Val in[2] = {v, v};

	if (type_find(type_of(x, v), along.name) >= 0 || type_find(type_of(x, v), twice.name) >= 0)
		return v;
	if (below(x, 2))
		return build_concat(x->g, in, two, 2, twice, here(x));
	in[0] = build_reduce(x->g, OP_rmax, v, &from, 1, here(x));
	return build_concat(x->g, in, one, 2, along, here(x));
}

static void
gen_view(Gen *x)
{
	Val v = any(x);
	Type t = *type_of(x, v);
	Axis from, to, pair[2];
	int64_t offset, size;

	if (t.rank == 0)
		return;
	from = t.axis[below(x, t.rank)];
	size = stream_int(&x->s, 1, from.size);
	offset = stream_int(&x->s, 0, from.size - size);
	to = (Axis){intern_printf("%s.%lld-%lld", from.name, (long long)offset, (long long)(offset + size)), size};
	switch (below(x, 8)) {
	case 0: v = split_some(x, v, from); break;
	case 1: v = concat_some(x, v, from); break;
	case 2:
		if (type_find(&t, to.name) < 0)
			v = build_slice(x->g, v, from, offset, to, here(x));
		break;
	case 3: v = build_slice(x->g, v, from, offset, (Axis){0}, here(x)); break;
	case 4:
		to = (Axis){intern_printf("%s.pad", from.name), from.size + 2};
		if (type_find(&t, to.name) < 0)
			v = build_pad(x->g, v, below(x, 2) ? from : from, to, below(x, 3), here(x));
		break;
	case 5:
		to = (Axis){intern_printf("%s'", from.name), from.size};
		if (type_find(&t, to.name) < 0)
			v = build_rename(x->g, v, from, to, here(x));
		break;
	case 6:
		if (t.rank < 2)
			return;
		pair[0] = from;
		pair[1] = t.axis[type_find(&t, from.name) == 0 ? 1 : 0];
		to = (Axis){intern_printf("%s*%s", pair[0].name, pair[1].name), pair[0].size * pair[1].size};
		if (type_find(&t, to.name) < 0)
			v = build_merge(x->g, v, pair, 2, to, here(x));
		break;
	default:
		to = axis(below(x, 2) ? "S" : "B");
		if (type_find(&t, to.name) < 0 && t.rank < MOST_AXES && type_elems(&t) * to.size <= MOST_ELEMS)
			v = build_broadcast(x->g, v, &to, 1, here(x));
	}
	if (type_elems(type_of(x, v)) <= MOST_ELEMS && type_of(x, v)->rank <= MOST_AXES)
		keep(x, v);
}

static void
gen_pick(Gen *x)
{
	Type rows = {.dtype = DT_i32, .rank = 1, .axis = {{intern("P"), 4}}};
	Attr attr = {.axis = axis("R")};
	Val table = new_param(x, type(DT_f32, "RH")), places;

	if (type_find(type_of(x, table), attr.axis.name) < 0)
		return;
	places = build_leaf(x->g, OP_input, intern_printf("rows%d", x->ninput++), &rows, here(x));
	keep(x, build(x->g, OP_pick, (Val[]){table, places}, 2, &attr, NULL, here(x)));
}

/* softmax(q k + r) v over tokens, as one node or as its parts; with and without bias and dropout. */
static void
gen_attend(Gen *x)
{
	Type tokens = type(DT_f32, "BTD"), w = type(DT_f32, "HED"), index = type(DT_i32, "TU");
	Axis d = axis("D"), e = axis("E"), u = axis("U");
	Val in[7], s, p, draw, bias = NO_VAL, queries, keys;
	int drop = below(x, 2), nin = 3, i;
	Attr attr = {.naxes = 2, .axes = {e, u}, .scale = 1 / sqrt(3), .rate = drop ? 0.25 : 0};
	Attr places = {.name = intern("grid_offsets"), .nargs = 2, .args = {2, 2}}, along = {.axis = axis("R")};
	Attr site = {.name = intern_printf("site%d", x->nsite++), .naxes = 3, .axes = {axis("H"), axis("T"), u}};
	Attr over = {.naxes = 1, .axes = {u}};
	Type drawn = type(DT_f32, "BHTU");

	if (x->nparam + 4 > MOST_PARAMS)
		return;
	queries = new_input(x, tokens);
	keys = build_rename(x->g, queries, axis("T"), u, here(x));
	for (i = 0; i < 3; i++) {
		in[i] = build_contract(x->g, i ? keys : queries, new_param(x, w), &d, 1, here(x));
		in[i] = scaled(x, in[i], 0.4);
	}
	if (below(x, 2)) {
		Val table = new_param(x, type(DT_f32, "RH"));
		bias = build(x->g, OP_table, NULL, 0, &places, &index, here(x));
		bias = build(x->g, OP_pick, (Val[]){table, bias}, 2, &along, NULL, here(x));
	}
	if (below(x, 2)) {
		if (bias != NO_VAL)
			in[nin++] = bias;
		attr.name = drop ? site.name : NULL;
		for (i = 0; drop && i < 3; i++)
			in[nin++] = (Val[]){x->sample, x->step, x->seed}[i];
		keep(x, build(x->g, OP_attend, in, nin, &attr, NULL, here(x)));
		return;
	}
	s = build_contract(x->g, scaled(x, in[0], attr.scale), in[1], &e, 1, here(x));
	if (bias != NO_VAL)
		s = build_bin(x->g, OP_add, s, bias, here(x));
	p = build(x->g, OP_softmax, &s, 1, &over, NULL, here(x));
	if (drop) {
		draw = build(x->g, OP_uniform, (Val[]){x->sample, x->step, x->seed}, 3, &site, &drawn, here(x));
		draw = build_bin(x->g, OP_lt, draw, constant(x, attr.rate), here(x));
		p = build_select(x->g, draw, constant(x, 0), scaled(x, p, 1 / (1 - attr.rate)), here(x));
	}
	keep(x, build_contract(x->g, p, in[2], &u, 1, here(x)));
}

/* Everything nobody uses, squashed and averaged, makes the loss; so each parameter matters. */
static Val
make_loss(Gen *x)
{
	int *uses = graph_uses(x->g, x->a), n = x->g->n, i, k;
	Val loss = constant(x, 0.5);
	Attr beta = {.num = 1};

	for (i = 0; i < n; i++) {
		const Node *node = &x->g->node[i];
		Axis over[MAX_RANK];
		Val v = i;
		if (uses[i] || node->type.dtype != DT_f32)
			continue;
		memcpy(over, node->type.axis, sizeof over);
		k = node->type.rank;
		v = below(x, 2) ? build_un(x->g, OP_tanh, v, here(x))
		                : build(x->g, OP_smooth_l1, &v, 1, &beta, NULL, here(x));
		loss = build_bin(x->g, OP_add, loss, build_mean(x->g, v, over, k, here(x)), here(x));
	}
	return loss;
}

static void
make_training(Gen *x, Val loss)
{
	Training *t = &x->g->training;
	Type scalar = {.dtype = DT_f32};
	Val lr = build_leaf(x->g, OP_host, "0.1 / (step + 1)", &scalar, here(x));
	Val ema = build_leaf(x->g, OP_host, "min(0.9, step / 10)", &scalar, here(x)), decay[2];
	int i;

	decay[0] = constant(x, 0);
	decay[1] = constant(x, 0.05);
	*t = (Training){.present = true, .loss = loss, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-3,
	                .clip = below(x, 2) ? 1.5 : 0, .nupdate = x->nparam};
	t->update = arena_new_array(x->g->arena, Update, x->nparam + 1);
	for (i = 0; i < x->nparam; i++) {
		Update *u = &t->update[i];
		*u = (Update){.param = x->param[i], .group = intern(i % 2 ? "plain" : "rest"), .lr = lr,
		              .decay = decay[i % 2], .average_decay = NO_VAL, .grad = NO_VAL, .loc = here(x)};
		if (i % 3 == 0) {
			u->average = intern_printf("teacher.%s", x->param[i]);
			u->average_decay = ema;
		}
	}
}

/* The teacher's variables that are updated must be read: here, as a target. */
static Val
teacher_term(Gen *x, Val loss)
{
	int i, n = x->nparam;

	for (i = 0; i < n; i += 3) {
		Type t = *type_of(x, x->param_val[i]);
		Val target = build_leaf(x->g, OP_param, intern_printf("teacher.%s", x->param[i]), &t, here(x));
		Val off = build_bin(x->g, OP_sub, x->param_val[i], target, here(x));
		off = build_bin(x->g, OP_mul, off, off, here(x));
		loss = build_bin(x->g, OP_add, loss, build_mean(x->g, off, t.axis, t.rank, here(x)), here(x));
	}
	return loss;
}

Graph *
random_graph(Arena *a, uint64_t seed, int size)
{
	static void (*const make[])(Gen *) = {gen_unary, gen_binary, gen_binary, gen_reduce, gen_contract,
	                                      gen_contract, gen_view, gen_view, gen_view, gen_pick, gen_attend};
	Gen x = {.a = a, .g = graph_new(a, "train"), .s = stream_open(seed, "random_graph", 0, 0)};
	Type u32 = {.dtype = DT_u32}, samples = type(DT_u32, "B");
	Val loss;
	int i;

	x.g->batch_axis = intern("B");
	x.sample = build_leaf(x.g, OP_input, "sample", &samples, here(&x));
	x.step = build_leaf(x.g, OP_host, "step", &u32, here(&x));
	x.seed = build_leaf(x.g, OP_host, "seed", &u32, here(&x));
	keep(&x, new_param(&x, type(DT_f32, "DF")));
	keep(&x, new_input(&x, type(DT_f32, "BTD")));
	for (i = 0; i < 3; i++)
		keep(&x, leaf(&x));
	for (i = 0; i < size; i++) {
		if (below(&x, 6) == 0)
			keep(&x, leaf(&x));
		make[below(&x, COUNT(make))](&x);
	}
	loss = teacher_term(&x, make_loss(&x));
	graph_output(x.g, "loss", loss);
	graph_output(x.g, "watch", any(&x));
	make_training(&x, loss);
	graph_commit(x.g);
	(void)graph_verify(x.g, "random_graph", true);
	return x.g;
}
