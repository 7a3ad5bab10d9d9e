/* Command line options of the verbs. Refuses unknown options (with the nearest known one),
 * repeated options, missing or superfluous values, and more than one folder. */
#include "runtime/run_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static OptionsResult
usage_error(const char *verb, const char *what, const char *word)
{
	fprintf(stderr, "d2v: error: %s `%s`; see `d2v-run %s --help` [usage]\n", what, word, verb);
	return OPTIONS_wrong;
}

static OptionsResult
unknown(const char *verb, const char *name, const Option *o, int n)
{
	const char *names[64];
	int         k = 0;
	for (; k < n && k < COUNT(names); k++)
		names[k] = o[k].name;
	const char *near = text_nearest(name, names, k);
	if (near == NULL)
		return usage_error(verb, "unknown option", name);
	fprintf(stderr, "d2v: error: unknown option `--%s`; did you mean `--%s`? [usage]\n", name,
	        near);
	return OPTIONS_wrong;
}

OptionsResult
options_parse(int argc, char **argv, const char *verb, const char *usage, const Option *o, int n,
              const char **folder)
{
	*folder = NULL;
	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i];
		if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
			fputs(usage, stdout);
			return OPTIONS_help;
		}
		if (strncmp(arg, "--", 2) != 0) {
			if (arg[0] == '-')
				return usage_error(verb, "unknown option", arg);
			if (*folder)
				return usage_error(verb, "one folder is enough, but there is also",
				                   arg);
			*folder = arg;
			continue;
		}
		const char *value = strchr(arg, '=');
		size_t      len = value ? (size_t)(value - arg) - 2 : strlen(arg) - 2;
		int         k = 0;
		while (k < n && (strlen(o[k].name) != len || memcmp(o[k].name, arg + 2, len) != 0))
			k++;
		if (k == n)
			return unknown(verb, intern_n(arg + 2, len), o, n);
		if (o[k].flag) {
			if (value)
				return usage_error(verb, "no value goes with", arg);
			*o[k].flag = true;
			continue;
		}
		if (*o[k].text)
			return usage_error(verb, "given twice:", arg);
		if (value == NULL && i + 1 == argc)
			return usage_error(verb, "a value is missing after", arg);
		*o[k].text = value ? value + 1 : argv[++i];
		if (**o[k].text == 0)
			return usage_error(verb, "there is nothing behind", arg);
	}
	return *folder ? OPTIONS_run : usage_error(verb, "missing argument", "FOLDER");
}

Status
option_integer(const char *name, const char *text, int64_t lo, int64_t hi, int64_t *out)
{
	if (text == NULL)
		return OK;
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (end == text || *end || errno || v < lo || v > hi) {
		fprintf(stderr,
		        "d2v: error: --%s takes a whole number from %lld to %lld, not `%s` "
		        "[usage]\n",
		        name, (long long)lo, (long long)hi, text);
		return FAIL;
	}
	*out = v;
	return OK;
}

Status
option_threads(const char *text)
{
	int64_t n = 0;
	TRY(option_integer("threads", text, 1, 1024, &n));
	if (n > 0) {
		char s[24];
		snprintf(s, sizeof s, "%lld", (long long)n);
		setenv("D2V_THREADS", s, 1);
	}
	return OK;
}
