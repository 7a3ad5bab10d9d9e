/* d2v plan: the ledger of a spec or of a program, as text, JSON or a trace. Opens no device and
 * writes no program. */
#include "compiler/d2v_private.h"
#include "compiler/ledger/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const OptionRow plan_options[] = {
	SET,
	CHOICE("--target", target, "cpu|cuda", "what to compile the spec for (default: cpu)"),
	TEXT("--arch", arch, "sm_NN",
             "with --target=cuda: the GPU to compile kernels for (default: sm_90)"),
	RECOMPUTE,
	CHOICE("--format", format, "text|json|trace",
               "how to print; a trace is for Perfetto and chrome://tracing (default: text)"),
	TEXT("--out", out, "FILE", "where to write it (default: print it)"),
	TEXT("--entry", entry, "NAME", "train (default), student.features, .."),
	TEXT("--memory", memory, "BYTES", "plan under a limit, such as 8GiB or 500MB"),
	CHOICE("--device", device, "cpu|h100|h200",
               "whose rates predict the time (default: cpu, for cuda h200)"),
	TEXT("--cores", cores, "N", "how many cores a cpu has (default: those of this machine)"),
	TEXT("--rate", rate, "N",
             "operations a second, for all work, such as 450G (default: the device's)"),
	TEXT("--bandwidth", bandwidth, "N", "bytes a second, such as 90G (default: the device's)"),
	END,
};

/* The options that are numbers; 0: not given. */
typedef struct {
	double memory, rate, bandwidth, cores;
} Numbers;

/* 90G, 4.8T, 8GiB, 500MB: a number, then k M G T, with `i` of 1024, and perhaps B. */
static int
amount(const Options *o, const char *option, const char *text, double *out)
{
	static const char unit[] = "kMGT";
	char             *end;
	const char       *at;
	double            base = 1000;
	int               power = 0;

	if (!text)
		return EXIT_OK;
	*out = strtod(text, &end);
	if (end != text && *end) {
		char c = *end == 'K' ? 'k' : *end;

		if ((at = strchr(unit, c))) {
			power = (int)(at - unit) + 1;
			end++;
			if (*end == 'i') {
				base = 1024;
				end++;
			}
		}
		if (*end == 'B')
			end++;
	}
	while (power--)
		*out *= base;
	if (end == text || *end || !(*out >= 1) || !(*out < 1e18))
		return usage_error(o->verb, "%s is an amount such as 8GiB, 500MB or 90G, not `%s`",
		                   option, text);
	return EXIT_OK;
}

static int
numbers(const Options *o, Numbers *n)
{
	int code;

	if ((code = amount(o, "--memory", o->memory, &n->memory)) ||
	    (code = amount(o, "--rate", o->rate, &n->rate)) ||
	    (code = amount(o, "--bandwidth", o->bandwidth, &n->bandwidth)))
		return code;
	if (o->cores) {
		char *end;
		long  cores = strtol(o->cores, &end, 10);

		if (end == o->cores || *end || cores < 1 || cores > 4096)
			return usage_error(o->verb, "--cores is a number from 1 to 4096, not `%s`",
			                   o->cores);
		n->cores = (double)cores;
	}
	if (o->memory && o->format && strcmp(o->format, "trace") == 0)
		return usage_error(
			o->verb,
			"a trace shows one plan; --memory compares plans, as text or json");
	return EXIT_OK;
}

static void
rates_by(const Options *o, const Numbers *n, const Program *p, Rates *r, int *cores)
{
	long here = sysconf(_SC_NPROCESSORS_ONLN);

	*r = *rates_find(o->device ? o->device : strcmp(p->target, "cuda") == 0 ? "h200" : "cpu");
	*cores = !r->per_core ? 1 : n->cores > 0 ? (int)n->cores : here > 0 ? (int)here : 1;
	if (!o->rate && !o->bandwidth)
		return;
	*r = rates_of_cores(r, *cores); /* what is given is for all of them */
	*cores = 1;
	if (o->rate)
		r->gemm_f32 = r->gemm_bf16 = r->attend_f32 = r->attend_bf16 = r->other = n->rate;
	if (o->bandwidth)
		r->bandwidth = n->bandwidth;
	r->source = o->rate && o->bandwidth ? "both given"
	            : o->rate ? intern_printf("work given, bandwidth of %s", r->device)
	                      : intern_printf("bandwidth given, work of %s", r->device);
	r->device = "the command line";
}

int
rates_wanted(const Options *o, const Program *p, Rates *r, int *cores)
{
	Numbers n = {0};
	int     code = numbers(o, &n);

	if (code == EXIT_OK)
		rates_by(o, &n, p, r, cores);
	return code;
}

static Status
no_entry(const Options *o, const Program *p, const char *entry)
{
	const char *all = "";

	for (int i = 0; i < p->nentry; i++)
		all = intern_printf("%s%s%s", all, i ? ", " : "", p->entry[i].name);
	return user_error("no-entry", "%s has no entry `%s`; it has %s", o->file, entry, all);
}

static Status
finish(const Options *o, Text *t, Status s)
{
	if (s == OK && o->out)
		s = file_write_atomic(o->out, t->at, t->n);
	else if (s == OK)
		fwrite(t->at, 1, t->n, stdout);
	text_free(t);
	return s;
}

Status
do_plan(Arena *a, const Options *o)
{
	Subject      p;
	Rates        rates;
	const Entry *e;
	Ledger      *l;
	Text         t = {0};
	Numbers      n = {0};
	int          cores;
	const char *format = o->format ? o->format : "text", *entry = o->entry ? o->entry : "train";

	if ((verb_exit_code = numbers(o, &n)) != EXIT_OK)
		return OK;
	TRY(program_of(a, o, o->file, o->target, &p));
	rates_by(o, &n, p.program, &rates, &cores);
	if (!(e = program_entry(p.program, entry)))
		return no_entry(o, p.program, entry);
	if (o->memory)
		return finish(o, &t, plan_within(a, o, &p, (int64_t)n.memory, &rates, cores, &t));
	l = ledger_make(a, p.program, e, &rates, cores);
	if (strcmp(format, "json") == 0)
		ledger_json(l, &t);
	else if (strcmp(format, "trace") == 0)
		ledger_trace(l, &t);
	else
		ledger_text(l, &t);
	TRY(finish(o, &t, OK));
	return p.spec ? expect_program(p.spec, p.program) : OK;
}
