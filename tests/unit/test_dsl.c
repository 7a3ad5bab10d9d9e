/* dsl: the front end on the tracked recipes. The tiny model's loss, prediction, targets and block
 * output are recorded values of the original model (data2vec-vision.md, appendix), so the whole way
 * from text to graph is held against numbers that this project did not make. */
#include "compiler/pass/pass.h"
#include "dsl/dsl.h"
#include "runtime/runtime.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const models[] = {"models/lib/vit.d2v",   "models/vit_base.d2v",
                                     "models/vit_large.d2v", "models/fashion.d2v",
                                     "models/tiny/vit.d2v",  "models/tiny/dropout.d2v"};

static Spec *
compile(Arena *a, const char *path, const Override *set, int nset)
{
	Spec *s = NULL;
	diag_reset();
	ck_assert_msg(dsl_compile(a, path, set, nset, &s) == OK, "%s does not compile", path);
	return s;
}

static void
done(Arena *a, Spec *s)
{
	text_free(&s->summary);
	arena_free(a);
}

static int64_t
parameters(const Spec *s)
{
	int64_t n = 0;
	for (int i = 0; i < s->recipe.nvar; i++)
		if (s->recipe.var[i].kind == VAR_param)
			n += type_elems(&s->recipe.var[i].type);
	return n;
}

START_TEST(test_format)
{
	char  *text;
	size_t n;
	Text   once = {0}, twice = {0};
	ck_assert_int_eq(file_read(models[_i], &text, &n), OK);
	ck_assert_int_eq(dsl_format(models[_i], text, &once), OK);
	ck_assert_int_eq(dsl_format(models[_i], once.at, &twice), OK);
	ck_assert_str_eq(once.at, twice.at);
	ck_assert_msg(!strcmp(text, once.at), "%s is not formatted", models[_i]);
	text_free(&once);
	text_free(&twice);
	free(text);
}
END_TEST

START_TEST(test_format_messy)
{
	static const char *const messy = "// head\n\n\n\nmodule  Norm[ W ]{ // a norm\nparam "
					 "gain:[W]=1 ;   // ones\n  param bias : [W]=0; // zeros\n"
					 "fn call( x:[..,W] )->[.., W]=standardise(x over "
					 "W,eps=1e-6)\n*gain - -bias ;\n// last\n}\n// tail";
	static const char *const neat =
		"// head\n\nmodule Norm[W] {         // a norm\n  param gain : [W] = 1;  // ones\n "
		" param bias : [W] = 0;  // zeros\n"
		"  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6)\n    * gain "
		"- -bias;\n  // last\n}\n// tail\n";
	Text t = {0};
	ck_assert_int_eq(dsl_format("messy.d2v", messy, &t), OK);
	ck_assert_str_eq(t.at, neat);
	text_free(&t);
}
END_TEST

/* Every example of the reference parses, and stands there as `d2v fmt` would write it. */
START_TEST(test_grammar_examples)
{
	char  *text;
	size_t n;
	int    found = 0;
	ck_assert_int_eq(file_read("dsl/GRAMMAR.md", &text, &n), OK);
	for (char *p = strstr(text, "```d2v\n"), *end; p; p = strstr(end, "```d2v\n")) {
		Text t = {0};
		p += 7;
		end = strstr(p, "```");
		ck_assert_ptr_nonnull(end);
		*end++ = 0;
		diag_reset();
		ck_assert_msg(dsl_format("GRAMMAR.md", p, &t) == OK,
		              "an example does not parse:\n%s", p);
		ck_assert_str_eq(t.at, p);
		text_free(&t);
		found++;
	}
	ck_assert_int_ge(found, 8);
	free(text);
}
END_TEST

START_TEST(test_counts)
{
	static const struct {
		const char *path;
		int64_t     count;
	} want[] = {{"models/vit_base.d2v", 86256720},
	            {"models/vit_large.d2v", 304186816},
	            {"models/tiny/vit.d2v", 8920}};
	Arena *a = arena_new();
	Spec  *s = compile(a, want[_i].path, NULL, 0);
	ck_assert_int_eq(parameters(s), want[_i].count);
	ck_assert_int_eq(graph_verify(s->train, "lower", false), OK);
	for (int i = 0; i < s->nfeature; i++)
		ck_assert_int_eq(graph_verify(s->feature[i], "lower", false), OK);
	done(a, s);
}
END_TEST

/* Published parameter groups (data2vec-vision.md 5.2): 137 tensors without decay; the others are 52
 * there and 76 here, where q, k and v are three. */
START_TEST(test_groups)
{
	Arena *a = arena_new();
	Spec  *s = compile(a, "models/vit_base.d2v", NULL, 0);
	int    plain = 0, other = 0;
	for (int i = 0; i < s->train->training.nupdate; i++) {
		const Update *u = &s->train->training.update[i];
		*(!strcmp(u->group, "plain") ? &plain : &other) += 1;
		ck_assert_str_eq(u->param, s->recipe.var[i].name);
		if (!strcmp(u->param, "hole"))
			ck_assert_ptr_null(u->average);
		if (!strcmp(u->param, "hole") || !strcmp(u->param, "offset"))
			ck_assert_str_eq(u->group, "default");
		if (!strcmp(u->param, "cls") || !strcmp(u->param, "block[3].attend.qb"))
			ck_assert_str_eq(u->group, "plain");
	}
	ck_assert_int_eq(plain, 137);
	ck_assert_int_eq(other, 76);
	ck_assert_int_eq(s->recipe.nname, 189);
	done(a, s);
}
END_TEST

static double
host(const Spec *s, const char *output, double step, double spe, double steps)
{
	const Binding b[] = {{"step", step}, {"spe", spe}, {"steps", steps}, {"seed", 0}};
	double        x = NAN;
	for (int i = 0; i < s->train->nout; i++) {
		const Node *n = &s->train->node[s->train->out[i].val];
		if (!strcmp(s->train->out[i].name, output))
			ck_assert_int_eq(expr_eval(n->attr.name, b, COUNT(b), &x), OK);
	}
	return x;
}

/* data2vec-vision.md 5.3: check values of the published schedule. */
START_TEST(test_schedule)
{
	Arena *a = arena_new();
	Spec  *s = compile(a, "models/vit_base.d2v", NULL, 0);
	ck_assert_double_eq(host(s, "lr", 0, 625, 500000), 0);
	ck_assert_double_eq_tol(host(s, "lr", 1, 625, 500000), 3.200512e-7, 1e-13);
	ck_assert_double_eq_tol(host(s, "lr", 1000, 625, 500000), 3.200512e-4, 1e-10);
	ck_assert_double_eq_tol(host(s, "lr", 6249, 625, 500000), 2e-3, 1e-15);
	ck_assert_double_eq_tol(host(s, "lr", 6250, 625, 500000), 2e-3, 1e-15);
	ck_assert_double_eq_tol(host(s, "lr", 100000, 625, 500000), 1.8281675e-3, 1e-10);
	ck_assert_double_eq_tol(host(s, "lr", 499999, 625, 500000), 1.0000000020e-5, 1e-14);
	done(a, s);
	/* A warm-up of one step or none divides by nothing. */
	a = arena_new();
	s = compile(a, "models/vit_base.d2v", (Override[]){{"warm", "1 steps"}}, 1);
	ck_assert_double_eq(host(s, "lr", 0, 625, 500000), 0);
	ck_assert_double_eq_tol(host(s, "lr", 1, 625, 500000), 2e-3, 1e-15);
	done(a, s);
	a = arena_new();
	s = compile(a, "models/fashion.d2v", NULL, 0);
	ck_assert_double_eq_tol(host(s, "ema_decay", 0, 468, 9360), 0.99, 1e-15);
	ck_assert_double_eq_tol(host(s, "ema_decay", 4680, 468, 9360), 0.9945, 1e-12);
	ck_assert_double_eq_tol(host(s, "ema_decay", 9360, 468, 9360), 0.999, 1e-12);
	done(a, s);
}
END_TEST

START_TEST(test_order)
{
	Arena                   *a = arena_new();
	Spec                    *s = compile(a, "models/vit_base.d2v", NULL, 0);
	VarKind                  last = VAR_param;
	int                      count[4] = {0};
	static const char *const outputs[] = {"loss", "lr", "ema_decay", "target_std", "masked"};
	for (int i = 0; i < s->recipe.nvar; i++) {
		const Variable *v = &s->recipe.var[i];
		ck_assert_int_ge(v->kind, last);
		last = v->kind;
		count[v->kind]++;
		if (v->kind == VAR_average) {
			ck_assert_int_eq(v->init.kind, INIT_copy);
			ck_assert_str_eq(v->init.of, v->of);
		}
	}
	ck_assert_int_eq(count[VAR_param], 213);
	ck_assert_int_eq(count[VAR_average], 208); /* not hole, last, head */
	ck_assert_int_eq(count[VAR_moment1], 213);
	ck_assert_int_eq(count[VAR_moment2], 213);
	ck_assert_int_eq(s->train->nout, COUNT(outputs));
	for (int i = 0; i < COUNT(outputs); i++)
		ck_assert_str_eq(s->train->out[i].name, outputs[i]);
	ck_assert_str_eq(s->recipe.layer_axis, "L");
	ck_assert_str_eq(s->recipe.stop, "!finite(loss) || target_std < 0.01");
	ck_assert_int_eq(s->train->matmul, DT_bf16);
	ck_assert_int_eq(s->train->matmul_average, DT_bf16);
	ck_assert_str_eq(s->train->batch_axis, "B");
	ck_assert_int_eq(dsl_expect(s, &(PlanFacts){.memory_per_rank = 79.0 * 1073741824}), OK);
	FILE *quiet = fopen("/dev/null", "w");
	diag_sink(quiet);
	ck_assert_int_eq(dsl_expect(s, &(PlanFacts){.memory_per_rank = 81.0 * 1073741824}), FAIL);
	diag_sink(NULL);
	fclose(quiet);
	done(a, s);
}
END_TEST

START_TEST(test_precision)
{
	for (int i = 0; i < COUNT(models); i++) {
		if (!i)
			continue; /* a library */
		Arena *a = arena_new();
		Spec  *s = compile(a, models[i], (Override[]){{"precision", "bf16"}}, 1);
		ck_assert_int_eq(s->train->matmul, DT_bf16);
		done(a, s);
		a = arena_new();
		s = compile(a, models[i], (Override[]){{"precision", "f32"}}, 1);
		ck_assert_int_eq(s->train->matmul, DT_f32);
		done(a, s);
	}
}
END_TEST

static int
in_bf16(const Graph *g)
{
	int n = 0;
	for (int i = 0; i < g->n; i++)
		n += g->node[i].type.dtype == DT_bf16;
	return n;
}

/* `keep_f32 = [.., targets]`: the teacher rounds nothing, neither in training nor when its features
 * are looked at. */
START_TEST(test_targets)
{
	static const char was[] = "norms, loss]", include[] = "include \"";
	char              path[] = "/tmp/d2v-targets-XXXXXX.d2v", here[2048], *text;
	size_t            n;
	Text              t = {0};
	Arena            *a = arena_new();
	ck_assert_int_eq(file_read("models/fashion.d2v", &text, &n), OK);
	ck_assert_ptr_nonnull(getcwd(here, sizeof here));
	for (const char *c = text; *c;) {
		size_t at = strncmp(c, was, sizeof was - 1) ? 0 : sizeof was - 1;
		if (at) {
			text_printf(&t, "norms, loss, targets]");
		} else if (!strncmp(c, include, at = sizeof include - 1)) {
			text_printf(&t, "%s%s/models/", include, here);
		} else {
			text_append(&t, c, at = 1);
		}
		c += at;
	}
	int fd = mkstemps(path, 4);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(file_write_atomic(path, t.at, t.n), OK);
	Spec *s = compile(a, path, (Override[]){{"precision", "bf16"}}, 1);
	unlink(path);
	ck_assert_int_eq(s->train->matmul, DT_bf16);
	ck_assert_int_eq(s->train->matmul_average, DT_f32);
	ck_assert_int_eq(s->nfeature, 2);
	for (int i = 0; i < s->nfeature; i++) {
		bool teacher = !strcmp(s->feature[i]->name, "teacher.features");
		ck_assert_int_eq(pass_run(s->feature[i], "attend,cast", NULL, NULL), OK);
		ck_assert_msg((in_bf16(s->feature[i]) == 0) == teacher, "%s: %d values in bf16",
		              s->feature[i]->name, in_bf16(s->feature[i]));
	}
	text_free(&t);
	free(text);
	done(a, s);
}
END_TEST

/* ---- the recorded values -------------------------------------------------------------------- */

static const Variable *
variable(const Spec *s, const char *name)
{
	for (int i = 0; i < s->recipe.nvar; i++)
		if (!strcmp(s->recipe.var[i].name, name))
			return &s->recipe.var[i];
	return NULL;
}

/* The published names in the order of the state dict. */
static int
published(char name[][64])
{
	static const char *const head[] = {"cls_token", "mask_token", "patch_embed.proj.weight",
	                                   "patch_embed.proj.bias",
	                                   "rel_pos_bias.relative_position_bias_table"};
	static const char *const block[] = {"gamma_1",         "gamma_2",          "norm1.weight",
	                                    "norm1.bias",      "attn.q_bias",      "attn.v_bias",
	                                    "attn.qkv.weight", "attn.proj.weight", "attn.proj.bias",
	                                    "norm2.weight",    "norm2.bias",       "mlp.fc1.weight",
	                                    "mlp.fc1.bias",    "mlp.fc2.weight",   "mlp.fc2.bias"};
	static const char *const tail[] = {"norm.weight", "norm.bias", "lm_head.weight",
	                                   "lm_head.bias"};
	int                      n = 0;
	for (int i = 0; i < COUNT(head); i++)
		snprintf(name[n++], 64, "%s", head[i]);
	for (int l = 0; l < 3; l++)
		for (int i = 0; i < COUNT(block); i++)
			snprintf(name[n++], 64, "blocks.%d.%s", l, block[i]);
	for (int i = 0; i < COUNT(tail); i++)
		snprintf(name[n++], 64, "%s", tail[i]);
	return n;
}

static const NameMap *
name_map(const Spec *s, const char *foreign)
{
	for (int i = 0; i < s->recipe.nname; i++)
		if (!strcmp(s->recipe.name[i].foreign, foreign))
			return &s->recipe.name[i];
	ck_abort_msg("no published name %s", foreign);
}

/* The t-th tensor, element i: 0.2 sin(0.7 i + 1.3 t + phase), plus 1 for norm weights. */
static int
feeds(Arena *a, const Spec *s, Feed *feed)
{
	char name[64][64];
	int  n = published(name), k = 0;
	for (int t = 0; t < n; t++) {
		const NameMap *m = name_map(s, name[t]);
		bool           gain = strstr(name[t], "norm") && strstr(name[t], ".weight");
		for (int teacher = 0; teacher < 2; teacher++) {
			int64_t at = 0;
			for (int i = 0; i < m->nvar; i++) {
				const char *path =
					teacher ? arena_printf(a, "teacher.%s", m->var[i])
						: m->var[i];
				const Variable *v = variable(s, m->var[i]);
				Tensor          x = tensor_new(a, &v->type);
				for (int64_t e = 0; e < type_elems(&v->type); e++)
					x.at[e] = 0.2 * sin(0.7 * (double)at++ + 1.3 * t +
					                    0.5 * teacher) +
					          gain;
				feed[k++] = (Feed){intern(path), x};
			}
		}
	}
	return k;
}

static void
near_row(const double *have, const double *want, int n)
{
	for (int i = 0; i < n; i++)
		ck_assert_double_eq_tol(have[i], want[i],
		                        3e-6); /* recorded from f32 arithmetic, six decimals */
}

static Tensor
ordered(Arena *a, Tensor t, const char *const *axes)
{
	Type order = {.dtype = t.type.dtype, .rank = t.type.rank};
	for (int i = 0; i < order.rank; i++)
		order.axis[i] = t.type.axis[type_find(&t.type, intern(axes[i]))];
	return tensor_reorder(a, t, &order);
}

static const char *const batch_first[] = {"B", "N", "D"};

START_TEST(test_recorded)
{
	static const double pred0[] = {-0.575239, -0.283750, 0.133106, 0.486241,
	                               0.617038,  0.468600,  0.110436, -0.294096};
	static const double pred4[] = {-0.583474, -0.291074, 0.129981, 0.488717,
	                               0.624004,  0.476929,  0.116389, -0.293191};
	static const double target0[] = {-1.937310, 0.698143, -0.614333, 0.312167,
	                                 0.694906,  0.068991, 1.505552,  -0.728117};
	static const double target4[] = {0.917319, -1.801071, 0.895865,  -0.911199,
	                                 0.254714, 0.306595,  -0.847428, 1.185207};
	static const int    mask[] = {0, 1, 1, 0, 1, 1, 0, 1};
	Arena              *a = arena_new();
	Spec               *s = compile(a, "models/tiny/vit.d2v", NULL, 0);
	Graph              *g = s->train;
	Feed                feed[256];
	int                 n = feeds(a, s, feed);
	for (Val v = 0; v < g->n; v++) {
		if (g->node[v].op != OP_input && g->node[v].op != OP_host)
			continue;
		Tensor x = tensor_new(a, &g->node[v].type);
		for (int64_t i = 0; i < type_elems(&x.type); i++)
			x.at[i] = !strcmp(g->node[v].attr.name, "m") ? mask[i]
			                                             : sin(0.01 * (double)i);
		feed[n++] = (Feed){g->node[v].attr.name, x};
	}
	Tensor *value = arena_new_array(a, Tensor, g->n);
	ck_assert_int_eq(eval_graph(a, g, feed, n, value), OK);
	ck_assert_double_eq_tol(value[g->training.loss].at[0], 0.276137, 6e-7);
	int found = 0;
	for (Val v = 0; v < g->n; v++) {
		if (g->node[v].op != OP_smooth_l1)
			continue;
		const Node *sub = &g->node[g->node[v].in[0]];
		ck_assert_int_eq(sub->op, OP_sub);
		Tensor p = ordered(a, value[sub->in[0]], batch_first),
		       y = ordered(a, value[sub->in[1]], batch_first);
		near_row(p.at + 8 * 1, pred0, 8); /* image 0, patch 1; rows count masked patches */
		near_row(p.at + 8 * 7, pred4, 8); /* image 1, patch 3 */
		near_row(y.at + 8 * 1, target0, 8);
		near_row(y.at + 8 * 7, target4, 8);
		found++;
	}
	ck_assert_int_eq(found, 1);
	done(a, s);
}
END_TEST

START_TEST(test_recorded_feature)
{
	static const double block2[] = {-0.609310, -0.051110, -0.159414, -0.110374,
	                                0.133552,  -0.135872, 0.359456,  -0.291507};
	Arena              *a = arena_new();
	Spec               *s = compile(a, "models/tiny/vit.d2v", NULL, 0);
	Feed                feed[256];
	int                 n = feeds(a, s, feed);
	Graph              *g = NULL;
	for (int i = 0; i < s->nfeature; i++)
		if (!strcmp(s->feature[i]->name, "teacher.features"))
			g = s->feature[i];
	ck_assert_ptr_nonnull(g);
	for (Val v = 0; v < g->n; v++) {
		if (g->node[v].op != OP_input)
			continue;
		Tensor x = tensor_new(a, &g->node[v].type);
		for (int64_t i = 0; i < type_elems(&x.type); i++)
			x.at[i] = sin(0.01 * (double)i);
		feed[n++] = (Feed){g->node[v].attr.name, x};
	}
	Tensor *value = arena_new_array(a, Tensor, g->n);
	ck_assert_int_eq(eval_graph(a, g, feed, n, value), OK);
	ck_assert_str_eq(g->out[0].name, "feature");
	Tensor f = value[g->out[0].val];
	ck_assert_str_eq(f.type.axis[0].name, "L");
	near_row(f.at + 2 * 2 * 4 * 8, block2, 8); /* [L, B, N, D]: block 2, image 0, patch 0 */
	done(a, s);
}
END_TEST

/* Draws have sites named after their paths; the teacher and features never draw. */
START_TEST(test_draws)
{
	Arena *a = arena_new();
	Spec  *s = compile(a, "models/tiny/dropout.d2v", NULL, 0);
	int    n = 0;
	for (Val v = 0; v < s->train->n; v++) {
		const Node *d = &s->train->node[v];
		if (d->op != OP_uniform)
			continue;
		n++;
		ck_assert_msg(!strncmp(d->attr.name, "student.block[", 14), "%s", d->attr.name);
		ck_assert_str_eq(d->type.axis[0].name, "B");
		ck_assert_int_eq(d->type.rank, strstr(d->attr.name, "drop_path") ? 1 : 4);
		for (Val w = 0; w < v; w++)
			if (s->train->node[w].op == OP_uniform)
				ck_assert_str_ne(s->train->node[w].attr.name, d->attr.name);
	}
	ck_assert_int_eq(n, 3 + 2 * 2); /* block 0 has rate 0 and so no drop path */
	for (int i = 0; i < s->nfeature; i++)
		for (Val v = 0; v < s->feature[i]->n; v++)
			ck_assert_int_ne(s->feature[i]->node[v].op, OP_uniform);
	done(a, s);
}
END_TEST

Suite *suite_dsl(void);

Suite *
suite_dsl(void)
{
	Suite *s = suite_create("dsl");
	TCase *t = tcase_create("dsl");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, test_format, 0, COUNT(models));
	tcase_add_test(t, test_format_messy);
	tcase_add_test(t, test_grammar_examples);
	tcase_add_loop_test(t, test_counts, 0, 3);
	tcase_add_test(t, test_groups);
	tcase_add_test(t, test_schedule);
	tcase_add_test(t, test_order);
	tcase_add_test(t, test_precision);
	tcase_add_test(t, test_targets);
	tcase_add_test(t, test_recorded);
	tcase_add_test(t, test_recorded_feature);
	tcase_add_test(t, test_draws);
	suite_add_tcase(s, t);
	return s;
}
