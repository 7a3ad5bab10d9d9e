/* Compiles the kernels of program folders with NVRTC, equal texts once:
 *     cuda_compile ARCH CACHE [--list] [--may-spill=KIND:BYTES ..] FOLDER ..
 * and prints what it saw. A kernel that needs a stack, for registers that it spills or for arrays,
 * is an error unless it is of a kind that may spill so many bytes (the name behind its number:
 * "attend_grad"). Exit status 3 where there is no NVRTC. Runs nothing. */
#include "compiler/base/nvrtc.h"
#include "compiler/program/program.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

typedef struct {
	Arena      *a;
	CudaHeader  header;
	CudaSource  source[MOST];
	const char *body[MOST]; /* text without names: equal ones are compiled once */
	int         n, seen;
	char      **may; /* kinds that may spill */
	int         nmay;
	bool        list; /* print all kernels */
} Set;

static bool
may_spill(const Set *s, const char *kernel, int bytes)
{
	const char *kind = strchr(kernel, '_');

	for (int i = 0; kind && i < s->nmay; i++) {
		size_t n = strcspn(s->may[i], ":");

		if (strlen(kind + 1) == n && strncmp(kind + 1, s->may[i], n) == 0 &&
		    s->may[i][n] == ':')
			return bytes <= atoi(s->may[i] + n + 1);
	}
	return false;
}

/* The text from the prelude's line on, with the kernel's name taken out. */
static const char *
nameless(Arena *a, const char *text, const char *name)
{
	Text        t = {0};
	const char *p = strstr(text, "#include"), *out;
	size_t      n = strlen(name);

	for (p = p ? p : text; *p;) {
		const char *at = strstr(p, name);

		if (!at)
			break;
		text_append(&t, p, (size_t)(at - p));
		p = at + n;
	}
	text_append(&t, p, strlen(p));
	out = arena_strdup(a, t.at);
	text_free(&t);
	return out;
}

/* In the arena, since NVRTC reads it later. */
static char *
keep(Arena *a, char *text, size_t n)
{
	char *kept = arena_strndup(a, text, n);

	free(text);
	return kept;
}

static Status
add_folder(Set *s, const char *folder)
{
	Program *p;
	char    *text;
	size_t   n;

	TRY(file_read(arena_printf(s->a, "%s/program.d2p", folder), &text, &n));
	TRY(program_parse(s->a, folder, text, &p));
	free(text);
	TRY(file_read(arena_printf(s->a, "%s/kernels/prelude.cuh", folder), &text, &n));
	text = keep(s->a, text, n);
	s->header = (CudaHeader){"prelude.cuh", text};
	for (int k = 0; k < p->nkernel; k++) {
		const char *body;
		int         i = 0;

		TRY(file_read(arena_printf(s->a, "%s/kernels/%s", folder, p->kernel[k].file), &text,
		              &n));
		text = keep(s->a, text, n);
		body = nameless(s->a, text, p->kernel[k].name);
		s->seen++;
		while (i < s->n && strcmp(s->body[i], body))
			i++;
		if (i < s->n)
			continue;
		if (s->n == MOST)
			return user_error("many", "more than %d kernels", MOST);
		s->body[s->n] = body;
		s->source[s->n++] =
			(CudaSource){p->kernel[k].name,
		                     arena_printf(s->a, "%s/%s", folder, p->kernel[k].file), text};
	}
	return OK;
}

static Status
check(Set *s, const char *arch, const char *cache)
{
	CudaObject *o;
	double      seconds = 0;
	int         spilling = 0, wrong = 0, most = 0;

	TRY(nvrtc_compile(s->a, s->source, s->n, &s->header, arch, cache, &o));
	for (int i = 0; i < s->n; i++) {
		seconds += o[i].seconds;
		most = o[i].registers > most ? o[i].registers : most;
		if (s->list)
			printf("%4d registers %6d bytes shared  %s\n", o[i].registers, o[i].shared,
			       s->source[i].file);
		if (o[i].spill_stores == 0 && o[i].spill_loads == 0 && o[i].stack == 0)
			continue;
		spilling++;
		wrong += !may_spill(s, s->source[i].name, o[i].stack);
		printf("%s, %s: %d registers, %d bytes of stack, spills %d bytes out and %d in\n",
		       s->source[i].file, arch, o[i].registers, o[i].stack, o[i].spill_stores,
		       o[i].spill_loads);
	}
	printf("%s: %d kernels, %d different, at most %d registers, %d with a stack, %.1f s of "
	       "compiling\n",
	       arch, s->seen, s->n, most, spilling, seconds);
	return wrong ? FAIL : OK;
}

int
main(int argc, char **argv)
{
	Set        *s = calloc(1, sizeof *s);
	const char *missing = nvrtc_missing();
	Status      status = OK;

	if (argc < 4) {
		fprintf(stderr,
		        "cuda_compile ARCH CACHE [--list] [--may-spill=KIND:BYTES ..] FOLDER ..\n");
		return EXIT_USAGE;
	}
	if (missing) {
		printf("skipped: %s\n", missing);
		return EXIT_WORLD;
	}
	s->a = arena_new();
	s->may = arena_new_array(s->a, char *, argc);
	for (int i = 3; status == OK && i < argc; i++)
		if (strcmp(argv[i], "--list") == 0)
			s->list = true;
		else if (strncmp(argv[i], "--may-spill=", 12) == 0)
			s->may[s->nmay++] = argv[i] + 12;
		else
			status = add_folder(s, argv[i]);
	if (status == OK)
		status = check(s, argv[1], argv[2]);
	arena_free(s->a);
	free(s);
	return status == OK ? EXIT_OK : EXIT_USER;
}
