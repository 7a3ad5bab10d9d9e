/* What stands in for the fuzzing engine when there is none: gives each file named on the command
 * line to the target, in one process, as the engine would. Refuses nothing but files that cannot be
 * read. */
#include "compiler/base/base.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char  *text;
		size_t n;

		if (file_read(argv[i], &text, &n) != OK)
			return diag_exit_code();
		/* Exactly n bytes: a read past the end is one past the allocation, which ASan sees.
		 */
		uint8_t *data = malloc(n ? n : 1);
		if (!data)
			return EXIT_WORLD;
		memcpy(data, text, n);
		free(text);
		LLVMFuzzerTestOneInput(data, n);
		free(data);
	}
	printf("%d inputs\n", argc - 1);
	return 0;
}
