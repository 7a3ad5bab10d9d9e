/* probe_curvature: what makes the probe's fit quick and well defined. Features of a network are
 * often nearly collinear (one direction holds most of their variance), and a search that goes along
 * the gradient then seems to have arrived long before it has. Its first guess at the inverse of the
 * curvature is therefore
 *
 *     M = c X^T X / n + lambda I,     c = (1 / classes) (1 - 1 / classes)
 *
 * for each class: the curvature of f at W = 0 (but for what classes have to do with each other),
 * factored as L L^T. What comes out is an order in which to search, never the result: that is
 * decided by f alone. Sums have one order, whatever the number of threads. */
#include "runtime/eval_private.h"

#include <dnnl.h>
#include <math.h>
#include <string.h>

enum { TILE = 256, BLOCK = 64, ROWS = 2000, LANES = 8 };

struct Curvature {
	const ProbeLanes *by;
	int64_t           dim;
	double            bias;   /* curvature along a bias */
	float            *gram;   /* X^T X / n, lower tiles */
	double           *factor; /* L, row by row */
	double           *panel;  /* [BLOCK][dim]: columns of L that were just finished, as rows */
	Eight            *lanes;  /* [classes / LANES][dim], what is solved for */
};

/* One tile of the Gram matrix, over all rows. */
static void
gram_tile(const float *x, int64_t n, int64_t dim, int64_t i, int64_t j, float *gram)
{
	int64_t rows = dim - i < TILE ? dim - i : TILE, columns = dim - j < TILE ? dim - j : TILE;

	for (int64_t first = 0; first < n; first += ROWS) {
		int64_t some = n - first < ROWS ? n - first : ROWS;

		if (dnnl_sgemm('T', 'N', rows, columns, some, 1 / (float)n, x + first * dim + i,
		               dim, x + first * dim + j, dim, first > 0, gram + i * dim + j,
		               dim) != dnnl_success)
			BUG("sgemm of %ld x %ld x %ld was refused", (long)rows, (long)columns,
			    (long)some);
	}
}

Curvature *
curvature_new(Arena *a, const float *x, int64_t n, int64_t dim, int classes)
{
	Curvature *c = arena_new_one(a, Curvature);
	int64_t    tiles = (dim + TILE - 1) / TILE;

	c->by = probe_lanes();
	c->dim = dim;
	c->bias = (1.0 / classes) * (1 - 1.0 / classes);
	if (classes == 1)
		c->bias = 1;
	c->gram = arena_new_array(a, float, dim *dim);
	c->factor = arena_new_array(a, double, dim *dim);
	c->panel = arena_new_array(a, double, BLOCK *dim);
	c->lanes = arena_new_array(a, Eight, (classes + LANES - 1) / LANES * dim);
#pragma omp parallel for schedule(dynamic, 1)
	for (int64_t t = 0; t < tiles * tiles; t++)
		if (t % tiles <= t / tiles)
			gram_tile(x, n, dim, t / tiles * TILE, t % tiles * TILE, c->gram);
	return c;
}

static double
dot(const double *a, const double *b, int64_t n)
{
	double sum = 0;

#pragma omp simd reduction(+ : sum)
	for (int64_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Columns first .. last-1 of L, when those before are done. */
static void
factor_block(const Curvature *c, int64_t first, int64_t last)
{
	int64_t dim = c->dim;
	double *l = c->factor;

	for (int64_t j = first; j < last; j++) {
		double *row = l + j * dim;

		for (int64_t k = first; k < j; k++)
			row[k] = (row[k] - dot(row + first, l + k * dim + first, k - first)) /
			         l[k * dim + k];
		/* the ridge keeps this above 0 but for rounding */
		row[j] = sqrt(fmax(row[j] - dot(row + first, row + first, j - first), 1e-12));
	}
#pragma omp parallel for schedule(static)
	for (int64_t i = last; i < dim; i++) {
		double *row = l + i * dim;

		for (int64_t k = first; k < last; k++) {
			row[k] = (row[k] - dot(row + first, l + k * dim + first, k - first)) /
			         l[k * dim + k];
			c->panel[(k - first) * dim + i] = row[k];
		}
	}
#pragma omp parallel for schedule(dynamic, 16)
	for (int64_t i = last; i < dim; i++)
		c->by->subtract(l + i * dim, l + i * dim + first, last - first, c->panel, dim, last,
		                i + 1);
}

void
curvature_set(Curvature *c, double lambda)
{
	/* what f32 products leave of a direction without variance */
	double  ridge = lambda + 1e-6 * c->bias, *l = c->factor;
	int64_t dim = c->dim;

#pragma omp parallel for schedule(static)
	for (int64_t i = 0; i < dim; i++)
		for (int64_t j = 0; j <= i; j++)
			l[i * dim + j] = c->bias * c->gram[i * dim + j] + (i == j ? ridge : 0);
	for (int64_t k = 0; k < dim; k += BLOCK)
		factor_block(c, k, k + BLOCK < dim ? k + BLOCK : dim);
}

void
curvature_solve(const Curvature *c, int classes, const double *v, double *out)
{
	int64_t dim = c->dim;

#pragma omp parallel for schedule(static)
	for (int first = 0; first < classes; first += LANES) {
		Eight *x = c->lanes + first / LANES * dim;
		int    some = classes - first < LANES ? classes - first : LANES;

		for (int64_t i = 0; i < dim; i++)
			for (int k = 0; k < some; k++)
				x[i][k] = v[(first + k) * dim + i];
		c->by->solve(c->factor, dim, x);
		for (int64_t i = 0; i < dim; i++)
			for (int k = 0; k < some; k++)
				out[(first + k) * dim + i] = x[i][k];
	}
	for (int k = 0; k < classes; k++)
		out[classes * dim + k] = v[classes * dim + k] / c->bias;
}
