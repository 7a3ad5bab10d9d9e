# Read by every script of this folder: finds the programs, makes a folder of its own, counts what passed.
# A script ends with `finish`, whose line `N passed, N failed` tests/run.sh adds up.
set -u
cd "$(dirname "$0")/../.." || exit 3
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 3
PATH=$BUILD:$PATH
D2V_CACHE=${D2V_CACHE:-$BUILD/cache}
# These models are too small for two threads to help, and waiting for one another costs most on a busy machine.
D2V_THREADS=${D2V_THREADS:-1}
# bf16 is tested on every processor, by its instructions where it has some.
D2V_BF16=${D2V_BF16:-any}
export BUILD PATH D2V_CACHE D2V_THREADS D2V_BF16
gray=tests/e2e/specs/gray.d2v
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
passed=0
failed=0

# good NAME; bad NAME [FILE with what was said]
good() {
	passed=$((passed + 1))
}
bad() {
	failed=$((failed + 1))
	echo "FAILED: $1"
	if [ $# -gt 1 ]; then tail -n 20 "$2" | sed 's/^/    /'; fi
}

# holds NAME COMMAND..: the command must succeed.
holds() {
	name=$1
	shift
	if "$@" >"$tmp/said" 2>&1; then good; else bad "$name" "$tmp/said"; fi
}

# ends NAME STATUS TEXT COMMAND..: the command must end with that status and say TEXT.
ends() {
	name=$1 want=$2 text=$3
	shift 3
	"$@" >"$tmp/said" 2>&1 </dev/null
	got=$?
	if [ "$got" -ne "$want" ]; then
		bad "$name: status $got, not $want" "$tmp/said"
	elif ! grep -qF -e "$text" "$tmp/said"; then
		bad "$name: does not say \`$text\`" "$tmp/said"
	else
		good
	fi
}

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}

# Everything in a folder, as one number.
sum_of() {
	find "$1" -type f | LC_ALL=C sort | xargs cksum | cksum
}
