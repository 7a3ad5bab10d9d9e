/* verify: is this finished program sound? Re-reads everything from the program alone and trusts no
 * pass. The rules P1 .. P38 are those of PROGRAM.md; a message ends with the rule's number. Refuses
 * to guess what a kernel reads or writes: its arguments say it. */
#include "compiler/program/verify_private.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PROBLEMS = 20 };

void
verify_bad(Verify *v, int rule, const char *fmt, ...)
{
	if (++v->problems > MOST_PROBLEMS)
		return;
	char    slug[24];
	Text    message = {0};
	va_list ap;
	va_start(ap, fmt);
	text_vprintf(&message, fmt, ap);
	va_end(ap);
	snprintf(slug, sizeof slug, "program-p%d", rule);
	user_error(slug, "the program is not sound: %s", message.at);
	text_free(&message);
}

bool
verify_is_name(const char *s)
{
	if (!s || !(isalpha((unsigned char)*s) || *s == '_'))
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return *s == '\0';
}

bool
verify_is_word(const char *s)
{
	if (!s || !*s || *s == '#')
		return false;
	while (*s && (unsigned char)*s > ' ' && *s != 0x7f && !strchr("\"=()[],:", *s))
		s++;
	return *s == '\0';
}

bool
verify_type(Verify *v, const Type *t, const char *kind, const char *name)
{
	int before = v->problems;
	if ((int)t->dtype < 0 || t->dtype >= DT_COUNT || t->rank < 0 || t->rank > MAX_RANK) {
		verify_bad(v, 3, "%s `%s` has no legal type", kind, name);
		return false;
	}
	for (int i = 0; i < t->rank; i++) {
		if (!verify_is_word(t->axis[i].name))
			verify_bad(v, 3, "axis %d of %s `%s` has no legal name", i, kind, name);
		else if (t->axis[i].size < 1 || t->axis[i].size > MOST_BYTES)
			verify_bad(v, 3, "axis %s of %s `%s` has size %lld", t->axis[i].name, kind,
			           name, (long long)t->axis[i].size);
		for (int j = 0; j < i; j++)
			if (t->axis[i].name && t->axis[j].name &&
			    strcmp(t->axis[i].name, t->axis[j].name) == 0)
				verify_bad(v, 3, "%s `%s` has axis %s twice", kind, name,
				           t->axis[i].name);
	}
	return v->problems == before;
}

bool
verify_place(Verify *v, int rule, int slab, int64_t offset, int64_t bytes, int align,
             const char *what)
{
	const Program *p = v->p;
	if (slab < 0 || slab >= p->nslab)
		verify_bad(v, rule, "%s lies in slab %d of %d", what, slab, p->nslab);
	else if (offset < 0 || bytes < 0 || offset > p->slab[slab].bytes ||
	         bytes > p->slab[slab].bytes - offset)
		verify_bad(v, rule,
		           "%s takes bytes %lld and %lld more of slab `%s`, which has %lld", what,
		           (long long)offset, (long long)bytes, p->slab[slab].name,
		           (long long)p->slab[slab].bytes);
	else if (offset % align != 0)
		verify_bad(v, rule, "%s lies at %s+%lld, which is no multiple of %d bytes", what,
		           p->slab[slab].name, (long long)offset, align);
	else
		return true;
	return false;
}

/* ---- spans of memory ------------------------------------------------------------------------ */

static int
compare_spans(const void *a, const void *b)
{
	const Span *x = a, *y = b;
	if (x->slab != y->slab)
		return x->slab < y->slab ? -1 : 1;
	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->hi < y->hi ? -1 : x->hi > y->hi;
}

void
verify_sort(Span *s, int n)
{
	if (n > 1)
		qsort(s, (size_t)n, sizeof *s, compare_spans);
}

const Span *
verify_hits(const Verify *v, const Span *s)
{
	int from = 0, to = v->nfixed; /* the first span that ends behind the start of s */
	while (from < to) {
		int         middle = from + (to - from) / 2;
		const Span *f = &v->fixed[middle];
		if (f->slab < s->slab || (f->slab == s->slab && f->hi <= s->lo))
			from = middle + 1;
		else
			to = middle;
	}
	const Span *f = from < v->nfixed ? &v->fixed[from] : NULL;
	return f && f->slab == s->slab && f->lo < s->hi && s->lo < s->hi ? f : NULL;
}

/* P6: variables keep apart; P13: tables from everything that stays. */
static void
verify_fixed(Verify *v)
{
	verify_sort(v->fixed, v->nfixed);
	for (int i = 1; i < v->nfixed; i++) {
		const Span *a = &v->fixed[i - 1], *b = &v->fixed[i];
		if (a->slab == b->slab && b->lo < a->hi)
			verify_bad(v,
			           strcmp(a->kind, "table") == 0 || strcmp(b->kind, "table") == 0
			                   ? 13
			                   : 6,
			           "%s `%s` and %s `%s` overlap in slab `%s`", a->kind, a->name,
			           b->kind, b->name, v->p->slab[a->slab].name);
	}
}

/* ---- P1, P2, P12, P14: names and slabs ------------------------------------------------------ */

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
verify_unique(Verify *v, int rule, const char *kind, const char **names, int n)
{
	if (n > 1)
		qsort(names, (size_t)n, sizeof *names, compare_names);
	for (int i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			verify_bad(v, rule, "there are two %s `%s`", kind, names[i]);
}

/* A file right inside kernels/: a program folder must not make the runtime read elsewhere. */
static bool
is_file_name(const char *s)
{
	return s && *s && *s != '.' && !strchr(s, '/') && strlen(s) < 256;
}

static void
verify_names(Verify *v)
{
	const Program *p = v->p;
	int            most = p->nslab + p->nkernel + p->nentry;
	const char   **names = arena_new_array(v->arena, const char *, most + 1);
	int            n = 0;
	if (!verify_is_name(p->target))
		verify_bad(v, 1, "the target `%s` is no name", p->target ? p->target : "");
	for (const char *s = p->needs ? p->needs : ""; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(" ,_.-", *s)) {
			verify_bad(v, 1, "`%s` is no list of CPU features", p->needs);
			break;
		}
	for (int i = 0; i < p->nslab; i++) {
		if (!verify_is_word(p->slab[i].name))
			verify_bad(v, 2, "slab %d has no legal name", i);
		else
			names[n++] = p->slab[i].name;
		if (p->slab[i].bytes < 0 || p->slab[i].bytes > MOST_BYTES)
			verify_bad(v, 2, "slab %d has %lld bytes", i, (long long)p->slab[i].bytes);
	}
	verify_unique(v, 2, "slabs", names, n);
	n = 0;
	for (int i = 0; i < p->nkernel; i++) {
		if (!verify_is_name(p->kernel[i].name))
			verify_bad(v, 12, "kernel %d has no legal name", i);
		else
			names[n++] = p->kernel[i].name;
		if (!is_file_name(p->kernel[i].file))
			verify_bad(v, 12,
			           "the source of kernel %d is `%s`, which is no plain file name",
			           i, p->kernel[i].file ? p->kernel[i].file : "");
	}
	verify_unique(v, 12, "kernels", names, n);
	n = 0;
	for (int i = 0; i < p->nentry; i++) {
		if (!p->entry[i].name || !*p->entry[i].name)
			verify_bad(v, 14, "entry %d has no name", i);
		else
			names[n++] = p->entry[i].name;
	}
	verify_unique(v, 14, "entries", names, n);
	if (p->nentry == 0)
		verify_bad(v, 14, "there is no entry");
}

/* ---- P3 .. P7: variables -------------------------------------------------------------------- */

static int
compare_variables(const void *a, const void *b)
{
	return strcmp((*(const Variable *const *)a)->name, (*(const Variable *const *)b)->name);
}

const Variable *
verify_find(const Verify *v, const char *name)
{
	int from = 0, to = v->p->recipe.nvar;
	while (name && from < to) {
		int middle = from + (to - from) / 2;
		int order = strcmp(v->var[middle]->name, name);
		if (order == 0)
			return v->var[middle];
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}

static bool
same_shape(const Type *a, const Type *b)
{
	if (a->rank != b->rank)
		return false;
	for (int i = 0; i < a->rank; i++)
		if (a->axis[i].size != b->axis[i].size ||
		    strcmp(a->axis[i].name, b->axis[i].name) != 0)
			return false;
	return true;
}

static void
verify_init(Verify *v, const Variable *x)
{
	const Init *init = &x->init;
	bool        good = false;
	switch (init->kind) {
	case INIT_const:
		good = isfinite(init->value);
		break;
	case INIT_normal:
	case INIT_trunc_normal:
		good = isfinite(init->std) && init->std >= 0 && isfinite(init->scale) &&
		       (init->kind == INIT_normal || (isfinite(init->cut) && init->cut > 0));
		break;
	case INIT_copy: {
		const Variable *from = verify_find(v, init->of);
		good = from && from->init.kind != INIT_copy && same_shape(&from->type, &x->type) &&
		       from->type.dtype == x->type.dtype;
		break;
	}
	}
	if (!good)
		verify_bad(v, 7, "variable `%s` cannot start as `%s` says", x->name,
		           (unsigned)init->kind < COUNT(init_kind_name) ? init_kind_name[init->kind]
		                                                        : "?");
}

static void
verify_relation(Verify *v, const Variable *x)
{
	const Variable *of = verify_find(v, x->of);
	if ((unsigned)x->kind >= COUNT(var_kind_name))
		verify_bad(v, 7, "variable `%s` is of no known kind", x->name);
	else if (x->kind == VAR_param && x->of)
		verify_bad(v, 7, "parameter `%s` belongs to `%s`", x->name, x->of);
	else if (x->kind != VAR_param &&
	         (!of || of->kind != VAR_param || !same_shape(&of->type, &x->type)))
		verify_bad(v, 7, "`%s` should belong to a parameter of its shape, not to `%s`",
		           x->name, x->of ? x->of : "");
}

static void
verify_variables(Verify *v)
{
	const Recipe *r = &v->p->recipe;
	bool          legal = true;
	for (int i = 0; i < r->nvar; i++) {
		const Variable *x = &r->var[i];
		if (!x->name || !*x->name) {
			verify_bad(v, 4, "variable %d has no name", i);
			legal = false;
		} else if (!verify_type(v, &x->type, "variable", x->name)) {
			legal = false;
		} else if (verify_place(v, 5, x->slab, x->offset, type_bytes(&x->type),
		                        dtype_bytes[x->type.dtype], x->name)) {
			v->fixed[v->nfixed++] =
				(Span){x->slab, x->offset, x->offset + type_bytes(&x->type),
			               "variable", x->name};
		}
	}
	if (!legal)
		return; /* what follows looks variables up by name and compares shapes */
	for (int i = 0; i < r->nvar; i++)
		v->var[i] = &r->var[i];
	if (r->nvar > 1)
		qsort(v->var, (size_t)r->nvar, sizeof *v->var, compare_variables);
	for (int i = 1; i < r->nvar; i++)
		if (strcmp(v->var[i - 1]->name, v->var[i]->name) == 0)
			verify_bad(v, 4, "there are two variables `%s`", v->var[i]->name);
	for (int i = 0; i < r->nvar; i++) {
		verify_relation(v, &r->var[i]);
		verify_init(v, &r->var[i]);
	}
}

/* P13 */
static void
verify_tables(Verify *v)
{
	for (int i = 0; i < v->p->ntable; i++) {
		const Table *t = &v->p->table[i];
		const char  *name = arena_printf(v->arena, "%d", i);
		if (t->count < 1 || t->count > MOST_BYTES / 4 || !t->data)
			verify_bad(v, 13, "table %d has %lld numbers", i, (long long)t->count);
		else if (verify_place(v, 13, t->slab, t->offset, 4 * t->count, 4,
		                      arena_printf(v->arena, "table %d", i)))
			v->fixed[v->nfixed++] =
				(Span){t->slab, t->offset, t->offset + 4 * t->count, "table", name};
	}
}

/* ---- P37, P38: memory as a whole ------------------------------------------------------------ */

void
verify_reach(Verify *v, int slab, int64_t end)
{
	if (v->reach[slab] < end)
		v->reach[slab] = end;
}

static const Span *
gap_at(const Verify *v, int slab, int64_t lo, int64_t hi)
{
	int from = 0, to = v->gap.n; /* the first gap that ends behind lo */
	while (from < to) {
		int         middle = from + (to - from) / 2;
		const Span *f = &v->gap.at[middle];
		if (f->slab < slab || (f->slab == slab && f->hi <= lo))
			from = middle + 1;
		else
			to = middle;
	}
	const Span *f = from < v->gap.n ? &v->gap.at[from] : NULL;
	return f && f->slab == slab && f->lo < hi ? f : NULL;
}

static void
verify_gap(Verify *v, int slab, int64_t lo, int64_t hi, const char *whom)
{
	const Span *gap = gap_at(v, slab, lo, hi);
	if (gap)
		verify_bad(v, 37, "%s lies on padding of slab `%s` that %s reads", whom,
		           v->p->slab[slab].name, gap->name);
}

/* P37: padding that somebody reads is never written, by no step of any entry. */
static void
verify_padding(Verify *v)
{
	const Program *p = v->p;
	int            n = 1;
	verify_sort(v->gap.at, v->gap.n);
	for (int i = 1; i < v->gap.n; i++) /* several read the same */
		if (v->gap.at[i].slab == v->gap.at[n - 1].slab &&
		    v->gap.at[i].lo <= v->gap.at[n - 1].hi) {
			if (v->gap.at[i].hi > v->gap.at[n - 1].hi)
				v->gap.at[n - 1].hi = v->gap.at[i].hi;
		} else {
			v->gap.at[n++] = v->gap.at[i];
		}
	if (v->gap.n == 0)
		return;
	v->gap.n = n;
	for (int i = 0; i < p->nentry; i++) {
		const Entry *e = &p->entry[i];
		for (int j = 0; j < e->nscalar; j++)
			verify_gap(v, e->scalar[j].slab, e->scalar[j].offset,
			           e->scalar[j].offset + 4, "a scalar");
		for (int j = 0; j < e->ninput; j++)
			verify_gap(v, e->input[j].slab, e->input[j].offset,
			           e->input[j].offset + type_bytes(&e->input[j].type), "an input");
		for (int j = 0; j < e->nstep; j++) {
			const ProgStep *s = &e->step[j];
			const Gemm     *g = &s->gemm;
			if (s->kind == STEP_gemm)
				verify_gap(v, g->c.slab, g->c.offset,
				           g->c.offset + dtype_bytes[g->c.dtype] *
				                                 ((g->z - 1) * g->c.sz +
				                                  (g->m - 1) * g->c.s0 + g->n),
				           "the result of a gemm");
			for (int k = 0; s->kind == STEP_launch && k < s->narg; k++) {
				const Arg *a = &s->arg[k];
				if (a->kind == ARG_pointer && (a->access & ACCESS_write))
					verify_gap(v, a->slab, a->offset,
					           a->offset +
					                   (a->extent.rows - 1) * a->extent.pitch +
					                   a->extent.bytes,
					           "what a launch writes");
			}
		}
	}
}

/* P38 */
static void
verify_sizes(Verify *v)
{
	for (int i = 0; i < v->p->nslab; i++) {
		int64_t most = (v->reach[i] + VARIABLE_PAD - 1) / VARIABLE_PAD * VARIABLE_PAD;
		if (v->p->slab[i].bytes > most)
			verify_bad(v, 38, "slab `%s` has %lld bytes, of which only %lld are used",
			           v->p->slab[i].name, (long long)v->p->slab[i].bytes,
			           (long long)v->reach[i]);
	}
}

static void
verify_steps(Verify *v)
{
	const Program *p = v->p;
	for (int i = 0; i < p->nentry && v->problems == 0; i++)
		verify_entry(v, &p->entry[i]);
	if (v->problems == 0)
		verify_kernels(v);
	for (int i = 0; i < p->nentry && v->problems == 0; i++)
		verify_flow(v, &p->entry[i]);
	if (v->problems == 0)
		verify_padding(v);
	for (int i = 0; i < p->ntable && v->problems == 0; i++)
		if (!v->table_used[i])
			verify_bad(v, 36, "no entry reads table %d", i);
	if (v->problems == 0)
		verify_sizes(v);
}

Status
program_prove(const Program *p, Proof *out)
{
	Verify v = {.p = p, .arena = arena_new()};
	v.var = arena_new_array(v.arena, const Variable *, p->recipe.nvar + 1);
	v.fixed = arena_new_array(v.arena, Span, p->recipe.nvar + p->ntable + 1);
	v.reach = arena_new_array(v.arena, int64_t, p->nslab + 1);
	v.table_used = arena_new_array(v.arena, bool, p->ntable + 1);
	verify_names(&v);
	/* Everything else names slabs and kernels in its messages, and looks variables up: one
	 * thing at a time. */
	if (v.problems == 0) {
		verify_variables(&v);
		verify_tables(&v);
		verify_fixed(&v);
	}
	if (v.problems == 0)
		verify_recipe(&v);
	if (v.problems == 0)
		verify_steps(&v);
	*out = v.proof;
	arena_free(v.arena);
	return v.problems ? FAIL : OK;
}

Status
program_verify(const Program *p)
{
	Proof proof;
	return program_prove(p, &proof);
}
