#!/bin/sh
# The two scripts for a machine with a GPU, where there is none: bench/bench_gpu.py and the judgements of tools/check_gpu.sh, with stand-ins
# for d2v-run and for the Python that has PyTorch. What one of them does wrong costs its own figure, and nobody else's.
. "$(dirname "$0")/lib.sh"

b=$tmp/build
mkdir -p "$b/gpu"
# Both stand-ins do what the environment says: NAME=how, where NAME is d2v_SPEC or a variant of PyTorch.
cat >"$b/worker" <<'END'
#!/bin/sh
how=$1 parameters=7 memory="\"$3\": 1024"
case $how in
other) parameters=8 ;;
dies) echo 'RuntimeError: out of memory' >&2; echo 'advice' >&2; exit 1 ;;
babbles) echo 'hello'; sleep 20 ;;
hangs) sleep 60 ;;
closes) exec >&-; sleep 60 ;;
esac
echo '{"loaded": true}'
echo "{\"ready\": true, \"spec\": \"s\", \"batch\": $2, \"parameters\": $parameters, $memory}"
while read -r n; do
	sleep 0.1
	echo "{\"ms\": [10, 10, 10, 10, 10, 10, 10, 10, 10, 10]}"
done
END
cat >"$b/d2v-run" <<'END'
#!/bin/sh
case $2 in *vit_base*) how=$d2v_vit_base batch=128 ;; *) how=$d2v_vit_large batch=64 ;; esac
case $* in
*--on-request*) exec "$(dirname "$0")/worker" "$how" $batch 'workspace_bytes": 24, "slab_bytes' ;;
esac
echo '{"kernels": [{"name": "gemm 1", "what": "forward", "calls": 2, "ms": 1.5, "flops": 1e9, "bytes": 1e6}, {"name": "k1_flat", "what": "update", "calls": 1, "ms": 0.9, "flops": 1, "bytes": 1e9}]}'
END
cat >"$b/python" <<'END'
#!/bin/sh
if [ "$1" = -c ]; then
	[ "$ceilings" = dies ] && exit 1
	echo '{"bytes_per_s": 4e12, "flops_per_s": 7e14, "torch": "2", "cuda": "13", "gpu": "none"}'
	exit
fi
while [ $# -gt 0 ]; do
	case $1 in
	--variant) variant=$2 ;;
	--batch) batch=$2 ;;
	esac
	shift
done
eval "how=\$$variant"
exec "$(dirname "$0")/worker" "$how" "$batch" gpu_reserved_bytes
END
chmod +x "$b/worker" "$b/d2v-run" "$b/python"

# bench WHAT STATUS [WORD..]: run it; its status; words of what it prints, and a JSON that can be read.
bench() {
	what=$1 want=$2
	shift 2
	rm -rf "$tmp/out"
	timeout -k 5 100 python3 bench/bench_gpu.py --build "$b" --python "$b/python" --out "$tmp/out" --patience 2 --measure 0.3 --seconds "${seconds:-60}" $only >"$tmp/said" 2>&1
	got=$?
	if [ $got -ne "$want" ]; then bad "$what: status $got, not $want" "$tmp/said"; else good; fi
	for word in "$@"; do
		if grep -qF -e "$word" "$tmp/said"; then good; else bad "$what: does not say \`$word\`" "$tmp/said"; fi
	done
	if python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$tmp"/out/*.json; then good; else bad "$what: no JSON"; fi
}
only='--only vit_base'
bench 'all well' 0 'vit_base     12800 images/s (goal 3700), 1.00x the best PyTorch (12800), 1.02 of its least memory' '| gemm, forward | 2 |'
published=dies tuned=babbles blocks=other compiled=closes seconds=30
export published tuned blocks compiled
bench 'four bad peers' 0 'RuntimeError: out of memory' 'said `hello`, which is not JSON' '8 parameters where d2v has 7' 'closed its output and did not end' \
	'not measured: published, tuned, blocks, compiled'
published= tuned=hangs blocks= compiled= ceilings=
export ceilings
bench 'a slow peer' 0 'tuned: PyTorch, tuned: not ready within its time' 'not measured: tuned'
tuned= ceilings=dies
bench 'no PyTorch' 0 'no PyTorch to compare with'
ceilings= d2v_vit_large=dies
export d2v_vit_large
only='--variants tuned'
bench 'the second model fails' 1 'vit_base     12800 images/s' 'vit_large  FAILED: d2v: ended with code 1: RuntimeError: out of memory'
d2v_vit_large= tuned=hangs
rm -rf "$tmp/out"
timeout -k 20 6 python3 bench/bench_gpu.py --measure 0.3 --build "$b" --python "$b/python" --out "$tmp/out" >"$tmp/said" 2>&1
holds 'ended from outside: what was measured is written' grep -q '"images_per_s": 12800' "$tmp"/out/*.json
tuned=

# The judgements of check_gpu.sh on made-up logs: the functions as they stand there.
sed -n '/^losses_apart()/,/^within()/p' tools/check_gpu.sh >"$tmp/functions"
log() { # FILE SCRIPT: losses of 60 steps, edited
	awk 'BEGIN { for (i = 0; i <= 60; i++) printf "{\"step\": %d, \"loss\": %.9g, \"lr\": 1}\n", i, 0.25 - i * 1e-4 }' | sed "$2" >"$1"
}
judge() { # NAME yes|no SCRIPT
	log "$tmp/one" "$3"
	log "$tmp/two" ''
	if sh -c '. "$1"; within "$(losses_apart "$2" "$3" 1 50)" 1e-3 && within "$(losses_apart "$2" "$3" 60 60)" 0.15' - "$tmp/functions" "$tmp/one" "$tmp/two"; then
		got=yes
	else
		got=no
	fi
	if [ $got = "$2" ]; then good; else bad "judgement: $1"; fi
}
judge 'the same' yes ''
judge 'a little apart' yes '11s/0.249/0.2491/'
judge 'further apart' no '11s/0.249/0.2497/'
judge 'far apart at the end' no '61s/0.244/0.3/'
judge 'as far as may be at the end' yes '61s/0.244/0.27/'
judge 'zeros' no 's/"loss": [0-9.]*/"loss": 0/'
judge 'null' no '11s/0.249/null/'
judge 'nan' no '11s/0.249/nan/'
judge 'a step is missing' no '21d'
judge 'the last is missing' no '61d'
judge 'exponents' yes '11s/0.249/2.49e-01/'
sed -n '/^near_to()/p' tools/check_gpu.sh >"$tmp/functions"
memory() { # NAME yes|no COUNTED PLANNED SLACK
	if sh -c '. "$1"; near_to "$2" "$3" "$4"' - "$tmp/functions" "$3" "$4" "$5"; then got=yes; else got=no; fi
	if [ $got = "$2" ]; then good; else bad "memory: $1"; fi
}
memory 'to the byte' yes 11907338368 11907338368 54525952
memory 'in whole pieces' yes 11911823360 11907338368 54525952
memory 'not counted' no 0 11907338368 54525952
memory 'a slab twice' no 12252365312 11907338368 54525952
holds 'check_gpu.sh is a script' sh -n tools/check_gpu.sh
ends 'check_gpu.sh without programs' 3 'there is no' env BUILD="$tmp" tools/check_gpu.sh
finish
