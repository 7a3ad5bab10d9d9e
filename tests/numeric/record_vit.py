"""Record five training steps of models/tiny/numeric.d2v as PyTorch computes them, for tests/numeric/vit_steps.sh.

    python3 tests/numeric/record_vit.py            write tests/numeric/data/vit_*.safetensors
    python3 tests/numeric/record_vit.py check      compare the appendix of the recipe's description with this model

Needs torch (2.15 was used), numpy and safetensors; the test needs none of them. The model is written here from
data2vec-vision.md, with the library's own convolution, layer norm, erf GELU, smooth L1, AdamW and clipping, in
double precision and from values that f32 holds exactly, so that the recorded figures are right to the last digit
of f32. Student and teacher start with different weights, no parameter starts at a constant, what the teacher's
blocks give is small enough for the eps of the target's norm to show, masks differ in size from image to image
(one is empty), and the gradient is clipped in some steps only.

    vit_init.safetensors         parameters and teacher weights before the first step, by the names of the spec
    vit_init_beit.safetensors    the same by published names
    vit_feed.safetensors         image and m of every step
    vit_steps.safetensors        loss, grad_norm, .. of every step, gradients of the first, all variables after
                                 the last by the names of the spec, and the parameters by published names as well
"""
import math
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))


class Sizes:
    def __init__(self, gy, gx, patch, width, heads, blocks, top):
        self.gy, self.gx, self.patch, self.width, self.heads, self.blocks, self.top = gy, gx, patch, width, heads, blocks, top
        self.offsets = (2 * gy - 1) * (2 * gx - 1) + 3


def shapes(s):
    """Published names and shapes, in the order of the state dict (1.5)."""
    c, h = s.width, 4 * s.width
    yield "cls_token", (1, 1, c)
    yield "mask_token", (1, 1, c)
    yield "patch_embed.proj.weight", (c, 3, s.patch, s.patch)
    yield "patch_embed.proj.bias", (c,)
    yield "rel_pos_bias.relative_position_bias_table", (s.offsets, s.heads)
    for l in range(s.blocks):
        for name, shape in (
            ("gamma_1", (c,)), ("gamma_2", (c,)), ("norm1.weight", (c,)), ("norm1.bias", (c,)),
            ("attn.q_bias", (c,)), ("attn.v_bias", (c,)), ("attn.qkv.weight", (3 * c, c)),
            ("attn.proj.weight", (c, c)), ("attn.proj.bias", (c,)), ("norm2.weight", (c,)), ("norm2.bias", (c,)),
            ("mlp.fc1.weight", (h, c)), ("mlp.fc1.bias", (h,)), ("mlp.fc2.weight", (c, h)), ("mlp.fc2.bias", (c,)),
        ):
            yield f"blocks.{l}.{name}", shape
    yield "norm.weight", (c,)
    yield "norm.bias", (c,)
    yield "lm_head.weight", (c, c)
    yield "lm_head.bias", (c,)


def position_index(s):
    """1.3: token 0 is the class token; query row, key column."""
    n = s.gy * s.gx
    index = torch.empty(1 + n, 1 + n, dtype=torch.int64)
    for a in range(n):
        for b in range(n):
            dr, dc = a // s.gx - b // s.gx, a % s.gx - b % s.gx
            index[1 + a, 1 + b] = (dr + s.gy - 1) * (2 * s.gx - 1) + dc + s.gx - 1
    index[0, 1:] = s.offsets - 3
    index[1:, 0] = s.offsets - 2
    index[0, 0] = s.offsets - 1
    return index


def states(s, p, image, mask):
    """All block outputs, class token included (1.2)."""
    tok = F.conv2d(image, p["patch_embed.proj.weight"], p["patch_embed.proj.bias"], stride=s.patch)
    tok = tok.flatten(2).transpose(1, 2)
    if mask is not None:
        w = mask.unsqueeze(-1).to(tok)
        tok = tok * (1 - w) + p["mask_token"] * w
    x = torch.cat([p["cls_token"].expand(tok.shape[0], -1, -1), tok], 1)
    bias = p["rel_pos_bias.relative_position_bias_table"][position_index(s)].permute(2, 0, 1)
    c, d, out = s.width, s.width // s.heads, []
    for l in range(s.blocks):
        w = {k[len(f"blocks.{l}."):]: v for k, v in p.items() if k.startswith(f"blocks.{l}.")}
        y = F.layer_norm(x, (c,), w["norm1.weight"], w["norm1.bias"], 1e-6)
        qkv_bias = torch.cat([w["attn.q_bias"], torch.zeros_like(w["attn.v_bias"]), w["attn.v_bias"]])
        q, k, v = F.linear(y, w["attn.qkv.weight"], qkv_bias).unflatten(-1, (3, s.heads, d)).permute(2, 0, 3, 1, 4)
        blend = (q * d**-0.5 @ k.transpose(-1, -2) + bias).softmax(-1)
        y = (blend @ v).transpose(1, 2).flatten(2)
        x = x + w["gamma_1"] * F.linear(y, w["attn.proj.weight"], w["attn.proj.bias"])
        y = F.layer_norm(x, (c,), w["norm2.weight"], w["norm2.bias"], 1e-6)
        y = F.gelu(F.linear(y, w["mlp.fc1.weight"], w["mlp.fc1.bias"]))
        x = x + w["gamma_2"] * F.linear(y, w["mlp.fc2.weight"], w["mlp.fc2.bias"])
        out.append(x)
    return out


def predict(s, p, image, mask):
    x = F.layer_norm(states(s, p, image, mask)[-1], (s.width,), p["norm.weight"], p["norm.bias"], 1e-6)
    return F.linear(x[:, 1:], p["lm_head.weight"], p["lm_head.bias"])[mask]


def targets(s, p, image, mask):
    """2.4: layer norm of each of the last blocks, mean, layer norm."""
    with torch.no_grad():
        top = [F.layer_norm(z[:, 1:], (s.width,), eps=1e-5) for z in states(s, p, image, None)[-s.top:]]
        return F.layer_norm(sum(top) / len(top), (s.width,), eps=1e-5)[mask]


def groups(student, decay):
    """5.2: one-dimensional tensors and the class token are not decayed."""
    plain = [v for k, v in student.items() if v.dim() == 1 or k == "cls_token"]
    other = [v for k, v in student.items() if not (v.dim() == 1 or k == "cls_token")]
    return [{"params": plain, "weight_decay": 0.0}, {"params": other, "weight_decay": decay}]


def rate(it, warm, total, base, low):
    """5.3"""
    if it < warm:
        return base * it / (warm - 1)
    return low + 0.5 * (base - low) * (1 + math.cos(math.pi * (it - warm) / (total - warm)))


class Training:
    def __init__(self, s, student, teacher, clip, decay, tau):
        self.s, self.clip, self.tau = s, clip, tau
        self.student = {k: torch.nn.Parameter(v.clone()) for k, v in student.items()}
        self.teacher = {k: v.clone() for k, v in teacher.items()}
        self.optimiser = torch.optim.AdamW(groups(self.student, decay), betas=(0.9, 0.999), eps=1e-8)

    def step(self, image, mask, lr):
        """One step of 2.1; what it printed, and the gradients as they were before clipping."""
        y = targets(self.s, self.teacher, image, mask)
        loss = F.smooth_l1_loss(predict(self.s, self.student, image, mask), y, beta=2.0)
        self.optimiser.zero_grad()
        loss.backward()
        gradient = {k: v.grad.clone() for k, v in self.student.items()}
        norm = torch.nn.utils.clip_grad_norm_(self.student.values(), self.clip)
        for g in self.optimiser.param_groups:
            g["lr"] = lr
        self.optimiser.step()
        for k, e in self.teacher.items():
            e.mul_(self.tau).add_(self.student[k].detach(), alpha=1 - self.tau)
        printed = {"loss": loss.item(), "grad_norm": norm.item(), "lr": lr,
                   "target_std": y.std(0, unbiased=False).mean().item(), "masked": mask.double().mean().item()}
        return printed, gradient

    def moments(self, which):
        return {k: self.optimiser.state[v][which] for k, v in self.student.items()}


# ---- the recording ---------------------------------------------------------------------------------------------

SPEC = {"cls_token": "cls", "mask_token": "hole", "patch_embed.proj.weight": "patch", "patch_embed.proj.bias": "patchb",
        "rel_pos_bias.relative_position_bias_table": "offset", "norm.weight": "last.gain", "norm.bias": "last.bias",
        "lm_head.weight": "head", "lm_head.bias": "headb"}
SPEC_BLOCK = {"gamma_1": "s1", "gamma_2": "s2", "norm1.weight": "n1.gain", "norm1.bias": "n1.bias",
              "attn.q_bias": "attend.qb", "attn.v_bias": "attend.vb", "attn.proj.weight": "attend.o",
              "attn.proj.bias": "attend.ob", "norm2.weight": "n2.gain", "norm2.bias": "n2.bias", "mlp.fc1.weight": "up",
              "mlp.fc1.bias": "upb", "mlp.fc2.weight": "down", "mlp.fc2.bias": "downb"}
PRUNED = ("hole", "last.gain", "last.bias", "head", "headb")  # the teacher's forward never uses them


def by_spec(s, values, prefix=""):
    """Tensors by published names -> by the names and with the axes of the spec."""
    c, h, d = s.width, s.heads, s.width // s.heads
    out = {}
    for name, v in values.items():
        v = v.detach().numpy().astype(np.float32)
        if not name.startswith("blocks."):
            out[prefix + SPEC[name]] = v.reshape(c) if name.endswith("_token") else v
            continue
        _, l, rest = name.split(".", 2)
        path = f"{prefix}block[{l}]."
        if rest == "attn.qkv.weight":
            for i, part in enumerate("qkv"):
                out[f"{path}attend.{part}"] = v[i * c:(i + 1) * c].reshape(h, d, c)
        elif rest in ("attn.q_bias", "attn.v_bias"):
            out[path + SPEC_BLOCK[rest]] = v.reshape(h, d)
        elif rest == "attn.proj.weight":
            out[path + SPEC_BLOCK[rest]] = v.reshape(c, h, d)
        else:
            out[path + SPEC_BLOCK[rest]] = v
    return {k: np.ascontiguousarray(v) for k, v in out.items()}


def published(values, prefix=""):
    return {prefix + k: np.ascontiguousarray(v.detach().numpy().astype(np.float32)) for k, v in values.items()}


def used(values):
    return {k: v for k, v in values.items() if not k.startswith("teacher.") or k[8:] not in PRUNED}


def drawn(rng, s, scale):
    """Weights at which every part of the model matters; each is an f32 number. scale: of what enters the residual."""
    out = {}
    for name, shape in shapes(s):
        v = rng.normal(0, 0.25 if len(shape) == 2 else 0.1, shape)
        if "norm" in name and name.endswith(".weight"):
            v += 1
        if "gamma" in name:
            v += 0.4
        if "gamma" in name or "patch_embed" in name or name == "cls_token":
            v *= scale
        out[name] = torch.from_numpy(v.astype(np.float32).astype(np.float64))
    return out


def masks(rng, batch, cells, most):
    m = np.zeros((batch, cells), bool)
    for b in range(batch):
        m[b, rng.permutation(cells)[: rng.integers(2, most + 1)]] = True
    m[0] = False
    m[0, rng.permutation(cells)[:most]] = True  # as many as there may be
    return m


def record():
    s = Sizes(gy=6, gx=5, patch=4, width=21, heads=3, blocks=3, top=2)
    steps, batch, most, clip = 5, 5, 14, 0.8
    rng = np.random.default_rng(20220404)
    student, teacher = drawn(rng, s, 1), drawn(rng, s, 0.1)
    image = rng.normal(0, 1, (steps, batch, 3, s.gy * s.patch, s.gx * s.patch)).astype(np.float32)
    m = np.stack([masks(rng, batch, s.gy * s.gx, most) for _ in range(steps)])
    m[2, 3] = False  # an image without a mask
    t = Training(s, student, teacher, clip, decay=0.05, tau=0.99)
    printed, out = [], {}
    for k in range(steps):
        row, gradient = t.step(torch.from_numpy(image[k].astype(np.float64)), torch.from_numpy(m[k]),
                               rate(k, 3, 20, 2e-3, 1e-5))
        printed.append(row)
        print(k, row)
        if k == 0:
            out.update(by_spec(s, gradient, "grad."))
    for name in printed[0]:
        out[name] = np.array([row[name] for row in printed], np.float32)
    out.update(by_spec(s, t.student))
    out.update(by_spec(s, t.teacher, "teacher."))
    out.update(by_spec(s, t.moments("exp_avg"), "moment1."))
    out.update(by_spec(s, t.moments("exp_avg_sq"), "moment2."))
    out.update(published(t.student))
    init = {**by_spec(s, student), **by_spec(s, teacher, "teacher.")}
    folder = os.path.join(HERE, "data")
    os.makedirs(folder, exist_ok=True)
    save_file(used(init), os.path.join(folder, "vit_init.safetensors"))
    save_file({**published(student), **published(teacher, "teacher/")}, os.path.join(folder, "vit_init_beit.safetensors"))
    save_file({"image": image, "m": m}, os.path.join(folder, "vit_feed.safetensors"))
    save_file(used(out), os.path.join(folder, "vit_steps.safetensors"))


# ---- the appendix --------------------------------------------------------------------------------------------------


def check():
    """The values of the appendix: is the model above the published one?"""
    s = Sizes(gy=2, gx=2, patch=16, width=8, heads=2, blocks=3, top=2)

    def weights(phase):
        out = {}
        for t, (name, shape) in enumerate(shapes(s)):
            v = 0.2 * np.sin(0.7 * np.arange(math.prod(shape)) + 1.3 * t + phase)
            out[name] = torch.from_numpy(v + (1 if "norm" in name and name.endswith(".weight") else 0)).reshape(shape)
        return out

    t = Training(s, weights(0), weights(0.5), clip=0.05, decay=0.05, tau=0.9998)
    image = torch.sin(0.01 * torch.arange(2 * 3 * 32 * 32, dtype=torch.float64)).reshape(2, 3, 32, 32)
    mask = torch.tensor([[0, 1, 1, 0], [1, 1, 0, 1]], dtype=torch.bool)
    printed, gradient = t.step(image, mask, 1e-2)
    print("loss", printed["loss"], "(0.276137)   norm", printed["grad_norm"], "(0.530169)")
    print("mask_token", gradient["mask_token"].flatten().numpy(), "(0.036015 -0.037443 ..)")
    print("cls_token", t.student["cls_token"].detach().flatten()[:4].numpy(), "(0.009998 0.118851 0.187094 0.162644)")
    print("teacher", t.teacher["mask_token"].flatten()[:4].numpy(), "(0.19476710 0.11970884 -0.01165341 -0.13753393)")
    worst = max(abs(printed["loss"] - 0.276137), abs(printed["grad_norm"] - 0.530169),
                abs(gradient["mask_token"].flatten()[0].item() - 0.036015),
                abs(t.teacher["mask_token"].flatten()[3].item() + 0.13753393))
    return 0 if worst < 1e-6 else 1


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["check"]):
        sys.exit(__doc__)
    sys.exit(check() if sys.argv[1:] else record())
