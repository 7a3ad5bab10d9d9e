#!/bin/sh
# make install and make uninstall. Programs and devices lie together in PREFIX/lib/d2v (each finds the others beside itself, through the
# links in PREFIX/bin), models in PREFIX/share/d2v/models, where includes are found. What was put where is written to
# PREFIX/share/d2v/installed, and uninstall removes exactly that. Needs PREFIX, BUILD; DESTDIR is put before every path, as packagers want it.
set -eu
cd "$(dirname "$0")/.."
action=$1
root=${DESTDIR:-}$PREFIX
list=$root/share/d2v/installed
case $PREFIX in
/*) ;;
*) echo "install: PREFIX is a whole path, not \`$PREFIX\`" >&2; exit 2 ;;
esac

# put MODE FILE PLACE; link TO PLACE. Places are below PREFIX.
put() {
	install -D -m "$1" "$2" "$root/$3"
	echo "$3" >>"$list"
}
link() {
	mkdir -p "$root/$(dirname "$2")"
	ln -sfn "$1" "$root/$2"
	echo "$2" >>"$list"
}

uninstall() {
	[ -f "$list" ] || { echo "uninstall: nothing of d2v is installed in $root (no $list)" >&2; exit 1; }
	places=$(cat "$list")
	rm -f "$list"
	echo "$places" | while read -r place; do rm -f "$root/$place"; done
	# Folders in which nobody else has anything.
	printf '%s\nshare/d2v/installed\n' "$places" | sed 's#/[^/]*$##' | LC_ALL=C sort -ru | while read -r folder; do
		while rmdir "$root/$folder" 2>/dev/null && [ "$folder" != "${folder%/*}" ]; do folder=${folder%/*}; done
	done
}

case $action in
install)
	mkdir -p "$root/share/d2v"
	if [ -f "$list" ]; then uninstall && mkdir -p "$root/share/d2v"; fi
	: >"$list"
	for program in d2v d2v-run; do
		put 755 "$BUILD/$program" "lib/d2v/$program"
		link "../lib/d2v/$program" "bin/$program"
	done
	for device in "$BUILD"/d2v-*.so; do put 755 "$device" "lib/d2v/${device##*/}"; done
	for model in $(find models -name '*.d2v' | LC_ALL=C sort); do put 644 "$model" "share/d2v/$model"; done
	for page in "$BUILD"/man/*.1; do put 644 "$page" "share/man/man1/${page##*/}"; done
	put 644 "$BUILD/completion/d2v.bash" share/bash-completion/completions/d2v
	link d2v share/bash-completion/completions/d2v-run
	put 644 "$BUILD/completion/_d2v" share/zsh/site-functions/_d2v
	put 644 "$BUILD/completion/d2v.fish" share/fish/vendor_completions.d/d2v.fish
	link d2v.fish share/fish/vendor_completions.d/d2v-run.fish
	for file in $(cd tools/editors/vim && find . -name '*.vim' | sed 's/^..//' | LC_ALL=C sort); do
		put 644 "tools/editors/vim/$file" "share/vim/vimfiles/$file"
	done
	for file in $(cd tools/editors/vscode && find . -type f | sed 's/^..//' | LC_ALL=C sort); do
		put 644 "tools/editors/vscode/$file" "share/d2v/vscode/$file"
	done
	put 644 LICENSE share/doc/d2v/LICENSE
	echo "installed in $root: $(wc -l <"$list") files; \`make uninstall PREFIX=$PREFIX\` removes them"
	;;
uninstall)
	uninstall
	echo "removed from $root"
	;;
esac
