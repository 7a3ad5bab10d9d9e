/* Devices by name: `cpu` is the shared object d2v-cpu.so in the folder of the running binary (or
 * in the folder named by D2V_DEVICES). The object exports one symbol, d2v_device. Refuses a
 * missing object, naming what it looked for and where. */
#include "runtime/runtime.h"

#include <ctype.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Status
device_folder(char out[PATH_MAX])
{
	const char *named = getenv("D2V_DEVICES");
	if (named && *named) {
		if (strlen(named) >= PATH_MAX - 64)
			return world_error("device-missing", "the path in D2V_DEVICES is too long");
		strcpy(out, named);
		return OK;
	}
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 64);
	if (n <= 0 || n >= PATH_MAX - 64)
		return world_error("device-missing", "cannot tell where this binary lies "
		                                     "(/proc/self/exe); set D2V_DEVICES to the "
		                                     "folder of the devices");
	out[n] = 0;
	char *slash = strrchr(out, '/');
	if (slash)
		*slash = 0;
	return OK;
}

Status
device_load(const char *name, const Device **out)
{
	char folder[PATH_MAX], path[PATH_MAX + 64];
	*out = NULL;
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]))
			return user_error("device-name",
			                  "`%s` is not the name of a device (such as cpu)", name);
	if (n == 0 || n > 32)
		return user_error("device-name", "`%s` is not the name of a device (such as cpu)",
		                  name);
	TRY(device_folder(folder));
	snprintf(path, sizeof path, "%s/d2v-%s.so", folder, name);
	if (!file_exists(path))
		return world_error("device-missing", "there is no device `%s` here: looked for %s",
		                   name, path);
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		return world_error("device-missing", "the device `%s` does not load: %s", name,
		                   dlerror());
	const Device *d = dlsym(so, "d2v_device");
	if (d == NULL || strcmp(d->name, name) != 0)
		return world_error("device-missing", "%s is not the device `%s`", path, name);
	*out = d;
	return OK;
}
