/* data_idx: IDX files (the format of MNIST and Fashion-MNIST), gzipped or plain, wholly into
 * memory.
 *
 * Images are magic 0x803 (unsigned bytes, three dimensions), labels 0x801. The labels lie beside
 * the images under the same name with `images` -> `labels` and `idx3` -> `idx1`. Refuses: other
 * magics, files shorter or longer than their header says, counts of images and labels that
 * differ. */
#include "runtime/data_private.h"

#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { MAX_CLASSES = 256 };

static const char *const IMAGE_NAMES[] = {"images-idx3-ubyte.gz", "images-idx3-ubyte",
                                          "images.idx3-ubyte.gz", "images.idx3-ubyte"};

const char *
idx_find(Arena *a, const char *folder, const char *part, bool *other)
{
	static const char *const prefix[] = {"train", "t10k", "test"};
	const char              *found = NULL;
	bool                     train = strcmp(part, "train") == 0;
	*other = false;
	for (int p = 0; p < COUNT(prefix); p++)
		for (int i = 0; i < COUNT(IMAGE_NAMES); i++) {
			const char *path =
				arena_printf(a, "%s/%s-%s", folder, prefix[p], IMAGE_NAMES[i]);
			if (!file_exists(path))
				continue;
			if (train != (p == 0))
				*other = true;
			else if (!found)
				found = path;
		}
	return found;
}

static uint32_t
big_endian(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Fill exactly n bytes, or say how the file ends. */
static Status
read_exactly(gzFile f, const char *path, void *to, int64_t n)
{
	for (int64_t done = 0; done < n;) {
		unsigned want = n - done > (1 << 30) ? 1u << 30 : (unsigned)(n - done);
		int      got = gzread(f, (uint8_t *)to + done, want), code;
		if (got < 0 ||
		    (got == 0 && gzerror(f, &code) && code != Z_OK && code != Z_BUF_ERROR))
			return user_error("idx-damaged", "%s: cannot be unpacked: %s", path,
			                  gzerror(f, &code));
		if (got == 0)
			return user_error("idx-truncated",
			                  "%s: ends %ld bytes before its header says", path,
			                  (long)(n - done));
		done += got;
	}
	return OK;
}

/* Reading past the last byte also makes zlib check the checksum at the end. */
static Status
read_end(gzFile f, const char *path)
{
	uint8_t extra;
	int     got = gzread(f, &extra, 1), code = Z_OK;
	if (got > 0)
		return user_error("idx-too-long", "%s: is longer than its header says", path);
	const char *text = gzerror(f, &code);
	if (code == Z_BUF_ERROR)
		return user_error("idx-truncated", "%s: the gzip stream ends too early", path);
	if (code != Z_OK)
		return user_error("idx-damaged", "%s: cannot be unpacked: %s", path, text);
	return OK;
}

/* The body of an IDX file of bytes with ndim dimensions. deflate cannot shrink below 1/1032, so a
 * header that claims more is wrong; without this check it would be believed with an allocation. */
static Status
idx_body(Arena *a, gzFile f, const char *path, const char *what, int ndim, int64_t dim[3],
         uint8_t **body)
{
	uint8_t     head[16];
	int64_t     n = 1;
	struct stat st;
	TRY(read_exactly(f, path, head, 4));
	uint32_t magic = big_endian(head), want = 0x800u + (unsigned)ndim;
	if (magic != want)
		return user_error("idx-magic",
		                  "%s: starts with 0x%08x, but a file of %s starts with 0x%08x",
		                  path, magic, what, want);
	TRY(read_exactly(f, path, head, 4 * ndim));
	for (int i = 0; i < ndim; i++) {
		dim[i] = big_endian(head + 4 * i);
		if (dim[i] == 0)
			return user_error("idx-empty", "%s: holds no %s (dimension %d is 0)", path,
			                  what, i);
		if (dim[i] > INT64_MAX / 4 / n)
			return user_error("idx-truncated",
			                  "%s: the sizes in its header cannot be true", path);
		n *= dim[i];
	}
	if (stat(path, &st) != 0 || n / 1100 > st.st_size)
		return user_error("idx-truncated",
		                  "%s: is too small for the %ld bytes its header says", path,
		                  (long)n);
	*body = arena_alloc(a, (size_t)n);
	TRY(read_exactly(f, path, *body, n));
	return read_end(f, path);
}

static Status
idx_read(Arena *a, const char *path, const char *what, int ndim, int64_t dim[3], uint8_t **body)
{
	gzFile f = gzopen(path, "rb");
	if (!f)
		return user_error("data-missing", "%s: cannot be opened", path);
	gzbuffer(f, 256 * 1024);
	Status st = idx_body(a, f, path, what, ndim, dim, body);
	gzclose(f);
	return st;
}

/* `.../train-images-idx3-ubyte.gz` -> `.../train-labels-idx1-ubyte.gz`, with or without .gz;
 * NULL when there is none. */
static const char *
labels_beside(Arena *a, const char *images)
{
	const char *base = strrchr(images, '/'), *word;
	base = base ? base + 1 : images;
	word = strstr(base, "images");
	if (!word)
		return NULL;
	char *path = arena_printf(a, "%.*slabels%s", (int)(word - images), images,
	                          word + strlen("images"));
	char *three = strstr(path + (base - images), "idx3");
	if (three)
		three[3] = '1';
	if (file_exists(path))
		return path;
	size_t n = strlen(path);
	if (n > 3 && strcmp(path + n - 3, ".gz") == 0)
		path[n - 3] = 0;
	else
		path = arena_printf(a, "%s.gz", path);
	return file_exists(path) ? path : NULL;
}

static Status
read_labels(Arena *a, const char *images, const char *path, Source *out)
{
	int64_t  dim[3];
	uint8_t *body;
	TRY(idx_read(a, path, "labels", 1, dim, &body));
	if (dim[0] != out->n)
		return user_error("idx-count", "%s holds %ld labels, but %s holds %ld images", path,
		                  (long)dim[0], images, (long)out->n);
	int32_t *label = arena_new_array(a, int32_t, out->n);
	for (int64_t i = 0; i < out->n; i++) {
		label[i] = body[i];
		if (body[i] >= out->classes)
			out->classes = body[i] + 1;
	}
	out->label = label;
	out->class_name = arena_new_array(a, const char *, MAX_CLASSES);
	for (int c = 0; c < out->classes; c++)
		out->class_name[c] = arena_printf(a, "%d", c);
	return OK;
}

/* Of the pixels, not of the file: packed or not, they are the same data. */
static void
fingerprint(Source *s)
{
	char pixels[33], all[128];
	hash_hex(s->pixels, (size_t)(s->n * s->h * s->w), pixels);
	int n = snprintf(all, sizeof all, "idx %lld %lld %lld %s", (long long)s->n, (long long)s->h,
	                 (long long)s->w, pixels);
	hash_hex(all, (size_t)n, s->fingerprint);
}

Status
idx_open(Arena *a, const char *images, Source *out)
{
	int64_t     dim[3];
	uint8_t    *pixels;
	const char *labels = labels_beside(a, images);
	*out = (Source){0};
	TRY(idx_read(a, images, "images", 3, dim, &pixels));
	out->pixels = pixels;
	out->file = arena_strdup(a, images);
	out->n = dim[0];
	out->h = dim[1];
	out->w = dim[2];
	fingerprint(out);
	return labels ? read_labels(a, images, labels, out) : OK;
}
