# From rows of options (options.awk) to completion for bash, without the package bash-completion. Variable: passes.
{
	key = $1 " " $2
	if ($3 == "") {
		verbs[$1] = verbs[$1] " " $2
		arguments = arguments sprintf("\t'%s') echo '%s' ;;\n", key, $4)
		order[++n] = key
	} else {
		options[key] = options[key] " " $3
		if ($4 != "flag") values = values sprintf("\t'%s %s') echo '%s' ;;\n", key, $3, $4)
	}
}
END {
	print "# Completion of d2v and d2v-run for bash. Made by `make docs` from their own help; not to be edited."
	print "_d2v_verbs() {\n\tcase $1 in"
	for (p in verbs) programs[++np] = p
	if (np == 2 && programs[1] != "d2v") { t = programs[1]; programs[1] = programs[2]; programs[2] = t }
	for (i = 1; i <= np; i++) printf "\t%s) echo '%s' ;;\n", programs[i], substr(verbs[programs[i]], 2)
	print "\tesac\n}"
	print "# PROGRAM VERB: its options"
	print "_d2v_options() {\n\tcase \"$1 $2\" in"
	for (i = 1; i <= n; i++) printf "\t'%s') echo '%s' ;;\n", order[i], substr(options[order[i]], 2)
	print "\tesac\n}"
	print "# PROGRAM VERB: what its arguments are; PROGRAM VERB OPTION: what its value is"
	printf "_d2v_kind() {\n\tcase \"$*\" in\n%s%s\tesac\n}\n", arguments, values
	print "# The names that --set takes, of the spec on the command line"
	print "_d2v_names() {\n\tlocal word"
	print "\tfor word in \"${COMP_WORDS[@]}\"; do"
	print "\t\tcase $word in *.d2v) \"${COMP_WORDS[0]}\" check --format=json \"$word\" 2>/dev/null |"
	print "\t\t\tsed -n 's/^ *\"settable\": \\[\\(.*\\)\\].*/\\1/p' | tr -d '\",' ;;"
	print "\t\tesac\n\tdone\n}"
	print "_d2v() {"
	print "\tlocal program=${COMP_WORDS[0]##*/} verb=${COMP_WORDS[1]} cur=${COMP_WORDS[COMP_CWORD]} option= kind i=$((COMP_CWORD - 1))"
	print "\tCOMPREPLY=()"
	print "\tif [ \"$COMP_CWORD\" -eq 1 ]; then"
	print "\t\tCOMPREPLY=($(compgen -W \"$(_d2v_verbs \"$program\") --help\" -- \"$cur\"))"
	print "\t\treturn\n\tfi"
	print "\t# `=` is a word of its own: --target=c is `--target` `=` `c`"
	print "\tif [ \"$cur\" = = ]; then cur=; elif [ \"${COMP_WORDS[i]}\" = = ]; then i=$((i - 1)); fi"
	print "\tcase ${COMP_WORDS[i]} in -*) option=${COMP_WORDS[i]} ;; esac"
	print "\tkind=$([ -n \"$option\" ] && _d2v_kind \"$program\" \"$verb\" \"$option\")"
	print "\tif [ -z \"$kind\" ]; then"
	print "\t\tcase $cur in"
	print "\t\t-*)"
	print "\t\t\tCOMPREPLY=($(compgen -W \"$(_d2v_options \"$program\" \"$verb\") --help\" -- \"$cur\"))"
	print "\t\t\treturn ;;"
	print "\t\tesac"
	print "\t\tkind=$(_d2v_kind \"$program\" \"$verb\")"
	print "\tfi"
	print "\tcase $kind in"
	print "\tchoice*) COMPREPLY=($(compgen -W \"${kind#choice }\" -- \"$cur\")) ;;"
	printf "\tpass) COMPREPLY=($(compgen -W '%s' -- \"$cur\")) ;;\n", passes
	print "\tpasses)"
	print "\t\tlocal before="
	print "\t\tcase $cur in *,*) before=${cur%,*}, ;; esac"
	printf "\t\tCOMPREPLY=($(compgen -P \"$before\" -W '%s' -- \"${cur##*,}\")) ;;\n", passes
	print "\tset) COMPREPLY=($(compgen -S = -W \"$(_d2v_names)\" -- \"$cur\")); compopt -o nospace 2>/dev/null ;;"
	print "\tspec) COMPREPLY=($(compgen -f -X '!*.d2v' -- \"$cur\") $(compgen -d -S / -- \"$cur\")); compopt -o nospace 2>/dev/null ;;"
	print "\tir) COMPREPLY=($(compgen -f -X '!*.ir' -- \"$cur\") $(compgen -d -S / -- \"$cur\")); compopt -o nospace 2>/dev/null ;;"
	print "\tfolder) COMPREPLY=($(compgen -d -- \"$cur\")) ;;"
	print "\tfile | source) COMPREPLY=($(compgen -f -- \"$cur\")) ;;"
	print "\tesac"
	print "}"
	print "complete -F _d2v d2v d2v-run"
}
