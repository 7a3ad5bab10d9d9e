#!/bin/sh
# Every C file is as clang-format writes it with the project's file (`make format`); where there is no
# clang-format of that version nothing is said.
. "$(dirname "$0")/lib.sh"

version=$(clang-format --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p')
if [ "$version" = 14 ]; then
	git ls-files '*.c' '*.h' 2>/dev/null | grep -v '^generated/' >"$tmp/files"
	test -s "$tmp/files" || find compiler dsl runtime tests -name '*.[ch]' >"$tmp/files"
	while read -r file; do
		clang-format "$file" | cmp -s - "$file" || echo "$file" >>"$tmp/wrong"
	done <"$tmp/files"
	touch "$tmp/wrong"
	holds 'as `make format` leaves it' sh -c "! grep . '$tmp/wrong'"
else
	echo 'no clang-format 14 here'
fi
finish
