/* pass_simplify: fold and cse in turns until neither finds anything, over all that autodiff, update
 * and expand have made. An equal pair can become foldable and a folded pair equal; a few rounds
 * suffice.
 * needs: nothing.  keeps: what fold and cse keep. */
#include "compiler/pass/pass.h"
#include "compiler/pass/rules.h"

Status
pass_simplify(Graph *g)
{
	bool changed;

	do {
		changed = false;
		while (fold_round(g))
			changed = true;
		changed |= cse_round(g);
	} while (changed);
	return OK;
}
