/* The one function of a fuzz target, called for each input, many times in one process. */
#ifndef D2V_FUZZ_H
#define D2V_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
