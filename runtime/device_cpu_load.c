/* Kernel source -> one loaded shared object. The object is kept in the cache folder under a hash
 * of everything it depends on (source and what it includes, flags, compiler, CPU), so the next
 * start only loads it. What earlier starts left half made in the cache is removed. Refuses an
 * object that lacks a kernel. */
#include "compiler/base/cache.h"
#include "runtime/device_cpu_build.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { STALE = 3600 }; /* seconds; nothing takes that long to make */

/* ---- the name of an object ------------------------------------------------------------------ */

/* What -march=native means here: the model and flags of the first processor. */
static void
cpu_describe(Text *t)
{
	char  line[8192];
	FILE *f = fopen("/proc/cpuinfo", "r");
	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f) && line[0] != '\n')
		if (strncmp(line, "model", 5) == 0 || strncmp(line, "flags", 5) == 0 ||
		    strncmp(line, "Features", 8) == 0)
			text_printf(t, "%s", line);
	fclose(f);
}

static void
source_describe(const Source *s, Text *t)
{
	text_printf(t, "file %s %zu\n", s->name, s->bytes);
	text_append(t, s->text, s->bytes);
	if (s->behind)
		text_printf(t, "behind it\n%s", s->behind);
}

static Status
object_name(const Build *b, char hex[33])
{
	Text t = {0};
	text_printf(&t, "d2v %s object 2\n", b->tool->device);
	if (b->tool->first)
		text_printf(&t, "first %zu\n%s", strlen(b->tool->first_text), b->tool->first_text);
	Status s = compiler_describe(b, &t);
	cpu_describe(&t);
	for (int i = 0; i < b->nsource; i++)
		source_describe(&b->source[i], &t);
	for (int i = 0; i < b->included.n; i++)
		source_describe(&b->included.at[i], &t);
	hash_hex(t.at, t.n, hex);
	text_free(&t);
	return s;
}

/* ---- the cache folder ----------------------------------------------------------------------- */

static int
remove_one(const char *path, const struct stat *s, int kind, struct FTW *where)
{
	(void)s, (void)kind, (void)where;
	remove(path); /* what stays is tried again by the next start */
	return 0;
}

static void
folder_remove(const char *folder)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static bool
ends_in_hex(const char *s, size_t n, size_t digits)
{
	if (n < digits + 1 || s[n - digits - 1] != '-')
		return false;
	for (size_t i = n - digits; i < n; i++)
		if (!isdigit((unsigned char)s[i]) && (s[i] < 'a' || s[i] > 'f'))
			return false;
	return true;
}

/* Names of folders that are renamed or removed when what they are for is done: build-XXXXXX, made
 * here, and SPEC-TARGET-16 hex digits-8 hex digits.PID, made by d2v. */
static bool
is_half_made(const char *name)
{
	if (strncmp(name, "build-", 6) == 0)
		return strlen(name) == 12;
	const char *dot = strrchr(name, '.');
	size_t      n = dot ? (size_t)(dot - name) : 0;
	return dot && dot[1] && dot[1 + strspn(dot + 1, "0123456789")] == 0 &&
	       ends_in_hex(name, n, 8) && ends_in_hex(name, n - 9, 16);
}

/* A start that was killed leaves its folder behind. */
static void
cache_tidy(Arena *a, const char *cache)
{
	DIR *d = opendir(cache);
	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		struct stat s;
		if (!is_half_made(e->d_name))
			continue;
		const char *path = arena_printf(a, "%s/%s", cache, e->d_name);
		if (lstat(path, &s) == 0 && S_ISDIR(s.st_mode) && time(NULL) - s.st_mtime > STALE)
			folder_remove(path);
	}
	closedir(d);
}

/* As long as its own header says: the table of sections comes last. One that was cut short would
 * end the process as it is loaded. */
static bool
object_is_whole(const char *path)
{
	Elf64_Ehdr  h = {0};
	struct stat s = {0};
	FILE       *f = fopen(path, "rbe");
	bool        ok = f && fread(&h, sizeof h, 1, f) == 1 && fstat(fileno(f), &s) == 0;
	if (f)
		fclose(f);
	return ok && memcmp(h.e_ident, ELFMAG, SELFMAG) == 0 &&
	       (uint64_t)s.st_size >= h.e_shoff + (uint64_t)h.e_shnum * h.e_shentsize;
}

static Status
build(Build *b, const char *cache, const char *object)
{
	TRY(file_make_dirs(cache));
	char *folder = arena_printf(b->a, "%s/build-XXXXXX", cache);
	if (mkdtemp(folder) == NULL)
		return world_error("cache", "cannot make a folder in %s: %s", cache,
		                   strerror(errno));
	b->folder = folder;
	const char *made = arena_printf(b->a, "%s/made.so", folder);
	Status      s = compile(b, made);
	if (s == OK && rename(made, object) != 0)
		s = world_error("cache", "cannot write %s: %s", object, strerror(errno));
	folder_remove(folder);
	return s;
}

/* ---- the room ------------------------------------------------------------------------------- */

static Status
resolve(Arena *a, const Toolchain *tool, void *library, const Program *p, void **fn)
{
	for (int i = 0; i < p->nkernel; i++) {
		if (tool->behind && *tool->behind[i] == 0)
			continue; /* nobody runs it */
		fn[i] = dlsym(library, arena_printf(a, "%s%s", tool->prefix, p->kernel[i].name));
		if (fn[i] == NULL)
			return user_error("kernel-missing", "kernels/%s does not define `%s`",
			                  p->kernel[i].file, p->kernel[i].name);
	}
	return OK;
}

Status
kernels_load(Arena *a, const Toolchain *tool, const Program *p, const char *folder,
             const char *cache, void **library, void ***fn)
{
	*library = NULL;
	*fn = arena_new_array(a, void *, p->nkernel + 1);
	if (p->nkernel == 0)
		return OK;
	int64_t limit;
	TRY(cache_limit(&limit));
	Build  b = {.a = a, .tool = tool, .kernels = arena_printf(a, "%s/kernels", folder)};
	char   hex[33];
	Status s = compiler_open(&b);
	if (s == OK)
		s = sources_read(&b, p);
	if (s == OK)
		s = object_name(&b, hex);
	const char *object =
		s == OK ? arena_printf(a, "%s/%s-%s.so", cache, tool->device, hex) : "";
	cache_tidy(a, cache);
	if (s == OK && object_is_whole(object))
		cache_touch(object);
	else if (s == OK && (s = build(&b, cache, object)) == OK)
		s = cache_trim(cache, limit > 0 ? limit : 1, NULL);
	sources_free(&b);
	TRY(s);
	/* A name without a slash would be searched on the library path instead. */
	const char *path = strchr(object, '/') ? object : arena_printf(a, "./%s", object);
	*library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (*library == NULL)
		return world_error("kernel-load",
		                   "%s does not load: %s; remove it and it is made again", object,
		                   dlerror());
	return resolve(a, tool, *library, p, *fn);
}
