/* What the files of the emulate device share: device_emulate.c (steps), device_emulate_load.c
 * (kernels), device_emulate_check.c (memory checks). Nobody else includes this. */
#ifndef D2V_DEVICE_EMULATE_H
#define D2V_DEVICE_EMULATE_H

#include "runtime/device_cpu.h"

/* NULL, or one sentence on what went wrong; see emulate.h. */
typedef const char *LaunchFn(void *const *p, const Num *n, long long grid);

typedef struct {
	const ProgStep *step;
	LaunchFn       *fn; /* NULL: a gemm */
	void          **p;
	Num            *n;
	int64_t         grid;
	GemmStep       *gemm;
} EmulateStep;

/* device_emulate_load.c: fn[i] runs p->kernel[i]; NULL for a kernel without launches. */
Status
emulate_load(Arena *a, const Program *p, const char *folder, const char *cache, LaunchFn ***fn);

/* device_emulate_check.c: one launch under guard. Reads and writes that the program does not tell
 * of are found, by ASan where that is built in; by what they change with D2V_EMULATE_CHECK=1. */
typedef struct Check Check;
Status               check_open(Arena *a, const Program *p, char *const *slab, Check **out);
Status               check_launch(Check *c, const EmulateStep *s);
void                 check_close(Check *c);

#endif
