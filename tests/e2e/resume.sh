#!/bin/sh
# A run that is killed again and again, at moments nobody chose, ends with the bits of one that was left alone; and a
# damaged or foreign checkpoint is refused without anything being written.
. "$(dirname "$0")/lib.sh"
make-data idx "$tmp/data" 96 8
steps=1500

# train NAME [options]: slow enough to be hit, saved often enough to get on.
train() {
	name=$1
	shift
	set -- "$gray" --set 'save=40 steps' --data "train=$tmp/data" --out "$tmp/$name" --steps $steps --quiet "$@"
	d2v train "$@"
}
# The same in a process of its own, $!, which becomes the program itself.
start() {
	name=$1
	shift
	set -- "$gray" --set 'save=40 steps' --data "train=$tmp/data" --out "$tmp/$name" --steps $steps --quiet "$@"
	(exec d2v train "$@") >"$tmp/out" 2>&1 &
}
logged() {
	if [ -f "$tmp/$1/log.jsonl" ]; then wc -l <"$tmp/$1/log.jsonl"; else echo 0; fi
}
random() { # random N: 0 .. N-1
	echo $(($(od -An -N2 -tu2 /dev/urandom) % $1))
}
newest() {
	find "$tmp/$1" -name 'checkpoint-*.safetensors' | sort | tail -n 1
}

# stop NAME SIGNAL STEP: end the run $! once it has logged STEP lines; $status is its status, $over says if it ended before.
stop() {
	over=no
	while [ "$(logged "$1")" -lt "$3" ]; do
		if ! kill -0 $! 2>/dev/null; then
			over=yes
			break
		fi
		sleep 0.01
	done
	kill -"$2" $! 2>/dev/null
	wait $! 2>/dev/null
	status=$?
}

holds 'the run that is left alone' train whole
whole=$(newest whole)

# kill -9. The first run starts the folder, the others go on with it.
at=0
resume=
for workers in 1 3 2 4 1; do
	at=$((at + 40 + $(random 260)))
	# shellcheck disable=SC2086 # empty or one word
	start killed --workers $workers $resume
	stop killed KILL $at
	if [ $status -ne 137 ]; then bad "killed near step $at: status $status" "$tmp/out"; else good; fi
	resume=--resume
done
holds 'the rest' train killed --resume --workers 2
holds 'killed five times: the same bits' cmp "$whole" "$(newest killed)"
cat >"$tmp/steps.py" <<'PY'
import json, sys
want = list(range(1, int(sys.argv[3]) + 1))
a, b = ([json.loads(l) for l in open(f)] for f in sys.argv[1:3])
assert [l["step"] for l in a] == want and [l["step"] for l in b] == want, "steps missing or twice"
keys = set(a[0]) - {"seconds", "time", "samples_per_second"}
for x, y in zip(a, b):
    assert all(x[k] == y[k] for k in keys), x["step"]
PY
holds 'each step once in the log, with the same values' python3 "$tmp/steps.py" "$tmp/whole/log.jsonl" "$tmp/killed/log.jsonl" $steps
holds 'the events were made whole again' tests/e2e/read_events.py "$tmp/killed/events.out.tfevents.d2v"
holds 'each step once in the events' test "$(tests/e2e/read_events.py "$tmp/killed/events.out.tfevents.d2v" | grep -c '"loss"')" -eq $steps
holds 'no half-written file is left' test -z "$(find "$tmp/killed" -name '*.tmp*' -o -name '*.part*')"

# SIGTERM and SIGINT: saved at once.
start asked
stop asked TERM $((41 + $(random 200)))
if [ $status -eq 4 ]; then good; else bad "SIGTERM: status $status, not 4" "$tmp/out"; fi
ends 'it says that it was saved' 0 'is saved in' cat "$tmp/out"
ends 'and there is a report of it' 0 '</html>' cat "$tmp/asked/report.html"
holds 'it was: the newest checkpoint is the last step in the log' \
	test "$(basename "$(newest asked)")" = "$(printf 'checkpoint-%08d.safetensors' "$(logged asked)")"
holds 'and goes on' train asked --resume --workers 3
holds 'SIGTERM: the same bits' cmp "$whole" "$(newest asked)"

# Other data of the same number and size, one pixel of which differs; then the same data, packed.
resume_on() { # resume_on FOLDER
	d2v train "$gray" --set 'save=40 steps' --data "train=$1" --out "$tmp/data_run" --steps $steps --quiet --resume --until 120
}
train data_run --until 80 >"$tmp/out" 2>&1 || bad 'a run to change the data of' "$tmp/out"
images=train-images-idx3-ubyte
cp -r "$tmp/data" "$tmp/other"
cp -r "$tmp/data" "$tmp/packed"
gzip "$tmp/packed/$images"
byte=$(tail -c 1 "$tmp/data/$images" | od -An -tu1)
size=$(wc -c <"$tmp/data/$images")
# shellcheck disable=SC2059 # an octal escape
printf "\\$(printf %03o $((255 - byte)))" | dd of="$tmp/other/$images" bs=1 seek=$((size - 1)) conv=notrunc 2>/dev/null
holds 'as many bytes' test "$(wc -c <"$tmp/other/$images")" -eq "$size"
before=$(sum_of "$tmp/data_run")
ends 'a resume on other data' 1 'was started on other data' resume_on "$tmp/other"
# The checkpoint says so, too, should the run's own file be made to agree.
was=$(sed -n 's/^data //p' "$tmp/data_run/run.txt")
now=$("$BUILD/d2v" train "$gray" --set 'save=40 steps' --data "train=$tmp/other" --out "$tmp/other_run" --steps $steps --until 1 --quiet \
	&& sed -n 's/^data //p' "$tmp/other_run/run.txt")
holds 'fingerprints differ' test "$was" != "$now" -a -n "$now"
sed -i "s/$was/$now/" "$tmp/data_run/run.txt"
ends 'a checkpoint of other data' 1 "other training data (fingerprint $was, of this data $now)" resume_on "$tmp/other"
sed -i "s/$now/$was/" "$tmp/data_run/run.txt"
holds 'neither wrote anything' test "$before" = "$(sum_of "$tmp/data_run")"
holds 'the same data, packed' resume_on "$tmp/packed"

# Checkpoints that are not what the run wrote.
train broken --until 90 >"$tmp/out" 2>&1 || bad 'a run to break' "$tmp/out"
train other --set decay=0.1 --until 90 >"$tmp/out" 2>&1 || bad 'a run of another spec' "$tmp/out"
target=$(newest broken)
cp "$target" "$tmp/intact"
size=$(wc -c <"$target")
refused() { # refused NAME TEXT
	before=$(sum_of "$tmp/broken")
	ends "$1" 1 "$2" train broken --resume
	holds "$1: nothing is overwritten" test "$before" = "$(sum_of "$tmp/broken")"
	cp "$tmp/intact" "$target"
}
# One that was cut short is passed over, aloud, for the one before; the steps are done again.
head -c $((size / 2)) "$tmp/intact" >"$target"
ends 'the newest cut short' 0 "$(basename "$target") is not complete" train broken --resume --until 90
holds 'the one before it leads to the same bits' cmp "$tmp/intact" "$target"
older=$(find "$tmp/broken" -name 'checkpoint-*.safetensors' | sort | head -n 2)
for keep in 0 7 100 $((size - 1)); do
	for file in $older $target; do head -c "$keep" "$tmp/intact" >"$file"; done
	refused "all cut to $keep bytes" 'none of its 3 checkpoints is complete'
done
for byte in 3 20 $((size / 2)) $((size - 2)); do
	printf '\377' | dd of="$target" bs=1 seek="$byte" conv=notrunc 2>/dev/null
	refused "byte $byte edited" "$(basename "$target")"
done
printf 'more' >>"$target"
refused 'four bytes added' "$(basename "$target")"
cp "$(newest other)" "$target"
refused 'of another spec' "$(basename "$target")"
cp "$tmp/whole/checkpoint-00001480.safetensors" "$target"
refused 'of another step, renamed' "$(basename "$target")"
holds 'the intact one is taken' train broken --resume
holds 'and the run ends as it should' cmp "$whole" "$(newest broken)"
finish
