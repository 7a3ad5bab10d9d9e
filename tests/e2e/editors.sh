#!/bin/sh
# The syntax files for Vim and VS Code know every word of the language and no other, and colour the models sensibly. Vim itself and
# python3 are used where they are installed.
. "$(dirname "$0")/lib.sh"
vim=tools/editors/vim
grammar=tools/editors/vscode/syntaxes/d2v.tmLanguage.json
tools/editors/words.sh >"$tmp/words"
holds 'words of the language' test "$(wc -l <"$tmp/words")" -gt 80
for kind in keyword function word unit; do
	sed -n "s/^$kind //p" "$tmp/words" | LC_ALL=C sort >"$tmp/$kind"
	holds "some of kind $kind" test -s "$tmp/$kind"
done

# vim_words PREFIX..: what the syntax file lists for these groups
vim_words() {
	for group; do sed -n "s/^syntax keyword $group //p" $vim/syntax/d2v.vim; done | tr ' ' '\n' | LC_ALL=C sort
}
same() {
	if diff "$tmp/$2" "$3" >"$tmp/said"; then good; else bad "$1: \`<\` is in the language, \`>\` in the file" "$tmp/said"; fi
}
vim_words d2vKeyword d2vOperator >"$tmp/got"
same 'Vim: keywords' keyword "$tmp/got"
vim_words d2vWord >"$tmp/got"
same 'Vim: words' word "$tmp/got"
vim_words d2vUnit >"$tmp/got"
same 'Vim: units' unit "$tmp/got"
sed -n 's/^syntax match d2vFunction "\\<\\%(\(.*\)\\)\\>.*/\1/p' $vim/syntax/d2v.vim | sed 's/\\|/\n/g' | LC_ALL=C sort >"$tmp/got"
same 'Vim: functions' function "$tmp/got"

# scope_words NAME..: what the grammar's rules of these names list
scope_words() {
	for name; do sed -n "/\"name\": \"$name\"/{n;s/.*\\\\\\\\b(\\([a-zA-Z0-9_|]*\\)).*/\\1/p}" $grammar; done | tr '|' '\n' | LC_ALL=C sort
}
scope_words keyword.other.d2v keyword.operator.word.d2v >"$tmp/got"
same 'VS Code: keywords' keyword "$tmp/got"
scope_words support.function.d2v >"$tmp/got"
same 'VS Code: functions' function "$tmp/got"
scope_words constant.language.d2v >"$tmp/got"
same 'VS Code: words' word "$tmp/got"
scope_words storage.type.unit.d2v >"$tmp/got"
same 'VS Code: units' unit "$tmp/got"

# Two wrong specs, for what editors make of messages.
printf 'spec wrong;\ndim A = 3.5;\n' >"$tmp/wrong.d2v"
d2v check --quiet "$tmp/wrong.d2v" >"$tmp/messages" 2>&1

if command -v vim >/dev/null; then
	cat >"$tmp/look.vim" <<EOF
set runtimepath^=$vim
filetype plugin on
syntax on
edit models/vit_base.d2v
redir! > $tmp/seen
for place in [[1,1],[2,1],[2,6],[3,9],[6,5],[6,10],[17,50],[22,15],[25,8],[28,9],[38,27],[92,25],[92,34],[109,30]]
  silent echo place[0] . ":" . place[1] . " " . synIDattr(synID(place[0], place[1], 1), "name")
endfor
silent echo "filetype " . &filetype . " " . &commentstring
let coloured = 0
let all = 0
for line in range(1, line("$"))
  for column in range(1, len(getline(line)))
    if getline(line)[column - 1] =~ '[A-Za-z0-9]'
      let all += 1
      let coloured += synID(line, column, 1) != 0
    endif
  endfor
endfor
silent echo "half " . (coloured * 2 > all)
compiler d2v
let &l:makeprg = "cat $tmp/messages"
cgetfile $tmp/messages
for item in getqflist()
  silent echo "found " . fnamemodify(bufname(item.bufnr), ":t") . " " . item.lnum . " " . item.col . " " . item.type . " " . item.valid
endfor
redir END
quitall!
EOF
	timeout 30 vim -es -u NONE -S "$tmp/look.vim" </dev/null >/dev/null 2>&1
	for want in '1:1 d2vComment' '2:1 d2vKeyword' '3:9 d2vString' '6:5 d2vAxis' '6:10 d2vNumber' '38:27 d2vFunction' \
		'92:25 d2vOperator' '92:34 d2vFunction' 'filetype d2v // %s' 'half 1' 'found wrong.d2v 2 9 E 1'; do
		ends "Vim: $want" 0 "$want" cat "$tmp/seen"
	done
	ends 'Vim: one mistake, one entry' 0 1 grep -c '^found .* 1$' "$tmp/seen"
else
	echo 'vim is not installed: passed over'
fi

if command -v python3 >/dev/null; then
	holds 'VS Code: colours' python3 tests/support/textmate.py tools/editors/vscode "$tmp/messages" models/*.d2v models/lib/*.d2v models/tiny/*.d2v
else
	echo 'python3 is not installed: the VS Code grammar is passed over'
fi
finish
