#!/bin/sh
# Measured times beside their floors: `d2v bench` as text and JSON, `d2v train --profile` and RUN/profile.json, and the same on the
# emulated device. Times are not looked at, but for their sums; a floor is a number above 0.
. "$(dirname "$0")/lib.sh"

ends 'bench as text' 0 'times their floor' d2v bench "$gray" --steps 2
cp "$tmp/said" "$tmp/text"
holds 'no line is longer than 100 columns' awk 'length > 100 { print; bad = 1 } END { exit bad }' "$tmp/text"
for word in 'kind of kernel' 'role' 'spec line (worst first)' 'kernel (worst first)' ' sum$' '[0-9] more$'; do
	holds "text has $word" grep -q "$word" "$tmp/text"
done
ends 'bench --all' 0 'spec line' d2v bench "$gray" --steps 1 --all
cp "$tmp/said" "$tmp/all"
holds '--all leaves nothing out' sh -c "! grep -q ' more$' $tmp/all"
ends 'all of a conversation' 2 'do not go with it' d2v bench "$gray" --all --on-request

d2v bench "$gray" --steps 2 --json >"$tmp/bench.json" 2>"$tmp/said" || bad 'bench --json' "$tmp/said"
d2v plan "$gray" --format=json >"$tmp/plan.json" 2>"$tmp/said" || bad 'plan --format=json' "$tmp/said"
holds 'bench.json adds up, and agrees with the plan' python3 tests/e2e/read_profile.py "$tmp/bench.json" "$tmp/plan.json"
for line in $(python3 -c "import json, sys; print(*[r['name'] for r in json.load(open(sys.argv[1]))['lines']])" "$tmp/bench.json"); do
	holds "--all shows $line" grep -qF "$line" "$tmp/all"
done

make-data idx "$tmp/data" 64 8 || bad "data"
ends 'train --profile' 0 'times their floor' d2v train "$gray" --data "train=$tmp/data" --out "$tmp/run" --steps 3 --profile --quiet
holds 'profile.json adds up, and agrees with the plan' python3 tests/e2e/read_profile.py "$tmp/run/profile.json" "$tmp/plan.json"
holds 'profile.json says what it is' grep -q '"form": 1, "spec": "gray", "entry": "train", "device": "cpu", "batch": 8, "steps": 3' "$tmp/run/profile.json"
holds 'train without --profile' d2v train "$gray" --data "train=$tmp/data" --out "$tmp/plain" --steps 2 --quiet
holds 'no profile.json then' test ! -e "$tmp/plain/profile.json"

d2v plan "$gray" --target cuda --format=json >"$tmp/plan-cuda.json" 2>"$tmp/said" || bad 'plan for cuda' "$tmp/said"
d2v bench "$gray" --device emulate --steps 1 --json >"$tmp/emulate.json" 2>"$tmp/said" || bad 'bench on emulate' "$tmp/said"
holds 'emulate.json adds up, and agrees with the plan' python3 tests/e2e/read_profile.py "$tmp/emulate.json" "$tmp/plan-cuda.json"
finish
