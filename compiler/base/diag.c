/* diag: messages to people: errors in what they wrote with the place quoted, failures of the
 * machine, and our own mistakes. One message is one write, so that threads never mix their lines.
 * Refuses to drown the reader: at most 20 errors in source text, and one for each place. */
#include "compiler/base/base.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MOST_ERRORS = 20,
	MOST_PLACES = 64,  /* places remembered to drop what was said already */
	QUOTE_BYTES = 160, /* of a longer source line only the part around the caret is shown */
	QUOTE_BEFORE = 60,
};

const char *bug_context;

typedef struct Source {
	struct Source *next;
	const char    *file, *text;
} Source;

static struct {
	pthread_mutex_t lock;
	Source         *sources;
	Arena          *arena;
	FILE           *sink; /* NULL: stderr */
	DiagFormat      format;
	int             errors; /* counted, shown or not */
	int             shown;  /* of those with a place in source text */
	int             exit_code;
	bool            silent; /* the last error was dropped: so are its notes and hints */
	bool            muted;  /* trying: nothing is said or counted */
	int             nplace;
	struct {
		const char *file, *slug;
		int         line, col;
	} place[MOST_PLACES];
} diag = {.lock = PTHREAD_MUTEX_INITIALIZER, .exit_code = EXIT_USER};

/* ---- source text ---------------------------------------------------------------------------- */

static Source *
source_find(const char *file)
{
	for (Source *s = diag.sources; s; s = s->next)
		if (s->file == file || (file && strcmp(s->file, file) == 0))
			return s;
	return NULL;
}

void
diag_source(const char *file, const char *text)
{
	const char *name = intern(file);
	pthread_mutex_lock(&diag.lock);
	Source *s = source_find(name);
	if (!s) {
		if (!diag.arena)
			diag.arena = arena_new();
		s = arena_new_one(diag.arena, Source);
		s->file = name;
		s->next = diag.sources;
		diag.sources = s;
	}
	s->text = text;
	pthread_mutex_unlock(&diag.lock);
}

const char *
diag_source_line(const char *file, int line, int *len)
{
	const Source *s = file && line > 0 ? source_find(file) : NULL;
	const char   *p = s ? s->text : NULL;
	for (int i = 1; p && i < line; i++) {
		p = strchr(p, '\n');
		if (p)
			p++;
	}
	if (p)
		*len = (int)strcspn(p, "\r\n");
	return p;
}

/* ---- writing -------------------------------------------------------------------------------- */

static FILE *
sink(void)
{
	return diag.sink ? diag.sink : stderr;
}

typedef enum { ERROR, WARNING, NOTE, HELP, KINDS } Kind;
static const char *const kind_name[KINDS] = {"error", "warning", "note", "help"};
static const char *const kind_colour[KINDS] = {"\33[1;31m", "\33[1;35m", "\33[1;36m", "\33[1;32m"};

static bool
coloured(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	if ((no && *no) || (term && strcmp(term, "dumb") == 0))
		return false;
	int fd = fileno(sink());
	return fd >= 0 && isatty(fd);
}

static void
put_json(Text *out, Kind kind, Loc loc, const char *slug, const char *message)
{
	text_printf(out, "{\"severity\": \"%s\"", kind_name[kind]);
	if (slug) {
		text_printf(out, ", \"slug\": ");
		text_json(out, slug);
	}
	if (loc.file) {
		text_printf(out, ", \"file\": ");
		text_json(out, loc.file);
	}
	if (loc.line > 0)
		text_printf(out, ", \"line\": %d, \"column\": %d", loc.line, loc.col);
	if (loc.line > 0 && loc.end_col > loc.col)
		text_printf(out, ", \"end_column\": %d", loc.end_col);
	text_printf(out, ", \"message\": ");
	text_json(out, message);
	text_printf(out, "}\n");
}

/* The source line with carets under [col, end_col). Tabs are kept below, so that the carets stand
 * where they should at any tab width; a character of several bytes takes one place. */
static void
put_quote(Text *out, Kind kind, Loc loc, bool colour)
{
	int         len = 0;
	const char *line = diag_source_line(loc.file, loc.line, &len);
	if (!line || loc.col <= 0 || loc.col > len + 1)
		return;
	int from = 0, to = len, at = loc.col - 1;
	if (len > QUOTE_BYTES) {
		from = at > QUOTE_BEFORE ? at - QUOTE_BEFORE : 0;
		to = from + QUOTE_BYTES < len ? from + QUOTE_BYTES : len;
		while (from > 0 && (line[from] & 0xC0) == 0x80)
			from--;
		while (to < len && (line[to] & 0xC0) == 0x80)
			to++;
	}
	text_printf(out, "%5d | %s", loc.line, from ? "..." : "");
	for (int i = from; i < to; i++) {
		unsigned char c = (unsigned char)line[i];
		char          shown = (c < 0x20 && c != '\t') || c == 0x7f ? '?' : (char)c;
		text_append(out, &shown, 1);
	}
	text_printf(out, "%s\n      | %s", to < len ? "..." : "", from ? "   " : "");
	for (int i = from; i < at; i++)
		if ((line[i] & 0xC0) != 0x80)
			text_append(out, line[i] == '\t' ? "\t" : " ", 1);
	int end = loc.end_col > loc.col ? loc.end_col - 1 : at + 1;
	if (end > to)
		end = to;
	text_printf(out, "%s^", colour ? kind_colour[kind] : "");
	for (int i = at + 1; i < end; i++)
		if ((line[i] & 0xC0) != 0x80)
			text_append(out, "^", 1);
	text_printf(out, "%s\n", colour ? "\33[0m" : "");
}

static void
put_text(Text *out, Kind kind, Loc loc, const char *slug, const char *message)
{
	bool        colour = coloured();
	const char *on = colour ? "\33[1m" : "", *off = colour ? "\33[0m" : "";
	if (kind != HELP) { /* a hint has no place of its own */
		text_printf(out, "%s%s:", on, loc.file ? loc.file : "d2v");
		if (loc.file && loc.line > 0)
			text_printf(out, "%d:%d:", loc.line, loc.col);
		text_printf(out, "%s ", off);
	}
	text_printf(out, "%s%s:%s %s", colour ? kind_colour[kind] : "", kind_name[kind], off,
	            message);
	if (slug)
		text_printf(out, " [%s]", slug);
	text_append(out, "\n", 1);
	if (kind != HELP)
		put_quote(out, kind, loc, colour);
}

static void
write_message(Kind kind, Loc loc, const char *slug, const char *message)
{
	Text out = {0};
	if (diag.format == DIAG_JSON)
		put_json(&out, kind, loc, slug, message);
	else
		put_text(&out, kind, loc, slug, message);
	fwrite(out.at, 1, out.n, sink());
	fflush(sink());
	text_free(&out);
}

/* ---- reporting ------------------------------------------------------------------------------ */

/* Was this said about this place before? For an error any error counts (slug NULL), for a warning
 * one of the same slug. */
static bool
said_before(Loc loc, const char *slug)
{
	if (loc.line <= 0)
		return false;
	for (int i = 0; i < diag.nplace; i++)
		if (diag.place[i].line == loc.line && diag.place[i].col == loc.col &&
		    strcmp(diag.place[i].file, loc.file ? loc.file : "") == 0 &&
		    strcmp(diag.place[i].slug, slug ? slug : "") == 0)
			return true;
	if (diag.nplace < MOST_PLACES) {
		diag.place[diag.nplace].file = loc.file ? loc.file : "";
		diag.place[diag.nplace].slug = slug ? intern(slug) : "";
		diag.place[diag.nplace].line = loc.line;
		diag.place[diag.nplace++].col = loc.col;
	}
	return false;
}

static void
report(Kind kind, Loc loc, const char *slug, const char *fmt, va_list ap)
{
	Text message = {0};
	if (diag.muted)
		return;
	text_vprintf(&message, fmt, ap);
	pthread_mutex_lock(&diag.lock);
	if (kind == ERROR) {
		diag.silent = said_before(loc, NULL);
		if (!diag.silent) {
			if (diag.errors++ == 0)
				diag.exit_code = EXIT_USER;
			diag.silent = ++diag.shown > MOST_ERRORS;
			if (diag.shown == MOST_ERRORS + 1)
				write_message(
					NOTE, (Loc){.file = loc.file}, NULL,
					"more errors were found; only the first 20 are shown");
		}
	} else if (kind == WARNING) {
		diag.silent = said_before(loc, slug);
	}
	if (!diag.silent)
		write_message(kind, loc, slug, message.at);
	pthread_mutex_unlock(&diag.lock);
	text_free(&message);
}

Status
diag_error(Loc loc, const char *slug, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	report(ERROR, loc, slug, fmt, ap);
	va_end(ap);
	return FAIL;
}

void
diag_warning(Loc loc, const char *slug, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	report(WARNING, loc, slug, fmt, ap);
	va_end(ap);
}

void
diag_note(Loc loc, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	report(NOTE, loc, NULL, fmt, ap);
	va_end(ap);
}

void
diag_hint(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	report(HELP, (Loc){0}, NULL, fmt, ap);
	va_end(ap);
}

/* Failures without a place in source text are never hidden: there are few, and each may be the
 * cause. */
static Status
failure(int exit_code, const char *slug, const char *fmt, va_list ap)
{
	Text message = {0};
	if (diag.muted)
		return FAIL;
	text_vprintf(&message, fmt, ap);
	pthread_mutex_lock(&diag.lock);
	if (diag.errors++ == 0)
		diag.exit_code = exit_code;
	diag.silent = false;
	write_message(ERROR, (Loc){0}, slug, message.at);
	pthread_mutex_unlock(&diag.lock);
	text_free(&message);
	return FAIL;
}

Status
world_error(const char *slug, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	Status s = failure(EXIT_WORLD, slug, fmt, ap);
	va_end(ap);
	return s;
}

Status
user_error(const char *slug, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	Status s = failure(EXIT_USER, slug, fmt, ap);
	va_end(ap);
	return s;
}

int
diag_errors(void)
{
	return diag.errors;
}

int
diag_exit_code(void)
{
	return diag.exit_code;
}

void
diag_reset(void)
{
	pthread_mutex_lock(&diag.lock);
	diag.errors = diag.shown = diag.nplace = 0;
	diag.silent = false;
	diag.exit_code = EXIT_USER;
	pthread_mutex_unlock(&diag.lock);
}

void
diag_mute(void)
{
	diag.muted = true;
}

void
diag_unmute(void)
{
	diag.muted = false;
}

void
diag_sink(FILE *f)
{
	diag.sink = f;
}

void
diag_format(DiagFormat f)
{
	diag.format = f;
}

_Noreturn void
bug(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fflush(stdout);
	fprintf(stderr, "d2v: internal error at %s:%d", file, line);
	if (bug_context)
		fprintf(stderr, " in pass %s", bug_context);
	fprintf(stderr, ": ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\nThis is a mistake in d2v, not in what you wrote.\n");
	va_end(ap);
	abort();
}
