/* The nests of a fused kernel as CUDA text. What a later nest over the same loops needs stays in
 * registers, what one over other loops needs passes through arrays that the block shares. */
#include "compiler/codegen/emit_cuda.h"

const char *
cuda_start_value(const Node *n)
{
	return n->op == OP_sum ? "0" : "-d2v_infinity()";
}

const char *
cuda_element(Emit *e, char letter, int p)
{
	Cuda *c = (Cuda *)e;

	for (int i = 0; letter == 'a' && i < e->r->n; i++)
		for (int k = 0; k < node_at(e, i)->nin; k++)
			if (node_at(e, i)->in[k] == e->r->node[p] && e->nest[i] != e->nest[p])
				letter = 'b'; /* b: in an array of the block */
	if (letter == 'a')
		return cuda_register(c, cuda_deal(c, e->mask[p]), arena_printf(e->r->a, "a%d", p));
	return arena_printf(e->r->a, "%c%d[%s]", letter, p, index_text(e->r, e->mask[p]));
}

/* ---- arrays of the block -------------------------------------------------------------------- */

bool
cuda_is_staged(const Cuda *c, int i)
{
	/* over loops of one element only: nothing is left out, yet it is known only afterwards */
	bool nothing = c->e.mask[i] == c->e.nest[i] && !is_column(&c->e, i);

	return is_reduce(node_at(&c->e, i)) && c->e.mask[i] &&
	       (nothing || c->e.mask[i] != c->e.nest[i]);
}

/* Does kept value i wait in an array of the block? */
static bool
waits_in_block(Cuda *c, int i)
{
	return !is_reduce(node_at(&c->e, i)) && c->e.kept[i] && c->e.mask[i] &&
	       cuda_element(&c->e, 'a', i)[0] == 'b';
}

static void
declare_array(Cuda *c, char letter, int i, Dtype dtype, unsigned mask)
{
	int64_t bytes = (mask_size(c->e.r, mask) * dtype_bytes[dtype] + 15) / 16 * 16;

	text_printf(&c->arrays, "\t%s *const %c%d = (%s *)(room + %lld);\n", c_type(dtype), letter,
	            i, c_type(dtype), (long long)c->room);
	c->room += bytes;
	c->staged = true;
}

/* u3[..] is what reduction 3 sums; r3[..], or for columns registers c3[..], its result. */
static void
declare_arrays(Cuda *c)
{
	for (int i = 0; i < c->e.r->n; i++) {
		if (waits_in_block(c, i))
			declare_array(c, 'b', i, node_at(&c->e, i)->type.dtype, c->e.mask[i]);
		if (!cuda_is_staged(c, i))
			continue;
		declare_array(c, 'u', i, DT_f32, c->e.nest[i]);
		if (!is_column(&c->e, i))
			declare_array(c, 'r', i, DT_f32, c->e.mask[i]);
	}
}

/* The sums of a staged reduction: each thread of the block takes some results, and adds in order.
 */
static void
sum_staged(Cuda *c, int i)
{
	Emit       *e = &c->e;
	Region     *r = e->r;
	const Node *n = node_at(e, i);
	Text       *t = &c->body;
	int64_t     size = mask_size(r, e->mask[i]);
	bool        column = is_column(e, i);
	int depth = c->depth, steps = (int)((size + c->block - 1) / (c->block ? c->block : 1));

	indent(t, depth);
	if (column)
		text_printf(t, "for (int k = 0; k < %d; k++) {\n", steps);
	else
		text_printf(t, "for (int at = threadIdx.x; at < %lld; at += %d) {\n",
		            (long long)size, c->block);
	depth++;
	if (column) {
		indent(t, depth);
		text_printf(t, "const int at = %d * k + threadIdx.x;\n", c->block);
		indent(t, depth++);
		text_printf(t, "if (at < %lld) {\n", (long long)size);
	}
	decode_loops(r, t, e->mask[i], "int", "at", depth);
	indent(t, depth);
	text_printf(t, "float sum = %s;\n",
	            column ? steps > 1 ? arena_printf(r->a, "c%d[k]", i)
	                               : arena_printf(r->a, "c%d", i)
	                   : cuda_start_value(n));
	for (int l = 0; l < r->nloop; l++)
		if ((e->nest[i] & ~e->mask[i]) >> l & 1) {
			indent(t, depth++);
			text_printf(t, "for (int %s = 0; %s < %lld; %s++)\n", r->loop[l].var,
			            r->loop[l].var, (long long)r->loop[l].size, r->loop[l].var);
		}
	indent(t, depth);
	text_printf(t, n->op == OP_sum ? "sum += u%d[%s];\n" : "sum = d2v_top(sum, u%d[%s]);\n", i,
	            index_text(r, e->nest[i]));
	depth = c->depth + (column ? 2 : 1);
	indent(t, depth);
	if (column)
		text_printf(t, "c%d%s = sum;\n", i, steps > 1 ? "[k]" : "");
	else
		text_printf(t, "r%d[at] = sum;\n", i);
	if (n->place.slab >= 0 && !column) {
		indent(t, depth);
		text_printf(t, "%s = sum;\n", store_text(e, i));
	}
	while (depth > c->depth) {
		indent(t, --depth);
		text_printf(t, "}\n");
	}
}

/* ---- one nest ------------------------------------------------------------------------------- */

static void
emit_reduction(Cuda *c, int i)
{
	Emit       *e = &c->e;
	const Node *n = node_at(e, i);
	const char *x = operand(e, i, n->in[0]), *to;

	if (cuda_is_staged(c, i)) {
		text_printf(&c->members, "u%d[%s] = %s;\n", i, index_text(e->r, e->nest[i]), x);
		return;
	}
	if (is_column(e, i))
		to = e->mask[i] ? cuda_register(c, c->now, arena_printf(e->r->a, "c%d", i))
		                : arena_printf(e->r->a, "c%d", i);
	else
		to = arena_printf(e->r->a, "t%d", i);
	if (n->op == OP_sum)
		text_printf(&c->members, "%s += %s;\n", to, x);
	else
		text_printf(&c->members, "%s = d2v_top(%s, %s);\n", to, to, x);
}

static void
emit_store(Cuda *c, int i)
{
	Emit       *e = &c->e;
	const Node *n = node_at(e, i);
	Deal       *d = c->now;
	int         p;
	Coord       at = store_coord(e, i, &p);

	if (c->dry)
		cuda_count_access(c, &at);
	if (d->last >= 0 && cuda_is_piece(e->r, &e->r->pointer.at[p], &at, d->last, d->width)) {
		d->wide++;
		if (d->width > 1) {
			text_printf(&c->loads, "%s y%d[%d];\n", c_type(n->type.dtype), i, d->width);
			text_printf(&c->members, "y%d[j] = v%d;\n", i, i);
			if (e->r->flat)
				text_printf(&c->stores,
				            "d2v_store_some(p%d + %s, y%d, count - %s);\n", p,
				            cuda_first_text(c, d, &at), i, cuda_first_name(c, d));
			else
				text_printf(&c->stores, "d2v_store(p%d + %s, y%d);\n", p,
				            cuda_first_text(c, d, &at), i);
			return;
		}
		text_printf(&c->stores, "p%d[%s] = v%d;\n", p, coord_text(e->r, &at), i);
		return;
	}
	d->plain += d->last >= 0;
	if (d->last < 0 && c->lanes > 1)
		text_printf(&c->stores, "if (lane == 0)\n\tp%d[%s] = v%d;\n", p,
		            coord_text(e->r, &at), i);
	else
		text_printf(d->width > 1 ? &c->ends : &c->stores, "p%d[%s] = v%d;\n", p,
		            coord_text(e->r, &at), i);
}

static void
emit_member(Cuda *c, int i)
{
	Emit       *e = &c->e;
	const Node *n = node_at(e, i);

	if (is_reduce(n)) {
		emit_reduction(c, i);
		return;
	}
	text_printf(&c->members, "const %s v%d = %s;\n", c_type(n->type.dtype), i,
	            expression(e, i));
	if (e->kept[i] && e->mask[i])
		text_printf(&c->members, "%s = v%d;\n", cuda_element(e, 'a', i), i);
	if (n->place.slab >= 0)
		emit_store(c, i);
}

/* A row's reduction to one number, of this nest? */
static bool
ends_row(const Cuda *c, int i, int phase, unsigned mask)
{
	const Emit *e = &c->e;

	return is_reduce(node_at(e, i)) && e->phase[i] == phase && e->nest[i] == mask &&
	       !e->mask[i] && !is_column(e, i);
}

/* What the lanes of a row have found, put together: over the warp, then over the warps of the
 * block. */
static void
combine(Cuda *c, int phase, unsigned mask)
{
	Emit       *e = &c->e;
	Text       *t = &c->body;
	int         warps = c->lanes / 32, first = c->slots;
	const char *tabs = c->depth == 1 ? "\t" : "\t\t";

	for (int i = 0; i < e->r->n; i++) {
		const char *how = node_at(e, i)->op == OP_sum ? "sum" : "max";

		if (!ends_row(c, i, phase, mask))
			continue;
		if (c->lanes == 1 || !mask) {
			text_printf(t, "%sconst float r%d = t%d;\n", tabs, i, i);
		} else if (warps == 1) {
			text_printf(t, "%sconst float r%d = d2v_warp_%s(t%d);\n", tabs, i, how, i);
		} else {
			text_printf(t, "%st%d = d2v_warp_%s(t%d);\n", tabs, i, how, i);
			text_printf(t, "%sif (lane %% 32 == 0)\n%s\tpart[%d + lane / 32] = t%d;\n",
			            tabs, tabs, c->slots * warps, i);
			c->slots++;
		}
	}
	if (c->slots > first) {
		text_printf(t, "%sd2v_barrier();\n", tabs);
		c->meetings++;
		for (int i = 0; i < e->r->n; i++)
			if (ends_row(c, i, phase, mask))
				text_printf(t, "%sconst float r%d = d2v_%s<%d>(part + %d);\n", tabs,
				            i, node_at(e, i)->op == OP_sum ? "total" : "most",
				            warps, first++ * warps);
	}
	for (int i = 0; i < e->r->n; i++) {
		if (!ends_row(c, i, phase, mask) || node_at(e, i)->place.slab < 0)
			continue;
		if (c->lanes > 1)
			text_printf(t, "%sif (lane == 0)\n\t", tabs);
		text_printf(t, "%s%s = r%d;\n", tabs, store_text(e, i), i);
	}
}

/* Arrays of the block that the nest has filled are read from here on. */
static void
share(Cuda *c, int phase, unsigned mask)
{
	Emit *e = &c->e;
	bool  filled = false, summed = false;

	for (int i = 0; i < e->r->n; i++)
		if (e->phase[i] == phase && e->nest[i] == mask)
			filled = filled || cuda_is_staged(c, i) || waits_in_block(c, i);
	if (!filled)
		return;
	indent(&c->body, c->depth);
	text_printf(&c->body, "d2v_barrier();\n");
	for (int i = 0; i < e->r->n; i++)
		if (e->phase[i] == phase && e->nest[i] == mask && cuda_is_staged(c, i)) {
			sum_staged(c, i);
			summed = summed || !is_column(e, i);
		}
	if (summed) {
		indent(&c->body, c->depth);
		text_printf(&c->body, "d2v_barrier();\n");
	}
}

static void
emit_nest(Cuda *c, int phase, unsigned mask)
{
	Emit   *e = &c->e;
	Region *r = e->r;
	Text   *t = &c->body;
	Text    inside = {0};

	c->now = cuda_deal(c, mask);
	c->phase = phase;
	c->stamp++;
	for (int i = 0; i < r->n; i++)
		if (e->phase[i] == phase && e->nest[i] == mask) {
			if (ends_row(c, i, phase, mask)) {
				indent(t, c->depth);
				text_printf(t, "float t%d = %s;\n", i,
				            cuda_start_value(node_at(e, i)));
			}
			emit_member(c, i);
		}
	cuda_append_lines(&inside, &c->loads, 0);
	if (c->now->last >= 0 && c->now->width > 1) {
		const char *var = r->loop[c->now->last].var;

		text_printf(&inside, "#pragma unroll\nfor (int j = 0; j < %d; j++) {\n",
		            c->now->width);
		if (cuda_mentions(&c->members, var) || cuda_mentions(&c->ends, var))
			text_printf(&inside, "\tconst %s %s = %s + j;\n",
			            r->flat ? "int64_t" : "int", var, cuda_first_name(c, c->now));
		cuda_append_lines(&inside, &c->members, 1);
		cuda_append_lines(&inside, &c->ends, 1);
		text_printf(&inside, "}\n");
	} else {
		cuda_append_lines(&inside, &c->members, 0);
	}
	cuda_append_lines(&inside, &c->stores, 0);
	cuda_around(c, c->now, &inside, t);
	text_free(&inside);
	c->loads.n = c->members.n = c->ends.n = c->stores.n = 0;
	combine(c, phase, mask);
	share(c, phase, mask);
	c->now = NULL;
}

/* What later phases need of the row is on its way before the first phase waits for anything. */
static void
emit_early(Cuda *c)
{
	for (int d = 0; d < c->deal.n; d++) {
		Text inside = {0};

		c->now = &c->deal.at[d];
		for (int i = 0; i < c->wide.n; i++) {
			const Wide *w = &c->wide.at[i];

			if (!w->early || w->mask != c->now->mask)
				continue;
			indent(&c->body, c->depth);
			text_printf(&c->body, "%s x%d%s%s;\n", c_type(w->dtype), i,
			            cuda_dimensions(c, c->now),
			            !w->guard                     ? ""
			            : *cuda_dimensions(c, c->now) ? " = {}"
			                                          : " = 0");
			cuda_emit_wide(c, i, &inside, 0);
		}
		if (inside.n)
			cuda_around(c, c->now, &inside, &c->body);
		text_free(&inside);
	}
	c->now = NULL;
}

void
cuda_nests(Cuda *c)
{
	Emit *e = &c->e;

	declare_arrays(c);
	emit_early(c);
	for (int i = 0; i < e->r->n; i++)
		if (!is_reduce(node_at(e, i)) && e->kept[i] && e->mask[i] && !waits_in_block(c, i))
			text_printf(&c->body, "%s%s a%d%s;\n", c->depth == 1 ? "\t" : "\t\t",
			            c_type(node_at(e, i)->type.dtype), i,
			            cuda_dimensions(c, cuda_deal(c, e->mask[i])));
	for (int phase = 0; phase < e->phases; phase++)
		for (int64_t mask = -1; next_nest(e, phase, &mask);)
			emit_nest(c, phase, (unsigned)mask);
}
