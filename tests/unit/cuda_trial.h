/* What tests of the cuda device share: a GPU that is none (tests/support/fake_cuda*.c), a program of one
 * kernel and two gemms, and what was said. */
#ifndef D2V_CUDA_TRIAL_H
#define D2V_CUDA_TRIAL_H

#include "runtime/runtime.h"
#include "tests/support/use_fake_cuda.h"
#include "tests/unit/scratch.h"

enum { N = 1000 };

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

extern FakeCuda     *gpu;
extern const Device *cuda;
extern Arena        *arena;
extern char          folder[SCRATCH];
extern char         *said; /* what was said, once said_to is flushed */
extern FILE         *said_to;

void cuda_trial_begin(void);
/* Nothing may be left on the GPU, and none of its rules broken. */
void   cuda_trial_end(void);
void   write_kernel(const char *text); /* NULL: the right one */
Made  *made(int64_t n);                /* the program; x and y have n elements */
Status open_it(Made *m, Dev **dev);

#endif
