/* What a step takes at least: its work at the device's rate, or its bytes at the device's
 * bandwidth, whichever is longer. Launches, waits and caches are not in it: a prediction to hold
 * measured times against, not a promise. */
#include "compiler/program/cost.h"

#include <ctype.h>
#include <string.h>

const char *const role_name[ROLES] = {"forward", "backward", "teacher", "update"};

/* A processor's are of one core. Attention on a GPU: the fastest published kernels at 512 keys and
 * heads 64 wide. */
static const Rates known[] = {
	{"cpu", 110e9, 225e9, 110e9, 116e9, 116e9, 46.5e9, true,
         "one Zen 4 core at 3.65 GHz with AVX-512: oneDNN gemms and a running update, measured"},
	{"h100", 66.9e12, 790e12, 66.9e12, 333e12, 66.9e12, 3.35e12, false,
         "H100 SXM: bf16 gemms and attention as measured, f32 and memory as specified"},
	{"h200", 66.9e12, 790e12, 66.9e12, 333e12, 66.9e12, 4.8e12, false,
         "H200 SXM: bf16 gemms and attention as measured, f32 and memory as specified"},
};

const Rates *
rates_find(const char *device)
{
	for (int i = 0; i < COUNT(known); i++)
		if (strcmp(known[i].device, device) == 0)
			return &known[i];
	return NULL;
}

Rates
rates_of_cores(const Rates *one, int cores)
{
	Rates r = *one;

	if (!r.per_core)
		return r;
	r.gemm_f32 *= cores;
	r.gemm_bf16 *= cores;
	r.attend_f32 *= cores;
	r.attend_bf16 *= cores;
	r.other *= cores;
	r.bandwidth *= cores;
	r.per_core = false;
	return r;
}

StepRole
step_role(const ProgStep *s)
{
	for (int r = 0; r < ROLES; r++)
		if (strcmp(s->what, role_name[r]) == 0)
			return (StepRole)r;
	return ROLE_forward;
}

/* Codegen calls kernels k<number>_<kind>; others are a kind of their own. */
const char *
step_kind(const Program *p, const ProgStep *s)
{
	const char *name, *at;

	if (s->kind == STEP_gemm)
		return "gemm";
	name = at = p->kernel[s->kernel].name;
	if (*at++ != 'k')
		return name;
	while (isdigit((unsigned char)*at))
		at++;
	return *at == '_' && at[1] ? at + 1 : name;
}

const char *
step_name(Arena *a, const Program *p, const ProgStep *s)
{
	const Gemm *g = &s->gemm;
	const char *z = "";

	if (s->kind == STEP_launch)
		return p->kernel[s->kernel].name;
	if (g->z > 1)
		z = arena_printf(a, "%lld x ", (long long)g->z);
	return arena_printf(a, "gemm %s%c%c %s%lld x %lld x %lld%s", dtype_name[g->a.dtype],
	                    g->a.s1 != 1 && g->k != 1 ? 'T' : 'N',
	                    g->b.s1 != 1 && g->n != 1 ? 'T' : 'N', z, (long long)g->m,
	                    (long long)g->n, (long long)g->k, g->accumulate ? " +=" : "");
}

const char *
step_line(Loc loc)
{
	return loc.file ? intern_printf("%s:%d", loc.file, loc.line) : "(no line)";
}

/* ---- time ----------------------------------------------------------------------------------- */

static double
rate_of(const Rates *r, const ProgStep *s, const char *kind, bool bf16)
{
	if (s->kind == STEP_gemm)
		return s->gemm.a.dtype == DT_bf16 ? r->gemm_bf16 : r->gemm_f32;
	if (strncmp(kind, "attend", 6) == 0 && strstr(kind, "finish") == NULL &&
	    strstr(kind, "ready") == NULL)
		return bf16 ? r->attend_bf16 : r->attend_f32;
	return r->other;
}

/* A program does not say what attention multiplies in; gemms of the same role do. */
static bool
role_is_bf16(const Entry *e, StepRole role)
{
	for (int i = 0; i < e->nstep; i++)
		if (e->step[i].kind == STEP_gemm && step_role(&e->step[i]) == role &&
		    e->step[i].gemm.a.dtype == DT_bf16)
			return true;
	return false;
}

StepCost *
entry_costs(Arena *a, const Program *p, const Entry *e, const Rates *r)
{
	StepCost *all = arena_new_array(a, StepCost, e->nstep + 1);
	bool      bf16[ROLES];

	for (int i = 0; i < ROLES; i++)
		bf16[i] = role_is_bf16(e, (StepRole)i);
	for (int i = 0; i < e->nstep; i++) {
		const ProgStep *s = &e->step[i];
		StepCost       *out = &all[i];
		double          work, traffic;

		out->role = step_role(s);
		out->kind = step_kind(p, s);
		out->name = step_name(a, p, s);
		work = s->flops / rate_of(r, s, out->kind, bf16[out->role]);
		traffic = s->bytes / r->bandwidth;
		out->by_work = work > traffic;
		out->seconds = out->by_work ? work : traffic;
	}
	return all;
}
