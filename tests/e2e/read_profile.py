"""Reads what `d2v bench --json` or `train --profile` wrote, and the plan of the same program: every list adds up to the total,
floors are above 0 where there is work, steps are those of the plan in its order, with its work, bytes, names and lines."""

import json
import sys

FIELDS = ("calls", "ms", "floor_ms", "flops", "bytes", "forward", "backward", "teacher", "update")


def fail(text):
    sys.exit(f"{sys.argv[1]}: {text}")


def near(x, y):
    return abs(x - y) <= 1e-9 * max(abs(x), abs(y))


profile, plan = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
total = profile["total"]
for name in ("kinds", "roles", "lines", "kernels", "launches"):
    for field in FIELDS:
        if not near(sum(row[field] for row in profile[name]), total[field]):
            fail(f"{field} of {name} do not add up to {total[field]}")
for row in profile["launches"]:
    if row["ms"] < 0 or (row["flops"] + row["bytes"] > 0) != (row["floor_ms"] > 0) or row["bound"] not in ("work", "memory"):
        fail(f"row {row}")
    if not near(row["ms"], row[row["role"]]):
        fail(f"{row['name']}: its time is not all of its role")
if not total["ms"] > 0 or not total["floor_ms"] > 0 or not profile["rates"]["bandwidth"] > 1e8 or not profile["rates"]["gemm_f32"] > 1e8:
    fail("times or rates that cannot be")
rates = profile["rates"]
for row in profile["launches"]:
    if row["kind"] == "gemm":
        floor = max(row["flops"] / rates["gemm_f32"], row["bytes"] / rates["bandwidth"])
        if not near(1e3 * floor, row["floor_ms"]):
            fail(f"the floor of {row['name']}")
if total["flops"] != plan["flops"] or total["bytes"] != plan["bytes"] or total["calls"] != len(plan["steps"]):
    fail("the plan has other sums")
for row, step in zip(profile["launches"], plan["steps"]):
    if (row["name"], row["kind"], row["role"], row["line"]) != (step["kernel"], step["kind"], step["role"], step["line"]):
        fail(f"{row['name']} is not {step['kernel']} of the plan")
planned = {row["name"] for row in plan["lines"] if row["steps"]}
if planned != {row["name"] for row in profile["lines"]}:
    fail("other lines than the plan")
