# From rows of options (options.awk) to completion for fish. Variable: passes.
function quoted(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/'/, "\\'", s)
	return "'" s "'"
}
function value(kind) {
	if (kind == "flag") return ""
	if (kind ~ /^choice /) return " -x -a " quoted(substr(kind, 8))
	if (kind == "pass") return " -x -a " quoted(passes)
	if (kind == "passes") return " -x -a " quoted("(__fish_append , " passes ")")
	if (kind == "set") return " -x -a '(__d2v_names)'"
	if (kind == "folder") return " -x -a '(__fish_complete_directories)'"
	if (kind == "file" || kind == "source") return " -r -F"
	return " -x"
}
BEGIN {
	print "# Completion of d2v and d2v-run for fish. Made by `make docs` from their own help; not to be edited."
	print "function __d2v_names\n\tset -l words (commandline -opc)"
	print "\tfor word in $words"
	print "\t\tif string match -q '*.d2v' -- $word"
	print "\t\t\t$words[1] check --format=json $word 2>/dev/null | string replace -rf '^ *\"settable\": \\[(.*)\\].*' '$1' |"
	print "\t\t\t\tstring replace -a '\"' '' | string split ', ' | string replace -r '$' '='"
	print "\t\tend\n\tend\nend"
	print "complete -c d2v -f\ncomplete -c d2v-run -f"
}
{
	at = "-n '__fish_seen_subcommand_from " $2 "'"
	if ($3 == "") {
		printf "complete -c %s -n __fish_use_subcommand -a %s -d %s\n", $1, $2, quoted($5)
		if ($4 == "spec" || $4 == "ir") printf "complete -c %s %s -k -x -a '(__fish_complete_suffix .%s)'\n", $1, at, $4 == "ir" ? "ir" : "d2v"
		if ($4 == "folder") printf "complete -c %s %s -x -a '(__fish_complete_directories)'\n", $1, at
		next
	}
	name = $3
	flag = sub(/^--/, "", name) ? "-l" : sub(/^-/, "", name) ? "-s" : ""
	printf "complete -c %s %s %s %s%s -d %s\n", $1, at, flag, name, value($4), quoted($5)
}
