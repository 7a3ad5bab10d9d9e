/* run: the passes in the order of passes.def, each followed by verification. Refuses names of
 * passes that do not exist. */
#include "compiler/pass/pass.h"

#include <string.h>

const Pass pass_table[] = {
#define PASS(name, does) {#name, pass_##name, does},
#include "compiler/pass/passes.def"
#undef PASS
};
const int pass_count = COUNT(pass_table);

static int
find_pass(const char *name, size_t n)
{
	for (int i = 0; i < pass_count; i++)
		if (strlen(pass_table[i].name) == n && memcmp(pass_table[i].name, name, n) == 0)
			return i;
	return -1;
}

static Status
unknown_pass(const char *name, size_t n)
{
	const char *all[COUNT(pass_table)], *word = intern_n(name, n), *near;

	for (int i = 0; i < pass_count; i++)
		all[i] = pass_table[i].name;
	near = text_nearest(word, all, pass_count);
	user_error("unknown-pass", "there is no pass `%s`", word);
	if (near)
		diag_hint("did you mean `%s`?", near);
	return FAIL;
}

Status
pass_known(const char *name)
{
	return find_pass(name, strlen(name)) < 0 ? unknown_pass(name, strlen(name)) : OK;
}

static Status
run_one(Graph *g, int which, int index, PassHook *hook, void *arg)
{
	const char *before = bug_context;
	Status      status;

	bug_context = pass_table[which].name;
	status = pass_table[which].run(g);
	if (status == OK) {
		graph_verify(g, pass_table[which].name, true);
		if (hook)
			hook(g, index, pass_table[which].name, arg);
	}
	bug_context = before;
	return status;
}

Status
pass_run(Graph *g, const char *names, PassHook *hook, void *arg)
{
	const char *p;
	int         index = 0;

	for (p = names; p && *p;) { /* all names are known before the first pass runs */
		size_t n = strcspn(p, ",");

		if (find_pass(p, n) < 0)
			return unknown_pass(p, n);
		p += n + (p[n] == ',');
	}
	graph_verify(g, "lower", true);
	if (hook)
		hook(g, index, "lower", arg);
	if (!names)
		for (int i = 0; i < pass_count; i++)
			TRY(run_one(g, i, ++index, hook, arg));
	for (p = names; p && *p;) {
		size_t n = strcspn(p, ",");

		TRY(run_one(g, find_pass(p, n), ++index, hook, arg));
		p += n + (p[n] == ',');
	}
	return OK;
}
