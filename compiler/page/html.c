/* Text for HTML: nothing that stands in a spec, a name or a file becomes markup. */
#include "compiler/page/page.h"

#include <string.h>

void
html_text_n(Text *out, const char *s, size_t n)
{
	for (const char *end = s + n; s < end; s++) {
		switch (*s) {
		case '&':
			text_printf(out, "&amp;");
			break;
		case '<':
			text_printf(out, "&lt;");
			break;
		case '>':
			text_printf(out, "&gt;");
			break;
		case '"':
			text_printf(out, "&quot;");
			break;
		default:
			text_append(out, s, 1);
		}
	}
}

void
html_text(Text *out, const char *s)
{
	html_text_n(out, s, strlen(s));
}
