/* The CUDA text of kernels that are one node: the sum of squares, scatter_add, places, ranks;
 * attention is attend_cuda.c. Sums have one order; nothing is added atomically. */
#include "compiler/codegen/emit.h"

enum {
	PARTS = 528, /* blocks that sum squares; each leaves one number */
	PARTS_BLOCK = 512,
	SCATTER_LANES = 256,
	SCATTER_MOST = 16, /* sums of a thread */
	ORDER_BLOCK = 256,
};

static void
launch(Builder *b, Source *s, const Draft *d, Drafts *out)
{
	launch_add(b, s, d, out);
	source_spec_line(b, out->at[out->n - 1].step.kernel, d->step.loc);
	out->at[out->n - 1].step.loc = d->step.loc;
}

/* ---- attention ------------------------------------------------------------------------------ */

/* Some pointers of an attention's draft, which come as q k v [r] [sample step seed] and the rest. */
static int
take(Pointer *to, int n, const Draft *d, int from, int count)
{
	for (int i = 0; i < count; i++)
		to[n++] = d->pointer[from + i];
	return n;
}

static double
pointer_bytes(const Pointer *p, int n)
{
	double bytes = 0;
	for (int i = 0; i < n; i++)
		bytes += (double)type_bytes(&p[i].type);
	return bytes;
}

/* The launch that comes first, which reads what stands between v and the rest; floats it leaves. */
static int64_t
attend_ready_cuda(Builder *b, const AttendKernel *k, const Draft *d, int between, Drafts *out)
{
	Draft        ready = *d;
	AttendLaunch l = {0};
	Text         t = {0};
	bool         any = attend_emit_cuda_ready(&t, k, "@N@", &l);

	if (any) {
		Source s = {.kind = "attend_ready",
		            .nnumber = k->dropout ? 2 : 0,
		            .first_number = k->dropout ? 2 : 0,
		            .body = arena_strdup(b->a, t.at),
		            .block = l.block,
		            .grid = l.grid};
		ready.pointer = arena_new_array(b->a, Pointer, between + 1);
		ready.npointer = take(ready.pointer, 0, d, 3, between);
		ready.pointer[ready.npointer++] = scratch_pointer(b, 0, l.scratch / 4, true);
		s.bytes = pointer_bytes(ready.pointer, ready.npointer);
		s.flops = s.bytes / 4;
		launch(b, &s, &ready, out);
	}
	text_free(&t);
	return any ? l.scratch / 4 : 0;
}

/* Adds up what the blocks of a gradient left of dr. */
static void
attend_finish_cuda(Builder *b, const Draft *d, const char *body, const AttendLaunch *finish,
                   int64_t at, int64_t floats, Drafts *out)
{
	Draft  second = *d;
	Source s = {.kind = "attend_finish",
	            .body = body,
	            .block = finish->block,
	            .shared = finish->shared,
	            .grid = finish->grid,
	            .flops = (double)floats};

	second.pointer = arena_new_array(b->a, Pointer, 2);
	second.pointer[0] = scratch_pointer(b, at, floats, false);
	second.pointer[1] = d->pointer[d->npointer - 1];
	second.npointer = 2;
	s.bytes = pointer_bytes(second.pointer, 2);
	launch(b, &s, &second, out);
}

void
single_attend_cuda(Builder *b, const AttendKernel *k, const Draft *d, Drafts *out)
{
	int          between = k->has_bias + 3 * k->dropout, n;
	int64_t      left = attend_ready_cuda(b, k, d, between, out), floats;
	int          numbers = !k->dropout ? 0 : left ? 1 : 2; /* rate, and site where it draws */
	Draft        first = *d;
	AttendLaunch l = {0}, finish = {0};
	Text         t = {0}, f = {0};
	bool         more;

	attend_emit_cuda(&t, k, "@N@", &l);
	more = attend_emit_cuda_finish(&f, k, "@N@", &finish);
	floats = (l.scratch + 3) / 4;
	first.pointer = arena_new_array(b->a, Pointer, d->npointer + 2);
	n = take(first.pointer, 0, d, 0, left ? 3 : 3 + between);
	if (left)
		first.pointer[n++] = scratch_pointer(b, 0, left, false);
	/* dr, the last, is left to the launch that follows */
	n = take(first.pointer, n, d, 3 + between, d->npointer - more - (3 + between));
	Source s = {.kind = k->grad ? "attend_grad" : "attend",
	            .nnumber = numbers,
	            .first_number = numbers,
	            .body = arena_strdup(b->a, t.at),
	            .block = l.block,
	            .shared = l.shared,
	            .grid = l.grid,
	            .flops = d->step.flops,
	            .bytes = pointer_bytes(first.pointer, n)};
	if (floats) {
		first.pointer[n] = scratch_pointer(b, left, floats, true);
		/* what no later launch reads, the kernel reads itself */
		first.pointer[n++].read = !more;
	}
	first.npointer = n;
	launch(b, &s, &first, out);
	if (more)
		attend_finish_cuda(b, d, arena_strdup(b->a, f.at), &finish, left, floats, out);
	text_free(&t);
	text_free(&f);
}

/* ---- sum of squares ------------------------------------------------------------------------- */

/* All gradients lie in one slab with zeros between them: one sweep over it, then the blocks' sums.
 */
void
single_sum_squares_cuda(Builder *b, const Draft *d, Drafts *out)
{
	Source s = {.kind = "sum_squares",
	            .nnumber = 1,
	            .first_number = 1,
	            .flops = d->step.flops,
	            .bytes = d->step.bytes,
	            .block = PARTS_BLOCK,
	            .grid = PARTS};
	Draft  first = *d, second = *d;

	first.pointer = arena_new_array(b->a, Pointer, 2);
	first.pointer[0] = d->pointer[0];
	first.pointer[1] = scratch_pointer(b, 0, PARTS, true);
	s.about = arena_printf(
		b->a,
		" * Squares of all gradients: %d blocks add up as many parts of equal extent, 4 neighbours a thread.\n",
		PARTS);
	s.body = arena_printf(
		b->a,
		"extern \"C\" __global__ void __launch_bounds__(%d)\n"
		"@N@(const float *__restrict__ p0, float *__restrict__ scratch, long long count@NUMBERS@)\n"
		"{\n"
		"\tD2V_SHARED(float, part, %d);\n"
		"\tconst int64_t span = ((count + %d) / %d + 3) / 4 * 4, start = span * blockIdx.x;\n"
		"\tconst int64_t end = start + span < count ? start + span : count;\n"
		"\tfloat sum[4] = {};\n"
		"#pragma unroll 4\n"
		"\tfor (int64_t i = start + 4 * threadIdx.x; i < end; i += %d) {\n"
		"\t\tfloat x[4];\n"
		"\t\td2v_load_some(x, p0 + i, end - i);\n"
		"#pragma unroll\n"
		"\t\tfor (int j = 0; j < 4; j++)\n"
		"\t\t\tsum[j] += x[j] * x[j];\n"
		"\t}\n"
		"\tconst float all = d2v_warp_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));\n"
		"\tif (threadIdx.x %% 32 == 0)\n"
		"\t\tpart[threadIdx.x / 32] = all;\n"
		"\td2v_barrier();\n"
		"\tif (threadIdx.x == 0)\n"
		"\t\tscratch[blockIdx.x] = d2v_total<%d>(part);\n"
		"}\n",
		PARTS_BLOCK, PARTS_BLOCK / 32, PARTS - 1, PARTS, 4 * PARTS_BLOCK, PARTS_BLOCK / 32);
	launch(b, &s, &first, out);
	second.pointer = arena_new_array(b->a, Pointer, 2);
	second.pointer[0] = scratch_pointer(b, 0, PARTS, false);
	second.pointer[1] = d->pointer[1];
	second.number = NULL;
	s = (Source){.kind = "sum_squares_finish",
	             .flops = PARTS,
	             .bytes = 4.0 * (PARTS + 1),
	             .block = 32,
	             .grid = 1,
	             .about = " * Adds up the blocks' sums of squares, in double.\n"};
	s.body = arena_printf(b->a,
	                      "extern \"C\" __global__ void __launch_bounds__(32)\n"
	                      "@N@(const float *__restrict__ scratch, float *__restrict__ p1)\n"
	                      "{\n"
	                      "\tD2V_SHARED(double, part, 32);\n"
	                      "\tdouble sum = 0;\n"
	                      "\tfor (int i = threadIdx.x; i < %d; i += 32)\n"
	                      "\t\tsum += scratch[i];\n"
	                      "\tpart[threadIdx.x] = sum;\n"
	                      "\td2v_barrier();\n"
	                      "\tif (threadIdx.x > 0)\n"
	                      "\t\treturn;\n"
	                      "\tfor (int i = 1; i < 32; i++)\n"
	                      "\t\tsum += part[i];\n"
	                      "\tp1[0] = (float)sum;\n"
	                      "}\n",
	                      PARTS);
	launch(b, &s, &second, out);
}

/* ---- scatter_add ---------------------------------------------------------------------------- */

/* `sum of STRIDE * NAMEi`, each NAMEi an int below size[i]. *most: how far what stands before it in the same sum
 * may reach, and then this, too; a term that takes the sum beyond 31 bits is one of 64. */
static const char *
position(Arena *a, const int64_t *stride, const int64_t *size, int n, char name, int64_t *most)
{
	const char *text = NULL;

	for (int i = 0; i < n; i++) {
		const char *plus = text ? arena_printf(a, "%s + ", text) : "";

		if (stride[i] == 0)
			continue;
		*most += stride[i] * size[i];
		text = arena_printf(a, "%s%lld%s * %c%d", plus, (long long)stride[i],
		                    *most > INT32_MAX ? "ll" : "", name, i);
	}
	return text ? text : "0";
}

static void
decode(Text *t, const int64_t *size, int n, char name, const char *from, const char *tabs)
{
	int64_t below = 1;

	for (int i = n - 1; i >= 0; i--) {
		text_printf(t, "%sconst int %c%d = %s / %lld %% %lld;\n", tabs, name, i, from,
		            (long long)below, (long long)size[i]);
		below *= size[i];
	}
}

/* Others whose place in the table is the same may share the search. */
static int64_t
scatter_together(const ScatterKernel *k, int64_t others)
{
	for (int i = 0; i < k->nother; i++)
		if (k->table_other[i] != 0 && k->other[i] > 1)
			return 1;
	return others < SCATTER_MOST ? others : SCATTER_MOST;
}

/* A block owns one row of out, for several others at a time, and looks through the whole table for
 * it: a row's places differ in number from row to row, but each thread goes through its part of the
 * table in order, and threads are added up in order. */
void
single_scatter_cuda(Builder *b, const ScatterKernel *k, const Draft *d, Drafts *out)
{
	Source  s = {.kind = "scatter",
	             .flops = d->step.flops,
	             .bytes = d->step.bytes,
	             .block = SCATTER_LANES};
	int64_t others = 1, draws = 1, together, groups, most = 0;
	Text    t = {0};

	const char *other_part;

	for (int i = 0; i < k->nother; i++)
		others *= k->other[i];
	for (int i = 0; i < k->ndraw; i++)
		draws *= k->draw[i];
	together = scatter_together(k, others);
	groups = (others + together - 1) / together;
	s.about = arena_printf(
		b->a,
		" * out[row of the table] += a: a block for each of %lld rows and %lld of %lld others, through a table of %lld.\n",
		(long long)k->rows, (long long)together, (long long)others, (long long)draws);
	text_printf(
		&t,
		"extern \"C\" __global__ void __launch_bounds__(%d)\n"
		"@N@(const float *__restrict__ p0, const int32_t *__restrict__ p1, float *__restrict__ p2)\n"
		"{\n"
		"\tenum { OTHERS = %lld, GROUP = %lld, WARPS = %d };\n"
		"\tD2V_SHARED(float, part, GROUP * WARPS);\n"
		"\tconst int first = blockIdx.x %% %lld * GROUP, row = blockIdx.x / %lld;\n"
		"\tfloat sum[GROUP] = {};\n",
		SCATTER_LANES, (long long)others, (long long)together, SCATTER_LANES / 32,
		(long long)groups, (long long)groups);
	if (together == 1)
		decode(&t, k->other, k->nother, 'o', "first", "\t");
	text_printf(&t, "\tfor (int e = threadIdx.x; e < %lld; e += %d) {\n", (long long)draws,
	            SCATTER_LANES);
	decode(&t, k->draw, k->ndraw, 'e', "e", "\t\t");
	other_part = together == 1 ? position(b->a, k->table_other, k->other, k->nother, 'o', &most)
	                           : "0";
	text_printf(&t, "\t\tif (p1[%s + %s] != row)\n\t\t\tcontinue;\n", other_part,
	            position(b->a, k->table_draw, k->draw, k->ndraw, 'e', &most));
	text_printf(&t, "#pragma unroll\n"
	                "\t\tfor (int i = 0; i < GROUP; i++) {\n");
	if (together > 1)
		decode(&t, k->other, k->nother, 'o', "(first + i)", "\t\t\t");
	most = 0;
	other_part = position(b->a, k->a_other, k->other, k->nother, 'o', &most);
	text_printf(&t,
	            "\t\t\tif (first + i < OTHERS)\n"
	            "\t\t\t\tsum[i] += p0[%s + %s];\n\t\t}\n\t}\n",
	            other_part, position(b->a, k->a_draw, k->draw, k->ndraw, 'e', &most));
	text_printf(&t, "#pragma unroll\n"
	                "\tfor (int i = 0; i < GROUP; i++) {\n"
	                "\t\tsum[i] = d2v_warp_sum(sum[i]);\n"
	                "\t\tif (threadIdx.x %% 32 == 0)\n"
	                "\t\t\tpart[i * WARPS + threadIdx.x / 32] = sum[i];\n"
	                "\t}\n"
	                "\td2v_barrier();\n"
	                "\tconst int other = first + (int)threadIdx.x;\n"
	                "\tif (threadIdx.x >= GROUP || other >= OTHERS)\n"
	                "\t\treturn;\n");
	if (together > 1)
		decode(&t, k->other, k->nother, 'o', "other", "\t");
	most = k->out_row * k->rows;
	text_printf(&t,
	            "\tp2[%lld%s * row + %s] = d2v_total<WARPS>(part + threadIdx.x * WARPS);\n}\n",
	            (long long)k->out_row, most > INT32_MAX ? "ll" : "",
	            position(b->a, k->out_other, k->other, k->nother, 'o', &most));
	s.grid = k->rows * groups;
	s.body = arena_strdup(b->a, t.at);
	launch(b, &s, d, out);
	text_free(&t);
}

/* ---- places and ranks of a mask -------------------------------------------------------------- */

/* A block owns a row; a thread counts what is true before its element, which all threads of a warp
 * read from the same place. */
void
single_order_cuda(Builder *b, const OrderKernel *k, const Draft *d, Drafts *out)
{
	Source      s = {.kind = k->ranks ? "ranks" : "places",
	                 .flops = d->step.flops,
	                 .bytes = d->step.bytes,
	                 .block = ORDER_BLOCK,
	                 .grid = 1};
	int64_t     mask_most = k->mask_step * k->n, out_most = k->out_step * (k->offset + k->size);
	const char *from = position(b->a, k->mask_outer, k->outer, k->nouter, 'o', &mask_most),
		   *to = position(b->a, k->out_outer, k->outer, k->nouter, 'o', &out_most);
	Text t = {0};

	for (int i = 0; i < k->nouter; i++)
		s.grid *= k->outer[i];
	s.about =
		k->ranks
			? " * How many true elements of its row come before each true one; -1: not "
			  "true. A block a row.\n"
			: " * Where the true elements of each row lie, in order; -1 behind the "
			  "last. A block a row.\n";
	text_printf(&t,
	            "extern \"C\" __global__ void __launch_bounds__(%d)\n"
	            "@N@(const unsigned char *__restrict__ p0, int32_t *__restrict__ p1)\n{\n",
	            ORDER_BLOCK);
	decode(&t, k->outer, k->nouter, 'o', "(int)blockIdx.x", "\t");
	text_printf(&t,
	            "\tfor (int i = threadIdx.x; i < %lld; i += %d)\n"
	            "\t\tp1[%s + %lld * i] = -1;\n"
	            "\td2v_barrier();\n"
	            "\tfor (int i = threadIdx.x; i < %lld; i += %d) {\n"
	            "\t\tint count = 0;\n"
	            "\t\tif (!p0[%s + %lld * i])\n\t\t\tcontinue;\n"
	            "\t\tfor (int j = 0; j < i; j++)\n"
	            "\t\t\tcount += p0[%s + %lld * j] != 0;\n"
	            "\t\tif (count < %lld)\n",
	            (long long)k->size, ORDER_BLOCK, to, (long long)k->out_step, (long long)k->n,
	            ORDER_BLOCK, from, (long long)k->mask_step, from, (long long)k->mask_step,
	            (long long)k->most);
	if (k->ranks)
		text_printf(&t, "\t\t\tp1[%s + %lld * (%lld + i)] = count;\n\t}\n}\n", to,
		            (long long)k->out_step, (long long)k->offset);
	else
		text_printf(&t, "\t\t\tp1[%s + %lld * count] = %lld + i;\n\t}\n}\n", to,
		            (long long)k->out_step, (long long)k->offset);
	s.body = arena_strdup(b->a, t.at);
	launch(b, &s, d, out);
	text_free(&t);
}
