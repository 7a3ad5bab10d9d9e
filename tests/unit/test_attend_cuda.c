/* attend_emit_cuda: the generated kernels, compiled by the machine's C++ compiler and run by
 * runtime/emulate.h, against the definition in double precision: forward and gradient, odd sizes,
 * sizes that are cut into chunks, strided and packed operands, bias, dropout, bf16, f32 and mixed;
 * and the same bits whatever the order of threads. What NVRTC makes of the text is seen elsewhere.
 */
#include <check.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/attend_trial.h"
#include "tests/unit/scratch.h"

Suite *suite_attend_cuda(void);

/* The result of a kernel may differ from the definition by this much of the largest value of the
 * tensor. f32: sums of a few hundred rounded products. bf16: probabilities and their gradients
 * are rounded to 8 bits, and so may the results be. */
static const double tolerance[DT_COUNT] = {[DT_f32] = 1e-5, [DT_bf16] = 1.5e-2};

#define F DT_f32
#define H DT_bf16
static const AttendCase cases[] = {
	{"one of everything", 1, 1, 1, 0, 0, {0}, false, false, PLAIN, H, H, H, 0, 0, 0},
	{"one of everything, f32", 1, 1, 1, 0, 0, {0}, false, false, PLAIN, F, F, F, 0, 0, 0},
	{"vision", 197, 197, 64, 2, 1, {1, 2}, true, true, PACKED, H, H, H, 0, 1, 0},
	{"demo", 17, 17, 32, 2, 1, {4, 5}, true, false, PACKED, H, H, H, 0, 1, 0},
	{"five", 5, 5, 40, 2, 1, {3, 2}, true, true, PACKED, H, H, H, 0, 0, 0},
	{"odd sizes", 33, 37, 7, 2, 1, {3, 3}, true, true, PLAIN, H, F, F, 0, 1, 0},
	{"rows not aligned", 18, 21, 9, 2, 1, {3, 2}, true, true, PLAIN, H, H, F, 0, 0, 0},
	{"one query", 1, 70, 24, 1, 0, {3}, true, true, EVEN, H, H, H, 0, 1, 0},
	{"one key", 35, 1, 16, 1, 1, {2}, true, false, EVEN, H, H, H, 0, 0, 0},
	{"no bias", 65, 16, 24, 2, 0, {2, 3}, false, true, EVEN, H, H, H, 0, 0, 0},
	{"bias shared by all", 25, 33, 128, 1, 0, {5}, true, false, EVEN, H, F, H, 0, 1, 0},
	{"four outer axes", 7, 9, 8, 4, 2, {2, 3, 2, 2}, true, true, PLAIN, H, H, H, 1, 1, 0},
	{"three chunks of keys", 31, 417, 48, 1, 1, {2}, true, true, EVEN, H, H, H, 0, 1, 0},
	{"longest", 20, 1025, 32, 1, 1, {1}, true, false, PLAIN, H, H, H, 0, 0, 0},
	{"two blocks of queries", 240, 20, 80, 2, 1, {1, 3}, true, true, EVEN, H, H, H, 0, 1, 0},
	{"blocks and chunks", 230, 214, 32, 2, 0, {1, 2}, false, true, EVEN, H, H, H, 0, 1, 0},
	{"widest", 130, 208, 128, 1, 1, {1}, true, true, EVEN, H, H, H, 0, 0, 0},
	{"widest, 99 KiB", 40, 208, 128, 1, 1, {2}, true, true, EVEN, H, H, H, 0, 1, 99 << 10},
	{"little shared memory",
         100,
         100,
         64,
         2,
         1,
         {1, 3},
         true,
         false,
         PACKED,
         H,
         H,
         H,
         0,
         1,
         50000},
	{"little shared memory, f32",
         40,
         90,
         32,
         2,
         1,
         {1, 3},
         true,
         false,
         EVEN,
         F,
         F,
         F,
         0,
         1,
         30000},
	{"demo, f32", 17, 17, 32, 2, 1, {4, 5}, true, false, PACKED, F, F, F, 0, 1, 0},
	{"odd sizes, f32", 13, 37, 7, 2, 1, {3, 2}, true, true, PLAIN, F, F, F, 0, 1, 0},
	{"blocks, f32", 70, 70, 40, 2, 1, {2, 3}, true, true, EVEN, F, F, F, 0, 1, 0},
	{"no bias, f32", 40, 16, 24, 2, 0, {2, 3}, false, true, EVEN, F, F, F, 1, 0, 0},
	{"long, f32", 19, 1025, 48, 1, 1, {1}, true, false, PLAIN, F, F, F, 0, 0, 0},
	{"widest, f32", 33, 65, 128, 1, 0, {2}, true, true, EVEN, F, F, F, 0, 0, 0},
	{"f32 in, bf16 out", 24, 48, 16, 2, 1, {2, 2}, true, false, EVEN, F, H, F, 0, 0, 0},
	{"bf16 in, f32 out", 48, 48, 16, 2, 1, {2, 2}, true, true, PACKED, H, F, H, 0, 0, 0},
};

/* ---- running -------------------------------------------------------------------------------- */

static void *
at_start(const AttendView *x)
{
	return (char *)x->memory + x->start * dtype_bytes[x->a.dtype];
}

static bool
is_ready(int which)
{
	return which == READY || which == READY_BACKWARD;
}

/* Its arguments in p: how many. `ready`: where the launch before left something, and scratch is
 * behind it. */
static int
arguments(AttendTrial *z, int which, float *ready, float *scratch, void **p)
{
	int  n = 0;
	bool prepared = z->there[which == FORWARD ? READY : READY_BACKWARD];
	bool plain = is_ready(which) || (which != FINISH && !prepared);
	if (which == FINISH) {
		p[n++] = scratch;
		p[n++] = z->dr;
		return n;
	}
	for (int i = Q; i <= V && !is_ready(which); i++)
		p[n++] = at_start(&z->tensor[i]);
	if (plain && z->c->bias)
		p[n++] = z->r;
	if (plain && z->c->dropout) {
		p[n++] = z->sample;
		p[n++] = &z->step;
		p[n++] = &z->seed;
	}
	if (!plain || is_ready(which))
		p[n++] = ready;
	for (int i = which ? DOUT : OUT; i <= (which ? DV : OUT) && !is_ready(which); i++)
		p[n++] = at_start(&z->tensor[i]);
	if (which == GRADIENT && z->launch[GRADIENT].scratch > 0)
		p[n++] = scratch;
	return n;
}

static void
launch(AttendTrial *z, void *library, int which, char *memory)
{
	typedef const char *Function(void *const *, float, uint64_t);
	Function           *kernel;
	void               *p[16];
	char                entry[64];
	int64_t before = which == FORWARD || which == READY ? 0 : z->launch[READY_BACKWARD].scratch;
	snprintf(entry, sizeof entry, "run_%s", z->name[which]);
	*(void **)&kernel = dlsym(library, entry);
	ck_assert_msg(kernel != NULL, "%s of `%s` is not in the library", entry, z->c->what);
	(void)arguments(z, which, (float *)memory, (float *)(memory + before), p);
	const char *wrong = kernel(p, (float)z->rate, z->site);
	ck_assert_msg(wrong == NULL, "%s: %s", z->c->what, wrong);
}

/* Scratch begins as NaN and has the sentinel behind it. */
static void
launches(AttendTrial *z, void *library, const int *which, int n)
{
	size_t bytes = 0, guard = 256;
	for (int i = 0; i < n; i++)
		bytes += (size_t)z->launch[which[i]].scratch;
	char *scratch = aligned_alloc(64, (bytes + guard + 63) / 64 * 64);
	memset(scratch, 0xff, bytes);
	memset(scratch + bytes, 0x5a, guard);
	for (int i = 0; i < n; i++)
		if (z->there[which[i]])
			launch(z, library, which[i], scratch);
	for (size_t i = 0; i < guard; i++)
		if (scratch[bytes + i] != 0x5a)
			ck_abort_msg("%s: written behind scratch", z->c->what);
	free(scratch);
}

static void
trial_run(AttendTrial *z, void *library)
{
	launches(z, library, (int[]){READY, FORWARD}, 2);
	launches(z, library, (int[]){READY_BACKWARD, GRADIENT, FINISH}, 3);
}

static void
tensor_check(const AttendTrial *z, int which, const double *reference, const char *name)
{
	const AttendCase *c = z->c;
	const AttendView *x = &z->tensor[which];
	double largest = 1e-3, worst = 0, allowed = fmax(tolerance[c->in], tolerance[c->out]),
	       finest = tolerance[x->a.dtype];
	int64_t n = z->outers * x->tokens * c->e;
	for (int64_t i = 0; i < n; i++)
		largest = fmax(largest, fabs(reference[i]));
	for (int64_t i = 0; i < n; i++) {
		double got = attend_value(x, attend_place(z, x, i / c->e / x->tokens,
		                                          i / c->e % x->tokens, i % c->e));
		double far = fabs(got - reference[i]);
		worst = isnan(far) ? INFINITY : fmax(worst, far);
	}
	ck_assert_msg(worst <= fmax(allowed, finest) * largest,
	              "%s: %s differs by %g, largest value %g", c->what, name, worst, largest);
}

/* No element outside the operands was written: write the sentinel over the operands, then look
 * for anything else. */
static void
outside_check(AttendTrial *z, int first, int last)
{
	for (int which = first; which <= last; which++) {
		AttendView *x = &z->tensor[which];
		int         bytes = dtype_bytes[x->a.dtype];
		for (int64_t o = 0; o < z->outers; o++)
			for (int64_t t = 0; t < x->tokens; t++)
				memset((char *)at_start(x) + attend_place(z, x, o, t, 0) * bytes,
				       0x5a, (size_t)(z->c->e * bytes));
	}
	for (int which = first; which <= last; which++)
		for (int64_t i = 0; i < z->tensor[which].elems * 2; i++)
			if (((uint16_t *)z->tensor[which].memory)[i] !=
			    ATTEND_SENTINEL) /* a passing ck_assert costs a system call */
				ck_abort_msg("%s: written outside operand %d", z->c->what, which);
}

static size_t
out_bytes(const AttendView *x)
{
	return (size_t)(x->elems * dtype_bytes[x->a.dtype]);
}

/* Copies of everything both kernels write, for comparing bits. */
static char *
results(const AttendTrial *z, size_t *bytes)
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

/* Orders in which the threads of a block run between barriers, and blocks. */
static const char *const orders[] = {"forward", "reverse", "shuffle:3"};

static void
trial_check(AttendTrial *z, void *library)
{
	char  *first = NULL;
	size_t bytes = 0;
	for (int i = 0; i < COUNT(orders); i++) {
		setenv("D2V_EMULATE_ORDER", orders[i], 1);
		trial_run(z, library);
		char *now = results(z, &bytes);
		if (first == NULL) {
			first = now;
			continue;
		}
		ck_assert_msg(memcmp(first, now, bytes) == 0, "%s: other bits in order `%s`",
		              z->c->what, orders[i]);
		free(now);
	}
	free(first);
	attend_trial_reference(z);
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
	ck_assert_msg(worst <= fmax(tolerance[z->c->in], tolerance[z->c->out]) * largest,
	              "%s: dr differs by %g, largest value %g", z->c->what, worst, largest);
	outside_check(z, OUT, OUT);
	outside_check(z, DQ, DV);
}

/* `const char *run_NAME(p, rate, site)` for the test: a launch with its literals. */
static void
entry_text(Text *out, AttendTrial *z, int which)
{
	const AttendLaunch *l = &z->launch[which];
	void               *p[16];
	int                 pointers = arguments(z, which, NULL, NULL, p);
	bool                draws = z->c->dropout && which != FINISH;
	bool site = is_ready(which) || !z->there[which == FORWARD ? READY : READY_BACKWARD];
	text_printf(out,
	            "extern \"C\" const char *run_%s(void *const *p, float rate, uint64_t "
	            "site)\n{\n\t(void)rate, (void)site;\n",
	            z->name[which]);
	text_printf(out, "\treturn emulate::run(\"%s\", %lld, %d, %lld, NULL, [&] { %s(",
	            z->name[which], (long long)l->grid, l->block, (long long)l->shared,
	            z->name[which]);
	for (int i = 0; i < pointers; i++)
		text_printf(out, "%semulate::Pointer{p[%d]}", i ? ", " : "", i);
	text_printf(out, "%s%s); });\n}\n", draws ? ", rate" : "", draws && site ? ", site" : "");
}

static void *
load(const Text *text)
{
	char folder[SCRATCH], source[SCRATCH + 16], prelude[SCRATCH + 16], object[SCRATCH + 16],
		command[512];
	scratch_folder(folder, "attend");
	snprintf(source, sizeof source, "%s/k.cc", folder);
	snprintf(object, sizeof object, "%s/k.so", folder);
	snprintf(prelude, sizeof prelude, "%s/prelude.cuh", folder);
	ck_assert(file_write_atomic(prelude, prelude_cuda, strlen(prelude_cuda)) == OK);
	ck_assert(file_write_atomic(source, text->at, text->n) == OK);
	snprintf(
		command, sizeof command,
		"g++ -std=c++17 -O1 -I. -Iruntime -Wall -Wno-unknown-pragmas -Wno-attributes -Wno-unused-variable "
		"-shared -fPIC -o %s "
		"%s",
		object, source);
	ck_assert_msg(system(command) == 0, "the kernels do not compile: %s", command);
	void *library = dlopen(object, RTLD_NOW);
	ck_assert_msg(library != NULL, "%s", dlerror());
	unlink(source);
	unlink(prelude);
	unlink(object);
	rmdir(folder);
	return library;
}

static void
emit(Text *text, AttendTrial *z)
{
	AttendLaunch *l = z->launch;
	z->there[FORWARD] = z->there[GRADIENT] = true;
	z->there[READY] = attend_emit_cuda_ready(text, &z->forward, z->name[READY], &l[READY]);
	z->there[READY_BACKWARD] =
		attend_emit_cuda_ready(text, &z->grad, z->name[READY_BACKWARD], &l[READY_BACKWARD]);
	attend_emit_cuda(text, &z->forward, z->name[FORWARD], &l[FORWARD]);
	attend_emit_cuda(text, &z->grad, z->name[GRADIENT], &l[GRADIENT]);
	z->there[FINISH] = attend_emit_cuda_finish(text, &z->grad, z->name[FINISH], &l[FINISH]);
	for (int which = 0; which < LAUNCHES; which++)
		if (z->there[which])
			entry_text(text, z, which);
}

START_TEST(kernels_agree_with_definition)
{
	static AttendTrial trial[COUNT(cases)];
	Text               text = {0};
	text_printf(&text, "#define D2V_EMULATE\n#include \"prelude.cuh\"\n");
	for (int i = 0; i < COUNT(cases); i++) {
		AttendTrial *z = &trial[i];
		attend_trial_make(z, &cases[i], i);
		emit(&text, z);
	}
	void *library = load(&text);
	for (int i = 0; i < COUNT(cases); i++) {
		trial_check(&trial[i], library);
		attend_trial_free(&trial[i]);
	}
	text_free(&text); /* the library stays: it keeps the stacks of its threads */
}
END_TEST

/* What pass attend lets through has kernels on every GPU: blocks that fit, in threads and shared
 * memory. */
START_TEST(fits_every_gpu)
{
	static const char *const arch[] = {"sm_80",  "sm_86",  "sm_89",  "sm_90",
	                                   "sm_100", "sm_103", "sm_120", ""};
	static const int64_t     size[] = {1, 197, 577, 0},
			     width[] = {1, 32, 64, 80, ATTEND_CUDA_WIDTH};
	Text         text = {0};
	AttendLaunch l;

	for (int a = 0; a < COUNT(arch); a++)
		for (int i = 0; i < COUNT(size); i++)
			for (int j = 0; j < COUNT(width); j++)
				for (int what = 0; what < 4; what++) {
					AttendOperand x = {.dtype = what & 2 ? DT_f32 : DT_bf16,
					                   .token = width[j]};
					Gpu           gpu = gpu_of(arch[a]);
					int64_t       n = size[i] ? size[i] : gpu.attend_tokens;
					AttendKernel  k = {.grad = what & 1,
					                   .t = n,
					                   .u = n,
					                   .e = width[j],
					                   .nouter = 1,
					                   .nbias = 1,
					                   .outer = {12},
					                   .has_bias = true,
					                   .sample_axis = -1,
					                   .scale = 0.125,
					                   .q = x,
					                   .k = x,
					                   .v = x,
					                   .out = x,
					                   .dq = x,
					                   .dk = x,
					                   .dv = x,
					                   .processors = gpu.processors,
					                   .shared_most = gpu.shared_most};

					text.n = 0;
					attend_emit_cuda(&text, &k, "k", &l);
					ck_assert_msg(l.shared <= gpu.shared_most &&
					                      l.block <= 1024 && l.grid >= 1,
					              "%s: %d tokens of %d, kind %d: %d threads, "
					              "%d bytes of %d",
					              arch[a], (int)n, (int)width[j], what, l.block,
					              (int)l.shared, (int)gpu.shared_most);
				}
	ck_assert_int_eq(gpu_of("sm_80").shared_most, 163 << 10);
	ck_assert_int_eq(gpu_of("sm_90a").shared_most, 227 << 10);
	ck_assert_int_eq(gpu_of(NULL).processors, 132);
	text_free(&text);
}
END_TEST

Suite *
suite_attend_cuda(void)
{
	Suite *s = suite_create("attend_cuda");
	TCase *t = tcase_create("kernels");
	tcase_set_timeout(t, 300);
	tcase_add_test(t, kernels_agree_with_definition);
	tcase_add_test(t, fits_every_gpu);
	suite_add_tcase(s, t);
	return s;
}
