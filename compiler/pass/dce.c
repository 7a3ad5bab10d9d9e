/* pass_dce: values that no output, assignment or training value reaches are dropped.
 *     %0 = exp %x   %1 = neg %x   return %1      ==>   %0 = neg %x   return %0
 * needs: nothing.  keeps: everything else. (Every graph_commit does this; as a pass it has a
 * name.) */
#include "compiler/pass/pass.h"

Status
pass_dce(Graph *g)
{
	graph_commit(g);
	return OK;
}
