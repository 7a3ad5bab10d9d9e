/* What the files of the emulate device share: device_emulate.c (steps), device_emulate_load.c
 * (kernels), device_emulate_check.c (memory checks), device_emulate_race.c (conflicts between
 * threads). Nobody else includes this. */
#ifndef D2V_DEVICE_EMULATE_H
#define D2V_DEVICE_EMULATE_H

#include "runtime/device_cpu.h"
#include "runtime/emulate_touch.h"

/* NULL, or one sentence on what went wrong; see emulate.h. watch may be NULL, and is told nothing
 * by kernels that were not loaded to be watched. */
typedef const char *LaunchFn(void *const *p, const Num *n, long long grid, Watch *watch);

typedef struct {
	const ProgStep *step;
	LaunchFn       *fn; /* NULL: a gemm */
	void          **p;
	Num            *n;
	int64_t         grid;
	GemmStep       *gemm;
} EmulateStep;

/* device_emulate_load.c: fn[i] runs p->kernel[i]; NULL for a kernel without launches. */
Status emulate_load(Arena *a, const Program *p, const char *folder, const char *cache, bool watched,
                    LaunchFn ***fn);

/* device_emulate_race.c: begin gives who is to be told of the next launch's accesses. */
typedef struct Races Races;
Status               races_open(Arena *a, const Program *p, char *const *slab, Races **out);
Watch               *races_begin(Races *r);
void                 races_close(Races *r);

/* device_emulate_check.c: one launch under guard. Reads and writes that the program does not tell
 * of are found, by ASan where that is built in; by what they change with D2V_EMULATE_CHECK=1, and
 * then conflicts between threads too, by watching where ASan is not built in. */
typedef struct Check Check;
Status               check_asked(bool *twice, bool *watched);
Status               check_open(Arena *a, const Program *p, char *const *slab, Check **out);
Status               check_launch(Check *c, const EmulateStep *s);
void                 check_close(Check *c);

#endif
