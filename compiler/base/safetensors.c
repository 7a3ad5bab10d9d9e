/* safetensors: eight bytes of header length, a JSON header, then the tensors' bytes, little-endian.
 *
 * Reading is strict: the bytes after the header must be covered exactly once, names must differ,
 * sizes must follow from shape and dtype. Nothing is repaired and nothing is guessed; every refusal
 * says why. Writing is deterministic (names sorted, header padded with spaces to 8 bytes) and all
 * or nothing: a temporary file is renamed once it is safely on disk. */
#include "compiler/base/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LENGTH_BYTES = 8, HEADER_MAX = 100 * 1000 * 1000 }; /* the format's own limit */

static const struct {
	const char *name;
	int         bytes;
} dtypes[] = {
	{"BF16", 2}, {"BOOL", 1}, {"F16", 2}, {"F32", 4}, {"F64", 8},
	{"I32", 4},  {"I64", 8},  {"U32", 4}, {"U8", 1},
};

static int
dtype_find(const char *name)
{
	for (int i = 0; i < COUNT(dtypes); i++)
		if (!strcmp(dtypes[i].name, name))
			return i;
	return -1;
}

const char *
st_dtype(Dtype d)
{
	switch (d) {
	case DT_f32:
		return "F32";
	case DT_bf16:
		return "BF16";
	case DT_i32:
		return "I32";
	case DT_u32:
		return "U32";
	case DT_bool:
		return "BOOL";
	default:
		BUG("dtype %d", (int)d);
	}
}

/* Elements times the size of one, or -1 when that overflows. */
static int64_t
shape_bytes(const int64_t *dim, int n, int64_t each)
{
	int64_t bytes = each;
	for (int i = 0; i < n; i++) {
		if (dim[i] == 0)
			return 0;
		if (__builtin_mul_overflow(bytes, dim[i], &bytes))
			return -1;
	}
	return bytes;
}

int64_t
st_bytes(const StTensor *t)
{
	int d = dtype_find(t->dtype);
	return d < 0 ? -1 : shape_bytes(t->dim, t->ndim, dtypes[d].bytes);
}

char *
st_shape_text(Arena *a, const int64_t *dim, int n)
{
	Text t = {0};
	text_printf(&t, "[");
	for (int i = 0; i < n; i++)
		text_printf(&t, "%s%" PRId64, i ? ", " : "", dim[i]);
	text_printf(&t, "]");
	char *s = arena_strndup(a, t.at, t.n);
	text_free(&t);
	return s;
}

StTensor
st_tensor(const char *name, const Type *type, const void *data)
{
	StTensor t = {.name = name,
	              .dtype = st_dtype(type->dtype),
	              .data = data,
	              .bytes = type_bytes(type)};
	/* The format allows any number of axes, the table eight: more are merged from the outside
	 * in, which leaves every byte where it is. */
	int spare = type->rank - COUNT(t.dim);
	t.ndim = spare > 0 ? COUNT(t.dim) : type->rank;
	for (int i = 0; i < t.ndim; i++)
		t.dim[i] = 1;
	for (int i = 0; i < type->rank; i++)
		t.dim[spare <= 0 ? i : i <= spare ? 0 : i - spare] *= type->axis[i].size;
	return t;
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct {
	Arena      *a;
	const char *what;
	const char *data; /* after the header */
	int64_t     bytes;
} Reader;

/* A name as shown in messages: cut, and without bytes a terminal would act on. */
static const char *
shown(Arena *a, const char *name)
{
	char *s = arena_strndup(a, name, strnlen(name, 80));
	for (char *c = s; *c; c++)
		if ((unsigned char)*c < 32 || *c == 127)
			*c = '?';
	return s;
}

static Status
read_integer(const Reader *r, const char *name, const json_t *v, const char *field, int64_t *out)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return user_error("safetensors",
		                  "%s: tensor `%s`: `%s` must hold whole numbers from 0 up",
		                  r->what, shown(r->a, name), field);
	*out = json_integer_value(v);
	return OK;
}

static Status
read_extent(const Reader *r, const char *name, json_t *offsets, StTensor *t)
{
	if (!json_is_array(offsets) || json_array_size(offsets) != 2)
		return user_error("safetensors",
		                  "%s: tensor `%s`: `data_offsets` must be a list of two numbers",
		                  r->what, shown(r->a, name));
	int64_t begin, end;
	TRY(read_integer(r, name, json_array_get(offsets, 0), "data_offsets", &begin));
	TRY(read_integer(r, name, json_array_get(offsets, 1), "data_offsets", &end));
	if (end < begin)
		return user_error("safetensors",
		                  "%s: tensor `%s`: its data ends (%" PRId64
		                  ") before it begins (%" PRId64 ")",
		                  r->what, shown(r->a, name), end, begin);
	if (end > r->bytes)
		return user_error("safetensors",
		                  "%s: truncated: tensor `%s` ends at byte %" PRId64
		                  " of the data, but only %" PRId64 " bytes are there",
		                  r->what, shown(r->a, name), end, r->bytes);
	t->data = r->data + begin;
	t->bytes = end - begin;
	return OK;
}

static Status
read_tensor(const Reader *r, const char *name, json_t *v, StTensor *t)
{
	json_t *dtype = json_object_get(v, "dtype"), *shape = json_object_get(v, "shape"),
	       *offsets = json_object_get(v, "data_offsets");
	if (!json_is_object(v) || !json_is_string(dtype) || !json_is_array(shape) ||
	    json_object_size(v) != 3)
		return user_error("safetensors",
		                  "%s: tensor `%s`: its entry must be an object of `dtype`, "
		                  "`shape` and `data_offsets`",
		                  r->what, shown(r->a, name));
	int d = dtype_find(json_string_value(dtype));
	if (d < 0)
		return user_error("safetensors",
		                  "%s: tensor `%s` has the unknown dtype `%s` (known: F32 BF16 F16 "
		                  "F64 I64 I32 U32 U8 BOOL)",
		                  r->what, shown(r->a, name),
		                  shown(r->a, json_string_value(dtype)));
	*t = (StTensor){.name = arena_strdup(r->a, name), .dtype = dtypes[d].name};
	if (json_array_size(shape) > (size_t)COUNT(t->dim))
		return user_error("safetensors",
		                  "%s: tensor `%s` has %zu axes; at most %d are supported", r->what,
		                  shown(r->a, name), json_array_size(shape), COUNT(t->dim));
	t->ndim = (int)json_array_size(shape);
	for (int i = 0; i < t->ndim; i++)
		TRY(read_integer(r, name, json_array_get(shape, (size_t)i), "shape", &t->dim[i]));
	TRY(read_extent(r, name, offsets, t));
	int64_t bytes = shape_bytes(t->dim, t->ndim, dtypes[d].bytes);
	if (bytes != t->bytes)
		return user_error(
			"safetensors",
			"%s: tensor `%s`: %s %s takes %s%" PRId64
			" bytes, but its data_offsets span %" PRId64,
			r->what, shown(r->a, name), t->dtype, st_shape_text(r->a, t->dim, t->ndim),
			bytes < 0 ? "more than " : "", bytes < 0 ? INT64_MAX : bytes, t->bytes);
	return OK;
}

static Status
read_metadata(const Reader *r, json_t *v, StFile *f)
{
	if (!json_is_object(v))
		return user_error("safetensors", "%s: `__metadata__` must be an object of strings",
		                  r->what);
	f->meta = arena_alloc(r->a, sizeof *f->meta * (json_object_size(v) + 1));
	const char *key;
	json_t     *value;
	json_object_foreach(v, key, value)
	{
		if (!json_is_string(value))
			return user_error("safetensors",
			                  "%s: `__metadata__`: the value of `%s` is not a string",
			                  r->what, shown(r->a, key));
		f->meta[f->nmeta].key = arena_strdup(r->a, key);
		f->meta[f->nmeta++].value = arena_strdup(r->a, json_string_value(value));
	}
	return OK;
}

static int
by_place(const void *x, const void *y)
{
	const StTensor *a = x, *b = y;
	const char     *ad = a->data, *bd = b->data;
	if (ad != bd)
		return ad < bd ? -1 : 1;
	return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

static int
by_name(const void *x, const void *y)
{
	return strcmp(((const StTensor *)x)->name, ((const StTensor *)y)->name);
}

static int
by_key(const void *x, const void *y) /* a meta row is a pair of strings, the key first */
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

void
st_sort(StFile *f)
{
	if (f->ntensor)
		qsort(f->tensor, (size_t)f->ntensor, sizeof *f->tensor, by_name);
	if (f->nmeta)
		qsort(f->meta, (size_t)f->nmeta, sizeof *f->meta, by_key);
}

/* Every byte after the header belongs to exactly one tensor. */
static Status
check_cover(const Reader *r, StFile *f)
{
	if (f->ntensor)
		qsort(f->tensor, (size_t)f->ntensor, sizeof *f->tensor, by_place);
	int64_t at = 0;
	for (int i = 0; i < f->ntensor; i++) {
		int64_t begin = (const char *)f->tensor[i].data - r->data;
		if (begin < at)
			return user_error("safetensors",
			                  "%s: the data of tensors `%s` and `%s` overlaps", r->what,
			                  shown(r->a, f->tensor[i - 1].name),
			                  shown(r->a, f->tensor[i].name));
		if (begin > at)
			return user_error("safetensors",
			                  "%s: bytes %" PRId64 " to %" PRId64
			                  " of the data belong to no tensor",
			                  r->what, at, begin - 1);
		at = begin + f->tensor[i].bytes;
	}
	if (at != r->bytes)
		return user_error("safetensors",
		                  "%s: %" PRId64 " bytes after the last tensor belong to no tensor",
		                  r->what, r->bytes - at);
	return OK;
}

static Status
read_header(const Reader *r, json_t *root, StFile *f)
{
	if (!json_is_object(root))
		return user_error("safetensors", "%s: the header is not a JSON object", r->what);
	f->tensor = arena_new_array(r->a, StTensor, json_object_size(root) + 1);
	const char *key;
	json_t     *value;
	json_object_foreach(root, key, value)
	{
		if (!strcmp(key, "__metadata__"))
			TRY(read_metadata(r, value, f));
		else
			TRY(read_tensor(r, key, value, &f->tensor[f->ntensor++]));
	}
	TRY(check_cover(r, f));
	st_sort(f);
	return OK;
}

Status
st_parse(Arena *a, const char *what, const void *data, size_t n, StFile **out)
{
	const unsigned char *b = data;
	if (n < LENGTH_BYTES)
		return user_error(
			"safetensors",
			"%s: truncated: %zu bytes, and the header's length alone takes %d", what, n,
			LENGTH_BYTES);
	uint64_t length = 0;
	for (int i = LENGTH_BYTES - 1; i >= 0; i--)
		length = length << 8 | b[i];
	if (length > HEADER_MAX)
		return user_error("safetensors",
		                  "%s: not a safetensors file: it claims a header of %" PRIu64
		                  " bytes; the format allows %d",
		                  what, length, HEADER_MAX);
	if (length > n - LENGTH_BYTES)
		return user_error("safetensors",
		                  "%s: truncated: the header has %" PRIu64
		                  " bytes, the file %zu after its length",
		                  what, length, n - LENGTH_BYTES);
	const char *text = (const char *)b + LENGTH_BYTES;
	if (!length || text[0] != '{')
		return user_error("safetensors",
		                  "%s: not a safetensors file: its header does not begin with `{`",
		                  what);
	json_error_t e;
	json_t      *root = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &e);
	if (!root)
		return user_error("safetensors", "%s: the header is not valid JSON at byte %d: %s",
		                  what, e.position, shown(a, e.text));
	Reader  r = {a, what, text + length, (int64_t)(n - LENGTH_BYTES - length)};
	StFile *f = arena_new_one(a, StFile);
	Status  s = read_header(&r, root, f);
	json_decref(root);
	*out = f;
	return s;
}

Status
st_read(Arena *a, const char *path, StFile **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return user_error("safetensors", "cannot read %s: %s", path, strerror(errno));
	struct stat st;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return user_error("safetensors", "cannot read %s: not a file", path);
	}
	/* Read rather than mapped: a file that shrinks meanwhile is then a message, not a
	 * signal. */
	size_t n = (size_t)st.st_size, at = 0;
	char  *data = arena_alloc(a, n + 1);
	while (at < n) {
		ssize_t got = read(fd, data + at, n - at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			Status s = world_error(
				"safetensors", "cannot read %s beyond byte %zu: %s", path, at,
				got ? strerror(errno) : "it became shorter while being read");
			close(fd);
			return s;
		}
		at += (size_t)got;
	}
	close(fd);
	return st_parse(a, path, data, n, out);
}

const StTensor *
st_find(const StFile *f, const char *name)
{
	/* Files read are sorted; those being put together may not be, so no binary search. */
	for (int i = 0; i < f->ntensor; i++)
		if (!strcmp(f->tensor[i].name, name))
			return &f->tensor[i];
	return NULL;
}

const char *
st_meta(const StFile *f, const char *key)
{
	for (int i = 0; i < f->nmeta; i++)
		if (!strcmp(f->meta[i].key, key))
			return f->meta[i].value;
	return NULL;
}
