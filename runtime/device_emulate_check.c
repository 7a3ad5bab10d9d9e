/* What a launch touches against what the program says of it (Arg.extent and Arg.access).
 *
 * With ASan: everything in the slabs that no argument of the launch covers is poisoned while it
 * runs.
 *
 * With D2V_EMULATE_CHECK=1 each launch runs twice from the same memory. Bytes that no argument
 * covers hold 0xFF the first time and 0x7F the second, bytes that are only written 0x5A and 0xA5;
 * the second run goes in the opposite order. Found are: bytes changed outside of what is written;
 * results that depend on bytes the launch should not read, or on the order of threads; and bytes
 * not written that should be: any of an extent of several rows, the first or last of an extent of
 * one. The others of such an extent may lie between the parts of a view, and get their old value
 * back; so does all of slab `scratch`, whose pieces end on whole lines.
 *
 * An extent of 0 bytes is not known: it is the slab from there on. */
#include "runtime/device_emulate.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

struct Check {
	const Program *p;
	char *const   *slab;
	bool           twice;
	Races         *races; /* NULL: kernels are not watched */
	/* Per slab: ACCESS_ bits of each byte, memory before the launch, memory after the first
	 * run. */
	unsigned char **access;
	unsigned char **before, **after;
};

/* [run]: for bytes outside of all extents, for bytes that are only written */
static const unsigned char outside[2] = {0xFF, 0x7F}, unwritten[2] = {0x5A, 0xA5};

/* The runs of bytes behind an argument, cut off at the end of the slab. */
typedef struct {
	int64_t from, to;
} Run;

static int64_t
runs_of(const Arg *arg)
{
	return arg->extent.bytes == 0 || arg->extent.rows < 1 ? 1 : arg->extent.rows;
}

static Run
run_at(const Program *p, const Arg *arg, int64_t i)
{
	int64_t end = p->slab[arg->slab].bytes;
	Run     r = {arg->offset, end};
	if (arg->extent.bytes) {
		r.from += i * arg->extent.pitch;
		r.to = r.from + arg->extent.bytes;
	}
	r.from = r.from < end ? r.from : end;
	r.to = r.to < end ? r.to : end;
	return r;
}

Status
check_asked(bool *twice, bool *watched)
{
	const char *given = getenv("D2V_EMULATE_CHECK");
	*twice = *watched = given && strcmp(given, "1") == 0;
#ifdef __SANITIZE_ADDRESS__
	*watched = false; /* compilers put in one of the two */
#endif
	if (given && *given && !*twice && strcmp(given, "0") != 0)
		return user_error("emulate-check", "D2V_EMULATE_CHECK is 0 or 1, not `%s`", given);
	return OK;
}

Status
check_open(Arena *a, const Program *p, char *const *slab, Check **out)
{
	bool   watched;
	Check *c = *out = arena_new_one(a, Check);
	c->p = p;
	c->slab = slab;
	TRY(check_asked(&c->twice, &watched));
	if (watched)
		TRY(races_open(a, p, slab, &c->races));
	if (!c->twice)
		return OK;
	unsigned char ***const array[] = {&c->access, &c->before, &c->after};
	for (int k = 0; k < COUNT(array); k++) {
		*array[k] = arena_new_array(a, unsigned char *, p->nslab + 1);
		for (int i = 0; i < p->nslab; i++) {
			(*array[k])[i] = cpu_memory(p->slab[i].bytes);
			if ((*array[k])[i] == NULL)
				return world_error("out-of-memory",
				                   "no memory to check what launches touch");
		}
	}
	return OK;
}

void
check_close(Check *c)
{
	if (c == NULL || !c->twice)
		return;
	races_close(c->races);
	unsigned char **const array[] = {c->access, c->before, c->after};
	for (int k = 0; k < COUNT(array); k++)
		for (int i = 0; array[k] && i < c->p->nslab; i++)
			cpu_memory_free(array[k][i], c->p->slab[i].bytes);
}

/* ---- poison --------------------------------------------------------------------------------- */

#ifdef __SANITIZE_ADDRESS__
static void
poison(const Check *c, const ProgStep *s)
{
	for (int i = 0; i < c->p->nslab; i++)
		__asan_poison_memory_region(c->slab[i], (size_t)c->p->slab[i].bytes);
	for (int i = 0; i < s->narg; i++) {
		const Arg *arg = &s->arg[i];
		for (int64_t k = 0; arg->kind == ARG_pointer && k < runs_of(arg); k++) {
			Run r = run_at(c->p, arg, k);
			__asan_unpoison_memory_region(c->slab[arg->slab] + r.from,
			                              (size_t)(r.to - r.from));
		}
	}
}

static void
unpoison(const Check *c)
{
	for (int i = 0; i < c->p->nslab; i++)
		__asan_unpoison_memory_region(c->slab[i], (size_t)c->p->slab[i].bytes);
}
#else
static void
poison(const Check *c, const ProgStep *s)
{
	(void)c, (void)s;
}

static void
unpoison(const Check *c)
{
	(void)c;
}
#endif

static Status
launch(const Check *c, const EmulateStep *s, Watch *watch)
{
	poison(c, s->step);
	const char *wrong = s->fn(s->p, s->n, s->grid, watch);
	unpoison(c);
	return wrong ? world_error("emulate", "%s", wrong) : OK;
}

/* ---- twice ---------------------------------------------------------------------------------- */

static void
access_mark(const Check *c, const ProgStep *s)
{
	for (int i = 0; i < c->p->nslab; i++)
		memset(c->access[i], 0, (size_t)c->p->slab[i].bytes);
	for (int i = 0; i < s->narg; i++) {
		const Arg *arg = &s->arg[i];
		Access     access = arg->access ? arg->access : ACCESS_update;
		for (int64_t k = 0; arg->kind == ARG_pointer && k < runs_of(arg); k++) {
			Run r = run_at(c->p, arg, k);
			for (int64_t b = r.from; b < r.to; b++)
				c->access[arg->slab][b] |= (unsigned char)access;
		}
	}
}

/* The memory before the launch, with all that it may not read filled. */
static void
fill(const Check *c, int run)
{
	for (int i = 0; i < c->p->nslab; i++)
		for (int64_t b = 0; b < c->p->slab[i].bytes; b++) {
			unsigned char access = c->access[i][b];
			c->slab[i][b] = (char)(access & ACCESS_read ? c->before[i][b]
			                       : access             ? unwritten[run]
			                                            : outside[run]);
		}
}

static bool
is_unwritten(unsigned char access, unsigned char first, unsigned char second)
{
	return access == ACCESS_write && first == unwritten[0] && second == unwritten[1];
}

/* The first byte of all slabs that a test finds; false: none. */
typedef enum { CHANGED, UNSTABLE } Fault;
static bool
find(const Check *c, Fault fault, int *slab, int64_t *at)
{
	for (int i = 0; i < c->p->nslab; i++)
		for (int64_t b = 0; b < c->p->slab[i].bytes; b++) {
			unsigned char now = (unsigned char)c->slab[i][b], was = c->before[i][b];
			unsigned char access = c->access[i][b];
			bool          found;
			if (fault == CHANGED)
				found = !(access & ACCESS_write) &&
				        now != (access ? was : outside[0]);
			else
				found = access & ACCESS_write && now != c->after[i][b] &&
				        !is_unwritten(access, c->after[i][b], now);
			if (!found)
				continue;
			*slab = i;
			*at = b;
			return true;
		}
	return false;
}

static bool
is_left(const Check *c, int slab, int64_t at)
{
	return is_unwritten(c->access[slab][at], c->after[slab][at],
	                    (unsigned char)c->slab[slab][at]);
}

/* The first byte that an argument of the launch should have written, and no argument has. */
static bool
find_left(const Check *c, const ProgStep *s, int *slab, int64_t *at)
{
	for (int i = 0; i < s->narg; i++) {
		const Arg *arg = &s->arg[i];
		if (arg->kind != ARG_pointer || arg->access != ACCESS_write ||
		    arg->extent.bytes == 0 || strcmp(c->p->slab[arg->slab].name, "scratch") == 0)
			continue;
		*slab = arg->slab;
		for (int64_t k = 0; k < runs_of(arg); k++) {
			Run     r = run_at(c->p, arg, k);
			int64_t stride =
				arg->extent.rows > 1 || r.to - r.from < 2 ? 1 : r.to - r.from - 1;
			for (*at = r.from; *at < r.to; *at += stride)
				if (is_left(c, *slab, *at))
					return true;
		}
	}
	return false;
}

static void
restore(const Check *c)
{
	for (int i = 0; i < c->p->nslab; i++)
		for (int64_t b = 0; b < c->p->slab[i].bytes; b++)
			if (!(c->access[i][b] & ACCESS_write) || is_left(c, i, b))
				c->slab[i][b] = (char)c->before[i][b];
}

/* The second run goes the other way round. */
static Status
launch_reversed(const Check *c, const EmulateStep *s)
{
	const char *given = getenv("D2V_EMULATE_ORDER");
	char       *kept = given ? strdup(given) : NULL;
	setenv("D2V_EMULATE_ORDER", given && strcmp(given, "reverse") == 0 ? "forward" : "reverse",
	       1);
	Status status = launch(c, s, NULL);
	if (kept)
		setenv("D2V_EMULATE_ORDER", kept, 1);
	else
		unsetenv("D2V_EMULATE_ORDER");
	free(kept);
	return status;
}

static Status
launch_twice(Check *c, const EmulateStep *s)
{
	const char *name = c->p->kernel[s->step->kernel].name;
	int         slab;
	int64_t     at;
	access_mark(c, s->step);
	for (int i = 0; i < c->p->nslab; i++)
		memcpy(c->before[i], c->slab[i], (size_t)c->p->slab[i].bytes);
	fill(c, 0);
	TRY(launch(c, s, c->races ? races_begin(c->races) : NULL));
	if (find(c, CHANGED, &slab, &at))
		return world_error("emulate-write",
		                   "kernel %s writes %s+%lld, which is in none of the extents it "
		                   "says it writes",
		                   name, c->p->slab[slab].name, (long long)at);
	for (int i = 0; i < c->p->nslab; i++)
		memcpy(c->after[i], c->slab[i], (size_t)c->p->slab[i].bytes);
	fill(c, 1);
	TRY(launch_reversed(c, s));
	if (find(c, UNSTABLE, &slab, &at))
		return world_error("emulate-read",
		                   "what kernel %s leaves at %s+%lld depends on bytes outside of "
		                   "the extents it says it "
		                   "reads, or on the order of its threads",
		                   name, c->p->slab[slab].name, (long long)at);
	if (find_left(c, s->step, &slab, &at))
		return world_error(
			"emulate-write",
			"kernel %s does not write %s+%lld, which is in an extent it says it writes",
			name, c->p->slab[slab].name, (long long)at);
	restore(c);
	return OK;
}

Status
check_launch(Check *c, const EmulateStep *s)
{
	return c->twice ? launch_twice(c, s) : launch(c, s, NULL);
}
