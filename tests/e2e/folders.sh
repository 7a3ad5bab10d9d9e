#!/bin/sh
# Image folders: PNG and JPEG files of classes are trained on; files that cannot be read are named and skipped.
. "$(dirname "$0")/lib.sh"
make-data folder "$tmp/good" 6 40
train() { # train DATA RUN [options]
	data=$1 run=$2
	shift 2
	d2v train models/tiny/vit.d2v --data "train=$tmp/$data" --out "$tmp/$run" --quiet "$@"
}
holds 'PNG and JPEG' train good run
holds 'the same with other workers' train good again --workers 4
holds 'and the same bits' cmp "$tmp/run/checkpoint-00000020.safetensors" "$tmp/again/checkpoint-00000020.safetensors"

# A run goes on with its folder wherever that lies now, but not when a file in it changed its name or size.
holds 'half a run' train good half --until 10
mv "$tmp/good" "$tmp/moved"
cp -r "$tmp/moved" "$tmp/renamed"
mv "$tmp/renamed/c1/000.png" "$tmp/renamed/c1/000a.png"
cp -r "$tmp/moved" "$tmp/longer"
printf x >>"$tmp/longer/c2/001.jpg"
ends 'a file renamed' 1 'was started on other data' train renamed half --resume
ends 'a file longer' 1 'was started on other data' train longer half --resume
holds 'the folder moved' train moved half --resume
holds 'the same bits' cmp "$tmp/run/checkpoint-00000020.safetensors" "$tmp/half/checkpoint-00000020.safetensors"
mv "$tmp/moved" "$tmp/good"

cp -r "$tmp/good" "$tmp/some"
echo 'not an image' >"$tmp/some/c1/000.png"
head -c 200 "$tmp/good/c2/001.jpg" >"$tmp/some/c2/001.jpg"
: >"$tmp/some/c3/002.png"
ln -s nowhere "$tmp/some/c0/zzz.jpg"
train some some_run >"$tmp/out" 2>&1
holds 'unreadable images do not end a run' test $? -eq 0
for file in c1/000.png c2/001.jpg c3/002.png c0/zzz.jpg; do
	ends "$file is named" 0 "$file" cat "$tmp/out"
done
ends 'and they are counted' 0 'd2v: 4 of 25 images could not be read' cat "$tmp/out"
train some some_again --workers 3 >/dev/null 2>&1
holds 'what replaces them does not depend on workers' \
	cmp "$tmp/some_run/checkpoint-00000020.safetensors" "$tmp/some_again/checkpoint-00000020.safetensors"

# Without a crop, images must have the program's size: of a folder the file is named, an IDX file is refused before the run begins.
cp -r models/lib "$tmp"
sed 's/flip(0.5), resized_crop.*bicubic);/flip(0.5);/' models/vit_base.d2v >"$tmp/vit_base.d2v"
sed 's|include ".*|include "vit_base.d2v";|' models/tiny/vit.d2v >"$tmp/fixed.d2v"
ends 'images of another size' 1 '.png is 40 x 40, the program wants 32 x 32' \
	d2v train "$tmp/fixed.d2v" --data "train=$tmp/good" --out "$tmp/size" --quiet --workers 1
make-data idx "$tmp/idx" 96 9
ends 'IDX images of another size' 1 'images are 9 x 9, the program wants 8 x 8' d2v train "$gray" --data "train=$tmp/idx" --out "$tmp/size9"
holds 'which left no run' test ! -e "$tmp/size9"

mkdir -p "$tmp/none/c0" "$tmp/bad/c0" "$tmp/parts"
cp -r "$tmp/good" "$tmp/parts/train"
cp -r "$tmp/good" "$tmp/parts/val"
for i in 1 2 3 4; do echo no >"$tmp/bad/c0/$i.png"; done
ends 'folders without images' 1 '[data-empty]' train none x
ends 'parts of a data set' 1 '[data-parts]' train parts x
train bad x >"$tmp/out" 2>&1
holds 'no image that can be read: an error' test $? -eq 1
ends 'which names one' 0 'c0/' cat "$tmp/out"
finish
