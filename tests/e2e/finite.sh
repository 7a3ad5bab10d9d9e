#!/bin/sh
# A step without a finite loss or gradient norm: where the first bad value comes from is found and said, whichever of twelve
# equal blocks it is in, forwards or backwards, in the batch or in the weights; and the state before it is saved.
. "$(dirname "$0")/lib.sh"
make-data idx "$tmp/data" 96 8
data=train=$tmp/data

# plant NAME SED-COMMAND: the model of gray.d2v, twelve blocks deep, its layers edited. is7 is 1 in block 7, else 0.
plant() {
	mkdir -p "$tmp/$1/lib"
	sed -e '/fn call(x : \[.., T, D\], r : \[H, T, U\]) -> \[.., T, D\] {/{
		x
		s/^/x/
		/^xx$/{
			x
			i\  let is7 = max(0, 1 - abs(l - 7));
			b
		}
		x
	}' -e "$2" models/lib/vit.d2v >"$tmp/$1/lib/vit.d2v"
	cp models/fashion.d2v "$tmp/$1"
	sed -e 's|include .*|include "fashion.d2v";|' -e 's/L = 2/L = 12/' "$gray" >"$tmp/$1/spec.d2v"
}
plant whole ''
plant forward 's/gelu(sum(D) n2(a) \* up + upb)/gelu(sum(D) n2(a) * up + upb) * exp(is7 * 200)/'
plant tokens 's/let a : \(.*\) = x + drop/let a : \1 = x * exp(is7 * 90 * x * x) + drop/'
# Below 1e-38 squared: 0 forwards; its gradient is multiplied by 1e25 twice before anything makes it small.
plant backward 's/return a + drop_path/let w : [.., T, D] = a * 1e-25;\n    return a + is7 * tanh((1 + is7 * 1e25) * tanh((1 + is7 * 1e25) * (w * w))) + drop_path/'

# An input file: the image of one batch, `value` at one pixel of sample `row`.
cat >"$tmp/feed.py" <<'PY'
import json, struct, sys
path, row, value = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
pixels = [((i * 7919) % 211) / 100.0 - 1 for i in range(8 * 64)]
if row >= 0:
    pixels[row * 64 + 5] = value
head = json.dumps({"image": {"dtype": "F32", "shape": [8, 1, 8, 8], "data_offsets": [0, 2048]}}).encode()
open(path, "wb").write(struct.pack("<Q", len(head)) + head + struct.pack("<512f", *pixels))
PY
for f in 'good -1 0' 'nan 5 nan' 'large 3 3e3'; do
	set -- $f
	python3 "$tmp/feed.py" "$tmp/$1.feed" "$2" "$3"
done

# also TEXT..: what was said last says these, too.
also() {
	for text; do
		if grep -qE -e "$text" "$tmp/said"; then good; else bad "does not say \`$text\`" "$tmp/said"; fi
	done
}
step() {
	d2v step "$tmp/$1/spec.d2v" --feed "$tmp/$2.feed" --dump "$tmp/dump"
}

ends 'nothing planted' 0 'loss' step whole good
rm -f "$tmp/dump"
ends 'forwards' 1 '[not-finite]' step forward good
also '^first bad value: written by k[0-9]+_.* \((forward|teacher)\)' 'lib/vit.d2v:37 ' 'block\[7\]' 'tried does it alone' '^hint: '
if grep -q 'block\[[0-689]' "$tmp/said"; then bad 'names another block' "$tmp/said"; fi
holds 'nothing is written' test ! -e "$tmp/dump"
ends 'backwards, where forwards is finite' 1 'the norm of the gradients of step 0' step backward good
also 'written by .* \(backward\)' 'block\[7\]'
ends 'a batch with a NaN' 1 'first bad value: input image' step whole nan
also 'of 512: 1 NaN, 0 infinite' 'samples  5 of the batch$'
ends 'a planted block that one sample sets off' 0 'loss' step tokens good
ends 'the sample' 1 '[not-finite]' step tokens large
also 'block\[7\]' 'samples  3 of the batch$'

# Training: the state before the step is kept, and going on from it meets the same step.
train() {
	name=$1 spec=$2
	shift 2
	d2v train "$spec" --data "$data" --out "$tmp/$name" --quiet "$@"
}
ends 'a run that diverges' 5 '[not-finite]' train run "$gray" --set peak_lr=1e30
also 'the loss of step 3 is' 'holds the state before step 3, checkpoint-00000002' '^first bad value' 'NaN, [0-9]+ infinite'
holds 'what is kept is finite' d2v train "$gray" --data "$data" --out "$tmp/two" --quiet --set peak_lr=1e30 --until 2
holds 'it is the state after the last good step' cmp "$tmp/run/checkpoint-00000002.safetensors" "$tmp/two/checkpoint-00000002.safetensors"
ends 'the log has the step' 0 '"step":3,"epoch":0,"loss":"NaN"' cat "$tmp/run/log.jsonl"
ends 'resumed, it meets the same step' 5 'the loss of step 3 is' train run "$gray" --set peak_lr=1e30 --resume
# A profile runs whole steps, as a GPU does that works ahead: the run goes back to its newest checkpoint.
ends 'a device that is not stopped' 5 'going back to step 0' train back "$gray" --set peak_lr=1e30 --profile
also 'holds the state before step 3' '^first bad value'
holds 'the same state' cmp "$tmp/run/checkpoint-00000002.safetensors" "$tmp/back/checkpoint-00000002.safetensors"
ends 'in block 7 of a run' 5 'first bad value' train tokens "$tmp/tokens/spec.d2v" --set peak_lr=1e3
also 'block\[7\]'

# Without a limit to the norm nothing but the order of the plan makes updates wait for it.
mkdir -p "$tmp/free/lib"
cp models/lib/vit.d2v "$tmp/free/lib"
sed '/clip = global_norm/d' models/fashion.d2v >"$tmp/free/fashion.d2v"
sed 's|include .*|include "fashion.d2v";|' "$gray" >"$tmp/free/spec.d2v"
ends 'no limit to the norm' 5 'holds the state before step 3' train free1 "$tmp/free/spec.d2v" --set peak_lr=1e30
if grep -q 'going back' "$tmp/said"; then bad 'updates do not wait for the norm' "$tmp/said"; fi
holds 'two steps of it' train free2 "$tmp/free/spec.d2v" --set peak_lr=1e30 --until 2
holds 'the state after the last good step' cmp "$tmp/free1/checkpoint-00000002.safetensors" "$tmp/free2/checkpoint-00000002.safetensors"

# The same search on emulated CUDA kernels.
d2v compile "$tmp/forward/spec.d2v" --target=cuda --out "$tmp/cuda" --quiet --set L=8 || bad 'compiled for cuda'
ends 'emulated' 1 '[not-finite]' d2v-run step "$tmp/cuda" --device emulate --feed "$tmp/good.feed"
also 'block\[7\]' 'lib/vit.d2v:37 '
finish
