#!/bin/sh
# d2v report: the page of a spec, a program and a run. Its numbers are those of d2v plan, its stages those of the dumps; what a spec says
# is shown and never run; bad input is named. Where Chromium is installed the page is also used, with the keyboard alone.
. "$(dirname "$0")/lib.sh"
report() { d2v report "$@" --quiet; }
reads() { python3 tests/e2e/read_report.py "$@"; }

d2v plan $gray --format=json --out "$tmp/plan.json"
d2v compile $gray --out "$tmp/prog" --dump-dir "$tmp/dumps" --quiet
holds 'a spec' report $gray --out "$tmp/gray.html"
holds 'whole, and as the plan and the dumps say' reads "$tmp/gray.html" "$tmp/plan.json" "$tmp/dumps"
holds 'once more' report $gray --out "$tmp/again.html"
holds 'the same bytes' cmp "$tmp/gray.html" "$tmp/again.html"
holds 'a program' report "$tmp/prog" --out "$tmp/prog.html"
holds 'as the plan says' reads "$tmp/prog.html" "$tmp/plan.json"
d2v plan $gray --target=cuda --format=json --out "$tmp/cuda.json"
holds 'for cuda' report $gray --target=cuda --out "$tmp/cuda.html"
holds 'with its kernels' grep -q '__global__' "$tmp/cuda.html"
holds 'as the plan for cuda says' reads "$tmp/cuda.html" "$tmp/cuda.json"
d2v plan $gray --entry=student.features --format=json --out "$tmp/features.json"
holds 'another entry' report $gray --entry=student.features --out "$tmp/features.html"
holds 'as its plan says' reads "$tmp/features.html" "$tmp/features.json"

# The spec is gone, or is another one now: only what kernels quote is shown, and that is said.
cp -r models "$tmp/models"
sed -i "s|let p : .* patchb;|& // <script>window.planted = 1</script> <b>\& \"q\" </style></table> <!--|" "$tmp/models/fashion.d2v"
grep -q planted "$tmp/models/fashion.d2v" || bad 'the comment was not planted'
plant() { (cd "$tmp" && "$BUILD/d2v" "$@"); }
holds 'markup in a comment' plant report models/fashion.d2v --set B=8 --set D=8 --set H=2 --set K=1 --out planted.html --quiet
plant plan models/fashion.d2v --set B=8 --set D=8 --set H=2 --set K=1 --format=json --out planted.json
holds 'is text' reads "$tmp/planted.html" "$tmp/planted.json"
holds 'and shown' grep -qF '// &lt;script&gt;window.planted = 1&lt;/script&gt; &lt;b&gt;&amp; &quot;q&quot; &lt;/style&gt;' "$tmp/planted.html"
holds 'never as markup' sh -c "! grep -q '<script>window.planted\|</style></table>' '$tmp/planted.html'"
plant compile models/fashion.d2v --set B=8 --set D=8 --set H=2 --set K=1 --out prog2 --quiet
holds 'a program beside its spec' plant report prog2 --out whole.html --quiet
holds 'has all lines' grep -q 'spec fashion;' "$tmp/whole.html"
sed -i 's|// 2. Model|// moved\n\n// 2. Model|' "$tmp/models/fashion.d2v"
holds 'a program whose spec was edited' plant report prog2 --out edited.html --quiet
holds 'shows what the kernels quote' grep -q 'let p : ' "$tmp/edited.html"
holds 'and not the lines of now' sh -c "! grep -q 'spec fashion;' '$tmp/edited.html'"
holds 'and says so' grep -q 'only the lines that kernels quote' "$tmp/edited.html"

# A run: its curves, and measured times where there are some.
make-data idx "$tmp/data" 96 8
holds 'a run to report on' d2v train $gray --data "train=$tmp/data" --out "$tmp/run" --steps 12 --quiet
holds 'a run' d2v report "$tmp/run" --quiet
holds 'lies in its folder, as the plan says' reads "$tmp/run/program.html" "$tmp/plan.json"
holds 'has its curves' grep -q 'Loss</b>' "$tmp/run/program.html"
holds 'and no measured times' sh -c "! grep -q 'id=measured' '$tmp/run/program.html'"
holds 'and no results' sh -c "! grep -q 'id=results' '$tmp/run/program.html'"
holds 'a run is evaluated' d2v eval "$tmp/run" --data "train=$tmp/data" --data "test=$tmp/data"
holds 'a report again' report "$tmp/run" --out "$tmp/results.html"
holds 'is whole' reads "$tmp/results.html" "$tmp/plan.json"
holds 'shows results' grep -q 'id=results' "$tmp/results.html"
cp "$tmp/run/eval.json" "$tmp/eval.json"
holds 'a run, with its spec' report "$tmp/run" --spec $gray --out "$tmp/both.html"
holds 'has curves and passes' reads "$tmp/both.html" "$tmp/plan.json" "$tmp/dumps"
ends 'with other settings' 1 'was compiled from another spec' report "$tmp/run" --spec $gray --set B=16
ends 'with other options' 1 '[other-program]' report "$tmp/run" --spec $gray --recompute=blocks
ends 'a spec of a spec' 1 '--spec is for a run or a program' report $gray --spec $gray
cat >"$tmp/profile.py" <<'END'
import json, sys
plan = json.load(open(sys.argv[1]))
row = lambda r: {'name': r['name'], 'calls': r['steps'], 'ms': 3e3 * r['seconds'], 'floor_ms': 1e3 * r['seconds']}
total = {'name': 'total', 'calls': 1, 'ms': 3e3 * plan['seconds'], 'floor_ms': None}
json.dump({'device': 'cpu<i>', 'steps': 12, 'total': total, **{k: [row(r) for r in plan[k]] for k in ('kinds', 'roles', 'lines', 'kernels')}},
          open(sys.argv[2], 'w'))
END
python3 "$tmp/profile.py" "$tmp/plan.json" "$tmp/run/profile.json"
holds 'a run with a profile' d2v report "$tmp/run" --quiet
holds 'is whole' reads "$tmp/run/program.html" "$tmp/plan.json"
holds 'shows measured times' grep -q '<td class=n>3.00<td class="bars wide">' "$tmp/run/program.html"
holds 'of the device' grep -q 'On device cpu&lt;i&gt;, mean of 12 steps' "$tmp/run/program.html"

holds 'a run that was measured' d2v train $gray --data "train=$tmp/data" --out "$tmp/timed" --steps 4 --profile --quiet
holds 'a report of it' d2v report "$tmp/timed" --quiet
holds 'tells what was measured' grep -q 'On device cpu, mean of 4 steps: ' "$tmp/timed/program.html"
holds 'and is whole' reads "$tmp/timed/program.html" "$tmp/plan.json"

echo '{"device": "cpu", "kinds": 3}' >"$tmp/run/profile.json"
ends 'a profile without rows' 1 'profile.json: it has no list `kinds`' d2v report "$tmp/run"
echo '{"device"' >"$tmp/run/profile.json"
ends 'a profile cut short' 1 'profile.json:' d2v report "$tmp/run"
rm "$tmp/run/profile.json"
echo '{"rows": [{"encoder": "x", "metric": "y"}]}' >"$tmp/run/eval.json"
ends 'a result without a value' 1 'eval.json: a row lacks' d2v report "$tmp/run"
echo '{"step": 12}' >"$tmp/run/eval.json"
ends 'results without rows' 1 'eval.json: it has no list `rows`' d2v report "$tmp/run"
rm "$tmp/run/eval.json"
sed -i '3s/.*/damaged/' "$tmp/run/log.jsonl"
ends 'a damaged log' 1 'log.jsonl:3: not a line of a log' d2v report "$tmp/run"
rm "$tmp/run/log.jsonl"
ends 'a run without a log' 1 'a report is made from the log of a run' d2v report "$tmp/run"
rm "$tmp/run/program/program.d2p"
ends 'a run without a program' 1 'program/program.d2p' d2v report "$tmp/run"
ends 'a folder that is no run' 1 'is no run and no program' d2v report "$tmp/data"
ends 'what to give then' 1 'help: give a spec' d2v report "$tmp/data"
ends 'no such file' 1 'nowhere.d2v' d2v report "$tmp/nowhere.d2v"
ends 'a spec that is wrong' 1 'error' d2v report $gray --set D=7
ends 'no such entry' 1 'has no entry `tests`' d2v report $gray --entry=tests
ends 'a program cannot be set' 1 '[folder-set]' d2v report "$tmp/prog" --set B=8
ends 'no file' 2 'a spec, a run or the folder of a program' d2v report
ends 'a folder that cannot be written' 3 'error' d2v report $gray --out /proc/nowhere/x.html

# The large recipe stays a page that a browser opens at once.
start=$(date +%s%N)
holds 'ViT-B' report models/vit_base.d2v --out "$tmp/vit.html"
took=$((($(date +%s%N) - start) / 1000000))
bytes=$(wc -c <"$tmp/vit.html")
holds "in under 20 seconds: $took ms" test "$took" -lt 20000
holds "and under 5 MB: $bytes bytes" test "$bytes" -lt 5000000
d2v plan models/vit_base.d2v --format=json --out "$tmp/vit.json"
holds 'as its plan says' reads "$tmp/vit.html" "$tmp/vit.json"

if command -v chromium >/dev/null; then
	holds 'used with the keyboard alone' python3 tests/e2e/use_report.py "$tmp/planted.html"
	holds 'a run with results, used' python3 tests/e2e/use_report.py "$tmp/results.html" "$tmp/eval.json"
	holds 'ViT-B, used' python3 tests/e2e/use_report.py "$tmp/vit.html"
else
	echo 'chromium is not installed: the page was read, but not used in a browser'
fi
finish
