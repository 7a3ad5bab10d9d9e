/* emulate: runs the text of CUDA kernels on the CPU. C++17 headers that need nothing but the C library: emulate_touch.h,
 * emulate_fiber.h, emulate_launch.h, this one and emulate_watch.h, which may also be one text, in this order. Host compilers see them in place of NVRTC's
 * built-in names when D2V_EMULATE is defined.
 *
 *     #define D2V_EMULATE
 *     #include "emulate.h"
 *     #include "k.cu"             // extern "C" __global__ void k(float *y, const float *x, long long n)
 *     const char *wrong = emulate::run("k", grid, block, shared, NULL, [&] { k(y, x, n); });
 *
 * `wrong` is NULL, or one sentence with kernel, block, thread and what it waited at.
 *
 * Each thread of a block is a fiber, and fibers change places only where threads meet: at d2v_barrier (all
 * threads of the block) and at warp collectives (shuffle, mma, ldmatrix: all 32 lanes). A warp runs until all of its
 * lanes are at the barrier, then the next warp does; threads that never meet anybody run one after the other on
 * one stack. Blocks run one after the other on the calling host thread.
 *
 * What a GPU leaves open is made visible. The order of blocks, of warps, and of lanes is that of
 * D2V_EMULATE_ORDER = forward | reverse | shuffle[:SEED]: with a barrier missing the results differ. Shared memory
 * holds 0xFF bytes (NaN) when a block begins. The target of an asynchronous copy holds 0xFF bytes from the copy until the
 * thread waits for it. A launch may be watched (Watch): then every access to memory that is not a thread's own is told. Not
 * forgiven: barriers and collectives that not all threads reach, or reach in different lines of
 * the source; ldmatrix and asynchronous copies with addresses that are not 16-byte aligned or not in shared memory.
 *
 * Refuses: __shared__ and extern __shared__ (D2V_SHARED and D2V_DYNAMIC_SHARED stand for them), blocks of
 * more than one dimension, float atomics, anything else of CUDA that is not below. */
#ifndef D2V_EMULATE_H
#define D2V_EMULATE_H

#ifndef D2V_EMULATE_LAUNCH_H
#include "runtime/emulate_launch.h"
#endif

/* ---- CUDA's words --------------------------------------------------------------------------- */

/* clang-format off */
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static inline int2 make_int2(int x, int y) { return {x, y}; }
static inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }

static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline unsigned __float_as_uint(float x) { unsigned u; memcpy(&u, &x, 4); return u; }
static inline float __uint_as_float(unsigned u) { float x; memcpy(&x, &u, 4); return x; }
static inline int __float_as_int(float x) { return (int)__float_as_uint(x); }
static inline float __int_as_float(int i) { return __uint_as_float((unsigned)i); }
static inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline float __fadd_rn(float a, float b) { volatile float s = a + b; return s; }
static inline float __fmul_rn(float a, float b) { volatile float p = a * b; return p; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
template <class T> static inline T __ldg(const T *p) { return *p; }
template <class T> static inline T min(T a, T b) { return b < a ? b : a; }
template <class T> static inline T max(T a, T b) { return a < b ? b : a; }
/* clang-format on */

namespace emulate
{

/* ---- asynchronous copies -------------------------------------------------------------------- */

EMULATE_OUTLINE void
copy_begin(void *to, const void *from, int line)
{
	Thread     &t = here();
	const void *pc = __builtin_return_address(0);
	if ((uintptr_t)to % 16 || (uintptr_t)from % 16)
		wrong("the asynchronous copy of line %d is not 16-byte aligned", line);
	if (!is_shared(to, 16))
		wrong("the asynchronous copy of line %d goes to memory that is not shared", line);
	if (t.ncopy == t.room) {
		t.room = t.room ? 2 * t.room : 64;
		t.copy = (Copy *)realloc(t.copy, (size_t)t.room * sizeof *t.copy);
		if (t.copy == NULL)
			abort();
	}
	touch(from, 16, false, pc);
	touch(to, 16, true, pc);
	t.copy[t.ncopy++] = {to, from, pc, t.group};
	memset(to, 0xFF, 16);
}

/* All groups but the latest `pending` land. */
EMULATE_OUTLINE void
copy_land(unsigned pending)
{
	Thread &t = here();
	int     n = 0;
	while (n < t.ncopy && t.copy[n].group + pending < t.group) {
		touch(t.copy[n].from, 16, false, t.copy[n].pc);
		touch(t.copy[n].to, 16, true, t.copy[n].pc);
		memcpy(t.copy[n].to, t.copy[n].from, 16);
		n++;
	}
	t.ncopy -= n;
	if (t.ncopy)
		memmove(t.copy, t.copy + n, (size_t)t.ncopy * sizeof *t.copy);
}

EMULATE_OUTLINE uint32_t
shuffle(uint32_t v, int lane, int line)
{
	Thread &t = here();
	t.value = v;
	t.number = lane;
	meet(SHUFFLE, line);
	return t.value;
}

EMULATE_OUTLINE void
mma(float *c, const uint32_t *a, const uint32_t *b, int line)
{
	Thread &t = here();
	t.c = c;
	t.a = a;
	t.b = b;
	meet(MMA, line);
}

EMULATE_OUTLINE void
ldmatrix(uint32_t *out, const void *row, int number, int line)
{
	Thread &t = here();
	t.out = out;
	t.row = row;
	t.pc = __builtin_return_address(0);
	t.number = number;
	meet(LDMATRIX, line);
}

} // namespace emulate

/* ---- the primitives that kernels call ------------------------------------------------------- */

/* `line` is the caller's: it tells one barrier from another. A function that wraps one of these
 * takes and passes it in the same way, or all its callers are in one line. */
#define EMULATE_LINE int line = __builtin_LINE()

#define D2V_SHARED(type, name, count)                                                              \
	alignas(16) static type   name[count];                                                     \
	static unsigned long long name##_epoch;                                                    \
	emulate::shared_enter(&name##_epoch, name, sizeof name)
#define D2V_DYNAMIC_SHARED(name) unsigned char *const name = (unsigned char *)emulate::state.shared

static inline void
d2v_barrier(EMULATE_LINE)
{
	emulate::meet(emulate::BARRIER, line);
}

static inline uint32_t
d2v_shuffle(uint32_t v, int lane, EMULATE_LINE)
{
	return emulate::shuffle(v, lane, line);
}
static inline float
d2v_shuffle(float v, int lane, EMULATE_LINE)
{
	return __uint_as_float(emulate::shuffle(__float_as_uint(v), lane, line));
}
static inline uint32_t
d2v_shuffle_xor(uint32_t v, int lane_mask, EMULATE_LINE)
{
	return emulate::shuffle(v, (int)(threadIdx.x & 31) ^ lane_mask, line);
}
static inline float
d2v_shuffle_xor(float v, int lane_mask, EMULATE_LINE)
{
	return __uint_as_float(
		emulate::shuffle(__float_as_uint(v), (int)(threadIdx.x & 31) ^ lane_mask, line));
}

static inline void
d2v_mma_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], EMULATE_LINE)
{
	emulate::mma(c, a, b, line);
}

static inline void
d2v_ldmatrix_x4(uint32_t (&r)[4], const void *row, EMULATE_LINE)
{
	emulate::ldmatrix(r, row, 4, line);
}
static inline void
d2v_ldmatrix_x4_trans(uint32_t (&r)[4], const void *row, EMULATE_LINE)
{
	emulate::ldmatrix(r, row, -4, line);
}
static inline void
d2v_ldmatrix_x2(uint32_t (&r)[2], const void *row, EMULATE_LINE)
{
	emulate::ldmatrix(r, row, 2, line);
}
static inline void
d2v_ldmatrix_x2_trans(uint32_t (&r)[2], const void *row, EMULATE_LINE)
{
	emulate::ldmatrix(r, row, -2, line);
}

static inline void
d2v_copy_async16(void *shared, const void *global, EMULATE_LINE)
{
	emulate::copy_begin(shared, global, line);
}
static inline void
d2v_copy_commit()
{
	emulate::here().group++;
}
template <int N>
static inline void
d2v_copy_wait()
{
	emulate::copy_land(N);
}

#endif
