#!/bin/sh
# generated/ holds what the compiler makes of tracked recipes, so that a change of code generation shows, kernel by kernel, in review.
# Fails when it is not what the compiler makes now; BLESS=1 rewrites it. Compiled twice: the same text both times.
. "$(dirname "$0")/lib.sh"
for spec in fashion tiny/vit; do
	program=$(sed -n 's/^spec \([a-z0-9_]*\);.*/\1/p' models/$spec.d2v)
	holds "compile $spec" d2v compile models/$spec.d2v --out "$tmp/$program-cpu" --quiet
	holds "compile $spec again" d2v compile models/$spec.d2v --out "$tmp/again-$program" --quiet
	holds "$spec compiles to the same bytes" diff -r "$tmp/$program-cpu" "$tmp/again-$program"
	if [ -n "${BLESS:-}" ]; then
		rm -rf "generated/$program-cpu"
		mkdir -p generated
		cp -r "$tmp/$program-cpu" "generated/$program-cpu"
	fi
	holds "generated/$program-cpu is current (make bless rewrites it)" diff -r "generated/$program-cpu" "$tmp/$program-cpu"
done
finish
