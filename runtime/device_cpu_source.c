/* The kernel files of a program and what they include, as text: everything an object depends on
 * that people can edit. Says also which files may share one run of the compiler. Refuses names
 * that lead out of the folder of kernels. */
#include "runtime/device_cpu_build.h"

#include <stdlib.h>
#include <string.h>

static bool
included_before(const Build *b, const char *path)
{
	for (int i = 0; i < b->included.n; i++)
		if (strcmp(b->included.at[i].path, path) == 0)
			return true;
	return false;
}

/* The name in `#include "name"`, or NULL. */
static const char *
quoted_include(Arena *a, const char *line, size_t n)
{
	const char *end = line + n;
	line += strspn(line, " \t");
	if (*line++ != '#')
		return NULL;
	line += strspn(line, " \t");
	if (strncmp(line, "include", 7) != 0)
		return NULL;
	line += 7 + strspn(line + 7, " \t");
	const char *close = *line == '"' ? memchr(line + 1, '"', (size_t)(end - line - 1)) : NULL;
	return close ? arena_strndup(a, line + 1, (size_t)(close - line - 1)) : NULL;
}

/* What `text` includes with quotes. A file that is not there may stand behind an #if: the compiler
 * will know. */
static Status
include_all(Build *b, const char *text)
{
	for (const char *line = text; *line;) {
		size_t      n = strcspn(line, "\n");
		const char *name = quoted_include(b->a, line, n);
		line += n + (line[n] == '\n');
		if (name == NULL)
			continue;
		Source s = {.name = name, .path = arena_printf(b->a, "%s/%s", b->kernels, name)};
		if (included_before(b, s.path) || !file_exists(s.path))
			continue;
		TRY(file_read(s.path, &s.text, &s.bytes));
		vec_push(b->a, &b->included, s);
	}
	return OK;
}

/* Does `text` guard itself, by `#pragma once` or by `#ifndef X`, `#define X`? Then many files of
 * one run may include it. */
static bool
guards_itself(const char *text)
{
	const char *at = strstr(text, "\n#ifndef ");
	size_t      n = at ? strcspn(at + 9, "\n") : 0;
	if (strncmp(text, "#pragma once\n", 13) == 0 || strstr(text, "\n#pragma once\n"))
		return true;
	return n > 0 && strncmp(at + 9 + n, "\n#define ", 9) == 0 &&
	       strncmp(at + 9 + n + 9, at + 9, n + 1) == 0;
}

static bool
include_is_harmless(const Build *b, const char *name)
{
	for (int i = 0; i < b->included.n; i++)
		if (strcmp(b->included.at[i].name, name) == 0)
			return guards_itself(b->included.at[i].text);
	return false;
}

/* Is this a line of the preprocessor's, other than those of loops? A comment may stand before the
 * `#`. */
static bool
directs(const char *line, size_t n)
{
	size_t at = strcspn(line, "#\n"), before = at;
	if (at == n)
		return false;
	while (before > 0 && (line[before - 1] == ' ' || line[before - 1] == '\t'))
		before--;
	if (before)
		return line[before - 1] == '/';
	return strncmp(line + at, "#pragma omp ", 12) != 0 &&
	       strncmp(line + at, "#pragma unroll", 14) != 0;
}

/* Nothing of a file may reach the next one: of the preprocessor's lines only those of loops and
 * those that include a file which guards itself are harmless. Whatever else could clash, a second
 * `static` of one name, fails to compile, and then each file is compiled alone. */
static bool
may_share(const Build *b, const Source *s)
{
	if (strstr(s->text, "_Pragma") || strlen(s->text) != s->bytes)
		return false;
	for (const char *line = s->text; *line;) {
		size_t      n = strcspn(line, "\n");
		const char *name = quoted_include(b->a, line, n);
		if (name ? !include_is_harmless(b, name) : directs(line, n))
			return false;
		line += n + (line[n] == '\n');
	}
	return true;
}

Status
sources_read(Build *b, const Program *p)
{
	b->source = arena_new_array(b->a, Source, p->nkernel + 1);
	for (int i = 0; i < p->nkernel; i++) {
		int k = 0;
		while (k < b->nsource && strcmp(b->source[k].name, p->kernel[i].file) != 0)
			k++;
		if (k < b->nsource)
			continue;
		Source *s = &b->source[b->nsource];
		s->name = p->kernel[i].file;
		if (strchr(s->name, '/') || s->name[0] == '.' || s->name[0] == '-' ||
		    s->name[0] == 0)
			return user_error("kernel-file", "`%s` is not the name of a kernel file",
			                  s->name);
		s->path = arena_printf(b->a, "%s/%s", b->kernels, s->name);
		TRY(file_read(s->path, &s->text, &s->bytes));
		b->nsource++;
	}
	for (int i = 0; b->tool->behind && i < p->nkernel; i++)
		for (int k = 0; k < b->nsource; k++)
			if (strcmp(b->source[k].name, p->kernel[i].file) == 0)
				b->source[k].behind =
					arena_printf(b->a, "%s%s",
				                     b->source[k].behind ? b->source[k].behind : "",
				                     b->tool->behind[i]);
	for (int i = 0; i < b->nsource; i++)
		TRY(include_all(b, b->source[i].text));
	for (int i = 0; i < b->included.n; i++) /* grows as it goes */
		TRY(include_all(b, b->included.at[i].text));
	for (int i = 0; i < b->nsource; i++)
		b->source[i].shares = may_share(b, &b->source[i]);
	return OK;
}

void
sources_free(Build *b)
{
	for (int i = 0; i < b->nsource; i++)
		free(b->source[i].text);
	for (int i = 0; i < b->included.n; i++)
		free(b->included.at[i].text);
}
