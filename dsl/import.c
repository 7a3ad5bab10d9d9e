/* import: a spec and everything it includes as one list of declarations. An include stands for the
 * text of its file, looked for beside the file that includes it, then among the installed models; a
 * file is read once however often it is named, and a file that includes itself, directly or not, is
 * refused. */
#include "dsl/dsl_private.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Open {
	const char        *real;
	const char        *shown;
	int                depth;
	const struct Open *up;
} Open;

typedef struct {
	Arena *arena;
	Text  *text;
	Vec(const char *) seen;
	Decl *first, *last;
} Import;

/* "tiny/../vit.d2v" is shown as "vit.d2v", when that is the same file. */
static const char *
shorter(Arena *a, const char *path, const char *real)
{
	char        full[PATH_MAX];
	const char *up = strstr(path, "/../"), *start = up;
	if (!up || up == path)
		return path;
	while (start > path && start[-1] != '/')
		start--;
	const char *s = arena_printf(a, "%.*s%s", (int)(start - path), path, up + 4);
	if (!strncmp(start, "..", 2) || !realpath(s, full) || strcmp(full, real) != 0)
		return path;
	return shorter(a, s, real);
}

static const char *
beside(Arena *a, const char *includer, const char *name)
{
	const char *slash = strrchr(includer, '/');
	if (!slash || name[0] == '/')
		return arena_strdup(a, name);
	return arena_printf(a, "%.*s/%s", (int)(slash - includer), includer, name);
}

/* The layers and models that a program came with: ../../share/d2v/models where it is installed,
 * ../models from its build folder. */
static const char *
installed(Arena *a, const char *name)
{
	static const char *const folder[] = {"../../share/d2v/models/.", "../models/."};
	char                     own[PATH_MAX];
	ssize_t                  n = readlink("/proc/self/exe", own, sizeof own - 1);
	const char              *path = name;
	own[n > 0 ? n : 0] = 0;
	for (int i = 0; n > 0 && i < COUNT(folder); i++) {
		path = beside(a, beside(a, own, folder[i]), name);
		if (file_exists(path))
			break;
	}
	return path;
}

static Status
import_file(Import *im, const char *path, const char *real, const Open *up)
{
	char  *text;
	size_t n;
	Source src;
	Open   self = {real, path, up ? up->depth + 1 : 0, up};
	TRY(file_read(path, &text, &n));
	/* Messages quote the text until the process ends, so it lives as long as names do. */
	const char *kept = intern_n(text, n);
	free(text);
	text_printf(im->text, "%s\n", kept);
	if (strlen(kept) != n)
		return diag_error((Loc){intern(path), 1, 1, 0}, "bad-character",
		                  "the file holds a NUL byte: it is not text");
	TRY(source_parse(im->arena, path, kept, false, &src));
	bool bad = false;
	for (Decl *d = src.decls, *next; d; d = next) {
		next = d->next;
		d->next = NULL;
		d->depth = self.depth;
		if (d->kind != DECL_include) {
			if (d->kind == DECL_spec && up)
				continue; /* the outermost file names the spec */
			if (im->last)
				im->last->next = d;
			else
				im->first = d;
			im->last = d;
			continue;
		}
		const char *inner = beside(im->arena, path, d->name);
		char        full[PATH_MAX];
		const char *ours = installed(im->arena, d->name);
		bool        found = realpath(inner, full) != NULL;
		if (!found && realpath(ours, full)) {
			inner = arena_strdup(im->arena, full);
			found = true;
		}
		if (!found) {
			diag_error(d->loc, "include-not-found", "there is no file `%s`", inner);
			diag_hint("an include is looked for beside the file that names it, then "
			          "among installed models");
			bad = true;
			continue;
		}
		const char *id = intern(full);
		bool        cyclic = false, seen = false;
		for (const Open *o = &self; o; o = o->up) {
			if (o->real == id) {
				diag_error(d->loc, "cyclic-include",
				           o == &self ? "`%s` includes itself"
				                      : "`%s` is being included already: it would "
				                        "include itself through this file",
				           o->shown);
				cyclic = bad = true;
				break;
			}
		}
		for (int i = 0; i < im->seen.n; i++)
			seen |= im->seen.at[i] == id;
		if (cyclic || seen)
			continue;
		vec_push(im->arena, &im->seen, id);
		if (import_file(im, shorter(im->arena, inner, id), id, &self) != OK)
			bad = true;
	}
	return bad ? FAIL : OK;
}

Status
import_spec(Arena *a, const char *path, Decl **out, Text *hash_text)
{
	Import im = {.arena = a, .text = hash_text};
	char   full[PATH_MAX];
	if (!realpath(path, full))
		return user_error("no-spec", "there is no spec `%s`", path);
	TRY(import_file(&im, path, intern(full), NULL));
	*out = im.first;
	return OK;
}
