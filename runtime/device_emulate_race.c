/* Conflicts between the threads of a launch: two of them touch the same byte, at least one writes it, and
 * nothing says who comes first. In a block the barrier says it; between blocks nothing does. This is what "same
 * inputs, same bits" asks of a kernel, whatever order a GPU takes; and unlike a run in another order, which shows a
 * conflict only where it changes a number, this sees every one that the launch's accesses hold.
 *
 * For each byte of the slabs and of a block's shared memory a cell holds who wrote it last, and who read it. Time is
 * counted in intervals: one begins with each block and behind each barrier, over all launches. Warps are not taken to
 * be in step: a lane that reads what another wrote needs a barrier between.
 *
 * Refuses nothing; told of an access, says NULL or the sentence on the conflict it makes. */
#include "runtime/device_emulate.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST_SHARED = 2 << 20, SEVERAL = 0xFFFF };
#define LAST_INTERVAL 0xF0000000u

typedef struct {
	uint32_t    wrote, read, first_read; /* intervals; 0: never */
	uint16_t    writer, reader;          /* threads; reader may be SEVERAL */
	const void *write_pc, *read_pc;
} Cell;

struct Races {
	const Program *p;
	char *const   *slab;
	Cell         **cell;         /* per slab */
	Cell          *shared;       /* MOST_SHARED */
	uint32_t       launch_began; /* interval */
	char           said[512];
	Watch          watch;
};

/* ---- cells ---------------------------------------------------------------------------------- */

static Cell *
cells_open(int64_t n)
{
	void *at = mmap(NULL, (size_t)n * sizeof(Cell) + 1, PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

static void
cells_close(Cell *cell, int64_t n)
{
	if (cell)
		munmap(cell, (size_t)n * sizeof(Cell) + 1);
}

/* Every cell as at the beginning: the pages are given back, and come again as zeros. */
static void
cells_clear(Cell *cell, int64_t n)
{
	madvise(cell, (size_t)n * sizeof(Cell) + 1, MADV_DONTNEED);
}

/* ---- the sentence --------------------------------------------------------------------------- */

/* "k005_attend.cu:123" for a place in the code of a kernel, or "" where addr2line or the table of lines is missing. Of
 * functions inlined into one another the outermost, which is the kernel, comes last. */
static void
line_of(const void *pc, char *out, size_t room)
{
	Dl_info info;
	char    command[4400], line[4400];
	*out = 0;
	if (pc == NULL || dladdr(pc, &info) == 0 || strpbrk(info.dli_fname, "'\\") ||
	    strlen(info.dli_fname) > 4096)
		return;
	snprintf(command, sizeof command, "addr2line -i -e '%s' %#lx 2>/dev/null", info.dli_fname,
	         (unsigned long)((const char *)pc - (const char *)info.dli_fbase) - 1);
	FILE *f = popen(command, "r");
	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f)) {
		const char *name = strrchr(line, '/');
		name = name ? name + 1 : line;
		line[strcspn(line, " \n")] = 0;
		if (*name && *name != '?')
			snprintf(out, room, " (%.99s)", name);
	}
	pclose(f);
}

static const char *
say(Races *r, const Touch *a, const char *where, long long at, bool wrote, const Cell *c)
{
	char           here[128], there[128], who[64];
	const uint32_t early = c->first_read < a->block_began ? c->first_read : c->read;
	const bool     block = (wrote ? c->wrote : early) < a->block_began;
	const uint16_t other = wrote ? c->writer : c->reader;
	line_of(a->pc, here, sizeof here);
	line_of(wrote ? c->write_pc : c->read_pc, there, sizeof there);
	if (block)
		snprintf(who, sizeof who, "another block");
	else if (other == SEVERAL)
		snprintf(who, sizeof who, "another thread");
	else
		snprintf(who, sizeof who, "thread %d", other);
	snprintf(r->said, sizeof r->said, "%s %s+%lld%s, which %s %s%s, and %s",
	         a->writes ? "writes" : "reads", where, at, here, who, wrote ? "wrote" : "read",
	         there, block ? "blocks have no order" : "there is no barrier between");
	return r->said;
}

/* ---- an access ------------------------------------------------------------------------------ */

/* Is what happened in interval `then`, by `thread`, without order to the access? */
static bool
unordered(const Races *r, const Touch *a, uint32_t then, uint16_t thread)
{
	if (then < r->launch_began)
		return false;
	if (then < a->block_began)
		return a->shared < 0;
	return then == a->interval && thread != a->thread;
}

static void
note(const Races *r, const Touch *a, Cell *c)
{
	if (a->writes) {
		c->wrote = a->interval;
		c->writer = (uint16_t)a->thread;
		c->write_pc = a->pc;
		return;
	}
	if (c->first_read < r->launch_began)
		c->first_read = a->interval;
	if (c->read != a->interval)
		c->reader = (uint16_t)a->thread;
	else if (c->reader != a->thread)
		c->reader = SEVERAL;
	c->read = a->interval;
	c->read_pc = a->pc;
}

/* The cells of an access, and how its place is called. */
static Cell *
cells_of(const Races *r, const Touch *a, const char **where, long long *at)
{
	if (a->shared >= 0) {
		*where = "shared memory";
		*at = a->shared;
		return a->shared + a->bytes <= MOST_SHARED ? r->shared + a->shared : NULL;
	}
	for (int i = 0; i < r->p->nslab; i++) {
		const char *from = r->slab[i], *p = a->at;
		if (p < from || p + a->bytes > from + r->p->slab[i].bytes)
			continue;
		*at = p - from;
		*where = r->p->slab[i].name;
		return r->cell[i] + *at;
	}
	return NULL; /* a thread's own */
}

static const char *
tell(void *with, const Touch *a)
{
	Races      *r = with;
	const char *where;
	long long   at;
	Cell       *c = cells_of(r, a, &where, &at);
	for (unsigned i = 0; c && i < a->bytes; i++, c++) {
		bool wrote = unordered(r, a, c->wrote, c->writer);
		bool read = a->writes && (unordered(r, a, c->first_read, c->reader) ||
		                          unordered(r, a, c->read, c->reader));
		if (wrote || read)
			return say(r, a, where, at + i, wrote, c);
		note(r, a, c);
	}
	return NULL;
}

/* ---- the room ------------------------------------------------------------------------------- */

Status
races_open(Arena *a, const Program *p, char *const *slab, Races **out)
{
	Races *r = *out = arena_new_one(a, Races);
	r->p = p;
	r->slab = slab;
	r->cell = arena_new_array(a, Cell *, p->nslab + 1);
	r->shared = cells_open(MOST_SHARED);
	bool all = r->shared != NULL;
	for (int i = 0; i < p->nslab; i++)
		all = (r->cell[i] = cells_open(p->slab[i].bytes)) != NULL && all;
	r->watch = (Watch){.tell = tell, .with = r, .interval = 1};
	return all ? OK : world_error("out-of-memory", "no room to note who touches which byte");
}

void
races_close(Races *r)
{
	if (r == NULL)
		return;
	cells_close(r->shared, MOST_SHARED);
	for (int i = 0; i < r->p->nslab; i++)
		cells_close(r->cell[i], r->p->slab[i].bytes);
}

Watch *
races_begin(Races *r)
{
	if (r->watch.interval > LAST_INTERVAL) {
		cells_clear(r->shared, MOST_SHARED);
		for (int i = 0; i < r->p->nslab; i++)
			cells_clear(r->cell[i], r->p->slab[i].bytes);
		r->watch.interval = 1;
	}
	r->launch_began = ++r->watch.interval;
	return &r->watch;
}
