/* A comparison as a page for people - the verdict and what became of each amount, then each topic,
 * cut short - and whole as JSON. */
#include "compiler/ledger/diff_private.h"

#include <stdlib.h>
#include <string.h>

/* changes of one topic that are printed when not all are wanted */
enum { MOST = 6, COLUMNS = 100 };

/* ---- summary -------------------------------------------------------------------------------- */

typedef const char *AmountText(char out[24], double x);

static const char *
whole_text(char out[24], double x)
{
	snprintf(out, 24, "%.0f", x);
	return out;
}

static void
put_amount(Text *out, const char *name, double x, double y, AmountText *text)
{
	char a[24], b[24];

	text_printf(out, "  %-12s %12s", name, text(a, x));
	if (x == y)
		text_printf(out, "   same\n");
	else if (x > 0 && y >= 10 * x)
		text_printf(out, " -> %-12s times %.0f\n", text(b, y), y / x);
	else if (x > 0 && y > 0)
		text_printf(out, " -> %-12s %+.1f%%\n", text(b, y), 100 * (y / x - 1));
	else
		text_printf(out, " -> %s\n", text(b, y));
}

static int
steps_of_kind(const Entry *e, StepKind kind)
{
	int n = 0;

	for (int i = 0; i < e->nstep; i++)
		n += e->step[i].kind == kind;
	return n;
}

static int
changes_of(const ProgramDiff *d, const char *topic)
{
	int n = 0;

	for (int i = 0; i < d->n; i++)
		n += strcmp(d->change[i].topic, topic) == 0;
	return n;
}

static bool
said_first(const char *topic)
{
	return strcmp(topic, "axes") == 0 || strcmp(topic, "precision") == 0;
}

/* What the spec itself says otherwise, in one line. */
static void
put_sizes(const ProgramDiff *d, Text *out)
{
	int n = 0;

	for (int i = 0; i < d->n; i++) {
		const Change *c = &d->change[i];

		if (!said_first(c->topic) || (++n > MOST && !d->all))
			continue;
		text_printf(out,
		            n % MOST != 1 ? ", "
		            : n == 1      ? "  %-12s "
		                          : "\n  %-12s ",
		            n == 1 ? "spec" : "");
		text_printf(out, "%s %s -> %s", c->name, c->was ? c->was : "none",
		            c->is ? c->is : "none");
	}
	if (n > MOST && !d->all)
		text_printf(out, " and %d more", n - MOST);
	if (n)
		text_printf(out, "\n");
}

static void
put_counts(const ProgramDiff *d, Text *out)
{
	static const char *const topic[] = {"parameters",     "averages", "moments",
	                                    "random streams", "scalars",  "gemms"};
	bool                     first = true;

	text_printf(out, "  %-12s %12d   the same", "kernels", d->kernels_same);
	if (d->kernels_launches)
		text_printf(out, " (%d launched otherwise)", d->kernels_launches);
	text_printf(out, "; %d with other text, %d only in A, %d only in B\n", d->kernels_other,
	            d->kernels_only[0], d->kernels_only[1]);
	text_printf(out, "  %-12s ", "other too");
	for (int i = 0; i < COUNT(topic); i++)
		if (changes_of(d, topic[i])) {
			text_printf(out, "%s%d %s", first ? "" : ", ", changes_of(d, topic[i]),
			            topic[i]);
			first = false;
		}
	text_printf(out, first ? "nothing\n" : "\n");
}

static void
put_summary(const ProgramDiff *d, Text *out)
{
	const Ledger *x = d->ledger[0], *y = d->ledger[1];

	text_printf(out, "A  %s\nB  %s\n\nnumerics %s:\n  %s\n\n", d->side[0].title,
	            d->side[1].title, numerics_name[d->numerics], d->reason);
	put_sizes(d, out);
	put_amount(out, "memory", (double)x->total, (double)y->total, size_text);
	put_amount(out, "activations", (double)x->owner[OWNER_activations],
	           (double)y->owner[OWNER_activations], size_text);
	put_amount(out, "operations", x->flops, y->flops, count_text);
	put_amount(out, "bytes moved", x->bytes, y->bytes, size_text);
	put_amount(out, "launches", steps_of_kind(x->entry, STEP_launch),
	           steps_of_kind(y->entry, STEP_launch), whole_text);
	put_amount(out, "gemms", steps_of_kind(x->entry, STEP_gemm),
	           steps_of_kind(y->entry, STEP_gemm), whole_text);
	put_counts(d, out);
}

/* ---- topics --------------------------------------------------------------------------------- */

/* What the summary has said in full. */
static bool
summed_up(const char *topic)
{
	return said_first(topic) || strcmp(topic, "step") == 0;
}

/* A sign, a name and what is said of it, cut to a line unless all is wanted. */
static void
put_only(bool all, char sign, const Change *c, const char *said, Text *out)
{
	int room = COLUMNS - 6 - (int)strlen(said), n = (int)strlen(c->name);

	if (all || n <= room)
		text_printf(out, "  %c %s  %s\n", sign, c->name, said);
	else
		text_printf(out, "  %c %.*s..  %s\n", sign, room > 2 ? room - 2 : 0, c->name, said);
}

static void
put_change(bool all, const Change *c, Text *out)
{
	char x[24], y[24];

	if (strcmp(c->topic, "memory") == 0)
		text_printf(out, "  ~ %-14s %12s -> %s\n", c->name,
		            size_text(x, c->was ? strtod(c->was, NULL) : 0),
		            size_text(y, c->is ? strtod(c->is, NULL) : 0));
	else if (!c->was)
		put_only(all, '+', c, c->is, out);
	else if (!c->is)
		put_only(all, '-', c, c->was, out);
	else if (strlen(c->was) + strlen(c->is) + strlen(c->name) + 10 <= COLUMNS)
		text_printf(out, "  ~ %s  %s -> %s\n", c->name, c->was, c->is);
	else
		text_printf(out, "  ~ %s\n      %s\n   -> %s\n", c->name, c->was, c->is);
}

void
diff_text(const ProgramDiff *d, Text *out)
{
	bool cut = false;

	put_summary(d, out);
	for (int i = 0; i < d->n; i++) {
		const char *topic = d->change[i].topic;
		int         shown = 0, all = changes_of(d, topic);
		bool        seen = summed_up(topic);

		for (int k = 0; k < i && !seen; k++)
			seen = strcmp(d->change[k].topic, topic) == 0;
		if (seen)
			continue;
		text_printf(out, "\n%s\n", topic);
		for (int k = i; k < d->n && (d->all || shown < MOST); k++)
			if (strcmp(d->change[k].topic, topic) == 0) {
				put_change(d->all, &d->change[k], out);
				shown++;
			}
		if (all > shown)
			text_printf(out, "  .. %d more\n", all - shown);
		cut = cut || all > shown;
	}
	if (cut)
		text_printf(out, "\n(--all shows everything)\n");
}

/* ---- JSON ----------------------------------------------------------------------------------- */

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
	text_printf(out, ", \"steps\": %d, \"kernels\": %d, \"slab_bytes\": %lld, \"flops\": %s",
	            l->entry->nstep, l->program->nkernel, (long long)l->total,
	            text_double(s, l->flops));
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
	text_printf(out,
	            ",\n\"kernels\": {\"same\": %d, \"launched_otherwise\": %d, \"other\": %d, "
	            "\"only_a\": %d, \"only_b\": %d}",
	            d->kernels_same, d->kernels_launches, d->kernels_other, d->kernels_only[0],
	            d->kernels_only[1]);
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
