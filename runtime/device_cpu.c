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
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef struct {
	KernelFn *fn; /* NULL: a gemm */
	void    **p;
	Num      *n;
	GemmStep *gemm;
} CpuStep;

struct Dev {
	Arena         *arena;
	const Program *p;
	char         **slab;
	CpuStep      **step; /* per entry */
	void          *library;
	GemmSet       *gemms;
	int64_t        allocated;
};

/* ---- memory --------------------------------------------------------------------------------- */

enum { HUGE = 2 << 20, LINE = 64 };

/* Large pieces ask for 2 MiB pages: touching 512 MiB for the first time took 75 ms instead of 300,
 * and an AdamW + EMA pass over 800 MiB was 2 to 8 % faster (57 against 56 GB/s on a quiet machine,
 * 42 against 39 on a busy one). Pages are touched here, not in the first step. */
void *
cpu_memory(int64_t bytes)
{
	if (bytes < HUGE) {
		size_t n = ((size_t)bytes + LINE - 1) / LINE * LINE;
		void  *small = aligned_alloc(LINE, n ? n : LINE);
		return small ? memset(small, 0, n ? n : LINE) : NULL;
	}
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t n = ((size_t)bytes + page - 1) / page * page;
	char  *raw =
		mmap(NULL, n + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw == MAP_FAILED)
		return NULL;
	size_t head = (HUGE - (uintptr_t)raw % HUGE) % HUGE;
	if (head)
		munmap(raw, head);
	if (HUGE - head)
		munmap(raw + head + n, HUGE - head);
	char *at = raw + head;
	madvise(at, n, MADV_HUGEPAGE); /* advice: without huge pages everything still works */
	for (size_t i = 0; i < n; i += page)
		((volatile char *)at)[i] = 0;
	return at;
}

void
cpu_memory_free(void *at, int64_t bytes)
{
	if (at == NULL)
		return;
	if (bytes < HUGE) {
		free(at);
		return;
	}
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	munmap(at, ((size_t)bytes + page - 1) / page * page);
}

static Status
allocate(Dev *d)
{
	const Program *p = d->p;
	int64_t        total = 0;
	for (int i = 0; i < p->nslab; i++)
		total += p->slab[i].bytes;
	int64_t machine = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	if (total > machine)
		return world_error(
			"out-of-memory",
			"the program needs %.2f GiB, this machine has %.2f GiB of memory",
			(double)total / (1 << 30), (double)machine / (1 << 30));
	d->slab = arena_new_array(d->arena, char *, p->nslab + 1);
	for (int i = 0; i < p->nslab; i++) {
		d->slab[i] = cpu_memory(p->slab[i].bytes);
		if (d->slab[i] == NULL)
			return world_error("out-of-memory", "no memory for slab `%s` of %lld bytes",
			                   p->slab[i].name, (long long)p->slab[i].bytes);
		d->allocated += p->slab[i].bytes;
	}
	for (int i = 0; i < p->ntable; i++) {
		const Table *t = &p->table[i];
		memcpy(d->slab[t->slab] + t->offset, t->data, (size_t)t->count * sizeof *t->data);
	}
	return OK;
}

/* ---- CPU features ---------------------------------------------------------------------------- */

typedef struct {
	const char *name;
	bool        here;
} Feature;

static Status
features_check(const Program *p)
{
#if defined(__x86_64__)
#define FEATURE(n) {n, __builtin_cpu_supports(n) != 0}
	__builtin_cpu_init();
	const Feature known[] = {
		FEATURE("avx"),        FEATURE("avx2"),       FEATURE("fma"),
		FEATURE("avx512f"),    FEATURE("avx512bw"),   FEATURE("avx512dq"),
		FEATURE("avx512vl"),   FEATURE("avx512cd"),   FEATURE("avx512vnni"),
		FEATURE("avx512vbmi"), FEATURE("avx512bf16"), FEATURE("sse4.2"),
	};
#undef FEATURE
	int nknown = COUNT(known);
#else
	const Feature known[] = {{"", false}};
	int           nknown = 0;
#endif
	for (const char *s = p->needs ? p->needs : ""; *s;) {
		size_t skip = strspn(s, " ,"), n = strcspn(s + skip, " ,");
		s += skip;
		if (n == 0)
			break;
		bool here = false;
		for (int i = 0; i < nknown; i++)
			if (strlen(known[i].name) == n && memcmp(known[i].name, s, n) == 0)
				here = known[i].here;
		if (!here)
			return world_error("cpu-feature",
			                   "the program needs the CPU feature `%.*s`, which this "
			                   "machine does not have; "
			                   "compile it without (for example precision = f32)",
			                   (int)n, s);
		s += n;
	}
	return OK;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void
launch_prepare(Dev *d, const ProgStep *s, KernelFn *const *fn, CpuStep *out)
{
	int np = 0, nn = 0;
	out->fn = fn[s->kernel];
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
	KernelFn     **fn;
	TRY(cpu_load_kernels(d->arena, p, folder, cache, &d->library, &fn));
	TRY(gemm_open(d->arena, &d->gemms));
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
	if (d->slab)
		for (int i = 0; i < d->p->nslab; i++)
			cpu_memory_free(d->slab[i], d->p->slab[i].bytes);
	/* The library stays loaded: the threads of its OpenMP team may still be parked in it. */
	arena_free(d->arena);
}

static Status
cpu_open(Dev **out, const Program *p, const char *folder, const char *cache)
{
	*out = NULL;
	if (strcmp(p->target, "cpu") != 0)
		return user_error("target", "the program was compiled for `%s`, not for `cpu`",
		                  p->target);
	TRY(features_check(p));
	const char *threads = getenv("D2V_THREADS");
	omp_set_dynamic(0);
	if (threads && atoi(threads) > 0)
		omp_set_num_threads(atoi(threads));
	Arena *a = arena_new();
	Dev   *d = arena_new_one(a, Dev);
	d->arena = a;
	d->p = p;
	if (allocate(d) != OK || prepare(d, folder, cache) != OK) {
		cpu_close(d);
		return FAIL;
	}
	*out = d;
	return OK;
}

/* ---- running --------------------------------------------------------------------------------- */

static char *
address(const Dev *d, int slab, int64_t offset, int64_t bytes)
{
	if (slab < 0 || slab >= d->p->nslab || offset < 0 || bytes < 0 ||
	    offset > d->p->slab[slab].bytes - bytes)
		BUG("%lld bytes at %d+%lld are outside the slab", (long long)bytes, slab,
		    (long long)offset);
	return d->slab[slab] + offset;
}

static Status
cpu_put(Dev *d, int slab, int64_t offset, const void *from, int64_t bytes)
{
	memcpy(address(d, slab, offset, bytes), from, (size_t)bytes);
	return OK;
}

static Status
cpu_get(Dev *d, int slab, int64_t offset, void *to, int64_t bytes)
{
	memcpy(to, address(d, slab, offset, bytes), (size_t)bytes);
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
cpu_run(Dev *d, const Entry *e)
{
	const CpuStep *s = steps_of(d, e);
	for (const CpuStep *end = s + e->nstep; s < end; s++) {
		if (s->fn)
			s->fn(s->p, s->n);
		else
			TRY(gemm_run(d->gemms, s->gemm));
	}
	return OK;
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

extern const Device d2v_device;
const Device        d2v_device = {
	       .name = "cpu",
	       .open = cpu_open,
	       .close = cpu_close,
	       .put = cpu_put,
	       .get = cpu_get,
	       .run = cpu_run,
	       .profile = cpu_profile,
	       .allocated = cpu_allocated,
	       .workspace = cpu_workspace,
};
