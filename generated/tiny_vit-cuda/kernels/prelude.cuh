/* What every kernel of this program starts with: types, shared memory, warps, matrix fragments,
 * conversions, elementary functions, random draws.
 *
 * Compile with NVRTC (nothing is included; -std=c++17, no fast math: NaN and infinity keep their
 * meaning and sums keep their order), or for the processor with g++ -DD2V_EMULATE, where
 * emulate.h stands for the hardware.
 *
 * A block is one-dimensional. Lanes of a warp are threads 32 w .. 32 w + 31. */
#pragma once
#ifdef D2V_EMULATE
#include "emulate.h"
#define D2V_MAY_ALIAS __attribute__((may_alias))
#else

typedef unsigned char      uint8_t;
typedef unsigned short     uint16_t;
typedef int                int32_t;
typedef unsigned int       uint32_t;
typedef long long          int64_t;
typedef unsigned long long uint64_t;
#define D2V_MAY_ALIAS

/* ---- memory that the threads of a block share ---- */
#define D2V_SHARED(type, name, count) __shared__ __align__(16) type name[count]
#define D2V_DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
__device__ __forceinline__ void d2v_barrier() { __syncthreads(); }
__device__ __forceinline__ uint32_t d2v_shared_address(const void *p)
{
	return (uint32_t)__cvta_generic_to_shared(p);
}
/* 16 bytes, past the registers and the first-level cache; there after commit and wait. */
__device__ __forceinline__ void d2v_copy_async16(void *shared, const void *global)
{
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" :: "r"(d2v_shared_address(shared)),
	             "l"(__cvta_generic_to_global(global)) : "memory");
}
__device__ __forceinline__ void d2v_copy_commit()
{
	asm volatile("cp.async.commit_group;" ::: "memory");
}
/* All groups but the N latest have arrived, as far as this thread's copies go. */
template <int N> __device__ __forceinline__ void d2v_copy_wait()
{
	asm volatile("cp.async.wait_group %0;" :: "n"(N) : "memory");
}

/* ---- warps: all 32 lanes take part ---- */
__device__ __forceinline__ float d2v_shuffle_xor(float v, int lane_mask)
{
	return __shfl_xor_sync(0xffffffffu, v, lane_mask);
}
__device__ __forceinline__ uint32_t d2v_shuffle_xor(uint32_t v, int lane_mask)
{
	return __shfl_xor_sync(0xffffffffu, v, lane_mask);
}
__device__ __forceinline__ float d2v_shuffle(float v, int lane)
{
	return __shfl_sync(0xffffffffu, v, lane);
}
__device__ __forceinline__ uint32_t d2v_shuffle(uint32_t v, int lane)
{
	return __shfl_sync(0xffffffffu, v, lane);
}

/* ---- tensor cores ----
 * c += a b for a 16 x 8 tile of f32, a 16 x 16 by rows and b 16 x 8 by columns, both bf16. Lane l
 * holds of c: rows l / 4 (c[0], c[1]) and l / 4 + 8 (c[2], c[3]), columns 2 (l % 4) and the next. */
__device__ __forceinline__ void d2v_mma_bf16(float (&c)[4], const uint32_t (&a)[4],
                                             const uint32_t (&b)[2])
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
	             "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
	             : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
	             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
/* 8 x 8 matrices of 16-bit elements from shared memory; lane l gives the address of row l % 8 of
 * matrix l / 8. Lane l gets elements 2 (l % 4) and the next of row l / 4; trans: of column l / 4. */
__device__ __forceinline__ void d2v_ldmatrix_x4(uint32_t (&r)[4], const void *row)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
	             : "r"(d2v_shared_address(row)) : "memory");
}
__device__ __forceinline__ void d2v_ldmatrix_x4_trans(uint32_t (&r)[4], const void *row)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
	             : "r"(d2v_shared_address(row)) : "memory");
}
__device__ __forceinline__ void d2v_ldmatrix_x2(uint32_t (&r)[2], const void *row)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
	             : "=r"(r[0]), "=r"(r[1]) : "r"(d2v_shared_address(row)) : "memory");
}
__device__ __forceinline__ void d2v_ldmatrix_x2_trans(uint32_t (&r)[2], const void *row)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
	             : "=r"(r[0]), "=r"(r[1]) : "r"(d2v_shared_address(row)) : "memory");
}
#endif

#define D2V_INLINE __device__ __forceinline__

/* ---- numbers ---- */
D2V_INLINE float d2v_infinity() { return __uint_as_float(0x7f800000u); }
D2V_INLINE float d2v_nan() { return __uint_as_float(0x7fc00000u); }
/* NaN where either is NaN, whichever comes first: max(x, 0) hides none. */
D2V_INLINE float d2v_min(float a, float b)
{
#ifdef D2V_EMULATE
	return a < b || a != a ? a : b;
#else
	float y;
	asm("min.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
	return y;
#endif
}
D2V_INLINE float d2v_max(float a, float b)
{
#ifdef D2V_EMULATE
	return a > b || a != a ? a : b;
#else
	float y;
	asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
	return y;
#endif
}
/* The top of a row that a softmax takes off: a NaN shows in what is left, not in it. */
D2V_INLINE float d2v_top(float a, float b) { return a > b ? a : b; }
D2V_INLINE float d2v_abs(float x) { return fabsf(x); }
D2V_INLINE float d2v_sign(float x) { return (float)((x > 0) - (x < 0)); }
D2V_INLINE float d2v_sqrt(float x) { return sqrtf(x); }
D2V_INLINE float d2v_rsqrt(float x) { return rsqrtf(x); }
D2V_INLINE float d2v_exp(float x) { return expf(x); }
D2V_INLINE float d2v_log(float x) { return logf(x); }
/* 1 / x to about 1 ulp, without the branch for denormals. */
D2V_INLINE float d2v_inverse(float x)
{
#ifdef D2V_EMULATE
	return 1 / x;
#else
	float y;
	asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
#endif
}
/* x, or the end of -most .. most that it lies behind. NaN stays NaN. */
D2V_INLINE float d2v_within(float x, float most)
{
#ifdef D2V_EMULATE
	x = x > most ? most : x;
	return x < -most ? -most : x;
#else
	float y;
	asm("min.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(x), "f"(most));
	asm("max.NaN.f32 %0, %1, %2;" : "=f"(x) : "f"(y), "f"(-most));
	return x;
#endif
}
/* As the processor's (prelude.h): a ratio of polynomials, and 16 instructions where erff, which chooses between
 * two polynomials, takes 24: enough to make a kernel of GELUs wait for arithmetic instead of memory. */
D2V_INLINE float d2v_erf(float x)
{
	const float c = d2v_within(x, 3.892f), s = c * c;
	float p = (2.01485837e-8f * s - 1.9631853e-6f) * s + 0.00014059128f;
	p = ((p * s + 0.00363194174f) * s + 0.05034383f) * s + 0.19817403f;
	float q = (0.000940499187f * s + 0.0142071638f) * s + 0.114277489f;
	q = (q * s + 0.508958936f) * s + 1.0f;
	return (p * s + 1.12837911f) * c * d2v_inverse(q);
}
D2V_INLINE float d2v_tanh(float x) { return tanhf(x); }

/* bf16 is the upper half of a float. To nearest, ties to even; NaN stays NaN. */
D2V_INLINE float d2v_load_bf16(uint16_t x) { return __uint_as_float((uint32_t)x << 16); }
#ifdef D2V_EMULATE
D2V_INLINE uint16_t d2v_to_bf16(float x)
{
	uint32_t u = __float_as_uint(x), even = u + 0x7fff + (u >> 16 & 1);
	return (uint16_t)(((u & 0x7fffffff) > 0x7f800000 ? u | 0x400000 : even) >> 16);
}
D2V_INLINE uint32_t d2v_pack_bf16(float lo, float hi)
{
	return d2v_to_bf16(lo) | (uint32_t)d2v_to_bf16(hi) << 16;
}
#else
D2V_INLINE uint16_t d2v_to_bf16(float x)
{
	uint16_t h;
	asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(h) : "f"(x));
	return h;
}
D2V_INLINE uint32_t d2v_pack_bf16(float lo, float hi)
{
	uint32_t u;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(u) : "f"(hi), "f"(lo));
	return u;
}
#endif

/* ---- several elements at once ----
 * N neighbours in accesses of up to 16 bytes; the address is a multiple of their size. */
typedef uint4    D2V_MAY_ALIAS d2v_piece16;
typedef uint2    D2V_MAY_ALIAS d2v_piece8;
typedef uint32_t D2V_MAY_ALIAS d2v_piece4;
template <typename P, typename T, int N> D2V_INLINE void d2v_load_as(T (&to)[N], const T *from)
{
#pragma unroll
	for (int i = 0; i < (int)(N * sizeof(T) / sizeof(P)); i++) {
		const P piece = ((const P *)from)[i];
		memcpy((char *)to + i * sizeof(P), &piece, sizeof(P));
	}
}
template <typename P, typename T, int N> D2V_INLINE void d2v_store_as(T *to, const T (&from)[N])
{
#pragma unroll
	for (int i = 0; i < (int)(N * sizeof(T) / sizeof(P)); i++) {
		P piece;
		memcpy(&piece, (const char *)from + i * sizeof(P), sizeof(P));
		((P *)to)[i] = piece;
	}
}
template <typename T, int N> D2V_INLINE void d2v_load(T (&to)[N], const T *from)
{
	if constexpr (N * sizeof(T) % 16 == 0)
		d2v_load_as<d2v_piece16>(to, from);
	else if constexpr (N * sizeof(T) % 8 == 0)
		d2v_load_as<d2v_piece8>(to, from);
	else if constexpr (N * sizeof(T) % 4 == 0)
		d2v_load_as<d2v_piece4>(to, from);
	else
		for (int i = 0; i < N; i++)
			to[i] = from[i];
}
template <typename T, int N> D2V_INLINE void d2v_store(T *to, const T (&from)[N])
{
	if constexpr (N * sizeof(T) % 16 == 0)
		d2v_store_as<d2v_piece16>(to, from);
	else if constexpr (N * sizeof(T) % 8 == 0)
		d2v_store_as<d2v_piece8>(to, from);
	else if constexpr (N * sizeof(T) % 4 == 0)
		d2v_store_as<d2v_piece4>(to, from);
	else
		for (int i = 0; i < N; i++)
			to[i] = from[i];
}
/* The same where only the first `there` elements exist; the others read as zero. */
template <typename T, int N> D2V_INLINE void d2v_load_some(T (&to)[N], const T *from, int64_t there)
{
	if (there >= N) {
		d2v_load(to, from);
	} else {
#pragma unroll
		for (int i = 0; i < N; i++)
			to[i] = i < there ? from[i] : (T)0;
	}
}
template <typename T, int N> D2V_INLINE void d2v_store_some(T *to, const T (&from)[N], int64_t there)
{
	if (there >= N) {
		d2v_store(to, from);
	} else {
#pragma unroll
		for (int i = 0; i < N; i++)
			if (i < there)
				to[i] = from[i];
	}
}

/* ---- sums over threads, in one fixed order ---- */
D2V_INLINE float d2v_warp_sum(float v)
{
#pragma unroll
	for (int m = 16; m > 0; m /= 2)
		v += d2v_shuffle_xor(v, m);
	return v;
}
D2V_INLINE float d2v_warp_max(float v)
{
#pragma unroll
	for (int m = 16; m > 0; m /= 2)
		v = d2v_top(v, d2v_shuffle_xor(v, m));
	return v;
}
/* Of N numbers in shared memory, one after the other. */
template <int N> D2V_INLINE float d2v_total(const float *part)
{
	float v = part[0];
#pragma unroll
	for (int i = 1; i < N; i++)
		v += part[i];
	return v;
}
template <int N> D2V_INLINE float d2v_most(const float *part)
{
	float v = part[0];
#pragma unroll
	for (int i = 1; i < N; i++)
		v = d2v_top(v, part[i]);
	return v;
}

/* ---- random numbers: Philox4x32-10 ----
 * counter (element / 4, sample, step, 0), key (seed ^ low site, high site) */
D2V_INLINE void d2v_philox(uint32_t seed, uint64_t site, uint32_t step, uint32_t sample,
                           uint32_t group, uint32_t (&out)[4])
{
	uint32_t a = group, b = sample, c = step, d = 0;
	uint32_t k0 = seed ^ (uint32_t)site, k1 = (uint32_t)(site >> 32);
#pragma unroll
	for (int round = 0; round < 10; round++) {
		const uint64_t x = (uint64_t)0xd2511f53u * a, y = (uint64_t)0xcd9e8d57u * c;
		a = (uint32_t)(y >> 32) ^ b ^ k0, b = (uint32_t)y;
		c = (uint32_t)(x >> 32) ^ d ^ k1, d = (uint32_t)x;
		k0 += 0x9e3779b9u, k1 += 0xbb67ae85u;
	}
	out[0] = a, out[1] = b, out[2] = c, out[3] = d;
}
/* The draw for one element, in [0, 1). */
D2V_INLINE float d2v_uniform(uint32_t seed, uint64_t site, uint32_t step, uint32_t sample,
                             uint32_t elem)
{
	uint32_t lane[4];
	d2v_philox(seed, site, step, sample, elem >> 2, lane);
	const uint32_t i = elem & 3, bits = i == 0 ? lane[0] : i == 1 ? lane[1] : i == 2 ? lane[2] : lane[3];
	return (float)(int32_t)(bits >> 8) * 0x1p-24f;
}
