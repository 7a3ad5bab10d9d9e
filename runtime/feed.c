/* Weights from a safetensors file into the program's variables: by the names of the spec, or by
 * published names through a `names` table, where one tensor may stack several variables along its
 * outermost axis.
 *
 *     block[0].attend.q            a parameter            blocks.0.attn.qkv.weight           the same by table
 *     teacher.block[0].attend.q    the teacher's          teacher/blocks.0.attn.qkv.weight
 *     moment1.head moment2.head    optimiser state        moment1/lm_head.weight
 *
 * Every parameter must be there. Teacher and moments are there completely or not at all; then they
 * start as in a new run (the teacher as a copy of the parameters just read). Tensors the program
 * has no use for are refused, except teacher weights of parameters the teacher never uses, and
 * integer tensors (published files carry index tables, which are no parameters), which are named.
 * The device is written after everything was checked. */
#include "runtime/files_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	Arena        *a;
	const Recipe *r;
	const StFile *f;
	const char   *path, *table, *average; /* average: as exec_average_prefix */
	void        **value; /* per variable: its bytes as the device wants them, or NULL */
	NameList      unknown, skipped;
} Feed;

static const struct {
	const char *prefix; /* of published names */
	const char *dotted; /* of variables; NULL: as the spec calls its average */
	VarKind     kind;
	const char *what;
} families[] = {
	{"", "", VAR_param, "parameters"},
	{"teacher/", NULL, VAR_average, "teacher weights"},
	{"moment1/", "moment1.", VAR_moment1, "first moments"},
	{"moment2/", "moment2.", VAR_moment2, "second moments"},
};

const NameMap *
feed_name_row(const Recipe *r, const char *table, const char *foreign)
{
	for (int i = 0; i < r->nname; i++)
		if (!strcmp(r->name[i].foreign, foreign) &&
		    (!table || !strcmp(r->name[i].table, table)))
			return &r->name[i];
	return NULL;
}

static const Variable *
variable_named(const Recipe *r, const char *name)
{
	for (int i = 0; i < r->nvar; i++)
		if (!strcmp(r->var[i].name, name))
			return &r->var[i];
	return NULL;
}

const Variable *
feed_companion(const Recipe *r, const Variable *param, VarKind kind)
{
	if (kind == VAR_param)
		return param;
	for (int i = 0; i < r->nvar; i++)
		if (r->var[i].kind == kind && r->var[i].of && !strcmp(r->var[i].of, param->name))
			return &r->var[i];
	return NULL;
}

/* ---- from tensors to variables -------------------------------------------------------------- */

static Status
take(Feed *f, const StTensor *t, int64_t first, const Variable *v)
{
	int i = (int)(v - f->r->var);
	if (f->value[i])
		return user_error("feed", "%s: `%s` would set %s, which another tensor has set",
		                  f->path, t->name, v->name);
	f->value[i] = arena_alloc(f->a, (size_t)type_bytes(&v->type));
	return st_convert(f->path, t, first, type_elems(&v->type), v->type.dtype, f->value[i]);
}

static Status
check_shape(const Feed *f, const StTensor *t, int64_t want_elems, const Variable *v)
{
	StTensor want = st_tensor(v->name, &v->type, NULL);
	int64_t  each = st_bytes(&(StTensor){.dtype = t->dtype});
	if (t->bytes / each != want_elems)
		return user_error("feed-shape",
		                  "%s: `%s` has the shape %s, %" PRId64
		                  " elements, but %s has %s and %" PRId64 " are wanted",
		                  f->path, t->name, st_shape_text(f->a, t->dim, t->ndim),
		                  t->bytes / each, v->name,
		                  st_shape_text(f->a, want.dim, want.ndim), want_elems);
	if (!st_shapes_agree(t->dim, t->ndim, want.dim, want.ndim))
		return user_error("feed-shape",
		                  "%s: `%s` has the shape %s, but %s has %s: the axes are not in "
		                  "the same order",
		                  f->path, t->name, st_shape_text(f->a, t->dim, t->ndim), v->name,
		                  st_shape_text(f->a, want.dim, want.ndim));
	return OK;
}

static Status
take_row(Feed *f, const StTensor *t, const NameMap *row, VarKind kind)
{
	int64_t want = 0, first = 0;
	for (int i = 0; i < row->nvar; i++)
		want += type_elems(&variable_named(f->r, row->var[i])->type);
	for (int i = 0; i < row->nvar; i++) {
		const Variable *param = variable_named(f->r, row->var[i]);
		const Variable *v = feed_companion(f->r, param, kind);
		TRY(check_shape(f, t, want, param));
		if (v) /* NULL: the teacher never uses it, and it has no weights of its own */
			TRY(take(f, t, first, v));
		first += type_elems(&param->type);
	}
	return OK;
}

static bool
begins(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* teacher.NAME where NAME is a parameter the teacher never uses. */
static bool
is_pruned(const Feed *f, const char *name)
{
	for (int i = 1; i < COUNT(families); i++) {
		const char *dotted = families[i].dotted ? families[i].dotted : f->average;
		if (*dotted && begins(name, dotted)) {
			const Variable *v = variable_named(f->r, name + strlen(dotted));
			return v && v->kind == VAR_param &&
			       !feed_companion(f->r, v, families[i].kind);
		}
	}
	return false;
}

static Status
take_tensor(Feed *f, const StTensor *t)
{
	/* A table that was asked for goes before names of the spec; otherwise after them. */
	const Variable *v = variable_named(f->r, t->name);
	const NameMap  *row = v && !f->table ? NULL : feed_name_row(f->r, f->table, t->name);
	if (row)
		return take_row(f, t, row, VAR_param);
	if (v) {
		TRY(check_shape(f, t, type_elems(&v->type), v));
		return take(f, t, 0, v);
	}
	for (int i = 1; i < COUNT(families); i++) {
		if (!begins(t->name, families[i].prefix))
			continue;
		row = feed_name_row(f->r, f->table, t->name + strlen(families[i].prefix));
		if (row)
			return take_row(f, t, row, families[i].kind);
	}
	if (is_pruned(f, t->name))
		return OK;
	if (strchr("IUB", t->dtype[0]) && strcmp(t->dtype, "BF16"))
		names_add(&f->skipped, "%s %s", t->name, t->dtype);
	else
		names_add(&f->unknown, "%s", t->name);
	return OK;
}

/* ---- what must be there --------------------------------------------------------------------- */

static Status
check_unknown(Feed *f)
{
	if (f->skipped.n)
		diag_warning((Loc){0}, "feed-skipped",
		             "%s: integer tensors are no parameters and were not read:%s", f->path,
		             names_end(&f->skipped));
	if (!f->unknown.n)
		return OK;
	user_error("feed-unknown", "%s: the program has no parameters of these names:%s", f->path,
	           names_end(&f->unknown));
	if (!f->table && f->r->nname)
		diag_hint("names are tried as in the spec, then as in the table `%s`",
		          f->r->name[0].table);
	return FAIL;
}

static Status
check_present(Feed *f)
{
	bool there[COUNT(families)];
	for (int k = 0; k < COUNT(families); k++) {
		NameList missing = {0};
		int      present = 0;
		Status   s = OK;
		for (int i = 0; i < f->r->nvar; i++) {
			if (f->r->var[i].kind != families[k].kind)
				continue;
			if (f->value[i])
				present++;
			else
				names_add(&missing, "%s", f->r->var[i].name);
		}
		if (missing.n && (present || k == 0))
			s = user_error("feed-missing", "%s: %s are missing:%s", f->path,
			               families[k].what, names_end(&missing));
		text_free(&missing.text);
		TRY(s);
		there[k] = present > 0;
	}
	/* One without the other is no state of the optimiser. */
	if (there[2] != there[3])
		return user_error("feed-missing", "%s: there are %s, but no %s", f->path,
		                  families[there[2] ? 2 : 3].what, families[there[2] ? 3 : 2].what);
	return OK;
}

/* Variables the file does not speak of start as in a new run. */
static Status
fill_rest(Feed *f, uint64_t seed)
{
	for (int i = 0; i < f->r->nvar; i++) {
		const Variable *v = &f->r->var[i];
		if (f->value[i])
			continue;
		if (v->init.kind == INIT_copy) {
			const Variable *of = variable_named(f->r, v->init.of);
			if (!of || type_bytes(&of->type) != type_bytes(&v->type) ||
			    !f->value[of - f->r->var])
				BUG("%s starts as a copy of %s, which has no value", v->name,
				    v->init.of);
			f->value[i] = f->value[of - f->r->var];
			continue;
		}
		if (v->type.dtype != DT_f32)
			BUG("%s is %s; starting values are f32", v->name,
			    dtype_name[v->type.dtype]);
		f->value[i] = arena_alloc(f->a, (size_t)type_bytes(&v->type));
		TRY(init_variable(f->r, v, seed, f->value[i]));
	}
	return OK;
}

Status
feed_check_table(const Recipe *r, const char *table)
{
	for (int i = 0; i < r->nname; i++)
		if (!table || !strcmp(r->name[i].table, table))
			return OK;
	if (!table)
		return OK;
	user_error("names", "the program has no `names` table `%s`", table);
	if (r->nname)
		diag_hint("there is `%s`", r->name[0].table);
	return FAIL;
}

static Status
load_all(Arena *a, Exec *x, const char *path, const char *table, uint64_t seed, Feed *f)
{
	const Recipe *r = &x->p->recipe;
	StFile       *file;
	TRY(feed_check_table(r, table));
	TRY(st_read(a, path, &file));
	*f = (Feed){.a = a, .r = r, .f = file, .path = path, .table = table};
	f->average = exec_average_prefix(a, r);
	f->value = arena_new_array(a, void *, r->nvar + 1);
	for (int i = 0; i < file->ntensor; i++)
		TRY(take_tensor(f, &file->tensor[i]));
	TRY(check_unknown(f));
	TRY(check_present(f));
	TRY(fill_rest(f, seed));
	for (int i = 0; i < r->nvar; i++)
		TRY(x->device->put(x->dev, r->var[i].slab, r->var[i].offset, f->value[i],
		                   type_bytes(&r->var[i].type)));
	return OK;
}

Status
feed_load(Exec *x, const char *path, const char *table, uint64_t seed)
{
	Arena *a = arena_new();
	Feed   f = {0};
	Status s = load_all(a, x, path, table, seed, &f);
	text_free(&f.unknown.text);
	text_free(&f.skipped.text);
	arena_free(a);
	return s;
}

Status
feed_init(Exec *x, const char *path, uint64_t seed)
{
	return feed_load(x, path, NULL, seed);
}
