/* The emulate device: programs compiled for cuda, on the CPU. The text of each kernel is compiled
 * by the machine's C++ compiler under emulate.h, gemms are those of the cpu device. Slow; made to
 * see that kernels do what they should on machines without a GPU, and what they do wrong.
 *
 * D2V_EMULATE_ORDER=forward|reverse|shuffle[:SEED]: the order in which threads and blocks run.
 * D2V_EMULATE_CHECK=1: every launch twice, in two orders, with all memory it should not read
 * spoiled, and every access watched for conflicts between threads. Refuses programs for another target. */
#include "runtime/device_emulate.h"
#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct Dev {
	Arena         *arena;
	const Program *p;
	bool           widen; /* gemms of bf16 */
	char         **slab;
	EmulateStep  **step; /* per entry */
	GemmSet       *gemms;
	Check         *check;
	int64_t        allocated;
};

/* ---- opening -------------------------------------------------------------------------------- */

static Status
grid_of(const Kernel *k, const ProgStep *s, int64_t *grid)
{
	*grid = k->grid;
	for (int i = 0; *grid == 0 && i < s->narg; i++)
		if (s->arg[i].kind == ARG_i64 && k->per_block > 0)
			*grid = (s->arg[i].i + k->per_block - 1) / k->per_block;
	if (*grid < 1 || *grid > INT32_MAX || k->block < 1 || k->block > 1024)
		return user_error("kernel-launch",
		                  "a launch of `%s` asks for %lld blocks of %d threads", k->name,
		                  (long long)*grid, k->block);
	return OK;
}

static Status
launch_prepare(Dev *d, const ProgStep *s, LaunchFn *const *fn, EmulateStep *out)
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
	return grid_of(&d->p->kernel[s->kernel], s, &out->grid);
}

static Status
prepare(Dev *d, const char *folder, const char *cache)
{
	const Program *p = d->p;
	LaunchFn     **fn;
	bool           twice, watched;
	TRY(check_asked(&twice, &watched));
	TRY(emulate_load(d->arena, p, folder, cache, watched, &fn));
	TRY(gemm_open(d->arena, d->widen, &d->gemms));
	d->step = arena_new_array(d->arena, EmulateStep *, p->nentry + 1);
	for (int i = 0; i < p->nentry; i++) {
		const Entry *e = &p->entry[i];
		d->step[i] = arena_new_array(d->arena, EmulateStep, e->nstep + 1);
		for (int j = 0; j < e->nstep; j++) {
			const ProgStep *s = &e->step[j];
			d->step[i][j].step = s;
			if (s->kind == STEP_launch)
				TRY(launch_prepare(d, s, fn, &d->step[i][j]));
			else
				TRY(gemm_plan(d->gemms, &s->gemm, d->slab, &d->step[i][j].gemm));
		}
	}
	TRY(check_open(d->arena, p, d->slab, &d->check));
	return gemm_ready(d->gemms);
}

static void
emulate_close(Dev *d)
{
	if (d == NULL)
		return;
	gemm_close(d->gemms);
	check_close(d->check);
	slabs_close(d->p, d->slab);
	arena_free(d->arena);
}

static Status
emulate_open(Dev **out, const Program *p, const char *folder, const char *cache)
{
	Bf16 bf16;
	*out = NULL;
	if (strcmp(p->target, "cuda") != 0)
		return user_error("target",
		                  "the program was compiled for `%s`; the device `emulate` runs "
		                  "programs compiled for `cuda`",
		                  p->target);
	TRY(bf16_ask(&bf16));
	TRY(cpu_threads());
	Arena *a = arena_new();
	Dev   *d = arena_new_one(a, Dev);
	d->arena = a;
	d->p = p;
	d->widen = bf16 != BF16_native;
	if (slabs_open(a, p, &d->slab, &d->allocated) != OK || prepare(d, folder, cache) != OK) {
		emulate_close(d);
		return FAIL;
	}
	*out = d;
	return OK;
}

/* ---- running -------------------------------------------------------------------------------- */

static Status
emulate_put(Dev *d, int slab, int64_t offset, const void *from, int64_t bytes)
{
	memcpy(slab_at(d->p, d->slab, slab, offset, bytes), from, (size_t)bytes);
	return OK;
}

static Status
emulate_stage(Dev *d, int slab, int64_t offset, int64_t bytes, void **to)
{
	*to = slab_at(d->p, d->slab, slab, offset, bytes);
	return OK;
}

static Status
emulate_get(Dev *d, int slab, int64_t offset, void *to, int64_t bytes)
{
	memcpy(to, slab_at(d->p, d->slab, slab, offset, bytes), (size_t)bytes);
	return OK;
}

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* seconds may be NULL */
static Status
steps_run(Dev *d, const Entry *e, int first, int end, double *seconds)
{
	if (e < d->p->entry || e >= d->p->entry + d->p->nentry)
		BUG("this entry belongs to another program");
	const EmulateStep *s = d->step[e - d->p->entry];
	double             before = now();
	for (int i = first; i < end; i++) {
		TRY(s[i].fn ? check_launch(d->check, &s[i]) : gemm_run(d->gemms, s[i].gemm));
		if (seconds == NULL)
			continue;
		double after = now();
		seconds[i] += after - before;
		before = after;
	}
	return OK;
}

static Status
emulate_run(Dev *d, const Entry *e)
{
	return steps_run(d, e, 0, e->nstep, NULL);
}

static Status
emulate_part(Dev *d, const Entry *e, int first, int end)
{
	return steps_run(d, e, first, end, NULL);
}

static Status
emulate_profile(Dev *d, const Entry *e, double *seconds)
{
	return steps_run(d, e, 0, e->nstep, seconds);
}

static int64_t
emulate_allocated(Dev *d)
{
	return d->allocated;
}

static int64_t
emulate_workspace(Dev *d)
{
	return gemm_workspace(d->gemms);
}

static Status
emulate_rates(Dev *d, struct Rates *out)
{
	return cpu_rates(d->p, d->widen, out);
}

extern const Device d2v_device;
const Device        d2v_device = {
	       .name = "emulate",
	       .open = emulate_open,
	       .close = emulate_close,
	       .put = emulate_put,
	       .get = emulate_get,
	       .run = emulate_run,
	       .profile = emulate_profile,
	       .part = emulate_part,
	       .allocated = emulate_allocated,
	       .workspace = emulate_workspace,
	       .rates = emulate_rates,
	       .stage = emulate_stage,
};
