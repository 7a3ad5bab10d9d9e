/* Starting values of variables: constants, normal and truncated normal draws, copies. A
 * variable's draws depend on the seed and its name alone, so any number of threads gives the same
 * bits. Refuses copies of what is not there. */
#include "runtime/runtime.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_THREADS = 16 };

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

static double
ratio(const double c[2][8], double x)
{
	double a = c[0][7], b = c[1][7];
	for (int i = 6; i >= 0; i--) {
		a = a * x + c[0][i];
		b = b * x + c[1][i];
	}
	return a / b;
}

static double
normal_quantile(double p)
{
	double q = p - 0.5;
	if (fabs(q) <= 0.425)
		return q * ratio(middle, 0.180625 - q * q);
	double r = sqrt(-log(q < 0 ? p : 1 - p));
	double z = r <= 5 ? ratio(near_tail, r - 1.6) : ratio(far_tail, r - 5);
	return q < 0 ? -z : z;
}

static double
normal_below(double x)
{
	return 0.5 * erfc(-x * 0.70710678118654752440);
}

/* The middle of the 53-bit cell that the draw names: never 0, never 1. */
static double
open_uniform(Stream *s)
{
	double u = stream_uniform(s) + 0x1p-54;
	return u < 1 ? u : 1 - 0x1p-53;
}

static void
init_draw(const Variable *v, uint64_t seed, float *out)
{
	const Init *init = &v->init;
	Stream      s = stream_open(seed, v->name, 0, 0);
	int64_t     n = type_elems(&v->type);
	double      factor = init->std * init->scale;
	if (init->kind == INIT_normal) {
		for (int64_t i = 0; i < n; i++)
			out[i] = (float)(normal_quantile(open_uniform(&s)) * factor);
		return;
	}
	double cut = init->cut, lo = normal_below(-cut), hi = normal_below(cut);
	for (int64_t i = 0; i < n; i++) {
		double z = normal_quantile(stream_between(&s, lo, hi));
		out[i] = (float)((z < -cut ? -cut : z > cut ? cut : z) * factor);
	}
}

Status
init_variable(const Recipe *r, const Variable *v, uint64_t seed, float *out)
{
	(void)r;
	int64_t n = type_elems(&v->type);
	switch (v->init.kind) {
	case INIT_const:
		for (int64_t i = 0; i < n; i++)
			out[i] = (float)v->init.value;
		return OK;
	case INIT_normal:
	case INIT_trunc_normal:
		init_draw(v, seed, out);
		return OK;
	case INIT_copy:
		break;
	}
	BUG("`%s` starts as a copy: that is init_all's work", v->name);
}

/* ---- all variables -------------------------------------------------------------------------- */

typedef struct {
	Exec           *x;
	uint64_t        seed;
	int             next;
	int64_t         most; /* elements of the largest variable */
	Status          status;
	pthread_mutex_t lock;
} Job;

/* Values in the dtype of the variable; `values` itself when that is f32. */
static const void *
as_dtype(Dtype dtype, const float *values, int64_t n, uint16_t *narrow)
{
	if (dtype == DT_f32)
		return values;
	if (dtype != DT_bf16)
		BUG("a variable of dtype %s", dtype_name[dtype]);
	for (int64_t i = 0; i < n; i++)
		narrow[i] = f32_to_bf16(values[i]);
	return narrow;
}

static void *
worker(void *arg)
{
	Job      *job = arg;
	Recipe   *r = &job->x->p->recipe;
	float    *values = malloc((size_t)job->most * sizeof *values);
	uint16_t *narrow = malloc((size_t)job->most * sizeof *narrow);
	pthread_mutex_lock(&job->lock);
	if (values == NULL || narrow == NULL)
		job->status = world_error("out-of-memory", "no memory for starting values");
	while (job->status == OK && job->next < r->nvar) {
		const Variable *v = &r->var[job->next++];
		if (v->init.kind == INIT_copy)
			continue;
		pthread_mutex_unlock(&job->lock);
		Status      s = init_variable(r, v, job->seed, values);
		const void *data = as_dtype(v->type.dtype, values, type_elems(&v->type), narrow);
		pthread_mutex_lock(&job->lock); /* a device takes one call at a time */
		if (s == OK)
			s = job->x->device->put(job->x->dev, v->slab, v->offset, data,
			                        type_bytes(&v->type));
		if (s != OK)
			job->status = s;
	}
	pthread_mutex_unlock(&job->lock);
	free(values);
	free(narrow);
	return NULL;
}

static Status
copies(Exec *x)
{
	const Recipe *r = &x->p->recipe;
	for (int i = 0; i < r->nvar; i++) {
		const Variable *v = &r->var[i];
		if (v->init.kind != INIT_copy)
			continue;
		const Variable *from = v->init.of ? exec_variable(x, v->init.of) : NULL;
		if (from == NULL || from->init.kind == INIT_copy ||
		    from->type.dtype != v->type.dtype ||
		    type_bytes(&from->type) != type_bytes(&v->type))
			return user_error("init-copy", "`%s` cannot start as a copy of `%s`",
			                  v->name, v->init.of ? v->init.of : "(nothing)");
		size_t bytes = (size_t)type_bytes(&v->type);
		void  *values = malloc(bytes ? bytes : 1);
		if (values == NULL)
			return world_error("out-of-memory", "no memory for starting values");
		Status s = x->device->get(x->dev, from->slab, from->offset, values, (int64_t)bytes);
		if (s == OK)
			s = x->device->put(x->dev, v->slab, v->offset, values, (int64_t)bytes);
		free(values);
		TRY(s);
	}
	return OK;
}

Status
init_all(Exec *x, uint64_t seed)
{
	Job job = {.x = x, .seed = seed, .most = 1};
	for (int i = 0; i < x->p->recipe.nvar; i++) {
		int64_t n = type_elems(&x->p->recipe.var[i].type);
		job.most = n > job.most ? n : job.most;
	}
	pthread_mutex_init(&job.lock, NULL);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int  width = cores < 1 ? 1 : cores > MAX_THREADS ? MAX_THREADS : (int)cores, started = 0;
	pthread_t thread[MAX_THREADS];
	while (started < width - 1 && pthread_create(&thread[started], NULL, worker, &job) == 0)
		started++;
	worker(&job);
	for (int i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	pthread_mutex_destroy(&job.lock);
	return job.status == OK ? copies(x) : FAIL;
}
