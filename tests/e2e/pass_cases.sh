#!/bin/sh
# Every pass has its three golden tests, and they are what their names say: in PASS-acts.ir it changes the graph, in PASS-still.ir
# it does not, and in PASS-twice.ir it finds nothing to do the second time. PASS-twice-WHAT.ir and so on are further ones.
. "$(dirname "$0")/lib.sh"
passes=$(d2v opt --list-passes | awk '/^$/ { exit } NR > 1 && /^[a-z]/ { print $1 }')
# These number or place every node, so nothing is ever unchanged: their -still shows what they do not join.
always='fuse plan'

# input FILE: the graph of a golden test; order FILE: the passes it runs
input() {
	sed '/^# EXPECT/,$d' "$1"
}
order() {
	sed -n 's/^# RUN: .*--passes=\([a-z,]*\).*/\1/p' "$1" | head -n 1
}
# unchanged FILE PASS LIST: the last time that PASS runs in LIST changes nothing
unchanged() {
	input "$1" | d2v opt - --passes="$3" --dump="$2" >"$tmp/dump" 2>&1 || return 2
	[ "$(grep "^# @.* after $2" "$tmp/dump" | tail -n 1 | grep -c '(unchanged)$')" -eq 1 ]
}

for f in tests/golden/pass/*.ir; do
	name=${f##*/} pass=${name%%-*} list=$(order "$f") want=1
	case " $(echo $passes) " in *" $pass "*) ;; *) bad "$name: there is no pass $pass"; continue ;; esac
	case $name in
	*-acts.ir | *-acts-*.ir) ;;
	*-still.ir | *-still-*.ir) case " $always " in *" $pass "*) ;; *) want=0 ;; esac ;;
	*-twice.ir | *-twice-*.ir) want=0 list=$list,$pass ;;
	*-refuses.ir | *-refuses-*.ir) list= ;;
	*) bad "$name is not PASS-acts, PASS-still, PASS-twice or PASS-refuses"; continue ;;
	esac
	if [ "$(wc -l <"$f")" -gt 60 ]; then bad "$name is longer than 60 lines"; fi
	if [ -n "$list" ]; then
		case ",$list," in *",$pass,"*) ;; *) bad "$name does not run $pass"; continue ;; esac
		unchanged "$f" "$pass" "$list"
		got=$?
		if [ $got -eq $want ]; then good; else bad "$name: pass $pass changes $([ $got -eq 0 ] && echo nothing || echo something)" "$tmp/dump"; fi
	fi
done
for pass in $passes; do
	for what in acts still twice; do
		if [ -f "tests/golden/pass/$pass-$what.ir" ]; then good; else bad "pass $pass has no tests/golden/pass/$pass-$what.ir"; fi
	done
done
finish
