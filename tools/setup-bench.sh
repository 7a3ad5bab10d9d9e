#!/bin/sh
# A Python with PyTorch for `make bench`, under build/bench-venv, from PyPI. Made once; nothing is fetched when it is there.
# Where a CUDA toolkit lies on the machine, PyTorch's gigabytes of CUDA wheels are left out: only the small ones it does not start without.
set -eu
cd "$(dirname "$0")/.."
venv=${1:-build/bench-venv}
cuda=${CUDA_HOME:-/usr/local/cuda}
export LD_LIBRARY_PATH="$cuda/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import torch, numpy' 2>/dev/null; then exit 0; fi
python3 -m venv "$venv" || {
	echo "setup-bench: python3 with venv is needed to run PyTorch beside d2v (package python3-venv)" >&2
	exit 1
}
if [ -d "$cuda/lib64" ]; then
	"$venv/bin/pip" install -q --no-deps torch==2.15.0 nvidia-nccl-cu13==2.30.7 nvidia-cusparselt-cu13==0.8.1 nvidia-nvshmem-cu13==3.7.2 nvidia-cufile
	"$venv/bin/pip" install -q numpy safetensors filelock typing_extensions sympy networkx jinja2 fsspec setuptools
else
	"$venv/bin/pip" install -q torch==2.15.0 numpy safetensors setuptools
fi
"$venv/bin/python" -c 'import torch'
