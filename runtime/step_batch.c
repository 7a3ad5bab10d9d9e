/* The batch of each step of `d2v step`, from a file instead of a data set. A tensor has the name of
 * an input:
 *
 *     image [steps, B, C, Y, X]    one batch a step (more steps than asked for are allowed)
 *     image [B, C, Y, X]           the same batch every step
 *     image.0 image.1 ..           one tensor a step
 *     scalar:lr [steps] or []      replaces a host scalar: by the name of the output it is, or by its expression
 *
 * What is not fed and is no picture follows the rules of training: `sample` counts on from step to
 * step, draws come from (seed, site, sample, epoch). Refused before the first step: tensors of
 * unknown names, other shapes, values that do not fit, steps without data. */
#include "runtime/files_private.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct {
	const Input     *input;
	const DrawSpec  *draw;   /* when it is a host-side draw */
	bool             sample; /* the ids */
	const StTensor  *fed;    /* for all steps, or NULL */
	const StTensor **each;   /* one tensor a step, or NULL */
	/* elements from one step's data to the next in `fed`; 0: the same every step */
	int64_t stride;
	void   *value; /* one step's bytes, as the device wants them */
} BatchInput;

typedef struct {
	const StTensor *fed;
	const Scalar   *scalar;
	bool            varies;
} BatchScalar;

struct StepBatch {
	Arena       *a;
	Exec        *x;
	const Entry *e;
	const char  *path;
	StepRange    range;
	int          ninput;
	BatchInput  *input;
	BatchInput  *ids; /* the one that is `sample`, or NULL */
	Vec(BatchScalar) scalar;
};

static const char scalar_prefix[] = "scalar:";

const char *
step_scalar_name(const Entry *e, const Scalar *s)
{
	for (int i = 0; i < e->noutput; i++)
		if (e->output[i].type.rank == 0 && e->output[i].slab == s->slab &&
		    e->output[i].offset == s->offset)
			return e->output[i].name;
	return NULL;
}

/* ---- matching tensors to inputs ------------------------------------------------------------- */

static Status
add_scalar(StepBatch *b, const StTensor *t)
{
	const char *name = t->name + strlen(scalar_prefix);
	int64_t     count = t->bytes / st_bytes(&(StTensor){.dtype = t->dtype});
	bool        varies = t->ndim > 0;
	if (t->ndim > 1 || count < (varies ? b->range.steps : 1))
		return user_error(
			"feed-shape", "%s: `%s` has the shape %s; [] or [%" PRId64 "] is wanted",
			b->path, t->name, st_shape_text(b->a, t->dim, t->ndim), b->range.steps);
	const char *expr = name;
	for (int i = 0; i < b->e->nscalar; i++) {
		const char *output = step_scalar_name(b->e, &b->e->scalar[i]);
		if (output && !strcmp(output, name))
			expr = b->e->scalar[i].expr;
	}
	int found = 0;
	for (int i = 0; i < b->e->nscalar; i++)
		if (!strcmp(b->e->scalar[i].expr, expr)) {
			vec_push(b->a, &b->scalar, (BatchScalar){t, &b->e->scalar[i], varies});
			found++;
		}
	if (!found)
		return user_error("feed-unknown",
		                  "%s: `%s`: the step has no host scalar `%s` (--list shows them)",
		                  b->path, t->name, name);
	return OK;
}

static Status
add_whole(StepBatch *b, BatchInput *in, const StTensor *t)
{
	StTensor want = st_tensor(in->input->name, &in->input->type, NULL);
	int64_t  elems = type_elems(&in->input->type),
		count = t->bytes / st_bytes(&(StTensor){.dtype = t->dtype});
	bool same = count == elems && st_shapes_agree(t->dim, t->ndim, want.dim, want.ndim);
	bool each = t->ndim > 0 && t->dim[0] >= b->range.steps && count == t->dim[0] * elems &&
	            st_shapes_agree(t->dim + 1, t->ndim - 1, want.dim, want.ndim);
	if (!same && !each)
		return user_error("feed-shape",
		                  "%s: `%s` has the shape %s; %s for all steps, or the same with a "
		                  "number of steps, at least "
		                  "%" PRId64 ", in front is wanted",
		                  b->path, t->name, st_shape_text(b->a, t->dim, t->ndim),
		                  st_shape_text(b->a, want.dim, want.ndim), b->range.steps);
	in->fed = t;
	in->stride = same ? 0 : elems;
	return OK;
}

/* NAME.K for the K-th step. */
static Status
add_numbered(StepBatch *b, BatchInput *in, const StTensor *t, const char *digits)
{
	StTensor want = st_tensor(in->input->name, &in->input->type, NULL);
	int64_t  k = 0, count = t->bytes / st_bytes(&(StTensor){.dtype = t->dtype});
	for (const char *c = digits; *c; c++)
		k = k < INT32_MAX ? 10 * k + (*c - '0') : k;
	if (count != type_elems(&in->input->type) ||
	    !st_shapes_agree(t->dim, t->ndim, want.dim, want.ndim))
		return user_error("feed-shape", "%s: `%s` has the shape %s; %s is wanted", b->path,
		                  t->name, st_shape_text(b->a, t->dim, t->ndim),
		                  st_shape_text(b->a, want.dim, want.ndim));
	if (!in->each)
		in->each = arena_new_array(b->a, const StTensor *, b->range.steps + 1);
	if (k >= b->range.steps)
		return OK;
	if (in->each[k])
		return user_error("feed", "%s: `%s` and `%s` are both for one step", b->path,
		                  in->each[k]->name, t->name);
	in->each[k] = t;
	return OK;
}

static Status
add_tensor(StepBatch *b, const StTensor *t)
{
	if (!strncmp(t->name, scalar_prefix, strlen(scalar_prefix)))
		return add_scalar(b, t);
	const char **known = arena_new_array(b->a, const char *, b->ninput + 1);
	for (int i = 0; i < b->ninput; i++) {
		BatchInput *in = &b->input[i];
		size_t      n = strlen(in->input->name);
		known[i] = in->input->name;
		if (!strcmp(t->name, in->input->name))
			return add_whole(b, in, t);
		const char *digits = t->name + n + 1;
		if (!strncmp(t->name, in->input->name, n) && t->name[n] == '.' && *digits &&
		    strspn(digits, "0123456789") == strlen(digits))
			return add_numbered(b, in, t, digits);
	}
	const char *near = text_nearest(t->name, known, b->ninput);
	return user_error("feed-unknown",
	                  "%s: the step has no input `%s`%s%s%s (--list shows the inputs)", b->path,
	                  t->name, near ? "; did you mean `" : "", near ? near : "",
	                  near ? "`?" : "");
}

/* ---- what every input gets ------------------------------------------------------------------ */

static Status
check_input(StepBatch *b, BatchInput *in)
{
	const Recipe *r = &b->x->p->recipe;
	const char   *name = in->input->name;
	if (in->fed && in->each)
		return user_error("feed", "%s: `%s` is there both as a whole and step by step",
		                  b->path, name);
	for (int64_t k = 0; in->each && k < b->range.steps; k++)
		if (!in->each[k])
			return user_error("feed-missing",
			                  "%s: `%s.%" PRId64 "` is missing: %" PRId64
			                  " steps were asked for",
			                  b->path, name, k, b->range.steps);
	in->sample = !strcmp(name, "sample");
	for (int i = 0; i < r->ndraw; i++)
		if (!strcmp(r->draw[i].input, name))
			in->draw = &r->draw[i];
	if (in->sample)
		b->ids = in;
	if (in->sample && in->input->type.dtype != DT_u32)
		BUG("input sample is %s", dtype_name[in->input->type.dtype]);
	if (in->draw &&
	    (in->input->type.dtype != DT_bool ||
	     type_elems(&in->input->type) != r->data.batch * in->draw->gy * in->draw->gx))
		BUG("input %s does not hold one draw a sample", name);
	if (!in->fed && !in->each && !in->sample && !in->draw)
		return user_error(
			"feed-missing",
			"no data for the input `%s`: --feed must name a file that holds it%s%s",
			name, b->path ? "; not in " : "", b->path ? b->path : "");
	in->value = arena_alloc(b->a, (size_t)type_bytes(&in->input->type));
	return OK;
}

static Status
read_feed(StepBatch *b)
{
	StFile *f;
	TRY(st_read(b->a, b->path, &f));
	for (int i = 0; i < f->ntensor; i++)
		TRY(add_tensor(b, &f->tensor[i]));
	return OK;
}

/* The program computes no more rows of a sample than the spec's at_most. */
static Status
check_mask(const StepBatch *b, const BatchInput *in, int64_t k)
{
	const DrawSpec *d = in->draw;
	int64_t         each = d->gy * d->gx;
	for (int64_t i = 0; i < b->x->p->recipe.data.batch; i++) {
		int64_t count = 0;
		for (int64_t j = 0; j < each; j++)
			count += ((const uint8_t *)in->value)[i * each + j] != 0;
		if (count > d->at_most)
			return user_error("feed-mask",
			                  "%s: step %" PRId64 " masks %" PRId64 " of %" PRId64
			                  " in row %" PRId64
			                  " of `%s`, and the spec says at_most = "
			                  "%" PRId64,
			                  b->path, k, count, each, i, in->input->name, d->at_most);
	}
	return OK;
}

/* One step's value of one input, into in->value. */
static Status
input_value(StepBatch *b, BatchInput *in, int64_t k)
{
	const Type *type = &in->input->type;
	int64_t     elems = type_elems(type);
	if (in->fed)
		TRY(st_convert(b->path, in->fed, k * in->stride, elems, type->dtype, in->value));
	else if (in->each)
		TRY(st_convert(b->path, in->each[k], 0, elems, type->dtype, in->value));
	if (in->fed || in->each)
		return in->draw ? check_mask(b, in, k) : OK;
	if (in->sample) {
		for (int64_t i = 0; i < elems; i++)
			((uint32_t *)in->value)[i] = (uint32_t)((b->range.first + k) * elems + i);
		return OK;
	}
	int64_t batch = b->x->p->recipe.data.batch, each = in->draw->gy * in->draw->gx;
	int64_t epoch =
		(int64_t)floor((double)(b->range.first + k) / (b->x->spe > 0 ? b->x->spe : 1));
	for (int64_t i = 0; i < batch; i++) {
		uint64_t id = b->ids ? ((uint32_t *)b->ids->value)[i]
		                     : (uint64_t)((b->range.first + k) * batch + i);
		Stream   s = stream_open(b->range.seed, in->draw->site, id, (uint32_t)epoch);
		draw_block_mask(in->draw, &s, (uint8_t *)in->value + i * each);
	}
	return OK;
}

static Status
step_values(StepBatch *b, int64_t k)
{
	if (b->ids) /* first: draws are keyed by the ids */
		TRY(input_value(b, b->ids, k));
	for (int i = 0; i < b->ninput; i++)
		if (&b->input[i] != b->ids)
			TRY(input_value(b, &b->input[i], k));
	return OK;
}

/* The inputs of the entry; and `sample` where there are draws, which depend on it even when nothing
 * on the device does. */
static void
inputs_open(StepBatch *b)
{
	const Recipe *r = &b->x->p->recipe;
	bool          ids = r->ndraw == 0;
	b->input = arena_new_array(b->a, BatchInput, b->e->ninput + 1);
	for (int i = 0; i < b->e->ninput; i++) {
		b->input[i].input = &b->e->input[i];
		ids |= !strcmp(b->e->input[i].name, "sample");
	}
	b->ninput = b->e->ninput;
	if (ids)
		return;
	Input *sample = arena_new_one(b->a, Input);
	*sample = (Input){.name = "sample", .type = {DT_u32, 1, {{"B", r->data.batch}}}};
	b->input[b->ninput++].input = sample;
}

Status
step_batch_open(Arena *a, Exec *x, const Entry *e, const char *path, const StepRange *range,
                StepBatch **out)
{
	StepBatch *b = arena_new_one(a, StepBatch);
	*b = (StepBatch){.a = a, .x = x, .e = e, .path = path, .range = *range};
	inputs_open(b);
	if (path)
		TRY(read_feed(b));
	for (int i = 0; i < b->ninput; i++)
		TRY(check_input(b, &b->input[i]));
	/* a value that does not fit is found now, not at step 90 */
	for (int64_t k = 0; k < range->steps; k++)
		TRY(step_values(b, k));
	*out = b;
	return OK;
}

static Status
put_scalar(StepBatch *b, const BatchScalar *s, int64_t k)
{
	uint32_t bytes4;
	TRY(st_convert(b->path, s->fed, s->varies ? k : 0, 1, s->scalar->dtype, &bytes4));
	return b->x->device->put(b->x->dev, s->scalar->slab, s->scalar->offset, &bytes4,
	                         dtype_bytes[s->scalar->dtype]);
}

Status
step_batch_put(StepBatch *b, int64_t k)
{
	TRY(step_values(b, k));
	for (int i = 0; i < b->e->ninput; i++) {
		const Input *in = b->input[i].input;
		TRY(b->x->device->put(b->x->dev, in->slab, in->offset, b->input[i].value,
		                      type_bytes(&in->type)));
	}
	for (int i = 0; i < b->scalar.n; i++)
		TRY(put_scalar(b, &b->scalar.at[i], k));
	return OK;
}
