#!/bin/sh
# Makes build/ do on a machine with a GPU that has no flex, bison, C compiler or libraries of ours: build/gpu holds the
# programs that are checked there (tools/gpu_specs: name, tolerance of loss, tolerance of gradients, spec), what the CPU
# device makes of them, a piece of the demonstration's data, and the shared libraries that our programs want. Run by
# `make check-gpu` and `make bench-gpu` wherever building is possible; then carry build/gpu, build/d2v-run,
# build/d2v-cuda.so, build/numeric/compare_safetensors and build/numeric/random_feed along. What the CPU has done is not
# done again. Without the demonstration's data that check is left out there, and says so.
set -eu
cd "$(dirname "$0")/.."
BUILD=$(cd "${BUILD:-build}" && pwd)
to=$BUILD/gpu
data=${D2V_DEMO_DATA:-/usr/share/datasets/fashion-mnist}
scratch=$(mktemp -d) || exit 3
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$to/cpu" "$to/data"
D2V_CACHE=${D2V_CACHE:-$BUILD/cache}
export D2V_CACHE
# A processor without bf16 products does them in f32: these programs are tiny.
D2V_BF16=${D2V_BF16:-any}
export D2V_BF16

# The C library belongs to the machine and the driver to its GPU; the rest may be missing there.
for program in d2v-run d2v-cuda.so numeric/compare_safetensors numeric/random_feed; do
	ldd "$BUILD/$program" | awk '$3 ~ /^\// { print $3 }'
done | sort -u | grep -vE '/(libc|libm|libpthread|libdl|librt|libresolv|ld-linux[^/]*|libcuda[^/]*)\.so' >"$scratch/libs"
mkdir "$scratch/lib"
xargs cp -L -t "$scratch/lib" <"$scratch/libs"
tar -C "$scratch" -czf "$scratch/lib.tar.gz" lib
mv "$scratch/lib.tar.gz" "$to/lib.tar.gz"

# A new folder takes the place of the old one only when it is whole.
program() { # NAME SPEC OPTIONS..
	into=$1
	shift
	d2v compile "$@" --out "$scratch/$into" --quiet
	case $into in *-cpu) return ;; esac
	rm -rf "${to:?}/$into"
	mv "$scratch/$into" "$to/$into"
}
PATH=$BUILD:$BUILD/numeric:$PATH

while read -r name _ _ spec; do
	# shellcheck disable=SC2086 # the words of the options
	program "$name-cpu" $spec
	# shellcheck disable=SC2086
	program "$name-cuda" $spec --target=cuda --no-nvrtc
	sum=$(cat "$BUILD/d2v-cpu.so" "$BUILD/d2v-run" "$BUILD/numeric/random_feed" "$scratch/$name-cpu/program.d2p" "$scratch/$name-cpu"/kernels/* | cksum)
	[ "$sum" != "$(cat "$to/cpu/$name.sum" 2>/dev/null || true)" ] || continue
	random_feed "$scratch/$name-cpu" 3 "$scratch/feed"
	d2v-run step "$scratch/$name-cpu" --feed "$scratch/feed" --steps 3 --dump "$scratch/all" >/dev/null
	keep_tensors "$scratch/all" "$to/cpu/$name.safetensors" loss grad.
	echo "$sum" >"$to/cpu/$name.sum"
done <tools/gpu_specs

program demo-cpu models/fashion.d2v
program demo-cuda models/fashion.d2v --target=cuda --no-nvrtc
program vit_base-cuda models/vit_base.d2v --target=cuda --no-nvrtc
program vit_large-cuda models/vit_large.d2v --target=cuda --no-nvrtc

# The first 12,800 images: an IDX file is four numbers of four bytes, then the pixels. 12800 = 0x3200.
if [ ! -s "$to/data/train-images-idx3-ubyte" ] && [ -s "$data/train-images-idx3-ubyte.gz" ]; then
	{
		printf '\0\0\010\003\0\0\062\0\0\0\0\034\0\0\0\034'
		zcat "$data/train-images-idx3-ubyte.gz" | tail -c +17 | head -c $((12800 * 784))
	} >"$to/data/new"
	mv "$to/data/new" "$to/data/train-images-idx3-ubyte"
fi
# What the CPU makes of 200 steps on them: half a minute, or minutes on a busy machine, and kept.
sum=$(cat "$BUILD/d2v-cpu.so" "$BUILD/d2v-run" "$scratch/demo-cpu/program.d2p" "$scratch/demo-cpu"/kernels/* | cksum)
if [ -s "$to/data/train-images-idx3-ubyte" ] && [ "$sum" != "$(cat "$to/cpu/demo.sum" 2>/dev/null || true)" ]; then
	d2v-run train "$scratch/demo-cpu" --data train="$to/data" --out "$scratch/demo" --until 200 --quiet
	cp "$scratch/demo/log.jsonl" "$to/cpu/demo.jsonl"
	echo "$sum" >"$to/cpu/demo.sum"
fi
