/* print: a graph as canonical text: one spelling, one node a line, values numbered from %0. Nothing
 * that depends on addresses, hashes or the day reaches the text. graph_parse reads all of it
 * back. */
#include "compiler/ir/ir_private.h"

#include <math.h>

/* Plain: a letter or _, then letters, digits, _ . $ '. Everything else is written in quotes. */
bool
name_plain(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		char c = s[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter &&
		    (i == 0 || !((c >= '0' && c <= '9') || c == '.' || c == '$' || c == '\'')))
			return false;
	}
	return n > 0;
}

static void
print_quoted(Text *t, const char *s)
{
	text_append(t, "\"", 1);
	for (; *s; s++)
		if (*s == '"' || *s == '\\')
			text_printf(t, "\\%c", *s);
		else if ((unsigned char)*s < 32 || *s == 127)
			text_printf(t, "\\x%02x", (unsigned)(unsigned char)*s);
		else
			text_append(t, s, 1);
	text_append(t, "\"", 1);
}

void
text_name(Text *t, const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	if (name_plain(s, n))
		text_append(t, s, n);
	else
		print_quoted(t, s);
}

static void
print_number(Text *t, double x)
{
	char buf[32];

	if (isfinite(x))
		text_printf(t, "%s", text_double(buf, x));
	else
		text_printf(t, "%s", isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
}

static void
print_axis(Text *t, Axis axis)
{
	text_name(t, axis.name);
	text_printf(t, ":%lld", (long long)axis.size);
}

/* Not type_print: names that are not plain are quoted here. */
void
text_type(Text *t, const Type *type)
{
	int i;

	text_printf(t, "%s[", dtype_name[type->dtype]);
	for (i = 0; i < type->rank; i++) {
		text_printf(t, i ? ", " : "");
		print_axis(t, type->axis[i]);
	}
	text_printf(t, "]");
}

static void
print_axes(Text *t, const char *before, const Attr *a, int with_sizes)
{
	int i;

	for (i = 0; i < a->naxes; i++) {
		text_printf(t, "%s", i ? ", " : before);
		if (with_sizes)
			print_axis(t, a->axes[i]);
		else
			text_name(t, a->axes[i].name);
	}
}

static void
print_table(Text *t, const Attr *a)
{
	int i;

	text_printf(t, " ");
	text_name(t, a->name);
	text_printf(t, "(");
	for (i = 0; i < a->nargs; i++)
		text_printf(t, "%s%lld", i ? ", " : "", (long long)a->args[i]);
	text_printf(t, ")");
}

/* " key name at offset as name:size" for slice and pad */
static void
print_cut(Text *t, const Node *n)
{
	const Attr *a = &n->attr;
	bool        pad = n->op == OP_pad;

	if (!pad || a->naxes) {
		text_printf(t, ", ");
		text_name(t, pad ? a->axes[0].name : a->axis.name);
	} else {
		text_printf(t, ",");
	}
	text_printf(t, " at %lld", (long long)a->offset);
	if (pad || a->naxes) {
		text_printf(t, " as ");
		print_axis(t, pad ? a->axis : a->axes[0]);
	}
}

static void
print_concat(Text *t, const Attr *a)
{
	int i;

	for (i = 0; i < a->naxes; i++) {
		text_printf(t, "%s", i ? ", " : " of ");
		if (a->axes[i].name)
			text_name(t, a->axes[i].name);
		else
			text_printf(t, "-");
	}
	text_printf(t, " along ");
	print_axis(t, a->axis);
}

static void
print_attend(Text *t, const Attr *a)
{
	print_axes(t, " over ", a, 0);
	text_printf(t, " scale ");
	print_number(t, a->scale);
	if (!(a->rate > 0))
		return;
	text_printf(t, " rate ");
	print_number(t, a->rate);
	text_printf(t, " site ");
	print_quoted(t, a->name);
}

/* What stands between the operands and the type. */
static void
print_attr(Text *t, const Node *n)
{
	const Attr *a = &n->attr;

	switch (n->op) {
	case OP_input:
	case OP_host:
	case OP_param:
		text_printf(t, " ");
		print_quoted(t, a->name);
		if (n->op == OP_input && a->index) {
			text_printf(t, " at_most %d over ", a->index);
			print_axis(t, a->axis);
		}
		break;
	case OP_assign:
		text_printf(t, " to ");
		print_quoted(t, a->name);
		break;
	case OP_const:
		text_printf(t, " ");
		print_number(t, a->num);
		break;
	case OP_table:
		print_table(t, a);
		break;
	case OP_sum:
	case OP_rmax:
	case OP_contract:
	case OP_gemm:
	case OP_softmax:
		print_axes(t, " over ", a, 0);
		break;
	case OP_standardise:
		print_axes(t, " over ", a, 0);
		text_printf(t, " eps ");
		print_number(t, a->num);
		break;
	case OP_smooth_l1:
		text_printf(t, " beta ");
		print_number(t, a->num);
		break;
	case OP_rename:
	case OP_split:
		text_printf(t, ", ");
		text_name(t, a->axis.name);
		print_axes(t, " as ", a, 1);
		break;
	case OP_merge:
		print_axes(t, ", ", a, 0);
		text_printf(t, " as ");
		print_axis(t, a->axis);
		break;
	case OP_slice:
	case OP_pad:
		print_cut(t, n);
		break;
	case OP_concat:
		print_concat(t, a);
		break;
	case OP_broadcast:
		print_axes(t, " over ", a, 1);
		break;
	case OP_pick:
		text_printf(t, " along ");
		text_name(t, a->axis.name);
		break;
	case OP_scatter_add:
		text_printf(t, " into ");
		print_axis(t, a->axis);
		print_axes(t, " keeping ", a, 0);
		break;
	case OP_places:
	case OP_ranks:
		text_printf(t, ", ");
		text_name(t, a->axis.name);
		text_printf(t, " at %lld as ", (long long)a->offset);
		print_axis(t, a->axes[0]);
		if (n->op == OP_ranks) {
			text_printf(t, " of ");
			print_axis(t, a->axes[1]);
		}
		break;
	case OP_uniform:
		text_printf(t, " site ");
		print_quoted(t, a->name);
		print_axes(t, " over ", a, 0);
		break;
	case OP_attend:
	case OP_attend_grad:
		print_attend(t, a);
		break;
	case OP_result:
		text_printf(t, ", %d", a->index);
		break;
	default:
		break;
	}
}

bool
place_contiguous(const Node *n)
{
	int64_t stride = 1;
	int     i;

	for (i = n->type.rank; i-- > 0; stride *= n->type.axis[i].size)
		if (n->place.stride[i] != stride)
			return false;
	return true;
}

static void
print_place(Text *t, const Graph *g, const Node *n)
{
	bool any = n->place.slab >= 0;
	int  i;

	if (n->place.slab >= 0) {
		text_printf(t, " at ");
		text_name(t, g->slab[n->place.slab].name);
		text_printf(t, "+%lld", (long long)n->place.offset);
	}
	for (i = 0; i < n->type.rank; i++)
		any |= n->place.stride[i] != 0;
	if (!any || place_contiguous(n))
		return;
	for (i = 0; i < n->type.rank; i++)
		text_printf(t, "%s%lld", i ? "," : " strides(", (long long)n->place.stride[i]);
	text_printf(t, ")");
}

static void
print_loc(Text *t, Loc loc)
{
	if (loc.file && loc.line > 0)
		text_printf(t, " # %s:%d:%d", loc.file, loc.line, loc.col);
	text_printf(t, "\n");
}

static void
print_training(Text *t, const Training *tr)
{
	int i;

	if (!tr->present)
		return;
	text_printf(t, "  training loss %%%d adamw(", tr->loss);
	print_number(t, tr->beta1);
	text_printf(t, ", ");
	print_number(t, tr->beta2);
	text_printf(t, ", ");
	print_number(t, tr->eps);
	text_printf(t, ")");
	if (tr->clip != 0) {
		text_printf(t, " clip ");
		print_number(t, tr->clip);
	}
	text_printf(t, "%s\n", tr->differentiated ? " differentiated" : "");
	for (i = 0; i < tr->nupdate; i++) {
		const Update *u = &tr->update[i];
		text_printf(t, "  update ");
		print_quoted(t, u->param);
		text_printf(t, " group ");
		text_name(t, u->group ? u->group : "");
		text_printf(t, " lr %%%d decay %%%d", u->lr, u->decay);
		if (u->average) {
			text_printf(t, " average ");
			print_quoted(t, u->average);
			text_printf(t, " by %%%d", u->average_decay);
		}
		if (tr->differentiated)
			text_printf(t, " grad %%%d", u->grad);
		print_loc(t, u->loc);
	}
}

void
graph_print(const Graph *g, Text *out)
{
	int v, i;

	text_printf(out, "graph @");
	text_name(out, g->name);
	text_printf(out, " {\n");
	if (g->batch_axis) {
		text_printf(out, "  batch ");
		text_name(out, g->batch_axis);
		text_printf(out, "\n");
	}
	if (g->matmul != DT_f32 || g->matmul_average != DT_f32)
		text_printf(out, "  matmul %s average %s\n", dtype_name[g->matmul],
		            dtype_name[g->matmul_average]);
	if (g->target.attend_tokens || g->target.attend_width)
		text_printf(out, "  target attend_tokens %lld attend_width %lld\n",
		            (long long)g->target.attend_tokens, (long long)g->target.attend_width);
	if (g->recompute != RECOMPUTE_cheap)
		text_printf(out, "  recompute %s\n", recompute_name[g->recompute]);
	for (i = 0; i < g->nslab; i++) {
		text_printf(out, "  slab ");
		text_name(out, g->slab[i].name);
		text_printf(out, " %lld\n", (long long)g->slab[i].bytes);
	}
	for (v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		text_printf(out, "  %%%d = %s", v, op_info[n->op].name);
		for (i = 0; i < n->nin; i++)
			text_printf(out, "%s%%%d", i ? ", " : " ", n->in[i]);
		print_attr(out, n);
		text_printf(out, " : ");
		text_type(out, &n->type);
		if (n->kernel != -1)
			text_printf(out, " kernel %d", n->kernel);
		print_place(out, g, n);
		print_loc(out, n->loc);
	}
	print_training(out, &g->training);
	if (g->nout > 0) {
		for (i = 0; i < g->nout; i++) {
			text_printf(out, i ? ", " : "  return ");
			text_name(out, g->out[i].name);
			text_printf(out, " = %%%d", g->out[i].val);
		}
		text_printf(out, "\n");
	}
	text_printf(out, "}\n");
}
