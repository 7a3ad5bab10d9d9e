/* Two programs: everything that differs, and whether their numbers do. Says `identical` only when
 * every output and every variable's new value provably follows from the same things by the same
 * kernels; says `reordered` when only the order of additions is another; in doubt says `different`.
 */
#include "compiler/ledger/diff_private.h"

#include <stdlib.h>
#include <string.h>

const char *const numerics_name[] = {"identical", "reordered", "different"};

/* The first result that differs, and how many do; the two lists are sorted by name. */
typedef struct {
	const char *first;
	int         differ, all;
} Outcome;

static Outcome
compare_flows(const Flows *x, const Flows *y, bool loose)
{
	Outcome o = {0};
	int     i = 0, k = 0;

	while (i < x->n || k < y->n) {
		int order = i == x->n ? 1 : k == y->n ? -1 : strcmp(x->at[i].name, y->at[k].name);
		const char *name = order > 0 ? y->at[k].name : x->at[i].name;
		bool        same = order == 0 && (loose ? x->at[i].loose == y->at[k].loose
		                                        : x->at[i].strict == y->at[k].strict);

		o.all++;
		if (!same) {
			o.differ++;
			if (!o.first)
				o.first = name;
		}
		i += order <= 0;
		k += order >= 0;
	}
	return o;
}

/* What compare_recipe found, the first three: "batch (data), seed (run)". */
static const char *
settings(Arena *a, const Compare *c)
{
	const char *out = "";
	int         n = 0;

	for (int i = 0; i < c->recipe_end; i++) {
		const Change *x = &c->change.at[i];

		if (strcmp(x->topic, "axes") != 0 && ++n <= 3)
			out = arena_printf(a, "%s%s%s (%s)", out, n > 1 ? ", " : "", x->name,
			                   x->topic);
	}
	return n > 3 ? arena_printf(a, "%s and %d more", out, n - 3) : out;
}

static void
judge(Arena *a, ProgramDiff *d, const Compare *c, bool recipe, bool variables)
{
	Flows x = program_flow(a, d->side[0].program, d->side[0].text),
	      y = program_flow(a, d->side[1].program, d->side[1].text);
	Outcome strict = compare_flows(&x, &y, false), loose = compare_flows(&x, &y, true);
	bool    one_spec = strcmp(d->side[0].program->recipe.spec_hash,
	                          d->side[1].program->recipe.spec_hash) == 0;

	d->numerics = NUMERICS_different;
	if (!variables) {
		d->reason = "variables have other names, shapes or starting values";
	} else if (!recipe) {
		d->reason = arena_printf(
			a, "the run differs in %s; %s", settings(a, c),
			strict.differ
				? arena_printf(a, "%d of %d results of its steps are others, too",
		                               strict.differ, strict.all)
				: "its step is the same, bit for bit");
	} else if (!strict.differ) {
		d->numerics = NUMERICS_identical;
		d->reason = arena_printf(
			a, "each of %d results follows from the same values by the same kernels",
			strict.all);
	} else if (!loose.differ) {
		d->numerics = NUMERICS_reordered;
		d->reason = "the same products are added up in another order";
	} else if (one_spec && d->side[0].compiled && d->side[1].compiled) {
		d->numerics = NUMERICS_reordered;
		d->reason = arena_printf(a,
		                         "one spec, compiled in two ways; %d of %d results come "
		                         "from other kernels or sums cut otherwise",
		                         strict.differ, strict.all);
	} else if (one_spec) {
		d->reason = arena_printf(a,
		                         "one spec, but %d of %d results come from other kernels "
		                         "or other steps, `%s` among them",
		                         loose.differ, loose.all, loose.first);
	} else {
		d->reason = arena_printf(
			a,
			"%d of %d results follow from other steps or other values, `%s` among them",
			loose.differ, loose.all, loose.first);
	}
}

static const Entry *
main_entry(const Program *p)
{
	const Entry *e = program_entry(p, "train");

	return e ? e : &p->entry[0];
}

ProgramDiff *
program_diff(Arena *a, Side x, Side y)
{
	ProgramDiff *d = arena_new_one(a, ProgramDiff);
	Compare      c = {.a = a, .side = {x, y}};
	bool         recipe, variables;

	d->side[0] = x;
	d->side[1] = y;
	for (int i = 0; i < 2; i++) {
		const Program *p = d->side[i].program;
		const Rates   *rates = rates_find(strcmp(p->target, "cuda") == 0 ? "h200" : "cpu");

		d->ledger[i] = ledger_make(a, p, main_entry(p), rates, 1);
	}
	compare_axes(&c);
	recipe = compare_recipe(&c);
	variables = compare_variables(&c);
	compare_steps(&c, d->ledger);
	d->kernels_same = c.same;
	d->kernels_launches = c.launches;
	d->kernels_other = c.other;
	memcpy(d->kernels_only, c.only, sizeof c.only);
	judge(a, d, &c, recipe, variables);
	d->change = c.change.at;
	d->n = c.change.n;
	return d;
}
