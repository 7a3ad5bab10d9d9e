/* spec_program: see the header. The way of d2v compile, without files and caches. */
#include "tests/support/spec_program.h"

#include "compiler/pass/pass.h"
#include "dsl/dsl.h"

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
		if (eq == NULL || n == MOST)
			BUG("`%s` is no list of at most %d NAME=VALUE", set, MOST);
		*eq = 0;
		out[n++] = (Override){at, eq + 1};
	}
	return n;
}

Status
spec_program(Arena *a, const char *path, const char *set, const char *target, const char *recompute,
             SpecProgram *out)
{
	Override      with[MOST];
	int           n = overrides(a, set, with);
	const Target *t = target_find(target);
	Spec         *spec;
	Graph       **graph;
	Compiled     *c;
	const char  **text;

	TRY(dsl_compile(a, path, with, n, &spec));
	graph = arena_new_array(a, Graph *, spec->nfeature + 1);
	graph[0] = spec->train;
	for (int i = 0; i <= spec->nfeature; i++) {
		if (i > 0) {
			graph[i] = spec->feature[i - 1];
			graph[i]->variables_from = spec->train;
		}
		graph[i]->target = t->info;
		for (int r = 0; r < RECOMPUTE_COUNT; r++)
			if (strcmp(recompute, recompute_name[r]) == 0)
				graph[i]->recompute = (Recompute)r;
		TRY(pass_run(graph[i], NULL, NULL, NULL));
	}
	TRY(codegen(a, &spec->recipe, graph, spec->nfeature + 1, t, &c));
	TRY(program_verify(c->program));
	text = arena_new_array(a, const char *, c->program->nkernel + 1);
	for (int i = 0; i < c->program->nkernel; i++)
		for (int k = 0; k < c->nfile; k++)
			if (strcmp(c->file[k].name, c->program->kernel[i].file) == 0)
				text[i] = c->file[k].text;
	text_free(&spec->summary);
	*out = (SpecProgram){c->program, text};
	return OK;
}
