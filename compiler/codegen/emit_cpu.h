/* Shared by emit_cpu*.c: how a processor walks a fused kernel. */
#ifndef D2V_EMIT_CPU_H
#define D2V_EMIT_CPU_H

#include "compiler/codegen/emit.h"

/* ---- emit_cpu_loops.c ----------------------------------------------------------------------- */
/* emit_begin, after choosing the innermost loop */
void cpu_begin(Emit *e, Region *r);
/* the loop that is walked in pieces, or NULL */
const Loop *cpu_lanes(const Region *r);
/* of that loop; 1 without one: rows are outer loops times pieces */
int64_t cpu_pieces(const Region *r);
/* `const int64_t i0 = row / 4;` .. */
void cpu_decode_rows(const Region *r, Text *t);
const char      *
cpu_length(const Region *r, int l); /* how often loop l goes round: "128", "count", "lanes" */
void cpu_for(const Region *r, int l, Text *t, int depth); /* `for (..) {` */

#endif
