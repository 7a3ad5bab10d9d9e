#!/bin/sh
# `d2v step`: the gradient of every parameter is in what it writes, in the written order of its axes.
. "$(dirname "$0")/lib.sh"
spec=tests/e2e/specs/shared.d2v
d2v compile $spec --out "$tmp/program" --quiet || bad 'a program'
"$BUILD/numeric/random_feed" "$tmp/program" 3 "$tmp/feed" || bad 'a feed'
for device in cpu emulate; do
	holds "steps on $device" d2v step $spec --feed "$tmp/feed" --steps 3 --device $device --dump "$tmp/three"
	if grep -q 'grad\.' "$tmp/said"; then bad 'a gradient among the numbers of a step' "$tmp/said"; fi
	holds "a step on $device" d2v step $spec --feed "$tmp/feed" --steps 1 --device $device --dump "$tmp/one"
	holds "gradients of $device" tests/e2e/read_gradients.py "$tmp/one" "$tmp/three"
done
d2v step $spec --list >"$tmp/list"
holds 'listed as the parameter is written' grep -qE '^output +grad\.inner +f32\[H:2, D:6, E:3\]$' "$tmp/list"

# Published names of an average begin with `teacher/`, whatever the spec calls it.
mkdir -p "$tmp/models/tiny"
cp -r models/lib "$tmp/models"
cp models/tiny/vit.d2v "$tmp/models/tiny"
sed 's/teacher\([ .;]\)/slow\1/g' models/vit_base.d2v >"$tmp/models/vit_base.d2v"
d2v compile "$tmp/models/tiny/vit.d2v" --out "$tmp/slow" --quiet || bad 'a program with another average'
"$BUILD/numeric/random_feed" "$tmp/slow" 1 "$tmp/feed" || bad 'a feed for it'
holds 'a step of it' d2v step "$tmp/models/tiny/vit.d2v" --feed "$tmp/feed" --names beit --dump "$tmp/dump"
for name in slow.cls teacher/cls_token; do holds "it writes $name" grep -qaF "\"$name\":{" "$tmp/dump"; done

# The gradient of a single number is not among what a run watches.
make-data idx "$tmp/data" 24 4
holds 'a run' d2v train $spec --data "train=$tmp/data" --out "$tmp/run" --quiet
if grep -q 'grad\.' "$tmp/run/log.jsonl"; then bad 'a gradient in the log' "$tmp/run/log.jsonl"; else good; fi
finish
