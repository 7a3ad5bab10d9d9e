/* B of a gemm into the blocked form that oneDNN's matmul reads fastest: panels of 64 columns, cut
 * into blocks of 16 lines, a line being 64 words of 32 bits. An f32 word is B[k][n]; a bf16 word
 * is the pair B[2i][n], B[2i+1][n]. What lies beyond the matrix is zero. oneDNN's own reorder
 * gives the same bytes; it takes as long for most shapes, but 2 to 5 times as long for some (bf16
 * [768, 3072] transposed 1.17 ms against 0.44; [1576, 3072] 4.3 against 0.82). */
#include "runtime/device_cpu.h"

#include <string.h>

enum { COLUMNS = 64, LINES = 16 };

typedef uint32_t Four __attribute__((vector_size(16)));

/* A whole block from memory in which the words of a column lie side by side (B stored [n, k]): 4
 * x 4 words at a time. */
static void
block_transpose(const char *from, int64_t column_bytes, uint32_t *to)
{
	for (int n = 0; n < COLUMNS; n += 4, from += 4 * column_bytes)
		for (int i = 0; i < LINES; i += 4) {
			Four a, b, c, d;
			memcpy(&a, from + 4 * i, sizeof a);
			memcpy(&b, from + column_bytes + 4 * i, sizeof b);
			memcpy(&c, from + 2 * column_bytes + 4 * i, sizeof c);
			memcpy(&d, from + 3 * column_bytes + 4 * i, sizeof d);
			Four ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5),
			     ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
			Four cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5),
			     cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
			Four line[4] = {__builtin_shufflevector(ab0, cd0, 0, 1, 4, 5),
			                __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7),
			                __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5),
			                __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7)};
			for (int l = 0; l < 4; l++)
				memcpy(to + (i + l) * COLUMNS + n, &line[l], sizeof line[l]);
		}
}

/* A whole block from memory in which the columns of a line lie side by side (B stored [k, n]). */
static void
block_copy(const char *from, int64_t row_bytes, uint32_t *to)
{
	for (int i = 0; i < LINES; i++)
		memcpy(to + i * COLUMNS, from + i * row_bytes, COLUMNS * sizeof *to);
}

static void
block_interleave(const char *from, int64_t row_bytes, uint32_t *to)
{
	for (int i = 0; i < LINES; i++, from += 2 * row_bytes, to += COLUMNS) {
		uint16_t even[COLUMNS], odd[COLUMNS];
		memcpy(even, from, sizeof even);
		memcpy(odd, from + row_bytes, sizeof odd);
		for (int n = 0; n < COLUMNS; n++)
			to[n] = (uint32_t)even[n] | (uint32_t)odd[n] << 16;
	}
}

/* A block that the matrix does not fill. */
static void
block_edge(const PackPlan *p, const char *from, int64_t k0, int64_t n0, uint32_t *to)
{
	int     pair = p->bytes == 2 ? 2 : 1;
	int64_t k1 = p->k - k0 < pair * LINES ? p->k - k0 : pair * LINES;
	int64_t n1 = p->n - n0 < COLUMNS ? p->n - n0 : COLUMNS;
	char   *out = (char *)to;
	memset(to, 0, LINES * COLUMNS * sizeof *to);
	for (int64_t k = 0; k < k1; k++)
		for (int64_t n = 0; n < n1; n++)
			memcpy(out + ((k / pair * COLUMNS + n) * pair + k % pair) * p->bytes,
			       from + ((k0 + k) * p->s0 + (n0 + n) * p->s1) * p->bytes,
			       (size_t)p->bytes);
}

void
cpu_pack(const PackPlan *p, const void *b, void *packed)
{
	const char *from = b;
	uint32_t   *to = packed;
	int64_t     deep = p->bytes == 2 ? 2 * LINES : LINES; /* rows of B in a block */
	int64_t     panels = (p->n + COLUMNS - 1) / COLUMNS, blocks = (p->k + deep - 1) / deep;
#pragma omp parallel for collapse(2) schedule(static)
	for (int64_t j = 0; j < panels; j++)
		for (int64_t i = 0; i < blocks; i++) {
			uint32_t   *block = to + (j * blocks + i) * LINES * COLUMNS;
			const char *corner =
				from + (i * deep * p->s0 + j * COLUMNS * p->s1) * p->bytes;
			if ((i + 1) * deep > p->k || (j + 1) * COLUMNS > p->n)
				block_edge(p, from, i * deep, j * COLUMNS, block);
			else if (p->s0 == 1 && p->s1 != 1)
				block_transpose(corner, p->s1 * p->bytes, block);
			else if (p->bytes == 2)
				block_interleave(corner, p->s0 * p->bytes, block);
			else
				block_copy(corner, p->s0 * p->bytes, block);
		}
}
