/* Steps that are one node: gemms, attention, the sum of squares over all gradients, scatter_add. */
#include "compiler/codegen/region.h"

#include <string.h>

/* ---- gemm --------------------------------------------------------------------------------------------------------- */

static Axes
in_order(const Type *order, const Axes *group)
{
	Axes s = {0};

	for (int i = 0; i < order->rank; i++)
		if (axes_has(group, order->axis[i].name))
			axes_add(&s, order->axis[i]);
	return s;
}

static GemmOperand
gemm_operand(const Graph *g, Val v, const Axes *z, const Axes *rows, const Axes *columns)
{
	const Node *n = &g->node[v];
	GemmOperand o = {.slab = n->place.slab, .offset = n->place.offset, .dtype = n->type.dtype};

	if (n->place.slab < 0 || !collapse(&n->type, n->place.stride, z, &o.sz) || !collapse(&n->type, n->place.stride, rows, &o.s0) ||
	    !collapse(&n->type, n->place.stride, columns, &o.s1))
		BUG("operand %%%d of a gemm is no matrix in memory", v);
	/* a side of one element may have any stride: give it the one a plain matrix would have */
	if (axes_elems(columns) == 1)
		o.s1 = o.s0 == 1 && axes_elems(rows) > 1 ? axes_elems(rows) : 1;
	if (axes_elems(rows) == 1)
		o.s0 = o.s1 == 1 ? axes_elems(columns) : 1;
	return o;
}

static bool
is_variable(const Graph *g, Val v)
{
	for (;;) {
		const Node *n = &g->node[v];

		if (n->op == OP_param)
			return true;
		if (!node_is_alias(n) && n->op != OP_cast && n->kernel != KERNEL_IN_PLACE)
			return false;
		v = n->in[0];
	}
}

static void
gemm_build(const Graph *g, Val v, Draft *d)
{
	const Node *n = &g->node[v], *b = &g->node[n->in[1]];
	Roles       r = contract_roles(&g->node[n->in[0]].type, &b->type, &n->attr);
	Axes        z = in_order(&n->type, &r.z), m = in_order(&n->type, &r.m), c = in_order(&n->type, &r.n), k;
	Gemm       *gm = &d->step.gemm;

	k = memory_order(&b->type, b->place.stride, &r.k);
	d->step.kind = STEP_gemm;
	d->step.loc = n->loc;
	gm->z = axes_elems(&z);
	gm->m = axes_elems(&m);
	gm->n = axes_elems(&c);
	gm->k = axes_elems(&k);
	gm->a = gemm_operand(g, n->in[0], &z, &m, &k);
	gm->b = gemm_operand(g, n->in[1], &z, &k, &c);
	gm->c = gemm_operand(g, v, &z, &m, &c);
	gm->b_is_weight = is_variable(g, n->in[1]);
	if (n->nin == 3) {
		gm->has_bias = true;
		gm->bias_slab = g->node[n->in[2]].place.slab;
		gm->bias_offset = g->node[n->in[2]].place.offset;
	}
	d->step.flops = 2.0 * (double)gm->z * (double)gm->m * (double)gm->n * (double)gm->k;
	d->step.bytes = (double)gm->z * ((double)gm->m * (double)gm->k * dtype_bytes[gm->a.dtype] + (double)gm->k * (double)gm->n * dtype_bytes[gm->b.dtype] +
	                                 (double)gm->m * (double)gm->n * dtype_bytes[gm->c.dtype]);
}

/* ---- attention ------------------------------------------------------------------------------------------------------ */

typedef struct {
	const Graph *g;
	const Node  *n;
	Val          bias, sample, dout;
	const char  *t, *u, *e;
	int          nouter;
	Axis         outer[ATTEND_OUTER];
} Attention;

static void
attention_read(const Graph *g, const Node *n, Attention *x)
{
	bool        grad = n->op == OP_attend_grad, drop = n->attr.rate > 0;
	const Type *q = &g->node[n->in[0]].type, *k = &g->node[n->in[1]].type;
	int         data = n->nin - grad - (drop ? 3 : 0);

	*x = (Attention){.g = g, .n = n, .bias = data == 4 ? n->in[3] : NO_VAL, .sample = drop ? n->in[data] : NO_VAL, .dout = grad ? n->in[n->nin - 1] : NO_VAL};
	x->e = n->attr.axes[0].name;
	x->u = n->attr.axes[1].name;
	for (int i = 0; i < q->rank; i++)
		if (q->axis[i].name != x->e && type_find(k, q->axis[i].name) < 0)
			x->t = q->axis[i].name;
	for (int inside = 1; inside >= 0; inside--) {
		const Node *order = &g->node[n->in[0]];
		Axes        all = axes_of(q), s = memory_order(q, order->place.stride, &all);

		for (int i = 0; i < s.n; i++) {
			const char *name = s.at[i].name;
			bool        in_bias = x->bias != NO_VAL && type_find(&g->node[x->bias].type, name) >= 0;

			if (name == x->e || name == x->t || in_bias != (inside == 1))
				continue;
			if (x->nouter == ATTEND_OUTER)
				BUG("attention over more than %d outer axes", ATTEND_OUTER);
			x->outer[x->nouter++] = s.at[i];
		}
	}
}

static AttendOperand
attend_operand(const Attention *x, Val v, const char *token)
{
	const Node   *n = &x->g->node[v];
	AttendOperand o = {.dtype = n->type.dtype};
	int           at = type_find(&n->type, token);

	o.token = at < 0 ? 0 : n->place.stride[at];
	for (int i = 0; i < x->nouter; i++) {
		at = type_find(&n->type, x->outer[i].name);
		o.outer[i] = at < 0 ? 0 : n->place.stride[at];
	}
	return o;
}

static void
attend_pointer(Builder *b, const Graph *g, Val v, bool write, Draft *d)
{
	const Node *n = &g->node[v];

	(void)b;
	d->pointer[d->npointer++] = (Pointer){n->place.slab, n->place.offset, n->type, !write, write};
}

/* result i of tuple v, or NO_VAL when nobody wants it. */
static Val
tuple_result(const Graph *g, Val v, int i)
{
	for (Val w = v + 1; w < g->n; w++)
		if (g->node[w].op == OP_result && g->node[w].in[0] == v && g->node[w].attr.index == i)
			return w;
	BUG("result %d of attend_grad %%%d is wanted by nobody", i, v);
}

static void
draw_strides(const Attention *x, AttendKernel *k)
{
	const Attr *a = &x->n->attr;
	int64_t     s = 1;

	for (int i = a->naxes - 1; i >= 2; i--) {
		const char *name = a->axes[i].name;

		if (name == x->t)
			k->draw_t = s;
		else if (name == x->u)
			k->draw_u = s;
		for (int j = 0; j < x->nouter; j++)
			if (x->outer[j].name == name)
				k->draw_stride[j] = s;
		s *= a->axes[i].size;
	}
}

static void
attend_build(Builder *b, const Graph *g, Val v, Draft *d)
{
	const Node  *n = &g->node[v];
	bool         grad = n->op == OP_attend_grad;
	Attention    x;
	AttendKernel k = {.grad = grad, .scale = n->attr.scale, .sample_axis = -1};
	Number       number[2] = {{.kind = ARG_f32}, {.kind = ARG_u64}};
	Text         t = {0};
	double       tasks = 1, work;

	attention_read(g, n, &x);
	k.t = g->node[n->in[0]].type.axis[type_find(&g->node[n->in[0]].type, x.t)].size;
	k.u = n->attr.axes[1].size;
	k.e = n->attr.axes[0].size;
	k.nouter = x.nouter;
	k.has_bias = x.bias != NO_VAL;
	for (int i = 0; i < x.nouter; i++) {
		k.outer[i] = x.outer[i].size;
		tasks *= (double)x.outer[i].size;
		k.nbias += k.has_bias && type_find(&g->node[x.bias].type, x.outer[i].name) >= 0;
		if (x.outer[i].name == g->batch_axis)
			k.sample_axis = i;
	}
	k.q = attend_operand(&x, n->in[0], x.t);
	k.k = attend_operand(&x, n->in[1], x.u);
	k.v = attend_operand(&x, n->in[2], x.u);
	d->pointer = arena_new_array(b->a, Pointer, 16);
	for (int i = 0; i < 3; i++)
		attend_pointer(b, g, n->in[i], false, d);
	if (k.has_bias)
		attend_pointer(b, g, x.bias, false, d);
	if (x.sample != NO_VAL) {
		int first = k.has_bias ? 4 : 3;

		k.dropout = true;
		draw_strides(&x, &k);
		for (int i = 0; i < 3; i++)
			attend_pointer(b, g, n->in[first + i], false, d);
		number[0].f = n->attr.rate;
		number[1].u = hash_name(n->attr.name);
	}
	if (grad) {
		k.out = attend_operand(&x, x.dout, x.t);
		attend_pointer(b, g, x.dout, false, d);
		for (int i = 0; i < (k.has_bias ? 4 : 3); i++) {
			Val r = tuple_result(g, v, i);

			if (i < 3)
				*(i == 0 ? &k.dq : i == 1 ? &k.dk : &k.dv) = attend_operand(&x, r, i == 0 ? x.t : x.u);
			attend_pointer(b, g, r, true, d);
		}
	} else {
		k.out = attend_operand(&x, v, x.t);
		attend_pointer(b, g, v, true, d);
	}
	attend_emit_cpu(&t, &k, "@N@");
	work = tasks * (double)k.t * (double)k.u * (double)k.e * 2.0 * (grad ? 5 : 2);
	d->step = (ProgStep){.kind = STEP_launch, .loc = n->loc, .flops = work};
	for (int i = 0; i < d->npointer; i++)
		d->step.bytes += (double)type_bytes(&d->pointer[i].type);
	d->number = arena_new_array(b->a, Number, 2);
	memcpy(d->number, number, sizeof number);
	d->step.kernel = source_add(b, grad ? "attend_grad" : "attend", arena_strdup(b->a, t.at), d->number, k.dropout ? 2 : 0, k.dropout ? 2 : 0, work, d->step.bytes);
	source_spec_line(b, d->step.kernel, n->loc);
	text_free(&t);
}

/* ---- sum of squares --------------------------------------------------------------------------------------------------- */

/* All gradients lie in one slab with zeros between them: one sweep over it. */
static void
sum_squares_build(Builder *b, const Graph *g, Val v, Draft *d)
{
	const Node *n = &g->node[v];
	int         slab = g->node[n->in[0]].place.slab;
	int64_t     count = g->slab[slab].bytes / 4;
	Type        all = {.dtype = DT_f32, .rank = 1, .axis = {{intern("grads"), count}}};

	for (int i = 0; i < n->nin; i++)
		if (g->node[n->in[i]].place.slab != slab)
			BUG("gradient %d is not in slab %s", i, g->slab[slab].name);
	d->pointer = arena_new_array(b->a, Pointer, 2);
	d->pointer[d->npointer++] = (Pointer){slab, 0, all, true, false};
	d->pointer[d->npointer++] = (Pointer){n->place.slab, n->place.offset, n->type, false, true};
	d->number = arena_new_array(b->a, Number, 1);
	d->number[0] = (Number){.kind = ARG_i64, .i = count};
	d->step = (ProgStep){.kind = STEP_launch, .loc = n->loc, .flops = 2.0 * (double)count, .bytes = 4.0 * (double)count};
	d->step.kernel = source_add(b, "sum_squares",
	    "/* Sum of the squares of all gradients: 64 parts of fixed extent, each in 16 running sums, added in order in double. */\n"
	    "void\n@N@(void *const *p, const Num *n)\n{\n"
	    "\tconst float *restrict p0 = p[0];\n\tfloat *restrict p1 = p[1];\n\tconst int64_t count = n[0].i, part = (count / 16 + 63) / 64 * 16;\n"
	    "\tdouble sums[64] = {0}, sum = 0;\n"
	    "#pragma omp parallel for schedule(static) if (count >= 65536)\n"
	    "\tfor (int c = 0; c < 64; c++) {\n"
	    "\t\tconst int64_t end = (c + 1) * part < count ? (c + 1) * part : count;\n"
	    "\t\tfor (int64_t i = c * part; i < end; i += 4096) {\n"
	    "\t\t\tconst int64_t stop = i + 4096 < end ? i + 4096 : end;\n"
	    "\t\t\tfloat s = 0;\n"
	    "#pragma omp simd reduction(+ : s)\n"
	    "\t\t\tfor (int64_t k = i; k < stop; k++)\n\t\t\t\ts += p0[k] * p0[k];\n"
	    "\t\t\tsums[c] += s;\n\t\t}\n\t}\n"
	    "\tfor (int c = 0; c < 64; c++)\n\t\tsum += sums[c];\n\tp1[0] = (float)sum;\n}\n",
	    d->number, 1, 1, d->step.flops, d->step.bytes);
	source_spec_line(b, d->step.kernel, n->loc);
}

/* ---- scatter_add --------------------------------------------------------------------------------------------------------- */

/* out[.., row, ..] = sum of a over the places where the table says row: threads own stretches of the other axes, so each
 * sum is made by one thread in the order of the table. */
static void
scatter_build(Builder *b, const Graph *g, Val v, Draft *d)
{
	const Node *n = &g->node[v], *a = &g->node[n->in[0]], *index = &g->node[n->in[1]];
	Text        t = {0}, at = {0}, to = {0}, table = {0};
	int64_t     others = 1, draws = type_elems(&index->type), row = type_find(&n->type, n->attr.axis.name), below = 1;

	for (int i = 0; i < n->type.rank; i++)
		if (i != row)
			others *= n->type.axis[i].size;
	text_printf(&t, "/* out[row of the table] += a, in the order of the table */\nvoid\n@N@(void *const *p, const Num *n)\n{\n"
	                "\tconst float *restrict p0 = p[0];\n\tconst int32_t *restrict p1 = p[1];\n\tfloat *restrict p2 = p[2];\n"
	                "#pragma omp parallel for schedule(static)\n\tfor (int64_t o = 0; o < %lld; o++) {\n",
	            (long long)others);
	for (int i = n->type.rank - 1; i >= 0; i--) {
		if (i == row)
			continue;
		text_printf(&t, "\t\tconst int64_t o%d = o / %lld %% %lld;\n", i, (long long)below, (long long)n->type.axis[i].size);
		below *= n->type.axis[i].size;
		text_printf(&to, " + %lld * o%d", (long long)n->place.stride[i], i);
		text_printf(&at, " + %lld * o%d", (long long)a->place.stride[type_find(&a->type, n->type.axis[i].name)], i);
	}
	text_printf(&t, "\t\tfor (int64_t r = 0; r < %lld; r++)\n\t\t\tp2[%lld * r%s] = 0;\n", (long long)n->type.axis[row].size, (long long)n->place.stride[row], to.at ? to.at : "");
	text_printf(&t, "\t\tfor (int64_t e = 0; e < %lld; e++) {\n", (long long)draws);
	below = 1;
	for (int i = index->type.rank - 1; i >= 0; i--) {
		text_printf(&t, "\t\t\tconst int64_t e%d = e / %lld %% %lld;\n", i, (long long)below, (long long)index->type.axis[i].size);
		below *= index->type.axis[i].size;
		text_printf(&at, " + %lld * e%d", (long long)a->place.stride[type_find(&a->type, index->type.axis[i].name)], i);
		text_printf(&table, "%s%lld * e%d", table.n ? " + " : "", (long long)index->place.stride[i], i);
	}
	text_printf(&t, "\t\t\tp2[%lld * p1[%s]%s] += p0[0%s];\n\t\t}\n\t}\n}\n", (long long)n->place.stride[row], table.n ? table.at : "0", to.at ? to.at : "", at.at ? at.at : "");
	d->pointer = arena_new_array(b->a, Pointer, 3);
	d->pointer[d->npointer++] = (Pointer){a->place.slab, a->place.offset, a->type, true, false};
	d->pointer[d->npointer++] = (Pointer){index->place.slab, index->place.offset, index->type, true, false};
	d->pointer[d->npointer++] = (Pointer){n->place.slab, n->place.offset, n->type, false, true};
	d->step = (ProgStep){.kind = STEP_launch, .loc = n->loc, .flops = (double)type_elems(&a->type), .bytes = (double)(type_bytes(&a->type) + type_bytes(&n->type))};
	d->step.kernel = source_add(b, "scatter", arena_strdup(b->a, t.at), NULL, 0, 0, d->step.flops, d->step.bytes);
	source_spec_line(b, d->step.kernel, n->loc);
	text_free(&t);
	text_free(&at);
	text_free(&to);
	text_free(&table);
}

bool
single_build(Builder *b, const Graph *g, Val v, Draft *d)
{
	switch (g->node[v].op) {
	case OP_gemm: gemm_build(g, v, d); return true;
	case OP_attend:
	case OP_attend_grad: attend_build(b, g, v, d); return true;
	case OP_sum_squares: sum_squares_build(b, g, v, d); return true;
	case OP_scatter_add: scatter_build(b, g, v, d); return true;
	default: return false;
	}
}
