#!/bin/sh
# NVIDIA's headers, NVRTC and cuBLASLt from PyPI into build/cuda-wheels, for machines without a CUDA toolkit: enough to build the
# device cuda and to compile kernels, and (with a driver) to run them. Fetches nothing that is there already.
# About 520 MB are fetched; the driver itself (libcuda.so.1) comes with the GPU's driver package and is on no index.
set -eu
cd "$(dirname "$0")/.."
to=build/cuda-wheels
wheels='nvidia-cuda-runtime==13.0.96 nvidia-cuda-crt==13.0.88 nvidia-cuda-cccl==13.0.85 nvidia-cuda-nvrtc==13.0.88 nvidia-cublas==13.1.0.3'
made=$to/.made
if [ -f "$made" ] && [ "$(cat "$made")" = "$wheels" ]; then exit 0; fi
command -v python3 >/dev/null 2>&1 || {
	echo "deps-cuda: python3 with pip is needed to fetch NVIDIA's wheels" >&2
	exit 3
}
rm -rf "$to"
mkdir -p "$to/.fetched"
# shellcheck disable=SC2086 # one word each
python3 -m pip download -q --no-deps --only-binary=:all: -d "$to/.fetched" $wheels || {
	echo "deps-cuda: pip could not fetch $wheels" >&2
	exit 3
}
for wheel in "$to"/.fetched/*.whl; do
	python3 -m zipfile -e "$wheel" "$to"
done
rm -rf "$to/.fetched"
ls "$to/nvidia/cu13/include/cuda.h" "$to/nvidia/cu13/include/cublasLt.h" "$to"/nvidia/cu13/lib/libnvrtc.so.13 >/dev/null || {
	echo "deps-cuda: the wheels do not hold what was expected in $to/nvidia/cu13" >&2
	exit 3
}
echo "$wheels" >"$made"
echo "deps-cuda: $(du -sh "$to" | cut -f1) in $to"
