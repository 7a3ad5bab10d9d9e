/* appendix: the check values that data2vec-vision.md prints for a tiny model, for `d2v step`.
 *
 *     appendix write W F            parameters and teacher by published names; the batch
 *     appendix check O              has O, from `step --names beit --dump O`, the printed values?
 *     appendix check O NAME VALUE   is this one number, to the printed six decimals?
 *
 * Weights are 0.2 sin(0.7 i + 1.3 t + phase) for element i of the t-th tensor of the published
 * state dict, plus 1 for the weights of norms; phase 0 for the student, 0.5 for the teacher. The
 * teacher's mask token is among the printed values and not among these: a teacher sees no masks,
 * and the compiler drops what it never uses. */
#include "runtime/runtime.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDTH = 8,
	HEADS = 2,
	BLOCKS = 3,
	HIDDEN = 32,
	OFFSETS = 12,
	IMAGE = 2 * 3 * 32 * 32,
	MAX_TENSOR = 128
};

typedef struct {
	const char *name;
	int64_t     dim[4]; /* up to the first 0 */
} Shape;

static const Shape head[] = {{"cls_token", {1, 1, WIDTH}},
                             {"mask_token", {1, 1, WIDTH}},
                             {"patch_embed.proj.weight", {WIDTH, 3, 16, 16}},
                             {"patch_embed.proj.bias", {WIDTH}},
                             {"rel_pos_bias.relative_position_bias_table", {OFFSETS, HEADS}}};
static const Shape block[] = {{"gamma_1", {WIDTH}},
                              {"gamma_2", {WIDTH}},
                              {"norm1.weight", {WIDTH}},
                              {"norm1.bias", {WIDTH}},
                              {"attn.q_bias", {WIDTH}},
                              {"attn.v_bias", {WIDTH}},
                              {"attn.qkv.weight", {3 * WIDTH, WIDTH}},
                              {"attn.proj.weight", {WIDTH, WIDTH}},
                              {"attn.proj.bias", {WIDTH}},
                              {"norm2.weight", {WIDTH}},
                              {"norm2.bias", {WIDTH}},
                              {"mlp.fc1.weight", {HIDDEN, WIDTH}},
                              {"mlp.fc1.bias", {HIDDEN}},
                              {"mlp.fc2.weight", {WIDTH, HIDDEN}},
                              {"mlp.fc2.bias", {WIDTH}}};
static const Shape tail[] = {{"norm.weight", {WIDTH}},
                             {"norm.bias", {WIDTH}},
                             {"lm_head.weight", {WIDTH, WIDTH}},
                             {"lm_head.bias", {WIDTH}}};

/* ---- the files ------------------------------------------------------------------------------ */

static StTensor
tensor(Arena *a, const char *name, const int64_t *dim)
{
	StTensor t = {.name = name, .dtype = "F32", .bytes = sizeof(float)};
	for (; t.ndim < 4 && dim[t.ndim]; t.ndim++) {
		t.dim[t.ndim] = dim[t.ndim];
		t.bytes *= dim[t.ndim];
	}
	t.data = arena_alloc(a, (size_t)t.bytes);
	return t;
}

static StTensor
weight(Arena *a, const Shape *s, int t, const char *prefix, double phase)
{
	StTensor x = tensor(a, arena_printf(a, "%s%s", prefix, s->name), s->dim);
	float   *at = (float *)x.data;
	bool     gain = strstr(s->name, "norm") && strstr(s->name, ".weight");
	for (int64_t i = 0; i < x.bytes / (int64_t)sizeof *at; i++)
		at[i] = (float)(0.2 * sin(0.7 * (double)i + 1.3 * t + phase) + gain);
	return x;
}

static int
weights(Arena *a, StTensor *out, const char *prefix, double phase)
{
	int t = 0;
	for (int i = 0; i < COUNT(head); i++, t++)
		out[t] = weight(a, &head[i], t, prefix, phase);
	for (int l = 0; l < BLOCKS; l++)
		for (int i = 0; i < COUNT(block); i++, t++) {
			Shape s = block[i];
			s.name = arena_printf(a, "blocks.%d.%s", l, s.name);
			out[t] = weight(a, &s, t, prefix, phase);
		}
	for (int i = 0; i < COUNT(tail); i++, t++)
		out[t] = weight(a, &tail[i], t, prefix, phase);
	return t;
}

static Status
write_files(Arena *a, const char *weights_path, const char *feed_path)
{
	static const uint8_t mask[] = {0, 1, 1, 0, 1, 1, 0, 1};
	StTensor             t[MAX_TENSOR], batch[2];
	int                  n = weights(a, t, "", 0);
	n += weights(a, t + n, "teacher/", 0.5);
	TRY(st_write(weights_path, &(StFile){.ntensor = n, .tensor = t}));
	batch[0] = tensor(a, "image", (int64_t[]){2, 3, 32, 32});
	for (int i = 0; i < IMAGE; i++)
		((float *)batch[0].data)[i] = (float)sin(0.01 * i);
	batch[1] = (StTensor){.name = "m",
	                      .dtype = "BOOL",
	                      .ndim = 2,
	                      .dim = {2, 4},
	                      .data = mask,
	                      .bytes = sizeof mask};
	return st_write(feed_path, &(StFile){.ntensor = 2, .tensor = batch});
}

/* ---- the printed values --------------------------------------------------------------------- */

/* The first elements of a tensor; half a unit of the last printed digit, and f32's own error. */
static const struct {
	const char *name;
	double      near;
	int         n;
	double      value[8];
} printed[] = {
	{"loss", 6e-7, 1, {0.276137}},
	{"grad_norm", 6e-7, 1, {0.530169}},
	{"grad/mask_token",
         6e-7,
         8,
         {0.036015, -0.037443, -0.045261, -0.042330, 0.017341, -0.035065, 0.043601, 0.063141}},
	{"grad/lm_head.bias",
         6e-7,
         8,
         {-0.041893, 0.068796, -0.025504, 0.069499, 0.013400, 0.004736, 0.023965, -0.071384}},
	{"grad/blocks.0.gamma_1",
         6e-7,
         8,
         {-0.026380, 0.027187, 0.016683, -0.006032, 0.011104, -0.027783, 0.026488, 0.009757}},
	{"grad/blocks.1.attn.q_bias",
         6e-7,
         8,
         {0.000013, -0.000011, -0.000030, -0.000036, -0.000029, -0.000006, 0.000019, 0.000036}},
	{"grad/rel_pos_bias.relative_position_bias_table",
         6e-7,
         8,
         {-0.000005, -0.000007, 0.000003, 0.000007, -0.000043, -0.000041, -0.000103, -0.000097}},
	{"cls_token", 6e-7, 4, {0.009998, 0.118851, 0.187094, 0.162644}},
	{"mask_token", 6e-7, 4, {0.182615, 0.191769, 0.095433, -0.041083}},
	{"lm_head.bias", 6e-7, 4, {-0.032677, 0.083235, 0.195297, 0.180211}},
	{"teacher/cls_token", 2e-8, 4, {0.09586792, 0.18639430, 0.18925959, 0.10311219}},
};

/* How many of the values are not there. */
static int
check_values(const StFile *f, const char *name, double near, int n, const double *value)
{
	const StTensor *t = st_find(f, name);
	int             bad = 0;
	if (!t || strcmp(t->dtype, "F32") || t->bytes < n * (int64_t)sizeof(float)) {
		printf("%s: not there, or not as F32\n", name);
		return n;
	}
	for (int i = 0; i < n; i++) {
		double x = ((const float *)t->data)[i];
		if (fabs(x - value[i]) <= near)
			continue;
		printf("%s, element %d: %.9g, not %.9g\n", name, i, x, value[i]);
		bad++;
	}
	return bad;
}

static Status
check_file(Arena *a, const char *path, const char *name, const char *value)
{
	StFile *f;
	int     bad = 0, n = 0;
	TRY(st_read(a, path, &f));
	if (name) {
		double x = strtod(value, NULL);
		return check_values(f, name, 6e-7, 1, &x) ? FAIL : OK;
	}
	for (int i = 0; i < COUNT(printed); i++) {
		bad += check_values(f, printed[i].name, printed[i].near, printed[i].n,
		                    printed[i].value);
		n += printed[i].n;
	}
	printf("%d of %d printed values\n", n - bad, n);
	return bad ? FAIL : OK;
}

int
main(int argc, char **argv)
{
	Arena *a = arena_new();
	Status s;
	if (argc == 4 && !strcmp(argv[1], "write")) {
		s = write_files(a, argv[2], argv[3]);
	} else if ((argc == 3 || argc == 5) && !strcmp(argv[1], "check")) {
		s = check_file(a, argv[2], argc == 5 ? argv[3] : NULL, argc == 5 ? argv[4] : NULL);
	} else {
		fprintf(stderr, "usage: appendix write W F | appendix check O [NAME VALUE]\n");
		return EXIT_USAGE;
	}
	arena_free(a);
	return s == OK ? EXIT_OK : EXIT_USER;
}
