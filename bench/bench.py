"""d2v's training step against PyTorch's, on this machine's processor: `make bench`.

Both sides stay loaded and take turns, a few steps each, so that whatever else the machine does
meets both; what counts is the median over all rounds. Times d2v from the text of a spec to a loaded
program too. Prints tables and writes bench/results/DATE-cpu.json and .md, with the load that other
processes made meanwhile. Refuses to compare when the two sides disagree on the number of
parameters or on the batch. This is a benchmark: it fails on no figure, only when d2v does not run.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
GIB = float(1 << 30)
VARIANTS = ("published", "tuned", "compiled")

# spec: (file, images, steps in a turn, rounds). The images differ from the file's where a step would take minutes.
SPECS = {
    "fashion": ("models/fashion.d2v", 64, 10, 8),
    "vit_base": ("models/vit_base.d2v", 8, 1, 5),
}
GOALS = {"cold": 20.0, "cached": 0.5, "deeper": 1.3}  # seconds, seconds, times


class Failed(Exception):
    pass


# ---- the machine ---------------------------------------------------------------------------------


def memory_available():
    with open("/proc/meminfo") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("MemAvailable"))


def machine_ticks():
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, soft, steal = (int(x) for x in f.readline().split()[1:9])
    return user + nice + system + irq + soft, steal


def process_ticks(pid):
    """Of a process and of those of its children that have ended."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return sum(int(x) for x in f.read().rpartition(")")[2].split()[11:15])
    except OSError:
        return 0


class Load:
    """How many cores processes other than the given ones keep busy between two moments."""

    def __init__(self, workers):
        self.workers = workers
        self.start = self.now()

    def now(self):
        busy, steal = machine_ticks()
        ours = sum(process_ticks(w.process.pid) for w in self.workers) + process_ticks(os.getpid())
        return busy - ours, steal, time.time()

    def others(self):
        a, b = self.start, self.now()
        ticks = max(b[2] - a[2], 1e-3) * os.sysconf("SC_CLK_TCK")
        return max(0.0, (b[0] - a[0]) / ticks), (b[1] - a[1]) / ticks


def machine():
    with open("/proc/cpuinfo") as f:
        lines = f.read().splitlines()
    model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")
    return {"processor": model, "cores": os.cpu_count(), "kernel": os.uname().release}


# ---- the two sides -------------------------------------------------------------------------------


class Worker:
    """A process that says `loaded` and `ready`, then runs steps when asked."""

    def __init__(self, name, command, env, **more):
        self.name, self.ms = name, []
        self.errors = tempfile.TemporaryFile("w+")
        self.started = time.time()
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=self.errors, env=env, text=True, cwd=ROOT, **more)
        except OSError as e:
            raise Failed(f"{name}: cannot start {command[0]}: {e.strerror}") from None

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            self.process.wait()
            self.errors.seek(0)
            said = [x for x in self.errors.read().splitlines() if x.strip()]
            raise Failed(f"{self.name}: ended with code {self.process.returncode}: {said[-1] if said else 'no message'}")
        return json.loads(text)

    def load(self):
        self.line()
        self.loaded_s = time.time() - self.started

    def prepare(self):
        self.load()
        self.facts = self.line()
        self.ready_s = time.time() - self.started

    def turn(self, steps):
        try:
            self.process.stdin.write(f"{steps}\n")
            self.process.stdin.flush()
        except OSError:
            pass  # it has ended; line() says why
        answer = self.line()
        self.ms += answer["ms"]
        self.facts["peak_rss_bytes"] = answer["peak_rss_bytes"]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()

    def result(self):
        f = self.facts
        r = {"median_ms": statistics.median(self.ms), "fastest_ms": min(self.ms), "steps": len(self.ms),
             "peak_rss_bytes": f["peak_rss_bytes"], "to_first_step_s": self.ready_s, "ms": self.ms}
        r.update({k: f[k] for k in ("slab_bytes", "workspace_bytes", "imported_rss_bytes", "torch") if k in f})
        return r


def d2v_command(o, file, batch, precision, cache, *more):
    return [o.d2v, "bench", file, "--set", f"B={batch}", "--set", f"precision={precision}", "--threads",
            str(o.threads), "--cache", cache, *more]


def d2v_worker(o, file, batch, precision, cache, name="d2v"):
    return Worker(name, d2v_command(o, file, batch, precision, cache, "--on-request"), dict(os.environ))


def torch_environment():
    """torch's wheel looks in the toolkit's folder for libraries that do not come with it."""
    env = dict(os.environ)
    cuda = os.path.join(env.get("CUDA_HOME", "/usr/local/cuda"), "lib64")
    if os.path.isdir(cuda):
        env["LD_LIBRARY_PATH"] = ":".join(x for x in (cuda, env.get("LD_LIBRARY_PATH")) if x)
    return env


def torch_worker(o, spec, batch, precision, variant, scratch):
    env = dict(torch_environment(), OMP_NUM_THREADS=str(o.threads), TORCHINDUCTOR_CACHE_DIR=os.path.join(scratch, "inductor"))
    return Worker(f"PyTorch, {variant}", [o.python, os.path.join(HERE, "pytorch_step.py"), spec, "--batch", str(batch),
                  "--precision", precision, "--variant", variant, "--threads", str(o.threads)], env)


def work_of(o, spec, batch):
    """FLOPs of a step, counted where the peer's sizes are."""
    code = f"import sys; sys.path.insert(0, {HERE!r}); import pytorch_step as p; print(p.flops({spec!r}, {batch}))"
    done = subprocess.run([o.python, "-c", code], env=torch_environment(), capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{o.python} cannot run bench/pytorch_step.py: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout)


# ---- steps ---------------------------------------------------------------------------------------


def agree(ours, theirs):
    for what in ("parameters", "batch"):
        if ours.facts[what] != theirs.facts[what]:
            raise Failed(f"{what}: {ours.facts[what]} in d2v, {theirs.facts[what]} in {theirs.name}; nothing to compare")


def take_turns(o, workers, steps, rounds):
    load = Load(workers)
    for r in range(rounds):
        for w in workers if r % 2 == 0 else workers[::-1]:
            w.turn(steps)
        note(f"  round {r + 1} of {rounds}: " + ", ".join(f"{w.name} {w.ms[-1]:.0f} ms" for w in workers))
    return load.others()


def measure_group(o, spec, precision, variants, scratch, out):
    """d2v and as many of the variants as fit into memory; the variants that are left."""
    file, batch, steps, rounds = settings(o, spec)
    workers, left = [], list(variants)
    try:
        ours = d2v_worker(o, file, batch, precision, os.path.join(scratch, "cache"))
        workers.append(ours)
        ours.prepare()
        largest = 0
        while left:
            if len(workers) > 1 and memory_available() < 1.25 * largest:
                break
            w = torch_worker(o, spec, batch, precision, left[0], scratch)
            workers.append(w)
            try:
                w.prepare()
                agree(ours, w)
            except Failed as e:
                if w.process.poll() is None:
                    raise
                note(f"  left out: {e}")
                out["left_out"].append(str(e))
                workers.pop().close()
            else:
                note(f"  {w.name}: first step done after {w.ready_s:.1f} s")
                largest = max(largest, w.facts["peak_rss_bytes"])
            left.pop(0)
        busy, steal = take_turns(o, workers, steps, rounds)
        out["others_cores"].append(busy)
        out["steal_cores"].append(steal)
        merge(out, ours, workers[1:])
    finally:
        for w in workers:
            w.close()
    return left


def merge(out, ours, theirs):
    mine = ours.result()
    if out["d2v"]:
        mine["ms"] += out["d2v"]["ms"]
        mine["median_ms"], mine["fastest_ms"], mine["steps"] = (
            statistics.median(mine["ms"]), min(mine["ms"]), len(mine["ms"]))
    out["d2v"] = mine
    for w in theirs:
        out["pytorch"][w.name.split(", ")[1]] = w.result()


def measure(o, spec, precision, scratch):
    file, batch, _, _ = settings(o, spec)
    note(f"{spec}, batch {batch}, {precision}")
    out = {"spec": spec, "file": file, "batch": batch, "precision": precision, "d2v": None, "pytorch": {},
           "left_out": [], "others_cores": [], "steal_cores": []}
    out["flops"] = work_of(o, spec, batch)
    left = o.variants
    while True:
        left = measure_group(o, spec, precision, left, scratch, out)
        if not left:
            break
    if out["pytorch"]:
        out["best"] = min(out["pytorch"], key=lambda v: out["pytorch"][v]["median_ms"])
        best = out["pytorch"][out["best"]]
        out["time_ratio"] = best["median_ms"] / out["d2v"]["median_ms"]
        out["memory_ratio"] = best["peak_rss_bytes"] / out["d2v"]["peak_rss_bytes"]
    done = subprocess.run(d2v_command(o, file, batch, precision, os.path.join(scratch, "cache"), "--json", "--steps", "2"),
                          capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise Failed(f"d2v bench ended with code {done.returncode}: {done.stderr.strip()}")
    profile = json.loads(done.stdout)
    out["kernels"], out["roof"] = profile["kernels"], profile["rates"][f"gemm_{precision}"]
    out["floor_ms"] = out["flops"] / out["roof"] * 1e3
    return out


# ---- compile time --------------------------------------------------------------------------------


def loaded_after(o, file, cache):
    w = d2v_worker(o, file, 8, o.precision[-1], cache, f"d2v, {file}")
    try:
        w.load()
        return w.loaded_s
    finally:
        w.close()


def compile_times(o, scratch):
    """Seconds from the start of `d2v` to a loaded program: text, passes, kernels through the C compiler, gemm plans."""
    note("from text to a loaded program")
    out = {}
    load = Load([])
    for name in ("vit_base", "vit_large"):
        file, cache = f"models/{name}.d2v", os.path.join(scratch, f"cold-{name}")
        out[name] = {"cold_s": loaded_after(o, file, cache),
                     "cached_s": statistics.median(loaded_after(o, file, cache) for _ in range(3))}
        note(f"  {name}: {out[name]['cold_s']:.1f} s, cached {out[name]['cached_s']:.2f} s")
    out["large_over_base"] = out["vit_large"]["cold_s"] / out["vit_base"]["cold_s"]
    out["others_cores"] = load.others()[0]
    return out


# ---- tables --------------------------------------------------------------------------------------


def table(head, rows):
    rows = [head] + rows
    width = [max(len(r[i]) for r in rows) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(r, width)) + " |" for r in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in width) + "|")
    return "\n".join(lines)


def step_table(results):
    rows = []
    for r in results:
        row = [f"{r['spec']}, batch {r['batch']}, {r['precision']}", f"{r['d2v']['median_ms']:.0f}"]
        if r["pytorch"]:
            best = r["pytorch"][r["best"]]
            row += [f"{best['median_ms']:.0f} ({r['best']})", f"{r['time_ratio']:.2f}",
                    f"{r['d2v']['peak_rss_bytes'] / GIB:.2f}", f"{best['peak_rss_bytes'] / GIB:.2f}", f"{r['memory_ratio']:.2f}"]
        else:
            row += ["-", "-", f"{r['d2v']['peak_rss_bytes'] / GIB:.2f}", "-", "-"]
        rows.append(row + [f"{r['floor_ms']:.0f}", f"{100 * r['floor_ms'] / r['d2v']['median_ms']:.0f} %"])
    return table(["step", "d2v, ms", "PyTorch, ms (best)", "times faster", "d2v, GiB", "PyTorch, GiB",
                  "times less", "floor, ms", "d2v at"], rows)


def detail_table(results):
    rows = []
    for r in results:
        sides = [("d2v", r["d2v"])] + [(f"PyTorch, {v}", x) for v, x in r["pytorch"].items()]
        for name, x in sides:
            rows.append([f"{r['spec']}, {r['precision']}", name, f"{x['median_ms']:.1f}", f"{x['fastest_ms']:.1f}",
                         str(x["steps"]), f"{1e3 * r['batch'] / x['median_ms']:.2f}", f"{x['peak_rss_bytes'] / GIB:.2f}",
                         f"{x['to_first_step_s']:.1f}"])
    return table(["step", "side", "median, ms", "fastest, ms", "steps", "images/s", "peak, GiB", "first step after, s"], rows)


def compile_table(c):
    def row(what, value, goal, unit):
        return [what, f"{value:.2f} {unit}", f"{goal:g} {unit}", "yes" if value <= goal else "no"]
    return table(["from text to a loaded program", "seen", "goal", "reached"], [
        row("ViT-B, nothing cached", c["vit_base"]["cold_s"], GOALS["cold"], "s"),
        row("ViT-B, from the cache", c["vit_base"]["cached_s"], GOALS["cached"], "s"),
        row("ViT-L against ViT-B, nothing cached", c["large_over_base"], GOALS["deeper"], "x")])


def kernel_table(r):
    total = sum(k["ms"] for k in r["kernels"]) or 1
    rows = [[f"{k['ms']:.2f}", f"{100 * k['ms'] / total:.1f} %", str(k["calls"]),
             f"{k['flops'] / max(k['ms'], 1e-6) / 1e6:.1f}", f"{k['bytes'] / max(k['ms'], 1e-6) / 1e6:.1f}", k["name"]]
            for k in r["kernels"][:15]]
    return table(["ms", "share", "calls", "GFLOP/s", "GB/s", "kernel"], rows)


def busy_lines(report):
    lines = [f"- {r['spec']}, {r['precision']}: {max(r['others_cores']):.2f} cores"
             + (f"; left out: {'; '.join(r['left_out'])}" if r["left_out"] else "") for r in report["steps"]]
    if report["compile"]:
        lines.append(f"- text to loaded program: {report['compile']['others_cores']:.2f} cores, the C compiler of d2v itself included")
    return "\n".join(lines)


def report_text(report):
    m, o = report["machine"], report["options"]
    torch = next((x["torch"] for r in report["steps"] for x in r["pytorch"].values()), "not run")
    roofs = [f"{r['spec']} {r['precision']} {r['roof'] / 1e9:.0f} GFLOP/s" for r in report["steps"]]
    parts = [f"# One training step on the processor, {report['date']}",
             f"{m['processor']}, {m['cores']} cores; {o['threads']} threads; PyTorch {torch}; commit {report['commit']}. "
             "Both sides took turns in one run; medians. A step: teacher forward, student forward and backward, "
             "clipping, AdamW, averaging. Floor: the step's matrix products at what a large gemm reached right after "
             f"({', '.join(roofs)}). Memory: the process's peak; PyTorch's holds "
             "about half a GiB of libraries. Times faster, times less: PyTorch's best variant over d2v.",
             *([step_table(report["steps"]), detail_table(report["steps"])] if report["steps"] else [])]
    if report["compile"]:
        parts.append(compile_table(report["compile"]))
    parts.append("Cores kept busy by other processes meanwhile (figures are good only where this is near 0):\n\n" + busy_lines(report))
    for r in report["steps"]:
        if r["kernels"]:
            parts.append(f"Kernels of d2v, {r['spec']}, {r['precision']}:\n\n" + kernel_table(r))
    return "\n\n".join(parts) + "\n"


# ---- the story -----------------------------------------------------------------------------------


def note(text):
    print(text, file=sys.stderr, flush=True)


def settings(o, spec):
    file, batch, steps, rounds = SPECS[spec]
    return file, o.batch or batch, o.steps or steps, o.rounds or rounds


def options():
    p = argparse.ArgumentParser(description="d2v's training step against PyTorch's on the processor.")
    p.add_argument("--quick", action="store_true", help="the demonstration's spec only, no compile times")
    p.add_argument("--spec", choices=SPECS, action="append", help="only this one (may be repeated)")
    p.add_argument("--precision", choices=("f32", "bf16"), action="append", help="only this one (default: both)")
    p.add_argument("--variants", default=",".join(VARIANTS), help="of PyTorch, comma-separated (default: %(default)s)")
    p.add_argument("--batch", type=int, help="images, instead of each spec's own")
    p.add_argument("--steps", type=int, help="steps in a turn")
    p.add_argument("--rounds", type=int, help="rounds of turns")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--only", choices=("steps", "compile"), help="one half of the measurement (default: both)")
    p.add_argument("--out", default=os.path.join(HERE, "results"), help="folder of the results (default: bench/results)")
    p.add_argument("--d2v", default=os.path.join(ROOT, "build", "d2v"))
    p.add_argument("--python", default=sys.executable, help="a Python with torch (default: the one running this)")
    o = p.parse_args()
    o.d2v = os.path.abspath(o.d2v)
    o.variants = [v for v in o.variants.split(",") if v]
    for v in o.variants:
        if v not in VARIANTS:
            p.error(f"there is no variant `{v}`; there are {', '.join(VARIANTS)}")
    for name in ("batch", "steps", "rounds", "threads"):
        if getattr(o, name) is not None and getattr(o, name) < 1:
            p.error(f"--{name} is a number from 1 on")
    return o


def precisions(o):
    """bf16 is measured where the processor has instructions for it: elsewhere d2v refuses it, too."""
    if o.precision:
        return o.precision
    with open("/proc/cpuinfo") as f:
        if "avx512_bf16" in f.read().split():
            return ("f32", "bf16")
    note("this processor has no instructions for bf16: f32 only")
    return ("f32",)


def main():
    o = options()
    o.precision = precisions(o)
    specs = [] if o.only == "compile" else o.spec or (["fashion"] if o.quick else list(SPECS))
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    report = {"date": time.strftime("%Y-%m-%d"), "commit": commit.stdout.strip() or "unknown", "machine": machine(),
              "load_before": os.getloadavg(), "steps": [], "compile": None,
              "options": {"threads": o.threads}}
    scratch = tempfile.mkdtemp(prefix="d2v-bench-")
    try:
        for spec in specs:
            for precision in o.precision:
                report["steps"].append(measure(o, spec, precision, scratch))
        if o.only == "compile" or not (o.quick or o.spec or o.only):
            report["compile"] = compile_times(o, scratch)
    except Failed as e:
        sys.exit(f"bench: {e}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report["load_after"] = os.getloadavg()
    text = report_text(report)
    print(text)
    partial = "-compile" if o.only == "compile" else "-quick" if o.quick else "".join(f"-{s}" for s in o.spec or [])
    os.makedirs(o.out, exist_ok=True)
    name = os.path.join(o.out, f"{report['date']}-cpu{partial}")
    for end, body in ((".json", json.dumps(report, indent=1) + "\n"), (".md", text)):
        with open(name + end, "w") as f:
            f.write(body)
    print(f"Written: {os.path.relpath(name)}.json, .md")


if __name__ == "__main__":
    main()
