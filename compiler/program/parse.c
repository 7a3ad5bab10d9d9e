/* parse: the text of program.d2p into a Program: one function for each kind of line. Accepts any
 * bytes and reports what it cannot read with file, line and column; reading goes on with the next
 * line. Checks spelling, counts and names only: whether the program makes sense is for verify.c. */
#include "compiler/program/parse_private.h"

#include <string.h>

enum { MOST_REPORTS = 40 }; /* then reading stops */

/* ---- pieces of a line ----------------------------------------------------------------------- */

/* `slab+offset` */
Status
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

Status
parse_dtype(Parse *x, Dtype *out)
{
	int which;
	TRY(scan_choice(&x->s, "a dtype", dtype_name, DT_COUNT, &which));
	*out = (Dtype)which;
	return OK;
}

/* f32[B:8, T:197] */
Status
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

Status
parse_at(Parse *x, int *slab, int64_t *offset)
{
	TRY(scan_want(&x->s, "at"));
	return parse_place(x, slab, offset);
}
/* name=number */
Status
parse_setting(Parse *x, const char *name, double *out)
{
	TRY(scan_want(&x->s, name));
	TRY(scan_want(&x->s, "="));
	return scan_double(&x->s, name, out);
}

Status
parse_size(Parse *x, const char *name, int64_t *out)
{
	TRY(scan_want(&x->s, name));
	TRY(scan_want(&x->s, "="));
	return scan_int(&x->s, name, 1, MOST_BYTES, out);
}

/* ---- slabs, kernels ------------------------------------------------------------------------- */

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

/* name=number, when it stands there */
static Status
optional_size(Parse *x, const char *name, int64_t most, int64_t *out)
{
	if (!scan_take(&x->s, name))
		return OK;
	TRY(scan_want(&x->s, "="));
	return scan_int(&x->s, name, 1, most, out);
}

/* (f32, bool), when it stands there */
static Status
kernel_types(Parse *x, Kernel *k)
{
	Vec(Dtype) type = {0};
	if (!scan_take(&x->s, "("))
		return OK;
	do {
		Dtype t;
		TRY(parse_dtype(x, &t));
		vec_push(x->arena, &type, t);
	} while (scan_take(&x->s, ","));
	k->type = type.at;
	k->ntype = type.n;
	return scan_want(&x->s, ")");
}

static Status
kernel_line(Parse *x)
{
	Kernel k = {0};
	TRY(scan_word(&x->s, "the name of a kernel", &k.name));
	TRY(scan_string(&x->s, "the name of its file", &k.file));
	TRY(kernel_types(x, &k));
	int64_t block = 0;
	TRY(optional_size(x, "block", INT32_MAX, &block));
	TRY(optional_size(x, "shared", MOST_BYTES, &k.shared));
	TRY(optional_size(x, "grid", MOST_BYTES, &k.grid));
	TRY(optional_size(x, "per_block", MOST_BYTES, &k.per_block));
	k.block = (int)block;
	vec_push(x->arena, &x->kernel, k);
	return OK;
}

/* ---- tables: a head, then lines of numbers -------------------------------------------------- */

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

/* ---- the whole ------------------------------------------------------------------------------ */

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

static Status
parse_version(Scan *s)
{
	Token   here = s->tok;
	int64_t version;
	TRY(scan_int(s, "the version of the format", 0, INT32_MAX, &version));
	if (version == PROGRAM_VERSION)
		return OK;
	s->tok = here;
	return scan_error(s, "program-version",
	                  "this program is of format %lld, but format %d is read here: compile "
	                  "its spec again",
	                  (long long)version, PROGRAM_VERSION);
}

/* A line that starts in the first column. Goes to the section it opens, or -1 when it is unknown.
 */
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
		good = parse_version(s);
		x->known = good == OK;
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
			if (!x->known)
				return; /* the rest is of another form */
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
