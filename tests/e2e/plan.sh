#!/bin/sh
# d2v plan as programs read it: the whole JSON, whose lists add up to its sums and to what the device allocates, and the trace, whose
# spans follow each other and whose counter is the plan's. tests/golden/plan holds what people read.
. "$(dirname "$0")/lib.sh"

# read_plan NAME OPTION..
read_plan() {
	name=$1
	shift
	d2v plan "$gray" "$@" --format=json >"$tmp/plan.json" 2>"$tmp/said" || bad "$name: json" "$tmp/said"
	holds "$name: --out" d2v plan "$gray" "$@" --format=trace --out "$tmp/trace.json"
	holds "$name: adds up" python3 tests/e2e/read_plan.py "$tmp/plan.json" "$tmp/trace.json"
}

read_plan cpu
device=$(d2v bench "$gray" --steps 1 --json | sed -n 's/.*"slab_bytes": \([0-9]*\).*/\1/p')
holds 'the device allocates it' grep -q "\"slab_bytes\": $device,\$" "$tmp/plan.json"
read_plan blocks --recompute=blocks --set precision=bf16
read_plan cuda --target cuda --device h100
read_plan features --entry teacher.features
d2v compile "$gray" --quiet --out "$tmp/program" && d2v plan "$tmp/program" --format=json >"$tmp/folder.json" &&
	d2v plan "$gray" --format=json >"$tmp/spec.json" || bad 'plans of a folder and its spec'
holds 'a folder has the plan of its spec' cmp "$tmp/folder.json" "$tmp/spec.json"
ends 'a file that cannot be written' 3 '' d2v plan "$gray" --out "$tmp/none/x"
for spec in models/fashion.d2v "models/vit_base.d2v --target cuda"; do
	# shellcheck disable=SC2086
	d2v plan $spec >"$tmp/text" 2>"$tmp/said" || bad "plan of $spec" "$tmp/said"
	holds "$spec: no line is longer than 100 columns" awk 'length > 100 { print; bad = 1 } END { exit bad }' "$tmp/text"
done
finish
