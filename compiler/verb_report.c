/* d2v report: the page of a spec, of a compiled program, or of a run. Gathers what the page shows; the page is compiler/report's. */
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
	TEXT("--arch", arch, "sm_NN", "with --target=cuda: the GPU to compile kernels for (default: sm_90)"),
	RECOMPUTE,
	TEXT("--out", out, "FILE", "where to write it (default: NAME-report.html here; of a run, RUN/program.html)"),
	TEXT("--entry", entry, "NAME", "train (default), student.features, .."),
	CHOICE("--device", device, "cpu|h100|h200", "whose rates predict the time (default: cpu, for cuda h200)"),
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
		s = arena_printf(a, "%s%s--set %s=%s", s, *s ? " " : "", o->set[i].name, o->set[i].value);
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
	MeasuredRun *measured;

	TRY(run_log_read(a, arena_printf(a, "%s/log.jsonl", run), log));
	TRY(measured_read(a, arena_printf(a, "%s/profile.json", run), &measured));
	in->log = log;
	in->measured = measured;
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
	bool        run = is_folder(o->file) && !file_exists(arena_printf(a, "%s/program.d2p", o->file));
	const char *path = run ? arena_printf(a, "%s/program", o->file) : o->file, *out = o->out;
	Watch       w = {.a = a};
	ReportInput in = {.title = o->file, .settings = settings_text(a, o)};
	Subject     p;
	Ledger     *l;
	Text        t = {0};
	Status      s;

	if (run && !is_folder(path)) {
		user_error("no-run", "%s is no run and no program: it holds neither program.d2p nor program/", o->file);
		diag_hint("give a spec, a folder that d2v compile wrote, or the --out folder of d2v train");
		return FAIL;
	}
	TRY(program_watched(a, o, path, o->target, on_pass, &w, &p));
	TRY(ledger_of(a, o, &p, &l));
	in.ledger = l;
	in.text = p.text;
	in.stage = w.stage.at;
	in.nstage = w.stage.n;
	if (run)
		TRY(of_run(a, o->file, &in));
	report_spec(a, &in, p.spec ? o->file : NULL, !p.spec);
	if (!out)
		out = run ? arena_printf(a, "%s/program.html", o->file) : arena_printf(a, "%s-report.html", p.program->recipe.spec_name);
	s = report_page(a, &in, &t);
	if (s == OK)
		s = file_write_atomic(out, t.at, t.n);
	if (s == OK && !o->quiet)
		fprintf(stderr, "%s: %.1f MB\n", out, (double)t.n / 1e6);
	text_free(&t);
	return s;
}
