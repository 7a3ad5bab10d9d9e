/* data_folder: a folder of class folders -> the sorted list of its JPEG and PNG files.
 *
 * Each sub-folder of the root is a class, in byte order of the names; its files are looked for
 * at any depth and sorted by path, so that a sample's number depends on the names alone.
 * Symbolic links are followed; a folder that is already open further up is not entered again. A
 * root with images but no class folders gives samples without labels. Refuses: folders without
 * images, and a folder that holds `train` and `val` (those would become the classes). Nothing is
 * opened here but folders. */
#include "runtime/data_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 64 };

typedef struct {
	Arena *a;
	Vec(char *) file;
	int     depth;
	dev_t   dev[MAX_DEPTH];
	ino_t   ino[MAX_DEPTH];
	int64_t loops;
} Walk;

static bool
image_name(const char *name)
{
	static const char *const ends[] = {".jpg", ".jpeg", ".png"};
	size_t                   n = strlen(name);
	for (int i = 0; i < COUNT(ends); i++) {
		size_t e = strlen(ends[i]);
		if (n > e && strcasecmp(name + n - e, ends[i]) == 0)
			return true;
	}
	return false;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What a name in a folder is, links followed. A broken link with an image's name counts as a
 * file: it will be named as unreadable rather than overlooked. */
typedef enum { ENTRY_FOLDER, ENTRY_IMAGE, ENTRY_OTHER } EntryKind;

static EntryKind
entry_kind(const char *path, const char *name)
{
	struct stat st;
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return ENTRY_FOLDER;
		if (!S_ISREG(st.st_mode))
			return ENTRY_OTHER;
	}
	return image_name(name) ? ENTRY_IMAGE : ENTRY_OTHER;
}

/* true when the folder is new on the way down from the root */
static Status
walk_enter(Walk *w, const char *path, bool *fresh)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return user_error("data-folder", "%s: %s", path, strerror(errno));
	*fresh = true;
	for (int i = 0; i < w->depth; i++)
		if (w->dev[i] == st.st_dev && w->ino[i] == st.st_ino)
			*fresh = false;
	if (!*fresh)
		return OK;
	if (w->depth == MAX_DEPTH)
		return user_error("data-folder", "%s: lies more than %d folders deep", path,
		                  MAX_DEPTH);
	w->dev[w->depth] = st.st_dev;
	w->ino[w->depth++] = st.st_ino;
	return OK;
}

/* Names in a folder, sorted, without those that begin with a dot. */
static Status
folder_names(Arena *a, const char *path, char ***names, int *n)
{
	Vec(char *) v = {0};
	DIR *d = opendir(path);
	if (!d)
		return user_error("data-folder", "%s: %s", path, strerror(errno));
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			vec_push(a, &v, arena_strdup(a, e->d_name));
	closedir(d);
	if (v.n)
		qsort(v.at, (size_t)v.n, sizeof *v.at, by_bytes);
	*names = v.at;
	*n = v.n;
	return OK;
}

static Status
walk_folder(Walk *w, const char *path)
{
	bool   fresh;
	char **name;
	int    n;
	TRY(walk_enter(w, path, &fresh));
	if (!fresh) {
		w->loops++;
		return OK;
	}
	TRY(folder_names(w->a, path, &name, &n));
	for (int i = 0; i < n; i++) {
		char     *sub = arena_printf(w->a, "%s/%s", path, name[i]);
		EntryKind kind = entry_kind(sub, name[i]);
		if (kind == ENTRY_FOLDER)
			TRY(walk_folder(w, sub));
		else if (kind == ENTRY_IMAGE)
			vec_push(w->a, &w->file, sub);
	}
	w->depth--;
	return OK;
}

/* `train` and `val` as classes are never meant. */
static Status
refuse_parts(const char *root, char **class_name, int classes)
{
	static const char *const parts[] = {"train", "val", "valid", "validation", "test"};
	int                      hits = 0;
	for (int i = 0; i < classes; i++)
		for (int p = 0; p < COUNT(parts); p++)
			hits += strcmp(class_name[i], parts[p]) == 0;
	if (classes == 0 || hits < classes)
		return OK;
	return user_error("data-parts",
	                  "%s: its folders (%s%s) are parts of a data set, not classes; give one "
	                  "of them, such as %s/%s",
	                  root, class_name[0], classes > 1 ? ", .." : "", root, class_name[0]);
}

/* Names below the root and sizes, in the order of the samples. Every file was just looked at, so
 * that the file system has the answers at hand. A file that is not there has size -1. */
static void
fingerprint(Source *s, const char *root)
{
	Text   t = {0};
	size_t skip = strlen(root) + 1;
	text_printf(&t, "folder");
	for (int64_t i = 0; i < s->n; i++) {
		struct stat st;
		long long   size = stat(s->path[i], &st) == 0 ? (long long)st.st_size : -1;
		text_printf(&t, "\n%lld %s", size, s->path[i] + skip);
	}
	hash_hex(t.at, t.n, s->fingerprint);
	text_free(&t);
}

Status
folder_open(Arena *a, const char *root, Source *out)
{
	Walk   w = {.a = a};
	bool   fresh;
	char **name;
	int    n;
	Vec(char *) class_name = {0}, loose = {0};
	Vec(int32_t) label = {0};
	*out = (Source){0};
	TRY(walk_enter(&w, root, &fresh));
	TRY(folder_names(a, root, &name, &n));
	for (int i = 0; i < n; i++) {
		char     *sub = arena_printf(a, "%s/%s", root, name[i]);
		EntryKind kind = entry_kind(sub, name[i]);
		if (kind == ENTRY_IMAGE)
			vec_push(a, &loose, sub);
		if (kind != ENTRY_FOLDER)
			continue;
		int first = w.file.n;
		TRY(walk_folder(&w, sub));
		if (w.file.n > first)
			qsort(w.file.at + first, (size_t)(w.file.n - first), sizeof *w.file.at,
			      by_bytes);
		while (label.n < w.file.n)
			vec_push(a, &label, class_name.n);
		vec_push(a, &class_name, name[i]);
	}
	TRY(refuse_parts(root, class_name.at, class_name.n));
	if (w.file.n == 0 && loose.n == 0)
		return user_error("data-empty",
		                  "%s: holds no JPEG or PNG files (looked in %d sub-folders)", root,
		                  class_name.n);
	if (w.file.n == 0) {
		*out = (Source){.n = loose.n, .path = loose.at};
		fingerprint(out, root);
		return OK;
	}
	if (loose.n)
		diag_warning((Loc){0}, "data-loose",
		             "%s: %d images lie beside the class folders and are left out", root,
		             loose.n);
	*out = (Source){.n = w.file.n,
	                .path = w.file.at,
	                .label = label.at,
	                .classes = class_name.n,
	                .class_name = (const char **)class_name.at};
	fingerprint(out, root);
	return OK;
}
