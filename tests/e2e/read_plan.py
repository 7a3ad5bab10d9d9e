"""read_plan.py PLAN TRACE: does what `d2v plan` wrote as JSON add up, and is the trace the same plan?"""

import json
import sys

plan, trace = (json.load(open(path)) for path in sys.argv[1:3])
steps, values = plan["steps"], plan["values"]


def near(x, y):
    return abs(x - y) <= 1e-9 * max(abs(x), abs(y))


assert sum(plan["owners"].values()) == plan["slab_bytes"] == sum(s["bytes"] for s in plan["slabs"])
for s in plan["slabs"]:
    assert sum(s["owners"].values()) == s["bytes"], s
for key in ("flops", "bytes", "seconds"):
    for name in ("roles", "kinds", "kernels", "lines", "steps"):
        assert near(sum(row[key] for row in plan[name]), plan[key]), (name, key)
for name in ("roles", "kinds", "kernels", "lines"):
    assert sum(row["steps"] for row in plan[name]) == len(steps), name
    for row in plan[name]:
        assert near(row["seconds"], sum(row[r] for r in ("forward", "backward", "teacher", "update"))), row
assert sum(row["bytes_at_peak"] for row in plan["lines"]) == plan["peak"]["live_bytes"] <= plan["peak"]["activation_bytes"]

# Activations alive, from the lives of values.
for i, step in enumerate(steps):
    alive = sum(v["bytes"] for v in values if v["owner"] == "activations" and v["first"] <= i <= v["last"])
    assert alive == step["live_bytes"], (i, alive, step)
assert max(step["live_bytes"] for step in steps) == steps[plan["peak"]["step"]]["live_bytes"] == plan["peak"]["live_bytes"]

spans = [e for e in trace["traceEvents"] if e["ph"] == "X"]
counts = [e for e in trace["traceEvents"] if e["ph"] == "C"]
assert len(spans) == len(steps)
at = 0.0
for span, count, step in zip(spans, counts, steps):
    assert span["name"] == step["kernel"] and span["cat"] == step["kind"] and span["args"]["line"] == step["line"]
    assert abs(span["ts"] - at) <= 1e-5 and count["ts"] == span["ts"] and span["dur"] >= 0, span
    assert count["args"]["bytes"] == step["live_bytes"]
    at = span["ts"] + span["dur"]
assert len(counts) == len(spans) + 1 and counts[-1]["args"]["bytes"] == 0 and counts[-1]["ts"] >= spans[-1]["ts"]
assert abs(at - 1e6 * plan["seconds"]) < 1e-3
