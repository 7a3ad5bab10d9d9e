/* What the loader's files share: data.c data_source.c data_idx.c data_folder.c image.c resize.c
 * augment.c.
 *
 * A Source knows where n samples lie; reading one gives an Image; augment makes it the size of
 * the batch. Nothing here reports: a function that can fail for one sample returns false and
 * writes a sentence into why[], because workers must not print (data_next does, on the caller's
 * thread). */
#ifndef D2V_DATA_PRIVATE_H
#define D2V_DATA_PRIVATE_H

#include "runtime/runtime.h"

enum { WHY = 512 };

/* Eight-bit pixels, rows from the top, channels side by side: at[(y * w + x) * c + channel], c 1
 * or 3. */
typedef struct {
	uint8_t *at;
	int64_t  w, h;
	int      c;
} Image;

/* Where the samples are. IDX files are held in memory; of folders only the sorted list of paths. */
typedef struct {
	int64_t        n;
	int            classes;
	const char   **class_name;
	const int32_t *label;  /* NULL: unknown */
	const uint8_t *pixels; /* IDX: [n][h][w]; NULL for folders */
	int64_t        w, h;
	const char    *file; /* IDX: where the pixels are from */
	char         **path; /* folders */
	/* Says whether two sources hold the same images: a hash of the pixels of an IDX file; of a
	 * folder, whose files would take too long to read, of names (below the root) and sizes. */
	char fingerprint[33];
} Source;

/* ---- data_source.c -------------------------------------------------------------------------- */
Status source_open(Arena *a, const char *path, const char *part, Source *out);
bool source_read(const Source *src, Arena *a, uint32_t id, int channels, Image *out, char why[WHY]);

/* ---- data_idx.c ----------------------------------------------------------------------------- */
/* The image file of `part` in a folder, or NULL; *other tells whether the folder holds IDX
 * images of another part. */
const char *idx_find(Arena *a, const char *folder, const char *part, bool *other);
Status      idx_open(Arena *a, const char *images, Source *out);

/* ---- data_folder.c -------------------------------------------------------------------------- */
Status folder_open(Arena *a, const char *root, Source *out);

/* ---- image.c -------------------------------------------------------------------------------- */
bool image_read(Arena *a, const char *path, int channels, Image *out, char why[WHY]);
void image_set_channels(Arena *a, Image *im,
                        int channels); /* 3 -> 1 by the grey formula, 1 -> 3 by copying */

static inline uint8_t
image_grey(const uint8_t *p)
{
	return (uint8_t)((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 32768u) >> 16);
}

/* ---- resize.c ------------------------------------------------------------------------------- */
typedef enum { FILTER_BILINEAR, FILTER_BICUBIC } Filter;
Image image_crop(Arena *a, const Image *im, int64_t left, int64_t top, int64_t w, int64_t h);
Image image_resize(Arena *a, const Image *im, int64_t w, int64_t h, Filter filter);

/* ---- augment.c ------------------------------------------------------------------------------ */
typedef struct {
	int64_t left, top, w, h;
} Box;
Status
augment_check(const DataSpec *d); /* reports a transform that is not known or has odd arguments */
Box augment_crop_box(Stream *s, int64_t w, int64_t h, double scale_lo, double scale_hi);
void
augment_jitter(Image *im, int kind, float factor); /* kind 0 brightness, 1 contrast, 2 saturation */
void augment_flip(Image *im);
bool augment_fits(const DataSpec *d);
void augment_train(Arena *a, const DataSpec *d, Stream *s, Image *im);
void augment_eval(Arena *a, const DataSpec *d, Image *im);
/* lut[c][v]: the f32 value of byte v in channel c; then the image as [C, Y, X]. */
void augment_levels(const DataSpec *d, float lut[4][256]);
void augment_floats(const Image *im, float lut[4][256], float *out);

#endif
