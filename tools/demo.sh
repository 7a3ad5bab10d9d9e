#!/bin/sh
# The demonstration: train on Fashion-MNIST, evaluate the features, say where the report lies.
set -eu
cd "$(dirname "$0")/.."
BUILD=$(cd "${BUILD:-build}" && pwd)
data=${D2V_DEMO_DATA:-/usr/share/datasets/fashion-mnist}
out=$BUILD/demo
if [ ! -d "$data" ]; then
	echo "demo: there is no folder $data; it comes with the package dataset-fashion-mnist (\`make setup\`)" >&2
	exit 1
fi
# A demonstration starts anew; what an earlier one left is its own output and nothing else.
rm -rf "$out"
"$BUILD/d2v" train models/fashion.d2v --data train="$data" --out "$out"
"$BUILD/d2v" eval "$out" --data train="$data" --data test="$data"
echo "The report: $out/report.html"
