/* random_graph_ops: what models are made of, one function for each: elementwise ops, reductions,
 * contractions, views, rows picked from a table, attention. Each draws its operands and puts its
 * result into the pool, or does nothing where operands do not fit. Values are kept near 1 on
 * purpose (products are scaled, logarithms and divisors are kept away from 0), so that differences
 * between two evaluations are mistakes, not noise. */
#include "tests/support/random_graph_private.h"

#include <math.h>
#include <string.h>

/* f of a safe function of the operand. */
void
gen_unary(Gen *x)
{
	static const Op plain[] = {OP_neg, OP_abs, OP_erf, OP_tanh, OP_gelu, OP_sign};
	Val             v = gen_any(x), square;
	Attr            attr = {.num = 0.5};

	switch (gen_below(x, 6)) {
	case 0:
		v = build_un(x->g, OP_exp, build_un(x->g, OP_tanh, v, gen_here(x)), gen_here(x));
		break;
	case 1:
		v = build(x->g, OP_smooth_l1, &v, 1, &attr, NULL, gen_here(x));
		break;
	case 2:
	case 3:
		v = build_un(x->g, plain[gen_below(x, COUNT(plain))], v, gen_here(x));
		break;
	default:
		square = build_bin(x->g, OP_mul, v, v, gen_here(x));
		square = build_bin(x->g, OP_add, square, gen_constant(x, 0.5), gen_here(x));
		v = build_un(x->g, (Op[]){OP_log, OP_sqrt, OP_rsqrt}[gen_below(x, 3)], square,
		             gen_here(x));
	}
	gen_keep(x, v);
}

void
gen_binary(Gen *x)
{
	static const Op plain[] = {OP_add, OP_sub, OP_mul, OP_min, OP_max};
	Val             a = gen_any(x), b = gen_partner(x, a);

	switch (gen_below(x, 4)) {
	case 0:
		b = build_bin(x->g, OP_add, build_un(x->g, OP_abs, b, gen_here(x)),
		              gen_constant(x, 1), gen_here(x));
		gen_keep(x, build_bin(x->g, OP_div, a, b, gen_here(x)));
		return;
	case 1: {
		Val c = gen_mask(x, a),
		    both = gen_fits(x, a, c) ? c : build_bin(x->g, OP_lt, a, b, gen_here(x));
		gen_keep(x, build_select(x->g, both, a,
		                         gen_fits(x, both, b) && gen_fits(x, a, b)
		                                 ? gen_constant(x, 0.25)
		                                 : a,
		                         gen_here(x)));
		return;
	}
	case 2: { /* a mean where m */
		Val  c = gen_mask(x, a), f;
		Axis over[MAX_RANK];
		if (!gen_fits(x, a, c))
			return;
		f = build_cast(x->g, c, DT_f32, gen_here(x));
		f = build_bin(x->g, OP_mul, a, f, gen_here(x));
		gen_keep(x, build_mean(x->g, f, over, gen_some_axes(x, gen_type_of(x, f), over),
		                       gen_here(x)));
		return;
	}
	default:
		gen_keep(x, build_bin(x->g, plain[gen_below(x, COUNT(plain))], a, b, gen_here(x)));
	}
}

void
gen_reduce(Gen *x)
{
	Val  v = gen_any(x);
	Axis over[MAX_RANK];
	Attr attr = {.num = 0.1};
	int  n = gen_some_axes(x, gen_type_of(x, v), over);

	if (n == 0)
		return;
	attr.naxes = n;
	memcpy(attr.axes, over, sizeof(Axis) * (size_t)n);
	switch (gen_below(x, 4)) {
	case 0:
		v = build_mean(x->g, v, over, n, gen_here(x));
		break;
	case 1:
		v = build_reduce(x->g, OP_rmax, v, over, n, gen_here(x));
		break;
	case 2:
		v = build(x->g, OP_standardise, &v, 1, &attr, NULL, gen_here(x));
		break;
	default:
		attr.num = 0;
		v = build(x->g, OP_softmax, &v, 1, &attr, NULL, gen_here(x));
		break;
	}
	gen_keep(x, v);
}

/* A linear layer, or a contraction of two values over axes they share. */
void
gen_contract(Gen *x)
{
	Val    a = gen_any(x), b = gen_any(x);
	Axis   over[MAX_RANK];
	double size = 1;
	int    n = 0, i;

	if (gen_below(x, 2)) {
		static const char *const weights[] = {"FD", "DF", "HED", "VD", "EH", "TS", "NF"};
		b = gen_new_param(x, gen_type(DT_f32, weights[gen_below(x, COUNT(weights))]));
	}
	for (i = 0; i < gen_type_of(x, a)->rank; i++)
		if (type_find(gen_type_of(x, b), gen_type_of(x, a)->axis[i].name) >= 0 &&
		    gen_below(x, 4)) {
			over[n] = gen_type_of(x, a)->axis[i];
			size *= (double)over[n++].size;
		}
	if (n == 0 || !gen_fits(x, a, b))
		return;
	a = gen_scaled(x, build_contract(x->g, a, b, over, n, gen_here(x)), 1 / sqrt(size));
	gen_keep(x,
	         gen_below(x, 3) ? a : build_bin(x->g, OP_add, a, gen_partner(x, a), gen_here(x)));
}

static Val
split_some(Gen *x, Val v, Axis from)
{
	Axis    to[2];
	int64_t low = from.size;

	while (low > 1 && (from.size % low != 0 || low == from.size))
		low--;
	to[0] = (Axis){intern_printf("%s.hi", from.name), from.size / low};
	to[1] = (Axis){intern_printf("%s.lo", from.name), low};
	if (from.name == gen_axis("D").name &&
	    type_find(gen_type_of(x, v), gen_axis("H").name) < 0 &&
	    type_find(gen_type_of(x, v), gen_axis("E").name) < 0) {
		to[0] = gen_axis("H");
		to[1] = gen_axis("E");
	}
	for (int i = 0; i < 2; i++)
		if (type_find(gen_type_of(x, v), to[i].name) >= 0)
			return v;
	return build_split(x->g, v, from, to, 2, gen_here(x));
}

/* The same op again and again, each time on what the one before stored: a rename keeps the places
 * and hides the axes, so that no two of them are one kernel. */
static Val
chain_some(Gen *x, Val v, Axis from)
{
	Op op = gen_below(x, 2) ? OP_tanh : OP_gelu;

	for (int i = gen_below(x, 4); i > 0; i--) {
		Axis to = {intern_printf("%s'", from.name), from.size};

		if (type_find(gen_type_of(x, v), to.name) >= 0)
			break;
		v = build_rename(x->g, build_un(x->g, op, v, gen_here(x)), from, to, gen_here(x));
		from = to;
	}
	return v;
}

/* Concat of two values that agree but for a twin of one axis, or of a slice and one lacking the
 * axis. */
static Val
concat_some(Gen *x, Val v, Axis from)
{
	Axis along = {intern_printf("%s.1+", from.name), from.size + 1};
	Axis twice = {intern_printf("%s.x2", from.name), 2 * from.size};
	Axis one[2] = {{0}, from}, two[2] = {from, from};
	Val  in[2] = {v, v};

	if (type_find(gen_type_of(x, v), along.name) >= 0 ||
	    type_find(gen_type_of(x, v), twice.name) >= 0)
		return v;
	if (gen_below(x, 2))
		return build_concat(x->g, in, two, 2, twice, gen_here(x));
	in[0] = build_reduce(x->g, OP_rmax, v, &from, 1, gen_here(x));
	return build_concat(x->g, in, one, 2, along, gen_here(x));
}

void
gen_view(Gen *x)
{
	Val     v = gen_any(x);
	Type    t = *gen_type_of(x, v);
	Axis    from, to, pair[2];
	int64_t offset, size;

	if (t.rank == 0)
		return;
	from = t.axis[gen_below(x, t.rank)];
	size = stream_int(&x->s, 1, from.size);
	offset = stream_int(&x->s, 0, from.size - size);
	to = (Axis){intern_printf("%s.%lld-%lld", from.name, (long long)offset,
	                          (long long)(offset + size)),
	            size};
	switch (gen_below(x, 8)) {
	case 0:
		v = split_some(x, v, from);
		break;
	case 1:
		v = concat_some(x, v, from);
		break;
	case 2:
		if (type_find(&t, to.name) < 0)
			v = build_slice(x->g, v, from, offset, to, gen_here(x));
		break;
	case 3:
		v = build_slice(x->g, v, from, offset, (Axis){0}, gen_here(x));
		break;
	case 4:
		to = (Axis){intern_printf("%s.pad", from.name), from.size + 2};
		if (type_find(&t, to.name) < 0)
			v = build_pad(x->g, v, gen_below(x, 2) ? from : from, to, gen_below(x, 3),
			              gen_here(x));
		break;
	case 5:
		to = (Axis){intern_printf("%s'", from.name), from.size};
		if (type_find(&t, to.name) < 0)
			v = chain_some(x, build_rename(x->g, v, from, to, gen_here(x)), to);
		break;
	case 6:
		if (t.rank < 2)
			return;
		pair[0] = from;
		pair[1] = t.axis[type_find(&t, from.name) == 0 ? 1 : 0];
		to = (Axis){intern_printf("%s*%s", pair[0].name, pair[1].name),
		            pair[0].size * pair[1].size};
		if (type_find(&t, to.name) < 0)
			v = build_merge(x->g, v, pair, 2, to, gen_here(x));
		break;
	default:
		to = gen_axis(gen_below(x, 2) ? "S" : "B");
		if (type_find(&t, to.name) < 0 && t.rank < MOST_AXES &&
		    type_elems(&t) * to.size <= MOST_ELEMS)
			v = build_broadcast(x->g, v, &to, 1, gen_here(x));
	}
	if (type_elems(gen_type_of(x, v)) <= MOST_ELEMS && gen_type_of(x, v)->rank <= MOST_AXES)
		gen_keep(x, v);
}

void
gen_pick(Gen *x)
{
	Type rows = {.dtype = DT_i32, .rank = 1, .axis = {{intern("P"), 4}}};
	Attr attr = {.axis = gen_axis("R")};
	Val  table = gen_new_param(x, gen_type(DT_f32, "RH")), places;

	if (type_find(gen_type_of(x, table), attr.axis.name) < 0)
		return;
	places = build_leaf(x->g, OP_input, intern_printf("rows%d", x->ninput++), &rows,
	                    gen_here(x));
	gen_keep(x, build(x->g, OP_pick, (Val[]){table, places}, 2, &attr, NULL, gen_here(x)));
}

/* softmax(q k + r) v over tokens, as one node or as its parts; with and without bias and dropout.
 */
void
gen_attend(Gen *x)
{
	Type tokens = gen_type(DT_f32, "BTD"), w = gen_type(DT_f32, "HED"),
	     index = gen_type(DT_i32, "TU");
	Axis d = gen_axis("D"), e = gen_axis("E"), u = gen_axis("U");
	Val  in[7], s, p, draw, bias = NO_VAL, queries, keys;
	int  drop = gen_below(x, 2), nin = 3, i;
	Attr attr = {.naxes = 2, .axes = {e, u}, .scale = 1 / sqrt(3), .rate = drop ? 0.25 : 0};
	Attr places = {.name = intern("grid_offsets"), .nargs = 2, .args = {2, 2}},
	     along = {.axis = gen_axis("R")};
	Attr site = {.name = intern_printf("site%d", x->nsite++),
	             .naxes = 3,
	             .axes = {gen_axis("H"), gen_axis("T"), u}};
	Attr over = {.naxes = 1, .axes = {u}};
	Type drawn = gen_type(DT_f32, "BHTU");

	if (x->nparam + 4 > MOST_PARAMS)
		return;
	queries = gen_new_input(x, tokens);
	keys = build_rename(x->g, queries, gen_axis("T"), u, gen_here(x));
	for (i = 0; i < 3; i++) {
		in[i] = build_contract(x->g, i ? keys : queries, gen_new_param(x, w), &d, 1,
		                       gen_here(x));
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
		draw = build(x->g, OP_uniform, (Val[]){x->sample, x->step, x->seed}, 3, &site,
		             &drawn, gen_here(x));
		draw = build_bin(x->g, OP_lt, draw, gen_constant(x, attr.rate), gen_here(x));
		p = build_select(x->g, draw, gen_constant(x, 0),
		                 gen_scaled(x, p, 1 / (1 - attr.rate)), gen_here(x));
	}
	gen_keep(x, build_contract(x->g, p, in[2], &u, 1, gen_here(x)));
}
