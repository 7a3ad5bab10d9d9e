/* random_feed: images for `d2v step --feed` where it does not matter what they show: random_feed
 * FOLDER STEPS OUT writes as many batches as the entry `train` of the program in FOLDER takes,
 * uniform in [-2, 2), the same ones every time. Everything else that a step reads follows the rules
 * of training. Refuses programs without an image input. */
#include "compiler/base/base.h"
#include "runtime/runtime.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static Status
program_read(Arena *a, const char *folder, Program **out)
{
	char       *text;
	const char *path = arena_printf(a, "%s/program.d2p", folder);
	TRY(file_read(path, &text, NULL));
	return program_parse(a, path, text, out);
}

static Status
feed_write(Arena *a, const Program *p, int64_t steps, const char *path)
{
	const Entry *e = program_entry(p, "train");
	for (int i = 0; e && i < e->ninput; i++) {
		const Type *type = &e->input[i].type;
		if (p->recipe.data.input == NULL ||
		    strcmp(e->input[i].name, p->recipe.data.input) != 0)
			continue;
		int64_t  n = steps * type_elems(type);
		float   *at = arena_new_array(a, float, n);
		Stream   s = stream_open(1, "random_feed", 0, 0);
		StTensor t = {.name = e->input[i].name,
		              .dtype = "F32",
		              .ndim = type->rank + 1,
		              .data = at,
		              .bytes = 4 * n};
		for (int64_t k = 0; k < n; k++)
			at[k] = (float)stream_between(&s, -2, 2);
		t.dim[0] = steps;
		for (int k = 0; k < type->rank; k++)
			t.dim[k + 1] = type->axis[k].size;
		return st_write(path, &(StFile){.ntensor = 1, .tensor = &t});
	}
	return user_error("no-image", "the program has no entry `train` with an image");
}

int
main(int argc, char **argv)
{
	if (argc != 4 || atoll(argv[2]) < 1) {
		fprintf(stderr, "usage: random_feed FOLDER STEPS OUT\n");
		return EXIT_USAGE;
	}
	Arena   *a = arena_new();
	Program *p;
	Status   s = program_read(a, argv[1], &p);
	if (s == OK)
		s = feed_write(a, p, atoll(argv[2]), argv[3]);
	return s == OK ? EXIT_OK : diag_exit_code();
}
