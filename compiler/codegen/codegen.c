/* Planned graphs and recipe -> Program and kernel files. Nothing is decided here that the plan left
 * open; a variable, an input or an output keeps the place that the plan gave it. */
#include "compiler/codegen/region.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef Vec(Kernel) Kernels;

/* ---- kernel files --------------------------------------------------------------------------- */

static const char *
number_literal(Arena *a, const TargetCode *code, const Number *x)
{
	char text[32];

	if (x->kind == ARG_f32) {
		float       f = (float)x->f;
		const char *s;

		if (f != f || f - f != 0)
			return f != f  ? code->nan
			       : f > 0 ? code->infinity
			               : arena_printf(a, "(-%s)", code->infinity);
		s = text_double(text, (double)f);
		snprintf(text, sizeof text, "%.9g", (double)f);
		s = text;
		return arena_printf(a, f < 0 ? "(%s%sf)" : "%s%sf", s,
		                    strpbrk(s, ".e") ? "" : ".0");
	}
	if (x->kind == ARG_i64)
		return arena_printf(a, "%lld", (long long)x->i);
	return arena_printf(a, "%lluull", (unsigned long long)x->u);
}

int
argument_position(const Source *s, int number)
{
	int at = 0;

	for (int k = 0; k < number; k++)
		at += s->varies[k];
	return at;
}

/* The numbers that are arguments get names; the others are written into the text. */
static const char *
fill_in(Arena *a, const TargetCode *code, const Source *s, const char *name)
{
	Text        t = {0};
	const char *p = s->body, *out;

	while (*p) {
		const char *at = strchr(p, '@');
		char       *end;
		long        k;

		if (!at) {
			text_append(&t, p, strlen(p));
			break;
		}
		text_append(&t, p, (size_t)(at - p));
		p = at + 1;
		k = strtol(p, &end, 10);
		if (strncmp(at, "@N@", 3) == 0) {
			text_append(&t, name, strlen(name));
			p = at + 3;
		} else if (strncmp(at, "@NUMBERS@", 9) == 0) {
			code->declare(s, &t);
			p = at + 9;
		} else if (end == p || *end != '@' || k < 0 || k >= s->nnumber) {
			text_append(&t, "@", 1);
		} else {
			if (s->varies[k])
				text_printf(&t, "arg%ld", k);
			else
				text_printf(&t, "%s", number_literal(a, code, &s->number[k]));
			p = end + 1;
		}
	}
	out = arena_strdup(a, t.at);
	text_free(&t);
	return out;
}

static void
spec_lines(const Source *s, Text *t)
{
	for (int i = 0; i < s->loc.n; i++) {
		Loc         loc = s->loc.at[i];
		int         len = 0;
		const char *line = diag_source_line(loc.file, loc.line, &len);

		while (line && len > 0 && (*line == ' ' || *line == '\t')) {
			line++;
			len--;
		}
		text_printf(t, " *   %s:%d", loc.file, loc.line);
		if (line)
			text_printf(t, "  %.*s", len, line);
		text_printf(t, "\n");
	}
}

static void
write_kernel(Arena *a, const TargetCode *code, const Source *s, const char *name,
             const char *prelude_hash, Text *t)
{
	text_printf(t, "/* %s: %.4g flops, %.4g bytes a launch\n%s", name, s->flops, s->bytes,
	            s->about ? s->about : "");
	spec_lines(s, t);
	text_printf(t, " */\n");
	code->head(prelude_hash, t);
	text_printf(t, "%s", fill_in(a, code, s, name));
}

/* ---- entries -------------------------------------------------------------------------------- */

/* Types are part of a kernel's text, so all its launches have the same. */
static void
fill_types(Arena *a, const Draft *d, Kernel *k)
{
	if (k->ntype)
		return;
	k->ntype = d->npointer;
	k->type = arena_new_array(a, Dtype, d->npointer + 1);
	for (int i = 0; i < d->npointer; i++)
		k->type[i] = d->pointer[i].type.dtype;
}

static void
fill_step(Arena *a, const Builder *b, const Draft *d, Program *p, ProgStep *s)
{
	const Source *src;

	*s = d->step;
	if (s->kind != STEP_launch)
		return;
	src = &b->source.at[s->kernel];
	fill_types(a, d, &p->kernel[s->kernel]);
	s->arg = arena_new_array(a, Arg, d->npointer + src->nnumber + 1);
	for (int i = 0; i < d->npointer; i++)
		s->arg[s->narg++] = (Arg){.kind = ARG_pointer,
		                          .slab = d->pointer[i].slab,
		                          .offset = d->pointer[i].offset};
	for (int k = 0; k < src->nnumber; k++)
		if (src->varies[k])
			s->arg[s->narg++] = (Arg){.kind = d->number[k].kind,
			                          .f = d->number[k].f,
			                          .i = d->number[k].i,
			                          .u = d->number[k].u};
}

static void
fill_entry(Arena *a, Program *p, const Graph *g, const Builder *b, const Drafts *drafts,
           Val *output, Entry *e)
{
	e->name = g->name;
	e->scalar = arena_new_array(a, Scalar, g->n);
	e->input = arena_new_array(a, Input, g->n);
	e->output = arena_new_array(a, OutputSpec, g->nout + p->recipe.nvar + 1);
	e->step = arena_new_array(a, ProgStep, drafts->n + 1);
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (n->op == OP_host)
			e->scalar[e->nscalar++] = (Scalar){n->attr.name, n->type.dtype,
			                                   n->place.slab, n->place.offset};
		else if (n->op == OP_input)
			e->input[e->ninput++] =
				(Input){n->attr.name, n->type, n->place.slab, n->place.offset};
	}
	for (int i = 0; i < g->nout; i++) {
		const Node *n = &g->node[g->out[i].val];

		if (n->place.slab < 0)
			BUG("output %s has no place", g->out[i].name);
		output[e->noutput] = g->out[i].val;
		e->output[e->noutput++] = (OutputSpec){.name = g->out[i].name,
		                                       .type = n->type,
		                                       .slab = n->place.slab,
		                                       .offset = n->place.offset};
	}
	for (int i = 0; i < drafts->n; i++)
		fill_step(a, b, &drafts->at[i], p, &e->step[e->nstep++]);
}

/* ---- the program ---------------------------------------------------------------------------- */

static void
place_variables(Program *p, const Graph *train)
{
	Arena    *scratch = arena_new();
	Variables placed = graph_variables(train, scratch);

	for (int i = 0; i < p->recipe.nvar; i++) {
		Variable *x = &p->recipe.var[i];

		Val v = variable_param(&placed, x->name);

		if (v == NO_VAL || train->node[v].place.slab < 0)
			BUG("variable %s occurs in no graph", x->name);
		x->slab = train->node[v].place.slab;
		x->offset = train->node[v].place.offset;
	}
	arena_free(scratch);
}

/* The value that lies in a slab where x lies in its own, without gaps; *type has its axes in the
 * order of memory. */
static Val
lies_at(const Graph *g, int slab, const Variable *x, Type *type)
{
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		int64_t     stride[MAX_RANK];
		Axes        all;

		if (n->place.slab != slab || n->place.offset != x->offset ||
		    !type_same_axes(&n->type, &x->type))
			continue;
		all = axes_of(&n->type);
		all = memory_order(&n->type, n->place.stride, &all);
		*type = (Type){.dtype = n->type.dtype, .rank = all.n};
		memcpy(type->axis, all.at, sizeof *all.at * (size_t)all.n);
		contiguous_strides(type, stride);
		bool same = true;
		for (int i = 0; i < type->rank; i++)
			same &= type->axis[i].size == 1 ||
			        n->place.stride[type_find(&n->type, type->axis[i].name)] ==
			                stride[i];
		if (same)
			return v;
	}
	return NO_VAL;
}

/* Gradients lie at the offsets of their parameters until the next step: outputs "grad.NAME" of the
 * training entry. What computes one may leave its axes in another order than its parameter's. */
static void
add_gradient_outputs(Program *p, const Graph *train, Val *value)
{
	Entry *e = &p->entry[0];
	int    slab = -1;

	for (Val v = 0; v < train->n; v++)
		if (train->node[v].op == OP_sum_squares)
			slab = train->node[train->node[v].in[0]].place.slab;
	for (int i = 0; slab >= 0 && i < p->recipe.nvar; i++) {
		const Variable *x = &p->recipe.var[i];
		Type            type;
		Val             v = x->kind == VAR_param ? lies_at(train, slab, x, &type) : NO_VAL;

		if (v == NO_VAL)
			continue;
		value[e->noutput] = v;
		e->output[e->noutput++] = (OutputSpec){.name = intern_printf("grad.%s", x->name),
		                                       .type = type,
		                                       .slab = slab,
		                                       .offset = x->offset};
	}
}

static void
collect_tables(Arena *a, Program *p, Graph *const *graph, int ngraph)
{
	int n = 0;

	for (int i = 0; i < ngraph; i++)
		n += graph[i]->n;
	p->table = arena_new_array(a, Table, n);
	for (int i = 0; i < ngraph; i++)
		for (Val v = 0; v < graph[i]->n; v++) {
			const Node *node = &graph[i]->node[v];
			int64_t     count;
			int32_t    *data;
			bool        known = false;

			for (int t = 0; t < p->ntable; t++)
				known = known || p->table[t].offset == node->place.offset;
			if (node->op != OP_table || known)
				continue;
			count = type_elems(&node->type);
			data = arena_new_array(a, int32_t, count);
			table_fill(node->attr.name, node->attr.args, node->attr.nargs, data);
			p->table[p->ntable++] =
				(Table){node->place.slab, node->place.offset, count, data};
		}
}

static const char *
needed_features(const Target *target, Graph *const *graph, int ngraph)
{
	if (target->arch)
		return target->arch;
	for (int i = 0; i < ngraph; i++)
		for (Val v = 0; v < graph[i]->n; v++)
			if (graph[i]->node[v].type.dtype == DT_bf16)
				return "avx512bf16";
	return "";
}

/* ---- targets -------------------------------------------------------------------------------- */

const Target target_cpu = {
	"cpu", ".c", "prelude.h", prelude_cpu, NULL, {.recompute = RECOMPUTE_cheap}, &cpu_code};
const Target target_cuda = {"cuda",
                            ".cu",
                            "prelude.cuh",
                            prelude_cuda,
                            "",
                            {.recompute = RECOMPUTE_none,
                             .attend_tokens = ATTEND_CUDA_TOKENS,
                             .attend_width = ATTEND_CUDA_WIDTH},
                            &cuda_code};

const Target *
target_find(const char *name)
{
	static const Target *const all[] = {&target_cpu, &target_cuda};

	for (int i = 0; i < COUNT(all); i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

/* The graphs' slabs, and one for what launches of one kernel pass on. */
static void
make_slabs(Program *p, const Builder *b, Graph *const *graph, int ngraph)
{
	p->nslab = graph[0]->nslab;
	p->slab = arena_new_array(b->a, ProgSlab, p->nslab + 1);
	for (int s = 0; s < p->nslab; s++) {
		p->slab[s].name = graph[0]->slab[s].name;
		for (int i = 0; i < ngraph; i++)
			if (graph[i]->slab[s].bytes > p->slab[s].bytes)
				p->slab[s].bytes = graph[i]->slab[s].bytes;
	}
	if (b->scratch)
		p->slab[p->nslab++] = (ProgSlab){intern("scratch"), b->scratch};
}

static void
write_kernels(Compiled *c, const Builder *b, const Target *target)
{
	Program *p = c->program;
	char     prelude[33];

	p->kernel = arena_new_array(b->a, Kernel, b->source.n);
	c->file = arena_alloc(b->a, sizeof *c->file * (size_t)(b->source.n + 1));
	hash_hex(target->prelude, strlen(target->prelude), prelude);
	for (int k = 0; k < b->source.n; k++) {
		const Source *s = &b->source.at[k];
		Text          t = {0};
		const char   *name = intern_printf("k%03d_%s", k, s->kind),
			   *file = intern_printf("%s%s", name, target->suffix);

		p->kernel[p->nkernel++] = (Kernel){.name = name,
		                                   .file = file,
		                                   .block = s->block,
		                                   .shared = s->shared,
		                                   .grid = s->grid,
		                                   .per_block = s->per_block};
		write_kernel(b->a, b->code, s, name, prelude, &t);
		c->file[c->nfile].name = file;
		c->file[c->nfile++].text = arena_strdup(b->a, t.at);
		text_free(&t);
	}
	c->file[c->nfile].name = target->prelude_name;
	c->file[c->nfile++].text = target->prelude;
}

Status
codegen(Arena *a, const Recipe *recipe, Graph *const *graph, int ngraph, const Target *target,
        Compiled **out)
{
	Compiled *c = arena_new_one(a, Compiled);
	Program  *p = arena_new_one(a, Program);
	Builder   b = {.a = a,
	               .code = target->code,
	               .gpu = gpu_of(target->arch),
	               .scratch_slab = graph[0]->nslab};
	Drafts   *drafts = arena_new_array(a, Drafts, ngraph);
	Classes  *classes = arena_new_array(a, Classes, ngraph);

	for (int i = 0; i < ngraph; i++) {
		steps_build(&b, graph[i], &drafts[i]);
		classes[i] = b.classes;
	}
	*c = (Compiled){.program = p};
	p->recipe = *recipe;
	p->target = target->name;
	p->needs = needed_features(target, graph, ngraph);
	make_slabs(p, &b, graph, ngraph);
	write_kernels(c, &b, target);
	p->nentry = ngraph;
	p->entry = arena_new_array(a, Entry, ngraph);
	place_variables(p, graph[0]);
	collect_tables(a, p, graph, ngraph);
	for (int i = 0; i < ngraph; i++) {
		Val *output = arena_new_array(a, Val, graph[i]->nout + p->recipe.nvar + 1);

		fill_entry(a, p, graph[i], &b, &drafts[i], output, &p->entry[i]);
		if (i == 0)
			add_gradient_outputs(p, graph[0], output);
		values_name(a, &classes[i], graph[i], p, &drafts[i], output, &p->entry[i]);
	}
	*out = c;
	return OK;
}

/* Kernels of a program that was written there before: they would be read as this one's. What has
 * another form of name is not ours. */
static void
sweep(const Compiled *c, const char *kernels)
{
	DIR           *dir = opendir(kernels);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		bool kept = fnmatch("k[0-9][0-9][0-9]*_*.c", e->d_name, 0) != 0 &&
		            fnmatch("k[0-9][0-9][0-9]*_*.cu", e->d_name, 0) != 0;

		for (int i = 0; i < c->nfile && !kept; i++)
			kept = strcmp(c->file[i].name, e->d_name) == 0;
		if (!kept)
			/* what stays is in nobody's way */
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

Status
codegen_write(const Compiled *c, const char *folder)
{
	Text   t = {0}, path = {0};
	Status s;

	text_printf(&path, "%s/kernels", folder);
	s = file_make_dirs(path.at);
	for (int i = 0; s == OK && i < c->nfile; i++) {
		path.n = 0;
		text_printf(&path, "%s/kernels/%s", folder, c->file[i].name);
		s = file_write_atomic(path.at, c->file[i].text, strlen(c->file[i].text));
	}
	/* last, so that a folder with a program has all its kernels */
	program_print(c->program, &t);
	path.n = 0;
	text_printf(&path, "%s/program.d2p", folder);
	if (s == OK)
		s = file_write_atomic(path.at, t.at, t.n);
	path.n = 0;
	text_printf(&path, "%s/kernels", folder);
	if (s == OK)
		sweep(c, path.at);
	text_free(&t);
	text_free(&path);
	return s;
}
