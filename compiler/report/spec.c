/* The files of the spec that a program came from. A program folder holds no spec: its files are
 * looked for where they were compiled from, and shown only when they still say what the kernels
 * quote; otherwise the quoted lines are all there is. */
#include "compiler/report/report_private.h"

#include <stdlib.h>
#include <string.h>

typedef Vec(SpecText) Files;

static SpecText *
file_named(Arena *a, Files *all, const char *file)
{
	for (int i = 0; i < all->n; i++)
		if (all->at[i].file == file)
			return &all->at[i];
	vec_push(a, all, (SpecText){.file = file});
	return &all->at[all->n - 1];
}

static void
keep_lines(Arena *a, SpecText *f, int n)
{
	if (n <= f->nline)
		return;
	f->line = arena_grow(a, f->line, sizeof *f->line * (size_t)f->nline,
	                     sizeof *f->line * (size_t)n);
	f->nline = n;
}

static void
from_front_end(Arena *a, SpecText *f)
{
	const char *s;
	int         len;

	for (int line = 1; (s = diag_source_line(f->file, line, &len)) != NULL; line++) {
		keep_lines(a, f, line);
		f->line[line - 1] = arena_strndup(a, s, (size_t)len);
	}
	if (f->nline && !*f->line[f->nline - 1]) /* what stands behind the last newline */
		f->nline--;
	f->whole = true;
}

/* ---- of a program --------------------------------------------------------------------------- */

/* Kernels begin with a comment whose lines are ` *   FILE:LINE  TEXT`. */
static void
quoted_line(Arena *a, Files *all, const char *at, const char *end)
{
	for (int i = 0; i < all->n; i++) {
		SpecText *f = &all->at[i];
		size_t    n = strlen(f->file);
		char     *after;
		long      line;

		if ((size_t)(end - at) <= n || memcmp(at, f->file, n) != 0 || at[n] != ':')
			continue;
		line = strtol(at + n + 1, &after, 10);
		if (line < 1 || line > 100000 || after + 2 > end || memcmp(after, "  ", 2) != 0)
			continue;
		keep_lines(a, f, (int)line);
		f->line[line - 1] = arena_strndup(a, after + 2, (size_t)(end - after - 2));
	}
}

static void
quoted_lines(Arena *a, Files *all, const char *source)
{
	const char *at = source;

	if (strncmp(at, "/*", 2) != 0)
		return;
	while ((at = strchr(at, '\n')) != NULL && strncmp(++at, " *   ", 5) == 0)
		quoted_line(a, all, at + 5, at + strcspn(at, "\n"));
}

/* Is the quoted line this one? Quotes are trimmed, may be cut short, and may stand in a comment:
 * their `*` `/` is broken up. */
static bool
says(const char *line, const char *quoted)
{
	size_t n = strlen(quoted);

	line += strspn(line, " \t");
	if (n > 2 && strcmp(quoted + n - 2, "..") == 0)
		n -= 2;
	return strstr(quoted, "* /") != NULL || strncmp(line, quoted, n) == 0;
}

static void
from_disk(Arena *a, SpecText *f)
{
	SpecText now = {.file = f->file, .whole = true};
	char    *text;
	size_t   n;
	int      agreed = 0;

	if (!file_exists(f->file) || file_read(f->file, &text, &n) != OK)
		return;
	for (char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		keep_lines(a, &now, now.nline + 1);
		now.line[now.nline - 1] = arena_strndup(a, at, strcspn(at, "\n"));
	}
	free(text);
	for (int i = 0; i < f->nline; i++)
		if (f->line[i]) {
			if (i >= now.nline || !says(now.line[i], f->line[i]))
				return;
			agreed++;
		}
	if (agreed)
		*f = now;
}

/* ---- the files ------------------------------------------------------------------------------ */

static void
mention(Arena *a, Files *all, Loc loc)
{
	if (loc.file)
		(void)file_named(a, all, loc.file);
}

void
report_spec(Arena *a, ReportInput *in, const char *main_file, bool read)
{
	const Program *p = in->ledger->program;
	Files          all = {0};

	if (main_file)
		(void)file_named(a, &all, intern(main_file));
	for (int i = 0; i < p->recipe.nvar; i++)
		mention(a, &all, p->recipe.var[i].loc);
	for (int i = 0; i < in->ledger->entry->nstep; i++)
		mention(a, &all, in->ledger->entry->step[i].loc);
	for (int k = 0; read && k < p->nkernel; k++)
		quoted_lines(a, &all, in->text[k]);
	for (int i = 0; i < all.n; i++) {
		if (read)
			from_disk(a, &all.at[i]);
		else
			from_front_end(a, &all.at[i]);
		if (read && !all.at[i].whole)
			in->spec_note = "The spec's files are not here, or not as they were when "
					"this was compiled: only the lines that "
					"kernels quote are shown. Run d2v report where the spec "
					"is, or with --spec, to see all of it.";
	}
	in->spec = arena_new_array(a, SpecText, all.n + 1);
	for (int i = 0; i < all.n; i++)
		if (all.at[i].nline)
			in->spec[in->nspec++] = all.at[i];
}
