#!/bin/sh
# generated/ holds what the compiler makes of tracked recipes, so that a change of code generation shows, kernel by kernel, in review.
# Fails when it is not what the compiler makes now; BLESS=1 rewrites it. Compiled twice: the same text both times.
. "$(dirname "$0")/lib.sh"
for spec in fashion tiny/vit vit_base; do
	for target in cpu cuda; do
		set -- "models/$spec.d2v" --target=$target --quiet
		[ $target = cpu ] || set -- "$@" --no-nvrtc
		folder=$(sed -n 's/^spec \([a-z0-9_]*\);.*/\1/p' models/$spec.d2v)-$target
		holds "compile $spec for $target" d2v compile "$@" --out "$tmp/$folder"
		holds "compile $spec for $target again" d2v compile "$@" --out "$tmp/again-$folder"
		holds "$spec for $target compiles to the same bytes" diff -r "$tmp/$folder" "$tmp/again-$folder"
		if [ -n "${BLESS:-}" ]; then
			rm -rf "generated/$folder"
			mkdir -p generated
			cp -r "$tmp/$folder" "generated/$folder"
		fi
		holds "generated/$folder is current (make bless rewrites it)" diff -r "generated/$folder" "$tmp/$folder"
	done
done
# A folder that held another program: its kernels go, what is not ours stays.
: >"$tmp/tiny_vit-cpu/kernels/k999_flat.c"
: >"$tmp/tiny_vit-cpu/kernels/notes.txt"
holds 'compile into the folder of an older program' d2v compile models/tiny/vit.d2v --quiet --out "$tmp/tiny_vit-cpu"
holds 'its kernels are gone' test ! -e "$tmp/tiny_vit-cpu/kernels/k999_flat.c"
holds 'a file that is no kernel stays' test -e "$tmp/tiny_vit-cpu/kernels/notes.txt"
finish
