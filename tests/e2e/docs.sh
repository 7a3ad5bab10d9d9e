#!/bin/sh
# Man pages and completion say what the programs say; completion really completes; what is installed works, also when moved, and goes
# away again. A shell or checker that is not installed is named and passed over.
. "$(dirname "$0")/lib.sh"
verbs=$(d2v --help | sed -n 's/^  d2v \([a-z]*\).*/\1/p' | LC_ALL=C sort -u)
holds 'verbs' test "$(echo "$verbs" | wc -l)" -ge 8

# A page for each verb, each option of its help in it and in the rows that completion is made of.
for verb in $verbs; do
	page=$BUILD/man/d2v-$verb.1
	holds "a page for $verb" test -s "$page"
	for option in $(d2v "$verb" --help | sed -n 's/^  \(-[-a-z]*\).*/\1/p'); do
		holds "$verb $option on the page" grep -qF -e "$(echo "$option" | sed 's/-/\\-/g')\\fR" "$page"
		holds "$verb $option completed" grep -q "^d2v	$verb	$option	" "$BUILD/completion/options"
	done
done
for page in "$BUILD"/man/*.1; do
	name=${page##*/}
	holds "$name has all its parts" test "$(grep -cE '^\.SH (NAME|SEE ALSO)$' "$page")" -eq 2
	if command -v groff >/dev/null; then
		groff -man -ww -Tutf8 "$page" >"$tmp/shown" 2>"$tmp/said"
		holds "groff has nothing against $name" test ! -s "$tmp/said"
	fi
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning "$page" >"$tmp/said" 2>&1
		holds "mandoc has nothing against $name" test ! -s "$tmp/said"
	fi
done
for tool in groff mandoc zsh fish; do command -v $tool >/dev/null || echo "$tool is not installed: passed over"; done

# The environment: what --help tells of, in both programs and on both pages, is what is read somewhere, and all of it.
read_of=$(grep -rhoE '"D2V_[A-Z0-9_]*"' compiler runtime | tr -d '"' | LC_ALL=C sort -u)
for program in d2v d2v-run; do
	"$program" --help | sed -n '/^environment:/,/^$/p' | grep -oE 'D2V_[A-Z0-9_]*' | LC_ALL=C sort -u >"$tmp/told"
	holds "$program --help tells of what is read" sh -c 'test "$1" = "$(cat "$2")"' - "$read_of" "$tmp/told"
	holds "an environment on the page of $program" grep -q '^\.SH ENVIRONMENT' "$BUILD/man/$program.1"
done

# bash: complete LAST-WORD ANSWER WORDS.. : the words so far, the last of them being completed.
cat >"$tmp/complete" <<'EOF'
. "$BUILD/completion/d2v.bash"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_d2v
printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//'
EOF
completes() {
	want=$1
	shift
	got=$(bash "$tmp/complete" "$@" 2>&1)
	if [ "$got" = "$want" ]; then good; else bad "completing \`$*\`: \`$got\`, not \`$want\`"; fi
}
holds 'bash reads it' bash -n "$BUILD/completion/d2v.bash"
completes 'check' d2v che
completes 'train' d2v-run tr
completes "$(echo "--help $verbs" | tr '\n' ' ' | tr ' ' '\n' | LC_ALL=C sort | tr '\n' ' ' | sed 's/^ //; s/ $//')" d2v ''
completes '--format' d2v check --f
completes 'json text' d2v check --format ''
completes 'json' d2v check --format = j
completes 'cuda' d2v compile models/fashion.d2v --target = cu
completes 'recompute' d2v compile --dump rec
completes 'fold,cast fold,compact fold,cse' d2v opt --passes = fold,c
completes 'models/vit_base.d2v models/vit_large.d2v' d2v check models/vit
completes 'tests/e2e/specs/two.ir' d2v opt tests/e2e/specs/tw
completes 'layer_scale= length=' "$BUILD/d2v" check models/vit_base.d2v --set l
completes 'Px= Py=' "$BUILD/d2v" compile models/fashion.d2v --set P
completes 'generated' d2v verify generat
completes '' d2v train --steps ''
if command -v zsh >/dev/null; then
	holds 'zsh reads it' zsh -n "$BUILD/completion/_d2v"
	# A line is typed into a zsh of its own, then Tab; zsh lists what it knows.
	zsh -f "$(dirname "$0")/../support/complete.zsh" "$BUILD/completion" 'd2v check --fo' >"$tmp/zsh" 2>&1
	ends 'zsh completes an option' 0 'd2v check --format=' cat "$tmp/zsh"
	zsh -f "$(dirname "$0")/../support/complete.zsh" "$BUILD/completion" 'd2v verif' >"$tmp/zsh" 2>&1
	ends 'zsh completes a verb' 0 'd2v verify ' cat "$tmp/zsh"
fi
if command -v fish >/dev/null; then
	in_fish() { HOME=$tmp fish --no-config -c "source $BUILD/completion/d2v.fish; complete -C '$1'"; }
	holds 'fish reads it' fish -n "$BUILD/completion/d2v.fish"
	ends 'fish completes a verb' 0 'verify' in_fish 'd2v ver'
	ends 'fish completes an option' 0 '--format' in_fish 'd2v check --fo'
	ends 'fish completes a choice' 0 'cuda' in_fish 'd2v compile --target cu'
	ends 'fish completes a name to set' 0 'peak_lr=' in_fish "$BUILD/d2v check models/vit_base.d2v --set pe"
fi

# Installed, then moved.
install_to() { PREFIX=$1 tools/install.sh "$2"; }
mkdir "$tmp/place"
echo mine >"$tmp/place/keep"
ends 'a path that is not whole' 2 'whole path' install_to place install
holds 'install' install_to "$tmp/place" install
before=$(find "$tmp/place" | LC_ALL=C sort | cksum)
holds 'install over it' install_to "$tmp/place" install
holds 'changes nothing' test "$(find "$tmp/place" | LC_ALL=C sort | cksum)" = "$before"
mv "$tmp/place" "$tmp/moved"
new=$tmp/moved/bin
holds 'a model of its own' "$new/d2v" check --quiet "$tmp/moved/share/d2v/models/fashion.d2v"
# A spec somewhere else, which includes a file that is only installed.
sed 's/^spec fashion/spec mine/' models/fashion.d2v >"$tmp/mine.d2v"
holds 'its layers for a spec elsewhere' "$new/d2v" check --quiet "$tmp/mine.d2v"
holds 'which a program in its build folder finds beside that' d2v check --quiet "$tmp/mine.d2v"
cp "$BUILD/d2v" "$tmp/alone"
ends 'and one that is alone does not' 1 '[include-not-found]' "$tmp/alone" check --quiet "$tmp/mine.d2v"
ends 'its runtime and device' 0 'ms' "$new/d2v" bench "$gray" --steps 1
rm "$tmp/moved/lib/d2v/d2v-cpu.so"
ends 'and no other' 3 '[device-missing]' "$new/d2v" bench "$gray" --steps 1
rm "$tmp/moved/lib/d2v/d2v-run"
ends 'nor another runtime' 3 '[no-runtime]' "$new/d2v" bench "$gray" --steps 1
holds 'uninstall' install_to "$tmp/moved" uninstall
holds 'leaves what is not ours' test "$(find "$tmp/moved" -type f -o -type l)" = "$tmp/moved/keep"
holds 'and no folder' test "$(find "$tmp/moved" -type d)" = "$tmp/moved"
ends 'nothing left to remove' 1 'nothing of d2v is installed' install_to "$tmp/moved" uninstall
finish
