/* attend_cpu_grad: the body of the gradient kernel. See attend_cpu.c for the shared pieces and
 * for what is refused.
 *
 * Nothing of the forward pass is kept: a block of queries computes its scores and its whole
 * softmax rows P again, and then
 *     dP = drop(dout v^T),  D = sum over U of dP P,  dS = P (dP - D),
 *     dq = scale dS k,  dk = scale dS^T q,  dv = drop(P)^T dout,  dr = sum of dS over images.
 * dk and dv stay in scratch until the task ends. dr belongs to all images of a head: image i adds
 * a block of rows only after image i - 1 has added the same block, so the order of that sum, and
 * every bit of it, is the same for any number of threads; in the usual order of tasks nobody
 * waits. Tasks are taken in rising order, hence the lowest unfinished one never waits for a later
 * one, and no deadlock is possible. */
#include "compiler/codegen/attend_private.h"

static void
scratch_text(Text *out, const AttendKernel *k)
{
	if (k->has_bias)
		text_printf(out, "\tint done[HEADS * IMAGES] = {0}; /* per task: rows whose dS is "
		                 "in dr */\n");
	text_printf(
		out,
		"#pragma omp parallel\n\t{\n"
		"\t\tfloat keys[UP * EP] D2V_ALIGNED, keys_turned[UP * EP] D2V_ALIGNED, values_turned[UP * EP] D2V_ALIGNED;\n"
		"\t\tfloat dkeys[(UP + MR) * EP] D2V_ALIGNED, dvalues[(UP + MR) * EP] D2V_ALIGNED;\n"
		"\t\tfloat slope[(ROWS + 1) * UP] D2V_ALIGNED, dsums[ROWS * EP] D2V_ALIGNED, dquery[ROWS * EP] D2V_ALIGNED, dot[ROWS];\n");
	if (attend_half(k))
		text_printf(
			out,
			"\t\tfloat chance_pairs[(ROWS / 2 + 1) * UP] D2V_ALIGNED, slope_pairs[(ROWS / 2 + 1) * UP] D2V_ALIGNED;\n"
			"\t\tfloat slope_words[ROWS * UP / 2] D2V_ALIGNED, query_pairs[ROWS / 2 * EP] D2V_ALIGNED, dsums_pairs[ROWS / 2 * EP] D2V_ALIGNED;\n"
			"\t\tmemset(chance_pairs, 0, sizeof chance_pairs);\n\t\tmemset(slope_pairs, 0, sizeof slope_pairs);\n"
			"\t\tmemset(slope_words, 0, sizeof slope_words);\n\t\tmemset(query_pairs, 0, sizeof query_pairs);\n"
			"\t\tmemset(dsums_pairs, 0, sizeof dsums_pairs);\n");
	text_printf(out, "\t\tmemset(keys, 0, sizeof keys);\n\t\tmemset(dsums, 0, sizeof "
	                 "dsums);\n\t\tmemset(slope, 0, sizeof slope);\n");
	attend_scratch(out, k);
}

/* score and slope hold q k and dout v; afterwards drop(P) and dS. */
static void
row_text(Text *out, const AttendKernel *k)
{
	attend_softmax(out, k, "1");
	attend_row(out, k);
	text_printf(out, "\t\t\t\t\tfloat *y = slope + i * UP, term[UP] D2V_ALIGNED;\n"
	                 "\t\t\t\t\tfor (int64_t u = 0; u < UP; u++) {\n"
	                 "\t\t\t\t\t\tx[u] *= inverse[i];\n");
	if (k->dropout)
		text_printf(out, "\t\t\t\t\t\ty[u] = %s ? 0 : y[u] * kept;\n", attend_dropped);
	text_printf(out, "\t\t\t\t\t\tterm[u] = x[u] * y[u];\n"
	                 "\t\t\t\t\t}\n"
	                 "\t\t\t\t\tdot[i] = d2v_sum_of(term, UP);\n"
	                 "\t\t\t\t}\n");
	attend_row(out, k);
	text_printf(out, "\t\t\t\t\tfloat *y = slope + i * UP;\n"
	                 "\t\t\t\t\tfor (int64_t u = 0; u < UP; u++) {\n"
	                 "\t\t\t\t\t\ty[u] = x[u] * (y[u] - dot[i]);\n");
	if (k->dropout)
		text_printf(out, "\t\t\t\t\t\tx[u] = %s ? 0 : x[u] * kept;\n", attend_dropped);
	text_printf(out, "\t\t\t\t\t}\n\t\t\t\t}\n");
}

static void
bias_text(Text *out)
{
	text_printf(
		out,
		"\t\t\t\tif (image > 0)\n"
		"\t\t\t\t\td2v_wait(&done[(image - 1) * HEADS + head], (int)(t + rows));\n"
		"\t\t\t\tfor (int64_t i = 0; i < rows; i++) {\n"
		"\t\t\t\t\tfloat *to = dr + (head * T + t + i) * U;\n"
		"\t\t\t\t\tconst float *y = slope + i * UP;\n"
		"\t\t\t\t\tif (image == 0)\n"
		"\t\t\t\t\t\tmemcpy(to, y, sizeof(float) * U);\n"
		"\t\t\t\t\telse\n"
		"\t\t\t\t\t\tfor (int64_t u = 0; u < U; u++)\n"
		"\t\t\t\t\t\t\tto[u] += y[u];\n"
		"\t\t\t\t}\n"
		"\t\t\t\t__atomic_store_n(&done[image * HEADS + head], (int)(t + rows), __ATOMIC_RELEASE);\n");
}

/* Keys and values, as they are and turned. dkeys serves as scratch on the way. */
static void
fetch_text(Text *out, const AttendKernel *k)
{
	bool        half = attend_half(k);
	const char *how = half ? "words" : "rows", *n = half ? "E2" : "E", *tabs = "\t\t\t";
	text_printf(out, "\t\t\tmemset(dkeys, 0, sizeof dkeys);\n");
	attend_fetch(out, &k->v, how, "v", NULL, "U", "dkeys", tabs);
	text_printf(out, "\t\t\td2v_transpose(values_turned, dkeys, UP / VW, %s);\n", n);
	attend_fetch(out, &k->k, how, "k", NULL, "U", half ? "dkeys" : "keys", tabs);
	text_printf(out, "\t\t\td2v_transpose(keys_turned, %s, UP / VW, %s);\n",
	            half ? "dkeys" : "keys", n);
	if (half)
		attend_fetch(out, &k->k, "pairs", "k", NULL, "U", "keys", tabs);
	text_printf(out, "\t\t\tmemset(dkeys, 0, sizeof dkeys);\n\t\t\tmemset(dvalues, 0, sizeof "
	                 "dvalues);\n");
}

static void
block_text(Text *out, const AttendKernel *k)
{
	bool        half = attend_half(k);
	const char *width = half ? "EW" : "EP", *n = half ? "E2" : "E", *tabs = "\t\t\t\t";
	attend_block(out, k);
	attend_fetch(out, &k->out, half ? "words" : "rows", "dout", "t", "rows", "dsums", tabs);
	if (half) {
		attend_fetch(out, &k->q, "pairs", "q", "t", "rows", "query_pairs", tabs);
		attend_fetch(out, &k->out, "pairs", "dout", "t", "rows", "dsums_pairs", tabs);
	}
	text_printf(
		out,
		"\t\t\t\td2v_product(score, UP, query, %s, 1, keys_turned, 0, rows, UP / VW, %s, 0, %d);\n",
		width, n, half);
	text_printf(
		out,
		"\t\t\t\td2v_product(slope, UP, dsums, %s, 1, values_turned, 0, rows, UP / VW, %s, 0, %d);\n",
		width, n, half);
	row_text(out, k);
	if (k->has_bias)
		bias_text(out);
	if (!half) {
		text_printf(
			out,
			"\t\t\t\td2v_product(dquery, EP, slope, UP, 1, keys, EP, rows, EP "
			"/ VW, U, 0, 0);\n"
			"\t\t\t\td2v_product(dkeys, EP, slope, 1, UP, query, EP, U, EP / VW, rows, 1, 0);\n"
			"\t\t\t\td2v_product(dvalues, EP, score, 1, UP, dsums, EP, U, EP / VW, rows, 1, 0);\n");
		return;
	}
	text_printf(
		out,
		"\t\t\t\tif (rows & 1) { /* the last row has no partner */\n"
		"\t\t\t\t\tmemset(score + rows * UP, 0, sizeof(float) * UP);\n"
		"\t\t\t\t\tmemset(slope + rows * UP, 0, sizeof(float) * UP);\n"
		"\t\t\t\t}\n"
		"\t\t\t\tfor (int64_t i = 0; i < rows; i += 2) {\n"
		"\t\t\t\t\td2v_round_pairs(chance_pairs + i / 2 * UP, score + i * UP, score + (i + 1) * UP, UP);\n"
		"\t\t\t\t\td2v_round_pairs(slope_pairs + i / 2 * UP, slope + i * UP, slope + (i + 1) * UP, UP);\n"
		"\t\t\t\t}\n"
		"\t\t\t\tfor (int64_t i = 0; i < rows; i++)\n"
		"\t\t\t\t\td2v_round_words(slope_words + i * (UP / 2), slope + i * UP, UP);\n"
		"\t\t\t\td2v_product(dquery, EP, slope_words, UP / 2, 1, keys, EP, rows, EP / VW, U2, 0, 1);\n"
		"\t\t\t\td2v_product(dkeys, EP, slope_pairs, 1, UP, query_pairs, EP, U, EP / VW, (rows + 1) / 2, 1, 1);\n"
		"\t\t\t\td2v_product(dvalues, EP, chance_pairs, 1, UP, dsums_pairs, EP, U, EP / VW, (rows + 1) / 2, 1, 1);\n");
}

void
attend_emit_grad(Text *out, const AttendKernel *k)
{
	attend_open(out, k);
	scratch_text(out, k);
	attend_task(out, k);
	fetch_text(out, k);
	block_text(out, k);
	attend_store(out, &k->dq, "dq", "t + ", "rows", "dquery[i * EP + e] * scale", "\t\t\t\t");
	text_printf(out, "\t\t\t}\n");
	attend_store(out, &k->dk, "dk", "", "U", "dkeys[i * EP + e] * scale", "\t\t\t");
	attend_store(out, &k->dv, "dv", "", "U", "dvalues[i * EP + e]", "\t\t\t");
	text_printf(out, "\t\t}\n\t}\n");
}
