/* Normal and truncated normal draws: draw i of a variable is the quantile of uniform i of its stream,
 * so that any part of a variable can be drawn by any thread, and by vectors, with the same bits.
 * Refuses nothing. */
#include "runtime/runtime.h"

#include <math.h>

enum { SOME = 256 };

/* The quantile of the standard normal distribution by M. J. Wichura's algorithm AS 241 (Applied
 * Statistics 37, 1988), relative error about 1e-16: a ratio of two polynomials of degree 7 on
 * each of three ranges. */
static const double middle[2][8] = {
	{3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
         1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
         3.3430575583588128105e4, 2.5090809287301226727e3},
	{1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
         2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
         5.2264952788528545610e3}};
static const double near_tail[2][8] = {
	{1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
         3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
         2.27238449892691845833e-2, 7.74545014278341407640e-4},
	{1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
         1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
         1.05075007164441684324e-9}};
static const double far_tail[2][8] = {
	{6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
         2.71155556874348757815e-5, 2.01033439929228813265e-7},
	{1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
         7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
         2.04426310338993978564e-15}};
static const double middle_half = 0.425; /* the middle: |p - 1/2| up to this */

static inline double
ratio(const double c[2][8], double x)
{
	double a = c[0][7], b = c[1][7];
#pragma GCC unroll 7
	for (int i = 6; i >= 0; i--) {
		a = a * x + c[0][i];
		b = b * x + c[1][i];
	}
	return a / b;
}

static inline double
quantile_middle(double q)
{
	return q * ratio(middle, 0.180625 - q * q);
}

static double
quantile_tail(double p)
{
	double q = p - 0.5, r = sqrt(-log(q < 0 ? p : 1 - p));
	double z = r <= 5 ? ratio(near_tail, r - 1.6) : ratio(far_tail, r - 5);
	return q < 0 ? -z : z;
}

static double
normal_below(double x)
{
	return 0.5 * erfc(-x * 0.70710678118654752440);
}

static inline float
cut_off(double z, double cut, double factor)
{
	return (float)((z < -cut ? -cut : z > cut ? cut : z) * factor);
}

/* u: uniforms, then probabilities. Where a probability lies outside of the middle the value is of no
 * use. */
static CLONES void
draw_middle(double *u, int n, double lo, double width, double cut, double factor, float *out)
{
	for (int i = 0; i < n; i++) {
		u[i] = lo + width * u[i];
		out[i] = cut_off(quantile_middle(u[i] - 0.5), cut, factor);
	}
}

/* The middle of the 53-bit cell that the draw names: never 0, never 1. */
static CLONES void
open_cells(double *u, int n)
{
	for (int i = 0; i < n; i++) {
		double p = u[i] + 0x1p-54;
		u[i] = p < 1 ? p : 1 - 0x1p-53;
	}
}

static void
draw_some(const Init *init, double *u, int n, float *out)
{
	bool   whole = init->kind == INIT_normal;
	double cut = whole ? INFINITY : init->cut, factor = init->std * init->scale;
	double lo = whole ? 0 : normal_below(-cut), hi = whole ? 1 : normal_below(cut);
	if (whole)
		open_cells(u, n);
	draw_middle(u, n, lo, hi - lo, cut, factor, out);
	if (lo >= 0.5 - middle_half && hi <= 0.5 + middle_half)
		return;
	for (int i = 0; i < n; i++)
		if (fabs(u[i] - 0.5) > middle_half)
			out[i] = cut_off(quantile_tail(u[i]), cut, factor);
}

void
init_draw(const Variable *v, uint64_t seed, int64_t first, int64_t n, float *out)
{
	double u[SOME];
	Stream s = stream_open(seed, v->name, 0, 0);
	for (int64_t at = 0; at < n; at += SOME) {
		int some = n - at < SOME ? (int)(n - at) : SOME;
		stream_uniforms(&s, first + at, some, u);
		draw_some(&v->init, u, some, out + at);
	}
}
