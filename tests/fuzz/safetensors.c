/* Any bytes as a safetensors file: refused with a message, or every byte that a tensor claims is
 * there. */
#include "runtime/runtime.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE            *nowhere;
	static volatile uint8_t seen;
	Arena                  *a = arena_new();
	StFile                 *f;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	diag_sink(nowhere);
	diag_reset();
	if (st_parse(a, "fuzz.safetensors", data, size, &f) == OK)
		for (int i = 0; i < f->ntensor; i++) {
			const uint8_t *at = f->tensor[i].data;

			if (st_find(f, f->tensor[i].name) != &f->tensor[i])
				BUG("tensor %d is not found by its name", i);
			for (int64_t k = 0; k < f->tensor[i].bytes; k++)
				seen = (uint8_t)(seen ^ at[k]);
		}
	arena_free(a);
	return 0;
}
