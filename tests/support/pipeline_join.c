/* pipeline_join: several compiled programs as one, see pipeline.h. Knows what of a program counts
 * slabs, kernels and files; the numbers of values stay, since they count within an entry. */
#include "tests/support/pipeline.h"

#include <ctype.h>
#include <string.h>

typedef struct {
	Arena        *a;
	Program      *all;
	Compiled     *made;
	const Target *target;
	const char   *file[2];
	Text          text[2];
} Join;

/* `from` with `prefix` before each word that begins with one of p's kernels' names. */
static void
prefixed(Text *to, const char *from, const Program *p, const char *prefix)
{
	bool inside = false;

	for (; *from; from++) {
		bool word = isalnum((unsigned char)*from) || *from == '_';

		for (int k = 0; word && !inside && k < p->nkernel; k++)
			if (strncmp(from, p->kernel[k].name, strlen(p->kernel[k].name)) == 0) {
				text_append(to, prefix, strlen(prefix));
				break;
			}
		text_append(to, from, 1);
		inside = word;
	}
}

static void
join_files(Join *x, const Compiled *c, int number)
{
	const Program *p = c->program;
	const char    *prefix = arena_printf(x->a, "g%d_", number);

	for (int f = 0; f < c->nfile; f++) {
		bool used = false, have = false;

		for (int k = 0; k < p->nkernel; k++)
			used |= strcmp(p->kernel[k].file, c->file[f].name) == 0;
		if (used) {
			/* of one program some here, some there; programs take turns in which is
			 * longer */
			int side = (f + number) % 2;

			for (int k = 0; k < p->nkernel; k++)
				if (strcmp(p->kernel[k].file, c->file[f].name) == 0)
					p->kernel[k].file = x->file[side];
			prefixed(&x->text[side], c->file[f].text, p, prefix);
			text_printf(&x->text[side], "\n");
			continue;
		}
		/* A header: each kernel includes it, so now one file does several times. */
		for (int i = 0; i < x->made->nfile; i++)
			have |= strcmp(x->made->file[i].name, c->file[f].name) == 0;
		if (have)
			continue;
		x->made->file[x->made->nfile].name = c->file[f].name;
		x->made->file[x->made->nfile++].text =
			arena_printf(x->a, "#pragma once\n%s", c->file[f].text);
	}
}

static void
join_steps(Join *x, Entry *e, int slab, int kernel)
{
	ProgStep *step = arena_new_array(x->a, ProgStep, e->nstep + 1);

	for (int i = 0; i < e->nstep; i++) {
		ProgStep *s = &step[i];

		*s = e->step[i];
		s->arg = arena_new_array(x->a, Arg, s->narg + 1);
		for (int k = 0; k < s->narg; k++) {
			s->arg[k] = e->step[i].arg[k];
			s->arg[k].slab += slab;
		}
		s->kernel += kernel;
		s->gemm.a.slab += slab;
		s->gemm.b.slab += slab;
		s->gemm.c.slab += slab;
		s->gemm.bias_slab += slab;
	}
	e->step = step;
}

/* Program `number` behind those that are there. */
static void
join_one(Join *x, const Compiled *c, int number)
{
	const Program *p = c->program;
	Program       *all = x->all;
	Entry          e = p->entry[0];
	int            slab = all->nslab, kernel = all->nkernel;

	join_files(x, c, number);
	for (int i = 0; i < p->nslab; i++)
		all->slab[all->nslab++] = p->slab[i];
	for (int i = 0; i < p->nkernel; i++) {
		all->kernel[all->nkernel] = p->kernel[i];
		all->kernel[all->nkernel++].name =
			intern_printf("g%d_%s", number, p->kernel[i].name);
	}
	for (int i = 0; i < p->ntable; i++) {
		all->table[all->ntable] = p->table[i];
		all->table[all->ntable++].slab += slab;
	}
	e.name = intern_printf("train%d", number);
	join_steps(x, &e, slab, kernel);
	all->entry[all->nentry++] = e;
	if (*p->needs)
		all->needs = p->needs;
}

Compiled *
pipeline_join(Arena *a, Compiled *const *c, int n, const Target *target, int *base)
{
	Join x = {.a = a,
	          .target = target,
	          .all = arena_new_one(a, Program),
	          .made = arena_new_one(a, Compiled)};
	int  nslab = 0, nkernel = 0, ntable = 0, nfile = 2;

	for (int i = 0; i < n; i++) {
		nslab += c[i]->program->nslab;
		nkernel += c[i]->program->nkernel;
		ntable += c[i]->program->ntable;
		nfile += c[i]->nfile;
	}
	*x.all = (Program){
		.recipe = c[0]->program->recipe, .target = c[0]->program->target, .needs = ""};
	x.all->recipe.nvar = 0; /* each keeps its own */
	x.all->slab = arena_new_array(a, ProgSlab, nslab + 1);
	x.all->kernel = arena_new_array(a, Kernel, nkernel + 1);
	x.all->table = arena_new_array(a, Table, ntable + 1);
	x.all->entry = arena_new_array(a, Entry, n);
	x.made->program = x.all;
	x.made->file = arena_alloc(a, sizeof *x.made->file * (size_t)nfile);
	x.file[0] = intern_printf("even%s", target->suffix);
	x.file[1] = intern_printf("odd%s", target->suffix);
	for (int i = 0; i < n; i++) {
		base[i] = x.all->nslab;
		join_one(&x, c[i], i);
	}
	for (int i = 0; i < 2; i++) {
		x.made->file[x.made->nfile].name = x.file[i];
		x.made->file[x.made->nfile++].text =
			arena_strdup(a, x.text[i].n ? x.text[i].at : "");
		text_free(&x.text[i]);
	}
	return x.made;
}
