/* pipeline: see the header. Kernels of one program are compiled as two files instead of one each: a test has many small
 * programs, and starting the C compiler costs more than the kernels do. */
#include "tests/support/pipeline.h"

#include "compiler/codegen/codegen.h"
#include "compiler/pass/pass.h"
#include "runtime/runtime.h"

#include <math.h>
#include <string.h>

typedef struct {
	Arena        *a;
	Graph        *want;      /* after update, evaluated by the oracle */
	Tensor       *value;
	const Feed   *feed;
	int           nfeed;
	Program      *p;
	const Device *device;
	Dev          *dev;
} Pipeline;

/* Variables of a recipe for the params of g. */
static void
recipe_for(Arena *a, const Graph *g, Recipe *r)
{
	static const struct { const char *prefix; VarKind kind; } kinds[] = {
	    {"teacher.", VAR_average}, {"moment1.", VAR_moment1}, {"moment2.", VAR_moment2}};

	*r = (Recipe){.spec_name = "random", .spec_hash = "00000000000000000000000000000000", .stop = "", .length_steps = 1, .ranks = 1};
	r->var = arena_new_array(a, Variable, g->n);
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		Variable    var = {.name = n->attr.name, .kind = VAR_param, .type = n->type, .init = {.kind = INIT_const}};

		if (n->op != OP_param)
			continue;
		for (int i = 0; i < COUNT(kinds); i++)
			if (strncmp(var.name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0) {
				var.kind = kinds[i].kind;
				var.of = intern(var.name + strlen(kinds[i].prefix));
			}
		r->var[r->nvar++] = var;
	}
}

/* The same program with its kernels in two files. */
static Compiled *
merged(Arena *a, const Compiled *c, const Target *target)
{
	const char *const name[] = {intern_printf("even%s", target->suffix), intern_printf("odd%s", target->suffix)};
	Text      text[2] = {{0}};
	Compiled *m = arena_new_one(a, Compiled);
	Program  *p = c->program;

	m->program = p;
	m->file = arena_alloc(a, sizeof *m->file * (size_t)(c->nfile + 2));
	for (int f = 0; f < c->nfile; f++) {
		bool used = false;

		for (int k = 0; k < p->nkernel; k++)
			if (strcmp(p->kernel[k].file, c->file[f].name) == 0) {
				p->kernel[k].file = name[f % 2];
				used = true;
			}
		if (used) {
			text_printf(&text[f % 2], "%s\n", c->file[f].text);
			continue;
		}
		/* A header: each kernel includes it, so now one file does several times. */
		m->file[m->nfile].name = c->file[f].name;
		m->file[m->nfile++].text = arena_printf(a, "#pragma once\n%s", c->file[f].text);
	}
	for (int i = 0; i < 2; i++) {
		m->file[m->nfile].name = name[i];
		m->file[m->nfile++].text = arena_strdup(a, text[i].n ? text[i].at : "");
		text_free(&text[i]);
	}
	return m;
}

static const Tensor *
fed(const Pipeline *x, const char *name)
{
	for (int i = 0; i < x->nfeed; i++)
		if (x->feed[i].name == name)
			return &x->feed[i].tensor;
	return NULL;
}

static Status
put(Pipeline *x, const char *name, const Type *type, int slab, int64_t offset)
{
	const Tensor *t = fed(x, name);
	Tensor        o;
	int64_t       n = type_elems(type), bytes = type_bytes(type);
	char         *to = arena_alloc(x->a, (size_t)bytes);

	if (!t)
		return world_error("feed", "nothing to feed %s", name);
	o = tensor_reorder(x->a, *t, type);
	for (int64_t i = 0; i < n; i++)
		switch (type->dtype) {
		case DT_f32: ((float *)to)[i] = (float)o.at[i]; break;
		case DT_u32: ((uint32_t *)to)[i] = (uint32_t)o.at[i]; break;
		case DT_i32: ((int32_t *)to)[i] = (int32_t)o.at[i]; break;
		default: ((uint8_t *)to)[i] = o.at[i] != 0; break;
		}
	return x->device->put(x->dev, slab, offset, to, bytes);
}

static Status
compare(Pipeline *x, const char *name, Val v, const Type *type, int slab, int64_t offset, PipelineResult *out)
{
	int64_t n = type_elems(type);
	float  *got = arena_alloc(x->a, (size_t)n * 4);
	Tensor  want = tensor_reorder(x->a, x->value[v], type);
	double  most = 0;

	TRY(x->device->get(x->dev, slab, offset, got, n * 4));
	for (int64_t i = 0; i < n; i++)
		most = fmax(most, fabs(want.at[i]));
	for (int64_t i = 0; i < n; i++) {
		double error = fabs(got[i] - want.at[i]) / (fabs(want.at[i]) + 0.1 * most + 1e-3);

		if (!(error <= out->worst)) {
			out->worst = isnan(error) ? INFINITY : error;
			out->where = name;
		}
	}
	return OK;
}

static Status
run(Pipeline *x, PipelineResult *out)
{
	const Entry *e = &x->p->entry[0];
	Type         f32 = {.dtype = DT_f32}, u32 = {.dtype = DT_u32};

	for (int i = 0; i < e->nscalar; i++)
		TRY(put(x, e->scalar[i].expr, e->scalar[i].dtype == DT_f32 ? &f32 : &u32, e->scalar[i].slab, e->scalar[i].offset));
	for (int i = 0; i < e->ninput; i++)
		TRY(put(x, e->input[i].name, &e->input[i].type, e->input[i].slab, e->input[i].offset));
	for (int i = 0; i < x->p->recipe.nvar; i++) {
		const Variable *v = &x->p->recipe.var[i];

		TRY(put(x, v->name, &v->type, v->slab, v->offset));
	}
	TRY(x->device->run(x->dev, e));
	for (int i = 0; i < x->want->nout; i++)
		for (int k = 0; k < e->noutput; k++)
			if (e->output[k].name == x->want->out[i].name)
				TRY(compare(x, e->output[k].name, x->want->out[i].val, &e->output[k].type, e->output[k].slab, e->output[k].offset, out));
	for (Val v = 0; v < x->want->n; v++)
		for (int i = 0; x->want->node[v].op == OP_assign && i < x->p->recipe.nvar; i++) {
			const Variable *var = &x->p->recipe.var[i];

			if (var->name == x->want->node[v].attr.name)
				TRY(compare(x, var->name, v, &var->type, var->slab, var->offset, out));
		}
	return OK;
}

/* All passes but the two that have run: those before them still have work to do on what they made. */
static const char *
remaining_passes(Arena *a)
{
	const char *names = "";

	for (int i = 0; i < pass_count; i++)
		if (strcmp(pass_table[i].name, "autodiff") != 0 && strcmp(pass_table[i].name, "update") != 0)
			names = arena_printf(a, "%s%s%s", names, *names ? "," : "", pass_table[i].name);
	return names;
}

Status
pipeline_check(Arena *a, Graph *g, const Feed *feed, int nfeed, const char *device, const char *folder, PipelineResult *out)
{
	Pipeline  x = {.a = a, .feed = feed, .nfeed = nfeed};
	Compiled *c;
	Recipe    recipe;
	Status    s;
	const Target *target = strcmp(device, "cpu") == 0 ? &target_cpu : &target_cuda;

	*out = (PipelineResult){0};
	g->target = target->info;
	TRY(pass_run(g, "autodiff,update", NULL, NULL));
	x.want = graph_copy(a, g);
	recipe_for(a, g, &recipe);
	x.value = arena_new_array(a, Tensor, g->n);
	TRY(eval_graph(a, x.want, feed, nfeed, x.value));
	TRY(pass_run(g, remaining_passes(a), NULL, NULL));
	TRY(codegen(a, &recipe, (Graph *const[]){g}, 1, target, &c));
	TRY(program_verify(c->program));
	TRY(codegen_write(merged(a, c, target), folder));
	x.p = c->program;
	TRY(device_load(device, &x.device));
	TRY(x.device->open(&x.dev, x.p, folder, folder));
	s = run(&x, out);
	x.device->close(x.dev);
	return s;
}
