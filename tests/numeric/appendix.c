/* appendix: the check values that data2vec-vision.md prints for a tiny model, for `d2v step`.
 *
 *     appendix write W F            parameters and teacher by published names; the batch
 *     appendix check O              has O, from `step --names beit --dump O`, the printed values?
 *     appendix check O NAME VALUE.. does NAME begin with these, to the printed decimals?
 *     appendix classifier S|P W F   the same files for the classifier: one position table, or one a block
 *
 * Weights are 0.2 sin(0.7 i + 1.3 t + phase) for element i of the t-th tensor of the published
 * state dict, plus 1 for the weights of norms; phase 0 for the student, 0.5 for the teacher. The
 * teacher's mask token is not among the values below: a teacher sees no masks, and the compiler
 * drops what it never uses; appendix.sh watches it. */
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
	CLASSES = 5,
	QKV = 6, /* where attn.qkv.weight stands in a block */
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
static const Shape no_mask[] = {{"cls_token", {1, 1, WIDTH}},
                                {"patch_embed.proj.weight", {WIDTH, 3, 16, 16}},
                                {"patch_embed.proj.bias", {WIDTH}}};
static const Shape table[] = {{"rel_pos_bias.relative_position_bias_table", {OFFSETS, HEADS}}};
static const Shape own_table[] = {{"attn.relative_position_bias_table", {OFFSETS, HEADS}}};
static const Shape logits[] = {{"fc_norm.weight", {WIDTH}},
                               {"fc_norm.bias", {WIDTH}},
                               {"head.weight", {CLASSES, WIDTH}},
                               {"head.bias", {CLASSES}}};
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

/* A list of tensors that share what stands before their names; t counts on. */
typedef struct {
	Arena      *a;
	StTensor   *out;
	const char *prefix;
	double      phase;
	int         t;
} Weights;

static void
add(Weights *w, const Shape *s, int n, const char *before)
{
	for (int i = 0; i < n; i++, w->t++) {
		Shape x = s[i];
		x.name = arena_printf(w->a, "%s%s", before, s[i].name);
		w->out[w->t] = weight(w->a, &x, w->t, w->prefix, w->phase);
	}
}

static void
add_blocks(Weights *w, const bool tables)
{
	for (int l = 0; l < BLOCKS; l++) {
		const char *name = arena_printf(w->a, "blocks.%d.", l);
		add(w, block, QKV, name);
		if (tables)
			add(w, own_table, COUNT(own_table), name);
		add(w, block + QKV, COUNT(block) - QKV, name);
	}
}

static int
weights(Arena *a, StTensor *out, const char *prefix, double phase)
{
	Weights w = {a, out, prefix, phase, 0};
	add(&w, head, COUNT(head), "");
	add_blocks(&w, false);
	add(&w, tail, COUNT(tail), "");
	return w.t;
}

/* In the order of the classifier's own state dict, so t differs between the two layouts. */
static int
classifier_weights(Arena *a, StTensor *out, const bool tables)
{
	Weights w = {a, out, "", 0, 0};
	add(&w, no_mask, COUNT(no_mask), "");
	if (!tables)
		add(&w, table, COUNT(table), "");
	add_blocks(&w, tables);
	add(&w, logits, COUNT(logits), "");
	return w.t;
}

/* layout 'S' or 'P': a classifier; 0: student and teacher. */
static Status
write_files(Arena *a, const char layout, const char *weights_path, const char *feed_path)
{
	static const uint8_t mask[] = {0, 1, 1, 0, 1, 1, 0, 1};
	StTensor             t[MAX_TENSOR], batch[2];
	int n = layout ? classifier_weights(a, t, layout == 'P') : weights(a, t, "", 0);
	if (!layout)
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
	return st_write(feed_path, &(StFile){.ntensor = layout ? 1 : 2, .tensor = batch});
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

/* Half a unit of the last printed digit, and f32's own error. */
static double
printed_error(const char *value)
{
	const char *dot = strchr(value, '.');
	double      unit = pow(10, dot ? -(double)strlen(dot + 1) : 0);
	return 0.6 * unit > 2e-8 ? 0.6 * unit : 2e-8;
}

static Status
check_named(const StFile *f, const char *name, char **value, int n)
{
	double want[MAX_TENSOR];
	for (int i = 0; i < n && i < MAX_TENSOR; i++)
		want[i] = strtod(value[i], NULL);
	int bad = check_values(f, name, printed_error(value[0]), n, want);
	printf("%s: %d of %d printed values\n", name, n - bad, n);
	return bad ? FAIL : OK;
}

static Status
check_file(Arena *a, const char *path, char **named, int nnamed)
{
	StFile *f;
	int     bad = 0, n = 0;
	TRY(st_read(a, path, &f));
	if (nnamed)
		return check_named(f, named[0], named + 1, nnamed - 1);
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
		s = write_files(a, 0, argv[2], argv[3]);
	} else if (argc == 5 && !strcmp(argv[1], "classifier") && strchr("SP", *argv[2])) {
		s = write_files(a, *argv[2], argv[3], argv[4]);
	} else if (argc >= 3 && argc != 4 && !strcmp(argv[1], "check")) {
		s = check_file(a, argv[2], argv + 3, argc - 3);
	} else {
		fprintf(stderr, "usage: appendix write W F | appendix classifier S|P W F | "
		                "appendix check O [NAME VALUE ..]\n");
		return EXIT_USAGE;
	}
	arena_free(a);
	return s == OK ? EXIT_OK : EXIT_USER;
}
