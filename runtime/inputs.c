/* Which part of a batch fills which input of an entry: the image, the sample ids, the masks of
 * the draws. Refuses programs with inputs that nothing fills or of another size than the recipe
 * says. */
#include "runtime/run_private.h"

#include <string.h>

typedef enum { FROM_image, FROM_sample, FROM_mask } From;

struct Feeds {
	int n;
	struct {
		const Input *in;
		From         from;
		int          draw;
	} at[];
};

static Status
expect(const Input *in, Dtype dtype, int64_t elems)
{
	bool narrow = dtype == DT_f32 && in->type.dtype == DT_bf16;
	if ((in->type.dtype != dtype && !narrow) || type_elems(&in->type) != elems)
		return user_error(
			"program-input",
			"input `%s` of the program is %lld of %s; the recipe fills %lld of %s",
			in->name, (long long)type_elems(&in->type), dtype_name[in->type.dtype],
			(long long)elems, dtype_name[dtype]);
	return OK;
}

Status
feeds_open(Arena *a, const Exec *x, const Entry *e, Feeds **out)
{
	const Recipe   *r = &x->p->recipe;
	const DataSpec *d = &r->data;
	Feeds  *f = *out = arena_alloc(a, sizeof *f + sizeof f->at[0] * (size_t)(e->ninput + 1));
	int64_t image = d->batch * d->channels * d->height * d->width;
	for (f->n = 0; f->n < e->ninput; f->n++) {
		const Input *in = f->at[f->n].in = &e->input[f->n];
		int          draw = 0;
		while (draw < r->ndraw && strcmp(r->draw[draw].input, in->name) != 0)
			draw++;
		f->at[f->n].draw = draw;
		if (draw < r->ndraw) {
			f->at[f->n].from = FROM_mask;
			TRY(expect(in, DT_bool, d->batch * r->draw[draw].gy * r->draw[draw].gx));
		} else if (d->input && strcmp(in->name, d->input) == 0) {
			f->at[f->n].from = FROM_image;
			TRY(expect(in, DT_f32, image));
		} else if (strcmp(in->name, "sample") == 0) {
			f->at[f->n].from = FROM_sample;
			TRY(expect(in, DT_u32, d->batch));
		} else {
			return user_error(
				"program-input",
				"nothing in the recipe fills the input `%s` of entry `%s`",
				in->name, e->name);
		}
	}
	return OK;
}

enum { MANY = 1 << 20, CHUNK = 1 << 16 };

static void
narrowed(uint16_t *to, const float *from, int64_t n)
{
#pragma omp parallel for schedule(static) if (n > MANY)
	for (int64_t i = 0; i < n; i++)
		to[i] = f32_to_bf16(from[i]);
}

/* A large batch by all threads: one copies 77 MB in 15 ms. */
static void
copied(void *to, const void *from, int64_t bytes)
{
#pragma omp parallel for schedule(static) if (bytes > MANY)
	for (int64_t at = 0; at < bytes; at += CHUNK)
		memcpy((char *)to + at, (const char *)from + at,
		       (size_t)(bytes - at < CHUNK ? bytes - at : CHUNK));
}

Status
feeds_put(Exec *x, const Feeds *f, const Batch *b)
{
	for (int i = 0; i < f->n; i++) {
		const Input *in = f->at[i].in;
		int64_t      bytes = type_bytes(&in->type);
		void        *to;
		TRY(exec_stage(x, in->slab, in->offset, bytes, &to));
		if (f->at[i].from == FROM_mask)
			memcpy(to, b->mask[f->at[i].draw], (size_t)bytes);
		else if (f->at[i].from == FROM_sample)
			memcpy(to, b->sample, (size_t)bytes);
		else if (in->type.dtype == DT_bf16)
			narrowed(to, b->image, type_elems(&in->type));
		else
			copied(to, b->image, bytes);
		TRY(exec_staged(x));
	}
	return OK;
}
