/* cache: how large the cache folder is, and what goes when it is too large. Entries are told by
 * name: NAME-HASH.so (kernels for a CPU), cuda/HASH.cubin, cuda/HASH.gemm, folders that hold
 * program.d2p, and the leavings of a process that died. Refuses to touch anything else: the user
 * may point the cache at a folder with other things in it. */
#include "compiler/base/cache.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STALE_SECONDS = 3600, IN_USE_SECONDS = 600 };

typedef struct {
	const char     *path;
	int64_t         bytes;
	struct timespec used;
} Entry;

typedef struct {
	Arena *a;
	Vec(Entry) entry;
} Found;

void
cache_touch(const char *path)
{
	(void)utimensat(AT_FDCWD, path, NULL, 0);
}

Status
cache_limit(int64_t *bytes)
{
	const char *text = getenv("D2V_CACHE_SIZE"), *unit = "KMGT", *at;
	*bytes = (int64_t)8 << 30;
	if (text == NULL || *text == 0)
		return OK;
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	int       shift = 0;
	if (end != text && *end && (at = strchr(unit, toupper((unsigned char)*end))) != NULL) {
		shift = 10 * (int)(at - unit + 1);
		end++;
	}
	if (end == text || *end || errno || n < 0 || n > INT64_MAX >> shift)
		return user_error(
			"cache-size",
			"D2V_CACHE_SIZE is a number of bytes such as 500M or 8G, not `%s`", text);
	*bytes = n << shift;
	return OK;
}

/* ---- what is ours --------------------------------------------------------------------------- */

static bool
is_hash(const char *s, const char *suffix)
{
	for (int i = 0; i < 32; i++)
		if (!isxdigit((unsigned char)s[i]) || isupper((unsigned char)s[i]))
			return false;
	return strcmp(s + 32, suffix) == 0;
}

static bool
is_kernels(const char *name)
{
	const char *dash = strchr(name, '-');
	return dash && dash != name && is_hash(dash + 1, ".so");
}

static bool
is_stale(const char *name, const struct stat *st)
{
	return (strncmp(name, "build-", 6) == 0 || strstr(name, ".new-")) &&
	       time(NULL) - st->st_mtime > STALE_SECONDS;
}

static int64_t walked;

static int
walk_size(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)path, (void)at;
	if (kind == FTW_F)
		walked += st->st_size;
	return 0;
}

static int
walk_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)at;
	return kind == FTW_DP || kind == FTW_D ? rmdir(path) : unlink(path);
}

static void
add(Found *f, const char *path, bool folder, const struct stat *st)
{
	walked = st->st_size;
	if (folder) {
		walked = 0;
		(void)nftw(path, walk_size, 16, FTW_PHYS);
	}
	vec_push(f->a, &f->entry, (Entry){path, walked, st->st_mtim});
}

static Status
look(Found *f, const char *folder, bool inner)
{
	DIR *d = opendir(folder);
	if (d == NULL)
		return errno == ENOENT ? OK
		                       : world_error("cache", "cannot read the folder %s: %s",
		                                     folder, strerror(errno));
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		const char *name = e->d_name, *path = arena_printf(f->a, "%s/%s", folder, name);
		struct stat st, program;
		if (name[0] == '.' || lstat(path, &st) != 0)
			continue; /* gone since: another process cleans up too */
		bool is_folder = S_ISDIR(st.st_mode);
		if (is_stale(name, &st)) {
			add(f, path, is_folder, &st);
		} else if (inner) {
			if (S_ISREG(st.st_mode) &&
			    (is_hash(name, ".cubin") || is_hash(name, ".gemm")))
				add(f, path, false, &st);
		} else if (S_ISREG(st.st_mode) && is_kernels(name)) {
			add(f, path, false, &st);
		} else if (is_folder &&
		           stat(arena_printf(f->a, "%s/program.d2p", path), &program) == 0) {
			st.st_mtim = program.st_mtim;
			add(f, path, true, &st);
		}
	}
	closedir(d);
	return OK;
}

static Status
look_all(Found *f, const char *folder)
{
	TRY(look(f, folder, false));
	return look(f, arena_printf(f->a, "%s/cuda", folder), true);
}

/* ---- measuring and removing ----------------------------------------------------------------- */

static CacheSize
sum(const Found *f)
{
	CacheSize s = {f->entry.n, 0};
	for (int i = 0; i < f->entry.n; i++)
		s.bytes += f->entry.at[i].bytes;
	return s;
}

Status
cache_measure(const char *folder, CacheSize *out)
{
	Found  f = {.a = arena_new()};
	Status s = look_all(&f, folder);
	*out = sum(&f);
	arena_free(f.a);
	return s;
}

static int
oldest_first(const void *a, const void *b)
{
	const Entry *x = a, *y = b;
	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	if (x->used.tv_nsec != y->used.tv_nsec)
		return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
	return strcmp(x->path, y->path);
}

static Status
remove_entry(const Entry *e)
{
	if (nftw(e->path, walk_remove, 16, FTW_PHYS | FTW_DEPTH) == 0 || errno == ENOENT)
		return OK;
	return world_error("cache", "cannot remove %s: %s", e->path, strerror(errno));
}

Status
cache_trim(const char *folder, int64_t keep, CacheSize *removed)
{
	Found     f = {.a = arena_new()};
	CacheSize gone = {0, 0};
	Status    s = look_all(&f, folder);
	int64_t   left = sum(&f).bytes;
	if (f.entry.n > 0)
		qsort(f.entry.at, (size_t)f.entry.n, sizeof *f.entry.at, oldest_first);
	for (int i = 0; s == OK && i < f.entry.n && (left > keep || keep == 0); i++) {
		if (keep > 0 && time(NULL) - f.entry.at[i].used.tv_sec < IN_USE_SECONDS)
			break;
		s = remove_entry(&f.entry.at[i]);
		left -= f.entry.at[i].bytes;
		gone.bytes += f.entry.at[i].bytes;
		gone.entries++;
	}
	if (removed)
		*removed = gone;
	arena_free(f.a);
	return s;
}
