/* Any text as a graph: it is refused with a message, or it is legal, prints, and what is printed
 * reads back to the same. */
#include "compiler/ir/ir.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	Arena       *a = arena_new();
	char        *text = arena_strndup(a, (const char *)data, size);
	Text         once = {0}, twice = {0};
	Graph       *g;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	diag_sink(nowhere);
	diag_reset();
	if (graph_parse(a, "fuzz.ir", text, &g) == OK && graph_verify(g, "parse", false) == OK) {
		graph_print(g, &once);
		if (graph_parse(a, "again.ir", once.at, &g) != OK)
			BUG("what was printed is refused:\n%s", once.at);
		graph_print(g, &twice);
		if (strcmp(once.at, twice.at) != 0)
			BUG("what was printed prints otherwise:\n%s\n%s", once.at, twice.at);
	}
	text_free(&once);
	text_free(&twice);
	arena_free(a);
	return 0;
}
