/* arena: memory with a lifetime, given back all at once. Pieces come from a list of chunks, each
 * twice the one before. Refuses to return NULL and to free single pieces; a request the machine
 * cannot serve ends the process, because no caller could go on without it. */
#include "compiler/base/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define HIDE(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define SHOW(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
enum { GUARD = 16 }; /* a poisoned gap after each piece, so that overruns are caught */
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
enum { GUARD = 0 };
#endif

enum {
	ALIGN = 16,
	FIRST_CHUNK = 64 * 1024,
	LARGEST_CHUNK = 16 * 1024 * 1024,
	HUGE = 2 * 1024 * 1024
};

typedef struct Chunk {
	struct Chunk *next;
	size_t        cap, used;
	size_t        pad; /* keeps `mem` on a 16-byte boundary */
	unsigned char mem[];
} Chunk;

struct Arena {
	Chunk *first, *now; /* chunks after `now` are empty */
};

static _Noreturn void
out_of_memory(size_t bytes)
{
	fprintf(stderr, "d2v: error: out of memory (asked for %zu bytes) [out-of-memory]\n", bytes);
	abort();
}

static size_t
round_up(size_t bytes)
{
	return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

Arena *
arena_new(void)
{
	Arena *a = calloc(1, sizeof *a);
	if (!a)
		out_of_memory(sizeof *a);
	return a;
}

void
arena_free(Arena *a)
{
	if (!a)
		return;
	for (Chunk *c = a->first, *next; c; c = next) {
		next = c->next;
		SHOW(c->mem, c->cap);
		free(c);
	}
	free(a);
}

void
arena_reset(Arena *a)
{
	for (Chunk *c = a->first; c; c = c->next) {
		c->used = 0;
		HIDE(c->mem, c->cap);
	}
	a->now = a->first;
}

/* Memory for a chunk of *cap bytes, or a few more. Large chunks ask for 2 MiB pages: the first
 * touch of 4 KiB pages took a quarter of the time to compile a model of 24 blocks. */
static Chunk *
chunk_memory(size_t *cap)
{
	size_t n = sizeof(Chunk) + *cap;
	if (n < HUGE)
		return malloc(n);
	n = (n + HUGE - 1) / HUGE * HUGE;
	Chunk *c = aligned_alloc(HUGE, n);
	if (c)
		/* advice: without huge pages everything still works */
		madvise(c, n, MADV_HUGEPAGE);
	*cap = n - sizeof(Chunk);
	return c;
}

/* The chunk that `bytes` will come from: the current one, an empty later one, or a new one. */
static Chunk *
room_for(Arena *a, size_t bytes)
{
	Chunk *c = a->now;
	while (c && c->cap - c->used < bytes && c->next)
		c = c->next;
	if (c && c->cap - c->used >= bytes)
		return a->now = c;

	size_t cap = c ? 2 * c->cap : FIRST_CHUNK;
	if (cap > LARGEST_CHUNK)
		cap = LARGEST_CHUNK;
	if (cap < bytes)
		cap = bytes;
	Chunk *fresh = chunk_memory(&cap);
	if (!fresh)
		out_of_memory(bytes);
	fresh->next = NULL;
	fresh->cap = cap;
	fresh->used = fresh->pad = 0;
	HIDE(fresh->mem, cap);
	if (c)
		c->next = fresh;
	else
		a->first = fresh;
	return a->now = fresh;
}

void *
arena_alloc(Arena *a, size_t bytes)
{
	if (bytes > SIZE_MAX / 4)
		out_of_memory(bytes);
	size_t take = round_up((bytes ? bytes : 1) + GUARD);
	Chunk *c = room_for(a, take);
	void  *p = c->mem + c->used;
	c->used += take;
	SHOW(p, bytes);
	if (bytes)
		memset(p, 0, bytes);
	return p;
}

void *
arena_grow(Arena *a, const void *old, size_t old_bytes, size_t new_bytes)
{
	if (new_bytes < old_bytes)
		BUG("arena_grow from %zu down to %zu bytes", old_bytes, new_bytes);
	void *p = arena_alloc(a, new_bytes);
	if (old_bytes)
		memcpy(p, old, old_bytes);
	return p;
}

char *
arena_strndup(Arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);
	if (n)
		memcpy(p, s, n);
	return p;
}

char *
arena_strdup(Arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *
arena_printf(Arena *a, const char *fmt, ...)
{
	Text    t = {0};
	va_list ap;
	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	char *p = arena_strndup(a, t.at, t.n);
	text_free(&t);
	return p;
}
