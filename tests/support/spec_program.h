/* spec_program: a spec compiled in memory, for tests that look at programs and run none. */
#ifndef D2V_SPEC_PROGRAM_H
#define D2V_SPEC_PROGRAM_H

#include "compiler/codegen/codegen.h"

typedef struct {
	Program           *p;
	const char *const *text; /* per kernel: its source */
} SpecProgram;
/* set: "B=4,L=1" or ""; recompute: "none", "cheap" or "blocks". */
Status spec_program(Arena *a, const char *path, const char *set, const char *target,
                    const char *recompute, SpecProgram *out);

#endif
