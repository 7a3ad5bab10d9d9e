/* finite.c finite_look.c finite_trace.c finite_samples.c finite_report.c: a step whose loss or
 * gradient norm is no finite number is given up before it changes a variable, done again with every
 * value looked at, and the first bad one is named. */
#ifndef D2V_FINITE_H
#define D2V_FINITE_H

#include "runtime/runtime.h"
#include "compiler/program/verify_touch.h"

/* ---- finite.c: a step in two halves --------------------------------------------------------- */

enum { MOST_JUDGED = 2 };

typedef struct {
	Exec             *x;
	const Entry      *e;
	int               before; /* steps before the first that writes a variable */
	int               njudged;
	const OutputSpec *judged[MOST_JUDGED]; /* loss, grad_norm: those the entry has */
	float             value[MOST_JUDGED];  /* after guard_run and guard_look */
	/* they are known before a variable is written, and the device can stop there */
	bool halves;
} Guard;

void guard_open(Exec *x, const Entry *e, Guard *out);
/* One step, its inputs in place. *finite false: with halves the variables are as before the step,
 * else they are lost. */
Status guard_run(Guard *g, bool *finite);
Status guard_look(Guard *g, bool *finite); /* the judged values as they are now */
/* `the loss of step 3 is nan`; for messages. */
const char *guard_text(Arena *a, const Guard *g, int64_t step);

/* ---- finite_look.c -------------------------------------------------------------------------- */

typedef struct {
	int64_t n, nan, inf;
	double  lo, hi; /* of the others; lo > hi when there are none */
} Range;
Status range_of(const Exec *x, const Touch *t, Dtype type, Range *out);
Touch  touch_block(int slab, int64_t offset, int64_t bytes); /* neighbouring bytes */
/* Types of what a step touches, in the order of its touches; false: the kernel does not say. */
bool touch_types(Arena *a, const Program *p, const ProgStep *s, const Touches *t, Dtype **out);

/* ---- finite_trace.c: which step made the first bad value ------------------------------------ */

typedef struct {
	int         step;    /* of the entry; -1: a held value is bad */
	int         held;    /* its number then (program.h value_held) */
	bool        found;   /* false: nothing bad was seen before the variables are written */
	const char *untyped; /* kernel that does not say its types: nothing was looked at */
} Origin;
Status trace_origin(Arena *a, const Guard *g, Origin *out);
/* type may be NULL */
Status held_range(const Exec *x, const Entry *e, int value, Range *out, Dtype *type);

/* ---- finite_samples.c: which samples of the batch do it ------------------------------------- */

typedef struct {
	bool able; /* false: an input of the entry is not cut by samples */
	bool all;  /* every sample tried does it alone: it is not the data */
	bool more; /* there may be further ones */
	int  tried;
	/* those that do it alone, in the batch's order; none: it takes several together */
	Vec(int) row;
} Blame;
Status blame_samples(Arena *a, const Guard *g, int step, Blame *out);
Status blame_input(Arena *a, const Guard *g, int input, Blame *out);

/* ---- finite_report.c ------------------------------------------------------------------------ */

/* The variables as they were before the step, its inputs and scalars in place: find the first bad
 * value and say on `to` what is known about it. ids: of the batch's samples, NULL: unknown; data
 * names them, NULL: cannot. */
Status finite_report(const Guard *g, const uint32_t *ids, const Data *data, FILE *to);

#endif
