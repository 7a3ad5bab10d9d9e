/* Stopping after a pass and going on from there: `d2v compile --to=STAGE` writes the text of one
 * graph as it is then,
 * `--from=STAGE FILE` reads such a text, edited or not, in place of the graph that the passes up to
 * STAGE make, and runs the others. All else - the recipe, the other graphs, where variables lie -
 * follows from the spec; so a text with other inputs, outputs or variables than the spec's is
 * refused. */
#include "compiler/d2v_private.h"
#include "compiler/pass/pass.h"

#include <string.h>

static int
graph_count(const Spec *spec)
{
	return spec->nfeature + 1;
}

static Graph **
graph_slot(Spec *spec, int i)
{
	return i == 0 ? &spec->train : &spec->feature[i - 1];
}

static Status
find_entry(const Options *o, Spec *spec, int *out)
{
	const char *name = o->entry ? o->entry : "train";
	Text        all = {0};

	for (*out = 0; *out < graph_count(spec); ++*out)
		if (strcmp((*graph_slot(spec, *out))->name, name) == 0)
			return OK;
	for (int i = 0; i < graph_count(spec); i++)
		text_printf(&all, "%s%s", i ? ", " : "", (*graph_slot(spec, i))->name);
	(void)user_error("no-entry", "%s has no entry `%s`; it has %s", o->file, name, all.at);
	text_free(&all);
	return FAIL;
}

/* ---- --from --------------------------------------------------------------------------------- */

/* What the spec's own graph is after the stage; g and what it shares are left as they are. */
static Status
own_stage(Arena *a, const Graph *g, const char *stage, Graph **out)
{
	PassSpan span = {.to = stage};

	*out = graph_copy(a, g);
	if (g->variables_from)
		(*out)->variables_from = graph_copy(a, g->variables_from);
	return pass_run_span(*out, &span, NULL, NULL);
}

/* A program made from another graph than the spec's is another one to whoever compares hashes
 * (resuming a run, d2v diff), and says so. Compared is what the texts mean: as they are printed. */
static void
tell_edited(Arena *a, const Options *o, const Graph *want, const Graph *have, Recipe *r)
{
	Text own = {0}, now = {0}, all = {0};
	char hash[33];

	graph_print(want, &own);
	graph_print(have, &now);
	if (own.n != now.n || memcmp(own.at, now.at, own.n) != 0) {
		r->edited = arena_printf(a, "%s after %s", want->name, o->from);
		text_printf(&all, "%s\n%s\n", r->spec_hash, r->edited);
		text_append(&all, now.at, now.n);
		hash_hex(all.at, all.n, hash);
		r->spec_hash = intern(hash);
	}
	text_free(&own);
	text_free(&now);
	text_free(&all);
}

static Status
read_stage(Arena *a, const Options *o, Recipe *r, Graph **g)
{
	const char *file = o->files[1];
	Fit         f = {.file = file, .stage = o->from, .lowered = *g};
	Graph      *want, *have;
	int         index;

	TRY(pass_find(o->from, &index));
	TRY(graph_read(a, file, &have));
	TRY(own_stage(a, *g, o->from, &want));
	f.want = want;
	f.have = have;
	TRY(stage_fits(&f));
	TRY(pass_ensured(have, index));
	tell_edited(a, o, want, have, r);
	have->variables_from = (*g)->variables_from;
	if (have->nslab)
		plan_extend(have);
	*g = have;
	return OK;
}

Status
stage_run(Arena *a, const Options *o, Spec *spec, PassHook *hook, void *arg)
{
	Dumps d;
	int   entry = -1;

	TRY(dumps_open(&d, a, o));
	if (o->from)
		TRY(find_entry(o, spec, &entry));
	for (int i = 0; i < graph_count(spec); i++) {
		Graph  **g = graph_slot(spec, i);
		PassSpan span = {.verify_ends = is_off(o->verify_each)};

		if (i > 0)
			(*g)->variables_from = spec->train;
		if (i == entry) {
			TRY(read_stage(a, o, &spec->recipe, g));
			span.after = o->from;
		}
		TRY(pass_run_span(*g, &span, hook ? hook : dumps_hook, hook ? arg : &d));
	}
	return hook ? OK : dumps_close(&d);
}

/* ---- --to ----------------------------------------------------------------------------------- */

Status
stage_write(Arena *a, const Options *o, Spec *spec)
{
	Dumps  d;
	Text   t = {0};
	int    entry;
	Status status;

	TRY(find_entry(o, spec, &entry));
	TRY(dumps_open(&d, a, o));
	/* a forward pass is planned beside the graphs before it */
	for (int i = 0; i <= entry; i++) {
		Graph   *g = *graph_slot(spec, i);
		PassSpan span = {.to = i == entry ? o->to : NULL,
		                 .verify_ends = is_off(o->verify_each)};

		if (i > 0)
			g->variables_from = spec->train;
		TRY(pass_run_span(g, &span, dumps_hook, &d));
	}
	TRY(dumps_close(&d));
	graph_print(*graph_slot(spec, entry), &t);
	status = text_write(&t, o->out);
	text_free(&t);
	return status;
}
