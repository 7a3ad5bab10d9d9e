#!/bin/sh
# Man pages and completion for shells, made from what `d2v --help` and `d2v VERB --help` print, which are made of the tables of options
# that the programs themselves read: BUILD/man/*.1, BUILD/completion/{d2v.bash,_d2v,d2v.fish}. BUILD: folder of the programs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
BUILD=$(cd "${BUILD:-build}" && pwd)
out=$BUILD/docs.new
rm -rf "$out"
mkdir -p "$out/man" "$out/completion" "$out/help"
LC_ALL=C ASAN_OPTIONS=detect_leaks=0
export LC_ALL ASAN_OPTIONS

d2v=$("$BUILD/d2v" --help | sed -n 's/^  d2v \([a-z]*\).*/\1/p' | awk '!seen[$0]++')
run=$("$BUILD/d2v-run" --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p')
date=$(date -u -r "$BUILD/d2v" +%Y-%m-%d)
pages=d2v
for verb in $d2v; do pages="$pages d2v-$verb"; done
pages="$pages d2v-run"
[ -n "$d2v" ] && [ -n "$run" ] || { echo 'docs: --help names no verbs' >&2; exit 1; }

# others PAGE: all pages but that one
others() {
	echo "$pages" | tr ' ' '\n' | grep -vx "$1" | tr '\n' ' ' | sed 's/ $//'
}

for verb in $d2v; do
	"$BUILD/d2v" "$verb" --help >"$out/help/d2v-$verb"
	awk -v date="$date" -v page="d2v-$verb" -v see="d2v d2v-run" -f "$here/man.awk" "$out/help/d2v-$verb" >"$out/man/d2v-$verb.1"
	awk -v program=d2v -v verb="$verb" -f "$here/options.awk" "$out/help/d2v-$verb" >>"$out/options"
done
{ echo 'usage: d2v COMMAND ARGUMENTS [options]' && "$BUILD/d2v" --help | sed '1d'; } >"$out/help/d2v"
awk -v date="$date" -v page=d2v -v does='a compiler for self-supervised training' -v see="$(others d2v)" -f "$here/man.awk" "$out/help/d2v" >"$out/man/d2v.1"
"$BUILD/d2v-run" --help | sed '/--help/d' >"$out/help/d2v-run"
for verb in $run; do
	"$BUILD/d2v-run" "$verb" --help >"$out/help/d2v-run-$verb"
	awk -v program=d2v-run -v verb="$verb" -f "$here/options.awk" "$out/help/d2v-run-$verb" >>"$out/options"
done
awk -v date="$date" -v page=d2v-run -v does='run a program that d2v compiled' -v see=d2v -f "$here/man.awk" "$out/help/d2v-run" |
	sed '/^\.SH SEE ALSO/,$d' >"$out/man/d2v-run.1"
for verb in $run; do
	echo ".SH $(echo "$verb" | tr a-z A-Z)" >>"$out/man/d2v-run.1"
	# One verb's page without its head, its sections one level down.
	awk -v date="$date" -v page="d2v-run $verb" -v does=- -f "$here/man.awk" "$out/help/d2v-run-$verb" |
		sed -e '1,/^\.SH SYNOPSIS/d' -e '/^\.SH DESCRIPTION/d' -e 's/^\.SH /.SS /' >>"$out/man/d2v-run.1"
done
printf '.SH SEE ALSO\n.BR d2v (1)\n' >>"$out/man/d2v-run.1"

"$BUILD/d2v" opt --list-passes | awk '/^$/ { exit } NR > 1 && /^[a-z]/ { print $1 }' | tr '\n' ' ' | sed 's/ $//' >"$out/passes"
for shell in bash zsh fish; do
	file=$(case $shell in bash) echo d2v.bash ;; zsh) echo _d2v ;; fish) echo d2v.fish ;; esac)
	awk -F '\t' -v passes="$(cat "$out/passes")" -f "$here/complete_$shell.awk" "$out/options" >"$out/completion/$file"
done

rm -rf "$BUILD/man" "$BUILD/completion" "$out/help"
mv "$out/man" "$out/completion" "$BUILD"
mv "$out/options" "$BUILD/completion/options"
rm -rf "$out"
