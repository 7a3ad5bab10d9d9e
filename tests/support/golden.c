/* golden: runs tests that are text files holding a command and what it should print
 * (tests/golden/README.md). Usage: golden [--bless] FILE..; the programs under test come first on
 * PATH, which golden.sh arranges. Prints the failures and a last line with the counts. Stands
 * alone: it tests base, so it does not use it. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_CHECKS = 500, SECONDS = 120 };

typedef enum { CHECK, CHECK_NEXT, CHECK_NOT } CheckKind;

typedef struct {
	CheckKind   kind;
	const char *text;
	int         line;
} Check;

/* One test file, taken apart. */
typedef struct {
	const char *path; /* as given */
	char        folder[PATH_MAX], name[NAME_MAX + 1];
	char   expected[PATH_MAX]; /* NAME.expected beside it, "" when there is none and none is
	                            wanted */
	char   temp[64];
	char  *text;
	size_t input;  /* bytes in front of the line `# EXPECT`; all when there is none */
	char  *expect; /* text behind that line, or of the .expected file; NULL: none */
	char  *command[16];
	int    ncommand, exit;
	Check  check[MOST_CHECKS];
	int    ncheck;
	bool   inline_expect, bad;
	char  *lines; /* the text again, cut into lines that command and check point into */
} Test;

static void
die(const char *what, const char *path)
{
	fprintf(stderr, "golden: cannot %s %s: %s\n", what, path, strerror(errno));
	exit(3);
}

/* ---- text ----------------------------------------------------------------------------------- */

typedef struct {
	char  *at;
	size_t n;
} Bytes;

static void
append(Bytes *b, const char *s, size_t n)
{
	b->at = realloc(b->at, b->n + n + 1);
	if (!b->at)
		die("hold", "the text");
	memcpy(b->at + b->n, s, n);
	b->n += n;
	b->at[b->n] = '\0';
}

static char *
read_stream(FILE *f)
{
	Bytes  all = {0};
	char   part[4096];
	size_t n;
	append(&all, "", 0);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		append(&all, part, n);
	return all.at;
}

static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	if (!f)
		return NULL;
	char *text = read_stream(f);
	fclose(f);
	return text;
}

static void
write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");
	if (!f || fwrite(text, 1, n, f) != n || fclose(f) != 0)
		die("write", path);
}

/* `text` with every `from` replaced; frees `text`. */
static char *
replace(char *text, const char *from, const char *to)
{
	Bytes       out = {0};
	const char *at = text;
	append(&out, "", 0);
	for (const char *hit; (hit = strstr(at, from)) != NULL; at = hit + strlen(from)) {
		append(&out, at, (size_t)(hit - at));
		append(&out, to, strlen(to));
	}
	append(&out, at, strlen(at));
	free(text);
	return out.at;
}

/* ---- reading a test ------------------------------------------------------------------------- */

/* What follows `# WORD` or `// WORD` at the start of the line, without blanks around it; NULL:
 * something else. */
static char *
directive(char *line, const char *word)
{
	if (*line == '#')
		line++;
	else if (strncmp(line, "//", 2) == 0)
		line += 2;
	else
		return NULL;
	line += strspn(line, " \t");
	if (strncmp(line, word, strlen(word)) != 0)
		return NULL;
	line += strlen(word);
	line += strspn(line, " \t");
	size_t n = strlen(line);
	while (n > 0 && strchr(" \t\r", line[n - 1]))
		line[--n] = '\0';
	return line;
}

static void
add_check(Test *t, CheckKind kind, const char *text, int line)
{
	if (t->ncheck < MOST_CHECKS)
		t->check[t->ncheck++] = (Check){kind, text, line};
}

static void
read_directives(Test *t)
{
	int number = 0;
	t->lines = strdup(t->text);
	t->input = strlen(t->text);
	for (char *line = t->lines, *next; line; line = next) {
		char *rest;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		if ((rest = directive(line, "EXPECT")) != NULL && !*rest) {
			t->input = (size_t)(line - t->lines);
			t->inline_expect = true;
			t->expect = strdup(next ? t->text + (next - t->lines) : "");
			return;
		}
		if ((rest = directive(line, "RUN:")) != NULL && t->ncommand < 16)
			t->command[t->ncommand++] = rest;
		else if ((rest = directive(line, "EXIT:")) != NULL)
			t->exit = atoi(rest);
		else if ((rest = directive(line, "CHECK:")) != NULL)
			add_check(t, CHECK, rest, number);
		else if ((rest = directive(line, "CHECK-NEXT:")) != NULL)
			add_check(t, CHECK_NEXT, rest, number);
		else if ((rest = directive(line, "CHECK-NOT:")) != NULL)
			add_check(t, CHECK_NOT, rest, number);
	}
}

static Test *
open_test(const char *path)
{
	Test *t = calloc(1, sizeof *t);
	if (!t || (t->text = read_file(path)) == NULL)
		die("read", path);
	t->path = path;
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	snprintf(t->folder, sizeof t->folder, "%.*s", slash ? (int)(slash - path) : 1,
	         slash ? path : ".");
	snprintf(t->name, sizeof t->name, "%s", name);
	const char *parent = strrchr(t->folder, '/');
	t->bad = strcmp(parent ? parent + 1 : t->folder, "bad") == 0;
	t->exit = t->bad ? 1 : 0;
	read_directives(t);
	if (t->ncommand == 0 && t->bad)
		t->command[t->ncommand++] = "d2v check %s";
	if (!t->inline_expect && t->ncheck == 0) {
		const char *dot = strrchr(path, '.');
		snprintf(t->expected, sizeof t->expected, "%.*s.expected",
		         dot && dot > path + strlen(t->folder) ? (int)(dot - path)
		                                               : (int)strlen(path),
		         path);
		t->expect = read_file(t->expected);
	}
	snprintf(t->temp, sizeof t->temp, "/tmp/golden-XXXXXX");
	if (!mkdtemp(t->temp))
		die("make", t->temp);
	return t;
}

static void
close_test(Test *t)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", t->temp);
	if (system(command) != 0)
		die("remove", t->temp);
	free(t->text);
	free(t->lines);
	free(t->expect);
	free(t);
}

/* ---- running it ----------------------------------------------------------------------------- */

/* Run one command in the test's folder; appends stdout and stderr together, returns the exit
 * status. */
static int
run_command(const Test *t, const char *command, Bytes *out)
{
	char  where[PATH_MAX + NAME_MAX], limit[16];
	int   ends[2], status;
	char *line = strdup(command);
	/* An expectation inside the file is no input of the command: it gets the part in front,
	 * under the same name. */
	snprintf(where, sizeof where, "%s%s%s", t->inline_expect ? t->temp : "",
	         t->inline_expect ? "/in/" : "", t->name);
	line = replace(replace(line, "%s", where), "%t", t->temp);
	snprintf(limit, sizeof limit, "%d", SECONDS);
	fflush(stdout);
	if (pipe(ends) != 0)
		die("make", "a pipe");
	pid_t child = fork();
	if (child < 0)
		die("run", command);
	if (child == 0) {
		if (chdir(t->folder) != 0 || dup2(ends[1], 1) < 0 || dup2(ends[1], 2) < 0 ||
		    !freopen("/dev/null", "r", stdin))
			_exit(126);
		close(ends[0]);
		close(ends[1]);
		execlp("timeout", "timeout", limit, "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	FILE *f = fdopen(ends[0], "r");
	char *text = read_stream(f);
	fclose(f);
	append(out, text, strlen(text));
	free(text);
	free(line);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* All commands; the output with temporary paths made neutral. */
static char *
run_test(const Test *t, int *exit_status)
{
	Bytes out = {0};
	char  path[PATH_MAX];
	append(&out, "", 0);
	if (t->inline_expect) {
		snprintf(path, sizeof path, "mkdir '%s/in'", t->temp);
		if (system(path) != 0)
			die("make", t->temp);
		snprintf(path, sizeof path, "%s/in/%s", t->temp, t->name);
		write_file(path, t->text, t->input);
	}
	*exit_status = 0;
	for (int i = 0; i < t->ncommand && *exit_status == 0; i++)
		*exit_status = run_command(t, t->command[i], &out);
	snprintf(path, sizeof path, "%s/in/", t->temp);
	return replace(replace(out.at, path, ""), t->temp, "%t");
}

/* ---- judging -------------------------------------------------------------------------------- */

static bool
fail(const Test *t, const char *why)
{
	printf("FAIL %s: %s\n", t->path, why);
	return false;
}

static void
show_difference(const Test *t, const char *got)
{
	char want_path[128], got_path[128], command[512];
	snprintf(want_path, sizeof want_path, "%s/expected", t->temp);
	snprintf(got_path, sizeof got_path, "%s/got", t->temp);
	write_file(want_path, t->expect ? t->expect : "", t->expect ? strlen(t->expect) : 0);
	write_file(got_path, got, strlen(got));
	snprintf(command, sizeof command,
	         "diff -u --label expected --label got '%s' '%s' | head -60", want_path, got_path);
	fflush(stdout);
	if (system(command) != 0)
		die("compare", t->path);
}

/* The next line from *at on; its text is cut out into `line`. NULL at the end. */
static char *
next_line(const char **at)
{
	if (!**at)
		return NULL;
	size_t n = strcspn(*at, "\n");
	char  *line = strndup(*at, n);
	*at += n + ((*at)[n] == '\n');
	return line;
}

/* CHECK lines in order, each found behind the one before; a CHECK-NOT holds between its neighbours.
 */
static bool
checks_hold(const Test *t, const char *out)
{
	const char *at = out;
	char        why[300];
	int         first_not = 0;
	for (int i = 0; i <= t->ncheck; i++) {
		const Check *c = i < t->ncheck ? &t->check[i] : NULL;
		bool         found = c == NULL;
		char        *line;
		if (c && c->kind == CHECK_NOT)
			continue;
		while ((line = next_line(&at)) != NULL) {
			found = c && strstr(line, c->text);
			for (int j = first_not; !found && j < i; j++)
				if (t->check[j].kind == CHECK_NOT &&
				    strstr(line, t->check[j].text)) {
					snprintf(why, sizeof why,
					         "line %d: CHECK-NOT found: %.200s",
					         t->check[j].line, line);
					free(line);
					return fail(t, why);
				}
			free(line);
			if (found || (c && c->kind == CHECK_NEXT))
				break;
		}
		if (c && !found) {
			snprintf(why, sizeof why, "line %d: nothing matches: %.200s", c->line,
			         c->text);
			return fail(t, why);
		}
		first_not = i + 1;
	}
	return true;
}

static bool
bless(Test *t, const char *got)
{
	if (t->inline_expect) {
		Bytes       all = {0};
		const char *behind = strchr(t->text + t->input, '\n');
		append(&all, t->text, behind ? (size_t)(behind + 1 - t->text) : strlen(t->text));
		if (!behind)
			append(&all, "\n", 1);
		append(&all, got, strlen(got));
		write_file(t->path, all.at, all.n);
		free(all.at);
	} else {
		write_file(t->expected, got, strlen(got));
	}
	printf("blessed %s\n", t->path);
	return true;
}

/* A spec in bad/ is named after the slug it shows. */
static bool
shows_slug(const Test *t, const char *out)
{
	char slug[NAME_MAX + 3];
	snprintf(slug, sizeof slug, "[%.*s]", (int)strcspn(t->name, "."), t->name);
	return !t->bad || strstr(out, slug) != NULL;
}

static bool
judge(Test *t, const char *out, int exit_status, bool may_bless)
{
	char why[128];
	if (exit_status != t->exit) {
		snprintf(why, sizeof why, "exit status %d, expected %d%s; it printed:", exit_status,
		         t->exit, exit_status == 124 ? " (it ran out of time)" : "");
		fail(t, why);
		printf("%.4000s", out);
		return false;
	}
	if (!shows_slug(t, out)) {
		fail(t, "the message is not of the slug that names the file; it printed:");
		printf("%.4000s", out);
		return false;
	}
	if (t->ncheck > 0 && !t->inline_expect) {
		bool good = checks_hold(t, out);
		if (!good)
			printf("%.4000s", out);
		return good;
	}
	if (t->expect && strcmp(t->expect, out) == 0)
		return true;
	if (may_bless)
		return bless(t, out);
	fail(t, t->expect ? "other text than expected"
	                  : "no expectation yet (`make bless` writes one)");
	show_difference(t, out);
	return false;
}

int
main(int argc, char **argv)
{
	bool may_bless = argc > 1 && strcmp(argv[1], "--bless") == 0;
	int  passed = 0, failed = 0;
	setenv("NO_COLOR", "1", 1);
	setenv("LC_ALL", "C", 1);
	for (int i = may_bless ? 2 : 1; i < argc; i++) {
		Test *t = open_test(argv[i]);
		int   exit_status = 0;
		char *out = run_test(t, &exit_status);
		bool  good = t->ncommand > 0 ? judge(t, out, exit_status, may_bless)
		                             : fail(t, "there is no RUN line");
		passed += good;
		failed += !good;
		free(out);
		close_test(t);
	}
	printf("golden: %d passed, %d failed\n", passed, failed);
	return failed > 0;
}
