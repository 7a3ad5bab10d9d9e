/* See use_fake_cuda.h. Looks beside the running program only. */
#include "tests/support/use_fake_cuda.h"
#include "compiler/base/base.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
beside(const char *name, char out[PATH_MAX])
{
	char    own[PATH_MAX / 2];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
	if (n <= 0)
		return false;
	own[n] = 0;
	char *slash = strrchr(own, '/');
	if (slash)
		*slash = 0;
	snprintf(out, PATH_MAX, "%s/%s", own, name);
	return file_exists(out);
}

bool
fake_cuda_there(void)
{
	char path[PATH_MAX];
	return beside("d2v-cuda.so", path) && beside("fake-cuda/libcuda.so.1", path);
}

bool
fake_cuda_use(FakeCuda **out)
{
	char path[PATH_MAX], folder[PATH_MAX];
	if (!beside("fake-cuda/libcuda.so.1", path) || !beside("fake-cuda", folder))
		return false;
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		return false;
	setenv("D2V_CUDA_LIBS", folder, 1);
	if (out)
		*out = dlsym(so, "fake");
	return out == NULL || *out != NULL;
}
