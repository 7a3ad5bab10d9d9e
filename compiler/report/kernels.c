/* Each kernel of the step, most time first: what it costs, which lines it is for, and its source.
 * Matrix products have none of ours: they are the device's library's. */
#include "compiler/report/report_private.h"

#include <string.h>

static const char *
source_of(const ReportInput *in, const char *name)
{
	const Program *p = in->ledger->program;

	for (int k = 0; k < p->nkernel; k++)
		if (strcmp(p->kernel[k].name, name) == 0)
			return in->text[k];
	return NULL;
}

static const Measured *
measured_kernel(const ReportInput *in, const char *name)
{
	for (int i = 0; in->measured && i < in->measured->kernels.n; i++)
		if (strcmp(in->measured->kernels.at[i].name, name) == 0)
			return &in->measured->kernels.at[i];
	return NULL;
}

static void
kernel_lines(Arena *a, const ReportInput *in, const LedgerRow *r, Text *out)
{
	const Ledger *l = in->ledger;
	Loc          *seen = arena_new_array(a, Loc, l->entry->nstep + 1);
	int           n = 0;

	for (int i = 0; i < l->entry->nstep; i++) {
		Loc at = l->entry->step[i].loc;
		int k = 0;

		if (strcmp(l->step[i].name, r->name) != 0 || !at.file)
			continue;
		while (k < n && (seen[k].file != at.file || seen[k].line != at.line))
			k++;
		if (k == n) {
			seen[n++] = at;
			text_printf(out, "%s%s", n > 1 ? ", " : "", line_link(a, in, at));
		}
	}
}

/* "forward", or "forward 3.2 s, teacher 3.1 s" */
static void
kernel_roles(Arena *a, const LedgerRow *r, Text *out)
{
	int n = 0, said = 0;

	for (int k = 0; k < ROLES; k++)
		n += r->role_seconds[k] > 0;
	for (int k = 0; k < ROLES; k++)
		if (r->role_seconds[k] > 0)
			text_printf(
				out, "%s%s%s", said++ ? ", " : "", role_name[k],
				n > 1 ? arena_printf(a, " %s", say_seconds(a, r->role_seconds[k]))
				      : "");
}

static void
put_kernel(Arena *a, const ReportInput *in, int k, Text *out)
{
	const Ledger    *l = in->ledger;
	const LedgerRow *r = &l->kernels.at[k];
	const Measured  *m = measured_kernel(in, r->name);
	const char      *source = source_of(in, r->name);

	text_printf(out, "<article class=kernel id=K%d tabindex=-1><h3>", k);
	html_text(out, r->name);
	text_printf(out, "</h3><p class=facts><b>%s</b> %s of the step", say_seconds(a, r->seconds),
	            say_share(a, r->seconds, l->seconds));
	if (m)
		text_printf(out, ", measured <b>%s</b>", say_seconds(a, m->ms / 1e3));
	text_printf(out, " · runs %d× (", r->steps);
	kernel_roles(a, r, out);
	text_printf(out, ") · %s operations, %s · for ", say_count(a, r->flops),
	            say_bytes(a, r->bytes));
	kernel_lines(a, in, r, out);
	text_printf(out, "</p>");
	if (source) {
		text_printf(out, "<details><summary>source<span class=vh> of ");
		html_text(out, r->name);
		text_printf(out, "</span></summary><pre tabindex=0>");
		html_text(out, source);
		text_printf(out, "</pre></details>");
	}
	text_printf(out, "</article>\n");
}

void
report_kernels(Arena *a, const ReportInput *in, Text *out)
{
	text_printf(out, "<section id=kernels aria-labelledby=h-kernels><h2 "
	                 "id=h-kernels>Kernels</h2>\n<p class=note>Most time first. "
	                 "Matrix products (gemm) are the device library's and have no source here; "
	                 "their names say operand type, layout "
	                 "and sizes m x n x k.</p>\n");
	for (int k = 0; k < in->ledger->kernels.n; k++)
		put_kernel(a, in, k, out);
	text_printf(out, "</section>\n");
}
