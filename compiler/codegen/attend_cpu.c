/* attend_cpu: the C text of one attention kernel, forward or gradient, for the CPU.
 *
 * A task is one head of one image. Its keys and values are copied once into scratch on the stack,
 * the keys turned, so that every product runs over whole vectors; then blocks of queries go
 * through scores, softmax, dropout and the product with the values without leaving the cache. All
 * sizes and strides are literals of the text; the vector width is not, so the same text serves
 * every x86-64 machine.
 *
 * It refuses, as a mistake of the caller, a head whose scratch would not fit the stack: cutting
 * long sequences into pieces is not done here. The gradient is in attend_cpu_grad.c, the products
 * in attend_tiles.c.
 *
 * Arithmetic is f32. Where q, k, v (and d out) are all bf16 the products are of bf16 factors with
 * f32 sums, and so the probabilities, before the product with the values, and dS are rounded to
 * bf16 too; their sums and softmax stay f32. */
#include "compiler/codegen/attend_private.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_VECTOR = 16, TILE_ROWS = 6, SCRATCH_LIMIT = 4 << 20 };

static const char *const ctype[DT_COUNT] = {[DT_f32] = "float", [DT_bf16] = "uint16_t"};

const char attend_dropped[] = "draw[u] < rate";

static int64_t
round_up(int64_t n, int64_t step)
{
	return (n + step - 1) / step * step;
}

int64_t
attend_rows(const AttendKernel *k)
{
	int64_t most = 4 * TILE_ROWS, blocks = (k->t + most - 1) / most;
	return round_up((k->t + blocks - 1) / blocks, TILE_ROWS);
}

static int64_t
heads(const AttendKernel *k)
{
	int64_t n = 1;
	for (int i = 0; i < k->nbias; i++)
		n *= k->outer[i];
	return n;
}

static int64_t
images(const AttendKernel *k)
{
	int64_t n = 1;
	for (int i = k->nbias; i < k->nouter; i++)
		n *= k->outer[i];
	return n;
}

bool
attend_half(const AttendKernel *k)
{
	return k->q.dtype == DT_bf16 && k->k.dtype == DT_bf16 && k->v.dtype == DT_bf16 &&
	       (!k->grad || k->out.dtype == DT_bf16);
}

/* Bytes of one thread's stack at the widest vectors. */
static int64_t
scratch_bytes(const AttendKernel *k)
{
	int64_t u = round_up(k->u, MAX_VECTOR) + TILE_ROWS, e = round_up(k->e, MAX_VECTOR),
		rows = attend_rows(k);
	int64_t matrices = k->grad ? 5 : 2,
		blocks = 1 + k->grad + k->has_bias + k->dropout + (attend_half(k) ? 2 : 0);
	return 4 * (matrices * u * e + blocks * (rows + 1) * (u + 32) + 5 * rows * e + u) +
	       4 * heads(k) * images(k);
}

static void
check(const AttendKernel *k)
{
	if (k->t < 1 || k->u < 1 || k->e < 1 || k->nouter < 0 || k->nouter > ATTEND_OUTER ||
	    k->nbias < 0 || k->nbias > k->nouter)
		BUG("attend kernel of impossible shape: T %" PRId64 ", U %" PRId64 ", E %" PRId64
		    ", %d outer axes, %d in r",
		    k->t, k->u, k->e, k->nouter, k->nbias);
	for (int i = 0; i < k->nouter; i++)
		if (k->outer[i] < 1)
			BUG("attend kernel: outer axis %d has size %" PRId64, i, k->outer[i]);
	const AttendOperand *operand[] = {&k->q, &k->k, &k->v, &k->out, &k->dq, &k->dk, &k->dv};
	for (int i = 0; i < (k->grad ? 7 : 4); i++)
		if (operand[i]->dtype != DT_f32 && operand[i]->dtype != DT_bf16)
			BUG("attend kernel: operand %d has dtype %d", i, (int)operand[i]->dtype);
	if (k->sample_axis < -1 || k->sample_axis >= k->nouter)
		BUG("attend kernel: sample axis %d of %d", k->sample_axis, k->nouter);
	if (scratch_bytes(k) > SCRATCH_LIMIT)
		BUG("attend kernel: %" PRId64 " keys of width %" PRId64 " need %" PRId64
		    " bytes of stack, the limit is %d",
		    k->u, k->e, scratch_bytes(k), (int)SCRATCH_LIMIT);
}

static void
shape_text(Text *out, const char *name, const AttendKernel *k, const AttendOperand *a, char tokens)
{
	text_printf(out, "%s %s[", name, dtype_name[a->dtype]);
	for (int i = 0; i < k->nouter; i++)
		text_printf(out, "%" PRId64 "@%" PRId64 ", ", k->outer[i], a->outer[i]);
	text_printf(out, "%c@%" PRId64 ", E]", tokens, a->token);
}

static void
head_comment(Text *out, const AttendKernel *k)
{
	double scores = (double)heads(k) * (double)images(k) * (double)k->t * (double)k->u;
	double tokens = (double)heads(k) * (double)images(k) * (double)k->e;
	double q = tokens * (double)k->t, u = tokens * (double)k->u;
	double bytes = q * dtype_bytes[k->q.dtype] +
	               u * (dtype_bytes[k->k.dtype] + dtype_bytes[k->v.dtype]) +
	               q * dtype_bytes[k->out.dtype];
	if (k->grad)
		bytes += q * dtype_bytes[k->dq.dtype] +
		         u * (dtype_bytes[k->dk.dtype] + dtype_bytes[k->dv.dtype]);
	if (k->has_bias)
		bytes += (k->grad ? 8 : 4) * (double)heads(k) * (double)k->t * (double)k->u;
	text_printf(
		out,
		"/* Attention, %s: out = sum over U of %s(softmax over U of (scale * sum over E of q k%s)) v.\n",
		k->grad ? "gradient" : "forward", k->dropout ? "drop" : "",
		k->has_bias ? " + r" : "");
	text_printf(out,
	            " * T %" PRId64 " queries, U %" PRId64 " keys, E %" PRId64 " wide; %" PRId64
	            " heads (outer axes of r) of %" PRId64 " images; size@stride:\n * ",
	            k->t, k->u, k->e, heads(k), images(k));
	shape_text(out, "q", k, &k->q, 'T');
	shape_text(out, "  k", k, &k->k, 'U');
	shape_text(out, "  v", k, &k->v, 'U');
	text_printf(out, "\n * ");
	shape_text(out, k->grad ? "dout" : "out", k, &k->out, 'T');
	if (k->grad) {
		shape_text(out, "  dq", k, &k->dq, 'T');
		shape_text(out, "  dk", k, &k->dk, 'U');
		shape_text(out, "  dv", k, &k->dv, 'U');
	}
	if (attend_half(k))
		text_printf(
			out,
			"\n * Products of bf16 factors (probabilities%s rounded too), sums in f32.",
			k->grad ? " and dS" : "");
	text_printf(out, "\n * %.4g MFLOP in products, %.4g MB in and out. */\n",
	            scores * (double)k->e * (k->grad ? 10 : 4) * 1e-6, bytes * 1e-6);
}

static int
pointer(Text *out, const AttendOperand *a, const char *is_const, const char *name, int at)
{
	text_printf(out, "\t%s%s *%s = p[%d];\n", is_const, ctype[a->dtype], name, at);
	return at + 1;
}

void
attend_open(Text *out, const AttendKernel *k)
{
	char scale[32];
	text_printf(out,
	            "\tenum { T = %" PRId64 ", U = %" PRId64 ", E = %" PRId64 ", HEADS = %" PRId64
	            ", IMAGES = %" PRId64 ", ROWS = %" PRId64 " };\n",
	            k->t, k->u, k->e, heads(k), images(k), attend_rows(k));
	text_printf(out,
	            "\tenum { UP = D2V_UP(U, VW), EP = D2V_UP(E, VW) }; /* whole vectors */\n");
	if (attend_half(k))
		text_printf(out, "\tenum { U2 = (U + 1) / 2, E2 = (E + 1) / 2, EW = D2V_UP(E2, VW) "
		                 "}; /* words of two bf16 */\n");
	text_printf(out, "\tconst float scale = %s;\n", text_double(scale, k->scale));
	int at = pointer(out, &k->q, "const ", "q", 0);
	at = pointer(out, &k->k, "const ", "k", at);
	at = pointer(out, &k->v, "const ", "v", at);
	if (k->has_bias)
		text_printf(out, "\tconst float *r = p[%d];\n", at++);
	if (k->dropout) {
		text_printf(
			out,
			"\tconst uint32_t *sample = p[%d], step = *(const uint32_t *)p[%d], seed = *(const uint32_t *)p[%d];\n",
			at, at + 1, at + 2);
		text_printf(
			out,
			"\tconst float rate = (float)n[0].f, kept = (float)(1 / (1 - n[0].f));\n");
		text_printf(out, "\tconst uint64_t site = n[1].u;\n");
		at += 3;
	} else {
		text_printf(out, "\t(void)n;\n");
	}
	at = pointer(out, &k->out, k->grad ? "const " : "", k->grad ? "dout" : "out", at);
	if (!k->grad)
		return;
	at = pointer(out, &k->dq, "", "dq", at);
	at = pointer(out, &k->dk, "", "dk", at);
	at = pointer(out, &k->dv, "", "dv", at);
	if (k->has_bias)
		text_printf(out, "\tfloat *dr = p[%d];\n", at);
}

static void
offset_text(Text *out, const AttendKernel *k, const AttendOperand *a, const char *name)
{
	const char *plus = "";
	text_printf(out, "\t\t\tconst int64_t %so = ", name);
	for (int i = 0; i < k->nouter; i++)
		if (a->outer[i] != 0 && k->outer[i] > 1) {
			text_printf(out, "%so%d * %" PRId64, plus, i, a->outer[i]);
			plus = " + ";
		}
	text_printf(out, "%s;\n", *plus ? "" : "0");
}

void
attend_task(Text *out, const AttendKernel *k)
{
	text_printf(
		out,
		"\t\tconst int64_t threads = omp_get_num_threads();\n"
		"\t\tfor (int64_t task = omp_get_thread_num(); task < HEADS * IMAGES; task += threads) {\n"
		"\t\t\tint64_t head, image;\n"
		"\t\t\td2v_task(task, threads, HEADS, IMAGES, &head, &image);\n");
	int64_t inner = 1;
	for (int i = k->nouter - 1; i >= 0; i--) {
		if (i == k->nbias - 1)
			inner = 1;
		if (k->outer[i] > 1)
			text_printf(out,
			            "\t\t\tconst int64_t o%d = %s / %" PRId64 " %% %" PRId64 ";\n",
			            i, i < k->nbias ? "head" : "image", inner, k->outer[i]);
		inner *= k->outer[i];
	}
	offset_text(out, k, &k->q, "q");
	offset_text(out, k, &k->k, "k");
	offset_text(out, k, &k->v, "v");
	offset_text(out, k, &k->out, k->grad ? "dout" : "out");
	if (k->grad) {
		offset_text(out, k, &k->dq, "dq");
		offset_text(out, k, &k->dk, "dk");
		offset_text(out, k, &k->dv, "dv");
	}
	if (!k->dropout)
		return;
	text_printf(out, "\t\t\tconst uint32_t id = sample[%s",
	            k->sample_axis >= 0 && k->outer[k->sample_axis] > 1 ? "" : "0");
	if (k->sample_axis >= 0 && k->outer[k->sample_axis] > 1)
		text_printf(out, "o%d", k->sample_axis);
	text_printf(out, "], first_draw = 0");
	for (int i = 0; i < k->nouter; i++)
		if (k->draw_stride[i] != 0 && k->outer[i] > 1)
			text_printf(out, " + (uint32_t)o%d * %" PRIu32, i,
			            (uint32_t)k->draw_stride[i]);
	text_printf(out, ";\n");
}

void
attend_fetch(Text *out, const AttendOperand *from, const char *how, const char *name,
             const char *first, const char *rows, const char *to, const char *tabs)
{
	const char *width = strcmp(how, "words") == 0 ? "EW" : "EP";
	if (strcmp(how, "rows") == 0)
		how = from->dtype == DT_bf16 ? "rows_bf16" : "rows_f32";
	text_printf(out, "%sd2v_%s(%s, %s, %s + %so%s", tabs, how, to, width, name, name,
	            first ? " + " : "");
	if (first)
		text_printf(out, "%s * %" PRId64, first, from->token);
	text_printf(out, ", %" PRId64 ", %s, E);\n", from->token, rows);
}

void
attend_store(Text *out, const AttendOperand *to, const char *name, const char *first,
             const char *rows, const char *value, const char *tabs)
{
	text_printf(out,
	            "%sfor (int64_t i = 0; i < %s; i++)\n%s\tfor (int64_t e = 0; e < E; e++)\n",
	            tabs, rows, tabs);
	text_printf(out, "%s\t\t%s[%so + (%si) * %" PRId64 " + e] = %s%s%s;\n", tabs, name, name,
	            first, to->token, to->dtype == DT_bf16 ? "d2v_to_bf16(" : "", value,
	            to->dtype == DT_bf16 ? ")" : "");
}

void
attend_scratch(Text *out, const AttendKernel *k)
{
	text_printf(
		out,
		"\t\tfloat score[(ROWS + 1) * UP] D2V_ALIGNED, query[ROWS * %s] D2V_ALIGNED, bias[%sUP] D2V_ALIGNED;\n",
		attend_half(k) ? "EW" : "EP", k->has_bias ? "ROWS * " : "");
	text_printf(out, "\t\tfloat top[ROWS], inverse[ROWS]; /* of each row of scores */\n");
	if (k->dropout)
		text_printf(out, "\t\tenum { DRAWS = D2V_UP(UP + 6, 2 * VW) };\n\t\tfloat "
		                 "draws[ROWS * DRAWS] D2V_ALIGNED;\n"
		                 "\t\tmemset(draws, 0, sizeof draws);\n");
	text_printf(
		out,
		"\t\tmemset(score, 0, sizeof score);\n\t\tmemset(query, 0, sizeof query);\n"
		"\t\tfor (int64_t i = 0; i < (int64_t)(sizeof bias / sizeof *bias); i++)\n"
		"\t\t\tbias[i] = i %% UP < U ? 0 : -__builtin_inff(); /* columns that only fill the last vector */\n");
	if (k->has_bias)
		text_printf(out, "\t\tint64_t biased = -1; /* the head whose r is in bias, if all "
		                 "of it fits */\n");
}

/* A draw differs from its neighbour only in its lane when keys lie side by side: then four come
 * at once. */
static void
draws_text(Text *out, const AttendKernel *k)
{
	text_printf(out,
	            "\t\t\t\tfor (int64_t i = 0; i < rows; i++) {\n"
	            "\t\t\t\t\tconst uint32_t at = first_draw + (uint32_t)(t + i) * %" PRIu32 ";\n",
	            (uint32_t)k->draw_t);
	if (k->draw_u == 1)
		text_printf(out, "\t\t\t\t\td2v_uniform4(seed, site, step, id, at >> 2, (U + 6) / "
		                 "4, draws + i * DRAWS);\n");
	else
		text_printf(
			out,
			"\t\t\t\t\tfor (uint32_t u = 0; u < U; u++)\n"
			"\t\t\t\t\t\tdraws[i * DRAWS + u] = d2v_uniform(seed, site, step, id, at + u * %" PRIu32
			");\n",
			(uint32_t)k->draw_u);
	text_printf(out, "\t\t\t\t}\n");
}

void
attend_block(Text *out, const AttendKernel *k)
{
	text_printf(out, "\t\t\tfor (int64_t t = 0; t < T; t += ROWS) {\n"
	                 "\t\t\t\tconst int64_t rows = T - t < ROWS ? T - t : ROWS;\n");
	attend_fetch(out, &k->q, attend_half(k) ? "words" : "rows", "q", "t", "rows", "query",
	             "\t\t\t\t");
	if (k->has_bias)
		text_printf(
			out,
			"\t\t\t\tif (T > ROWS || head != biased) {\n"
			"\t\t\t\t\td2v_rows_f32(bias, UP, r + (head * T + t) * U, U, rows, U);\n"
			"\t\t\t\t\tbiased = head;\n"
			"\t\t\t\t}\n");
	if (k->dropout)
		draws_text(out, k);
}

/* Three walks over the block of scores, so that what one row waits for (its maximum, its sum) is
 * hidden behind the next rows: afterwards score holds e^(x - max), inverse[i] is `numerator` over
 * row i's sum. */
void
attend_softmax(Text *out, const AttendKernel *k, const char *numerator)
{
	text_printf(out,
	            "\t\t\t\tfor (int64_t i = 0; i < rows; i++) {\n"
	            "\t\t\t\t\tfloat *x = score + i * UP;\n"
	            "\t\t\t\t\tfor (int64_t u = 0; u < UP; u++)\n"
	            "\t\t\t\t\t\tx[u] = x[u] * scale + bias[%su];\n"
	            "\t\t\t\t\ttop[i] = d2v_top_of(x, UP);\n"
	            "\t\t\t\t}\n"
	            "\t\t\t\tfor (int64_t i = 0; i < rows; i++)\n"
	            "\t\t\t\t\tfor (int64_t u = 0; u < UP; u++)\n"
	            "\t\t\t\t\t\tscore[i * UP + u] = d2v_exp(score[i * UP + u] - top[i]);\n"
	            "\t\t\t\tfor (int64_t i = 0; i < rows; i++)\n"
	            "\t\t\t\t\tinverse[i] = %s / d2v_sum_of(score + i * UP, UP);\n",
	            k->has_bias ? "i * UP + " : "", numerator);
}

void
attend_row(Text *out, const AttendKernel *k)
{
	text_printf(out, "\t\t\t\tfor (int64_t i = 0; i < rows; i++) {\n"
	                 "\t\t\t\t\tfloat *x = score + i * UP;\n");
	if (k->dropout && k->draw_u == 1)
		text_printf(
			out,
			"\t\t\t\t\tconst float *draw = draws + i * DRAWS + ((first_draw + (uint32_t)(t + i) * %" PRIu32
			") & 3);\n",
			(uint32_t)k->draw_t);
	else if (k->dropout)
		text_printf(out, "\t\t\t\t\tconst float *draw = draws + i * DRAWS;\n");
}

static void
emit_forward(Text *out, const AttendKernel *k)
{
	bool half = attend_half(k);
	attend_open(out, k);
	text_printf(
		out,
		"#pragma omp parallel\n\t{\n"
		"\t\tfloat values[UP * EP] D2V_ALIGNED, keys[UP * EP] D2V_ALIGNED, sums[ROWS * EP] D2V_ALIGNED;\n");
	if (half)
		text_printf(out, "\t\tfloat chance[ROWS * UP / 2] D2V_ALIGNED;\n\t\tmemset(chance, "
		                 "0, sizeof chance);\n");
	text_printf(out, "\t\tmemset(values, 0, sizeof values);\n");
	attend_scratch(out, k);
	attend_task(out, k);
	if (half)
		text_printf(out, "\t\t\tmemset(values, 0, sizeof values);\n");
	attend_fetch(out, &k->k, half ? "words" : "rows", "k", NULL, "U", "values", "\t\t\t");
	text_printf(out, "\t\t\td2v_transpose(keys, values, UP / VW, %s);\n", half ? "E2" : "E");
	if (half)
		text_printf(out, "\t\t\tmemset(values, 0, sizeof values);\n");
	attend_fetch(out, &k->v, half ? "pairs" : "rows", "v", NULL, "U", "values", "\t\t\t");
	attend_block(out, k);
	text_printf(
		out,
		"\t\t\t\td2v_product(score, UP, query, %s, 1, keys, 0, rows, UP / VW, %s, 0, %d);\n",
		half ? "EW" : "EP", half ? "E2" : "E", half);
	attend_softmax(out, k, k->dropout ? "kept" : "1");
	if (k->dropout || half)
		attend_row(out, k);
	if (k->dropout)
		text_printf(out,
		            "\t\t\t\t\tfor (int64_t u = 0; u < UP; u++)\n"
		            "\t\t\t\t\t\tx[u] = %s ? 0 : x[u];\n",
		            attend_dropped);
	if (half)
		text_printf(out, "\t\t\t\t\td2v_round_words(chance + i * (UP / 2), x, UP);\n");
	if (k->dropout || half)
		text_printf(out, "\t\t\t\t}\n");
	if (half)
		text_printf(out, "\t\t\t\td2v_product(sums, EP, chance, UP / 2, 1, values, EP, "
		                 "rows, EP / VW, U2, 0, 1);\n");
	else
		text_printf(out, "\t\t\t\td2v_product(sums, EP, score, UP, 1, values, EP, rows, EP "
		                 "/ VW, U, 0, 0);\n");
	attend_store(out, &k->out, "out", "t + ", "rows", "sums[i * EP + e] * inverse[i]",
	             "\t\t\t\t");
	text_printf(out, "\t\t\t}\n\t\t}\n\t}\n");
}

void
attend_emit_cpu(Text *out, const AttendKernel *k, const char *name)
{
	check(k);
	if (out->at == NULL || strstr(out->at, "#define D2V_TILES") == NULL)
		text_append(out, attend_tiles, strlen(attend_tiles));
	head_comment(out, k);
	text_printf(out, "void\n%s(void *const *p, const Num *n)\n{\n", name);
	if (k->grad)
		attend_emit_grad(out, k);
	else
		emit_forward(out, k);
	text_printf(out, "}\n");
}
