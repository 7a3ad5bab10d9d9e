#!/bin/sh
# The generated CUDA text, run on the CPU by the device emulate, against the device cpu: the small recipes, five whole steps on the
# same images. Whatever the order in which threads and blocks run, the same bits. A step under the memory check: kernels
# touch what the program says they touch, nothing else. Then mistakes planted in kernels, each of which must show.
. "$(dirname "$0")/lib.sh"

# steps FOLDER DEVICE STEPS OUT
steps() {
	d2v-run step "$1" "--device=$2" --feed "$tmp/feed.safetensors" --steps "$3" --dump "$tmp/$4.safetensors"
}
near() {
	"$BUILD/numeric/compare_safetensors" "$tmp/have.safetensors" "$tmp/want.safetensors" "$@"
}

# agree SPEC PRECISION FIRST ALL: errors, relative to the largest element of a tensor, of losses, norms and the first gradients, and of
# everything after five steps. Weights and moments differ more: the update divides by the root of the second moment, which
# makes much of the last bits of a small gradient. In bf16 a sum in another order may round to the next bf16, 2^-8 away.
agree() {
	what="$1 $2"
	for target in cpu cuda; do
		rm -rf "${tmp:?}/$target"
		holds "$what for $target" d2v compile "$1" --set "precision=$2" "--target=$target" --quiet --no-nvrtc --out "$tmp/$target"
	done
	holds "$what: images" "$BUILD/numeric/random_feed" "$tmp/cuda" 5 "$tmp/feed.safetensors"
	holds "$what: five steps on cpu" steps "$tmp/cpu" cpu 5 want
	holds "$what: five steps on emulate" steps "$tmp/cuda" emulate 5 have
	for part in loss grad; do holds "$what: the same $part" near --only "$part" --tolerance "$3"; done
	holds "$what: the same after five steps" near --tolerance "$4"
	for order in reverse shuffle:7; do
		D2V_EMULATE_ORDER=$order
		export D2V_EMULATE_ORDER
		holds "$what: five steps, $order" steps "$tmp/cuda" emulate 5 other
		holds "$what: the same bits, $order" cmp "$tmp/have.safetensors" "$tmp/other.safetensors"
		unset D2V_EMULATE_ORDER
	done
	holds "$what: memory" env D2V_EMULATE_CHECK=1 d2v-run step "$tmp/cuda" --device=emulate --feed "$tmp/feed.safetensors"
}
for precision in f32 bf16; do
	case $precision in
	f32) first=1e-5 all=1e-4 ;;
	bf16) first=1e-2 all=3e-2 ;;
	esac
	for spec in models/tiny/vit.d2v models/tiny/dropout.d2v models/tiny/numeric.d2v "$gray"; do
		agree "$spec" $precision $first $all
	done
done

# planted WHAT FILE SCRIPT: a kernel of the f32 program, changed by a sed script. The check must refuse it, or the step must differ.
planted() {
	rm -rf "$tmp/wrong"
	cp -r "$tmp/cuda" "$tmp/wrong"
	file=$(find "$tmp/wrong/kernels" -name "$2" | sort | head -n 1)
	sed "$3" "$file" >"$tmp/edited"
	if cmp -s "$file" "$tmp/edited"; then
		bad "planted: $1: nothing was changed in ${file##*/}"
		return
	fi
	cp "$tmp/edited" "$file"
	D2V_EMULATE_CHECK=1 d2v-run step "$tmp/wrong" --device=emulate --feed "$tmp/feed.safetensors" --steps 2 \
		--dump "$tmp/have.safetensors" >"$tmp/said" 2>&1
	status=$?
	if [ "$status" -eq 0 ] && near --tolerance 1e-3 >"$tmp/said" 2>&1; then
		bad "planted: $1 is not seen"
	elif [ "$status" -eq 0 ] || grep -qE '\[emulate(-read|-write)?\]|AddressSanitizer|runtime error' "$tmp/said"; then
		good
	else
		bad "planted: $1: another error" "$tmp/said"
	fi
}
# The last mistake was told as a conflict between threads, with the lines of both; with ASan nobody watches.
unordered() {
	if [ "${BUILD##*/}" = build-san ] || grep -qE '\.cu:[0-9]+\), which .*\.cu:[0-9]+\), and there is no barrier between' "$tmp/said"; then
		good
	else
		bad "planted: $1" "$tmp/said"
	fi
}
rm -rf "$tmp/cuda"
holds 'a program to spoil' d2v compile "$gray" --target=cuda --quiet --out "$tmp/cuda" --no-nvrtc
holds 'its images' "$BUILD/numeric/random_feed" "$tmp/cuda" 2 "$tmp/feed.safetensors"
holds 'what it should do' steps "$tmp/cuda" emulate 2 want
planted 'no barrier in a sum of columns' '*_columns.cu' '/d2v_barrier();/{s/d2v_barrier();//;:end;n;bend}'
unordered 'which thread is between'
planted 'no barrier in attention' '*_attend.cu' '/d2v_barrier();/d'
unordered 'which thread is between'
planted 'one element further' '*_flat.cu' 's/d2v_store_some(p\([0-9]*\) + e0,/d2v_store_some(p\1 + e0 + 1,/'
planted 'the last elements left out' '*_flat.cu' 's/e0 >= count/e0 + 4 >= count/'
update=$(grep -l 'd2v_sqrt' "$tmp/cuda"/kernels/*_flat.cu | head -n 1)
planted 'a term dropped from the update' "${update##*/}" '/d2v_sqrt/s/d2v_sqrt(v\([0-9]*\))/v\1/'

# Devices and targets; the whole road from text to evaluation on emulate.
rm -rf "$tmp/cpu"
holds 'a program for cpu' d2v compile "$gray" --quiet --out "$tmp/cpu"
ends 'for cpu, on emulate' 1 'compiled for `cpu`; the device `emulate` runs programs compiled for `cuda`' \
	d2v-run step "$tmp/cpu" --device=emulate
ends 'for cuda, on cpu' 1 'compiled for `cuda`, not for `cpu`' d2v-run step "$tmp/cuda" --device=cpu
make-data idx "$tmp/data" 96 8
for device in cpu emulate; do
	holds "training on $device" d2v train "$gray" --data "train=$tmp/data" --out "$tmp/run-$device" --steps 5 --quiet "--device=$device"
	cp "$tmp/run-$device/checkpoint-00000005.safetensors" "$tmp/$device.safetensors"
done
holds 'both train alike' "$BUILD/numeric/compare_safetensors" "$tmp/emulate.safetensors" "$tmp/cpu.safetensors" --tolerance 1e-4
holds 'evaluation on emulate' d2v eval "$tmp/run-emulate" --data "train=$tmp/data" --data "test=$tmp/data" --device=emulate
ends 'times of kernels on emulate' 0 'attend' d2v bench "$gray" --steps 1 --device=emulate
finish
