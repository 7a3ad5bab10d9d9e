#!/bin/sh
# Lays out inputs for the fuzz targets: tests/fuzz/seeds.sh FOLDER makes FOLDER/{spec,graph,program,safetensors}
# from our own specs, golden tests and a compiled program. BUILD: folder of the programs.
set -eu
cd "$(dirname "$0")/../.."
to=$1
BUILD=$(cd "${BUILD:-build}" && pwd)
mkdir -p "$to/spec" "$to/graph" "$to/program" "$to/safetensors"
for file in models/*.d2v models/*/*.d2v tests/golden/*/*.d2v; do
	cp "$file" "$to/spec/$(echo "$file" | tr / -)"
done
for file in tests/golden/ir/*.ir tests/golden/pass/*.ir; do
	cp "$file" "$to/graph/$(basename "$file")"
done
"$BUILD/d2v" compile tests/e2e/specs/gray.d2v --set L=1 --set K=1 --quiet --out "$to/program.tmp" --dump-dir "$to/stages"
for file in "$to"/stages/train/*.ir; do
	cp "$file" "$to/graph/stage-$(basename "$file")"
done
cp "$to/program.tmp/program.d2p" "$to/program/gray.d2p"
head -n 200 "$to/program/gray.d2p" >"$to/program/half.d2p"
rm -r "$to/program.tmp" "$to/stages"
# Header of N bytes of JSON, then the data.
tensors() { # tensors NAME JSON BYTES
	n=${#2}
	printf "\\$(printf %03o $((n % 256)))\\$(printf %03o $((n / 256)))\\0\\0\\0\\0\\0\\0%s" "$2" >"$to/safetensors/$1"
	head -c "$3" /dev/zero >>"$to/safetensors/$1"
}
tensors none '{}' 0
tensors one '{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}' 24
tensors two '{"__metadata__":{"step":"7"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}}' 10
tensors overlap '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}' 8
tensors short '{"a":{"dtype":"I64","shape":[9],"data_offsets":[0,72]}}' 7
