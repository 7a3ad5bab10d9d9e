/* Starting values of variables: constants, normal and truncated normal draws, copies. A
 * variable's draws depend on the seed and its name alone, so any number of threads gives the same
 * bits. They are drawn where the device takes its inputs from, and copies are made by the device
 * where it can: ViT-B has 1.4 GB of variables, of which 0.3 are drawn. Refuses copies of what is not
 * there. */
#include "runtime/runtime.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_THREADS = 16,
	PIECE = 1 << 20, /* elements that are handed to the device at a time */
	CHUNK = 1 << 13, /* elements that a thread draws at a time */
};

/* Elements first .. first + n - 1, by this thread. */
static void
init_part(const Variable *v, uint64_t seed, int64_t first, int64_t n, float *out)
{
	if (v->init.kind != INIT_const) {
		init_draw(v, seed, first, n, out);
		return;
	}
	for (int64_t i = 0; i < n; i++)
		out[i] = (float)v->init.value;
}

/* The same by all threads, to memory in the dtype of the variable. */
static void
init_piece(const Variable *v, uint64_t seed, int64_t first, int64_t n, Dtype dtype, void *to)
{
	int width = omp_get_max_threads() < MAX_THREADS ? omp_get_max_threads() : MAX_THREADS;
#pragma omp parallel for schedule(dynamic, 1) num_threads(width) if (n > 4 * CHUNK)
	for (int64_t at = 0; at < n; at += CHUNK) {
		int64_t some = n - at < CHUNK ? n - at : CHUNK;
		float   wide[CHUNK];
		if (dtype == DT_f32) {
			init_part(v, seed, first + at, some, (float *)to + at);
			continue;
		}
		init_part(v, seed, first + at, some, wide);
		for (int64_t i = 0; i < some; i++)
			((uint16_t *)to)[at + i] = f32_to_bf16(wide[i]);
	}
}

Status
init_variable(const Recipe *r, const Variable *v, uint64_t seed, float *out)
{
	(void)r;
	if (v->init.kind == INIT_copy)
		BUG("`%s` starts as a copy: that is init_all's work", v->name);
	init_piece(v, seed, 0, type_elems(&v->type), DT_f32, out);
	return OK;
}

/* ---- all variables -------------------------------------------------------------------------- */

static bool
is_zero(const Variable *v)
{
	return v->init.kind == INIT_const && v->init.value == 0 && !signbit(v->init.value);
}

static Status
put_variable(Exec *x, const Variable *v, uint64_t seed)
{
	int64_t n = type_elems(&v->type), bytes = dtype_bytes[v->type.dtype];
	if (v->type.dtype != DT_f32 && v->type.dtype != DT_bf16)
		BUG("a variable of dtype %s", dtype_name[v->type.dtype]);
	for (int64_t at = 0; at < n; at += PIECE) {
		int64_t some = n - at < PIECE ? n - at : PIECE;
		void   *to;
		TRY(exec_stage(x, v->slab, v->offset + at * bytes, some * bytes, &to));
		init_piece(v, seed, at, some, v->type.dtype, to);
		TRY(exec_staged(x));
	}
	return OK;
}

static Status
copy_variable(Exec *x, const Variable *v)
{
	const Variable *from = v->init.of ? exec_variable(x, v->init.of) : NULL;
	if (from == NULL || from->init.kind == INIT_copy || from->type.dtype != v->type.dtype ||
	    type_bytes(&from->type) != type_bytes(&v->type))
		return user_error("init-copy", "`%s` cannot start as a copy of `%s`", v->name,
		                  v->init.of ? v->init.of : "(nothing)");
	int64_t bytes = type_bytes(&v->type);
	if (x->device->copy)
		return x->device->copy(x->dev, v->slab, v->offset, from->slab, from->offset, bytes);
	for (int64_t at = 0; at < bytes; at += PIECE) {
		int64_t some = bytes - at < PIECE ? bytes - at : PIECE;
		void   *to;
		TRY(exec_stage(x, v->slab, v->offset + at, some, &to));
		TRY(x->device->get(x->dev, from->slab, from->offset + at, to, some));
		TRY(exec_staged(x));
	}
	return OK;
}

/* Zeros first: what the device does by itself and what it is given take turns at no place. */
Status
init_all(Exec *x, uint64_t seed)
{
	const Recipe *r = &x->p->recipe;
	for (int i = 0; i < r->nvar; i++) {
		const Variable *v = &r->var[i];
		if (x->device->clear && is_zero(v))
			TRY(x->device->clear(x->dev, v->slab, v->offset, type_bytes(&v->type)));
	}
	for (int i = 0; i < r->nvar; i++) {
		const Variable *v = &r->var[i];
		if (v->init.kind != INIT_copy && !(x->device->clear && is_zero(v)))
			TRY(put_variable(x, v, seed));
	}
	for (int i = 0; i < r->nvar; i++)
		if (r->var[i].init.kind == INIT_copy)
			TRY(copy_variable(x, &r->var[i]));
	return OK;
}
