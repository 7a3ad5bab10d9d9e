/* d2v report: the page of a spec, of a compiled program, or of a run. Gathers what the page shows;
 * the page is compiler/report's. */
#include "compiler/d2v_private.h"
#include "compiler/ledger/ledger.h"
#include "compiler/pass/pass.h"
#include "compiler/report/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const OptionRow report_options[] = {
	SET,
	CHOICE("--target", target, "cpu|cuda", "what to compile the spec for (default: cpu)"),
	TEXT("--arch", arch, "sm_NN",
             "with --target=cuda: the GPU to compile kernels for (default: sm_90)"),
	RECOMPUTE,
	TEXT("--spec", spec, "SPEC.d2v",
             "of a run or program: the spec that it was compiled from, for all its lines and "
             "passes; --set as then"),
	TEXT("--out", out, "FILE",
             "where to write it (default: NAME-report.html here; of a run, RUN/program.html)"),
	TEXT("--entry", entry, "NAME", "train (default), student.features, .."),
	CHOICE("--device", device, "cpu|h100|h200",
               "whose rates predict the time (default: cpu, for cuda h200)"),
	TEXT("--cores", cores, "N", "how many cores a cpu has (default: those of this machine)"),
	FLAG("--quiet", quiet, "do not tell where it is"),
	END,
};

typedef Vec(Stage) Stages;
typedef struct {
	Arena *a;
	Stages stage;
} Watch;

static void
on_pass(const Graph *g, int index, const char *name, void *arg)
{
	Watch      *w = arg;
	Text        t = {0};
	const char *does = "the graph as the spec says it, before any pass";

	for (int i = 0; index > 0 && i < pass_count; i++)
		if (strcmp(pass_table[i].name, name) == 0)
			does = pass_table[i].does;
	graph_print(g, &t);
	vec_push(w->a, &w->stage, (Stage){g->name, name, does, t.at, t.n});
}

static const char *
settings_text(Arena *a, const Options *o)
{
	const char *s = o->recompute ? arena_printf(a, "--recompute=%s", o->recompute) : "";

	for (int i = 0; i < o->nset; i++)
		s = arena_printf(a, "%s%s--set %s=%s", s, *s ? " " : "", o->set[i].name,
		                 o->set[i].value);
	return s;
}

static bool
is_folder(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* A run holds a copy of its program in RUN/program. */
static Status
of_run(Arena *a, const char *run, ReportInput *in)
{
	RunLog      *log = arena_new_one(a, RunLog);
	RunResults  *results = arena_new_one(a, RunResults);
	MeasuredRun *measured;

	TRY(run_log_read(a, arena_printf(a, "%s/log.jsonl", run), log));
	TRY(measured_read(a, arena_printf(a, "%s/profile.json", run), &measured));
	TRY(run_results_read(a, arena_printf(a, "%s/eval.json", run), results));
	in->log = log;
	in->results = results;
	in->measured = measured;
	return OK;
}

static bool
same_program(const Program *x, const Program *y)
{
	Text a = {0}, b = {0};
	bool same;

	program_print(x, &a);
	program_print(y, &b);
	same = a.n == b.n && memcmp(a.at, b.at, a.n) == 0;
	text_free(&a);
	text_free(&b);
	return same;
}

/* A program folder holds no spec and no graphs: compiled once more from --spec, which must give
 * this very program. */
static Status
compiled_again(Arena *a, const Options *o, const char *folder, Watch *w, Subject *out)
{
	Options as_it_is = *o;
	Subject kept;

	as_it_is.nset = 0;
	TRY(program_of(a, &as_it_is, folder, NULL, &kept));
	if (is_folder(o->spec))
		return user_error("spec", "--spec is a spec, and %s is a folder", o->spec);
	TRY(program_watched(a, o, o->spec, kept.program->target, on_pass, w, out));
	if (kept.program->recipe.edited)
		return user_error(
			"other-spec",
			"%s was compiled from an edited graph (%s), which %s does not hold", folder,
			kept.program->recipe.edited, o->spec);
	if (strcmp(kept.program->recipe.spec_hash, out->program->recipe.spec_hash) != 0) {
		user_error("other-spec", "%s was compiled from another spec than %s as it is now",
		           folder, o->spec);
		diag_hint("give what was set then with --set NAME=VALUE");
		return FAIL;
	}
	if (!same_program(kept.program, out->program))
		return user_error("other-program",
		                  "%s, compiled now, is another program than %s: another compiler "
		                  "or other options made that one",
		                  o->spec, folder);
	return OK;
}

static Status
ledger_of(Arena *a, const Options *o, const Subject *p, Ledger **out)
{
	const char  *entry = o->entry ? o->entry : "train";
	const Entry *e = program_entry(p->program, entry);
	Rates        rates;
	int          cores;

	if (!e)
		return user_error("no-entry", "%s has no entry `%s`", o->file, entry);
	if ((verb_exit_code = rates_wanted(o, p->program, &rates, &cores)) != EXIT_OK)
		return FAIL;
	*out = ledger_make(a, p->program, e, &rates, cores);
	return OK;
}

Status
do_report(Arena *a, const Options *o)
{
	bool run = is_folder(o->file) && !file_exists(arena_printf(a, "%s/program.d2p", o->file));
	const char *path = run ? arena_printf(a, "%s/program", o->file) : o->file, *out = o->out;
	Watch       w = {.a = a};
	ReportInput in = {.title = o->file, .settings = settings_text(a, o)};
	Subject     p;
	Ledger     *l;
	Text        t = {0};
	Status      s;

	if (o->spec && !is_folder(o->file))
		return user_error("spec", "--spec is for a run or a program; %s is a spec itself",
		                  o->file);
	if (run && !is_folder(path)) {
		user_error("no-run",
		           "%s is no run and no program: it holds neither program.d2p nor program/",
		           o->file);
		diag_hint("give a spec, a folder that d2v compile wrote, or the --out folder of "
		          "d2v train");
		return FAIL;
	}
	if (o->spec)
		TRY(compiled_again(a, o, path, &w, &p));
	else
		TRY(program_watched(a, o, path, o->target, on_pass, &w, &p));
	TRY(ledger_of(a, o, &p, &l));
	in.ledger = l;
	in.text = p.text;
	in.stage = w.stage.at;
	in.nstage = w.stage.n;
	if (run)
		TRY(of_run(a, o->file, &in));
	report_spec(a, &in, o->spec ? o->spec : p.spec ? o->file : NULL, !p.spec);
	if (!out)
		out = run ? arena_printf(a, "%s/program.html", o->file)
		          : arena_printf(a, "%s-report.html", p.program->recipe.spec_name);
	s = report_page(a, &in, &t);
	if (s == OK)
		s = file_write_atomic(out, t.at, t.n);
	if (s == OK && !o->quiet)
		fprintf(stderr, "%s: %.1f MB\n", out, (double)t.n / 1e6);
	text_free(&t);
	return s;
}
