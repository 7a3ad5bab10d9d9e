#!/bin/sh
# What can only be seen on a GPU, in one command of less than eight minutes: the small specs of tools/gpu_specs on the device cuda against
# the CPU device's results (packed into build/gpu by tools/pack_gpu.sh, which `make check-gpu` runs first where it can build), the same
# bits twice, memory taken against memory planned, compute-sanitizer's memcheck and racecheck on a tiny spec, 200 real steps of the
# demonstration, time to the first step cold and warm. Prints a line for each, a short table last, and writes
# bench/results/DATE-gpu-check.json. Exit status 0: all passed; 1: something did not; 3: there is no GPU.
#   BUILD          folder of the programs (build)
#   D2V_DEVICE     another device in place of cuda: `emulate` runs the same kernels on the CPU, which tries this script out
#   SECONDS_LEFT   when to stop beginning new parts (410)
set -u
cd "$(dirname "$0")/.." || exit 3
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 3
device=${D2V_DEVICE:-cuda}
limit=${SECONDS_LEFT:-410}
began=$(date +%s)
gpu=$BUILD/gpu
out=bench/results
tmp=$(mktemp -d) || exit 3
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
[ -d "$gpu" ] || {
	echo "check-gpu: there is no $gpu; run tools/pack_gpu.sh where d2v can be built, and carry the folder build/ here" >&2
	exit 3
}
PATH=$BUILD:$BUILD/numeric:$PATH
# Libraries of this machine first: those that were packed are for what it lacks.
if ! ldd "$BUILD/d2v-run" "$BUILD/numeric/compare_safetensors" "$BUILD/numeric/random_feed" 2>&1 | grep -qE 'not found|GLIBC'; then :; else
	tar -C "$tmp" -xzf "$gpu/lib.tar.gz" || exit 3
	for lib in "$tmp"/lib/*; do
		if ldconfig -p 2>/dev/null | grep -qF "/${lib##*/}"; then rm "$lib"; fi
	done
	LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$tmp/lib
	export LD_LIBRARY_PATH
fi
# A toolkit that came with a Python: its libraries are good enough.
if [ -z "${CUDA_HOME:-}" ] && [ ! -e /usr/local/cuda/lib64/libnvrtc.so.13 ] && command -v python3 >/dev/null 2>&1; then
	wheels=$(python3 -c 'import importlib.util as u, os; s = u.find_spec("nvidia"); print(next((d for d in (os.path.join(p, "cu13") for p in (s.submodule_search_locations if s else [])) if os.path.isdir(d)), ""))' 2>/dev/null)
	if [ -n "$wheels" ]; then
		CUDA_HOME=$wheels
		export CUDA_HOME
	fi
fi
D2V_CACHE=$tmp/cache
export D2V_CACHE

passed=0
failed=0
skipped=0
json=
row() { # RESULT NAME VALUE: one line now, one in the table, one in the JSON
	case $1 in
	ok) passed=$((passed + 1)) ;;
	FAILED) failed=$((failed + 1)) ;;
	*) skipped=$((skipped + 1)) ;;
	esac
	printf '%-7s %-34s %s\n' "$1" "$2" "$3" | tee -a "$tmp/table"
	json="$json${json:+,
  }{\"check\": \"$2\", \"result\": \"$1\", \"value\": \"$(printf %s "$3" | tr -d '"\\' | tr '\000-\037' ' ')\"}"
}
late() { [ $(($(date +%s) - began)) -ge "$limit" ]; }
last_words() { { grep 'error:' "$tmp/said" || grep -v '^ *$' "$tmp/said" | tail -n 1; } | head -n 1 | cut -c 1-200; }
most=90 # seconds for one program: nothing takes that long on a GPU
[ "$device" = cuda ] || most=600
run() { timeout -k 5 $most "$@"; }
seconds_of() { # COMMAND..: its seconds, to 3 digits; its status is kept in $status
	from=$(date +%s%N)
	"$@" >"$tmp/said" 2>&1
	status=$?
	seconds=$(awk "BEGIN { printf \"%.3f\", ($(date +%s%N) - $from) / 1e9 }")
}

# ---- what was seen, whatever ends it ------------------------------------------------------------------------------
finish() {
	code=$?
	trap - EXIT
	[ "$code" -eq 0 ] || row FAILED 'this script' "ended early with status $code"
	date=$(date +%Y-%m-%d)
	mkdir -p "$out"
	file=$out/$date-gpu-check.json
	[ "$device" = cuda ] || file=$gpu/check-$device.json # a trial is no record
	# A choice of gemm code names the library's version; 130100 is 13.1.0.
	blas=$(cat "$tmp"/cache/cuda/*.gemm 2>/dev/null | sed -n 's/.*cublaslt \([0-9]*\).*/\1/p' | head -n 1)
	cat >"$file" <<END
{"date": "$date", "device": "$device", "gpu": "$name_of_gpu", "commit": "$(git describe --always --dirty 2>/dev/null || echo unknown)",
 "cublaslt": "$blas", "kernel": "$(uname -r)", "seconds": $(($(date +%s) - began)), "passed": $passed, "failed": $failed, "skipped": $skipped,
 "checks": [
  $json
 ]}
END
	echo
	echo "== check-gpu on ${name_of_gpu:-$device}, $date, $(($(date +%s) - began)) s"
	grep -v '^ok' "$tmp/table"
	echo "$passed passed, $failed failed, $skipped skipped; $file"
	rm -rf "$tmp"
	[ "$code" -ne 0 ] || [ "$failed" -eq 0 ] || code=1
	exit "$code"
}

# ---- the machine ---------------------------------------------------------------------------------------
name_of_gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -n 1)
echo "GPU: ${name_of_gpu:-not told by nvidia-smi}"
run d2v-run bench "$gpu/vit-cuda" --device "$device" --steps 1 --json >"$tmp/bench" 2>"$tmp/said"
status=$?
if [ "$status" -eq 3 ] && grep -q 'device-missing\|nvrtc-missing' "$tmp/said"; then
	cat "$tmp/said" >&2
	exit 3
fi
trap finish EXIT
if [ "$status" -ne 0 ]; then row FAILED 'a program loads and runs' "$(last_words)"; else row ok 'a program loads and runs' ''; fi

# ---- against the CPU device; the same bits twice; memory ---------------------------------------------------
step() { # NAME DUMP
	run d2v-run step "$gpu/$1-cuda" --device "$device" --feed "$tmp/$1.feed" --steps 3 --dump "$2"
}
near() { # NAME ONLY TOLERANCE
	compare_safetensors "$tmp/$1.a" "$gpu/cpu/$1.safetensors" --only "$2" --tolerance "$3" >"$tmp/said" 2>&1
}
near_to() { [ "$1" -ge $(($2 - $3)) ] && [ "$1" -le $(($2 + $3)) ]; }
while read -r name loss grad _; do
	if late; then
		row skipped "$name" 'no time left'
		continue
	fi
	random_feed "$gpu/$name-cuda" 3 "$tmp/$name.feed" >"$tmp/said" 2>&1
	if ! step "$name" "$tmp/$name.a" >"$tmp/said" 2>&1; then
		row FAILED "$name" "$(last_words)"
		continue
	fi
	if ! near "$name" loss "$loss"; then row FAILED "$name: loss" "$(last_words)"; else row ok "$name: loss within $loss" "$(last_words)"; fi
	if ! near "$name" grad. "$grad"; then row FAILED "$name: gradients" "$(last_words)"; else row ok "$name: gradients within $grad" "$(last_words)"; fi
	step "$name" "$tmp/$name.b" >"$tmp/said" 2>&1
	if cmp -s "$tmp/$name.a" "$tmp/$name.b"; then row ok "$name: same bits" ''; else row FAILED "$name: same bits" 'two runs differ'; fi
	rm -f "$tmp/$name".[ab]
done <tools/gpu_specs
for name in vit-cuda demo-cuda vit_base-cuda; do
	if late || { [ "$device" != cuda ] && [ "$name" = vit_base-cuda ]; }; then
		row skipped "$name: memory" 'no time left, or not on this device'
		continue
	fi
	planned=$(awk '/^slabs/ { on = 1; next } /^[a-z]/ { on = 0 } on { sum += $2 } END { printf "%d", sum }' "$gpu/$name/program.d2p")
	# The driver gives memory in pieces of 2 MiB and counts in them; tables of pages come on top. What it counts may differ by so much:
	slack=$((32 * 1048576 + 2097152 * $(awk '/^slabs/ { on = 1; next } /^[a-z]/ { on = 0 } on { n++ } END { print n + 0 }' "$gpu/$name/program.d2p")))
	if run d2v-run bench "$gpu/$name" --device "$device" --steps 1 --json >"$tmp/bench" 2>"$tmp/said"; then
		taken=$(sed -n 's/.*"slab_bytes": \([0-9]*\).*/\1/p' "$tmp/bench")
		beside=$(sed -n 's/.*"workspace_bytes": \([0-9]*\).*/\1/p' "$tmp/bench")
		counted=$(sed -n 's/.*"taken_bytes": \([0-9]*\).*/\1/p' "$tmp/bench")
		if [ "$planned" != "$taken" ]; then
			row FAILED "$name: memory as planned" "$taken bytes asked for, $planned planned"
		elif [ "$device" = cuda ] && ! near_to "${counted:-0}" "$planned" $slack; then
			row FAILED "$name: memory as planned" "$taken bytes, but the driver has ${counted:-no count} less"
		else
			row ok "$name: memory as planned" "$taken bytes, $beside beside; the driver counts $counted"
		fi
	else
		row FAILED "$name: memory as planned" "$(last_words)"
	fi
done

# ---- compute-sanitizer ---------------------------------------------------------------------------------------
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
for tool in memcheck racecheck; do
	for name in vit dropout_bf16; do
		if [ -z "$sanitizer" ] || [ "$device" != cuda ]; then
			row skipped "$tool: $name" 'there is no compute-sanitizer here'
		elif late; then
			row skipped "$tool: $name" 'no time left'
		else
			random_feed "$gpu/$name-cuda" 3 "$tmp/$name.feed"
			# Calls that fail are d2v-run's to report: asking for a parameter behind the last one fails on purpose.
			# racecheck is for our kernels that share memory; what it says on cuBLASLt's, with their own barriers, is not ours to judge.
			only='--report-api-errors no'
			[ $tool = memcheck ] || only='--kernel-name kns=_attend --kernel-name kns=_columns --kernel-name kns=_scatter --kernel-name kns=_sum_squares --kernel-name kns=_rows'
			# shellcheck disable=SC2086 # options
			D2V_NVRTC_FLAGS=-lineinfo timeout -k 5 60 "$sanitizer" --tool $tool $only --print-limit 20 --error-exitcode 9 "$BUILD/d2v-run" step \
				"$gpu/$name-cuda" --device cuda --feed "$tmp/$name.feed" --steps 1 >"$tmp/said" 2>&1
			status=$?
			if [ $status -eq 0 ]; then
				row ok "$tool: $name" "$(grep SUMMARY "$tmp/said" | tail -n 1)"
			elif grep -qE 'SUMMARY: [1-9]|Race reported|Potential|Invalid' "$tmp/said"; then
				row FAILED "$tool: $name" "status $status: $(grep '=====' "$tmp/said" | grep -v 'COMPUTE-SANITIZER' | head -n 8 | tr '\n' ' ' | cut -c 1-900)"
				cp "$tmp/said" "${OUT:-$gpu}/$tool-$name.log"
			elif [ $status -eq 124 ] || [ $status -eq 137 ]; then
				row skipped "$tool: $name" 'not done within 60 s'
			elif grep -qi 'not supported\|unable to' "$tmp/said"; then
				row skipped "$tool: $name" "$(last_words)"
			else
				row FAILED "$tool: $name" "status $status: $(last_words)"
			fi
		fi
	done
done

# ---- 200 real steps -------------------------------------------------------------------------------------------
# Largest difference of the losses of steps 1 to N, as a share. While the learning rate is low, rounding stays rounding; later
# it grows: a learning rate changed by a millionth changes the loss of step 200 by 5 %.
losses_apart() { # LOG LOG FROM TO: the most by which they differ in these steps, as a share of the second's; `unknown` when one has no loss there
	for log in "$1" "$2"; do
		echo log
		sed -n 's/.*"step": *\([0-9]*\),.*"loss": *\([-0-9.e+]*\).*/\1 \2/p' "$log"
	done | awk -v from="$3" -v to="$4" '$1 == "log" { which++; next }
		$1 >= from && $1 <= to && $2 != "" { value[which, $1] = $2 }
		END {
			for (i = from + 0; i <= to + 0; i++) {
				if (!((1, i) in value) || !((2, i) in value) || value[2, i] + 0 == 0) { print "unknown"; exit }
				d = (value[1, i] - value[2, i]) / value[2, i]
				if (d < 0) d = -d
				if (d > worst) worst = d
			}
			print worst + 0
		}'
}
within() { awk -v x="$1" -v most="$2" 'BEGIN { exit !(x ~ /^[0-9]/ && x + 0 <= most + 0) }' </dev/null; }
loss_at() { sed -n "s/.*\"step\": *$2,.*\"loss\": *\([-0-9.e+]*\).*/\1/p" "$1" | head -n 1; }
steps=200
[ "$device" = cuda ] || steps=3
if [ ! -s "$gpu/data/train-images-idx3-ubyte" ] || [ ! -s "$gpu/cpu/demo.jsonl" ]; then
	row skipped 'demonstration' 'its data was not packed'
elif late; then
	row skipped 'demonstration' 'no time left'
else
	for run in one two; do
		seconds_of run d2v-run train "$gpu/demo-cuda" --device "$device" --data train="$gpu/data" --out "$tmp/$run" --until $steps --quiet
		[ $status -eq 0 ] || break
	done
	if [ "$status" -ne 0 ]; then
		row FAILED "demonstration, $steps steps" "$(last_words)"
	else
		here=$(loss_at "$tmp/one/log.jsonl" $steps)
		there=$(loss_at "$gpu/cpu/demo.jsonl" $steps)
		early=$(losses_apart "$tmp/one/log.jsonl" "$gpu/cpu/demo.jsonl" 1 $((steps < 50 ? steps : 50)))
		ends=$(losses_apart "$tmp/one/log.jsonl" "$gpu/cpu/demo.jsonl" $steps $steps)
		if within "$early" 1e-3 && within "$ends" 0.15; then
			row ok "demonstration, $steps steps" "loss $here, CPU $there; within $early until step 50; $seconds s"
		else
			row FAILED "demonstration, $steps steps" "loss $here, CPU $there, apart by $early until step 50: more than 0.001, or 15 % at the end"
		fi
		if cmp -s "$tmp/one"/checkpoint-*$steps.safetensors "$tmp/two"/checkpoint-*$steps.safetensors; then
			row ok 'demonstration: same bits' ''
		else
			row FAILED 'demonstration: same bits' 'two runs end differently'
		fi
	fi
fi

# ---- start-up ---------------------------------------------------------------------------------------------------
name=vit_base-cuda
if late || [ "$device" != cuda ]; then
	row skipped 'start-up' 'no time left, or not on this device'
else
	D2V_CACHE=$tmp/cold
	for goal in cold:5 warm:0.3; do
		seconds_of run sh -c "d2v-run bench $gpu/$name --device cuda --on-request </dev/null"
		if [ $status -ne 0 ]; then
			row FAILED "start-up, ${goal%:*}" "$(last_words)"
		else
			row ok "start-up, ${goal%:*}" "$seconds s to the end of the first step with random starting values (goal ${goal#*:} s to begin it)"
		fi
	done
fi

exit 0
