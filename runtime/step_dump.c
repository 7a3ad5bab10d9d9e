/* What `d2v step` writes: rank-0 outputs as [steps], gradients (`grad.NAME`) of the first step,
 * other outputs as [steps, ...], and every variable after the last step; with a names table also
 * under published names:
 *
 *     grad.head        grad/lm_head.weight         the first step's gradient
 *     head             lm_head.weight              after the last step
 *     teacher.head     teacher/lm_head.weight
 *     moment1.head     moment1/lm_head.weight
 *
 * A published tensor of which the teacher has only a part is left out. */
#include "runtime/files_private.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct {
	const OutputSpec *output;
	const Variable   *of; /* whose gradient it is, or NULL */
	/* of all steps taken, one after the other (gradients: of the first) */
	char *value;
} Dumped;

struct StepDump {
	Arena       *a;
	Exec        *x;
	const Entry *e;
	const char  *table;
	int64_t      steps;
	Dumped      *output;
	Vec(StTensor) tensor;
};

Status
step_dump_open(Arena *a, Exec *x, const Entry *e, const char *table, int64_t steps, StepDump **out)
{
	StepDump *d = arena_new_one(a, StepDump);
	*d = (StepDump){.a = a, .x = x, .e = e, .table = table, .steps = steps};
	d->output = arena_new_array(a, Dumped, e->noutput + 1);
	for (int i = 0; i < e->noutput; i++) {
		Dumped *o = &d->output[i];
		o->output = &e->output[i];
		o->of = exec_gradient_of(x, o->output);
		int64_t bytes = type_bytes(&o->output->type);
		o->value = arena_alloc(a, (size_t)(o->of ? bytes : bytes * steps));
	}
	*out = d;
	return OK;
}

Status
step_dump_take(StepDump *d, int64_t k)
{
	for (int i = 0; i < d->e->noutput; i++) {
		const Dumped     *o = &d->output[i];
		const OutputSpec *s = o->output;
		int64_t           bytes = type_bytes(&s->type);
		if (o->of && k > 0)
			continue;
		TRY(d->x->device->get(d->x->dev, s->slab, s->offset, o->value + k * bytes, bytes));
	}
	return OK;
}

float
step_dump_value(const StepDump *d, const char *name, int64_t k)
{
	for (int i = 0; i < d->e->noutput; i++) {
		const OutputSpec *s = d->output[i].output;
		if (strcmp(s->name, name) || s->type.rank || s->type.dtype != DT_f32 ||
		    d->output[i].of)
			continue;
		float x;
		memcpy(&x, d->output[i].value + k * (int64_t)sizeof x, sizeof x);
		return x;
	}
	return NAN;
}

/* Elements of `from`, which has its axes in another order, as `to` has them. */
static void *
in_order(Arena *a, const Type *from, const Type *to, const float *values)
{
	int64_t stride[MAX_RANK], n = 1, index[MAX_RANK] = {0}, at = 0;
	float  *out = arena_new_array(a, float, type_elems(to));
	for (int i = from->rank - 1; i >= 0; i--) {
		stride[type_find(to, from->axis[i].name)] = n;
		n *= from->axis[i].size;
	}
	for (int64_t k = 0; k < n; k++) {
		out[k] = values[at];
		for (int i = to->rank - 1; i >= 0; i--) {
			at += stride[i];
			if (++index[i] < to->axis[i].size)
				break;
			at -= stride[i] * index[i];
			index[i] = 0;
		}
	}
	return out;
}

static StTensor
gradient(StepDump *d, const Dumped *o)
{
	const Type *type = &o->of->type;
	void       *values = in_order(d->a, &o->output->type, type, (const float *)o->value);
	return st_tensor(o->output->name, type, values);
}

static void
dump_outputs(StepDump *d)
{
	for (int i = 0; i < d->e->noutput; i++) {
		const Dumped *o = &d->output[i];
		if (o->of) {
			vec_push(d->a, &d->tensor, gradient(d, o));
			continue;
		}
		StTensor t = st_tensor(o->output->name, &o->output->type, o->value);
		/* no room for another axis: steps join the outermost */
		if (t.ndim == COUNT(t.dim)) {
			t.dim[0] *= d->steps;
		} else {
			memmove(t.dim + 1, t.dim, sizeof *t.dim * (size_t)t.ndim);
			t.dim[0] = d->steps;
			t.ndim++;
		}
		t.bytes *= d->steps;
		vec_push(d->a, &d->tensor, t);
	}
}

static Status
dump_variables(StepDump *d)
{
	const Recipe *r = &d->x->p->recipe;
	for (int i = 0; i < r->nvar; i++) {
		const Variable *v = &r->var[i];
		char           *value = arena_alloc(d->a, (size_t)type_bytes(&v->type));
		TRY(d->x->device->get(d->x->dev, v->slab, v->offset, value, type_bytes(&v->type)));
		vec_push(d->a, &d->tensor, st_tensor(v->name, &v->type, value));
	}
	return OK;
}

static const StTensor *
dumped(const StepDump *d, const char *name)
{
	for (int i = 0; i < d->tensor.n; i++)
		if (!strcmp(d->tensor.at[i].name, name))
			return &d->tensor.at[i];
	return NULL;
}

/* One published tensor: the parts side by side along the outermost axis. Parts of another inner
 * shape than the first make it flat. */
static void
dump_row(StepDump *d, const NameMap *row, const char *prefix, const char *dotted)
{
	StTensor         whole = {.name = arena_printf(d->a, "%s%s", prefix, row->foreign)};
	const StTensor **part = arena_new_array(d->a, const StTensor *, row->nvar + 1);
	for (int i = 0; i < row->nvar; i++) {
		part[i] = dumped(d, arena_printf(d->a, "%s%s", dotted, row->var[i]));
		if (!part[i])
			return;
		whole.bytes += part[i]->bytes;
	}
	const StTensor *first = part[0];
	whole.dtype = first->dtype;
	whole.ndim = first->ndim;
	memcpy(whole.dim, first->dim, sizeof whole.dim);
	for (int i = 1; i < row->nvar; i++) {
		if (strcmp(part[i]->dtype, first->dtype))
			return;
		bool alike = part[i]->ndim == first->ndim && first->ndim > 0 &&
		             whole.ndim == first->ndim &&
		             !memcmp(part[i]->dim + 1, first->dim + 1,
		                     sizeof *first->dim * (size_t)(first->ndim - 1));
		if (alike)
			whole.dim[0] += part[i]->dim[0];
		else
			whole.ndim = 1;
	}
	if (row->nvar > 1 && (whole.ndim != first->ndim || first->ndim < 1)) {
		whole.ndim = 1;
		whole.dim[0] = whole.bytes / st_bytes(&(StTensor){.dtype = whole.dtype});
	}
	char   *data = arena_alloc(d->a, (size_t)whole.bytes);
	int64_t at = 0;
	for (int i = 0; i < row->nvar; i++) {
		memcpy(data + at, part[i]->data, (size_t)part[i]->bytes);
		at += part[i]->bytes;
	}
	whole.data = data;
	/* A published name may be the spec's own for the same variable. For another one, the file
	 * would have two tensors of one name, and writing it refuses that. */
	if (row->nvar > 1 || strcmp(whole.name, part[0]->name))
		vec_push(d->a, &d->tensor, whole);
}

Status
step_dump_write(StepDump *d, const char *path)
{
	const Recipe     *r = &d->x->p->recipe;
	const char *const family[][2] = {{"", ""},
	                                 {"grad/", "grad."},
	                                 {"teacher/", exec_average_prefix(d->a, r)},
	                                 {"moment1/", "moment1."},
	                                 {"moment2/", "moment2."}};
	dump_outputs(d);
	TRY(dump_variables(d));
	for (int i = 0; d->table && i < r->nname; i++)
		for (int k = 0; !strcmp(r->name[i].table, d->table) && k < COUNT(family); k++)
			if (k == 0 || *family[k][1])
				dump_row(d, &r->name[i], family[k][0], family[k][1]);
	StFile f = {.ntensor = d->tensor.n, .tensor = d->tensor.at, .nmeta = 3};
	f.meta = arena_alloc(d->a, sizeof *f.meta * 3);
	f.meta[0].key = "spec_name";
	f.meta[0].value = r->spec_name;
	f.meta[1].key = "spec_hash";
	f.meta[1].value = r->spec_hash;
	f.meta[2].key = "steps";
	f.meta[2].value = arena_printf(d->a, "%" PRId64, d->steps);
	return st_write(path, &f);
}
