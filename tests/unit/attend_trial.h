/* What is tried in test_attend_cuda.c: an attention of some shape with random operands, the
 * kernels' description of it, and what the definition gives for it in double precision. */
#ifndef D2V_ATTEND_TRIAL_H
#define D2V_ATTEND_TRIAL_H

#include "compiler/codegen/codegen.h"

enum {
	PLAIN, /* every tensor by itself, rows with a gap of 3 */
	EVEN,  /* the same, rows that may be read 16 bytes at a time */
	PACKED /* q, k, v (and their gradients) as [B, T, 3, H, E] */
};
typedef struct {
	const char *what;
	int64_t     t, u, e;
	int         nouter, nbias;
	int64_t     outer[ATTEND_OUTER];
	bool        bias, dropout;
	int         layout;
	Dtype       in, out, grads; /* q k v | out, dout | dq dk dv */
	int         draws; /* order of elements in draws: 0: keys innermost, 1: queries innermost */
	int         processors; /* as in AttendKernel, and so is: */
	int64_t     shared_most;
} AttendCase;

enum { FORWARD, GRADIENT, FINISH, READY, READY_BACKWARD, LAUNCHES };
enum { Q, K, V, OUT, DOUT, DQ, DK, DV, OPERANDS };
typedef struct {
	AttendOperand a;
	int64_t       tokens, elems, start; /* of memory; of the operand in it */
	void         *memory;
} AttendView;

typedef struct {
	const AttendCase *c;
	AttendKernel      forward, grad;
	AttendView        tensor[OPERANDS];
	int64_t           outers, heads;
	float            *r, *dr;
	uint32_t         *sample, step, seed;
	double            rate;
	uint64_t          site;
	double           *ref_out, *ref_dq, *ref_dk, *ref_dv, *ref_dr;
	char              name[LAUNCHES][32];
	AttendLaunch      launch[LAUNCHES];
	bool              there[LAUNCHES];
} AttendTrial;

enum { ATTEND_SENTINEL = 0x5a5a }; /* what memory outside the operands holds, as 16-bit words */

void attend_trial_make(AttendTrial *z, const AttendCase *c, int number);
void attend_trial_reference(AttendTrial *z);
void attend_trial_free(AttendTrial *z);
/* Element (o, token, e) of an operand, o an index over all outer axes; its value. */
int64_t
       attend_place(const AttendTrial *z, const AttendView *x, int64_t o, int64_t token, int64_t e);
double attend_value(const AttendView *x, int64_t at);

#endif
