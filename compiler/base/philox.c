/* philox: random numbers as functions of a counter (Salmon, Moraes, Dror, Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC'11). Keeps no state of its own and never looks at a clock. */
#include "compiler/base/base.h"

#include <string.h>

void
philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
	uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
	uint32_t k0 = key[0], k1 = key[1];
	for (int round = 0; round < 10; round++) {
		uint64_t p = (uint64_t)0xD2511F53u * c0;
		uint64_t q = (uint64_t)0xCD9E8D57u * c2;
		c0 = (uint32_t)(q >> 32) ^ c1 ^ k0;
		c2 = (uint32_t)(p >> 32) ^ c3 ^ k1;
		c1 = (uint32_t)q;
		c3 = (uint32_t)p;
		k0 += 0x9E3779B9u; /* golden ratio */
		k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

/* Streams and `uniform` may share a site name; the constant in the key keeps them apart. */
enum { STREAM_KEY = 0x5354524d };

Stream
stream_open(uint64_t seed, const char *site, uint64_t a, uint32_t b)
{
	uint64_t key = seed ^ hash_name(site);
	return (Stream){
		.key = {(uint32_t)key, (uint32_t)(key >> 32) ^ STREAM_KEY},
		.counter = {0, (uint32_t)a, (uint32_t)(a >> 32), b},
		.used = 4,
	};
}

uint32_t
stream_u32(Stream *s)
{
	if (s->used == 4) {
		philox4x32(s->counter, s->key, s->out);
		if (++s->counter[0] == 0)
			BUG("a stream gave out 2^34 numbers");
		s->used = 0;
	}
	return s->out[s->used++];
}

static uint64_t
stream_u64(Stream *s)
{
	uint64_t high = stream_u32(s);
	return high << 32 | stream_u32(s);
}

double
stream_uniform(Stream *s)
{
	return (double)(stream_u64(s) >> 11) * 0x1p-53;
}

/* ---- many at once --------------------------------------------------------------------------- */

enum { COUNTERS = 64 }; /* in flight: two numbers of 53 bits each */

/* Words out[0 .. 3] of counters from, from + 1, ..: the rounds of philox4x32, lane by lane. */
static CLONES void
words(const uint32_t key[2], const uint32_t rest[3], uint32_t from, uint32_t out[4][COUNTERS])
{
	for (uint32_t i = 0; i < COUNTERS; i++) {
		uint32_t c0 = from + i, c1 = rest[0], c2 = rest[1], c3 = rest[2];
		uint32_t k0 = key[0], k1 = key[1];
#pragma GCC unroll 10
		for (int round = 0; round < 10; round++) {
			uint64_t p = (uint64_t)0xD2511F53u * c0;
			uint64_t q = (uint64_t)0xCD9E8D57u * c2;
			c0 = (uint32_t)(q >> 32) ^ c1 ^ k0;
			c2 = (uint32_t)(p >> 32) ^ c3 ^ k1;
			c1 = (uint32_t)q;
			c3 = (uint32_t)p;
			k0 += 0x9E3779B9u;
			k1 += 0xBB67AE85u;
		}
		out[0][i] = c0;
		out[1][i] = c1;
		out[2][i] = c2;
		out[3][i] = c3;
	}
}

/* (high << 32 | low) >> 11, times 2^-53, exactly; signed, because that is what processors convert.
 */
static inline double
unit(uint32_t high, uint32_t low)
{
	double top = (double)(int32_t)(high ^ 0x80000000u) + 0x1p31;
	return top * 0x1p-32 + (double)(int32_t)(low >> 11) * 0x1p-53;
}

static CLONES void
units(uint32_t in[4][COUNTERS], double out[2 * COUNTERS])
{
	for (int i = 0; i < COUNTERS; i++) {
		out[2 * i] = unit(in[0][i], in[1][i]);
		out[2 * i + 1] = unit(in[2][i], in[3][i]);
	}
}

void
stream_uniforms(const Stream *s, int64_t first, int64_t n, double *out)
{
	uint32_t word[4][COUNTERS];
	double   some[2 * COUNTERS];
	if (s->used != 4 || s->counter[0] != 0 || first < 0 || first + n > (int64_t)1 << 33)
		BUG("uniforms %lld + %lld of a stream", (long long)first, (long long)n);
	for (int64_t at = first / 2 * 2; at < first + n; at += 2 * COUNTERS) {
		words(s->key, s->counter + 1, (uint32_t)(at / 2), word);
		units(word, some);
		int64_t skip = at < first ? first - at : 0, end = first + n - at;
		if (end > 2 * COUNTERS)
			end = 2 * COUNTERS;
		memcpy(out + (at + skip - first), some + skip, (size_t)(end - skip) * sizeof *some);
	}
}

void
stream_skip(Stream *s, int64_t uniforms)
{
	if (s->used != 4 || s->counter[0] != 0 || uniforms < 0 || uniforms >= (int64_t)1 << 33)
		BUG("%lld uniforms of a stream are skipped", (long long)uniforms);
	s->counter[0] = (uint32_t)(uniforms / 2);
	if (uniforms % 2)
		(void)stream_uniform(s);
}

double
stream_between(Stream *s, double lo, double hi)
{
	return lo + (hi - lo) * stream_uniform(s);
}

int64_t
stream_int(Stream *s, int64_t lo, int64_t hi)
{
	if (lo > hi)
		BUG("stream_int over the empty range %lld..%lld", (long long)lo, (long long)hi);
	uint64_t count = (uint64_t)hi - (uint64_t)lo + 1; /* 0 stands for 2^64 */
	if (count == 0)
		return (int64_t)stream_u64(s);
	/* Refuse the lowest 2^64 mod count values: what remains is a multiple of count. */
	uint64_t refuse = -count % count, bits;
	do
		bits = stream_u64(s);
	while (bits < refuse);
	return (int64_t)((uint64_t)lo + bits % count);
}

float
philox_uniform(uint32_t seed, uint64_t site, uint32_t step, uint32_t sample, uint32_t elem)
{
	uint32_t counter[4] = {elem / 4, sample, step, 0};
	uint32_t key[2] = {seed ^ (uint32_t)site, (uint32_t)(site >> 32)};
	uint32_t out[4];
	philox4x32(counter, key, out);
	return (float)(out[elem % 4] >> 8) * 0x1p-24f;
}
