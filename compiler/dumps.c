/* What --dump and --dump-dir show of a graph on its way through the passes, as text that
 * graph_parse reads back. Changes nothing. */
#include "compiler/d2v_private.h"
#include "compiler/pass/pass.h"

#include <stdlib.h>
#include <string.h>

Status
dumps_open(Dumps *d, Arena *a, const Options *o)
{
	int index;

	*d = (Dumps){.a = a, .folder = o->dump_dir, .dump = o->dump};
	return o->dump ? pass_find(o->dump, &index) : OK;
}

static Status
write_stage(Dumps *d, const Graph *g, int index, const char *name, const Text *t)
{
	const char *folder = arena_printf(d->a, "%s/%s", d->folder, g->name);

	TRY(file_make_dirs(folder));
	return file_write_atomic(arena_printf(d->a, "%s/%02d-%s.ir", folder, index, name), t->at,
	                         t->n);
}

static void
print_stage(const Dumps *d, const Graph *g, const char *name, const char *text)
{
	if (d->printed)
		printf("\n");
	if (!d->before) /* the graph before the first pass */
		printf("# @%s: %s\n%s", g->name, name, text);
	else if (strcmp(d->before, text) == 0)
		printf("# @%s before %s\n%s\n# @%s after %s (unchanged)\n", g->name, name, text,
		       g->name, name);
	else
		printf("# @%s before %s\n%s\n# @%s after %s\n%s", g->name, name, d->before, g->name,
		       name, text);
}

void
dumps_hook(const Graph *g, int index, const char *name, void *arg)
{
	Dumps *d = arg;
	Text   t = {0};

	if (!d->folder && !d->dump)
		return;
	if (d->graph != g) { /* `before` is that of another graph */
		free(d->before);
		d->before = NULL;
		d->graph = g;
	}
	graph_print(g, &t);
	if (d->folder && d->status == OK)
		d->status = write_stage(d, g, index, name, &t);
	if (d->dump && strcmp(d->dump, name) == 0) {
		print_stage(d, g, name, t.at);
		d->printed = true;
	}
	free(d->before);
	d->before = t.at;
}

Status
dumps_close(Dumps *d)
{
	free(d->before);
	if (d->status == OK && d->dump && !d->printed)
		return user_error("dump-pass", "there is nothing to --dump: pass %s did not run",
		                  d->dump);
	return d->status;
}
