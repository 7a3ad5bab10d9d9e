/* A program folder opened on a device, with its host scalars. Refuses folders without
 * program.d2p, programs the verifier rejects, and scalar expressions with unknown names. */
#include "runtime/runtime.h"
#include "runtime/run_private.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The names a scalar's expression may use, in the order of scalar_values. */
static const Binding scalar_names[] = {{"step", 0}, {"spe", 0}, {"steps", 0}, {"seed", 0}};

const char *
cache_folder(Arena *a, const char *given)
{
	const char *s;
	if (given)
		return given;
	if ((s = getenv("D2V_CACHE")) != NULL && *s)
		return s;
	if ((s = getenv("XDG_CACHE_HOME")) != NULL && *s)
		return arena_printf(a, "%s/d2v", s);
	if ((s = getenv("HOME")) != NULL && *s)
		return arena_printf(a, "%s/.cache/d2v", s);
	return arena_printf(a, "/tmp/d2v-cache-%ld", (long)getuid());
}

static Status
program_open(Arena *a, const char *folder, Program **out)
{
	char       *text;
	size_t      n;
	const char *path = arena_printf(a, "%s/program.d2p", folder);
	if (!file_exists(path))
		return user_error(
			"no-program",
			"%s is not a program folder: there is no %s (made by `d2v compile`)",
			folder, path);
	TRY(file_read(path, &text, &n));
	/* The text may be quoted by diagnostics for as long as the process lives, as all source
	 * text. */
	char *kept = arena_strndup(a, text, n);
	bool  whole = strlen(text) == n;
	free(text);
	if (!whole)
		return user_error("no-program", "%s is not text", path);
	diag_source(intern(path), kept);
	TRY(program_parse(a, path, kept, out));
	return program_verify(*out);
}

static Status
scalars_parse(Arena *a, Exec *x)
{
	const Program *p = x->p;
	const Expr   **of = arena_new_array(a, const Expr *, p->nentry + 1);
	x->scalar = of;
	for (int i = 0; i < p->nentry; i++) {
		const Entry *e = &p->entry[i];
		Expr        *code = arena_new_array(a, Expr, e->nscalar + 1);
		for (int j = 0; j < e->nscalar; j++)
			TRY(expr_parse(e->scalar[j].expr, scalar_names, COUNT(scalar_names),
			               &code[j]));
		of[i] = code;
	}
	return OK;
}

Status
exec_open(Arena *a, const char *folder, const char *device, const char *cache, Exec **out)
{
	Exec *x = arena_new_one(a, Exec);
	*out = NULL;
	x->folder = arena_strdup(a, folder);
	TRY(program_open(a, folder, &x->p));
	phase("program read and verified");
	TRY(scalars_parse(a, x));
	TRY(device_load(device ? device : x->p->target, &x->device));
	phase("device found");
	TRY(x->device->open(&x->dev, x->p, folder, cache_folder(a, cache)));
	phase("device opened");
	*out = x;
	return OK;
}

void
exec_close(Exec *x)
{
	if (x && x->dev)
		x->device->close(x->dev);
	if (x) {
		x->dev = NULL;
		exec_move_close(x);
	}
}

/* One rounding, to the scalar's dtype; integers must be exactly representable. */
static Status
scalar_put(Exec *x, const Scalar *s, double v)
{
	union {
		float    f;
		uint16_t h;
		int32_t  i;
		uint32_t u;
		uint8_t  b;
	} to = {0};
	bool whole = v == floor(v);
	switch (s->dtype) {
	case DT_f32:
		to.f = (float)v;
		break;
	case DT_bf16:
		to.h = f32_to_bf16((float)v);
		break;
	case DT_i32:
		if (!whole || v < INT32_MIN || v > INT32_MAX)
			return user_error("scalar", "`%s` is %g, which is not an i32", s->expr, v);
		to.i = (int32_t)v;
		break;
	case DT_u32:
		if (!whole || v < 0 || v > UINT32_MAX)
			return user_error("scalar", "`%s` is %g, which is not a u32", s->expr, v);
		to.u = (uint32_t)v;
		break;
	case DT_bool:
		to.b = v != 0;
		break;
	case DT_COUNT:
		BUG("a scalar without dtype");
	}
	return x->device->put(x->dev, s->slab, s->offset, &to, dtype_bytes[s->dtype]);
}

Status
exec_scalars(Exec *x, const Entry *e, int64_t step)
{
	const double values[] = {(double)step, x->spe, x->steps, (double)x->p->recipe.seed};
	const Expr  *code = x->scalar[e - x->p->entry];
	for (int i = 0; i < e->nscalar; i++)
		TRY(scalar_put(x, &e->scalar[i], expr_run(&code[i], values)));
	return OK;
}

Status
exec_output(Exec *x, const Entry *e, const char *name, float *to)
{
	for (int i = 0; i < e->noutput; i++) {
		const OutputSpec *o = &e->output[i];
		if (strcmp(o->name, name) != 0)
			continue;
		if (o->type.dtype != DT_f32)
			return user_error("output", "output `%s` is %s, not f32", name,
			                  dtype_name[o->type.dtype]);
		return x->device->get(x->dev, o->slab, o->offset, to, type_bytes(&o->type));
	}
	return user_error("output", "entry `%s` has no output `%s`", e->name, name);
}

const Variable *
exec_variable(const Exec *x, const char *name)
{
	for (int i = 0; i < x->p->recipe.nvar; i++)
		if (strcmp(x->p->recipe.var[i].name, name) == 0)
			return &x->p->recipe.var[i];
	return NULL;
}

const char *
exec_average_prefix(Arena *a, const Recipe *r)
{
	for (int i = 0; i < r->nvar; i++)
		if (r->var[i].kind == VAR_average)
			return arena_printf(a, "%.*s",
			                    (int)(strlen(r->var[i].name) - strlen(r->var[i].of)),
			                    r->var[i].name);
	return "";
}

const Variable *
exec_gradient_of(const Exec *x, const OutputSpec *o)
{
	static const char prefix[] = "grad.";
	return strncmp(o->name, prefix, sizeof prefix - 1) == 0
	               ? exec_variable(x, o->name + sizeof prefix - 1)
	               : NULL;
}
