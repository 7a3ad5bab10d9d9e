#!/bin/sh
# Everything a user can get wrong outside of a spec: one clear message, the right exit status, never a crash. One row
# of the table is one command: status, words that must be said, command; $-words as below.
. "$(dirname "$0")/lib.sh"
make-data idx "$tmp/data" 24 8
mkdir "$tmp/empty" "$tmp/locked" "$tmp/short"
head -c 500 "$tmp/data/train-images-idx3-ubyte" >"$tmp/short/train-images-idx3-ubyte"
printf 'spec broken;\n' >"$tmp/broken.d2v"
: >"$tmp/void.d2v"
head -c 3000 /dev/urandom >"$tmp/noise.d2v"
d2v compile "$gray" --out "$tmp/program" --quiet || bad 'a program'
# Root may write anywhere; what is no folder is out of reach for everybody.
out=$tmp/data/train-images-idx3-ubyte/run

table() {
	cat <<'EOF'
0|d2v train SPEC|d2v --help
0|--dump-dir|d2v compile --help
0|--resume|d2v train --help
2|d2v train SPEC|d2v
2|did you mean `train`|d2v trian $gray
2|no command `zzzzzz`|d2v zzzzzz
2|check wants a spec, and there is none|d2v check
2|eval wants the folder of a run, and there is none|d2v eval
2|diff wants two specs or folders of programs, and there is none|d2v diff
2|programs, and there is only `tests/e2e|d2v diff $gray
2|and there is also `c`|d2v diff $gray b c
2|cache wants no file, and there is `b`|d2v cache b
2|--from wants a spec and a graph|d2v compile $gray --from=gemm
2|a graph goes with --from|d2v compile $gray b
2|help is about one command, `check`|d2v help check fmt
2|unknown option `-x`|d2v check -x $gray
2|check wants a spec, and there is also `b`|d2v check $gray b
2|--format is text|d2v check $gray --format=xml
2|NAME=VALUE|d2v check $gray --set B
2|NAME=VALUE|d2v check $gray --set =3
1|[unknown-override]|d2v check $gray --set NOPE=3
1|[syntax]|d2v check $gray --set D=
1|[not-divisible]|d2v check $gray --set D=9
1|[no-spec]|d2v check $tmp/none.d2v
1|[missing-section]|d2v check $tmp/broken.d2v
1|error|d2v check $tmp/void.d2v
1|error|d2v check $tmp/noise.d2v
1|[file-unreadable]|d2v check $tmp/empty
1|[file-unreadable]|d2v fmt $tmp/none.d2v
1|[file-unreadable]|d2v opt $tmp/none.ir
1|[ir-syntax]|d2v opt $gray
1|[unknown-pass]|d2v opt tests/e2e/specs/two.ir --passes=flod
2|unknown option|d2v opt tests/e2e/specs/two.ir --set B=3
3|[file-unwritable]|d2v compile $gray --out $out --quiet
1|[data-missing]|d2v train $gray --data train=$tmp/none --out $tmp/x
1|[data-empty]|d2v train $gray --data train=$tmp/empty --out $tmp/x
1|[idx-truncated]|d2v train $gray --data train=$tmp/short --out $tmp/x
1|[data-source]|d2v train $gray --data images=$tmp/data --out $tmp/x
2|NAME=PATH|d2v train $gray --data $tmp/data --out $tmp/x
2|did you mean `--passes`|d2v opt tests/e2e/specs/two.ir --pass
2|no value goes with --quiet, and there is `yes`|d2v check $gray --quiet=yes
2|unknown option `--out`|d2v check $gray --out $tmp/x
2|unknown option `--dump-dir`|d2v train $gray --dump-dir $tmp/x
0|--set NAME=VALUE|d2v help bench
2|did you mean `--data`|d2v train $gray --dta train=$tmp/data --out $tmp/x
2|train wants --data NAME=PATH, and there is none|d2v train $gray --out $tmp/x
2|train wants --out RUN, and there is none|d2v train $gray --data train=$tmp/data
2|--out wants a value, and nothing comes after it|d2v train $gray --data train=$tmp/data --out
2|--out wants FOLDER, and nothing comes after it|d2v compile $gray --out
2|--data wants a value, and nothing comes|d2v eval $tmp --data
2|--data wants train=PATH or test=PATH, not|d2v eval $tmp --data images=$tmp
2|eval wants --data test=PATH|d2v eval $tmp --data train=$tmp
2|--model is student|d2v eval $tmp --model both.
2|do not go with it|d2v bench $gray --on-request --all
2|given twice|d2v train $gray --data train=$tmp/data --data train=$tmp/data --out $tmp/x
2|whole number|d2v train $gray --data train=$tmp/data --out $tmp/x --steps 0
2|whole number|d2v train $gray --data train=$tmp/data --out $tmp/x --steps many
2|whole number|d2v train $gray --data train=$tmp/data --out $tmp/x --workers -1
2|whole number|d2v train $gray --data train=$tmp/data --out $tmp/x --seed 4294967296
1|[unknown-override]|d2v train $gray --data train=$tmp/data --out $tmp/x --set NOPE=3
1|[no-spec]|d2v train $tmp/none.d2v --data train=$tmp/data --out $tmp/x
1|[data-few]|d2v train $gray --data train=$tmp/data --out $tmp/x --set B=25
3|[file-unwritable]|d2v train $gray --data train=$tmp/data --out $out
3|[device-missing]|d2v train $gray --data train=$tmp/data --out $tmp/x --device gpu
1|[run-missing]|d2v train $gray --data train=$tmp/data --out $tmp/x --resume
3|compiler|env D2V_CC=/none/cc d2v train $gray --data train=$tmp/data --out $tmp/x --cache $tmp/new
1|feed-missing|d2v step $gray
1|[safetensors]|d2v step $gray --feed $tmp/none
1|[safetensors]|d2v step $gray --feed $tmp/broken.d2v
2|unknown option|d2v bench $gray --out $tmp/x
2|--out wants FOLDER|d2v compile $gray --out=
2|nothing behind `--out=`|d2v train $gray --data train=$tmp/data --out=
2|nothing behind `--out=`|d2v-run train $tmp/program --data train=$tmp/data --out=
1|did you mean `fold`|d2v compile $gray --out $tmp/x --dump=flod
1|[unknown-pass]|d2v opt tests/e2e/specs/two.ir --passes=fold --dump=flod
1|does not end|d2v fmt /dev/zero
0||d2v plan $gray --set B=2000000
1|[threads]|env D2V_THREADS=many d2v train $gray --data train=$tmp/data --out $tmp/x
1|[bf16]|env D2V_BF16=fast d2v train $gray --data train=$tmp/data --out $tmp/x
1|[cache-size]|env D2V_CACHE_SIZE=much d2v train $gray --data train=$tmp/data --out $tmp/x
2|usage: d2v-run VERB|d2v-run
2|no command `zzzzzz`|d2v-run zzzzzz
2|unknown option `--feed`; did you mean `--seed`|d2v-run train $tmp/program --feed 1
2|no value goes with --quiet|d2v-run train $tmp/program --quiet=
2|did you mean `train`|d2v-run trian
1|[no-program]|d2v-run train $tmp/none --data train=$tmp/data --out $tmp/x
1|[no-program]|d2v-run train $tmp/empty --data train=$tmp/data --out $tmp/x
2|train wants the folder of a program, and there is none|d2v-run train --data train=$tmp/data --out $tmp/x
2|and there is also `b`|d2v-run train $tmp/program b --data train=$tmp/data --out $tmp/x
EOF
}

while IFS='|' read -r status text command; do
	eval "set -- $(echo "$command" | sed 's/`/\\`/g')"
	ends "$command" "$status" "$text" "$@"
	if grep -qE 'Sanitizer|runtime error|dumped|BUG' "$tmp/said"; then bad "$command: broke" "$tmp/said"; fi
	# One mistake, one message.
	if [ "$(grep -c 'error:' "$tmp/said")" -gt 1 ] && [ "$command" != "d2v check \$tmp/noise.d2v" ]; then
		bad "$command: more than one message" "$tmp/said"
	fi
done <<EOF
$(table)
EOF
# bf16 where the processor has no instructions for it: refused, with the feature's name and what else can be done.
if grep -qw avx512_bf16 /proc/cpuinfo; then
	holds 'bf16 by instructions' env D2V_BF16=native d2v train "$gray" --set precision=bf16 --data "train=$tmp/data" --out "$tmp/bf16" --steps 1 --quiet
else
	ends 'no instructions for bf16' 3 'needs the CPU feature `avx512bf16`, which this machine does not have' \
		env D2V_BF16=native d2v train "$gray" --set precision=bf16 --data "train=$tmp/data" --out "$tmp/bf16" --steps 1
	holds 'and nothing is left' test ! -e "$tmp/bf16"
fi
# The command line of every verb is refused in the same form: one line that ends with [usage], one line of help.
refused() {
	ends "$*" 2 'error: ' "$@"
	holds "$*: a line and a hint" test "$(sed -n '1s/^d2v: error: .* \[usage\]$/what/p; 2s/^help: `d2v.* --help` shows .*/hint/p; 3,$p' "$tmp/said" | tr '\n' .)" = what.hint.
}
for command in $(d2v --help | sed -n 's/^  d2v \([a-z-]*\) .*/d2v:\1/p' | sort -u) d2v-run:train d2v-run:step d2v-run:eval d2v-run:bench; do
	set -- "${command%:*}" "${command#*:}"
	test "$2" = cache || refused "$@"
	test "$2" = fmt || refused "$@" one two three
	refused "$@" "$gray" --zzzzzz
	refused "$@" "$gray" --zzzzzz=1
	refused "$@" "$gray" -z
	for option in $("$@" --help | sed -n 's/^  \(--[a-z-]*\) [A-Za-z].*/\1/p' | sort -u); do
		refused "$1" "$2" "$gray" "$option"
		refused "$1" "$2" "$gray" "$option="
	done
done
# Every verb shows an example, and d2v knows every option of d2v-run by name.
for verb in check fmt compile opt train step eval bench; do
	ends "help of $verb" 0 'example:' d2v $verb --help
done
for verb in train step eval bench; do
	for option in $(d2v-run $verb --help | sed -n 's/^  \(--[a-z-]*\) .*/\1/p'); do
		d2v $verb $option >"$tmp/said" 2>&1 </dev/null && bad "d2v $verb $option alone"
		if grep -q 'unknown option' "$tmp/said"; then bad "d2v $verb knows $option" "$tmp/said"; fi
	done
done
# What is kept between runs and was cut short is made again.
keep() { d2v train "$gray" --data "train=$tmp/data" --out "$tmp/kept$1" --quiet --steps 1 --cache "$tmp/kept"; }
holds 'a cache' keep 1
for object in "$tmp"/kept/cpu-*.so; do truncate -s 2000 "$object"; done
holds 'kernels cut short' keep 2
for object in "$tmp"/kept/cpu-*.so; do : >"$object"; done
holds 'kernels that are empty' keep 3
rm "$tmp"/kept/gray-cpu-*/program.d2p
holds 'a folder without its program' keep 4
ends 'a cache that cannot be made' 3 'D2V_CACHE names another place' \
	d2v train "$gray" --data "train=$tmp/data" --out "$tmp/kept5" --cache "$tmp/data/train-images-idx3-ubyte/cache"
# A file that is rewritten keeps its mode, and a link to it stays one.
sed 's/^spec gray/spec    gray/' "$gray" >"$tmp/loose.d2v"
chmod 640 "$tmp/loose.d2v"
ln -s loose.d2v "$tmp/link.d2v"
holds 'fmt through a link' d2v fmt -w "$tmp/link.d2v"
holds 'writes what it leads to' d2v fmt --check "$tmp/loose.d2v"
holds 'with the mode it had' test "$(stat -c %a "$tmp/loose.d2v")" = 640 -a -L "$tmp/link.d2v"
# What was printed and did not arrive is no success; a stream that is closed is not replaced by somebody's file.
for command in "d2v fmt $gray" "d2v check $gray" 'd2v-run --help'; do
	ends "$command, on a full disk" 3 '[output]' sh -c "$command >/dev/full"
done
holds 'all streams closed' sh -c "d2v train $gray --data train=$tmp/data --out $tmp/closed <&- >&- 2>&-"
holds 'the log holds the log' test "$(grep -c '^{"step":[0-9]*,.*}$' "$tmp/closed/log.jsonl")" -eq "$(wc -l <"$tmp/closed/log.jsonl")"
# Whoever read the progress went away: the run goes on to its end.
sh -c "d2v train $gray --data train=$tmp/data --out $tmp/piped --steps 200 2>&1 | true" >"$tmp/said" 2>&1
holds 'nobody reads the progress' test -s "$tmp/piped/checkpoint-00000200.safetensors"
# One process at a time trains in a folder. fd 9 holds the lock another run would.
mkdir "$tmp/busy"
exec 9<"$tmp/busy"
flock 9
ends 'another run is at work there' 1 '[run-busy]' d2v train "$gray" --data "train=$tmp/data" --out "$tmp/busy"
exec 9<&-
holds 'and when it has ended' d2v train "$gray" --data "train=$tmp/data" --out "$tmp/busy" --quiet --until 2
# The terminal closes: as a signal to end.
D2V_THREADS=1 d2v train "$gray" --data "train=$tmp/data" --out "$tmp/hup" --quiet --steps 200000 2>"$tmp/said" &
pid=$!
for i in $(seq 100); do
	test -s "$tmp/hup/log.jsonl" && break
	sleep 0.1
done
kill -HUP $pid
wait $pid
got=$?
if [ $got -eq 4 ]; then good; else bad "SIGHUP: status $got, not 4" "$tmp/said"; fi
# Too small a disk, where we may make one.
mkdir "$tmp/small"
if mount -t tmpfs -o size=$(($(du -sk "$tmp/program" | cut -f1) + 40))k none "$tmp/small" 2>/dev/null; then
	ends 'a full disk' 3 'has no checkpoint from before step 7' d2v train "$gray" --data "train=$tmp/data" --out "$tmp/small/run" --quiet
	holds 'nothing half-written' test -z "$(find "$tmp/small" -name '*.tmp*' -o -name 'checkpoint-*')"
	umount "$tmp/small"
fi

holds 'what was refused left no run' test ! -e "$tmp/x"
finish
