/* d2v plan --memory: does the plan fit, and if not, what would? Every row is a plan that the
 * compiler made: of the same spec with a smaller batch, with bf16 products, with more computed
 * again, and with these together. Estimates nothing. */
#include "compiler/d2v_private.h"
#include "compiler/ledger/ledger.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PLANS = 64, SMALLEST = 4 };

typedef struct {
	const char *change; /* as it is typed: "--set B=32" */
	int64_t     batch, bytes;
	double      seconds;
	bool        fits;
	const char
		*alters; /* what of the run besides time: "nothing", "batch", "precision, batch" */
} Remedy;

typedef struct {
	Arena         *a;
	const Options *o;
	const Rates   *rates;
	int            cores;
	int64_t        limit;
	bool           spec; /* a spec, of which other plans can be made; no folder */
	const char    *axis; /* the batch axis, when the spec has one */
	int            n;
	Remedy         at[MAX_PLANS];
} Search;

static void
override(Options *o, const char *name, const char *value)
{
	for (int i = 0; i < o->nset; i++)
		if (strcmp(o->set[i].name, name) == 0) {
			o->set[i].value = value;
			return;
		}
	if (o->nset < MAX_SET)
		o->set[o->nset++] = (Override){name, value};
}

static void
measure(Search *x, const Subject *p, Remedy *r)
{
	Ledger *l = ledger_make(x->a, p->program,
	                        program_entry(p->program, x->o->entry ? x->o->entry : "train"),
	                        x->rates, x->cores);

	r->batch = p->program->recipe.data.batch;
	r->bytes = l->total;
	r->seconds = l->seconds;
	r->fits = l->total <= x->limit;
}

/* One more plan. False: the spec allows no such change; what it said about that is not the user's
 * mistake. */
static bool
try_plan(Search *x, const Options *changed, const char *change, const char *alters)
{
	FILE   *nowhere = fopen("/dev/null", "w");
	Subject p;
	bool    made;

	if (x->n == MAX_PLANS)
		return false;
	if (nowhere)
		diag_sink(nowhere);
	made = program_of(x->a, changed, x->o->file, x->o->target, &p) == OK &&
	       expect_program(p.spec, p.program) == OK;
	diag_reset();
	diag_sink(NULL);
	if (nowhere)
		fclose(nowhere);
	if (!made)
		return false;
	x->at[x->n].change = change;
	x->at[x->n].alters = alters;
	measure(x, &p, &x->at[x->n]);
	return x->at[x->n++].fits;
}

/* The change alone, then with smaller and smaller batches until it fits. */
static void
try_batches(Search *x, const Options *changed, const char *change, bool half, int64_t batch)
{
	if (*change && try_plan(x, changed, change, half ? "precision" : "nothing"))
		return;
	for (batch /= 2; x->axis && batch >= 1; batch /= 2) {
		Options     smaller = *changed;
		const char *value = arena_printf(x->a, "%lld", (long long)batch);
		int         n = x->n;

		override(&smaller, x->axis, value);
		if (try_plan(x, &smaller,
		             arena_printf(x->a, "%s%s--set %s=%s", change, *change ? " " : "",
		                          x->axis, value),
		             half ? "precision, batch" : "batch") ||
		    x->n == n)
			return;
	}
}

static double
per_sample(const Remedy *r)
{
	return r->seconds / (double)(r->batch > 0 ? r->batch : 1);
}

/* What fits first, the fastest a sample first; then the smallest. */
static int
best_first(const void *a, const void *b)
{
	const Remedy *x = a, *y = b;

	if (x->fits != y->fits)
		return x->fits ? -1 : 1;
	if (x->fits && per_sample(x) != per_sample(y))
		return per_sample(x) < per_sample(y) ? -1 : 1;
	return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static void
search(Search *x, const Subject *p, const Remedy *now)
{
	bool      bf16 = p->spec->train->matmul == DT_bf16;
	Recompute now_again = p->spec->train->recompute;

	x->axis = p->spec->train->batch_axis;
	for (Recompute more = now_again; more < RECOMPUTE_COUNT; more++)
		for (int half = 0; half < (bf16 ? 1 : 2); half++) {
			Options     changed = *x->o;
			const char *again = more > now_again ? arena_printf(x->a, "--recompute=%s",
			                                                    recompute_name[more])
			                                     : "";
			const char *change =
				arena_printf(x->a, "%s%s%s", again, half && *again ? " " : "",
			                     half ? "--set precision=bf16" : "");

			if (half)
				override(&changed, "precision", "bf16");
			changed.recompute = recompute_name[more];
			try_batches(x, &changed, change, half, now->batch);
		}
	qsort(x->at, (size_t)x->n, sizeof *x->at, best_first);
}

static void
put_plan(const Remedy *r, const Remedy *now, Text *t)
{
	char size[24], time[24];

	text_printf(t, "%12s %8lld %14s %+8.1f%%  %-16s  %s\n", size_text(size, (double)r->bytes),
	            (long long)r->batch, time_text(time, per_sample(r)),
	            100 * (per_sample(r) / per_sample(now) - 1), r->alters, r->change);
}

/* What fits; and when nothing does, the smallest. */
static void
put_text(const Search *x, const Remedy *now, Text *t)
{
	char size[24], limit[24], time[24];
	int  fit = 0, shown;

	size_text(limit, (double)x->limit);
	text_printf(t, "%s takes %s at batch %lld, %s a sample: it %s %s\n", x->o->file,
	            size_text(size, (double)now->bytes), (long long)now->batch,
	            time_text(time, per_sample(now)), now->fits ? "fits in" : "does not fit in",
	            limit);
	if (now->fits)
		return;
	if (!x->n) {
		text_printf(t, "\nno other plan can be made of it%s\n",
		            x->spec ? "" : ": it is compiled already; give the spec instead");
		return;
	}
	while (fit < x->n && x->at[fit].fits)
		fit++;
	shown = fit ? fit : x->n < SMALLEST ? x->n : SMALLEST;
	if (fit)
		text_printf(t, "\nof %d other plans that were made, %d fit%s:\n\n", x->n, fit,
		            fit == 1 ? "s" : "");
	else
		text_printf(t, "\nnone of %d other plans that were made fits; the smallest:\n\n",
		            x->n);
	text_printf(t, "%12s %8s %14s %9s  %-16s  %s\n", "memory", "batch", "time a sample", "",
	            "alters", "plan");
	for (int i = 0; i < shown; i++)
		put_plan(&x->at[i], now, t);
}

static void
put_json(const Search *x, const Remedy *now, Text *t)
{
	char s[32];

	text_printf(t,
	            "{\"limit\": %lld, \"fits\": %s, \"bytes\": %lld, \"batch\": %lld, "
	            "\"seconds\": %s,\n\"plans\": [",
	            (long long)x->limit, now->fits ? "true" : "false", (long long)now->bytes,
	            (long long)now->batch, text_double(s, now->seconds));
	for (int i = 0; i < x->n; i++) {
		const Remedy *r = &x->at[i];

		text_printf(t, "%s\n  {\"change\": ", i ? "," : "");
		text_json(t, r->change);
		text_printf(t,
		            ", \"fits\": %s, \"alters\": \"%s\", \"bytes\": %lld, \"batch\": %lld, "
		            "\"seconds\": %s}",
		            r->fits ? "true" : "false", r->alters, (long long)r->bytes,
		            (long long)r->batch, text_double(s, r->seconds));
	}
	text_printf(t, "]}\n");
}

Status
plan_within(Arena *a, const Options *o, const Subject *p, int64_t limit, const Rates *rates,
            int cores, Text *out)
{
	Search *x = arena_new_one(a, Search);
	Remedy  now = {.change = ""};

	*x = (Search){.a = a,
	              .o = o,
	              .rates = rates,
	              .cores = cores,
	              .limit = limit,
	              .spec = p->spec != NULL};
	measure(x, p, &now);
	if (!now.fits && p->spec)
		search(x, p, &now);
	if (o->format && strcmp(o->format, "json") == 0)
		put_json(x, &now, out);
	else
		put_text(x, &now, out);
	if (!now.fits && (x->n == 0 || !x->at[0].fits))
		verb_exit_code = EXIT_USER;
	return OK;
}
