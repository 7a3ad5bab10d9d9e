/* data_source: from a path to its kind of source, and one sample of either kind. A file is IDX;
 * so is a folder that holds IDX files; any other folder is one of class folders. Refuses a
 * folder of IDX files without the part asked for. */
#include "runtime/data_private.h"

#include <string.h>
#include <sys/stat.h>

Status
source_open(Arena *a, const char *path, const char *part, Source *out)
{
	struct stat st;
	bool        other;
	if (stat(path, &st) != 0)
		return user_error("data-missing",
		                  "%s: there is no such file or folder (the %s data)", path, part);
	if (!S_ISDIR(st.st_mode))
		return idx_open(a, path, out);
	const char *images = idx_find(a, path, part, &other);
	if (images)
		return idx_open(a, images, out);
	if (other)
		return user_error("data-part", "%s: holds IDX files, but none of the part `%s`",
		                  path, part);
	return folder_open(a, path, out);
}

bool
source_read(const Source *src, Arena *a, uint32_t id, int channels, Image *out, char why[WHY])
{
	if (!src->pixels)
		return image_read(a, src->path[id], channels, out, why);
	int64_t n = src->w * src->h;
	*out = (Image){arena_alloc(a, (size_t)n), src->w, src->h, 1};
	memcpy(out->at, src->pixels + id * n, (size_t)n);
	image_set_channels(a, out, channels);
	return true;
}
