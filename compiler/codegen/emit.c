/* The C text of a fused kernel. Rows (outer loops) run in parallel. Inside a row, values are grouped into loop nests:
 * a nest ends where a value is needed that is only known after a reduction. Values that later nests need wait in local
 * arrays. Column reductions add up in one array per chunk of rows; chunks are a fixed number, so the order of
 * additions, and with it every bit of the result, does not depend on how many threads there are. */
#include "compiler/codegen/region.h"

#include <string.h>

enum {
	CHUNKS = 32,              /* parts of the rows that sum columns on their own */
	PARTS_MAX = 2 << 20,      /* bytes of stack for all such parts */
	PARALLEL_MIN = 16384,     /* elements below which waking threads costs more than it gives */
};

typedef struct {
	Region     *r;
	int        *phase;        /* per node: number of reductions that must be finished before */
	unsigned   *nest;         /* per node: inner loops it is computed in */
	unsigned   *mask;         /* per node: inner loops its value varies over */
	bool       *kept;         /* per node: read from another nest */
	Text        top, row, body, stores;
	Vec(const char *) hoisted;
	Vec(int)    hoisted_at;   /* 0 top, 1 row */
} Emit;

static const char *
c_type(Dtype d)
{
	static const char *const name[DT_COUNT] = {[DT_f32] = "float", [DT_bf16] = "uint16_t", [DT_i32] = "int32_t", [DT_u32] = "uint32_t", [DT_bool] = "uint8_t"};

	return name[d];
}

static bool
is_reduce(const Node *n)
{
	return n->op == OP_sum || n->op == OP_rmax;
}

static const Node *
node_at(const Emit *e, int i)
{
	return &e->r->g->node[e->r->node[i]];
}

/* ---- which nest computes what -------------------------------------------------------------------------------- */

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

/* ---- expressions ------------------------------------------------------------------------------------------------ */

/* Linear index of the loops in mask, as text. */
static const char *
index_text(const Region *r, unsigned mask)
{
	const char *text = NULL;

	for (int l = 0; l < r->nloop; l++)
		if (mask >> l & 1)
			text = text ? arena_printf(r->a, "(%s) * %lld + %s", text, (long long)r->loop[l].size, r->loop[l].var) : r->loop[l].var;
	return text ? text : "0";
}

static int64_t
mask_size(const Region *r, unsigned mask)
{
	int64_t n = 1;

	for (int l = 0; l < r->nloop; l++)
		if (mask >> l & 1)
			n *= r->loop[l].size;
	return n;
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
	text_printf(to, "%sconst %s s%d = %s;\n", level ? "\t\t" : "\t", c_type(d), e->hoisted.n, expr);
	vec_push(e->r->a, &e->hoisted, expr);
	vec_push(e->r->a, &e->hoisted_at, level);
	return arena_printf(e->r->a, "s%d", e->hoisted.n - 1);
}

/* The value of operand v inside nest (phase, mask). */
static const char *
operand(Emit *e, int user, Val v)
{
	Region     *r = e->r;
	int         p = r->local[v];
	Coord       at[MAX_RANK];
	unsigned    loops = 0;
	const char *text;

	if (p >= 0) {
		if (is_reduce(node_at(e, p)))
			return e->mask[p] ? arena_printf(r->a, "r%d[%s]", p, index_text(r, e->mask[p])) : arena_printf(r->a, "r%d", p);
		if (e->phase[p] == e->phase[user] && e->nest[p] == e->nest[user])
			return arena_printf(r->a, "v%d", p);
		return e->mask[p] ? arena_printf(r->a, "a%d[%s]", p, index_text(r, e->mask[p])) : arena_printf(r->a, "v%d", p);
	}
	identity_coords(r, &r->g->node[v].type, at);
	text = read_value(r, v, at, &loops);
	return hoist(e, text, r->g->node[v].type.dtype, loops);
}

static const char *const spelling[OP_COUNT] = {
	[OP_add] = "%s + %s", [OP_sub] = "%s - %s", [OP_mul] = "%s * %s", [OP_div] = "%s / %s", [OP_min] = "d2v_min(%s, %s)",
	[OP_max] = "d2v_max(%s, %s)", [OP_neg] = "-%s", [OP_abs] = "d2v_abs(%s)", [OP_sign] = "d2v_sign(%s)", [OP_exp] = "d2v_exp(%s)",
	[OP_log] = "d2v_log(%s)", [OP_sqrt] = "d2v_sqrt(%s)", [OP_rsqrt] = "d2v_rsqrt(%s)", [OP_erf] = "d2v_erf(%s)",
	[OP_tanh] = "d2v_tanh(%s)", [OP_lt] = "%s < %s", [OP_le] = "%s <= %s", [OP_eq] = "%s == %s", [OP_and] = "%s & %s",
	[OP_or] = "%s | %s", [OP_not] = "!%s", [OP_select] = "%s ? %s : %s", [OP_broadcast] = "%s", [OP_reorder] = "%s",
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
		c = coord_add(e->r, coord_scale(e->r, c, n->attr.axes[i].size), coord_axis(e->r, n->attr.axes[i].name));
	return coord_text(e->r, &c);
}

static const char *
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
		return arena_printf(r->a, "d2v_uniform(%s, @%d@, %s, %s, (uint32_t)(%s))", x[2],
		                    region_number(r, (Number){.kind = ARG_u64, .u = hash_name(n->attr.name)}), x[1], x[0], draw_index(e, n));
	if (!spelling[n->op])
		BUG("no C for op %s", op_info[n->op].name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return arena_printf(r->a, spelling[n->op], x[0], x[1], x[2]);
#pragma GCC diagnostic pop
}

/* ---- one nest ---------------------------------------------------------------------------------------------------- */

static void
indent(Text *t, int n)
{
	for (int i = 0; i < n; i++)
		text_append(t, "\t", 1);
}

static const char *
store_text(Emit *e, int i)
{
	const Node *n = node_at(e, i);
	Coord       at[MAX_RANK], c;
	int         p = region_pointer(e->r, n, true);

	identity_coords(e->r, &n->type, at);
	c = place_coord(e->r, n, at);
	return arena_printf(e->r->a, "p%d[%s]", p, coord_text(e->r, &c));
}

static const char *
accumulator(const Emit *e, int i)
{
	const char *letter = reduce_is_column(e->r->g, node_at(e, i)) && e->r->columns ? "c" : "r";

	return e->mask[i] ? arena_printf(e->r->a, "%s%d[%s]", letter, i, index_text(e->r, e->mask[i])) : arena_printf(e->r->a, "%s%d", letter, i);
}

static void
emit_member(Emit *e, int i, int depth, int innermost)
{
	const Node *n = node_at(e, i);
	Text       *t = &e->body;

	if (is_reduce(n)) {
		const char *x = operand(e, i, n->in[0]);
		bool        partial = innermost >= 0 && !(e->mask[i] >> innermost & 1);
		const char *acc = partial ? arena_printf(e->r->a, "t%d", i) : accumulator(e, i);

		indent(t, depth);
		if (n->op == OP_sum)
			text_printf(t, "%s += %s;\n", acc, x);
		else
			text_printf(t, "%s = d2v_max(%s, %s);\n", acc, acc, x);
		return;
	}
	const char *x = expression(e, i);
	indent(t, depth);
	text_printf(t, "const %s v%d = %s;\n", c_type(n->type.dtype), i, x);
	if (e->kept[i] && e->mask[i]) {
		indent(t, depth);
		text_printf(t, "a%d[%s] = v%d;\n", i, index_text(e->r, e->mask[i]), i);
	}
	/* after all loads of the nest: a variable's new value must not be seen by those who want the old */
	if (n->place.slab >= 0) {
		indent(&e->stores, depth);
		text_printf(&e->stores, "%s = v%d;\n", store_text(e, i), i);
	}
}

static void
emit_nest(Emit *e, int phase, unsigned mask)
{
	Region *r = e->r;
	Text   *t = &e->body;
	int     depth = 2, innermost = -1;
	Text    sums = {0}, maxima = {0};

	for (int l = 0; l < r->nloop; l++)
		if (mask >> l & 1)
			innermost = l;
	for (int l = 0; l < r->nloop; l++) {
		if (!(mask >> l & 1))
			continue;
		if (l == innermost) {
			for (int i = 0; i < r->n; i++) {
				const Node *n = node_at(e, i);

				if (!is_reduce(n) || e->phase[i] != phase || e->nest[i] != mask || (e->mask[i] >> l & 1))
					continue;
				indent(t, depth);
				text_printf(t, "float t%d = %s;\n", i, n->op == OP_sum ? "0" : "-__builtin_inff()");
				text_printf(n->op == OP_sum ? &sums : &maxima, "%st%d", (n->op == OP_sum ? sums.n : maxima.n) ? ", " : "", i);
			}
			text_printf(t, "#pragma omp simd");
			if (sums.n)
				text_printf(t, " reduction(+ : %s)", sums.at);
			if (maxima.n)
				text_printf(t, " reduction(max : %s)", maxima.at);
			text_printf(t, "\n");
		}
		indent(t, depth++);
		if (r->flat)
			text_printf(t, "for (int64_t %s = 0; %s < count; %s++) {\n", r->loop[l].var, r->loop[l].var, r->loop[l].var);
		else
			text_printf(t, "for (int64_t %s = 0; %s < %lld; %s++) {\n", r->loop[l].var, r->loop[l].var, (long long)r->loop[l].size, r->loop[l].var);
	}
	for (int i = 0; i < r->n; i++)
		if (e->phase[i] == phase && e->nest[i] == mask)
			emit_member(e, i, depth, innermost);
	text_append(t, e->stores.at ? e->stores.at : "", e->stores.n);
	e->stores.n = 0;
	for (int l = r->nloop - 1; l >= 0; l--) {
		if (!(mask >> l & 1))
			continue;
		indent(t, --depth);
		text_printf(t, "}\n");
		if (l != innermost)
			continue;
		for (int i = 0; i < r->n; i++) {
			const Node *n = node_at(e, i);
			const char *acc = accumulator(e, i);

			if (!is_reduce(n) || e->phase[i] != phase || e->nest[i] != mask || (e->mask[i] >> l & 1))
				continue;
			indent(t, depth);
			if (n->op == OP_sum)
				text_printf(t, "%s += t%d;\n", acc, i);
			else
				text_printf(t, "%s = d2v_max(%s, t%d);\n", acc, acc, i);
		}
	}
	text_free(&sums);
	text_free(&maxima);
}

/* A row's finished reductions that someone outside wants. */
static void
store_reductions(Emit *e, int phase)
{
	Region *r = e->r;
	Text   *t = &e->body;

	for (int i = 0; i < r->n; i++) {
		const Node *n = node_at(e, i);
		int         depth = 2;

		if (!is_reduce(n) || e->phase[i] != phase || n->place.slab < 0 || (reduce_is_column(r->g, n) && r->columns))
			continue;
		for (int l = 0; l < r->nloop; l++)
			if (e->mask[i] >> l & 1) {
				indent(t, depth++);
				text_printf(t, "for (int64_t %s = 0; %s < %lld; %s++)\n", r->loop[l].var, r->loop[l].var, (long long)r->loop[l].size, r->loop[l].var);
			}
		indent(t, depth);
		text_printf(t, "%s = %s;\n", store_text(e, i), accumulator(e, i));
	}
}

static int
bits(unsigned m)
{
	return __builtin_popcount(m);
}

static void
emit_nests(Emit *e)
{
	Region  *r = e->r;
	int      last = 0;

	for (int i = 0; i < r->n; i++)
		last = e->phase[i] > last ? e->phase[i] : last;
	for (int phase = 0; phase <= last; phase++) {
		for (int size = 0; size <= r->nloop; size++)
			for (unsigned mask = 0; mask < 1u << r->nloop; mask++) {
				bool any = false;

				if (bits(mask) != size)
					continue;
				for (int i = 0; i < r->n; i++)
					any = any || (e->phase[i] == phase && e->nest[i] == mask);
				if (any)
					emit_nest(e, phase, mask);
			}
		store_reductions(e, phase);
	}
}

/* ---- the whole function ------------------------------------------------------------------------------------------- */

static int64_t
rows_of(const Region *r)
{
	int64_t n = 1;

	for (int l = 0; l < r->nloop; l++)
		if (!r->loop[l].inner)
			n *= r->loop[l].size;
	return n;
}

static int
chunks_of(const Emit *e)
{
	int64_t bytes = 0, rows = rows_of(e->r);
	int     n = CHUNKS;

	for (int i = 0; i < e->r->n; i++)
		if (reduce_is_column(e->r->g, node_at(e, i)))
			bytes += 4 * mask_size(e->r, e->mask[i]);
	while (n > 1 && (n > rows || n * bytes > PARTS_MAX))
		n /= 2;
	return n;
}

static void
declare_locals(const Emit *e, Text *t)
{
	Region *r = e->r;

	for (int i = 0; i < r->n; i++) {
		const Node *n = node_at(e, i);

		if (is_reduce(n) && !(reduce_is_column(r->g, n) && r->columns)) {
			if (!e->mask[i]) {
				text_printf(t, "\t\tfloat r%d = %s;\n", i, n->op == OP_sum ? "0" : "-__builtin_inff()");
				continue;
			}
			text_printf(t, "\t\tfloat r%d[%lld] __attribute__((aligned(64)));\n", i, (long long)mask_size(r, e->mask[i]));
			text_printf(t, "\t\tfor (int64_t i = 0; i < %lld; i++)\n\t\t\tr%d[i] = %s;\n", (long long)mask_size(r, e->mask[i]), i,
			            n->op == OP_sum ? "0" : "-__builtin_inff()");
		} else if (!is_reduce(n) && e->kept[i] && e->mask[i]) {
			text_printf(t, "\t\t%s a%d[%lld] __attribute__((aligned(64)));\n", c_type(n->type.dtype), i, (long long)mask_size(r, e->mask[i]));
		}
	}
}

static void
decode_rows(const Region *r, Text *t)
{
	int outer[MAX_LOOPS], n = 0;

	for (int l = 0; l < r->nloop; l++)
		if (!r->loop[l].inner)
			outer[n++] = l;
	if (n == 1) {
		text_printf(t, "\t\tconst int64_t %s = row;\n", r->loop[outer[0]].var);
		return;
	}
	for (int i = 0; i < n; i++) {
		int64_t below = 1;

		for (int j = i + 1; j < n; j++)
			below *= r->loop[outer[j]].size;
		text_printf(t, "\t\tconst int64_t %s = row", r->loop[outer[i]].var);
		if (below > 1)
			text_printf(t, " / %lld", (long long)below);
		if (i > 0)
			text_printf(t, " %% %lld", (long long)r->loop[outer[i]].size);
		text_printf(t, ";\n");
	}
}

static void
finish_columns(Emit *e, Text *t, int chunks)
{
	Region *r = e->r;

	for (int i = 0; i < r->n; i++) {
		const Node *n = node_at(e, i);
		int         depth = 1;

		if (!is_reduce(n) || !reduce_is_column(r->g, n))
			continue;
		for (int l = 0; l < r->nloop; l++)
			if (e->mask[i] >> l & 1) {
				indent(t, depth++);
				text_printf(t, "for (int64_t %s = 0; %s < %lld; %s++) {\n", r->loop[l].var, r->loop[l].var, (long long)r->loop[l].size, r->loop[l].var);
			}
		indent(t, depth);
		text_printf(t, "float sum%d = part%d[0][%s];\n", i, i, index_text(r, e->mask[i]));
		indent(t, depth);
		text_printf(t, "for (int chunk = 1; chunk < %d; chunk++)\n", chunks);
		indent(t, depth + 1);
		if (n->op == OP_sum)
			text_printf(t, "sum%d += part%d[chunk][%s];\n", i, i, index_text(r, e->mask[i]));
		else
			text_printf(t, "sum%d = d2v_max(sum%d, part%d[chunk][%s]);\n", i, i, i, index_text(r, e->mask[i]));
		indent(t, depth);
		text_printf(t, "%s = sum%d;\n", store_text(e, i), i);
		while (depth > 1) {
			indent(t, --depth);
			text_printf(t, "}\n");
		}
	}
}

static void
emit_columns_loop(Emit *e, Text *t, int64_t rows, bool parallel)
{
	Region *r = e->r;
	int     chunks = chunks_of(e);

	for (int i = 0; i < r->n; i++)
		if (reduce_is_column(r->g, node_at(e, i)))
			text_printf(t, "\tfloat part%d[%d][%lld] __attribute__((aligned(64)));\n", i, chunks, (long long)mask_size(r, e->mask[i]));
	if (parallel)
		text_printf(t, "#pragma omp parallel for schedule(static)\n");
	text_printf(t, "\tfor (int chunk = 0; chunk < %d; chunk++) {\n", chunks);
	for (int i = 0; i < r->n; i++) {
		const Node *n = node_at(e, i);

		if (!reduce_is_column(r->g, n))
			continue;
		if (!e->mask[i]) {
			text_printf(t, "\tfloat c%d = %s;\n", i, n->op == OP_sum ? "0" : "-__builtin_inff()");
			continue;
		}
		text_printf(t, "\tfloat *restrict c%d = part%d[chunk];\n", i, i);
		text_printf(t, "\tfor (int64_t i = 0; i < %lld; i++)\n\t\tc%d[i] = %s;\n", (long long)mask_size(r, e->mask[i]), i,
		            n->op == OP_sum ? "0" : "-__builtin_inff()");
	}
	text_printf(t, "\tfor (int64_t row = %lldL * chunk / %d; row < %lldL * (chunk + 1) / %d; row++) {\n", (long long)rows, chunks, (long long)rows, chunks);
	if (r->nouter)
		decode_rows(r, t);
	declare_locals(e, t);
	text_append(t, e->row.at ? e->row.at : "", e->row.n);
	text_append(t, e->body.at ? e->body.at : "", e->body.n);
	text_printf(t, "\t}\n");
	for (int i = 0; i < r->n; i++)
		if (reduce_is_column(r->g, node_at(e, i)) && !e->mask[i])
			text_printf(t, "\tpart%d[chunk][0] = c%d;\n", i, i);
	text_printf(t, "\t}\n");
	finish_columns(e, t, chunks);
}

static void
emit_rows_loop(Emit *e, Text *t, int64_t rows, bool parallel)
{
	Region *r = e->r;

	if (r->nouter) {
		if (parallel)
			text_printf(t, "#pragma omp parallel for schedule(static)\n");
		text_printf(t, "\tfor (int64_t row = 0; row < %lld; row++) {\n", (long long)rows);
		decode_rows(r, t);
	} else {
		text_printf(t, "\t{\n");
	}
	declare_locals(e, t);
	text_append(t, e->row.at ? e->row.at : "", e->row.n);
	text_append(t, e->body.at ? e->body.at : "", e->body.n);
	text_printf(t, "\t}\n");
}

static void
declare_pointers(const Region *r, Text *t)
{
	for (int i = 0; i < r->pointer.n; i++) {
		const Pointer *p = &r->pointer.at[i];

		text_printf(t, "\t%s%s *restrict p%d = p[%d]; /* ", p->write ? "" : "const ", c_type(p->type.dtype), i, i);
		type_print(t, &p->type);
		text_printf(t, "%s */\n", p->read && p->write ? ", read and written" : p->write ? ", written" : "");
	}
}

void
region_emit(Region *r, Text *out)
{
	Emit    e = {.r = r};
	int64_t rows = rows_of(r), work = rows;
	bool    parallel;

	e.phase = arena_new_array(r->a, int, r->n);
	e.nest = arena_new_array(r->a, unsigned, r->n);
	e.mask = arena_new_array(r->a, unsigned, r->n);
	e.kept = arena_new_array(r->a, bool, r->n);
	for (int l = 0; l < r->nloop; l++)
		if (r->loop[l].inner)
			work *= r->loop[l].size;
	parallel = work >= PARALLEL_MIN;
	assign_nests(&e);
	emit_nests(&e);
	Text loops = {0};
	if (r->columns) {
		emit_columns_loop(&e, &loops, rows, parallel);
	} else if (r->flat) {
		char *at = strstr(e.body.at, "#pragma omp simd\n");

		/* one loop over everything: threads and vectors share it */
		text_append(&loops, e.body.at, (size_t)(at - e.body.at));
		text_printf(&loops, "#pragma omp parallel for simd schedule(static) if (count >= %d)\n", PARALLEL_MIN);
		text_printf(&loops, "%s", at + strlen("#pragma omp simd\n"));
	} else {
		emit_rows_loop(&e, &loops, rows, parallel);
	}
	text_printf(out, "void\n@N@(void *const *p, const Num *n)\n{\n");
	declare_pointers(r, out);
	if (r->flat)
		text_printf(out, "\tconst int64_t count = n[0].i;\n");
	text_printf(out, "@NUMBERS@");
	text_append(out, e.top.at ? e.top.at : "", e.top.n);
	text_append(out, loops.at, loops.n);
	text_printf(out, "}\n");
	text_free(&loops);
	text_free(&e.top);
	text_free(&e.row);
	text_free(&e.body);
	text_free(&e.stores);
}
