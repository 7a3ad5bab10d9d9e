/* What attend_cpu.c (forward, shared pieces), attend_cpu_grad.c and attend_tiles.c have in
 * common. */
#ifndef D2V_ATTEND_PRIVATE_H
#define D2V_ATTEND_PRIVATE_H

#include "compiler/codegen/codegen.h"

/* Text in front of the first kernel of a file. */
extern const char attend_tiles[];
/* Rows of queries that go through the kernel together. */
int64_t attend_rows(const AttendKernel *k);
/* The constants, the pointers in p, and for dropout the numbers in n; opens the parallel region. */
void attend_open(Text *out, const AttendKernel *k);
/* The loop over tasks and the offsets of each operand in this one. */
void attend_task(Text *out, const AttendKernel *k);
/* Are the products those of bf16? When all factors are; otherwise bf16 operands become f32
 * scratch. */
bool attend_half(const AttendKernel *k);
/* Rows of an operand (its offset is NAMEo) into padded scratch. how: "rows" of f32, "words" or
 * "pairs" of bf16 (prelude); `rows` and `first` (NULL: 0) are expressions. */
void attend_fetch(Text *out, const AttendOperand *from, const char *how, const char *name,
                  const char *first, const char *rows, const char *to, const char *tabs);
/* The opposite; `value` is an f32 expression over i and e. */
void attend_store(Text *out, const AttendOperand *to, const char *name, const char *first,
                  const char *rows, const char *value, const char *tabs);
/* Scratch both directions need: score, query, bias, draws. */
void attend_scratch(Text *out, const AttendKernel *k);
/* Opens the loop over blocks of queries; fetches the block's query, bias and draws. Whole rows of
 * them are written well before they are read as vectors, because a load that spans two fresh
 * stores waits for both to reach the cache. */
void attend_block(Text *out, const AttendKernel *k);
/* In a row loop over i: x becomes e^(scale x + r - top), sum its sum; with dropout the row's
 * draws are in `draw`. */
void attend_softmax(Text *out, const AttendKernel *k, const char *numerator);
void attend_row(Text *out, const AttendKernel *k); /* opens the loop over rows: i, x, draw */
/* Text, true when element u of the row is dropped. */
extern const char attend_dropped[];

void attend_emit_grad(Text *out, const AttendKernel *k);

#endif
