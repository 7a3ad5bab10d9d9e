/* pipeline: see the header. */
#include "tests/support/pipeline.h"

#include "compiler/codegen/codegen.h"
#include "compiler/pass/pass.h"
#include "runtime/runtime.h"

#include <math.h>
#include <stdlib.h>
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

/* Variables of a recipe for the params of g, in VarKind order. */
static void
recipe_for(Arena *a, const Graph *g, Recipe *r)
{
	*r = (Recipe){.spec_name = "random", .spec_hash = "00000000000000000000000000000000", .stop = "", .length_steps = 1};
	r->var = arena_new_array(a, Variable, g->n);
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (n->op == OP_param)
			r->var[r->nvar++] = (Variable){.name = n->attr.name, .kind = VAR_param, .type = n->type, .init = {.kind = INIT_const}};
	}
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
	if (getenv("PIPE")) { double w=0; for (int64_t i=0;i<n;i++) w=fmax(w,fabs(got[i]-want.at[i])/(fabs(want.at[i])+1e-9)); printf("   %s %g (%g vs %g)\n",name,w,got[0],want.at[0]); }
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

Status
pipeline_check(Arena *a, Graph *g, const Feed *feed, int nfeed, const char *folder, PipelineResult *out)
{
	Pipeline  x = {.a = a, .feed = feed, .nfeed = nfeed};
	Compiled *c;
	Recipe    recipe;
	Feed     *all;
	Status    s;

	*out = (PipelineResult){0};
	TRY(pass_run(g, "autodiff,update", NULL, NULL));
	x.want = graph_copy(a, g);
	recipe_for(a, g, &recipe);
	(void)all;
	x.value = arena_new_array(a, Tensor, g->n);
	TRY(eval_graph(a, x.want, feed, nfeed, x.value));
	TRY(pass_run(g, "fold,cse,attend,expand,simplify,cast,gemm,fuse,layout,order,plan", NULL, NULL));
	TRY(codegen_cpu(a, &recipe, (Graph *const[]){g}, 1, &c));
	TRY(program_verify(c->program));
	TRY(codegen_write(c, folder));
	x.p = c->program;
	TRY(device_load("cpu", &x.device));
	TRY(x.device->open(&x.dev, x.p, folder, folder));
	s = run(&x, out);
	x.device->close(x.dev);
	return s;
}
