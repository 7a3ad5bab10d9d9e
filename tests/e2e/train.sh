#!/bin/sh
# A training run from spec to report: what it leaves behind, that the same inputs give the same bits, and how it ends
# when it is told to stop early.
. "$(dirname "$0")/lib.sh"
make-data idx "$tmp/data" 96 8
data=train=$tmp/data

# train NAME [options]
train() {
	name=$1
	shift
	d2v train "$gray" --data "$data" --out "$tmp/$name" "$@"
}
last() {
	find "$tmp/$1" -name 'checkpoint-*' | sort | tail -n 1
}

ends 'a run' 0 'step 30/30' train run
for file in checkpoint-00000030.safetensors log.jsonl events.out.tfevents.d2v report.html run.txt program/program.d2p; do
	holds "the run leaves $file" test -s "$tmp/run/$file"
done
holds 'as many checkpoints as the spec keeps' test "$(find "$tmp/run" -name 'checkpoint-*' | wc -l)" -eq 3
holds 'a line for each step' test "$(grep -c '"loss"' "$tmp/run/log.jsonl")" -eq 30
ends 'the report is whole' 0 '</html>' cat "$tmp/run/report.html"

# The event file, read by a program that shares nothing with the one that wrote it.
ends 'the events are well formed' 0 '"loss"' tests/e2e/read_events.py "$tmp/run/events.out.tfevents.d2v"
tests/e2e/read_events.py "$tmp/run/events.out.tfevents.d2v" >"$tmp/events"
cat >"$tmp/same.py" <<'PY'
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
events = [e for e in map(json.loads, open(sys.argv[2])) if "step" in e]
assert [e["step"] for e in events] == [l["step"] for l in lines] == list(range(1, len(lines) + 1)), "steps differ"
for e, l in zip(events, lines):
    for name in ("loss", "lr", "target_std", "grad_norm"):
        assert abs(e[name] - l[name]) <= 1e-6 * abs(l[name]), (l["step"], name)
assert any(l["lr"] > 0 for l in lines) and all(0 < l["masked"] < 1 for l in lines)
PY
holds 'the events say what the log says' python3 "$tmp/same.py" "$tmp/run/log.jsonl" "$tmp/events"

# The same bits, whatever the number of threads.
holds 'a second run' train again --workers 3 --quiet
holds 'one worker or three: the same bits' cmp "$(last run)" "$(last again)"
holds 'two threads' train threads --threads 2 --quiet
holds 'one thread or two: the same bits' cmp "$(last run)" "$(last threads)"
holds 'another seed' train seed --seed 1 --quiet
if cmp -s "$(last run)" "$(last seed)"; then bad 'another seed gives another run'; else good; fi

# In two parts.
holds 'the first part' train parts --until 10 --quiet
holds 'a checkpoint where it was told to end' test -s "$tmp/parts/checkpoint-00000010.safetensors"
holds 'the second part' train parts --resume --workers 2 --quiet
holds 'two parts or one: the same bits' cmp "$(last run)" "$(last parts)"
ends 'a run that is complete' 0 'nothing is left to do' train parts --resume
holds 'two parts or one: the same steps in the log' test "$(grep -c '"loss"' "$tmp/parts/log.jsonl")" -eq 30

# A folder that holds a run is left alone.
before=$(sum_of "$tmp/run")
ends 'no second run in the same folder' 1 '[run-exists]' train run
ends 'no other spec' 1 '[run-differs]' train run --resume --set D=16
ends 'no other seed' 1 '[run-differs]' train run --resume --seed 7
ends 'no other length' 1 '[run-differs]' train run --resume --steps 60
make-data idx "$tmp/more" 97 8
ends 'no other data' 1 '[run-differs]' d2v train "$gray" --data "train=$tmp/more" --out "$tmp/run" --resume
holds 'what was refused changed nothing' test "$before" = "$(sum_of "$tmp/run")"

# A spec for more ranks than there are says so, once, and runs.
sed -e "s|include \"lib|include \"$PWD/models/lib|" -e '/^expect global_batch/d' -e 's/^run {/run {\n  ranks = 4;/' models/fashion.d2v >"$tmp/four.d2v"
sed -e "s|include .*|include \"$tmp/four.d2v\";|" "$gray" >"$tmp/ranks.d2v"
ends 'fewer ranks than the spec is for' 0 'the spec is for 4 ranks, this run has 1: each step averages over 8 samples, not 4 x 8 = 32' \
	d2v train "$tmp/ranks.d2v" --data "train=$tmp/data" --out "$tmp/ranks" --quiet
holds 'said in one line' test "$(grep -c '\[ranks\]' "$tmp/said")" -eq 1
holds 'one rank is as the spec says' train one --quiet --until 1
if grep -q '\[ranks\]' "$tmp/said"; then bad 'a warning about one rank' "$tmp/said"; fi

# Loss that is no number; a condition of the spec.
ends 'a loss that is not finite' 5 '[not-finite]' train nan --set peak_lr=1e30
holds 'the state before it is saved' test -s "$tmp/nan/checkpoint-00000002.safetensors"
ends 'the log has it' 0 'NaN' cat "$tmp/nan/log.jsonl"
ends 'a run of another length by --steps' 0 'step 12/12' train steps --steps 12
ends 'its report says so' 0 '12 steps (the spec says 30 steps)' cat "$tmp/steps/report.html"
finish
