"""Record what Pillow makes of small images, as vectors for tests/unit/test_data.c, and compare more of it live.

    python3 tests/numeric/record_images.py record            write tests/numeric/data/images.txt
    python3 tests/numeric/record_images.py check PROGRAM     compare PROGRAM (tests/numeric/image_ops.c) with Pillow on many cases

Needs pillow 9.4 and numpy below 2; the unit test needs neither, it reads images.txt. Later Pillows run the vertical
pass of a resize first where that is less work, which changes some bytes by one: data2vec-vision.md 4.7 fixes the
order of 9.4, so other versions are refused here. A record is one line:

    OP ARGS.. : W H C hex-of-input : W H C hex-of-output

with OP resize W H FILTER | brightness F | contrast F | saturation F | grey. Inputs are noise, ramps and
extremes, so that rounding and clamping at both ends are met.
"""
import subprocess
import sys

import numpy as np
import PIL
from PIL import Image, ImageEnhance

FILTERS = {"bicubic": Image.BICUBIC, "bilinear": Image.BILINEAR}


def picture(rng, w, h, c, kind):
    if kind == "noise":
        a = rng.integers(0, 256, (h, w, c))
    elif kind == "extremes":
        a = rng.integers(0, 2, (h, w, c)) * 255
    else:
        y, x = np.mgrid[0:h, 0:w]
        a = np.stack([(x * 7 + y * (3 + 5 * k)) % 256 for k in range(c)], -1)
    return a.astype(np.uint8)


def to_pil(a):
    return Image.fromarray(a[:, :, 0] if a.shape[2] == 1 else a)


def from_pil(im):
    a = np.asarray(im)
    return a[:, :, None] if a.ndim == 2 else a


def apply(op, args, a):
    im = to_pil(a)
    if op == "resize":
        return from_pil(im.resize((int(args[0]), int(args[1])), FILTERS[args[2]]))
    if op == "grey":
        return from_pil(im.convert("L"))
    enhance = {"brightness": ImageEnhance.Brightness, "contrast": ImageEnhance.Contrast, "saturation": ImageEnhance.Color}[op]
    return from_pil(enhance(im).enhance(float(args[0])))


def cases(rng, count, largest):
    kinds = ["noise", "extremes", "ramp"]
    for i in range(count):
        w, h = (int(v) for v in rng.integers(1, largest + 1, 2))
        c = 1 if i % 3 == 0 else 3
        a = picture(rng, w, h, c, kinds[int(rng.integers(3))])
        op = ["resize", "resize", "brightness", "contrast", "saturation", "grey"][i % 6 if c == 3 else (i // 3) % 4]
        if op == "resize":
            args = [str(int(v)) for v in rng.integers(1, largest + 1, 2)] + [sorted(FILTERS)[int(rng.integers(2))]]
        elif op == "grey":
            args = []
        else:
            args = [repr(float(rng.uniform(0.6, 1.4)))]
        yield op, args, a


def shape(a):
    return f"{a.shape[1]} {a.shape[0]} {a.shape[2]}"


def record(path):
    rng = np.random.default_rng(20)
    with open(path, "w") as f:
        for op, args, a in cases(rng, 48, 17):
            b = apply(op, args, a)
            f.write(f"{' '.join([op] + args)} : {shape(a)} {a.tobytes().hex()} : {shape(b)} {b.tobytes().hex()}\n")


def check(program):
    rng = np.random.default_rng(21)
    bad = n = 0
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        for op, args, a in list(cases(rng, 3000, 60)) + list(cases(rng, 60, 500)):
            p.stdin.write(f"{' '.join([op] + args)} : {shape(a)}\n".encode() + a.tobytes())
            p.stdin.flush()
            w, h, c = (int(v) for v in p.stdout.readline().split())
            got = np.frombuffer(p.stdout.read(w * h * c), np.uint8).reshape(h, w, c)
            want = apply(op, args, a)
            n += 1
            if got.shape != want.shape or (got != want).any():
                bad += 1
                print("differs:", op, args, a.shape, "bytes", int((got != want).sum()) if got.shape == want.shape else got.shape)
    print(f"{n} cases, {bad} differ (Pillow {PIL.__version__})")
    return bad != 0


if __name__ == "__main__":
    if not PIL.__version__.startswith("9.4."):
        sys.exit(f"needs Pillow 9.4, found {PIL.__version__}")
    if sys.argv[1:2] == ["record"]:
        record("tests/numeric/data/images.txt")
    elif sys.argv[1:2] == ["check"] and len(sys.argv) == 3:
        sys.exit(check(sys.argv[2]))
    else:
        sys.exit(__doc__)
