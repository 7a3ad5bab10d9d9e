/* The kernels of test_emulate.c: what emulate.h provides, each in the smallest use, right and wrong. y is written, x is read. */

extern "C" __global__ void
count(float *y, float *blocks, long long n)
{
	long long first = blockIdx.x * 256ll + threadIdx.x;
	for (long long i = first; i < n && i < blockIdx.x * 256ll + 256; i += blockDim.x)
		y[i] = (float)i;
	if (threadIdx.x == 0)
		blocks[blockIdx.x] = (float)gridDim.x;
}

extern "C" __global__ void
numbers(double *y, const float *x, float f, long long i, unsigned long long u)
{
	y[0] = f + x[0];
	y[1] = (double)i;
	y[2] = (double)(u >> 32);
}

/* One row a block. */
template <bool waits> __device__ void
row_sum(float *y, const float *x)
{
	D2V_SHARED(float, part, 4);
	float sum = x[blockIdx.x * 128 + threadIdx.x];
	for (int mask = 16; mask; mask /= 2)
		sum += d2v_shuffle_xor(sum, mask);
	if (threadIdx.x % 32 == 0)
		part[threadIdx.x / 32] = sum;
	if (waits)
		d2v_barrier();
	y[blockIdx.x * 128 + threadIdx.x] = part[0] + part[1] + part[2] + part[3];
}
extern "C" __global__ void __launch_bounds__(128)
rows(float *y, const float *x)
{
	row_sum<true>(y, x);
}
extern "C" __global__ void __launch_bounds__(128)
no_barrier(float *y, const float *x)
{
	row_sum<false>(y, x);
}

extern "C" __global__ void
shuffles(uint32_t *y)
{
	uint32_t t = threadIdx.x;
	y[t] = d2v_shuffle(t * 3, (int)(t * 7 + 1) & 31);
	y[32 + t] = d2v_shuffle_xor(t, 5);
	y[64 + t] = (uint32_t)d2v_shuffle((float)t, 9);
	y[96 + t] = threadIdx.x; /* still its own */
}

/* Rows of 8 halves; every form of ldmatrix. */
extern "C" __global__ void
matrices(uint32_t *y, const uint32_t *x)
{
	D2V_DYNAMIC_SHARED(raw);
	uint32_t *tile = (uint32_t *)raw, r4[4], r2[2];
	int       t = threadIdx.x;
	for (int i = 0; i < 4; i++)
		tile[4 * t + i] = x[4 * t + i];
	d2v_barrier();
	d2v_ldmatrix_x4(r4, tile + 4 * t);
	for (int i = 0; i < 4; i++)
		y[4 * t + i] = r4[i];
	d2v_ldmatrix_x4_trans(r4, tile + 4 * t);
	for (int i = 0; i < 4; i++)
		y[128 + 4 * t + i] = r4[i];
	d2v_ldmatrix_x2(r2, t < 16 ? tile + 4 * t : (uint32_t *)0);
	y[256 + 2 * t] = r2[0], y[256 + 2 * t + 1] = r2[1];
	d2v_ldmatrix_x2_trans(r2, tile + 4 * t);
	y[320 + 2 * t] = r2[0], y[320 + 2 * t + 1] = r2[1];
}

/* y[16][8] += a[16][16] b[16][8]: a from fragments in registers, b as it lies in memory. */
extern "C" __global__ void
product(float *y, const uint16_t *a, const uint16_t *b)
{
	D2V_SHARED(uint16_t, sa, 16 * 16);
	D2V_SHARED(uint16_t, sb, 16 * 8);
	int t = threadIdx.x;
	for (int i = t; i < 256; i += 32)
		sa[i] = a[i];
	for (int i = t; i < 128; i += 32)
		sb[i] = b[i];
	d2v_barrier();
	uint32_t fa[4], fb[2];
	float    c[4];
	d2v_ldmatrix_x4(fa, sa + (t % 16) * 16 + t / 16 * 8);
	d2v_ldmatrix_x2_trans(fb, sb + (t % 16) * 8);
	for (int i = 0; i < 4; i++)
		c[i] = y[(t / 4 + i / 2 * 8) * 8 + t % 4 * 2 + i % 2];
	d2v_mma_bf16(c, fa, fb);
	for (int i = 0; i < 4; i++)
		y[(t / 4 + i / 2 * 8) * 8 + t % 4 * 2 + i % 2] = c[i];
}

/* Two groups of copies: y[0] is of the first, after it landed; y[1] of the second, before; y[2] after. */
extern "C" __global__ void
copies(float *y, const float *x)
{
	D2V_SHARED(float, tile, 256);
	int t = threadIdx.x;
	d2v_copy_async16(tile + 4 * t, x + 4 * t);
	d2v_copy_commit();
	d2v_copy_async16(tile + 128 + 4 * t, x + 128 + 4 * t);
	d2v_copy_commit();
	d2v_copy_wait<1>();
	d2v_barrier();
	y[t] = tile[(4 * t + 5) % 128];
	y[32 + t] = tile[128 + (4 * t + 5) % 128];
	d2v_barrier(); /* nobody lands what another still looks for */
	d2v_copy_wait<0>();
	d2v_barrier();
	y[64 + t] = tile[128 + (4 * t + 5) % 128];
}

extern "C" __global__ void
copy_crooked(const float *x)
{
	D2V_SHARED(float, tile, 256);
	d2v_copy_async16(tile + threadIdx.x, x + 4 * threadIdx.x);
}

extern "C" __global__ void
copy_to_global(float *y, const float *x)
{
	d2v_copy_async16(y, x);
}

extern "C" __global__ void
divergent(float *y)
{
	if (threadIdx.x < 40)
		d2v_barrier();
	y[threadIdx.x] = 1;
}

extern "C" __global__ void
two_barriers(float *y)
{
	if (threadIdx.x < 32)
		d2v_barrier();
	else
		d2v_barrier();
	y[threadIdx.x] = 1;
}

extern "C" __global__ void
lane_missing(float *y)
{
	if (threadIdx.x % 32 != 7)
		y[threadIdx.x] = d2v_shuffle_xor(1.0f, 1);
}

/* 48 threads: barriers do, collectives of the second warp do not. */
extern "C" __global__ void
half_warp(float *y, long long shuffle)
{
	D2V_SHARED(float, all, 48);
	all[threadIdx.x] = (float)threadIdx.x;
	d2v_barrier();
	y[threadIdx.x] = all[47 - threadIdx.x];
	if (shuffle)
		y[threadIdx.x] = d2v_shuffle(y[threadIdx.x], 0);
}

extern "C" __global__ void
unfilled(uint32_t *y)
{
	D2V_DYNAMIC_SHARED(raw);
	D2V_SHARED(uint32_t, fixed, 32);
	y[64 * blockIdx.x + threadIdx.x] = ((uint32_t *)raw)[threadIdx.x];
	y[64 * blockIdx.x + 32 + threadIdx.x] = fixed[threadIdx.x];
	d2v_barrier();
	((uint32_t *)raw)[threadIdx.x] = fixed[threadIdx.x] = 1; /* not to be seen by the next block */
}

extern "C" __global__ void
beyond_shared(float *y, long long at)
{
	D2V_DYNAMIC_SHARED(raw);
	if (threadIdx.x == 0)
		((volatile float *)raw)[at] = 1;
	if (threadIdx.x + blockIdx.x == 0)
		y[0] = 1;
}

extern "C" __global__ void
poke(float *y, long long at)
{
	((volatile float *)y)[at] = 1;
}

extern "C" __global__ void
peek(float *y, const float *x, long long at)
{
	y[0] = ((const volatile float *)x)[at];
}

/* y[0] is what some thread wrote last. */
extern "C" __global__ void
race(float *y)
{
	y[0] = (float)threadIdx.x;
}

/* The same from everybody: still nobody says who is last. */
extern "C" __global__ void
race_alike(float *y)
{
	y[0] = 1;
}

/* A barrier puts the threads of a block in order, not its blocks. */
extern "C" __global__ void
blocks_meet(float *y, const float *x)
{
	y[threadIdx.x + 1 + 32 * blockIdx.x] = x[threadIdx.x];
	d2v_barrier();
	y[0] = 1;
}
extern "C" __global__ void
blocks_read(float *y)
{
	y[blockIdx.x] = 1 + 0 * ((const volatile float *)y)[1];
}

/* Lanes of one warp, which a GPU may run one after the other: a shuffle is not a barrier. */
extern "C" __global__ void
in_step(float *y)
{
	D2V_SHARED(float, all, 32);
	all[threadIdx.x] = (float)threadIdx.x;
	y[threadIdx.x] = d2v_shuffle_xor((float)threadIdx.x, 1) + all[31 - threadIdx.x];
}

/* A wait is for the copies of the thread that waits. */
template <bool waits, bool meets> __device__ void
fetch(float *y, const float *x)
{
	D2V_SHARED(float, tile, 128);
	int t = threadIdx.x;
	d2v_copy_async16(tile + 4 * t, x + 4 * t);
	d2v_copy_commit();
	if (waits)
		d2v_copy_wait<0>();
	if (meets)
		d2v_barrier();
	y[t] = tile[(4 * t + 5) % 128];
	d2v_copy_wait<0>();
}
extern "C" __global__ void
fetch_right(float *y, const float *x)
{
	fetch<true, true>(y, x);
}
extern "C" __global__ void
fetch_alone(float *y, const float *x)
{
	fetch<true, false>(y, x);
}
extern "C" __global__ void
fetch_early(float *y, const float *x)
{
	fetch<false, true>(y, x);
}

/* A row that another lane wrote, read as part of a matrix. */
extern "C" __global__ void
matrix_early(uint32_t *y, const uint32_t *x)
{
	D2V_SHARED(uint32_t, tile, 128);
	uint32_t r4[4];
	int      t = threadIdx.x;
	for (int i = 0; i < 4; i++)
		tile[4 * t + i] = x[4 * t + i];
	d2v_ldmatrix_x4(r4, tile + 4 * t);
	for (int i = 0; i < 4; i++)
		y[4 * t + i] = r4[i];
}

extern "C" __global__ void
some(float *y)
{
	y[2 * threadIdx.x] = 5;
}
