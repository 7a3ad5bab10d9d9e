/* What every kernel of this program starts with: types, vectors, conversions,
 * elementary functions, random draws.
 *
 * Compile with: cc -std=gnu11 -O3 -march=native -fopenmp
 *                  -fno-math-errno -fno-trapping-math -ffp-contract=fast
 *                  -fno-thread-jumps (it would make each limit of d2v_erf a path of its
 *                  own, both of which vectors then walk)
 * No -ffast-math: NaN and infinity keep their meaning, and sums keep their order.
 *
 * The functions of one number have no branches and no calls, so a plain loop over
 * them becomes vector code:
 *     for (int64_t i = 0; i < 768; i++) y[i] = d2v_exp(x[i]);
 * and gives, element by element, the bits of the scalar call. The compiler may not
 * reorder a sum by itself: a row kernel asks for it, and gets as many partial sums
 * as a vector has lanes, added up in an order fixed by the binary:
 *     float sum = 0;
 *     #pragma omp simd reduction(+ : sum)
 *     for (int64_t i = 0; i < 768; i++) sum += x[i] * x[i];
 * (likewise reduction(max : m) with m = d2v_top(m, x[i])). A short row is added up
 * by d2v_sum_of instead, whose last additions wait less. Rows are shared out by
 * `#pragma omp parallel for`, one row to one thread, so the number of threads
 * changes nothing. */
#ifndef D2V_PRELUDE
#define D2V_PRELUDE
#include <stdint.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#else
#define omp_get_num_threads() 1
#define omp_get_thread_num() 0
#endif

/* gcc prefers half vectors on some processors; functions below work on whole ones, and what was
 * written by halves is read late by a whole. */
#if defined(__AVX512F__) && !defined(__clang__)
#pragma GCC target("prefer-vector-width=512")
#endif

typedef union { double f; int64_t i; uint64_t u; } Num;

/* ---- vectors of VW floats; LOW and HIGH interleave the halves of two, FOLDS
 * exchange halves, quarters .. of one ---- */
#if defined(__AVX512F__)
enum { VW = 16 };
#define D2V_LOW  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define D2V_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define D2V_LOW_WIDE  0, 8, 1, 9, 2, 10, 3, 11
#define D2V_HIGH_WIDE 4, 12, 5, 13, 6, 14, 7, 15
#define D2V_FOLDS(F) \
        F(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7) \
        F(4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11) \
        F(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13) \
        F(1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#elif defined(__AVX2__)
enum { VW = 8 };
#define D2V_LOW  0, 8, 1, 9, 2, 10, 3, 11
#define D2V_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define D2V_LOW_WIDE  0, 4, 1, 5
#define D2V_HIGH_WIDE 2, 6, 3, 7
#define D2V_FOLDS(F) \
        F(4, 5, 6, 7, 0, 1, 2, 3) \
        F(2, 3, 0, 1, 6, 7, 4, 5) \
        F(1, 0, 3, 2, 5, 4, 7, 6)
#else
enum { VW = 4 };
#define D2V_LOW  0, 4, 1, 5
#define D2V_HIGH 2, 6, 3, 7
#define D2V_LOW_WIDE  0, 2
#define D2V_HIGH_WIDE 1, 3
#define D2V_FOLDS(F) \
        F(2, 3, 0, 1) \
        F(1, 0, 3, 2)
#endif
typedef float    v_float __attribute__((vector_size(4 * VW), may_alias));
typedef uint32_t v_bits __attribute__((vector_size(4 * VW), may_alias));
typedef int32_t  v_int __attribute__((vector_size(4 * VW), may_alias));
typedef uint64_t v_wide __attribute__((vector_size(4 * VW), may_alias));
typedef float    v_anywhere __attribute__((vector_size(4 * VW), aligned(4), may_alias));
#define D2V_ALIGNED __attribute__((aligned(64)))
#define D2V_INLINE  static inline __attribute__((always_inline, unused))
#define D2V_UP(n, step) (((n) + (step) - 1) / (step) * (step))

/* ---- numbers ---- */
D2V_INLINE uint32_t d2v_bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
D2V_INLINE float d2v_float(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }
/* NaN where either is NaN, whichever comes first: max(x, 0) hides none. */
D2V_INLINE float d2v_min(float a, float b) { return a < b || a != a ? a : b; }
D2V_INLINE float d2v_max(float a, float b) { return a > b || a != a ? a : b; }
/* The top of a row that a softmax takes off: a NaN shows in what is left, not in it. */
D2V_INLINE float d2v_top(float a, float b) { return a > b ? a : b; }
D2V_INLINE float d2v_sqrt(float x) { return __builtin_sqrtf(x); }
D2V_INLINE float d2v_rsqrt(float x) { return 1.0f / __builtin_sqrtf(x); }
D2V_INLINE float d2v_abs(float x) { return __builtin_fabsf(x); }
D2V_INLINE float d2v_sign(float x) { return (float)((x > 0) - (x < 0)); }

/* ---- a short row added up: vectors first, then what is left over, last the lanes
 * of one vector in a tree ---- */
D2V_INLINE v_float d2v_larger(v_float a, v_float b)
{
	v_int first = a > b;
	return (v_float)((first & (v_int)a) | (~first & (v_int)b));
}
D2V_INLINE float d2v_sum_of(const float *x, int64_t n)
{
	v_float a = {0}, b = a, c = a, d = a;
	int64_t i = 0;
	for (; i + 4 * VW <= n; i += 4 * VW) {
		a += *(const v_float *)(x + i);
		b += *(const v_float *)(x + i + VW);
		c += *(const v_float *)(x + i + 2 * VW);
		d += *(const v_float *)(x + i + 3 * VW);
	}
	for (; i + VW <= n; i += VW)
		a += *(const v_float *)(x + i);
	a = (a + b) + (c + d);
	for (int l = 0; i < n; i++, l++)
		a[l] += x[i];
#define F(...) a += __builtin_shufflevector(a, a, __VA_ARGS__);
	D2V_FOLDS(F)
#undef F
	return a[0];
}
D2V_INLINE float d2v_top_of(const float *x, int64_t n)
{
	v_float a = (v_float){0} - __builtin_inff();
	int64_t i = 0;
	for (; i + VW <= n; i += VW)
		a = d2v_larger(a, *(const v_float *)(x + i));
	for (int l = 0; i < n; i++, l++)
		a[l] = d2v_top(a[l], x[i]);
#define F(...) a = d2v_larger(a, __builtin_shufflevector(a, a, __VA_ARGS__));
	D2V_FOLDS(F)
#undef F
	return a[0];
}

/* bf16 is the upper half of a float. To nearest, ties to even; every NaN becomes one. In
 * integers, because the instruction for it (vcvtneps2bf16) takes denormals for zero. */
D2V_INLINE float d2v_load_bf16(uint16_t x) { return d2v_float((uint32_t)x << 16); }
D2V_INLINE uint16_t d2v_to_bf16(float x)
{
	uint32_t u = d2v_bits(x), even = u + 0x7fff + (u >> 16 & 1);
	return (uint16_t)((x == x ? even : 0x7fc00000) >> 16);
}

/* e^x = 2^k e^r, |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to an integer and leaves
 * k in the low bits; ln 2 is split so that k times its first part is exact. 2^k is
 * added to the exponent, with a detour by 2^64 for denormal results. */
D2V_INLINE float d2v_exp(float x)
{
	float m = x * 1.44269504f + 12582912.0f, n = m - 12582912.0f;
	float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
	float p = (0.00138144707f * r + 0.00836878084f) * r + 0.0416683927f;
	p = (p * r + 0.166665196f) * r + 0.49999994f;
	float y = p * (r * r) + r + 1.0f;
	y = d2v_float(d2v_bits(y) + (d2v_bits(m) << 23) + (x < -80.0f ? 64u << 23 : 0));
	y = x < -104.0f ? 0.0f : y; /* before the product: making denormals takes time */
	y = y * (x < -80.0f ? 0x1p-64f : 1.0f);
	return x < 88.7228394f ? y : x + __builtin_inff();
}

/* x = 2^k (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1): ln x = k ln 2 + f - f^2/2 +
 * f^3 p(f). */
D2V_INLINE float d2v_log(float x)
{
	float    y = x < 1.17549435e-38f ? x * 8388608.0f : x;
	uint32_t t = d2v_bits(y) - 0x3f3504f3;
	float    k = (float)((int32_t)t >> 23) - (x < 1.17549435e-38f ? 23.0f : 0.0f);
	float    f = d2v_float((t & 0x7fffff) + 0x3f3504f3) - 1.0f, s = f * f;
	float    p = -0.0785960928f * f + 0.128816321f;
	p = ((p * f - 0.13128747f) * f + 0.141811937f) * f - 0.16624555f;
	p = ((p * f + 0.200022861f) * f - 0.250008106f) * f + 0.333333164f;
	float    v = k * 0.693359375f + (f + (s * (p * f - 0.5f) - k * 2.12194440e-4f));
	v = x == 0 ? -__builtin_inff() : v;
	v = x < 0 ? __builtin_nanf("") : v;
	return x < __builtin_inff() ? v : x;
}

/* x times a ratio of polynomials in x^2, fitted to erf(x) / x (relative error 4.9e-8). At
 * 3.892 it gives 1, which erf is from 3.92 on in f32. */
D2V_INLINE float d2v_erf(float x)
{
	float c = x > 3.892f ? 3.892f : x;
	c = c < -3.892f ? -3.892f : c;
	float s = c * c;
	float p = (2.01485837e-8f * s - 1.9631853e-6f) * s + 0.00014059128f;
	p = ((p * s + 0.00363194174f) * s + 0.05034383f) * s + 0.19817403f;
	float q = (0.000940499187f * s + 0.0142071638f) * s + 0.114277489f;
	q = (q * s + 0.508958936f) * s + 1.0f;
	return (p * s + 1.12837911f) * c / q;
}

/* Below 5/8 an odd polynomial, above 1 - 2 / (e^2|x| + 1). */
D2V_INLINE float d2v_tanh(float x)
{
	float t = d2v_abs(x), s = x * x;
	float p = (-0.00571704796f * s + 0.0206505898f) * s - 0.0537435003f;
	p = (p * s + 0.133314908f) * s - 0.333332837f;
	float big = __builtin_copysignf(1.0f - 2.0f / (d2v_exp(2.0f * t) + 1.0f), x);
	return t < 0.625f ? p * s * x + x : t >= 0.625f ? big : x;
}

/* ---- random numbers: Philox4x32-10 ----
 * counter (element / 4, sample, step, 0), key (seed ^ low site, high site) */
D2V_INLINE void d2v_philox(uint32_t seed, uint64_t site, uint32_t step,
                           uint32_t sample, uint32_t group, uint32_t out[4])
{
	uint32_t a = group, b = sample, c = step, d = 0;
	uint32_t k0 = seed ^ (uint32_t)site, k1 = (uint32_t)(site >> 32);
#pragma GCC unroll 10
	for (int round = 0; round < 10; round++) {
		uint64_t x = (uint64_t)0xd2511f53u * a, y = (uint64_t)0xcd9e8d57u * c;
		a = (uint32_t)(y >> 32) ^ b ^ k0, b = (uint32_t)y;
		c = (uint32_t)(x >> 32) ^ d ^ k1, d = (uint32_t)x;
		k0 += 0x9e3779b9u, k1 += 0xbb67ae85u;
	}
	out[0] = a, out[1] = b, out[2] = c, out[3] = d;
}
/* The draw for one element, in [0, 1). */
D2V_INLINE float d2v_uniform(uint32_t seed, uint64_t site, uint32_t step,
                             uint32_t sample, uint32_t elem)
{
	uint32_t lane[4], i = elem & 3;
	d2v_philox(seed, site, step, sample, elem >> 2, lane);
	uint32_t bits = i == 0 ? lane[0] : i == 1 ? lane[1] : i == 2 ? lane[2] : lane[3];
	return (float)(int32_t)(bits >> 8) * 0x1p-24f;
}
__attribute__((unused)) static const uint64_t d2v_count[8] D2V_ALIGNED =
        {0, 1, 2, 3, 4, 5, 6, 7};
/* 32-bit by 32-bit products; the upper halves of the lanes of a are ignored. */
D2V_INLINE v_wide d2v_multiply(v_wide a, v_wide b)
{
#ifdef __AVX2__
	v_wide product;
	__asm__("vpmuludq %2, %1, %0" : "=v"(product) : "v"(a), "v"(b));
	return product;
#else
	return (a & 0xffffffff) * b;
#endif
}
/* The draws for elements 4 first .. 4 (first + groups) - 1: a quarter of the work
 * when elements lie side by side. `out` has room for 2 VW - 4 more. Here the words
 * of the counter are 64-bit lanes of which the lower half counts. */
D2V_INLINE void d2v_uniform4(uint32_t seed, uint64_t site, uint32_t step,
                             uint32_t sample, uint32_t first, int64_t groups, float *out)
{
	for (int64_t g = 0; g < groups; g += VW / 2, out += 2 * VW) {
		v_wide a = *(const v_wide *)d2v_count + (first + (uint64_t)g);
		v_wide b = (v_wide){0} + sample, c = (v_wide){0} + step, d = {0};
		uint64_t k0 = seed ^ (uint32_t)site, k1 = site >> 32;
#pragma GCC unroll 10
		for (int round = 0; round < 10; round++) {
			v_wide x = d2v_multiply(a, (v_wide){0} + 0xd2511f53u);
			v_wide y = d2v_multiply(c, (v_wide){0} + 0xcd9e8d57u);
			a = y >> 32 ^ b ^ k0, b = y;
			c = x >> 32 ^ d ^ k1, d = x;
			k0 = (uint32_t)(k0 + 0x9e3779b9u), k1 = (uint32_t)(k1 + 0xbb67ae85u);
		}
		a = (a & 0xffffffff) | b << 32, c = (c & 0xffffffff) | d << 32;
		v_int low = (v_int)((v_bits)__builtin_shufflevector(a, c, D2V_LOW_WIDE) >> 8);
		v_int high = (v_int)((v_bits)__builtin_shufflevector(a, c, D2V_HIGH_WIDE) >> 8);
		*(v_anywhere *)out = __builtin_convertvector(low, v_float) * 0x1p-24f;
		*(v_anywhere *)(out + VW) = __builtin_convertvector(high, v_float) * 0x1p-24f;
	}
}
#endif
