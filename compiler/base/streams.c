/* streams: standard input, output and error of a program that a script started in some odd way.
 * Refuses to end well when what was printed did not arrive. */
#include "compiler/base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
streams_open(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int
streams_close(int code)
{
	errno = 0;
	bool lost = fflush(stdout) != 0 || ferror(stdout);
	if (!lost || code != EXIT_OK)
		return code;
	world_error("output", "what was printed could not be written: %s",
	            errno ? strerror(errno) : "an error on standard output");
	return EXIT_WORLD;
}
