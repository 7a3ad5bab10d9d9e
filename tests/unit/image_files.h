/* Writing small image files for tests: test_image.c, test_data.c. */
#ifndef D2V_IMAGE_FILES_H
#define D2V_IMAGE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void write_file(const char *path, const void *data, size_t n);
/* Pixels as they lie in the file (big-endian, packed). Colour type 3 gets a palette of four, the
 * first two see-through. */
void write_png(const char *path, uint32_t w, uint32_t h, int depth, int colour, const void *raw,
               size_t n);
void write_jpeg(const char *path, int w, int h, int planes, const uint8_t *pixels);

#endif
