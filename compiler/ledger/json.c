/* The ledger for programs: all of it as one JSON object, and as a trace that Perfetto and
 * chrome://tracing draw. */
#include "compiler/ledger/ledger_private.h"

static void
put_number(Text *t, const char *key, double x)
{
	char s[32];

	text_printf(t, "\"%s\": %s", key, text_double(s, x));
}

static void
put_line(Text *t, Loc loc)
{
	text_printf(t, "\"line\": ");
	if (!loc.file) {
		text_printf(t, "null");
		return;
	}
	text_json(t, intern_printf("%s:%d", loc.file, loc.line));
}

static void
put_owners(Text *t, const int64_t owner[OWNERS])
{
	bool first = true;

	text_printf(t, "{");
	for (int o = 0; o < OWNERS; o++)
		if (owner[o]) {
			text_printf(t, "%s\"%s\": %lld", first ? "" : ", ", owner_name[o],
			            (long long)owner[o]);
			first = false;
		}
	text_printf(t, "}");
}

static void
put_rates(const Ledger *l, Text *t)
{
	const Rates *r = &l->rates;
	const struct {
		const char *key;
		double      x;
	} all[] = {{"gemm_f32", r->gemm_f32},     {"gemm_bf16", r->gemm_bf16},
	           {"attend_f32", r->attend_f32}, {"attend_bf16", r->attend_bf16},
	           {"other", r->other},           {"bandwidth", r->bandwidth}};

	text_printf(t, "\"rates\": {\"device\": ");
	text_json(t, r->device);
	text_printf(t, ", \"cores\": %d, \"source\": ", l->cores);
	text_json(t, r->source);
	for (int i = 0; i < COUNT(all); i++) {
		text_printf(t, ", ");
		put_number(t, all[i].key, all[i].x);
	}
	text_printf(t, "},\n");
}

static void
put_rows(const char *key, const LedgerRows *rows, bool memory, Text *t)
{
	text_printf(t, "\"%s\": [", key);
	for (int i = 0; i < rows->n; i++) {
		const LedgerRow *r = &rows->at[i];

		text_printf(t, "%s\n  {\"name\": ", i ? "," : "");
		text_json(t, r->name);
		text_printf(t, ", \"steps\": %d, ", r->steps);
		put_number(t, "flops", r->flops);
		text_printf(t, ", ");
		put_number(t, "bytes", r->bytes);
		text_printf(t, ", ");
		put_number(t, "seconds", r->seconds);
		for (int k = 0; k < ROLES; k++) {
			text_printf(t, ", ");
			put_number(t, role_name[k], r->role_seconds[k]);
		}
		if (memory)
			text_printf(t, ", \"bytes_at_peak\": %lld, \"values_at_peak\": %d",
			            (long long)r->at_peak, r->values_at_peak);
		text_printf(t, "}");
	}
	text_printf(t, "],\n");
}

static void
put_steps(const Ledger *l, Text *t)
{
	text_printf(t, "\"steps\": [");
	for (int i = 0; i < l->entry->nstep; i++) {
		const ProgStep *s = &l->entry->step[i];

		text_printf(t, "%s\n  {\"kernel\": ", i ? "," : "");
		text_json(t, l->step[i].name);
		text_printf(t, ", \"kind\": ");
		text_json(t, l->step[i].kind);
		text_printf(t, ", \"role\": \"%s\", ", role_name[l->step[i].role]);
		put_line(t, s->loc);
		text_printf(t, ", ");
		put_number(t, "flops", s->flops);
		text_printf(t, ", ");
		put_number(t, "bytes", s->bytes);
		text_printf(t, ", ");
		put_number(t, "seconds", l->step[i].seconds);
		text_printf(t, ", \"bound\": \"%s\", \"live_bytes\": %lld}",
		            l->step[i].by_work ? "work" : "memory", (long long)l->live[i]);
	}
	text_printf(t, "],\n");
}

static void
put_values(const Ledger *l, Text *t)
{
	bool first = true;

	text_printf(t, "\"values\": [");
	for (int v = 1; v <= l->nvalue; v++) {
		const LedgerValue *x = &l->value[v];

		if (x->made < 0)
			continue;
		text_printf(t,
		            "%s\n  {\"value\": %d, \"owner\": \"%s\", \"bytes\": %lld, \"first\": "
		            "%d, \"last\": %d, \"output\": %s}",
		            first ? "" : ",", v, owner_name[x->owner], (long long)x->bytes,
		            x->first, x->last, x->output ? "true" : "false");
		first = false;
	}
	text_printf(t, "]\n");
}

void
ledger_json(const Ledger *l, Text *t)
{
	const Program *p = l->program;

	text_printf(t, "{\"spec\": ");
	text_json(t, p->recipe.spec_name);
	text_printf(t, ", \"target\": ");
	text_json(t, p->target);
	text_printf(t, ", \"entry\": ");
	text_json(t, l->entry->name);
	text_printf(t, ",\n");
	put_rates(l, t);
	put_number(t, "flops", l->flops);
	text_printf(t, ", ");
	put_number(t, "bytes", l->bytes);
	text_printf(t, ", ");
	put_number(t, "seconds", l->seconds);
	text_printf(t, ",\n\"slab_bytes\": %lld,\n\"owners\": ", (long long)l->total);
	put_owners(t, l->owner);
	text_printf(t, ",\n\"slabs\": [");
	for (int s = 0; s < p->nslab; s++) {
		text_printf(t, "%s\n  {\"name\": ", s ? "," : "");
		text_json(t, p->slab[s].name);
		text_printf(t, ", \"bytes\": %lld, \"owners\": ", (long long)p->slab[s].bytes);
		put_owners(t, l->slab_owner[s]);
		text_printf(t, "}");
	}
	text_printf(
		t,
		"],\n\"peak\": {\"step\": %d, \"live_bytes\": %lld, \"activation_bytes\": %lld},\n",
		l->peak, (long long)l->peak_bytes, (long long)l->act_bytes);
	put_rows("roles", &l->roles, false, t);
	put_rows("kinds", &l->kinds, false, t);
	put_rows("kernels", &l->kernels, false, t);
	put_rows("lines", &l->lines, true, t);
	put_steps(l, t);
	put_values(l, t);
	text_printf(t, "}\n");
}

/* Microseconds with enough digits that neighbours do not overlap. */
static void
put_span(Text *t, double at, double seconds)
{
	text_printf(t, "\"ts\": %.6f, \"dur\": %.6f", 1e6 * at, 1e6 * seconds);
}

void
ledger_trace(const Ledger *l, Text *t)
{
	double at = 0;

	text_printf(
		t, "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n"
		   "{\"ph\": \"M\", \"pid\": 1, \"name\": \"process_name\", \"args\": {\"name\": ");
	text_json(t, intern_printf("%s, %s, predicted for %s", l->program->recipe.spec_name,
	                           l->entry->name, l->rates.device));
	text_printf(t, "}}");
	for (int r = 0; r < ROLES; r++)
		text_printf(t,
		            ",\n{\"ph\": \"M\", \"pid\": 1, \"tid\": %d, \"name\": "
		            "\"thread_name\", \"args\": {\"name\": \"%s\"}}",
		            r + 1, role_name[r]);
	for (int i = 0; i < l->entry->nstep; i++) {
		const ProgStep *s = &l->entry->step[i];

		text_printf(t, ",\n{\"ph\": \"X\", \"pid\": 1, \"tid\": %d, \"name\": ",
		            (int)l->step[i].role + 1);
		text_json(t, l->step[i].name);
		text_printf(t, ", \"cat\": ");
		text_json(t, l->step[i].kind);
		text_printf(t, ", ");
		put_span(t, at, l->step[i].seconds);
		text_printf(t, ", \"args\": {\"step\": %d, ", i + 1);
		put_line(t, s->loc);
		text_printf(t, ", ");
		put_number(t, "flops", s->flops);
		text_printf(t, ", ");
		put_number(t, "bytes", s->bytes);
		text_printf(t, ", \"bound\": \"%s\"}},\n", l->step[i].by_work ? "work" : "memory");
		text_printf(t,
		            "{\"ph\": \"C\", \"pid\": 1, \"name\": \"live activations\", \"ts\": "
		            "%.6f, \"args\": {\"bytes\": %lld}}",
		            1e6 * at, (long long)l->live[i]);
		at += l->step[i].seconds;
	}
	text_printf(t,
	            ",\n{\"ph\": \"C\", \"pid\": 1, \"name\": \"live activations\", \"ts\": %.6f, "
	            "\"args\": {\"bytes\": 0}}\n]}\n",
	            1e6 * at);
}
