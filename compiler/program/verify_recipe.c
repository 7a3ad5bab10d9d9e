/* verify_recipe: P8 .. P11 of PROGRAM.md: published names, data, draws, run. */
#include "compiler/program/verify_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
compare_maps(const void *a, const void *b)
{
	const NameMap *x = *(const NameMap *const *)a, *y = *(const NameMap *const *)b;
	int            order = strcmp(x->table, y->table);
	return order ? order : strcmp(x->foreign, y->foreign);
}

/* P8 */
static void
verify_tables_of_names(Verify *v)
{
	const Recipe   *r = &v->p->recipe;
	const NameMap **map = arena_new_array(v->arena, const NameMap *, r->nname + 1);
	for (int i = 0; i < r->nname; i++) {
		map[i] = &r->name[i];
		if (!map[i]->table || !map[i]->foreign || map[i]->nvar < 1) {
			verify_bad(v, 8, "line %d of the tables of names is not whole", i);
			return;
		}
		for (int j = 0; j < map[i]->nvar; j++)
			if (!verify_find(v, map[i]->var[j]))
				verify_bad(v, 8,
				           "`%s` stands for a variable `%s`, which does not exist",
				           map[i]->foreign, map[i]->var[j] ? map[i]->var[j] : "");
	}
	if (r->nname > 1)
		qsort(map, (size_t)r->nname, sizeof *map, compare_maps);
	for (int i = 1; i < r->nname; i++)
		if (compare_maps(&map[i - 1], &map[i]) == 0)
			verify_bad(v, 8, "table `%s` has `%s` twice", map[i]->table,
			           map[i]->foreign);
}

static const Input *
train_input(const Verify *v, const char *name)
{
	const Entry *e = program_entry(v->p, "train");
	for (int i = 0; e && name && i < e->ninput; i++)
		if (e->input[i].name && strcmp(e->input[i].name, name) == 0)
			return &e->input[i];
	return NULL;
}

static void
verify_transform(Verify *v, const Transform *t)
{
	static const struct {
		const char *name;
		int         narg;
		bool        filter;
	} known[] = {{"color_jitter", 3, false}, {"flip", 1, false}, {"resized_crop", 2, true}};
	for (int i = 0; t->name && i < COUNT(known); i++) {
		if (strcmp(known[i].name, t->name) != 0)
			continue;
		bool good = t->narg == known[i].narg && (t->filter != NULL) == known[i].filter &&
		            (!t->filter || strcmp(t->filter, "bicubic") == 0 ||
		             strcmp(t->filter, "bilinear") == 0);
		for (int j = 0; good && j < t->narg; j++)
			good = isfinite(t->arg[j]) && t->arg[j] >= 0;
		if (!good)
			verify_bad(v, 9, "the transform `%s` has other settings than it takes",
			           t->name);
		return;
	}
	verify_bad(v, 9, "there is no transform `%s`", t->name ? t->name : "");
}

/* P9 */
static void
verify_data(Verify *v)
{
	const DataSpec *d = &v->p->recipe.data;
	if (!d->source)
		return;
	if (!*d->source || d->batch < 1 || d->batch > MOST_BATCH || d->channels < 1 ||
	    d->channels > COUNT(d->mean) || d->height < 1 || d->height > 1 << 16 || d->width < 1 ||
	    d->width > 1 << 16) {
		verify_bad(v, 9, "the data are %lld x %lld x %lld x %lld from `%s`",
		           (long long)d->batch, (long long)d->channels, (long long)d->height,
		           (long long)d->width, d->source);
		return;
	}
	if (d->ntransform < 0 || d->ntransform > COUNT(d->transform))
		verify_bad(v, 9, "there are %d transforms", d->ntransform);
	for (int i = 0; i < d->ntransform && i < COUNT(d->transform); i++)
		verify_transform(v, &d->transform[i]);
	for (int i = 0; i < d->channels; i++)
		if (!isfinite(d->mean[i]) || !isfinite(d->std[i]) || d->std[i] <= 0)
			verify_bad(v, 9,
			           "channel %d is scaled by a mean and std that are not numbers, "
			           "or a std of 0",
			           i);
	const Entry *train = program_entry(v->p, "train");
	const Input *in = train_input(v, d->input);
	if (train && !d->drop_remainder)
		verify_bad(v, 9, "training keeps the last, partial batch: batches have one size");
	if (train && (!in || (in->type.dtype != DT_f32 && in->type.dtype != DT_bf16) ||
	              type_elems(&in->type) != d->batch * d->channels * d->height * d->width))
		verify_bad(v, 9,
		           "entry `train` has no input `%s` of %lld x %lld x %lld x %lld numbers",
		           d->input ? d->input : "", (long long)d->batch, (long long)d->channels,
		           (long long)d->height, (long long)d->width);
}

/* P10 */
static void
verify_draws(Verify *v)
{
	const Recipe *r = &v->p->recipe;
	for (int i = 0; i < r->ndraw; i++) {
		const DrawSpec *d = &r->draw[i];
		const char     *name = d->input ? d->input : "";
		const Input    *in = train_input(v, d->input);
		if (!d->generator || strcmp(d->generator, "block_mask") != 0) {
			verify_bad(v, 10, "there is no generator `%s`",
			           d->generator ? d->generator : "");
			continue;
		}
		if (!*name || !d->site || !*d->site)
			verify_bad(v, 10, "the draw of `%s` has no input or no site", name);
		if (d->gy < 1 || d->gx < 1 || d->gy > 1 << 16 || d->gx > 1 << 16 ||
		    d->at_most < 1 || d->at_most > d->gy * d->gx || d->area_lo < 1 ||
		    d->area_hi < d->area_lo || !isfinite(d->aspect_hi) || !(d->aspect_lo > 0) ||
		    !(d->aspect_hi >= d->aspect_lo) || r->data.batch < 0 ||
		    r->data.batch > MOST_BATCH) {
			verify_bad(v, 10, "the ranges of the draw of `%s` are empty or too large",
			           name);
			continue;
		}
		if (program_entry(v->p, "train") &&
		    (!in || in->type.dtype != DT_bool ||
		     type_elems(&in->type) != r->data.batch * d->gy * d->gx))
			verify_bad(
				v, 10, "entry `train` has no bool input `%s` of %lld x %lld x %lld",
				name, (long long)r->data.batch, (long long)d->gy, (long long)d->gx);
		for (int j = 0; j < i; j++)
			if (r->draw[j].input && strcmp(r->draw[j].input, name) == 0)
				verify_bad(v, 10, "`%s` is drawn twice", name);
	}
}

/* P11 */
static void
verify_run(Verify *v)
{
	const Recipe *r = &v->p->recipe;
	bool          epochs = isfinite(r->length_epochs) && r->length_epochs > 0;
	if (!r->spec_name || !*r->spec_name)
		verify_bad(v, 11, "the spec has no name");
	if (!r->spec_hash || strlen(r->spec_hash) != 32 ||
	    strspn(r->spec_hash, "0123456789abcdef") != 32)
		verify_bad(v, 11, "the hash of the spec, `%s`, is not of 32 hex digits",
		           r->spec_hash ? r->spec_hash : "");
	if (program_entry(v->p, "train") &&
	    !((epochs && r->length_steps == 0) || (r->length_epochs == 0 && r->length_steps > 0)))
		verify_bad(v, 11, "the length should be given in epochs or in steps");
	if (program_entry(v->p, "train") && r->ranks < 1)
		verify_bad(v, 11, "%d ranks", r->ranks);
	if (!(isfinite(r->checkpoint_epochs) && r->checkpoint_epochs >= 0) ||
	    r->checkpoint_steps < 0 || r->checkpoint_keep < 0)
		verify_bad(v, 11, "the checkpoints are counted with negative numbers");
}

void
verify_recipe(Verify *v)
{
	verify_tables_of_names(v);
	verify_run(v);
	/* The inputs of `train` are looked at here already: without legal types they have no size.
	 */
	const Entry *e = program_entry(v->p, "train");
	for (int i = 0; e && i < e->ninput; i++)
		if (!e->input[i].name ||
		    !verify_type(v, &e->input[i].type, "input", e->input[i].name))
			return;
	verify_data(v);
	verify_draws(v);
}
