# From what `PROGRAM [VERB] --help` prints to a man page. Variables: page (d2v-check), does (one line; without it the first paragraph is
# it), see (other pages, `a b`), date. Options become a tagged list, examples and tables stay as they are typed, the rest is paragraphs.

function escaped(s) {
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	gsub(/'/, "\\(aq", s)
	gsub(/`/, "\\(ga", s)
	gsub(/\^/, "\\(ha", s)
	gsub(/~/, "\\(ti", s)
	return s ~ /^\./ ? "\\&" s : s
}
function mode(want) {
	if (now == want) return
	if (now == "typed") print ".fi\n.RE"
	if ((want == "typed" || want == "text") && fresh) print ".PP"
	if (want == "typed") print ".RS 2\n.nf"
	if (want != "") fresh = 1
	now = want
}
function section(title) {
	mode("")
	print ".SH " title
	title_now = title
	fresh = 0
}
# Text after examples: it may belong to what comes next.
function release() {
	if (held == "") return
	mode("text")
	print held
	held = now = ""
}
# The section that the first text or option after the synopsis opens.
function open_section(title) {
	if (title_now == "" || (title_now == "DESCRIPTION" && title != "DESCRIPTION")) section(title)
}
function synopsis(line) {
	sub(/^usage: /, "", line)
	sub(/  +/, " ", line)
	print ".nf\n" escaped(line) "\n.fi"
}
function start() {
	if (started++) return
	printf ".TH %s 1 \"%s\" \"d2v\" \"User commands\"\n.SH NAME\n%s \\- %s\n", escaped(toupper(page)), date, escaped(page), escaped(does)
	if (usage != "") {
		print ".SH SYNOPSIS"
		synopsis(usage)
	}
}
/^usage: / && !started {
	usage = $0
	next
}
/^usage: / {
	section("OPTIONS OF d2v\\-run")
	if (held != "") print held "\n.PP"
	held = ""
	synopsis($0)
	fresh = 1
	next
}
!NF {
	if (now == "typed") { gap = 1; next }
	now = ""
	next
}
!started && does == "" {
	does = $0
	next
}
{ start() }
held != "" { release() }
/^environment:$/ {
	section("ENVIRONMENT")
	next
}
/^[Ee]xamples?:$/ {
	section("EXAMPLES")
	next
}
/^  -/ {
	open_section("OPTIONS")
	mode("option")
	line = substr($0, 3)
	match(line, /  +/)
	head = RSTART ? substr(line, 1, RSTART - 1) : line
	does_it = RSTART ? substr(line, RSTART + RLENGTH) : ""
	name = value = head
	sub(/ .*/, "", name)
	sub(/^[^ ]* ?/, "", value)
	print ".TP\n\\fB" escaped(name) "\\fR" (value == "" ? "" : " \\fI" escaped(value) "\\fR")
	if (does_it != "") print escaped(does_it)
	next
}
now == "option" && /^      +[^ ]/ {
	sub(/^ +/, "")
	print escaped($0)
	next
}
/^ / {
	open_section("DESCRIPTION")
	mode("typed")
	if (gap) print ""
	gap = 0
	print escaped(substr($0, 3))
	next
}
title_now == "EXAMPLES" {
	mode("")
	held = held (held == "" ? "" : "\n") escaped($0)
	next
}
{
	gap = 0
	open_section("DESCRIPTION")
	mode("text")
	print escaped($0)
}
END {
	start()
	release()
	if (see != "") {
		section("SEE ALSO")
		n = split(see, other, / /)
		for (i = 1; i <= n; i++) printf ".BR %s (1)%s\n", escaped(other[i]), i < n ? " ," : ""
	}
	mode("")
}
