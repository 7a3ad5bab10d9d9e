#!/bin/sh
# d2v check --passes on the recipes: sizes are shrunk, every pass has a row, the last line says that all is well; and what it refuses.
. "$(dirname "$0")/lib.sh"
passes=$(d2v opt --list-passes | awk '/^$/ { exit } NR > 1 && /^[a-z]/ { print $1 }')
for spec in models/fashion.d2v models/vit_base.d2v models/vit_large.d2v tests/e2e/specs/axial.d2v $gray; do
	model=$(basename "$spec" .d2v)
	timeout 60 d2v check --passes "$spec" >"$tmp/out" 2>&1
	holds "$model ends well" test "$(tail -n 1 "$tmp/out")" = "every pass keeps the meaning of $spec"
	for pass in $passes; do
		holds "$model: a row for $pass" grep -qE "^$pass +[0-9]+ +[0-9]+  [0-9]+ output" "$tmp/out"
	done
done
ends 'for a GPU, blocks computed again' 0 'every pass keeps the meaning' d2v check --passes "$gray" --target=cuda --recompute=blocks
ends 'only the last line' 0 "every pass keeps the meaning of $gray" d2v check --passes --quiet "$gray"
holds 'and nothing else' test "$(wc -l <"$tmp/said")" -eq 1
# A loss so steep that differences over a hundred-thousandth say nothing of its slope: fourteen times 4 x (1 - x).
bent='(0.5 + 0.5 * erf(p))'
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do bent="bend($bent)"; done
sed -e "s|include \"lib|include \"$PWD/models/lib|" -e "s|smooth_l1(p - top, beta = 2)|$bent|" models/fashion.d2v >"$tmp/bent.d2v"
echo 'fn bend(x : [.., D]) -> [.., D] = 4 * x * (1 - x);' >>"$tmp/bent.d2v"
sed "s|include .*|include \"$tmp/bent.d2v\";|" "$gray" >"$tmp/steep.d2v"
ends 'a steep loss' 0 'every pass keeps the meaning' d2v check --passes --quiet "$tmp/steep.d2v"
ends 'sizes that are set stay, and are too large' 1 '[too-large]' d2v check --passes models/vit_base.d2v --set D=768 --set B=64 --set Gy=14
ends 'a wrong spec is just wrong' 1 '[not-divisible]' d2v check --passes models/vit_base.d2v --set D=770
ends 'no JSON' 2 'has no --format=json' d2v check --passes "$gray" --format=json
finish
