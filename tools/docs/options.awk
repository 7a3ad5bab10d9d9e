# From what `d2v VERB --help` prints to rows of text, a tab between fields: program, verb, option, kind of value, description. The
# row of the verb itself has no option, and the kind of its arguments. Variables: program, verb. Knows how help is laid out
# (compiler/options.c; the verbs of runtime say theirs in the same form) and what the words for values mean; no option by name.

# How to complete a value, from the word that stands for it in help.
function kind(value) {
	if (value == "") return "flag"
	if (value ~ /\|/) { gsub(/\|/, " ", value); return "choice " value }
	if (value == "A,B,..") return "passes"
	if (value == "PASS") return "pass"
	if (value == "NAME=VALUE") return "set"
	if (value == "NAME=PATH") return "source"
	if (value ~ /^(FOLDER|DIR|RUN)$/) return "folder"
	if (value ~ /^(FILE|PATH|W|F|O)$/) return "file"
	if (value ~ /\.d2v$/ || value == "A") return "spec"
	if (value ~ /\.ir$/) return "ir"
	return "text"
}
function put() {
	if (option != "" && !(option in seen)) {
		seen[option] = 1
		printf "%s\t%s\t%s\t%s\t%s\n", program, verb, option, kind(value), does
	}
	option = ""
}
/^usage: / && !usage {
	usage = 1
	argument = $4 ~ /^[-[]/ ? "" : $4
	next
}
usage == 1 && NF {
	usage = 2
	printf "%s\t%s\t\t%s\t%s\n", program, verb, argument == "" ? "none" : kind(argument), $0
	next
}
/^  -/ {
	put()
	line = substr($0, 3)
	match(line, /  +/)
	head = RSTART ? substr(line, 1, RSTART - 1) : line
	does = RSTART ? substr(line, RSTART + RLENGTH) : ""
	option = value = head
	sub(/ .*/, "", option)
	sub(/^[^ ]* ?/, "", value)
	next
}
option != "" && /^      +[^ ]/ {
	sub(/^ +/, "")
	does = does " " $0
	next
}
{ put() }
END { put() }
