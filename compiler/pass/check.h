/* check: does a pass keep the meaning of a graph? The graph is run on the oracle before and after
 * each pass, on the same random numbers. Values, assigned variables and gradients must agree; what
 * autodiff makes is held against differences of the loss, what update makes against AdamW's
 * formula. For graphs of toy size: the oracle is slow, and differences need it hundreds of times.
 */
#ifndef D2V_CHECK_H
#define D2V_CHECK_H

#include "compiler/pass/pass.h"

/* Relative to the largest element of the tensor (at least CHECK_SMALL). The oracle works in double,
 * so all that a pass may change is the order of some thousand sums: 1e-16 times the condition of
 * those. */
#define CHECK_BOUND 1e-9
#define CHECK_SMALL 1e-3
/* What other roundings to bf16 may make of a tensor: 2^-9 each, some thirty of them one after the
 * other. */
#define CHECK_ROUNDING_BOUND 0.05
/* Of a slope by differences: h^4 and 1e-16 / h leave about 1e-9; a kink nearer than h leaves more,
 * so three directions are tried. */
#define CHECK_SLOPE_BOUND 1e-5

typedef struct {
	const char *pass;
	int         before, after; /* nodes */
	/* compared: gradients with those before, slopes with differences */
	int outputs, assigned, gradients, slopes;
	/* the pass rounds to bf16 elsewhere: compared as if nothing were rounded .. */
	bool unrounded;
	/* .. and this is the largest difference with the roundings */
	double      rounding;
	bool        formula; /* assigned variables compared with AdamW's formula */
	double      worst, seconds;
	const char *where; /* the tensor of `worst` */
} Checked;

/* Runs the passes on g, which is consumed, and fills row[0 .. npass-1]. `of`: what to call the
 * whole in messages. FAIL: reported, with the pass, the tensor and the line of the spec. */
Status passes_check(Arena *a, Graph *g, const Pass *pass, int npass, const char *of, Checked *row);

#endif
