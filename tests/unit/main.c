/* The runner of all unit tests: one suite for each line of suites.def, Check's own report.
 * Arguments name the suites to run; none means all. Fails when a name is unknown, so that a
 * misspelt one cannot pass. */
#include "tests/unit/scratch.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(topic) Suite *suite_##topic(void);
#include "tests/unit/suites.def"
#undef SUITE

static const struct {
	const char *name;
	Suite *(*make)(void);
} suites[] = {
#define SUITE(topic) {#topic, suite_##topic},
#include "tests/unit/suites.def"
#undef SUITE
};

enum { SUITES = sizeof suites / sizeof *suites };

static int
wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return 1;
	return argc == 1;
}

int
main(int argc, char **argv)
{
	SRunner *runner = srunner_create(NULL);
	/* bf16 is tested on every processor, by instructions where there are some */
	setenv("D2V_BF16", "any", 0);
	int found = 0;
	for (int i = 0; i < SUITES; i++)
		if (wanted(suites[i].name, argc, argv)) {
			srunner_add_suite(runner, suites[i].make());
			found++;
		}
	if (argc > 1 && found != argc - 1) {
		fprintf(stderr, "unit-tests: no such suite; there are:");
		for (int i = 0; i < SUITES; i++)
			fprintf(stderr, " %s", suites[i].name);
		fprintf(stderr, "\n");
		return 2;
	}
	if (!scratch_open()) {
		perror("unit-tests: /tmp");
		return 2;
	}
	srunner_run_all(runner, CK_ENV);
	scratch_close();
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
