#!/bin/sh
# The check values that the recipe's description prints (data2vec-vision.md, appendix), through
# text, compiler, kernels and runtime: tests/numeric/appendix.c has them. BUILD: folder of the
# programs.
set -u
cd "$(dirname "$0")/../.." || exit 3
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 3
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
passed=0
failed=0

# check WHAT SPEC [NAME VALUE]: one step of SPEC, and what came of it.
check() {
	what=$1 spec=$2
	shift 2
	if "$BUILD/d2v" step "$spec" --names beit --init "$dir/w.safetensors" \
		--feed "$dir/f.safetensors" --dump "$dir/o.safetensors" &&
		"$BUILD/numeric/appendix" check "$dir/o.safetensors" "$@"; then
		passed=$((passed + 1))
	else
		echo "FAILED: $what"
		failed=$((failed + 1))
	fi
}

# variant NAME SCRIPT: the tiny recipe with its objective rewritten by a sed script.
variant() {
	mkdir -p "$dir/$1/tiny"
	cp -r models/lib "$dir/$1"
	cp models/tiny/vit.d2v "$dir/$1/tiny"
	sed "$2" models/vit_base.d2v >"$dir/$1/vit_base.d2v"
	if cmp -s models/vit_base.d2v "$dir/$1/vit_base.d2v"; then
		echo "the script of $1 changes nothing"
		exit 1
	fi
}

"$BUILD/numeric/appendix" write "$dir/w.safetensors" "$dir/f.safetensors" || exit 1
check 'a step' models/tiny/vit.d2v
variant beta 's/smooth_l1(e, beta = 2)/smooth_l1(e, beta = 0.12)/'
check 'beta 0.12' "$dir/beta/tiny/vit.d2v" loss 0.843302
variant l2 's/smooth_l1(e, beta = 2)/e * e/'
check 'L2' "$dir/l2/tiny/vit.d2v" loss 1.104550
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
