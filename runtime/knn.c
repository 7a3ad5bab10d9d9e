/* knn: k-nearest-neighbour classification by cosine similarity, votes weighted by exp(s / 0.07).
 *
 * Similarities are made a block of test rows against a block of training rows at a time by
 * oneDNN's sgemm, so nothing of size test x train is ever held. Blocks are fixed and each is
 * computed by one thread, so the result does not depend on the number of threads. Equal
 * similarities go to the lower training row, equal votes to the lower class. Refuses features
 * that are not finite. */
#include "runtime/eval_private.h"

#include <dnnl.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum { TEST_ROWS = 192, TRAIN_ROWS = 1024 };

static const double TEMPERATURE = 0.07;

/* 1 / |row|, or 0 for a row of zeros: it is then equally unlike everything. */
static Status
inverse_norms(const Labelled *l, const char *what, float *out)
{
	atomic_bool finite = true;
#pragma omp parallel for schedule(static)
	for (int64_t i = 0; i < l->n; i++) {
		const float *x = l->x + i * l->dim;
		double       sum = 0;
		for (int64_t j = 0; j < l->dim; j++)
			sum += (double)x[j] * x[j];
		if (!isfinite(sum))
			atomic_store(&finite, false);
		out[i] = sum > 0 ? (float)(1 / sqrt(sum)) : 0;
	}
	return finite ? OK
	              : user_error("features-not-finite",
	                           "the %s features hold values that are not finite", what);
}

/* The best k so far, best first. */
typedef struct {
	float   s;
	int32_t y;
} Near;

static void
near_insert(Near *best, int *n, int k, Near x)
{
	int i = *n < k ? (*n)++ : k - 1;
	for (; i > 0 && best[i - 1].s < x.s; i--)
		best[i] = best[i - 1];
	best[i] = x;
}

static int
vote(const Near *best, int n, float inverse, double *votes, int classes)
{
	int winner = 0;
	memset(votes, 0, sizeof *votes * (size_t)classes);
	for (int i = 0; i < n; i++)
		votes[best[i].y] += exp((double)best[i].s * inverse / TEMPERATURE);
	for (int c = 1; c < classes; c++)
		if (votes[c] > votes[winner])
			winner = c;
	return winner;
}

/* Room for one thread's block: similarities, neighbours, votes. */
typedef struct {
	float  *sim;
	Near   *best;
	int    *found;
	double *votes;
} Room;

static int64_t
block_right(const Labelled *train, const Labelled *test, const float *inv_train,
            const float *inv_test, int64_t first, int k, int classes, Room *room)
{
	int64_t rows = test->n - first < TEST_ROWS ? test->n - first : TEST_ROWS, dim = train->dim,
		right = 0;
	memset(room->found, 0, sizeof *room->found * TEST_ROWS);
	for (int64_t t = 0; t < train->n; t += TRAIN_ROWS) {
		int64_t cols = train->n - t < TRAIN_ROWS ? train->n - t : TRAIN_ROWS;
		if (dnnl_sgemm('N', 'T', rows, cols, dim, 1, test->x + first * dim, dim,
		               train->x + t * dim, dim, 0, room->sim, cols) != dnnl_success)
			BUG("sgemm of %ld x %ld x %ld was refused", (long)rows, (long)cols,
			    (long)dim);
		for (int64_t i = 0; i < rows; i++) {
			const float *sim = room->sim + i * cols;
			Near        *best = room->best + i * k;
			for (int64_t j = 0; j < cols; j++) {
				float s = sim[j] * inv_train[t + j];
				if (room->found[i] < k || s > best[k - 1].s)
					near_insert(best, &room->found[i], k,
					            (Near){s, train->y[t + j]});
			}
		}
	}
	for (int64_t i = 0; i < rows; i++)
		right += vote(room->best + i * k, room->found[i], inv_test[first + i], room->votes,
		              classes) == test->y[first + i];
	return right;
}

Status
knn_accuracy(const Labelled *train, const Labelled *test, int k, int classes, double *accuracy)
{
	TRY(labelled_check(train, test, classes));
	if (k < 1)
		return user_error("knn-k", "k-NN needs k of at least 1, got %d", k);
	if (k > train->n)
		k = (int)train->n;
	Arena *a = arena_new();
	float *inv_train = arena_new_array(a, float, train->n),
	      *inv_test = arena_new_array(a, float, test->n);
	int64_t blocks = (test->n + TEST_ROWS - 1) / TEST_ROWS, right = 0;
	Status  st = inverse_norms(train, "training", inv_train);
	if (st == OK)
		st = inverse_norms(test, "test", inv_test);
	if (st == OK) {
#pragma omp parallel reduction(+ : right)
		{
			Arena *own = arena_new();
			Room   room = {arena_new_array(own, float, TEST_ROWS *TRAIN_ROWS),
			               arena_new_array(own, Near, TEST_ROWS * k),
			               arena_new_array(own, int, TEST_ROWS),
			               arena_new_array(own, double, classes)};
#pragma omp for schedule(dynamic, 1)
			for (int64_t b = 0; b < blocks; b++)
				right += block_right(train, test, inv_train, inv_test,
				                     b * TEST_ROWS, k, classes, &room);
			arena_free(own);
		}
		*accuracy = (double)right / (double)test->n;
	}
	arena_free(a);
	return st;
}
