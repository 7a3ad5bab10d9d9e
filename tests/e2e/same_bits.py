"""same_bits.py A B: have two safetensors files the same tensors with the same bits? Prints `same`, or `other` and the first that
is not. Metadata does not matter."""

import json
import struct
import sys


def tensors(path):
    data = open(path, "rb").read()
    (n,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + n])
    header.pop("__metadata__", None)
    return {k: (v["dtype"], v["shape"], data[8 + n + v["data_offsets"][0] : 8 + n + v["data_offsets"][1]]) for k, v in header.items()}


a, b = tensors(sys.argv[1]), tensors(sys.argv[2])
if not a:
    sys.exit("nothing to compare")
other = sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k))
print(f"other: {other[0]} and {len(other) - 1} more" if other else "same")
