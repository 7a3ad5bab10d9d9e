/* scratch: folders of the unit tests. They lie in one folder that the runner removes when it ends,
 * so that a test that fails or crashes leaves nothing behind. */
#ifndef D2V_TESTS_SCRATCH_H
#define D2V_TESTS_SCRATCH_H

enum { SCRATCH = 64 };
void scratch_folder(char path[SCRATCH], const char *name); /* a new one, NAME-XXXXXX */

/* The runner's: before and after all tests. */
int  scratch_open(void); /* 0: there is no place for them */
void scratch_close(void);

#endif
