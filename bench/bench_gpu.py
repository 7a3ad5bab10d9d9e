"""d2v's training step against PyTorch's on one GPU, in one run of less than eight minutes: `make bench-gpu`.

ViT-B with 128 images and ViT-L with 64: images/s and peak memory of d2v and of PyTorch four ways (see
pytorch_step.py), each alone on the GPU, d2v once before and once after them so that a drift of clocks shows; time
per class of kernels against its floor, which is the larger of its bytes over the rate of a large copy and its FLOPs
over the rate of a large matrix product, both measured here; time from start to the end of the first step, cold and
warm. Prints tables, the short one last, and writes bench/results/DATE-gpu.json and .md. What there was no time for
is named as such. Needs a Python with PyTorch for the peer; without one d2v alone is measured, and that is said.
Works from a packed build (tools/pack_gpu.sh). Fails when d2v does not run, and on no figure."""
import argparse
import json
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)
from bench import Failed, Worker  # noqa: E402

# name: images, goal in images/s, program in build/gpu
MODELS = {"vit_base": (128, 3700), "vit_large": (64, 1080)}
VARIANTS = ("published", "tuned", "blocks", "compiled")  # the one that may not be ready in time comes last
GOALS = {"cold": 5.0, "warm": 0.3, "optimiser": 0.8, "memory": 0.6}
CEILINGS = r"""
import json, torch
def best(f, n):
    f(); torch.cuda.synchronize(); times = []
    for _ in range(n):
        a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        a.record(); f(); b.record(); torch.cuda.synchronize(); times.append(a.elapsed_time(b) * 1e-3)
    return sorted(times)[n // 2]
x = torch.empty(1 << 31, dtype=torch.uint8, device="cuda"); y = torch.empty_like(x)
copy = 2 * x.numel() / best(lambda: y.copy_(x), 20)
del x, y
a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
print(json.dumps(dict(bytes_per_s=copy, flops_per_s=2 * 8192**3 / best(lambda: a @ b, 20), torch=torch.__version__,
                      cuda=torch.version.cuda, gpu=torch.cuda.get_device_name())))
"""


class Timed(Worker):
    """A worker that is given up when it does not answer in time."""

    deadline, read = None, b""

    def __init__(self, name, command, env):
        super().__init__(name, command, env, start_new_session=True)

    def line(self):
        fd = self.process.stdout.fileno()
        while b"\n" not in self.read:
            left = self.deadline - time.time()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise Failed(f"{self.name}: not ready within its time")
            more = os.read(fd, 1 << 16)
            if not more:
                self.ended()
            self.read += more
        text, _, self.read = self.read.partition(b"\n")
        try:
            return json.loads(text)
        except ValueError:
            raise Failed(f"{self.name}: said `{text.decode(errors='replace')[:80]}`, which is not JSON") from None

    def ended(self):
        """It closed its output: say how it ended, and with which error."""
        try:
            self.process.wait(max(1.0, min(10.0, self.deadline - time.time())))
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name}: closed its output and did not end") from None
        self.errors.seek(0)
        said = [x for x in self.errors.read().splitlines() if x.strip()]
        why = [x for x in said if "Error" in x or "error:" in x] or said or ["no message"]
        raise Failed(f"{self.name}: ended with code {self.process.returncode}: {why[-1]}")

    def turn(self, steps):
        try:
            self.process.stdin.write(f"{steps}\n")
            self.process.stdin.flush()
        except OSError:
            pass  # it has ended; line() says why
        answer = self.line()
        self.ms += answer.pop("ms")
        self.facts.update(answer)

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # with those it started: compilers of kernels go on by themselves
        except OSError:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def note(text):
    print(text, file=sys.stderr, flush=True)


def nvidia_smi(*fields):
    try:
        done = subprocess.run(["nvidia-smi", "--query-gpu=" + ",".join(fields), "--format=csv,noheader,nounits"],
                              capture_output=True, text=True, timeout=20)
        values = [x.strip() for x in done.stdout.splitlines()[0].split(",")]
        return dict(zip(fields, values)) if done.returncode == 0 else {}
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return {}


def environment(o):
    """Packed libraries where the machine lacks some; a toolkit that came with Python where there is no other."""
    env = dict(os.environ, D2V_CACHE=os.path.join(o.scratch, "cache"))
    said = subprocess.run(["ldd", o.run], capture_output=True, text=True).stdout
    packed = os.path.join(o.build, "gpu", "lib.tar.gz")
    if "not found" in said and os.path.exists(packed):
        subprocess.run(["tar", "-C", o.scratch, "-xzf", packed], check=True)
        env["LD_LIBRARY_PATH"] = ":".join(x for x in (env.get("LD_LIBRARY_PATH"), os.path.join(o.scratch, "lib")) if x)
    if "CUDA_HOME" not in env and not os.path.exists("/usr/local/cuda/lib64/libnvrtc.so.13"):
        for folder in sys.path:
            if os.path.exists(os.path.join(folder, "nvidia", "cu13", "lib", "libnvrtc.so.13")):
                env["CUDA_HOME"] = os.path.join(folder, "nvidia", "cu13")
                break
    return env


def torch_environment(o):
    env = dict(os.environ, TORCHINDUCTOR_CACHE_DIR=os.path.join(o.build, "inductor"))
    # Trying Triton's matrix products too takes 10 to 30 s a shape, minutes in all. Where they were tried (PyTorch 2.11, H200,
    # 2026-11-28) cuBLAS won every shape of ViT-B's forward pass but 25216 x 768 x 768, by 24 us of 87, which is 0.6 ms a step.
    env.setdefault("TORCHINDUCTOR_MAX_AUTOTUNE_GEMM_BACKENDS", "ATEN")
    if os.path.isdir("/usr/local/cuda/lib64") and o.python.startswith(os.path.join(ROOT, "build")):
        env["LD_LIBRARY_PATH"] = ":".join(x for x in ("/usr/local/cuda/lib64", env.get("LD_LIBRARY_PATH")) if x)
    return env


# ---- one side ----------------------------------------------------------------------------------------


def measure(o, worker, batch):
    """Turns of ten steps until o.measure seconds are over; the first turn only warms up."""
    worker.deadline = o.deadline
    worker.prepare()
    worker.turn(10)
    worker.ms.clear()
    start = time.time()
    while time.time() - start < o.measure and len(worker.ms) < 400:
        worker.turn(10)
    # Means of turns: steps overlap, so that a single one has no time of its own.
    turns = [statistics.fmean(worker.ms[i:i + 10]) for i in range(0, len(worker.ms), 10)]
    f = worker.facts
    r = {"ms": statistics.median(turns), "fastest_ms": min(turns), "slowest_ms": max(turns), "steps": len(worker.ms),
         "images_per_s": 1e3 * batch / statistics.median(turns), "to_first_step_s": worker.ready_s, "clock": nvidia_smi("clocks.sm", "power.draw")}
    r.update({k: f[k] for k in ("slab_bytes", "workspace_bytes", "parameters", "torch", "attention", "gpu_bytes", "gpu_reserved_bytes") if k in f})
    r["peak_bytes"] = f["slab_bytes"] + f["workspace_bytes"] if "slab_bytes" in f else f.get("gpu_reserved_bytes", 0)
    return r


def d2v(o, env, spec, name):
    batch, _ = MODELS[spec]
    program = os.path.join(o.build, "gpu", f"{spec}-cuda")
    w = Timed(name, [o.run, "bench", program, "--device", o.device, "--on-request"], env)
    try:
        r = measure(o, w, batch)
    finally:
        w.close()
    if w.facts["batch"] != batch:
        raise Failed(f"{program} has {w.facts['batch']} images, not {batch}; pack it again (tools/pack_gpu.sh)")
    return r


def peer(o, spec, variant):
    batch, _ = MODELS[spec]
    w = Timed(f"PyTorch, {variant}", [o.python, os.path.join(HERE, "pytorch_step.py"), spec, "--batch", str(batch), "--precision", "bf16",
                                      "--variant", variant, "--device", "cuda"], torch_environment(o))
    try:
        return measure(o, w, batch)
    finally:
        w.close()


# ---- kernels against their floors -----------------------------------------------------------------------


def class_of(kernel):
    if kernel["what"] == "update":
        return "optimiser, EMA, clip"
    if kernel["name"].startswith("gemm"):
        return "gemm, " + {"forward": "forward", "backward": "backward", "teacher": "teacher"}.get(kernel["what"], kernel["what"])
    if "_attend_ready" in kernel["name"]:
        return "attention, draws and bias"
    if "_attend_grad" in kernel["name"] or "_attend_finish" in kernel["name"]:
        return "attention, backward"
    if "_attend" in kernel["name"]:
        return "attention, forward"
    if "_columns" in kernel["name"] or "_finish" in kernel["name"]:
        return "sums over rows"
    return "elementwise and row norms"


def kernels(o, env, spec, ceilings):
    program = os.path.join(o.build, "gpu", f"{spec}-cuda")
    done = subprocess.run([o.run, "bench", program, "--device", o.device, "--steps", "5", "--json"], capture_output=True, text=True, env=env,
                          timeout=max(5.0, o.end - time.time()))
    if done.returncode:
        raise Failed(f"d2v bench {spec}: {done.stderr.strip()}")
    classes, every = {}, json.loads(done.stdout)["kernels"]
    for k in every:
        c = classes.setdefault(class_of(k), {"calls": 0, "ms": 0.0, "floor_ms": 0.0, "flops": 0.0, "bytes": 0.0})
        # Flops and bytes are sums over the calls. Only gemms and attention have the tensor cores' rate as a floor.
        heavy = k["name"].startswith("gemm") or k["name"].endswith(("_attend", "_attend_grad"))
        floor = max(k["bytes"] / ceilings["bytes_per_s"], k["flops"] / ceilings["flops_per_s"] if heavy else 0)
        c["calls"] += k["calls"]
        c["ms"] += k["ms"]
        c["floor_ms"] += 1e3 * floor
        c["flops"] += k["flops"]
        c["bytes"] += k["bytes"]
    return {"classes": classes, "kernels": every}


# ---- the run ---------------------------------------------------------------------------------------------


def guarded(report, name, f):
    try:
        report[name] = f()
        if "images_per_s" in report[name]:
            note(f"  {name}: {report[name]['images_per_s']:.0f} images/s")
    except (Failed, ValueError, KeyError, OSError, subprocess.SubprocessError) as e:
        report[name] = {"failed": str(e)}
        note(f"  {name}: {e}")


def measure_model(o, env, spec, ceilings, late, m):
    """Into m, so that what was measured is there when something ends the run."""
    note(f"{spec}:")
    m.update({"batch": MODELS[spec][0], "goal_images_per_s": MODELS[spec][1], "precision": "bf16"})
    cold = dict(env, D2V_CACHE=os.path.join(o.scratch, f"cold-{spec}"))
    m["d2v, cold"] = d2v(o, cold, spec, "d2v")  # does d2v run at all? FAIL here ends the benchmark
    note(f"  d2v: {m['d2v, cold']['images_per_s']:.0f} images/s")
    guarded(m, "kernels", lambda: kernels(o, cold, spec, ceilings))
    for variant in o.variants:
        # The last one may have what the others left.
        o.deadline = late if variant == o.variants[-1] else min(late, time.time() + o.patience)
        guarded(m, variant, lambda: peer(o, spec, variant))
        o.deadline = o.end
    guarded(m, "d2v", lambda: d2v(o, cold, spec, "d2v"))
    ours = m["d2v, cold"]["parameters"]
    for v in o.variants:
        if m[v].get("parameters", ours) != ours:
            m[v] = {"failed": f"{m[v]['parameters']} parameters where d2v has {ours}: nothing to compare"}
            note(f"  {v}: {m[v]['failed']}")


def gib(n):
    return f"{n / (1 << 30):.2f}" if n else "-"


def model_text(spec, m):
    if "failed" in m:
        return f"### {spec}\n\nNot measured: {m['failed']}\n"
    rows = [f"### {spec}, {m['batch']} images, bf16", "", "| | images/s | ms a step (fastest, slowest turn) | peak memory, GiB | to the end of the first step, s |", "|---|---|---|---|---|"]
    for name, label in (("d2v", "d2v"), ("d2v, cold", "d2v, empty cache, first"), *((v, f"PyTorch, {v}") for v in VARIANTS)):
        r = m.get(name)
        if r and "ms" in r:
            extra = f" ({r['attention']})" if r.get("attention") else ""
            rows.append(f"| {label}{extra} | {r['images_per_s']:.0f} | {r['ms']:.2f} ({r['fastest_ms']:.2f}, {r['slowest_ms']:.2f}) | {gib(r['peak_bytes'])} | {r['to_first_step_s']:.2f} |")
        elif r:
            rows.append(f"| {label} | {r['failed']} | | | |")
    classes = m.get("kernels", {}).get("classes")
    if classes:
        rows += ["", "Kernels one by one (with an event between each two, which adds a few microseconds a call):", "",
                 "| class | calls | ms | floor, ms | of the floor |", "|---|---|---|---|---|"]
        for name, c in sorted(classes.items(), key=lambda x: -x[1]["ms"]):
            rows.append(f"| {name} | {c['calls']} | {c['ms']:.3f} | {c['floor_ms']:.3f} | {c['floor_ms'] / c['ms'] if c['ms'] else 0:.0%} |")
    return "\n".join(rows) + "\n"


def short_text(report):
    rows = [f"== bench-gpu on {report['gpu'].get('name', 'an unknown GPU')}, {report['date']}, {report['seconds']:.0f} s"]
    for spec, m in report["models"].items():
        if "failed" in m:
            rows.append(f"{spec:10} FAILED: {m['failed']}")
            continue
        ours = m.get("d2v") if "ms" in m.get("d2v", {}) else m["d2v, cold"]
        theirs = {v: m[v] for v in VARIANTS if "ms" in m.get(v, {})}
        best = max((r["images_per_s"] for r in theirs.values()), default=0)
        least = min((r["peak_bytes"] for r in theirs.values()), default=0)
        line = f"{spec:10} {ours['images_per_s']:7.0f} images/s (goal {m['goal_images_per_s']})"
        line += f", {ours['images_per_s'] / best:.2f}x the best PyTorch ({best:.0f})" if best else ", no PyTorch to compare with"
        line += f", {ours['peak_bytes'] / least:.2f} of its least memory (goal {GOALS['memory']})" if least else ""
        rows.append(line)
        update = m.get("kernels", {}).get("classes", {}).get("optimiser, EMA, clip")
        rows.append(f"{'':10} first step after {m['d2v, cold']['to_first_step_s']:.2f} s cold (goal {GOALS['cold']}), {ours['to_first_step_s']:.2f} s warm (goal {GOALS['warm']})"
                    + (f"; optimiser, EMA, clip {update['ms']:.2f} ms" + (f" (goal {GOALS['optimiser']})" if spec == "vit_base" else "") if update else ""))
        missing = [v for v in VARIANTS if v not in theirs]
        if missing:
            rows.append(f"{'':10} not measured: {', '.join(missing)}")
    return "\n".join(rows) + "\n"


def options():
    p = argparse.ArgumentParser(description="d2v's training step against PyTorch's on a GPU.")
    p.add_argument("--build", default=os.path.join(ROOT, "build"), help="folder of the programs, packed (default: build)")
    p.add_argument("--only", choices=MODELS, action="append", help="one model; may be repeated (default: both)")
    p.add_argument("--variants", default=",".join(VARIANTS), help="PyTorch's, separated by commas; empty for none")
    p.add_argument("--seconds", type=float, default=460, help="when to give up what is not ready (default: %(default)s)")
    p.add_argument("--patience", type=float, default=150, help="for one variant of PyTorch, compiling included (default: %(default)s s)")
    p.add_argument("--measure", type=float, default=4, help="seconds of steps once it is ready (default: %(default)s)")
    p.add_argument("--python", default=sys.executable, help="a Python with torch (default: the one running this)")
    p.add_argument("--device", default="cuda", help="d2v's device (default: cuda)")
    p.add_argument("--out", default=os.path.join(HERE, "results"))
    o = p.parse_args()
    o.build = os.path.abspath(o.build)
    o.run = os.path.join(o.build, "d2v-run")
    o.variants = [v for v in o.variants.split(",") if v]
    for v in o.variants:
        if v not in VARIANTS:
            p.error(f"there is no variant `{v}`; there are {', '.join(VARIANTS)}")
    if not os.path.isdir(os.path.join(o.build, "gpu")):
        p.error(f"there is no {o.build}/gpu: run tools/pack_gpu.sh where d2v can be built, and bring the folder")
    return o


def ceilings_here(o):
    why = "no message"
    try:
        done = subprocess.run([o.python, "-c", CEILINGS], capture_output=True, text=True, env=torch_environment(o), timeout=120)
        if done.returncode == 0:
            return json.loads(done.stdout)
        if done.stderr.strip():
            why = done.stderr.strip().splitlines()[-1]
    except (OSError, ValueError, subprocess.TimeoutExpired) as e:
        why = str(e)
    note(f"no PyTorch on this GPU ({why}): d2v alone, floors from the data sheet of an H200 at 90 %")
    o.variants = []
    return {"bytes_per_s": 0.9 * 4.8e12, "flops_per_s": 790e12, "assumed": True}


def main():
    o = options()
    start = time.time()
    o.end = o.deadline = start + o.seconds
    o.scratch = tempfile.mkdtemp(prefix="d2v-bench-")
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    report = {"date": time.strftime("%Y-%m-%d"), "commit": commit.stdout.strip() or "unknown", "gpu": nvidia_smi("name", "driver_version", "memory.total", "clocks.max.sm", "power.limit"), "models": {}}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    code = 0
    try:
        env = environment(o)
        report["ceilings"] = ceilings_here(o)
        wanted = o.only or list(MODELS)
        for i, spec in enumerate(wanted):
            # The models share what time there is; a little is kept for d2v's second turn.
            late = time.time() + (o.end - time.time()) / (len(wanted) - i) - 20
            try:
                measure_model(o, env, spec, report["ceilings"], late, report["models"].setdefault(spec, {}))
            except (Failed, OSError, subprocess.SubprocessError) as e:
                report["models"][spec] = {"failed": str(e)}
                note(f"bench-gpu: {spec}: {e}")
                code = 1
    finally:
        shutil.rmtree(o.scratch, ignore_errors=True)
        report["seconds"] = time.time() - start
        tell(o, report)
    sys.exit(code)


def tell(o, report):
    """What was measured, also where something ended the run early."""
    report["models"] = {spec: m if "d2v, cold" in m or "failed" in m else {"failed": "ended early"} for spec, m in report["models"].items()}
    c = report.get("ceilings")
    text = f"## {report['date']}, {report['gpu'].get('name', 'GPU')}, driver {report['gpu'].get('driver_version', '?')}, PyTorch {(c or {}).get('torch', 'not there')}\n\n"
    if c:
        text += f"Commit {report['commit']}. {'Assumed' if c.get('assumed') else 'Measured'} ceilings: copy {c['bytes_per_s'] / 1e12:.2f} TB/s, bf16 product {c['flops_per_s'] / 1e12:.0f} TFLOP/s.\n\n"
    text += "\n".join(model_text(s, m) for s, m in report["models"].items())
    os.makedirs(o.out, exist_ok=True)
    name = os.path.join(o.out, f"{report['date']}-gpu" + "".join(f"-{s}" for s in o.only or []))
    for end, body in ((".json", json.dumps(report, indent=1) + "\n"), (".md", text)):
        with open(name + end, "w") as f:
            f.write(body)
    print(text)
    print(short_text(report), end="")
    print(f"{os.path.relpath(name)}.json, .md")


if __name__ == "__main__":
    main()
