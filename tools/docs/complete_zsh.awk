# From rows of options (options.awk) to completion for zsh, in the style of its own: one function, _arguments for each verb.
# Variable: passes.
function quoted(s) {
	gsub(/'/, "'\\''", s)
	return s
}
function described(s) {
	gsub(/[][\\]/, "\\\\&", s)
	gsub(/:/, "\\:", s)
	return quoted(s)
}
function action(kind) {
	if (kind ~ /^choice /) return "(" substr(kind, 8) ")"
	if (kind == "pass") return "(" passes ")"
	if (kind == "passes") return "_values -s , pass " passes
	if (kind == "set") return "_d2v_names"
	if (kind == "spec") return "_files -g \"*.d2v(-.)\""
	if (kind == "ir") return "_files -g \"*.ir(-.)\""
	if (kind == "folder") return "_files -/"
	if (kind == "file" || kind == "source") return "_files"
	return " "
}
{
	key = $1 " " $2
	if ($3 == "") {
		verbs[$1] = verbs[$1] sprintf("\t\t'%s:%s'\n", $2, described($5))
		order[$1, ++count[$1]] = $2
		if ($4 != "none") argument[key] = sprintf(" '*:%s:%s'", $4, action($4))
		next
	}
	if ($4 == "flag") spec = sprintf("'%s[%s]'", $3, described($5))
	else spec = sprintf("'%s%s%s[%s]:value:%s'", $4 == "set" || $4 == "source" ? "*" : "", $3, $3 ~ /^--/ ? "=" : "", described($5), action($4))
	options[key] = options[key] " \\\n\t\t" spec
}
END {
	print "#compdef d2v d2v-run"
	print "# Completion of d2v and d2v-run for zsh. Made by `make docs` from their own help; not to be edited."
	print "_d2v_names() {\n\tlocal word\n\tlocal -a names"
	print "\tfor word in $words; do"
	print "\t\t[[ $word == *.d2v ]] && names=(${(f)\"$($words[1] check --format=json $word 2>/dev/null |"
	print "\t\t\tsed -n 's/^ *\"settable\": \\[\\(.*\\)\\].*/\\1/p' | tr -d '\", ' | tr ',' '\\n')\"})"
	print "\tdone\n\tcompadd -S = -a names\n}"
	print "_d2v() {\n\tlocal program=${service:-${words[1]:t}}\n\tlocal -a verbs"
	for (p in verbs) printf "\t[[ $program == %s ]] && verbs=(\n%s\t)\n", p, verbs[p]
	print "\tif ((CURRENT == 2)); then\n\t\t_describe command verbs\n\t\treturn\n\tfi"
	print "\tlocal verb=$words[2]"
	print "\tshift words\n\t((CURRENT--))\n\tcase \"$program $verb\" in"
	for (p in verbs)
		for (i = 1; i <= count[p]; i++) {
			key = p " " order[p, i]
			printf "\t'%s')\n\t\t_arguments '--help[show its options]'%s%s ;;\n", key, options[key], argument[key]
		}
	print "\tesac\n}\n[[ ${funcstack[1]} == _d2v ]] && _d2v \"$@\" || compdef _d2v d2v d2v-run 2>/dev/null"
}
