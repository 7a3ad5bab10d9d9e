/* The folder around all folders of the unit tests. Made before the first test is forked, so that
 * all of them know its name. */
#include "tests/unit/scratch.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char root[] = "/tmp/d2v-unit-XXXXXX";

static int
remove_one(const char *path, const struct stat *s, int kind, struct FTW *where)
{
	(void)s, (void)kind, (void)where;
	return remove(path);
}

int
scratch_open(void)
{
	return mkdtemp(root) != NULL;
}

void
scratch_close(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
scratch_folder(char path[SCRATCH], const char *name)
{
	ck_assert_int_lt(snprintf(path, SCRATCH, "%s/%s-XXXXXX", root, name), SCRATCH);
	ck_assert_ptr_nonnull(mkdtemp(path));
}
