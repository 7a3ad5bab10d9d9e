/* d2v plan: the ledger of a spec or of a program, as text, JSON or a trace. Opens no device and writes no program. */
#include "compiler/d2v_private.h"
#include "compiler/ledger/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const OptionRow plan_options[] = {
	SET,
	CHOICE("--target", target, "cpu|cuda", "what to compile the spec for (default: cpu)"),
	TEXT("--arch", arch, "sm_NN", "with --target=cuda: the GPU to compile kernels for (default: sm_90)"),
	RECOMPUTE,
	CHOICE("--format", format, "text|json|trace", "how to print; a trace is for Perfetto and chrome://tracing (default: text)"),
	TEXT("--out", out, "FILE", "where to write it (default: print it)"),
	TEXT("--entry", entry, "NAME", "train (default), student.features, .."),
	TEXT("--memory", memory, "BYTES", "plan under a limit, such as 8GiB or 500MB"),
	CHOICE("--device", device, "cpu|h100|h200", "whose rates predict the time (default: cpu, for cuda h200)"),
	TEXT("--cores", cores, "N", "how many cores a cpu has (default: those of this machine)"),
	TEXT("--rate", rate, "N", "operations a second, for all work, such as 450G (default: the device's)"),
	TEXT("--bandwidth", bandwidth, "N", "bytes a second, such as 90G (default: the device's)"),
	END,
};

/* 90G, 4.8T, 8GiB, 500MB: a number, then k M G T, with `i` of 1024, and perhaps B. */
static Status
amount(const char *option, const char *text, double *out)
{
	static const char unit[] = "kMGT";
	char             *end;
	const char       *at;
	double            base = 1000;
	int               power = 0;

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
		return user_error("amount", "%s is an amount such as 8GiB, 500MB or 90G, not `%s`", option, text);
	return OK;
}

Status
rates_wanted(const Options *o, const Program *p, Rates *r, int *cores)
{
	const char *device = o->device ? o->device : strcmp(p->target, "cuda") == 0 ? "h200" : "cpu";
	long        n = sysconf(_SC_NPROCESSORS_ONLN);
	double      rate;

	*r = *rates_find(device);
	if (o->cores) {
		char *end;

		n = strtol(o->cores, &end, 10);
		if (end == o->cores || *end || n < 1 || n > 4096)
			return user_error("cores", "--cores is a number from 1 to 4096, not `%s`", o->cores);
	}
	*cores = r->per_core && n > 0 ? (int)n : 1;
	if (o->rate || o->bandwidth) {
		*r = rates_of_cores(r, *cores); /* what is given is for all of them */
		*cores = 1;
	}
	if (o->rate) {
		TRY(amount("--rate", o->rate, &rate));
		r->gemm_f32 = r->gemm_bf16 = r->attend_f32 = r->attend_bf16 = r->other = rate;
	}
	if (o->bandwidth)
		TRY(amount("--bandwidth", o->bandwidth, &r->bandwidth));
	if (o->rate || o->bandwidth) {
		r->device = "the command line";
		r->source = o->rate && o->bandwidth ? "both given" : o->rate ? "work given, bandwidth of the device" : "bandwidth given, work of the device";
	}
	return OK;
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
	double       limit;
	int          cores;
	const char  *format = o->format ? o->format : "text", *entry = o->entry ? o->entry : "train";

	if (o->memory && strcmp(format, "trace") == 0)
		return user_error("plan-format", "a trace shows one plan; --memory compares plans, as text or json");
	TRY(program_of(a, o, o->file, o->target, &p));
	TRY(rates_wanted(o, p.program, &rates, &cores));
	if (!(e = program_entry(p.program, entry)))
		return user_error("no-entry", "%s has no entry `%s`", o->file, entry);
	if (o->memory) {
		TRY(amount("--memory", o->memory, &limit));
		return finish(o, &t, plan_within(a, o, &p, (int64_t)limit, &rates, cores, &t));
	}
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
