/* d2v check --passes: the user's own spec with its sizes shrunk, run on the oracle before and after
 * each pass of a compile. Compiles nothing and writes nothing. */
#include "compiler/d2v_private.h"
#include "compiler/pass/check.h"

#include <string.h>

/* Operations of a lowered step beyond which the oracle would keep people waiting for minutes:
 * differences need the forward pass some hundred times. */
static const double most_work = 5e6;

static void
print_sizes(const Size *size, int n)
{
	int shown = 0;

	for (int i = 0; i < n; i++) {
		if (size[i].value == size[i].was)
			continue;
		printf("%s%s %lld -> %lld",
		       !shown      ? "sizes   "
		       : shown % 8 ? ",  "
		                   : "\n        ",
		       size[i].name, (long long)size[i].was, (long long)size[i].value);
		shown++;
	}
	printf("%s\n", shown ? "" : "sizes   as written: none can be smaller");
}

static const char *
compared(Arena *a, const Checked *r)
{
	const struct {
		int         n;
		const char *what, *how;
	} part[] = {{r->outputs, "output", ""},
	            {r->assigned, "variable", r->formula ? " by AdamW's formula" : ""},
	            {r->gradients, "gradient", ""},
	            {r->slopes, "gradient", " by differences"}};
	const char *text = "";

	for (int i = 0; i < COUNT(part); i++)
		if (part[i].n)
			text = arena_printf(a, "%s%s%d %s%s%s", text, *text ? ", " : "", part[i].n,
			                    part[i].what, part[i].n == 1 ? "" : "s", part[i].how);
	return r->unrounded ? arena_printf(a, "%s, bf16 taken as exact (other roundings: %.0e)",
	                                   text, r->rounding)
	                    : text;
}

static void
print_rows(Arena *a, const Checked *row, int n)
{
	int width = (int)strlen("compared");

	for (int i = 0; i < n; i++)
		if ((int)strlen(compared(a, &row[i])) > width)
			width = (int)strlen(compared(a, &row[i]));
	printf("\n%-10s %6s %6s  %-*s  %10s %8s\n", "pass", "nodes", "then", width, "compared",
	       "difference", "seconds");
	for (int i = 0; i < n; i++)
		printf("%-10s %6d %6d  %-*s  %10.1e %8.2f\n", row[i].pass, row[i].before,
		       row[i].after, width, compared(a, &row[i]), row[i].worst, row[i].seconds);
	printf("\n");
}

static Status
small_enough(double work, const char *path)
{
	if (work <= most_work)
		return OK;
	(void)user_error("too-large",
	                 "the smallest sizes found for %s still make a step of %.0f million "
	                 "operations; this check takes up to %.0f",
	                 path, work / 1e6, most_work / 1e6);
	diag_hint("give smaller ones with --set NAME=VALUE, and leave those that are set as they "
	          "are no larger than they must be");
	return FAIL;
}

/* One line for a graph of features: its passes say the same thing as those of the step. */
static Status
check_feature(Arena *a, const Options *o, Graph *g)
{
	Checked *row = arena_new_array(a, Checked, pass_count), total = {.worst = 0};

	TRY(passes_check(a, g, pass_table, pass_count, arena_printf(a, "%s (%s)", o->file, g->name),
	                 row));
	for (int i = 0; i < pass_count; i++) {
		total.seconds += row[i].seconds;
		if (row[i].worst > total.worst)
			total.worst = row[i].worst;
	}
	if (!o->quiet)
		printf("%s: the same %d passes, difference %.1e, %.2f seconds\n", g->name,
		       pass_count, total.worst, total.seconds);
	return OK;
}

Status
check_passes(Arena *a, const Options *o)
{
	Checked *row = arena_new_array(a, Checked, pass_count);
	Shrunk   s;
	Spec    *spec;
	Target   target = *target_find(o->target ? o->target : "cpu");

	if (o->format && strcmp(o->format, "text") != 0) {
		verb_exit_code = usage_error(o->verb, "--passes prints text; it has no --format=%s",
		                             o->format);
		return OK;
	}
	TRY(dsl_shrink(a, o->file, o->set, o->nset, &s));
	spec = s.spec;
	if (!o->quiet)
		print_sizes(s.size, s.nsize);
	fflush(stdout);
	TRY(small_enough(s.work, o->file));
	TRY(aim(o, &spec->train, 1, &target));
	TRY(aim(o, spec->feature, spec->nfeature, &target));
	TRY(passes_check(a, spec->train, pass_table, pass_count, o->file, row));
	if (!o->quiet)
		print_rows(a, row, pass_count);
	for (int i = 0; i < spec->nfeature; i++) {
		spec->feature[i]->variables_from = spec->train;
		TRY(check_feature(a, o, spec->feature[i]));
	}
	if (!o->quiet)
		printf("bounds: %g of a tensor's largest element; %g for gradients by differences; "
		       "%g for other roundings to bf16\n",
		       CHECK_BOUND, CHECK_SLOPE_BOUND, CHECK_ROUNDING_BOUND);
	printf("every pass keeps the meaning of %s\n", o->file);
	return OK;
}
