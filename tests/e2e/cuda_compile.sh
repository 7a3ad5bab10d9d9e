#!/bin/sh
# Every kernel of the tracked recipes compiles with NVRTC for three generations of GPU, and none spills registers but those
# named here. Compiled objects stay in the cache: a second run takes a second.
. "$(dirname "$0")/lib.sh"

# write SPEC PRECISION
write() {
	holds "$1 in $2 as CUDA" d2v compile "models/$1.d2v" --target=cuda --no-nvrtc --quiet --set "precision=$2" \
		--out "$tmp/$(basename "$1")-$2"
}

# compiled ARCH FOLDER ..
compiled() {
	arch=$1
	shift
	"$BUILD/numeric/cuda_compile" "$arch" "$D2V_CACHE" --may-spill=attend --may-spill=attend_grad "$@" >"$tmp/said" 2>&1
	case $? in
	0) good ;;
	3) skipped=1 ;;
	*) bad "kernels for $arch" "$tmp/said" ;;
	esac
	tail -n 1 "$tmp/said"
}

skipped=0
for spec in vit_base vit_large; do
	write $spec bf16
	write $spec f32
done
for spec in fashion tiny/vit tiny/dropout tiny/numeric; do
	write $spec f32
	write $spec bf16
done
compiled sm_90 "$tmp"/*-f32 "$tmp"/*-bf16
if [ "$skipped" -eq 0 ]; then
	compiled sm_80 "$tmp"/vit_*-bf16 "$tmp/fashion-f32" "$tmp"/vit-f32 "$tmp"/dropout-f32 "$tmp"/numeric-f32
	compiled sm_100 "$tmp"/vit_*-bf16 "$tmp/fashion-f32" "$tmp"/vit-f32 "$tmp"/dropout-f32 "$tmp"/numeric-f32
fi
finish
