/* Sums over all rows, which leave columns. Every block adds up its own stretch of rows; a second
 * launch adds the blocks' sums in order. With one block there is no second launch. */
#include "compiler/codegen/emit_cuda.h"

enum { FINISH_GROUPS = 32, FINISH_COLUMNS = 32 };

static int64_t
columns_of(const Cuda *c, int i)
{
	return mask_size(c->e.r, c->e.mask[i]);
}

/* The number of sums a thread holds of a staged reduction. */
static int64_t
staged_steps(const Cuda *c, int i)
{
	return (columns_of(c, i) + c->block - 1) / c->block;
}

void
cuda_column_start(Cuda *c, Text *t)
{
	Emit *e = &c->e;

	c->total = 0;
	c->start = arena_new_array(e->r->a, int64_t, e->r->n);
	for (int i = 0; i < e->r->n; i++) {
		const char *start = cuda_start_value(node_at(e, i)), *size;

		if (!is_column(e, i))
			continue;
		c->start[i] = c->total;
		c->total += columns_of(c, i);
		if (!e->mask[i])
			size = "";
		else if (cuda_is_staged(c, i))
			size = staged_steps(c, i) > 1 ? arena_printf(e->r->a, "[%lld]",
			                                             (long long)staged_steps(c, i))
			                              : "";
		else
			size = cuda_dimensions(c, cuda_deal(c, e->mask[i]));
		if (!*size) {
			text_printf(t, "\tfloat c%d = %s;\n", i, start);
		} else if (node_at(e, i)->op == OP_sum) {
			text_printf(t, "\tfloat c%d%s = {};\n", i, size);
		} else {
			const Deal *d = cuda_deal(c, e->mask[i]);
			int64_t     n = cuda_is_staged(c, i) ? staged_steps(c, i)
			                                     : (int64_t)d->steps * d->width;

			text_printf(
				t,
				"\tfloat c%d%s;\n#pragma unroll\n\tfor (int k = 0; k < %lld; k++)\n\t\t((float *)c%d)[k] = %s;\n",
				i, size, (long long)n, i, start);
		}
	}
}

/* Where result `at` of reduction i goes, given `at` as text; the variables of its loops are known
 * when they are needed. */
static const char *
destination(Cuda *c, int i, const char *at)
{
	if (c->grid == 1)
		return store_text(&c->e, i);
	return arena_printf(c->e.r->a, "out[%lld + %s]", (long long)c->start[i], at);
}

static void
decode_columns(Cuda *c, int i, Text *t, int depth)
{
	if (c->grid == 1)
		decode_loops(c->e.r, t, c->e.mask[i], "int", "at", depth);
}

/* One sum of all threads: lanes of a warp, then warps. */
static void
end_number(Cuda *c, int i, Text *t)
{
	Emit       *e = &c->e;
	const char *how = node_at(e, i)->op == OP_sum ? "sum" : "max";
	int         warps = c->block / 32;

	if (!e->nest[i] && c->lanes > 1) /* every lane has counted the row */
		text_printf(t, "\tif (lane > 0)\n\t\tc%d = %s;\n", i,
		            cuda_start_value(node_at(e, i)));
	text_printf(t, "\tc%d = d2v_warp_%s(c%d);\n", i, how, i);
	if (warps > 1) {
		text_printf(
			t,
			"\tif (threadIdx.x %% 32 == 0)\n\t\tsums[threadIdx.x / 32] = c%d;\n\td2v_barrier();\n",
			i);
		text_printf(
			t,
			"\tif (threadIdx.x == 0)\n\t\t%s = d2v_%s<%d>(sums);\n\td2v_barrier();\n",
			destination(c, i, "0"), *how == 's' ? "total" : "most", warps);
	} else {
		text_printf(t, "\tif (threadIdx.x == 0)\n\t\t%s = c%d;\n", destination(c, i, "0"),
		            i);
	}
}

/* The same to scratch, four neighbours at a time. */
static void
end_wide(Cuda *c, int i, const Deal *d, Text *t)
{
	Text inside = {0};
	int  depth = c->depth;

	text_printf(&inside, "d2v_store(out + %lld + %s, c%d%s);\n", (long long)c->start[i],
	            cuda_first_index(c, d), i, d->steps > 1 ? "[k]" : "");
	c->depth = 1;
	cuda_around(c, d, &inside, t);
	c->depth = depth;
	text_free(&inside);
}

/* Sums of which every thread of a row holds its own: through shared memory when several rows went
 * in parallel. */
static void
end_columns(Cuda *c, int i, Text *t)
{
	Emit       *e = &c->e;
	Region     *r = e->r;
	const Deal *d = cuda_deal(c, e->mask[i]);
	const char *from = cuda_register(c, d, arena_printf(r->a, "c%d", i)), *to;
	const char *lane =
		c->lanes > 1
			? d->steps > 1 ? arena_printf(r->a, "(%d * k + lane)", c->lanes) : "lane"
		: d->steps > 1 ? "k"
			       : "0";
	int depth = 1;

	if (c->teams == 1 && c->grid > 1 && d->width == 4 && c->start[i] % 4 == 0 &&
	    c->total % 4 == 0) {
		end_wide(c, i, d, t);
		return;
	}
	if (d->steps > 1) {
		text_printf(t, "#pragma unroll\n\tfor (int k = 0; k < %d; k++)%s\n", d->steps,
		            d->width > 1 ? "" : " {");
		depth++;
	}
	if (d->width > 1) {
		text_printf(t, "#pragma unroll\n");
		indent(t, depth++);
		text_printf(t, "for (int j = 0; j < %d; j++) {\n", d->width);
	} else if (d->steps == 1) {
		text_printf(t, "\t{\n");
		depth++;
	}
	indent(t, depth);
	text_printf(t, d->width > 1 ? "const int at = %d * %s + j;\n" : "const int at = %d * %s;\n",
	            d->width, lane);
	if (!d->whole || (int64_t)d->steps * d->width * c->lanes != d->size) {
		indent(t, depth++);
		text_printf(t, "if (at < %lld) {\n", (long long)d->size);
	}
	if (c->teams == 1) {
		decode_columns(c, i, t, depth);
		to = destination(c, i, "at");
	} else {
		to = arena_printf(r->a, "sums[%lld * (threadIdx.x / %d) + at]", (long long)d->size,
		                  c->lanes);
	}
	indent(t, depth);
	text_printf(t, "%s = %s;\n", to, from);
	while (depth > (d->steps > 1 && d->width > 1 ? 2 : 1)) {
		indent(t, --depth);
		text_printf(t, "}\n");
	}
	if (c->teams == 1)
		return;
	text_printf(t, "\td2v_barrier();\n\tfor (int at = threadIdx.x; at < %lld; at += %d) {\n",
	            (long long)d->size, c->block);
	text_printf(t, "\t\tfloat sum = sums[at];\n\t\tfor (int team = 1; team < %d; team++)\n",
	            c->teams);
	text_printf(t,
	            node_at(e, i)->op == OP_sum
	                    ? "\t\t\tsum += sums[%lld * team + at];\n"
	                    : "\t\t\tsum = d2v_top(sum, sums[%lld * team + at]);\n",
	            (long long)d->size);
	decode_columns(c, i, t, 2);
	text_printf(t, "\t\t%s = sum;\n\t}\n\td2v_barrier();\n", destination(c, i, "at"));
}

static void
end_staged(Cuda *c, int i, Text *t)
{
	int64_t n = columns_of(c, i), steps = staged_steps(c, i);

	text_printf(
		t,
		"\tfor (int k = 0; k < %lld; k++) {\n\t\tconst int at = %d * k + threadIdx.x;\n\t\tif (at < %lld) {\n",
		(long long)steps, c->block, (long long)n);
	decode_columns(c, i, t, 3);
	text_printf(t, "\t\t\t%s = c%d%s;\n\t\t}\n\t}\n", destination(c, i, "at"), i,
	            steps > 1 ? "[k]" : "");
}

void
cuda_column_end(Cuda *c, Text *t)
{
	Emit   *e = &c->e;
	int64_t shared = 0;

	for (int i = 0; i < e->r->n; i++) {
		int64_t need;

		if (!is_column(e, i) || cuda_is_staged(c, i))
			continue;
		need = !e->mask[i] ? c->block / 32 : c->teams > 1 ? c->teams * columns_of(c, i) : 0;
		shared = need > shared ? need : shared;
	}
	if (shared)
		text_printf(t, "\tD2V_SHARED(float, sums, %lld);\n", (long long)shared);
	if (c->grid > 1)
		text_printf(t, "\tfloat *const out = scratch + %lldll * blockIdx.x;\n",
		            (long long)c->total);
	for (int i = 0; i < e->r->n; i++) {
		if (!is_column(e, i))
			continue;
		if (!e->mask[i])
			end_number(c, i, t);
		else if (cuda_is_staged(c, i))
			end_staged(c, i, t);
		else
			end_columns(c, i, t);
	}
}

/* ---- the second launch ---------------------------------------------------------------------- */

/* Columns that hold maxima, as a condition on `column`; NULL when there are none. */
static const char *
maxima(const Cuda *c)
{
	const Emit *e = &c->e;
	const char *text = NULL;

	for (int i = 0; i < e->r->n; i++)
		if (is_column(e, i) && node_at(e, i)->op == OP_rmax)
			text = arena_printf(e->r->a, "%s%s(column >= %lld && column < %lld)",
			                    text ? text : "", text ? " || " : "",
			                    (long long)c->start[i],
			                    (long long)(c->start[i] + columns_of(c, i)));
	return text;
}

static void
write_finish(Cuda *c, const char *most, Text *t)
{
	Emit *e = &c->e;

	text_printf(t, "extern \"C\" __global__ void __launch_bounds__(%d)\n@N@(",
	            FINISH_GROUPS * FINISH_COLUMNS);
	for (int i = 0; i < e->r->pointer.n; i++)
		text_printf(t, "float *__restrict__ p%d, ", i);
	text_printf(t, "const float *__restrict__ scratch)\n{\n\tD2V_SHARED(float, part, %d);\n",
	            FINISH_GROUPS * (FINISH_COLUMNS + 1));
	text_printf(
		t,
		"\tconst int lane = threadIdx.x %% %d, group = threadIdx.x / %d, column = blockIdx.x * %d + lane;\n",
		FINISH_COLUMNS, FINISH_COLUMNS, FINISH_COLUMNS);
	if (most)
		text_printf(t,
		            "\tconst bool most = %s;\n\tfloat sum = most ? -d2v_infinity() : 0;\n",
		            most);
	else
		text_printf(t, "\tfloat sum = 0;\n");
	text_printf(
		t,
		"\tif (column < %lld) {\n#pragma unroll 8\n\t\tfor (int block = group; block < %lld; block += %d) {\n",
		(long long)c->total, (long long)c->grid, FINISH_GROUPS);
	text_printf(t, "\t\t\tconst float x = scratch[%lldll * block + column];\n",
	            (long long)c->total);
	text_printf(t, most ? "\t\t\tsum = most ? d2v_top(sum, x) : sum + x;\n\t\t}\n\t}\n"
	                    : "\t\t\tsum += x;\n\t\t}\n\t}\n");
	text_printf(
		t,
		"\tpart[%d * group + lane] = sum;\n\td2v_barrier();\n\tif (group > 0 || column >= %lld)\n\t\treturn;\n",
		FINISH_COLUMNS + 1, (long long)c->total);
	text_printf(t, "\tfor (int i = 1; i < %d; i++)\n", FINISH_GROUPS);
	text_printf(t,
	            most ? "\t\tsum = most ? d2v_top(sum, part[%d * i + lane]) : sum + part[%d * i "
	                   "+ lane];\n"
	                 : "\t\tsum += part[%d * i + lane];\n",
	            FINISH_COLUMNS + 1, FINISH_COLUMNS + 1);
	for (int i = 0; i < e->r->n; i++) {
		int64_t end = c->start[i] + columns_of(c, i);

		if (!is_column(e, i))
			continue;
		text_printf(t, "\t%sif (column < %lld) {\n", c->start[i] ? "else " : "",
		            (long long)end);
		if (e->mask[i]) {
			text_printf(t, "\t\tconst int at = column - %lld;\n",
			            (long long)c->start[i]);
			decode_loops(e->r, t, e->mask[i], "int", "at", 2);
		}
		text_printf(t, "\t\t%s = sum;\n\t}\n", store_text(e, i));
	}
	text_printf(t, "}\n");
}

void
cuda_finish(Cuda *c, Builder *b, Drafts *out)
{
	Region     *r = c->e.r;
	Source      s = {.kind = "finish", .block = FINISH_GROUPS * FINISH_COLUMNS};
	Draft       d = {0};
	Text        t = {0};
	const char *most = maxima(c);

	r->pointer.at = NULL;
	r->pointer.n = r->pointer.cap = 0;
	for (int i = 0; i < r->n; i++) /* in the order in which the text will name them */
		if (is_column(&c->e, i))
			(void)store_text(&c->e, i);
	write_finish(c, most, &t);
	vec_push(b->a, &r->pointer,
	         scratch_pointer(b, 0, (c->grid * c->total + 15) / 16 * 16, false));
	s.about = arena_printf(b->a, " * Adds up %lld sums of each of %lld blocks, in order.\n",
	                       (long long)c->total, (long long)c->grid);
	s.flops = (double)(c->grid * c->total);
	s.bytes = 4.0 * (double)(c->grid + 1) * (double)c->total;
	s.grid = (c->total + FINISH_COLUMNS - 1) / FINISH_COLUMNS;
	s.body = arena_strdup(b->a, t.at);
	d.npointer = r->pointer.n;
	d.pointer = r->pointer.at;
	launch_add(b, &s, &d, out);
	text_free(&t);
}
