/* What the devices that compute on the CPU share: device_cpu.c (steps of the cpu device),
 * device_emulate.c (of the emulate device), and for both device_cpu_memory.c (slabs),
 * device_cpu_load.c (kernels), device_cpu_gemm.c (oneDNN, and what it lacks). Nobody else includes
 * this. */
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

/* device_cpu_memory.c: zeroed memory; pieces of 2 MiB and more lie on huge pages. NULL when there
 * is none. */
void *cpu_memory(int64_t bytes);
void  cpu_memory_free(void *at, int64_t bytes);
/* All slabs of p, with its constant tables in them; bytes are added to *allocated. */
Status slabs_open(Arena *a, const Program *p, char ***slab, int64_t *allocated);
void   slabs_close(const Program *p, char *const *slab);
/* As many threads as D2V_THREADS says. */
enum { MOST_THREADS = 1024 };
Status cpu_threads(void);
char  *slab_at(const Program *p, char *const *slab, int which, int64_t offset, int64_t bytes);

/* How the kernel files of a device become a shared object. */
typedef struct {
	const char        *device;       /* objects are called DEVICE-HASH.so */
	const char        *language;     /* "C" */
	const char        *cc, *cc_from; /* the compiler, and the variable that names another */
	const char        *flags_from;   /* the variable with more flags */
	int                nflag;
	const char *const *flag;
	int                nunlinked;
	const char *const *unlinked; /* flags of compiling, not of linking */
	const char        *suffix;   /* of source: ".c" */
	const char        *prefix;   /* of a kernel's function in the object */
	/* A file that is included before every kernel file (name and text; NULL: none), and for
	 * each kernel text behind its file, in which that function is (NULL: none at all; "":
	 * nobody runs this kernel). */
	const char        *first, *first_text;
	const char *const *behind;
} Toolchain;

/* device_cpu_load.c: compile (or find in `cache`) the kernels of p and resolve each: fn[i] is
 * p->kernel[i]. */
Status kernels_load(Arena *a, const Toolchain *t, const Program *p, const char *folder,
                    const char *cache, void **library, void ***fn);

/* device_cpu_gemm.c: plan all gemms, then make them ready (which allocates the shared workspace),
 * then run. */
typedef struct GemmSet  GemmSet;
typedef struct GemmStep GemmStep;
Status                  gemm_open(Arena *a, bool widen, GemmSet **out); /* widen: gemms of bf16 */
Status                  gemm_plan(GemmSet *set, const Gemm *g, char *const *slab, GemmStep **out);
Status                  gemm_ready(GemmSet *set);
Status                  gemm_run(GemmSet *set, const GemmStep *s);
int64_t                 gemm_workspace(const GemmSet *set);
void                    gemm_close(GemmSet *set);

/* device_cpu_widen.c: how gemms of bf16 are done here, as the processor and D2V_BF16 say; and,
 * where they are widened, a matrix of a gemm that lies in memory as bf16 (at `narrow`, strides
 * `from`: z, row, column, in elements, one of the last two is 1) and as f32 in the workspace (at
 * `wide`, strides `to`). */
typedef struct {
	char   *narrow;
	float  *wide;
	int64_t z, rows, cols, from[3], to[3];
} Wide;
typedef enum { BF16_none, BF16_native, BF16_widened } Bf16;
Status  bf16_ask(Bf16 *out);
Wide    wide_of(int64_t z, int64_t rows, int64_t cols, const int64_t s[3], char *narrow);
int64_t wide_bytes(const Wide *w);
void    wide_read(const Wide *w);
void    wide_write(const Wide *w);

/* device_cpu_pack.c: B[k][n] (element strides s0, s1, one of them 1) into oneDNN's blocked form. */
typedef struct {
	int64_t k, n, s0, s1;
	int     bytes; /* of an element: 4 or 2 */
} PackPlan;
void cpu_pack(const PackPlan *p, const void *b, void *packed);

/* device_cpu_rates.c: measured now; gemm_bf16 is 0 when no gemm of p is of that kind. */
struct Rates;
Status cpu_rates(const Program *p, bool widen, struct Rates *out);

#endif
