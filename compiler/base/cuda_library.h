/* cuda_library: NVIDIA's libraries, found when they are needed. Includes base.h only. */
#ifndef D2V_CUDA_LIBRARY_H
#define D2V_CUDA_LIBRARY_H

#include "compiler/base/base.h"

/* Opens the first that there is of `names` (ends with NULL), in these places: D2V_CUDA_LIBS alone
 * when it is set; else what the loader searches itself (LD_LIBRARY_PATH and the system's),
 * $CUDA_HOME, /usr/local/cuda, the wheels under build/cuda-wheels. NULL: nothing is reported, and
 * `tried` says in words what was looked for and where. */
void *cuda_library(const char *const *names, Text *tried);

#endif
