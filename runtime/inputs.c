/* Which part of a batch fills which input of an entry: the image, the sample ids, the masks of
 * the draws. Refuses programs with inputs that nothing fills or of another size than the recipe
 * says. */
#include "runtime/run_private.h"

#include <string.h>

typedef enum { FROM_image, FROM_sample, FROM_mask } From;

struct Feeds {
	int       n;
	uint16_t *narrow; /* the image as bf16, when an input wants that */
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
			if (in->type.dtype == DT_bf16)
				f->narrow = arena_new_array(a, uint16_t, image);
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

Status
feeds_put(Exec *x, const Feeds *f, const Batch *b)
{
	for (int i = 0; i < f->n; i++) {
		const Input *in = f->at[i].in;
		const void  *data = b->image;
		if (f->at[i].from == FROM_mask) {
			data = b->mask[f->at[i].draw];
		} else if (f->at[i].from == FROM_sample) {
			data = b->sample;
		} else if (in->type.dtype == DT_bf16) {
			for (int64_t k = 0, n = type_elems(&in->type); k < n; k++)
				f->narrow[k] = f32_to_bf16(b->image[k]);
			data = f->narrow;
		}
		TRY(x->device->put(x->dev, in->slab, in->offset, data, type_bytes(&in->type)));
	}
	return OK;
}
