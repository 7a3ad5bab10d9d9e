/* The C text of kernels that are one node, for processors: the sum of squares, scatter_add, places,
 * ranks; attention is attend_cpu.c. */
#include "compiler/codegen/emit.h"

/* One launch of a kernel whose text and work are known. */
static void
launch(Builder *b, const char *kind, const char *body, int nnumber, const Draft *d, Drafts *out)
{
	Source s = {.body = body,
	            .kind = kind,
	            .nnumber = nnumber,
	            .first_number = nnumber,
	            .flops = d->step.flops,
	            .bytes = d->step.bytes};

	launch_add(b, &s, d, out);
	source_spec_line(b, out->at[out->n - 1].step.kernel, d->step.loc);
}

void
single_attend_cpu(Builder *b, const AttendKernel *k, const Draft *d, Drafts *out)
{
	Text t = {0};

	attend_emit_cpu(&t, k, "@N@");
	launch(b, k->grad ? "attend_grad" : "attend", arena_strdup(b->a, t.at), k->dropout ? 2 : 0,
	       d, out);
	text_free(&t);
}

/* All gradients lie in one slab with zeros between them: one sweep over it. */
void
single_sum_squares_cpu(Builder *b, const Draft *d, Drafts *out)
{
	launch(b, "sum_squares",
	       "/* Sum of the squares of all gradients: 64 parts of fixed extent, each in 16 "
	       "running sums, added in order in double. */\n"
	       "void\n@N@(void *const *p, const Num *n)\n{\n"
	       "\tconst float *restrict p0 = p[0];\n\tfloat *restrict p1 = p[1];\n\tconst int64_t "
	       "count = n[0].i, part = (count / 16 + 63) / 64 * 16;\n"
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
	       1, d, out);
}

/* Threads own stretches of the other axes, so each sum is made by one thread in the order of the
 * table. */
void
single_scatter_cpu(Builder *b, const ScatterKernel *k, const Draft *d, Drafts *out)
{
	Text    t = {0}, at = {0}, to = {0}, table = {0};
	int64_t others = 1, draws = 1, below = 1;

	for (int i = 0; i < k->nother; i++)
		others *= k->other[i];
	for (int i = 0; i < k->ndraw; i++)
		draws *= k->draw[i];
	text_printf(&t,
	            "/* out[row of the table] += a, in the order of the table */\nvoid\n@N@(void "
	            "*const *p, const Num *n)\n{\n"
	            "\tconst float *restrict p0 = p[0];\n\tconst int32_t *restrict p1 = "
	            "p[1];\n\tfloat *restrict p2 = p[2];\n"
	            "#pragma omp parallel for schedule(static)\n\tfor (int64_t o = 0; o < %lld; "
	            "o++) {\n",
	            (long long)others);
	for (int i = k->nother - 1; i >= 0; i--) {
		text_printf(&t, "\t\tconst int64_t o%d = o / %lld %% %lld;\n", k->axis_of[i],
		            (long long)below, (long long)k->other[i]);
		below *= k->other[i];
		text_printf(&to, " + %lld * o%d", (long long)k->out_other[i], k->axis_of[i]);
		text_printf(&at, " + %lld * o%d", (long long)k->a_other[i], k->axis_of[i]);
		if (k->table_other[i])
			text_printf(&table, "%s%lld * o%d", table.n ? " + " : "",
			            (long long)k->table_other[i], k->axis_of[i]);
	}
	text_printf(&t, "\t\tfor (int64_t r = 0; r < %lld; r++)\n\t\t\tp2[%lld * r%s] = 0;\n",
	            (long long)k->rows, (long long)k->out_row, to.at ? to.at : "");
	text_printf(&t, "\t\tfor (int64_t e = 0; e < %lld; e++) {\n", (long long)draws);
	below = 1;
	for (int i = k->ndraw - 1; i >= 0; i--) {
		text_printf(&t, "\t\t\tconst int64_t e%d = e / %lld %% %lld;\n", i,
		            (long long)below, (long long)k->draw[i]);
		below *= k->draw[i];
		text_printf(&at, " + %lld * e%d", (long long)k->a_draw[i], i);
		text_printf(&table, "%s%lld * e%d", table.n ? " + " : "",
		            (long long)k->table_draw[i], i);
	}
	if (k->sparse)
		text_printf(&t, "\t\t\tif (p1[%s] >= 0)\n\t", table.n ? table.at : "0");
	text_printf(&t, "\t\t\tp2[%lld * p1[%s]%s] += p0[0%s];\n\t\t}\n\t}\n}\n",
	            (long long)k->out_row, table.n ? table.at : "0", to.at ? to.at : "",
	            at.at ? at.at : "");
	launch(b, "scatter", arena_strdup(b->a, t.at), 0, d, out);
	text_free(&t);
	text_free(&at);
	text_free(&to);
	text_free(&table);
}

void
single_order_cpu(Builder *b, const OrderKernel *k, const Draft *d, Drafts *out)
{
	Text    t = {0}, from = {0}, to = {0};
	int64_t outer = 1;

	for (int i = 0; i < k->nouter; i++)
		outer *= k->outer[i];
	text_printf(
		&t,
		"/* %s */\nvoid\n@N@(void *const *p, const Num *n)\n{\n"
		"\tconst uint8_t *restrict p0 = p[0];\n\tint32_t *restrict p1 = p[1];\n"
		"\t(void)n;\n"
		"#pragma omp parallel for schedule(static) if (%lld >= 65536)\n"
		"\tfor (int64_t o = 0; o < %lld; o++) {\n",
		k->ranks ? "How many true elements of its row come before each true one; -1: not "
			   "true"
			 : "Where the true elements of each row lie, in order; -1 behind the last",
		(long long)(outer * k->n), (long long)outer);
	for (int64_t i = k->nouter - 1, below = 1; i >= 0; below *= k->outer[i--]) {
		text_printf(&t, "\t\tconst int64_t o%d = o / %lld %% %lld;\n", (int)i,
		            (long long)below, (long long)k->outer[i]);
		text_printf(&from, " + %lld * o%d", (long long)k->mask_outer[i], (int)i);
		text_printf(&to, " + %lld * o%d", (long long)k->out_outer[i], (int)i);
	}
	text_printf(&t,
	            "\t\tint32_t count = 0;\n"
	            "\t\tfor (int64_t i = 0; i < %lld; i++)\n\t\t\tp1[%lld * i%s] = -1;\n"
	            "\t\tfor (int64_t i = 0; i < %lld && count < %lld; i++) {\n"
	            "\t\t\tif (!p0[%lld * i%s])\n\t\t\t\tcontinue;\n",
	            (long long)k->size, (long long)k->out_step, to.n ? to.at : "", (long long)k->n,
	            (long long)k->most, (long long)k->mask_step, from.n ? from.at : "");
	if (k->ranks)
		text_printf(&t, "\t\t\tp1[%lld * (%lld + i)%s] = count++;\n",
		            (long long)k->out_step, (long long)k->offset, to.n ? to.at : "");
	else
		text_printf(&t, "\t\t\tp1[%lld * count++%s] = (int32_t)(%lld + i);\n",
		            (long long)k->out_step, to.n ? to.at : "", (long long)k->offset);
	text_printf(&t, "\t\t}\n\t}\n}\n");
	launch(b, k->ranks ? "ranks" : "places", arena_strdup(b->a, t.at), 0, d, out);
	text_free(&t);
	text_free(&from);
	text_free(&to);
}
