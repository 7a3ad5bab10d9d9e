#!/bin/sh
# Which room may include which: the order in which data flows, from text to running step.
# Prints every violation as file:line and fails if there was one. Looks at includes only.
set -eu
cd "$(dirname "$0")/.."

find compiler dsl runtime -name '*.[chly]' -o -name '*.def' | LC_ALL=C sort | xargs awk '
BEGIN {
	may["compiler/base"] = ""
	may["compiler/ir"] = "compiler/base"
	may["compiler/program"] = "compiler/base"
	may["compiler/pass"] = "compiler/base compiler/ir"
	may["compiler/codegen"] = "compiler/base compiler/ir compiler/program"
	may["compiler/ledger"] = "compiler/base compiler/ir compiler/program"
	may["dsl"] = "compiler/base compiler/ir compiler/program"
	may["compiler/page"] = "compiler/base"
	may["compiler/report"] = "compiler/base compiler/program compiler/ledger compiler/page"
	may["runtime"] = "compiler/base compiler/program compiler/page"
	may["compiler"] = "compiler/base compiler/ir compiler/program compiler/pass compiler/codegen compiler/ledger compiler/report dsl"
}
function room(path) { sub(/\/[^\/]*$/, "", path); return path }
function bad(why) { printf "%s:%d: error: %s [room-include]\n", FILENAME, FNR, why; failed = 1 }
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	target = part[2]
	from = room(FILENAME)
	to = room(target)
	if (!(to in may))
		bad("`" target "` is not written from the project root")
	else if (!(from in may))
		bad("`" from "` is not a room of tools/check_rooms.sh")
	else if (to != from && index(" " may[from] " ", " " to " ") == 0)
		bad("`" from "` may include " (may[from] == "" ? "no other room" : "only " may[from]) ", not `" to "`")
	else if (to != from && target ~ /_private\.h$/)
		bad("`" target "` is private to its room")
}
END { exit failed }'
