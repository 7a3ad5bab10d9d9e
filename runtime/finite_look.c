/* What lies in memory: least and greatest number, how many are no numbers. Copies a piece at a
 * time, so that any device will do and no second slab is needed. */
#include "runtime/finite.h"

#include <math.h>
#include <string.h>

enum { ROOM = 1 << 18 };

Touch
touch_block(int slab, int64_t offset, int64_t bytes)
{
	return (Touch){.slab = slab, .stripe = {offset, bytes, 1, 0}, .planes = 1};
}

bool
touch_types(Arena *a, const Program *p, const ProgStep *s, const Touches *t, Dtype **out)
{
	Dtype *type = *out = arena_new_array(a, Dtype, t->n + 1);
	if (s->kind == STEP_launch) {
		const Kernel *k = &p->kernel[s->kernel];
		for (int i = 0; i < t->n && i < k->ntype; i++)
			type[i] = k->type[i];
		return k->ntype == t->n;
	}
	/* operands a and b, the bias, the result */
	for (int i = 0; i < t->n; i++)
		type[i] = DT_f32;
	type[0] = s->gemm.a.dtype;
	type[1] = s->gemm.b.dtype;
	type[t->n - 1] = s->gemm.c.dtype;
	return true;
}

static void
range_add(Range *r, double v)
{
	r->n++;
	if (isnan(v))
		r->nan++;
	else if (isinf(v))
		r->inf++;
	else {
		r->lo = v < r->lo ? v : r->lo;
		r->hi = v > r->hi ? v : r->hi;
	}
}

static void
range_bytes(Range *r, Dtype type, const char *at, int64_t bytes)
{
	int64_t n = bytes / dtype_bytes[type];
	for (int64_t i = 0; i < n; i++) {
		union {
			float    f;
			uint16_t h;
			int32_t  i;
			uint32_t u;
			uint8_t  b;
		} x;
		memcpy(&x, at + i * dtype_bytes[type], (size_t)dtype_bytes[type]);
		range_add(r, type == DT_f32    ? (double)x.f
		             : type == DT_bf16 ? (double)bf16_to_f32(x.h)
		             : type == DT_i32  ? (double)x.i
		             : type == DT_u32  ? (double)x.u
		                               : (double)x.b);
	}
}

/* Neighbouring bytes; whole elements fit into the room. */
static Status
range_run(const Exec *x, int slab, int64_t lo, int64_t bytes, Dtype type, char *room, Range *r)
{
	for (int64_t done = 0; done < bytes;) {
		int64_t now = bytes - done < ROOM ? bytes - done : ROOM;
		TRY(x->device->get(x->dev, slab, lo + done, room, now));
		range_bytes(r, type, room, now);
		done += now;
	}
	return OK;
}

/* Rows that are short and near each other are copied together with what lies between. */
static Status
range_stripe(const Exec *x, int slab, Stripe s, Dtype type, char *room, Range *r)
{
	int64_t many =
		s.rows > 1 && s.pitch <= ROOM / 2 && s.bytes <= ROOM / 2 ? ROOM / 2 / s.pitch : 1;
	for (int64_t i = 0; i < s.rows; i += many) {
		int64_t now = s.rows - i < many ? s.rows - i : many, lo = s.lo + i * s.pitch;
		if (many == 1) {
			TRY(range_run(x, slab, lo, s.bytes, type, room, r));
			continue;
		}
		TRY(x->device->get(x->dev, slab, lo, room, (now - 1) * s.pitch + s.bytes));
		for (int64_t k = 0; k < now; k++)
			range_bytes(r, type, room + k * s.pitch, s.bytes);
	}
	return OK;
}

Status
range_of(const Exec *x, const Touch *t, Dtype type, Range *out)
{
	Arena *a = arena_new();
	char  *room = arena_alloc(a, ROOM);
	Status s = OK;
	*out = (Range){.lo = INFINITY, .hi = -INFINITY};
	for (int64_t i = 0; i < t->planes && s == OK; i++) {
		Stripe at = t->stripe;
		at.lo += i * t->step;
		s = range_stripe(x, t->slab, at, type, room, out);
	}
	arena_free(a);
	return s;
}
