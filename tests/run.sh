#!/bin/sh
# Every test there is: unit, golden, the parsers on seeds, then each script of e2e and numeric. A line for each part, the output of
# those that fail, and a last line `N passed, N failed` over everything. BUILD: folder of the programs.
# A script is one test, unless its own last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/.."
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 3
PATH=$BUILD:$PATH
D2V_CACHE=$BUILD/cache
export BUILD PATH D2V_CACHE
log=$(mktemp) || exit 3
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM
passed=0
failed=0

# part NAME PASSED FAILED SECONDS
part() {
	passed=$((passed + $2))
	failed=$((failed + $3))
	printf '%-28s %5d passed, %d failed  (%d s)\n' "$1" "$2" "$3" "$4"
	if [ "$3" -gt 0 ]; then sed 's/^/    /' "$log"; fi
}

# run NAME PATTERN COMMAND..: PATTERN is a sed expression that turns the line of counts into `PASSED FAILED`.
run() {
	name=$1 pattern=$2
	shift 2
	start=$(date +%s)
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	counts=$(sed -n "$pattern" "$log" | tail -n 1)
	good=${counts% *} bad=${counts#* }
	if [ -z "$counts" ]; then
		good=0 bad=0
		[ "$status" -ne 0 ] || good=1
	fi
	# A failure that its own counts do not know of (a crash after the last line) still counts.
	[ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	part "$name" "$good" "$bad" $(($(date +%s) - start))
}

unit() {
	"$BUILD/unit-tests" >"$log.unit" 2>&1
	status=$?
	cat "$log.unit"
	sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p' "$log.unit" | tail -n 1 |
		while read -r checks failures errors; do
			echo "$((checks - failures - errors)) passed, $((failures + errors)) failed"
		done
	rm -f "$log.unit"
	return $status
}

own='s/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p'
run unit "$own" unit
# The programs keep their memory until they end; leaks are looked for in the unit tests only.
export ASAN_OPTIONS=detect_leaks=0
run golden 's/^golden: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' tests/golden.sh
run fuzz "$own" tests/fuzz/replay.sh
for script in tests/e2e/*.sh tests/numeric/*.sh; do
	if [ -x "$script" ]; then
		name=${script#tests/}
		run "${name%.sh}" "$own" "$script"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
