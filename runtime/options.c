/* Command line options of the verbs. Refuses unknown options (with the nearest known one),
 * repeated options, missing or superfluous values, and any number of folders but one. */
#include "runtime/run_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

Status
option_error(const RunVerb *v, const char *fmt, ...)
{
	char    text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)user_error("usage", "%s", text);
	diag_hint("`d2v-run %s --help` shows what goes with it", v->name);
	return FAIL;
}

static Status
unknown(const RunVerb *v, const char *arg, size_t n_name, const Option *o, int n)
{
	const char *names[64], *name = intern_n(arg, n_name), *near = NULL;
	int         k = 0;
	for (; k < n && k < COUNT(names); k++)
		names[k] = o[k].name;
	if (strncmp(name, "--", 2) == 0)
		near = text_nearest(name + 2, names, k);
	if (near)
		return option_error(v, "unknown option `%s`; did you mean `--%s`?", name, near);
	return option_error(v, "unknown option `%s`", name);
}

/* One option, its value in argv[*i] too or behind it. */
static Status
take(int argc, char **argv, int *i, const RunVerb *v, const Option *o, int n)
{
	const char *arg = argv[*i], *value = strchr(arg, '=');
	size_t      len = value ? (size_t)(value - arg) : strlen(arg);
	int         k = 0;
	while (k < n && (strncmp(arg, "--", 2) != 0 || strlen(o[k].name) != len - 2 ||
	                 memcmp(o[k].name, arg + 2, len - 2) != 0))
		k++;
	if (k == n)
		return unknown(v, arg, len, o, n);
	if (o[k].flag && value)
		return option_error(v, "no value goes with --%s, and there is `%s`", o[k].name,
		                    value + 1);
	if (o[k].flag) {
		*o[k].flag = true;
		return OK;
	}
	if (*o[k].text)
		return option_error(v, "--%s is given twice", o[k].name);
	if (value == NULL && *i + 1 == argc)
		return option_error(v, "--%s wants a value, and nothing comes after it", o[k].name);
	*o[k].text = value ? value + 1 : argv[++*i];
	if (**o[k].text == 0)
		return option_error(v, "--%s wants a value, and there is nothing behind `%s`",
		                    o[k].name, arg);
	return OK;
}

OptionsResult
options_parse(int argc, char **argv, const RunVerb *v, const Option *o, int n, const char **folder)
{
	*folder = NULL;
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(v->help, stdout);
			return OPTIONS_help;
		}
		if (argv[i][0] == '-') {
			if (take(argc, argv, &i, v, o, n) != OK)
				return OPTIONS_wrong;
		} else if (*folder) {
			(void)option_error(v, "%s wants %s, and there is also `%s`", v->name,
			                   v->wants, argv[i]);
			return OPTIONS_wrong;
		} else
			*folder = argv[i];
	}
	if (*folder)
		return OPTIONS_run;
	(void)option_error(v, "%s wants %s, and there is none", v->name, v->wants);
	return OPTIONS_wrong;
}

Status
option_integer(const RunVerb *v, const char *name, const char *text, int64_t lo, int64_t hi,
               int64_t *out)
{
	if (text == NULL)
		return OK;
	char *end;
	errno = 0;
	long long x = strtoll(text, &end, 10);
	if (end == text || *end || errno || x < lo || x > hi)
		return option_error(v, "--%s is a whole number from %lld to %lld, not `%s`", name,
		                    (long long)lo, (long long)hi, text);
	*out = x;
	return OK;
}

Status
option_threads(const RunVerb *v, const char *text)
{
	int64_t n = 0;
	TRY(option_integer(v, "threads", text, 1, 1024, &n));
	if (n > 0) {
		char s[24];
		snprintf(s, sizeof s, "%lld", (long long)n);
		setenv("D2V_THREADS", s, 1);
	}
	return OK;
}
