/* The host's side of the cuda device over tests/support/fake_cuda*.c: memory to the byte, order of
 * copies and steps, one graph for each entry, results that do not stall, choices kept on disk,
 * biases. What kernels calculate is not tested here; what can be wrong is test_cuda_wrong.c's. */
#include "compiler/base/cache.h"
#include "tests/unit/cuda_trial.h"

#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_cuda(void);

enum { STEPS = 12 };

static int
count(const char *word)
{
	int    n = 0;
	size_t length = strlen(word);
	for (const char *at = gpu->log; (at = strstr(at, word)); at += length)
		n += (at == gpu->log || at[-1] == ' ') && at[length] == ' ';
	return n;
}

START_TEST(memory)
{
	Made   *m = made(N);
	Dev    *dev;
	char    word[64];
	int32_t table[4];
	ck_assert(open_it(m, &dev) == OK);
	/* Each slab once, to the byte, and cleared. */
	for (int i = 0; i < 3; i++) {
		snprintf(word, sizeof word, "alloc:%lld", (long long)m->slab[i].bytes);
		ck_assert_msg(count(word) == 1, "%s: %d times", word, count(word));
	}
	ck_assert(cuda->allocated(dev) == m->slab[0].bytes + m->slab[1].bytes + m->slab[2].bytes);
	ck_assert(cuda->workspace(dev) > 0);
	ck_assert(gpu->used >= cuda->allocated(dev) + cuda->workspace(dev));
	ck_assert(gpu->used <= cuda->allocated(dev) + cuda->workspace(dev) + 1024);
	char *all = malloc((size_t)m->slab[0].bytes);
	ck_assert(cuda->get(dev, SLAB_params, 0, all, m->slab[0].bytes) == OK);
	for (int64_t i = 0; i < m->slab[0].bytes; i++)
		ck_assert(all[i] == 0);
	free(all);
	ck_assert(cuda->get(dev, SLAB_act, TABLE, table, sizeof table) == OK);
	ck_assert(memcmp(table, m->numbers, sizeof table) == 0);
	cuda->close(dev);
}
END_TEST

/* The inputs of every step are different and results are taken a step late, as training does: with
 * lazy streams a slot that is written too early, or a copy that does not wait, gives other sums. */
START_TEST(ahead)
{
	Made *m = made(N);
	Dev  *dev;
	float y[N], sum = 0, due = 0;
	ck_assert(open_it(m, &dev) == OK);
	for (int i = 0; i < STEPS; i++) {
		void *to;
		ck_assert(cuda->stage(dev, SLAB_act, X, sizeof(float) * N, &to) == OK &&
		          to != NULL);
		for (int k = 0; k < N; k++)
			((float *)to)[k] = (float)(i * i + k);
		ck_assert(cuda->run(dev, &m->entry[0]) == OK);
		ck_assert(cuda->ask(dev, SLAB_params, Y, sizeof(float)) == OK);
		float before = sum;
		sum += 0.5f * (float)(i * i);
		if (i > 0) {
			ck_assert(cuda->take(dev, &due) == OK);
			ck_assert_msg(due == before, "after step %d: %g, not %g", i, due, before);
		}
	}
	ck_assert(cuda->take(dev, &due) == OK && due == sum);
	ck_assert(cuda->get(dev, SLAB_params, Y, y, sizeof y) == OK);
	for (int k = 0; k < N; k++)
		ck_assert(y[k] == sum + 0.5f * (float)(STEPS * k));
	ck_assert(gpu->instantiated == 1 && gpu->launched == STEPS);
	ck_assert(gpu->captured == 4); /* the bias, the kernel, two gemms */
	ck_assert(count("k_axpy") == STEPS && count("gemm") == 2 * STEPS);
	cuda->close(dev);
}
END_TEST

/* One after the other on a thread each, as parameters are put at the start: none of them opened the
 * device, and none has a context of its own. */
typedef struct {
	Dev  *dev;
	Made *made;
	float y;
} Visit;

static void *
visit_put(void *arg)
{
	Visit *v = arg;
	float  x[N];
	for (int k = 0; k < N; k++)
		x[k] = (float)k;
	/* twice: the second finds the first one's slot on its way */
	for (int i = 0; i < 2; i++)
		if (cuda->put(v->dev, SLAB_act, X, x, sizeof x) != OK ||
		    cuda->get(v->dev, SLAB_act, X, x, sizeof x) != OK)
			return "put and get";
	return NULL;
}

static void *
visit_run(void *arg)
{
	Visit *v = arg;
	double seconds[8] = {0};
	return cuda->run(v->dev, &v->made->entry[0]) != OK                ? "run"
	       : cuda->profile(v->dev, &v->made->entry[0], seconds) != OK ? "profile"
	                                                                  : NULL;
}

static void *
visit_ask(void *arg)
{
	Visit *v = arg;
	return cuda->ask(v->dev, SLAB_act, X, sizeof(float)) != OK ? "ask" : NULL;
}

static void *
visit_take(void *arg)
{
	Visit *v = arg;
	return cuda->take(v->dev, &v->y) != OK ? "take" : NULL;
}

START_TEST(threads)
{
	static void *(*const visit[])(void *) = {visit_put, visit_run, visit_ask, visit_take};
	Visit     v = {.made = made(N), .y = -1};
	pthread_t thread;
	void     *failed_at;
	ck_assert(open_it(v.made, &v.dev) == OK);
	ck_assert(v.made->entry[0].nstep <= 8);
	for (int i = 0; i < COUNT(visit); i++) {
		ck_assert(pthread_create(&thread, NULL, visit[i], &v) == 0);
		ck_assert(pthread_join(thread, &failed_at) == 0);
		ck_assert_msg(failed_at == NULL, "%s: %s", (char *)failed_at, said);
	}
	ck_assert(v.y == 0);
	cuda->close(v.dev);
}
END_TEST

/* Small puts between runs take effect in order; one larger than a slot goes its own way, in order
 * too. */
START_TEST(order)
{
	Made   *m = made(100000);
	Dev    *dev;
	int64_t bytes = 4 * 100000;
	float  *big = calloc(100000, sizeof *big), one = 1, two = 2, got[2];
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(cuda->put(dev, SLAB_params, Y, &one, 4) == OK);
	ck_assert(cuda->put(dev, SLAB_params, Y, &two, 4) == OK);
	ck_assert(cuda->put(dev, SLAB_params, Y + 4, &one, 4) == OK);
	ck_assert(cuda->get(dev, SLAB_params, Y, got, 8) == OK);
	ck_assert(got[0] == 2 && got[1] == 1);
	for (int i = 0; i < 5; i++) { /* each fills a slot */
		big[0] = (float)i;
		ck_assert(cuda->put(dev, SLAB_act, X, big, bytes) == OK);
	}
	big[0] = 8;
	ck_assert(cuda->put(dev, SLAB_params, Y, &one, 4) == OK);
	ck_assert(cuda->run(dev, &m->entry[0]) == OK);
	ck_assert(cuda->get(dev, SLAB_params, Y, got, 4) == OK);
	ck_assert_msg(got[0] == 1 + 0.5f * 4, "%g", got[0]);
	m->slab[SLAB_params].bytes += 0;
	ck_assert(cuda->put(dev, SLAB_params, 0, big, bytes) == OK);
	ck_assert(cuda->get(dev, SLAB_params, 0, got, 4) == OK && got[0] == 8);
	free(big);
	cuda->close(dev);
}
END_TEST

/* Starting values: drawn into pinned memory, zeros and copies without the host. Twice, as a step that
 * went wrong starts over. */
START_TEST(starting)
{
	enum { EACH = 400 };
	Made    *m = made(N);
	Variable v[4] = {
		{.name = "w", .init = {.kind = INIT_trunc_normal, .std = 1, .cut = 1, .scale = 1}},
		{.name = "one", .init = {.kind = INIT_const, .value = 1}},
		{.name = "zero", .init = {.kind = INIT_const}},
		{.name = "teacher.w", .init = {.kind = INIT_copy, .of = "w"}}};
	Exec  x = {.p = &m->p, .device = cuda};
	float got[4 * EACH], want[EACH], junk[4 * EACH];
	for (int i = 0; i < 4; i++) {
		v[i].type = (Type){DT_f32, 1, {{"N", EACH}}};
		v[i].slab = i < 2 ? SLAB_params : SLAB_act;
		v[i].offset = X + 4 * EACH * (i % 2);
	}
	m->p.recipe.nvar = 4;
	m->p.recipe.var = v;
	memset(junk, 0x7f, sizeof junk);
	ck_assert(open_it(m, &x.dev) == OK);
	ck_assert(init_variable(&m->p.recipe, &v[0], 3, want) == OK);
	for (int round = 0; round < 2; round++) {
		gpu->log[0] = 0;
		ck_assert(cuda->put(x.dev, SLAB_params, X, junk, 8 * EACH) == OK);
		ck_assert(cuda->put(x.dev, SLAB_act, X, junk, 8 * EACH) == OK);
		ck_assert(init_all(&x, 3) == OK);
		for (int i = 0; i < 4; i++)
			ck_assert(cuda->get(x.dev, v[i].slab, v[i].offset, got + EACH * i,
			                    4 * EACH) == OK);
		ck_assert(memcmp(got, want, sizeof want) == 0);
		for (int i = 0; i < EACH; i++)
			ck_assert(got[EACH + i] == 1 && got[2 * EACH + i] == 0);
		ck_assert(memcmp(got + 3 * EACH, want, sizeof want) == 0);
	}
	exec_close(&x);
}
END_TEST

START_TEST(profiles)
{
	Made  *m = made(N);
	Dev   *dev;
	double seconds[3] = {0};
	gpu->eager = true;
	ck_assert(open_it(m, &dev) == OK);
	for (int i = 0; i < 2; i++)
		ck_assert(cuda->profile(dev, &m->entry[0], seconds) == OK);
	/* 5 us the kernel and 5 the biases before it, 10 the gemms with the best code. */
	for (int i = 0; i < 3; i++)
		ck_assert_msg(fabs(seconds[i] - 20e-6) < 1e-9, "step %d: %g s", i, seconds[i]);
	ck_assert(gpu->launched == 0);
	cuda->close(dev);
}
END_TEST

START_TEST(biases)
{
	Made    *m = made(N);
	Dev     *dev;
	float    bias[2] = {1.00390625f, -3.0f}, c[2]; /* the first lies between two bf16 */
	uint16_t narrow[2];
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(cuda->put(dev, SLAB_bias, 0, bias, sizeof bias) == OK);
	for (int i = 0; i < 3; i++)
		ck_assert(cuda->run(dev, &m->entry[0]) == OK);
	ck_assert(cuda->get(dev, SLAB_params, 0, c, sizeof c) == OK);
	ck_assert(c[0] == bias[0] && c[1] == bias[1]); /* f32: exactly, in place */
	ck_assert(cuda->get(dev, SLAB_params, 64, narrow, sizeof narrow) == OK);
	ck_assert(narrow[0] == f32_to_bf16(bias[0]) && narrow[1] == f32_to_bf16(bias[1]));
	ck_assert(count("d2v_bias") == 3); /* once a step, before its first kernel */
	cuda->close(dev);
	/* Written within the step: copied right before its gemm. */
	m->step[2].gemm.bias_value = 1;
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(cuda->run(dev, &m->entry[0]) == OK);
	cuda->close(dev);
	ck_assert(count("d2v_bias") == 3 + 2); /* once before the recording, too */
	ck_assert(strstr(gpu->log, "k_axpy gemm d2v_bias gemm ") != NULL);
}
END_TEST

START_TEST(choices)
{
	Made *m = made(N);
	Dev  *dev;
	char  command[200];
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(gpu->heuristics == 2 &&
	          gpu->chosen == 3); /* the fastest of those whose order is fixed */
	cuda->close(dev);
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(gpu->heuristics == 2 && gpu->chosen == 3);
	cuda->close(dev);
	/* Damaged, it is made again. */
	snprintf(command, sizeof command,
	         "for f in %s/cuda/*.gemm; do head -c 60 $f >$f.x; mv $f.x $f; done", folder);
	ck_assert(system(command) == 0);
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(gpu->heuristics == 4 && gpu->chosen == 3);
	cuda->close(dev);
	/* Another GPU chooses anew. */
	gpu->minor = 1;
	ck_assert(open_it(m, &dev) == OK);
	ck_assert(gpu->heuristics == 6);
	cuda->close(dev);
}
END_TEST

Suite *
suite_cuda(void)
{
	Suite *s = suite_create("cuda");
	TCase *t = tcase_create("host");
	if (!fake_cuda_there())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, cuda_trial_begin, cuda_trial_end);
	tcase_add_test(t, memory);
	tcase_add_test(t, ahead);
	tcase_add_test(t, threads);
	tcase_add_test(t, order);
	tcase_add_test(t, starting);
	tcase_add_test(t, profiles);
	tcase_add_test(t, biases);
	tcase_add_test(t, choices);
	suite_add_tcase(s, t);
	return s;
}
