/* attend_emit_cpu: the generated kernels, compiled by the machine's cc and run, against the
 * definition in double precision: forward and gradient, odd sizes, strided and packed operands,
 * bias, dropout, bf16; and the same bits for 1, 2 and 3 threads. It does not time anything. */
#include <check.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/codegen/codegen.h"
#include "tests/unit/scratch.h"

Suite *suite_attend(void);

/* The result of a kernel may differ from the definition by this much of the largest value of the
 * tensor. f32: sums of a few hundred rounded products. bf16: probabilities and their gradients
 * are rounded to 8 bits on machines with bf16 products, and so are the results. */
static const double tolerance[DT_COUNT] = {[DT_f32] = 1e-5, [DT_bf16] = 1.5e-2};

enum {
	PLAIN,
	PACKED
}; /* every tensor by itself, rows with a gap | q, k, v (and their gradients) as [B, T, 3, H, E] */
typedef struct {
	const char *what;
	int64_t     t, u, e;
	int         nouter, nbias;
	int64_t     outer[ATTEND_OUTER];
	bool        bias, dropout;
	int         layout;
	Dtype       in, out;
	int         draws; /* order of elements in draws: 0: keys innermost, 1: queries innermost */
} Case;

static const Case cases[] = {
	{"one of everything", 1, 1, 1, 0, 0, {0}, false, false, PLAIN, DT_f32, DT_f32, 0},
	{"demo", 17, 17, 32, 2, 1, {4, 5}, true, false, PACKED, DT_f32, DT_f32, 0},
	{"odd sizes", 13, 37, 7, 2, 1, {3, 2}, true, true, PLAIN, DT_f32, DT_f32, 0},
	{"vision", 197, 197, 64, 2, 1, {2, 3}, true, true, PACKED, DT_f32, DT_f32, 0},
	{"no bias", 65, 16, 24, 2, 0, {2, 3}, false, true, PLAIN, DT_f32, DT_f32, 0},
	{"bias shared by all", 25, 33, 128, 1, 0, {5}, true, false, PLAIN, DT_f32, DT_f32, 0},
	{"four outer axes", 7, 9, 8, 4, 2, {2, 3, 2, 2}, true, true, PLAIN, DT_f32, DT_f32, 1},
	{"long", 31, 1025, 48, 1, 1, {2}, true, false, PLAIN, DT_f32, DT_f32, 0},
	{"bf16", 197, 197, 64, 2, 1, {2, 3}, true, true, PACKED, DT_bf16, DT_bf16, 0},
	{"bf16 odd", 18, 21, 9, 2, 1, {3, 2}, true, true, PLAIN, DT_bf16, DT_f32, 0},
	{"bf16 one", 1, 1, 1, 1, 0, {2}, false, false, PLAIN, DT_bf16, DT_bf16, 0},
	{"f32 in, bf16 out", 24, 48, 16, 2, 1, {2, 2}, true, false, PLAIN, DT_f32, DT_bf16, 0},
};

typedef union {
	double   f;
	int64_t  i;
	uint64_t u;
} Num;
typedef void Function(void *const *, const Num *);

enum { Q, K, V, OUT, DOUT, DQ, DK, DV, OPERANDS };
typedef struct {
	AttendOperand a;
	int64_t       tokens, elems, start; /* of memory; of the operand in it */
	void         *memory;
} View;

typedef struct {
	const Case  *c;
	AttendKernel forward, grad;
	View         tensor[OPERANDS];
	int64_t      outers, heads;
	float       *r, *dr;
	uint32_t    *sample, step, seed;
	double       rate;
	uint64_t     site;
	double      *ref_out, *ref_dq, *ref_dk, *ref_dv, *ref_dr;
	char         name[2][32];
} Trial;

static const uint16_t SENTINEL = 0x5a5a;

static double
value_get(const View *x, int64_t at)
{
	at += x->start;
	return x->a.dtype == DT_f32 ? ((float *)x->memory)[at]
	                            : bf16_to_f32(((uint16_t *)x->memory)[at]);
}

static int64_t
place(const Trial *z, const View *x, int64_t o, int64_t token, int64_t e)
{
	int64_t at = token * x->a.token + e;
	for (int i = z->c->nouter - 1; i >= 0; i--) {
		at += o % z->c->outer[i] * x->a.outer[i];
		o /= z->c->outer[i];
	}
	return at;
}

static double
uniform(Stream *s)
{
	return stream_between(s, -1.5, 1.5);
}

/* Random values in the operand, the sentinel everywhere else. */
static void
tensor_make(Trial *z, int which, Dtype dtype, int64_t tokens, int share, Stream *s)
{
	const Case *c = z->c;
	View       *x = &z->tensor[which];
	int64_t     stride;
	x->a.dtype = dtype;
	x->tokens = tokens;
	if (c->layout == PACKED) { /* outer axes: heads, images */
		int64_t wide = share >= 0 ? 3 : 1;
		x->a.outer[0] = c->e;
		x->a.token = wide * c->outer[0] * c->e;
		x->a.outer[1] = tokens * x->a.token;
		x->start = share > 0 ? share * c->outer[0] * c->e : 0;
		x->elems = c->outer[1] * x->a.outer[1];
	} else {
		x->a.token = c->e + 3;
		stride = tokens * x->a.token + 5;
		for (int i = c->nouter - 1; i >= 0; i--) {
			x->a.outer[i] = stride;
			stride *= c->outer[i];
		}
		x->elems = stride;
		x->start = 0;
	}
	if (c->layout == PACKED && share > 0) {
		x->memory = z->tensor[which - share].memory;
	} else {
		x->memory = malloc((size_t)x->elems * 4);
		ck_assert(x->memory != NULL);
		for (int64_t i = 0; i < x->elems * 2; i++)
			((uint16_t *)x->memory)[i] = SENTINEL;
	}
	for (int64_t o = 0; s && o < z->outers; o++)
		for (int64_t t = 0; t < tokens; t++)
			for (int64_t e = 0; e < c->e; e++) {
				int64_t at = x->start + place(z, x, o, t, e);
				if (dtype == DT_f32)
					((float *)x->memory)[at] = (float)uniform(s);
				else
					((uint16_t *)x->memory)[at] =
						f32_to_bf16((float)uniform(s));
			}
}

static void
trial_make(Trial *z, const Case *c, int number)
{
	Stream s = stream_open(7, c->what, (uint64_t)number, 0);
	*z = (Trial){.c = c,
	             .outers = 1,
	             .heads = 1,
	             .step = 5,
	             .seed = 11,
	             .rate = 0.3,
	             .site = hash_name(c->what)};
	for (int i = 0; i < c->nouter; i++)
		z->outers *= c->outer[i];
	for (int i = 0; i < c->nbias; i++)
		z->heads *= c->outer[i];
	tensor_make(z, Q, c->in, c->t, c->layout == PACKED ? 0 : -1, &s);
	tensor_make(z, K, c->in, c->u, c->layout == PACKED ? 1 : -1, &s);
	tensor_make(z, V, c->in, c->u, c->layout == PACKED ? 2 : -1, &s);
	tensor_make(z, OUT, c->out, c->t, -1, NULL);
	tensor_make(z, DOUT, c->out, c->t, -1, &s);
	tensor_make(z, DQ, c->in, c->t, c->layout == PACKED ? 0 : -1, NULL);
	tensor_make(z, DK, c->in, c->u, c->layout == PACKED ? 1 : -1, NULL);
	tensor_make(z, DV, c->in, c->u, c->layout == PACKED ? 2 : -1, NULL);
	int64_t scores = z->heads * c->t * c->u,
		samples = c->nouter > 0 ? c->outer[c->nouter - 1] : 1;
	z->r = malloc(sizeof(float) * (size_t)scores);
	z->dr = malloc(sizeof(float) * (size_t)scores);
	z->sample = malloc(sizeof(uint32_t) * (size_t)samples);
	for (int64_t i = 0; i < scores; i++)
		z->r[i] = (float)(2 * uniform(&s));
	for (int64_t i = 0; i < samples; i++)
		z->sample[i] = stream_u32(&s);
	AttendKernel *k = &z->forward;
	*k = (AttendKernel){.t = c->t,
	                    .u = c->u,
	                    .e = c->e,
	                    .nouter = c->nouter,
	                    .nbias = c->nbias,
	                    .has_bias = c->bias,
	                    .sample_axis = c->nouter - 1,
	                    .dropout = c->dropout,
	                    .scale = 1 / sqrt((double)c->e),
	                    .q = z->tensor[Q].a,
	                    .k = z->tensor[K].a,
	                    .v = z->tensor[V].a,
	                    .out = z->tensor[OUT].a};
	k->draw_u = c->draws ? c->t : 1;
	k->draw_t = c->draws ? 1 : c->u;
	int64_t stride = c->t * c->u;
	for (int i = c->nouter - 1; i >= 0; i--) {
		k->outer[i] = c->outer[i];
		k->draw_stride[i] = i == k->sample_axis ? 0 : stride;
		stride *= i == k->sample_axis ? 1 : c->outer[i];
	}
	z->grad = *k;
	z->grad.grad = true;
	z->grad.out = z->tensor[DOUT].a;
	z->grad.dq = z->tensor[DQ].a;
	z->grad.dk = z->tensor[DK].a;
	z->grad.dv = z->tensor[DV].a;
	snprintf(z->name[0], sizeof z->name[0], "forward_%d", number);
	snprintf(z->name[1], sizeof z->name[1], "grad_%d", number);
}

/* ---- the definition ------------------------------------------------------------------------- */

static double *
zeros(int64_t n)
{
	double *x = calloc((size_t)n, sizeof *x);
	ck_assert(x != NULL);
	return x;
}

/* The factor dropout puts on element (t, u) of outer index o. */
static double
keep(const Trial *z, int64_t o, int64_t t, int64_t u)
{
	const AttendKernel *k = &z->forward;
	if (!k->dropout)
		return 1;
	int64_t elem = t * k->draw_t + u * k->draw_u, id = 0;
	for (int i = k->nouter - 1; i >= 0; i--) {
		elem += o % k->outer[i] * k->draw_stride[i];
		if (i == k->sample_axis)
			id = o % k->outer[i];
		o /= k->outer[i];
	}
	return philox_uniform(z->seed, z->site, z->step, z->sample[id], (uint32_t)elem) <
	                       (float)z->rate
	               ? 0
	               : 1 / (1 - z->rate);
}

static double
dot(const Trial *z, int x, int64_t tx, int y, int64_t ty, int64_t o)
{
	double sum = 0;
	for (int64_t e = 0; e < z->c->e; e++)
		sum += value_get(&z->tensor[x], place(z, &z->tensor[x], o, tx, e)) *
		       value_get(&z->tensor[y], place(z, &z->tensor[y], o, ty, e));
	return sum;
}

/* One row of queries: p is its softmax. */
static void
row_softmax(const Trial *z, int64_t o, int64_t t, double *p)
{
	const Case *c = z->c;
	int64_t     head = o / (z->outers / z->heads);
	double      top = -INFINITY, sum = 0;
	for (int64_t u = 0; u < c->u; u++) {
		p[u] = z->forward.scale * dot(z, Q, t, K, u, o) +
		       (c->bias ? z->r[(head * c->t + t) * c->u + u] : 0);
		top = fmax(top, p[u]);
	}
	for (int64_t u = 0; u < c->u; u++)
		sum += p[u] = exp(p[u] - top);
	for (int64_t u = 0; u < c->u; u++)
		p[u] /= sum;
}

static void
row_reference(Trial *z, int64_t o, int64_t t, double *p, double *dp)
{
	const Case *c = z->c;
	int64_t     head = o / (z->outers / z->heads);
	double      along = 0;
	row_softmax(z, o, t, p);
	for (int64_t u = 0; u < c->u; u++) {
		dp[u] = dot(z, DOUT, t, V, u, o) * keep(z, o, t, u);
		along += dp[u] * p[u];
	}
	for (int64_t u = 0; u < c->u; u++) {
		double ds = p[u] * (dp[u] - along), kept = p[u] * keep(z, o, t, u);
		z->ref_dr[(head * c->t + t) * c->u + u] += ds;
		for (int64_t e = 0; e < c->e; e++) {
			int64_t at_q = (o * c->t + t) * c->e + e, at_k = (o * c->u + u) * c->e + e;
			z->ref_out[at_q] +=
				kept * value_get(&z->tensor[V], place(z, &z->tensor[V], o, u, e));
			z->ref_dq[at_q] +=
				z->forward.scale * ds *
				value_get(&z->tensor[K], place(z, &z->tensor[K], o, u, e));
			z->ref_dk[at_k] +=
				z->forward.scale * ds *
				value_get(&z->tensor[Q], place(z, &z->tensor[Q], o, t, e));
			z->ref_dv[at_k] += kept * value_get(&z->tensor[DOUT],
			                                    place(z, &z->tensor[DOUT], o, t, e));
		}
	}
}

static void
trial_reference(Trial *z)
{
	const Case *c = z->c;
	z->ref_out = zeros(z->outers * c->t * c->e);
	z->ref_dq = zeros(z->outers * c->t * c->e);
	z->ref_dk = zeros(z->outers * c->u * c->e);
	z->ref_dv = zeros(z->outers * c->u * c->e);
	z->ref_dr = zeros(z->heads * c->t * c->u);
	double *p = zeros(c->u), *dp = zeros(c->u);
	for (int64_t o = 0; o < z->outers; o++)
		for (int64_t t = 0; t < c->t; t++)
			row_reference(z, o, t, p, dp);
	free(p);
	free(dp);
}

/* ---- running -------------------------------------------------------------------------------- */

static void *
at_start(const View *x)
{
	return (char *)x->memory + x->start * dtype_bytes[x->a.dtype];
}

static void
trial_run(Trial *z, Function *kernel, bool grad)
{
	void *p[16];
	int   n = 0;
	for (int i = Q; i <= V; i++)
		p[n++] = at_start(&z->tensor[i]);
	if (z->c->bias)
		p[n++] = z->r;
	if (z->c->dropout) {
		p[n++] = z->sample;
		p[n++] = &z->step;
		p[n++] = &z->seed;
	}
	for (int i = grad ? DOUT : OUT; i <= (grad ? DV : OUT); i++)
		p[n++] = at_start(&z->tensor[i]);
	p[n++] = z->dr;
	kernel(p, (Num[]){{.f = z->rate}, {.u = z->site}});
}

static void
tensor_check(const Trial *z, int which, const double *reference, const char *name)
{
	const Case *c = z->c;
	const View *x = &z->tensor[which];
	double  largest = 1e-3, worst = 0, allowed = fmax(tolerance[c->in], tolerance[x->a.dtype]);
	int64_t n = z->outers * x->tokens * c->e;
	for (int64_t i = 0; i < n; i++)
		largest = fmax(largest, fabs(reference[i]));
	for (int64_t i = 0; i < n; i++) {
		double got = value_get(
			x, place(z, x, i / c->e / x->tokens, i / c->e % x->tokens, i % c->e));
		double far = fabs(got - reference[i]);
		worst = isnan(far) ? INFINITY : fmax(worst, far);
	}
	ck_assert_msg(worst <= allowed * largest, "%s: %s differs by %g, largest value %g", c->what,
	              name, worst, largest);
}

/* No element outside the operands was written: write the sentinel over the operands, then look
 * for anything else. */
static void
outside_check(Trial *z, int first, int last)
{
	for (int which = first; which <= last; which++) {
		View *x = &z->tensor[which];
		int   bytes = dtype_bytes[x->a.dtype];
		for (int64_t o = 0; o < z->outers; o++)
			for (int64_t t = 0; t < x->tokens; t++)
				memset((char *)at_start(x) + place(z, x, o, t, 0) * bytes, 0x5a,
				       (size_t)(z->c->e * bytes));
	}
	for (int which = first; which <= last; which++)
		for (int64_t i = 0; i < z->tensor[which].elems * 2; i++)
			if (((uint16_t *)z->tensor[which].memory)[i] !=
			    SENTINEL) /* a passing ck_assert costs a system call */
				ck_abort_msg("%s: written outside operand %d", z->c->what, which);
}

static void
trial_free(Trial *z)
{
	for (int i = 0; i < OPERANDS; i++)
		if (z->tensor[i].start == 0)
			free(z->tensor[i].memory);
	free(z->r);
	free(z->dr);
	free(z->sample);
	free(z->ref_out);
	free(z->ref_dq);
	free(z->ref_dk);
	free(z->ref_dv);
	free(z->ref_dr);
}

static size_t
out_bytes(const View *x)
{
	return (size_t)(x->elems * dtype_bytes[x->a.dtype]);
}

/* Copies of everything both kernels write, for comparing bits. */
static char *
results(const Trial *z, size_t *bytes)
{
	size_t n = 0, dr = sizeof(float) * (size_t)(z->heads * z->c->t * z->c->u);
	for (int i = OUT; i <= DV; i++)
		n += out_bytes(&z->tensor[i]);
	char *copy = malloc(n + dr), *at = copy;
	for (int i = OUT; i <= DV; i++) {
		memcpy(at, z->tensor[i].memory, out_bytes(&z->tensor[i]));
		at += out_bytes(&z->tensor[i]);
	}
	if (z->c->bias) {
		memcpy(at, z->dr, dr);
		n += dr;
	}
	*bytes = n;
	return copy;
}

static void
trial_check(Trial *z, void *library, void (*set_threads)(int))
{
	Function *forward, *grad;
	*(void **)&forward = dlsym(library, z->name[0]);
	*(void **)&grad = dlsym(library, z->name[1]);
	ck_assert_msg(forward && grad, "kernels of `%s` are not in the library", z->c->what);
	char  *first = NULL;
	size_t bytes = 0;
	for (int threads = 1; threads <= 3; threads++) {
		set_threads(threads);
		trial_run(z, forward, false);
		trial_run(z, grad, true);
		char *now = results(z, &bytes);
		if (first == NULL) {
			first = now;
			continue;
		}
		ck_assert_msg(memcmp(first, now, bytes) == 0, "%s: other bits with %d threads",
		              z->c->what, threads);
		free(now);
	}
	free(first);
	trial_reference(z);
	tensor_check(z, OUT, z->ref_out, "out");
	tensor_check(z, DQ, z->ref_dq, "dq");
	tensor_check(z, DK, z->ref_dk, "dk");
	tensor_check(z, DV, z->ref_dv, "dv");
	double worst = 0, largest = 1e-3;
	for (int64_t i = 0; z->c->bias && i < z->heads * z->c->t * z->c->u; i++) {
		double far = fabs(z->dr[i] - z->ref_dr[i]);
		worst = isnan(far) ? INFINITY : fmax(worst, far);
		largest = fmax(largest, fabs(z->ref_dr[i]));
	}
	ck_assert_msg(worst <= tolerance[z->c->in] * largest,
	              "%s: dr differs by %g, largest value %g", z->c->what, worst, largest);
	outside_check(z, OUT, OUT);
	outside_check(z, DQ, DV);
}

/* Compile text with the flags of the runtime and load it. */
static void *
load(const Text *text, const char *with)
{
	char folder[SCRATCH], source[SCRATCH + 16], object[SCRATCH + 16], command[512];
	scratch_folder(folder, "attend");
	snprintf(source, sizeof source, "%s/k.c", folder);
	snprintf(object, sizeof object, "%s/k.so", folder);
	ck_assert(file_write_atomic(source, text->at, text->n) == OK);
	snprintf(command, sizeof command,
	         "cc -std=gnu11 %s -fopenmp -fno-math-errno -fno-trapping-math -ffp-contract=fast "
	         "-Wall -Wextra -Werror -shared -fPIC -o %s %s",
	         with, object, source);
	ck_assert_msg(system(command) == 0, "the kernels do not compile: %s", command);
	void *library = dlopen(object, RTLD_NOW);
	ck_assert_msg(library != NULL, "%s", dlerror());
	unlink(source);
	unlink(object);
	rmdir(folder);
	return library;
}

/* The machine's own vectors, and the narrowest. */
static const char *const flags[] = {"-O3 -march=native", "-O1"};

START_TEST(kernels_agree_with_definition)
{
	static Trial trial[COUNT(cases)];
	Text         text = {0};
	text_printf(&text, "%s", prelude_cpu);
	for (int i = 0; i < COUNT(cases); i++) {
		trial_make(&trial[i], &cases[i], i);
		attend_emit_cpu(&text, &trial[i].forward, trial[i].name[0]);
		attend_emit_cpu(&text, &trial[i].grad, trial[i].name[1]);
	}
	void *library = load(&text, flags[_i]);
	void (*set_threads)(int);
	*(void **)&set_threads = dlsym(library, "omp_set_num_threads");
	ck_assert(set_threads != NULL);
	for (int i = 0; i < COUNT(cases); i++) {
		trial_check(&trial[i], library, set_threads);
		trial_free(&trial[i]);
	}
	text_free(&text); /* the library stays: its threads outlive the test */
}
END_TEST

Suite *
suite_attend(void)
{
	Suite *s = suite_create("attend");
	TCase *t = tcase_create("kernels");
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, kernels_agree_with_definition, 0, COUNT(flags));
	suite_add_tcase(s, t);
	return s;
}
