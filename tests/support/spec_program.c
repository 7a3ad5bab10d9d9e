/* spec_program: see the header. The way of d2v compile, without files and caches. */
#include "tests/support/spec_program.h"

#include "compiler/pass/pass.h"
#include "dsl/dsl.h"

#include <check.h>
#include <string.h>

enum { MOST = 8 };

static int
overrides(Arena *a, const char *set, Override out[MOST])
{
	int n = 0;

	for (char *at = arena_strdup(a, set), *next; *at; at = next) {
		char *eq = strchr(at, '=');

		next = at + strcspn(at, ",");
		if (*next)
			*next++ = 0;
		ck_assert(eq != NULL && n < MOST);
		*eq = 0;
		out[n++] = (Override){at, eq + 1};
	}
	return n;
}

SpecProgram
spec_program(Arena *a, const char *path, const char *set, const char *target, const char *recompute)
{
	Override      with[MOST];
	int           n = overrides(a, set, with);
	const Target *t = target_find(target);
	Spec         *spec;
	Graph       **graph;
	Compiled     *c;
	const char  **text;

	ck_assert(dsl_compile(a, path, with, n, &spec) == OK);
	graph = arena_new_array(a, Graph *, spec->nfeature + 1);
	graph[0] = spec->train;
	spec->train->recompute_blocks = strcmp(recompute, "blocks") == 0;
	for (int i = 0; i <= spec->nfeature; i++) {
		if (i > 0) {
			graph[i] = spec->feature[i - 1];
			graph[i]->variables_from = spec->train;
		}
		graph[i]->target = t->info;
		ck_assert(pass_run(graph[i], NULL, NULL, NULL) == OK);
	}
	ck_assert(codegen(a, &spec->recipe, graph, spec->nfeature + 1, t, &c) == OK);
	ck_assert(program_verify(c->program) == OK);
	text = arena_new_array(a, const char *, c->program->nkernel + 1);
	for (int i = 0; i < c->program->nkernel; i++)
		for (int k = 0; k < c->nfile; k++)
			if (strcmp(c->file[k].name, c->program->kernel[i].file) == 0)
				text[i] = c->file[k].text;
	return (SpecProgram){c->program, text};
}
