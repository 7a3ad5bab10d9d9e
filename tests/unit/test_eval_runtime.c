/* k-NN, linear probe and confidence interval, on data whose answer is known; the verb eval on a
 * run made by hand (its program is one kernel; needs d2v-cpu.so beside the test runner). */
#include "runtime/eval_private.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

Suite *suite_eval_runtime(void);

static double
normal(Stream *s)
{
	return sqrt(-2 * log(1 - stream_uniform(s))) * cos(6.283185307179586 * stream_uniform(s));
}

/* `classes` centres of length `apart` in random directions, unit noise around them. */
static Labelled
clouds(Arena *a, int64_t n, int64_t dim, int classes, double apart, uint64_t seed)
{
	float *x = arena_new_array(a, float, n *dim),
	      *centre = arena_new_array(a, float, classes *dim);
	int32_t *y = arena_new_array(a, int32_t, n);
	Stream   c = stream_open(0, "centres", 0, 0), s = stream_open(seed, "noise", 0, 0);
	for (int64_t i = 0; i < classes * dim; i++)
		centre[i] = (float)(apart * normal(&c) / sqrt((double)dim));
	for (int64_t i = 0; i < n; i++) {
		y[i] = (int32_t)stream_int(&s, 0, classes - 1);
		for (int64_t j = 0; j < dim; j++)
			x[i * dim + j] = centre[y[i] * dim + j] + (float)normal(&s);
	}
	return (Labelled){x, y, n, dim};
}

START_TEST(separable)
{
	Arena   *a = arena_new();
	Labelled train = clouds(a, 1500, 20, 4, 40, 1), test = clouds(a, 700, 20, 4, 40, 2);
	double   accuracy;
	ck_assert_int_eq(probe_accuracy(&train, &test, 4, &accuracy), OK);
	ck_assert_double_eq(accuracy, 1);
	ck_assert_int_eq(knn_accuracy(&train, &test, 5, 4, &accuracy), OK);
	ck_assert_double_eq(accuracy, 1);
	arena_free(a);
}
END_TEST

/* Two classes at distance 2 r along one axis, unit noise: no classifier beats Phi(r), and the
 * probe comes near. */
START_TEST(overlapping)
{
	Arena   *a = arena_new();
	int64_t  n[2] = {4000, 8000}, dim = 6;
	Labelled set[2];
	Stream   s = stream_open(5, "overlap", 0, 0);
	for (int k = 0; k < 2; k++) {
		float   *x = arena_new_array(a, float, n[k] * dim);
		int32_t *y = arena_new_array(a, int32_t, n[k]);
		for (int64_t i = 0; i < n[k]; i++) {
			y[i] = (int32_t)stream_int(&s, 0, 1);
			for (int64_t j = 0; j < dim - 1; j++)
				x[i * dim + j] =
					(float)(normal(&s) + (j == 2 ? 2 * y[i] - 1 : 0)) * 1000 +
					500000;
			x[i * dim + dim - 1] = 3; /* constant: takes no part */
		}
		set[k] = (Labelled){x, y, n[k], dim};
	}
	double accuracy;
	ck_assert_int_eq(probe_accuracy(&set[0], &set[1], 2, &accuracy), OK);
	ck_assert_double_eq_tol(accuracy, 0.8413, 0.013); /* Phi(1), three standard errors */
	arena_free(a);
}
END_TEST

START_TEST(same_for_any_threads)
{
	Arena   *a = arena_new();
	Labelled train = clouds(a, 2500, 33, 3, 2, 1), test = clouds(a, 900, 33, 3, 2, 2);
	double   probe[2], knn[2];
	for (int i = 0; i < 2; i++) {
		eval_threads(i ? 3 : 1);
		ck_assert_int_eq(probe_accuracy(&train, &test, 3, &probe[i]), OK);
		ck_assert_int_eq(knn_accuracy(&train, &test, 10, 3, &knn[i]), OK);
	}
	ck_assert_double_eq(probe[0], probe[1]);
	ck_assert_double_eq(knn[0], knn[1]);
	ck_assert(probe[0] > 0.5 && probe[0] < 0.99);
	ck_assert(knn[0] > 0.5 && knn[0] < 0.99);
	arena_free(a);
}
END_TEST

/* By hand: similarities 1, 0.8, 0.6 to rows of classes 0, 1, 1. exp(1/T) > exp(.8/T) +
 * exp(.6/T): class 0. */
START_TEST(votes)
{
	const float   x[] = {2, 0, 4, 3, 3, 4, 0, 0}, t[] = {7, 0, 0, 5};
	const int32_t y[] = {0, 1, 1, 2}, u[] = {0, 1};
	Labelled      train = {x, y, 4, 2}, test = {t, u, 2, 2};
	double        accuracy;
	ck_assert_int_eq(knn_accuracy(&train, &test, 3, 3, &accuracy), OK);
	ck_assert_double_eq(accuracy, 1); /* the second: 0, 0.6, 0.8 and a row of zeros */
	ck_assert_int_eq(knn_accuracy(&train, &test, 50, 3, &accuracy),
	                 OK); /* k beyond the training set: all of it */
	ck_assert_double_eq(accuracy, 1);
}
END_TEST

START_TEST(refusals)
{
	float         x[] = {1, 2, NAN, 4};
	const float   fine[] = {1, 2, 3, 4};
	const int32_t y[] = {0, 1}, far[] = {0, 2};
	Labelled      good = {fine, y, 2, 2}, bad = {x, y, 2, 2}, wide = {fine, far, 2, 2};
	double        accuracy;
	FILE         *f = fopen("/dev/null", "w");
	diag_sink(f);
	ck_assert_int_eq(knn_accuracy(&bad, &good, 1, 2, &accuracy), FAIL);
	ck_assert_int_eq(knn_accuracy(&good, &bad, 1, 2, &accuracy), FAIL);
	ck_assert_int_eq(probe_accuracy(&bad, &good, 2, &accuracy), FAIL);
	ck_assert_int_eq(probe_accuracy(&good, &bad, 2, &accuracy), FAIL);
	ck_assert_int_eq(probe_accuracy(&good, &wide, 2, &accuracy), FAIL);
	ck_assert_int_eq(knn_accuracy(&good, &good, 0, 2, &accuracy), FAIL);
	ck_assert_int_eq(probe_accuracy(&good, &good, 2, &accuracy),
	                 OK); /* two rows: nothing held out */
	diag_sink(NULL);
	diag_reset();
	fclose(f);
}
END_TEST

START_TEST(wilson)
{
	double lo, hi;
	accuracy_interval(0.8, 100, &lo, &hi); /* 80 of 100 */
	ck_assert_double_eq_tol(lo, 0.711170, 1e-5);
	ck_assert_double_eq_tol(hi, 0.866633, 1e-5);
	accuracy_interval(1, 10, &lo, &hi);
	ck_assert_double_eq_tol(lo, 0.722467, 1e-5);
	ck_assert_double_eq_tol(hi, 1, 1e-12);
	accuracy_interval(0, 10, &lo, &hi);
	ck_assert_double_eq_tol(lo, 0, 1e-12);
}
END_TEST

/* ---- the verb ------------------------------------------------------------------------------- */

/* 6 x 6 images, four patches of 3 x 3, a class token in front, width 5, two layers. Layer 0 is
 * all zeros, layer 1 the patches times w; the class token is a million, which would drown
 * everything if it were used. */
enum {
	LAYERS = 2,
	BATCH = 16,
	TOKENS = 5,
	WIDTH = 5,
	SIDE = 6,
	TRAIN_IMAGES = 400,
	TEST_IMAGES = 150,
	CLASSES = 3
};

static const char kernel_text[] = "#include <stdint.h>\n"
				  "typedef union { double f; int64_t i; uint64_t u; } Num;\n"
				  "void features(void *const *p, const Num *n)\n"
				  "{\n"
				  "\tconst float *image = p[0], *w = p[1];\n"
				  "\tfloat *out = p[2];\n"
				  "\t(void)n;\n"
				  "\tfor (int l = 0; l < 2; l++)\n"
				  "\t\tfor (int b = 0; b < 16; b++)\n"
				  "\t\t\tfor (int t = 0; t < 5; t++)\n"
				  "\t\t\t\tfor (int d = 0; d < 5; d++, out++) {\n"
				  "\t\t\t\t\t*out = t == 0 ? 1e6f : 0;\n"
				  "\t\t\t\t\tfor (int k = 0; l == 1 && t > 0 && k < 9; k++)\n"
				  "\t\t\t\t\t\t*out += w[d * 9 + k] * image[b * 36 + ((t - 1) / 2 "
				  "* 3 + k / 3) * 6 + (t - 1) % 2 * 3 + k % 3];\n"
				  "\t\t\t\t}\n"
				  "}\n";

static Arena *arena;
static char   run_folder[SCRATCH];
static char  *said;
static size_t said_bytes;
static FILE  *said_file;

static const char *
in_run(const char *name)
{
	return arena_printf(arena, "%s/%s", run_folder, name);
}

static void
write_program(void)
{
	static ProgSlab slab[] = {{"params", 256},
	                          {"act", 4096 + 4 * LAYERS * BATCH * TOKENS * WIDTH}};
	static Kernel   kernel[] = {{.name = "features", .file = "features.c"}};
	static Arg      arg[] = {
		     {.kind = ARG_pointer,
	              .slab = 1,
	              .access = ACCESS_read,
	              .extent = {4 * BATCH * SIDE * SIDE, 1, 0}},
		     {.kind = ARG_pointer, .access = ACCESS_read, .extent = {4 * WIDTH * 9, 1, 0}},
		     {.kind = ARG_pointer,
	              .slab = 1,
	              .offset = 4096,
	              .access = ACCESS_write,
	              .extent = {4 * LAYERS * BATCH * TOKENS * WIDTH, 1, 0},
	              .value = 1}};
	static ProgStep step[] = {{.kind = STEP_launch, .narg = 3, .arg = arg, .what = "forward"}};
	static Variable var[1];
	static Input    input[1];
	static OutputSpec output[1];
	static DrawSpec   draw[] = {{"m", "m", "block_mask", 2, 2, 2, 1, 2, 0.3, 3.3}};
	var[0] = (Variable){.name = "patch",
	                    .kind = VAR_param,
	                    .init = {.kind = INIT_normal, .std = 1, .scale = 1},
	                    .group = "rest"};
	var[0].type = (Type){DT_f32, 2, {{intern("D"), WIDTH}, {intern("P"), 9}}};
	input[0] = (Input){"image",
	                   {DT_f32,
	                    4,
	                    {{intern("B"), BATCH},
	                     {intern("C"), 1},
	                     {intern("Y"), SIDE},
	                     {intern("X"), SIDE}}},
	                   1,
	                   0};
	output[0] = (OutputSpec){"feature",
	                         {DT_f32,
	                          4,
	                          {{intern("L"), LAYERS},
	                           {intern("B"), BATCH},
	                           {intern("T"), TOKENS},
	                           {intern("D"), WIDTH}}},
	                         1,
	                         4096,
	                         1,
	                         0};
	Entry   entry[] = {{.name = "student.features",
	                    .ninput = 1,
	                    .noutput = 1,
	                    .nstep = 1,
	                    .input = input,
	                    .output = output,
	                    .step = step}};
	Program p = {.target = "cpu",
	             .nslab = 2,
	             .slab = slab,
	             .nkernel = 1,
	             .kernel = kernel,
	             .nentry = 1,
	             .entry = entry,
	             .needs = ""};
	p.recipe = (Recipe){.spec_name = "hand",
	                    .spec_hash = "0123456789abcdef0123456789abcdef",
	                    .nvar = 1,
	                    .var = var,
	                    .ndraw = 1,
	                    .draw = draw,
	                    .length_steps = 10,
	                    .seed = 3,
	                    .ranks = 1,
	                    .checkpoint_keep = 1,
	                    .stop = "",
	                    .layer_axis = intern("L")};
	p.recipe.data = (DataSpec){.source = "train",
	                           .input = "image",
	                           .batch = BATCH,
	                           .channels = 1,
	                           .height = SIDE,
	                           .width = SIDE,
	                           .ntransform = 1,
	                           .mean = {0.5},
	                           .std = {0.25},
	                           .shuffle = true,
	                           .drop_remainder = true};
	p.recipe.data.transform[0] = (Transform){
		.name = "resized_crop", .narg = 2, .arg = {0.5, 1}, .filter = "bicubic"};
	Text text = {0};
	arg[0].value = value_held(HELD_input, 0);
	arg[1].value = value_held(HELD_variable, 0);
	step[0].seal = step_seal(&p, &step[0]);
	program_print(&p, &text);
	ck_assert_int_eq(file_make_dirs(in_run("program/kernels")), OK);
	ck_assert_int_eq(file_write_atomic(in_run("program/program.d2p"), text.at, text.n), OK);
	ck_assert_int_eq(file_write_atomic(in_run("program/kernels/features.c"), kernel_text,
	                                   strlen(kernel_text)),
	                 OK);
	text_free(&text);
}

/* A bright patch whose place is the class, in noise. */
static void
write_images(const char *part, uint32_t n, uint64_t seed)
{
	Stream s = stream_open(seed, "images", 0, 0);
	gzFile images = gzopen(
		arena_printf(arena, "%s/data/%s-images-idx3-ubyte.gz", run_folder, part), "wb");
	gzFile labels = gzopen(
		arena_printf(arena, "%s/data/%s-labels-idx1-ubyte.gz", run_folder, part), "wb");
	gzwrite(images,
	        (uint8_t[]){0, 0, 8, 3, 0, 0, (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0, SIDE, 0, 0, 0,
	                    SIDE},
	        16);
	gzwrite(labels, (uint8_t[]){0, 0, 8, 1, 0, 0, (uint8_t)(n >> 8), (uint8_t)n}, 8);
	for (uint32_t i = 0; i < n; i++) {
		uint8_t px[SIDE * SIDE], class = (uint8_t)stream_int(&s, 0, CLASSES - 1);
		for (int k = 0; k < SIDE * SIDE; k++)
			px[k] = (uint8_t)(stream_int(&s, 0, 40) +
			                  (k / SIDE / 3 * 2 + k % SIDE / 3 == class ? 100 : 0));
		gzwrite(images, px, sizeof px);
		gzwrite(labels, &class, 1);
	}
	gzclose(images);
	gzclose(labels);
}

static void
run_make(void)
{
	arena = arena_new();
	scratch_folder(run_folder, "eval");
	said_file = open_memstream(&said, &said_bytes);
	diag_sink(said_file);
	write_program();
	static const char log_line[] = "{\"step\": 7, \"seconds\": 1, \"loss\": 0.5}\n";
	ck_assert_int_eq(file_write_atomic(in_run("log.jsonl"), log_line, sizeof log_line - 1), OK);
	ck_assert_int_eq(file_make_dirs(in_run("data")), OK);
	write_images("train", TRAIN_IMAGES, 1);
	write_images("t10k", TEST_IMAGES, 2);
}

static void
run_drop(void)
{
	diag_sink(NULL);
	diag_reset();
	fclose(said_file);
	free(said);
	ck_assert_int_eq(system(arena_printf(arena, "rm -r %s", run_folder)), 0);
	arena_free(arena);
}

static int
evaluate_with(const char *extra, const char *value)
{
	char *train = arena_printf(arena, "train=%s", in_run("data")),
	     *test = arena_printf(arena, "--data=test=%s", in_run("data"));
	char *argv[] = {run_folder,
	                "--data",
	                train,
	                test,
	                "--cache",
	                (char *)(uintptr_t)in_run("cache"),
	                (char *)(uintptr_t)extra,
	                (char *)(uintptr_t)value,
	                NULL};
	int   argc = 0, out = dup(STDOUT_FILENO);
	while (argv[argc])
		argc++;
	fflush(stdout);
	ck_assert_ptr_nonnull(freopen(in_run("table.txt"), "w", stdout));
	int code = verb_eval(argc, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	return code;
}

static double
value_of(const json_t *root, const char *encoder, const char *metric)
{
	size_t  i;
	json_t *row;
	json_array_foreach(json_object_get(root, "rows"), i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "encoder")), encoder) == 0 &&
		    strcmp(json_string_value(json_object_get(row, "metric")), metric) == 0) {
			double lo = json_number_value(json_object_get(row, "lo")),
			       v = json_number_value(json_object_get(row, "value"));
			ck_assert(lo <= v && v <= json_number_value(json_object_get(row, "hi")));
			return v;
		}
	}
	return -1;
}

static void
save_checkpoint(void)
{
	Exec *x;
	ck_assert_int_eq(exec_open(arena, in_run("program"), "cpu", in_run("cache"), &x), OK);
	x->p->recipe.seed = 8;
	ck_assert_int_eq(init_all(x, 8), OK);
	float w[WIDTH * 9] = {0}; /* "trained": the first column is the mean, the others nothing */
	for (int k = 0; k < 9; k++)
		w[k] = 1;
	ck_assert_int_eq(x->device->put(x->dev, 0, 0, w, sizeof w), OK);
	ck_assert_int_eq(checkpoint_save(x, run_folder, 7, 8, 1), OK);
	exec_close(x);
}

START_TEST(verb)
{
	json_error_t e;
	ck_assert_int_eq(evaluate_with("--layer", "1"), EXIT_USER); /* no checkpoint yet */
	save_checkpoint();
	fflush(said_file);
	int code = evaluate_with(NULL, NULL);
	fflush(said_file);
	ck_assert_msg(code == EXIT_OK, "exit code %d: %s", code, said);
	json_t *root = json_load_file(in_run("eval.json"), 0, &e);
	ck_assert_ptr_nonnull(root);
	ck_assert_int_eq(json_integer_value(json_object_get(root, "step")), 7);
	ck_assert_int_eq(json_integer_value(json_object_get(root, "layer")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(root, "train_images")), TRAIN_IMAGES);
	ck_assert_int_eq(json_array_size(json_object_get(root, "rows")), 2 + 3 + 3);
	ck_assert_double_eq(value_of(root, "raw pixels", "linear probe, pixels"), 1);
	ck_assert_double_eq(value_of(root, "pre-trained student", "linear probe, all patches"), 1);
	/* The mean over the patches of a linear map has forgotten which patch was bright. */
	ck_assert_double_lt(value_of(root, "pre-trained student", "linear probe, mean of patches"),
	                    0.6);
	ck_assert_double_gt(value_of(root, "untrained", "linear probe, all patches"), 0.9);
	json_decref(root);
	ck_assert(file_exists(in_run("report.html")));
	ck_assert_int_eq(evaluate_with("--layer", "0"), EXIT_OK);
	root = json_load_file(in_run("eval.json"), 0, &e);
	ck_assert_double_lt(value_of(root, "pre-trained student", "linear probe, all patches"),
	                    0.6);
	json_decref(root);
	char  *text;
	size_t n;
	ck_assert_int_eq(file_read(in_run("table.txt"), &text, &n), OK);
	ck_assert_ptr_nonnull(
		strstr(text, "raw pixels              -                       100.00 ("));
	free(text);
}
END_TEST

START_TEST(verb_refusals)
{
	save_checkpoint();
	static const struct {
		const char *option, *value;
		int         code;
	} cases[] = {{"--layer", "2", EXIT_USER},       {"--model", "teacher", EXIT_USER},
	             {"--model", "best", EXIT_USAGE},   {"--k", "0", EXIT_USAGE},
	             {"--data", "train=x", EXIT_USAGE}, {"--data", "val=x", EXIT_USAGE},
	             {"--data", NULL, EXIT_USAGE},      {"--kk", "1", EXIT_USAGE}};
	for (int i = 0; i < COUNT(cases); i++)
		ck_assert_msg(evaluate_with(cases[i].option, cases[i].value) == cases[i].code, "%s",
		              cases[i].option);
	ck_assert_int_eq(unlink(in_run("data/t10k-labels-idx1-ubyte.gz")), 0);
	ck_assert_int_eq(evaluate_with(NULL, NULL), EXIT_USER);
	fflush(said_file);
	ck_assert_ptr_nonnull(strstr(said, "has no labels"));
}
END_TEST

Suite *
suite_eval_runtime(void)
{
	Suite *s = suite_create("eval_runtime");
	TCase *t = tcase_create("eval_runtime");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, separable);
	tcase_add_test(t, overlapping);
	tcase_add_test(t, same_for_any_threads);
	tcase_add_test(t, votes);
	tcase_add_test(t, refusals);
	tcase_add_test(t, wilson);
	suite_add_tcase(s, t);
	TCase *v = tcase_create("verb");
	tcase_set_timeout(v, 60);
	tcase_add_checked_fixture(v, run_make, run_drop);
	tcase_add_test(v, verb);
	tcase_add_test(v, verb_refusals);
	suite_add_tcase(s, v);
	return s;
}
