/* The cpu device: slabs of ordinary memory, kernels compiled by the machine's C compiler, gemms
 * by oneDNN.
 *
 * Everything is decided in open: each slab is one allocation of the planned bytes, every pointer
 * array of every launch is filled in, every gemm has its primitive and memory objects. A step
 * then calls functions and nothing else. Refuses programs for another target and programs that
 * need CPU features this machine lacks. */
#include "runtime/device_cpu.h"
#include "runtime/runtime.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
	KernelFn *fn; /* NULL: a gemm */
	void    **p;
	Num      *n;
	GemmStep *gemm;
} CpuStep;

struct Dev {
	Arena         *arena;
	const Program *p;
	Bf16           bf16;
	char         **slab;
	CpuStep      **step; /* per entry */
	void          *library;
	GemmSet       *gemms;
	int64_t        allocated;
};

/* ---- CPU features --------------------------------------------------------------------------- */

typedef struct {
	const char *name;
	bool        here;
} Feature;

static bool
feature_here(const Feature *known, int nknown, const char *name, size_t n)
{
	for (int i = 0; i < nknown; i++)
		if (strlen(known[i].name) == n && memcmp(known[i].name, name, n) == 0)
			return known[i].here;
	return false;
}

/* Instructions for bf16 are not missed where gemms are widened: kernels have other text for that
 * case. */
static Status
features_check(const Program *p, Bf16 bf16)
{
#if defined(__x86_64__)
#define FEATURE(n) {n, __builtin_cpu_supports(n) != 0}
	__builtin_cpu_init();
	const Feature known[] = {
		FEATURE("avx"),        FEATURE("avx2"),     FEATURE("fma"),
		FEATURE("avx512f"),    FEATURE("avx512bw"), FEATURE("avx512dq"),
		FEATURE("avx512vl"),   FEATURE("avx512cd"), FEATURE("avx512vnni"),
		FEATURE("avx512vbmi"), FEATURE("sse4.2"),   {"avx512bf16", bf16 != BF16_none},
	};
#undef FEATURE
#else
	const Feature known[] = {{"avx512bf16", bf16 != BF16_none}};
#endif
	for (const char *s = p->needs ? p->needs : ""; *s;) {
		size_t skip = strspn(s, " ,"), n = strcspn(s + skip, " ,");
		s += skip;
		if (n > 0 && !feature_here(known, COUNT(known), s, n))
			return world_error("cpu-feature",
			                   "the program needs the CPU feature `%.*s`, which this "
			                   "machine does not have; compile "
			                   "it without (for example precision = f32)%s",
			                   (int)n, s,
			                   strncmp(s, "avx512bf16", n) == 0
			                           ? ", or set D2V_BF16=any to have products of "
			                             "bf16 done in f32, slowly"
			                           : "");
		s += n;
	}
	return OK;
}

/* No -ffast-math: NaN and infinity must come through; kernels spell out reassociated sums as
 * vectors. */
static const char *const flags[] = {"-O3",
                                    "-march=native",
                                    "-fopenmp",
                                    "-fno-math-errno",
                                    "-fno-trapping-math",
                                    "-ffp-contract=fast",
                                    "-fno-thread-jumps",
                                    "-fPIC",
                                    "-std=gnu11"};

static const Toolchain toolchain = {
	.device = "cpu",
	.language = "C",
	.cc = "cc",
	.cc_from = "D2V_CC",
	.flags_from = "D2V_CFLAGS",
	.nflag = COUNT(flags),
	.flag = flags,
	.suffix = ".c",
	.prefix = "",
};

/* ---- steps ---------------------------------------------------------------------------------- */

static void
launch_prepare(Dev *d, const ProgStep *s, void *const *fn, CpuStep *out)
{
	int np = 0, nn = 0;
	/* ISO C has no cast from object to function pointer */
	memcpy(&out->fn, &fn[s->kernel], sizeof out->fn);
	out->p = arena_new_array(d->arena, void *, s->narg + 1);
	out->n = arena_new_array(d->arena, Num, s->narg + 1);
	for (int i = 0; i < s->narg; i++) {
		const Arg *arg = &s->arg[i];
		switch (arg->kind) {
		case ARG_pointer:
			out->p[np++] = d->slab[arg->slab] + arg->offset;
			break;
		case ARG_f32:
			out->n[nn++].f = arg->f;
			break;
		case ARG_i64:
			out->n[nn++].i = arg->i;
			break;
		case ARG_u64:
			out->n[nn++].u = arg->u;
			break;
		}
	}
}

static Status
prepare(Dev *d, const char *folder, const char *cache)
{
	const Program *p = d->p;
	void         **fn;
	TRY(kernels_load(d->arena, &toolchain, p, folder, cache, &d->library, &fn));
	TRY(gemm_open(d->arena, d->bf16 == BF16_widened, &d->gemms));
	d->step = arena_new_array(d->arena, CpuStep *, p->nentry + 1);
	for (int i = 0; i < p->nentry; i++) {
		const Entry *e = &p->entry[i];
		d->step[i] = arena_new_array(d->arena, CpuStep, e->nstep + 1);
		for (int j = 0; j < e->nstep; j++) {
			const ProgStep *s = &e->step[j];
			if (s->kind == STEP_launch)
				launch_prepare(d, s, fn, &d->step[i][j]);
			else
				TRY(gemm_plan(d->gemms, &s->gemm, d->slab, &d->step[i][j].gemm));
		}
	}
	return gemm_ready(d->gemms);
}

static void
cpu_close(Dev *d)
{
	if (d == NULL)
		return;
	gemm_close(d->gemms);
	slabs_close(d->p, d->slab);
	/* The library stays loaded: the threads of its OpenMP team may still be parked in it. */
	arena_free(d->arena);
}

static Status
cpu_open(Dev **out, const Program *p, const char *folder, const char *cache)
{
	Bf16 bf16;
	*out = NULL;
	if (strcmp(p->target, "cpu") != 0)
		return user_error("target", "the program was compiled for `%s`, not for `cpu`",
		                  p->target);
	TRY(bf16_ask(&bf16));
	TRY(features_check(p, bf16));
	TRY(cpu_threads());
	Arena *a = arena_new();
	Dev   *d = arena_new_one(a, Dev);
	d->arena = a;
	d->p = p;
	d->bf16 = bf16;
	if (slabs_open(a, p, &d->slab, &d->allocated) != OK || prepare(d, folder, cache) != OK) {
		cpu_close(d);
		return FAIL;
	}
	*out = d;
	return OK;
}

/* ---- running -------------------------------------------------------------------------------- */

static Status
cpu_put(Dev *d, int slab, int64_t offset, const void *from, int64_t bytes)
{
	memcpy(slab_at(d->p, d->slab, slab, offset, bytes), from, (size_t)bytes);
	return OK;
}

/* In place: nothing is under way when this is called. */
static Status
cpu_stage(Dev *d, int slab, int64_t offset, int64_t bytes, void **to)
{
	*to = slab_at(d->p, d->slab, slab, offset, bytes);
	return OK;
}

static Status
cpu_get(Dev *d, int slab, int64_t offset, void *to, int64_t bytes)
{
	memcpy(to, slab_at(d->p, d->slab, slab, offset, bytes), (size_t)bytes);
	return OK;
}

static const CpuStep *
steps_of(const Dev *d, const Entry *e)
{
	if (e < d->p->entry || e >= d->p->entry + d->p->nentry)
		BUG("this entry belongs to another program");
	return d->step[e - d->p->entry];
}

static Status
cpu_part(Dev *d, const Entry *e, int first, int last)
{
	const CpuStep *s = steps_of(d, e) + first;
	for (const CpuStep *end = s + (last - first); s < end; s++) {
		if (s->fn)
			s->fn(s->p, s->n);
		else
			TRY(gemm_run(d->gemms, s->gemm));
	}
	return OK;
}

static Status
cpu_run(Dev *d, const Entry *e)
{
	return cpu_part(d, e, 0, e->nstep);
}

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static Status
cpu_profile(Dev *d, const Entry *e, double *seconds)
{
	const CpuStep *s = steps_of(d, e);
	double         before = now();
	for (int i = 0; i < e->nstep; i++) {
		if (s[i].fn)
			s[i].fn(s[i].p, s[i].n);
		else
			TRY(gemm_run(d->gemms, s[i].gemm));
		double after = now();
		seconds[i] += after - before;
		before = after;
	}
	return OK;
}

static int64_t
cpu_allocated(Dev *d)
{
	return d->allocated;
}

static int64_t
cpu_workspace(Dev *d)
{
	return gemm_workspace(d->gemms);
}

static Status
cpu_own_rates(Dev *d, struct Rates *out)
{
	return cpu_rates(d->p, d->bf16 == BF16_widened, out);
}

extern const Device d2v_device;
const Device        d2v_device = {
	       .name = "cpu",
	       .open = cpu_open,
	       .close = cpu_close,
	       .put = cpu_put,
	       .get = cpu_get,
	       .run = cpu_run,
	       .profile = cpu_profile,
	       .part = cpu_part,
	       .allocated = cpu_allocated,
	       .workspace = cpu_workspace,
	       .rates = cpu_own_rates,
	       .stage = cpu_stage,
};
