#!/bin/sh
# The words of the language, from the tables that the compiler itself uses: `keyword spec`, `function sqrt`, `word f32`, `unit steps`,
# one a line. tests/e2e/editors.sh holds the syntax files against it.
cd "$(dirname "$0")/../.." || exit 3
sed -n 's/^"\([a-z]*\)" *{ KEYWORD(.*/keyword \1/p' dsl/lex.l
sed -n '/^static const Builtin table/,/^};/s/^\t{\.name = "\([a-z0-9_]*\)".*/function \1/p' dsl/builtin.c
sed -n '/^static const char \*const words/,/};/p' dsl/builtin.c | grep -o '"[a-z0-9]*"' | sed 's/"\(.*\)"/word \1/'
sed -n '/^unit_factor\|{"epochs", 0}/,/};/p' dsl/lower.c | grep -o '{"[A-Za-z]*"' | sed 's/{"\(.*\)"/unit \1/'
