#!/usr/bin/env python3
"""read_gradients.py ONE THREE: dumps of one and of three steps of specs/shared.d2v, whose first moments after a step are half of
the gradients. Is there a gradient for every parameter, and is it the first step's in both?"""

import json
import struct
import sys


def tensors(path):
    data = open(path, "rb").read()
    (n,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + n])
    header.pop("__metadata__", None)
    for name, t in header.items():
        lo, hi = t["data_offsets"]
        yield name, (t["shape"], struct.unpack(f"<{(hi - lo) // 4}f", data[8 + n + lo : 8 + n + hi]))


one, three = (dict(tensors(path)) for path in sys.argv[1:])
names = [name.removeprefix("moment1.") for name in one if name.startswith("moment1.")]
assert len(names) == 14, names
for name in names:
    shape, moment = one["moment1." + name]
    assert "grad." + name in one, name
    assert one["grad." + name] == (shape, tuple(2 * x for x in moment)), name
    assert three["grad." + name] == one["grad." + name], name
    assert any(moment), name
