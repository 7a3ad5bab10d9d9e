#!/bin/sh
# The check values that the recipe's description prints (data2vec-vision.md, appendix), through
# text, compiler, kernels and runtime: tests/numeric/appendix.c has them. BUILD: folder of the
# programs.
set -u
cd "$(dirname "$0")/../.." || exit 3
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 3
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
passed=0
failed=0

# check WHAT SPEC [NAME VALUE ..]: one step of SPEC, and what came of it. `entry`: what is run of it, on the batch `feed`.
entry=train
feed=f
check() {
	what=$1 spec=$2
	shift 2
	if "$BUILD/d2v" step "$spec" --entry $entry --names beit --init "$dir/w.safetensors" \
		--feed "$dir/$feed.safetensors" --dump "$dir/o.safetensors" &&
		"$BUILD/numeric/appendix" check "$dir/o.safetensors" "$@"; then
		passed=$((passed + 1))
	else
		echo "FAILED: $what"
		failed=$((failed + 1))
	fi
}

# variant NAME SCRIPT: the tiny recipe with its objective rewritten by a sed script.
variant() {
	mkdir -p "$dir/$1/tiny"
	cp -r models/lib "$dir/$1"
	cp models/tiny/vit.d2v "$dir/$1/tiny"
	sed "$2" models/vit_base.d2v >"$dir/$1/vit_base.d2v"
	if cmp -s models/vit_base.d2v "$dir/$1/vit_base.d2v"; then
		echo "the script of $1 changes nothing"
		exit 1
	fi
}

"$BUILD/numeric/appendix" write "$dir/w.safetensors" "$dir/f.safetensors" || exit 1
check 'a step' models/tiny/vit.d2v
variant beta 's/smooth_l1(e, beta = 2)/smooth_l1(e, beta = 0.12)/'
check 'beta 0.12' "$dir/beta/tiny/vit.d2v" loss 0.843302
variant l2 's/smooth_l1(e, beta = 2)/e * e/'
check 'L2' "$dir/l2/tiny/vit.d2v" loss 1.104550

# The term that keeps predictions apart, and the teacher's mask token, which nothing reads unless it is watched.
variant more 's|^  watch masked.*|  let p : [B, N, D] = student.predict(image, m) as [B, N, D];\
  let s : [D] = std(p over (B, N) where m);\
  let count : [] = sum(B, N) m;\
  watch apart = mean(D) max(0, 0.5 - sqrt(s * s * count / (count - 1) + 1e-6));\
  watch used = mean(D) teacher.hole;|'
check 'variance term' "$dir/more/tiny/vit.d2v" apart 0.497061
check 'mask token of the teacher' "$dir/more/tiny/vit.d2v" teacher/mask_token 0.19476710 0.11970884 -0.01165341 -0.13753393

# What a block adds last (kind `fc`), of the last block.
variant fc 's|^  fn predict.*|  fn added(image : [B, C, Y, X], m : mask[B, N]) -> [B, N, D] {\
    let z : [L, B, T, D] = states(image, m);\
    return block[L - 1].added(z[L - 2], pick(offset over R, grid_offsets(Gy, Gx) as [T, U])) at N;\
  }\
&|
s|-> .L, B, N, D. = states(image, none) at N|-> [B, N, D] = added(image, none)|'
sed 's|^  param s1, s2.*|&\
  fn added(x : [.., T, D], r : [H, T, U]) -> [.., T, D] {\
    let a : [.., T, D] = x + s1 * attend(n1(x), r);\
    let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);\
    return s2 * (sum(F) h * down + downb);\
  }|' models/lib/vit.d2v >"$dir/fc/lib/vit.d2v"
"$BUILD/numeric/appendix" classifier S "$dir/s.safetensors" "$dir/image.safetensors" || exit 1
entry=teacher.features
feed=image
check 'fc' "$dir/fc/tiny/vit.d2v" feature 0.000941 -0.015233 -0.087268 0.099652 -0.018077 -0.094578 0.092515 -0.077050

# The classifier, with one position table and with one for each block.
entry=student.features
mv "$dir/s.safetensors" "$dir/w.safetensors"
check 'classifier, one table' tests/numeric/classifier.d2v feature \
	0.032399 0.186916 0.260653 0.217884 0.074945 -0.081731 0.020240 0.116248 0.160568 0.130446
"$BUILD/numeric/appendix" classifier P "$dir/w.safetensors" "$dir/image.safetensors" || exit 1
sed -e 's/use table : Table;/use table[l in L] : Table;/; s/table(x)) from/table[l](x)) from/' -e "s|../../models|$PWD/models|" \
	-e 's/"rel_pos_bias.relative_position_bias_table" = table/"blocks.{l}.attn.relative_position_bias_table" = table[l]/' \
	tests/numeric/classifier.d2v >"$dir/tables.d2v"
check 'classifier, a table for each block' "$dir/tables.d2v" feature \
	-0.181462 0.033251 0.228847 0.319102 0.266309 0.092581 0.280634 0.338527 0.241848 0.036797

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
