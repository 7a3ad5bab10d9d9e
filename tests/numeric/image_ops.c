/* image_ops: the loader's image operations on standard input and output, for record_images.py,
 * which compares them with Pillow's. Reads `OP ARGS : W H C` and the bytes, writes `W H C` and
 * the bytes, until the end. `decode PATH CHANNELS : 0 0 0` reads a file. Refuses anything it
 * does not know with exit code 2. */
#include "runtime/data_private.h"

#include <stdlib.h>
#include <string.h>

static bool
run_op(Arena *a, const char *line, Image *im)
{
	char  word[3][4096] = {"", "", ""}, filter[32] = "", why[WHY];
	long  w, h;
	float factor;
	if (sscanf(line, "decode %4095s %4095s :", word[0], word[1]) == 2) {
		bool ok = image_read(a, word[0], atoi(word[1]), im, why);
		if (!ok)
			fprintf(stderr, "%s: %s\n", word[0], why);
		return ok;
	}
	if (sscanf(line, "resize %ld %ld %31s :", &w, &h, filter) == 3)
		*im = image_resize(a, im, w, h,
		                   strcmp(filter, "bicubic") == 0 ? FILTER_BICUBIC
		                                                  : FILTER_BILINEAR);
	else if (sscanf(line, "brightness %f :", &factor) == 1)
		augment_jitter(im, 0, factor);
	else if (sscanf(line, "contrast %f :", &factor) == 1)
		augment_jitter(im, 1, factor);
	else if (sscanf(line, "saturation %f :", &factor) == 1)
		augment_jitter(im, 2, factor);
	else if (strncmp(line, "grey", 4) == 0)
		image_set_channels(a, im, 1);
	else
		return false;
	return true;
}

int
main(void)
{
	char   line[8192];
	Arena *a = arena_new();
	while (fgets(line, sizeof line, stdin)) {
		Image       im;
		long        w, h;
		const char *colon = strchr(line, ':');
		arena_reset(a);
		if (!colon || sscanf(colon, ": %ld %ld %d", &w, &h, &im.c) != 3)
			return EXIT_USAGE;
		im.w = w;
		im.h = h;
		im.at = arena_alloc(a, (size_t)(w * h * im.c + 1));
		if (fread(im.at, 1, (size_t)(w * h * im.c), stdin) != (size_t)(w * h * im.c) ||
		    !run_op(a, line, &im))
			return EXIT_USAGE;
		printf("%ld %ld %d\n", (long)im.w, (long)im.h, im.c);
		fwrite(im.at, 1, (size_t)(im.w * im.h * im.c), stdout);
		fflush(stdout);
	}
	arena_free(a);
	return EXIT_OK;
}
