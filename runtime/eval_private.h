/* What knn.c, probe.c, features.c and evaluate.c share. */
#ifndef D2V_EVAL_PRIVATE_H
#define D2V_EVAL_PRIVATE_H

#include "runtime/run_private.h"

/* ---- probe.c -------------------------------------------------------------------------------- */
void eval_threads(int n); /* how many threads k-NN and probe use; no result depends on it */
/* Both sets hold rows, their widths agree, labels lie in 0 .. classes-1. Reports. */
Status labelled_check(const Labelled *train, const Labelled *test, int classes);

/* ---- probe_lanes.c: the probe's inner loops, for the widest vectors that the processor has --- */

/* Numbers of sixteen classes side by side, and of eight; where there are fewer, the rest is 0. */
typedef float  Sixteen __attribute__((vector_size(64), aligned(4)));
typedef double Eight __attribute__((vector_size(64), aligned(8)));
/* Every sum has one order, the same for any number of rows and threads. */
typedef struct {
	/* z [rows] = x [rows][dim] by w [dim] */
	void (*scores)(const float *x, int64_t rows, int64_t dim, const Sixteen *w, Sixteen *z);
	/* g [dim] += x^T by z [rows] */
	void (*gradient)(const float *x, int64_t rows, int64_t dim, const Sixteen *z, Sixteen *g);
	/* row[j] -= sum over q < k of by[q] panel[q][j], for j = first .. last-1 */
	void (*subtract)(double *row, const double *by, int64_t k, const double *panel, int64_t dim,
	                 int64_t first, int64_t last);
	/* x [dim] = L^-T L^-1 x, of a lower triangle l [dim][dim] */
	void (*solve)(const double *l, int64_t dim, Eight *x);
} ProbeLanes;
const ProbeLanes *probe_lanes(void);

/* ---- probe_curvature.c ---------------------------------------------------------------------- */
typedef struct Curvature Curvature;
Curvature *curvature_new(Arena *a, const float *x, int64_t n, int64_t dim, int classes);
void       curvature_set(Curvature *c, double lambda);
/* out = M^-1 v, both laid out as the probe's parameters (W [classes][dim], then b). */
void curvature_solve(const Curvature *c, int classes, const double *v, double *out);

/* ---- features.c: images -> features --------------------------------------------------------- */

/* One part of the data, evaluation transform, labels as the training part counts them. */
typedef struct {
	const char *part, *path; /* "train" | "test" */
	int64_t     limit;       /* at most so many samples, 0 = all */
} EvalPart;

/* What the output "feature" [layer?, batch, tokens, width] looks like, and what of it is used.
 * Tokens in front of the patches (a class token) are left out. */
typedef struct {
	const Entry *entry;
	int64_t      layers, layer; /* 1 and 0 without a layer axis */
	int64_t      batch, tokens, patches, width;
} FeatureShape;

typedef struct {
	int64_t  n;
	int32_t *label;
	float   *mean; /* [n][mean_dim]: mean over the patches; NULL for pixels */
	float   *all;  /* [n][all_dim]: patches side by side, or the pixels; NULL when too large */
	int64_t  mean_dim, all_dim;
} Features;

enum { LAYER_LAST = -1 };
Status feature_shape(const Exec *x, const char *entry, int64_t layer, FeatureShape *out);
/* shape NULL: the pixels themselves. with_all: keep Features.all. Results in arena a. `what`
 * names the pass in the progress line. */
Status features_read(Arena *a, Exec *x, const FeatureShape *shape, const EvalPart *part,
                     bool with_all, const char *what, Features *out);

/* Class names of both parts, in the order of the training part; test labels become training
 * labels. */
Status eval_classes(Arena *a, const Recipe *r, const EvalPart *train, const EvalPart *test,
                    int *classes, int32_t **of_test, int64_t n[2]);

#endif
