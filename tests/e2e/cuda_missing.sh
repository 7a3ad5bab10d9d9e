#!/bin/sh
# The device cuda where there is no GPU: one sentence and exit code 3 for each thing that is missing; the compiler does without
# NVRTC. Then whole programs over the stand-in of tests/support: every launch has the arguments its kernel takes, and what the
# host does with a program goes through. What kernels calculate is not tested here (the device emulate does that).
. "$(dirname "$0")/lib.sh"
# The stand-in's GPU must not meet what another run put there.
D2V_CACHE=$tmp/cache
export D2V_CACHE
tiny=models/tiny/vit.d2v
make-data idx "$tmp/data" 96 8
mkdir "$tmp/none" "$tmp/only-driver"

if [ ! -e "$BUILD/d2v-cuda.so" ]; then
	ends 'no device was built' 3 '[device-missing]' d2v step "$tiny" --device cuda
	finish
fi

# one NAME: what was said is one line that ends with [device-missing].
one() {
	if [ "$(grep -c . "$tmp/said")" -eq 1 ] && grep -q '\[device-missing\]$' "$tmp/said"; then good; else bad "$1: one sentence" "$tmp/said"; fi
}
D2V_CUDA_LIBS=$tmp/none
export D2V_CUDA_LIBS
ends 'no driver' 3 'looked for libcuda.so.1 in' d2v train "$gray" --data train="$tmp/data" --out "$tmp/x" --device cuda
one 'no driver'
ends 'no driver, --device=cuda' 3 "$tmp/none" d2v train "$gray" --data train="$tmp/data" --out "$tmp/x" --device=cuda
holds 'nothing was begun' test ! -e "$tmp/x"
ends 'a program for the CPU' 1 'compiled for `cpu`' sh -c "d2v compile $tiny --out $tmp/for-cpu --quiet && d2v-run step $tmp/for-cpu --device cuda"
ends 'no NVRTC when compiling' 0 'are written, not compiled' d2v compile "$tiny" --target=cuda --out "$tmp/program"
holds 'no kernel is compiled when that is not wanted' d2v compile "$tiny" --target=cuda --out "$tmp/program" --no-nvrtc --quiet
ends 'not a GPU' 1 '[arch]' d2v compile "$tiny" --target=cuda --arch=90 --out "$tmp/program"
ends 'a GPU without what kernels use' 1 'none before sm_80; not `sm_75` [arch]' d2v compile "$tiny" --target=cuda --arch=sm_75 --no-nvrtc --out "$tmp/program"
ends 'the same, planned' 1 'none before sm_80; not `sm_1` [arch]' d2v plan "$tiny" --target=cuda --arch=sm_1

if [ -e "$BUILD/fake-cuda/libcuda.so.1" ]; then
	cp -L "$BUILD/fake-cuda/libcuda.so.1" "$tmp/only-driver/"
	D2V_CUDA_LIBS=$tmp/only-driver
	ends 'no cuBLASLt' 3 'looked for libcublasLt.so' d2v step "$tiny" --device cuda
	one 'no cuBLASLt'
	cp -L "$BUILD/fake-cuda/libcuda.so.1" "$tmp/only-driver/$(basename "$BUILD"/fake-cuda/libcublasLt.so.*)"
	ends 'no NVRTC when running' 3 'looked for libnvrtc.so.13' d2v step "$tiny" --device cuda
	D2V_CUDA_LIBS=$BUILD/fake-cuda
	for spec in models/tiny/*.d2v models/fashion.d2v; do
		ends "$spec on the stand-in" 0 'kernels"' d2v bench "$spec" --device cuda --steps 2 --json
	done
	ends 'no rates of a GPU that nobody knows' 0 'no floors' d2v bench "$tiny" --device cuda --steps 1
	ends 'rates of one that we do' 0 'in bf16 790.0 TFLOP/s' env D2V_FAKE_GPU='NVIDIA H200' d2v bench "$tiny" --device cuda --steps 1
	ends 'steps by replay' 0 '"ready"' sh -c "printf '3\n1\n2\n' | d2v bench $tiny --device cuda --on-request"
	ends 'the cache' 0 'entries' d2v cache
	holds 'choices of gemm code are kept' sh -c "ls $D2V_CACHE/cuda/*.gemm"
	ends 'clearing the cache' 0 'removed' d2v cache --clear
	ends 'an empty cache' 0 '0' d2v cache --size
fi
finish
