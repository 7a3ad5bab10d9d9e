#!/bin/sh
# Each fuzz target in build-fuzz/ for FUZZ_SECONDS (default 60), from the seeds and what earlier runs found. Inputs that
# crash stay in build-fuzz/crash/. FUZZ_TARGETS=spec,.. runs some.
set -u
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
targets=$(echo "${FUZZ_TARGETS:-spec,graph,program,safetensors}" | tr , ' ')
BUILD=build tests/fuzz/seeds.sh build-fuzz/seeds || exit 3
mkdir -p build-fuzz/crash
failed=0
for target in $targets; do
	mkdir -p "build-fuzz/corpus/$target"
	echo "fuzz $target: $seconds s"
	# -timeout: one input that takes longer is a finding too.
	if ! "build-fuzz/fuzz/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=20000 -print_final_stats=1 \
		-artifact_prefix="build-fuzz/crash/$target-" "build-fuzz/corpus/$target" "build-fuzz/seeds/$target" >"build-fuzz/$target.log" 2>&1; then
		failed=1
		grep -aE 'ERROR|runtime error|SUMMARY|bug|Test unit written' "build-fuzz/$target.log" | tail -n 8
	fi
	grep -aE 'number_of_executed_units|cov:' "build-fuzz/$target.log" | tail -n 2
done
exit $failed
