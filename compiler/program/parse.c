/* parse: the text of program.d2p into a Program: one function for each kind of line. Accepts any bytes and
 * reports what it cannot read with file, line and column; reading goes on with the next line. Checks
 * spelling, counts and names only: whether the program makes sense is for verify.c. */
#include "compiler/program/program_private.h"

#include <string.h>

enum {
	MOST_REPORTS = 40, /* then reading stops */
	MOST_ARGS = 4096,  /* of one step */
};

typedef struct {
	Scan     s;
	Program *p;
	Arena   *arena;
	bool     seen[16]; /* sections read, by their place in `section` */
	bool     ended;
	Vec(ProgSlab) slab;
	Vec(Variable) var;
	Vec(NameMap) name;
	Vec(DrawSpec) draw;
	Vec(Kernel) kernel;
	Vec(Table) table;
	Vec(Entry) entry;
	Vec(int32_t) number; /* of the table being read */
	int64_t wanted;      /* how many numbers it announced */
	Loc     table_loc;
	Vec(Scalar) scalar; /* of the entry being read */
	Vec(Input) input;
	Vec(OutputSpec) output;
	Vec(ProgStep) step;
} Parse;

/* ---- pieces of a line ------------------------------------------------------------------------- */

/* `slab+offset` */
static Status
parse_place(Parse *x, int *slab, int64_t *offset)
{
	Scan *s = &x->s;
	int   plus = s->tok.kind == TOK_WORD ? s->tok.n - 1 : -1;
	while (plus >= 0 && s->tok.at[plus] != '+')
		plus--;
	int digits = s->tok.n - plus - 1;
	if (plus <= 0 || digits < 1 || digits > 18)
		return scan_error(s, "program-syntax",
		                  "a place in memory should stand here: `slab+offset`");
	*offset = 0;
	for (int i = plus + 1; i < s->tok.n; i++) {
		if (s->tok.at[i] < '0' || s->tok.at[i] > '9')
			return scan_error(s, "program-syntax",
			                  "the offset after `+` is not a number");
		*offset = 10 * *offset + (s->tok.at[i] - '0');
	}
	for (int i = 0; i < x->slab.n; i++)
		if (strlen(x->slab.at[i].name) == (size_t)plus &&
		    memcmp(x->slab.at[i].name, s->tok.at, (size_t)plus) == 0) {
			*slab = i;
			scan_next(s);
			return OK;
		}
	return scan_error(s, "program-reference", "there is no slab `%.*s`", plus < 60 ? plus : 60,
	                  s->tok.at);
}

static Status
parse_dtype(Parse *x, Dtype *out)
{
	int which;
	TRY(scan_choice(&x->s, "a dtype", dtype_name, DT_COUNT, &which));
	*out = (Dtype)which;
	return OK;
}

/* f32[B:8, T:197] */
static Status
parse_type(Parse *x, Type *t)
{
	Scan *s = &x->s;
	TRY(parse_dtype(x, &t->dtype));
	TRY(scan_want(s, "["));
	while (!scan_is(s, "]")) {
		if (t->rank == MAX_RANK)
			return scan_error(s, "program-range", "a type has at most %d axes",
			                  MAX_RANK);
		if (t->rank > 0)
			TRY(scan_want(s, ","));
		Axis *a = &t->axis[t->rank];
		TRY(scan_word(s, "the name of an axis", &a->name));
		TRY(scan_want(s, ":"));
		TRY(scan_int(s, "the size of an axis", 1, MOST_BYTES, &a->size));
		t->rank++;
	}
	return scan_want(s, "]");
}

static Status
parse_at(Parse *x, int *slab, int64_t *offset)
{
	TRY(scan_want(&x->s, "at"));
	return parse_place(x, slab, offset);
}

static Status
parse_yes(Parse *x, bool *out)
{
	int which;
	TRY(scan_choice(&x->s, "yes or no", (const char *const[]){"no", "yes"}, 2, &which));
	*out = which == 1;
	return OK;
}

/* name=number */
static Status
parse_setting(Parse *x, const char *name, double *out)
{
	TRY(scan_want(&x->s, name));
	TRY(scan_want(&x->s, "="));
	return scan_double(&x->s, name, out);
}

static Status
parse_size(Parse *x, const char *name, int64_t *out)
{
	TRY(scan_want(&x->s, name));
	TRY(scan_want(&x->s, "="));
	return scan_int(&x->s, name, 1, MOST_BYTES, out);
}

/* ---- recipe ----------------------------------------------------------------------------------- */

static Status
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
		"layer_axis",
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
	default: /* the axis may be absent */
		return s->tok.kind == TOK_END
		               ? OK
		               : scan_string(s, "the name of an axis", &r->layer_axis);
	}
}

static Status
slab_line(Parse *x)
{
	ProgSlab slab = {0};
	Token    name = x->s.tok;
	TRY(scan_word(&x->s, "the name of a slab", &slab.name));
	for (int i = 0; i < x->slab.n; i++)
		if (x->slab.at[i].name == slab.name) {
			x->s.tok = name;
			return scan_error(&x->s, "program-reference", "there are two slabs `%s`",
			                  slab.name);
		}
	if (x->slab.n == MOST_SLABS)
		return scan_error(&x->s, "program-range", "a program has at most %d slabs",
		                  MOST_SLABS);
	TRY(scan_int(&x->s, "the size of a slab", 0, MOST_BYTES, &slab.bytes));
	vec_push(x->arena, &x->slab, slab);
	return OK;
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

static Status
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

static Status
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

static Status
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

static Status
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

static Status
kernel_line(Parse *x)
{
	Kernel k = {0};
	TRY(scan_word(&x->s, "the name of a kernel", &k.name));
	TRY(scan_string(&x->s, "the name of its file", &k.file));
	vec_push(x->arena, &x->kernel, k);
	return OK;
}

/* ---- tables: a head, then lines of numbers ------------------------------------------------------ */

static void
table_finish(Parse *x)
{
	if (x->table.n == 0 || x->wanted < 0)
		return;
	Table *t = &x->table.at[x->table.n - 1];
	if (x->number.n != x->wanted) {
		x->s.errors++;
		diag_error(x->table_loc, "program-syntax",
		           "the table announces %lld numbers, but %d follow", (long long)x->wanted,
		           x->number.n);
	}
	t->data = x->number.at;
	t->count = x->number.n;
	x->number.at = NULL;
	x->number.n = x->number.cap = 0;
	x->wanted = -1;
}

static Status
table_line(Parse *x)
{
	Scan *s = &x->s;
	Loc   here = scan_loc(s);
	if (scan_take(s, "table")) {
		Table   t = {0};
		int64_t count;
		table_finish(x);
		TRY(parse_place(x, &t.slab, &t.offset));
		TRY(scan_want(s, "count"));
		TRY(scan_int(s, "the number of a table's values", 0, INT32_MAX, &count));
		vec_push(x->arena, &x->table, t);
		x->wanted = count;
		x->table_loc = here;
		return OK;
	}
	if (x->wanted < 0)
		return scan_error(s, "program-syntax", "`table` should stand before its numbers");
	while (s->tok.kind != TOK_END) {
		int64_t n;
		TRY(scan_int(s, "a value of the table", INT32_MIN, INT32_MAX, &n));
		if (x->number.n == x->wanted)
			return scan_error(s, "program-syntax",
			                  "the table has more than the %lld numbers it announces",
			                  (long long)x->wanted);
		vec_push(x->arena, &x->number, (int32_t)n);
	}
	return OK;
}

/* ---- entries ---------------------------------------------------------------------------------- */

static void
entry_finish(Parse *x)
{
	if (x->entry.n == 0)
		return;
	Entry *e = &x->entry.at[x->entry.n - 1];
	e->scalar = x->scalar.at;
	e->nscalar = x->scalar.n;
	e->input = x->input.at;
	e->ninput = x->input.n;
	e->output = x->output.at;
	e->noutput = x->output.n;
	e->step = x->step.at;
	e->nstep = x->step.n;
	memset(&x->scalar, 0, sizeof x->scalar);
	memset(&x->input, 0, sizeof x->input);
	memset(&x->output, 0, sizeof x->output);
	memset(&x->step, 0, sizeof x->step);
}

static Status
parse_arg(Parse *x, Arg *a)
{
	Scan *s = &x->s;
	if (scan_take(s, "f32")) {
		a->kind = ARG_f32;
		return scan_double(s, "a number", &a->f);
	}
	if (scan_take(s, "i64")) {
		a->kind = ARG_i64;
		return scan_int(s, "an integer", INT64_MIN, INT64_MAX, &a->i);
	}
	if (scan_take(s, "u64")) {
		a->kind = ARG_u64;
		return scan_u64(s, "an integer of 0 or more", &a->u);
	}
	a->kind = ARG_pointer;
	return parse_place(x, &a->slab, &a->offset);
}

static Status
parse_launch(Parse *x, ProgStep *step)
{
	Scan *s = &x->s;
	Vec(Arg) list = {0};
	step->kernel = -1;
	for (int i = 0; i < x->kernel.n && step->kernel < 0; i++)
		if (scan_is(s, x->kernel.at[i].name))
			step->kernel = i;
	if (step->kernel < 0)
		return scan_error(s, "program-reference", "there is no kernel `%.*s`",
		                  s->tok.n < 60 ? s->tok.n : 60, s->tok.at);
	scan_next(s);
	TRY(scan_want(s, "("));
	while (!scan_is(s, ")")) {
		Arg a = {0};
		if (list.n > 0)
			TRY(scan_want(s, ","));
		if (list.n == MOST_ARGS)
			return scan_error(s, "program-range", "a step has at most %d arguments",
			                  MOST_ARGS);
		TRY(parse_arg(x, &a));
		vec_push(x->arena, &list, a);
	}
	step->arg = list.at;
	step->narg = list.n;
	return scan_want(s, ")");
}

static Status
parse_operand(Parse *x, const char *name, GemmOperand *o)
{
	Scan *s = &x->s;
	TRY(scan_want(s, name));
	TRY(parse_place(x, &o->slab, &o->offset));
	TRY(parse_dtype(x, &o->dtype));
	TRY(scan_want(s, "["));
	TRY(scan_int(s, "a stride", 0, MOST_BYTES, &o->sz));
	TRY(scan_want(s, ","));
	TRY(scan_int(s, "a stride", 0, MOST_BYTES, &o->s0));
	TRY(scan_want(s, ","));
	TRY(scan_int(s, "a stride", 0, MOST_BYTES, &o->s1));
	return scan_want(s, "]");
}

static Status
parse_gemm(Parse *x, Gemm *g)
{
	Scan *s = &x->s;
	TRY(parse_size(x, "z", &g->z));
	TRY(parse_size(x, "m", &g->m));
	TRY(parse_size(x, "n", &g->n));
	TRY(parse_size(x, "k", &g->k));
	TRY(parse_operand(x, "a", &g->a));
	TRY(parse_operand(x, "b", &g->b));
	TRY(parse_operand(x, "c", &g->c));
	g->has_bias = scan_take(s, "bias");
	if (g->has_bias)
		TRY(parse_place(x, &g->bias_slab, &g->bias_offset));
	g->accumulate = scan_take(s, "accumulate");
	g->b_is_weight = scan_take(s, "weight");
	return OK;
}

static Status
parse_step(Parse *x, StepKind kind)
{
	Scan    *s = &x->s;
	ProgStep step = {.kind = kind};
	TRY(scan_word(s, "what the step belongs to", &step.what));
	TRY(parse_setting(x, "flops", &step.flops));
	TRY(parse_setting(x, "bytes", &step.bytes));
	TRY(kind == STEP_launch ? parse_launch(x, &step) : parse_gemm(x, &step.gemm));
	TRY(scan_end(s));
	step.loc = scan_comment_loc(s);
	vec_push(x->arena, &x->step, step);
	return OK;
}

static Status
entry_line(Parse *x)
{
	static const char *const item[] = {"scalar", "input", "output", "launch", "gemm"};
	Scan                    *s = &x->s;
	int                      which;
	TRY(scan_choice(s, "a line of an entry", item, COUNT(item), &which));
	if (which == 0) {
		Scalar c = {0};
		TRY(parse_dtype(x, &c.dtype));
		TRY(parse_at(x, &c.slab, &c.offset));
		TRY(scan_want(s, "="));
		TRY(scan_string(s, "an expression", &c.expr));
		vec_push(x->arena, &x->scalar, c);
	} else if (which == 1) {
		Input in = {0};
		TRY(scan_string(s, "the name of an input", &in.name));
		TRY(parse_type(x, &in.type));
		TRY(parse_at(x, &in.slab, &in.offset));
		vec_push(x->arena, &x->input, in);
	} else if (which == 2) {
		OutputSpec out = {0};
		TRY(scan_string(s, "the name of an output", &out.name));
		TRY(parse_type(x, &out.type));
		TRY(parse_at(x, &out.slab, &out.offset));
		vec_push(x->arena, &x->output, out);
	} else {
		return parse_step(x, which == 3 ? STEP_launch : STEP_gemm);
	}
	return OK;
}

/* ---- the whole -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	Status (*line)(Parse *); /* NULL: the section is its own line */
} section[] = {
	{"d2v-program", NULL},  {"target", NULL},
	{"needs", NULL},        {"recipe", recipe_line},
	{"slabs", slab_line},   {"variables", variable_line},
	{"names", name_line},   {"data", data_line},
	{"draws", draw_line},   {"kernels", kernel_line},
	{"tables", table_line}, {"entry", entry_line},
	{"end", NULL},
};
enum {
	SECTION_program,
	SECTION_target,
	SECTION_needs,
	SECTION_entry = COUNT(section) - 2,
	SECTION_end
};

/* A line that starts in the first column. Goes to the section it opens, or -1 when it is unknown. */
static int
heading(Parse *x)
{
	Scan       *s = &x->s;
	const char *names[COUNT(section)];
	int         which;
	for (int i = 0; i < COUNT(section); i++)
		names[i] = section[i].name;
	if (scan_choice(s, "a section", names, COUNT(section), &which) != OK)
		return -1;
	if (which != SECTION_entry && x->seen[which]) {
		scan_error(s, "program-syntax", "there are two sections `%s`", names[which]);
		return -1;
	}
	x->seen[which] = true;
	Status good = OK;
	if (which == SECTION_program) {
		int64_t version;
		good = scan_int(s, "the version of the format", PROGRAM_VERSION, PROGRAM_VERSION,
		                &version);
	} else if (which == SECTION_target) {
		good = scan_string(s, "the name of the target", &x->p->target);
	} else if (which == SECTION_needs) {
		good = scan_string(s, "a list of CPU features", &x->p->needs);
	} else if (which == SECTION_entry) {
		Entry e = {0};
		entry_finish(x);
		good = scan_string(s, "the name of the entry", &e.name);
		vec_push(x->arena, &x->entry,
		         e); /* also when the name is bad: its lines are still read */
	}
	if (good != OK || scan_end(s) != OK)
		return section[which].line ? which : -1;
	return which;
}

static void
parse_lines(Parse *x)
{
	Scan *s = &x->s;
	int   now = -1; /* the section that indented lines belong to; -1: skip them */
	while (s->errors < MOST_REPORTS && scan_line(s)) {
		if (x->ended) {
			scan_error(s, "program-syntax", "nothing can stand behind `end`");
			return;
		}
		if (!x->seen[SECTION_program] && !(!s->indented && scan_is(s, "d2v-program"))) {
			scan_error(s, "program-syntax",
			           "this is no program: the first line should be `d2v-program %d`",
			           PROGRAM_VERSION);
			return;
		}
		if (!s->indented) {
			now = heading(x);
			x->ended = now == SECTION_end;
		} else if (now >= 0 && section[now].line) {
			if (section[now].line(x) == OK && scan_end(s) != OK)
				continue;
		} else if (now >= 0) {
			scan_error(s, "program-syntax", "nothing can stand below `%s`",
			           section[now].name);
		}
	}
}

static void
must_be_there(Parse *x)
{
	Loc whole = {.file = x->s.file};
	if (x->s.errors > 0)
		return;
	if (!x->ended) {
		x->s.errors++;
		diag_error(whole, "program-truncated",
		           "the program has no line `end`: it was cut off");
	}
	for (int i = 0; i < COUNT(section) && x->s.errors == 0; i++)
		if (!x->seen[i] && strcmp(section[i].name, "data") != 0) {
			x->s.errors++;
			diag_error(whole, "program-truncated", "the program has no section `%s`",
			           section[i].name);
		}
}

Status
program_parse(Arena *a, const char *file, const char *text, Program **out)
{
	Parse x = {.s = scan_open(a, file, text),
	           .p = arena_new_one(a, Program),
	           .arena = a,
	           .wanted = -1};
	parse_lines(&x);
	table_finish(&x);
	entry_finish(&x);
	must_be_there(&x);
	Program *p = x.p;
	p->slab = x.slab.at;
	p->nslab = x.slab.n;
	p->recipe.var = x.var.at;
	p->recipe.nvar = x.var.n;
	p->recipe.name = x.name.at;
	p->recipe.nname = x.name.n;
	p->recipe.draw = x.draw.at;
	p->recipe.ndraw = x.draw.n;
	p->kernel = x.kernel.at;
	p->nkernel = x.kernel.n;
	p->table = x.table.at;
	p->ntable = x.table.n;
	p->entry = x.entry.at;
	p->nentry = x.entry.n;
	*out = p;
	return x.s.errors ? FAIL : OK;
}
