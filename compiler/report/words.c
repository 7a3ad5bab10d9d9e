/* Numbers as people read them, and the links between the page's parts. Adds up nothing. */
#include "compiler/report/report_private.h"

#include <string.h>

const char *
say_bytes(Arena *a, double bytes)
{
	char s[24];

	return arena_strdup(a, size_text(s, bytes));
}

const char *
say_count(Arena *a, double x)
{
	static const char *const unit[] = {"", " k", " M", " G", " T", " P"};
	int                      u = 0;

	while (x >= 999.95 && u + 1 < COUNT(unit)) {
		x /= 1000;
		u++;
	}
	return arena_printf(a, u ? "%.1f%s" : "%.0f%s", x, unit[u]);
}

/* Three figures. */
const char *
say_seconds(Arena *a, double s)
{
	const char *unit = s >= 1 ? "s" : s >= 1e-3 ? "ms" : "µs";
	double      x = s >= 1 ? s : s >= 1e-3 ? s * 1e3 : s * 1e6;

	if (x < 0.005)
		return "< 0.01 µs";
	return arena_printf(a, "%.*f %s", x >= 100 ? 0 : x >= 10 ? 1 : 2, x, unit);
}

const char *
say_share(Arena *a, double part, double of)
{
	double x = of > 0 ? 100 * part / of : 0;

	return x > 0 && x < 0.05 ? "< 0.1 %" : arena_printf(a, "%.1f %%", x);
}

static const char *
text_taken(Arena *a, Text *t)
{
	const char *s = arena_strndup(a, t->n ? t->at : "", t->n);

	text_free(t);
	return s;
}

/* The last part of a path: enough to tell the files of one spec apart nearly always, and the link's
 * target says the rest. */
static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *
line_link(Arena *a, const ReportInput *in, Loc loc)
{
	Text t = {0};

	if (!loc.file)
		return "";
	for (int f = 0; f < in->nspec; f++)
		if (in->spec[f].file == loc.file && loc.line <= in->spec[f].nline)
			text_printf(&t, "<a href=\"#L%d-%d\">", f, loc.line);
	bool linked = t.n > 0;
	html_text(&t, base_name(loc.file));
	text_printf(&t, ":%d%s", loc.line, linked ? "</a>" : "");
	return text_taken(a, &t);
}

const char *
line_says(Arena *a, const ReportInput *in, Loc loc)
{
	Text        t = {0};
	const char *s = NULL;

	for (int f = 0; f < in->nspec; f++)
		if (in->spec[f].file == loc.file && loc.line >= 1 && loc.line <= in->spec[f].nline)
			s = in->spec[f].line[loc.line - 1];
	if (!s)
		return "";
	text_printf(&t, " <code class=says>");
	html_text(&t, s + strspn(s, " \t"));
	text_printf(&t, "</code>");
	return text_taken(a, &t);
}

int
kernel_row(const Ledger *l, const char *name)
{
	for (int i = 0; i < l->kernels.n; i++)
		if (strcmp(l->kernels.at[i].name, name) == 0)
			return i;
	return -1;
}

const char *
kernel_link(Arena *a, const ReportInput *in, const char *name)
{
	Text t = {0};
	int  row = kernel_row(in->ledger, name);

	if (row >= 0)
		text_printf(&t, "<a href=\"#K%d\">", row);
	html_text(&t, name);
	text_printf(&t, "%s", row >= 0 ? "</a>" : "");
	return text_taken(a, &t);
}

void
json_safe(Text *t, const char *s)
{
	Text raw = {0};

	text_json(&raw, s);
	for (size_t i = 0; i < raw.n; i++)
		if (raw.at[i] == '<')
			text_printf(t, "\\u003c");
		else
			text_append(t, raw.at + i, 1);
	text_free(&raw);
}
