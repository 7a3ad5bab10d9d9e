/* What the files of the cpu device share: device_cpu.c (memory, steps), device_cpu_load.c
 * (kernels), device_cpu_gemm.c (oneDNN). Nobody else includes this. */
#ifndef D2V_DEVICE_CPU_H
#define D2V_DEVICE_CPU_H

#include "compiler/program/program.h"

/* The two arrays a generated kernel gets; see Kernel in program.h. */
typedef union {
	double   f;
	int64_t  i;
	uint64_t u;
} Num;
typedef void KernelFn(void *const *p, const Num *n);

/* device_cpu.c: zeroed memory; pieces of 2 MiB and more lie on huge pages. NULL when there is
 * none. */
void *cpu_memory(int64_t bytes);
void  cpu_memory_free(void *at, int64_t bytes);

/* device_cpu_load.c: compile (or find in `cache`) the kernels of p and resolve each: fn[i] is
 * p->kernel[i]. */
Status cpu_load_kernels(Arena *a, const Program *p, const char *folder, const char *cache,
                        void **library, KernelFn ***fn);

/* device_cpu_gemm.c: plan all gemms, then make them ready (which allocates the shared workspace),
 * then run. */
typedef struct GemmSet  GemmSet;
typedef struct GemmStep GemmStep;
Status                  gemm_open(Arena *a, GemmSet **out);
Status                  gemm_plan(GemmSet *set, const Gemm *g, char *const *slab, GemmStep **out);
Status                  gemm_ready(GemmSet *set);
Status                  gemm_run(GemmSet *set, const GemmStep *s);
int64_t                 gemm_workspace(const GemmSet *set);
void                    gemm_close(GemmSet *set);

/* device_cpu_pack.c: B[k][n] (element strides s0, s1, one of them 1) into oneDNN's blocked form. */
typedef struct {
	int64_t k, n, s0, s1;
	int     bytes; /* of an element: 4 or 2 */
} PackPlan;
void cpu_pack(const PackPlan *p, const void *b, void *packed);

#endif
