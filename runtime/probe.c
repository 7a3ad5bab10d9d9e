/* probe: multinomial logistic regression on standardised features; the accuracy of a linear
 * classifier on frozen features.
 *
 *     f(W, b) = mean_i -log softmax(W x_i + b)[y_i] + lambda / 2 |W|^2
 *
 * Minimised by L-BFGS, preconditioned (probe_curvature.c). lambda is chosen on a held-out tenth of
 * the training rows (every tenth one) by log loss, from strong to weak, each fit starting from the
 * one before; then fitted again on all rows. Products in f32 (probe_lanes.c), sums over rows in
 * double, over a fixed number of chunks in a fixed order: the result does not depend on the number
 * of threads. Test rows are used for the one figure at the end. Refuses features that are not
 * finite and labels outside 0
 * .. classes-1. */
#include "runtime/eval_private.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum { CHUNKS = 16, ROWS = 128, HISTORY = 10, MAX_ITERATIONS = 500 };

static const double GRID[] = {1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5};

/* Standardised rows and room for one evaluation of f. Parameters: W [classes][dim], then b
 * [classes]. */
typedef struct {
	const float      *x;
	const int32_t    *y;
	int64_t           n, dim;
	int               classes, groups; /* groups of sixteen classes */
	Sixteen          *w;               /* [groups][dim], W in f32, for the products */
	Sixteen          *grad;            /* [CHUNKS][groups][dim] */
	double           *bias_grad;       /* [CHUNKS][classes] */
	Sixteen          *z;               /* [CHUNKS][groups][ROWS] */
	double            loss[CHUNKS];
	int64_t           right[CHUNKS];
	Curvature        *curvature;
	const ProbeLanes *by;
} Problem;

/* ---- the function --------------------------------------------------------------------------- */

/* Class c in an array of groups that are `apart` vectors apart. */
static float *
of_class(Sixteen *groups, int64_t apart, int c)
{
	return (float *)(groups + c / 16 * apart) + c % 16;
}

/* Scores of one row, in groups ROWS apart -> its loss; scores become softmax - one-hot. */
static double
row_loss(Sixteen *z, const double *bias, int classes, int32_t y, bool *right, double *bias_grad)
{
	double max = -INFINITY, sum = 0, of_y = *of_class(z, ROWS, y) + bias[y];
	int    arg = 0;
	for (int c = 0; c < classes; c++) {
		double score = *of_class(z, ROWS, c) + bias[c];
		if (score > max) {
			max = score;
			arg = c;
		}
	}
	*right = arg == y;
	for (int c = 0; c < classes; c++) {
		float *at = of_class(z, ROWS, c);
		sum += *at = (float)exp(*at + bias[c] - max);
	}
	for (int c = 0; c < classes; c++) {
		float *at = of_class(z, ROWS, c);
		double r = *at / sum - (c == y);
		bias_grad[c] += r;
		*at = (float)r;
	}
	return log(sum) + max - of_y;
}

/* Rows first .. last-1 of one chunk; the gradient too when wanted. */
static void
chunk_run(Problem *p, int chunk, int64_t first, int64_t last, const double *bias,
          const bool gradient)
{
	int64_t  size = p->groups * p->dim;
	Sixteen *z = p->z + (int64_t)chunk * p->groups * ROWS, *g = p->grad + chunk * size;
	double  *bg = p->bias_grad + chunk * p->classes;
	p->loss[chunk] = 0;
	p->right[chunk] = 0;
	memset(g, 0, sizeof *g * (size_t)size);
	memset(bg, 0, sizeof *bg * (size_t)p->classes);
	for (int64_t i = first; i < last; i += ROWS) {
		int64_t      rows = last - i < ROWS ? last - i : ROWS;
		const float *x = p->x + i * p->dim;
		for (int k = 0; k < p->groups; k++)
			p->by->scores(x, rows, p->dim, p->w + k * p->dim, z + k * ROWS);
		for (int64_t r = 0; r < rows; r++) {
			bool right;
			p->loss[chunk] +=
				row_loss(z + r, bias, p->classes, p->y[i + r], &right, bg);
			p->right[chunk] += right;
		}
		for (int k = 0; k < p->groups && gradient; k++)
			p->by->gradient(x, rows, p->dim, z + k * ROWS, g + k * p->dim);
	}
}

/* Mean log loss over rows first .. last-1 at `at`; *right counts hits. */
static double
rows_loss(Problem *p, const double *at, int64_t first, int64_t last, const bool gradient,
          int64_t *right)
{
	int64_t size = p->classes * p->dim, n = last - first;
	double  sum = 0;
	for (int c = 0; c < p->classes; c++)
		for (int64_t j = 0; j < p->dim; j++)
			*of_class(p->w + j, p->dim, c) = (float)at[c * p->dim + j];
#pragma omp parallel for schedule(dynamic, 1)
	for (int c = 0; c < CHUNKS; c++)
		chunk_run(p, c, first + n * c / CHUNKS, first + n * (c + 1) / CHUNKS, at + size,
		          gradient);
	*right = 0;
	for (int c = 0; c < CHUNKS; c++) {
		sum += p->loss[c];
		*right += p->right[c];
	}
	return sum / (double)n;
}

/* f over rows 0 .. n-1 and its gradient. */
static double
objective(Problem *p, int64_t n, double lambda, const double *at, double *grad)
{
	int64_t size = p->classes * p->dim, right;
	double  f = rows_loss(p, at, 0, n, true, &right), square = 0;
#pragma omp parallel for schedule(static)
	for (int64_t j = 0; j < p->dim; j++)
		for (int k = 0; k < p->classes; k++) {
			double  sum = 0;
			int64_t i = k * p->dim + j;
			for (int c = 0; c < CHUNKS; c++)
				sum += *of_class(p->grad + c * p->groups * p->dim + j, p->dim, k);
			grad[i] = sum / (double)n + lambda * at[i];
		}
	for (int k = 0; k < p->classes; k++) {
		double sum = 0;
		for (int c = 0; c < CHUNKS; c++)
			sum += p->bias_grad[c * p->classes + k];
		grad[size + k] = sum / (double)n;
	}
	for (int64_t i = 0; i < size; i++)
		square += at[i] * at[i];
	return f + 0.5 * lambda * square;
}

/* ---- L-BFGS (Nocedal & Wright, algorithm 7.4, with backtracking) ---------------------------- */

typedef struct {
	int64_t n;
	double *x, *g, *mg, *next, *next_g, *next_mg, *dir, *q;
	double *s[HISTORY], *y[HISTORY], *my[HISTORY], rho[HISTORY], alpha[HISTORY];
	int     kept, newest;
} Lbfgs;

static double
dot(const double *a, const double *b, int64_t n)
{
	double sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static void
add(double *to, double scale, const double *a, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		to[i] += scale * a[i];
}

static Lbfgs *
lbfgs_new(Arena *a, int64_t n)
{
	Lbfgs *l = arena_new_one(a, Lbfgs);
	l->n = n;
	double **const vectors[] = {&l->x,      &l->g,       &l->mg,  &l->next,
	                            &l->next_g, &l->next_mg, &l->dir, &l->q};
	for (int i = 0; i < COUNT(vectors); i++)
		*vectors[i] = arena_new_array(a, double, n);
	for (int i = 0; i < HISTORY; i++) {
		l->s[i] = arena_new_array(a, double, n);
		l->y[i] = arena_new_array(a, double, n);
		l->my[i] = arena_new_array(a, double, n);
	}
	return l;
}

/* dir = -H g by the two-loop recursion, from the inverse of the curvature M in place of H. What M
 * is solved for is a sum of gradients, and M^-1 of each is at hand (mg, my): one solve an
 * iteration. */
static void
direction(Lbfgs *l)
{
	size_t bytes = sizeof(double) * (size_t)l->n;

	memcpy(l->q, l->g, bytes);
	memcpy(l->dir, l->mg, bytes);
	for (int k = 0; k < l->kept; k++) {
		int i = (l->newest - k + HISTORY) % HISTORY;
		l->alpha[i] = l->rho[i] * dot(l->s[i], l->q, l->n);
		add(l->q, -l->alpha[i], l->y[i], l->n);
		add(l->dir, -l->alpha[i], l->my[i], l->n);
	}
	if (l->kept > 0) { /* as large as the newest pair says */
		int    i = l->newest;
		double scale = 1 / (l->rho[i] * dot(l->y[i], l->my[i], l->n));
		for (int64_t j = 0; j < l->n; j++)
			l->dir[j] *= scale;
	}
	for (int k = l->kept - 1; k >= 0; k--) {
		int    i = (l->newest - k + HISTORY) % HISTORY;
		double beta = l->rho[i] * dot(l->y[i], l->dir, l->n);
		add(l->dir, l->alpha[i] - beta, l->s[i], l->n);
	}
	for (int64_t j = 0; j < l->n; j++)
		l->dir[j] = -l->dir[j];
}

/* Remember x -> next; a pair without positive curvature (rounding, near the end) is left out. */
static void
remember(Lbfgs *l)
{
	double sy = 0, yy = 0;
	for (int64_t j = 0; j < l->n; j++) {
		double y = l->next_g[j] - l->g[j];
		sy += (l->next[j] - l->x[j]) * y;
		yy += y * y;
	}
	if (sy <= 1e-10 * yy)
		return;
	int i = l->newest = (l->newest + 1) % HISTORY;
	for (int64_t j = 0; j < l->n; j++) {
		l->s[i][j] = l->next[j] - l->x[j];
		l->y[i][j] = l->next_g[j] - l->g[j];
		l->my[i][j] = l->next_mg[j] - l->mg[j];
	}
	l->rho[i] = 1 / sy;
	l->kept += l->kept < HISTORY;
}

static void
exchange(double **a, double **b)
{
	double *t = *a;
	*a = *b;
	*b = t;
}

/* From l->x to the minimum over rows 0 .. n-1; the end is reached when f falls by less than
 * `small` of itself three times running. Returns the number of iterations. */
static int
fit(Problem *p, Lbfgs *l, int64_t n, double lambda, double small)
{
	double f = objective(p, n, lambda, l->x, l->g);
	int    still = 0, it = 0;
	l->kept = 0;
	curvature_set(p->curvature, lambda);
	curvature_solve(p->curvature, p->classes, l->g, l->mg);
	for (; it < MAX_ITERATIONS && still < 3; it++) {
		direction(l);
		double slope = dot(l->dir, l->g, l->n), step = 1, next = INFINITY;
		if (slope >= 0) { /* not downhill: begin again with the gradient */
			if (l->kept == 0)
				break;
			l->kept = 0;
			continue;
		}
		for (int tries = 0; tries < 20; tries++, step *= 0.5) {
			memcpy(l->next, l->x, sizeof *l->x * (size_t)l->n);
			add(l->next, step, l->dir, l->n);
			next = objective(p, n, lambda, l->next, l->next_g);
			if (next <= f + 1e-4 * step * slope)
				break;
		}
		if (!(next < f)) /* as low as f32 products can tell */
			break;
		curvature_solve(p->curvature, p->classes, l->next_g, l->next_mg);
		remember(l);
		still = f - next < small * fabs(f) ? still + 1 : 0;
		f = next;
		exchange(&l->x, &l->next);
		exchange(&l->g, &l->next_g);
		exchange(&l->mg, &l->next_mg);
	}
	return it;
}

/* ---- the probe ------------------------------------------------------------------------------ */

void
eval_threads(int n)
{
	omp_set_num_threads(n);
}

Status
labelled_check(const Labelled *train, const Labelled *test, int classes)
{
	const Labelled *both[] = {train, test};
	if (train->n < 1 || test->n < 1 || train->dim < 1 || train->dim != test->dim || classes < 1)
		BUG("%ld x %ld training and %ld x %ld test features, %d classes", (long)train->n,
		    (long)train->dim, (long)test->n, (long)test->dim, classes);
	for (int b = 0; b < 2; b++)
		for (int64_t i = 0; i < both[b]->n; i++)
			if (both[b]->y[i] < 0 || both[b]->y[i] >= classes)
				return user_error("labels",
				                  "label %d of %s sample %ld lies outside 0 .. %d",
				                  both[b]->y[i], b ? "test" : "training", (long)i,
				                  classes - 1);
	return OK;
}

/* Mean and 1 / standard deviation of each feature; a constant feature gets 0 and so takes no
 * part. */
static Status
moments(const Labelled *l, double *mean, double *inverse)
{
	for (int64_t j = 0; j < l->dim; j++)
		mean[j] = inverse[j] = 0;
	for (int64_t i = 0; i < l->n; i++)
		for (int64_t j = 0; j < l->dim; j++)
			mean[j] += l->x[i * l->dim + j];
	for (int64_t j = 0; j < l->dim; j++)
		mean[j] /= (double)l->n;
	for (int64_t i = 0; i < l->n; i++)
		for (int64_t j = 0; j < l->dim; j++) {
			double d = l->x[i * l->dim + j] - mean[j];
			inverse[j] += d * d;
		}
	for (int64_t j = 0; j < l->dim; j++) {
		if (!isfinite(inverse[j]))
			return user_error("features-not-finite",
			                  "feature %ld is not finite in every training sample",
			                  (long)j);
		double sd = sqrt(inverse[j] / (double)l->n);
		inverse[j] = sd > 1e-12 * (1 + fabs(mean[j])) ? 1 / sd : 0;
	}
	return OK;
}

static void
standardise(const float *x, float *out, int64_t dim, const double *mean, const double *inverse)
{
	for (int64_t j = 0; j < dim; j++)
		out[j] = (float)((x[j] - mean[j]) * inverse[j]);
}

/* Training rows with every tenth moved to the end: rows 0 .. *kept-1 fit, the rest choose
 * lambda. */
static void
split(Arena *a, const Labelled *l, const double *mean, const double *inverse, Problem *p,
      int64_t *kept)
{
	float   *x = arena_new_array(a, float, l->n * l->dim);
	int32_t *y = arena_new_array(a, int32_t, l->n);
	int64_t  held = l->n / 10;
	*kept = l->n - held;
#pragma omp parallel for schedule(static)
	for (int64_t i = 0; i < l->n; i++) {
		int64_t before = i / 10; /* held-out rows among the first i */
		int64_t to = i % 10 == 9 ? l->n - held + before : i - before;
		standardise(l->x + i * l->dim, x + to * l->dim, l->dim, mean, inverse);
		y[to] = l->y[i];
	}
	p->x = x;
	p->y = y;
	p->n = l->n;
}

static Problem *
problem_new(Arena *a, int64_t dim, int classes)
{
	Problem *p = arena_new_one(a, Problem);
	p->dim = dim;
	p->classes = classes;
	p->by = probe_lanes();
	p->groups = (classes + 15) / 16;
	p->w = arena_new_array(a, Sixteen, p->groups * dim);
	p->grad = arena_new_array(a, Sixteen, CHUNKS * p->groups * dim);
	p->bias_grad = arena_new_array(a, double, CHUNKS *classes);
	p->z = arena_new_array(a, Sixteen, CHUNKS * p->groups * ROWS);
	return p;
}

/* The grid's best lambda by held-out log loss; l->x becomes its solution. Stops when the loss
 * rises: along the path from strong to weak it falls and then rises, and weak fits take longest. */
static double
choose_lambda(Arena *a, Problem *p, Lbfgs *l, int64_t kept)
{
	double *best_x = arena_new_array(a, double, l->n), best = INFINITY, lambda = GRID[0];
	int64_t right;
	for (int i = 0; i < COUNT(GRID); i++) {
		fit(p, l, kept, GRID[i], 1e-4);
		double loss = kept < p->n ? rows_loss(p, l->x, kept, p->n, false, &right) : 0;
		if (!(loss < best))
			break;
		best = loss;
		lambda = GRID[i];
		memcpy(best_x, l->x, sizeof *best_x * (size_t)l->n);
	}
	memcpy(l->x, best_x, sizeof *best_x * (size_t)l->n);
	return lambda;
}

Status
probe_accuracy(const Labelled *train, const Labelled *test, int classes, double *accuracy)
{
	TRY(labelled_check(train, test, classes));
	Arena  *a = arena_new();
	double *mean = arena_new_array(a, double, train->dim),
	       *inverse = arena_new_array(a, double, train->dim);
	Status st = moments(train, mean, inverse);
	if (st == OK) {
		int64_t  kept, right = 0;
		Problem *p = problem_new(a, train->dim, classes);
		Lbfgs   *l = lbfgs_new(a, classes * (train->dim + 1));
		split(a, train, mean, inverse, p, &kept);
		p->curvature = curvature_new(a, p->x, p->n, p->dim, classes);
		double lambda = choose_lambda(a, p, l, kept);
		fit(p, l, p->n, lambda, 1e-5);
		float *x = arena_new_array(a, float, test->n * test->dim);
		for (int64_t i = 0; i < test->n; i++)
			standardise(test->x + i * test->dim, x + i * test->dim, test->dim, mean,
			            inverse);
		p->x = x;
		p->y = test->y;
		p->n = test->n;
		double loss = rows_loss(p, l->x, 0, p->n, false, &right);
		if (!isfinite(loss))
			st = user_error("features-not-finite",
			                "the test features hold values that are not finite");
		*accuracy = (double)right / (double)test->n;
	}
	arena_free(a);
	return st;
}

/* Wilson's score interval at 95 %. */
void
accuracy_interval(double accuracy, int64_t n, double *lo, double *hi)
{
	const double z = 1.959963984540054;
	double       m = (double)n, middle = accuracy + z * z / (2 * m), shrink = 1 + z * z / m;
	double       half = z * sqrt(accuracy * (1 - accuracy) / m + z * z / (4 * m * m));
	*lo = fmax(0, (middle - half) / shrink);
	*hi = fmin(1, (middle + half) / shrink);
}
