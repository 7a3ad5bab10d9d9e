/* Values out of a safetensors file into the dtypes of the program: exact, or refused with the value
 * that does not fit. Floats convert to f32 and bf16 (rounding to nearest), whole numbers to
 * integers, 0 and 1 to bool. Integers never become floats here: a picture of bytes fed where scaled
 * values are expected is a mistake. */
#include "compiler/base/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static double
f16_value(uint16_t h)
{
	int    exponent = h >> 10 & 31, fraction = h & 1023;
	double x = exponent == 31 ? (fraction ? NAN : INFINITY)
	           : exponent     ? ldexp(1024 + fraction, exponent - 25)
	                          : ldexp(fraction, -24);
	return h >> 15 ? -x : x;
}

/* Data in a file need not be aligned: every element is copied out. */
#define READER(T)                                                                                  \
	static T element_##T(const char *at, int64_t i)                                            \
	{                                                                                          \
		T x;                                                                               \
		memcpy(&x, at + i * (int64_t)sizeof x, sizeof x);                                  \
		return x;                                                                          \
	}
READER(float)
READER(double)
READER(uint16_t)
READER(int64_t)
READER(int32_t)
READER(uint32_t)

static bool
is_float(const char *dtype)
{
	return !strcmp(dtype, "F32") || !strcmp(dtype, "F64") || !strcmp(dtype, "BF16") ||
	       !strcmp(dtype, "F16");
}

static double
float_at(const StTensor *t, int64_t i)
{
	if (!strcmp(t->dtype, "F32"))
		return element_float(t->data, i);
	if (!strcmp(t->dtype, "F64"))
		return element_double(t->data, i);
	if (!strcmp(t->dtype, "BF16"))
		return bf16_to_f32(element_uint16_t(t->data, i));
	return f16_value(element_uint16_t(t->data, i));
}

static int64_t
integer_at(const StTensor *t, int64_t i)
{
	if (!strcmp(t->dtype, "I64"))
		return element_int64_t(t->data, i);
	if (!strcmp(t->dtype, "I32"))
		return element_int32_t(t->data, i);
	if (!strcmp(t->dtype, "U32"))
		return element_uint32_t(t->data, i);
	return ((const unsigned char *)t->data)[i]; /* U8, BOOL */
}

static Status
to_floats(const StTensor *t, int64_t first, int64_t count, Dtype to, char *out)
{
	for (int64_t i = 0; i < count; i++) {
		float x = (float)float_at(t, first + i);
		if (to == DT_f32) {
			memcpy(out + i * (int64_t)sizeof x, &x, sizeof x);
		} else {
			uint16_t b = f32_to_bf16(x);
			memcpy(out + i * (int64_t)sizeof b, &b, sizeof b);
		}
	}
	return OK;
}

static Status
to_integers(const char *path, const StTensor *t, int64_t first, int64_t count, Dtype to, char *out)
{
	static const struct {
		int64_t lo, hi;
	} limit[DT_COUNT] = {
		[DT_i32] = {INT32_MIN, INT32_MAX}, [DT_u32] = {0, UINT32_MAX}, [DT_bool] = {0, 1}};
	for (int64_t i = 0; i < count; i++) {
		int64_t x = integer_at(t, first + i);
		if (x < limit[to].lo || x > limit[to].hi)
			return user_error("feed-value",
			                  "%s: `%s`: element %" PRId64 " is %" PRId64
			                  ", which is no %s",
			                  path, t->name, first + i, x, dtype_name[to]);
		uint32_t word = (uint32_t)x;
		uint8_t  byte = (uint8_t)x;
		if (to == DT_bool)
			memcpy(out + i, &byte, 1);
		else
			memcpy(out + 4 * i, &word, 4);
	}
	return OK;
}

Status
st_convert(const char *path, const StTensor *t, int64_t first, int64_t count, Dtype to, void *out)
{
	bool floats = to == DT_f32 || to == DT_bf16;
	if (floats != is_float(t->dtype))
		return user_error("feed-dtype", "%s: `%s` is %s, but %s is wanted", path, t->name,
		                  t->dtype,
		                  to == DT_f32    ? "F32 (or F64, F16, BF16)"
		                  : to == DT_bf16 ? "BF16 (or F32, F64, F16)"
		                  : to == DT_bool ? "BOOL (or U8, I32, U32, I64 holding 0 and 1)"
		                  : to == DT_u32  ? "U32 (or I32, I64, U8)"
		                                  : "I32 (or I64, U32, U8)");
	if (!strcmp(t->dtype, st_dtype(to)) && to != DT_bool) {
		memcpy(out, (const char *)t->data + first * dtype_bytes[to],
		       (size_t)(count * dtype_bytes[to]));
		return OK;
	}
	return floats ? to_floats(t, first, count, to, out)
	              : to_integers(path, t, first, count, to, out);
}

/* Products of the innermost axes, from the inside out: where axis boundaries lie in memory. */
static bool
has_boundary(const int64_t *dim, int n, int64_t at)
{
	int64_t product = 1;
	for (int i = n - 1; i >= 0; i--) {
		if (product == at)
			return true;
		product *= dim[i];
	}
	return product == at;
}

static bool
boundaries_within(const int64_t *dim, int n, const int64_t *of, int m, int64_t below)
{
	int64_t product = 1;
	for (int i = n - 1; i >= 0; i--) {
		if (product >= below)
			return true;
		if (!has_boundary(of, m, product))
			return false;
		product *= dim[i];
	}
	return true;
}

static int64_t
elements(const int64_t *dim, int n)
{
	int64_t count = 1;
	for (int i = 0; i < n; i++)
		count *= dim[i];
	return count;
}

bool
st_shapes_agree(const int64_t *dim, int n, const int64_t *want, int m)
{
	int64_t count = elements(dim, n), wanted = elements(want, m);
	/* dim may stack several tensors along the outermost axis: only boundaries inside one
	 * matter. */
	if (wanted <= 0 || count < wanted)
		return false;
	return boundaries_within(dim, n, want, m, wanted) ||
	       boundaries_within(want, m, dim, n, wanted);
}
