/* d2v verify: is the plan of a compiled program sound? Reads the program folder and nothing else;
 * refuses to judge the text of kernels. */
#include "compiler/d2v_private.h"
#include "compiler/program/program.h"

const OptionRow verify_options[] = {
	FLAG("--quiet", quiet, "print nothing when it is sound"),
	END,
};

Status
do_verify(Arena *a, const Options *o)
{
	Text proof = {0};

	TRY(program_verify_folder(a, o->file, &proof));
	if (!o->quiet)
		fwrite(proof.at, 1, proof.n, stdout);
	text_free(&proof);
	return OK;
}
