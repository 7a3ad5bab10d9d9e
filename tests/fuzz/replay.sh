#!/bin/sh
# The fuzz targets on their seeds alone: one test for each target. `make fuzz` looks further.
set -u
cd "$(dirname "$0")/../.."
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 3
export BUILD
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
tests/fuzz/seeds.sh "$tmp" || exit 3
for target in spec graph program safetensors; do
	if "$BUILD/fuzz/$target" "$tmp/$target"/* >"$tmp/said" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $target"
		tail -n 30 "$tmp/said"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
