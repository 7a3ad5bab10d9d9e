/* parse_recipe: lines of the sections recipe, variables, names, data and draws; see parse.c. */
#include "compiler/program/parse_private.h"

static Status
parse_yes(Parse *x, bool *out)
{
	int which;
	TRY(scan_choice(&x->s, "yes or no", (const char *const[]){"no", "yes"}, 2, &which));
	*out = which == 1;
	return OK;
}

/* ---- recipe --------------------------------------------------------------------------------- */

Status
recipe_line(Parse *x)
{
	static const char *const field[] = {
		"spec",
		"hash",
		"epochs",
		"steps",
		"seed",
		"checkpoint_steps",
		"checkpoint_epochs",
		"checkpoint_keep",
		"checkpoint_on_signal",
		"stop",
		"ranks",
		"layer_axis",
		"edited",
	};
	Scan   *s = &x->s;
	Recipe *r = &x->p->recipe;
	int     which;
	int64_t n;
	TRY(scan_choice(s, "a field of the recipe", field, COUNT(field), &which));
	switch (which) {
	case 0:
		return scan_string(s, "the name of the spec", &r->spec_name);
	case 1:
		return scan_string(s, "the hash of the spec", &r->spec_hash);
	case 2:
		return scan_double(s, "the length in epochs", &r->length_epochs);
	case 3:
		return scan_int(s, "the length in steps", 0, INT64_MAX, &r->length_steps);
	case 4:
		return scan_u64(s, "the seed", &r->seed);
	case 5:
		return scan_int(s, "the steps between checkpoints", 0, INT64_MAX,
		                &r->checkpoint_steps);
	case 6:
		return scan_double(s, "the epochs between checkpoints", &r->checkpoint_epochs);
	case 7:
		TRY(scan_int(s, "the number of checkpoints", 0, INT32_MAX, &n));
		r->checkpoint_keep = (int)n;
		return OK;
	case 8:
		return parse_yes(x, &r->checkpoint_on_signal);
	case 9:
		return scan_string(s, "the condition to stop at", &r->stop);
	case 10:
		TRY(scan_int(s, "the number of ranks", 0, INT32_MAX, &n));
		r->ranks = (int)n;
		return OK;
	case 12:
		return scan_string(s, "the graph that was edited", &r->edited);
	default: /* the axis may be absent */
		return s->tok.kind == TOK_END
		               ? OK
		               : scan_string(s, "the name of an axis", &r->layer_axis);
	}
}

static Status
parse_init(Parse *x, Init *init)
{
	Scan *s = &x->s;
	int   kind;
	TRY(scan_want(s, "init"));
	TRY(scan_choice(s, "a way to start", init_kind_name, COUNT(init_kind_name), &kind));
	init->kind = (InitKind)kind;
	if (init->kind == INIT_const)
		return scan_double(s, "a value", &init->value);
	if (init->kind == INIT_copy)
		return scan_string(s, "the name of a variable", &init->of);
	TRY(parse_setting(x, "std", &init->std));
	if (init->kind == INIT_trunc_normal)
		TRY(parse_setting(x, "cut", &init->cut));
	return parse_setting(x, "scale", &init->scale);
}

Status
variable_line(Parse *x)
{
	Scan    *s = &x->s;
	Variable v = {0};
	int      kind;
	TRY(scan_choice(s, "a kind of variable", var_kind_name, COUNT(var_kind_name), &kind));
	v.kind = (VarKind)kind;
	TRY(scan_string(s, "the name of the variable", &v.name));
	TRY(parse_type(x, &v.type));
	TRY(parse_at(x, &v.slab, &v.offset));
	TRY(parse_init(x, &v.init));
	if (scan_take(s, "of"))
		TRY(scan_string(s, "the name of a variable", &v.of));
	if (scan_take(s, "group"))
		TRY(scan_string(s, "the name of a group", &v.group));
	TRY(scan_end(s));
	v.loc = scan_comment_loc(s);
	vec_push(x->arena, &x->var, v);
	return OK;
}
Status
name_line(Parse *x)
{
	NameMap map = {0};
	Vec(const char *) list = {0};
	TRY(scan_string(&x->s, "the name of a table", &map.table));
	TRY(scan_string(&x->s, "a published name", &map.foreign));
	TRY(scan_want(&x->s, "="));
	do {
		const char *one;
		TRY(scan_string(&x->s, "the name of a variable", &one));
		vec_push(x->arena, &list, one);
	} while (x->s.tok.kind == TOK_STRING);
	map.var = list.at;
	map.nvar = list.n;
	vec_push(x->arena, &x->name, map);
	return OK;
}

static Status
transform_fields(Parse *x)
{
	Scan     *s = &x->s;
	DataSpec *d = &x->p->recipe.data;
	Transform t = {0};
	if (d->ntransform == COUNT(d->transform))
		return scan_error(s, "program-range", "there are at most %d transforms",
		                  COUNT(d->transform));
	TRY(scan_word(s, "the name of a transform", &t.name));
	while (s->tok.kind == TOK_WORD && !scan_is(s, "filter")) {
		if (t.narg == COUNT(t.arg))
			return scan_error(s, "program-range", "a transform has at most %d numbers",
			                  COUNT(t.arg));
		TRY(scan_double(s, "a number of the transform", &t.arg[t.narg]));
		t.narg++;
	}
	if (scan_take(s, "filter"))
		TRY(scan_word(s, "the name of a filter", &t.filter));
	d->transform[d->ntransform++] = t;
	return OK;
}

Status
data_line(Parse *x)
{
	static const char *const field[] = {"source", "input",     "batch",
	                                    "size",   "transform", "mean",
	                                    "std",    "shuffle",   "drop_remainder"};
	Scan                    *s = &x->s;
	DataSpec                *d = &x->p->recipe.data;
	int                      which;
	TRY(scan_choice(s, "a field of data", field, COUNT(field), &which));
	switch (which) {
	case 0:
		return scan_string(s, "the name of the source", &d->source);
	case 1:
		return scan_string(s, "the name of an input", &d->input);
	case 2:
		return scan_int(s, "the batch", 0, MOST_BATCH, &d->batch);
	case 3:
		TRY(scan_int(s, "the number of channels", 0, INT32_MAX, &d->channels));
		TRY(scan_int(s, "the height", 0, INT32_MAX, &d->height));
		return scan_int(s, "the width", 0, INT32_MAX, &d->width);
	case 4:
		return transform_fields(x);
	case 5:
	case 6:
		for (int i = 0; i < COUNT(d->mean); i++)
			TRY(scan_double(s, "a number for each of four channels",
			                which == 5 ? &d->mean[i] : &d->std[i]));
		return OK;
	case 7:
		return parse_yes(x, &d->shuffle);
	default:
		return parse_yes(x, &d->drop_remainder);
	}
}

Status
draw_line(Parse *x)
{
	Scan    *s = &x->s;
	DrawSpec d = {0};
	TRY(scan_word(s, "the name of a generator", &d.generator));
	TRY(scan_want(s, "input"));
	TRY(scan_string(s, "the name of an input", &d.input));
	TRY(scan_want(s, "site"));
	TRY(scan_string(s, "the name of a site", &d.site));
	TRY(scan_want(s, "grid"));
	TRY(scan_int(s, "the rows of the grid", 0, INT32_MAX, &d.gy));
	TRY(scan_int(s, "the columns of the grid", 0, INT32_MAX, &d.gx));
	TRY(scan_want(s, "at_most"));
	TRY(scan_int(s, "the largest count", 0, INT64_MAX, &d.at_most));
	TRY(scan_want(s, "area"));
	TRY(scan_int(s, "the least area", 0, INT64_MAX, &d.area_lo));
	TRY(scan_int(s, "the largest area", 0, INT64_MAX, &d.area_hi));
	TRY(scan_want(s, "aspect"));
	TRY(scan_double(s, "the least aspect", &d.aspect_lo));
	TRY(scan_double(s, "the largest aspect", &d.aspect_hi));
	vec_push(x->arena, &x->draw, d);
	return OK;
}
