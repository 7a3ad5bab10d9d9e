/* type: dtypes, types with named axes, bf16. Refuses nothing: whether a type makes sense is checked
 * where it is made. Sizes that do not fit in 64 bits saturate, so that every bound check fails. */
#include "compiler/base/base.h"

#include <string.h>

const char *const dtype_name[DT_COUNT] = {
	[DT_f32] = "f32", [DT_bf16] = "bf16", [DT_i32] = "i32",
	[DT_u32] = "u32", [DT_bool] = "bool",
};
const int dtype_bytes[DT_COUNT] = {
	[DT_f32] = 4, [DT_bf16] = 2, [DT_i32] = 4, [DT_u32] = 4, [DT_bool] = 1,
};

int
type_find(const Type *t, const char *axis_name)
{
	for (int i = 0; i < t->rank; i++)
		if (t->axis[i].name == axis_name)
			return i;
	return -1;
}

static int64_t
times(int64_t a, int64_t b)
{
	int64_t product;
	return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

int64_t
type_elems(const Type *t)
{
	int64_t n = 1;
	for (int i = 0; i < t->rank; i++)
		n = times(n, t->axis[i].size);
	return n;
}

int64_t
type_bytes(const Type *t)
{
	return times(type_elems(t), dtype_bytes[t->dtype]);
}

bool
type_same_axes(const Type *a, const Type *b)
{
	if (a->rank != b->rank)
		return false;
	for (int i = 0; i < a->rank; i++)
		if (type_find(b, a->axis[i].name) < 0)
			return false;
	return true;
}

void
type_print(Text *t, const Type *type)
{
	text_printf(t, "%s[", dtype_name[type->dtype]);
	for (int i = 0; i < type->rank; i++)
		text_printf(t, "%s%s:%lld", i ? ", " : "", type->axis[i].name,
		            (long long)type->axis[i].size);
	text_append(t, "]", 1);
}

float
bf16_to_f32(uint16_t x)
{
	uint32_t bits = (uint32_t)x << 16;
	float    f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

uint16_t
f32_to_bf16(float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	/* A NaN whose payload lies in the lost half would become an infinity: set the quiet bit. */
	if ((bits & 0x7fffffffu) > 0x7f800000u)
		return (uint16_t)(bits >> 16 | 0x40);
	/* Nearest, ties to even: add half of the lost half, minus one when the kept part is
	 * even. */
	return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}
