/* d2v: what people type. Finds the verb in the table below and leaves the rest to it. Everything
 * about running stands in d2v-run, which the verbs of verbs_run.c start when they have compiled. */
#include "compiler/d2v_private.h"

#include <limits.h>
#include <string.h>

static const Verb verbs[] = {
	{.name = "check",
         .args = "SPEC.d2v",
         .wants = "a spec",
         .option = check_options,
         .run = do_check,
         .does = "say whether a spec is right, and print a summary",
         .more = "Parses and checks a spec and prints its axes and their equations, parameters by "
                 "module, groups, schedule, data\n"
                 "and draws. Exit code 0 when it is right, 1 when it is not.\n"
                 "--passes checks the compiler on this very spec: its sizes are shrunk until it is "
                 "a toy, and the toy is run in double\n"
                 "precision before and after each pass. Outputs, updated variables and gradients "
                 "must stay what they were.\n",
         .example = "  d2v check models/vit_base.d2v --set B=64\n"
                    "  d2v check --passes models/vit_base.d2v\n"},
	{.name = "fmt",
         .args = "FILE.d2v ...",
         .wants = "at least one spec",
         .most = INT_MAX,
         .option = fmt_options,
         .run = do_fmt,
         .does = "print specs in canonical form",
         .more = "Comments are kept; formatting twice changes nothing.\n",
         .example = "  d2v fmt -w models/fashion.d2v\n"},
	{.name = "compile",
         .args = "SPEC.d2v [FILE.ir]",
         .wants = "a spec",
         .most = 2,
         .option = compile_options,
         .run = do_compile,
         .does = "write the program of a spec: program.d2p and its kernels",
         .more = "With --to=STAGE it stops there and prints one graph. With --from=STAGE FILE.ir "
                 "it reads that text again, edited or not,\n"
                 "and goes on; inputs, outputs and variables must be the spec's. `d2v opt "
                 "--list-passes` names the stages.\n",
         .example =
                 "  d2v compile models/vit_base.d2v --set B=8 --out /tmp/vit --dump-dir "
                 "/tmp/stages\n"
                 "  d2v compile models/fashion.d2v --to=gemm --out /tmp/gemm.ir\n"
                 "  d2v compile models/fashion.d2v --from=gemm /tmp/gemm.ir --out /tmp/fashion\n"},
	{.name = "opt",
         .args = "FILE.ir",
         .wants = "a graph",
         .option = opt_options,
         .run = do_opt,
         .does = "run passes on a dump or a hand-written graph",
         .more = "Reads the graph (-: standard input), verifies it after each pass and prints the "
                 "result.\n",
         .example = "  d2v opt stages/train/00-lower.ir --passes=fold,cse\n"},
	{.name = "eval-graph",
         .args = "FILE.ir",
         .wants = "a graph",
         .option = eval_graph_options,
         .run = do_eval_graph,
         .does = "what a graph computes on given or random values",
         .more = "Evaluates the graph by the definition of each op, in double precision and "
                 "slowly, at any stage of the passes, and prints\n"
                 "outputs and new values of variables. Values are given as --set NAME=1,2,3 (in "
                 "the order of the axes of its type; one number\n"
                 "fills it), else in the file of --feed, else drawn at random. Results have the "
                 "form of --feed:\n"
                 "  x : f32[B:2, D:3] = 1 2 3  4 5 6\n",
         .example = "  d2v eval-graph tests/golden/eval/softmax.ir --set x=1,2,3\n"
                    "  d2v eval-graph stages/train/00-lower.ir --random 7\n"},
	{.name = "verify",
         .args = "FOLDER",
         .wants = "the folder of a program",
         .option = verify_options,
         .run = do_verify,
         .does = "prove the plan of a compiled program",
         .more = "Reads FOLDER/program.d2p alone and follows every byte from step to step: what is "
                 "read is what was meant, nothing\n"
                 "that is still wanted is overwritten, every variable is updated once (rules P1 .. "
                 "P38 of compiler/program/PROGRAM.md).\n"
                 "d2v-run does the same before it starts a program.\n",
         .example = "  d2v verify generated/fashion-cpu\n"},
	{.name = "plan",
         .args = "SPEC.d2v",
         .wants = "a spec or the folder of a program",
         .option = plan_options,
         .run = do_plan,
         .does = "what a step takes, before anything runs: bytes, work, time",
         .more = "Memory by owner and by spec line, the peak and the step where it is; operations, "
                 "bytes and the least time they\n"
                 "take on a device, by role, kind of kernel, kernel and spec line. The sum is what "
                 "the device will allocate.\n"
                 "With --memory=8GiB: does it fit? If not, other plans, each of them really made, "
                 "and what they cost; exit code 1\n"
                 "when none of them fits either.\n",
         .example = "  d2v plan models/vit_base.d2v --set B=64 --target=cuda --memory=8GiB\n"},
	{.name = "diff",
         .args = "A B",
         .wants = "two specs or folders of programs",
         .least = 2,
         .option = diff_options,
         .run = do_diff,
         .does = "how two specs or programs differ, and whether their numbers do",
         .more = "A and B are specs or folders of programs. NAME=VALUE after a colon sets "
                 "something on one side; --set does on both.\n"
                 "`target=cuda` and `recompute=blocks` are two of these. Numerics are called "
                 "identical only when that is proved: each\n"
                 "result follows from the same values by the same kernels. Reordered: the same "
                 "formulas, rounded otherwise (sums in\n"
                 "another order, kernels cut otherwise). Exit code 0: identical; 6: not.\n",
         .example = "  d2v diff models/fashion.d2v models/fashion.d2v:precision=bf16,B=64\n"},
	{.name = "report",
         .args = "SPEC.d2v|RUN",
         .wants = "a spec, a run or the folder of a program",
         .option = report_options,
         .run = do_report,
         .does = "one page to read: lines, memory, passes, kernels, and a run's curves",
         .more = "Writes one HTML file that needs nothing else: the spec with what each line "
                 "costs, memory over the step, the graph after\n"
                 "each pass (of a spec), each kernel's source; of a run also its curves and, after "
                 "d2v train --profile, measured times.\n",
         .example = "  d2v report models/fashion.d2v --out fashion.html\n"},
	{.name = "train",
         .args = "SPEC.d2v --data NAME=PATH --out RUN",
         .wants = "a spec",
         .runs = true,
         .option = train_options,
         .run = do_run,
         .does = "batches in; checkpoints, log and report out",
         .example = "  d2v train models/fashion.d2v --data train=/usr/share/datasets/fashion-mnist "
                    "--out runs/fashion\n"},
	{.name = "step",
         .args = "SPEC.d2v",
         .wants = "a spec",
         .runs = true,
         .option = step_options,
         .run = do_run,
         .does = "one step on given numbers, to compare with another implementation",
         .example = "  d2v step models/fashion.d2v --init w.safetensors --feed f.safetensors "
                    "--steps 3 --dump o.safetensors\n"},
	{.name = "eval",
         .args = "RUN --data train=PATH --data test=PATH",
         .wants = "the folder of a run",
         .runs = true,
         .option = eval_options,
         .run = do_eval,
         .does = "k-NN and linear probe on the features of a run",
         .example = "  d2v eval runs/fashion --data train=/usr/share/datasets/fashion-mnist "
                    "--data test=/usr/share/datasets/fashion-mnist\n"},
	{.name = "bench",
         .args = "SPEC.d2v",
         .wants = "a spec",
         .runs = true,
         .option = bench_options,
         .run = do_run,
         .does = "time every kernel of a step",
         .example = "  d2v bench models/fashion.d2v --steps 3\n"},
	{.name = "cache",
         .args = "",
         .option = cache_options,
         .run = do_cache,
         .does = "how much is kept between runs, and where",
         .more = "Compiled programs, kernels and choices of gemm code are kept up to "
                 "D2V_CACHE_SIZE (such as 500M or 8G, default 8G);\n"
                 "what was used longest ago goes first.\n",
         .example = "  d2v cache --clear\n"},
};

int verb_exit_code = EXIT_OK;

static void
usage(FILE *to)
{
	fprintf(to, "d2v: a compiler for self-supervised training\n\n");
	for (int i = 0; i < COUNT(verbs); i++) {
		int n = fprintf(to, "  d2v %s %s", verbs[i].name, verbs[i].args);

		if (n > 32)
			n = fprintf(to, "\n") - 1;
		fprintf(to, "%*s%s\n", 34 - n, "", verbs[i].does);
	}
	fprintf(to,
	        "\nAny dim or let of a spec can be set: --set B=64 --set peak_lr=1e-3\n"
	        "`d2v COMMAND --help` tells more of each.\n\n%s\nexamples:\n",
	        environment_help);
	for (int i = 0; i < COUNT(verbs); i++)
		fprintf(to, "%s", verbs[i].example);
}

/* The verb called `name`; NULL when reported. */
static const Verb *
verb_find(const char *name)
{
	const char *names[COUNT(verbs)], *near;

	for (int i = 0; i < COUNT(verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
		names[i] = verbs[i].name;
	}
	if ((near = text_nearest(name, names, COUNT(names))))
		(void)usage_error(NULL, "no command `%s`; did you mean `%s`?", name, near);
	else
		(void)usage_error(NULL, "no command `%s`", name);
	return NULL;
}

static int
verb_help(Arena *a, const Verb *v)
{
	char   *argv[] = {"--help", NULL};
	Options o = {.verb = v, .nrest = 1, .rest = argv};

	options_help(v);
	if (!v->runs)
		return EXIT_OK;
	printf("\nThe other options are those of d2v-run, which does the work on the compiled "
	       "program:\n\n");
	(void)start_run(a, &o, NULL);
	return diag_exit_code();
}

static bool
is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int
run(int argc, char **argv)
{
	Options o = {0};
	Arena  *a = arena_new();
	int     code;

	if (argc < 2 || is_help(argv[1]) || (strcmp(argv[1], "help") == 0 && argc == 2)) {
		usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_USAGE : EXIT_OK;
	}
	if (strcmp(argv[1], "help") == 0 && argc > 3)
		return usage_error(NULL, "help is about one command, `%s`, and there is also `%s`",
		                   argv[2], argv[3]);
	if (strcmp(argv[1], "help") == 0)
		return (o.verb = verb_find(argv[2])) ? verb_help(a, o.verb) : EXIT_USAGE;
	if (!(o.verb = verb_find(argv[1])))
		return EXIT_USAGE;
	for (int i = 2; i < argc; i++)
		if (is_help(argv[i]))
			return verb_help(a, o.verb);
	if ((code = options_parse(a, &o, argc - 2, argv + 2)) != EXIT_OK)
		return code;
	return o.verb->run(a, &o) == OK || verb_exit_code != EXIT_OK ? verb_exit_code
	                                                             : diag_exit_code();
}

int
main(int argc, char **argv)
{
	streams_open();
	return streams_close(run(argc, argv));
}
