/* random_graph: see the header. Values are kept near 1 on purpose (products are scaled, logarithms and
 * divisors are kept away from 0), so that differences between two evaluations are mistakes, not noise. */
#include "tests/support/random_graph_private.h"

#include <math.h>
#include <string.h>

/* T = 1 + 2 * 2 tokens, D = H * E, R the entries of grid_offsets(2, 2). */
static struct { const char *name; int64_t size; } known[] = {
	{"B", 3}, {"T", 5}, {"N", 4}, {"H", 2}, {"E", 3}, {"D", 6}, {"U", 5}, {"F", 7}, {"S", 1}, {"R", 12}, {"V", 6},
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
	Val v;

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
static Val
leaf(Gen *x)
{
	static const char *const shapes[] = {"BTD", "D", "FD", "BNS", "TF", "BHTE", "", "RH", "SDB", "E", "HED", "V"};
	Type t = gen_type(DT_f32, shapes[gen_below(x, COUNT(shapes))]);

	return gen_below(x, 2) ? gen_new_param(x, t) : gen_new_input(x, t);
}

bool
gen_fits(const Gen *x, Val a, Val b)
{
	const Type *s = gen_type_of(x, a), *t = gen_type_of(x, b);
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
	Type m = {.dtype = DT_bool};
	Val a, b;

	switch (gen_below(x, 4)) {
	case 0:
		m.rank = gen_some_axes(x, t, m.axis);
		return build_leaf(x->g, OP_input, intern_printf("mask%d", x->ninput++), &m, gen_here(x));
	case 1:
		return build_bin(x->g, gen_below(x, 2) ? OP_lt : OP_le, like, gen_constant(x, 0.1), gen_here(x));
	case 2: {
		Attr attr = {.name = intern_printf("site%d", x->nsite++)};
		Type u = gen_type(DT_f32, gen_below(x, 2) ? "B" : "BT");
		memcpy(attr.axes, u.axis + 1, sizeof(Axis) * (size_t)(u.rank - 1));
		attr.naxes = u.rank - 1;
		a = build(x->g, OP_uniform, (Val[]){x->sample, x->step, x->seed}, 3, &attr, &u, gen_here(x));
		return build_bin(x->g, OP_lt, a, gen_constant(x, 0.7), gen_here(x));
	}
	default:
		a = build_bin(x->g, OP_lt, gen_constant(x, -0.5), like, gen_here(x));
		b = build_bin(x->g, OP_lt, like, gen_constant(x, 0.5), gen_here(x));
		a = build_bin(x->g, gen_below(x, 2) ? OP_and : OP_or, a, b, gen_here(x));
		return gen_below(x, 2) ? build_un(x->g, OP_not, a, gen_here(x)) : a;
	}
}

/* f of a safe function of the operand. */
static void
gen_unary(Gen *x)
{
	static const Op plain[] = {OP_neg, OP_abs, OP_erf, OP_tanh, OP_gelu, OP_sign};
	Val v = gen_any(x), square;
	Attr attr = {.num = 0.5};

	switch (gen_below(x, 6)) {
	case 0: v = build_un(x->g, OP_exp, build_un(x->g, OP_tanh, v, gen_here(x)), gen_here(x)); break;
	case 1: v = build(x->g, OP_smooth_l1, &v, 1, &attr, NULL, gen_here(x)); break;
	case 2: case 3: v = build_un(x->g, plain[gen_below(x, COUNT(plain))], v, gen_here(x)); break;
	default:
		square = build_bin(x->g, OP_mul, v, v, gen_here(x));
		square = build_bin(x->g, OP_add, square, gen_constant(x, 0.5), gen_here(x));
		v = build_un(x->g, (Op[]){OP_log, OP_sqrt, OP_rsqrt}[gen_below(x, 3)], square, gen_here(x));
	}
	gen_keep(x, v);
}

static void
gen_binary(Gen *x)
{
	static const Op plain[] = {OP_add, OP_sub, OP_mul, OP_min, OP_max};
	Val a = gen_any(x), b = gen_partner(x, a);

	switch (gen_below(x, 4)) {
	case 0:
		b = build_bin(x->g, OP_add, build_un(x->g, OP_abs, b, gen_here(x)), gen_constant(x, 1), gen_here(x));
		gen_keep(x, build_bin(x->g, OP_div, a, b, gen_here(x)));
		return;
	case 1: {
		Val c = gen_mask(x, a), both = gen_fits(x, a, c) ? c : build_bin(x->g, OP_lt, a, b, gen_here(x));
		gen_keep(x, build_select(x->g, both, a, gen_fits(x, both, b) && gen_fits(x, a, b) ? gen_constant(x, 0.25) : a, gen_here(x)));
		return;
	}
	case 2: { /* a mean where m */
		Val c = gen_mask(x, a), f;
		Axis over[MAX_RANK];
		if (!gen_fits(x, a, c))
			return;
		f = build_cast(x->g, c, DT_f32, gen_here(x));
		f = build_bin(x->g, OP_mul, a, f, gen_here(x));
		gen_keep(x, build_mean(x->g, f, over, gen_some_axes(x, gen_type_of(x, f), over), gen_here(x)));
		return;
	}
	default:
		gen_keep(x, build_bin(x->g, plain[gen_below(x, COUNT(plain))], a, b, gen_here(x)));
	}
}

static void
gen_reduce(Gen *x)
{
	Val v = gen_any(x);
	Axis over[MAX_RANK];
	Attr attr = {.num = 0.1};
	int n = gen_some_axes(x, gen_type_of(x, v), over);

	if (n == 0)
		return;
	attr.naxes = n;
	memcpy(attr.axes, over, sizeof(Axis) * (size_t)n);
	switch (gen_below(x, 4)) {
	case 0: v = build_mean(x->g, v, over, n, gen_here(x)); break;
	case 1: v = build_reduce(x->g, OP_rmax, v, over, n, gen_here(x)); break;
	case 2: v = build(x->g, OP_standardise, &v, 1, &attr, NULL, gen_here(x)); break;
	default: attr.num = 0; v = build(x->g, OP_softmax, &v, 1, &attr, NULL, gen_here(x)); break;
	}
	gen_keep(x, v);
}

/* A linear layer, or a contraction of two values over axes they share. */
static void
gen_contract(Gen *x)
{
	Val a = gen_any(x), b = gen_any(x);
	Axis over[MAX_RANK];
	double size = 1;
	int n = 0, i;

	if (gen_below(x, 2)) {
		static const char *const weights[] = {"FD", "DF", "HED", "VD", "EH", "TS", "NF"};
		b = gen_new_param(x, gen_type(DT_f32, weights[gen_below(x, COUNT(weights))]));
	}
	for (i = 0; i < gen_type_of(x, a)->rank; i++)
		if (type_find(gen_type_of(x, b), gen_type_of(x, a)->axis[i].name) >= 0 && gen_below(x, 4)) {
			over[n] = gen_type_of(x, a)->axis[i];
			size *= (double)over[n++].size;
		}
	if (n == 0 || !gen_fits(x, a, b))
		return;
	a = gen_scaled(x, build_contract(x->g, a, b, over, n, gen_here(x)), 1 / sqrt(size));
	gen_keep(x, gen_below(x, 3) ? a : build_bin(x->g, OP_add, a, gen_partner(x, a), gen_here(x)));
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
	if (from.name == gen_axis("D").name && type_find(gen_type_of(x, v), gen_axis("H").name) < 0 &&
	    type_find(gen_type_of(x, v), gen_axis("E").name) < 0) {
		to[0] = gen_axis("H");
		to[1] = gen_axis("E");
	}
	for (int i = 0; i < 2; i++)
		if (type_find(gen_type_of(x, v), to[i].name) >= 0)
			return v;
	return build_split(x->g, v, from, to, 2, gen_here(x));
}

/* Concat of two values that agree but for a twin of one axis, or of a slice and one lacking the axis. */
static Val
concat_some(Gen *x, Val v, Axis from)
{
	Axis along = {intern_printf("%s.1+", from.name), from.size + 1};
	Axis twice = {intern_printf("%s.x2", from.name), 2 * from.size};
	Axis one[2] = {{0}, from}, two[2] = {from, from};
	Val in[2] = {v, v};

	if (type_find(gen_type_of(x, v), along.name) >= 0 || type_find(gen_type_of(x, v), twice.name) >= 0)
		return v;
	if (gen_below(x, 2))
		return build_concat(x->g, in, two, 2, twice, gen_here(x));
	in[0] = build_reduce(x->g, OP_rmax, v, &from, 1, gen_here(x));
	return build_concat(x->g, in, one, 2, along, gen_here(x));
}

static void
gen_view(Gen *x)
{
	Val v = gen_any(x);
	Type t = *gen_type_of(x, v);
	Axis from, to, pair[2];
	int64_t offset, size;

	if (t.rank == 0)
		return;
	from = t.axis[gen_below(x, t.rank)];
	size = stream_int(&x->s, 1, from.size);
	offset = stream_int(&x->s, 0, from.size - size);
	to = (Axis){intern_printf("%s.%lld-%lld", from.name, (long long)offset, (long long)(offset + size)), size};
	switch (gen_below(x, 8)) {
	case 0: v = split_some(x, v, from); break;
	case 1: v = concat_some(x, v, from); break;
	case 2:
		if (type_find(&t, to.name) < 0)
			v = build_slice(x->g, v, from, offset, to, gen_here(x));
		break;
	case 3: v = build_slice(x->g, v, from, offset, (Axis){0}, gen_here(x)); break;
	case 4:
		to = (Axis){intern_printf("%s.pad", from.name), from.size + 2};
		if (type_find(&t, to.name) < 0)
			v = build_pad(x->g, v, gen_below(x, 2) ? from : from, to, gen_below(x, 3), gen_here(x));
		break;
	case 5:
		to = (Axis){intern_printf("%s'", from.name), from.size};
		if (type_find(&t, to.name) < 0)
			v = build_rename(x->g, v, from, to, gen_here(x));
		break;
	case 6:
		if (t.rank < 2)
			return;
		pair[0] = from;
		pair[1] = t.axis[type_find(&t, from.name) == 0 ? 1 : 0];
		to = (Axis){intern_printf("%s*%s", pair[0].name, pair[1].name), pair[0].size * pair[1].size};
		if (type_find(&t, to.name) < 0)
			v = build_merge(x->g, v, pair, 2, to, gen_here(x));
		break;
	default:
		to = gen_axis(gen_below(x, 2) ? "S" : "B");
		if (type_find(&t, to.name) < 0 && t.rank < MOST_AXES && type_elems(&t) * to.size <= MOST_ELEMS)
			v = build_broadcast(x->g, v, &to, 1, gen_here(x));
	}
	if (type_elems(gen_type_of(x, v)) <= MOST_ELEMS && gen_type_of(x, v)->rank <= MOST_AXES)
		gen_keep(x, v);
}

static void
gen_pick(Gen *x)
{
	Type rows = {.dtype = DT_i32, .rank = 1, .axis = {{intern("P"), 4}}};
	Attr attr = {.axis = gen_axis("R")};
	Val table = gen_new_param(x, gen_type(DT_f32, "RH")), places;

	if (type_find(gen_type_of(x, table), attr.axis.name) < 0)
		return;
	places = build_leaf(x->g, OP_input, intern_printf("rows%d", x->ninput++), &rows, gen_here(x));
	gen_keep(x, build(x->g, OP_pick, (Val[]){table, places}, 2, &attr, NULL, gen_here(x)));
}

/* softmax(q k + r) v over tokens, as one node or as its parts; with and without bias and dropout. */
static void
gen_attend(Gen *x)
{
	Type tokens = gen_type(DT_f32, "BTD"), w = gen_type(DT_f32, "HED"), index = gen_type(DT_i32, "TU");
	Axis d = gen_axis("D"), e = gen_axis("E"), u = gen_axis("U");
	Val in[7], s, p, draw, bias = NO_VAL, queries, keys;
	int drop = gen_below(x, 2), nin = 3, i;
	Attr attr = {.naxes = 2, .axes = {e, u}, .scale = 1 / sqrt(3), .rate = drop ? 0.25 : 0};
	Attr places = {.name = intern("grid_offsets"), .nargs = 2, .args = {2, 2}}, along = {.axis = gen_axis("R")};
	Attr site = {.name = intern_printf("site%d", x->nsite++), .naxes = 3, .axes = {gen_axis("H"), gen_axis("T"), u}};
	Attr over = {.naxes = 1, .axes = {u}};
	Type drawn = gen_type(DT_f32, "BHTU");

	if (x->nparam + 4 > MOST_PARAMS)
		return;
	queries = gen_new_input(x, tokens);
	keys = build_rename(x->g, queries, gen_axis("T"), u, gen_here(x));
	for (i = 0; i < 3; i++) {
		in[i] = build_contract(x->g, i ? keys : queries, gen_new_param(x, w), &d, 1, gen_here(x));
		in[i] = gen_scaled(x, in[i], 0.4);
	}
	if (gen_below(x, 2)) {
		Val table = gen_new_param(x, gen_type(DT_f32, "RH"));
		bias = build(x->g, OP_table, NULL, 0, &places, &index, gen_here(x));
		bias = build(x->g, OP_pick, (Val[]){table, bias}, 2, &along, NULL, gen_here(x));
	}
	if (gen_below(x, 2)) {
		if (bias != NO_VAL)
			in[nin++] = bias;
		attr.name = drop ? site.name : NULL;
		for (i = 0; drop && i < 3; i++)
			in[nin++] = (Val[]){x->sample, x->step, x->seed}[i];
		gen_keep(x, build(x->g, OP_attend, in, nin, &attr, NULL, gen_here(x)));
		return;
	}
	s = build_contract(x->g, gen_scaled(x, in[0], attr.scale), in[1], &e, 1, gen_here(x));
	if (bias != NO_VAL)
		s = build_bin(x->g, OP_add, s, bias, gen_here(x));
	p = build(x->g, OP_softmax, &s, 1, &over, NULL, gen_here(x));
	if (drop) {
		draw = build(x->g, OP_uniform, (Val[]){x->sample, x->step, x->seed}, 3, &site, &drawn, gen_here(x));
		draw = build_bin(x->g, OP_lt, draw, gen_constant(x, attr.rate), gen_here(x));
		p = build_select(x->g, draw, gen_constant(x, 0), gen_scaled(x, p, 1 / (1 - attr.rate)), gen_here(x));
	}
	gen_keep(x, build_contract(x->g, p, in[2], &u, 1, gen_here(x)));
}

/* Everything nobody uses, squashed and averaged, makes the loss; so each parameter matters. */
static Val
make_loss(Gen *x)
{
	int *uses = graph_uses(x->g, x->a), n = x->g->n, i, k;
	Val loss = gen_constant(x, 0.5);
	Attr beta = {.num = 1};

	for (i = 0; i < n; i++) {
		const Node *node = &x->g->node[i];
		Axis over[MAX_RANK];
		Val v = i;
		if (uses[i] || node->type.dtype != DT_f32)
			continue;
		memcpy(over, node->type.axis, sizeof over);
		k = node->type.rank;
		v = gen_below(x, 2) ? build_un(x->g, OP_tanh, v, gen_here(x))
		                : build(x->g, OP_smooth_l1, &v, 1, &beta, NULL, gen_here(x));
		loss = build_bin(x->g, OP_add, loss, build_mean(x->g, v, over, k, gen_here(x)), gen_here(x));
	}
	return loss;
}

static void
make_training(Gen *x, Val loss)
{
	Training *t = &x->g->training;
	Type scalar = {.dtype = DT_f32};
	Val lr = build_leaf(x->g, OP_host, "0.1 / (step + 1)", &scalar, gen_here(x));
	Val ema = build_leaf(x->g, OP_host, "min(0.9, step / 10)", &scalar, gen_here(x)), decay[2];
	int i;

	decay[0] = gen_constant(x, 0);
	decay[1] = gen_constant(x, 0.05);
	*t = (Training){.present = true, .loss = loss, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-3,
	                .clip = gen_below(x, 2) ? 1.5 : 0, .nupdate = x->nparam};
	t->update = arena_new_array(x->g->arena, Update, x->nparam + 1);
	for (i = 0; i < x->nparam; i++) {
		Update *u = &t->update[i];
		*u = (Update){.param = x->param[i], .group = intern(i % 2 ? "plain" : "rest"), .lr = lr,
		              .decay = decay[i % 2], .average_decay = NO_VAL, .grad = NO_VAL, .loc = gen_here(x)};
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
		Type t = *gen_type_of(x, x->param_val[i]);
		Val target = build_leaf(x->g, OP_param, intern_printf("teacher.%s", x->param[i]), &t, gen_here(x));
		Val off = build_bin(x->g, OP_sub, x->param_val[i], target, gen_here(x));
		off = build_bin(x->g, OP_mul, off, off, gen_here(x));
		loss = build_bin(x->g, OP_add, loss, build_mean(x->g, off, t.axis, t.rank, gen_here(x)), gen_here(x));
	}
	return loss;
}

/* Axes that no table of positions fixes may have any size. */
static void
vary_sizes(Gen *x)
{
	static const struct { const char *name; int n; int64_t size[6]; } may[] = {
		{"B", 5, {3, 1, 2, 5, 3}}, {"F", 6, {7, 1, 17, 8, 33, 3}}, {"V", 4, {6, 1, 13, 16}}, {"N", 4, {4, 1, 9, 2}},
	};
	int i, k;

	for (i = 0; i < COUNT(may); i++)
		for (k = 0; k < COUNT(known); k++)
			if (strcmp(known[k].name, may[i].name) == 0)
				known[k].size = may[i].size[x->all ? gen_below(x, may[i].n) : 0];
}

static Graph *
make_graph(Arena *a, uint64_t seed, int size, bool all)
{
	static void (*const make[])(Gen *) = {gen_unary, gen_binary, gen_binary, gen_reduce, gen_contract,
	                                      gen_contract, gen_view, gen_view, gen_view, gen_pick, gen_attend,
	                                      gen_rare, gen_rare, gen_rare, gen_rare};
	enum { RARE = 4 };
	Gen x = {.a = a, .g = graph_new(a, "train"), .s = stream_open(seed, "random_graph", 0, 0), .all = all};
	Type u32 = {.dtype = DT_u32}, samples;
	Val loss;
	int i;

	vary_sizes(&x);
	samples = gen_type(DT_u32, "B");
	x.g->batch_axis = intern("B");
	x.sample = build_leaf(x.g, OP_input, "sample", &samples, gen_here(&x));
	x.step = build_leaf(x.g, OP_host, "step", &u32, gen_here(&x));
	x.seed = build_leaf(x.g, OP_host, "seed", &u32, gen_here(&x));
	gen_keep(&x, gen_new_param(&x, gen_type(DT_f32, "DF")));
	gen_keep(&x, gen_new_input(&x, gen_type(DT_f32, "BTD")));
	for (i = 0; i < 3; i++)
		gen_keep(&x, leaf(&x));
	for (i = 0; i < size; i++) {
		if (gen_below(&x, 6) == 0)
			gen_keep(&x, leaf(&x));
		make[gen_below(&x, COUNT(make) - (all ? 0 : RARE))](&x);
	}
	loss = teacher_term(&x, make_loss(&x));
	graph_output(x.g, "loss", loss);
	graph_output(x.g, "watch", gen_any(&x));
	for (i = all ? gen_below(&x, 4) : 0; i > 0; i--)
		graph_output(x.g, intern_printf("watch%d", i), gen_any(&x));
	make_training(&x, loss);
	graph_commit(x.g);
	(void)graph_verify(x.g, "random_graph", true);
	return x.g;
}

Graph *
random_graph(Arena *a, uint64_t seed, int size)
{
	return make_graph(a, seed, size, false);
}

Graph *
random_graph_all(Arena *a, uint64_t seed, int size)
{
	return make_graph(a, seed, size, true);
}
