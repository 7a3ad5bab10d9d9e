/* What a fused kernel computes, apart from how a target walks it: which nest computes what, and the
 * text of expressions, which is C and C++ alike. What differs between targets has one name in both
 * preludes (d2v_exp, d2v_to_bf16). Writes no loops. */
#include "compiler/codegen/emit.h"

#include <string.h>

const char *
c_type(Dtype d)
{
	static const char *const name[DT_COUNT] = {[DT_f32] = "float",
	                                           [DT_bf16] = "uint16_t",
	                                           [DT_i32] = "int32_t",
	                                           [DT_u32] = "uint32_t",
	                                           [DT_bool] = "uint8_t"};

	return name[d];
}

bool
is_reduce(const Node *n)
{
	return n->op == OP_sum || n->op == OP_rmax;
}

const Node *
node_at(const Emit *e, int i)
{
	return &e->r->g->node[e->r->node[i]];
}

bool
is_column(const Emit *e, int i)
{
	return e->r->columns && reduce_is_column(e->r->g, node_at(e, i));
}

/* ---- which nest computes what --------------------------------------------------------------- */

static unsigned
inner_mask(const Region *r, const Type *t)
{
	unsigned m = 0;

	for (int i = 0; i < r->nspace; i++)
		if (r->loop[r->group[i]].inner && type_find(t, r->space[i].name) >= 0)
			m |= 1u << r->group[i];
	return m;
}

static void
assign_nests(Emit *e)
{
	Region *r = e->r;

	for (int i = 0; i < r->n; i++) {
		const Node *n = node_at(e, i);

		e->mask[i] = inner_mask(r, &n->type);
		e->nest[i] = is_reduce(n) ? inner_mask(r, &r->g->node[n->in[0]].type) : e->mask[i];
		for (int k = 0; k < n->nin; k++) {
			int p = r->local[n->in[k]], after;

			if (p < 0)
				continue;
			after = e->phase[p] + is_reduce(node_at(e, p));
			if (after > e->phase[i])
				e->phase[i] = after;
		}
		if (e->phase[i] >= e->phases)
			e->phases = e->phase[i] + 1;
	}
	for (int i = 0; i < r->n; i++) {
		const Node *n = node_at(e, i);

		for (int k = 0; k < n->nin; k++) {
			int p = r->local[n->in[k]];

			if (p >= 0 && (e->phase[p] != e->phase[i] || e->nest[p] != e->nest[i]))
				e->kept[p] = true;
		}
	}
}

void
emit_begin(Emit *e, Region *r)
{
	e->r = r;
	e->phase = arena_new_array(r->a, int, r->n);
	e->nest = arena_new_array(r->a, unsigned, r->n);
	e->mask = arena_new_array(r->a, unsigned, r->n);
	e->kept = arena_new_array(r->a, bool, r->n);
	assign_nests(e);
}

void
emit_end(Emit *e)
{
	text_free(&e->top);
	text_free(&e->row);
}

bool
next_nest(const Emit *e, int phase, int64_t *mask)
{
	int64_t last = 1u << e->r->nloop, m = *mask + 1;
	int     size = *mask < 0 ? 0 : __builtin_popcount((unsigned)*mask);

	for (; size <= e->r->nloop; size++, m = 0)
		for (; m < last; m++) {
			if (__builtin_popcount((unsigned)m) != size)
				continue;
			for (int i = 0; i < e->r->n; i++)
				if (e->phase[i] == phase && e->nest[i] == m) {
					*mask = m;
					return true;
				}
		}
	return false;
}

int64_t
rows_of(const Region *r)
{
	int64_t n = 1;

	for (int l = 0; l < r->nloop; l++)
		if (!r->loop[l].inner)
			n *= r->loop[l].size;
	return n;
}

/* ---- expressions ---------------------------------------------------------------------------- */

void
indent(Text *t, int n)
{
	for (int i = 0; i < n; i++)
		text_append(t, "\t", 1);
}

static int64_t
loop_length(const Loop *l)
{
	return l->piece ? l->piece : l->size;
}

const char *
index_text(const Region *r, unsigned mask)
{
	const char *text = NULL;

	for (int l = 0; l < r->nloop; l++)
		if (mask >> l & 1)
			text = text               ? arena_printf(r->a, "(%s) * %lld + %s", text,
			                                         (long long)loop_length(&r->loop[l]),
                                                   r->loop[l].piece ? "lane" : r->loop[l].var)
			       : r->loop[l].piece ? "lane"
			                          : r->loop[l].var;
	return text ? text : "0";
}

int64_t
mask_size(const Region *r, unsigned mask)
{
	int64_t n = 1;

	for (int l = 0; l < r->nloop; l++)
		if (mask >> l & 1)
			n *= loop_length(&r->loop[l]);
	return n;
}

void
decode_loops(const Region *r, Text *t, unsigned which, const char *type, const char *from, int tabs)
{
	int loop[MAX_LOOPS], n = 0;

	for (int l = 0; l < r->nloop; l++)
		if (which >> l & 1)
			loop[n++] = l;
	for (int i = 0; i < n; i++) {
		int64_t below = 1;

		for (int j = i + 1; j < n; j++)
			below *= r->loop[loop[j]].size;
		indent(t, tabs);
		text_printf(t, "const %s %s = %s", type, r->loop[loop[i]].var, from);
		if (below > 1)
			text_printf(t, " / %lld", (long long)below);
		if (i > 0)
			text_printf(t, " %% %lld", (long long)r->loop[loop[i]].size);
		text_printf(t, ";\n");
	}
}

/* A load that does not vary inside a row is done once, before the nests. */
static const char *
hoist(Emit *e, const char *expr, Dtype d, unsigned loops)
{
	unsigned inner = 0;
	int      level;
	Text    *to;

	for (int l = 0; l < e->r->nloop; l++)
		if (e->r->loop[l].inner)
			inner |= 1u << l;
	if ((loops & inner) || !strchr(expr, '['))
		return expr;
	level = loops ? 1 : 0;
	for (int i = 0; i < e->hoisted.n; i++)
		if (strcmp(e->hoisted.at[i], expr) == 0)
			return arena_printf(e->r->a, "s%d", i);
	to = level ? &e->row : &e->top;
	text_printf(to, "%sconst %s s%d = %s;\n", level ? e->row_tabs : e->top_tabs, c_type(d),
	            e->hoisted.n, expr);
	vec_push(e->r->a, &e->hoisted, expr);
	return arena_printf(e->r->a, "s%d", e->hoisted.n - 1);
}

const char *
operand(Emit *e, int user, Val v)
{
	Region     *r = e->r;
	int         p = r->local[v];
	Coord       at[MAX_RANK];
	unsigned    loops = 0;
	const char *text;

	if (p >= 0) {
		if (is_reduce(node_at(e, p)))
			return e->mask[p] ? e->element(e, 'r', p) : arena_printf(r->a, "r%d", p);
		if (e->phase[p] == e->phase[user] && e->nest[p] == e->nest[user])
			return arena_printf(r->a, "v%d", p);
		return e->mask[p] ? e->element(e, 'a', p) : arena_printf(r->a, "v%d", p);
	}
	identity_coords(r, &r->g->node[v].type, at);
	text = read_value(r, v, at, &loops);
	return hoist(e, text, r->g->node[v].type.dtype, loops);
}

static const char *const spelling[OP_COUNT] = {
	[OP_add] = "%s + %s",
	[OP_sub] = "%s - %s",
	[OP_mul] = "%s * %s",
	[OP_div] = "%s / %s",
	[OP_min] = "d2v_min(%s, %s)",
	[OP_max] = "d2v_max(%s, %s)",
	[OP_neg] = "-%s",
	[OP_abs] = "d2v_abs(%s)",
	[OP_sign] = "d2v_sign(%s)",
	[OP_exp] = "d2v_exp(%s)",
	[OP_log] = "d2v_log(%s)",
	[OP_sqrt] = "d2v_sqrt(%s)",
	[OP_rsqrt] = "d2v_rsqrt(%s)",
	[OP_erf] = "d2v_erf(%s)",
	[OP_tanh] = "d2v_tanh(%s)",
	[OP_lt] = "%s < %s",
	[OP_le] = "%s <= %s",
	[OP_eq] = "%s == %s",
	[OP_and] = "%s & %s",
	[OP_or] = "%s | %s",
	[OP_not] = "!%s",
	[OP_select] = "%s ? %s : %s",
	[OP_broadcast] = "%s",
	[OP_reorder] = "%s",
};

static const char *
cast_text(Emit *e, const Node *n, const char *x)
{
	Dtype from = e->r->g->node[n->in[0]].type.dtype, to = n->type.dtype;

	if (from == DT_bf16 && to == DT_f32)
		return arena_printf(e->r->a, "d2v_load_bf16(%s)", x);
	if (to == DT_bf16)
		return arena_printf(e->r->a, "d2v_to_bf16((float)%s)", x);
	if (to == DT_bool)
		return arena_printf(e->r->a, "%s != 0", x);
	return arena_printf(e->r->a, "(%s)%s", c_type(to), x);
}

/* The element's number among the draws of its sample, row-major in the order of attr.axes. */
static const char *
draw_index(Emit *e, const Node *n)
{
	Coord c = {0};

	for (int i = 0; i < n->attr.naxes; i++)
		c = coord_add(e->r, coord_scale(e->r, c, n->attr.axes[i].size),
		              coord_axis(e->r, n->attr.axes[i].name));
	return coord_text(e->r, &c);
}

const char *
expression(Emit *e, int i)
{
	Region     *r = e->r;
	const Node *n = node_at(e, i);
	const char *x[3] = {"", "", ""};
	unsigned    loops = 0;

	if (op_is_mapped(n->op)) {
		Coord at[MAX_RANK];

		identity_coords(r, &n->type, at);
		x[0] = read_value(r, r->node[i], at, &loops);
		return hoist(e, x[0], n->type.dtype, loops);
	}
	for (int k = 0; k < n->nin && k < 3; k++)
		x[k] = operand(e, i, n->in[k]);
	if (n->op == OP_cast)
		return cast_text(e, n, x[0]);
	if (n->op == OP_uniform)
		return arena_printf(
			r->a, "d2v_uniform(%s, @%d@, %s, %s, (uint32_t)(%s))", x[2],
			region_number(r, (Number){.kind = ARG_u64, .u = hash_name(n->attr.name)}),
			x[1], x[0], draw_index(e, n));
	if (!spelling[n->op])
		BUG("no C for op %s", op_info[n->op].name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return arena_printf(r->a, spelling[n->op], x[0], x[1], x[2]);
#pragma GCC diagnostic pop
}

Coord
store_coord(Emit *e, int i, int *pointer)
{
	const Node *n = node_at(e, i);
	Coord       at[MAX_RANK];

	*pointer = region_pointer(e->r, n, true);
	identity_coords(e->r, &n->type, at);
	return place_coord(e->r, n, at);
}

const char *
store_text(Emit *e, int i)
{
	int   p;
	Coord c = store_coord(e, i, &p);

	return arena_printf(e->r->a, "p%d[%s]", p, coord_text(e->r, &c));
}
