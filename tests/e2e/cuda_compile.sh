#!/bin/sh
# Every kernel of the tracked recipes, at their real sizes, in both precisions, compiles with NVRTC for three generations of GPU, each
# cut up for it, and none needs a stack but attention in bf16, which may spill a few registers (docs/attend-cuda.md). Compiled objects
# stay in the cache: a second run takes two seconds.
. "$(dirname "$0")/lib.sh"

# compiled ARCH GRADIENT: bytes of stack that attention's gradient may have
compiled() {
	for spec in vit_base vit_large fashion tiny/vit tiny/dropout tiny/numeric; do
		for precision in bf16 f32; do
			holds "$spec in $precision for $1" d2v compile "models/$spec.d2v" --target=cuda "--arch=$1" --no-nvrtc --quiet \
				--set "precision=$precision" --out "$tmp/$1/$(basename "$spec")-$precision"
		done
	done
	"$BUILD/numeric/cuda_compile" "$1" "$D2V_CACHE" "--may-spill=attend_grad:$2" "$tmp/$1"/* >"$tmp/said" 2>&1
	case $? in
	0) good ;;
	3) ;;
	*) bad "kernels for $1" "$tmp/said" ;;
	esac
	tail -n 1 "$tmp/said"
}

compiled sm_90 8
compiled sm_80 256
compiled sm_100 48
finish
