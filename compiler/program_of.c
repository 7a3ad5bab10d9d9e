/* What a person names, as a program in memory: a spec, compiled now, or the folder of a program,
 * read and verified. Writes nothing. */
#include "compiler/d2v_private.h"

#include <string.h>
#include <sys/stat.h>

static Status
read_folder(Arena *a, const char *folder, Subject *out)
{
	const char  *path = arena_printf(a, "%s/program.d2p", folder);
	char        *text;
	size_t       n;
	Program     *p;
	const char **source;

	TRY(file_read(path, &text, &n));
	TRY(program_parse(a, intern(path), text, &p));
	TRY(program_verify(p));
	source = arena_new_array(a, const char *, p->nkernel + 1);
	for (int i = 0; i < p->nkernel; i++) {
		TRY(file_read(arena_printf(a, "%s/kernels/%s", folder, p->kernel[i].file), &text,
		              &n));
		source[i] = text;
	}
	*out = (Subject){NULL, p, source};
	return OK;
}

static Status
compile_spec(Arena *a, const Options *o, const char *path, const char *target, PassHook *hook,
             void *arg, Subject *out)
{
	Compiled    *c;
	const char **source;

	TRY(dsl_compile(a, path, o->set, o->nset, &out->spec));
	if (hook)
		TRY(compile_watched(a, o, out->spec, target, hook, arg, &c));
	else
		TRY(compile_program(a, o, out->spec, target, &c));
	source = arena_new_array(a, const char *, c->program->nkernel + 1);
	for (int i = 0; i < c->program->nkernel; i++)
		for (int k = 0; k < c->nfile; k++)
			if (strcmp(c->file[k].name, c->program->kernel[i].file) == 0)
				source[i] = c->file[k].text;
	out->program = c->program;
	out->text = source;
	return OK;
}

Status
program_watched(Arena *a, const Options *o, const char *path, const char *target, PassHook *hook,
                void *arg, Subject *out)
{
	struct stat s;

	*out = (Subject){0};
	if (stat(path, &s) == 0 && S_ISDIR(s.st_mode)) {
		if (o->nset)
			return user_error("folder-set",
			                  "%s is a compiled program: nothing in it can be set",
			                  path);
		return read_folder(a, path, out);
	}
	return compile_spec(a, o, path, target ? target : "cpu", hook, arg, out);
}

Status
program_of(Arena *a, const Options *o, const char *path, const char *target, Subject *out)
{
	return program_watched(a, o, path, target, NULL, NULL, out);
}
