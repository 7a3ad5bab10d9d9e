/* Steps that are one node: gemms, attention, the sum of squares over all gradients, scatter_add,
 * places and ranks. Reads the graph; the text of kernels is the target's (single_cpu.c,
 * single_cuda.c). */
#include "compiler/codegen/region.h"

#include <string.h>

/* ---- gemm ----------------------------------------------------------------------------------- */

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

	if (n->place.slab < 0 || !collapse(&n->type, n->place.stride, z, &o.sz) ||
	    !collapse(&n->type, n->place.stride, rows, &o.s0) ||
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
gemm_build(Builder *builder, const Graph *g, Val v, Drafts *out)
{
	const Node *n = &g->node[v], *b = &g->node[n->in[1]];
	Roles       r = contract_roles(&g->node[n->in[0]].type, &b->type, &n->attr);
	Axes        z = in_order(&n->type, &r.z), m = in_order(&n->type, &r.m),
	     c = in_order(&n->type, &r.n), k;
	Draft d = {.step = {.kind = STEP_gemm, .loc = n->loc}};
	Gemm *gm = &d.step.gemm;

	k = memory_order(&b->type, b->place.stride, &r.k);
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
	d.step.flops = 2.0 * (double)gm->z * (double)gm->m * (double)gm->n * (double)gm->k;
	d.step.bytes = (double)gm->z * ((double)gm->m * (double)gm->k * dtype_bytes[gm->a.dtype] +
	                                (double)gm->k * (double)gm->n * dtype_bytes[gm->b.dtype] +
	                                (double)gm->m * (double)gm->n * dtype_bytes[gm->c.dtype]) +
	               (gm->has_bias ? 4.0 * (double)gm->n : 0);
	d.a = n->in[0];
	d.b = n->in[1];
	d.c = v;
	d.bias = n->nin == 3 ? n->in[2] : NO_VAL;
	vec_push(builder->a, out, d);
}

/* ---- attention ------------------------------------------------------------------------------ */

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

	*x = (Attention){.g = g,
	                 .n = n,
	                 .bias = data == 4 ? n->in[3] : NO_VAL,
	                 .sample = drop ? n->in[data] : NO_VAL,
	                 .dout = grad ? n->in[n->nin - 1] : NO_VAL};
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
			bool        in_bias =
				x->bias != NO_VAL && type_find(&g->node[x->bias].type, name) >= 0;

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
	AttendOperand o = {.dtype = n->type.dtype, .narrow = n->place.offset % 16 != 0};
	int           at = type_find(&n->type, token);

	o.token = at < 0 ? 0 : n->place.stride[at];
	for (int i = 0; i < x->nouter; i++) {
		at = type_find(&n->type, x->outer[i].name);
		o.outer[i] = at < 0 ? 0 : n->place.stride[at];
	}
	return o;
}

static void
place_pointer(Builder *b, const Graph *g, Val v, bool write, Draft *d)
{
	d->pointer[d->npointer++] = node_pointer(b->a, g, v, write);
}

/* result i of tuple v, or NO_VAL when nobody wants it. */
static Val
tuple_result(const Graph *g, Val v, int i)
{
	for (Val w = v + 1; w < g->n; w++)
		if (g->node[w].op == OP_result && g->node[w].in[0] == v &&
		    g->node[w].attr.index == i)
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
attend_build(Builder *b, const Graph *g, Val v, Drafts *out)
{
	const Node  *n = &g->node[v];
	bool         grad = n->op == OP_attend_grad;
	Attention    x;
	AttendKernel k = {.grad = grad,
	                  .scale = n->attr.scale,
	                  .sample_axis = -1,
	                  .processors = b->gpu.processors,
	                  .shared_most = b->gpu.shared_most};
	Draft        draft = {.step = {.loc = n->loc}}, *d = &draft;
	double       tasks = 1;

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
	d->number = arena_new_array(b->a, Number, 2);
	d->number[0] = (Number){.kind = ARG_f32, .f = n->attr.rate};
	d->number[1] =
		(Number){.kind = ARG_u64, .u = n->attr.rate > 0 ? hash_name(n->attr.name) : 0};
	for (int i = 0; i < 3; i++)
		place_pointer(b, g, n->in[i], false, d);
	if (k.has_bias)
		place_pointer(b, g, x.bias, false, d);
	if (x.sample != NO_VAL) {
		int first = k.has_bias ? 4 : 3;

		k.dropout = true;
		draw_strides(&x, &k);
		for (int i = 0; i < 3; i++)
			place_pointer(b, g, n->in[first + i], false, d);
	}
	if (grad) {
		k.out = attend_operand(&x, x.dout, x.t);
		place_pointer(b, g, x.dout, false, d);
		for (int i = 0; i < (k.has_bias ? 4 : 3); i++) {
			Val r = tuple_result(g, v, i);

			if (i < 3)
				*(i == 0   ? &k.dq
				  : i == 1 ? &k.dk
				           : &k.dv) = attend_operand(&x, r, i == 0 ? x.t : x.u);
			place_pointer(b, g, r, true, d);
		}
	} else {
		k.out = attend_operand(&x, v, x.t);
		place_pointer(b, g, v, true, d);
	}
	d->step.flops = tasks * (double)k.t * (double)k.u * (double)k.e * 2.0 * (grad ? 5 : 2);
	for (int i = 0; i < d->npointer; i++)
		d->step.bytes += (double)type_bytes(&d->pointer[i].type);
	b->code->attend(b, &k, d, out);
}

/* ---- sum of squares ------------------------------------------------------------------------- */

/* All gradients lie in one slab with zeros between them: one sweep over it. */
static void
sum_squares_build(Builder *b, const Graph *g, Val v, Drafts *out)
{
	const Node *n = &g->node[v];
	int         slab = g->node[n->in[0]].place.slab;
	int64_t     count = g->slab[slab].bytes / 4;
	Type        all = {.dtype = DT_f32, .rank = 1, .axis = {{intern("grads"), count}}};
	Draft       d = {.step = {.loc = n->loc,
	                          .flops = 2.0 * (double)count,
	                          .bytes = 4.0 * (double)count}};

	for (int i = 0; i < n->nin; i++)
		if (g->node[n->in[i]].place.slab != slab)
			BUG("gradient %d is not in slab %s", i, g->slab[slab].name);
	d.pointer = arena_new_array(b->a, Pointer, 2);
	d.pointer[d.npointer++] = (Pointer){
		.slab = slab, .type = all, .read = true, .extent = {4 * count, 1, 0}, .to = NO_VAL};
	for (int i = 0; i < n->nin; i++)
		vec_push(b->a, &d.pointer[0].from, n->in[i]);
	place_pointer(b, g, v, true, &d);
	d.number = arena_new_array(b->a, Number, 1);
	d.number[0] = (Number){.kind = ARG_i64, .i = count};
	b->code->sum_squares(b, &d, out);
}

/* ---- scatter_add ---------------------------------------------------------------------------- */

static int64_t
stride_along(const Node *n, const char *axis)
{
	int at = type_find(&n->type, axis);

	return at < 0 ? 0 : n->place.stride[at];
}

static bool
is_listed(const Attr *attr, const char *name)
{
	for (int i = 0; i < attr->naxes; i++)
		if (attr->axes[i].name == name)
			return true;
	return false;
}

static void
scatter_build(Builder *b, const Graph *g, Val v, Drafts *out)
{
	const Node   *n = &g->node[v], *a = &g->node[n->in[0]], *index = &g->node[n->in[1]];
	ScatterKernel k = {.out_row = stride_along(n, n->attr.axis.name),
	                   .sparse = index->op != OP_table};
	Draft         d = {.step = {.loc = n->loc,
	                            .flops = (double)type_elems(&a->type),
	                            .bytes = (double)(type_bytes(&a->type) + type_bytes(&n->type))}};

	for (int i = 0; i < n->type.rank; i++) {
		Axis x = n->type.axis[i];

		if (x.name == n->attr.axis.name) {
			k.rows = x.size;
			continue;
		}
		k.other[k.nother] = x.size;
		k.axis_of[k.nother] = i;
		k.out_other[k.nother] = n->place.stride[i];
		if (is_listed(&n->attr, x.name))
			k.table_other[k.nother] = stride_along(index, x.name);
		k.a_other[k.nother++] = stride_along(a, x.name);
	}
	for (int i = 0; i < index->type.rank; i++) {
		if (is_listed(&n->attr, index->type.axis[i].name))
			continue;
		k.draw[k.ndraw] = index->type.axis[i].size;
		k.a_draw[k.ndraw] = stride_along(a, index->type.axis[i].name);
		k.table_draw[k.ndraw++] = index->place.stride[i];
	}
	d.pointer = arena_new_array(b->a, Pointer, 3);
	place_pointer(b, g, n->in[0], false, &d);
	place_pointer(b, g, n->in[1], false, &d);
	place_pointer(b, g, v, true, &d);
	b->code->scatter(b, &k, &d, out);
}

/* ---- places and ranks of a mask -------------------------------------------------------------- */

static void
order_build(Builder *b, const Graph *g, Val v, Drafts *out)
{
	const Node *n = &g->node[v], *m = &g->node[n->in[0]];
	const Attr *t = &n->attr;
	OrderKernel k = {.ranks = n->op == OP_ranks,
	                 .n = t->axis.size,
	                 .mask_step = stride_along(m, t->axis.name),
	                 .size = t->axes[0].size,
	                 .out_step = stride_along(n, t->axes[0].name),
	                 .offset = t->offset,
	                 .most = t->axes[n->op == OP_ranks].size};
	Draft       d = {.step = {.loc = n->loc,
	                          .flops = (double)type_elems(&m->type),
	                          .bytes = (double)(type_bytes(&m->type) + type_bytes(&n->type))}};

	for (int i = 0; i < n->type.rank; i++) {
		Axis x = n->type.axis[i];

		if (x.name == t->axes[0].name)
			continue;
		k.outer[k.nouter] = x.size;
		k.mask_outer[k.nouter] = stride_along(m, x.name);
		k.out_outer[k.nouter++] = n->place.stride[i];
	}
	d.pointer = arena_new_array(b->a, Pointer, 2);
	place_pointer(b, g, n->in[0], false, &d);
	place_pointer(b, g, v, true, &d);
	b->code->order(b, &k, &d, out);
}

bool
single_build(Builder *b, const Graph *g, Val v, Drafts *out)
{
	switch (g->node[v].op) {
	case OP_gemm:
		gemm_build(b, g, v, out);
		return true;
	case OP_attend:
	case OP_attend_grad:
		attend_build(b, g, v, out);
		return true;
	case OP_sum_squares:
		sum_squares_build(b, g, v, out);
		return true;
	case OP_scatter_add:
		scatter_build(b, g, v, out);
		return true;
	case OP_places:
	case OP_ranks:
		order_build(b, g, v, out);
		return true;
	default:
		return false;
	}
}
