/* The probe's inner loops, written once and compiled for each width of vectors: probe_lanes.c
 * includes this with TARGET, the attribute that says the width, and NAME(function). No include
 * guard. Sums that must stay in registers have names of their own: in an array they would live in
 * memory. */

TARGET static void
NAME(scores)(const float *x, int64_t rows, int64_t dim, const Sixteen *w, Sixteen *z)
{
	int64_t r = 0;

	for (; r + 4 <= rows; r += 4) {
		const float *x0 = x + r * dim, *x1 = x0 + dim, *x2 = x1 + dim, *x3 = x2 + dim;
		Sixteen      a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
		Sixteen      b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0}; /* no sum waits for its last */
		int64_t      j = 0;

		for (; j + 2 <= dim; j += 2) {
			const Sixteen even = w[j], odd = w[j + 1];

			a0 += x0[j] * even;
			a1 += x1[j] * even;
			a2 += x2[j] * even;
			a3 += x3[j] * even;
			b0 += x0[j + 1] * odd;
			b1 += x1[j + 1] * odd;
			b2 += x2[j + 1] * odd;
			b3 += x3[j + 1] * odd;
		}
		if (j < dim) {
			a0 += x0[j] * w[j];
			a1 += x1[j] * w[j];
			a2 += x2[j] * w[j];
			a3 += x3[j] * w[j];
		}
		z[r] = a0 + b0;
		z[r + 1] = a1 + b1;
		z[r + 2] = a2 + b2;
		z[r + 3] = a3 + b3;
	}
	for (; r < rows; r++) {
		Sixteen a = {0}, b = {0};
		int64_t j = 0;

		for (; j + 2 <= dim; j += 2) {
			a += x[r * dim + j] * w[j];
			b += x[r * dim + j + 1] * w[j + 1];
		}
		if (j < dim)
			a += x[r * dim + j] * w[j];
		z[r] = a + b;
	}
}

TARGET static void
NAME(gradient)(const float *x, int64_t rows, int64_t dim, const Sixteen *z, Sixteen *g)
{
	int64_t r = 0;

	for (; r + 4 <= rows; r += 4, x += 4 * dim) {
		const Sixteen z0 = z[r], z1 = z[r + 1], z2 = z[r + 2], z3 = z[r + 3];

		for (int64_t j = 0; j < dim; j++)
			g[j] += (x[j] * z0 + x[dim + j] * z1) +
			        (x[2 * dim + j] * z2 + x[3 * dim + j] * z3);
	}
	for (; r < rows; r++, x += dim)
		for (int64_t j = 0; j < dim; j++)
			g[j] += x[j] * z[r];
}

TARGET static void
NAME(subtract)(double *row, const double *by, int64_t k, const double *panel, int64_t dim,
               int64_t first, int64_t last)
{
	int64_t j = first;

	for (; j + 4 * 8 <= last; j += 4 * 8) {
		Eight *to = (Eight *)(row + j), a = to[0], b = to[1], c = to[2], d = to[3];

		for (int64_t q = 0; q < k; q++) {
			const Eight *of = (const Eight *)(panel + q * dim + j);

			a -= by[q] * of[0];
			b -= by[q] * of[1];
			c -= by[q] * of[2];
			d -= by[q] * of[3];
		}
		to[0] = a;
		to[1] = b;
		to[2] = c;
		to[3] = d;
	}
	for (; j < last; j++)
		for (int64_t q = 0; q < k; q++)
			row[j] -= by[q] * panel[q * dim + j];
}

/* L is read once for eight classes, in blocks of four rows or fewer. */
TARGET static void
NAME(solve)(const double *l, int64_t dim, Eight *x)
{
	for (int64_t i = 0; i < dim; i += 4) {
		int64_t rows = dim - i < 4 ? dim - i : 4;

		if (rows == 4) {
			const double *l0 = l + i * dim, *l1 = l0 + dim, *l2 = l1 + dim,
				     *l3 = l2 + dim;
			Eight a = x[i], b = x[i + 1], c = x[i + 2], d = x[i + 3];

			for (int64_t j = 0; j < i; j++) {
				a -= l0[j] * x[j];
				b -= l1[j] * x[j];
				c -= l2[j] * x[j];
				d -= l3[j] * x[j];
			}
			x[i] = a;
			x[i + 1] = b;
			x[i + 2] = c;
			x[i + 3] = d;
		} else
			for (int64_t r = i; r < dim; r++)
				for (int64_t j = 0; j < i; j++)
					x[r] -= l[r * dim + j] * x[j];
		for (int64_t r = i; r < i + rows; r++) {
			for (int64_t j = i; j < r; j++)
				x[r] -= l[r * dim + j] * x[j];
			x[r] /= l[r * dim + r];
		}
	}
	for (int64_t end = dim; end > 0; end -= end < 4 ? end : 4) {
		int64_t first = end < 4 ? 0 : end - 4;

		for (int64_t r = end - 1; r >= first; r--) {
			x[r] /= l[r * dim + r];
			for (int64_t j = first; j < r; j++)
				x[j] -= l[r * dim + j] * x[r];
		}
		if (first > 0) {
			const double *l0 = l + first * dim, *l1 = l0 + dim, *l2 = l1 + dim,
				     *l3 = l2 + dim;
			const Eight a = x[first], b = x[first + 1], c = x[first + 2],
				    d = x[first + 3];

			for (int64_t j = 0; j < first; j++)
				x[j] -= (l0[j] * a + l1[j] * b) + (l2[j] * c + l3[j] * d);
		}
	}
}
