/* Two programs: everything that differs, and whether their numbers do. Says `identical` only when every output and every
 * variable's new value provably follows from the same things by the same kernels; says `reordered` when only the order
 * of additions is another; in doubt says `different`. */
#include "compiler/ledger/diff_private.h"

#include <stdlib.h>
#include <string.h>

const char *const numerics_name[] = {"identical", "reordered", "different"};

/* The first result that differs, and how many do; the two lists are sorted by name. */
typedef struct { const char *first; int differ, all; } Outcome;

static Outcome
compare_flows(const Flows *x, const Flows *y, bool loose)
{
	Outcome o = {0};
	int     i = 0, k = 0;

	while (i < x->n || k < y->n) {
		int         order = i == x->n ? 1 : k == y->n ? -1 : strcmp(x->at[i].name, y->at[k].name);
		const char *name = order > 0 ? y->at[k].name : x->at[i].name;
		bool        same = order == 0 && (loose ? x->at[i].loose == y->at[k].loose : x->at[i].strict == y->at[k].strict);

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

static void
judge(Arena *a, ProgramDiff *d, const Compare *c, bool recipe, bool variables)
{
	Flows   x = program_flow(a, d->side[0].program, d->side[0].text), y = program_flow(a, d->side[1].program, d->side[1].text);
	Outcome strict = compare_flows(&x, &y, false), loose = compare_flows(&x, &y, true);
	bool    one_spec = strcmp(d->side[0].program->recipe.spec_hash, d->side[1].program->recipe.spec_hash) == 0;

	d->numerics = NUMERICS_different;
	if (!variables) {
		d->reason = "variables have other names, shapes or starting values";
	} else if (!recipe) {
		const char *topic = c->change.at[0].topic, *name = c->change.at[0].name;

		d->reason = arena_printf(a, "%s of the run differs (%s)%s", name, topic,
		                         strict.differ ? "" : "; the step itself is the same, bit for bit");
	} else if (!strict.differ) {
		d->numerics = NUMERICS_identical;
		d->reason = arena_printf(a, "each of %d results follows from the same values by the same kernels", strict.all);
	} else if (!loose.differ) {
		d->numerics = NUMERICS_reordered;
		d->reason = "the same products are added up in another order";
	} else if (one_spec && d->side[0].compiled && d->side[1].compiled) {
		d->numerics = NUMERICS_reordered;
		d->reason = arena_printf(a, "one spec, compiled in two ways: %d of %d results come from other kernels or sums split otherwise",
		                         strict.differ, strict.all);
	} else if (one_spec) {
		d->reason = arena_printf(a, "one spec, but %d of %d results come from other kernels or other steps, `%s` among them", loose.differ,
		                         loose.all, loose.first);
	} else {
		d->reason = arena_printf(a, "%d of %d results follow from other steps or other values, `%s` among them", loose.differ,
		                         loose.all, loose.first);
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
	recipe = compare_recipe(&c);
	variables = compare_variables(&c);
	compare_steps(&c, d->ledger);
	judge(a, d, &c, recipe, variables);
	d->change = c.change.at;
	d->n = c.change.n;
	return d;
}

/* ---- for people and for programs --------------------------------------------------------------------------------- */

enum { MOST = 12 }; /* changes of one topic that are printed as text */

static void
put_amount(const Change *c, Text *out)
{
	char x[24], y[24];

	if (strcmp(c->topic, "memory") == 0)
		text_printf(out, "  %-14s %s -> %s\n", c->name, size_text(x, c->was ? strtod(c->was, NULL) : 0),
		            size_text(y, c->is ? strtod(c->is, NULL) : 0));
	else
		text_printf(out, "  %-14s %s -> %s\n", c->name, c->was ? c->was : "none", c->is ? c->is : "none");
}

static void
put_change(const Change *c, Text *out)
{
	bool amount = strcmp(c->topic, "memory") == 0 || strcmp(c->topic, "step") == 0;

	if (amount)
		put_amount(c, out);
	else if (!c->was)
		text_printf(out, "  + %s  %s\n", c->name, c->is);
	else if (!c->is)
		text_printf(out, "  - %s  %s\n", c->name, c->was);
	else if (strlen(c->was) + strlen(c->is) + strlen(c->name) < 80)
		text_printf(out, "  ~ %s  %s -> %s\n", c->name, c->was, c->is);
	else
		text_printf(out, "  ~ %s\n      %s\n   -> %s\n", c->name, c->was, c->is);
}

void
diff_text(const ProgramDiff *d, Text *out)
{
	text_printf(out, "%s -> %s\nnumerics %s: %s\n", d->side[0].title, d->side[1].title, numerics_name[d->numerics], d->reason);
	if (d->n == 0)
		text_printf(out, "\nnothing else differs but places in memory and the order of steps, if that\n");
	for (int i = 0; i < d->n;) {
		const char *topic = d->change[i].topic;
		int         shown = 0, all = 0;
		bool        seen = false;

		for (int k = 0; k < i; k++)
			seen = seen || strcmp(d->change[k].topic, topic) == 0;
		if (seen) {
			i++;
			continue;
		}
		text_printf(out, "\n%s\n", topic);
		for (int k = i; k < d->n; k++)
			if (strcmp(d->change[k].topic, topic) == 0 && ++all <= MOST) {
				put_change(&d->change[k], out);
				shown++;
			}
		if (all > shown)
			text_printf(out, "  .. %d more\n", all - shown);
		i++;
	}
}

static void
put_side(const ProgramDiff *d, int i, Text *out)
{
	const Ledger *l = d->ledger[i];
	char          s[32];

	text_printf(out, "{\"title\": ");
	text_json(out, d->side[i].title);
	text_printf(out, ", \"spec\": ");
	text_json(out, l->program->recipe.spec_name);
	text_printf(out, ", \"target\": ");
	text_json(out, l->program->target);
	text_printf(out, ", \"steps\": %d, \"kernels\": %d, \"slab_bytes\": %lld, \"flops\": %s", l->entry->nstep, l->program->nkernel,
	            (long long)l->total, text_double(s, l->flops));
	text_printf(out, ", \"bytes\": %s}", text_double(s, l->bytes));
}

void
diff_json(const ProgramDiff *d, Text *out)
{
	text_printf(out, "{\"a\": ");
	put_side(d, 0, out);
	text_printf(out, ",\n\"b\": ");
	put_side(d, 1, out);
	text_printf(out, ",\n\"numerics\": \"%s\", \"reason\": ", numerics_name[d->numerics]);
	text_json(out, d->reason);
	text_printf(out, ",\n\"changes\": [");
	for (int i = 0; i < d->n; i++) {
		const Change *c = &d->change[i];

		text_printf(out, "%s\n  {\"topic\": ", i ? "," : "");
		text_json(out, c->topic);
		text_printf(out, ", \"name\": ");
		text_json(out, c->name);
		text_printf(out, ", \"was\": ");
		if (c->was)
			text_json(out, c->was);
		else
			text_printf(out, "null");
		text_printf(out, ", \"is\": ");
		if (c->is)
			text_json(out, c->is);
		else
			text_printf(out, "null");
		text_printf(out, "}");
	}
	text_printf(out, "]}\n");
}
