/* What a step takes at least, and what people call it: shared by `d2v plan`, which predicts, and by
 * d2v-run, which puts the prediction beside what it measured. Knows rates of devices and steps of
 * programs; measures nothing itself. */
#ifndef D2V_COST_H
#define D2V_COST_H

#include "compiler/program/program.h"

/* Operations and bytes a second. On a processor those of one core. */
typedef struct Rates {
	const char *device;
	double      gemm_f32, gemm_bf16, attend_f32, attend_bf16, other, bandwidth;
	bool        per_core;
	const char *source; /* where the numbers come from: a sentence for people */
} Rates;
const Rates *rates_find(const char *device); /* "cpu", "h100", "h200"; NULL when unknown */
Rates        rates_of_cores(const Rates *one, int cores); /* of so many; a GPU's are left alone */

typedef enum { ROLE_forward, ROLE_backward, ROLE_teacher, ROLE_update, ROLES } StepRole;
extern const char *const role_name[ROLES];

typedef struct {
	StepRole    role;
	const char *kind,
		*name; /* "gemm", "rows", "attend" ..; "gemm bf16NT 128 x 64 x 64", "k001_rows" */
	/* the floor: the larger of work / rate and bytes / bandwidth */
	double seconds;
	bool   by_work; /* work is the larger */
} StepCost;
/* Of every step of an entry, in order. */
StepCost *entry_costs(Arena *a, const Program *p, const Entry *e, const Rates *r);

StepRole    step_role(const ProgStep *s);
const char *step_kind(const Program *p, const ProgStep *s);
const char *step_name(Arena *a, const Program *p, const ProgStep *s);
const char *step_line(Loc loc); /* "models/vit.d2v:12", "(no line)"; interned */

#endif
