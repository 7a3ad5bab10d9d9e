#!/bin/sh
# Every stage of every graph can be written, read back and gone on from: the program is then the same, byte for byte, as if
# nothing had been written. And a text that does not fit the spec is refused. tests/golden/opt has the rest of what
# d2v opt says.
# Hundreds of small programs are written and each file is synced: in memory that costs nothing.
if [ -w /dev/shm ]; then TMPDIR=/dev/shm; export TMPDIR; fi
. "$(dirname "$0")/lib.sh"
stages="lower $(d2v opt --list-passes | awk '/^$/ { exit } NR > 1 && /^[a-z]/ { print $1 }')"

# round SPEC NAME OPTIONS..: every entry, every stage
round() {
	spec=$1 what=$2
	shift 2
	set -- "$spec" --quiet "$@"
	holds "$what compiles" d2v compile "$@" --out "$tmp/$what" --dump-dir "$tmp/$what.stages"
	for folder in "$tmp/$what.stages"/*; do
		entry=${folder##*/} index=0
		for stage in $stages; do
			text=$folder/$(printf '%02d-%s.ir' $index "$stage")
			d2v compile "$@" --to="$stage" --entry="$entry" --out "$tmp/text.ir" >"$tmp/said" 2>&1 &&
				cmp "$text" "$tmp/text.ir" >>"$tmp/said" 2>&1 &&
				d2v compile "$@" --from="$stage" "$tmp/text.ir" --entry="$entry" --out "$tmp/again" >>"$tmp/said" 2>&1 &&
				diff -r "$tmp/$what" "$tmp/again" >>"$tmp/said" 2>&1
			if [ $? -eq 0 ]; then good; else bad "$what: $entry from $stage" "$tmp/said"; fi
			rm -rf "$tmp/again" "$tmp/text.ir"
			index=$((index + 1))
		done
	done
}

round models/tiny/vit.d2v vit
round models/tiny/dropout.d2v dropout
round models/fashion.d2v fashion
round $gray gray
round models/tiny/vit.d2v vit-cuda --target=cuda --no-nvrtc --set precision=bf16 --recompute=blocks

# ---- an edit shows in the program --------------------------------------------------------------------------
d2v compile $gray --to=lower --out "$tmp/lower.ir"
sed 's/const 2 /const 3 /' "$tmp/lower.ir" >"$tmp/edited.ir"
if cmp -s "$tmp/lower.ir" "$tmp/edited.ir"; then bad 'sed edits nothing'; fi
holds 'an edited text compiles' d2v compile $gray --quiet --from=lower "$tmp/edited.ir" --out "$tmp/edited"
holds 'its program is sound' d2v verify "$tmp/edited"
ends 'and another one' 1 'differ' diff -rq "$tmp/gray" "$tmp/edited"
# A run of one is none of the other.
make-data idx "$tmp/data" 24 8
train() {
	program=$tmp/$1 run=$tmp/$2
	shift 2
	d2v-run train "$program" --data "train=$tmp/data" --quiet --steps 4 --out "$run" "$@"
}
holds 'a run of the spec' train gray run-own --until 2
holds 'a run of the edited program' train edited run-edited --until 2
ends 'the edited program goes on with a run of the spec' 1 'this one was edited (train after lower) [run-differs]' train edited run-own --resume
ends 'the spec goes on with a run of the edited program' 1 'or of an edited graph) [run-differs]' train gray run-edited --resume
holds 'each goes on with its own' train gray run-own --resume
holds 'each with its own' train edited run-edited --resume
holds 'the report says so' grep -q 'edited: train after lower' "$tmp/run-edited/report.html"
holds 'd2v report says so' d2v report "$tmp/edited" --quiet --out "$tmp/edited.html"
holds 'on its page' grep -q 'edited: train after lower' "$tmp/edited.html"
ends 'no spec is that of the edited program' 1 'an edited graph (train after lower)' d2v report "$tmp/edited" --spec $gray
ends 'nor is it called one spec with two programs' 6 'follow from other steps or other values' d2v diff "$tmp/gray" "$tmp/edited"
sed 's/  */ /g' "$tmp/lower.ir" >"$tmp/spaces.ir"
holds 'blanks are no edit' d2v compile $gray --quiet --from=lower "$tmp/spaces.ir" --out "$tmp/spaces"
holds 'the program is the same' diff -r "$tmp/gray" "$tmp/spaces"
holds '- is standard input' sh -c "d2v compile $gray --quiet --from=lower - --out '$tmp/piped' <'$tmp/lower.ir'"
holds 'and makes the same' diff -r "$tmp/gray" "$tmp/piped"

# ---- what does not fit -------------------------------------------------------------------------------------
# refused NAME STAGE TEXT SED: the graph at STAGE, edited by SED, is refused with TEXT
refused() {
	d2v compile $gray --to="$2" --out "$tmp/own.ir"
	sed "$4" "$tmp/own.ir" >"$tmp/bad.ir"
	if cmp -s "$tmp/own.ir" "$tmp/bad.ir"; then bad "$1: sed changes nothing"; fi
	ends "$1" 1 "$3" d2v compile $gray --from="$2" "$tmp/bad.ir" --out "$tmp/no"
}
refused 'another input' lower 'input "images" is not the spec' 's/input "image"/input "images"/'
refused 'another variable' lower 'variable "other" is not the spec' 's/param "patch"/param "other"/'
refused 'an output less' lower 'has no output loss' '/return/s/loss = %[0-9]*, //'
refused 'an output more' lower 'output extra is not the spec' '/return/s/$/, extra = %0/'
refused 'an update less' lower 'it does not update "patch"' '/update "patch"/d'
refused 'no update at all' lower 'it has no training lines' '/^  training/d;/^  update/d'
refused 'no new value' update 'variable "patch" no new value' '/to "patch"/d'
refused 'another graph' lower 'it is graph @other' 's/graph @train/graph @other/'
refused 'another slab' plan 'slab 8 is acts' 's/slab act /slab acts /;s/ at act+/ at acts+/'
refused 'a variable elsewhere' plan 'variable "patch" does not lie' '/param "patch"/s/ at params+[0-9]*/ at params+64000/'
refused 'a text that is none' lower 'ir-op' 's/ = mul / = mull /'
d2v compile $gray --to=expand --out "$tmp/expand.ir"
ends 'a text of an earlier stage' 1 'after pass gemm a graph has gemms (no contract)' d2v compile $gray --from=gemm "$tmp/expand.ir" --out "$tmp/no"
ends 'a text for another target' 1 'another --target' d2v compile $gray --target=cuda --from=lower "$tmp/lower.ir" --out "$tmp/no"
ends 'a text of another entry' 1 'it is graph @train' d2v compile $gray --entry=student.features --from=lower "$tmp/lower.ir" --out "$tmp/no"
ends 'no such stage' 1 'did you mean `fuse`' d2v compile $gray --to=fuze
ends 'no such entry' 1 'it has train, ' d2v compile $gray --to=fuse --entry=trian
ends '--from without a text' 2 'wants a spec and a graph' d2v compile $gray --from=fuse
ends 'a text without --from' 2 'a graph goes with --from' d2v compile $gray "$tmp/lower.ir"
ends '--from and --to' 2 'do not go together' d2v compile $gray --from=fold --to=fuse "$tmp/lower.ir"
ends '--entry alone' 2 '--entry goes with' d2v compile $gray --entry=train
if [ -e "$tmp/no" ]; then bad 'a program was written all the same'; else good; fi
finish
