/* pipeline: see the header. */
#include "tests/support/pipeline.h"

#include "compiler/codegen/codegen.h"
#include "tests/support/compare.h"
#include "compiler/pass/pass.h"
#include "runtime/runtime.h"

#include <math.h>
#include <string.h>

typedef struct {
	Arena        *a;
	Graph        *want; /* after update, evaluated by the oracle */
	Tensor       *value;
	const Feed   *feed;
	int           nfeed;
	Compiled     *c;
	const Entry  *e;    /* of the program of all */
	int           base; /* its first slab there */
	const Device *device;
	Dev          *dev;
} Pipeline;

void
pipeline_recipe(Arena *a, const Graph *g, Recipe *r)
{
	static const struct {
		const char *prefix;
		VarKind     kind;
	} kinds[] = {
		{"teacher.", VAR_average}, {"moment1.", VAR_moment1}, {"moment2.", VAR_moment2}};

	*r = (Recipe){.spec_name = "random",
	              .spec_hash = "00000000000000000000000000000000",
	              .stop = "",
	              .length_steps = 1,
	              .ranks = 1};
	r->var = arena_new_array(a, Variable, g->n);
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		Variable    var = {.name = n->attr.name,
		                   .kind = VAR_param,
		                   .type = n->type,
		                   .init = {.kind = INIT_const}};

		bool have = false; /* a pass may read a variable twice */

		for (int i = 0; i < r->nvar; i++)
			have |= r->var[i].name == n->attr.name;
		if (n->op != OP_param || have)
			continue;
		for (int i = 0; i < COUNT(kinds); i++)
			if (strncmp(var.name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0) {
				var.kind = kinds[i].kind;
				var.of = intern(var.name + strlen(kinds[i].prefix));
			}
		r->var[r->nvar++] = var;
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
		case DT_f32:
			((float *)to)[i] = (float)o.at[i];
			break;
		case DT_u32:
			((uint32_t *)to)[i] = (uint32_t)o.at[i];
			break;
		case DT_i32:
			((int32_t *)to)[i] = (int32_t)o.at[i];
			break;
		default:
			((uint8_t *)to)[i] = o.at[i] != 0;
			break;
		}
	return x->device->put(x->dev, x->base + slab, offset, to, bytes);
}

/* Largest error of got against the oracle's `want`, which is in the order of got's type. */
static double
distance(Tensor want, const float *got, const double *other)
{
	int64_t n = type_elems(&want.type);
	double  most = 0, worst = 0;

	for (int64_t i = 0; i < n; i++)
		most = fmax(most, fabs(want.at[i]));
	for (int64_t i = 0; i < n; i++) {
		double error = fabs((got ? (double)got[i] : other[i]) - want.at[i]) /
		               (fabs(want.at[i]) + 0.1 * most + 1e-3);

		worst = error <= worst ? worst : isnan(error) ? INFINITY : error;
	}
	return worst;
}

/* How far a value of the oracle moves by rounding. */
static Status
moved(Pipeline *x, Val v, Tensor want, double *out)
{
	enum { DRAWS = 3 };

	*out = 0;
	for (uint64_t draw = 0; draw < DRAWS; draw++) {
		Tensor *value = arena_new_array(x->a, Tensor, x->want->n + 1);

		TRY(graph_values_noisy(x->a, x->want, x->feed, x->nfeed, ldexp(1, -23), draw,
		                       value));
		*out = fmax(*out,
		            distance(want, NULL, tensor_reorder(x->a, value[v], &want.type).at));
	}
	return OK;
}

static Status
compare(Pipeline *x, const char *name, Val v, const Type *type, int slab, int64_t offset,
        PipelineResult *out)
{
	int64_t n = type_elems(type);
	float  *got = arena_alloc(x->a, (size_t)n * 4);
	Tensor  want = tensor_reorder(x->a, x->value[v], type);
	double  error, noise, allowed = PIPELINE_NEAR;

	TRY(x->device->get(x->dev, x->base + slab, offset, got, n * 4));
	error = distance(want, got, NULL);
	if (error > allowed) {
		TRY(moved(x, v, want, &noise));
		allowed += PIPELINE_MARGIN * noise;
	}
	if (!out->where || error / allowed > out->worst / out->allowed)
		*out = (PipelineResult){error, name, allowed};
	return OK;
}

static Status
run(Pipeline *x, PipelineResult *out)
{
	const Program *p = x->c->program;
	const Entry   *e = &p->entry[0];
	Type           f32 = {.dtype = DT_f32}, u32 = {.dtype = DT_u32};

	for (int i = 0; i < e->nscalar; i++)
		TRY(put(x, e->scalar[i].expr, e->scalar[i].dtype == DT_f32 ? &f32 : &u32,
		        e->scalar[i].slab, e->scalar[i].offset));
	for (int i = 0; i < e->ninput; i++)
		TRY(put(x, e->input[i].name, &e->input[i].type, e->input[i].slab,
		        e->input[i].offset));
	for (int i = 0; i < p->recipe.nvar; i++) {
		const Variable *v = &p->recipe.var[i];

		TRY(put(x, v->name, &v->type, v->slab, v->offset));
	}
	TRY(x->device->run(x->dev, x->e));
	for (int i = 0; i < x->want->nout; i++)
		for (int k = 0; k < e->noutput; k++)
			if (e->output[k].name == x->want->out[i].name)
				TRY(compare(x, e->output[k].name, x->want->out[i].val,
				            &e->output[k].type, e->output[k].slab,
				            e->output[k].offset, out));
	for (Val v = 0; v < x->want->n; v++)
		for (int i = 0; x->want->node[v].op == OP_assign && i < p->recipe.nvar; i++) {
			const Variable *var = &p->recipe.var[i];

			if (var->name == x->want->node[v].attr.name)
				TRY(compare(x, var->name, v, &var->type, var->slab, var->offset,
				            out));
		}
	return OK;
}

/* All passes but the two that have run: those before them still have work to do on what they made.
 * `last`: up to that one. */
static const char *
remaining_passes(Arena *a, const char *last)
{
	const char *names = "";

	for (int i = 0; i < pass_count; i++) {
		if (strcmp(pass_table[i].name, "autodiff") != 0 &&
		    strcmp(pass_table[i].name, "update") != 0)
			names = arena_printf(a, "%s%s%s", names, *names ? "," : "",
			                     pass_table[i].name);
		if (last && strcmp(pass_table[i].name, last) == 0)
			break;
	}
	return names;
}

/* One item up to its program and what it should compute. bf16 is part of the latter: the oracle
 * gets the graph with its casts, the last of which pass gemm makes. */
static Status
prepare(Pipeline *x, Graph *g, const Target *target)
{
	Recipe recipe;

	g->target = target->info;
	TRY(pass_run(g, "autodiff,update", NULL, NULL));
	x->want = graph_copy(x->a, g);
	if (g->matmul == DT_bf16 || g->matmul_average == DT_bf16)
		TRY(pass_run(x->want, remaining_passes(x->a, "gemm"), NULL, NULL));
	pipeline_recipe(x->a, g, &recipe);
	x->value = arena_new_array(x->a, Tensor, x->want->n + 1);
	TRY(eval_graph(x->a, x->want, x->feed, x->nfeed, x->value));
	TRY(pass_run(g, remaining_passes(x->a, NULL), NULL, NULL));
	TRY(codegen(x->a, &recipe, (Graph *const[]){g}, 1, target, &x->c));
	return program_verify(x->c->program);
}

Status
pipeline_check_many(Arena *a, PipelineItem *item, int n, const char *device, const char *folder)
{
	const Target *target = strcmp(device, "cpu") == 0 ? &target_cpu : &target_cuda;
	Pipeline     *x = arena_new_array(a, Pipeline, n + 1);
	Compiled    **c = arena_new_array(a, Compiled *, n + 1), *all;
	int          *base = arena_new_array(a, int, n + 1), m = 0;
	const Device *d;
	Dev          *dev;

	for (int i = 0; i < n; i++) {
		x[i] = (Pipeline){.a = a, .feed = item[i].feed, .nfeed = item[i].nfeed};
		item[i].result = (PipelineResult){.allowed = PIPELINE_NEAR};
		item[i].status = prepare(&x[i], item[i].g, target);
		if (item[i].status == OK && item[i].spoil)
			item[i].spoil(a, x[i].c);
		if (item[i].status == OK)
			c[m++] = x[i].c;
	}
	if (m == 0)
		return OK;
	all = pipeline_join(a, c, m, target, base);
	TRY(codegen_write(all, folder));
	TRY(device_load(device, &d));
	TRY(d->open(&dev, all->program, folder, folder));
	m = 0;
	for (int i = 0; i < n; i++) {
		if (item[i].status != OK)
			continue;
		x[i].device = d;
		x[i].dev = dev;
		x[i].base = base[m];
		x[i].e = &all->program->entry[m++];
		item[i].status = run(&x[i], &item[i].result);
	}
	d->close(dev);
	return OK;
}

Status
pipeline_check(Arena *a, Graph *g, const Feed *feed, int nfeed, const char *device,
               const char *folder, PipelineResult *out)
{
	PipelineItem one = {.g = g, .feed = feed, .nfeed = nfeed};

	TRY(pipeline_check_many(a, &one, 1, device, folder));
	*out = one.result;
	return one.status;
}
