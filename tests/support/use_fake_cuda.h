/* For tests of the cuda device on machines without a GPU: where the stand-in for NVIDIA's libraries
 * is. */
#ifndef D2V_USE_FAKE_CUDA_H
#define D2V_USE_FAKE_CUDA_H

#include "tests/support/fake_cuda.h"

#include <stdbool.h>

bool fake_cuda_there(void);         /* were the device and the stand-in built? */
bool fake_cuda_use(FakeCuda **out); /* devices opened from now on use it; out may be NULL */

#endif
