/* See cuda_trial.h. */
#include "tests/unit/cuda_trial.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* y += scale * x: x is an input, y a variable; a gemm with bias: c = y[0..3] as a 2 x 2 times
 * itself. */
static const char axpy_text[] =
	"extern \"C\" __global__ void __launch_bounds__(128) k_axpy(const float *x, float *y, "
	"float a, long long n)\n"
	"{\n\tlong long i = blockIdx.x * 128ll + threadIdx.x;\n\tif (i < n) y[i] += a * x[i];\n}\n";

FakeCuda     *gpu;
const Device *cuda;
Arena        *arena;
char          folder[SCRATCH];
char         *said;
static size_t said_bytes;
FILE         *said_to;

void
write_kernel(const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/kernels/k_axpy.cu", folder);
	text = text ? text : axpy_text;
	ck_assert(file_write_atomic(path, text, strlen(text)) == OK);
}

void
cuda_trial_begin(void)
{
	char path[128];
	scratch_folder(folder, "cuda");
	snprintf(path, sizeof path, "%s/kernels", folder);
	ck_assert(file_make_dirs(path) == OK);
	ck_assert(fake_cuda_use(&gpu));
	ck_assert(device_load("cuda", &cuda) == OK);
	write_kernel(NULL);
	arena = arena_new();
	said_to = open_memstream(&said, &said_bytes);
	diag_sink(said_to);
}

void
cuda_trial_end(void)
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

Made *
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

Status
open_it(Made *m, Dev **dev)
{
	return cuda->open(dev, &m->p, folder, folder);
}
