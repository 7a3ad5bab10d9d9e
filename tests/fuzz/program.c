/* Any text as a program.d2p: it is refused with a message, or it prints to the same text twice. */
#include "compiler/program/program.h"
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
	Program     *p;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	diag_sink(nowhere);
	diag_reset();
	if (program_parse(a, "fuzz.d2p", text, &p) == OK && program_verify(p) == OK) {
		program_print(p, &once);
		if (program_parse(a, "again.d2p", once.at, &p) != OK)
			BUG("what was printed is refused:\n%s", once.at);
		program_print(p, &twice);
		if (strcmp(once.at, twice.at) != 0)
			BUG("what was printed prints otherwise:\n%s\n%s", once.at, twice.at);
	}
	text_free(&once);
	text_free(&twice);
	arena_free(a);
	return 0;
}
