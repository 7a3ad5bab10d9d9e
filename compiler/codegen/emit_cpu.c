/* The C text of a fused kernel for processors. Rows (outer loops) run in parallel. Inside a row
 * each nest is a loop over arrays; values that later nests need wait in local arrays. Column
 * reductions add up in one array per chunk of rows; chunks are a fixed number, so the order of
 * additions, and with it every bit of the result, does not depend on how many threads there are. */
#include "compiler/codegen/emit_cpu.h"

#include <string.h>

enum {
	CHUNKS = 32,          /* parts of the rows that sum columns on their own */
	PARTS_MAX = 2 << 20,  /* bytes of stack for all such parts */
	PARALLEL_MIN = 16384, /* elements below which waking threads costs more than it gives */
	/* elements up to which a sum's terms are written down first: see emit_row_sums */
	SHORT_ROW = 1024,
};

typedef struct {
	Emit e; /* first: hooks get this */
	Text body, stores;
} Cpu;

static const char *
array_element(Emit *e, char letter, int p)
{
	return arena_printf(e->r->a, "%c%d[%s]", letter, p, index_text(e->r, e->mask[p]));
}

/* ---- one nest ------------------------------------------------------------------------------- */

static const char *
accumulator(const Emit *e, int i)
{
	const char *letter = is_column(e, i) ? "c" : "r";

	return e->mask[i]
	               ? arena_printf(e->r->a, "%s%d[%s]", letter, i, index_text(e->r, e->mask[i]))
	               : arena_printf(e->r->a, "%s%d", letter, i);
}

/* At the end of a loop of vectors their lanes are added up one by one, which for a short row takes
 * longer than the loop. So the terms of a short row go into an array t3, and d2v_sum adds vectors,
 * then halves of one. */
static bool
is_short(const Region *r, int l)
{
	return !r->flat && mask_size(r, 1u << l) <= SHORT_ROW;
}

static bool
is_partial(const Emit *e, int i, int phase, unsigned mask, int innermost)
{
	return is_reduce(node_at(e, i)) && e->phase[i] == phase && e->nest[i] == mask &&
	       !(e->mask[i] >> innermost & 1);
}

/* In front of the innermost loop: what its reductions gather in. */
static void
begin_partials(Cpu *c, int phase, unsigned mask, int l, int depth)
{
	Emit *e = &c->e;
	Text *t = &c->body, sums = {0}, maxima = {0};

	for (int i = 0; i < e->r->n; i++) {
		bool  sum = node_at(e, i)->op == OP_sum;
		Text *list = sum ? &sums : &maxima;

		if (!is_partial(e, i, phase, mask, l))
			continue;
		indent(t, depth);
		if (is_short(e->r, l)) {
			text_printf(t, "float t%d[%lld] D2V_ALIGNED;\n", i,
			            (long long)mask_size(e->r, 1u << l));
			continue;
		}
		text_printf(t, "float t%d = %s;\n", i, sum ? "0" : "-__builtin_inff()");
		text_printf(list, "%st%d", list->n ? ", " : "", i);
	}
	text_printf(t, "#pragma omp simd");
	if (sums.n)
		text_printf(t, " reduction(+ : %s)", sums.at);
	if (maxima.n)
		text_printf(t, " reduction(max : %s)", maxima.at);
	text_printf(t, "\n");
	text_free(&sums);
	text_free(&maxima);
}

static void
end_partials(Cpu *c, int phase, unsigned mask, int l, int depth)
{
	Emit *e = &c->e;
	Text *t = &c->body;

	for (int i = 0; i < e->r->n; i++) {
		bool        sum = node_at(e, i)->op == OP_sum;
		const char *acc = accumulator(e, i), *part = arena_printf(e->r->a, "t%d", i);

		if (!is_partial(e, i, phase, mask, l))
			continue;
		if (is_short(e->r, l))
			part = arena_printf(e->r->a, "d2v_%s_of(t%d, %s)", sum ? "sum" : "top", i,
			                    cpu_length(e->r, l));
		indent(t, depth);
		if (sum)
			text_printf(t, "%s += %s;\n", acc, part);
		else
			text_printf(t, "%s = d2v_top(%s, %s);\n", acc, acc, part);
	}
}

static void
emit_member(Cpu *c, int i, int depth, int innermost)
{
	Emit       *e = &c->e;
	const Node *n = node_at(e, i);
	Text       *t = &c->body;

	if (is_reduce(n)) {
		const char *x = operand(e, i, n->in[0]);
		bool        partial = innermost >= 0 && !(e->mask[i] >> innermost & 1);
		const char *acc = partial ? arena_printf(e->r->a, "t%d", i) : accumulator(e, i);

		indent(t, depth);
		if (partial && is_short(e->r, innermost))
			text_printf(t, "%s[%s] = %s;\n", acc, index_text(e->r, 1u << innermost), x);
		else if (n->op == OP_sum)
			text_printf(t, "%s += %s;\n", acc, x);
		else
			text_printf(t, "%s = d2v_top(%s, %s);\n", acc, acc, x);
		return;
	}
	const char *x = expression(e, i);
	indent(t, depth);
	text_printf(t, "const %s v%d = %s;\n", c_type(n->type.dtype), i, x);
	if (e->kept[i] && e->mask[i]) {
		indent(t, depth);
		text_printf(t, "a%d[%s] = v%d;\n", i, index_text(e->r, e->mask[i]), i);
	}
	/* after all loads of the nest: a variable's new value must not be seen by those who want
	 * the old */
	if (n->place.slab >= 0) {
		indent(&c->stores, depth);
		text_printf(&c->stores, "%s = v%d;\n", store_text(e, i), i);
	}
}

static void
emit_nest(Cpu *c, int phase, unsigned mask)
{
	Emit   *e = &c->e;
	Region *r = e->r;
	Text   *t = &c->body;
	int     depth = 2, innermost = -1;

	for (int l = 0; l < r->nloop; l++)
		if (mask >> l & 1)
			innermost = l;
	for (int l = 0; l < r->nloop; l++) {
		if (!(mask >> l & 1))
			continue;
		if (l == innermost)
			begin_partials(c, phase, mask, l, depth);
		cpu_for(r, l, t, depth++);
	}
	for (int i = 0; i < r->n; i++)
		if (e->phase[i] == phase && e->nest[i] == mask)
			emit_member(c, i, depth, innermost);
	text_append(t, c->stores.at ? c->stores.at : "", c->stores.n);
	c->stores.n = 0;
	for (int l = r->nloop - 1; l >= 0; l--) {
		if (!(mask >> l & 1))
			continue;
		indent(t, --depth);
		text_printf(t, "}\n");
		if (l == innermost)
			end_partials(c, phase, mask, l, depth);
	}
}

/* A row's finished reductions that someone outside wants. */
static void
store_reductions(Cpu *c, int phase)
{
	Emit   *e = &c->e;
	Region *r = e->r;
	Text   *t = &c->body;

	for (int i = 0; i < r->n; i++) {
		const Node *n = node_at(e, i);
		int         depth = 2;

		if (!is_reduce(n) || e->phase[i] != phase || n->place.slab < 0 || is_column(e, i))
			continue;
		for (int l = 0; l < r->nloop; l++)
			if (e->mask[i] >> l & 1)
				cpu_for(r, l, t, depth++);
		indent(t, depth);
		text_printf(t, "%s = %s;\n", store_text(e, i), accumulator(e, i));
		while (depth > 2) {
			indent(t, --depth);
			text_printf(t, "}\n");
		}
	}
}

static void
emit_nests(Cpu *c)
{
	for (int phase = 0; phase < c->e.phases; phase++) {
		for (int64_t mask = -1; next_nest(&c->e, phase, &mask);)
			emit_nest(c, phase, (unsigned)mask);
		store_reductions(c, phase);
	}
}

/* ---- the whole function --------------------------------------------------------------------- */

static int
chunks_of(const Emit *e)
{
	int64_t bytes = 0, rows = rows_of(e->r) * cpu_pieces(e->r);
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

		if (is_reduce(n) && !is_column(e, i)) {
			if (!e->mask[i]) {
				text_printf(t, "\t\tfloat r%d = %s;\n", i,
				            n->op == OP_sum ? "0" : "-__builtin_inff()");
				continue;
			}
			text_printf(t, "\t\tfloat r%d[%lld] __attribute__((aligned(64)));\n", i,
			            (long long)mask_size(r, e->mask[i]));
			text_printf(t,
			            "\t\tfor (int64_t i = 0; i < %lld; i++)\n\t\t\tr%d[i] = %s;\n",
			            (long long)mask_size(r, e->mask[i]), i,
			            n->op == OP_sum ? "0" : "-__builtin_inff()");
		} else if (!is_reduce(n) && e->kept[i] && e->mask[i]) {
			text_printf(t, "\t\t%s a%d[%lld] __attribute__((aligned(64)));\n",
			            c_type(n->type.dtype), i, (long long)mask_size(r, e->mask[i]));
		}
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
			if (e->mask[i] >> l & 1)
				cpu_for(r, l, t, depth++);
		indent(t, depth);
		text_printf(t, "float sum%d = part%d[0][%s];\n", i, i, index_text(r, e->mask[i]));
		indent(t, depth);
		text_printf(t, "for (int chunk = 1; chunk < %d; chunk++)\n", chunks);
		indent(t, depth + 1);
		if (n->op == OP_sum)
			text_printf(t, "sum%d += part%d[chunk][%s];\n", i, i,
			            index_text(r, e->mask[i]));
		else
			text_printf(t, "sum%d = d2v_top(sum%d, part%d[chunk][%s]);\n", i, i, i,
			            index_text(r, e->mask[i]));
		indent(t, depth);
		text_printf(t, "%s = sum%d;\n", store_text(e, i), i);
		while (depth > 1) {
			indent(t, --depth);
			text_printf(t, "}\n");
		}
	}
}

static void
emit_columns_loop(Cpu *c, Text *t, int64_t rows, bool parallel)
{
	Emit   *e = &c->e;
	Region *r = e->r;
	int     chunks = chunks_of(e);

	for (int i = 0; i < r->n; i++)
		if (reduce_is_column(r->g, node_at(e, i)))
			text_printf(t, "\tfloat part%d[%d][%lld] __attribute__((aligned(64)));\n",
			            i, chunks, (long long)mask_size(r, e->mask[i]));
	if (parallel)
		text_printf(t, "#pragma omp parallel for schedule(static)\n");
	text_printf(t, "\tfor (int chunk = 0; chunk < %d; chunk++) {\n", chunks);
	for (int i = 0; i < r->n; i++) {
		const Node *n = node_at(e, i);

		if (!reduce_is_column(r->g, n))
			continue;
		if (!e->mask[i]) {
			text_printf(t, "\tfloat c%d = %s;\n", i,
			            n->op == OP_sum ? "0" : "-__builtin_inff()");
			continue;
		}
		text_printf(t, "\tfloat *restrict c%d = part%d[chunk];\n", i, i);
		text_printf(t, "\tfor (int64_t i = 0; i < %lld; i++)\n\t\tc%d[i] = %s;\n",
		            (long long)mask_size(r, e->mask[i]), i,
		            n->op == OP_sum ? "0" : "-__builtin_inff()");
	}
	text_printf(t,
	            "\tfor (int64_t row = %lldL * chunk / %d; row < %lldL * (chunk + 1) / %d; "
	            "row++) {\n",
	            (long long)rows, chunks, (long long)rows, chunks);
	cpu_decode_rows(r, t);
	declare_locals(e, t);
	text_append(t, e->row.at ? e->row.at : "", e->row.n);
	text_append(t, c->body.at ? c->body.at : "", c->body.n);
	text_printf(t, "\t}\n");
	for (int i = 0; i < r->n; i++)
		if (reduce_is_column(r->g, node_at(e, i)) && !e->mask[i])
			text_printf(t, "\tpart%d[chunk][0] = c%d;\n", i, i);
	text_printf(t, "\t}\n");
	finish_columns(e, t, chunks);
}

static void
emit_rows_loop(Cpu *c, Text *t, int64_t rows, bool parallel)
{
	Emit   *e = &c->e;
	Region *r = e->r;

	if (r->nouter || cpu_lanes(r)) {
		if (parallel)
			text_printf(t, "#pragma omp parallel for schedule(static)\n");
		text_printf(t, "\tfor (int64_t row = 0; row < %lld; row++) {\n", (long long)rows);
		cpu_decode_rows(r, t);
	} else {
		text_printf(t, "\t{\n");
	}
	declare_locals(e, t);
	text_append(t, e->row.at ? e->row.at : "", e->row.n);
	text_append(t, c->body.at ? c->body.at : "", c->body.n);
	text_printf(t, "\t}\n");
}

static void
declare_pointers(const Region *r, Text *t)
{
	for (int i = 0; i < r->pointer.n; i++) {
		const Pointer *p = &r->pointer.at[i];

		text_printf(t, "\t%s%s *restrict p%d = p[%d]; /* ", p->write ? "" : "const ",
		            c_type(p->type.dtype), i, i);
		type_print(t, &p->type);
		text_printf(t, "%s */\n",
		            p->read && p->write ? ", read and written"
		            : p->write          ? ", written"
		                                : "");
	}
}

/* The text of kernel r; the caller frees it. */
static void
emit_region(Region *r, Text *out)
{
	Cpu     c = {.e = {.top_tabs = "\t", .row_tabs = "\t\t", .element = array_element}};
	int64_t rows, work = 1;
	bool    parallel;
	Text    loops = {0};

	for (int l = 0; l < r->nloop; l++)
		work *= r->loop[l].size;
	parallel = work >= PARALLEL_MIN;
	cpu_begin(&c.e, r);
	rows = rows_of(r) * cpu_pieces(r);
	emit_nests(&c);
	if (r->columns) {
		emit_columns_loop(&c, &loops, rows, parallel);
	} else if (r->flat) {
		char *at = strstr(c.body.at, "#pragma omp simd\n");

		/* one loop over everything: threads and vectors share it */
		text_append(&loops, c.body.at, (size_t)(at - c.body.at));
		text_printf(&loops,
		            "#pragma omp parallel for simd schedule(static) if (count >= %d)\n",
		            PARALLEL_MIN);
		text_printf(&loops, "%s", at + strlen("#pragma omp simd\n"));
	} else {
		emit_rows_loop(&c, &loops, rows, parallel);
	}
	text_printf(out, "void\n@N@(void *const *p, const Num *n)\n{\n");
	declare_pointers(r, out);
	if (r->flat)
		text_printf(out, "\tconst int64_t count = n[0].i;\n");
	text_printf(out, "@NUMBERS@");
	text_append(out, c.e.top.at ? c.e.top.at : "", c.e.top.n);
	text_append(out, loops.at, loops.n);
	text_printf(out, "}\n");
	text_free(&loops);
	text_free(&c.body);
	text_free(&c.stores);
	emit_end(&c.e);
}

static void
region_cpu(Builder *b, Region *r, Drafts *out)
{
	Source s = {.first_number = r->flat};
	Draft  d = {0};
	Text   t = {0};

	emit_region(r, &t);
	region_cost(r, &s.flops, &s.bytes);
	s.body = arena_strdup(b->a, t.at);
	s.kind = r->flat                     ? "flat"
	         : r->columns                ? "columns"
	         : r->nouter || cpu_lanes(r) ? "rows"
	                                     : "small";
	s.nnumber = r->number.n;
	d.npointer = r->pointer.n;
	d.pointer = r->pointer.at;
	d.number = r->number.at;
	launch_add(b, &s, &d, out);
	text_free(&t);
}

static void
declare_numbers(const Source *s, Text *t)
{
	for (int k = s->first_number; k < s->nnumber; k++)
		if (s->varies[k])
			text_printf(t,
			            s->number[k].kind == ARG_f32
			                    ? "\tconst float arg%d = (float)n[%d].f;\n"
			                    : "\tconst uint64_t arg%d = n[%d].u;\n",
			            k, argument_position(s, k));
}

static void
include_prelude(const char *hash, Text *t)
{
	text_printf(t, "#include \"prelude.h\" /* %s */\n\n", hash);
}

const TargetCode cpu_code = {
	.region = region_cpu,
	.attend = single_attend_cpu,
	.sum_squares = single_sum_squares_cpu,
	.scatter = single_scatter_cpu,
	.order = single_order_cpu,
	.declare = declare_numbers,
	.head = include_prelude,
	.infinity = "__builtin_inff()",
	.nan = "__builtin_nanf(\"\")",
};
