#!/bin/sh
# Golden tests: tests/golden/README.md. Arguments are the files to run; none means all.
# BLESS=1 rewrites exact expectations. BUILD is the folder of the programs (default build).
set -u
cd "$(dirname "$0")/.."
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 3
PATH=$BUILD:$PATH
export BUILD PATH
# The programs keep their memory until they end; leaks are looked for in the unit tests.
export ASAN_OPTIONS=detect_leaks=0

if [ $# -eq 0 ]; then
	files=$(find tests/golden -type f ! -name '*.expected' ! -name '*.md' |
		while read -r f; do
			case $f in */bad/*.d2v) echo "$f"; continue ;; esac
			if grep -qE '^(#|//) *RUN:' "$f"; then echo "$f"; fi
		done | LC_ALL=C sort)
	# shellcheck disable=SC2086 # names of tests hold no blanks
	set -- $files
	# Every slug of the front end should have its own bad spec; say which have none.
	for slug in $(grep -rhoE 'diag_error\([^"]*"[a-z0-9-]+"' dsl | sed 's/.*"\(.*\)"/\1/' | LC_ALL=C sort -u); do
		ls tests/golden/bad/"$slug".*d2v >/dev/null 2>&1 || missing="${missing:-} $slug"
	done
	[ -z "${missing:-}" ] || echo "slugs without a test in tests/golden/bad:$missing"
fi
exec "$BUILD/golden" ${BLESS:+--bless} "$@"
