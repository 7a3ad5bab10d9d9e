/* attend_cuda: the CUDA text of one attention kernel. Here: the entry, and what the kinds of kernel
 * share: signature, offsets of operands, bias, draws. Operands in bf16: attend_cuda_forward.c,
 * attend_cuda_grad.c (with attend_cuda_scores.c) and attend_cuda_finish.c, over the functions on
 * tiles of attend_cuda_tiles.c; in f32 or mixed: attend_cuda_fma.c.
 *
 * Arithmetic is that of attend_cpu: products of bf16 factors with f32 sums, probabilities and dS
 * rounded to bf16 where they become factors, softmax in f32. Every sum has one order, so the same
 * inputs give the same bits. It refuses, as a mistake of the caller, what is beyond
 * ATTEND_CUDA_TOKENS and ATTEND_CUDA_WIDTH. */
#include "compiler/codegen/attend_cuda_private.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const ctype[DT_COUNT] = {[DT_f32] = "float", [DT_bf16] = "uint16_t"};

static bool
fits(const AttendKernel *k)
{
	return k->t >= 1 && k->u >= 1 && k->e >= 1 && k->t <= ATTEND_CUDA_TOKENS &&
	       k->u <= ATTEND_CUDA_TOKENS && k->e <= ATTEND_CUDA_WIDTH;
}

int64_t
attend_up(int64_t n, int64_t step)
{
	return (n + step - 1) / step * step;
}

int64_t
attend_shared(int64_t rows, int64_t columns)
{
	return 2 * rows * columns + (columns / CHUNK % 4 == 2 ? (rows + 3) / 8 * 16 : 0);
}

void
attend_put(Text *out, const char *text)
{
	text_append(out, text, strlen(text));
}

int64_t
attend_heads(const AttendKernel *k)
{
	int64_t n = 1;
	for (int i = 0; i < k->nbias; i++)
		n *= k->outer[i];
	return n;
}

int64_t
attend_images(const AttendKernel *k)
{
	int64_t n = 1;
	for (int i = k->nbias; i < k->nouter; i++)
		n *= k->outer[i];
	return n;
}

bool
attend_wide(const AttendKernel *k, const AttendOperand *a, int64_t elems)
{
	bool wide = !a->narrow && k->e % elems == 0 && (k->t == 1 || a->token % elems == 0);
	for (int i = 0; i < k->nouter; i++)
		wide = wide && (k->outer[i] == 1 || a->outer[i] % elems == 0);
	return wide && (a->token % elems == 0);
}

int64_t
attend_shared_most(const AttendKernel *k)
{
	return k->shared_most > 0 ? k->shared_most : gpu_of(NULL).shared_most;
}

int64_t
attend_shares(const AttendKernel *k, int64_t shared, int64_t threads)
{
	int64_t fit = (attend_shared_most(k) + 1024) / (shared + 1024), most = 2048 / threads, n;
	fit = fit < most ? fit : most;
	n = (k->processors > 0 ? k->processors : gpu_of(NULL).processors) * (fit < 1 ? 1 : fit) /
	    attend_heads(k);
	n = n < 1 ? 1 : n;
	return n < attend_images(k) ? n : attend_images(k);
}

/* ---- head and signature --------------------------------------------------------------------- */

static void
shape_text(Text *out, const char *name, const AttendKernel *k, const AttendOperand *a, char tokens)
{
	text_printf(out, "%s %s[", name, dtype_name[a->dtype]);
	for (int i = 0; i < k->nouter; i++)
		text_printf(out, "%" PRId64 "@%" PRId64 ", ", k->outer[i], a->outer[i]);
	text_printf(out, "%c@%" PRId64 ", E]", tokens, a->token);
}

static void
head_comment(Text *out, const AttendKernel *k, const AttendCut *c)
{
	double tasks = (double)c->heads * (double)c->images, tokens = tasks * (double)k->e,
	       q = tokens * (double)k->t, u = tokens * (double)k->u;
	double bytes = q * (dtype_bytes[k->q.dtype] + dtype_bytes[k->out.dtype]) +
	               u * (dtype_bytes[k->k.dtype] + dtype_bytes[k->v.dtype]);
	if (k->grad)
		bytes += q * dtype_bytes[k->dq.dtype] +
		         u * (dtype_bytes[k->dk.dtype] + dtype_bytes[k->dv.dtype]);
	if (k->has_bias)
		bytes += (k->grad ? 8 : 4) * (double)c->heads * (double)k->t * (double)k->u;
	text_printf(
		out,
		"/* Attention, %s: out = sum over U of %s(softmax over U of (scale * sum over E of q k%s)) v.\n"
		" * T %" PRId64 " queries, U %" PRId64 " keys, E %" PRId64 " wide; %" PRId64
		" heads (outer axes of r) of %" PRId64 " images; size@stride:\n * ",
		k->grad ? "gradient" : "forward", k->dropout ? "drop" : "",
		k->has_bias ? " + r" : "", k->t, k->u, k->e, c->heads, c->images);
	shape_text(out, "q", k, &k->q, 'T');
	shape_text(out, "  k", k, &k->k, 'U');
	shape_text(out, "  v", k, &k->v, 'U');
	attend_put(out, "\n * ");
	shape_text(out, k->grad ? "dout" : "out", k, &k->out, 'T');
	if (k->grad) {
		shape_text(out, "  dq", k, &k->dq, 'T');
		shape_text(out, "  dk", k, &k->dk, 'U');
		shape_text(out, "  dv", k, &k->dv, 'U');
	}
	text_printf(out, "\n * Products: %s.\n",
	            !attend_cuda_tensor(k) ? "f32, no tensor cores"
	            : k->grad ? "bf16 factors (probabilities and dS rounded too), sums in f32"
	                      : "bf16 factors (probabilities rounded too), sums in f32");
	text_printf(out, " * %.4g MFLOP in products, %.4g MB in and out",
	            tasks * (double)k->t * (double)k->u * (double)k->e * (k->grad ? 10 : 4) * 1e-6,
	            bytes * 1e-6);
	if (k->has_bias)
		text_printf(out, "; r%s from L2 for every image: %.4g MB",
		            k->grad ? " and partial sums of dr" : "",
		            (k->grad ? 12 : 4) * tasks * (double)k->t * (double)k->u * 1e-6);
	attend_put(out, ". */\n");
}

static void
parameter(Text *out, const AttendOperand *a, const char *is_const, const char *name)
{
	text_printf(out, ", %s%s *%s", is_const, ctype[a->dtype], name);
}

void
attend_cuda_open(Text *out, const AttendKernel *k, const AttendCut *c, const char *name)
{
	char scale[32];
	bool tensor = attend_cuda_tensor(k);
	head_comment(out, k, c);
	text_printf(out,
	            "extern \"C\" __global__ void __launch_bounds__(%" PRId64 "%s)\n%s(const %s *q",
	            c->warps * LANES, c->two ? ", 2" : ", 1", name, ctype[k->q.dtype]);
	parameter(out, &k->k, "const ", "k");
	parameter(out, &k->v, "const ", "v");
	if (tensor && (k->has_bias || k->dropout))
		attend_put(out, ", const float *ready");
	if (!tensor && k->has_bias)
		attend_put(out, ", const float *r");
	if (!tensor && k->dropout)
		attend_put(out, ",\n        const uint32_t *sample, const uint32_t *step, const "
		                "uint32_t *seed");
	parameter(out, &k->out, k->grad ? "const " : "", k->grad ? "dout" : "out");
	if (k->grad) {
		parameter(out, &k->dq, "", "dq");
		parameter(out, &k->dk, "", "dk");
		parameter(out, &k->dv, "", "dv");
		if (c->partial + c->sums > 0)
			attend_put(out, ", float *scratch");
	}
	if (k->dropout)
		attend_put(out, tensor ? ", float rate" : ", float rate, unsigned long long site");
	attend_put(out, ")\n{\n");
	text_printf(out,
	            "\tenum { T = %" PRId64 ", U = %" PRId64 ", E = %" PRId64 ", HEADS = %" PRId64
	            ", IMAGES = %" PRId64 " };\n",
	            k->t, k->u, k->e, c->heads, c->images);
	if (k->grad || !tensor)
		text_printf(out, "\tconst float SCALE = %s;\n",
		            text_double(scale, (double)(float)k->scale));
	if (tensor)
		text_printf(
			out,
			"\tenum { ALL = %" PRId64 " }; /* tiles of 16 queries of a head */\n"
			"\tconst float TO_LOG2 = %s; /* scale / ln 2: e^score = 2^(TO_LOG2 q k + ..) */\n",
			attend_ready(k, c).tiles,
			text_double(scale, (double)(float)(k->scale * 1.44269504088896340736)));
}

/* ---- pieces of bodies ----------------------------------------------------------------------- */

void
attend_cuda_offset(Text *out, const AttendKernel *k, const AttendOperand *a, const char *name,
                   const char *tabs)
{
	const char *plus = "", *wide = "";
	int64_t     farthest = 0;
	for (int i = 0; i < k->nouter; i++)
		farthest += (k->outer[i] - 1) * a->outer[i];
	if (farthest > INT32_MAX) /* else half as many registers, and there are seven of these */
		wide = "(int64_t)";
	text_printf(out, "%sconst %s %so = ", tabs, *wide ? "int64_t" : "int", name);
	for (int i = 0; i < k->nouter; i++)
		if (a->outer[i] != 0 && k->outer[i] > 1) {
			text_printf(out, "%s%so%d * %" PRId64, plus, wide, i, a->outer[i]);
			plus = " + ";
		}
	text_printf(out, "%s;\n", *plus ? "" : "0");
}

void
attend_cuda_task(Text *out, const AttendKernel *k, const char *head, const char *image)
{
	if (k->has_bias || attend_heads(k) > 1)
		text_printf(out, "\tconst int head = %s;\n", head);
	if (image && attend_images(k) > 1)
		text_printf(out, "\tconst int image = %s;\n", image);
}

void
attend_cuda_axes(Text *out, const AttendKernel *k, const char *tabs)
{
	int64_t inner = 1;
	for (int i = k->nouter - 1; i >= 0; i--) {
		if (i == k->nbias - 1)
			inner = 1;
		if (k->outer[i] > 1)
			text_printf(out, "%sconst int o%d = %s / %" PRId64 " %% %" PRId64 ";\n",
			            tabs, i, i < k->nbias ? "head" : "image", inner, k->outer[i]);
		inner *= k->outer[i];
	}
}

void
attend_cuda_offsets(Text *out, const AttendKernel *k, const char *tabs)
{
	attend_cuda_axes(out, k, tabs);
	attend_cuda_offset(out, k, &k->q, "q", tabs);
	attend_cuda_offset(out, k, &k->k, "k", tabs);
	attend_cuda_offset(out, k, &k->v, "v", tabs);
	attend_cuda_offset(out, k, &k->out, k->grad ? "dout" : "out", tabs);
	if (k->grad) {
		attend_cuda_offset(out, k, &k->dq, "dq", tabs);
		attend_cuda_offset(out, k, &k->dk, "dk", tabs);
		attend_cuda_offset(out, k, &k->dv, "dv", tabs);
	}
}

void
attend_cuda_key(Text *out, const AttendKernel *k, const char *tabs)
{
	if (!k->dropout)
		return;
	text_printf(out, "%sconst D2vDraw draw = {*seed, *step, sample[", tabs);
	if (k->sample_axis >= 0 && k->outer[k->sample_axis] > 1)
		text_printf(out, "o%d", k->sample_axis);
	else
		attend_put(out, "0");
	text_printf(out, "], d2v_limit(rate), site};\n%sconst uint32_t first_draw = 0", tabs);
	for (int i = 0; i < k->nouter; i++)
		if (k->draw_stride[i] != 0 && k->outer[i] > 1)
			text_printf(out, " + (uint32_t)o%d * %" PRIu32 "u", i,
			            (uint32_t)k->draw_stride[i]);
	attend_put(out, ";\n");
}

void
attend_cuda_rows(Text *out, const AttendOperand *a, const char *name, const char *first)
{
	text_printf(out, "%s + %so", name, name);
	if (first)
		text_printf(out, " + (int64_t)(%s) * %" PRId64, first, a->token);
	text_printf(out, ", %" PRId64, a->token);
}

void
attend_cuda_fetch(Text *out, const AttendKernel *k, const AttendOperand *a, const char *name,
                  const char *to, const char *pitch, const char *first, const char *rows,
                  const char *padded, const char *tabs)
{
	text_printf(out, "%sd2v_fetch<%s, WIDTH / 8, E, %s, WARPS * 32, %s>(%s, ", tabs, pitch,
	            padded, attend_wide(k, a, CHUNK) ? "true" : "false", to);
	attend_cuda_rows(out, a, name, first);
	text_printf(out, ", %s);\n", rows);
}

bool
attend_cuda_tensor(const AttendKernel *k)
{
	return attend_half(k) && fabs(k->scale) > 1e-6;
}

/* ---- entry ---------------------------------------------------------------------------------- */

static void
check(const AttendKernel *k)
{
	if (!fits(k) || k->nouter < 0 || k->nouter > ATTEND_OUTER || k->nbias < 0 ||
	    k->nbias > k->nouter)
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
}

void
attend_cuda_texts(Text *out, const AttendKernel *k)
{
	if (out->at == NULL || strstr(out->at, "#define D2V_ATTEND") == NULL)
		attend_put(out, attend_cuda_common);
	if (attend_cuda_tensor(k) && strstr(out->at, "#define D2V_TILES") == NULL)
		attend_put(out, attend_cuda_tiles);
}

AttendCut
attend_cut(const AttendKernel *k)
{
	return !attend_cuda_tensor(k) ? attend_cut_fma(k)
	       : k->grad              ? attend_cut_grad(k)
	                              : attend_cut_forward(k);
}

void
attend_emit_cuda(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch)
{
	check(k);
	attend_cuda_texts(out, k);
	if (!attend_cuda_tensor(k))
		attend_cuda_fma(out, k, name, launch);
	else if (k->grad)
		attend_cuda_grad(out, k, name, launch);
	else
		attend_cuda_forward(out, k, name, launch);
}
