/* safetensors: reading, checking and writing the file format. In base, because the compiler reads
 * tensors too (d2v eval-graph) and knows nothing of the runtime. */
#ifndef D2V_SAFETENSORS_H
#define D2V_SAFETENSORS_H

#include "compiler/base/base.h"

/* ---- safetensors.c -------------------------------------------------------------------------- */
typedef struct {
	const char *name,
		*dtype; /* dtype: "F32" "BF16" "U8" "I64" "I32" "U32" "BOOL" "F64" "F16" */
	int         ndim;
	int64_t     dim[8];
	const void *data;
	int64_t     bytes;
} StTensor;
typedef struct {
	int       ntensor;
	StTensor *tensor; /* sorted by name when read */
	int       nmeta;
	struct {
		const char *key, *value;
	} * meta;
} StFile;
/* Strict: header size, JSON, overlapping or missing bytes, duplicate names, unknown dtypes are
 * refused with the reason. */
Status st_read(Arena *a, const char *path, StFile **out);
/* the same on memory, for tests and fuzzing */
Status          st_parse(Arena *a, const char *what, const void *data, size_t n, StFile **out);
Status          st_write(const char *path, const StFile *f); /* atomic; deterministic bytes */
const StTensor *st_find(const StFile *f, const char *name);
const char     *st_meta(const StFile *f, const char *key);

/* ---- safetensors.c, safetensors_write.c: writing a piece at a time, for files larger than memory
 * allows twice --- */

typedef struct {
	int         fd;
	const char *path, *temporary;
	/* length of header with its size, of all tensors, so far */
	int64_t header, bytes, written;
} StWriter;

/* A copy with tensors and metadata sorted by name, every tensor's bytes and name checked. */
Status st_sorted(Arena *a, const char *path, const StFile *f, StFile **out);
/* The bytes in front of the tensors: size, JSON, padding. f must come from st_sorted. */
void st_header(const StFile *f, Text *out);
/* Begin path.tmp with f's header (f from st_sorted; data may be NULL), then append every tensor's
 * bytes in order, then finish: fsync, rename, fsync the folder. On FAIL the temporary file is
 * gone. */
Status st_begin(Arena *a, const char *path, const StFile *f, StWriter *w);
Status st_append(StWriter *w, const void *data, int64_t bytes);
/* overwrite bytes of the header */
Status st_patch(StWriter *w, int64_t at, const void *data, size_t n);
Status st_finish(StWriter *w);
void   st_abandon(StWriter *w);

void st_sort(StFile *f); /* tensors and metadata by name */
/* what dtype and shape take; -1 when unknown or too large */
int64_t     st_bytes(const StTensor *t);
const char *st_dtype(Dtype d); /* the format's name of one of our dtypes */
/* data as it lies in memory */
StTensor st_tensor(const char *name, const Type *type, const void *data);
char    *st_shape_text(Arena *a, const int64_t *dim, int n);

/* ---- safetensors_convert.c ------------------------------------------------------------------ */

/* count elements of t from first on, converted; FAIL + report when a value or the dtype does not
 * fit. */
Status
st_convert(const char *path, const StTensor *t, int64_t first, int64_t count, Dtype to, void *out);
/* Can a tensor of shape `dim` be read as `want` without moving an element: equal counts, and the
 * axes of one are groups of neighbouring axes of the other; ones do not matter. */
bool st_shapes_agree(const int64_t *dim, int n, const int64_t *want, int m);

#endif
