/* verify_kernel: P26 .. P29 of PROGRAM.md: arguments of launches, kernels and seals. */
#include "compiler/program/verify_private.h"

#include <string.h>

enum {
	WARP = 32,
	MOST_THREADS = 1024,
	MOST_SHARED = 227 << 10, /* bytes of shared memory a block may have */
};

/* P26, and P19 for all its bytes. */
static void
verify_pointer(Verify *v, const Arg *a, int i, const char *what)
{
	const Extent *e = &a->extent;
	const char   *problem = NULL;
	if (a->access < ACCESS_read || a->access > ACCESS_update)
		problem = "is neither read nor written";
	else if (e->bytes < 1 || e->rows < 1 || e->rows > MOST_ROWS || e->bytes > MOST_BYTES ||
	         (e->rows == 1 ? e->pitch != 0 : e->pitch <= e->bytes || e->pitch > MOST_BYTES))
		problem = "has no legal extent";
	else if ((a->access == ACCESS_update) != (a->before != 0))
		problem = "should name a value before it exactly when it is an update";
	else if (a->nmore < 0 || (a->nmore > 0 && (a->access == ACCESS_write || !a->more)))
		problem = "names several values, but reads none";
	else if (a->padded && (!(a->access & ACCESS_read) || e->rows != 1))
		problem = "is marked `padded`, but is not read in one run";
	if (problem) {
		verify_bad(v, 26, "argument %d of %s %s", i, what, problem);
		return;
	}
	double far = (double)(e->rows - 1) * (double)e->pitch;
	if (far > (double)MOST_BYTES)
		verify_bad(v, 26, "argument %d of %s has no legal extent", i, what);
	else if (a->slab < 0 || a->slab >= v->p->nslab || a->offset < 0 ||
	         a->offset > v->p->slab[a->slab].bytes ||
	         (e->rows - 1) * e->pitch + e->bytes > v->p->slab[a->slab].bytes - a->offset)
		verify_place(v, 19, a->slab, a->offset, (e->rows - 1) * e->pitch + e->bytes, 1,
		             arena_printf(v->arena, "argument %d of %s", i, what));
}

void
verify_arguments(Verify *v, const ProgStep *s, const char *what)
{
	for (int i = 0; i < s->narg; i++)
		if (s->arg[i].kind == ARG_pointer)
			verify_pointer(v, &s->arg[i], i, what);
}

/* P29 */
void
verify_seal(Verify *v, const ProgStep *s, const char *what)
{
	uint32_t seal = step_seal(v->p, s);
	if (seal != s->seal)
		verify_bad(v, 29,
		           "%s is not what the compiler wrote: its kernel, the order of its "
		           "arguments or a size was changed (a step changed on purpose needs "
		           "seal=%08x)",
		           what, (unsigned)seal);
}

/* ---- P27: all launches of a kernel give it arguments of one kind ---------------------------- */

/* The number that says how many elements a launch has: its first i64; 0: none. */
static int64_t
count_of(const ProgStep *s)
{
	for (int i = 0; i < s->narg; i++)
		if (s->arg[i].kind == ARG_i64)
			return s->arg[i].i;
	return 0;
}

/* Bytes of one of the `count` elements in the extent; 0: it does not follow the count. */
static int64_t
unit_of(const Extent *e, int64_t count)
{
	int64_t unit = count > 0 && e->rows == 1 && e->bytes % count == 0 ? e->bytes / count : 0;
	return unit == 1 || unit == 2 || unit == 4 ? unit : 0;
}

static bool
same_extent(const Extent *x, int64_t count_x, const Extent *y, int64_t count_y)
{
	if (x->bytes == y->bytes && x->rows == y->rows && x->pitch == y->pitch)
		return true;
	return unit_of(x, count_x) > 0 && unit_of(x, count_x) == unit_of(y, count_y);
}

static const char *
difference(const ProgStep *x, const ProgStep *y, int *at)
{
	*at = 0;
	if (x->narg != y->narg)
		return "number of arguments";
	for (int i = 0; i < x->narg; i++) {
		const Arg *a = &x->arg[i], *b = &y->arg[i];
		*at = i;
		if (a->kind != b->kind)
			return "kind of argument";
		if (a->kind != ARG_pointer)
			continue;
		if (a->access != b->access)
			return "access to argument";
		if (!same_extent(&a->extent, count_of(x), &b->extent, count_of(y)))
			return "extent of argument";
	}
	return NULL;
}

/* A launch with a count walks an array from end to end. */
static void
verify_count(Verify *v, const Entry *e, int step)
{
	const ProgStep *s = &e->step[step];
	bool            counted = false;
	for (int i = 0; i < s->narg; i++)
		counted |= s->arg[i].kind == ARG_i64;
	if (!counted)
		return;
	for (int i = 0; i < s->narg; i++)
		if (s->arg[i].kind == ARG_pointer && unit_of(&s->arg[i].extent, count_of(s)) > 0)
			return;
	verify_bad(v, 27, "%s has a count of %lld, which fits none of its arguments",
	           verify_step_name(v, e, step), (long long)count_of(s));
}

/* NULL when the kernel's types, if it says any, fit what is behind the pointers. */
static const char *
types_wrong(const Kernel *k, const ProgStep *s)
{
	int n = 0;
	for (int i = 0; i < s->narg && k->ntype; i++) {
		const Extent *e = &s->arg[i].extent;
		if (s->arg[i].kind != ARG_pointer)
			continue;
		if (n < k->ntype && e->bytes % dtype_bytes[k->type[n]])
			return "a part of an element";
		n++;
	}
	return n < k->ntype ? "fewer pointers" : n > k->ntype ? "more pointers" : NULL;
}

static void
verify_signatures(Verify *v)
{
	const Program   *p = v->p;
	const ProgStep **first = arena_new_array(v->arena, const ProgStep *, p->nkernel + 1);
	for (int i = 0; i < p->nentry; i++)
		for (int j = 0; j < p->entry[i].nstep; j++) {
			const ProgStep *s = &p->entry[i].step[j];
			int             at;
			if (s->kind != STEP_launch)
				continue;
			verify_count(v, &p->entry[i], j);
			const char *wrong = types_wrong(&p->kernel[s->kernel], s);
			if (wrong)
				verify_bad(v, 27,
				           "%s and the types of kernel `%s` do not agree: %s",
				           verify_step_name(v, &p->entry[i], j),
				           p->kernel[s->kernel].name, wrong);
			if (!first[s->kernel]) {
				first[s->kernel] = s;
				continue;
			}
			const char *other = difference(first[s->kernel], s, &at);
			if (other)
				verify_bad(v, 27,
				           "%s launches kernel `%s` with another %s %d than its "
				           "first launch",
				           verify_step_name(v, &p->entry[i], j),
				           p->kernel[s->kernel].name, other, at);
		}
	for (int i = 0; i < p->nkernel; i++)
		if (!first[i])
			verify_bad(v, 27, "kernel `%s` is never launched", p->kernel[i].name);
}

/* ---- P28: the shape of a launch ------------------------------------------------------------- */

static void
verify_shape(Verify *v, const Kernel *k)
{
	bool cuda = strcmp(v->p->target, "cuda") == 0;
	if (!cuda && (k->block != 0 || k->shared != 0 || k->grid != 0 || k->per_block != 0)) {
		verify_bad(v, 28, "kernel `%s` has a block or a grid, which `%s` does not", k->name,
		           v->p->target);
		return;
	}
	bool warps = k->block >= WARP && k->block <= MOST_THREADS && k->block % WARP == 0;
	if (cuda && ((!warps && k->block != 1) || k->shared < 0 || k->shared > MOST_SHARED ||
	             k->grid < 0 || k->grid > INT32_MAX || k->per_block < 0 ||
	             k->per_block > MOST_BYTES || (k->grid > 0) == (k->per_block > 0)))
		verify_bad(v, 28, "kernel `%s` has block=%d shared=%lld grid=%lld per_block=%lld",
		           k->name, k->block, (long long)k->shared, (long long)k->grid,
		           (long long)k->per_block);
}

void
verify_kernels(Verify *v)
{
	const Program *p = v->p;
	for (int i = 0; i < p->nkernel; i++)
		verify_shape(v, &p->kernel[i]);
	verify_signatures(v);
	for (int i = 0; i < p->nentry; i++)
		for (int j = 0; j < p->entry[i].nstep; j++) {
			const ProgStep *s = &p->entry[i].step[j];
			if (s->kind == STEP_launch && p->kernel[s->kernel].per_block > 0 &&
			    count_of(s) < 1)
				verify_bad(v, 28, "%s has no count for the blocks of kernel `%s`",
				           verify_step_name(v, &p->entry[i], j),
				           p->kernel[s->kernel].name);
		}
}
