#!/bin/sh
# d2v diff: verdicts held against bits. Each pair of specs is compared, then two steps of both are really run from the same weights
# on the same images: where the verdict is `identical` every tensor must have the same bits; where a pair is listed as having other
# bits some tensor must, or the test would say nothing. Then what people see: texts, JSON, exit codes.
. "$(dirname "$0")/lib.sh"
PATH=$BUILD/numeric:$PATH

# Specs to change by sed: gray and all that it includes.
mkdir -p "$tmp/a/lib" "$tmp/b/lib"
cp models/fashion.d2v "$tmp/a/" && cp models/lib/*.d2v "$tmp/a/lib/"
sed 's|../../../models/||' "$gray" >"$tmp/a/gray.d2v"

# dump SPEC OUT OPTION..: two steps, and everything that they leave.
dump() {
	spec=$1 out=$2
	shift 2
	rm -rf "$out"
	mkdir "$out"
	d2v compile "$spec" --quiet --out "$out/program" "$@" && random_feed "$out/program" 2 "$out/feed" &&
		d2v-run step "$out/program" --feed "$out/feed" --steps 2 --dump "$out/dump"
}

# pair VERDICT BITS NAME SED [OPTION]: B is A changed by SED, compiled with the option. BITS: same, other, or - (not looked at).
pair() {
	verdict=$1 bits=$2 name=$3 change=$4 option=${5:-}
	cp "$tmp/a/"*.d2v "$tmp/b/" && cp "$tmp/a/lib/"*.d2v "$tmp/b/lib/"
	sed -i "$change" "$tmp/b/"*.d2v "$tmp/b/lib/"*.d2v
	if [ -n "$change" ] && diff -r "$tmp/a" "$tmp/b" >/dev/null; then bad "$name: nothing is changed"; fi
	status=6
	if [ "$verdict" = identical ]; then status=0; fi
	side=$tmp/b/gray.d2v
	case $option in
	--set*) side=$side:${option#--set } ;;
	--*) side=$side:${option#--} ;;
	esac
	ends "$name: $verdict" "$status" "numerics $verdict:" d2v diff "$tmp/a/gray.d2v" "$side"
	if [ "$bits" = - ]; then return; fi
	# shellcheck disable=SC2086
	dump "$tmp/b/gray.d2v" "$tmp/there" $option >"$tmp/said" 2>&1 || bad "$name: two steps" "$tmp/said"
	found=$(python3 tests/e2e/same_bits.py "$tmp/here/dump" "$tmp/there/dump" 2>&1)
	if [ "${found%%:*}" = "$bits" ]; then good; else bad "$name: the bits are $found, not $bits"; fi
}

holds 'two steps' dump "$tmp/a/gray.d2v" "$tmp/here"
pair identical same 'itself' ''
pair identical same 'a let renamed' 's/\btop\b/peak/g'
pair identical same 'a comment' 's|^spec gray;|spec gray; // the same|'
pair identical same 'a factor of one' 's/p - top/(p - top) * 1/'
pair identical same 'another place of a bias' 's/gelu(sum(D) n2(a) \* up + upb)/gelu(upb + sum(D) n2(a) * up)/'
pair identical same 'checkpoints' 's/keep = 3, on_signal/keep = 2, on_signal/'
pair reordered same 'computed again' '' --recompute=blocks
pair reordered - 'for a GPU' '' --target=cuda
pair different other 'eps of the optimiser' 's/eps = 1e-8/eps = 1e-4/'
pair different - 'eps of a norm' 's/eps = 1e-6/eps = 1e-5/'
pair different other 'a seed' 's/seed = 0/seed = 1/'
pair different - 'clipping' 's/clip = global_norm(clip)/clip = global_norm(0.01 * clip)/'
pair different - 'precision' '' '--set precision=bf16'
pair different other 'a schedule' '' '--set peak_lr=1e-3'
pair different - 'batch' '' '--set B=16'
pair different - 'layers' '' '--set L=3'
pair different - 'a sum the other way round' 's/return a + drop_path(\(.*\));/return drop_path(\1) + a;/'
pair different - 'augmentation' 's/flip(0.5)/flip(0.4)/'
pair different - 'the end of a run' 's/target_std < 0.01/target_std < 0.02/'
pair different - 'a draw more' 's/path = 0, drop = 0/path = 0, drop = 0.1/'
cp "$tmp/said" "$tmp/text"
holds 'the draw is named' grep -qF 'drawn by kernels, ' "$tmp/text"

# Folders: what is written there counts, not what it was made of.
cp -r "$tmp/here/program" "$tmp/folder"
ends 'a folder and its spec' 0 'numerics identical:' d2v diff "$tmp/folder" "$tmp/a/gray.d2v"
kernel=$(ls "$tmp/folder/kernels/"*_flat.c | head -n 1)
echo '/* a remark */' >>"$kernel"
ends 'a remark' 0 'numerics identical:' d2v diff "$tmp/folder" "$tmp/a/gray.d2v"
sed -i 's/const float v0 = \(.*\);/const float v0 = 2 * (\1);/' "$kernel"
holds 'v0 is changed' grep -qF 'v0 = 2 * (' "$kernel"
ends 'a kernel changed by hand' 6 'one spec, but' d2v diff "$tmp/folder" "$tmp/a/gray.d2v"
ends 'one spec for two targets' 6 'one spec, but' d2v diff generated/fashion-cpu generated/fashion-cuda

# What people see.
ends 'one side' 2 'two specs or folders of programs, and there is only' d2v diff "$gray"
ends 'nothing behind a colon' 2 'not `x`' d2v diff "$gray" "$gray:B=1,x"
ends 'no such target' 2 'cpu or cuda' d2v diff "$gray" "$gray:target=tpu"
ends 'no such recompute' 2 'none, cheap or blocks' d2v diff "$gray" "$gray:recompute=all"
ends 'no such name' 1 'declares no' d2v diff "$gray" "$gray:width=3"
ends 'a folder cannot be set' 1 'nothing in it can be set' d2v diff "$gray" generated/fashion-cpu:B=3
ends 'sizes come first' 6 'B 8 -> 16' d2v diff "$gray" "$gray:B=16"
cp "$tmp/said" "$tmp/text"
holds 'long lists are cut' grep -q '(--all shows everything)' "$tmp/text"
holds 'no line is longer than 100 columns' awk 'length > 100 { print; bad = 1 } END { exit bad }' "$tmp/text"
ends 'all of it' 6 'B 8 -> 16' d2v diff "$gray" "$gray:B=16" --all
cp "$tmp/said" "$tmp/text"
holds 'nothing is cut' sh -c "! grep -qE '^  \.\. [0-9]|--all' $tmp/text"
d2v diff "$gray" "$gray:B=16" --format=json >"$tmp/json"
holds 'JSON' python3 -c "
import json, sys
d = json.load(open(sys.argv[1]))
assert d['numerics'] == 'different' and d['a']['title'].endswith('gray.d2v') and d['b']['title'].endswith(':B=16')
assert {'topic': 'axes', 'name': 'B', 'was': '8', 'is': '16'} in d['changes']
assert d['b']['slab_bytes'] > d['a']['slab_bytes'] > 0 and d['kernels']['same'] > 0" "$tmp/json"
finish
