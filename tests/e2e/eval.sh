#!/bin/sh
# d2v eval on a tiny run: a table, eval.json, the report; the same numbers twice; no change to the run.
. "$(dirname "$0")/lib.sh"
make-data idx "$tmp/data" 200 8
run=$tmp/run
holds 'a run' d2v train "$gray" --data "train=$tmp/data" --out "$run" --steps 60 --quiet
before=$(cat "$run"/checkpoint-* "$run/log.jsonl" | cksum)
evaluate() {
	d2v eval "$run" --data "train=$tmp/data" --data "test=$tmp/data" "$@"
}
ends 'eval' 0 'pre-trained student' evaluate
holds 'the run is as it was' test "$before" = "$(cat "$run"/checkpoint-* "$run/log.jsonl" | cksum)"
cp "$run/eval.json" "$tmp/first.json"
cat >"$tmp/rows.py" <<'PY'
import json, sys
a, b = (json.load(open(f)) for f in sys.argv[1:3])
assert a["step"] == 60 and a["classes"] == 4 and a["train_images"] == 200 and a["test_images"] == 200, a
assert len(a["rows"]) == 8, len(a["rows"])
for r, s in zip(a["rows"], b["rows"]):
    assert 0 <= r["lo"] <= r["value"] <= r["hi"] <= 1, r
    assert (r["encoder"], r["metric"], r["value"]) == (s["encoder"], s["metric"], s["value"]), (r, s)
pixels = [r["value"] for r in a["rows"] if "pixel" in r["encoder"]]
assert min(pixels) > 0.9, "four gradients are easily told apart by their pixels"
PY
ends 'eval again, more threads' 0 'raw pixels' evaluate --threads 2
holds 'eval.json is right, and the same twice' python3 "$tmp/rows.py" "$tmp/first.json" "$run/eval.json"
ends 'both models' 0 'teacher' evaluate --model both
ends 'a block that is not there' 1 'layer' evaluate --layer 9
ends 'the report shows it' 0 'k-NN' cat "$run/report.html"

# Models are the spec's to name: --model says which of the two is meant, not what it is called.
sed -e "s|include \"lib|include \"$PWD/models/lib|" -e 's/student/net/g; s/teacher\([ .;]\)/slow\1/g' models/fashion.d2v >"$tmp/other.d2v"
sed -e "s|include .*|include \"$tmp/other.d2v\";|" "$gray" >"$tmp/named.d2v"
holds 'a run of models with other names' d2v train "$tmp/named.d2v" --data "train=$tmp/data" --out "$tmp/named" --steps 3 --quiet
ends 'both are there' 0 'pre-trained teacher' d2v eval "$tmp/named" --data "train=$tmp/data" --data "test=$tmp/data" --model both
sed -i 's/of net, slow ->/of slow ->/' "$tmp/other.d2v"
holds 'a run with features of the average alone' \
	d2v train "$tmp/named.d2v" --data "train=$tmp/data" --out "$tmp/alone" --steps 3 --quiet
ends 'no features of the student' 1 '--model teacher' d2v eval "$tmp/alone" --data "train=$tmp/data" --data "test=$tmp/data"
holds 'but of the teacher' d2v eval "$tmp/alone" --data "train=$tmp/data" --data "test=$tmp/data" --model teacher

# An image that cannot be read is left out, not counted by another.
make-data folder "$tmp/folder" 6 40
holds 'a run on a folder' d2v train models/tiny/vit.d2v --data "train=$tmp/folder" --out "$tmp/images" --steps 2 --quiet
cp -r "$tmp/folder" "$tmp/some"
echo no >"$tmp/some/c1/000.png"
ends 'one of 24 cannot be read' 0 '24 training and 23 test images' \
	d2v eval "$tmp/images" --data "train=$tmp/folder" --data "test=$tmp/some"

ends 'test data is missing' 2 '--data test=PATH' d2v eval "$run" --data "train=$tmp/data"
ends 'no such run' 1 '[no-program]' d2v eval "$tmp/none" --data "train=$tmp/data" --data "test=$tmp/data"
rm "$tmp/data/t10k-labels-idx1-ubyte"
ends 'no labels' 1 'label' evaluate
finish
