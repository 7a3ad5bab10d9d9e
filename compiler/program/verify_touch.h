/* verify_touch: the bytes that a step touches and the values it names there, for verify_flow.c and
 * for the runtime's search for the first NaN (runtime/finite_trace.c). */
#ifndef D2V_VERIFY_TOUCH_H
#define D2V_VERIFY_TOUCH_H

#include "compiler/program/program.h"
#include "compiler/program/verify_map.h"

/* One pointer of a launch, or one operand of a gemm. */
typedef struct {
	int          slab;
	Stripe       stripe; /* planes of them, step bytes apart */
	int64_t      planes, step;
	Access       access;
	bool         padded;
	Named        read, written;
	int          nmore;
	const Named *more;
	bool         output;
	const char  *role; /* "argument" with its index, "operand a" */
	int          index;
} Touch;
typedef Vec(Touch) Touches;

void    touch_list(Arena *a, const ProgStep *s,
                   Touches *out);  /* of one step, in the order of its arguments */
int64_t touch_end(const Touch *t); /* one behind its last byte */

#endif
