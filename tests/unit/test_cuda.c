/* The host's side of the cuda device over tests/support/fake_cuda*.c: memory to the byte, order of
 * copies and steps, one graph for each entry, results that do not stall, choices kept on disk,
 * biases, and one clear message for each thing that can be wrong. What kernels calculate is not
 * tested here. */
#include "compiler/base/cache.h"
#include "runtime/runtime.h"
#include "tests/support/use_fake_cuda.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_cuda(void);

enum { N = 1000, STEPS = 12 };

/* y += scale * x: x is an input, y a variable; a gemm with bias: c = y[0..3] as a 2 x 2 times
 * itself. */
static const char axpy_text[] =
	"extern \"C\" __global__ void __launch_bounds__(128) k_axpy(const float *x, float *y, "
	"float a, long long n)\n"
	"{\n\tlong long i = blockIdx.x * 128ll + threadIdx.x;\n\tif (i < n) y[i] += a * x[i];\n}\n";

static FakeCuda     *gpu;
static const Device *cuda;
static Arena        *arena;
static char          folder[SCRATCH];
static char         *said;
static size_t        said_bytes;
static FILE         *said_to;

static void
write_kernel(const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/kernels/k_axpy.cu", folder);
	ck_assert(file_write_atomic(path, text, strlen(text)) == OK);
}

static void
begin(void)
{
	char path[128];
	scratch_folder(folder, "cuda");
	snprintf(path, sizeof path, "%s/kernels", folder);
	ck_assert(file_make_dirs(path) == OK);
	ck_assert(fake_cuda_use(&gpu));
	ck_assert(device_load("cuda", &cuda) == OK);
	write_kernel(axpy_text);
	arena = arena_new();
	said_to = open_memstream(&said, &said_bytes);
	diag_sink(said_to);
}

static void
end(void)
{
	char command[160];
	diag_sink(NULL);
	fclose(said_to);
	free(said);
	arena_free(arena);
	ck_assert_msg(gpu->errors[0] == 0, "%s", gpu->errors);
	ck_assert_msg(gpu->live == 0, "%d things were not given back", gpu->live);
	snprintf(command, sizeof command, "rm -r %s", folder);
	ck_assert(system(command) == 0);
}

/* ---- a program ------------------------------------------------------------------------------ */

typedef struct {
	ProgSlab   slab[4];
	Kernel     kernel[1];
	Arg        arg[4];
	ProgStep   step[3];
	Input      input[1];
	OutputSpec output[1];
	Table      table[1];
	int32_t    numbers[4];
	Entry      entry[1];
	Program    p;
} Made;

enum { SLAB_params, SLAB_act, SLAB_bias, SLAB_empty, Y = 128, X = 64, TABLE = 0 };

static Made *
made(int64_t n)
{
	Made *m = arena_new_one(arena, Made);
	m->slab[SLAB_params] = (ProgSlab){"params", Y + 4 * n + 36};
	m->slab[SLAB_act] = (ProgSlab){"act", X + 4 * n};
	m->slab[SLAB_bias] = (ProgSlab){"bias", 64};
	m->slab[SLAB_empty] = (ProgSlab){"empty", 0};
	m->kernel[0] =
		(Kernel){.name = "k_axpy", .file = "k_axpy.cu", .block = 128, .per_block = 128};
	m->arg[0] = (Arg){.kind = ARG_pointer, .slab = SLAB_act, .offset = X};
	m->arg[1] = (Arg){.kind = ARG_f32, .f = 0.5};
	m->arg[2] = (Arg){.kind = ARG_pointer, .slab = SLAB_params, .offset = Y};
	m->arg[3] = (Arg){.kind = ARG_i64, .i = n};
	m->step[0] = (ProgStep){.kind = STEP_launch, .narg = 4, .arg = m->arg};
	/* An f32 gemm with an aligned bias, and a bf16 one whose bias is to be rounded. */
	Gemm g = {.z = 1, .m = 2, .n = 2, .k = 2, .has_bias = true, .bias_slab = SLAB_bias};
	g.a = g.b =
		(GemmOperand){.slab = SLAB_params, .offset = Y, .dtype = DT_f32, .s0 = 2, .s1 = 1};
	g.c = (GemmOperand){.slab = SLAB_params, .dtype = DT_f32, .s0 = 2, .s1 = 1};
	g.bias_value = value_held(HELD_variable, 0);
	m->step[1] = (ProgStep){.kind = STEP_gemm, .gemm = g};
	g.a.dtype = g.b.dtype = g.c.dtype = DT_bf16;
	g.c.offset = 64;
	m->step[2] = (ProgStep){.kind = STEP_gemm, .gemm = g};
	m->input[0] = (Input){
		.name = "x", .type = {DT_f32, 1, {{"N", n}}}, .slab = SLAB_act, .offset = X};
	m->output[0] = (OutputSpec){
		.name = "first", .type = {.dtype = DT_f32}, .slab = SLAB_params, .offset = Y};
	for (int i = 0; i < 4; i++)
		m->numbers[i] = i + 7;
	m->table[0] = (Table){SLAB_act, TABLE, 4, m->numbers};
	m->entry[0] = (Entry){.name = "train",
	                      .ninput = 1,
	                      .input = m->input,
	                      .noutput = 1,
	                      .output = m->output,
	                      .nstep = 3,
	                      .step = m->step};
	m->p = (Program){.target = "cuda",
	                 .nslab = 4,
	                 .slab = m->slab,
	                 .nkernel = 1,
	                 .kernel = m->kernel,
	                 .ntable = 1,
	                 .table = m->table,
	                 .nentry = 1,
	                 .entry = m->entry,
	                 .needs = ""};
	return m;
}

static Status
open_it(Made *m, Dev **dev)
{
	return cuda->open(dev, &m->p, folder, folder);
}

static int
count(const char *word)
{
	int    n = 0;
	size_t length = strlen(word);
	for (const char *at = gpu->log; (at = strstr(at, word)); at += length)
		n += (at == gpu->log || at[-1] == ' ') && at[length] == ' ';
	return n;
}

/* ---- what goes well ------------------------------------------------------------------------- */

START_TEST(memory)
{
	Made   *m = made(N);
	Dev    *dev;
	char    word[64];
	int32_t table[4];
	ck_assert(open_it(m, &dev) == OK);
	/* Each slab once, to the byte, and cleared. */
	for (int i = 0; i < 3; i++) {
		snprintf(word, sizeof word, "alloc:%lld", (long long)m->slab[i].bytes);
		ck_assert_msg(count(word) == 1, "%s: %d times", word, count(word));
	}
	ck_assert(cuda->allocated(dev) == m->slab[0].bytes + m->slab[1].bytes + m->slab[2].bytes);
	ck_assert(cuda->workspace(dev) > 0);
	ck_assert(gpu->used >= cuda->allocated(dev) + cuda->workspace(dev));
	ck_assert(gpu->used <= cuda->allocated(dev) + cuda->workspace(dev) + 1024);
	char *all = malloc((size_t)m->slab[0].bytes);
	ck_assert(cuda->get(dev, SLAB_params, 0, all, m->slab[0].bytes) == OK);
	for (int64_t i = 0; i < m->slab[0].bytes; i++)
		ck_assert(all[i] == 0);
	free(all);
	ck_assert(cuda->get(dev, SLAB_act, TABLE, table, sizeof table) == OK);
	ck_assert(memcmp(table, m->numbers, sizeof table) == 0);
	cuda->close(dev);
}
END_TEST

/* The inputs of every step are different and results are taken a step late, as training does: with
 * lazy streams a slot that is written too early, or a copy that does not wait, gives other sums. */
START_TEST(ahead)
{
	Made *m = made(N);
	Dev  *dev;
	float y[N], sum = 0, due = 0;
	ck_assert(open_it(m, &dev) == OK);
	for (int i = 0; i < STEPS; i++) {
		void *to;
		ck_assert(cuda->stage(dev, SLAB_act, X, sizeof(float) * N, &to) == OK &&
		          to != NULL);
		for (int k = 0; k < N; k++)
			((float *)to)[k] = (float)(i * i + k);
		ck_assert(cuda->run(dev, &m->entry[0]) == OK);
		ck_assert(cuda->ask(dev, SLAB_params, Y, sizeof(float)) == OK);
		float before = sum;
		sum += 0.5f * (float)(i * i);
		if (i > 0) {
			ck_assert(cuda->take(dev, &due) == OK);
			ck_assert_msg(due == before, "after step %d: %g, not %g", i, due, before);
		}
	}
	ck_assert(cuda->take(dev, &due) == OK && due == sum);
	ck_assert(cuda->get(dev, SLAB_params, Y, y, sizeof y) == OK);
	for (int k = 0; k < N; k++)
		ck_assert(y[k] == sum + 0.5f * (float)(STEPS * k));
	ck_assert(gpu->instantiated == 1 && gpu->launched == STEPS);
	ck_assert(gpu->captured == 4); /* the bias, the kernel, two gemms */
	ck_assert(count("k_axpy") == STEPS && count("gemm") == 2 * STEPS);
	cuda->close(dev);
}
END_TEST

/* One after the other on a thread each, as parameters are put at the start: none of them opened the
 * device, and none has a context of its own. */
typedef struct {
	Dev  *dev;
	Made *made;
	float y;
} Visit;

static void *
visit_put(void *arg)
{
	Visit *v = arg;
	float  x[N];
	for (int k = 0; k < N; k++)
		x[k] = (float)k;
	/* twice: the second finds the first one's slot on its way */
	for (int i = 0; i < 2; i++)
		if (cuda->put(v->dev, SLAB_act, X, x, sizeof x) != OK ||
		    cuda->get(v->dev, SLAB_act, X, x, sizeof x) != OK)
			return "put and get";
	return NULL;
}

static void *
visit_run(void *arg)
{
	Visit *v = arg;
	double seconds[8] = {0};
	return cuda->run(v->dev, &v->made->entry[0]) != OK                ? "run"
	       : cuda->profile(v->dev, &v->made->entry[0], seconds) != OK ? "profile"
	                                                                  : NULL;
}

static void *
visit_ask(void *arg)
{
	Visit *v = arg;
	return cuda->ask(v->dev, SLAB_act, X, sizeof(float)) != OK ? "ask" : NULL;
}

static void *
visit_take(void *arg)
{
	Visit *v = arg;
	return cuda->take(v->dev, &v->y) != OK ? "take" : NULL;
}

START_TEST(threads)
{
	static void *(*const visit[])(void *) = {visit_put, visit_run, visit_ask, visit_take};
	Visit     v = {.made = made(N), .y = -1};
	pthread_t thread;
	void     *failed_at;
	ck_assert(open_it(v.made, &v.dev) == OK);
	ck_assert(v.made->entry[0].nstep <= 8);
	for (int i = 0; i < COUNT(visit); i++) {
		ck_assert(pthread_create(&thread, NULL, visit[i], &v) == 0);
		ck_assert(pthread_join(thread, &failed_at) == 0);
		ck_assert_msg(failed_at == NULL, "%s: %s", (char *)failed_at, said);
	}
	ck_assert(v.y == 0);
	cuda->close(v.dev);
}
END_TEST

/* Small puts between runs take effect in order; one larger than a slot goes its own way, in order
 * too. */
START_TEST(order)
{
	Made   *m = made(100000);
	Dev    *dev;
	int64_t bytes = 4 * 100000;
	float  *big = calloc(100000, sizeof *big), one = 1, two = 2, got[2];
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(cuda->put(dev, SLAB_params, Y, &one, 4) == OK);
	ck_assert(cuda->put(dev, SLAB_params, Y, &two, 4) == OK);
	ck_assert(cuda->put(dev, SLAB_params, Y + 4, &one, 4) == OK);
	ck_assert(cuda->get(dev, SLAB_params, Y, got, 8) == OK);
	ck_assert(got[0] == 2 && got[1] == 1);
	for (int i = 0; i < 5; i++) { /* each fills a slot */
		big[0] = (float)i;
		ck_assert(cuda->put(dev, SLAB_act, X, big, bytes) == OK);
	}
	big[0] = 8;
	ck_assert(cuda->put(dev, SLAB_params, Y, &one, 4) == OK);
	ck_assert(cuda->run(dev, &m->entry[0]) == OK);
	ck_assert(cuda->get(dev, SLAB_params, Y, got, 4) == OK);
	ck_assert_msg(got[0] == 1 + 0.5f * 4, "%g", got[0]);
	m->slab[SLAB_params].bytes += 0;
	ck_assert(cuda->put(dev, SLAB_params, 0, big, bytes) == OK);
	ck_assert(cuda->get(dev, SLAB_params, 0, got, 4) == OK && got[0] == 8);
	free(big);
	cuda->close(dev);
}
END_TEST

/* Starting values: drawn into pinned memory, zeros and copies without the host. Twice, as a step that
 * went wrong starts over. */
START_TEST(starting)
{
	enum { EACH = 400 };
	Made    *m = made(N);
	Variable v[4] = {
		{.name = "w", .init = {.kind = INIT_trunc_normal, .std = 1, .cut = 1, .scale = 1}},
		{.name = "one", .init = {.kind = INIT_const, .value = 1}},
		{.name = "zero", .init = {.kind = INIT_const}},
		{.name = "teacher.w", .init = {.kind = INIT_copy, .of = "w"}}};
	Exec  x = {.p = &m->p, .device = cuda};
	float got[4 * EACH], want[EACH], junk[4 * EACH];
	for (int i = 0; i < 4; i++) {
		v[i].type = (Type){DT_f32, 1, {{"N", EACH}}};
		v[i].slab = i < 2 ? SLAB_params : SLAB_act;
		v[i].offset = X + 4 * EACH * (i % 2);
	}
	m->p.recipe.nvar = 4;
	m->p.recipe.var = v;
	memset(junk, 0x7f, sizeof junk);
	ck_assert(open_it(m, &x.dev) == OK);
	ck_assert(init_variable(&m->p.recipe, &v[0], 3, want) == OK);
	for (int round = 0; round < 2; round++) {
		gpu->log[0] = 0;
		ck_assert(cuda->put(x.dev, SLAB_params, X, junk, 8 * EACH) == OK);
		ck_assert(cuda->put(x.dev, SLAB_act, X, junk, 8 * EACH) == OK);
		ck_assert(init_all(&x, 3) == OK);
		for (int i = 0; i < 4; i++)
			ck_assert(cuda->get(x.dev, v[i].slab, v[i].offset, got + EACH * i,
			                    4 * EACH) == OK);
		ck_assert(memcmp(got, want, sizeof want) == 0);
		for (int i = 0; i < EACH; i++)
			ck_assert(got[EACH + i] == 1 && got[2 * EACH + i] == 0);
		ck_assert(memcmp(got + 3 * EACH, want, sizeof want) == 0);
	}
	exec_close(&x);
}
END_TEST

START_TEST(profiles)
{
	Made  *m = made(N);
	Dev   *dev;
	double seconds[3] = {0};
	gpu->eager = true;
	ck_assert(open_it(m, &dev) == OK);
	for (int i = 0; i < 2; i++)
		ck_assert(cuda->profile(dev, &m->entry[0], seconds) == OK);
	/* 5 us the kernel and 5 the biases before it, 10 the gemms with the best code. */
	for (int i = 0; i < 3; i++)
		ck_assert_msg(fabs(seconds[i] - 20e-6) < 1e-9, "step %d: %g s", i, seconds[i]);
	ck_assert(gpu->launched == 0);
	cuda->close(dev);
}
END_TEST

START_TEST(biases)
{
	Made    *m = made(N);
	Dev     *dev;
	float    bias[2] = {1.00390625f, -3.0f}, c[2]; /* the first lies between two bf16 */
	uint16_t narrow[2];
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(cuda->put(dev, SLAB_bias, 0, bias, sizeof bias) == OK);
	for (int i = 0; i < 3; i++)
		ck_assert(cuda->run(dev, &m->entry[0]) == OK);
	ck_assert(cuda->get(dev, SLAB_params, 0, c, sizeof c) == OK);
	ck_assert(c[0] == bias[0] && c[1] == bias[1]); /* f32: exactly, in place */
	ck_assert(cuda->get(dev, SLAB_params, 64, narrow, sizeof narrow) == OK);
	ck_assert(narrow[0] == f32_to_bf16(bias[0]) && narrow[1] == f32_to_bf16(bias[1]));
	ck_assert(count("d2v_bias") == 3); /* once a step, before its first kernel */
	cuda->close(dev);
	/* Written within the step: copied right before its gemm. */
	m->step[2].gemm.bias_value = 1;
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(cuda->run(dev, &m->entry[0]) == OK);
	cuda->close(dev);
	ck_assert(count("d2v_bias") == 3 + 2); /* once before the recording, too */
	ck_assert(strstr(gpu->log, "k_axpy gemm d2v_bias gemm ") != NULL);
}
END_TEST

START_TEST(choices)
{
	Made *m = made(N);
	Dev  *dev;
	char  command[200];
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(gpu->heuristics == 2 &&
	          gpu->chosen == 3); /* the fastest of those whose order is fixed */
	cuda->close(dev);
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(gpu->heuristics == 2 && gpu->chosen == 3);
	cuda->close(dev);
	/* Damaged, it is made again. */
	snprintf(command, sizeof command,
	         "for f in %s/cuda/*.gemm; do head -c 60 $f >$f.x; mv $f.x $f; done", folder);
	ck_assert(system(command) == 0);
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(gpu->heuristics == 4 && gpu->chosen == 3);
	cuda->close(dev);
	/* Another GPU chooses anew. */
	gpu->minor = 1;
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(gpu->heuristics == 6);
	cuda->close(dev);
}
END_TEST

/* ---- what goes wrong ------------------------------------------------------------------------ */

static const char *failed; /* what was made to fail last */

static void
refused(Made *m, const char *word)
{
	Dev *dev;
	rewind(said_to);
	Status s = open_it(m, &dev);
	fflush(said_to);
	ck_assert_msg(s == FAIL, "opened in spite of: %s %s", word, failed ? failed : "");
	ck_assert(dev == NULL);
	ck_assert_msg(strstr(said, word) != NULL, "`%s` is not said: %s", word, said);
	ck_assert_msg(gpu->live == 0, "%s: %d things were not given back", word, gpu->live);
	diag_reset();
	gpu->fail = NULL;
}

static void
failing(const char *function, int after, int code)
{
	gpu->fail = failed = function;
	gpu->fail_after = after;
	gpu->fail_with = code;
}

START_TEST(mistakes)
{
	Made *m = made(N);
	m->p.target = "cpu";
	refused(m, "compiled for `cpu`");
	m->p.target = "cuda";
	m->p.needs = "sm_100";
	refused(m, "Fake GPU is sm_90");
	m->p.needs = "avx512bf16";
	refused(m, "`avx512bf16`");
	m->p.needs = "sm_80";
	m->slab[SLAB_act].bytes = (int64_t)3 << 30;
	refused(m, "3.00 GiB");
	m = made(N);
	m->kernel[0].block = 2048;
	refused(m, "1024 threads");
	m = made(N);
	m->kernel[0].shared = 300 << 10;
	refused(m, "shared memory");
	m = made(N);
	m->arg[3].kind = ARG_f32;
	refused(m, "has 0 blocks");
	m = made(N);
	m->kernel[0].grid = 3;
	m->step[0].narg = 3;
	refused(m, "parameter 4 of `k_axpy` has 8 bytes");
	m = made(N);
	m->kernel[0].name = "k_other";
	refused(m, "does not define `k_other`");
	m = made(N);
	m->kernel[0].file = "../k_axpy.cu";
	refused(m, "not the name of a kernel file");
	m = made(N);
	m->step[1].gemm.b.dtype = DT_bf16;
	refused(m, "no gemm of f32 and bf16");
	m = made(N);
	m->step[1].gemm.a.s0 = 1;
	m->step[1].gemm.a.s1 = 1;
	refused(m, "is no matrix");
	write_kernel("#error planted\n");
	refused(made(N), "planted");
	write_kernel(axpy_text);
	ck_assert(diag_exit_code() != EXIT_OK);
}
END_TEST

/* Every call that can fail does so once, at its first and at a later use; nothing leaks and
 * somebody says so. */
START_TEST(failures)
{
	static const struct {
		const char *name;
		int         calls; /* at least so many when opening */
	} call[] = {{"cuDeviceGetCount", 1},    {"cuDevicePrimaryCtxRetain", 1},
	            {"cuStreamCreate", 2},      {"cuEventCreate", 2},
	            {"cuMemAlloc", 6},          {"cuMemHostAlloc", 3},
	            {"cuMemsetD8Async", 2},     {"cuMemcpyHtoDAsync", 2},
	            {"cuMemcpyDtoDAsync", 1},   {"cuModuleLoadData", 2},
	            {"cuModuleGetFunction", 3}, {"cuLaunchKernel", 2},
	            {"cuEventSynchronize", 1}};
	static const char *const blas[] = {
		"cublasLtCreate", "cublasLtMatmulDescCreate", "cublasLtMatrixLayoutCreate",
		"cublasLtMatmulPreferenceCreate", "cublasLtMatmulDescSetAttribute"};
	char command[100];
	snprintf(command, sizeof command, "rm -rf %s/cuda", folder);
	for (int i = 0; i < COUNT(call); i++)
		for (int after = 0; after < call[i].calls; after++) {
			ck_assert(system(command) == 0);
			failing(call[i].name, after, 999);
			refused(made(N), "CUDA: ");
		}
	for (int i = 0; i < COUNT(blas); i++) {
		ck_assert(system(command) == 0);
		failing(blas[i], 0, 14);
		refused(made(N), "cuBLASLt: ");
	}
	ck_assert(system(command) == 0);
	failing("cuStreamSynchronize", 1, 999); /* the first is part of giving memory back */
	refused(made(N), "CUDA: preparing the memory");
	failing("cuInit", 0, 100); /* CUDA_ERROR_NO_DEVICE */
	refused(made(N), "no NVIDIA GPU here");
	failing("cuMemAlloc", 3, 2); /* CUDA_ERROR_OUT_OF_MEMORY */
	refused(made(N), "[out-of-memory]");
	failing("cuModuleLoadData", 0, 209); /* CUDA_ERROR_NO_BINARY_FOR_GPU */
	refused(made(N), "another GPU");
}
END_TEST

START_TEST(running_fails)
{
	static const char *const functions[] = {
		"cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiateWithFlags",
		"cuGraphLaunch",        "cublasLtMatmul",     "cuLaunchKernel"};
	for (int i = 0; i < COUNT(functions); i++) {
		Dev  *dev;
		Made *m = made(N);
		float y;
		ck_assert(open_it(m, &dev) == OK);
		failing(functions[i], 0, 14);
		ck_assert_msg(cuda->run(dev, &m->entry[0]) == FAIL, "%s", functions[i]);
		gpu->fail = NULL;
		/* The stream is not left recording. */
		ck_assert(cuda->run(dev, &m->entry[0]) == OK);
		ck_assert(cuda->get(dev, SLAB_params, Y, &y, 4) == OK);
		cuda->close(dev);
		diag_reset();
	}
}
END_TEST

Suite *
suite_cuda(void)
{
	Suite *s = suite_create("cuda");
	TCase *t = tcase_create("host");
	if (!fake_cuda_there())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, memory);
	tcase_add_test(t, ahead);
	tcase_add_test(t, threads);
	tcase_add_test(t, order);
	tcase_add_test(t, starting);
	tcase_add_test(t, profiles);
	tcase_add_test(t, biases);
	tcase_add_test(t, choices);
	tcase_add_test(t, mistakes);
	tcase_add_test(t, failures);
	tcase_add_test(t, running_fails);
	suite_add_tcase(s, t);
	return s;
}
