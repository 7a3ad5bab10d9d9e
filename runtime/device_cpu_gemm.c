/* Gemm steps through oneDNN: one primitive per distinct description, memory objects with fixed
 * addresses per step, one workspace shared by all of them. Gemms of bf16 are turned into gemms of
 * f32 where the processor has none (device_cpu_widen.c). Refuses mixtures of types that the library
 * has no code for.
 *
 * Packing. oneDNN's own blocked form of B makes its inner loop faster; making it costs one pass
 * over B. Weights change every step and a batch uses each of them once per direction, so nothing
 * is gained by keeping packed weights: B is packed into the shared workspace right before the
 * gemm that reads it, which costs k*n against m*n*k and no memory per weight. */
#include "runtime/device_cpu.h"

#include <oneapi/dnnl/dnnl.h>
#include <string.h>

typedef struct {
	int64_t z, m, n, k;
	int64_t a[3], b[3], c[3];                   /* strides: z, row, column */
	int32_t ta, tb, tc, accumulate, bias, zero; /* zero: no padding bytes */
} Key;

typedef struct {
	Key                key;
	dnnl_primitive_t   matmul;
	bool               packs;
	PackPlan           pack;
	dnnl_memory_desc_t a, b, c, bias;
	dnnl_memory_t      scratch, packed;
} Plan;

/* A matrix that is computed with as f32 though it is bf16: where its copy lies in the workspace. */
typedef struct {
	Wide          w; /* rows 0: not this one */
	int64_t       offset;
	dnnl_memory_t memory;
} Widened;

struct GemmStep {
	const Plan     *plan;
	char           *b;
	int             narg;
	dnnl_exec_arg_t arg[6];
	bool            widens;
	Widened         a_wide, b_wide, c_wide;
};

struct GemmSet {
	Arena        *arena;
	bool          widen; /* gemms of bf16 become gemms of f32 */
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	Vec(Plan *) plan;
	Vec(dnnl_memory_t) memory;
	Vec(GemmStep *) widens;
	int64_t scratch_bytes, packed_bytes, wide_bytes;
	void   *scratch, *packed, *wide;
};

static Status
check(dnnl_status_t s, const Key *k, const char *what)
{
	static const char *const word[] = {"success",       "out of memory", "invalid arguments",
	                                   "unimplemented", "iterator ends", "runtime error",
	                                   "not required"};
	if (s == dnnl_success)
		return OK;
	const char *said = (size_t)s < sizeof word / sizeof *word ? word[s] : "unknown";
	if (k == NULL)
		return world_error("onednn", "oneDNN: %s: %s", what, said);
	return world_error(
		"onednn",
		"oneDNN: %s of the gemm z %lld, m %lld, n %lld, k %lld (A %s, B %s, C %s%s%s): %s",
		what, (long long)k->z, (long long)k->m, (long long)k->n, (long long)k->k,
		dtype_name[k->ta], dtype_name[k->tb], dtype_name[k->tc],
		k->accumulate ? ", accumulated" : "", k->bias ? ", bias" : "", said);
}

/* ---- descriptions --------------------------------------------------------------------------- */

/* The stride of an axis of size 1 says nothing, but the library chooses its code by strides: make
 * it what it would be in a dense matrix. One of the two strides is 1 afterwards. */
static void
strides_normal(int64_t rows, int64_t cols, int64_t s0, int64_t s1, int64_t out[2])
{
	if (s1 == 1 || cols == 1) {
		out[0] = rows == 1 ? cols : s0;
		out[1] = 1;
	} else {
		out[0] = 1;
		out[1] = s1;
	}
}

/* Whether packing B first makes the gemm faster, the packing included. GF/s on two Zen 4 cores,
 * plain -> packed alternating in one run, fastest of 15; ViT-B with 8 images (m = 1576):
 *              bf16         f32                         bf16         f32
 *   qkv  NT    425 -> 439   214 -> 214     dX qkv  NN   425 -> 447   219 -> 223
 *   proj NT    436 -> 444   219 -> 222     dX fc1  NN   423 -> 450   219 -> 223
 *   fc1  NT    421 -> 439   215 -> 214     dX fc2  NN   418 -> 443   212 -> 222
 *   fc2  NT    440 -> 444   220 -> 217     dX proj NN   434 -> 450   221 -> 224
 * The same on a machine busy with other work, which disturbs both alike:
 *   dW qkv  TN  398 -> 422   204 -> 211    m 960, NT       386 -> 419   198 -> 193
 *   dW fc2  TN  386 -> 397   183 -> 191    m 512, NT       383 -> 372   201 -> 185
 *   dW proj TN  358 -> 379   202 -> 198    width 192, k 192, NT  368 -> 446   198 -> 221
 *                                          width 192, dX NN      430 -> 434   216 -> 206
 *                                          width 192, dW TN      368 -> 349   199 -> 189
 * Hence: bf16 from about 900 rows; f32 only where B is read along its rows or k is short. */
static bool
worth_packing(const Key *k)
{
	bool a_transposed = k->a[2] != 1, b_transposed = k->b[2] != 1;
	if (k->z != 1 || k->k < 64 || k->n < 64)
		return false;
	if (k->tb == DT_bf16)
		return a_transposed ? k->m >= 768 && k->n >= 512 : k->m >= 896;
	return !a_transposed && k->m >= 1024 && (b_transposed ? k->k < 512 : k->n >= 512);
}

static Key
key_of(const Gemm *g)
{
	Key k;
	memset(&k, 0, sizeof k); /* compared as bytes */
	k.z = g->z;
	k.m = g->m;
	k.n = g->n;
	k.k = g->k;
	k.a[0] = g->z == 1 ? 0 : g->a.sz;
	k.b[0] = g->z == 1 ? 0 : g->b.sz;
	k.c[0] = g->z == 1 ? 0 : g->c.sz;
	strides_normal(g->m, g->k, g->a.s0, g->a.s1, k.a + 1);
	strides_normal(g->k, g->n, g->b.s0, g->b.s1, k.b + 1);
	strides_normal(g->m, g->n, g->c.s0, g->c.s1, k.c + 1);
	k.ta = (int32_t)g->a.dtype;
	k.tb = (int32_t)g->b.dtype;
	k.tc = (int32_t)g->c.dtype;
	k.accumulate = g->accumulate;
	k.bias = g->has_bias;
	return k;
}

static dnnl_data_type_t
type_of(int32_t dtype)
{
	return dtype == DT_bf16 ? dnnl_bf16 : dnnl_f32;
}

/* z = 1 is a plain matrix; a z stride of 0 is one matrix for all z, which the library spells as z
 * size 1. */
static dnnl_status_t
describe(dnnl_memory_desc_t *d, int64_t z, int64_t rows, int64_t cols, const int64_t s[3],
         int32_t dtype)
{
	if (z == 1) {
		dnnl_dims_t dims = {rows, cols}, strides = {s[1], s[2]};
		return dnnl_memory_desc_init_by_strides(d, 2, dims, type_of(dtype), strides);
	}
	bool        one = s[0] == 0;
	dnnl_dims_t dims = {one ? 1 : z, rows, cols},
		    strides = {one ? rows * cols : s[0], s[1], s[2]};
	return dnnl_memory_desc_init_by_strides(d, 3, dims, type_of(dtype), strides);
}

static Status
describe_all(Plan *p)
{
	const Key *k = &p->key;
	TRY(check(describe(&p->a, k->z, k->m, k->k, k->a, k->ta), k, "description of A"));
	TRY(check(describe(&p->b, k->z, k->k, k->n, k->b, k->tb), k, "description of B"));
	TRY(check(describe(&p->c, k->z, k->m, k->n, k->c, k->tc), k, "description of C"));
	int64_t row[3] = {k->n, k->n, 1};
	if (k->z != 1)
		row[0] = 0;
	return k->bias ? check(describe(&p->bias, k->z, 1, k->n, row, DT_f32), k,
	                       "description of the bias")
	               : OK;
}

/* ---- plans ---------------------------------------------------------------------------------- */

static Status
attributes(const Key *k, dnnl_primitive_attr_t *attr)
{
	TRY(check(dnnl_primitive_attr_create(attr), k, "attributes"));
	TRY(check(dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user), k,
	          "scratchpad"));
	if (k->accumulate) {
		dnnl_post_ops_t ops;
		TRY(check(dnnl_post_ops_create(&ops), k, "post-ops"));
		Status s = check(dnnl_post_ops_append_sum(ops, 1.0f), k, "accumulation");
		if (s == OK)
			s = check(dnnl_primitive_attr_set_post_ops(*attr, ops), k, "accumulation");
		dnnl_post_ops_destroy(ops);
		TRY(s);
	}
	return OK;
}

static Status
memory_new(GemmSet *set, const Key *k, const dnnl_memory_desc_t *d, void *at, dnnl_memory_t *out)
{
	TRY(check(dnnl_memory_create(out, d, set->engine, at), k, "memory"));
	vec_push(set->arena, &set->memory, *out);
	return OK;
}

static int64_t
larger(int64_t a, size_t b)
{
	return a > (int64_t)b ? a : (int64_t)b;
}

/* Is `want` the form that cpu_pack makes? */
static bool
form_is_known(const dnnl_memory_desc_t *want, const PackPlan *p)
{
	const dnnl_blocking_desc_t *f = &want->format_desc.blocking;
	bool                        pairs = p->bytes == 2;
	int64_t                     deep = pairs ? 32 : 16, k = (p->k + deep - 1) / deep * deep,
		n = (p->n + 63) / 64 * 64;
	return want->format_kind == dnnl_blocked && want->offset0 == 0 &&
	       want->padded_dims[0] == k && want->padded_dims[1] == n &&
	       f->strides[0] == deep * 64 && f->strides[1] == k * 64 &&
	       f->inner_nblks == (pairs ? 3 : 2) && f->inner_idxs[0] == 0 &&
	       f->inner_blks[0] == 16 && f->inner_idxs[1] == 1 && f->inner_blks[1] == 64 &&
	       (!pairs || (f->inner_idxs[2] == 0 && f->inner_blks[2] == 2));
}

/* The primitive for packed B, when the library wants B in the form we make. */
static Status
plan_packed(GemmSet *set, Plan *p, const dnnl_memory_desc_t *c_bias, dnnl_primitive_attr_t attr,
            dnnl_primitive_desc_t *pd)
{
	const Key         *k = &p->key;
	dnnl_matmul_desc_t op;
	dnnl_memory_desc_t b;
	dnnl_dims_t        dims = {k->k, k->n};
	TRY(check(dnnl_memory_desc_init_by_tag(&b, 2, dims, type_of(k->tb), dnnl_format_tag_any), k,
	          "packing"));
	TRY(check(dnnl_matmul_desc_init(&op, &p->a, &b, c_bias, &p->c), k, "description"));
	if (dnnl_primitive_desc_create(pd, &op, attr, set->engine, NULL) != dnnl_success) {
		*pd = NULL;
		return OK;
	}
	const dnnl_memory_desc_t *want =
		dnnl_primitive_desc_query_md(*pd, dnnl_query_weights_md, 0);
	p->pack = (PackPlan){k->k, k->n, k->b[1], k->b[2], dtype_bytes[k->tb]};
	p->packs = form_is_known(want, &p->pack);
	if (!p->packs) {
		dnnl_primitive_desc_destroy(*pd);
		*pd = NULL;
		return OK;
	}
	set->packed_bytes = larger(set->packed_bytes, dnnl_memory_desc_get_size(want));
	return memory_new(set, k, want, NULL, &p->packed);
}

static Status
plan_primitive(GemmSet *set, Plan *p, dnnl_primitive_attr_t attr)
{
	const Key                *k = &p->key;
	const dnnl_memory_desc_t *bias = k->bias ? &p->bias : NULL;
	dnnl_matmul_desc_t        op;
	dnnl_primitive_desc_t     pd = NULL;
	if (worth_packing(k))
		TRY(plan_packed(set, p, bias, attr, &pd));
	if (pd == NULL) {
		TRY(check(dnnl_matmul_desc_init(&op, &p->a, &p->b, bias, &p->c), k, "description"));
		TRY(check(dnnl_primitive_desc_create(&pd, &op, attr, set->engine, NULL), k,
		          "choice of code"));
	}
	const dnnl_memory_desc_t *scratch =
		dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
	set->scratch_bytes = larger(set->scratch_bytes, dnnl_memory_desc_get_size(scratch));
	Status s = memory_new(set, k, scratch, NULL, &p->scratch);
	if (s == OK)
		s = check(dnnl_primitive_create(&p->matmul, pd), k, "code");
	dnnl_primitive_desc_destroy(pd);
	return s;
}

static Status
plan_find(GemmSet *set, const Key *key, Plan **out)
{
	for (int i = 0; i < set->plan.n; i++)
		if (memcmp(&set->plan.at[i]->key, key, sizeof *key) == 0) {
			*out = set->plan.at[i];
			return OK;
		}
	Plan *p = *out = arena_new_one(set->arena, Plan);
	p->key = *key;
	vec_push(set->arena, &set->plan, p);
	dnnl_primitive_attr_t attr = NULL;
	TRY(describe_all(p));
	Status s = attributes(&p->key, &attr);
	if (s == OK)
		s = plan_primitive(set, p, attr);
	if (attr)
		dnnl_primitive_attr_destroy(attr);
	return s;
}

/* ---- the room ------------------------------------------------------------------------------- */

Status
gemm_open(Arena *a, bool widen, GemmSet **out)
{
	GemmSet *set = *out = arena_new_one(a, GemmSet);
	set->arena = a;
	set->widen = widen;
	TRY(check(dnnl_engine_create(&set->engine, dnnl_cpu, 0), NULL, "engine"));
	return check(dnnl_stream_create(&set->stream, set->engine, dnnl_stream_default_flags), NULL,
	             "stream");
}

/* m of k is done with as f32 from now on; *total grows by its copy. */
static void
widen_one(Widened *w, int64_t z, int64_t rows, int64_t cols, int64_t *s, int32_t *dtype, char *at,
          int64_t *total)
{
	if (*dtype != DT_bf16)
		return;
	w->w = wide_of(z, rows, cols, s, at);
	w->offset = *total;
	*total += wide_bytes(&w->w);
	memcpy(s, w->w.to, sizeof w->w.to);
	*dtype = DT_f32;
}

/* A gemm k of bf16 becomes one of f32. */
static void
widen_all(GemmSet *set, Key *k, GemmStep *s, char *const at[3])
{
	int64_t total = 0;
	if (!set->widen || k->ta != DT_bf16 || k->tb != DT_bf16)
		return;
	widen_one(&s->a_wide, k->z, k->m, k->k, k->a, &k->ta, at[0], &total);
	widen_one(&s->b_wide, k->z, k->k, k->n, k->b, &k->tb, at[1], &total);
	widen_one(&s->c_wide, k->z, k->m, k->n, k->c, &k->tc, at[2], &total);
	s->widens = true;
	set->wide_bytes = larger(set->wide_bytes, (size_t)total);
	vec_push(set->arena, &set->widens, s);
}

Status
gemm_plan(GemmSet *set, const Gemm *g, char *const *slab, GemmStep **out)
{
	GemmStep *s = *out = arena_new_one(set->arena, GemmStep);
	Plan     *p;
	Key       key = key_of(g);
	char     *at[3] = {slab[g->a.slab] + g->a.offset, slab[g->b.slab] + g->b.offset,
	                   slab[g->c.slab] + g->c.offset};
	widen_all(set, &key, s, at);
	TRY(plan_find(set, &key, &p));
	s->plan = p;
	s->b = at[1];
	dnnl_memory_t a, b, c, bias;
	TRY(memory_new(set, &p->key, &p->a, at[0], &a));
	TRY(memory_new(set, &p->key, &p->b, at[1], &b));
	TRY(memory_new(set, &p->key, &p->c, at[2], &c));
	s->a_wide.memory = a;
	s->b_wide.memory = b;
	s->c_wide.memory = c;
	s->arg[s->narg++] = (dnnl_exec_arg_t){DNNL_ARG_SRC, a};
	s->arg[s->narg++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, p->packs ? p->packed : b};
	s->arg[s->narg++] = (dnnl_exec_arg_t){DNNL_ARG_DST, c};
	s->arg[s->narg++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, p->scratch};
	if (g->has_bias) {
		TRY(memory_new(set, &p->key, &p->bias, slab[g->bias_slab] + g->bias_offset, &bias));
		s->arg[s->narg++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, bias};
	}
	return OK;
}

static Status
widened_place(GemmSet *set, const Key *k, Widened *w)
{
	if (w->w.rows == 0)
		return OK;
	w->w.wide = (float *)((char *)set->wide + w->offset);
	return check(dnnl_memory_set_data_handle(w->memory, w->w.wide), k, "widening");
}

static Status
widened_ready(GemmSet *set, GemmStep *s)
{
	const Key *k = &s->plan->key;
	TRY(widened_place(set, k, &s->a_wide));
	TRY(widened_place(set, k, &s->b_wide));
	TRY(widened_place(set, k, &s->c_wide));
	if (s->b_wide.w.rows)
		s->b = (char *)s->b_wide.w.wide;
	return OK;
}

static Status
gemm_run_plan(GemmSet *set, const GemmStep *s)
{
	const Plan *p = s->plan;
	if (p->packs)
		cpu_pack(&p->pack, s->b, set->packed);
	return check(dnnl_primitive_execute(p->matmul, set->stream, s->narg, s->arg), &p->key,
	             "run");
}

Status
gemm_ready(GemmSet *set)
{
	set->scratch = cpu_memory(set->scratch_bytes);
	set->packed = cpu_memory(set->packed_bytes);
	set->wide = cpu_memory(set->wide_bytes);
	if (set->scratch == NULL || set->packed == NULL || set->wide == NULL)
		return world_error("out-of-memory",
		                   "no memory for the %lld bytes of gemm workspace",
		                   (long long)gemm_workspace(set));
	for (int i = 0; i < set->plan.n; i++) {
		Plan *p = set->plan.at[i];
		TRY(check(dnnl_memory_set_data_handle(p->scratch, set->scratch), &p->key,
		          "scratchpad"));
		if (p->packed)
			TRY(check(dnnl_memory_set_data_handle(p->packed, set->packed), &p->key,
			          "packing"));
	}
	for (int i = 0; i < set->widens.n; i++)
		TRY(widened_ready(set, set->widens.at[i]));
	return OK;
}

static Status
gemm_run_wide(GemmSet *set, const GemmStep *s)
{
	const Key *k = &s->plan->key;
	if (s->a_wide.w.rows)
		wide_read(&s->a_wide.w);
	if (s->b_wide.w.rows)
		wide_read(&s->b_wide.w);
	if (s->c_wide.w.rows && k->accumulate)
		wide_read(&s->c_wide.w);
	TRY(gemm_run_plan(set, s));
	if (s->c_wide.w.rows)
		wide_write(&s->c_wide.w);
	return OK;
}

Status
gemm_run(GemmSet *set, const GemmStep *s)
{
	return s->widens ? gemm_run_wide(set, s) : gemm_run_plan(set, s);
}

int64_t
gemm_workspace(const GemmSet *set)
{
	return set->scratch_bytes + set->packed_bytes + set->wide_bytes;
}

void
gemm_close(GemmSet *set)
{
	if (set == NULL)
		return;
	for (int i = 0; i < set->memory.n; i++)
		dnnl_memory_destroy(set->memory.at[i]);
	for (int i = 0; i < set->plan.n; i++) {
		if (set->plan.at[i]->matmul)
			dnnl_primitive_destroy(set->plan.at[i]->matmul);
	}
	if (set->stream)
		dnnl_stream_destroy(set->stream);
	if (set->engine)
		dnnl_engine_destroy(set->engine);
	cpu_memory_free(set->scratch, set->scratch_bytes);
	cpu_memory_free(set->packed, set->packed_bytes);
	cpu_memory_free(set->wide, set->wide_bytes);
}
