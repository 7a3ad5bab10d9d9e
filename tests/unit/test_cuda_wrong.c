/* The cuda device when something is wrong: one clear message for each thing, and nothing left behind;
 * every call that can fail fails once. */
#include "tests/unit/cuda_trial.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_cuda_wrong(void);

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
	gpu->driver -= 1000;
	refused(m, "was built for CUDA");
	gpu->driver += 1000;
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
	write_kernel(NULL);
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
suite_cuda_wrong(void)
{
	Suite *s = suite_create("cuda_wrong");
	TCase *t = tcase_create("host");
	if (!fake_cuda_there())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, cuda_trial_begin, cuda_trial_end);
	tcase_add_test(t, mistakes);
	tcase_add_test(t, failures);
	tcase_add_test(t, running_fails);
	suite_add_tcase(s, t);
	return s;
}
